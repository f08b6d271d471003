# SPDX-License-Identifier: GPL-3.0-or-later
"""The GPUs of a host are those of all sources, joined by the PCI address."""

from __future__ import annotations

from ansible_collections.inference.triton.plugins.module_utils._gpu.evidence import (
    CONTAINER,
    TEGRA,
    WSL,
    DeviceAnswer,
    DriverFiles,
    Evidence,
    MigDevice,
    Platform,
    ProcGpu,
)
from ansible_collections.inference.triton.plugins.module_utils._gpu.gpu_list import join
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._gpu.situations import (
    A100,
    DRIVER,
    FIRST,
    HEALTHY,
    JETSON,
    SECOND,
    device,
    failed,
    nvml,
    pci,
)

THIRD = "0000:c1:00.0"


def addresses(evidence):
    return [gpu.pci_address for gpu in join(evidence)]


def contained(nodes, gpus=DRIVER.gpus, **more):
    """A container with these device nodes, on a host with two GPUs on its bus."""
    files = DriverFiles(device_nodes=frozenset(nodes), gpus=gpus)
    return Evidence(Platform(CONTAINER, in_container=True), pci=HEALTHY.pci, driver=files, **more)


def test_what_all_sources_say_of_a_gpu_is_joined():
    first, second = join(HEALTHY)
    assert first == (0, FIRST, HEALTHY.pci[0], DRIVER.gpus[FIRST], device(FIRST), ())
    assert second.answer == device(SECOND)


def test_the_order_is_that_of_the_bus_and_not_of_the_text():
    far = "10000:01:00.0"
    evidence = Evidence(pci=(pci(far), pci(SECOND), pci(FIRST)))
    assert addresses(evidence) == [FIRST, SECOND, far]
    assert [gpu.index for gpu in join(evidence)] == [0, 1, 2]


def test_a_gpu_is_there_whoever_speaks_of_it():
    complaints = ((THIRD, "GPU is lost", 15),)
    evidence = Evidence(
        pci=(pci(FIRST),), driver=DriverFiles(gpus={SECOND: ProcGpu(SECOND)}), nvml=nvml(complaints=complaints)
    )
    first, second, third = join(evidence)
    assert (first.pci, second.proc, third.complaints) == (pci(FIRST), ProcGpu(SECOND), ("GPU is lost",))


def test_the_index_of_the_driver_is_not_the_place_of_a_gpu():
    """A lost GPU leaves a hole, and then an index means another one."""
    answer = nvml(device(SECOND, index=0), device(FIRST, index=4))
    assert [gpu.answer.index for gpu in join(HEALTHY._replace(nvml=answer))] == [4, 0]


def test_nvml_counts_before_nvidia_smi_field_by_field():
    told = nvml(device(FIRST, memory_mib=81920, name="", compute_capability=None, faults=("GPU is lost",)))
    smi = nvml(device(FIRST, memory_mib=1, name="A name", compute_capability=(8, 0), faults=("Unknown Error",)))
    (gpu, _second) = join(HEALTHY._replace(nvml=told, smi=smi))
    assert (gpu.answer.memory_mib, gpu.answer.name, gpu.answer.compute_capability) == (81920, "A name", (8, 0))
    assert gpu.answer.faults == ("GPU is lost", "Unknown Error")


def test_what_is_off_or_zero_is_an_answer():
    told = nvml(device(FIRST, ecc_uncorrected=0, persistence_mode=False))
    smi = nvml(device(FIRST, ecc_uncorrected=9, persistence_mode=True))
    (gpu, _second) = join(HEALTHY._replace(nvml=told, smi=smi))
    assert (gpu.answer.ecc_uncorrected, gpu.answer.persistence_mode) == (0, False)


def test_mig_devices_are_joined_by_their_uuid():
    told = nvml(
        device(FIRST, mig_mode="enabled", mig_devices=(MigDevice("MIG-1", memory_mib=40448), MigDevice("MIG-2")))
    )
    smi = nvml(
        device(FIRST, mig_mode="enabled", mig_devices=(MigDevice("MIG-2", "1g.10gb"), MigDevice("MIG-1", "3g.40gb", 0)))
    )
    (gpu, _second) = join(HEALTHY._replace(nvml=told, smi=smi))
    assert gpu.answer.mig_devices == (MigDevice("MIG-1", "3g.40gb", 0, memory_mib=40448), MigDevice("MIG-2", "1g.10gb"))


