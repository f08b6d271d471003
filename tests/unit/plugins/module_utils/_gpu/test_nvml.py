# SPDX-License-Identifier: GPL-3.0-or-later
"""What NVML answers, from a library that is handed in, and from no library at all."""

from __future__ import annotations

import json
from ctypes import sizeof

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu import nvml_child
from ansible_collections.inference.triton.plugins.module_utils._gpu.child_process import ChildAnswer
from ansible_collections.inference.triton.plugins.module_utils._gpu.evidence import DeviceAnswer, MigDevice
from ansible_collections.inference.triton.plugins.module_utils._gpu.nvml import ask_nvml, interpreted
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._gpu.fake_nvml import A30, FakeNvml

ANSWER = DeviceAnswer(
    pci_address="0000:0a:00.0",
    index=0,
    uuid="GPU-11111111-1111-1111-1111-111111111111",
    name="NVIDIA A30",
    minor=3,
    brand="nvidia",
    architecture="ampere",
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
    ecc_uncorrected=2,
    remap_pending=True,
    remap_failure=False,
    recovery_action="drain_and_reset",
    fabric_state="completed",
    fabric_status="success",
    fabric_health="healthy",
    virtualization_mode="none",
)

SECOND = {**A30, "pci": (1, 0x41, 0, 0x20B710DE, "00000001:41:00.0"), "nvmlDeviceGetUUID": "GPU-2222"}


def lines(library, addresses=()):
    """The lines that a child would print."""
    return [json.loads(json.dumps(line)) for line in nvml_child.read(library, addresses)]


def ask(library, addresses=(), cut=None, failure="", timed_out=False):
    return interpreted("/lib/x", ChildAnswer(lines(library, addresses)[:cut], failure, timed_out))


def device(**changes):
    """What is told of an A30 with other values. A value of None stands for a function that does not support it."""
    gpu = {name: value for name, value in {**A30, **changes}.items() if value is not None}
    (found,) = ask(FakeNvml(gpu)).devices
    return found


@pytest.mark.parametrize(
    ("structure", "size", "offsets"),
    [
        (nvml_child.Pci, 68, {"domain": 16, "device_and_vendor": 28, "bus_id": 36}),
        (nvml_child.Memory, 24, {"total": 0, "free": 8, "used": 16}),
        (nvml_child.Memory2, 40, {"total": 8, "reserved": 16, "free": 24, "used": 32}),
        (nvml_child.Field, 40, {"scope": 4, "timestamp": 8, "latency": 16, "kind": 24, "error": 28, "value": 32}),
        (nvml_child.Fabric, 28, {"status": 16, "clique": 20, "state": 24}),
        (nvml_child.Fabric2, 36, {"cluster": 4, "status": 20, "clique": 24, "state": 28, "mask": 32}),
        (nvml_child.Fabric3, 40, {"status": 20, "state": 28, "mask": 32, "health": 36}),
    ],
)
def test_structures_are_laid_out_as_in_nvml_h(structure, size, offsets):
    assert sizeof(structure) == size
    assert {name: getattr(structure, name).offset for name in offsets} == offsets


def test_a_gpu():
    answer = ask(FakeNvml(A30))
    assert answer.devices == (ANSWER,)
    assert (answer.asked, answer.error, answer.failure) == ("NVML (/lib/x)", 0, "")
    assert (answer.driver_version, answer.cuda_version, answer.cuda_version_missing) == ("550.54.15", "12.4", False)
    assert (answer.complaints, answer.seen, answer.unknown, answer.mig_listed) == ((), (), (), False)


def test_the_library_is_left_as_it_was():
    library = FakeNvml(A30)
    lines(library)
    assert library.down


def test_two_gpus():
    found = ask(FakeNvml(A30, SECOND)).devices
    assert [(gpu.index, gpu.pci_address, gpu.uuid) for gpu in found] == [
        (0, "0000:0a:00.0", ANSWER.uuid),
        (1, "0001:41:00.0", "GPU-2222"),
    ]


def test_an_old_library_has_fewer_functions():
    missing = ["MemoryInfo_v2", "GpuFabricInfoV", "GpuFabricInfo", "FieldValues", "Architecture", "RemappedRows"]
    (found,) = ask(FakeNvml(A30, without=[f"nvmlDeviceGet{name}" for name in missing])).devices
    without = ("fabric_state", "fabric_status", "fabric_health", "recovery_action", "architecture")
    assert found == ANSWER._replace(remap_pending=None, remap_failure=None, **dict.fromkeys(without))


def test_an_old_library_has_an_old_structure_for_the_fabric():
    (found,) = ask(FakeNvml(A30, without=["nvmlDeviceGetGpuFabricInfoV"])).devices
    assert found == ANSWER._replace(fabric_health=None)


@pytest.mark.parametrize("code", [12, 13])
def test_a_driver_without_libcuda(code):
    answer = ask(FakeNvml(A30, cuda=code))
    assert (answer.cuda_version, answer.cuda_version_missing) == ("", True)


def test_a_library_without_texts():
    answer = ask(FakeNvml(init=9, without=["nvmlErrorString"]))
    assert (answer.error, answer.seen) == (9, ("Driver Not Loaded",))


def test_a_driver_that_cannot_be_asked():
    answer = ask(FakeNvml(A30, init=18))
    assert (answer.error, answer.seen, answer.devices) == (18, ("Driver/library version mismatch",), ())
    assert answer.failure == ""


