# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""From what was seen of a host to what is to be said of it."""

from __future__ import annotations

from typing import List, Sequence

from .evidence import Evidence
from .gpu_list import join
from .signs import label, name_of, uuid_of
from .states import (
    ERROR,
    GPU,
    HIDES_ALL,
    HIDES_GPU,
    HIDES_NOTHING,
    INFO,
    WARNING,
    DiagnosedGpu,
    Diagnosis,
    Finding,
    Host,
    HostGpu,
    Sighting,
    Wanted,
)
from .states_table import STATES, TABLE
from .summary import summary_of

OK = "ok"
_RANK = {ERROR: 0, WARNING: 1, INFO: 2}
_EVIDENCE_LINES = 3
_NOT_ASKED_FOR = Wanted()

# What Triton makes of it (triton core: src/cuda_utils.cc, GetSupportedGPUs; src/model_config_utils.cc).
_SEES_NONE = (
    "Triton sees no GPU on this host: models without an explicit instance_group run on the CPU without a log line, "
    "those with KIND_GPU do not load."
)
_SEES_FEWER = (
    "Triton does not see this GPU, and the server numbers the remaining GPUs anew, so that gpus: [1] may be another "
    "card. A group with a number that is gone does not load, or, without a kind, runs on the CPU."
)
_SEES_ALL = "Triton uses its GPUs as before."


def diagnose(evidence: Evidence, wanted: Wanted = _NOT_ASKED_FOR) -> Diagnosis:
    """What is wrong with a host's GPUs, each cause once, and which of them a server can use.

    Args:
        evidence: what the probes saw.
        wanted: what is expected of the host.

    Raises:
        ConfigError: what is wanted is no release of Triton, or no compute capability.
    """
    host = Host(evidence, join(evidence), wanted)
    sightings = _root_causes([sighting for row in TABLE for sighting in row.detect(host)])
    sightings += _unexplained(host, sightings)
    gpus_left = any(not _hidden(gpu, sightings) for gpu in host.gpus)
    found = [_finding(host, sighting, gpus_left) for sighting in sightings]
    findings = tuple(sorted(found, key=lambda finding: (_RANK[finding.severity], not finding.hides)))
    gpus = tuple(_diagnosed(gpu, findings) for gpu in host.gpus)
    state, severity = (findings[0].state.id, findings[0].severity) if findings else (OK, OK)
    return Diagnosis(host, gpus, findings, state, severity, summary_of(gpus, findings))


def _root_causes(sightings: Sequence[Sighting]) -> List[Sighting]:
    """Without those that another one explains, which stands before them in the table."""
    kept: List[Sighting] = []
    for sighting in sightings:
        if not any(_explains(cause, sighting) for cause in kept):
            kept.append(sighting)
    return kept


def _explains(cause: Sighting, other: Sighting) -> bool:
    state = STATES[cause.state]
    about = not cause.pci_address and state.scope != GPU
    toned_down = cause.hides == HIDES_NOTHING != state.hides
    return other.state in state.explains and (about or cause.pci_address == other.pci_address) and not toned_down


def _unexplained(host: Host, sightings: Sequence[Sighting]) -> List[Sighting]:
    """GPUs without an answer of the driver that nothing speaks of: there is no silence about a GPU."""
    return [
        Sighting("gpu_unknown_fault", (f"{label(gpu)}: no answer",), gpu.pci_address, {"said": "no answer"})
        for gpu in host.gpus
        if not _works(host, gpu) and not _hidden(gpu, sightings)
    ]


def _works(host: Host, gpu: HostGpu) -> bool:
    """Whether the driver answers for it, or CUDA has it."""
    cuda = host.evidence.cuda
    by_cuda = cuda is not None and cuda.error == 0 and bool(gpu.pci_address) and gpu.pci_address in cuda.addresses
    return gpu.answer is not None or by_cuda


def _hidden(gpu: HostGpu, sightings: Sequence[Sighting]) -> bool:
    return any(_hides(sighting.pci_address, _taken(sighting), gpu) for sighting in sightings)


def _taken(sighting: Sighting) -> str:
    return STATES[sighting.state].hides if sighting.hides is None else sighting.hides


def _hides(address: str, hides: str, gpu: HostGpu) -> bool:
    return hides == HIDES_ALL or (hides == HIDES_GPU and address == gpu.pci_address)


def _finding(host: Host, sighting: Sighting, gpus_left: bool) -> Finding:
    state, hides = STATES[sighting.state], _taken(sighting)
    values = {name: " ".join(value.split()) for name, value in sighting.values.items()}
    consequence = (sighting.consequence or state.consequence).format_map(values)
    if not consequence:
        consequence = _SEES_ALL if not hides else _SEES_FEWER if hides == HIDES_GPU and gpus_left else _SEES_NONE
    return Finding(
        state,
        sighting.severity or state.severity,
        hides,
        sighting.pci_address,
        _where(host, sighting),
        tuple(sighting.seen[:_EVIDENCE_LINES]),
        state.brief.format_map(values),
        state.explanation.format_map(values),
        consequence,
        (sighting.remedy or state.remedy).format_map(values),
    )


def _where(host: Host, sighting: Sighting) -> str:
    of_gpu = bool(sighting.pci_address) or STATES[sighting.state].scope == GPU
    found = [gpu for gpu in host.gpus if gpu.pci_address == sighting.pci_address] if of_gpu else []
    if not found:
        return "the host"
    known = ", ".join(filter(None, (name_of(found[0]), uuid_of(found[0]))))
    return f"GPU {found[0].pci_address or found[0].index}{f' ({known})' if known else ''}"


def _diagnosed(gpu: HostGpu, findings: Sequence[Finding]) -> DiagnosedGpu:
    about = [
        finding
        for finding in findings
        if (finding.pci_address or finding.state.scope == GPU) and finding.pci_address == gpu.pci_address
    ]
    hiding = [finding for finding in findings if _hides(finding.pci_address, finding.hides, gpu)]
    reason = _reason(hiding[0]) if hiding else ""
    health = about[0].severity if about else OK
    return DiagnosedGpu(gpu, not hiding, reason, health, tuple(dict.fromkeys(one.state.id for one in about)))


def _reason(finding: Finding) -> str:
    seen = f" ({finding.evidence[0]})" if finding.evidence else ""
    return f"it {finding.brief}{seen}" if finding.state.scope == GPU else f"{finding.brief}{seen}"
