# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the configurations of a repository, or one file, without changing anything."""

from __future__ import annotations

import json
import os

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config.findings import ConfigError
from ansible_collections.inference.triton.plugins.module_utils._repository.discovery import RepositoryError
from ansible_collections.inference.triton.plugins.module_utils._repository.files import FileError
from ansible_collections.inference.triton.plugins.module_utils._repository.inspection import (
    describe_file,
    describe_repository,
)


def test_a_model_is_described(repository):
    path = repository.model("m", b"instance_group { count: 2 kind: 1 }\n", ("2", "1"), ("model.onnx",))
    (described,) = describe_repository(repository.path, [])
    assert described == {
        "repository": repository.path,
        "model": "m",
        "config_name": None,
        "file": path,
        "backend": "onnxruntime",
        "platform": "onnxruntime_onnx",
        "versions": ["1", "2"],
        "config": {"instance_group": [{"count": 2, "kind": "KIND_GPU"}]},
        "findings": [],
    }


def test_every_configuration_of_every_model_is_described(repository):
    repository.model("b")
    repository.model("a", None, files=("model.py",))
    repository.variant("a", "h100", b"max_batch_size: 1\n")
    described = describe_repository(repository.path, [])
    assert [(item["model"], item["config_name"], item["file"], item["backend"]) for item in described] == [
        ("a", None, None, "python"),
        ("a", "h100", repository.config("a", "h100"), "python"),
        ("b", None, repository.config("b"), "python"),
    ]


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        ([], ["bert", "resnet18", "resnet50"]),
        (["bert"], ["bert"]),
        (["resnet*"], ["resnet18", "resnet50"]),
        (["*50", "bert"], ["bert", "resnet50"]),
        (["RESNET*"], []),
        (["none"], []),
    ],
)
def test_patterns_choose_models_by_name(repository, patterns, names):
    for name in ("resnet50", "resnet18", "bert"):
        repository.model(name)
    assert [item["model"] for item in describe_repository(repository.path, patterns)] == names


def test_what_does_not_parse_is_a_finding_beside_what_can_be_read_all_the_same(repository):
    path = repository.model("m", b'name: "m"\nmax_batch_size 8\n')
    (described,) = describe_repository(repository.path, [])
    (finding,) = described["findings"]
    assert (finding["file"], finding["rule"], finding["line"], finding["column"]) == (path, "missing-colon", 2, 16)
    assert described["config"] == {"name": "m", "max_batch_size": 8}


def test_what_does_not_fit_is_a_finding_beside_the_rest_of_the_data(repository):
    repository.model("m", b'name: "m"\nkind: KIND_GPU\nmax_batch_size: "8"\n')
    (described,) = describe_repository(repository.path, [])
    assert [(finding["rule"], finding["line"]) for finding in described["findings"]] == [
        ("unknown-field", 2),
        ("wrong-type", 3),
    ]
    assert described["config"] == {"name": "m"}


@pytest.mark.parametrize("what", ["directory", "dangling link", "10 MB", "closed"])
def test_what_cannot_be_read_is_a_finding(open_path, make_repository, ordinary, what):
    repository = make_repository("models", open_path)
    path = repository.model("m", b"")
    os.unlink(path)
    if what == "directory":
        os.mkdir(path)
    elif what == "dangling link":
        os.symlink("nowhere", path)
    else:
        with open(path, "wb") as file:
            file.truncate(10_000_000 if what == "10 MB" else 0)
        os.chmod(path, 0o444 if what == "10 MB" else 0)
    repository.model("other")
    first, second = ordinary(lambda: describe_repository(repository.path, []))
    (finding,) = first["findings"]
    assert (finding["rule"], finding["line"], finding["file"]) == ("unreadable", None, path)
    assert second["findings"] == []


@pytest.mark.parametrize("version", ["dangling link", "closed"])
def test_a_version_that_cannot_be_read_does_not_hide_the_other_models(open_path, make_repository, ordinary, version):
    repository = make_repository("models", open_path)
    repository.model("other")
    path = os.path.dirname(repository.model("m", b"max_batch_size: 1\n", ()))
    if version == "closed":
        os.mkdir(os.path.join(path, "1"), 0)
    else:
        os.symlink("nowhere", os.path.join(path, "1"))
    described = ordinary(lambda: describe_repository(repository.path, []))
    assert [item["model"] for item in described] == ["m", "other"]


