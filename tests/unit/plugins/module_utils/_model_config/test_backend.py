# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backend Triton takes a model for (triton core: src/model_config_utils.cc, AutoCompleteBackendFields)."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config.backend import Backend, derive, is_ensemble


@pytest.mark.parametrize(
    ("file", "backend", "platform"),
    [
        ("model.savedmodel", "tensorflow", "tensorflow_savedmodel"),
        ("model.graphdef", "tensorflow", "tensorflow_graphdef"),
        ("model.plan", "tensorrt", "tensorrt_plan"),
        ("model.onnx", "onnxruntime", "onnxruntime_onnx"),
        ("model.xml", "openvino", ""),
        ("model.pt", "pytorch", "pytorch_libtorch"),
        ("model.pt2", "pytorch", "torch_aoti"),
        ("model.py", "python", ""),
    ],
)
def test_a_file_in_the_version_directory_tells_the_backend(file, backend, platform):
    assert derive({}, "m", ["labels.txt", file]) == Backend(backend, platform)


@pytest.mark.parametrize(
    ("platform", "backend"),
    [
        ("tensorflow_savedmodel", "tensorflow"),
        ("tensorflow_graphdef", "tensorflow"),
        ("tensorrt_plan", "tensorrt"),
        ("onnxruntime_onnx", "onnxruntime"),
        ("pytorch_libtorch", "pytorch"),
        ("libtorch", "pytorch"),
        ("torch_aoti", "pytorch"),
    ],
)
def test_a_platform_tells_the_backend_whatever_the_files(platform, backend):
    assert derive({"platform": platform}, "m", ["model.py"]) == Backend(backend, platform)


@pytest.mark.parametrize(
    ("backend", "platform"),
    [
        ("tensorrt", "tensorrt_plan"),
        ("onnxruntime", "onnxruntime_onnx"),
        ("openvino", ""),
        ("pytorch", "pytorch_libtorch"),
        ("python", ""),
        ("vllm", ""),
        ("dali", ""),
        ("my_own", ""),
    ],
)
@pytest.mark.parametrize("files", [(), ("weights.bin",), ("model.py", "model.pt2")], ids=["no file", "other", "files"])
def test_a_backend_stands_and_tells_the_platform_without_a_look_at_files(backend, platform, files):
    assert derive({"backend": backend}, "m", files) == Backend(backend, platform)


@pytest.mark.parametrize(
    ("files", "platform"),
    [
        (["model.savedmodel"], "tensorflow_savedmodel"),
        (["model.graphdef"], "tensorflow_graphdef"),
        (["model.graphdef", "model.savedmodel"], "tensorflow_graphdef"),
        (["other.pb"], ""),
    ],
)
def test_for_tensorflow_the_files_tell_the_platform(files, platform):
    assert derive({"backend": "tensorflow"}, "m", files) == Backend("tensorflow", platform)


@pytest.mark.parametrize(
    ("filename", "backend", "platform"),
    [
        ("model.savedmodel", "tensorflow", "tensorflow_savedmodel"),
        ("model.graphdef", "tensorflow", "tensorflow_graphdef"),
        ("model.plan", "tensorrt", "tensorrt_plan"),
        ("model.onnx", "onnxruntime", "onnxruntime_onnx"),
        ("model.xml", "openvino", ""),
        ("model.pt", "pytorch", "pytorch_libtorch"),
        ("model.py", "python", ""),
    ],
)
def test_default_model_filename_tells_the_backend_like_the_file_itself(filename, backend, platform):
    assert derive({"default_model_filename": filename}, "m", []) == Backend(backend, platform)


@pytest.mark.parametrize("name", ["m", "m.dali"])
def test_any_other_default_model_filename_leaves_the_backend_open(name):
    """Triton then looks at no file and no name, and refuses the model."""
    assert derive({"default_model_filename": "encoder.onnx"}, name, ["model.py"]) == Backend("", "")


@pytest.mark.parametrize(
    ("files", "backend"),
    [
        (["model.py", "model.onnx"], "onnxruntime"),
        (["model.py", "model.pt"], "pytorch"),
        (["model.pt", "model.xml"], "openvino"),
        (["model.xml", "model.onnx"], "onnxruntime"),
        (["model.onnx", "model.plan"], "tensorrt"),
        (["model.plan", "model.savedmodel"], "tensorflow"),
    ],
    ids=" and ".join,
)
def test_of_several_files_the_first_in_tritons_order_counts(files, backend):
    assert derive({}, "m", files).backend == backend


@pytest.mark.parametrize(
    ("name", "backend"),
    [("resize.dali", "dali"), ("a.b.c", "b.c"), (".git", "git"), ("plain", ""), ("dot.", "")],
)
def test_the_name_of_a_model_tells_a_custom_backend(name, backend):
    assert derive({}, name, []) == Backend(backend, "")


@pytest.mark.parametrize(
    ("config", "files"),
    [({"backend": "identity"}, []), ({"platform": "tensorrt_plan"}, []), ({}, ["model.onnx"])],
    ids=["backend", "platform", "file"],
)
def test_the_name_tells_nothing_where_anything_else_does(config, files):
    assert derive(config, "resize.dali", files).backend != "dali"


def test_an_unknown_platform_tells_nothing():
    assert derive({"platform": "quantum"}, "m.dali", ["model.py"]) == Backend("", "quantum")


def test_an_unknown_platform_leaves_the_backend_to_default_model_filename():
    config = {"platform": "quantum", "default_model_filename": "model.plan"}
    assert derive(config, "m", []) == Backend("tensorrt", "quantum")


def test_a_pair_of_backend_and_platform_is_returned_as_it_is_given():
    assert derive({"backend": "my_own", "platform": "tensorrt_plan"}, "m", []) == Backend("my_own", "tensorrt_plan")


@pytest.mark.parametrize(
    "config",
    [
        {"platform": "ensemble"},
        {"ensemble_scheduling": {}},
        {"platform": "ensemble", "ensemble_scheduling": {"step": []}},
    ],
    ids=["platform", "scheduling", "both"],
)
def test_an_ensemble_has_no_backend(config):
    assert is_ensemble(config)
    assert derive(config, "m.dali", ["model.py"]) == Backend("", "ensemble")


@pytest.mark.parametrize("config", [{}, {"platform": "tensorrt_plan"}, {"dynamic_batching": {}}])
def test_everything_else_is_no_ensemble(config):
    assert not is_ensemble(config)
