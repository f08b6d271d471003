# SPDX-License-Identifier: GPL-3.0-or-later
"""From the files of a host, and an nvidia-smi on it, to what is wrong: the probes and the diagnosis together."""

from __future__ import annotations

import os

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu.diagnosis import diagnose
from ansible_collections.inference.triton.plugins.module_utils._gpu.probing import collect
from ansible_collections.inference.triton.plugins.module_utils._gpu.states import Wanted
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._gpu.host_tree import (
    LIBRARIES,
    NVIDIA_NODES,
    HostTree,
    cdi_text,
)
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._gpu.smi_script import (
    FIRST,
    NO_HANDLE,
    SECOND,
    answers,
    both,
    gpu,
)

NVML = f"{LIBRARIES}/libnvidia-ml.so.1"
CUDA = f"{LIBRARIES}/libcuda.so.1"
NOTHING = Wanted()
CONTAINERS = Wanted(containers=True)


@pytest.fixture
def host(tmp_path):
    """Two A100, as far as files tell; the stand-in for NVML is gone, since it would be loaded."""
    host = HostTree(tmp_path / "root").two_a100(smi=both())
    host.remove(NVML)
    host.service("nvidia-persistenced", running=True)
    return host


@pytest.fixture
def bare(tmp_path):
    """A host without a GPU and a driver."""
    return HostTree(tmp_path / "bare").linux()


def found(host, wanted=NOTHING, seconds=20, **environment):
    evidence = collect(str(host.root), seconds=seconds, environment={"PATH": os.environ["PATH"], **environment})
    diagnosis = diagnose(evidence._replace(user="root"), wanted)
    return [(finding.state.id, finding.pci_address) for finding in diagnosis.findings]


def unload(host):
    """A host whose driver is not loaded."""
    for path in ("sys/module/nvidia/version", "sys/module/nvidia/initstate", "proc/driver/nvidia/version"):
        host.remove(path)
    (host.root / "sys/module/nvidia").rmdir()
    for address in (FIRST, SECOND):
        host.remove(f"proc/driver/nvidia/gpus/{address}/information")
        (host.root / f"proc/driver/nvidia/gpus/{address}").rmdir()
        host.remove(f"sys/devices/pci{address.rpartition(':')[0]}/{address}/driver")
    for node in (*NVIDIA_NODES, "nvidia0", "nvidia1"):
        host.remove(f"dev/{node}")
    host.nvidia_smi("echo 'NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver.'; exit 9")


def uninstall(host):
    unload(host)
    for path in (CUDA, f"{CUDA[:-2]}.550.54.15", "usr/bin/nvidia-smi"):
        host.remove(path)
    host.module_on_disk(module=None)


def drop_second(host):
    """The kernel module has nothing to say of the second GPU, and nvidia-smi neither."""
    host.remove(f"proc/driver/nvidia/gpus/{SECOND}/information")
    (host.root / f"proc/driver/nvidia/gpus/{SECOND}").rmdir()
    host.nvidia_smi(answers(gpu(FIRST)))


def test_a_host_in_order(host):
    assert found(host) == []


def test_no_gpu_hardware(bare):
    bare.other_gpu("0000:c3:00.0")
    assert found(bare) == [("no_gpu_hardware", "")]


def test_gpu_count_below_expected(host):
    assert found(host, Wanted(expected_count=3)) == [("gpu_count_below_expected", "")]


def test_container_without_gpu(bare):
    bare.gpu(FIRST)
    bare.container()
    assert found(bare) == [("container_without_gpu", "")]


def test_blocked_by_os(bare):
    bare.wsl()
    bare.remove("dev/dxg")
    assert found(bare) == [("blocked_by_os", "")]


@pytest.mark.parametrize(
    ("holder", "state"),
    [("vfio-pci", "gpu_bound_to_vfio"), ("nouveau", "nouveau_active"), (None, "gpu_not_bound"), ("x", "gpu_not_bound")],
)
def test_who_holds_a_gpu(host, holder, state):
    drop_second(host)
    host.remove(f"sys/devices/pci{SECOND.rpartition(':')[0]}/{SECOND}/driver")
    host.gpu(SECOND, driver=holder)
    assert found(host) == [(state, SECOND)]


def test_gpu_not_supported_by_driver(host):
    drop_second(host)
    host.remove(f"sys/devices/pci{SECOND.rpartition(':')[0]}/{SECOND}/driver")
    host.kernel_log(
        f"NVRM: The NVIDIA GPU {SECOND} (PCI ID: 10de:2901) installed in this system is not supported by the"
    )
    assert found(host) == [("gpu_not_supported_by_driver", SECOND)]


def test_driver_missing(host):
    uninstall(host)
    assert found(host) == [("driver_missing", "")]


def test_driver_not_built_for_kernel(host):
    unload(host)
    host.module_on_disk(module=None)
    assert found(host) == [("driver_not_built_for_kernel", "")]


def test_module_blocked_secure_boot(host):
    unload(host)
    host.secure_boot()
    host.kernel_log("Loading of module with unavailable key is rejected")
    assert found(host) == [("module_blocked_secure_boot", "")]


