# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""A diagnosis for people: what, where, what was seen, why it matters here, what to do."""

from __future__ import annotations

from typing import Dict, List, Sequence, Tuple

from .states import Diagnosis, Finding

# Findings whose cause stands in the kernel's log.
_CAUSE_IN_LOG = frozenset(
    [
        "gpu_not_bound",
        "module_blocked_secure_boot",
        "module_not_loaded",
        "probe_timeout",
        "gpu_lost",
        "gpu_init_failed",
        "gpu_unknown_fault",
        "cuda_init_failed",
        "driver_error",
    ]
)


def report_lines(diagnosis: Diagnosis) -> List[str]:
    """The lines of the report: the summary, and a paragraph for each state, with all GPUs that have it."""
    lines = [diagnosis.summary]
    for same in _by_text(diagnosis.findings):
        lines += ["", f"{same[0].severity}: {same[0].state.id}"]
        lines += [f"  where:   {finding.where}" for finding in same]
        lines += [f"  seen:    {line}" for finding in same for line in finding.evidence]
        lines += [f"  meaning: {same[0].explanation}", f"  Triton:  {same[0].consequence}"]
        lines += [f"  do this: {remedy}" for remedy in dict.fromkeys(finding.remedy for finding in same)]
    return lines


def _by_text(findings: Sequence[Finding]) -> List[List[Finding]]:
    """What says the same of several GPUs, together."""
    groups: Dict[Tuple[str, ...], List[Finding]] = {}
    for one in findings:
        groups.setdefault((one.state.id, one.severity, one.explanation, one.consequence), []).append(one)
    return list(groups.values())


def _elsewhere(user: str) -> str:
    return "read it on the host itself" if user == "root" else "run the task as root"


def diagnosis_warnings(diagnosis: Diagnosis) -> List[str]:
    """What could not be seen, as far as it matters for this host."""
    evidence = diagnosis.host.evidence
    warnings = list(evidence.warnings)
    unexplained = _CAUSE_IN_LOG & {finding.state.id for finding in diagnosis.findings}
    if unexplained and not evidence.log_read:
        warnings.append(
            f"The kernel's log cannot be read by the user {evidence.user or 'of this task'}. It may have the cause of "
            f"{', '.join(sorted(unexplained))}: {_elsewhere(evidence.user)}."
        )
    if diagnosis.host.wanted.containers:
        warnings += evidence.containers.problems
    return warnings
