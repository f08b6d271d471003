# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rules for a configuration have to know of the model's directory."""

from __future__ import annotations

import os

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config.backend import Backend
from ansible_collections.inference.triton.plugins.module_utils._model_config.semantic_rule import ModelContext
from ansible_collections.inference.triton.plugins.module_utils._repository.discovery import model_directory
from ansible_collections.inference.triton.plugins.module_utils._repository.model_context import (
    file_context,
    model_context,
)

DRAFT = ModelContext(None, Backend("", ""))


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def test_a_model_has_its_name_its_backend_and_what_lies_in_it(repository):
    repository.model("m", files=("model.onnx",))
    context = model_context(model_directory(repository.path, "m"), None, {})
    assert (context.directory, context.backend, context.world_size) == (
        "m",
        Backend("onnxruntime", "onnxruntime_onnx"),
        None,
    )
    assert sorted(context.entries) == ["1", "config.pbtxt"]


def test_what_lies_in_a_model_is_told_with_its_main_file_only(repository):
    repository.model("m")
    assert model_context(model_directory(repository.path, "m"), "h100", {}).entries == ()


@pytest.mark.parametrize(("backend", "world_size"), [("vllm", 8), ("python", None)])
def test_a_vllm_model_says_how_many_gpus_it_spans(repository, backend, world_size):
    home = os.path.dirname(repository.model("m"))
    write(os.path.join(home, "1", "model.json"), '{"tensor_parallel_size": 4, "pipeline_parallel_size": 2}')
    assert model_context(model_directory(repository.path, "m"), None, {"backend": backend}).world_size == world_size


def test_the_file_of_a_model_has_the_context_of_the_model(repository):
    path = repository.model("m", files=("model.py",))
    assert file_context(path, {}) == model_context(model_directory(repository.path, "m"), None, {})


def test_a_variant_that_is_still_to_be_written_has_the_context_of_its_model(repository):
    repository.model("m", files=("model.py",))
    context = file_context(repository.config("m", "h100"), {})
    assert (context.directory, context.backend.backend, context.entries) == ("m", "python", ())


@pytest.mark.parametrize("name", ["draft.pbtxt", "config.pbtxt.new"])
def test_a_file_of_another_name_is_a_draft(repository, name):
    home = os.path.dirname(repository.model("some.onnx", files=("model.py",)))
    assert file_context(os.path.join(home, name), {}) == DRAFT


def test_a_file_beside_no_version_is_a_draft(repository):
    assert file_context(repository.model("some.onnx", versions=()), {}) == DRAFT


def test_a_draft_has_the_backend_that_it_names(repository):
    path = repository.model("m", versions=())
    assert file_context(path, {"platform": "tensorrt_plan"}).backend == Backend("tensorrt", "tensorrt_plan")


def test_a_directory_that_cannot_be_read_tells_nothing(open_path, make_repository, ordinary, as_root):
    path = make_repository("models", open_path).model("m", files=("model.py",))
    os.chmod(os.path.join(os.path.dirname(path), "1"), 0)
    assert ordinary(lambda: file_context(path, {})) == DRAFT
