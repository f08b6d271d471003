# SPDX-License-Identifier: GPL-3.0-or-later
"""What nvidia-smi prints, and what it means."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu.nvidia_smi import (
    FIELDS,
    parse_listing,
    parse_rows,
    refused_field,
)

ROW = "0, GPU-11, NVIDIA A30, 24576, 8.0, 00000000:0A:00.0, Disabled, 550.54.15"


def facts(line=ROW, **changes):
    cells = dict(zip(FIELDS, line.split(", ")))
    cells.update({name.replace("__", "."): cell for name, cell in changes.items()})
    (found,) = parse_rows(", ".join(cells.values()), list(FIELDS))
    return found


def test_a_row():
    assert facts() == {
        "index": "0",
        "uuid": "GPU-11",
        "name": "NVIDIA A30",
        "memory_mib": "24576",
        "compute_capability": "8.0",
        "pci_address": "0000:0a:00.0",
        "mig_mode": "Disabled",
        "driver_version": "550.54.15",
    }


def test_a_row_of_an_integrated_gpu():
    assert facts("0, Orin (nvgpu), [N/A], [N/A], [N/A], [N/A], [N/A], [N/A]") == {"index": "0", "uuid": "Orin (nvgpu)"}


@pytest.mark.parametrize(
    "cell", ["", "N/A", "[N/A]", "[Not Supported]", "[Insufficient Permissions]", "some text", "-1", "24576 GiB"]
)
def test_memory_that_nvidia_smi_does_not_tell_is_not_known(cell):
    found = facts(memory__total=cell)
    assert "memory_mib" not in found and "usable" not in found


def test_a_unit_may_follow():
    assert facts(memory__total="24576 MiB")["memory_mib"] == "24576"


@pytest.mark.parametrize("text", ["GPU is lost", "GPU requires reset", "Unknown Error"])
def test_a_fault_in_a_cell_makes_the_gpu_unusable(text):
    found = facts(memory__total=f"[{text}]")
    assert (found["usable"], found["reason"]) == (False, f"nvidia-smi says '{text}'")


def test_the_driver_version_ends_where_a_remark_begins():
    assert facts(driver_version="610.57.04 [Deprecated]")["driver_version"] == "610.57.04"


def test_only_rows_are_read():
    lines = [
        "Unable to determine the device handle for GPU3: 0000:04:00.0: Unknown Error",
        "",
        ROW,
        "a, b, c, d, e, f, g, h",
        "2, GPU-2",
    ]
    assert parse_rows("\n".join(lines), list(FIELDS)) == [facts()]


def test_fewer_fields():
    assert parse_rows("3, GPU-1\n", ["index", "uuid"]) == [{"index": "3", "uuid": "GPU-1"}]


@pytest.mark.parametrize(
    ("text", "field"),
    [('Field "compute_cap" is not a valid field to query.\n\n', "compute_cap"), ("No devices were found", None)],
)
def test_the_field_that_a_driver_refuses(text, field):
    assert refused_field(text) == field


def test_the_mig_devices_of_a_listing():
    text = (
        "GPU 0: NVIDIA A30 (UUID: GPU-1)\n"
        "GPU 1: Name (with) brackets  (UUID: GPU-2)\n"
        "  MIG 2g.12gb     Device  0: (UUID: MIG-21)\n"
        "  MIG 1c.2g.12gb Device 1: (UUID: MIG-GPU-2/7/0)\n"
        "  something else\n"
    )
    assert parse_listing(text) == {
        "GPU-2": [{"profile": "2g.12gb", "uuid": "MIG-21"}, {"profile": "1c.2g.12gb", "uuid": "MIG-GPU-2/7/0"}]
    }
