# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Which of a host's devices a CUDA process sees, and in which order.

The order is the PCI bus order, so that a server's environment should hold ``CUDA_DEVICE_ORDER=PCI_BUS_ID``: CUDA's own
default puts the fastest device first and promises nothing about the others (CUDA C++ programming guide, environment
variables).
"""

from __future__ import annotations

import re
from typing import List, NamedTuple, Optional, Sequence, Tuple


class Device(NamedTuple):
    """One device of a host, or one MIG device of it.

    Attributes:
        label: how messages call it: ``GPU 1 (0000:41:00.0, Tesla V100)``.
        memory_mib: in MiB, None where it is not known.
        compute_capability: (major, minor), None where it is not known.
        brand: as the driver has it, empty where it is not known.
        unusable: why no process can use it; empty where one can.
        mig_devices: the parts that it can only be used through, in order; empty where it is used as a whole.
        gpu_instance: for a MIG device, which memory it has: of the devices that share one, a process sees one.
    """

    label: str
    name: str = ""
    uuid: str = ""
    memory_mib: Optional[int] = None
    compute_capability: Optional[Tuple[int, int]] = None
    unusable: str = ""
    mig_devices: Tuple[Device, ...] = ()
    gpu_instance: str = ""
    brand: str = ""


def visible_devices(
    devices: Sequence[Device], cuda_visible_devices: Optional[str], driver_version: str
) -> Tuple[List[Device], List[str]]:
    """The devices that a process sees, by ordinal, and a sentence about each of the others.

    Args:
        devices: all of the host, in PCI order.
        cuda_visible_devices: the variable in the environment of the process; None where it is not set.
        driver_version: of the NVIDIA driver, or empty: it decides about MIG.
    """
    hidden = [f"{device.label} is not usable: {device.unusable}" for device in devices if device.unusable]
    usable = [device for device in devices if not device.unusable]
    chosen = usable
    if cuda_visible_devices is not None:
        chosen, why, stopped = _chosen(usable, cuda_visible_devices)
        hidden += _hidden(_parts(usable), _parts(chosen), why) or ([why] if stopped else [])
    parts = _parts(chosen)
    visible, why = _of_one_process(parts, driver_version)
    return visible, hidden + _hidden(parts, visible, why)


def _parts(devices: Sequence[Device]) -> List[Device]:
    return [part for device in devices for part in device.mig_devices or (device,)]


def _hidden(devices: Sequence[Device], visible: Sequence[Device], why: str) -> List[str]:
    left_out = [device.label for device in devices if not any(device is other for other in visible)]
    return [f"{why}: this hides {', '.join(left_out)}"] if left_out else []


def _chosen(usable: Sequence[Device], text: str) -> Tuple[List[Device], str, bool]:
    """What ``CUDA_VISIBLE_DEVICES`` lets through, why the rest is hidden, and whether that is a mistake in it.

    An entry that is no device hides all that follow (CUDA C++ programming guide). PyTorch, which has to foretell what
    the driver does, found further: the first entry says whether all are numbers, GPU or MIG identifiers; a number ends
    at the first character that is no digit; a device named twice leaves none (torch/cuda/__init__.py).
    """
    shown = f"CUDA_VISIBLE_DEVICES is '{text}'"
    if not text.strip():
        return [], "CUDA_VISIBLE_DEVICES is empty", True
    prefix = next((prefix for prefix in ("GPU-", "MIG-") if text.startswith(prefix)), "")
    chosen: List[Device] = []
    for entry in text.split(","):
        device = _by_uuid(usable, entry, prefix) if prefix else _by_number(usable, entry)
        if device is None:
            return chosen, f"{shown} and CUDA stops at '{entry}', which does not name one usable device", True
        if any(device is other for other in chosen):
            return [], f"{shown} and CUDA shows nothing where a device is named twice", True
        chosen.append(device)
    return chosen, shown, False


def _by_number(usable: Sequence[Device], entry: str) -> Optional[Device]:
    number = re.match(r"\s*\+?([0-9]{1,9})", entry)
    return usable[int(number.group(1))] if number and int(number.group(1)) < len(usable) else None


def _by_uuid(usable: Sequence[Device], entry: str, prefix: str) -> Optional[Device]:
    known = [*usable, *(part for device in usable for part in device.mig_devices)]
    found = [device for device in known if entry.startswith(prefix) and device.uuid.startswith(entry)]
    return found[0] if len(found) == 1 else None


def _of_one_process(devices: List[Device], driver_version: str) -> Tuple[List[Device], str]:
    """What one process enumerates where MIG is on (NVIDIA MIG user guide, CUDA device enumeration).

    Until R570 a single MIG device and no other GPU beside it; since then one MIG device of each GPU instance, and the
    other GPUs too (where the CUDA C++ programming guide 13 still says: a single one). The older rule is taken for a
    driver that is not known: as many devices as it shows are there with both.
    """
    first = next((device for device in devices if device.gpu_instance), None)
    if first is None:
        return devices, ""
    branch = re.match(r"[0-9]{1,6}", driver_version)
    if branch is None or int(branch.group()) < 570:
        driver = f"driver {driver_version}" if branch else "a driver before R570 (this host's is not known)"
        return [first], f"with {driver} a process sees one MIG device and nothing beside it"
    visible: List[Device] = []
    for device in devices:
        if not device.gpu_instance or all(device.gpu_instance != other.gpu_instance for other in visible):
            visible.append(device)
    return visible, "a process sees one compute instance of each GPU instance"
