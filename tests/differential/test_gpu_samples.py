# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded output of nvidia-smi, where a folder of it lies beside the clone, held against our reading of it."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu.evidence import DeviceAnswer
from ansible_collections.inference.triton.plugins.module_utils._gpu.nvidia_smi_csv import (
    FIELDS,
    CsvAnswer,
    parse_csv,
    refused_field,
)
from ansible_collections.inference.triton.plugins.module_utils._gpu.nvidia_smi_listing import mig_devices
from ansible_collections.inference.triton.plugins.module_utils._gpu.nvidia_smi_xml import XmlError, parse_xml
from ansible_collections.inference.triton.plugins.module_utils._gpu.pci_address import address_in

SAMPLES = Path(__file__).parents[2].resolve().parent / "shared" / "gpu-samples"

pytestmark = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="no shared/gpu-samples beside the clone: recordings that are no part of this project"
)

PLACES = {
    "minor": "minor_number",
    "brand": "product_brand",
    "architecture": "product_architecture",
    "compute_mode": "compute_mode",
    "persistence_mode": "persistence_mode",
    "ecc_mode": "ecc_mode/current_ecc",
    "mig_mode": "mig_mode/current_mig",
}
CSV = "*/idle-query-gpu-csv-what-the-exporter-parses.txt"


def query(recording: Path) -> CsvAnswer:
    """Our reading of a recording that has every field there is, cut down to the ones that we ask for."""
    with recording.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, skipinitialspace=True))
    column = {name.split()[0]: name for name in rows[0]}
    fields = [field for field in FIELDS if field in column]
    return parse_csv("\n".join(", ".join(row[column[field]] for field in fields) for row in rows), fields)


def documents() -> list[Path]:
    return sorted(SAMPLES.glob("xml/*.xml"))


def listings() -> list[tuple[Path, list[str]]]:
    """All recordings of -L, each with its lines about a device."""
    files = [*SAMPLES.glob("split/*/capabilities-list-l.txt"), *SAMPLES.glob("listing/*.txt")]
    texts = {file: file.read_text(encoding="utf-8").splitlines() for file in sorted(files)}
    return [(file, [line for line in lines if "UUID" in line]) for file, lines in texts.items()]


def text_of(gpu: ElementTree.Element, path: str) -> str | None:
    """What a recorded document says at a place, where that is more than that it does not apply."""
    text = (gpu.findtext(path) or "").strip()
    return text if text and text not in ("N/A", "REDACTED", "GPU is lost") else None


@pytest.mark.parametrize("recording", documents(), ids=lambda path: path.stem)
def test_every_recorded_document_has_what_it_tells(recording):
    text = recording.read_text(encoding="utf-8")
    answer, root = parse_xml(text), ElementTree.fromstring(text)
    assert answer.driver_version == (root.findtext("driver_version") or "")
    assert answer.cuda_version == (root.findtext("cuda_version") or "")
    assert answer.talk == () and [word for word in answer.unknown if "REDACTED" not in word] == []
    assert len(answer.devices) == len(root.findall("gpu")) > 0
    for device, gpu in zip(answer.devices, root.findall("gpu"), strict=True):
        assert device.pci_address == address_in(gpu.get("id", "")) != ""
        assert device.uuid == text_of(gpu, "uuid") and device.name == text_of(gpu, "product_name")
        total = text_of(gpu, "fb_memory_usage/total")
        assert device.memory_mib == (int(total.split()[0]) if total else None)
        assert device.memory_unified is (False if total else None)
        for field, path in PLACES.items():
            assert (getattr(device, field) is None) == (text_of(gpu, path) is None), field
        assert len(device.mig_devices) == len(gpu.findall("mig_devices/mig_device"))
        assert all(mig.index is not None and mig.memory_mib for mig in device.mig_devices)


def test_the_recorded_documents_are_of_many_drivers():
    branches = {parse_xml(path.read_text(encoding="utf-8")).driver_version[:3] for path in documents()}
    assert len(documents()) > 30 and {"418", "510", "535", "570", "580", "595"} <= branches


def test_a_recorded_gpu_that_is_lost_has_a_fault_and_the_one_beside_it_has_none():
    lost = parse_xml((SAMPLES / "xml" / "nvidia-mock-qx-gb200-lost.xml").read_text(encoding="utf-8"))
    assert [device.faults for device in lost.devices] == [(), ("GPU is lost",)]
    assert all(not device.faults for path in documents() if "lost" not in path.name for device in _devices(path))


def _devices(path: Path) -> tuple[DeviceAnswer, ...]:
    return parse_xml(path.read_text(encoding="utf-8")).devices


@pytest.mark.parametrize("recording", documents(), ids=lambda path: path.stem)
def test_a_recorded_document_that_breaks_off_is_told(recording):
    text = recording.read_text(encoding="utf-8").rstrip()
    for end in range(0, len(text) - 1, max(len(text) // 60, 1)):
        with pytest.raises(XmlError):
            parse_xml(text[:end])


def test_every_recorded_query_has_all_facts():
    recordings = sorted(SAMPLES.glob(f"split/{CSV}"))
    assert len(recordings) > 5
    for recording in recordings:
        answer = query(recording)
        (device,) = answer.devices
        assert answer.driver_version in recording.parent.name and answer.driver_version
        assert (answer.talk, answer.unknown, device.faults) == ((), (), ())
        told = ("index", "uuid", "name", "memory_mib", "compute_capability", "pci_address", "pci_device_id")
        assert all(getattr(device, field) not in (None, "") for field in (*told, "compute_mode", "recovery_action"))
        assert device.memory_unified is False


def test_every_recorded_query_gives_a_gpu_of_the_size_that_its_name_says():
    for recording in sorted(SAMPLES.glob(f"split/*80gb*/{CSV.split('/')[1]}")):
        assert query(recording).devices[0].memory_mib * 2**20 >= 80 * 10**9


def test_the_fabric_of_recorded_boards():
    for recording in SAMPLES.glob(f"split/{CSV}"):
        state = query(recording).devices[0].fabric_state
        assert state == ("completed" if "-h" in recording.parent.name else None)


def test_every_line_of_every_recorded_listing_is_understood():
    assert sum(len(lines) for file, lines in listings()) > 20
    for file, lines in listings():
        found = [device.uuid for devices in mig_devices("\n".join(lines)).values() for device in devices]
        assert found == re.findall(r"UUID: (MIG-[^)]+)\)", "\n".join(lines)), file
        assert "" not in mig_devices("\n".join(lines)), file


def test_the_rows_beside_a_lost_gpu_are_read():
    text = (SAMPLES / "errors" / "lost-gpu-index-gap.txt").read_text(encoding="utf-8")
    answer = parse_csv(text, ["index", "pci.bus_id", "name"])
    assert [device.index for device in answer.devices] == [0, 1, 2, 4, 5, 6]
    assert [address_in(line) for line in answer.talk] == ["0000:04:00.0"]


def test_recorded_messages_are_no_rows():
    with (SAMPLES / "errors" / "messages.tsv").open(encoding="utf-8", newline="") as lines:
        messages = [row["text"] for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)]
    assert [parse_csv(message, list(FIELDS)).devices for message in messages] == [()] * len(messages)
    assert [field for field in map(refused_field, messages) if field] == ["compute_cap"]
