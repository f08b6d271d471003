# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""States of GPUs that are split: MIG without devices, before a change, or with more than one process sees."""

from __future__ import annotations

from typing import Iterator, Mapping, Optional

from .signs import answers, asked, branch, driver_version, first, label
from .states import CONTAINERS, ERROR, GPU, HIDES_GPU, HIDES_NOTHING, WARNING, Host, HostGpu, Row, Sighting, State

# The first driver with which a process sees several MIG devices (NVIDIA MIG user guide, CUDA device enumeration).
_SEVERAL_MIG_DEVICES = 570


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


MIG_STATES = (
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
)
