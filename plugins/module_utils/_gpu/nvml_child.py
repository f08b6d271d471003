# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What NVML says of this host, as one JSON object a line.

A driver that hangs never lets go of the process that asked it. So this file runs as a process of its own: it imports
nothing but the standard library, and what it has learned before it hangs is printed already. It interprets nothing.

Functions, structures and numbers: nvml.h, which keeps what it once declared, and for what is newer nvidia-ml-py
13.615. A function that the library lacks answers as NVML itself would: FUNCTION_NOT_FOUND.
"""

from __future__ import annotations

import json
import os
import sys
from ctypes import (
    CDLL,
    Structure,
    Union,
    byref,
    c_char,
    c_char_p,
    c_int,
    c_longlong,
    c_ubyte,
    c_uint,
    c_ulonglong,
    c_void_p,
    create_string_buffer,
    sizeof,
)
from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple

INVALID_ARGUMENT, NOT_FOUND, FUNCTION_NOT_FOUND = 2, 6, 13

_BUFFER = 96
_GPUS, _MIG_DEVICES = 1024, 64
_RECOVERY_ACTION = 230
_UNCORRECTED, _SINCE_DRIVER_LOAD = 1, 0
# By nvmlValueType_t: how many bytes of the value count.
_VALUE_BYTES = {1: 4, 2: 8, 3: 8, 4: 8, 5: 4, 6: 2}


class Pci(Structure):
    """nvmlPciInfo_t."""

    _fields_ = [
        ("legacy", c_char * 16),
        ("domain", c_uint),
        ("bus", c_uint),
        ("device", c_uint),
        ("device_and_vendor", c_uint),
        ("subsystem", c_uint),
        ("bus_id", c_char * 32),
    ]


class Memory(Structure):
    """nvmlMemory_t."""

    _fields_ = [("total", c_ulonglong), ("free", c_ulonglong), ("used", c_ulonglong)]


class Memory2(Structure):
    """nvmlMemory_v2_t, of which ``used`` is without what the driver keeps for itself, as nvidia-smi tells it."""

    _fields_ = [
        ("version", c_uint),
        ("total", c_ulonglong),
        ("reserved", c_ulonglong),
        ("free", c_ulonglong),
        ("used", c_ulonglong),
    ]


class Value(Union):
    """nvmlValue_t."""

    _fields_ = [("number", c_ulonglong), ("data", c_ubyte * 8)]


class Field(Structure):
    """nvmlFieldValue_t."""

    _fields_ = [
        ("field", c_uint),
        ("scope", c_uint),
        ("timestamp", c_longlong),
        ("latency", c_longlong),
        ("kind", c_uint),
        ("error", c_uint),
        ("value", Value),
    ]


class Fabric(Structure):
    """nvmlGpuFabricInfo_t."""

    _fields_ = [("cluster", c_ubyte * 16), ("status", c_uint), ("clique", c_uint), ("state", c_ubyte)]


class Fabric2(Structure):
    """nvmlGpuFabricInfo_v2_t."""

    _fields_ = [("version", c_uint), *Fabric._fields_, ("mask", c_uint)]


class Fabric3(Structure):
    """nvmlGpuFabricInfo_v3_t."""

    _fields_ = [*Fabric2._fields_, ("health", c_ubyte)]


class Nvml:
    """A libnvidia-ml, or anything that has its functions."""

    def __init__(self, library: Any) -> None:
        self.library = library

    def call(self, name: str, *arguments: Any) -> int:
        """What a function returns. A handle is an instance of c_void_p, which no C call cuts to 32 bits."""
        function = getattr(self.library, name, None)
        return FUNCTION_NOT_FOUND if function is None else int(function(*arguments))

    def error(self, code: int) -> List[Any]:
        """A number, and the library's text for it."""
        function = getattr(self.library, "nvmlErrorString", None)
        text = function(c_int(code)) if function else b""
        return [code, text.decode("utf-8", "replace") if isinstance(text, bytes) else ""]


Told = Tuple[int, Any]
Question = Callable[[Nvml, c_void_p], Told]


def _text(name: str) -> Question:
    def ask(nvml: Nvml, device: c_void_p) -> Told:
        buffer = create_string_buffer(_BUFFER)
        code = nvml.call(name, device, buffer, c_uint(_BUFFER))
        return code, buffer.value.decode("utf-8", "replace")

    return ask


