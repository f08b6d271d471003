# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kinds of instance a backend cannot run."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config.backend_kinds import (
    ModelFacts,
    refusal,
    refused_kind,
)

MULTI_DEVICE = {"parameters": {"enable_multi_device": {"string_value": "true"}}}
GPU_ACCELERATOR = {"optimization": {"execution_accelerators": {"gpu_execution_accelerator": [{"name": "tensorrt"}]}}}
CPU_ACCELERATOR = {"optimization": {"execution_accelerators": {"cpu_execution_accelerator": [{"name": "openvino"}]}}}
MODEL_GROUP = {"instance_group": [{"kind": "KIND_MODEL"}]}
GPU_GROUP = {"instance_group": [{"kind": "KIND_GPU"}]}

RUNS = [
    ("tensorrt", "KIND_GPU", {}, None),
    ("tensorrt", "KIND_GPU", {"parameters": {"enable_multi_device": {"string_value": "False"}}}, None),
    ("tensorrt", "KIND_MODEL", MULTI_DEVICE, None),
    ("onnxruntime", "KIND_GPU", {}, None),
    ("onnxruntime", "KIND_CPU", {}, None),
    ("pytorch", "KIND_GPU", {}, None),
    ("pytorch", "KIND_CPU", {}, None),
    ("pytorch", "KIND_MODEL", {}, None),
    ("python", "KIND_GPU", {}, None),
    ("python", "KIND_CPU", {}, None),
    ("python", "KIND_MODEL", {}, None),
    ("openvino", "KIND_CPU", {}, None),
    ("vllm", "KIND_GPU", {}, 1),
    ("vllm", "KIND_GPU", {}, None),
    ("vllm", "KIND_GPU", MODEL_GROUP, 1),
    ("vllm", "KIND_MODEL", {}, 4),
    ("tensorrtllm", "KIND_CPU", {}, None),
    ("dali", "KIND_GPU", {}, None),
    ("dali", "KIND_CPU", {}, None),
    ("fil", "KIND_GPU", {}, None),
    ("fil", "KIND_CPU", {}, None),
    ("tensorflow", "KIND_GPU", {}, None),
    ("tensorflow", "KIND_GPU", GPU_ACCELERATOR, None),
    ("tensorflow", "KIND_CPU", {}, None),
    ("tensorflow", "KIND_CPU", CPU_ACCELERATOR, None),
    ("tensorflow", "KIND_MODEL", {}, None),
    ("identity", "KIND_GPU", {}, None),
    ("my_own", "KIND_MODEL", {}, None),
    ("", "KIND_GPU", {}, None),
]

REFUSES = [
    ("tensorrt", "KIND_CPU", {}, None, "supports only GPU devices"),
    ("tensorrt", "KIND_CPU", MULTI_DEVICE, None, "supports only GPU devices"),
    ("tensorrt", "KIND_MODEL", {}, None, "only with the parameter enable_multi_device"),
    ("tensorrt", "KIND_GPU", MULTI_DEVICE, None, "enable_multi_device requires KIND_MODEL"),
    ("openvino", "KIND_GPU", {}, None, "TARGET_DEVICE"),
    ("openvino", "KIND_MODEL", {}, None, "supports only KIND_CPU"),
    ("tensorrtllm", "KIND_GPU", {}, None, "gpu_device_ids"),
    ("tensorrtllm", "KIND_MODEL", {}, None, "gpu_device_ids"),
    ("vllm", "KIND_GPU", {}, 2, "needs KIND_MODEL"),
    ("vllm", "KIND_GPU", GPU_GROUP, 2, "needs KIND_MODEL"),
    ("vllm", "KIND_GPU", MODEL_GROUP, None, "needs KIND_MODEL"),
    ("onnxruntime", "KIND_MODEL", {}, None, "on the CPU without a word"),
    ("tensorflow", "KIND_CPU", GPU_ACCELERATOR, None, "gpu_execution_accelerator"),
]


def name(value):
    if isinstance(value, dict):
        return next(iter(value), "plain")
    return None if isinstance(value, str) and " " in value else str(value)


@pytest.mark.parametrize(("backend", "kind", "config", "world_size"), RUNS, ids=name)
def test_a_backend_runs_a_kind(backend, kind, config, world_size):
    assert refusal(backend, {"kind": kind, "count": 2}, ModelFacts(config, world_size)) is None


@pytest.mark.parametrize(("backend", "kind", "config", "world_size", "reason"), REFUSES, ids=name)
def test_a_backend_refuses_a_kind_and_the_reason_says_why(backend, kind, config, world_size, reason):
    refused = refusal(backend, {"kind": kind}, ModelFacts(config, world_size))
    assert refused.startswith(f"{kind}, but ")
    assert reason in refused


@pytest.mark.parametrize("backend", ["python", "onnxruntime", "openvino", "my_own", ""])
def test_only_tensorrt_has_profiles(backend):
    group = {"kind": "KIND_CPU", "profile": ["1"]}
    assert "only TensorRT models have profiles" in refusal(backend, group, ModelFacts({}))


def test_tensorrt_has_profiles():
    assert refusal("tensorrt", {"kind": "KIND_GPU", "profile": ["1"]}, ModelFacts({})) is None


def test_a_refused_kind_says_what_to_take_instead_and_whether_the_model_is_not_loaded():
    row = refused_kind("openvino", "KIND_GPU", ModelFacts({}))
    assert (row.instead, row.is_fatal) == ("KIND_CPU", True)
    assert str(row).endswith("TARGET_DEVICE): Triton would not load the model")


def test_a_refused_kind_may_run_all_the_same():
    row = refused_kind("onnxruntime", "KIND_MODEL", ModelFacts({}))
    assert (row.instead, row.is_fatal) == ("KIND_GPU or KIND_CPU", False)
    assert "would not load" not in str(row)
