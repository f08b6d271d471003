# SPDX-License-Identifier: GPL-3.0-or-later
"""The GPUs of a host in plain data, and what a server sees of them."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config.findings import ConfigError
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import Gpu, describe, parse_gpus

T4 = {"name": "Tesla T4", "uuid": "GPU-4", "memory_mib": 15360, "compute_capability": "7.5"}
A100 = {"name": "A100", "mig_mode": "enabled", "compute_capability": "8.0", "pci_address": "0000:41:00.0"}


def the_gpu(**facts):
    (gpu,) = parse_gpus([facts]).gpus
    return gpu


def problems_of(data):
    with pytest.raises(ConfigError) as raised:
        parse_gpus(data)
    return raised.value.problems


def test_a_gpu_with_everything():
    assert the_gpu(**T4) == Gpu(0, "Tesla T4", "GPU-4", 15360, (7, 5))


def test_a_gpu_of_which_nothing_is_known():
    assert the_gpu() == Gpu(0)


def test_null_and_empty_mean_not_known():
    facts = {
        "name": None,
        "uuid": "",
        "memory_mib": None,
        "compute_capability": "",
        "usable": None,
        "mig_devices": None,
    }
    assert the_gpu(**facts) == Gpu(0)


@pytest.mark.parametrize("value", [81559, "81559", " 81559 "])
def test_memory_is_a_number_or_the_text_of_one(value):
    assert the_gpu(memory_mib=value).memory_mib == 81559


@pytest.mark.parametrize(
    ("value", "parsed"),
    [("8.0", (8, 0)), (8.0, (8, 0)), (10.0, (10, 0)), (7.5, (7, 5)), ("12.1", (12, 1)), (9, (9, 0))],
)
def test_compute_capability_is_a_text_or_a_number(value, parsed):
    assert the_gpu(compute_capability=value).compute_capability == parsed


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("name", 4090, "a text"),
        ("uuid", 8, "a text"),
        ("pci_address", [], "a text"),
        ("reason", {}, "a text"),
        ("memory_mib", -1, "a whole number from 0"),
        ("memory_mib", True, "a whole number from 0"),
        ("memory_mib", 15360.5, "a whole number from 0"),
        ("memory_mib", "16 GiB", "a whole number from 0"),
        ("index", "x", "a whole number from 0"),
        ("compute_capability", "8.10", 'one like "8.0"'),
        ("compute_capability", "Turing", 'one like "8.0"'),
        ("compute_capability", True, 'one like "8.0"'),
        ("compute_capability", [8, 0], 'one like "8.0"'),
        ("usable", "maybe", "true or false"),
        ("mig_mode", "half", "enabled or disabled"),
        ("mig_devices", "MIG-1", "a list of devices"),
    ],
)
def test_a_wrong_value_is_told_with_its_place(key, value, expected):
    assert problems_of([{}, {key: value}]) == [f"gpus[1].{key}: expected {expected}, found {value!r}."]


def test_all_mistakes_are_told_at_once():
    found = problems_of([{"memory_mb": 1, "uuid": 5}, {"mig_devices": [{"memory_mib": "?"}]}, "T4"])
    assert [problem.split(":")[0] for problem in found] == [
        "gpus[0].memory_mb",
        "gpus[0].uuid",
        "gpus[1].mig_devices[0].memory_mib",
        "gpus[2]",
    ]


def test_something_else_than_a_list_is_no_gpus():
    assert problems_of("T4") == ["gpus: expected a list of devices, found 'T4'."]


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("memory_mb", "memory_mib"),
        ("memory_total_mib", "memory_mib"),
        ("compute_cap", "compute_capability"),
        ("usabel", "usable"),
    ],
)
def test_a_key_that_looks_like_a_missing_one_is_a_mistake(key, meant):
    assert problems_of([{key: 1}]) == [f"gpus[0].{key}: there is no such key. Did you mean '{meant}'?"]


def test_further_facts_are_left_alone():
    assert the_gpu(**T4, memory_used_mib=7, serial="1", states=["ok"], numa_node=0) == the_gpu(**T4)


def test_cuda_visible_devices_gives_the_ordinals():
    gpus = parse_gpus([T4, {"name": "L4"}], "1,0").gpus
    assert [(gpu.ordinal, gpu.name) for gpu in gpus] == [(0, "L4"), (1, "Tesla T4")]


@pytest.mark.parametrize("usable", [False, "false", "False", "no"])
def test_a_gpu_that_is_not_usable_is_hidden_with_its_reason(usable):
    lost = {"name": "V100", "pci_address": "0000:41:00.0", "usable": usable, "reason": "it fell off the bus"}
    gpus = parse_gpus([T4, lost])
    assert [gpu.name for gpu in gpus.gpus] == ["Tesla T4"]
    assert gpus.hidden == ("GPU 1 (0000:41:00.0, V100) is not usable: it fell off the bus",)


def test_a_hidden_gpu_is_called_by_its_index_where_it_has_one():
    assert parse_gpus([{"index": "3", "usable": False}]).hidden == ("GPU 3 is not usable: no reason is given",)


def test_a_hidden_gpu_without_a_name_is_called_by_its_uuid():
    assert parse_gpus([{"uuid": "GPU-4", "usable": False}]).hidden[0].startswith("GPU 0 (GPU-4) is not usable")


def test_a_mig_device_has_the_name_and_compute_capability_of_its_parent():
    part = {"uuid": "MIG-1", "profile": "3g.20gb", "memory_mib": 19968}
    assert the_gpu(**A100, mig_devices=[part]) == Gpu(0, "A100 MIG 3g.20gb", "MIG-1", 19968, (8, 0))


@pytest.mark.parametrize("key", ["name", "profile"])
def test_the_profile_says_how_much_memory_a_mig_device_has_where_nothing_else_does(key):
    memory = the_gpu(**A100, mig_devices=[{key: "3g.40gb"}]).memory_mib
    assert 40 * 10**9 <= memory * 2**20 < 40.001 * 10**9


def test_mig_devices_are_enough_to_say_that_mig_is_on():
    assert the_gpu(name="A30", mig_devices=[{"profile": "1g.6gb"}]).name == "A30 MIG 1g.6gb"


def test_mig_devices_beside_a_disabled_mode_are_a_mistake():
    assert problems_of([{"mig_mode": "Disabled", "mig_devices": [{}]}]) == [
        "gpus[0].mig_devices: cannot be there while mig_mode is disabled."
    ]


def test_mig_without_devices_leaves_nothing_to_use():
    gpus = parse_gpus([A100])
    assert gpus.gpus == ()
    assert gpus.hidden == ("GPU 0 (0000:41:00.0, A100) is not usable: MIG is on, but there is no MIG device",)


def test_the_mig_devices_that_a_process_does_not_see_are_hidden():
    parts = [{"uuid": "MIG-1", "profile": "1g.5gb"}, {"uuid": "MIG-2", "profile": "1g.5gb"}, {}]
    (hidden,) = parse_gpus([{**A100, "mig_devices": parts}], None, "535.1").hidden
    assert hidden.endswith("this hides MIG-2 (1g.5gb of GPU 0), a MIG device (GPU 0)")


def test_mig_devices_that_share_the_memory_of_one_gpu_instance_count_once_with_a_newer_driver():
    profiles = ("1c.3g.20gb", "2c.3g.20gb", "1g.5gb", "1g.5gb")
    parts = [{"uuid": f"MIG-{number}", "profile": profile} for number, profile in enumerate(profiles)]
    gpus = parse_gpus([{**A100, "mig_devices": parts}], None, "580.1").gpus
    assert [gpu.uuid for gpu in gpus] == ["MIG-0", "MIG-2", "MIG-3"]


def test_an_empty_list_says_so():
    assert parse_gpus([]) == ((), ("the list is empty",), "", "the gpus of the task")


def test_the_driver_version_is_kept():
    assert parse_gpus([T4], None, "550.54.15").driver_version == "550.54.15"


@pytest.mark.parametrize(
    ("gpu", "text"),
    [
        (Gpu(0, "Tesla T4", "GPU-4", 15360, (7, 5)), "0: Tesla T4 (15360 MiB, compute capability 7.5, GPU-4)"),
        (Gpu(1), "1: unnamed GPU (memory not known, compute capability not known)"),
    ],
)
def test_a_gpu_in_a_message(gpu, text):
    assert describe(gpu) == text
