# SPDX-License-Identifier: GPL-3.0-or-later
"""The module gpu_facts, on hosts that consist of a few files and an nvidia-smi of the test's own."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu import detection
from ansible_collections.inference.triton.plugins.modules import gpu_facts, model_repository_info
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._gpu.host_tree import HostTree
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._gpu.smi_script import (
    FIRST,
    NO_HANDLE,
    SECOND,
    UUIDS,
    answers,
    both,
    gpu,
)

MIG = {"mig_mode__current_mig": "Enabled", "mig_mode__pending_mig": "Enabled"}


@pytest.fixture
def tree(tmp_path):
    """A host with two A100, as far as files tell."""
    tree = HostTree(tmp_path / "root").two_a100()
    tree.remove("usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1")  # it is a stand-in, and would be loaded
    tree.service("nvidia-persistenced", running=True)
    return tree


@pytest.fixture
def facts(run, tree):
    """The facts of the host."""

    def of_host(**options):
        result = run(gpu_facts, root=str(tree.root), **options)
        assert not result["changed"] and "failed" not in result
        return result["ansible_facts"]["triton_gpu"]

    return of_host


def states(found):
    return [(finding["state"], finding["pci_address"]) for finding in found["findings"]]


def test_a_host_in_order(tree, facts):
    tree.nvidia_smi(both())
    found = facts()
    assert (found["summary"], found["findings"], found["platform"]) == ("2 of 2 GPUs are usable.", [], "bare_metal")
    assert [(gpu["uuid"], gpu["ordinal"]) for gpu in found["gpus"]] == [(UUIDS[FIRST], 0), (UUIDS[SECOND], 1)]
    assert found["environment"]["model"] == "Supermicro AS -4124GO-NART+"


def test_a_lost_gpu(tree, facts):
    tree.nvidia_smi(answers(gpu(FIRST), then=f"echo '{NO_HANDLE}' >&2; exit 15"))
    found = facts()
    assert states(found) == [("gpu_lost", SECOND)]
    assert found["findings"][0]["evidence"] == [f"nvidia-smi -q -x: {NO_HANDLE}"]
    assert [gpu["usable"] for gpu in found["gpus"]] == [True, False]


def test_a_host_without_a_gpu(run, tmp_path):
    root = HostTree(tmp_path / "bare").linux().root
    result = run(gpu_facts, root=str(root))
    found = result["ansible_facts"]["triton_gpu"]
    assert (found["state"], found["severity"], found["gpus"]) == ("no_gpu_hardware", "info", [])
    wanted = run(gpu_facts, root=str(root), expected_count=2)["ansible_facts"]["triton_gpu"]
    assert wanted["severity"] == "error"


def test_mig(tree, facts):
    part = (
        "<mig_device><index>0</index><gpu_instance_id>1</gpu_instance_id><compute_instance_id>0</compute_instance_id>"
    )
    part += "<fb_memory_usage><total>40448 MiB</total></fb_memory_usage></mig_device>"
    listing = f"GPU 0: NVIDIA A100-SXM4-80GB (UUID: {UUIDS[FIRST]})\n  MIG 3g.40gb     Device  0: (UUID: MIG-1)"
    tree.nvidia_smi(answers(gpu(FIRST, f"<mig_devices>{part}</mig_devices>", **MIG), gpu(SECOND), listing=listing))
    first = facts(cuda_visible_devices="MIG-1")["gpus"][0]
    assert (first["mig_mode"], first["ordinal"]) == ("enabled", None)
    assert [(one["uuid"], one["profile"], one["memory_mib"], one["ordinal"]) for one in first["mig_devices"]] == [
        ("MIG-1", "3g.40gb", 40448, 0)
    ]


def test_a_jetson(run, tmp_path):
    tree = HostTree(tmp_path / "jetson")
    tree.tegra()
    found = run(gpu_facts, root=str(tree.root))["ansible_facts"]["triton_gpu"]
    assert (found["platform"], found["usable_count"]) == ("tegra", 1)
    assert found["gpus"][0]["memory_kind"] == "unified"


def test_a_container_with_one_gpu_of_its_host(tree, facts):
    tree.container()
    tree.remove("dev/nvidia0")
    tree.nvidia_smi(answers(gpu(SECOND)))
    found = facts()
    assert (found["platform"], found["present_count"], states(found)) == ("container", 1, [])


def test_nouveau_and_a_version_mismatch_and_vfio(tree, facts):
    tree.gpu(SECOND, driver="vfio-pci")
    tree.nvidia_smi("echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18")
    tree.libraries("550.90.07", nvml=False)
    found = facts()
    assert states(found) == [("gpu_bound_to_vfio", SECOND), ("library_mismatch", None)]
    assert found["findings"][1]["evidence"][:2] == [
        "/sys/module/nvidia/version: 550.54.15",
        "libcuda.so.1 -> libcuda.so.550.90.07",
    ]


@pytest.mark.parametrize(
    ("options", "state"),
    [
        ({"expected_count": 3}, "gpu_count_below_expected"),
        ({"minimum_memory_gb": 100}, "memory_insufficient"),
        ({"minimum_compute_capability": "9.0"}, "compute_capability_insufficient"),
        ({"triton_release": "26.01"}, "driver_too_old_for_release"),
        ({"min_supported_compute_capability": "9.0"}, "compute_capability_too_low"),
        ({"cuda_visible_devices": "GPU-99"}, "cuda_env_override"),
    ],
)
def test_each_option_reaches_the_diagnosis(tree, facts, options, state):
    tree.nvidia_smi(both())
    assert facts()["state"] == "ok"
    assert facts(**options)["state"] == state


@pytest.mark.parametrize(("containers", "expected"), [(True, ["container_toolkit_missing"]), (False, []), (None, [])])
def test_containers_matter_where_triton_runs_in_one(tree, facts, containers, expected):
    tree.remove("usr/bin/nvidia-ctk")
    tree.remove("usr/bin/nvidia-container-runtime-hook")
    tree.nvidia_smi(both())
    assert [state for state, _address in states(facts(containers=containers))] == expected


def test_a_driver_that_hangs_is_a_finding(tree, facts):
    tree.nvidia_smi("sleep 60")
    found = facts(timeout=2)
    assert found["state"] == "probe_timeout"
    assert found["probes"]["nvidia_smi"]["failure"]


def test_what_a_release_makes_of_the_host(tree, facts):
    tree.nvidia_smi(both())
    triton = facts(triton_release="24.10")["triton"]
    assert [gpu["ordinal"] for gpu in triton["gpus"]] == [0, 1]


@pytest.mark.parametrize("options", [{}, {"triton_release": "24.10"}], ids=["host", "release"])
def test_the_result_is_what_is_documented(run, documented, tree, options):
    tree.nvidia_smi(answers(gpu(FIRST), then=f"echo '{NO_HANDLE}' >&2; exit 15"))
    tree.other_gpu("0000:c3:00.0")
    tree.triton()
    documented(gpu_facts, run(gpu_facts, root=str(tree.root), **options))


def test_every_documented_part_is_there_in_some_result(run, documented, tree):
    part = "<mig_device><index>0</index><gpu_instance_id>1</gpu_instance_id></mig_device>"
    tree.nvidia_smi(
        answers(gpu(FIRST, f"<mig_devices>{part}</mig_devices>", **MIG), gpu(SECOND), listing="GPU 0: A (UUID: x)")
    )
    tree.cdi("cdiVersion: 0.5.0\nkind: nvidia.com/gpu\ndevices:\n- name: all\n")
    tree.other_gpu("0000:c3:00.0")
    tree.triton()
    result = run(gpu_facts, root=str(tree.root), triton_release="26.01", cuda_check=True)
    documented(gpu_facts, result)
    found = result["ansible_facts"]["triton_gpu"]
    for lists in (
        found["gpus"],
        found["gpus"][0]["mig_devices"],
        found["other_gpus"],
        found["servers"],
        found["findings"],
        found["container"]["cdi_specs"],
    ):
        assert lists
    assert found["probes"]["nvidia_smi"] and found["probes"]["cuda"] and found["triton"]


def test_an_unknown_word_of_the_driver_is_a_warning(run, tree):
    tree.nvidia_smi(both(compute_mode="Whatever"))
    result = run(gpu_facts, root=str(tree.root))
    assert len(result["warnings"]) == 1
    assert "Whatever" in result["warnings"][0]


@pytest.mark.parametrize(
    ("options", "mistake"),
    [
        ({"expected_count": -1}, "expected_count: expected a number from 0, found -1."),
        ({"minimum_memory_gb": -1}, "minimum_memory_gb: expected a number from 0, found -1.0."),
        ({"minimum_memory_gb": "nan"}, "minimum_memory_gb: expected a number from 0, found nan."),
        ({"timeout": 0}, "timeout: expected seconds from 1 to 3600, found 0."),
        ({"minimum_compute_capability": "old"}, "minimum_compute_capability: expected one like '7.5', found 'old'."),
        ({"min_supported_compute_capability": "x"}, "min_supported_compute_capability: expected one like '7.5'"),
        ({"triton_release": "first"}, "first"),
        ({"server_log": "/nonexistent/log"}, "/nonexistent/log"),
        ({"cuda_compat": "/nonexistent/compat"}, "/nonexistent/compat"),
    ],
)
def test_a_wrong_option_fails_with_its_name(run, tree, options, mistake):
    result = run(gpu_facts, root=str(tree.root), **options)
    assert result["failed"] and mistake in result["msg"]


def test_every_wrong_option_is_named(run, tree):
    result = run(gpu_facts, root=str(tree.root), timeout=0, expected_count=-1)
    assert "timeout" in result["msg"] and "expected_count" in result["msg"]


def test_check_mode_is_no_other(run, tree):
    tree.nvidia_smi(both())
    first, second = (run(gpu_facts, check=check, root=str(tree.root)) for check in (True, False))
    for result in (first, second):
        for probe in filter(None, result["ansible_facts"]["triton_gpu"]["probes"].values()):
            probe["seconds"] = 0
    assert first["ansible_facts"] == second["ansible_facts"]


def test_the_facts_are_taken_by_a_prediction(run, tree, facts, tmp_path, monkeypatch):
    tree.nvidia_smi(answers(gpu(FIRST), then=f"echo '{NO_HANDLE}' >&2; exit 15"))
    found = facts()
    repository = tmp_path / "models"
    (repository / "ranker" / "1").mkdir(parents=True)
    (repository / "ranker" / "config.pbtxt").write_text('backend: "python" instance_group { kind: KIND_GPU }')
    arguments = {"repositories": [str(repository)], "driver_version": found["driver_version"]}
    given = run(model_repository_info, gpus=found["gpus"], **arguments)["server"]
    detect = detection.detect
    monkeypatch.setattr(detection, "detect", lambda variable: detect(variable, str(tree.root)))
    seen = run(model_repository_info, **arguments)["server"]
    assert given["source"] != seen["source"]
    assert {**given, "source": ""} == {**seen, "source": ""}
    assert [gpu["ordinal"] for gpu in seen["gpus"]] == [0]
