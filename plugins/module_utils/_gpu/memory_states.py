# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""States of the memory of GPUs: damaged, too little, or in use."""

from __future__ import annotations

from typing import Iterator, Mapping, Optional, Tuple

from .signs import answers, first, label
from .states import ERROR, GPU, HIDES_NOTHING, INFO, WARNING, Host, HostGpu, Row, Sighting, State

_MEMORY_ERRORS = "NVIDIA GPU memory error management: row remapping, page retirement"


def _row_remap_failure(host: Host) -> Iterator[Sighting]:
    for gpu in answers(host):
        if gpu.answer is not None and gpu.answer.remap_failure:
            yield Sighting("row_remap_failure", (f"{label(gpu)}: remapping of rows failed",), gpu.pci_address)


def _gpu_drain_recommended(host: Host) -> Iterator[Sighting]:
    for gpu in answers(host):
        answer, lines = gpu.answer, []
        if answer is not None and answer.recovery_action in ("drain_p2p", "drain_and_reset"):
            lines.append(f"{label(gpu)}: recovery action {answer.recovery_action.replace('_', ' ')}")
        if answer is not None and answer.remap_pending:
            lines.append(f"{label(gpu)}: remapped rows pending")
        if lines:
            yield Sighting("gpu_drain_recommended", first(lines), gpu.pci_address, {"gpu": label(gpu)})


def _retired_pages_pending(host: Host) -> Iterator[Sighting]:
    for gpu in answers(host):
        if gpu.answer is not None and gpu.answer.retired_pages_pending:
            seen = (f"{label(gpu)}: retired pages pending",)
            yield Sighting("retired_pages_pending", seen, gpu.pci_address, {"gpu": label(gpu)})


def _ecc_uncorrected(host: Host) -> Iterator[Sighting]:
    for gpu in answers(host):
        errors = gpu.answer.ecc_uncorrected if gpu.answer is not None else None
        if errors:
            seen = (f"{label(gpu)}: {errors} uncorrected ECC errors",)
            yield Sighting("ecc_uncorrected", seen, gpu.pci_address, {"errors": str(errors)})


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


def _memory_busy(host: Host) -> Iterator[Sighting]:
    wanted = host.wanted.minimum_memory_gb
    for gpu in answers(host):
        total, free = _memories(host, gpu)
        if free is not None and _less(free, wanted) and not (total is not None and _less(total, wanted)):
            seen = (f"{label(gpu)}: {free} MiB free of {total if total is not None else '?'} MiB",)
            severity = INFO if _serves(host, gpu) else None
            yield Sighting("memory_busy", seen, gpu.pci_address, _sizes(host, free), severity)


def _serves(host: Host, gpu: HostGpu) -> bool:
    """Whether a Triton server has the GPU open: then it is most likely what holds the memory."""
    minors = [known.minor for known in (gpu.answer, gpu.proc) if known is not None and known.minor is not None]
    node = f"nvidia{minors[0]}" if minors else ""
    return any(node in (server.device_nodes or ()) for server in host.evidence.servers)


def _less(mib: int, wanted_gb: Optional[float]) -> bool:
    """An "80 GB" card has less than 80 GiB (H100: 81559 MiB), so that GB is what it says: 10^9 bytes."""
    return bool(wanted_gb) and mib * 2**20 < (wanted_gb or 0) * 10**9


def _sizes(host: Host, mib: int) -> Mapping[str, str]:
    return {"size": f"{mib * 2**20 / 10**9:.1f}", "wanted": f"{host.wanted.minimum_memory_gb:g}"}


MEMORY_STATES = (
    Row(
        State(
            "row_remap_failure",
            GPU,
            ERROR,
            HIDES_NOTHING,
            "The GPU has a memory row that could not be replaced: its spare rows are used up.",
            "Take it out of service, run NVIDIA's field diagnostics, and have it exchanged.",
            f"{_MEMORY_ERRORS}; NVIDIA DCGM: DCGM_FR_ROW_REMAP_FAILURE",
            dcgm=80,
            brief="has defective memory",
            consequence="Triton uses the GPU nevertheless: models on it may fail with memory errors, which end the "
            "server.",
            explains=("ecc_uncorrected", "gpu_drain_recommended"),
        ),
        _row_remap_failure,
    ),
    Row(
        State(
            "gpu_drain_recommended",
            GPU,
            WARNING,
            HIDES_NOTHING,
            "The GPU works with less than it has: a memory row waits for its replacement, or the driver asks for a "
            "reset once the work on it is done.",
            "Give it no new work, and reset it in a maintenance window: nvidia-smi -r -i {gpu}.",
            f"{_MEMORY_ERRORS}; NVIDIA DCGM: dcgm_errors.h, and DCGM_FR_PENDING_ROW_REMAP (85)",
            dcgm=128,
            brief="should be reset once it is idle",
            consequence="Triton uses the GPU as before.",
            explains=("ecc_uncorrected",),
        ),
        _gpu_drain_recommended,
    ),
    Row(
        State(
            "retired_pages_pending",
            GPU,
            WARNING,
            HIDES_NOTHING,
            "Memory pages with errors will be retired at the next start of the driver, and are in use until then.",
            "Reset the GPU in a maintenance window (nvidia-smi -r -i {gpu}), or restart the host.",
            f"{_MEMORY_ERRORS}; NVIDIA DCGM: DCGM_FR_PENDING_PAGE_RETIREMENTS",
            dcgm=6,
            brief="has memory pages that wait for their retirement",
            consequence="Triton uses the GPU as before. A model on such a page may fail.",
            explains=("ecc_uncorrected",),
        ),
        _retired_pages_pending,
    ),
    Row(
        State(
            "ecc_uncorrected",
            GPU,
            WARNING,
            HIDES_NOTHING,
            "The GPU has met {errors} memory errors that it could not correct since the driver was loaded.",
            "Watch the number. Where it grows, reset the GPU, and have it exchanged if that does not end it.",
            f"{_MEMORY_ERRORS}; NVIDIA DCGM: DCGM_FR_VOLATILE_DBE_DETECTED",
            dcgm=4,
            brief="has met {errors} uncorrected memory errors",
            consequence="Triton uses the GPU as before. Each such error ends the processes that were using the memory.",
        ),
        _ecc_uncorrected,
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
)
