# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What NVML, the library under nvidia-smi, answers about all GPUs of a host."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from . import nvml_child
from .child_process import ChildAnswer, run_child
from .driver_words import NOT_APPLICABLE_ERRORS, NVML_ERRORS, Reading, one_line, snake_case, version_in
from .evidence import DeviceAnswer, DriverAnswer, MigDevice

Complaint = Tuple[str, str, Optional[int]]

_MIB = 2**20
_LARGEST = 2**50
_NOT_SUPPORTED, _TIMEOUT, _NO_LIBCUDA = 3, 10, (12, 13)
_NOT_KNOWN = NOT_APPLICABLE_ERRORS | {28}

# Our field of a GPU, with the child's, and the position in its answer. What is not here is read on its own below.
_NUMBERS = {
    "brand": ("brand", 0),
    "architecture": ("architecture", 0),
    "compute_mode": ("compute_mode", 0),
    "persistence_mode": ("persistence_mode", 0),
    "mig_mode": ("mig_mode", 0),
    "mig_pending": ("mig_mode", 1),
    "ecc_mode": ("ecc_mode", 0),
    "remap_pending": ("remapped_rows", 2),
    "remap_failure": ("remapped_rows", 3),
    "retired_pages_pending": ("retired_pages_pending", 0),
    "recovery_action": ("recovery_action", 0),
    "fabric_state": ("fabric", 0),
    "fabric_health": ("fabric", 2),
    "virtualization_mode": ("virtualization_mode", 0),
}


def ask_nvml(library: str, addresses: Sequence[str], seconds: float) -> DriverAnswer:
    """Ask NVML about all GPUs, in a process of its own.

    Args:
        library: path of libnvidia-ml.so.1.
        addresses: PCI addresses of the GPUs that the host knows.
        seconds: how long it may take.
    """
    began = time.monotonic()
    child = run_child(nvml_child, [library, *addresses], seconds)
    answer = interpreted(library, child)
    return answer._replace(seconds=round(time.monotonic() - began, 3))


def interpreted(library: str, child: ChildAnswer) -> DriverAnswer:
    """What the child's lines mean, also where it did not come to its end."""
    answer = DriverAnswer(asked=f"NVML ({library})", timed_out=child.timed_out)
    told: Dict[str, Any] = {}
    for line in child.lines:
        if not {"index", "address"} & set(line):
            told.update(line)
    code, text = _error(told.get("error") or told.get("init"))
    if code is None:
        return answer._replace(failure=str(told.get("failure") or child.failure or "it said nothing"))
    if code:
        return answer._replace(error=code, seen=(text,))
    about = [line for line in child.lines if "index" in line or "address" in line]
    unknown: List[str] = []
    devices = [_device(line, unknown) for line in about if "values" in line]
    cuda = _integer(told.get("cuda"))
    unfinished = "" if told.get("done") else child.failure
    return answer._replace(
        error=0,
        seen=(f"NVML {unfinished}",) if unfinished else (),
        driver_version=version_in(str(told.get("driver") or "")),
        cuda_version=f"{cuda // 1000}.{cuda % 1000 // 10}" if cuda else "",
        cuda_version_missing=told.get("cuda_error") in _NO_LIBCUDA,
        devices=tuple(devices),
        complaints=(*_complaints(about), *_unanswered(about, told.get("count"), unfinished)),
        mig_listed=_mig_listed(about),
        unknown=tuple(unknown),
    )


def _mig_listed(about: Sequence[Mapping[str, Any]]) -> bool:
    asked = [line for line in about if "mig_devices" in line or "mig_devices" in line.get("errors", {})]
    return bool(asked) and not any("mig_devices" in line.get("errors", {}) for line in asked)


def _complaints(about: Sequence[Mapping[str, Any]]) -> List[Complaint]:
    """What NVML says of GPUs whose handle it does not give, with their address where it told the two together.

    Asked by address, it answers NOT_FOUND and the like for a GPU that it never knew, since another kernel driver holds
    it: that is no complaint.
    """
    by_index: List[Complaint] = []
    by_address: List[Complaint] = []
    for line in about:
        code, text = _error(line.get("error"))
        if code and "index" in line:
            by_index.append(("", f"NVML index {line['index']}: {text}", code))
        elif code and code not in _NOT_KNOWN:
            by_address.append((str(line["address"]), text, code))
    return [*(by_index if len(by_address) < len(by_index) else []), *by_address]