@pytest.mark.parametrize("secure_boot", [False, True])
def test_module_not_loaded(host, secure_boot):
    unload(host)
    host.secure_boot(secure_boot)
    host.kernel_log("nvidia-persistenced: a line that says nothing")
    assert found(host) == [("module_not_loaded", "")]


@pytest.mark.parametrize("said", ["Failed to initialize NVML: Driver/library version mismatch", ""])
def test_library_mismatch(host, said):
    host.libraries("550.90.07", nvml=False)
    host.nvidia_smi(f"echo '{said}'; exit 18")
    assert found(host) == [("library_mismatch", "")]


def test_permission_denied(host):
    host.nvidia_smi("echo 'Failed to initialize NVML: Insufficient Permissions'; exit 4")
    assert found(host) == [("permission_denied", "")]


def test_driver_library_missing(host):
    host.remove("usr/bin/nvidia-smi")
    assert found(host) == [("driver_library_missing", "")]


def test_device_nodes_missing(host):
    for node in (*NVIDIA_NODES, "nvidia0", "nvidia1"):
        host.remove(f"dev/{node}")
    host.nvidia_smi("echo 'Failed to initialize NVML: Unknown Error'; exit 255")
    assert found(host) == [("device_nodes_missing", "")]


@pytest.mark.parametrize("script", ["sleep 60", "sleep 60 & sleep 60"])
def test_probe_timeout(host, script):
    host.nvidia_smi(script)
    assert found(host, seconds=2) == [("probe_timeout", "")]


def test_gpu_excluded(host):
    host.nvidia_smi(answers(gpu(FIRST)))
    host.proc_gpu(SECOND, minor=1, excluded=True)
    assert found(host) == [("gpu_excluded", SECOND)]


@pytest.mark.parametrize(
    "script",
    [
        answers(gpu(FIRST)),
        answers(gpu(FIRST), then=f"echo '{NO_HANDLE}'"),
        answers(gpu(FIRST), then=f"echo '{NO_HANDLE}' >&2; exit 15"),
        both(fb_memory_usage__total="GPU is lost"),
    ],
    ids=["left out", "said", "failed", "in place of a value"],
)
def test_gpu_lost(host, script):
    host.nvidia_smi(script)
    assert found(host) == [("gpu_lost", SECOND)]


def test_gpu_lost_on_the_bus(host):
    host.nvidia_smi(answers(gpu(FIRST)))
    host.gpu(SECOND, off_bus=True)
    host.kernel_log("NVRM: Xid (PCI:0000:41:00): 79, pid=1234, GPU has fallen off the bus.")
    assert found(host) == [("gpu_lost", SECOND)]


@pytest.mark.parametrize(
    "line",
    [
        "NVRM: GPU 0000:41:00.0: RmInitAdapter failed! (0x62:0x65:1792)",
        "NVRM: GPU 0000:41:00.0: rm_init_adapter failed",
    ],
)
def test_gpu_init_failed(host, line):
    host.nvidia_smi(answers(gpu(FIRST)))
    host.kernel_log(line)
    assert found(host) == [("gpu_init_failed", SECOND)]


def test_gpu_init_failed_for_all(host):
    host.nvidia_smi("echo 'No devices were found'; exit 6")
    assert found(host) == [("gpu_init_failed", FIRST), ("gpu_init_failed", SECOND)]


def test_power_cable(host):
    host.nvidia_smi(answers(gpu(FIRST)))
    host.kernel_log("NVRM: Xid (PCI:0000:41:00): 54, pid=0, auxiliary power is not connected")
    assert ("power_cable", SECOND) in found(host)


def test_gpu_needs_reset_by_the_log(host):
    host.nvidia_smi(both(gpu_recovery_action="N/A"))
    host.kernel_log("NVRM: Xid (PCI:0000:41:00): 119, pid=1, name=x, Timeout after 6s of waiting for RPC response")
    assert found(host) == [("gpu_needs_reset", SECOND)]
    host.nvidia_smi(both())  # the driver has got over it
    assert found(host) == []


@pytest.mark.parametrize(
    ("script", "state"),
    [
        (both(gpu_recovery_action="Reset"), "gpu_needs_reset"),
        (both(fb_memory_usage__used="GPU requires reset"), "gpu_needs_reset"),
        (both(gpu_reset_status__reset_required="Yes", gpu_recovery_action="N/A"), "gpu_needs_reset"),
        (both(gpu_recovery_action="Reboot"), "node_needs_reboot"),
        (both(gpu_recovery_action="Drain P2P"), "gpu_drain_recommended"),
        (both(remapped_rows__remapped_row_pending="Yes"), "gpu_drain_recommended"),
        (both(remapped_rows__remapped_row_failure="Yes"), "row_remap_failure"),
        (both(retired_pages__pending_retirement="Yes"), "retired_pages_pending"),
        (both(ecc_errors__volatile="<dram_uncorrectable>2</dram_uncorrectable>"), "ecc_uncorrected"),
        (both(fb_memory_usage__total="Unknown Error"), "gpu_unknown_fault"),
        (both(compute_mode="Prohibited"), "compute_prohibited"),
        (both(compute_mode="Exclusive_Process"), "compute_exclusive"),
        (both(mig_mode__pending_mig="Enabled"), "mig_pending_change"),
        (both(fabric__state="Completed", fabric__status="Insufficient Resources"), "fabric_unhealthy"),
    ],
)
def test_what_nvidia_smi_says_of_a_gpu(host, script, state):
    host.nvidia_smi(script)
    assert found(host) == [(state, SECOND)]