def test_gpus_that_share_the_memory_of_the_host():
    found = device(memory=None)
    assert (found.memory_mib, found.memory_used_mib, found.memory_unified, found.faults) == (None, None, True, ())


def test_what_a_gpu_does_not_have_is_nothing():
    names = ("nvmlDeviceGetMigMode", "nvmlDeviceGetEccMode", "fabric", "nvmlDeviceGetRemappedRows")
    found = device(**dict.fromkeys(names))
    assert found.faults == ()
    assert (found.mig_mode, found.ecc_mode, found.fabric_state, found.remap_failure) == (None,) * 4


def test_a_lost_gpu_with_a_handle():
    found = device(memory=15, nvmlDeviceGetComputeMode=15)
    assert (found.memory_mib, found.memory_unified, found.compute_mode) == (None, None, None)
    assert found.faults == ("GPU is lost",)


def test_memory_of_nothing_and_of_too_much_is_none():
    for total in (0, 2**63):
        assert device(memory=(total, 0, 0)).memory_mib is None


def test_a_fabric_that_is_not_well():
    found = device(fabric=(3, 999, 2))
    assert (found.fabric_state, found.fabric_status, found.fabric_health) == ("completed", "unknown_error", "unhealthy")


def test_a_fabric_on_its_way_has_no_status():
    found = device(fabric=(2, 0, 0))
    assert (found.fabric_state, found.fabric_status, found.fabric_health) == ("in_progress", None, None)


def test_a_number_that_nobody_knew():
    answer = ask(FakeNvml({**A30, "nvmlDeviceGetBrand": (99,), "recovery": 70}))
    assert (answer.devices[0].brand, answer.devices[0].recovery_action) == (None, None)
    assert answer.unknown == ("brand: 99", "recovery_action: 70")


MIG = {
    "nvmlDeviceGetUUID": "MIG-1",
    "nvmlDeviceGetName": "NVIDIA A30 MIG 2g.12gb",
    "nvmlDeviceGetGpuInstanceId": (1,),
    "nvmlDeviceGetComputeInstanceId": (0,),
    "memory": (12 << 30, 0, 0),
}


def test_mig_devices_have_gaps():
    second = {**MIG, "nvmlDeviceGetUUID": "MIG-2"}
    answer = ask(FakeNvml({**A30, "nvmlDeviceGetMigMode": (1, 1), "mig": {0: MIG, 3: second}}))
    first = MigDevice("MIG-1", "2g.12gb", 0, 1, 0, 12288)
    assert answer.devices[0].mig_devices == (first, first._replace(uuid="MIG-2", index=3))
    assert answer.devices[0].mig_mode == "enabled" and answer.mig_listed


def test_mig_without_devices():
    answer = ask(FakeNvml({**A30, "nvmlDeviceGetMigMode": (1, 1)}))
    assert (answer.devices[0].mig_devices, answer.mig_listed) == ((), True)


def test_mig_devices_that_may_not_be_seen():
    answer = ask(FakeNvml({**A30, "nvmlDeviceGetMigMode": (1, 1), "mig": {0: 4}}))
    assert not answer.mig_listed


def test_an_error_at_one_index_is_not_the_end():
    answer = ask(FakeNvml(15, A30))
    assert answer.devices == (ANSWER._replace(index=1),)
    assert answer.complaints == (("", "NVML index 0: GPU is lost", 15),)
    assert answer.error == 0


def test_the_address_of_a_gpu_without_a_handle_is_asked_for():
    library = FakeNvml(15, A30, by_address={"0000:41:00.0": 15})
    answer = ask(library, ["0000:0a:00.0", "0000:41:00.0"])
    assert answer.complaints == (("0000:41:00.0", "GPU is lost", 15),)


def test_a_gpu_that_nvml_never_knew_is_no_complaint():
    assert ask(FakeNvml(A30), ["0000:0a:00.0", "0000:99:00.0"]).complaints == ()


def test_a_gpu_that_only_its_address_finds():
    answer = ask(FakeNvml(A30, by_address={"0001:41:00.0": SECOND}), ["0001:41:00.0"])
    assert [(gpu.pci_address, gpu.index) for gpu in answer.devices] == [("0000:0a:00.0", 0), ("0001:41:00.0", None)]


def test_what_was_told_before_it_hung_counts():
    answer = ask(FakeNvml(A30, SECOND), cut=3, failure="did not answer within 5 seconds", timed_out=True)
    assert answer.devices == (ANSWER,)
    assert answer.complaints == (("", "NVML index 1: did not answer within 5 seconds", 10),)
    assert (answer.timed_out, answer.failure) == (True, "")
    assert answer.seen == ("NVML did not answer within 5 seconds",)


def test_a_driver_that_hangs_at_once():
    answer = ask(FakeNvml(A30), cut=0, failure="did not answer within 5 seconds", timed_out=True)
    assert (answer.error, answer.devices, answer.timed_out) == (None, (), True)
    assert answer.failure == "did not answer within 5 seconds"


def test_a_library_that_is_not_there(tmp_path):
    answer = ask_nvml(str(tmp_path / "libnvidia-ml.so.1"), [], 30)
    assert answer.error is None and answer.devices == ()
    assert "cannot open shared object file" in answer.failure
    assert answer.seconds > 0


def test_a_library_that_is_none(tmp_path):
    (tmp_path / "libnvidia-ml.so.1").write_bytes(b"\x7fELF" + bytes(60))
    assert str(tmp_path) in ask_nvml(str(tmp_path / "libnvidia-ml.so.1"), [], 30).failure