def test_a_repository_that_does_not_exist(tmp_path):
    with pytest.raises(RepositoryError, match="there is no such directory"):
        describe_repository(str(tmp_path / "none"), [])


def test_a_relative_repository_gives_absolute_paths(repository, monkeypatch):
    path = repository.model("m")
    monkeypatch.chdir(os.path.dirname(repository.path))
    (described,) = describe_repository(os.path.basename(repository.path), [])
    assert (described["repository"], described["file"]) == (repository.path, path)


def test_what_is_described_can_be_printed(repository):
    repository.model("m", b'name: "\xff" parameters { key: "\xe9" value { string_value: "\xe9" } }')
    os.makedirs(os.fsencode(repository.path) + b"/\xff/1")
    json.dumps(describe_repository(repository.path, []), ensure_ascii=False).encode("utf-8")


# One file


def test_a_file_in_a_repository_is_described_like_its_model(repository):
    path = repository.model("m", b"", files=("model.py",))
    assert describe_file(path) == describe_repository(repository.path, [])[0]


def test_a_variant_is_described_with_its_name(repository):
    repository.model("m")
    path = repository.variant("m", "h100.big", b"")
    assert describe_file(path) == describe_repository(repository.path, [])[1]
    assert describe_file(path)["config_name"] == "h100.big"


def test_a_file_anywhere_is_described(tmp_path):
    path = tmp_path / "proposal.txt"
    path.write_text('backend: "python"')
    described = describe_file(str(path))
    assert (described["file"], described["backend"], described["config"]) == (
        str(path),
        "python",
        {"backend": "python"},
    )


def test_a_file_that_does_not_exist_is_an_error(repository):
    with pytest.raises(FileError, match=r"there is no such file\. Correct the path"):
        describe_file(repository.config("m"))


def test_a_directory_is_an_error(repository):
    repository.model("m")
    with pytest.raises(FileError, match="is a directory"):
        describe_file(os.path.join(repository.path, "m"))


def test_a_file_that_does_not_parse_is_described_with_its_finding(repository):
    described = describe_file(repository.model("m", b"\0"))
    assert [finding["rule"] for finding in described["findings"]] == ["nul-byte"]


def found(described):
    return [(finding["rule"], finding["severity"], finding["line"]) for finding in described["findings"]]


def test_what_the_server_would_refuse_is_found_too_in_the_order_of_the_places(repository):
    repository.model("m", b'max_batch_size: -1\nname: "n"\n')
    (described,) = describe_repository(repository.path, [])
    assert found(described) == [("max-batch-size", "error", 1), ("directory-name", "error", 2)]


def test_a_model_that_is_listed_has_its_name_also_without_a_version(repository):
    path = repository.model("m", b'name: "n"\n', versions=())
    assert found(describe_repository(repository.path, [])[0]) == [("directory-name", "error", 1)]
    assert found(describe_file(path)) == [], "as a draft it may have any name"


def test_what_lies_beside_a_configuration_is_found_once(repository):
    home = os.path.dirname(repository.model("m"))
    repository.variant("m", "h100", b"")
    os.mkdir(os.path.join(home, "config"))
    main, variant = describe_repository(repository.path, [])
    assert (found(main), found(variant)) == ([("config-prefix", "warning", None)], [])


def test_what_does_not_fit_is_told_before_what_it_would_mean(repository):
    repository.model("m", b"max_batch_size: -1\nfoo: 1\n")
    assert found(describe_repository(repository.path, [])[0]) == [("unknown-field", "error", 2)]


def test_what_is_newer_than_a_release_is_found_where_one_is_given(repository):
    path = repository.model("m", b"model_metrics { }\nfoo: 1\n")
    newer = [("newer-than-release", "error", 1), ("unknown-field", "error", 2)]
    assert found(describe_file(path, "24.10")) == newer
    assert found(describe_repository(repository.path, [], "24.10")[0]) == newer
    assert found(describe_file(path, "24.11")) == newer[1:]


@pytest.mark.parametrize(
    "describe", [lambda path: describe_file(path, "24.8"), lambda path: describe_repository(path, [], "24.8")]
)
def test_a_release_that_is_none_is_an_error(repository, describe):
    with pytest.raises(ConfigError, match=r"'24\.8' is not a release of Triton\. Write '24\.08', in quotes\."):
        describe(repository.path)
