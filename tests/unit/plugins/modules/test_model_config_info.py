# SPDX-License-Identifier: GPL-3.0-or-later
"""The module model_config_info from its arguments to its result."""

from __future__ import annotations

import os

import pytest
from ansible_collections.inference.triton.plugins.modules import model_config_info


@pytest.fixture
def models(repository):
    repository.model("ranker", b"max_batch_size: 8\ninstance_group [ { count: 2 } ]\n", files=("model.onnx",))
    repository.variant("ranker", "h100", b"max_batch_size: 64\n")
    repository.model("bare", None, files=("model.py",))
    repository.model("pipeline", b'platform: "ensemble"\nensemble_scheduling { }\n')
    repository.model("wrong", b'backend: "python"\nfoo: 1\n')
    repository.model("broken", b"name: }\n")
    return repository


@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
def test_a_repository_is_read_and_left_as_it_was(run, documented, models, snapshot, check):
    was = snapshot(models.path)
    result = run(model_config_info, check=check, repository=models.path)
    assert not result["changed"]
    assert [(item["model"], item["config_name"], item["backend"], item["platform"]) for item in result["models"]] == [
        ("bare", None, "python", ""),
        ("broken", None, "", ""),
        ("pipeline", None, "", "ensemble"),
        ("ranker", None, "onnxruntime", "onnxruntime_onnx"),
        ("ranker", "h100", "onnxruntime", "onnxruntime_onnx"),
        ("wrong", None, "python", ""),
    ]
    documented(model_config_info, result)
    assert snapshot(models.path) == was


def test_a_configuration_is_plain_data(run, models):
    (ranker, variant) = run(model_config_info, repository=models.path, models=["ranker"])["models"]
    assert ranker["config"] == {"max_batch_size": 8, "instance_group": [{"count": 2}]}
    assert variant["config"] == {"max_batch_size": 64}


def test_models_are_chosen_by_patterns(run, models):
    result = run(model_config_info, repository=models.path, models=["b*", "pipe????"])
    assert [item["model"] for item in result["models"]] == ["bare", "broken", "pipeline"]


def test_a_model_without_a_file_has_no_path(run, models):
    (bare,) = run(model_config_info, repository=models.path, models=["bare"])["models"]
    assert (bare["file"], bare["config"], bare["findings"], bare["versions"]) == (None, {}, [], ["1"])


def test_a_broken_file_is_a_finding_and_no_failure(run, documented, models):
    result = run(model_config_info, repository=models.path, models=["broken", "wrong"])
    broken, wrong = result["models"]
    finding = broken["findings"][0]
    assert finding["file"] == models.config("broken")
    assert (finding["rule"], finding["line"], finding["column"]) == ("missing-value", 1, 7)
    assert finding["excerpt"] == "name: }\n      ^"
    assert (wrong["findings"][0]["rule"], wrong["config"]) == ("unknown-field", {"backend": "python"})
    documented(model_config_info, result)


def test_one_file_is_read(run, documented, models):
    result = run(model_config_info, path=models.config("ranker", "h100"))
    (described,) = result["models"]
    assert (described["model"], described["config_name"]) == ("ranker", "h100")
    documented(model_config_info, result)


def test_a_relative_path(run, models, monkeypatch):
    monkeypatch.chdir(models.path)
    (described,) = run(model_config_info, path="ranker/config.pbtxt")["models"]
    assert (described["file"], described["model"]) == (models.config("ranker"), "ranker")


def make_directory(path):
    os.mkdir(path)


def make_big(path):
    with open(path, "wb") as file:
        file.truncate(10_000_000)


def make_link(path):
    os.symlink("nowhere", path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "there is no such file"),
        (make_directory, "is a directory"),
        (make_big, "has 10.0 MB"),
        (make_link, "is a link that leads nowhere"),
        (os.mkfifo, "is not a regular file"),
    ],
    ids=["missing", "directory", "10 MB", "dangling link", "pipe"],
)
def test_a_path_that_is_no_file_is_a_failure(run, repository, make, message):
    path = repository.model("m", None)
    make(path)
    result = run(model_config_info, path=path)
    assert result["failed"]
    assert result["msg"].startswith(f"{path}: {message}")


@pytest.mark.parametrize("path", ["none", "file", "\0"], ids=repr)
def test_a_repository_that_is_none_is_a_failure(run, tmp_path, path):
    (tmp_path / "file").write_text("")
    result = run(model_config_info, repository=os.path.join(str(tmp_path), path))
    assert result["failed"]
    assert ("this is a file" if path == "file" else "there is no such directory") in result["msg"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "one of the following is required: path, repository"),
        ({"path": "a", "repository": "b"}, "mutually exclusive: path|repository"),
        ({"path": "a", "models": ["x"]}, "mutually exclusive: path|models"),
    ],
    ids=["nothing", "two places", "patterns for a path"],
)
def test_options_that_do_not_go_together(run, arguments, message):
    assert message in run(model_config_info, **arguments)["msg"]


@pytest.mark.parametrize("text", [b"", b"\0\1", b"\xff\xfe"], ids=["empty", "NUL", "UTF-16"])
def test_any_bytes_at_all_give_a_result(run, documented, repository, text):
    result = run(model_config_info, path=repository.model("m", text))
    assert bool(result["models"][0]["findings"]) is bool(text)
    documented(model_config_info, result)


def test_what_the_server_would_refuse_is_a_finding_and_no_failure(run, documented, repository):
    repository.model("m", b'name: "n"\ninstance_group { gpus: 0 }\nmodel_metrics { }\n')
    result = run(model_config_info, repository=repository.path, triton_release="24.08")
    assert [(item["rule"], item["severity"], item["line"]) for item in result["models"][0]["findings"]] == [
        ("directory-name", "error", 1),
        ("implicit-gpus", "warning", 2),
        ("newer-than-release", "error", 3),
    ]
    documented(model_config_info, result)


def test_a_release_that_is_none_is_a_failure(run, repository):
    result = run(model_config_info, repository=repository.path, triton_release="2.49.0")
    assert result["msg"].startswith("triton_release: '2.49.0' is not a release of Triton.")


def test_nothing_found_is_a_warning(run, repository):
    repository.model("ranker")
    (warning,) = run(model_config_info, repository=repository.path, models=["ranke"])["warnings"]
    assert warning == f"{repository.path}: no model fits ranke in here."
    (warning,) = run(model_config_info, repository=repository.path + "/ranker/1")["warnings"]
    assert "there is no model in here" in warning
