# SPDX-License-Identifier: GPL-3.0-or-later
"""A diagnosis as facts: their shape, and that the other modules take them as they are."""

from __future__ import annotations

import json

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu.diagnosis import diagnose
from ansible_collections.inference.triton.plugins.module_utils._gpu.evidence import (
    CdiSpec,
    CudaAnswer,
    DeviceAnswer,
    MigDevice,
    OtherGpu,
    Platform,
    ServerProcess,
    Services,
)
from ansible_collections.inference.triton.plugins.module_utils._gpu.facts import as_facts, visible_gpus
from ansible_collections.inference.triton.plugins.module_utils._gpu.states import Wanted
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import parse_gpus
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._gpu.situations import (
    BARE,
    DRIVER,
    FIRST,
    HALVES,
    HEALTHY,
    JETSON,
    NOTHING,
    OUTDATED,
    SECOND,
    SITUATIONS,
    device,
    failed,
    nvml,
    second,
    with_cdi,
    with_mig,
    without_second,
)

CASES = [
    pytest.param(situation, id=f"{state}-{number}")
    for state, situations in SITUATIONS.items()
    for number, situation in enumerate(situations)
]
METHODS = set(dir(dict)) | set(dir(list)) | set(dir(str))


def facts(evidence, wanted=NOTHING):
    return as_facts(diagnose(evidence, wanted))


def ordinals(evidence, variable=None):
    found = facts(evidence, Wanted(cuda_visible_devices=variable))
    return [gpu["ordinal"] for gpu in found["gpus"]], [
        part["ordinal"] for gpu in found["gpus"] for part in gpu["mig_devices"]
    ]


def test_the_facts_of_a_host_in_order():
    found = facts(HEALTHY)
    assert (found["state"], found["severity"], found["summary"]) == ("ok", "ok", "2 of 2 GPUs are usable.")
    assert (found["present_count"], found["usable_count"]) == (2, 2)
    assert (found["driver_version"], found["cuda_version"]) == ("550.54.15", "12.4")
    assert found["driver"] == {
        "module_version": "550.54.15",
        "library_version": "550.54.15",
        "branch": 550,
        "flavor": "open",
        "loaded": True,
        "installed": True,
    }
    assert found["findings"] == [] and found["triton"] is None
    assert found["probes"]["nvml"] == {"asked": "NVML", "seconds": 0.0, "error": 0, "failure": None}
    assert found["probes"]["cuda"] is None


def test_the_facts_of_a_gpu():
    gpu = facts(HEALTHY)["gpus"][1]
    for name, value in {
        "index": 1,
        "ordinal": 1,
        "pci_address": SECOND,
        "pci_device_id": "10de:20b2",
        "uuid": "GPU-22",
        "compute_capability": "8.0",
        "compute_capability_source": "driver",
        "memory_mib": 81920,
        "memory_kind": "dedicated",
        "kernel_driver": "nvidia",
        "minor": 1,
        "nvidia_smi_index": 1,
        "usable": True,
        "reason": "",
        "health": "ok",
        "states": [],
    }.items():
        assert gpu[name] == value, name


def test_a_lost_gpu_is_told_with_its_finding():
    found = facts(without_second())
    (finding,) = found["findings"]
    assert finding["state"] == "gpu_lost" and finding["dcgm"] == 120
    assert finding["pci_address"] == SECOND and finding["scope"] == "gpu"
    assert finding["evidence"] == ["NVML: does not list 0000:41:00.0"]
    assert found["gpus"][1]["uuid"] == "GPU-22"
    assert found["gpus"][1]["nvidia_smi_index"] is None


@pytest.mark.parametrize("situation", CASES)
def test_no_key_is_a_method_of_what_holds_it(situation):
    found = facts(situation.evidence, situation.wanted)
    assert not METHODS & set(found)
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("situation", CASES)
def test_the_gpus_can_be_given_to_other_modules(situation):
    diagnosis = diagnose(situation.evidence, situation.wanted)
    found = as_facts(diagnosis)
    variable, version = situation.wanted.cuda_visible_devices, found["driver_version"] or ""
    given = parse_gpus(found["gpus"], variable, version)
    detected = visible_gpus(diagnosis, given.source)
    assert given.gpus == detected.gpus
    assert given == detected or not found["gpus"]


def test_the_numbers_leave_no_hole_where_a_gpu_is_lost():
    evidence = HEALTHY._replace(nvml=nvml(device(SECOND), complaints=((FIRST, "GPU is lost", 15),)))
    assert ordinals(evidence)[0] == [None, 0]


@pytest.mark.parametrize(
    ("variable", "numbers"), [("1,0", [1, 0]), ("GPU-22", [None, 0]), ("", [None, None]), ("0,9", [0, None])]
)
def test_the_numbers_are_those_of_the_environment(variable, numbers):
    assert ordinals(HEALTHY, variable)[0] == numbers


