# SPDX-License-Identifier: GPL-3.0-or-later
"""The one file of each model that a server reads."""

from __future__ import annotations

import os

import pytest
from ansible_collections.inference.triton.plugins.module_utils._repository.discovery import RepositoryError
from ansible_collections.inference.triton.plugins.module_utils._repository.served_configs import served_configs


@pytest.fixture
def models(repository):
    repository.model("a")
    repository.variant("a", "h100", b'backend: "onnxruntime"\n')
    repository.model("b[1]")
    repository.model("b1", None)
    return repository


@pytest.mark.parametrize(
    ("config_name", "file"), [(None, "config.pbtxt"), ("h100", "h100.pbtxt"), ("x", "config.pbtxt")]
)
def test_the_file_that_is_read(models, config_name, file):
    assert os.path.basename(served_configs([models.path], config_name)["a"]["file"]) == file


def test_a_model_without_a_file(models):
    assert served_configs([models.path], None)["b1"]["file"] is None


def test_a_name_is_no_pattern(models):
    assert list(served_configs([models.path], None, ["b[1]", "gone"])) == ["b[1]"]


def test_no_name_is_no_model(models):
    assert served_configs([models.path], None, []) == {}


def test_the_first_repository_that_has_a_model_counts(models, make_repository):
    other = make_repository("other")
    other.model("a", b'backend: "tensorrt"\n')
    other.variant("a", "h100", b'backend: "tensorrt"\n')
    other.model("c")
    found = served_configs([models.path, other.path], "h100")
    assert found["a"]["backend"] == "onnxruntime"
    assert found["c"]["repository"] == other.path


def test_a_repository_that_cannot_be_read(models):
    with pytest.raises(RepositoryError):
        served_configs([models.path, "/does/not/exist"], None)
