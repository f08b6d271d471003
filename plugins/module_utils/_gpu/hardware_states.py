# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""States of the hardware, and of who holds it: whether there are GPUs, and whether NVIDIA's driver may have them."""

from __future__ import annotations

from typing import Iterator, Tuple

from .evidence import TEGRA, WSL
from .signs import (
    FOREIGN,
    NVIDIA,
    asked,
    driver_link,
    first,
    for_driver,
    if_missed,
    if_wanted,
    label,
    listed,
    loaded,
    logged,
    on_bus,
    refused,
    reserved,
)
from .states import (
    CONTAINERS,
    ERROR,
    GPU,
    HIDES_ALL,
    HIDES_GPU,
    HIDES_NOTHING,
    HOST,
    INFO,
    Host,
    Row,
    Sighting,
    State,
)


def _no_gpu_hardware(host: Host) -> Iterator[Sighting]:
    evidence = host.evidence
    elsewhere = evidence.platform.kind in (WSL, TEGRA)
    if host.gpus or not evidence.pci_read or elsewhere or (evidence.platform.in_container and evidence.pci):
        return
    others = [f"{gpu.address}: {gpu.vendor} {gpu.device_id} {gpu.driver}".rstrip() for gpu in evidence.other_gpus]
    nothing = "/sys/bus/pci/devices: no VGA (0x0300) or 3D (0x0302) controller of vendor 0x10de"
    yield Sighting("no_gpu_hardware", first([nothing, *others]), severity=if_wanted(host))


def _container_without_gpu(host: Host) -> Iterator[Sighting]:
    evidence = host.evidence
    failed = any(answer.error or answer.timed_out for answer in asked(host)) and not listed(host)
    if (
        evidence.platform.in_container
        and evidence.pci
        and not host.gpus
        and not (failed and "nvidiactl" in evidence.driver.device_nodes)
    ):
        shown = [f"/sys/bus/pci/devices/{gpu.address}: on the PCI bus of the host" for gpu in evidence.pci[:2]]
        yield Sighting(
            "container_without_gpu", first(["/dev: no nvidia0 or the like", *shown]), severity=if_wanted(host)
        )


def _blocked_by_os(host: Host) -> Iterator[Sighting]:
    evidence = host.evidence
    lines = [*refused(host, 17, "blocked by the operating system")]
    if evidence.platform.kind == WSL and not host.gpus and "dxg" not in evidence.driver.device_nodes:
        lines.append("/dev/dxg: does not exist")
    if not evidence.pci_read and on_bus(host) and not host.gpus:
        lines.append("/sys/bus/pci/devices: cannot be read")
    if lines:
        yield Sighting("blocked_by_os", first(lines))


def _gpu_count_below_expected(host: Host) -> Iterator[Sighting]:
    expected = host.wanted.expected_count
    if expected is not None and host.gpus and len(host.gpus) < expected:
        numbers = {"present": str(len(host.gpus)), "expected": str(expected)}
        there = ", ".join(map(label, host.gpus))
        yield Sighting("gpu_count_below_expected", (f"GPUs that are present: {there}",), values=numbers)


def _gpu_bound_to_vfio(host: Host) -> Iterator[Sighting]:
    expected = host.wanted.expected_count
    enough = expected is not None and len(for_driver(host)) >= expected
    for gpu in host.gpus:
        if gpu.pci is not None and reserved(gpu):
            values = {"driver": gpu.pci.driver, "address": gpu.pci_address}
            severity = INFO if enough else None
            yield Sighting("gpu_bound_to_vfio", (driver_link(gpu),), gpu.pci_address, values, severity)


def _nouveau_active(host: Host) -> Iterator[Sighting]:
    held = [gpu for gpu in for_driver(host) if gpu.pci is not None and gpu.pci.driver in FOREIGN]
    if not held:
        return
    values = {"driver": held[0].pci.driver if held[0].pci else ""}
    if len(held) == len(for_driver(host)):
        log = logged(host, kinds=("probe_not_called",))
        yield Sighting("nouveau_active", first([*map(driver_link, held[:2]), *log]), values=values)
        return
    for gpu in held:
        severity = if_missed(host)
        yield Sighting("nouveau_active", (driver_link(gpu),), gpu.pci_address, values, severity, HIDES_GPU)


def _gpu_not_bound(host: Host) -> Iterator[Sighting]:
    if not loaded(host) or not on_bus(host) or host.evidence.platform.in_container:
        return
    for gpu in for_driver(host):
        if gpu.pci is None or gpu.proc or gpu.answer or gpu.pci.driver in (NVIDIA, *FOREIGN):
            continue
        holder = f"the kernel driver {gpu.pci.driver}" if gpu.pci.driver else "no kernel driver"
        values = {"address": gpu.pci_address, "holder": holder}
        yield Sighting("gpu_not_bound", (driver_link(gpu),), gpu.pci_address, values, if_missed(host))


def _gpu_not_supported_by_driver(host: Host) -> Iterator[Sighting]:
    for gpu in for_driver(host):
        seen: Tuple[str, ...] = () if gpu.answer else logged(host, gpu, ("not_supported",))
        if seen:
            values = {"version": host.evidence.driver.loaded_version or "that is loaded"}
            yield Sighting("gpu_not_supported_by_driver", seen, gpu.pci_address, values, if_missed(host))


_NO_KERNEL_DRIVER = ("gpu_not_bound", "gpu_init_failed", "gpu_lost")

