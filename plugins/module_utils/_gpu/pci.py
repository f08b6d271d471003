# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The GPUs on the PCI bus, by what the kernel shows of it in /sys: no driver and no process is needed for that.

Meaning of the files: Linux, Documentation/ABI/testing/sysfs-bus-pci.
"""

from __future__ import annotations

import re
from typing import List, NamedTuple, Optional, Tuple

from .evidence import OtherGpu, PciGpu
from .host_files import HostFiles

_DEVICES = "/sys/bus/pci/devices"
_ADDRESS = re.compile(r"([0-9a-f]{4,8}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])")

_NVIDIA = "0x10de"
# What nvidia.ko binds to: VGA and 3D controllers (open-gpu-kernel-modules: kernel-open/nvidia/nv-pci-table.c).
_NVIDIA_GPU = ("0x0300", "0x0302")
# NVIDIA's other bridges on a GPU host, such as those of Grace, are PCI bridges, 0x0604.
_NVSWITCH = "0x0680"

# Makers and classes of GPUs that are none for Triton: display, 3D and other controllers, processing accelerators
# (PCI Code and ID Assignment Specification).
_OTHER_VENDORS = {"0x1002": "AMD", "0x8086": "Intel"}
_OTHER_GPU = ("0x0300", "0x0302", "0x0380", "0x1200")


class PciBus(NamedTuple):
    """What was found on the bus, in the order of the addresses.

    Attributes:
        nvswitches: how many NVSwitch bridges there are.
        readable: whether the kernel shows a PCI bus at all.
    """

    gpus: Tuple[PciGpu, ...] = ()
    other_gpus: Tuple[OtherGpu, ...] = ()
    nvswitches: int = 0
    readable: bool = False


def read_pci(files: HostFiles) -> PciBus:
    """The GPUs on the bus. In a container these are those of its host, whether it may use them or not.

    Virtual functions of a vGPU host are left out: they are no GPUs of the host itself.
    """
    names = files.names(_DEVICES)
    if names is None:
        return PciBus()
    gpus: List[PciGpu] = []
    others: List[OtherGpu] = []
    nvswitches = 0
    for address in sorted(filter(_ADDRESS.fullmatch, names), key=_order):
        folder = f"{_DEVICES}/{address}"
        vendor = files.value(f"{folder}/vendor")
        if vendor != _NVIDIA and vendor not in _OTHER_VENDORS:
            continue
        pci_class = files.value(f"{folder}/class")
        if files.link(f"{folder}/physfn"):
            continue
        if vendor == _NVIDIA and pci_class.startswith(_NVIDIA_GPU):
            gpus.append(_gpu(files, address, pci_class))
        elif vendor == _NVIDIA:
            nvswitches += pci_class.startswith(_NVSWITCH)
        elif pci_class.startswith(_OTHER_GPU):
            maker, driver = _OTHER_VENDORS[vendor], _driver(files, folder)
            others.append(OtherGpu(address, maker, _pair(files, folder, "vendor", "device"), driver))
    return PciBus(tuple(gpus), tuple(others), nvswitches, True)


def _gpu(files: HostFiles, address: str, pci_class: str) -> PciGpu:
    folder = f"{_DEVICES}/{address}"
    power_state = files.value(f"{folder}/power_state")
    return PciGpu(
        address,
        device_id=_pair(files, folder, "vendor", "device"),
        subsystem_id=_pair(files, folder, "subsystem_vendor", "subsystem_device"),
        pci_class=pci_class,
        driver=_driver(files, folder),
        numa_node=_numa_node(files.value(f"{folder}/numa_node")),
        power_state=power_state,
        off_bus=power_state != "D3cold" and _off_bus(files, folder),
    )


def _off_bus(files: HostFiles, folder: str) -> bool:
    """Whether the bus answers with all ones, as it does where nobody answers.

    The kernel has kept vendor and class from the start, so they still look right. A GPU in D3cold must not be asked:
    to read its configuration space wakes it up (Linux: drivers/pci/pci-sysfs.c, pci_config_pm_runtime_get).
    """
    answer = files.read(f"{folder}/config", 64)
    return bool(answer) and len(answer or b"") >= 4 and not (answer or b"").strip(b"\xff")


def _driver(files: HostFiles, folder: str) -> str:
    return files.link(f"{folder}/driver").rpartition("/")[2]


def _pair(files: HostFiles, folder: str, vendor: str, device: str) -> str:
    """Two identifiers, ``10de:20b2``; empty where one is not told."""
    pair = [files.value(f"{folder}/{name}") for name in (vendor, device)]
    if not all(re.fullmatch(r"0x[0-9a-f]{4}", name) for name in pair):
        return ""
    return ":".join(name[2:] for name in pair)


def _numa_node(text: str) -> Optional[int]:
    """The node; None where the host has none, which the kernel tells as -1."""
    return int(text) if re.fullmatch(r"[0-9]{1,4}", text) else None


def _order(address: str) -> Tuple[int, ...]:
    found = _ADDRESS.fullmatch(address)
    return tuple(int(part, 16) for part in found.groups()) if found else ()
