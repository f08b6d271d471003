# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The GPUs that a server sees, in the order in which it numbers them."""

from __future__ import annotations

import re
from typing import Any, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._model_config.findings import ConfigError
from .._model_config.schema import suggest
from .cuda_visible_devices import Device, visible_devices

FROM_TASK = "the gpus of the task"

_GPU_KEYS = (
    "name",
    "brand",
    "uuid",
    "memory_mib",
    "compute_capability",
    "pci_address",
    "usable",
    "reason",
    "mig_mode",
    "mig_devices",
    "index",
)
_MIG_KEYS = ("name", "profile", "uuid", "memory_mib")
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


class Gpu(NamedTuple):
    """One device.

    Attributes:
        ordinal: the number by which ``gpus`` of an instance group names it: the CUDA ordinal in the server's process.
        uuid: ``GPU-...``, or ``MIG-...`` for a part of one; empty where it is not known.
        memory_mib: total memory in MiB, None where it is not known or shared with the host.
        compute_capability: (major, minor), None where it is not known.
        brand: ``GeForce``, ``nvidia_rtx``, ... as the driver or the facts have it; empty where it is not known.
    """

    ordinal: int
    name: str = ""
    uuid: str = ""
    memory_mib: Optional[int] = None
    compute_capability: Optional[Tuple[int, int]] = None
    brand: str = ""


class VisibleGpus(NamedTuple):
    """What a server on a host sees.

    Attributes:
        gpus: the devices, by ordinal.
        hidden: one sentence for each device of the host that the server cannot use, for all that one cause hides, or
            for why there is none at all: ``GPU 1 (0000:41:00.0, Tesla V100) is not usable: it fell off the bus``.
        driver_version: of the NVIDIA driver (``550.54.15``), empty where it is not known or there is none.
        source: where this was learned, for messages: ``the gpus of the task``, ``the GPUs of this host``.
    """

    gpus: Tuple[Gpu, ...]
    hidden: Tuple[str, ...] = ()
    driver_version: str = ""
    source: str = ""


def describe(gpu: Gpu) -> str:
    """One device in a message: ``0: Tesla T4 (15360 MiB, compute capability 7.5, GPU-8932f937-...)``."""
    memory = "memory not known" if gpu.memory_mib is None else f"{gpu.memory_mib} MiB"
    capability = "compute capability not known"
    if gpu.compute_capability is not None:
        capability = "compute capability {}.{}".format(*gpu.compute_capability)
    return f"{gpu.ordinal}: {gpu.name or 'unnamed GPU'} ({', '.join(filter(None, (memory, capability, gpu.uuid)))})"


def parse_gpus(
    data: Sequence[Mapping[str, Any]], cuda_visible_devices: Optional[str] = None, driver_version: str = ""
) -> VisibleGpus:
    """What a server sees of the GPUs in plain data: facts of a host, or invented ones.

    Args:
        data: the devices in PCI order, each a mapping with any of ``name``, ``brand``, ``uuid``, ``memory_mib``,
            ``compute_capability`` (``"8.0"``), ``pci_address``, ``usable`` (true where it is left out), ``reason`` (why
            it is not), ``mig_mode`` (``enabled`` or ``disabled``), ``mig_devices`` (each with ``uuid``, ``profile`` or
            ``name``, ``memory_mib``) and ``index`` (by which messages call it). Numbers may be texts, as templates
            yield them. Other keys are left alone, unless one looks like a known key that is not there.
        cuda_visible_devices: the variable in the environment of the server; None where it is not set.
        driver_version: of the NVIDIA driver, empty where it is not known.

    Raises:
        ConfigError: with every mistake in ``data`` and its place (``gpus[1].memory_mib``).
    """
    devices = parse_devices(data)
    visible, hidden = visible_devices(devices, cuda_visible_devices, driver_version)
    gpus = tuple(
        Gpu(ordinal, device.name, device.uuid, device.memory_mib, device.compute_capability, device.brand)
        for ordinal, device in enumerate(visible)
    )
    return VisibleGpus(gpus, tuple(hidden) if devices else ("the list is empty",), driver_version, FROM_TASK)


def parse_devices(data: Sequence[Mapping[str, Any]]) -> List[Device]:
    """The devices themselves, in the order of ``data``, whether a server sees them or not.

    Raises:
        ConfigError: with every mistake in ``data`` and its place.
    """
    reader = _Reader()
    devices = reader.devices(data)
    if reader.problems:
        raise ConfigError(reader.problems)
    return devices


def parse_compute_capability(value: Any) -> Optional[Tuple[int, int]]:
    """``"8.0"``, 8.0 or 8 as (8, 0); None for what is no compute capability."""
    match = re.fullmatch(r"([0-9]{1,3})(?:\.([0-9]))?", str(value).strip())
    return (int(match.group(1)), int(match.group(2) or 0)) if match else None


def parse_number(value: Any) -> Optional[int]:
    """A whole number from 0 on, also as a text; None for anything else."""
    match = re.fullmatch(r"[0-9]{1,9}", str(value).strip())
    return int(match.group()) if match else None


