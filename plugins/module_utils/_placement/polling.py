# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What Triton refuses when it polls a model, before it looks at a GPU or a backend, in the words of its log.

Source: triton core, src/model_config_utils.cc, AutoCompleteBackendFields, ValidateModelConfig and
ValidateModelIOConfig; src/model_repository_manager/model_repository_manager.cc, InitializeModelInfo. Left out are the
rules about the control inputs of a sequence batcher, reshaped tensors, batch inputs and outputs, and metrics.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, Mapping, NamedTuple, Optional, Tuple

from .._model_config.backend import ENSEMBLE, Backend, derive
from .ensemble_schedule import schedule_error
from .server import ServerView

# Backends whose platform Triton checks (GetBackendType, GetBackendTypeFromPlatform).
_PLATFORMS = {
    "tensorflow": ("tensorflow_graphdef", "tensorflow_savedmodel"),
    "tensorrt": ("tensorrt_plan",),
    "onnxruntime": ("onnxruntime_onnx",),
    "pytorch": ("pytorch_libtorch", "torch_aoti"),
}

# Platforms that core's main branch of 2026 knows and 24.10 does not. What is between is not known here.
_LATER_PLATFORMS = ("libtorch", "torch_aoti")


class ModelOnDisk(NamedTuple):
    """What decides about a model besides its configuration.

    Attributes:
        config_path: where the server looks for the configuration.
        has_config: whether it is there.
        parses: whether it is a ModelConfig in the text format.
        versions: names of the version directories.
        files: the names in the first of the model's sub-directories.
        world_size: GPUs that one vLLM instance spans, None where nothing says.
    """

    config_path: str = "config.pbtxt"
    has_config: bool = True
    parses: bool = True
    versions: Tuple[str, ...] = ("1",)
    files: Tuple[str, ...] = ()
    world_size: Optional[int] = None


def backend_of(config: Mapping[str, Any], model_name: str, files: Tuple[str, ...], server: ServerView) -> Backend:
    """The backend and platform that core fills in. To core, only the platform makes a model an ensemble."""
    platform = config.get("platform", "")
    if platform == ENSEMBLE or not _knows(server, platform):
        return Backend(config.get("backend", ""), platform)
    return derive({name: config[name] for name in config if name != "ensemble_scheduling"}, model_name, files)


def poll_error(
    config: Mapping[str, Any], model_name: str, backend: Backend, model: ModelOnDisk, server: ServerView
) -> Optional[str]:
    """Why the server would not even take the model up, None where it would."""
    if not model.has_config and not server.auto_complete:
        return f"failed to open text file for read {model.config_path}: No such file or directory"
    if not model.parses:
        return f"failed to read text proto from {model.config_path}"
    error = _backend_error(config, model_name, backend, server)
    for rule in _RULES:
        error = error or rule(config, config.get("name") or model_name)
    if error or server.auto_complete:
        return error or _name_error(config, model_name)
    return next(_tensor_errors(config, model_name), None) or _name_error(config, model_name)


def _knows(server: ServerView, platform: str) -> bool:
    return platform not in _LATER_PLATFORMS or server.release is None or server.release.name > "24.10"


def _backend_error(config: Mapping[str, Any], model_name: str, found: Backend, server: ServerView) -> Optional[str]:
    backend, platform = found
    name = config.get("name") or model_name
    named = backend or platform or config.get("default_model_filename")
    if not named and "." not in model_name:
        return (
            f"Invalid model name: Could not determine backend for model '{model_name}' with no backend in model "
            "configuration. Expected model name of the form 'model.<backend_name>'."
        )
    if not backend and platform != ENSEMBLE:
        return f"unexpected platform type '{platform}' for {name}"
    if backend and platform == ENSEMBLE:
        return f"Ensemble model '{name}' must have platform type 'ensemble' and empty backend type"
    if backend in _PLATFORMS and not (platform in _PLATFORMS[backend] and _knows(server, platform)):
        return f"unexpected 'platform' and 'backend' pair, got:{platform}, {backend}"
    return None


def _batch_size_error(config: Mapping[str, Any], name: str) -> Optional[str]:
    negative = config.get("max_batch_size", 0) < 0
    return f"'max_batch_size' must be non-negative value for {name}" if negative else None


