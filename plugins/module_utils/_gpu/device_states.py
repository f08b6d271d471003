# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""States of single GPUs: lost, not started, in need of a reset, damaged."""

from __future__ import annotations

from typing import Iterator, Mapping, Tuple

from .signs import answered, answers, asked, complains, complaints, first, label, listed, logged, silent
from .states import ERROR, GPU, HIDES_GPU, HIDES_NOTHING, HOST, WARNING, Host, HostGpu, Row, Sighting, State

# NVIDIA, Xid errors: those whose first action is a reset of the GPU. 79 is off the bus, 54 a power cable.
_RESET_XIDS = (46, 62, 64, 95, 109, 110, 119, 120, 136, 140, 143, 155, 156, 158)
_LOST = ("GPU is lost", "fallen off the bus")

# What nvidia-smi says of any GPU that it cannot ask, and the error numbers with which that means that it is lost.
_NO_HANDLE = "unable to determine the device handle"
_LOST_WITHOUT_HANDLE = (None, 6, 15, 28, 999)

_NEEDS_RESET = ("requires reset", "requires restart")
_NOT_STARTED = ("rm_init_failed", "gsp_firmware", "bar_invalid")  # kinds of lines in the kernel's log

# Texts in place of a value that other states are told by.
_KNOWN = (*_LOST, *_NEEDS_RESET, _NO_HANDLE, "Insufficient Permissions", "infoROM", "External Power")


def _lost_for_sure(host: Host, gpu: HostGpu) -> Tuple[str, ...]:
    lines = [*complains(host, gpu, 15, *_LOST)]
    lines += [
        f"{who}: {text}"
        for who, text, code in complaints(host, gpu)
        if _NO_HANDLE in text.lower() and code in _LOST_WITHOUT_HANDLE
    ]
    if gpu.pci is not None and gpu.pci.off_bus:
        lines.append(f"/sys/bus/pci/devices/{gpu.pci_address}/config: ff ff ff ff")
    if gpu.answer is None or lines:
        lines += logged(host, gpu, ("fallen_off_bus",), (79,))
    return first(lines)


def _not_started(host: Host, gpu: HostGpu) -> Tuple[str, ...]:
    """The evidence that the driver could not start a GPU that it does not answer for."""
    log = logged(host, gpu, _NOT_STARTED)
    never = gpu.proc is not None and not gpu.proc.uuid
    if not log and not (listed(host) and (never or not answered(host))):
        return ()
    held = f"/proc/driver/nvidia/gpus/{gpu.pci_address}: the driver holds it" if gpu.proc else ""
    return first([*log, *(line for answer in asked(host) for line in answer.seen[:1]), held, *_left_out(host, gpu)])


def _left_out(host: Host, gpu: HostGpu) -> Tuple[str, ...]:
    return tuple(f"{answer.asked}: does not list {gpu.pci_address}" for answer in asked(host))


def _gpu_lost(host: Host) -> Iterator[Sighting]:
    # In a container a GPU that the driver leaves out may just not be the container's.
    quiet = [] if host.evidence.platform.in_container else silent(host)
    for gpu in host.gpus:
        seen = _lost_for_sure(host, gpu)
        other = gpu.complaints or _not_started(host, gpu) or logged(host, gpu, (), _RESET_XIDS)
        if not seen and gpu in quiet and answered(host) and not other:
            seen = _left_out(host, gpu)
        if seen:
            yield Sighting("gpu_lost", seen, gpu.pci_address)


def _gpu_init_failed(host: Host) -> Iterator[Sighting]:
    for gpu in silent(host):
        seen = () if gpu.complaints or _lost_for_sure(host, gpu) else _not_started(host, gpu)
        if seen:
            yield Sighting("gpu_init_failed", seen, gpu.pci_address)


