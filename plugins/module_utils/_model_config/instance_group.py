# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Instance groups: what they hold, and which of them leave the choice of device to the server.

A group is implicit where it leaves the choice of device to the server: no group at all, no ``kind``, ``KIND_AUTO`` and
``kind: 0`` are one and the same, and on a host whose GPU Triton cannot use they all end on the CPU without a word
(triton core: src/model_config_utils.cc, NormalizeInstanceGroup).
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

KIND_AUTO, KIND_GPU, KIND_CPU, KIND_MODEL = "KIND_AUTO", "KIND_GPU", "KIND_CPU", "KIND_MODEL"
EXPLICIT_KINDS = (KIND_GPU, KIND_CPU, KIND_MODEL)

Group = Dict[str, Any]


def groups_of(config: Mapping[str, Any]) -> List[Group]:
    """The instance groups of a configuration in plain data; empty where it has none."""
    return [dict(group) for group in config.get("instance_group", [])]


def kind_of(group: Mapping[str, Any]) -> Any:
    """The kind of a group: a name, or the bare number where the enum has no name for it."""
    return group.get("kind", KIND_AUTO)


def is_implicit(group: Mapping[str, Any]) -> bool:
    """Whether the server chooses the device of this group."""
    return bool(kind_of(group) == KIND_AUTO)


def impossible_fields(group: Mapping[str, Any]) -> List[str]:
    """The fields that make Triton refuse a group of this kind (triton core: ValidateInstanceGroup)."""
    return ["gpus"] if kind_of(group) in (KIND_CPU, KIND_MODEL) and group.get("gpus") else []
