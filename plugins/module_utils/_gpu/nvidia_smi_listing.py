# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The answer of ``nvidia-smi -L``, the only one of nvidia-smi with the UUIDs and profiles of MIG devices."""

from __future__ import annotations

import re
from typing import Dict, Sequence, Tuple

from .evidence import MigDevice

_GPU = re.compile(r"GPU [0-9]+: .*\(UUID: ([^)]+)\)\s*\Z")
_MIG = re.compile(r"\s+MIG (\S+)\s+Device\s+([0-9]{1,9}): \(UUID: (MIG-[^)]+)\)\s*\Z")


def mig_devices(text: str) -> Dict[str, Tuple[MigDevice, ...]]:
    """The MIG devices, by the UUID of their GPU. Theirs is ``MIG-GPU-.../7/0`` with drivers before 470.42.01."""
    found: Dict[str, Tuple[MigDevice, ...]] = {}
    uuid = ""
    for line in text.splitlines():
        gpu, mig = _GPU.match(line), _MIG.match(line)
        if gpu:
            uuid = gpu.group(1)
        elif mig:
            device = MigDevice(uuid=mig.group(3), profile=mig.group(1), index=int(mig.group(2)))
            found[uuid] = (*found.get(uuid, ()), device)
    return found


def joined(described: Sequence[MigDevice], listed: Sequence[MigDevice]) -> Tuple[MigDevice, ...]:
    """The MIG devices of one GPU, with what the XML tells of them and what the listing does.

    They belong together by their index. Where one of the two has none, they do by their order.
    """
    if not listed:
        return tuple(described)
    by_index = {device.index: device for device in described}
    if len(by_index) == len(described) and all(device.index in by_index for device in listed):
        told = [by_index[device.index] for device in listed]
    else:
        told = list(described)
    if len(told) != len(listed):
        return tuple(listed)
    return tuple(
        about._replace(uuid=device.uuid, profile=device.profile, index=device.index)
        for about, device in zip(told, listed)
    )
