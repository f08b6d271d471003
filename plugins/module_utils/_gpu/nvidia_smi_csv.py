# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The answer of ``nvidia-smi --query-gpu=FIELDS --format=csv,noheader,nounits``."""

from __future__ import annotations

import re
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from .driver_words import Reading, memory_unified, version_in
from .evidence import DeviceAnswer
from .pci_address import address_in

FORMAT = "--format=csv,noheader,nounits"

# Our names of the fields, by nvidia-smi's. A driver that does not know one of them refuses the whole query: R470 has no
# compute_cap, gpu_recovery_action came with R570 (recorded --help-query-gpu of drivers 590 to 610).
FIELDS: Dict[str, str] = {
    "pci.bus_id": "pci_address",
    "index": "index",
    "compute_cap": "compute_capability",
    "uuid": "uuid",
    "driver_version": "driver_version",
    "pci.device_id": "pci_device_id",
    "memory.total": "memory_mib",
    "memory.used": "memory_used_mib",
    "memory.free": "memory_free_mib",
    "compute_mode": "compute_mode",
    "persistence_mode": "persistence_mode",
    "mig.mode.current": "mig_mode",
    "mig.mode.pending": "mig_pending",
    "ecc.mode.current": "ecc_mode",
    "ecc.errors.uncorrected.volatile.total": "ecc_uncorrected",
    "remapped_rows.pending": "remap_pending",
    "remapped_rows.failure": "remap_failure",
    "retired_pages.pending": "retired_pages_pending",
    "gpu_recovery_action": "recovery_action",
    "fabric.state": "fabric_state",
    "fabric.status": "fabric_status",
    "name": "name",
}

# What the XML does not have. UUIDs and names join the rows of a GPU that has no PCI address.
MISSING_IN_XML = ("pci.bus_id", "index", "compute_cap", "uuid")

_REFUSED = re.compile(r'Field "([^"]+)" is not a valid field to query')


class CsvAnswer(NamedTuple):
    """What the rows say.

    Attributes:
        devices: one for each row.
        talk: lines that are no row, where nvidia-smi complains about a GPU.
    """

    driver_version: str
    devices: Tuple[DeviceAnswer, ...]
    talk: Tuple[str, ...]
    unknown: Tuple[str, ...]


def refused_field(text: str) -> Optional[str]:
    """The field that the driver does not know, where it refused a query for that."""
    match = _REFUSED.search(text)
    return match.group(1) if match else None


def parse_csv(text: str, fields: Sequence[str]) -> CsvAnswer:
    """Read the answer to a query for ``fields``, which are some of `FIELDS`.

    Complaints about one GPU stand between the rows of the others, so a line is a row only where it has a cell for each
    field and says which GPU it is about.
    """
    devices: List[DeviceAnswer] = []
    talk: List[str] = []
    unknown: List[str] = []
    version = ""
    for line in filter(None, map(str.strip, text.splitlines())):
        # The name is asked for last: it is the only cell that could hold a comma.
        cells = [cell.strip() for cell in line.split(",", len(fields) - 1)]
        row = dict(zip(fields, cells))
        if len(cells) == len(fields) and (_is_address(row.get("pci.bus_id", "")) or _is_index(row.get("index", ""))):
            devices.append(_device(row, unknown))
            version = version or version_in(row.get("driver_version", ""))
        else:
            talk.append(line)
    return CsvAnswer(version, tuple(devices), tuple(talk), tuple(unknown))


def _is_address(cell: str) -> bool:
    return re.match(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]\Z", cell, re.IGNORECASE) is not None


def _is_index(cell: str) -> bool:
    return re.match(r"[0-9]{1,9}\Z", cell) is not None


def _device(row: Dict[str, str], unknown: List[str]) -> DeviceAnswer:
    reading = Reading()
    values = {
        FIELDS[name]: reading.read(FIELDS[name], cell)
        for name, cell in row.items()
        if name not in ("pci.bus_id", "driver_version")
    }
    values["pci_address"] = address_in(row.get("pci.bus_id", "")) or ""
    if values.get("fabric_state") is None:
        values.pop("fabric_status", None)
    if "memory.total" in row:
        values["memory_unified"] = memory_unified(values["memory_mib"], row["memory.total"], reading.faults)
    unknown += reading.unknown
    return DeviceAnswer(**values, faults=tuple(reading.faults))
