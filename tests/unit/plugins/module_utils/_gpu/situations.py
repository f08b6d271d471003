# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts as the probes describe them: one in order, and for each state of the table at least one that has it.

A situation says all findings that its host has, so that what one cause brings with it is not told again.
"""

from __future__ import annotations

from typing import Dict, NamedTuple, Optional, Tuple

from ansible_collections.inference.triton.plugins.module_utils._gpu.evidence import (
    CONTAINER,
    TEGRA,
    WSL,
    CdiSpec,
    ContainerStack,
    CudaAnswer,
    DeviceAnswer,
    DriverAnswer,
    DriverFiles,
    Evidence,
    LogLine,
    MigDevice,
    OtherGpu,
    PciGpu,
    Platform,
    ProcGpu,
    ServerProcess,
    Services,
)
from ansible_collections.inference.triton.plugins.module_utils._gpu.states import Wanted
from ansible_collections.inference.triton.plugins.module_utils._placement.installation import CompatNote

FIRST, SECOND = "0000:0a:00.0", "0000:41:00.0"
VERSION = "550.54.15"
A100 = "NVIDIA A100-SXM4-80GB"
NODES = frozenset({"nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"})
LIBRARIES = "/usr/lib/x86_64-linux-gnu"
NOTHING = Wanted()

DRIVER = DriverFiles(
    loaded_version=VERSION,
    flavor="open",
    modules=frozenset({"nvidia", "nvidia_uvm"}),
    module_on_disk=True,
    nvml_library=f"{LIBRARIES}/libnvidia-ml.so.1",
    nvml_version=VERSION,
    cuda_library=f"{LIBRARIES}/libcuda.so.1",
    cuda_library_version=VERSION,
    nvidia_smi=("/usr/bin/nvidia-smi",),
    secure_boot=False,
    device_nodes=NODES,
    open_device_nodes=NODES,
    gpus={FIRST: ProcGpu(FIRST, A100, "GPU-11", 0), SECOND: ProcGpu(SECOND, A100, "GPU-22", 1)},
)
# Of a host whose driver is not loaded: the module shows nothing, and nothing can be asked.
UNLOADED = DRIVER._replace(
    loaded_version="", modules=frozenset(), gpus={}, device_nodes=frozenset(), open_device_nodes=frozenset()
)
UNINSTALLED = DriverFiles(module_on_disk=False)


def pci(address: str, driver: str = "nvidia", **more) -> PciGpu:
    return PciGpu(address, "10de:20b2", "10de:1463", "0x030200", driver, power_state="D0", **more)


def device(address: str = FIRST, **more) -> DeviceAnswer:
    """A healthy A100, one of two."""
    number = 0 if address == FIRST else 1
    given = {
        "pci_address": address,
        "index": number,
        "uuid": f"GPU-{number + 1}{number + 1}",
        "name": A100,
        "minor": number,
        "brand": "nvidia",
        "architecture": "ampere",
        "pci_device_id": "10de:20b2",
        "memory_mib": 81920,
        "memory_used_mib": 1024,
        "memory_free_mib": 80896,
        "memory_unified": False,
        "compute_capability": (8, 0),
        "compute_mode": "default",
        "persistence_mode": True,
        "mig_mode": "disabled",
        "mig_pending": "disabled",
        "ecc_mode": True,
        "ecc_uncorrected": 0,
        "remap_pending": False,
        "remap_failure": False,
        "recovery_action": "none",
        "fabric_state": "not_supported",
    }
    return DeviceAnswer(**{**given, **more})


def nvml(*devices: DeviceAnswer, **more) -> DriverAnswer:
    return DriverAnswer(
        **{
            "asked": "NVML",
            "error": 0,
            "driver_version": VERSION,
            "cuda_version": "12.4",
            "devices": devices,
            "mig_listed": True,
            **more,
        }
    )


def failed(error: Optional[int], *seen: str, **more) -> DriverAnswer:
    """nvidia-smi, without a GPU in its answer."""
    return DriverAnswer("nvidia-smi -q -x", error, seen, **more)


HEALTHY = Evidence(
    platform=Platform(kernel="5.15.0-185-generic", boot_id="0b5a8a2e", memory_mib=1031718, architecture="x86_64"),
    pci=(pci(FIRST), pci(SECOND)),
    driver=DRIVER,
    nvml=nvml(device(FIRST), device(SECOND)),
    containers=ContainerStack(("docker",), "/usr/bin/nvidia-ctk", "1.17.8", ("nvidia",)),
    services=Services(persistenced=True),
    log_read=True,
)
WITHOUT_DRIVER = HEALTHY._replace(pci=(pci(FIRST, ""), pci(SECOND, "")), driver=UNLOADED, nvml=None)
BARE = HEALTHY._replace(pci=(), driver=UNINSTALLED, nvml=None, containers=ContainerStack())
IN_CONTAINER = HEALTHY._replace(platform=Platform(CONTAINER, in_container=True), containers=ContainerStack())


def second(**more) -> Evidence:
    """A host whose second GPU answers so."""
    return HEALTHY._replace(nvml=nvml(device(FIRST), device(SECOND, **more)))


def without_second(evidence: Evidence = HEALTHY, complaint: str = "", code: Optional[int] = None) -> Evidence:
    """A host whose driver leaves its second GPU out."""
    complaints = ((SECOND, complaint, code),) if complaint else ()
    return evidence._replace(nvml=nvml(device(FIRST), complaints=complaints))


def logs(evidence: Evidence, kind: str, text: str, address: str = "", xid: Optional[int] = None) -> Evidence:
    return evidence._replace(log=(LogLine(kind, text, address, xid),))


def second_held_by(driver: str) -> Evidence:
    """A host whose second GPU has another driver in the kernel than NVIDIA's."""
    evidence = without_second()._replace(pci=(pci(FIRST), pci(SECOND, driver)))
    return evidence._replace(driver=DRIVER._replace(gpus={FIRST: DRIVER.gpus[FIRST]}))


