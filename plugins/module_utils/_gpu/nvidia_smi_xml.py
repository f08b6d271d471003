# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The answer of ``nvidia-smi -q -x``.

It has no UUID of a MIG device, no index and no compute capability of a GPU, whatever the driver.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple
from xml.etree import ElementTree

from .driver_words import Reading, memory_unified, version_in
from .evidence import DeviceAnswer, MigDevice
from .pci_address import address_in


class XmlError(ValueError):
    """The text is not the XML of nvidia-smi."""


class XmlAnswer(NamedTuple):
    """What the document says.

    Attributes:
        attached: how many GPUs it says that there are.
        devices: in the order of the document.
        talk: lines that stand in or around the document, where nvidia-smi complains about a GPU.
    """

    driver_version: str
    cuda_version: str
    cuda_version_missing: bool
    attached: Optional[int]
    devices: Tuple[DeviceAnswer, ...]
    talk: Tuple[str, ...]
    unknown: Tuple[str, ...]


# Where the fields of a GPU stand; the first that is there counts (recorded documents of drivers 418 to 595).
PATHS: Dict[str, Tuple[str, ...]] = {
    "uuid": ("uuid",),
    "name": ("product_name",),
    "minor": ("minor_number",),
    "brand": ("product_brand",),
    "architecture": ("product_architecture",),
    "pci_device_id": ("pci/pci_device_id",),
    "memory_mib": ("fb_memory_usage/total",),
    "memory_used_mib": ("fb_memory_usage/used",),
    "memory_free_mib": ("fb_memory_usage/free",),
    "compute_mode": ("compute_mode",),
    "persistence_mode": ("persistence_mode",),
    "mig_mode": ("mig_mode/current_mig",),
    "mig_pending": ("mig_mode/pending_mig",),
    "ecc_mode": ("ecc_mode/current_ecc",),
    "remap_pending": ("remapped_rows/remapped_row_pending", "remapped_rows"),
    "remap_failure": ("remapped_rows/remapped_row_failure", "remapped_rows"),
    "retired_pages_pending": ("retired_pages/pending_retirement", "retired_pages/pending_blacklist"),
    "recovery_action": ("gpu_recovery_action",),
    "reset_required": ("gpu_reset_status/reset_required",),
    "fabric_state": ("fabric/state",),
    "fabric_status": ("fabric/status",),
    "fabric_health": ("fabric/health/summary",),
    "virtualization_mode": ("gpu_virtualization_mode/virtualization_mode",),
}

_MIG_PATHS = {
    "index": "index",
    "gpu_instance": "gpu_instance_id",
    "compute_instance": "compute_instance_id",
    "memory_mib": "fb_memory_usage/total",
}

_ROOT = "nvidia_smi_log"

# From R610 on the old elements hold a remark beside the version; the new names are those of its text output.
_DRIVER_VERSIONS = ("kmd_version", "driver_version")
_CUDA_VERSIONS = ("cuda_umd_version", "cuda_version")


def parse_xml(text: str) -> XmlAnswer:
    """Read the answer of ``nvidia-smi -q -x``, with whatever else was printed around it.

    Raises:
        XmlError: where there is no such document, or only a part of one.
    """
    before, document, after = _document(text)
    try:
        root = ElementTree.fromstring(document)
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        raise XmlError(f"it is no XML: {error}") from error
    if root.tag != _ROOT:
        raise XmlError(f"its root is not {_ROOT}")
    unknown: List[str] = []
    devices = [_device(gpu, unknown) for gpu in root.findall("gpu")]
    cuda_version = _first(root, _CUDA_VERSIONS) or ""
    talk = [before, root.text or "", *(child.tail or "" for child in root), after]
    attached = Reading().read("index", root.findtext("attached_gpus"))
    return XmlAnswer(
        driver_version=version_in(_first(root, _DRIVER_VERSIONS) or ""),
        cuda_version=version_in(cuda_version),
        cuda_version_missing=cuda_version.lower() == "not found",
        attached=attached,
        devices=tuple(devices),
        talk=tuple(line.strip() for part in talk for line in part.splitlines() if line.strip()),
        unknown=tuple(unknown),
    )


def _document(text: str) -> Tuple[str, str, str]:
    """What was printed before the document, the document, and what was printed after it."""
    begin = min((at for at in (text.find("<?xml"), text.find(f"<{_ROOT}")) if at >= 0), default=-1)
    end = text.rfind(f"</{_ROOT}>")
    if begin < 0:
        raise XmlError("it is no XML")
    if end < begin:
        raise XmlError("it ends in the middle")
    end += len(f"</{_ROOT}>")
    document = text[begin:end]
    # nvidia-smi declares no entities. What does can make a small text a very large one.
    if "<!ENTITY" in document:
        raise XmlError("it declares entities")
    return text[:begin], document, text[end:]


def _device(gpu: ElementTree.Element, unknown: List[str]) -> DeviceAnswer:
    reading = Reading()
    values = {field: reading.read(field, _first(gpu, paths)) for field, paths in PATHS.items()}
    values["pci_address"] = address_in(gpu.findtext("pci/pci_bus_id") or "") or address_in(gpu.get("id", "")) or ""
    values["ecc_uncorrected"] = _ecc_uncorrected(gpu, reading)
    values["mig_devices"] = tuple(_mig_device(device, unknown) for device in gpu.findall("mig_devices/mig_device"))
    if values["fabric_state"] is None:
        values.update(fabric_status=None, fabric_health=None)
    drain = reading.read("reset_required", gpu.findtext("gpu_reset_status/drain_and_reset_recommended"))
    if drain and values["recovery_action"] is None:
        values["recovery_action"] = "drain_and_reset"
    told = gpu.findtext("fb_memory_usage/total")
    values["memory_unified"] = memory_unified(values["memory_mib"], told, reading.faults)
    unknown += reading.unknown
    return DeviceAnswer(**values, faults=tuple(reading.faults))


def _ecc_uncorrected(gpu: ElementTree.Element, reading: Reading) -> Optional[int]:
    """Since the last reset or driver load. Turing and newer tell it by kind of memory, older GPUs have a total too."""
    counters = gpu.findall("ecc_errors/volatile/double_bit/total")
    volatile = gpu.find("ecc_errors/volatile")
    if volatile is not None:
        counters += [counter for counter in volatile if "uncorrectable" in counter.tag]
    counts = [reading.read("ecc_uncorrected", counter.text) for counter in counters]
    told = [count for count in counts if count is not None]
    return sum(told) if told else None


def _mig_device(device: ElementTree.Element, unknown: List[str]) -> MigDevice:
    reading = Reading()
    values = {field: reading.read(field, device.findtext(path)) for field, path in _MIG_PATHS.items()}
    unknown += [f"mig_device: {word}" for word in reading.unknown]
    return MigDevice(**values)


def _first(element: ElementTree.Element, paths: Sequence[str]) -> Optional[str]:
    """The text of the first of these elements that has one."""
    for path in paths:
        text = (element.findtext(path) or "").strip()
        if text:
            return text
    return None
