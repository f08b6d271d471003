# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole repositories as one server would find them."""

from __future__ import annotations

import os

import pytest
from ansible_collections.inference.triton.plugins.module_utils._placement.server import server_view
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import VisibleGpus
from ansible_collections.inference.triton.plugins.module_utils._repository.discovery import RepositoryError
from ansible_collections.inference.triton.plugins.module_utils._repository.survey import survey

NO_GPU = server_view(VisibleGpus(()), "24.10")

ENSEMBLE = b"""platform: "ensemble" input { name: "I" } output { name: "O" }
ensemble_scheduling { step { model_name: "step" model_version: -1
  input_map { key: "I" value: "I" } output_map { key: "O" value: "O" } } }
"""


def predictions(*repositories, server=NO_GPU):
    return [(item.model.name, item.prediction) for item in survey([item.path for item in repositories], server).models]


def result(repository, patterns=(), server=NO_GPU):
    return survey([repository.path], server).as_result(patterns)


def test_every_model_has_one_entry_with_the_file_that_the_server_reads(repository):
    repository.model("m", b'backend: "python" instance_group { kind: KIND_CPU }')
    repository.variant("m", "a100", b'backend: "python" instance_group { kind: KIND_GPU }')
    repository.model("n", b'backend: "python"')
    for config_name, file, loads in ((None, None, True), ("a100", "a100", False), ("h100", None, True)):
        m, n = result(repository, server=NO_GPU._replace(config_name=config_name))["models"]
        assert (m["file"], m["config_name"]) == (repository.config("m", file), file)
        assert m["prediction"]["loads"] == loads
        assert n["file"] == repository.config("n")
        assert m["files"] == [repository.config("m"), repository.config("m", "a100")]


def test_a_model_without_a_file_is_predicted_too(repository):
    repository.model("m", None, files=("model.py",))
    (m,) = result(repository)["models"]
    assert (m["file"], m["files"], m["backend"]) == (None, [], "python")
    assert m["prediction"]["silent_cpu"]


def test_a_step_takes_its_ensemble_along_also_from_another_repository(make_repository):
    one, two = make_repository("one"), make_repository("two")
    one.model("pipeline", ENSEMBLE)
    two.model("step", b'backend: "python" instance_group { kind: KIND_GPU }')
    (_first, pipeline), (_second, step) = predictions(one, two)
    assert not step.loads
    assert pipeline.error.startswith(
        "Invalid argument: ensemble 'pipeline' depends on 'step' which has no loaded version"
    )


def test_a_model_in_two_repositories_is_not_loaded_from_either(make_repository):
    one, two = make_repository("one"), make_repository("two")
    for repository in (one, two):
        repository.model("step", b'backend: "python"')
    one.model("pipeline", ENSEMBLE)
    found = predictions(one, two)
    assert [name for name, _prediction in found] == ["pipeline", "step", "step"]
    assert [prediction.loads for _name, prediction in found] == [False] * 3
    assert found[0][1].error.endswith("not available or ambiguous: step")
    assert found[1][1].error == "model appears in two or more repositories"


def test_a_repository_that_is_given_twice_is_one(repository):
    repository.model("m")
    assert len(survey([repository.path, repository.path + "/"], NO_GPU).models) == 1


@pytest.mark.parametrize(
    ("text", "rule"), [(b"name: }\n", "missing-value"), (b'backend: "python"\nfoo: 1\n', "unknown-field")]
)
def test_what_does_not_parse_is_refused_and_has_findings(repository, text, rule):
    path = repository.model("m", text)
    (m,) = result(repository)["models"]
    assert m["prediction"]["error"] == f"failed to read text proto from {path}"
    assert m["findings"][0]["rule"] == rule


def test_what_cannot_be_read_is_not_known(repository):
    os.mkdir(repository.model("m", None))
    found = result(repository)
    assert found["models"][0]["prediction"]["loads"] is None
    assert found["models"][0]["findings"][0]["rule"] == "unreadable"
    assert (found["counts"]["unknown"], found["will_not_load"]) == (1, [])


@pytest.mark.parametrize(("name", "text"), [("llm", b'backend: "vllm"'), ("llm.vllm", b"max_batch_size: 0")])
def test_how_many_gpus_a_vllm_model_spans_is_read_from_its_own_file(repository, name, text):
    repository.model(name, text)
    with open(os.path.join(repository.path, name, "1", "model.json"), "w") as file:
        file.write('{"tensor_parallel_size": 2}')
    ((_name, prediction),) = predictions(repository)
    assert "kind: KIND_MODEL" in prediction.cure


def test_models_are_counted_and_named(repository):
    repository.model("cpu", b'backend: "python" instance_group { kind: KIND_CPU count: 2 }')
    repository.model("gpu", b'backend: "python" instance_group { kind: KIND_GPU }')
    repository.model("none", b'backend: "python"')
    repository.model("auto", b'backend: "openvino" instance_group { kind: KIND_AUTO }')
    found = result(repository)
    assert found["counts"] == {
        "models": 4,
        "loads": 3,
        "will_not_load": 1,
        "unknown": 0,
        "silent_cpu": 1,
        "implicit": 2,
        "instances": 4,
    }
    assert (found["silent_cpu"], found["will_not_load"]) == (["none"], ["gpu"])


def test_patterns_choose_what_is_returned_and_not_what_is_looked_at(repository):
    repository.model("pipeline", ENSEMBLE)
    repository.model("step", b'backend: "python"')
    found = result(repository, ["pipe*"])
    assert [(item["model"], item["prediction"]["loads"]) for item in found["models"]] == [("pipeline", True)]
    assert found["counts"]["models"] == 1


def test_what_is_no_model_is_returned_and_warned_of_where_it_harms(repository):
    os.mkdir(os.path.join(repository.path, ".git"))
    os.symlink("nowhere", os.path.join(repository.path, "dangling"))
    found = survey([repository.path], NO_GPU)
    assert [os.path.basename(item["path"]) for item in found.as_result([])["ignored"]] == [".git", "dangling"]
    (dangling, empty) = found.warnings()
    assert dangling.startswith(os.path.join(repository.path, "dangling") + ": the link leads nowhere")
    assert empty == f"{repository.path}: there is no model in here. Is this the model repository?"


def test_a_survey_of_nothing_is_an_error():
    with pytest.raises(RepositoryError, match="the list is empty"):
        survey([], NO_GPU)


def test_a_pattern_that_fits_no_model_is_a_warning(repository):
    repository.model("ranker", b'backend: "python"')
    found = survey([repository.path], NO_GPU)
    assert found.warnings(["rank*"]) == found.warnings()
    assert set(found.warnings(["ranke"])) - set(found.warnings()) == {"models: no model fits 'ranke'."}


@pytest.mark.parametrize(("backend", "noted"), [("vllm", "vLLM"), ("tensorrtllm", "TensorRT-LLM"), ("python", "")])
def test_what_needs_a_gpu_whatever_its_kind_has_a_note_where_there_is_none(repository, backend, noted):
    repository.model("m", b'backend: "%s" instance_group { kind: KIND_CPU }' % backend.encode())
    ((_name, prediction),) = predictions(repository)
    assert prediction.loads
    assert any(f"but {noted} needs a GPU" in note for note in prediction.notes) is bool(noted)