# Sources: NVIDIA, Linux driver README and driver installation guide; open-gpu-kernel-modules (nv-pci-table.c,
# nv-pci.c, osapi.c); Linux kernel documentation (driver-api/vfio).
HARDWARE_STATES = (
    Row(
        State(
            "no_gpu_hardware",
            HOST,
            ERROR,
            HIDES_ALL,
            "There is no NVIDIA GPU on the PCI bus: none is installed, none was handed to this virtual machine, or it "
            "was dead before the host started.",
            "Look for it in the inventory of the machine and with 'lspci -nn -d 10de:'. If it should be there, check "
            "passthrough, riser and power; if not, expect 0 GPUs of this host.",
            "NVIDIA open-gpu-kernel-modules: nv-pci-table.c, which names the PCI classes of GPUs",
            brief="there is no NVIDIA GPU on the PCI bus",
            explains=("driver_error",),
        ),
        _no_gpu_hardware,
    ),
    Row(
        State(
            "container_without_gpu",
            CONTAINERS,
            ERROR,
            HIDES_ALL,
            "This is a container, and it was given none of the GPUs of its host: no device node of one is in it.",
            "Start it anew with its GPUs: docker run --gpus all ..., or --device nvidia.com/gpu=all with CDI.",
            "NVIDIA Container Toolkit documentation, specialized configurations with Docker",
            brief="this container was given no GPU",
            explains=(
                "driver_error",
                "driver_library_missing",
                "module_not_loaded",
                "container_lost_gpu",
                "cuda_init_failed",
            ),
        ),
        _container_without_gpu,
    ),
    Row(
        State(
            "blocked_by_os",
            HOST,
            ERROR,
            HIDES_ALL,
            "The operating system keeps the GPUs from this process: WSL without its GPU device, or a sandbox.",
            "Under WSL, run 'wsl --shutdown' in Windows and start again; else run outside of the sandbox.",
            "NVML: NVML_ERROR_OPERATING_SYSTEM; NVIDIA CUDA on WSL user guide",
            brief="the operating system keeps the GPUs from this process",
            explains=("driver_error", "cuda_init_failed", "libcuda_missing"),
        ),
        _blocked_by_os,
    ),
    Row(
        State(
            "gpu_count_below_expected",
            HOST,
            ERROR,
            HIDES_NOTHING,
            "{present} of {expected} expected GPUs are present. One that dies before the host starts is missing from "
            "the PCI bus too, and then nothing else on the host speaks of it.",
            "Compare the addresses with those of an earlier run, power the host off and on, and have the missing GPU "
            "reseated or exchanged.",
            "NVIDIA DCGM: DCGM_FR_DEVICE_COUNT_MISMATCH",
            dcgm=20,
            brief="only {present} of {expected} expected GPUs are present",
            consequence="Triton has fewer GPUs than planned and numbers them from 0, so that gpus: [1] may be another "
            "card. A model without an explicit instance_group is spread over what is left.",
        ),
        _gpu_count_below_expected,
    ),
    Row(
        State(
            "gpu_bound_to_vfio",
            GPU,
            ERROR,
            HIDES_GPU,
            "The kernel driver {driver} holds the GPU for a virtual machine. Nothing on this host can use it "
            "meanwhile.",
            "Leave it to the virtual machine and expect one GPU less, or give it back: driverctl unset-override "
            "{address}.",
            "Linux kernel documentation: driver-api/vfio",
            brief="is reserved for a virtual machine ({driver})",
            explains=_NO_KERNEL_DRIVER,
        ),
        _gpu_bound_to_vfio,
    ),
    Row(
        State(
            "nouveau_active",
            HOST,
            ERROR,
            HIDES_ALL,
            "The kernel's own driver {driver} holds the GPU, so that NVIDIA's driver cannot. CUDA works with the "
            "latter only.",
            "Write 'blacklist {driver}' and 'options {driver} modeset=0' to /etc/modprobe.d/blacklist-{driver}.conf, "
            "rebuild the initramfs (update-initramfs -u, or dracut -f) and restart the host.",
            "NVIDIA driver installation guide; NVIDIA DCGM: DCGM_FR_DENYLISTED_DRIVER",
            dcgm=23,
            brief="the driver {driver} holds the GPU instead of NVIDIA's",
            explains=(
                "driver_not_built_for_kernel",
                "module_blocked_secure_boot",
                "module_not_loaded",
                "device_nodes_missing",
                "driver_library_missing",
                "fabric_manager_down",
                "driver_error",
                "cuda_init_failed",
            ),
        ),
        _nouveau_active,
    ),
    Row(
        State(
            "gpu_not_supported_by_driver",
            GPU,
            ERROR,
            HIDES_GPU,
            "The driver {version} does not support this GPU: it is too new or too old for this branch, or needs the "
            "open kernel modules, as all from Blackwell on do.",
            "Install a driver branch that supports it, from Turing on with the open kernel modules "
            "(nvidia-open, or nvidia-driver-BRANCH-open), and the other GPUs too. If this one only drives a display, "
            "expect one GPU less.",
            "NVIDIA open-gpu-kernel-modules: osapi.c, and README.md on which GPUs need them",
            brief="is not supported by the driver {version}",
            explains=_NO_KERNEL_DRIVER,
        ),
        _gpu_not_supported_by_driver,
    ),
    Row(
        State(
            "gpu_not_bound",
            GPU,
            ERROR,
            HIDES_GPU,
            "NVIDIA's kernel module is loaded, and {holder} holds this GPU: it was unbound by hand, or the module "
            "refused it.",
            "Bind it and read why not if that fails: echo {address} > /sys/bus/pci/drivers/nvidia/bind; dmesg | tail.",
            "Linux kernel documentation: driver-api/driver-model/binding; NVIDIA open-gpu-kernel-modules: nv-pci.c",
            brief="is held by {holder}",
            explains=("gpu_init_failed", "gpu_lost"),
        ),
        _gpu_not_bound,
    ),
)