def driver(**more) -> Evidence:
    return HEALTHY._replace(driver=DRIVER._replace(**more))


class Situation(NamedTuple):
    """A host, and what is to be found on it.

    Attributes:
        findings: states with the PCI addresses of their GPUs, empty for the host, in order.
        severity: of the first.
        usable: the GPUs that are usable, by position.
    """

    evidence: Evidence
    findings: Tuple[Tuple[str, str], ...]
    severity: str = "error"
    usable: Tuple[int, ...] = ()
    wanted: Wanted = NOTHING


def of_second(state: str, evidence: Evidence, wanted: Wanted = NOTHING) -> Situation:
    """The second GPU cannot be used, the first can."""
    return Situation(evidence, ((state, SECOND),), usable=(0,), wanted=wanted)


def of_host(state: str, evidence: Evidence, wanted: Wanted = NOTHING) -> Situation:
    """No GPU can be used."""
    return Situation(evidence, ((state, ""),), wanted=wanted)


def still_used(
    state: str, evidence: Evidence, severity: str = "error", address: str = SECOND, wanted: Wanted = NOTHING
) -> Situation:
    """Something is to be said, and both GPUs can be used."""
    return Situation(evidence, ((state, address),), severity, (0, 1), wanted)


DAMAGED = CdiSpec("/var/run/cdi/nvidia.yaml", (VERSION,), ("0", "all"), ("/dev/nvidia7",))
OUTDATED = CdiSpec("/var/run/cdi/nvidia.yaml", ("535.104.05",), ("0", "all"))
OF_ANOTHER = CdiSpec("/etc/cdi/nvidia.yaml", (VERSION,), ("GPU-99", "all"))


def with_cdi(spec: CdiSpec) -> Evidence:
    return HEALTHY._replace(containers=HEALTHY.containers._replace(cdi_specs=(spec,)))


def with_containers(*engines: str, **more) -> Evidence:
    return HEALTHY._replace(containers=ContainerStack(engines, **more))


def with_server(**more) -> Evidence:
    return HEALTHY._replace(servers=(ServerProcess(4242, **more),))


def with_mig(*parts: MigDevice, **more) -> Evidence:
    answer = nvml(device(FIRST), device(SECOND, mig_mode="enabled", mig_pending="enabled", mig_devices=parts))
    return HEALTHY._replace(nvml=answer._replace(**more))


