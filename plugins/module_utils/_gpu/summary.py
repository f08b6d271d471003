# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""A diagnosis in one line, for whoever reads why a rollout stopped: how many GPUs, which not, why, what to do."""

from __future__ import annotations

from typing import List, Sequence

from .signs import name_of
from .states import ERROR, GPU, INFO, DiagnosedGpu, Finding


def summary_of(gpus: Sequence[DiagnosedGpu], findings: Sequence[Finding]) -> str:
    """``1 of 2 GPUs is usable: GPU 0000:41:00.0 (Tesla T4) fell off the bus. Drain this host and restart it.``"""
    numbers = _numbers(gpus)
    usable = sum(gpu.usable for gpu in gpus)
    if not findings or (gpus and findings[0].severity == INFO):
        return f"{numbers}."
    head = findings[0]
    same = [finding for finding in findings if finding.state.id == head.state.id and finding.pci_address]
    joint = ":" if usable < len(gpus) or not gpus else ", but"
    todo = f" {head.remedy}" if head.severity != INFO else ""
    return f"{numbers}{joint} {_subject(head, same, gpus)}{head.brief}.{todo}{_further(findings)}"


def _numbers(gpus: Sequence[DiagnosedGpu]) -> str:
    usable = sum(gpu.usable for gpu in gpus)
    if not gpus:
        return "No GPU is usable"
    if len(gpus) == 1:
        return "The only GPU is usable" if usable else "The only GPU is not usable"
    if not usable:
        return f"None of {len(gpus)} GPUs is usable"
    return f"{usable} of {len(gpus)} GPUs {'is' if usable == 1 else 'are'} usable"


def _subject(head: Finding, same: Sequence[Finding], gpus: Sequence[DiagnosedGpu]) -> str:
    """Of which GPUs it is told; nothing where it is the host."""
    if not head.pci_address and head.state.scope != GPU:
        return ""
    names = {gpu.gpu.pci_address: name_of(gpu.gpu) for gpu in gpus}
    name = names.get(head.pci_address, "")
    others = [finding.pci_address for finding in same if finding.pci_address != head.pci_address]
    likewise = f", like {_listed(others)}," if others else ""
    which = f"GPU {head.pci_address}{f' ({name})' if name else ''}{likewise}" if head.pci_address else "the GPU"
    return f"{which} " if head.state.scope == GPU else f"{which}: "


def _listed(names: List[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _further(findings: Sequence[Finding]) -> str:
    """The other errors, by their names."""
    ids = dict.fromkeys(finding.state.id for finding in findings if finding.severity == ERROR)
    others = [state for state in ids if state != findings[0].state.id]
    return f" Further errors: {', '.join(others)}." if others else ""
