# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""How what is wrong with a GPU is told: the shape of a state, of its sighting, and of what they are told from."""

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
    """

    id: str
    scope: str
    severity: str
    hides: str
    explanation: str
    remedy: str
    source: str
    dcgm: Optional[int] = None


class Sighting(NamedTuple):
    """A state that was seen.

    Attributes:
        state: the id.
        seen: the evidence, verbatim, at most three lines.
        pci_address: of the GPU that it is about; empty for the host.
        values: for the placeholders in the state's explanation and remedy.
        severity: instead of the state's, where it depends on what was asked for.
    """

    state: str
    seen: Tuple[str, ...] = ()
    pci_address: str = ""
    values: Mapping[str, str] = {}
    severity: Optional[str] = None


class HostGpu(NamedTuple):
    """One GPU, with all that the sources say of it, joined by the PCI address.

    Attributes:
        index: its position among the GPUs that are present, in the order of the PCI addresses.
        pci, proc: what the PCI bus and the kernel module say, None where they do not know it.
        answer: what the driver says, NVML before nvidia-smi, field by field; None where it does not answer for it.
        complaints: what the driver says instead, verbatim.
    """

    index: int
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