TOOL_KIT = "/usr/bin/nvidia-ctk"
HALVES = (MigDevice("MIG-1", "3g.40gb", 0, 1, 0, 40448), MigDevice("MIG-2", "3g.40gb", 1, 2, 0, 40448))
IN_A_CONTAINER = Wanted(containers=True)
NO_HANDLE = "Unable to determine the device handle for GPU1: 0000:41:00.0: Unknown Error"
XID_79 = "NVRM: Xid (PCI:0000:41:00): 79, pid=1234, GPU has fallen off the bus."
XID_119 = "NVRM: Xid (PCI:0000:41:00): 119, pid=1234, Timeout after 6s of waiting for RPC response from GPU1 GSP!"
WSL_HOST = Evidence(platform=Platform(WSL, virtualization="microsoft"), driver=DriverFiles())
IN_WSL = WSL_HOST._replace(driver=DriverFiles(device_nodes=frozenset({"dxg"})))
JETSON = Evidence(
    platform=Platform(TEGRA, memory_mib=62841, model="NVIDIA Jetson AGX Orin Developer Kit", architecture="aarch64"),
    driver=DriverFiles(modules=frozenset({"nvgpu"}), cuda_library="/usr/lib/aarch64-linux-gnu/tegra/libcuda.so.1"),
)

COMPAT = CompatNote("/compat/libcuda.so.590.48.01", "13.1", (535, 550), "590.48.01", '{"format":1}')

