# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The GPUs of a host, with what all sources say of each, joined by the PCI address.

Never by a count, an index or an exit code: a lost GPU leaves a hole in the driver's list, and the other rows still come
(recorded output of nvidia-smi on such hosts).
"""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, Iterable, List, Optional, Tuple, TypeVar

from .evidence import TEGRA, WSL, DeviceAnswer, DriverAnswer, Evidence, MigDevice
from .states import HostGpu

# Device nodes and modules of a Tegra board's own GPU (NVIDIA Jetson Linux developer guide).
_TEGRA_NODES = ("nvhost-gpu", "nvhost-ctrl-gpu", "nvgpu", "nvidia0", "nvmap")


def join(evidence: Evidence) -> Tuple[HostGpu, ...]:
    """The GPUs of this host, or those that this container was given.

    In a container the PCI bus and the kernel module show every GPU of its host: those are the container's that have a
    device node here or that the driver answers for. WSL has no GPU on a PCI bus, and a Tegra board's own is not on one.
    """
    answers = _merged(evidence.nvml, evidence.smi)
    on_bus = {gpu.address: gpu for gpu in evidence.pci}
    complaints = _complaints(evidence)
    if evidence.platform.kind in (WSL, TEGRA):
        addresses: Iterable[str] = ()
    elif evidence.platform.in_container:
        addresses = [*_with_node(evidence), *filter(None, complaints)]
    else:
        addresses = [*on_bus, *evidence.driver.gpus, *filter(None, complaints), *_fallen_off(evidence)]
    nameless = [answer for answer in answers if not answer.pci_address]
    by_address = {answer.pci_address: answer for answer in answers if answer.pci_address}
    gpus = []
    for address in sorted({*addresses, *by_address}, key=_position):
        proc, answer = evidence.driver.gpus.get(address), by_address.get(address)
        if answer is None and proc is not None and proc.uuid:
            answer = next((other for other in nameless if other.uuid == proc.uuid), None)
            nameless = [other for other in nameless if other is not answer]
        about = complaints.get(address, ()) if answer else (*complaints.get(address, ()), *complaints.get("", ()))
        gpus.append(HostGpu(0, address, on_bus.get(address), proc, answer, tuple(dict.fromkeys(about))))
    gpus += [HostGpu(0, "", answer=answer) for answer in sorted(nameless, key=lambda one: one.index or 0)]
    if not gpus:
        gpus = _of_tegra(evidence)
    return tuple(gpu._replace(index=index) for index, gpu in enumerate(gpus))


def _position(address: str) -> Tuple[int, ...]:
    """The order on the bus: a domain can have more than four digits, so that texts do not sort."""
    parts = address.replace(".", ":").split(":")
    return tuple(int(part, 16) for part in parts) if all(_is_hexadecimal(part) for part in parts) else (2**32,)


def _is_hexadecimal(text: str) -> bool:
    return bool(text) and all(character in "0123456789abcdefABCDEF" for character in text)


def _with_node(evidence: Evidence) -> List[str]:
    """The addresses of the GPUs on the bus of a container's host that have a device node in the container."""
    gpus, nodes = evidence.driver.gpus, evidence.driver.device_nodes
    found = [address for address, gpu in gpus.items() if gpu.minor is not None and f"nvidia{gpu.minor}" in nodes]
    numbered = sum(node.startswith("nvidia") and node[len("nvidia") :].isdecimal() for node in nodes)
    # Without the minor numbers one case is still plain: every GPU on the bus has its node.
    everything = not gpus and evidence.pci and numbered == len(evidence.pci)
    return [gpu.address for gpu in evidence.pci] if everything else found


def _fallen_off(evidence: Evidence) -> List[str]:
    """The addresses of GPUs that fell off the bus since the host started: where a slot can be hot-plugged, the kernel
    removes them, and only its log still knows them."""
    lines = [line for line in evidence.log if line.kind == "fallen_off_bus" or (line.kind, line.xid) == ("xid", 79)]
    return [line.pci_address for line in lines if line.pci_address]


def _complaints(evidence: Evidence) -> Dict[str, Tuple[str, ...]]:
    """What the driver says of GPUs that it has no answer for, by address; by an empty text where it names none."""
    found: Dict[str, Tuple[str, ...]] = {}
    for answer in (evidence.nvml, evidence.smi):
        for address, text, _code in answer.complaints if answer else ():
            found[address] = (*found.get(address, ()), text)
    return found


def _merged(nvml: Optional[DriverAnswer], smi: Optional[DriverAnswer]) -> List[DeviceAnswer]:
    """NVML's answers, field by field filled up with those of nvidia-smi, and the GPUs that only the latter has."""
    merged: List[DeviceAnswer] = []
    rest = list(smi.devices) if smi else []
    for device in nvml.devices if nvml else ():
        same = next((other for other in rest if _same(device, other)), None)
        rest = [other for other in rest if other is not same]
        merged.append(device if same is None else _filled(device, same))
    return [device if device.mig_mode != "disabled" else device._replace(mig_devices=()) for device in merged + rest]


def _same(first: DeviceAnswer, second: DeviceAnswer) -> bool:
    if first.pci_address and second.pci_address:
        return first.pci_address == second.pci_address
    return bool(first.uuid) and first.uuid == second.uuid


_Record = TypeVar("_Record", DeviceAnswer, MigDevice)
_NOTHING: FrozenSet[object] = frozenset({None, "", ()})


def _filled(first: DeviceAnswer, second: DeviceAnswer) -> DeviceAnswer:
    merged = first._replace(**_gaps(first, second))
    listed = {device.uuid: device for device in second.mig_devices}
    parts = tuple(part._replace(**_gaps(part, listed.get(part.uuid, part))) for part in merged.mig_devices)
    return merged._replace(faults=tuple(dict.fromkeys((*first.faults, *second.faults))), mig_devices=parts)


def _gaps(first: _Record, second: _Record) -> Dict[str, Any]:
    """What the second says of that of which the first says nothing."""
    return {name: value for name, value in second._asdict().items() if getattr(first, name) in _NOTHING}


def _of_tegra(evidence: Evidence) -> List[HostGpu]:
    """The GPU of a Tegra board whose driver has neither NVML nor nvidia-smi to ask: those before JetPack 6."""
    driver = evidence.driver
    if evidence.platform.kind != TEGRA or evidence.nvml is not None or evidence.smi is not None:
        return []
    if not (driver.modules & {"nvgpu", "nvidia"} or driver.device_nodes & set(_TEGRA_NODES)):
        return []
    name = f"{evidence.platform.model or 'Tegra'} (integrated GPU)"
    return [HostGpu(0, "", answer=DeviceAnswer(index=0, name=name, architecture=None, memory_unified=True))]