def test_a_gpu_with_mig_off_has_no_mig_devices():
    told = nvml(device(FIRST, mig_mode="disabled", mig_devices=(MigDevice("MIG-1"),)))
    assert join(HEALTHY._replace(nvml=told))[0].answer.mig_devices == ()


def test_an_answer_without_an_address_is_joined_by_the_uuid():
    (first, second) = join(HEALTHY._replace(nvml=nvml(device(SECOND, pci_address="", uuid="GPU-22"))))
    assert (first.answer, second.answer.uuid) == (None, "GPU-22")


def test_two_answers_about_a_gpu_are_joined_by_the_uuid_where_one_has_no_address():
    smi = nvml(device(FIRST, pci_address="", name="A name"), device(SECOND, pci_address="", name="Another"))
    told = HEALTHY._replace(nvml=nvml(device(FIRST, name=""), device(SECOND, name="")), smi=smi)
    assert [(gpu.pci_address, gpu.answer.name) for gpu in join(told)] == [(FIRST, "A name"), (SECOND, "Another")]


def test_two_gpus_without_address_and_uuid_are_two():
    evidence = Evidence(Platform(WSL), nvml=nvml(DeviceAnswer(index=1), DeviceAnswer(index=0)))
    assert [gpu.answer.index for gpu in join(evidence)] == [0, 1]


def test_a_complaint_without_an_address_is_about_what_has_no_answer():
    answer = nvml(device(FIRST), complaints=(("", "GPU is lost", 15),))
    first, second = join(HEALTHY._replace(nvml=answer))
    assert (first.complaints, second.complaints) == ((), ("GPU is lost",))


def test_a_gpu_that_is_kept_for_a_virtual_machine_stays_in_the_list():
    assert addresses(Evidence(pci=(pci(FIRST, "vfio-pci"),))) == [FIRST]


def test_a_container_has_the_gpus_that_have_a_node_in_it():
    assert addresses(contained({"nvidia1", "nvidiactl"})) == [SECOND]


def test_a_container_has_the_gpus_that_the_driver_answers_for():
    assert addresses(contained(set(), gpus={}, nvml=nvml(device(FIRST)))) == [FIRST]


def test_a_container_that_was_given_nothing_has_no_gpu():
    assert addresses(contained({"nvidiactl"})) == []


def test_a_container_with_as_many_nodes_as_there_are_gpus_has_them_all():
    assert addresses(contained({"nvidia0", "nvidia1"}, gpus={})) == [FIRST, SECOND]
    assert addresses(contained({"nvidia0"}, gpus={})) == []


def test_wsl_has_the_gpus_of_the_driver_alone():
    evidence = Evidence(Platform(WSL), pci=(pci(SECOND),), smi=nvml(device(FIRST)))
    assert addresses(evidence) == [FIRST]


def test_a_jetson_has_the_gpu_that_the_driver_answers_for():
    orin = DeviceAnswer(index=0, uuid="54d0", name="Orin (nvgpu)", memory_unified=True)
    (gpu,) = join(JETSON._replace(nvml=nvml(orin)))
    assert (gpu.pci_address, gpu.answer) == ("", orin)


def test_a_jetson_without_nvml_has_its_gpu_too():
    (gpu,) = join(JETSON)
    assert gpu.answer.name == "NVIDIA Jetson AGX Orin Developer Kit (integrated GPU)"
    assert gpu.answer.memory_unified


def test_a_jetson_whose_driver_fails_or_is_missing_has_none():
    assert join(JETSON._replace(smi=failed(9))) == ()
    assert join(Evidence(Platform(TEGRA))) == ()


def test_the_name_may_be_known_from_the_kernel_module_only():
    (gpu,) = join(Evidence(driver=DriverFiles(gpus={FIRST: ProcGpu(FIRST, A100)})))
    assert (gpu.answer, gpu.proc.name) == (None, A100)
