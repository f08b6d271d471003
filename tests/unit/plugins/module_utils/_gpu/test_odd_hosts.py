# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts on which a wrong headline, a false alarm or a remedy for another host would be easy to give."""

from __future__ import annotations

import os

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu.diagnosis import diagnose
from ansible_collections.inference.triton.plugins.module_utils._gpu.facts import as_facts
from ansible_collections.inference.triton.plugins.module_utils._gpu.nvidia_smi_csv import FIELDS
from ansible_collections.inference.triton.plugins.module_utils._gpu.probing import collect
from ansible_collections.inference.triton.plugins.module_utils._gpu.report import diagnosis_warnings
from ansible_collections.inference.triton.plugins.module_utils._gpu.states import Wanted
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._gpu.host_tree import (
    LIBRARIES,
    NVIDIA_NODES,
    HostTree,
    cdi_text,
)
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._gpu.smi_script import (
    FIRST,
    SECOND,
    UUIDS,
    answers,
    both,
    gpu,
)

NOTHING = Wanted()


@pytest.fixture
def host(tmp_path):
    """Two A100, as far as files tell; the stand-in for NVML is gone, since it would be loaded."""
    host = HostTree(tmp_path / "root").two_a100(smi=both())
    host.remove(f"{LIBRARIES}/libnvidia-ml.so.1")
    host.service("nvidia-persistenced", running=True)
    return host


@pytest.fixture
def bare(tmp_path):
    """A host without a GPU and a driver."""
    return HostTree(tmp_path / "bare").linux()


@pytest.fixture
def contained(tmp_path):
    """A container on a host with two A100, with the driver's libraries and without a GPU."""
    host = HostTree(tmp_path / "container").two_a100()
    host.container()
    for path in (f"{LIBRARIES}/libnvidia-ml.so.1", *(f"dev/{node}" for node in (*NVIDIA_NODES, "nvidia0", "nvidia1"))):
        host.remove(path)
    return host


def diagnosed(host, wanted=NOTHING, user="root", **environment):
    evidence = collect(str(host.root), seconds=20, environment={"PATH": os.environ["PATH"], **environment})
    return diagnose(evidence._replace(user=user), wanted)


def found(host, wanted=NOTHING, **environment):
    findings = diagnosed(host, wanted, **environment).findings
    return [(finding.state.id, finding.severity, finding.pci_address) for finding in findings]


def without_second(host, driver):
    """The second GPU is held by another kernel driver than NVIDIA's, or by none."""
    host.remove(f"proc/driver/nvidia/gpus/{SECOND}/information")
    (host.root / f"proc/driver/nvidia/gpus/{SECOND}").rmdir()
    host.remove(f"sys/devices/pci{SECOND.rpartition(':')[0]}/{SECOND}/driver")
    host.gpu(SECOND, driver=driver)
    host.nvidia_smi(answers(gpu(FIRST)))


# A server, or a task, that asks for no GPU on a host that has none


@pytest.mark.parametrize("variable", ["", "-1"])
def test_a_host_without_gpus_has_no_gpus_to_hide(bare, variable):
    bare.triton(environ={"CUDA_VISIBLE_DEVICES": variable}, fds=(), maps="")
    nothing = [("no_gpu_hardware", "info", "")]
    assert found(bare, Wanted(cuda_visible_devices=variable), CUDA_VISIBLE_DEVICES=variable) == nothing


def test_a_container_without_gpus_has_no_gpus_to_hide(contained):
    contained.triton(environ={"CUDA_VISIBLE_DEVICES": ""}, fds=(), maps="")
    assert found(contained) == [("container_without_gpu", "info", "")]


# A container without a GPU, as nvidia-smi in it speaks of that


def test_a_container_without_a_node_has_lost_no_gpu(contained):
    contained.nvidia_smi("echo 'Failed to initialize NVML: Unknown Error'; exit 255")
    contained.device_nodes("nvidia-uvm")
    assert found(contained) == [("container_without_gpu", "info", "")]