def _gpu_needs_reset(host: Host) -> Iterator[Sighting]:
    for gpu in host.gpus:
        lines = [*complains(host, gpu, 16, *_NEEDS_RESET)]
        answer = gpu.answer
        if answer is not None and answer.recovery_action == "reset":
            lines.append(f"{label(gpu)}: recovery action reset")
        if answer is not None and answer.reset_required and answer.recovery_action in (None, "reset"):
            lines.append(f"{label(gpu)}: reset required")
        # A driver that says that no action is needed has got over what it wrote into the log. One that says nothing
        # of that may have been reset since.
        recovered = answer is not None and (answer.recovery_action is not None or answer.reset_required is False)
        log = () if recovered and not lines else logged(host, gpu, (), _RESET_XIDS)
        if lines or log:
            doubt = answer is not None and not lines
            yield Sighting(
                "gpu_needs_reset",
                first([*lines, *log]),
                gpu.pci_address,
                {"gpu": label(gpu), "needs": "may need" if doubt else "needs"},
                WARNING if doubt else None,
                HIDES_NOTHING if doubt else None,
            )


def _node_needs_reboot(host: Host) -> Iterator[Sighting]:
    for gpu in answers(host):
        if gpu.answer is not None and gpu.answer.recovery_action == "reboot":
            yield Sighting("node_needs_reboot", (f"{label(gpu)}: recovery action reboot",), gpu.pci_address)


def _inforom_corrupt(host: Host) -> Iterator[Sighting]:
    told = {gpu.pci_address: complains(host, gpu, 14, "infoROM") for gpu in host.gpus}
    yield from _told("inforom_corrupt", told, host, 14)


def _power_cable(host: Host) -> Iterator[Sighting]:
    told = {gpu.pci_address: complains(host, gpu, 8, "External Power", "power cables") for gpu in host.gpus}
    for gpu in silent(host):
        told[gpu.pci_address] += logged(host, gpu, ("power_cable",), (54,))
    yield from _told("power_cable", told, host, 8)


def _told(state: str, told: Mapping[str, Tuple[str, ...]], host: Host, code: int) -> Iterator[Sighting]:
    """A state that the driver itself tells of GPUs, or with its exit code of whichever GPU it may be."""
    for address, lines in told.items():
        if lines:
            yield Sighting(state, first(lines), address)
    failed = [answer for answer in asked(host) if answer.error == code]
    if failed and not any(told.values()):
        lines = first(line for answer in failed for line in (*answer.seen, f"{answer.asked}: error {code}"))
        yield Sighting(state, lines, host.gpus[0].pci_address if len(host.gpus) == 1 else "")


def _gpu_excluded(host: Host) -> Iterator[Sighting]:
    listed_as = host.evidence.driver.excluded_gpus
    for gpu in host.gpus:
        if gpu.answer is not None:
            continue
        names = [gpu.pci_address, gpu.proc.uuid if gpu.proc else ""]
        lines = (
            [f"/proc/driver/nvidia/gpus/{gpu.pci_address}: GPU Excluded: Yes"] if gpu.proc and gpu.proc.excluded else []
        )
        if listed_as and any(name and name.lower() in listed_as.lower() for name in names):
            lines.append(f"NVreg_ExcludedGpus: {listed_as}")
        if lines:
            yield Sighting("gpu_excluded", first(lines), gpu.pci_address)


def _gpu_unknown_fault(host: Host) -> Iterator[Sighting]:
    for gpu in host.gpus:
        texts = gpu.complaints if gpu.answer is None else gpu.answer.faults
        lines = [text for text in texts if not any(known.lower() in text.lower() for known in _KNOWN)]
        if lines:
            yield Sighting("gpu_unknown_fault", first(lines), gpu.pci_address, {"said": lines[0]})


_FAULTS = ("gpu_unknown_fault", "gpu_drain_recommended", "ecc_uncorrected", "persistence_off", "fabric_unhealthy")

