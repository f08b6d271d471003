# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The words and numbers in which NVIDIA's driver tells the state of a GPU, and ours for them.

What the driver says is one of four things: a value, that the field does not apply to this GPU, that something is wrong
with the GPU, or what nobody knew when this was written. Only the first becomes a value.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

# The field does not apply (recorded nvidia-smi output of drivers 418 to 610; NVML's nvmlErrorString for the last two).
NOT_APPLICABLE = frozenset(
    {
        "",
        "n/a",
        "not supported",
        "requested functionality has been deprecated",
        "function not found",
        "no data",
    }
)

# Something is wrong with the GPU, or keeps us from asking it (nvmlErrorString, which nvidia-smi prints in place of a
# value; ERR! is what its table prints). The first form is NVML's text, the second that of its Python bindings.
FAULTS = frozenset(
    {
        "insufficient permissions",
        "insufficient external power",
        "driver not loaded",
        "timeout",
        "interrupt request issue",
        "corrupted inforom",
        "gpu is lost",
        "gpu requires reset",
        "gpu requires restart",
        "gpu access blocked by the operating system",
        "the operating system has blocked the request.",
        "unknown error",
        "err!",
    }
)

# NVML's error numbers, which are nvidia-smi's exit codes too, with NVML's texts (nvml.h: nvmlReturn_t;
# nvmlErrorString).
NVML_ERRORS: Dict[int, str] = {
    1: "Uninitialized",
    2: "Invalid Argument",
    3: "Not Supported",
    4: "Insufficient Permissions",
    6: "Not Found",
    7: "Insufficient Size",
    8: "Insufficient External Power",
    9: "Driver Not Loaded",
    10: "Timeout",
    11: "Interrupt Request Issue",
    12: "NVML Shared Library Not Found",
    13: "Function Not Found",
    14: "Corrupted infoROM",
    15: "GPU is lost",
    16: "GPU requires reset",
    17: "GPU access blocked by the operating system",
    18: "Driver/library version mismatch",
    20: "Insufficient Memory",
    21: "No data",
    25: "Argument version mismatch",
    26: "Deprecated",
    27: "Not Ready",
    28: "GPU not found",
    999: "Unknown Error",
}

# Those of them that tell nothing bad of a GPU when a field of it is asked for: it has no such field, or this driver no
# such function or structure.
NOT_APPLICABLE_ERRORS = frozenset({2, 3, 6, 7, 13, 21, 25, 26})

_ON_OFF = {"enabled": True, "disabled": False}
_YES_NO = {"yes": True, "no": False}
_MIG = {"enabled": "enabled", "disabled": "disabled"}

# What nvidia-smi prints in each field, in lower case (recorded output; manual page of nvidia-smi).
WORDS: Dict[str, Mapping[str, Any]] = {
    # Exclusive_Thread went with CUDA 8; a driver that still says it means one process too.
    "compute_mode": {
        "default": "default",
        "exclusive_process": "exclusive_process",
        "exclusive_thread": "exclusive_process",
        "prohibited": "prohibited",
    },
    "persistence_mode": _ON_OFF,
    "ecc_mode": _ON_OFF,
    "mig_mode": _MIG,
    "mig_pending": _MIG,
    "remap_pending": _YES_NO,
    "remap_failure": _YES_NO,
    "retired_pages_pending": _YES_NO,
    "reset_required": _YES_NO,
    # The last two came with R615 (nvidia-ml-py 13.615); what they ask of us is the same.
    "recovery_action": {
        "none": "none",
        "reset": "reset",
        "gpu reset": "reset",
        "reboot": "reboot",
        "node reboot": "reboot",
        "drain p2p": "drain_p2p",
        "drain and reset": "drain_and_reset",
        "recover imex domain": "recover_imex_domain",
        "bus reset": "reset",
        "system reboot": "reboot",
    },
    "fabric_state": {
        "not supported": "not_supported",
        "not started": "not_started",
        "in progress": "in_progress",
        "completed": "completed",
    },
    "virtualization_mode": {
        "none": "none",
        "pass-through": "pass_through",
        "vgpu": "vgpu",
        "host vgpu": "host_vgpu",
        "host vsga": "host_vsga",
    },
}

# What NVML answers (nvml.h, and nvidia-ml-py 13.615 for what is newer than it). None: the driver does not know.
NUMBERS: Dict[str, Mapping[int, Any]] = {
    "brand": {
        0: None,
        1: "quadro",
        2: "tesla",
        3: "nvs",
        4: "grid",
        5: "geforce",
        6: "titan",
        7: "nvidia_vapps",
        8: "nvidia_vpc",
        9: "nvidia_vcs",
        10: "nvidia_vws",
        11: "nvidia_cloud_gaming",
        12: "quadro_rtx",
        13: "nvidia_rtx",
        14: "nvidia",
        15: "geforce_rtx",
        16: "titan_rtx",
    },
    "architecture": {
        2: "kepler",
        3: "maxwell",
        4: "pascal",
        5: "volta",
        6: "turing",
        7: "ampere",
        8: "ada_lovelace",
        9: "hopper",
        10: "blackwell",
        13: "rubin",
        0xFFFFFFFF: None,
    },
    "compute_mode": {0: "default", 1: "exclusive_process", 2: "prohibited", 3: "exclusive_process"},
    "mig_mode": {0: "disabled", 1: "enabled"},
    "mig_pending": {0: "disabled", 1: "enabled"},
    "recovery_action": {
        0: "none",
        1: "reset",
        2: "reboot",
        3: "drain_p2p",
        4: "drain_and_reset",
        5: "recover_imex_domain",
        6: "reset",
        7: "reboot",
    },
    "fabric_state": {0: "not_supported", 1: "not_started", 2: "in_progress", 3: "completed"},
    "fabric_health": {0: None, 1: "healthy", 2: "unhealthy", 3: "limited_capacity"},
    "virtualization_mode": {0: "none", 1: "pass_through", 2: "vgpu", 3: "host_vgpu", 4: "host_vsga"},
    **{
        switch: {0: False, 1: True}
        for switch in ("persistence_mode", "ecc_mode", "remap_pending", "remap_failure", "retired_pages_pending")
    },
}

