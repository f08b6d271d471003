# SPDX-License-Identifier: GPL-3.0-or-later
"""What the files of a host say of the driver."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu import driver_files
from ansible_collections.inference.triton.plugins.module_utils._gpu.driver_files import read_driver
from ansible_collections.inference.triton.plugins.module_utils._gpu.evidence import DriverFiles, ProcGpu
from ansible_collections.inference.triton.plugins.module_utils._gpu.host_files import HostFiles
from ansible_collections.inference.triton.plugins.module_utils._gpu.host_platform import read_platform
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._gpu.host_tree import (
    KERNEL,
    SECURE_BOOT,
)

ADDRESS = "0000:0a:00.0"


@pytest.fixture
def driver(host_tree):
    def read(environment=None):
        files = HostFiles(str(host_tree.root))
        return read_driver(files, read_platform(files), environment, seconds=20)

    return read


def test_a_healthy_host(driver, host_tree):
    host_tree.two_a100("550.54.15")
    found = driver()
    assert (found.loaded_version, found.flavor, found.module_on_disk) == ("550.54.15", "proprietary", True)
    assert found.modules == {"nvidia", "nvidia_uvm"}
    assert (found.nvml_version, found.cuda_library_version) == ("550.54.15", "550.54.15")
    assert found.device_nodes == found.open_device_nodes >= {"nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"}
    assert sorted(found.gpus) == [ADDRESS, "0000:41:00.0"]
    assert (found.compat_library, found.nvidia_smi, found.driver_container) == ("", (), False)


def test_a_host_without_a_driver(driver, host_tree):
    host_tree.linux()
    assert driver() == DriverFiles()


@pytest.mark.parametrize("flavor", ["open", "proprietary"])
def test_the_flavor_of_the_module(driver, host_tree, flavor):
    host_tree.driver("580.95.05", flavor=flavor)
    assert driver().flavor == flavor


@pytest.mark.parametrize("flavor", ["open", "proprietary"])
@pytest.mark.parametrize("version", ["565.77", "580.95.05"])
def test_the_version_where_only_proc_tells_it(driver, host_tree, flavor, version):
    host_tree.driver(version, flavor=flavor)
    host_tree.remove("sys/module/nvidia/version")
    assert driver().loaded_version == version


def test_other_drivers_that_are_loaded(driver, host_tree):
    for name in ("nouveau", "vfio_pci", "ext4"):
        host_tree.module(name)
    assert driver().modules == {"nouveau", "vfio_pci"}


@pytest.mark.parametrize(
    "module",
    [
        "updates/dkms/nvidia.ko",
        "updates/dkms/nvidia.ko.zst",
        "kernel/nvidia-550/nvidia.ko",
        "extra/nvidia.ko.xz",
        "nvidia.ko.gz",
        "updates/dkms/nvidia-current.ko",
        "nvidia/nvidia-tesla-535.ko",
        "nvidia/nvidia-legacy-390xx.ko",
    ],
)
def test_a_module_for_the_running_kernel(driver, host_tree, module):
    host_tree.linux()
    host_tree.module_on_disk(module=module)
    assert driver().module_on_disk is True


@pytest.mark.parametrize("module", [None, "kernel/drivers/nvidia-drm.ko", "a/notnvidia.ko", "a/nvidia.ko.bak"])
def test_no_module_for_the_running_kernel(driver, host_tree, module):
    host_tree.linux()
    host_tree.module_on_disk(module=module)
    assert driver().module_on_disk is False


def test_a_module_that_another_one_needs_is_not_there_by_that(driver, host_tree):
    host_tree.linux()
    host_tree.write(f"lib/modules/{KERNEL}/modules.dep", "a/nvidia-uvm.ko: a/nvidia.ko\n")
    assert driver().module_on_disk is False


def test_a_module_for_another_kernel_does_not_count(driver, host_tree):
    host_tree.linux()
    host_tree.module_on_disk(kernel="5.15.0-1-generic")
    assert driver().module_on_disk is None
    host_tree.module_on_disk(module=None)
    assert driver().module_on_disk is False


def test_nvidia_smi_is_told_with_its_place_on_this_machine(driver, host_tree):
    smi = host_tree.nvidia_smi(path="opt/bin/nvidia-smi")
    assert driver().nvidia_smi == (str(smi),)


def test_an_nvidia_smi_that_cannot_be_run_is_none(driver, host_tree):
    host_tree.nvidia_smi().chmod(0o644)
    assert driver().nvidia_smi == ()


def test_a_driver_in_a_container_of_the_gpu_operator(driver, host_tree):
    host_tree.linux()
    host_tree.nvidia_smi(path="run/nvidia/driver/opt/nvidia-smi")
    host_tree.link("run/nvidia/driver/usr/bin/nvidia-smi", "/opt/nvidia-smi")
    host_tree.libraries("580.95.05", folder="run/nvidia/driver/usr/lib64")
    host_tree.device_nodes("nvidiactl")
    host_tree.write("run/nvidia/driver/dev/nvidia0")
    found = driver()
    assert found.device_nodes == found.open_device_nodes == {"nvidiactl", "nvidia0"}
    assert found.driver_container
    assert found.nvidia_smi == ("chroot", str(host_tree.root / "run/nvidia/driver"), "nvidia-smi")
    assert found.nvml_library == "/run/nvidia/driver/usr/lib64/libnvidia-ml.so.1"
    assert found.nvml_version == found.cuda_library_version == "580.95.05"


def test_an_empty_folder_for_a_driver_container_is_none(driver, host_tree):
    host_tree.linux()
    host_tree.folder("run/nvidia/driver")
    assert not driver().driver_container


def test_secure_boot(driver, host_tree):
    assert driver().secure_boot is None
    host_tree.secure_boot(False)
    assert driver().secure_boot is False
    host_tree.secure_boot(True)
    assert driver().secure_boot is True
    host_tree.write(SECURE_BOOT, b"\x06\x00")
    assert driver().secure_boot is None


def test_device_nodes(driver, host_tree):
    host_tree.device_nodes("nvidia0", "nvidia-caps/nvidia-cap1", "nvidia-caps/nvidia-cap2", "dxg", "nvhost-gpu", "null")
    host_tree.folder("dev/nvidia-caps-imex-channels")
    assert driver().device_nodes == {
        "nvidia0",
        "nvidia-caps/nvidia-cap1",
        "nvidia-caps/nvidia-cap2",
        "dxg",
        "nvhost-gpu",
    }


def test_device_nodes_that_this_user_may_not_use(driver, host_tree, monkeypatch):
    host_tree.device_nodes("nvidia0", "nvidiactl")
    monkeypatch.setattr(HostFiles, "usable", lambda files, path: path != "/dev/nvidia0")
    assert driver().open_device_nodes == {"nvidiactl"}


def test_on_this_host_only_a_character_device_is_a_node():
    files = HostFiles("/")
    assert driver_files._is_node(files, "/dev/null")
    assert not driver_files._is_node(files, "/dev/shm")
    assert not driver_files._is_node(files, "/etc/passwd")


def test_a_gpu_that_the_module_has_probed(driver, host_tree):
    host_tree.driver()
    host_tree.proc_gpu(ADDRESS, "NVIDIA H100 80GB HBM3", uuid="GPU-11", minor=3, firmware="580.95.05")
    assert driver().gpus == {ADDRESS: ProcGpu(ADDRESS, "NVIDIA H100 80GB HBM3", "GPU-11", 3, "580.95.05", False)}


def test_a_gpu_that_is_excluded(driver, host_tree):
    host_tree.driver()
    host_tree.driver_parameters(GpuBlacklist='""', TemporaryFilePath='"/tmp"', ExcludedGpus='"0000:0a:00.0"')
    host_tree.proc_gpu(ADDRESS, excluded=True)
    assert driver().gpus[ADDRESS].excluded is True
    assert driver().excluded_gpus == "0000:0a:00.0"


def test_the_words_of_an_older_driver(driver, host_tree):
    host_tree.driver("440.33.01")
    text = f"Model: \t\t Tesla V100\nBus Location: \t {ADDRESS}\nDevice Minor: \t 0\nBlacklisted:\t Yes\n"
    host_tree.write(f"proc/driver/nvidia/gpus/{ADDRESS}/information", text)
    host_tree.driver_parameters(GpuBlacklist='"GPU-11"')
    assert driver().gpus == {ADDRESS: ProcGpu(ADDRESS, "Tesla V100", minor=0, excluded=True)}
    assert driver().excluded_gpus == "GPU-11"


def test_what_a_module_does_not_know_yet_is_left_out(driver, host_tree):
    host_tree.driver()
    host_tree.proc_gpu(ADDRESS, "Unknown", uuid="GPU-????????-????-????-????-????????????", firmware="N/A")
    assert driver().gpus == {ADDRESS: ProcGpu(ADDRESS, minor=0, excluded=False)}


def test_a_gpu_of_which_the_module_says_nothing_is_still_listed(driver, host_tree):
    host_tree.driver()
    host_tree.write(f"proc/driver/nvidia/gpus/{ADDRESS}/information", "")
    host_tree.proc_gpu("0000:41:00.0", minor=1)
    host_tree.folder("proc/driver/nvidia/gpus/not an address")
    assert driver().gpus[ADDRESS] == ProcGpu(ADDRESS)
    assert driver().gpus["0000:41:00.0"].minor == 1
    assert len(driver().gpus) == 2


def test_a_driver_that_does_not_answer_is_not_waited_for(host_tree, monkeypatch):
    host_tree.driver()
    host_tree.proc_gpu(ADDRESS)
    cat = host_tree.program("bin/cat", "sleep 30")
    monkeypatch.setenv("PATH", str(cat.parent), prepend=":")
    files = HostFiles(str(host_tree.root))
    assert read_driver(files, read_platform(files), seconds=0.1).gpus == {ADDRESS: ProcGpu(ADDRESS)}


def test_a_compatibility_package_that_the_environment_asks_for(driver, host_tree):
    host_tree.libraries("580.95.05", folder="usr/local/cuda/compat")
    path = {"LD_LIBRARY_PATH": "/usr/local/cuda/compat"}
    assert driver(path).compat_library == "/usr/local/cuda/compat/libcuda.so.1"
    assert driver().compat_library == ""


def test_a_host_in_which_libraries_and_module_differ(driver, host_tree):
    host_tree.two_a100("550.54.15")
    host_tree.libraries("570.86.10")
    found = driver()
    assert (found.loaded_version, found.nvml_version) == ("550.54.15", "570.86.10")