def _dynamic_batching_error(config: Mapping[str, Any], name: str) -> Optional[str]:
    batching = config.get("dynamic_batching", {})
    most = config.get("max_batch_size", 0)
    for size in batching.get("preferred_batch_size", ()):
        if size <= 0:
            return f"dynamic batching preferred size must be positive for {name}"
        if size > most:
            return f"dynamic batching preferred size must be <= max batch size for {name}"
    levels = batching.get("priority_levels", 0)
    policies: Dict[int, Mapping[str, Any]] = batching.get("priority_queue_policy", {})
    if levels:
        if not 0 < batching.get("default_priority_level", 0) <= levels:
            return f"default priority level must be in range [1, {levels}] for {name}"
        if not all(0 < level <= levels for level in policies):
            return f"priority queue policy must have priority level in range [1, {levels}] for {name}"
    if batching.get("preserve_ordering"):
        if levels > 1:
            return f"Only one priority level is allowed when 'preserve_ordering' is true for {name}"
        for policy in (batching.get("default_queue_policy", {}), *policies.values()):
            if policy.get("default_timeout_microseconds") and policy.get("timeout_action") == "DELAY":
                return f"Queue policy can not have DELAY as timeout action when 'preserve_ordering' is true for {name}"
    return None


def _sequence_batching_error(config: Mapping[str, Any], name: str) -> Optional[str]:
    batching = config.get("sequence_batching", {})
    if "sequence_batching" in config and config.get("response_cache", {}).get("enable"):
        return (
            f"Response Cache does not currently support model {name} with sequence batching scheduler. "
            "Please disable the response cache."
        )
    for size in batching.get("oldest", {}).get("preferred_batch_size", ()):
        if size <= 0:
            return f"sequence batching preferred batch size must be positive for {name}"
        if size > config.get("max_batch_size", 0):
            return f"sequence batching preferred batch size must be <= max batch size for {name}"
    utilisation = batching.get("direct", {}).get("minimum_slot_utilization", 0)
    if utilisation < 0 or utilisation > 1:  # as there: a number that is none is neither
        return f"sequence batching minimum slot utilization must be in range (0.0, 1.0] for {name}"
    return None


def _ensemble_error(config: Mapping[str, Any], name: str) -> Optional[str]:
    if "ensemble_scheduling" not in config:
        if config.get("platform") == ENSEMBLE:
            return f"ensemble scheduling must be set for ensemble {name} whose platform is ensemble"
        return None
    if config.get("platform") != ENSEMBLE:
        return f"ensemble scheduling cannot be set for model '{name}' whose platform is not ensemble"
    if config.get("instance_group"):
        return f"instance group should not be specified for ensemble '{name}'"
    if "optimization" in config:
        return f"optimization should not be specified for ensemble '{name}'"
    if config.get("model_warmup"):
        return f"model_warmup can not be specified for ensemble '{name}'"
    return schedule_error(config, name)


def _cache_error(config: Mapping[str, Any], name: str) -> Optional[str]:
    decoupled = config.get("model_transaction_policy", {}).get("decoupled")
    if not (decoupled and config.get("response_cache", {}).get("enable")):
        return None
    return (
        f"Response Cache does not currently support model {name} with 'decoupled' transaction policy. "
        "Please disable the response cache."
    )


_RULES: Tuple[Callable[[Mapping[str, Any], str], Optional[str]], ...] = (
    _batch_size_error,
    _dynamic_batching_error,
    _sequence_batching_error,
    _ensemble_error,
    _cache_error,
)


def _tensor_errors(config: Mapping[str, Any], name: str) -> Iterator[str]:
    for field in ("input", "output"):
        for tensor in config.get(field, ()):
            what = f"model {field} "
            if not tensor.get("name"):
                yield f"{what}must specify 'name' for {name}"
            what += f"'{tensor.get('name')}' "
            if tensor.get("data_type", "TYPE_INVALID") == "TYPE_INVALID":
                yield f"{what}must specify 'data_type' for {name}"
            if not tensor.get("dims"):
                yield f"{what}must specify 'dims' for {name}"
            if any(dim < 1 and dim != -1 for dim in tensor.get("dims", ())):
                yield f"{what}dimension must be integer >= 1, or -1 to indicate a variable-size dimension for {name}"


def _name_error(config: Mapping[str, Any], model_name: str) -> Optional[str]:
    name = config.get("name") or model_name
    if name == model_name:
        return None
    return f"unexpected directory name '{model_name}' for model '{name}', directory name must equal model name"