def test_inforom_corrupt(host):
    said = "WARNING: infoROM is corrupted at gpu 0000:41:00.0"
    host.nvidia_smi(answers(gpu(FIRST), gpu(SECOND), then=f"echo '{said}'; exit 14"))
    assert found(host) == [("inforom_corrupt", SECOND)]


def test_fabric_manager_down(host):
    host.nvswitch("0000:85:00.0")
    assert found(host) == [("fabric_manager_down", "")]
    host.service("nvidia-fabricmanager", running=True)
    assert found(host) == []


def test_fabric_manager_down_by_the_state_of_a_gpu(host):
    host.nvidia_smi(both(fabric__state="In Progress"))
    assert found(host) == [("fabric_manager_down", "")]


def test_mig(host):
    with_mig = gpu(SECOND, mig_mode__current_mig="Enabled", mig_mode__pending_mig="Enabled")
    host.nvidia_smi(answers(gpu(FIRST), with_mig, listing="GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-11)"))
    assert found(host) == [("mig_enabled_without_instances", SECOND)]
    assert ("mig_multi_instance_requested", "") in found(host, Wanted(cuda_visible_devices="MIG-1,MIG-2"))


def test_mig_that_cannot_be_listed(host):
    with_mig = gpu(SECOND, mig_mode__current_mig="Enabled", mig_mode__pending_mig="Enabled")
    host.nvidia_smi(answers(gpu(FIRST), with_mig).replace("-L)", "-L) exit 255;"))
    assert found(host) == [("mig_devices_unknown", SECOND)]


def test_memory(host):
    host.nvidia_smi(both(fb_memory_usage__free="1024 MiB"))
    assert found(host, Wanted(minimum_memory_gb=80)) == [("memory_busy", SECOND)]
    assert found(host, Wanted(minimum_memory_gb=90)) == [
        ("memory_insufficient", FIRST),
        ("memory_insufficient", SECOND),
    ]


def test_persistence_off(host):
    host.remove("proc/812/comm")
    host.nvidia_smi(both(persistence_mode="Disabled"))
    assert found(host) == [("persistence_off", SECOND)]


def test_container_lost_gpu(host):
    host.container()
    host.nvidia_smi("echo 'Failed to initialize NVML: Unknown Error'; exit 255")
    assert found(host) == [("container_lost_gpu", "")]


def test_container_toolkit_missing(host):
    host.remove("usr/bin/nvidia-ctk")
    host.remove("usr/bin/nvidia-container-runtime-hook")
    assert found(host, CONTAINERS) == [("container_toolkit_missing", "")]


def test_cdi_spec_missing(host):
    host.daemon_json({"features": {"cdi": True}, "runtimes": {"nvidia": {"path": "nvidia-container-runtime"}}})
    assert found(host, CONTAINERS) == [("cdi_spec_missing", "")]


@pytest.mark.parametrize(
    "text", [cdi_text("535.104.05"), cdi_text(nodes=("/dev/nvidia7",)), cdi_text(names=("GPU-99", "all"))]
)
def test_cdi_spec_stale(host, text):
    host.cdi(text)
    assert found(host, CONTAINERS) == [("cdi_spec_stale", "")]


def test_a_fresh_cdi_specification_is_in_order(host):
    host.cdi(cdi_text())
    assert found(host, CONTAINERS) == []


def test_server_without_gpu(host):
    host.triton(fds=(), maps="")
    assert found(host) == [("server_without_gpu", "")]


def test_a_server_with_its_gpu_is_in_order(host):
    host.triton()
    assert found(host) == []


def test_libcuda_missing(host):
    host.remove(CUDA)
    host.nvidia_smi(answers(gpu(FIRST), gpu(SECOND), cuda="Not Found"))
    assert found(host) == [("libcuda_missing", "")]


def test_cuda_env_override(host):
    assert found(host, CUDA_VISIBLE_DEVICES="") == [("cuda_env_override", "")]
    host.triton(environ={"CUDA_VISIBLE_DEVICES": "-1"})
    assert found(host) == [("cuda_env_override", "")]


def test_driver_error(host):
    host.nvidia_smi("exit 77")
    assert found(host) == [("driver_error", "")]


@pytest.mark.parametrize(
    ("wanted", "state", "addresses"),
    [
        (Wanted(triton_release="26.01"), "driver_too_old_for_release", [""]),
        (Wanted(min_supported_compute_capability="9.0"), "compute_capability_too_low", [FIRST, SECOND]),
        (Wanted(minimum_compute_capability=(9, 0)), "compute_capability_insufficient", [FIRST, SECOND]),
    ],
)
def test_what_is_asked_for(host, wanted, state, addresses):
    assert found(host, wanted) == [(state, address) for address in addresses]