def test_mig_devices_have_the_numbers_instead_of_their_gpu():
    version = "580.95.05"
    driver = DRIVER._replace(loaded_version=version, nvml_version=version, cuda_library_version=version)
    newer = with_mig(*HALVES)._replace(driver=driver)
    assert ordinals(newer) == ([0, None], [1, 2])
    assert ordinals(with_mig(*HALVES), "MIG-2") == ([None, None], [None, 0])


def test_a_mig_device():
    part = MigDevice("MIG-1", "3g.40gb", 0, 1, 0, 40448)
    (entry,) = facts(with_mig(part))["gpus"][1]["mig_devices"]
    assert entry == {
        "uuid": "MIG-1",
        "profile": "3g.40gb",
        "memory_mib": 40448,
        "index": 0,
        "gpu_instance": 1,
        "compute_instance": 0,
        "ordinal": 0,
    }


def test_a_jetson_shares_the_memory_of_its_host():
    orin = DeviceAnswer(index=0, uuid="54d0", name="Orin (nvgpu)", memory_unified=True)
    (gpu,) = facts(JETSON._replace(nvml=nvml(orin)))["gpus"]
    assert (gpu["pci_address"], gpu["memory_kind"], gpu["memory_mib"]) == (None, "unified", None)
    assert (gpu["compute_capability"], gpu["compute_capability_source"]) == ("8.7", "table")


def test_a_host_without_a_gpu():
    found = facts(BARE._replace(other_gpus=(OtherGpu(FIRST, "amd", "1002:740f"),)))
    assert (found["present_count"], found["gpus"], found["driver_version"]) == (0, [], None)
    assert found["other_gpus"] == [{"pci_address": FIRST, "vendor": "amd", "device_id": "1002:740f", "driver": None}]
    assert not found["driver"]["installed"]


def test_what_a_release_makes_of_the_gpus():
    triton = facts(second(compute_capability=(7, 0)), Wanted(triton_release="24.11"))["triton"]
    assert (triton["release"], triton["min_compute_capability"]) == ("24.11", "7.5")
    assert [gpu["ordinal"] for gpu in triton["gpus"]] == [0]
    assert "below the minimum 7.5" in triton["left_out"][0]


def test_a_lost_gpu_is_left_out_by_the_release_with_its_reason():
    triton = facts(without_second(), Wanted(triton_release="24.11"))["triton"]
    assert triton["left_out"][0].startswith("GPU 1 (0000:41:00.0, NVIDIA A100-SXM4-80GB) is not usable: it fell off")


def test_a_stale_specification_is_marked():
    fresh = CdiSpec("/etc/cdi/a.yaml", ("550.54.15",), ("all",))
    evidence = with_cdi(OUTDATED)
    stack = evidence.containers._replace(cdi_specs=(OUTDATED, fresh))
    specs = facts(evidence._replace(containers=stack))["container"]["cdi_specs"]
    assert [spec["stale"] for spec in specs] == [True, False]


@pytest.mark.parametrize(
    ("services", "in_container", "manager"),
    [
        (Services(fabric_manager=True), False, "running"),
        (Services(installed=frozenset({"nvidia-fabricmanager"})), False, "stopped"),
        (Services(), False, "not_installed"),
        (Services(), True, None),
    ],
)
def test_the_fabric_manager(services, in_container, manager):
    evidence = HEALTHY._replace(services=services, platform=Platform(in_container=in_container))
    assert facts(evidence)["fabric"]["fabric_manager"] == manager


def test_a_running_server():
    server = ServerProcess(
        7,
        {"model-repository": ("/a", "/b")},
        {"CUDA_VISIBLE_DEVICES": "0", "PATH": "/bin"},
        frozenset({"nvidia1", "nvidia0"}),
        "/lib/libcuda.so.1",
        True,
    )
    assert facts(HEALTHY._replace(servers=(server,)))["servers"] == [
        {
            "pid": 7,
            "options": {"model-repository": ["/a", "/b"]},
            "cuda_visible_devices": "0",
            "cuda_device_order": None,
            "device_nodes": ["nvidia0", "nvidia1"],
            "cuda_library": "/lib/libcuda.so.1",
            "in_container": True,
        }
    ]


def test_a_server_that_this_user_may_not_look_into():
    (server,) = facts(HEALTHY._replace(servers=(ServerProcess(7),)))["servers"]
    assert (server["cuda_visible_devices"], server["device_nodes"], server["cuda_library"]) == (None, None, None)


def test_a_probe_says_why_it_has_no_answer():
    evidence = HEALTHY._replace(
        smi=failed(None, timed_out=True, seconds=3.0), cuda=CudaAnswer(802, "system not yet initialized", seconds=0.5)
    )
    probes = facts(evidence)["probes"]
    assert probes["nvidia_smi"]["failure"] == "no answer in time"
    assert probes["cuda"] == {"asked": "cuInit", "seconds": 0.5, "error": 802, "failure": "system not yet initialized"}