SITUATIONS: Dict[str, Tuple[Situation, ...]] = {
    "no_gpu_hardware": (
        Situation(BARE, (("no_gpu_hardware", ""),), "info"),
        Situation(BARE, (("no_gpu_hardware", ""),), "info", wanted=Wanted(expected_count=0, minimum_memory_gb=8)),
        of_host("no_gpu_hardware", BARE, Wanted(expected_count=2)),
        of_host("no_gpu_hardware", BARE, Wanted(minimum_memory_gb=8)),
        Situation(BARE._replace(other_gpus=(OtherGpu(FIRST, "amd", "1002:740f"),)), (("no_gpu_hardware", ""),), "info"),
        Situation(BARE._replace(environment={"CUDA_VISIBLE_DEVICES": ""}), (("no_gpu_hardware", ""),), "info"),
    ),
    "container_without_gpu": (
        Situation(
            BARE._replace(platform=Platform(CONTAINER, in_container=True), pci=HEALTHY.pci),
            (("container_without_gpu", ""),),
            "info",
        ),
        of_host(
            "container_without_gpu",
            BARE._replace(platform=Platform(CONTAINER, in_container=True), pci=HEALTHY.pci),
            Wanted(expected_count=1),
        ),
    ),
    "gpu_count_below_expected": (
        still_used("gpu_count_below_expected", HEALTHY, address="", wanted=Wanted(expected_count=3)),
    ),
    "gpu_bound_to_vfio": (
        of_second("gpu_bound_to_vfio", second_held_by("vfio-pci")),
        of_second("gpu_bound_to_vfio", second_held_by("pci-stub")),
        Situation(
            second_held_by("vfio-pci"),
            (("gpu_bound_to_vfio", SECOND),),
            "info",
            (0,),
            Wanted(expected_count=1),
        ),
    ),
    "nouveau_active": (
        of_second("nouveau_active", second_held_by("nouveau")),
        of_host("nouveau_active", WITHOUT_DRIVER._replace(pci=(pci(FIRST, "nouveau"), pci(SECOND, "nouveau")))),
        Situation(
            WITHOUT_DRIVER._replace(pci=(pci(FIRST, "nouveau"),), driver=UNINSTALLED),
            (("nouveau_active", ""), ("driver_missing", "")),
        ),
    ),
    "gpu_not_supported_by_driver": (
        of_second(
            "gpu_not_supported_by_driver",
            logs(second_held_by(""), "not_supported", "NVRM: ... is not supported by the NVIDIA 550.54.15 ...", SECOND),
        ),
    ),
    "gpu_not_bound": (
        of_second("gpu_not_bound", second_held_by("")),
        of_second("gpu_not_bound", second_held_by("some_driver")),
    ),
    "driver_missing": (of_host("driver_missing", WITHOUT_DRIVER._replace(driver=UNINSTALLED)),),
    "driver_not_built_for_kernel": (
        of_host("driver_not_built_for_kernel", WITHOUT_DRIVER._replace(driver=UNLOADED._replace(module_on_disk=False))),
    ),
    "module_blocked_secure_boot": (
        of_host(
            "module_blocked_secure_boot",
            logs(
                WITHOUT_DRIVER._replace(driver=UNLOADED._replace(secure_boot=True)),
                "key_rejected",
                "Loading of module with unavailable key is rejected",
            ),
        ),
    ),
    "module_not_loaded": (
        of_host("module_not_loaded", WITHOUT_DRIVER),
        of_host("module_not_loaded", WITHOUT_DRIVER._replace(smi=failed(9, "NVIDIA-SMI has failed"))),
        of_host("module_not_loaded", WITHOUT_DRIVER._replace(driver=UNLOADED._replace(secure_boot=True))),
        of_host(
            "module_not_loaded",
            WITHOUT_DRIVER._replace(driver=UNLOADED._replace(secure_boot=True), log_read=False),
        ),
        of_host("module_not_loaded", WITHOUT_DRIVER._replace(driver=DriverFiles(driver_container=True))),
        of_host("module_not_loaded", WITHOUT_DRIVER._replace(driver=UNLOADED._replace(module_on_disk=None))),
    ),
    "library_mismatch": (
        of_host(
            "library_mismatch",
            driver(nvml_version="550.90.07", cuda_library_version="550.90.07")._replace(
                nvml=failed(18, "Driver/library version mismatch")
            ),
        ),
        of_host("library_mismatch", driver(nvml_version="550.90.07")._replace(nvml=None)),
        of_host("library_mismatch", driver(cuda_library_version="550.90.07")),
        of_host(
            "library_mismatch",
            HEALTHY._replace(nvml=None, smi=failed(None, "Failed to initialize NVML: Driver/library version mismatch")),
        ),
    ),
    "permission_denied": (
        of_host(
            "permission_denied",
            HEALTHY._replace(user="deploy", nvml=failed(4, "Insufficient Permissions")),
        ),
        of_host(
            "permission_denied",
            driver(open_device_nodes=frozenset())._replace(user="deploy", nvml=failed(255)),
        ),
        of_second("permission_denied", without_second(complaint="Insufficient Permissions", code=4)),
    ),
    "blocked_by_os": (
        of_host("blocked_by_os", HEALTHY._replace(nvml=failed(17, "GPU access blocked by the operating system"))),
        of_host("blocked_by_os", WSL_HOST),
        of_host("blocked_by_os", BARE._replace(pci_read=False)),
    ),
    "driver_library_missing": (
        of_host("driver_library_missing", driver(nvml_library="", nvidia_smi=())._replace(nvml=None)),
        of_host("driver_library_missing", HEALTHY._replace(nvml=None, smi=failed(12, "couldn't find libnvidia-ml.so"))),
        Situation(
            driver(nvml_library="", nvml_version="", nvidia_smi=())._replace(
                nvml=None, cuda=CudaAnswer(0, addresses=(FIRST, SECOND))
            ),
            (("driver_library_missing", ""),),
            "warning",
            (0, 1),
        ),
    ),
    "device_nodes_missing": (
        of_host("device_nodes_missing", driver(device_nodes=frozenset())._replace(nvml=failed(999, "Unknown Error"))),
        Situation(driver(device_nodes=NODES - {"nvidia-uvm"}), (("device_nodes_missing", ""),), "warning", (0, 1)),
        of_host(
            "device_nodes_missing",
            IN_CONTAINER._replace(driver=DRIVER._replace(device_nodes=NODES - {"nvidia-uvm"})),
        ),
    ),
    "probe_timeout": (
        of_host("probe_timeout", HEALTHY._replace(nvml=failed(None, timed_out=True, seconds=18.0))),
        Situation(
            HEALTHY._replace(smi=failed(None, timed_out=True, seconds=3.0)), (("probe_timeout", ""),), "warning", (0, 1)
        ),
    ),
    "gpu_excluded": (
        Situation(
            without_second()._replace(
                driver=DRIVER._replace(
                    gpus={FIRST: DRIVER.gpus[FIRST], SECOND: ProcGpu(SECOND, A100, minor=1, excluded=True)}
                )
            ),
            (("gpu_excluded", SECOND),),
            "warning",
            (0,),
        ),
        Situation(
            without_second()._replace(driver=DRIVER._replace(excluded_gpus="GPU-22")),
            (("gpu_excluded", SECOND),),
            "warning",
            (0,),
        ),
    ),
    "gpu_lost": (
        of_second("gpu_lost", without_second()),
        of_second("gpu_lost", without_second(complaint=NO_HANDLE, code=999)),
        of_second("gpu_lost", without_second(complaint="GPU is lost", code=15)),
        of_second("gpu_lost", second(faults=("GPU is lost",))),
        of_second("gpu_lost", logs(without_second(), "xid", XID_79, SECOND, 79)),
        of_second("gpu_lost", without_second()._replace(pci=(pci(FIRST), pci(SECOND, off_bus=True)))),
        Situation(
            HEALTHY._replace(pci=(pci(FIRST), pci(SECOND, off_bus=True)), nvml=failed(999, "Unknown Error")),
            (("gpu_lost", SECOND), ("driver_error", "")),
        ),
    ),
    "power_cable": (
        of_second("power_cable", without_second(complaint="Insufficient External Power", code=8)),
        of_second(
            "power_cable",
            logs(without_second(complaint=NO_HANDLE, code=8), "xid", "NVRM: Xid (PCI:0000:41:00): 54", SECOND, 54),
        ),
    ),
    "gpu_init_failed": (
        of_second(
            "gpu_init_failed",
            logs(without_second(), "rm_init_failed", "NVRM: GPU 0000:41:00.0: RmInitAdapter failed!", SECOND),
        ),
        of_second(
            "gpu_init_failed",
            without_second()._replace(
                driver=DRIVER._replace(gpus={FIRST: DRIVER.gpus[FIRST], SECOND: ProcGpu(SECOND, A100, minor=1)})
            ),
        ),
        Situation(
            HEALTHY._replace(nvml=None, smi=failed(0, "No devices were found")),
            (("gpu_init_failed", FIRST), ("gpu_init_failed", SECOND)),
        ),
    ),
    "node_needs_reboot": (of_second("node_needs_reboot", second(recovery_action="reboot")),),
    "gpu_needs_reset": (
        of_second("gpu_needs_reset", second(recovery_action="reset")),
        of_second("gpu_needs_reset", second(recovery_action=None, reset_required=True)),
        of_second("gpu_needs_reset", second(faults=("GPU requires reset",))),
        of_second("gpu_needs_reset", without_second(complaint="GPU requires reset", code=16)),
        of_second(
            "gpu_needs_reset",
            without_second(complaint=NO_HANDLE.replace("Unknown Error", "GPU requires reset"), code=16),
        ),
        of_second("gpu_needs_reset", logs(without_second(), "xid", XID_119, SECOND, 119)),
        still_used("gpu_needs_reset", logs(second(recovery_action=None), "xid", XID_119, SECOND, 119), "warning"),
    ),
    "gpu_unknown_fault": (of_second("gpu_unknown_fault", second(faults=("Unknown Error",))),),
    "row_remap_failure": (still_used("row_remap_failure", second(remap_failure=True, remap_pending=True)),),
    "gpu_drain_recommended": (
        still_used("gpu_drain_recommended", second(remap_pending=True), "warning"),
        still_used("gpu_drain_recommended", second(recovery_action="drain_and_reset"), "warning"),
        still_used("gpu_drain_recommended", second(recovery_action="drain_p2p", ecc_uncorrected=1), "warning"),
    ),
    "retired_pages_pending": (still_used("retired_pages_pending", second(retired_pages_pending=True), "warning"),),
    "ecc_uncorrected": (still_used("ecc_uncorrected", second(ecc_uncorrected=3), "warning"),),
    "inforom_corrupt": (
        still_used(
            "inforom_corrupt",
            HEALTHY._replace(nvml=HEALTHY.nvml._replace(complaints=((SECOND, "infoROM is corrupted", 14),))),
            "warning",
        ),
        still_used("inforom_corrupt", HEALTHY._replace(nvml=HEALTHY.nvml._replace(error=14)), "warning", ""),
    ),
    "fabric_manager_down": (
        of_host("fabric_manager_down", second(fabric_state="not_started")),
        of_host("fabric_manager_down", second(fabric_state="in_progress")),
        of_host("fabric_manager_down", HEALTHY._replace(services=Services(True, nvswitches=6))),
        of_host("fabric_manager_down", HEALTHY._replace(cuda=CudaAnswer(802, "system not yet initialized"))),
    ),
    "fabric_unhealthy": (
        of_second("fabric_unhealthy", second(fabric_state="completed", fabric_status="insufficient_resources")),
        of_second("fabric_unhealthy", second(fabric_state="completed", fabric_health="unhealthy")),
        of_second("fabric_unhealthy", second(recovery_action="recover_imex_domain")),
    ),
    "compute_prohibited": (of_second("compute_prohibited", second(compute_mode="prohibited")),),
    "compute_exclusive": (still_used("compute_exclusive", second(compute_mode="exclusive_process"), "warning"),),
    "mig_enabled_without_instances": (of_second("mig_enabled_without_instances", with_mig()),),
    "mig_devices_unknown": (of_second("mig_devices_unknown", with_mig(mig_listed=False)),),
    "mig_pending_change": (still_used("mig_pending_change", second(mig_pending="enabled"), "warning"),),
    "mig_multi_instance_requested": (
        still_used(
            "mig_multi_instance_requested",
            with_mig(*HALVES),
            address="",
            wanted=Wanted(cuda_visible_devices="MIG-1,MIG-2"),
        ),
        still_used(
            "mig_multi_instance_requested",
            with_mig(*HALVES)._replace(
                servers=(ServerProcess(4242, environment={"NVIDIA_VISIBLE_DEVICES": "MIG-1,MIG-2"}),)
            ),
            address="",
        ),
    ),
    "memory_insufficient": (
        still_used("memory_insufficient", second(memory_mib=40960), wanted=Wanted(minimum_memory_gb=80)),
        still_used("memory_insufficient", with_mig(*HALVES), wanted=Wanted(minimum_memory_gb=80)),
    ),
    "compute_capability_insufficient": (
        still_used(
            "compute_capability_insufficient",
            second(compute_capability=(7, 5)),
            wanted=Wanted(minimum_compute_capability=(8, 0)),
        ),
        still_used(
            "compute_capability_insufficient",
            second(compute_capability=None, name="Tesla T4"),
            wanted=Wanted(minimum_compute_capability=(8, 0)),
        ),
    ),
    "memory_busy": (
        still_used("memory_busy", second(memory_free_mib=1024), "warning", wanted=Wanted(minimum_memory_gb=80)),
    ),
    "persistence_off": (
        still_used(
            "persistence_off",
            HEALTHY._replace(
                nvml=nvml(device(FIRST, persistence_mode=False), device(SECOND, persistence_mode=False)),
                services=Services(persistenced=False),
            ),
            "info",
            "",
        ),
        still_used(
            "persistence_off", second(persistence_mode=False)._replace(services=Services(persistenced=False)), "info"
        ),
    ),
    "driver_too_old_for_release": (
        still_used("driver_too_old_for_release", HEALTHY, address="", wanted=Wanted(triton_release="26.01")),
    ),
    "forward_compat_required": (
        still_used("forward_compat_required", HEALTHY, "warning", "", Wanted(compat_note=COMPAT)),
    ),
    "compute_capability_too_low": (
        still_used(
            "compute_capability_too_low",
            second(compute_capability=(7, 0)),
            wanted=Wanted(min_supported_compute_capability="7.5"),
        ),
    ),
    "compute_capability_too_new": (
        still_used(
            "compute_capability_too_new",
            second(compute_capability=(10, 0)),
            "warning",
            wanted=Wanted(triton_release="24.10"),
        ),
    ),
    "container_lost_gpu": (of_host("container_lost_gpu", IN_CONTAINER._replace(nvml=failed(999, "Unknown Error"))),),
    "container_toolkit_missing": (
        still_used("container_toolkit_missing", with_containers("docker"), address="", wanted=IN_A_CONTAINER),
        still_used("container_toolkit_missing", with_containers(), address="", wanted=IN_A_CONTAINER),
        still_used(
            "container_toolkit_missing",
            with_containers("docker", toolkit=TOOL_KIT),
            "warning",
            "",
            IN_A_CONTAINER,
        ),
    ),
    "cdi_spec_missing": (
        still_used("cdi_spec_missing", with_containers("podman", toolkit=TOOL_KIT), "error", "", IN_A_CONTAINER),
        still_used(
            "cdi_spec_missing",
            with_containers("docker", toolkit=TOOL_KIT, docker_runtimes=("nvidia",), docker_cdi=True),
            "error",
            "",
            IN_A_CONTAINER,
        ),
    ),
    "cdi_spec_stale": (
        still_used("cdi_spec_stale", with_cdi(OUTDATED), address="", wanted=IN_A_CONTAINER),
        still_used("cdi_spec_stale", with_cdi(DAMAGED), address="", wanted=IN_A_CONTAINER),
        still_used("cdi_spec_stale", with_cdi(OF_ANOTHER), "warning", ""),
    ),
    "server_without_gpu": (
        still_used("server_without_gpu", with_server(device_nodes=frozenset(), cuda_library=""), "warning", ""),
    ),
    "libcuda_missing": (
        of_host(
            "libcuda_missing",
            HEALTHY._replace(nvml=HEALTHY.nvml._replace(cuda_version="", cuda_version_missing=True)),
        ),
        of_host(
            "libcuda_missing",
            driver(cuda_library="", cuda_library_version="")._replace(nvml=HEALTHY.nvml._replace(cuda_version="")),
        ),
    ),
    "cuda_env_override": (
        still_used("cuda_env_override", HEALTHY._replace(environment={"CUDA_VISIBLE_DEVICES": ""}), "warning", ""),
        still_used("cuda_env_override", with_server(environment={"CUDA_VISIBLE_DEVICES": "-1"}), "warning", ""),
        still_used("cuda_env_override", HEALTHY, "warning", "", Wanted(cuda_visible_devices="")),
        still_used("cuda_env_override", HEALTHY, "warning", "", Wanted(cuda_visible_devices="GPU-99")),
        still_used("cuda_env_override", HEALTHY, "warning", "", Wanted(cuda_visible_devices="0,2")),
        still_used("cuda_env_override", HEALTHY, "warning", "", Wanted(cuda_visible_devices="9" * 5000)),
        of_host(
            "cuda_env_override",
            driver(compat_library="/usr/local/cuda/compat/libcuda.so.1")._replace(
                cuda=CudaAnswer(804, "forward compatibility was attempted on non supported HW")
            ),
        ),
        of_host(
            "cuda_env_override",
            driver(compat_library="/usr/local/cuda/compat/libcuda.so.1")._replace(
                nvml=nvml(device(FIRST), device(SECOND, brand="geforce_rtx"))
            ),
        ),
    ),
    "cuda_omits_gpu": (of_second("cuda_omits_gpu", HEALTHY._replace(cuda=CudaAnswer(0, addresses=(FIRST,)))),),
    "driver_error": (
        of_host("driver_error", HEALTHY._replace(nvml=failed(999, "Unknown Error"))),
        of_host("driver_error", HEALTHY._replace(nvml=None)),
        of_host(
            "driver_error",
            HEALTHY._replace(nvml=None, smi=failed(None, failure="cannot be started: Exec format error")),
        ),
        of_host("driver_error", IN_WSL, Wanted(expected_count=1)),
        of_host("driver_error", IN_WSL._replace(smi=failed(255))),
        Situation(IN_WSL, (("driver_error", ""),), "info"),
        Situation(Evidence(platform=Platform(TEGRA)), (("driver_error", ""),), "info"),
    ),
    "cuda_init_failed": (
        of_host("cuda_init_failed", HEALTHY._replace(cuda=CudaAnswer(999, "unknown error"))),
        of_host("cuda_init_failed", HEALTHY._replace(cuda=CudaAnswer(timed_out=True, seconds=20.0))),
        Situation(
            without_second()._replace(cuda=CudaAnswer(999, "unknown error")),
            (("gpu_lost", SECOND), ("cuda_init_failed", "")),
        ),
    ),
}