_LONGEST = 200


def one_line(text: str) -> str:
    """A text of the driver as evidence: verbatim but for its blanks, and not without end."""
    return " ".join(text.split())[:_LONGEST]


def snake_case(text: str) -> str:
    """``ada_lovelace`` for ``Ada Lovelace``."""
    return re.sub(r"[^0-9a-z]+", "_", text.lower()).strip("_")[:_LONGEST]


def version_in(text: str) -> str:
    """The version that a text begins with: from R610 on a remark may follow it. Empty where there is none."""
    match = re.match(r"\s*([0-9]{1,6}(?:\.[0-9]{1,6}){1,3})(?![0-9.])", text)
    return match.group(1) if match else ""


class Reading:
    """Reads the fields of one GPU, and keeps what they say besides values.

    Attributes:
        faults: what the driver says instead of a value, verbatim, each once.
        unknown: what nobody knew when this was written: ``compute_mode: 'Whatever'``.
    """

    def __init__(self) -> None:
        self.faults: List[str] = []
        self.unknown: List[str] = []

    def read(self, field: str, text: Optional[str]) -> Any:
        """The value of a field of `DeviceAnswer` or `MigDevice` in what nvidia-smi printed.

        Args:
            text: None where it printed nothing.
        """
        plain = (text or "").strip()
        if plain.startswith("[") and plain.endswith("]"):
            plain = plain[1:-1].strip()
        if field in WORDS and plain.lower() in WORDS[field]:
            return WORDS[field][plain.lower()]
        if plain.lower() in NOT_APPLICABLE:
            return _nothing(field)
        if field in _OPEN:
            return snake_case(plain) or None
        if plain.lower() in FAULTS:
            self.fault(plain)
            return _nothing(field)
        value = None if field in WORDS else _READERS[field](plain)
        if value is None:
            self.unknown.append(f"{field}: '{one_line(plain)}'")
            return _nothing(field)
        return value

    def number(self, field: str, number: int) -> Any:
        """The value of a field in the number that NVML answered."""
        if number not in NUMBERS[field]:
            self.unknown.append(f"{field}: {number}")
        return NUMBERS[field].get(number)

    def fault(self, text: str) -> None:
        """Note what the driver says instead of a value."""
        said = one_line(text)
        if said not in self.faults:
            self.faults.append(said)


# Fields that are texts: they have no None.
_TEXTS = frozenset({"uuid", "name", "profile", "pci_device_id", "pci_address"})

# Why a GPU's fabric is not well is told in the words of any error, so here a word that is a fault elsewhere is none.
_OPEN = frozenset({"fabric_status", "fabric_health"})


def _nothing(field: str) -> Optional[str]:
    return "" if field in _TEXTS else None


def _matching(pattern: str, value: Callable[[Tuple[str, ...]], Any]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        match = re.match(rf"(?:{pattern})\Z", text, re.IGNORECASE)
        return value(match.groups()) if match else None

    return read


_COUNT = _matching("([0-9]{1,18})", lambda found: int(found[0]))
_MEBIBYTES = _matching("([0-9]{1,12})(?: MiB)?", lambda found: int(found[0]))
_NAME = _matching("([0-9A-Za-z][0-9A-Za-z ./+_-]*)", lambda found: snake_case(found[0]) or None)

# Fields that are no word of a list.
_READERS: Dict[str, Callable[[str], Any]] = {
    "index": _COUNT,
    "minor": _COUNT,
    "gpu_instance": _COUNT,
    "compute_instance": _COUNT,
    "ecc_uncorrected": _COUNT,
    "memory_mib": _MEBIBYTES,
    "memory_used_mib": _MEBIBYTES,
    "memory_free_mib": _MEBIBYTES,
    "brand": _NAME,
    "architecture": _NAME,
    "uuid": _matching(r"([0-9A-Za-z][0-9A-Za-z/-]{3,127})", lambda found: found[0]),
    "name": one_line,
    "profile": one_line,
    "compute_capability": _matching(r"([0-9]{1,3})\.([0-9]{1,2})", lambda found: (int(found[0]), int(found[1]))),
    # nvidia-smi prints the device before the vendor: 233010DE. An old driver printed one without a vendor.
    "pci_device_id": _matching(
        "(?:0x)?([0-9a-f]{4})([0-9a-f]{4})",
        lambda found: f"{found[1]}:{found[0]}".lower() if found[1].lower() == "10de" else "",
    ),
}


def memory_unified(memory_mib: Optional[int], told: Optional[str], faults: List[str]) -> Optional[bool]:
    """Whether GPU and host share one memory: the driver has no size to tell, without a fault, as on Jetson and GB10.

    Args:
        told: what it printed for the size; None where it printed nothing.
    """
    if memory_mib is not None:
        return False
    plain = (told or "").strip().strip("[]").lower()
    return True if plain in NOT_APPLICABLE - {""} and not faults else None
