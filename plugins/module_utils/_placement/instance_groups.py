# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What Triton's core makes of the instance groups of a model when it loads it, and which of them it refuses.

Source: triton core, src/model_config_utils.cc, NormalizeInstanceGroup and ValidateInstanceGroup.
"""

from __future__ import annotations

import re
from typing import Any, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._model_config.instance_group import KIND_AUTO, KIND_CPU, KIND_GPU, KIND_MODEL, groups_of, is_implicit, kind_of
from .server import ServerView

# The kind that a backend asks for where a model has no group at all. A Python-based backend is the Python backend.
# (python_backend: src/python_be.cc; openvino_backend: src/openvino.cc: TRITONBACKEND_GetBackendAttribute)
PREFERRED_KINDS = {"python": KIND_GPU, "vllm": KIND_GPU, "openvino": KIND_CPU}

# Instances of a KIND_CPU group that gives no count; of any other group it is 1.
# (triton core: src/model_config_utils.cc, SetDefaultInstanceCount)
DEFAULT_CPU_COUNTS = {"onnxruntime": 2, "tensorflow": 2}

_STOI = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)")
_INT = range(-(1 << 31), 1 << 31)
CRASH = "terminate called after throwing an instance of 'std::out_of_range'\n  what():  stoi"


class PlacedGroup(NamedTuple):
    """An instance group as the server runs it.

    Attributes:
        kind: ``KIND_GPU``, ``KIND_CPU`` or ``KIND_MODEL``; a number where the file gives one without a name.
        gpus: ordinals; what the file lists, or for KIND_GPU all that the server uses.
        each: instances on each of ``gpus``, or in all where the kind takes none: Triton's ``count``.
        implicit: whether the server chose the kind.
    """

    name: str
    kind: Any
    gpus: Tuple[int, ...]
    each: int
    implicit: bool

    @property
    def instances(self) -> int:
        return self.each * len(self.gpus) if self.kind == KIND_GPU else self.each


def place(config: Mapping[str, Any], model_name: str, backend: str, usable: Sequence[int]) -> List[PlacedGroup]:
    """The groups of a model on a server that uses the GPUs with these ordinals."""
    groups = groups_of(config)
    if not groups:
        preferred = PREFERRED_KINDS.get(backend, KIND_AUTO)
        kind = KIND_AUTO if preferred == KIND_GPU and not usable else preferred
        return [_placed({"name": model_name, "kind": kind}, model_name, backend, usable)._replace(implicit=True)]
    return [_placed(group, f"{model_name}_{index}", backend, usable) for index, group in enumerate(groups)]


def _placed(group: Mapping[str, Any], default_name: str, backend: str, usable: Sequence[int]) -> PlacedGroup:
    kind, gpus, count = kind_of(group), tuple(group.get("gpus", ())), group.get("count", 0)
    if kind == KIND_AUTO:
        kind = KIND_GPU if usable and set(gpus) <= set(usable) else KIND_CPU
    if count < 1:
        count = DEFAULT_CPU_COUNTS.get(backend, 1) if kind == KIND_CPU else 1
    if kind == KIND_GPU and not gpus:
        gpus = tuple(usable)
    return PlacedGroup(group.get("name") or default_name, kind, gpus, count, is_implicit(group))


def refused(
    groups: Sequence[PlacedGroup], config: Mapping[str, Any], model_name: str, platform: str, server: ServerView
) -> Optional[str]:
    """The server's error for the first group that it refuses, None where it takes them all."""
    profiles = [group.get("profile", []) for group in groups_of(config)] or [[]]
    for group, profile in zip(groups, profiles):
        what = f"instance group {group.name} of model {model_name}"
        error = _wrong_devices(group, what, server) or _wrong_profile(profile, f"{what} and platform {platform}")
        if error:
            return error
    return None


def _wrong_devices(group: PlacedGroup, what: str, server: ServerView) -> Optional[str]:
    if group.kind in (KIND_CPU, KIND_MODEL):
        return f"Invalid argument: {what} has kind {group.kind} but specifies one or more GPUs" if group.gpus else None
    if group.kind != KIND_GPU:
        return f"Internal: {what} has unexpected kind KIND_AUTO"
    if not group.gpus:
        return f"Invalid argument: {what} has kind KIND_GPU but no GPUs are available"
    missing = missing_gpus(group, server)
    if missing:
        major, minor = server.min_compute_capability
        return (
            f"Invalid argument: {what} specifies invalid or unsupported gpu id {missing[0]}. GPUs with at least the "
            f"minimum required CUDA compute compatibility of {major}.{minor}00000 are: "
            f"{', '.join(map(str, server.ordinals()))}"
        )
    return None


def missing_gpus(group: PlacedGroup, server: ServerView) -> List[int]:
    """The GPUs of a group that the server does not use."""
    return [gpu for gpu in group.gpus if gpu not in server.ordinals()]


def _wrong_profile(profiles: Sequence[str], what: str) -> Optional[str]:
    # The missing blank is Triton's.
    if profiles and not what.endswith(" tensorrt_plan"):
        return f"Invalid argument: {what}specifies profile field which is only supported for TensorRT models"
    for profile in profiles:
        number = _STOI.match(profile)
        if not profile:
            return "Invalid argument: profile name must not be empty"
        if number is None:
            return f"Invalid argument: unable to parse '{profile}': stoi"
        if int(number.group(1)) not in _INT:
            return CRASH
        if int(number.group(1)) < 0:
            return (
                f"Invalid argument: {what} specifies invalid profile {profile}. The field should contain the string "
                "representation of a non-negative integer."
            )
    return None
