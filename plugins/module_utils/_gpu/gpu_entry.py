# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""One GPU as facts: the entry of it in ``gpus``, with the keys that `_policy.gpus.parse_gpus` reads among others."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from .capability_by_name import capability_by_name
from .evidence import DeviceAnswer, MigDevice
from .signs import name_of, uuid_of
from .states import DiagnosedGpu, HostGpu

DEDICATED, UNIFIED = "dedicated", "unified"

# What an entry takes over from the driver's answer as it is.
_TAKEN_OVER = (
    "brand",
    "architecture",
    "mig_mode",
    "mig_pending",
    "compute_mode",
    "persistence_mode",
    "ecc_mode",
    "ecc_uncorrected",
    "remap_pending",
    "remap_failure",
    "retired_pages_pending",
    "recovery_action",
    "reset_required",
    "fabric_state",
    "fabric_status",
    "fabric_health",
    "virtualization_mode",
)


_SIZES = ("memory_mib", "memory_used_mib", "memory_free_mib")

# Numbers beyond these are nonsense, and `_policy.gpus` would not take them.
_MOST_MIB = 10**9
_MOST_MAJOR, _MOST_MINOR = 1000, 10


def capability_of(gpu: HostGpu) -> Tuple[Optional[Tuple[int, int]], Optional[str]]:
    """The compute capability, and whether the ``driver`` says it or a ``table`` knows it by the name."""
    told = gpu.answer.compute_capability if gpu.answer is not None else None
    if told is not None and told[0] < _MOST_MAJOR and told[1] < _MOST_MINOR:
        return told, "driver"
    known = capability_by_name(name_of(gpu))
    return known, "table" if known else None


def gpu_entry(diagnosed: DiagnosedGpu) -> Dict[str, Any]:
    """The facts of a GPU, without the ordinals, which depend on all of them."""
    gpu = diagnosed.gpu
    answer, pci, proc = gpu.answer or DeviceAnswer(), gpu.pci, gpu.proc
    capability, source = capability_of(gpu)
    return {
        "index": gpu.index,
        "ordinal": None,
        "pci_address": gpu.pci_address or None,
        "pci_device_id": answer.pci_device_id or (pci.device_id if pci else "") or None,
        "uuid": uuid_of(gpu) or None,
        "name": name_of(gpu) or None,
        "compute_capability": "{}.{}".format(*capability) if capability else None,
        "compute_capability_source": source,
        "memory_kind": _memory_kind(answer),
        **{name: getattr(answer, name) for name in _TAKEN_OVER},
        **{name: _sensible(getattr(answer, name)) for name in _SIZES},
        "mig_devices": [_mig_entry(part) for part in answer.mig_devices],
        "kernel_driver": (pci.driver if pci else "") or None,
        "minor": proc.minor if answer.minor is None and proc else answer.minor,
        "nvidia_smi_index": answer.index if gpu.answer else None,
        "numa_node": pci.numa_node if pci else None,
        "firmware": (proc.firmware if proc else "") or None,
        "usable": diagnosed.usable,
        "reason": diagnosed.reason,
        "health": diagnosed.health,
        "states": list(diagnosed.states),
    }


def _sensible(mib: Optional[int]) -> Optional[int]:
    return mib if mib is not None and 0 <= mib < _MOST_MIB else None


def _memory_kind(answer: DeviceAnswer) -> Optional[str]:
    if answer.memory_unified:
        return UNIFIED
    return None if answer.memory_mib is None else DEDICATED


def _mig_entry(part: MigDevice) -> Dict[str, Any]:
    return {
        "uuid": part.uuid or None,
        "profile": part.profile or None,
        "memory_mib": _sensible(part.memory_mib),
        "index": part.index,
        "gpu_instance": part.gpu_instance,
        "compute_instance": part.compute_instance,
        "ordinal": None,
    }


def gpu_entries(gpus: Tuple[DiagnosedGpu, ...]) -> List[Dict[str, Any]]:
    """The facts of all GPUs, likewise."""
    return [gpu_entry(gpu) for gpu in gpus]
