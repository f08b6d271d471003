# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole policy through ansible-playbook, and what the real tritonserver makes of the files on a host with three GPUs.

The GPUs and the backends but Python's are stand-ins: `tests/standin_cuda` says what that proves and what it does not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.inference.triton.tests.standin_cuda.server import Host, Library, Model, build, observe, write

from .conftest import Playbook

GPUS = [
    {"name": "Tesla T4", "memory_mib": 15360, "compute_capability": "7.5"},
    {"name": "NVIDIA A100-PCIE-40GB", "memory_mib": 40960, "compute_capability": "8.0"},
    {"name": "NVIDIA A100-PCIE-40GB", "memory_mib": 40960, "compute_capability": "8.0"},
]
HOST = Host(("7.5", "8.0", "8.0"))
ALL = [0, 1, 2]

TENSORS = """\
max_batch_size: 0
input [ { name: "IN" data_type: TYPE_FP32 dims: [ 1 ] } ]
output [ { name: "OUT" data_type: TYPE_FP32 dims: [ 1 ] } ]
"""
XL = 'parameters { key: "size" value { string_value: "xl" } }\n'
ENSEMBLE = f"""\
platform: "ensemble"
{TENSORS}ensemble_scheduling {{
  step {{
    model_name: "classify"
    model_version: -1
    input_map {{ key: "IN" value: "IN" }}
    output_map {{ key: "OUT" value: "OUT" }}
  }}
}}
"""

POLICY: dict[str, Any] = {
    "rules": [
        {
            "name": "tokenizers stay on the CPU",
            "match": {"models": ["*_tokenizer", "preprocess_*"], "backends": ["python"]},
            "instance_group": [{"kind": "KIND_CPU", "count": 2}],
            "level": "exact",
        },
        {
            "name": "large models on large GPUs",
            "match": {"query": "parameters.size.string_value == 'xl'"},
            "instance_group": [{"kind": "KIND_GPU", "gpus": {"memory_gb": 40}}],
            "level": "exact",
        },
        {
            "name": "one GPU and one CPU group",
            "match": {"models": ["overflow"], "repositories": ["*/models"]},
            "instance_group": [{"kind": "KIND_GPU", "count": 2, "gpus": {"name": "*T4*"}}, {"kind": "KIND_CPU"}],
            "level": "exact",
        },
        {
            "name": "ONNX models use TensorRT",
            "match": {"backends": ["onnxruntime"]},
            "instance_group": [{"kind": "KIND_GPU"}],
            "level": "kind",
            "config": {
                "optimization": {"execution_accelerators": {"gpu_execution_accelerator": [{"name": "tensorrt"}]}}
            },
        },
        {
            "name": "somebody looks at PyTorch",
            "match": {"platforms": ["pytorch_libtorch"]},
            "instance_group": [{"kind": "KIND_GPU"}],
            "mode": "audit",
        },
    ],
    "preset": "strict_gpu",
    "waivers": [{"models": ["legacy_ocr"], "reason": "no GPU kernel before opset 17", "expires": "2099-03-31"}],
}


def model(backend: str, more: str = "") -> Model:
    return Model(f'backend: "{backend}"\n{TENSORS}{more}', python=backend == "python")


MODELS = {
    "bert_tokenizer": model("python", "instance_group [ { count: 7 } ]\n"),
    "preprocess_text": model("python"),
    "large": model("onnxruntime", f"{XL}instance_group [ {{ kind: KIND_GPU gpus: [ 2, 1 ] }} ]\n"),
    "larger": model("tensorrt", XL),
    "overflow": model("onnxruntime"),
    "classify": model("onnxruntime", "instance_group [ { kind: KIND_CPU count: 3 } ]\n"),
    "legacy_ocr": model("onnxruntime", "instance_group [ { kind: KIND_CPU } ]\n"),
    "own": model("onnxruntime", '# triton-policy: waive reason="until it is ported"\n'),
    "eager": model("pytorch"),
    "plan": model("tensorrt", "instance_group [ { } ]\n"),
    "vino": model("openvino"),
    "llama_70b": model("vllm"),
    "llama_8b": model("vllm"),
    "pipeline": Model(ENSEMBLE),
}

