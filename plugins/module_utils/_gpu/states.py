# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""How what is wrong with a GPU is told: the shape of a state, of its sighting, and of what it is told from."""

from __future__ import annotations

from typing import Callable, Iterator, Mapping, NamedTuple, Optional, Tuple

from .._placement.installation import CompatNote, ServerOptions
from .evidence import DeviceAnswer, Evidence, PciGpu, ProcGpu

ERROR, WARNING, INFO = "error", "warning", "info"
HOST, GPU, CONTAINERS = "host", "gpu", "container"

# What a state takes from Triton: every GPU of the host, the GPU it is about, or nothing.
HIDES_ALL, HIDES_GPU, HIDES_NOTHING = "all", "gpu", ""


class State(NamedTuple):
    """One thing that can be wrong, as data.

    Attributes:
        id: its stable name, ``gpu_lost``.
        scope: ``host``, ``gpu`` or ``container``.
        severity: ``error``, ``warning`` or ``info``.
        hides: what it takes from Triton, one of the names above.
        explanation: what it means, a sentence or two. ``{name}`` stands for a value of the sighting.
        remedy: one thing to do, in the imperative. Likewise.
        source: where the fact is from.
        dcgm: the number of NVIDIA DCGM's error for it (``DCGM_FR_...``), where there is one.
        brief: the explanation as a part of a sentence, for summaries: what the GPU is or does (``fell off the bus``)
            where the scope is a GPU, else a clause (``the NVIDIA driver is not installed``). Likewise.
        consequence: what Triton does because of it, where ``hides`` does not say that.
        explains: states that are no news where this one is seen: anywhere on the host, or, where it was seen of a GPU,
            of that GPU.
    """

    id: str
    scope: str
    severity: str
    hides: str
    explanation: str
    remedy: str
    source: str
    dcgm: Optional[int] = None
    brief: str = ""
    consequence: str = ""
    explains: Tuple[str, ...] = ()


class Sighting(NamedTuple):
    """A state that was seen.

    Attributes:
        state: the id.
        seen: the evidence, verbatim, at most three lines.
        pci_address: of the GPU that it is about; empty for the host.
        values: for the placeholders in the state's explanation and remedy.
        severity, hides, remedy, consequence: instead of the state's, where they depend on what else was seen or asked
            for; the texts have the same placeholders.
    """

    state: str
    seen: Tuple[str, ...] = ()
    pci_address: str = ""
    values: Mapping[str, str] = {}
    severity: Optional[str] = None
    hides: Optional[str] = None
    remedy: str = ""
    consequence: str = ""


class HostGpu(NamedTuple):
    """One GPU, with all that the sources say of it, joined by the PCI address.

    Attributes:
        index: its position among the GPUs that are present, in the order of the PCI addresses.
        pci, proc: what the PCI bus and the kernel module say, None where they do not know it.
        answer: what the driver says, NVML before nvidia-smi, field by field; None where it does not answer for it.
        complaints: what the driver says instead, verbatim.
    """

    index: int  # type: ignore[assignment]  # a method of tuples
    pci_address: str
    pci: Optional[PciGpu] = None
    proc: Optional[ProcGpu] = None
    answer: Optional[DeviceAnswer] = None
    complaints: Tuple[str, ...] = ()


class Wanted(NamedTuple):
    """What a task expects of a host. None where it does not say.

    Attributes:
        expected_count: how many GPUs it should have for Triton.
        minimum_memory_gb: total memory that each needs, in GB (10^9 bytes).
        minimum_compute_capability: that each needs.
        triton_release: ``YY.MM``, the release that should use them.
        min_supported_compute_capability: that server's option, which overrules its release.
        compat_note: what the compatibility package of that image or installation says of itself.
        logged: what that server's log says of it.
        cuda_visible_devices: that server's environment variable.
        containers: whether Triton runs in a container here.
    """

    expected_count: Optional[int] = None
    minimum_memory_gb: Optional[float] = None
    minimum_compute_capability: Optional[Tuple[int, int]] = None
    triton_release: Optional[str] = None
    min_supported_compute_capability: Optional[str] = None
    compat_note: Optional[CompatNote] = None
    logged: Optional[ServerOptions] = None
    cuda_visible_devices: Optional[str] = None
    containers: Optional[bool] = None


class Host(NamedTuple):
    """All that a detector may look at."""

    evidence: Evidence
    gpus: Tuple[HostGpu, ...]
    wanted: Wanted = Wanted()


Detector = Callable[[Host], Iterator[Sighting]]


class Row(NamedTuple):
    """A state, and what tells whether a host has it. `states_table` has all of them."""

    state: State
    detect: Detector


class Finding(NamedTuple):
    """A state that a host has, in words.

    Attributes:
        severity: of this finding; the state's own may be another.
        hides: what it takes from Triton, likewise.
        pci_address: of the GPU that it is about; empty for the host.
        where: ``GPU 0000:41:00.0 (NVIDIA A100-SXM4-80GB, GPU-5f...)`` or ``the host``.
        evidence: verbatim, at most three lines.
    """

    state: State
    severity: str
    hides: str
    pci_address: str
    where: str
    evidence: Tuple[str, ...]
    brief: str
    explanation: str
    consequence: str
    remedy: str


class DiagnosedGpu(NamedTuple):
    """A GPU and what became of it.

    Attributes:
        usable: whether a process on this host can use it, or its MIG devices, with CUDA.
        reason: why it cannot, as a part of a sentence; empty where it can.
        health: the severity of the worst finding about it, else ``ok``.
        states: the findings about it, worst first.
    """

    gpu: HostGpu
    usable: bool
    reason: str
    health: str
    states: Tuple[str, ...]


class Diagnosis(NamedTuple):
    """What is to be said of a host.

    Attributes:
        gpus: in the order of the PCI addresses.
        findings: errors first, then warnings, then information; of each first those that take GPUs from Triton, in the
            order of the table.
        state, severity: of the first finding; ``ok`` where there is none.
        summary: all in one line: how many GPUs are usable, which is not, why, and what to do.
    """

    host: Host
    gpus: Tuple[DiagnosedGpu, ...]
    findings: Tuple[Finding, ...]
    state: str
    severity: str
    summary: str