class _Reader:
    def __init__(self) -> None:
        self.problems: List[str] = []

    def devices(self, data: Any) -> List[Device]:
        return [self.device(gpu, f"gpus[{index}]", index) for index, gpu in enumerate(self.sequence(data, "gpus"))]

    def device(self, data: Any, place: str, position: int) -> Device:
        data = self.mapping(data, place, _GPU_KEYS)
        name, uuid, address, reason = (self.text(data, place, key) for key in ("name", "uuid", "pci_address", "reason"))
        index = self.number(data, place, "index")
        label = f"GPU {position if index is None else index}"
        known = ", ".join(filter(None, (address, name))) or uuid
        capability = self.compute_capability(data, place)
        unusable = "" if self.usable(data, place) else reason or "no reason is given"
        parts = self.sequence(data.get("mig_devices") or (), f"{place}.mig_devices")
        device = Device(
            label=f"{label} ({known})" if known else label,
            name=name,
            uuid=uuid,
            memory_mib=self.number(data, place, "memory_mib"),
            compute_capability=capability,
            brand=self.text(data, place, "brand"),
        )
        mig_devices = tuple(
            self.mig_device(part, f"{place}.mig_devices[{number}]", device, label) for number, part in enumerate(parts)
        )
        if self.mig_enabled(data, place) and not mig_devices:
            unusable = unusable or "MIG is on, but there is no MIG device"
        return device._replace(unusable=unusable, mig_devices=mig_devices)

    def mig_device(self, data: Any, place: str, parent: Device, parent_label: str) -> Device:
        data = self.mapping(data, place, _MIG_KEYS)
        uuid = self.text(data, place, "uuid")
        profile = self.text(data, place, "profile") or self.text(data, place, "name")
        memory = self.number(data, place, "memory_mib")
        slices, _c, instance = profile.rpartition("c.")
        return Device(
            label=f"{uuid or 'a MIG device'} ({f'{profile} of ' if profile else ''}{parent_label})",
            name=f"{parent.name} MIG {profile}".strip(),
            uuid=uuid,
            memory_mib=_memory_of(profile) if memory is None else memory,
            compute_capability=parent.compute_capability,
            brand=parent.brand,
            gpu_instance=f"{parent_label} {instance}" if slices else place,
        )

    def usable(self, data: Mapping[str, Any], place: str) -> bool:
        value = data.get("usable")
        text = "true" if value is None else str(value).strip().lower()
        if text not in _TRUE + _FALSE:
            self.problems.append(f"{place}.usable: expected true or false, found {value!r}.")
        return text not in _FALSE

    def mig_enabled(self, data: Mapping[str, Any], place: str) -> bool:
        mode = self.text(data, place, "mig_mode").lower()
        if mode not in ("", "enabled", "disabled"):
            self.problems.append(f"{place}.mig_mode: expected enabled or disabled, found {data['mig_mode']!r}.")
        if mode == "disabled" and data.get("mig_devices"):
            self.problems.append(f"{place}.mig_devices: cannot be there while mig_mode is disabled.")
        return mode == "enabled"

    def compute_capability(self, data: Mapping[str, Any], place: str) -> Optional[Tuple[int, int]]:
        value = data.get("compute_capability")
        if value in (None, ""):
            return None
        capability = parse_compute_capability(value)
        if capability is None:
            self.problems.append(f'{place}.compute_capability: expected one like "8.0", found {value!r}.')
        return capability

    def number(self, data: Mapping[str, Any], place: str, key: str) -> Optional[int]:
        value = data.get(key)
        if value in (None, ""):
            return None
        number = parse_number(value)
        if number is None:
            self.problems.append(f"{place}.{key}: expected a whole number from 0, found {value!r}.")
        return number

    def text(self, data: Mapping[str, Any], place: str, key: str) -> str:
        value = data.get(key)
        if value is not None and not isinstance(value, str):
            self.problems.append(f"{place}.{key}: expected a text, found {value!r}.")
        return value.strip() if isinstance(value, str) else ""

    def mapping(self, data: Any, place: str, known: Sequence[str]) -> Mapping[str, Any]:
        if not isinstance(data, Mapping):
            self.problems.append(f"{place}: expected a mapping with {', '.join(known)}, found {data!r}.")
            return {}
        missing = [name for name in known if name not in data]
        for key in data:
            hint = "" if key in known else suggest(str(key), missing)
            if hint:
                self.problems.append(f"{place}.{key}: there is no such key.{hint}")
        return data

    def sequence(self, data: Any, place: str) -> Sequence[Any]:
        if isinstance(data, (str, bytes)) or not isinstance(data, Sequence):
            self.problems.append(f"{place}: expected a list of devices, found {data!r}.")
            return ()
        return data


def _memory_of(profile: str) -> Optional[int]:
    """MiB by the name of a MIG profile (``3g.40gb``), which says what nvidia-smi -L does not say otherwise."""
    match = re.search(r"([0-9]{1,6})gb", profile)
    return -(-int(match.group(1)) * 10**9 // 2**20) if match else None