def _numbers(name: str, many: int = 1) -> Question:
    def ask(nvml: Nvml, device: c_void_p) -> Told:
        numbers = [c_uint() for _number in range(many)]
        code = nvml.call(name, device, *map(byref, numbers))
        return code, [number.value for number in numbers]

    return ask


def _pci(nvml: Nvml, device: c_void_p) -> Told:
    pci = Pci()
    code = nvml.call("nvmlDeviceGetPciInfo_v3", device, byref(pci))
    function = pci.bus_id.decode("ascii", "replace").rpartition(".")[2] or "0"
    address = f"{pci.domain:04x}:{pci.bus:02x}:{pci.device:02x}.{function}"
    return code, [address, f"{pci.device_and_vendor & 0xFFFF:04x}:{pci.device_and_vendor >> 16:04x}"]


def _memory(nvml: Nvml, device: c_void_p) -> Told:
    newer = Memory2(version=sizeof(Memory2) | 2 << 24)
    if nvml.call("nvmlDeviceGetMemoryInfo_v2", device, byref(newer)) == 0:
        return 0, [newer.total, newer.used, newer.free]
    memory = Memory()
    code = nvml.call("nvmlDeviceGetMemoryInfo", device, byref(memory))
    return code, [memory.total, memory.used, memory.free]


def _ecc_uncorrected(nvml: Nvml, device: c_void_p) -> Told:
    number = c_ulonglong()
    kind, since = c_uint(_UNCORRECTED), c_uint(_SINCE_DRIVER_LOAD)
    code = nvml.call("nvmlDeviceGetTotalEccErrors", device, kind, since, byref(number))
    return code, [number.value]


def _recovery_action(nvml: Nvml, device: c_void_p) -> Told:
    field = Field(field=_RECOVERY_ACTION)
    code = nvml.call("nvmlDeviceGetFieldValues", device, c_int(1), byref(field)) or field.error
    if code == 0 and field.kind not in _VALUE_BYTES:
        return INVALID_ARGUMENT, None
    data = bytes(field.value.data)[: _VALUE_BYTES.get(field.kind, 0)]
    return code, [int.from_bytes(data, sys.byteorder)]


def _fabric(nvml: Nvml, device: c_void_p) -> Told:
    for version, structure in ((3, Fabric3), (2, Fabric2)):
        info: Any = structure(version=sizeof(structure) | version << 24)
        if nvml.call("nvmlDeviceGetGpuFabricInfoV", device, byref(info)) == 0:
            return 0, [info.state, nvml.error(info.status), getattr(info, "health", 0)]
    old = Fabric()
    code = nvml.call("nvmlDeviceGetGpuFabricInfo", device, byref(old))
    return code, [old.state, nvml.error(old.status), 0]


_GPU: Dict[str, Question] = {
    "pci": _pci,
    "uuid": _text("nvmlDeviceGetUUID"),
    "name": _text("nvmlDeviceGetName"),
    "minor": _numbers("nvmlDeviceGetMinorNumber"),
    "brand": _numbers("nvmlDeviceGetBrand"),
    "architecture": _numbers("nvmlDeviceGetArchitecture"),
    "memory": _memory,
    "compute_capability": _numbers("nvmlDeviceGetCudaComputeCapability", 2),
    "compute_mode": _numbers("nvmlDeviceGetComputeMode"),
    "persistence_mode": _numbers("nvmlDeviceGetPersistenceMode"),
    "mig_mode": _numbers("nvmlDeviceGetMigMode", 2),
    "ecc_mode": _numbers("nvmlDeviceGetEccMode", 2),
    "ecc_uncorrected": _ecc_uncorrected,
    "remapped_rows": _numbers("nvmlDeviceGetRemappedRows", 4),
    "retired_pages_pending": _numbers("nvmlDeviceGetRetiredPagesPendingStatus"),
    "recovery_action": _recovery_action,
    "fabric": _fabric,
    "virtualization_mode": _numbers("nvmlDeviceGetVirtualizationMode"),
}

# The profile is a part of the name: NVIDIA A100-SXM4-40GB MIG 1g.5gb.
_MIG_DEVICE: Dict[str, Question] = {
    "uuid": _text("nvmlDeviceGetUUID"),
    "name": _text("nvmlDeviceGetName"),
    "gpu_instance": _numbers("nvmlDeviceGetGpuInstanceId"),
    "compute_instance": _numbers("nvmlDeviceGetComputeInstanceId"),
    "memory": _memory,
}