def _unanswered(about: Sequence[Mapping[str, Any]], many: Any, unfinished: str) -> List[Complaint]:
    """The GPU whose turn it was when NVML was stopped."""
    answered = sum("index" in line for line in about)
    if not unfinished or not isinstance(many, int) or answered >= many:
        return []
    return [("", f"NVML index {answered}: {unfinished}", _TIMEOUT)]


def _device(line: Mapping[str, Any], unknown: List[str]) -> DeviceAnswer:
    values, errors = line["values"], line.get("errors", {})
    reading = Reading()
    for code, text in map(_error, errors.values()):
        if code and code not in NOT_APPLICABLE_ERRORS:
            reading.fault(text)
    found: Dict[str, Any] = {}
    for field, (name, position) in _NUMBERS.items():
        number = _at(values.get(name), position)
        found[field] = None if number is None else reading.number(field, number)
    found.update(_memory(values.get("memory")))
    if found["memory_mib"] is not None:
        found["memory_unified"] = False
    elif _error(errors.get("memory"))[0] == _NOT_SUPPORTED and not reading.faults:
        found["memory_unified"] = True
    if found["fabric_state"] is None:
        found["fabric_health"] = None
    elif found["fabric_state"] == "completed":
        code, text = _error(values["fabric"][1])
        found["fabric_status"] = snake_case(text) if code else "success"
    major, minor = (_at(values.get("compute_capability"), position) for position in (0, 1))
    if major and minor is not None and major < 1000 and minor < 100:
        found["compute_capability"] = (major, minor)
    address, device_id = (values.get("pci") or ["", ""])[:2]
    unknown += reading.unknown
    return DeviceAnswer(
        **found,
        pci_address=str(line.get("address") or address),
        pci_device_id=device_id if device_id.startswith("10de:") else "",
        index=_integer(line.get("index")),
        uuid=reading.read("uuid", values.get("uuid")),
        name=reading.read("name", values.get("name")),
        minor=_at(values.get("minor"), 0),
        ecc_uncorrected=_at(values.get("ecc_uncorrected"), 0),
        mig_devices=tuple(map(_mig_device, line.get("mig_devices", ()))),
        faults=tuple(reading.faults),
    )


def _mig_device(line: Mapping[str, Any]) -> MigDevice:
    values = line["values"]
    return MigDevice(
        uuid=str(values.get("uuid") or ""),
        profile=str(values.get("name") or "").rpartition(" MIG ")[2] if " MIG " in str(values.get("name")) else "",
        index=_integer(line.get("index")),
        gpu_instance=_at(values.get("gpu_instance"), 0),
        compute_instance=_at(values.get("compute_instance"), 0),
        memory_mib=_memory(values.get("memory"))["memory_mib"],
    )


def _memory(told: Any) -> Dict[str, Optional[int]]:
    """Total, used and free memory. A total of nothing, or of more than any GPU has, is none."""
    total, used, free = (_at(told, position) for position in (0, 1, 2))
    if not total or total > _LARGEST:
        return {"memory_mib": None, "memory_used_mib": None, "memory_free_mib": None}
    sizes = {"memory_mib": total, "memory_used_mib": used, "memory_free_mib": free}
    return {field: size // _MIB if size is not None and size <= total else None for field, size in sizes.items()}


def _error(told: Any) -> Tuple[Optional[int], str]:
    """An error number of NVML, and a text for it: the library's, or ours where it has none."""
    code = _at(told, 0)
    if code is None:
        return None, ""
    text = told[1] if len(told) > 1 and isinstance(told[1], str) else ""
    return code, one_line(text) or NVML_ERRORS.get(code, f"NVML error {code}")


def _at(told: Any, position: int) -> Optional[int]:
    return _integer(told[position]) if isinstance(told, list) and position < len(told) else None


def _integer(told: Any) -> Optional[int]:
    return told if isinstance(told, int) and not isinstance(told, bool) and told >= 0 else None