def test_a_container_with_the_drivers_common_nodes_only_was_given_no_gpu(contained):
    contained.nvidia_smi("echo 'No devices were found'; exit 6")
    contained.device_nodes(*NVIDIA_NODES)
    assert found(contained) == [("container_without_gpu", "info", "")]


def test_a_container_that_may_not_open_its_nodes_any_more_has_lost_its_gpus(contained):
    contained.nvidia_smi("echo 'Failed to initialize NVML: Unknown Error'; exit 255")
    contained.device_nodes(*NVIDIA_NODES, "nvidia0")
    assert found(contained) == [("container_lost_gpu", "error", "")]


# Servers


def test_a_server_without_a_gpu_whose_environment_hides_them_is_told_once(host):
    host.triton(environ={"CUDA_VISIBLE_DEVICES": ""}, fds=(), maps="")
    assert found(host) == [("cuda_env_override", "warning", "")]


def test_a_server_that_has_only_asked_the_driver_has_no_gpu(host):
    host.triton(fds=["/dev/nvidiactl", "/dev/nvidia-uvm"])
    assert found(host) == [("server_without_gpu", "warning", "")]


@pytest.mark.parametrize("node", ["nvidia1", "nvgpu/igpu0/ctrl", "nvhost-ctrl-gpu", "nvmap", "dxg"])
def test_a_server_that_has_a_node_of_a_gpu_open_is_in_order(host, node):
    host.triton(fds=["/dev/nvidiactl", f"/dev/{node}"])
    assert found(host) == []


def test_the_evidence_of_a_server_without_a_gpu_says_what_it_was_given(host):
    host.triton(environ={"NVIDIA_VISIBLE_DEVICES": "void"}, fds=(), maps="")
    (finding,) = diagnosed(host).findings
    assert "tritonserver (4242): NVIDIA_VISIBLE_DEVICES=void" in finding.evidence


# GPUs that NVIDIA's driver does not have


@pytest.mark.parametrize("driver", ["vfio-pci", "nvgrace-gpu-vfio-pci", "pciback", "pci-stub"])
def test_a_gpu_of_a_virtual_machine_needs_no_driver_here(bare, driver):
    bare.gpu(FIRST, driver=driver)
    assert found(bare) == [("gpu_bound_to_vfio", "error", FIRST)]


def test_a_host_that_hands_out_all_its_gpus_needs_no_fabric_manager(bare):
    bare.gpu(FIRST, driver="vfio-pci")
    bare.nvswitch("0000:05:00.0")
    assert found(bare, Wanted(expected_count=0)) == [("gpu_bound_to_vfio", "info", FIRST)]


@pytest.mark.parametrize(("driver", "state"), [("nouveau", "nouveau_active"), (None, "gpu_not_bound")])
@pytest.mark.parametrize(("expected", "severity"), [(None, "error"), (1, "info"), (2, "error")])
def test_a_display_card_is_no_error_where_the_others_are_as_many_as_expected(host, driver, state, expected, severity):
    without_second(host, driver)
    assert found(host, Wanted(expected_count=expected)) == [(state, severity, SECOND)]


def test_an_old_display_card_that_the_driver_does_not_support_is_none_either(host):
    without_second(host, None)
    host.kernel_log(
        f"NVRM: The NVIDIA GPU {SECOND} (PCI ID: 10de:128b)\nNVRM: installed in this system is not supported by the"
    )
    assert found(host, Wanted(expected_count=1)) == [("gpu_not_supported_by_driver", "info", SECOND)]


# Remedies for the host that has the problem


def remedy(host):
    (finding,) = diagnosed(host).findings
    return finding.state.id, finding.remedy


def test_a_module_of_a_driver_container_is_not_loaded_by_hand(bare):
    bare.gpu(FIRST, driver=None)
    bare.module_on_disk(module=None)
    bare.libraries(folder=f"run/nvidia/driver/{LIBRARIES}", nvml=False)
    state, text = remedy(bare)
    assert state == "module_not_loaded" and "driver container" in text and "modprobe" not in text