def _asked(nvml: Nvml, device: c_void_p, questions: Dict[str, Question]) -> Dict[str, Any]:
    values, errors = {}, {}
    for field, ask in questions.items():
        code, told = ask(nvml, device)
        if code:
            errors[field] = nvml.error(code)
        else:
            values[field] = told
    return {"values": values, "errors": errors}


def _gpu(nvml: Nvml, device: c_void_p) -> Dict[str, Any]:
    answer = _asked(nvml, device, _GPU)
    if answer["values"].get("mig_mode", [0])[0]:
        number = c_uint()
        code = nvml.call("nvmlDeviceGetMaxMigDeviceCount", device, byref(number))
        if code:
            answer["errors"]["mig_devices"] = nvml.error(code)
        else:
            answer["mig_devices"] = list(_mig_devices(nvml, device, number.value, answer["errors"]))
    return answer


def _mig_devices(nvml: Nvml, device: c_void_p, many: int, errors: Dict[str, Any]) -> Iterator[Dict[str, Any]]:
    for index in range(min(many, _MIG_DEVICES)):
        mig = c_void_p()
        code = nvml.call("nvmlDeviceGetMigDeviceHandleByIndex", device, c_uint(index), byref(mig))
        if code == 0:
            yield {"index": index, **_asked(nvml, mig, _MIG_DEVICE)}
        elif code not in (NOT_FOUND, INVALID_ARGUMENT):
            errors["mig_devices"] = nvml.error(code)


def _system(nvml: Nvml) -> Dict[str, Any]:
    version, cuda, many = create_string_buffer(_BUFFER), c_int(), c_uint()
    told: Dict[str, Any] = {"driver": "", "cuda": None, "count": None}
    if nvml.call("nvmlSystemGetDriverVersion", version, c_uint(_BUFFER)) == 0:
        told["driver"] = version.value.decode("utf-8", "replace")
    told["cuda_error"] = nvml.call("nvmlSystemGetCudaDriverVersion_v2", byref(cuda))
    if told["cuda_error"] == 0:
        told["cuda"] = cuda.value
    told["error"] = nvml.error(nvml.call("nvmlDeviceGetCount_v2", byref(many)))
    if told["error"][0] == 0:
        told["count"] = many.value
    return told


def read(library: Any, addresses: Sequence[str] = ()) -> Iterator[Dict[str, Any]]:
    """What NVML says, piece by piece.

    Args:
        library: libnvidia-ml, or an object with its functions, which take what a C function takes: ctypes objects.
        addresses: PCI addresses that the host knows. NVML is asked for those that it does not list, since it has an
            error to tell for each that it knows: of a lost GPU too, whose handle it does not give by index.
    """
    nvml = Nvml(library)
    code = nvml.call("nvmlInit_v2")
    yield {"init": nvml.error(code)}
    if code:
        return
    system = _system(nvml)
    yield system
    answered = set()
    for index in range(min(system["count"] or 0, _GPUS)):
        device = c_void_p()
        code = nvml.call("nvmlDeviceGetHandleByIndex_v2", c_uint(index), byref(device))
        # The number counts GPUs that cannot be asked too, so an error is not the end of the list.
        answer: Dict[str, Any] = {"error": nvml.error(code)} if code else _gpu(nvml, device)
        answered.add(answer.get("values", {}).get("pci", [""])[0])
        yield {"index": index, **answer}
    for address in addresses:
        if address not in answered:
            device = c_void_p()
            code = nvml.call("nvmlDeviceGetHandleByPciBusId_v2", address.encode("ascii"), byref(device))
            yield {"address": address, **({"error": nvml.error(code)} if code else _gpu(nvml, device))}
    nvml.call("nvmlShutdown")
    yield {"done": True}


def main(path: str, addresses: Sequence[str]) -> None:
    """Write what the library at a path says to the standard output, and what it prints itself to the other one."""
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        library = CDLL(path)
        text = getattr(library, "nvmlErrorString", None)
        if text is not None:
            text.restype = c_char_p
        answers: Iterator[Dict[str, Any]] = read(library, addresses)
    except OSError as error:
        answers = iter([{"failure": str(error)}])
    for answer in answers:
        output.write(json.dumps(answer) + "\n")
        output.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
