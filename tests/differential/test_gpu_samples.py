# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded output of nvidia-smi, where a folder of it lies beside the clone, held against our reading of it."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu.nvidia_smi import (
    FIELDS,
    parse_listing,
    parse_rows,
    refused_field,
)
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import parse_gpus

SAMPLES = Path(__file__).parents[2].resolve().parent / "shared" / "gpu-samples"

pytestmark = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="no shared/gpu-samples beside the clone: recordings that are no part of this project"
)

CSV = "*/idle-query-gpu-csv-what-the-exporter-parses.txt"


def query(recording: Path) -> list[dict[str, Any]]:
    """Our facts of a recording that has every field there is, cut down to the ones that we ask for."""
    with recording.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, skipinitialspace=True))
    column = {name.split()[0]: name for name in rows[0]}
    return parse_rows("\n".join(", ".join(row[column[field]] for field in FIELDS) for row in rows), list(FIELDS))


def listings() -> list[tuple[Path, list[str]]]:
    """All recordings of -L, each with its lines about a device."""
    files = [*SAMPLES.glob("split/*/capabilities-list-l.txt"), *SAMPLES.glob("listing/*.txt")]
    texts = {file: file.read_text(encoding="utf-8").splitlines() for file in sorted(files)}
    return [(file, [line for line in lines if "UUID" in line]) for file, lines in texts.items()]


def test_every_recorded_query_has_all_facts():
    recordings = sorted(SAMPLES.glob(f"split/{CSV}"))
    assert len(recordings) > 5
    for recording in recordings:
        (facts,) = query(recording)
        told = {"index", "uuid", "name", "memory_mib", "compute_capability", "pci_address", "driver_version"}
        assert told <= set(facts) <= {*told, "mig_mode"}
        assert facts["driver_version"] in recording.parent.name


def test_every_recorded_query_gives_a_gpu_of_the_size_that_its_name_says():
    for recording in sorted(SAMPLES.glob(f"split/*80gb*/{CSV.split('/')[1]}")):
        (gpu,) = parse_gpus(query(recording)).gpus
        assert gpu.memory_mib * 2**20 >= 80 * 10**9


def test_every_line_of_every_recorded_listing_is_understood():
    assert sum(len(lines) for file, lines in listings()) > 20
    for file, lines in listings():
        found = [device["uuid"] for devices in parse_listing("\n".join(lines)).values() for device in devices]
        assert found == re.findall(r"UUID: (MIG-[^)]+)\)", "\n".join(lines)), file
        assert "" not in parse_listing("\n".join(lines)), file


def test_the_rows_beside_a_lost_gpu_are_read():
    text = (SAMPLES / "errors" / "lost-gpu-index-gap.txt").read_text(encoding="utf-8")
    rows = parse_rows(text, ["index", "pci.bus_id", "name"])
    assert [row["index"] for row in rows] == ["0", "1", "2", "4", "5", "6"]


def test_recorded_messages_are_no_rows():
    with (SAMPLES / "errors" / "messages.tsv").open(encoding="utf-8", newline="") as lines:
        messages = [row["text"] for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)]
    assert [parse_rows(message, list(FIELDS)) for message in messages] == [[]] * len(messages)
    assert [field for field in map(refused_field, messages) if field] == ["compute_cap"]