DEVICE_STATES = (
    Row(
        State(
            "gpu_excluded",
            GPU,
            WARNING,
            HIDES_GPU,
            "An option of the kernel module excludes this GPU.",
            "If that is not meant, remove it from NVreg_ExcludedGpus in /etc/modprobe.d and restart the host.",
            "NVIDIA driver README, NVreg_ExcludedGpus; nvidia-smi manual page, -B",
            brief="is excluded by an option of the driver",
            explains=("gpu_lost", "gpu_init_failed"),
        ),
        _gpu_excluded,
    ),
    Row(
        State(
            "gpu_lost",
            GPU,
            ERROR,
            HIDES_GPU,
            "The GPU fell off the bus: the driver cannot reach it any more. Other GPUs of the host may refuse new work "
            "too (CUDA error 999).",
            "Drain this host and restart it; a reset of the GPU does not help. If it happens again, check power, riser "
            "and temperature, and have the GPU exchanged.",
            "NVIDIA Xid errors, Xid 79; NVML: NVML_ERROR_GPU_IS_LOST; NVIDIA DCGM: DCGM_FR_FALLEN_OFF_BUS",
            dcgm=120,
            brief="fell off the bus",
            explains=("gpu_init_failed", "gpu_needs_reset", *_FAULTS),
        ),
        _gpu_lost,
    ),
    Row(
        State(
            "power_cable",
            GPU,
            ERROR,
            HIDES_GPU,
            "The GPU's auxiliary power is not connected, so that the driver does not start it.",
            "Power the host off and connect the GPU's power cables.",
            "NVML: NVML_ERROR_INSUFFICIENT_POWER; nvidia-smi manual page, return value 8; NVIDIA Xid errors, Xid 54",
            brief="has no auxiliary power",
            explains=("gpu_init_failed", "gpu_unknown_fault"),
        ),
        _power_cable,
    ),
    Row(
        State(
            "gpu_init_failed",
            GPU,
            ERROR,
            HIDES_GPU,
            "The driver holds the GPU and could not start it. Causes are firmware of another version, address space "
            "that the BIOS does not grant (Above 4G Decoding), missing power, or flags of the hypervisor.",
            "Read why (dmesg | grep NVRM), then power the host off and on. After an update, check that the driver's "
            "firmware has its version, and in a virtual machine the settings of passthrough.",
            "NVIDIA driver README, on RmInitAdapter; NVIDIA open-gpu-kernel-modules: nv.c, nv-procfs.c",
            brief="could not be started by the driver",
            explains=("gpu_unknown_fault", "gpu_needs_reset"),
        ),
        _gpu_init_failed,
    ),
    Row(
        State(
            "node_needs_reboot",
            HOST,
            ERROR,
            HIDES_GPU,
            "The driver asks for a restart of the host to recover this GPU.",
            "Drain this host and restart it.",
            "NVML: NVML_FI_DEV_GET_GPU_RECOVERY_ACTION; NVIDIA DCGM: dcgm_errors.h",
            dcgm=126,
            brief="the host has to be restarted to recover it",
            explains=("gpu_needs_reset", "gpu_drain_recommended"),
        ),
        _node_needs_reboot,
    ),
    Row(
        State(
            "gpu_needs_reset",
            GPU,
            ERROR,
            HIDES_GPU,
            "The GPU met an error that the driver cannot clear while it runs.",
            "Stop all processes on it, switch persistence off and reset it: nvidia-smi -r -i {gpu}. If that is "
            "refused, restart the host.",
            "NVIDIA Xid errors; NVML: NVML_ERROR_RESET_REQUIRED; NVIDIA DCGM: dcgm_errors.h",
            dcgm=125,
            brief="{needs} a reset",
            explains=("gpu_unknown_fault", "gpu_drain_recommended"),
        ),
        _gpu_needs_reset,
    ),
    Row(
        State(
            "gpu_unknown_fault",
            GPU,
            ERROR,
            HIDES_GPU,
            "The driver has an error, or nothing at all, to say of this GPU instead of facts.",
            "Look for its lines in the kernel's log (dmesg | grep NVRM), reset it (nvidia-smi -r), or restart the "
            "host.",
            "nvidia-smi: texts in place of values, as [Unknown Error]",
            brief="has a fault: '{said}'",
        ),
        _gpu_unknown_fault,
    ),
    Row(
        State(
            "inforom_corrupt",
            GPU,
            WARNING,
            HIDES_NOTHING,
            "The GPU's own store of settings and serial numbers is damaged.",
            "Note the serial number and ask the vendor's support; the GPU works meanwhile.",
            "NVML: NVML_ERROR_CORRUPTED_INFOROM; NVIDIA DCGM: DCGM_FR_CORRUPT_INFOROM",
            dcgm=9,
            brief="has a damaged infoROM",
            consequence="Triton uses the GPU as before.",
        ),
        _inforom_corrupt,
    ),
)
