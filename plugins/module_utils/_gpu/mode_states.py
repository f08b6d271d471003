# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""States of GPUs that work and are set up so that a server cannot use them, or not as it is meant: modes, MIG, NVLink
fabric, memory."""

from __future__ import annotations

from typing import Iterator, List, Mapping, Optional, Tuple

from .gpu_entry import capability_of
from .signs import answers, asked, branch, driver_version, first, label
from .states import (
    CONTAINERS,
    ERROR,
    GPU,
    HIDES_ALL,
    HIDES_GPU,
    HIDES_NOTHING,
    HOST,
    INFO,
    WARNING,
    Host,
    HostGpu,
    Row,
    Sighting,
    State,
)

# The first driver with which a process sees several MIG devices (NVIDIA MIG user guide, CUDA device enumeration).
_SEVERAL_MIG_DEVICES = 570


def _compute_prohibited(host: Host) -> Iterator[Sighting]:
    yield from _in_mode(host, "compute_prohibited", "prohibited")


def _compute_exclusive(host: Host) -> Iterator[Sighting]:
    yield from _in_mode(host, "compute_exclusive", "exclusive_process")


def _in_mode(host: Host, state: str, mode: str) -> Iterator[Sighting]:
    for gpu in answers(host):
        if gpu.answer is not None and gpu.answer.compute_mode == mode:
            yield Sighting(state, (f"{label(gpu)}: compute mode {mode}",), gpu.pci_address, {"gpu": label(gpu)})


def _mig_enabled_without_instances(host: Host) -> Iterator[Sighting]:
    for gpu in _without_mig_devices(host):
        if _mig_listed(host, gpu):
            seen = (f"{label(gpu)}: MIG enabled, no MIG device",)
            yield Sighting("mig_enabled_without_instances", seen, gpu.pci_address, {"gpu": label(gpu)})


def _mig_devices_unknown(host: Host) -> Iterator[Sighting]:
    for gpu in _without_mig_devices(host):
        if not _mig_listed(host, gpu):
            failed = [
                line for answer in asked(host) for line in (*answer.seen, answer.failure) if not answer.mig_listed
            ]
            seen = first([f"{label(gpu)}: MIG enabled, MIG devices not listed", *failed])
            yield Sighting("mig_devices_unknown", seen, gpu.pci_address)


def _without_mig_devices(host: Host) -> Iterator[HostGpu]:
    for gpu in answers(host):
        if gpu.answer is not None and gpu.answer.mig_mode == "enabled" and not gpu.answer.mig_devices:
            yield gpu


def _mig_listed(host: Host, gpu: HostGpu) -> bool:
    same = gpu.answer.uuid if gpu.answer else ""
    return any(
        answer.mig_listed
        for answer in asked(host)
        for device in answer.devices
        if (device.pci_address and device.pci_address == gpu.pci_address) or (same and device.uuid == same)
    )


def _mig_pending_change(host: Host) -> Iterator[Sighting]:
    for gpu in answers(host):
        answer = gpu.answer
        if answer is not None and answer.mig_mode and answer.mig_pending and answer.mig_mode != answer.mig_pending:
            seen = (f"{label(gpu)}: MIG {answer.mig_mode}, pending {answer.mig_pending}",)
            values = {"gpu": label(gpu), "mode": answer.mig_mode, "pending": answer.mig_pending}
            yield Sighting("mig_pending_change", seen, gpu.pci_address, values)


def _mig_multi_instance_requested(host: Host) -> Iterator[Sighting]:
    number = branch(host)
    if number is not None and number >= _SEVERAL_MIG_DEVICES:
        return
    asked_for = [("CUDA_VISIBLE_DEVICES", host.wanted.cuda_visible_devices)]
    for server in host.evidence.servers:
        environment: Mapping[str, str] = server.environment or {}
        asked_for += [
            (f"tritonserver ({server.pid}): {name}", environment.get(name))
            for name in ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES")
        ]
    lines = [f"{where}={value}" for where, value in asked_for if _mig_devices_in(value) > 1]
    if lines:
        version = driver_version(host)
        values = {"driver": f"driver {version}" if version else "a driver before R570 (this host's is not known)"}
        yield Sighting("mig_multi_instance_requested", first(lines), values=values)


def _mig_devices_in(value: Optional[str]) -> int:
    return sum(entry.strip().startswith("MIG-") for entry in (value or "").split(","))


def _fabric_manager_down(host: Host) -> Iterator[Sighting]:
    services = host.evidence.services
    lines: List[str] = []
    states = {gpu.answer.fabric_state for gpu in answers(host) if gpu.answer is not None}
    for gpu in answers(host):
        if gpu.answer is not None and gpu.answer.fabric_state in ("not_started", "in_progress"):
            lines.append(f"{label(gpu)}: fabric state {gpu.answer.fabric_state.replace('_', ' ')}")
    switches = services.nvswitches and not services.fabric_manager and "completed" not in states
    if switches and not host.evidence.platform.in_container:
        lines.append(f"{services.nvswitches} NVSwitch on the PCI bus, nv-fabricmanager does not run")
    if host.evidence.cuda is not None and host.evidence.cuda.error == 802:
        lines.insert(0, f"cuInit: 802 {host.evidence.cuda.seen}".rstrip())
    if not lines:
        return
    version, own = driver_version(host), services.fabric_manager_version
    if own and version and own != version:
        lines.insert(0, f"nv-fabricmanager {own}, driver {version}")
    yield Sighting("fabric_manager_down", first(lines), values={"version": version or "of this host"})


def _fabric_unhealthy(host: Host) -> Iterator[Sighting]:
    for gpu in answers(host):
        answer, lines = gpu.answer, []
        if answer is None:
            continue
        if answer.fabric_state == "completed" and answer.fabric_status not in (None, "success", "n_a"):
            lines.append(f"{label(gpu)}: fabric state completed, status {answer.fabric_status}")
        if answer.fabric_health not in (None, "healthy", "n_a", "not_supported"):
            lines.append(f"{label(gpu)}: fabric health {answer.fabric_health}")
        if answer.recovery_action == "recover_imex_domain":
            lines.append(f"{label(gpu)}: recovery action recover imex domain")
        if lines:
            yield Sighting("fabric_unhealthy", first(lines), gpu.pci_address)


def _persistence_off(host: Host) -> Iterator[Sighting]:
    for gpu in answers(host):
        if gpu.answer is not None and gpu.answer.persistence_mode is False and not host.evidence.services.persistenced:
            yield Sighting("persistence_off", (f"{label(gpu)}: persistence mode off",), gpu.pci_address)


def _memories(host: Host, gpu: HostGpu) -> Tuple[Optional[int], Optional[int]]:
    """Total and free memory that a server can have of a GPU, in MiB: of its largest MIG device where MIG is on."""
    answer = gpu.answer
    if answer is None:
        return None, None
    if answer.mig_mode == "enabled":
        parts = [part.memory_mib for part in answer.mig_devices if part.memory_mib is not None]
        return (max(parts) if parts else None), None
    if answer.memory_unified:
        return host.evidence.platform.memory_mib, None
    return answer.memory_mib, answer.memory_free_mib


def _memory_insufficient(host: Host) -> Iterator[Sighting]:
    for gpu in answers(host):
        total, _free = _memories(host, gpu)
        if total is not None and _less(total, host.wanted.minimum_memory_gb):
            yield Sighting("memory_insufficient", (f"{label(gpu)}: {total} MiB",), gpu.pci_address, _sizes(host, total))


def _compute_capability_insufficient(host: Host) -> Iterator[Sighting]:
    wanted = host.wanted.minimum_compute_capability
    for gpu in answers(host):
        found, _source = capability_of(gpu)
        if wanted is not None and found is not None and found < wanted:
            values = {"found": "{}.{}".format(*found), "wanted": "{}.{}".format(*wanted)}
            seen = (f"{label(gpu)}: compute capability {values['found']}",)
            yield Sighting("compute_capability_insufficient", seen, gpu.pci_address, values)


def _memory_busy(host: Host) -> Iterator[Sighting]:
    wanted = host.wanted.minimum_memory_gb
    for gpu in answers(host):
        total, free = _memories(host, gpu)
        if free is not None and _less(free, wanted) and not (total is not None and _less(total, wanted)):
            seen = (f"{label(gpu)}: {free} MiB free of {total if total is not None else '?'} MiB",)
            yield Sighting("memory_busy", seen, gpu.pci_address, _sizes(host, free))


def _less(mib: int, wanted_gb: Optional[float]) -> bool:
    """An "80 GB" card has less than 80 GiB (H100: 81559 MiB), so that GB is what it says: 10^9 bytes."""
    return bool(wanted_gb) and mib * 2**20 < (wanted_gb or 0) * 10**9


def _sizes(host: Host, mib: int) -> Mapping[str, str]:
    return {"size": f"{mib * 2**20 / 10**9:.1f}", "wanted": f"{host.wanted.minimum_memory_gb:g}"}


MODE_STATES = (
    Row(
        State(
            "fabric_manager_down",
            HOST,
            ERROR,
            HIDES_ALL,
            "The GPUs of this host are connected by NVSwitches that the fabric manager has not set up. nvidia-smi "
            "looks well, and CUDA fails with error 802.",
            "Install nvidia-fabricmanager in exactly the driver's version ({version}) and start it: "
            "systemctl enable --now nvidia-fabricmanager.",
            "NVIDIA Fabric Manager user guide; CUDA: cudaErrorSystemNotReady (802); NVIDIA DCGM: "
            "DCGM_FR_CUDA_FM_NOT_INITIALIZED",
            dcgm=108,
            brief="the fabric manager has not set up NVLink",
            consequence="CUDA fails as a whole: with an error of this kind Triton loads no model at all.",
            explains=("cuda_init_failed", "fabric_unhealthy"),
        ),
        _fabric_manager_down,
    ),
    Row(
        State(
            "fabric_unhealthy",
            GPU,
            ERROR,
            HIDES_GPU,
            "The NVLink fabric was set up and is not well on this GPU.",
            "Read the logs of nv-fabricmanager and nvidia-imex (journalctl -u nvidia-fabricmanager), and reset the "
            "GPU.",
            "NVIDIA Fabric Manager user guide; NVML: nvmlGpuFabricInfoV_t; NVIDIA DCGM: DCGM_FR_FABRIC_PROBE_STATE",
            dcgm=123,
            brief="has trouble with its NVLink fabric",
        ),
        _fabric_unhealthy,
    ),
    Row(
        State(
            "compute_prohibited",
            GPU,
            ERROR,
            HIDES_GPU,
            "The compute mode of the GPU is Prohibited: the driver lets no process compute on it.",
            "Allow it again: nvidia-smi -i {gpu} -c DEFAULT.",
            "nvidia-smi manual page, compute mode; CUDA: cudaErrorDevicesUnavailable",
            brief="is set to the compute mode Prohibited",
        ),
        _compute_prohibited,
    ),
    Row(
        State(
            "compute_exclusive",
            GPU,
            WARNING,
            HIDES_NOTHING,
            "The compute mode of the GPU is Exclusive_Process: one process at a time can compute on it.",
            "Where more than one server or job is meant to use it: nvidia-smi -i {gpu} -c DEFAULT.",
            "nvidia-smi manual page, compute mode; CUDA: cudaErrorDevicesUnavailable (46)",
            brief="takes one process at a time",
            consequence="The first process gets the GPU. A second server, or a Python model with a process of its "
            "own, is told that the device is busy or unavailable.",
        ),
        _compute_exclusive,
    ),
    Row(
        State(
            "mig_enabled_without_instances",
            GPU,
            ERROR,
            HIDES_GPU,
            "MIG is on, and the GPU has no MIG device: CUDA cannot use it as a whole, and there is no part of it. MIG "
            "devices do not outlive a restart of the host.",
            "Create them (nvidia-smi mig -i {gpu} -cgi PROFILE -C, or nvidia-mig-parted apply), or switch MIG off: "
            "nvidia-smi -i {gpu} -mig 0.",
            "NVIDIA MIG user guide, on persistence and device enumeration",
            brief="has MIG on, but no MIG device",
        ),
        _mig_enabled_without_instances,
    ),
    Row(
        State(
            "mig_devices_unknown",
            GPU,
            ERROR,
            HIDES_GPU,
            "MIG is on, and the MIG devices of the GPU could not be listed: nothing says which parts of it are there.",
            "List them by hand and read what it says: nvidia-smi -L.",
            "NVIDIA MIG user guide, on device enumeration",
            brief="has MIG on, and its MIG devices could not be listed",
        ),
        _mig_devices_unknown,
    ),
    Row(
        State(
            "mig_pending_change",
            GPU,
            WARNING,
            HIDES_NOTHING,
            "MIG is {mode} and becomes {pending} with the next reset of the GPU.",
            "Stop all processes on it and reset it (nvidia-smi -r -i {gpu}), or take the change back.",
            "NVIDIA MIG user guide, on enabling MIG mode",
            brief="waits for a reset to have MIG {pending}",
            consequence="After the reset the GPU has other devices, so that gpus: of an instance group may mean "
            "another one.",
        ),
        _mig_pending_change,
    ),
    Row(
        State(
            "mig_multi_instance_requested",
            CONTAINERS,
            ERROR,
            HIDES_NOTHING,
            "One server is given several MIG devices. With {driver} a process sees one MIG device and nothing beside "
            "it.",
            "Run one server for each MIG device, each with gpus: [0], or upgrade the driver to R570 or newer.",
            "NVIDIA MIG user guide, CUDA device enumeration",
            brief="one server is given several MIG devices, of which it sees one",
            consequence="Triton sees the first of these MIG devices. Groups with gpus: [1] do not load, and all other "
            "models share the first one.",
        ),
        _mig_multi_instance_requested,
    ),
    Row(
        State(
            "memory_insufficient",
            GPU,
            ERROR,
            HIDES_NOTHING,
            "The GPU has {size} GB of memory, less than the {wanted} GB (10^9 bytes) that are asked for.",
            "Take another GPU for these models, or ask for less.",
            "NVML: nvmlDeviceGetMemoryInfo, compared in bytes",
            brief="has {size} GB of memory instead of {wanted} GB",
            consequence="Triton uses the GPU nevertheless: a model that does not fit fails when it is loaded.",
        ),
        _memory_insufficient,
    ),
    Row(
        State(
            "compute_capability_insufficient",
            GPU,
            ERROR,
            HIDES_NOTHING,
            "The GPU has compute capability {found}, less than the {wanted} that is asked for.",
            "Take another GPU for these models, or ask for less.",
            "NVIDIA, developer.nvidia.com/cuda-gpus",
            brief="has compute capability {found} instead of {wanted}",
            consequence="Triton uses the GPU nevertheless if its release does: a model that was built for newer ones "
            "fails when it is loaded.",
        ),
        _compute_capability_insufficient,
    ),
    Row(
        State(
            "memory_busy",
            GPU,
            WARNING,
            HIDES_NOTHING,
            "The GPU has enough memory, but {size} GB of it are free, less than the {wanted} GB that are asked for.",
            "See which process holds it and stop it if it should not: nvidia-smi "
            "--query-compute-apps=pid,name,used_memory --format=csv.",
            "NVML: nvmlDeviceGetMemoryInfo",
            brief="has only {size} GB of free memory",
            consequence="Triton uses the GPU nevertheless: a model that does not fit beside the other process fails "
            "when it is loaded. Where that process is the server itself, all is well.",
        ),
        _memory_busy,
    ),
    Row(
        State(
            "persistence_off",
            GPU,
            INFO,
            HIDES_NOTHING,
            "Persistence is off: the driver leaves the GPU when its last process ends, and starts it anew for the "
            "next.",
            "Enable it at each start of the host: systemctl enable --now nvidia-persistenced.",
            "NVIDIA driver persistence documentation; NVIDIA DCGM: DCGM_FR_PERSISTENCE_MODE",
            dcgm=29,
            brief="has persistence off",
            consequence="The server starts more slowly, and settings such as the compute mode do not last.",
        ),
        _persistence_off,
    ),
)
