# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``nvidia-smi --query-gpu`` says of each GPU."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu.evidence import DeviceAnswer
from ansible_collections.inference.triton.plugins.module_utils._gpu.nvidia_smi_csv import (
    FIELDS,
    parse_csv,
    refused_field,
)

CELLS = {
    "pci.bus_id": "00000000:0A:00.0",
    "index": "2",
    "compute_cap": "8.0",
    "uuid": "GPU-11",
    "driver_version": "550.54.15",
    "pci.device_id": "0x20B710DE",
    "memory.total": "24576",
    "memory.used": "4",
    "memory.free": "24060",
    "compute_mode": "Default",
    "persistence_mode": "Enabled",
    "mig.mode.current": "Disabled",
    "mig.mode.pending": "Disabled",
    "ecc.mode.current": "Enabled",
    "ecc.errors.uncorrected.volatile.total": "0",
    "remapped_rows.pending": "No",
    "remapped_rows.failure": "No",
    "retired_pages.pending": "[N/A]",
    "gpu_recovery_action": "None",
    "fabric.state": "N/A",
    "fabric.status": "N/A",
    "name": "NVIDIA A30",
}


def answer(**changes):
    cells = {**CELLS, **{name.replace("__", "."): cell for name, cell in changes.items()}}
    return parse_csv(", ".join(cells.values()) + "\n", list(FIELDS))


def device(**changes):
    (found,) = answer(**changes).devices
    return found


def test_the_cells_of_the_tests_are_those_that_are_asked_for():
    assert list(CELLS) == list(FIELDS)


def test_a_row():
    assert answer().driver_version == "550.54.15"
    assert device() == DeviceAnswer(
        pci_address="0000:0a:00.0",
        index=2,
        uuid="GPU-11",
        name="NVIDIA A30",
        pci_device_id="10de:20b7",
        memory_mib=24576,
        memory_used_mib=4,
        memory_free_mib=24060,
        memory_unified=False,
        compute_capability=(8, 0),
        compute_mode="default",
        persistence_mode=True,
        mig_mode="disabled",
        mig_pending="disabled",
        ecc_mode=True,
        ecc_uncorrected=0,
        remap_pending=False,
        remap_failure=False,
        recovery_action="none",
    )


def test_a_row_of_an_integrated_gpu():
    fields = ["pci.bus_id", "index", "memory.total", "compute_mode", "name"]
    (found,) = parse_csv("[N/A], 0, [N/A], [N/A], Orin (nvgpu)\n", fields).devices
    assert found == DeviceAnswer(index=0, name="Orin (nvgpu)", memory_unified=True)


@pytest.mark.parametrize("text", ["GPU is lost", "GPU requires reset", "Unknown Error"])
def test_a_fault_in_a_cell(text):
    found = device(memory__total=f"[{text}]", fabric__status=f"[{text}]")
    assert (found.memory_mib, found.memory_unified, found.faults) == (None, None, (text,))


def test_a_word_that_nobody_knew():
    found = answer(compute_mode="Shared")
    assert (found.devices[0].compute_mode, found.unknown) == (None, ("compute_mode: 'Shared'",))


def test_a_name_with_a_comma():
    assert device(name="Two, too").name == "Two, too"


def test_what_is_no_row_is_talk():
    complaint = "Unable to determine the device handle for GPU3: 0000:04:00.0: Unknown Error"
    found = parse_csv(f"{complaint}\n\n0000:0a:00.0, 0\na, b\n0000:0b:00.0\n", ["pci.bus_id", "index"])
    assert [device.pci_address for device in found.devices] == ["0000:0a:00.0"]
    assert found.talk == (complaint, "a, b", "0000:0b:00.0")


@pytest.mark.parametrize(
    ("text", "field"),
    [('Field "compute_cap" is not a valid field to query.\n\n', "compute_cap"), ("No devices were found", None)],
)
def test_the_field_that_a_driver_refuses(text, field):
    assert refused_field(text) == field
