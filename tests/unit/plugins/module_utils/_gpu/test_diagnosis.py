# SPDX-License-Identifier: GPL-3.0-or-later
"""From findings to the GPUs that a server can use, and to one line that says why not more."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu.diagnosis import diagnose
from ansible_collections.inference.triton.plugins.module_utils._gpu.evidence import (
    CudaAnswer,
    DriverFiles,
    Evidence,
    LogLine,
)
from ansible_collections.inference.triton.plugins.module_utils._gpu.report import diagnosis_warnings, report_lines
from ansible_collections.inference.triton.plugins.module_utils._gpu.states import Wanted
from ansible_collections.inference.triton.plugins.module_utils._model_config.findings import ConfigError
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._gpu.situations import (
    BARE,
    DRIVER,
    FIRST,
    HALVES,
    HEALTHY,
    IN_CONTAINER,
    IN_WSL,
    JETSON,
    NO_HANDLE,
    SECOND,
    WITHOUT_DRIVER,
    XID_79,
    device,
    driver,
    failed,
    logs,
    nvml,
    pci,
    second,
    second_held_by,
    with_containers,
    with_mig,
    without_second,
)


def found(diagnosis):
    return [finding.state.id for finding in diagnosis.findings]


def one(diagnosis):
    (finding,) = diagnosis.findings
    return finding


def test_a_host_in_order():
    diagnosis = diagnose(HEALTHY)
    assert (diagnosis.state, diagnosis.severity, diagnosis.summary) == ("ok", "ok", "2 of 2 GPUs are usable.")
    assert [(gpu.usable, gpu.reason, gpu.health, gpu.states) for gpu in diagnosis.gpus] == [(True, "", "ok", ())] * 2


def test_a_lost_gpu():
    diagnosis = diagnose(without_second(complaint=NO_HANDLE, code=999))
    assert (diagnosis.state, diagnosis.severity) == ("gpu_lost", "error")
    lost = diagnosis.gpus[1]
    assert (lost.usable, lost.health, lost.states) == (False, "error", ("gpu_lost",))
    assert lost.reason == f"it fell off the bus (NVML: {NO_HANDLE})"
    assert diagnosis.summary.startswith(
        "1 of 2 GPUs is usable: GPU 0000:41:00.0 (NVIDIA A100-SXM4-80GB) fell off the bus. Drain this host and restart"
    )


def test_a_finding_about_a_gpu_says_which():
    finding = one(diagnose(without_second()))
    assert finding.where == "GPU 0000:41:00.0 (NVIDIA A100-SXM4-80GB, GPU-22)"
    assert "numbers the remaining GPUs anew" in finding.consequence


def test_the_evidence_is_in_its_own_words():
    finding = one(diagnose(driver(nvml_version="550.90.07")._replace(nvml=None)))
    assert finding.evidence == (
        "/sys/module/nvidia/version: 550.54.15",
        "libnvidia-ml.so.1 -> libnvidia-ml.so.550.90.07",
    )
    assert finding.where == "the host"
    assert "Triton loads no model at all" in finding.consequence


def test_a_host_without_a_driver_is_one_where_triton_moves_models_to_the_cpu():
    finding = one(diagnose(WITHOUT_DRIVER))
    assert "models without an explicit instance_group run on the CPU without a log line" in finding.consequence


@pytest.mark.parametrize(
    ("engine", "remedy"),
    [
        ("docker", "nvidia-ctk runtime configure --runtime=docker && systemctl restart docker."),
        ("podman", "nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml."),
    ],
)
def test_each_container_engine_is_set_up_in_its_way(engine, remedy):
    finding = one(diagnose(with_containers(engine), Wanted(containers=True)))
    assert finding.remedy.endswith(remedy)


def test_what_takes_the_last_gpu_leaves_triton_without_one():
    only = HEALTHY._replace(pci=(pci(SECOND),), nvml=nvml(complaints=((SECOND, "GPU is lost", 15),)))
    only = only._replace(driver=DRIVER._replace(gpus={SECOND: DRIVER.gpus[SECOND]}))
    assert "Triton sees no GPU on this host" in one(diagnose(only)).consequence
    assert diagnose(only).summary.startswith("The only GPU is not usable: GPU 0000:41:00.0")


def test_one_cause_has_one_summary_for_all_its_gpus():
    held = HEALTHY._replace(pci=(pci(FIRST, "vfio-pci"), pci(SECOND, "vfio-pci")), nvml=None)
    assert diagnose(held).summary.startswith(
        "None of 2 GPUs is usable: GPU 0000:0a:00.0 (NVIDIA A100-SXM4-80GB), like 0000:41:00.0, is reserved for a "
        "virtual machine (vfio-pci)."
    )


def test_other_errors_are_named_in_the_summary():
    evidence = without_second()._replace(cuda=CudaAnswer(999, "unknown error"))
    assert diagnose(evidence).summary.endswith(" Further errors: cuda_init_failed.")


def test_a_gpu_that_is_usable_and_not_as_it_should_be():
    diagnosis = diagnose(second(memory_mib=40960), Wanted(minimum_memory_gb=80))
    assert diagnosis.summary.startswith("2 of 2 GPUs are usable, but GPU 0000:41:00.0")
    assert [(gpu.usable, gpu.health) for gpu in diagnosis.gpus] == [(True, "ok"), (True, "error")]


@pytest.mark.parametrize(
    ("wanted", "summary"),
    [
        (Wanted(), "No GPU is usable: there is no NVIDIA GPU on the PCI bus."),
        (Wanted(expected_count=1), "No GPU is usable: there is no NVIDIA GPU on the PCI bus. Look for it"),
    ],
)
def test_a_host_without_a_gpu(wanted, summary):
    diagnosis = diagnose(BARE, wanted)
    assert diagnosis.summary.startswith(summary)
    assert diagnosis.gpus == ()


def test_errors_stand_before_warnings_and_these_before_information():
    evidence = second(compute_mode="exclusive_process", persistence_mode=False, remap_failure=True)
    evidence = evidence._replace(services=evidence.services._replace(persistenced=False))
    assert found(diagnose(evidence)) == ["row_remap_failure", "compute_exclusive", "persistence_off"]
    assert diagnose(evidence).gpus[1].states == ("row_remap_failure", "compute_exclusive", "persistence_off")


@pytest.mark.parametrize("library", ["", "550.90.07"])
def test_a_missing_driver_explains_all_that_needs_it(library):
    evidence = WITHOUT_DRIVER._replace(
        nvml=failed(9, "Driver Not Loaded"), smi=failed(9, "NVIDIA-SMI has failed"), cuda=CudaAnswer(100, "no device")
    )
    evidence = evidence._replace(driver=evidence.driver._replace(nvml_version=library))
    assert found(diagnose(evidence)) == ["module_not_loaded"]


def test_a_version_mismatch_explains_the_errors_of_all_who_ask():
    evidence = driver(nvml_version="550.90.07", cuda_library_version="550.90.07")._replace(
        nvml=failed(18, "Driver/library version mismatch"),
        smi=failed(18, "Failed to initialize NVML: Driver/library version mismatch"),
        cuda=CudaAnswer(803, "system has unsupported display driver / cuda driver combination"),
        log=(LogLine("api_mismatch", "NVRM: API mismatch: the client has the version 550.90.07"),),
    )
    assert found(diagnose(evidence)) == ["library_mismatch"]


def test_a_lost_gpu_explains_its_own_errors_and_not_those_of_another():
    evidence = HEALTHY._replace(
        nvml=nvml(
            device(FIRST, ecc_uncorrected=2),
            device(SECOND, faults=("GPU is lost", "Unknown Error"), ecc_uncorrected=2, recovery_action="reset"),
        )
    )
    assert [(finding.state.id, finding.pci_address) for finding in diagnose(evidence).findings] == [
        ("gpu_lost", SECOND),
        ("ecc_uncorrected", FIRST),
    ]


def test_a_gpu_that_answers_again_is_not_lost_for_what_the_log_says():
    assert diagnose(logs(HEALTHY, "xid", XID_79, SECOND, 79)).findings == ()


def test_the_number_of_an_nvswitch_error_is_no_xid():
    assert diagnose(logs(without_second(), "sxid", "SXid (PCI:0000:41:00): 79", SECOND, 79)).state == "gpu_lost"
    assert diagnose(logs(second(recovery_action=None), "sxid", "SXid 119", SECOND, 119)).findings == ()


def test_a_line_of_the_log_is_about_the_gpu_that_it_names():
    evidence = logs(second(recovery_action=None), "xid", "NVRM: Xid (PCI:0000:0a:00): 119", FIRST, 119)
    assert diagnose(evidence).findings == ()


def test_a_container_that_has_one_of_two_gpus_has_lost_none():
    evidence = IN_CONTAINER._replace(
        driver=DRIVER._replace(device_nodes=frozenset({"nvidia1", "nvidiactl", "nvidia-uvm"})),
        nvml=nvml(device(SECOND)),
    )
    diagnosis = diagnose(evidence)
    assert (diagnosis.findings, len(diagnosis.gpus)) == ((), 1)


def test_a_container_whose_driver_leaves_a_gpu_out_does_not_say_that_it_is_lost():
    diagnosis = diagnose(without_second(IN_CONTAINER))
    assert found(diagnosis) == ["gpu_unknown_fault"]
    assert diagnosis.gpus[1].reason == "it has a fault: 'no answer' (0000:41:00.0: no answer)"


def test_a_gpu_kept_for_a_virtual_machine_is_no_reason_to_miss_a_driver():
    evidence = WITHOUT_DRIVER._replace(pci=(pci(FIRST, "vfio-pci"),))
    assert found(diagnose(evidence)) == ["gpu_bound_to_vfio"]


def test_a_gpu_that_nobody_speaks_of_has_a_reason_all_the_same():
    diagnosis = diagnose(second_held_by("some_driver")._replace(driver=DriverFiles(), nvml=nvml(device(FIRST))))
    assert found(diagnosis) == ["gpu_unknown_fault"]
    assert not diagnosis.gpus[1].usable
    assert diagnosis.gpus[1].reason


def test_cuda_is_a_proof_where_the_driver_cannot_be_asked():
    evidence = driver(nvml_library="", nvml_version="", nvidia_smi=())._replace(nvml=None)
    assert not any(gpu.usable for gpu in diagnose(evidence).gpus)
    proved = diagnose(evidence._replace(cuda=CudaAnswer(0, addresses=(FIRST, SECOND))))
    assert all(gpu.usable for gpu in proved.gpus)


def test_a_jetson_has_a_gpu():
    diagnosis = diagnose(JETSON)
    assert diagnosis.summary == "The only GPU is usable."


def test_a_card_of_80_gb_has_80_gb():
    """It has less than 80 GiB: nvidia-smi says 81559 MiB of an H100 80GB."""
    assert diagnose(second(memory_mib=81559), Wanted(minimum_memory_gb=80)).findings == ()


def test_a_release_that_does_not_use_a_gpu_does_not_hide_it():
    """CUDA counts it all the same, so that the numbers of the others stay."""
    diagnosis = diagnose(second(compute_capability=(7, 0)), Wanted(min_supported_compute_capability="7.5"))
    assert [gpu.usable for gpu in diagnosis.gpus] == [True, True]


def test_what_is_no_release_is_an_error():
    with pytest.raises(ConfigError):
        diagnose(HEALTHY, Wanted(triton_release="first"))


def test_nothing_known_is_no_gpu():
    assert diagnose(Evidence()).state == "no_gpu_hardware"


def test_the_report_has_a_paragraph_for_each_state():
    held = HEALTHY._replace(pci=(pci(FIRST, "vfio-pci"), pci(SECOND, "vfio-pci")), nvml=None)
    diagnosis = diagnose(held)
    lines = report_lines(diagnosis)
    assert lines[0] == diagnosis.summary
    assert [line for line in lines if not line.startswith(" ")][1:] == ["", "error: gpu_bound_to_vfio"]
    assert [line.split(":")[0].strip() for line in lines[3:]] == (
        ["where", "where", "seen", "seen", "meaning", "Triton", "do this", "do this"]
    )


def test_the_report_of_a_host_in_order_is_its_summary():
    assert report_lines(diagnose(HEALTHY)) == ["2 of 2 GPUs are usable."]


def test_a_log_that_cannot_be_read_is_a_warning_where_it_may_have_the_cause():
    blind = {"log_read": False, "user": "deploy"}
    (warning,) = diagnosis_warnings(diagnose(without_second()._replace(**blind)))
    assert warning == (
        "The kernel's log cannot be read by the user deploy. It may have the cause of gpu_lost: run the task as root."
    )
    assert diagnosis_warnings(diagnose(HEALTHY._replace(**blind))) == []
    assert diagnosis_warnings(diagnose(without_second())) == []


def test_settings_of_containers_that_cannot_be_read_matter_where_triton_runs_in_one():
    problem = "/etc/docker/daemon.json: is not JSON"
    stack = HEALTHY.containers._replace(problems=(problem,))
    evidence = HEALTHY._replace(containers=stack, warnings=("a word",))
    assert diagnosis_warnings(diagnose(evidence)) == ["a word"]
    assert diagnosis_warnings(diagnose(evidence, Wanted(containers=True))) == ["a word", problem]


def test_gpus_of_virtual_machines_need_no_device_nodes():
    held = HEALTHY._replace(pci=(pci(FIRST, "vfio-pci"), pci(SECOND, "vfio-pci")), nvml=None)
    held = held._replace(driver=DRIVER._replace(gpus={}, device_nodes=frozenset(), open_device_nodes=frozenset()))
    assert found(diagnose(held)) == ["gpu_bound_to_vfio", "gpu_bound_to_vfio"]


def test_a_gpu_that_another_driver_holds_is_named_in_the_summary():
    assert diagnose(second_held_by("nouveau")).summary.startswith(
        "1 of 2 GPUs is usable: GPU 0000:41:00.0: the driver nouveau holds the GPU instead of NVIDIA's."
    )


def test_a_gpu_without_an_address_is_the_gpu():
    diagnosis = diagnose(IN_WSL._replace(smi=nvml(device(pci_address="", faults=("Unknown Error",)))))
    assert diagnosis.summary.startswith("The only GPU is not usable: the GPU has a fault: 'Unknown Error'.")
    assert one(diagnosis).where == "GPU 0 (NVIDIA A100-SXM4-80GB, GPU-11)"


@pytest.mark.parametrize("part", ["nvml_library", "cuda_library"])
def test_a_part_of_a_driver_is_a_driver_to_be_built(part):
    parts = DriverFiles(module_on_disk=False)._replace(**{part: "/usr/lib/library.so.1"})
    assert found(diagnose(WITHOUT_DRIVER._replace(driver=parts))) == ["driver_not_built_for_kernel"]


def test_nvidia_smi_alone_is_a_driver_to_be_built():
    parts = DriverFiles(module_on_disk=False, nvidia_smi=("/usr/bin/nvidia-smi",))
    assert found(diagnose(WITHOUT_DRIVER._replace(driver=parts))) == ["driver_not_built_for_kernel"]


def test_the_driver_of_a_jetson_has_no_nodes_of_nvidia_on_pci():
    orin = nvml(device(pci_address="", name="Orin (nvgpu)", memory_mib=None, memory_unified=True))
    modules = JETSON.driver._replace(modules=frozenset({"nvgpu", "nvidia"}), loaded_version="540.4.0")
    assert found(diagnose(JETSON._replace(driver=modules, smi=orin))) == []


def test_a_newer_driver_shows_a_server_several_mig_devices():
    version = "570.86.10"
    newer = DRIVER._replace(loaded_version=version, nvml_version=version, cuda_library_version=version)
    wanted = Wanted(cuda_visible_devices="MIG-1,MIG-2")
    assert found(diagnose(with_mig(*HALVES), wanted)) == ["mig_multi_instance_requested"]
    assert found(diagnose(with_mig(*HALVES)._replace(driver=newer), wanted)) == []


def test_a_fabric_that_is_not_set_up_explains_what_its_gpus_say():
    evidence = HEALTHY._replace(
        nvml=nvml(device(FIRST, fabric_state="in_progress"), device(SECOND, fabric_health="unhealthy"))
    )
    assert found(diagnose(evidence)) == ["fabric_manager_down"]


def test_a_gpu_that_answers_is_not_excluded():
    listed = DRIVER._replace(excluded_gpus=SECOND, gpus={SECOND: DRIVER.gpus[SECOND]._replace(excluded=True)})
    assert found(diagnose(HEALTHY._replace(driver=listed))) == []