@pytest.mark.parametrize(
    ("switches", "running", "says"),
    [(1, False, "Install nvidia-fabricmanager"), (1, True, "Give it a minute"), (0, False, "runs elsewhere")],
)
def test_the_fabric_is_set_up_by_whoever_does_that_here(host, switches, running, says):
    host.nvidia_smi(both(fabric__state="In Progress"))
    if switches:
        host.nvswitch("0000:05:00.0")
    if running:
        host.service("nvidia-fabricmanager", running=True)
    state, text = remedy(host)
    assert state == "fabric_manager_down" and says in text and "550.54.15" in text


def test_the_fabric_of_a_container_is_set_up_on_its_host(host):
    host.container()
    host.nvidia_smi(both(fabric__state="In Progress"))
    assert remedy(host)[1].startswith("On the host of this container: ")


@pytest.mark.parametrize(("user", "says"), [("root", "read it on the host itself"), ("deploy", "run the task as root")])
def test_who_could_not_read_the_log_is_told_who_can(host, user, says):
    host.nvidia_smi("exit 77")
    (warning,) = diagnosis_warnings(diagnosed(host, user=user))
    assert warning.endswith(f"{says}.")


def test_an_error_in_the_log_that_may_be_over_is_told_with_its_doubt(host):
    host.nvidia_smi(both(gpu_recovery_action="N/A"))
    host.kernel_log("NVRM: Xid (PCI:0000:41:00): 119, pid=4242, Timeout waiting for RPC from GSP0!")
    diagnosis = diagnosed(host)
    assert (diagnosis.state, diagnosis.severity) == ("gpu_needs_reset", "warning")
    assert "may need a reset" in diagnosis.summary and diagnosis.gpus[1].usable


# What one source leaves out and another knows


def test_a_gpu_too_old_for_a_release_is_told_also_by_its_name(host):
    old = answers(gpu(FIRST, product_name="Tesla V100-SXM2-32GB"), gpu(SECOND)).replace("8.0, GPU-1", "[N/A], GPU-1")
    host.nvidia_smi(old)
    assert found(host, Wanted(triton_release="24.11")) == [("compute_capability_too_low", "error", FIRST)]


def test_a_jetson_without_nvidia_smi_has_its_driver_installed(tmp_path):
    host = HostTree(tmp_path / "jetson")
    host.tegra()
    facts = as_facts(diagnosed(host))
    assert (facts["state"], facts["usable_count"]) == ("ok", 1)
    assert facts["driver"]["loaded"] and facts["driver"]["installed"]


XID_79 = "NVRM: Xid (PCI:0000:41:00): 79, pid=4242, GPU has fallen off the bus."


def test_a_gpu_that_the_kernel_has_removed_from_the_bus_is_not_kept_quiet(host):
    without_second(host, None)
    host.remove(f"sys/bus/pci/devices/{SECOND}")
    assert found(host) == []
    host.kernel_log(XID_79)
    diagnosis = diagnosed(host)
    assert [(one.state.id, one.pci_address, one.evidence) for one in diagnosis.findings] == [
        ("gpu_lost", SECOND, (XID_79,))
    ]
    assert [gpu.usable for gpu in diagnosis.gpus] == [True, False]


def test_a_switch_with_an_error_of_that_number_is_no_gpu(host):
    host.kernel_log("nvidia-nvswitch0: SXid (PCI:0000:05:00.0): 79, Non-fatal, Link 32")
    assert found(host) == []


def test_a_container_misses_no_gpu_that_its_host_has_lost(contained):
    contained.nvidia_smi(answers(gpu(FIRST)))
    contained.device_nodes(*NVIDIA_NODES, "nvidia0")
    contained.kernel_log(XID_79)
    assert found(contained) == []


# Memory that the server itself has taken


@pytest.mark.parametrize(("opened", "severity"), [("/dev/nvidia0", "warning"), ("/dev/nvidia1", "info")])
def test_memory_that_a_server_holds_is_no_warning(host, opened, severity):
    host.nvidia_smi(both(fb_memory_usage__free="1024 MiB"))
    host.triton(fds=["/dev/nvidiactl", opened])
    assert found(host, Wanted(minimum_memory_gb=40)) == [("memory_busy", severity, SECOND)]


