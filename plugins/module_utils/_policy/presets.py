# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The policies that come with the collection, in plain data as a user would write them.

Which kind a backend takes, and from where that is known, stands in `_model_config.backend_kinds`.
"""

from __future__ import annotations

from typing import Any, Dict, List

_Rule = Dict[str, Any]

_CPU = [{"kind": "KIND_CPU"}]
_GPU = [{"kind": "KIND_GPU"}]
_MODEL = [{"kind": "KIND_MODEL"}]

_STRICT_GPU: List[_Rule] = [
    {
        "name": "TensorRT-LLM takes its GPUs from gpu_device_ids, under KIND_CPU",
        "match": {"backends": ["tensorrtllm"]},
        "instance_group": _CPU,
        "level": "kind",
    },
    {
        "name": "OpenVINO has no other kind than KIND_CPU",
        "match": {"backends": ["openvino"]},
        "instance_group": _CPU,
        "level": "kind",
    },
    {
        "name": "an instance that spans several GPUs is KIND_MODEL",
        "match": {"spans_gpus": True},
        "instance_group": _MODEL,
        "level": "kind",
    },
    {
        "name": "TensorRT and ONNX Runtime run on the GPU",
        "match": {"backends": ["tensorrt", "onnxruntime"]},
        "instance_group": _GPU,
        "level": "kind",
    },
    {
        "name": "PyTorch, TensorFlow, FIL and vLLM run on the GPU, or place themselves",
        "match": {"backends": ["pytorch", "tensorflow", "fil", "vllm"]},
        "instance_group": _GPU,
        "accepts": ["KIND_MODEL"],
        "level": "kind",
    },
    {
        # Pre- and post-processing in Python says KIND_CPU because its code uses no GPU; KIND_GPU would start a process
        # for each GPU. Backends that nobody here knows may take no other kind than the one that they have.
        "name": "Python and other backends run on the GPU unless their file says otherwise",
        "instance_group": _GPU,
        "level": "explicit",
    },
]


def _without(rule: _Rule, key: str) -> _Rule:
    return {name: value for name, value in rule.items() if name != key}


PRESETS: Dict[str, List[_Rule]] = {
    "strict_gpu": _STRICT_GPU,
    "explicit_only": [{**_without(rule, "accepts"), "level": "explicit"} for rule in _STRICT_GPU],
    "cpu_only": [{"name": "everything runs on the CPU", "instance_group": _CPU, "level": "kind"}],
}