EXPECTED = {
    "bert_tokenizer": [("KIND_CPU", [], 2)],
    "preprocess_text": [("KIND_CPU", [], 2)],
    "large": [("KIND_GPU", [2, 1], 1)],  # the same devices in another order are left alone
    "larger": [("KIND_GPU", [1, 2], 1)],
    "overflow": [("KIND_GPU", [0], 2), ("KIND_CPU", [], 2)],  # ONNX Runtime's own default on the CPU is two
    "classify": [("KIND_GPU", ALL, 3)],
    "legacy_ocr": [("KIND_CPU", [], 2)],
    "own": [("KIND_GPU", ALL, 1)],
    "eager": [("KIND_GPU", ALL, 1)],
    "plan": [("KIND_GPU", ALL, 1)],
    "vino": [("KIND_CPU", [], 1)],
    "llama_70b": [("KIND_MODEL", [], 1)],
    "llama_8b": [("KIND_GPU", ALL, 1)],
    "pipeline": [],
}
STATUSES = {
    "bert_tokenizer": "changed",
    "preprocess_text": "changed",
    "large": "compliant",
    "larger": "changed",
    "overflow": "changed",
    "classify": "changed",
    "legacy_ocr": "waived",
    "own": "waived",
    "eager": "violation",
    "plan": "changed",
    "vino": "changed",
    "llama_70b": "changed",
    "llama_8b": "changed",
    "pipeline": "exempt",
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return build(tmp_path_factory.mktemp("library"))


@pytest.fixture
def repository(tmp_path: Path, library: Library) -> Path:
    repository = tmp_path / "models"
    write(repository, MODELS, library)
    (repository / "llama_70b" / "1" / "model.json").write_text('{"model": "m", "tensor_parallel_size": 2}')
    (repository / "llama_8b" / "1" / "model.json").write_text('{"model": "m"}')
    return repository


def policy(repository: Path, **options: Any) -> dict[str, Any]:
    arguments = {"repositories": [str(repository)], "policy": POLICY, "gpus": GPUS, **options}
    return {"inference.triton.instance_group_policy": arguments}


def info(repository: Path, **options: Any) -> dict[str, Any]:
    arguments = {"repositories": [str(repository)], "gpus": GPUS, "triton_release": "24.10", **options}
    return {"inference.triton.model_repository_info": arguments}


def test_the_server_runs_every_model_as_the_policy_and_the_prediction_say(
    repository: Path, library: Library, playbook: Playbook, tmp_path: Path
) -> None:
    first, second, predicted = playbook.run(policy(repository), policy(repository), info(repository))

    assert {entry["model"]: entry["status"] for entry in first["models"]} == STATUSES
    assert {waiver["state"] for waiver in first["waivers"]} == {"active"}
    assert second["changed"] is False
    assert second["counts"]["changed"] == 0

    observed, _instances = observe([repository], HOST, library, tmp_path / "server")
    served = {name: [group[1:] for group in model.groups] for name, model in observed.items()}
    assert served == EXPECTED, {name: model.error for name, model in observed.items() if model.error}
    assert served == {
        entry["model"]: [(group["kind"], group["gpus"], group["count"]) for group in entry["prediction"]["groups"]]
        for entry in predicted["models"]
    }
    assert "gpu_execution_accelerator" in (repository / "classify" / "config.pbtxt").read_text()


def test_a_host_without_the_gpus_that_a_rule_asks_for_is_told_so_and_left_alone(
    repository: Path, playbook: Playbook
) -> None:
    (result,) = playbook.run(policy(repository, gpus=GPUS[:1]))
    reasons = {entry["model"]: entry["reason"] for entry in result["models"] if entry["status"] == "violation"}
    assert set(reasons) == {"large", "larger", "eager"}
    asked, _, there = reasons["larger"].partition("; ")
    assert asked == "no GPU with memory_gb: 40 here"
    assert there.startswith("the server sees 0: Tesla T4 (15360 MiB, compute capability 7.5)")


def test_a_server_of_another_class_reads_its_own_variant(
    repository: Path, library: Library, playbook: Playbook, tmp_path: Path
) -> None:
    before = {path: path.read_bytes() for path in repository.glob("*/config.pbtxt")}
    first, second = playbook.run(*[policy(repository, config_name="a100", gpus=GPUS[1:])] * 2)
    assert first["changed"] and not second["changed"]
    assert {path: path.read_bytes() for path in repository.glob("*/config.pbtxt")} == before

    host = Host(("8.0", "8.0"), options=("--model-config-name=a100",))
    observed, _instances = observe([repository], host, library, tmp_path / "server")
    served = {name: [group[1:] for group in model.groups] for name, model in observed.items()}
    assert served["larger"] == [("KIND_GPU", [0, 1], 1)]
    assert served["bert_tokenizer"] == [("KIND_CPU", [], 2)]
    assert served["vino"] == [("KIND_CPU", [], 1)]
    assert served["llama_70b"] == [("KIND_MODEL", [], 1)]