@pytest.mark.parametrize(("daemon", "findings"), [(True, []), (False, [("compute_exclusive", "warning", SECOND)])])
def test_the_compute_mode_that_mps_asks_for_is_no_warning_where_it_runs(host, daemon, findings):
    host.nvidia_smi(both(compute_mode="Exclusive_Process"))
    if daemon:
        host.process(900, comm="nvidia-cuda-mps-control")
    assert found(host) == findings


@pytest.mark.parametrize("variable", ["0,1", UUIDS[SECOND], UUIDS[SECOND][:12]])
def test_a_variable_that_names_a_lost_gpu_is_no_mistake_of_its_own(host, variable):
    host.nvidia_smi(answers(gpu(FIRST)))
    assert found(host, Wanted(cuda_visible_devices=variable)) == [("gpu_lost", "error", SECOND)]


def test_a_variable_that_names_what_was_never_there_is_one_beside_a_lost_gpu(host):
    host.nvidia_smi(answers(gpu(FIRST)))
    states = [state for state, _severity, _address in found(host, Wanted(cuda_visible_devices="0,2"))]
    assert states == ["gpu_lost", "cuda_env_override"]


def test_an_answer_in_place_of_another_is_told_as_that(host):
    told = {"pci_address": FIRST, "uuid": UUIDS[FIRST], "name": "NVIDIA A100-SXM4-80GB", "memory_mib": "81920"}
    row = ", ".join(told.get(field, "[N/A]") for field in FIELDS.values())
    host.nvidia_smi(f'case "$1" in -q) echo no XML ;; *) echo "{row}" ;; esac')
    assert [gpu.usable for gpu in diagnosed(host).gpus] == [True, False]
    assert any(
        warning.startswith("nvidia-smi --query-gpu") and "was asked instead: the answer of nvidia-smi -q -x" in warning
        for warning in diagnosis_warnings(diagnosed(host))
    )


def test_a_specification_that_names_a_lost_gpu_fits_the_host(host):
    host.nvidia_smi(answers(gpu(FIRST)))
    host.cdi(cdi_text(names=(*UUIDS.values(), "all")))
    assert found(host, Wanted(containers=True)) == [("gpu_lost", "error", SECOND)]


def test_an_answer_that_names_every_gpu_is_not_the_lack_of_one(host):
    lost = "Unable to determine the device handle for GPU{}: Unknown Error"
    host.nvidia_smi("\n".join(f"echo '{lost.format(address)}'" for address in UUIDS) + "\nexit 255")
    assert found(host) == [("gpu_lost", "error", FIRST), ("gpu_lost", "error", SECOND)]


def test_a_server_that_runs_as_it_is_asked_about_is_told_once(host):
    host.triton(environ={"CUDA_VISIBLE_DEVICES": ""}, fds=(), maps="")
    assert found(host, Wanted(cuda_visible_devices="")) == [("cuda_env_override", "warning", "")]


def test_a_compatibility_library_in_the_way_is_taken_out_of_it(host):
    host.nvidia_smi(both(product_brand="GeForce"))
    host.write("usr/local/cuda/compat/libcuda.so.1", b"\x7fELF\x02\x01\x01" + bytes(57))
    (finding,) = diagnosed(host, LD_LIBRARY_PATH="/usr/local/cuda/compat").findings
    assert finding.state.id == "cuda_env_override" and "/etc/ld.so.conf.d" in finding.remedy
    assert "KIND_CPU" not in finding.remedy


def test_the_headline_says_why_the_gpu_that_is_there_is_not_usable(bare):
    bare.gpu(FIRST, driver=None)
    bare.module_on_disk(module=None)
    diagnosis = diagnosed(bare, Wanted(expected_count=2))
    assert [one.state.id for one in diagnosis.findings] == ["driver_missing", "gpu_count_below_expected"]
    assert diagnosis.summary.startswith("The only GPU is not usable: the NVIDIA driver is not installed.")
