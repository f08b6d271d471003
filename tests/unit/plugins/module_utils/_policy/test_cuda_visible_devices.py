# SPDX-License-Identifier: GPL-3.0-or-later
"""What a CUDA process sees of a host's devices, as CUDA's and MIG's guides describe it."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._policy.cuda_visible_devices import (
    Device,
    visible_devices,
)

A, B, C = (Device(label=f"GPU {number}", uuid=f"GPU-{letter}a{number}") for number, letter in enumerate("788"))
SLICES = tuple(Device(label=f"slice {n}", uuid=f"MIG-{n}", gpu_instance=str(n // 2)) for n in range(4))
SPLIT = Device(label="GPU 3", uuid="GPU-9", mig_devices=SLICES)
LOST = Device(label="GPU 9", uuid="GPU-lost", unusable="it is lost")


def seen(devices, cuda_visible_devices=None, driver_version="550.1"):
    visible, hidden = visible_devices(devices, cuda_visible_devices, driver_version)
    return [device.label for device in visible], hidden


def test_all_devices_are_seen_in_their_order():
    assert seen([A, B, C]) == (["GPU 0", "GPU 1", "GPU 2"], [])


def test_a_device_that_is_not_usable_leaves_no_gap():
    assert seen([A, LOST, C]) == (["GPU 0", "GPU 2"], ["GPU 9 is not usable: it is lost"])


@pytest.mark.parametrize(
    ("variable", "labels"),
    [
        ("2,0", ["GPU 2", "GPU 0"]),
        (" 1 , 2", ["GPU 1", "GPU 2"]),
        ("1gpu,0", ["GPU 1", "GPU 0"]),
        ("GPU-8a2,GPU-7", ["GPU 2", "GPU 0"]),
    ],
)
def test_cuda_visible_devices_chooses_and_orders(variable, labels):
    assert seen([A, B, C], variable)[0] == labels


def test_what_cuda_visible_devices_leaves_out_is_hidden():
    assert seen([A, B, C], "1")[1] == ["CUDA_VISIBLE_DEVICES is '1': this hides GPU 0, GPU 2"]


def test_cuda_numbers_usable_devices_only():
    assert seen([LOST, A, B], "1")[0] == ["GPU 1"]


@pytest.mark.parametrize("variable", ["", " "])
def test_an_empty_variable_hides_all(variable):
    assert seen([A], variable) == ([], ["CUDA_VISIBLE_DEVICES is empty: this hides GPU 0"])


@pytest.mark.parametrize(
    ("variable", "wrong"),
    [
        ("0,7,1", "7"),
        ("0,-1,1", "-1"),
        ("0,GPU-8a1,1", "GPU-8a1"),
        ("GPU-7a0,GPU-8,GPU-8a1", "GPU-8"),
        ("GPU-7a0,1,2", "1"),
        ("GPU-7a0,GPU-none", "GPU-none"),
        ("0,,1", ""),
        ("0,2147483648000,1", "2147483648000"),
    ],
)
def test_a_wrong_entry_hides_what_follows(variable, wrong):
    why = f"CUDA_VISIBLE_DEVICES is '{variable}' and CUDA stops at '{wrong}', which does not name one usable device"
    assert seen([A, B, C], variable) == (["GPU 0"], [f"{why}: this hides GPU 1, GPU 2"])


@pytest.mark.parametrize("variable", ["-1", "none", "void", "NoDevFiles", "all", "MIG-0"])
def test_words_that_are_no_device_hide_all(variable):
    assert seen([A, B, C], variable)[0] == []


def test_a_wrong_entry_is_told_even_where_it_hides_nothing():
    why = "CUDA_VISIBLE_DEVICES is '0,1' and CUDA stops at '1', which does not name one usable device"
    assert seen([A], "0,1") == (["GPU 0"], [why])


def test_a_device_named_twice_hides_all():
    why = "CUDA_VISIBLE_DEVICES is 'GPU-7,GPU-7a' and CUDA shows nothing where a device is named twice"
    assert seen([A, B], "GPU-7,GPU-7a") == ([], [f"{why}: this hides GPU 0, GPU 1"])


@pytest.mark.parametrize("driver", ["450.80.02", "565.77"])
def test_an_older_driver_shows_one_mig_device_and_nothing_beside_it(driver):
    why = f"with driver {driver} a process sees one MIG device and nothing beside it"
    assert seen([A, SPLIT], None, driver) == (["slice 0"], [f"{why}: this hides GPU 0, slice 1, slice 2, slice 3"])


def test_a_newer_driver_shows_one_mig_device_of_each_gpu_instance_and_the_other_gpus():
    why = "a process sees one compute instance of each GPU instance"
    labels = ["GPU 0", "slice 0", "slice 2", "GPU 1"]
    assert seen([A, SPLIT, B], None, "570.1") == (labels, [f"{why}: this hides slice 1, slice 3"])


@pytest.mark.parametrize("driver", ["", "unknown"])
def test_a_driver_that_is_not_known_counts_as_an_older_one(driver):
    why = "with a driver before R570 (this host's is not known) a process sees one MIG device and nothing beside it"
    assert seen([SPLIT], None, driver) == (["slice 0"], [f"{why}: this hides slice 1, slice 2, slice 3"])


@pytest.mark.parametrize(("variable", "label"), [("MIG-2", "slice 2"), ("GPU-9", "slice 0"), ("1", "slice 0")])
def test_cuda_visible_devices_chooses_a_mig_device(variable, label):
    assert seen([A, SPLIT], variable)[0] == [label]


def test_whole_gpus_and_mig_devices_cannot_be_named_together():
    assert seen([A, SPLIT], "GPU-7,MIG-2", "580.1")[0] == ["GPU 0"]


def test_a_whole_gpu_is_seen_where_cuda_visible_devices_leaves_the_mig_devices_out():
    assert seen([A, SPLIT, B], "0,2")[0] == ["GPU 0", "GPU 1"]
