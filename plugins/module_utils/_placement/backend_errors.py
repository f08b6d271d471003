# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What a backend itself says when it refuses to load an instance of a kind. Whether it does is `backend_kinds`' to say.

None of this is held against the backends here: only core and the Python backend can be had for tests.
"""

from __future__ import annotations

from typing import Any, Mapping, Optional

from .._model_config.backend_kinds import ModelFacts, refusal
from .._model_config.instance_group import KIND_CPU, KIND_GPU, KIND_MODEL, kind_of

_NO_GPU_INSTANCE = "Invalid argument: unable to load model '{model}', TensorRT backend supports only GPU device"
_NO_OPENVINO = "Triton OpenVINO backend supports only Kind CPU and AUTO"

_ERRORS = {
    # tensorrt_backend: src/instance_state.cc
    ("tensorrt", KIND_CPU): _NO_GPU_INSTANCE,
    ("tensorrt", KIND_MODEL): _NO_GPU_INSTANCE,
    # tensorrt_backend: docs/multi_device.md
    ("tensorrt", KIND_GPU): "TensorRT Multi-Device (enable_multi_device) requires instance_group kind KIND_MODEL",
    # openvino_backend: src/openvino.cc
    ("openvino", KIND_GPU): _NO_OPENVINO,
    ("openvino", KIND_MODEL): _NO_OPENVINO,
    # vllm_backend: src/model.py
    ("vllm", KIND_GPU): "KIND_GPU is currently for single-GPU models, please specify KIND_MODEL in the model's "
    "config.pbtxt for multi-GPU models",
    # tensorflow_backend: src/tensorflow.cc
    ("tensorflow", KIND_CPU): "GPU Execution Accelerator can only be set on non-CPU backend context",
}


def load_error(backend: str, group: Mapping[str, Any], facts: ModelFacts, model_name: str) -> Optional[str]:
    """The error of a backend that does not load a model for this group; None where it loads it."""
    if refusal(backend, group, facts) is None:
        return None
    error = _ERRORS.get((backend, kind_of(group)))
    return error and error.format(model=model_name)
