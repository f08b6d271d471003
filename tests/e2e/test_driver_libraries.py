# SPDX-License-Identifier: GPL-3.0-or-later
"""Our children and libraries in C: structures, handles of 64 bits, libraries that hang, crash and refuse.

The libraries are stand-ins: `tests/standin_nvml` says what that proves and what it does not.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu.cuda_check import ask_cuda
from ansible_collections.inference.triton.plugins.module_utils._gpu.evidence import (
    DeviceAnswer,
    DriverAnswer,
    Evidence,
    MigDevice,
)
from ansible_collections.inference.triton.plugins.module_utils._gpu.nvml import ask_nvml
from ansible_collections.inference.triton.plugins.module_utils._gpu.probing import collect
from ansible_collections.inference.triton.tests.standin_nvml.libraries import Libraries, build
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._gpu.host_tree import (
    DRIVER,
    LIBRARIES,
    HostTree,
)

ADDRESSES = ["0000:0a:00.0", "0001:0a:00.0", "0002:0a:00.0"]


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Libraries:
    return build(tmp_path_factory.mktemp("libraries"))


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch):
    def have(words: str, **settings: str) -> None:
        monkeypatch.setenv("STANDIN_NVML_GPUS", words)
        for name, value in settings.items():
            monkeypatch.setenv(f"STANDIN_{name}", value)

    return have


def nvml(libraries: Libraries, seconds: float = 30) -> DriverAnswer:
    return ask_nvml(str(libraries.nvml), ADDRESSES, seconds)


def test_every_field_of_a_gpu(libraries, gpus):
    gpus("ok")
    answer = nvml(libraries)
    assert (answer.error, answer.failure, answer.driver_version, answer.cuda_version) == (0, "", "550.54.15", "12.4")
    assert (answer.complaints, answer.unknown, answer.seen) == ((), (), ())
    assert answer.devices == (
        DeviceAnswer(
            pci_address="0000:0a:00.0",
            index=0,
            uuid="GPU-00000000-aaaa-bbbb-cccc-dddddddddddd",
            name="NVIDIA A30",
            minor=0,
            brand="nvidia",
            architecture="ampere",
            pci_device_id="10de:20b7",
            memory_mib=24576,
            memory_used_mib=4,
            memory_free_mib=24060,
            memory_unified=False,
            compute_capability=(8, 0),
            compute_mode="exclusive_process",
            persistence_mode=True,
            mig_mode="disabled",
            mig_pending="disabled",
            ecc_mode=True,
            ecc_uncorrected=2**33 + 1,
            remap_pending=True,
            remap_failure=False,
            recovery_action="reboot",
            fabric_state="completed",
            fabric_status="success",
            fabric_health="unhealthy",
            virtualization_mode="pass_through",
        ),
    )


def test_mig_devices(libraries, gpus):
    gpus("ok,mig")
    answer = nvml(libraries)
    found = [
        MigDevice(f"MIG-{number:08d}-aaaa-bbbb-cccc-dddddddddddd", "2g.12gb", index, index + 1, 0, 12288)
        for index, number in ((0, 65), (3, 257))
    ]
    assert [device.mig_devices for device in answer.devices] == [(), tuple(found)]
    assert answer.mig_listed


def test_a_gpu_that_shares_the_memory_of_its_host(libraries, gpus):
    gpus("unified")
    assert nvml(libraries).devices[0].memory_unified is True


def test_a_gpu_that_is_lost_is_told_by_its_address_and_the_others_go_on(libraries, gpus):
    gpus("ok,lost,ok")
    answer = nvml(libraries)
    assert [(device.index, device.pci_address) for device in answer.devices] == [(0, ADDRESSES[0]), (2, ADDRESSES[2])]
    assert answer.complaints == ((ADDRESSES[1], "GPU is lost", 15),)


def test_a_gpu_that_is_lost_while_it_is_asked(libraries, gpus):
    gpus("lost_later")
    (device,) = nvml(libraries).devices
    assert (device.faults, device.memory_mib, device.memory_unified) == (("GPU is lost",), None, None)


def test_two_versions_of_the_driver(libraries, gpus):
    gpus("ok", NVML_INIT="18")
    answer = nvml(libraries)
    assert (answer.error, answer.seen, answer.devices) == (18, ("Driver/library version mismatch",), ())


def test_a_gpu_that_hangs_is_told_and_the_ones_before_it_too(libraries, gpus):
    gpus("ok,hangs,ok")
    began = time.monotonic()
    answer = nvml(libraries, 2)
    assert time.monotonic() - began < 20
    assert (answer.timed_out, [device.index for device in answer.devices]) == (True, [0])
    assert answer.complaints == (("", "NVML index 1: did not answer within 2 seconds", 10),)


def test_a_library_that_crashes_takes_nobody_with_it(libraries, gpus):
    gpus("ok,crashes")
    answer = nvml(libraries)
    assert [device.index for device in answer.devices] == [0]
    assert answer.seen == ("NVML was ended by signal 11",)


def test_cuda(libraries, gpus, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    gpus("ok,lost,ok,mig")
    answer = ask_cuda(str(libraries.cuda), 30)
    assert (answer.error, answer.failure, answer.driver_version) == (0, "", "12.4")
    assert answer.addresses == ("0000:0a:00.0", "0002:0a:00.0", "0003:0a:00.0")
    assert answer.uuids == (
        "GPU-01010101-0101-0101-0101-010101010101",
        "GPU-03030303-0303-0303-0303-030303030303",
        "MIG-84848484-8484-8484-8484-848484848484",
    )


def test_cuda_does_not_start(libraries, gpus):
    gpus("ok", CUDA_INIT="802")
    answer = ask_cuda(str(libraries.cuda), 30)
    assert (answer.error, answer.addresses) == (802, ())
    assert answer.seen == "CUDA_ERROR_SYSTEM_NOT_READY: system not yet initialized"


def test_cuda_hangs(libraries, gpus):
    gpus("ok", CUDA_INIT="hangs")
    answer = ask_cuda(str(libraries.cuda), 2)
    assert (answer.error, answer.timed_out, answer.failure) == (None, True, "did not answer within 2 seconds")


class Host:
    """A host whose libraries are the stand-ins, with three A30 and an nvidia-smi that says what it likes."""

    def __init__(self, tree: HostTree, libraries: Libraries) -> None:
        self.tree = tree
        tree.linux()
        tree.driver()
        tree.libraries()
        tree.device_nodes("nvidiactl", "nvidia-uvm")
        tree.write(f"{LIBRARIES}/libnvidia-ml.so.{DRIVER}", libraries.nvml.read_bytes())
        tree.write(f"{LIBRARIES}/libcuda.so.{DRIVER}", libraries.cuda.read_bytes())
        for address in ADDRESSES:
            tree.gpu(address, device="20b7")

    def seen(self, smi: str, seconds: float = 30, **options: object) -> Evidence:
        calls = self.tree.root / "calls"
        self.tree.nvidia_smi(f'echo "$*" >> "{calls}"\n{smi}')
        evidence = collect(str(self.tree.root), seconds, environment={}, **options)
        self.calls = calls.read_text().splitlines()
        return evidence


@pytest.fixture
def host(tmp_path: Path, libraries: Libraries) -> Host:
    return Host(HostTree(tmp_path / "root"), libraries)


def test_all_probes_of_a_host(host, gpus):
    gpus("ok,ok,mig")
    seen = host.seen("exit 9", cuda_check=True)
    assert [gpu.address for gpu in seen.pci] == [device.pci_address for device in seen.nvml.devices] == ADDRESSES
    assert (seen.smi.error, seen.smi.devices, host.calls) == (9, (), ["-q -x"])
    assert seen.cuda.addresses == tuple(ADDRESSES)


def test_what_nvml_told_is_not_asked_again(host, gpus):
    gpus("ok,ok,mig")
    gpu = '<gpu id="0000:0A:00.0"><mig_mode><current_mig>Enabled</current_mig></mig_mode></gpu>'
    seen = host.seen(f"echo '<nvidia_smi_log>{gpu}</nvidia_smi_log>'")
    assert len(seen.smi.devices) == 1
    assert host.calls == ["-q -x"]


def test_a_driver_that_hangs_leaves_time_for_what_still_answers(host, gpus):
    gpus("ok,hangs,ok", CUDA_INIT="hangs")
    began = time.monotonic()
    seen = host.seen("sleep 30", 4, cuda_check=True)
    assert time.monotonic() - began < 25
    assert [seen.nvml.timed_out, seen.smi.timed_out, seen.cuda.timed_out] == [True] * 3
    assert [device.index for device in seen.nvml.devices] == [0]
    assert len(seen.pci) == 3
