# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What nvidia-smi prints, and what it means.

The facts have the keys that `_policy.gpus.parse_gpus` reads.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence

from .nvidia_smi_csv import refused_field
from .pci_address import address_in

__all__ = ["EXIT_CODES", "FIELDS", "address_in", "parse_listing", "parse_rows", "refused_field"]

# What nvidia-smi's exit codes mean: those of its manual page, and 18, which is NVML's and not in it.
EXIT_CODES = {
    4: "no permission",
    8: "a power cable is missing",
    9: "the driver is not loaded",
    10: "the kernel found an interrupt problem",
    12: "the NVML library is missing",
    13: "the NVML library is too old",
    14: "the infoROM is corrupted",
    15: "a GPU fell off the bus",
    18: "the loaded driver and its library have different versions",
}

_NOTHING = (
    "",
    "n/a",
    "[n/a]",
    "[not supported]",
    "[insufficient permissions]",
    "[requested functionality has been deprecated]",
)
_GPU_LINE = re.compile(r"GPU \d+: .*\(UUID: ([^)]+)\)\s*$")
_MIG_LINE = re.compile(r"\s+MIG (\S+)\s+Device\s+\d+: \(UUID: (MIG-[^)]+)\)\s*$")


def _matching(pattern: str) -> Callable[[str], Optional[str]]:
    def read(cell: str) -> Optional[str]:
        match = re.match(pattern, cell)
        return match.group(1) if match else None

    return read


class _Field(NamedTuple):
    fact: str
    read: Callable[[str], Optional[str]]


# What --query-gpu is asked for. A driver that does not know one of them refuses the whole query: R470 has no
# compute_cap. From R610 on driver_version can be a sentence that begins with the version.
FIELDS: Dict[str, _Field] = {
    "index": _Field("index", _matching(r"([0-9]{1,9})$")),
    "uuid": _Field("uuid", str),
    "name": _Field("name", str),
    "memory.total": _Field("memory_mib", _matching(r"([0-9]{1,9})(?: MiB)?$")),
    "compute_cap": _Field("compute_capability", _matching(r"([0-9]{1,3}\.[0-9])$")),
    "pci.bus_id": _Field("pci_address", address_in),
    "mig.mode.current": _Field("mig_mode", _matching(r"(Enabled|Disabled)$")),
    "driver_version": _Field("driver_version", _matching(r"([0-9]+(?:\.[0-9]+)+)")),
}


def parse_rows(text: str, fields: Sequence[str]) -> List[Dict[str, Any]]:
    """The facts of each GPU in the answer to ``--query-gpu=FIELDS --format=csv,noheader``.

    Lines that are no row are left out: complaints about one GPU stand between the rows of the others.
    """
    rows = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) == len(fields):
            facts = _facts(dict(zip(fields, cells)))
            if "index" in facts or "pci_address" in facts:
                rows.append(facts)
    return rows


def _facts(cells: Dict[str, str]) -> Dict[str, Any]:
    facts: Dict[str, Any] = {}
    for name, cell in cells.items():
        if cell.lower() in _NOTHING:
            continue
        if cell.startswith("["):
            facts.update(usable=False, reason=f"nvidia-smi says '{cell.strip('[]')}'")
            continue
        value = FIELDS[name].read(cell)
        if value is not None:
            facts[FIELDS[name].fact] = value
    return facts


def parse_listing(text: str) -> Dict[str, List[Dict[str, Any]]]:
    """The MIG devices in the output of ``nvidia-smi -L``, by the UUID of their GPU."""
    found: Dict[str, List[Dict[str, Any]]] = {}
    uuid = ""
    for line in text.splitlines():
        gpu, mig = _GPU_LINE.match(line), _MIG_LINE.match(line)
        if gpu:
            uuid = gpu.group(1)
        elif mig:
            found.setdefault(uuid, []).append({"profile": mig.group(1), "uuid": mig.group(2)})
    return found
