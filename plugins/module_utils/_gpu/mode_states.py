# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""States of GPUs that work, and are set up so that a server cannot use them, or not as it is meant."""

from __future__ import annotations

from typing import Iterator, List

from .gpu_entry import capability_of
from .signs import LOADS_NOTHING, answers, driver_version, first, for_driver, label
from .states import (
    ERROR,
    GPU,
    HIDES_ALL,
    HIDES_GPU,
    HIDES_NOTHING,
    HOST,
    INFO,
    WARNING,
    Host,
    Row,
    Sighting,
    State,
)


def _compute_prohibited(host: Host) -> Iterator[Sighting]:
    yield from _in_mode(host, "compute_prohibited", "prohibited")


def _compute_exclusive(host: Host) -> Iterator[Sighting]:
    # Under MPS one server has the GPU and shares it: this mode is what its manual asks for (NVIDIA, MPS documentation).
    if not host.evidence.services.mps:
        yield from _in_mode(host, "compute_exclusive", "exclusive_process")


def _in_mode(host: Host, state: str, mode: str) -> Iterator[Sighting]:
    for gpu in answers(host):
        if gpu.answer is not None and gpu.answer.compute_mode == mode:
            yield Sighting(state, (f"{label(gpu)}: compute mode {mode}",), gpu.pci_address, {"gpu": label(gpu)})


def _fabric_manager_down(host: Host) -> Iterator[Sighting]:
    services = host.evidence.services
    lines: List[str] = []
    states = {gpu.answer.fabric_state for gpu in answers(host) if gpu.answer is not None}
    for gpu in answers(host):
        if gpu.answer is not None and gpu.answer.fabric_state in ("not_started", "in_progress"):
            lines.append(f"{label(gpu)}: fabric state {gpu.answer.fabric_state.replace('_', ' ')}")
    switches = services.nvswitches and not services.fabric_manager and "completed" not in states and for_driver(host)
    if switches and not host.evidence.platform.in_container:
        lines.append(f"{services.nvswitches} NVSwitch on the PCI bus, nv-fabricmanager does not run")
    if host.evidence.cuda is not None and host.evidence.cuda.error == 802:
        lines.insert(0, f"cuInit: 802 {host.evidence.cuda.seen}".rstrip())
    if not lines:
        return
    version, own = driver_version(host), services.fabric_manager_version
    if own and version and own != version:
        lines.insert(0, f"nv-fabricmanager {own}, driver {version}")
    values = {"version": version or "of this host"}
    yield Sighting("fabric_manager_down", first(lines), values=values, remedy=_set_up(host))


_START = (
    "Install nvidia-fabricmanager in exactly the driver's version ({version}) and start it: "
    "systemctl enable --now nvidia-fabricmanager."
)
_READ_LOG = (
    "Give it a minute, then read why it does not get further: journalctl -u nvidia-fabricmanager. Its version has to "
    "be exactly the driver's ({version})."
)
_ELSEWHERE = (
    "No NVSwitch is on the PCI bus here. On an HGX of Blackwell, install and start nvidia-fabricmanager in exactly the "
    "driver's version ({version}); in a virtual machine or an NVL72 rack it runs elsewhere: have it set up these GPUs."
)


def _set_up(host: Host) -> str:
    """What to do, depending on who sets up the fabric."""
    services = host.evidence.services
    if host.evidence.platform.in_container:
        return f"On the host of this container: {_START}"
    if services.fabric_manager:
        return _READ_LOG
    return _START if services.nvswitches or "nvidia-fabricmanager" in services.installed else _ELSEWHERE


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
    if host.evidence.services.persistenced:
        return
    off = [gpu for gpu in answers(host) if gpu.answer is not None and gpu.answer.persistence_mode is False]
    lines = [f"{label(gpu)}: persistence mode off" for gpu in off]
    if len(off) > 1 and len(off) == len(list(answers(host))):
        yield Sighting("persistence_off", first(lines))
        return
    for gpu, line in zip(off, lines):
        yield Sighting("persistence_off", (line,), gpu.pci_address)


def _compute_capability_insufficient(host: Host) -> Iterator[Sighting]:
    wanted = host.wanted.minimum_compute_capability
    for gpu in answers(host):
        found, _source = capability_of(gpu)
        if wanted is not None and found is not None and found < wanted:
            values = {"found": "{}.{}".format(*found), "wanted": "{}.{}".format(*wanted)}
            seen = (f"{label(gpu)}: compute capability {values['found']}",)
            yield Sighting("compute_capability_insufficient", seen, gpu.pci_address, values)


MODE_STATES = (
    Row(
        State(
            "fabric_manager_down",
            HOST,
            ERROR,
            HIDES_ALL,
            "The GPUs of this host are connected by NVSwitches that the fabric manager has not set up. nvidia-smi "
            "looks well, and CUDA fails with error 802.",
            _START,
            "NVIDIA Fabric Manager user guide; CUDA: cudaErrorSystemNotReady (802); NVIDIA DCGM: "
            "DCGM_FR_CUDA_FM_NOT_INITIALIZED",
            dcgm=108,
            brief="the fabric manager has not set up NVLink",
            consequence=LOADS_NOTHING,
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
