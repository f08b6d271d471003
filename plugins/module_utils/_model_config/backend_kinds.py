# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Which kinds of instance a backend cannot run, or would run somewhere else than the kind says."""

from __future__ import annotations

from typing import Any, Callable, Mapping, NamedTuple, Optional

from .instance_group import KIND_CPU, KIND_GPU, KIND_MODEL, groups_of, kind_of


class ModelFacts(NamedTuple):
    """What decides whether a backend can run a kind: the model's configuration, and what its own files say.

    Attributes:
        world_size: GPUs that one instance spans (tensor x pipeline parallelism), None where nothing says.
    """

    config: Mapping[str, Any]
    world_size: Optional[int] = None


class Refusal(NamedTuple):
    """One row: this backend does not run this kind under this condition.

    Attributes:
        source: where that was learned.
        instead: the kinds that it does run there.
        is_fatal: whether the model is not loaded at all; else it is loaded, and runs somewhere else.
    """

    backend: str
    kind: str
    reason: str
    source: str
    instead: str
    is_fatal: bool
    applies: Callable[[ModelFacts], bool] = lambda model: True

    def __str__(self) -> str:
        return f"{self.kind}, but {self.reason}" + (": Triton would not load the model" if self.is_fatal else "")


def _spans_gpus(model: ModelFacts) -> bool:
    if model.world_size is not None:
        return model.world_size > 1
    # Nothing tells the number of GPUs, but whoever wrote KIND_MODEL had a reason.
    return any(kind_of(group) == KIND_MODEL for group in groups_of(model.config))


def _is_multi_device(model: ModelFacts) -> bool:
    parameter = model.config.get("parameters", {}).get("enable_multi_device", {})
    return parameter.get("string_value", "").lower() not in ("", "false", "0")


def _has_gpu_accelerator(model: ModelFacts) -> bool:
    accelerators = model.config.get("optimization", {}).get("execution_accelerators", {})
    return bool(accelerators.get("gpu_execution_accelerator"))


_REFUSALS = (
    Refusal(
        "tensorrt",
        KIND_CPU,
        "the TensorRT backend supports only GPU devices",
        "tensorrt_backend: src/instance_state.cc",
        KIND_GPU,
        True,
    ),
    Refusal(
        "tensorrt",
        KIND_GPU,
        "the parameter enable_multi_device requires KIND_MODEL",
        "tensorrt_backend: docs/multi_device.md",
        KIND_MODEL,
        True,
        _is_multi_device,
    ),
    Refusal(
        "tensorrt",
        KIND_MODEL,
        "the TensorRT backend takes KIND_MODEL only with the parameter enable_multi_device",
        "tensorrt_backend: docs/multi_device.md",
        KIND_GPU,
        False,
        lambda model: not _is_multi_device(model),
    ),
    Refusal(
        "openvino",
        KIND_GPU,
        "the OpenVINO backend supports only KIND_CPU (an Intel GPU is chosen by the parameter TARGET_DEVICE)",
        "openvino_backend: src/openvino.cc",
        KIND_CPU,
        True,
    ),
    Refusal(
        "openvino",
        KIND_MODEL,
        "the OpenVINO backend supports only KIND_CPU",
        "openvino_backend: src/openvino.cc",
        KIND_CPU,
        True,
    ),
    Refusal(
        "tensorrtllm",
        KIND_GPU,
        "the TensorRT-LLM backend runs on GPUs under KIND_CPU and takes its devices from the parameter gpu_device_ids; "
        "KIND_GPU would load one copy of the engine on every GPU",
        "tensorrtllm_backend: all_models/*/config.pbtxt, issue 127",
        KIND_CPU,
        False,
    ),
    Refusal(
        "tensorrtllm",
        KIND_MODEL,
        "the TensorRT-LLM backend runs on GPUs under KIND_CPU and takes its devices from the parameter gpu_device_ids",
        "tensorrtllm_backend: all_models/*/config.pbtxt",
        KIND_CPU,
        False,
    ),
    Refusal(
        "vllm",
        KIND_GPU,
        "KIND_GPU is for vLLM models on a single GPU; this one spans several and needs KIND_MODEL",
        "vllm_backend: src/model.py",
        KIND_MODEL,
        True,
        _spans_gpus,
    ),
    Refusal(
        "onnxruntime",
        KIND_MODEL,
        "the ONNX Runtime backend runs KIND_MODEL on the CPU without a word; ask for KIND_CPU or KIND_GPU",
        "onnxruntime_backend: src/onnxruntime.cc",
        f"{KIND_GPU} or {KIND_CPU}",
        False,
    ),
    Refusal(
        "tensorflow",
        KIND_CPU,
        "the TensorFlow backend refuses KIND_CPU in a model with a gpu_execution_accelerator",
        "tensorflow_backend: src/tensorflow.cc",
        KIND_GPU,
        True,
        _has_gpu_accelerator,
    ),
)


def spans_gpus(backend: str, model: ModelFacts) -> bool:
    """Whether one instance of a model spans several GPUs, so that its group has to be KIND_MODEL."""
    condition = {"vllm": _spans_gpus, "tensorrt": _is_multi_device}.get(backend)
    return condition is not None and condition(model)


def refused_kind(backend: str, kind: Any, model: ModelFacts) -> Optional[Refusal]:
    """Why ``backend`` cannot run instances of a kind. None where nothing is known against it."""
    for row in _REFUSALS:
        if row.backend == backend and row.kind == kind and row.applies(model):
            return row
    return None


def refusal(backend: str, group: Mapping[str, Any], model: ModelFacts) -> Optional[str]:
    """Why ``backend`` cannot run an instance group, beginning with what the group has (``KIND_CPU, but ...``).

    None where nothing is known against it.
    """
    row = refused_kind(backend, kind_of(group), model)
    if row is not None:
        return str(row)
    if group.get("profile") and backend != "tensorrt":
        # triton core: src/model_config_utils.cc, ValidateInstanceGroup
        return "a profile, but only TensorRT models have profiles: Triton would not load the model"
    return None
