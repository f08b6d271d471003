# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What a run of the policy found, and what it says of it."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from .._policy import decision
from .._policy.match import QueryError
from .._policy.rules import Policy
from .._policy.waivers import Waiver
from .baseline import KNOWABLE, Baseline
from .discovery import Ignored, without_models
from .planning import Edit, Plan
from .results import diff, printable

_MOST_NAMED = 10  # files in one warning


class Outcome(NamedTuple):
    """What a run found, and what it wrote or would write.

    Attributes:
        paths: the repositories.
        blocked_by: the plans because of which nothing may be written, empty where writing is fine.
        waivers: those of the policy and what became of them, as a module returns it.
        baseline: the known violations, None where the task names no baseline.
        backup_id: names what was kept of the changed files, None where nothing was.
        notes: further warnings, of the policy or of a backup.
    """

    paths: Sequence[str]
    plans: List[Plan]
    ignored: List[Ignored]
    blocked_by: List[Plan]
    waivers: List[Dict[str, Any]]
    baseline: Optional[Baseline] = None
    backup_id: Any = None
    notes: Sequence[str] = ()

    def model_edits(self) -> Dict[str, Edit]:
        """What is to be written of the models, by path; nothing at all where a plan stands against it."""
        return {} if self.blocked_by else {plan.config.path: plan.edit for plan in self.plans if plan.edit is not None}

    def baseline_edit(self) -> Dict[str, Edit]:
        """The same of the baseline."""
        if self.baseline is None or self.baseline.edit is None or self.blocked_by:
            return {}
        return {self.baseline.path: self.baseline.edit}

    def edits(self) -> Dict[str, Edit]:
        """What is to be written, by path."""
        return {**self.model_edits(), **self.baseline_edit()}

    def warnings(self) -> List[str]:
        """What somebody should look at although the run goes on."""
        told = (decision.INCOMPATIBLE, decision.TEMPLATE) + (() if self.blocked_by else (decision.INVALID,))
        texts = [*self.notes, *(f"{item.path}: {item.reason}" for item in self.ignored if item.harmful)]
        alarming = [plan for plan in self.plans if plan.decision.status in told and not plan.known]
        texts += [plan.problem() for plan in alarming]
        empty = set(self.paths) - {plan.model.repository for plan in self.plans}
        texts += map(without_models, sorted(empty))
        texts += self._found(
            decision.VIOLATION, "against the policy", "Each reason says what is missing; a waiver lets a model be."
        )
        texts += self._found(decision.UNMATCHED, "matched by no rule", "Add a rule for the rest, or a preset.")
        texts += [f"{item['place']}: {item['explanation']}" for item in self.waivers if item["state"] in _TOLD]
        return [printable(text) for text in texts]

    def _found(self, status: str, what: str, advice: str) -> List[str]:
        """One warning for all that has this status, an empty list where nothing has."""
        plans = [plan for plan in self.plans if plan.decision.status == status and not plan.known]
        if not plans:
            return []
        lines = [f"{_configurations(len(plans))} {'is' if len(plans) == 1 else 'are'} {what}. {advice}"]
        lines += [f"{plan.config.path}: {plan.decision.reason}" for plan in plans[:_MOST_NAMED]]
        if len(plans) > _MOST_NAMED:
            lines.append(f"and {len(plans) - _MOST_NAMED} more, which the result lists")
        return ["\n".join(lines)]

    def failure(self) -> str:
        """Why nothing was written."""
        broken = [plan for plan in self.blocked_by if plan.decision.status == decision.INVALID]
        others = [plan for plan in self.blocked_by if plan.decision.status != decision.INVALID]
        texts = []
        if broken:
            texts.append(f"{_configurations(len(broken))} cannot be planned, so nothing was changed:")
            texts += [plan.problem() for plan in broken]
            texts.append("Correct the files, or set on_error: continue to write the other models all the same.")
        if others:
            texts.append(f"{_configurations(len(others))} failed the task (fail_on), so nothing was changed:")
            texts += [f"{plan.config.path}: {plan.decision.status}: {plan.decision.reason}" for plan in others]
            texts.append("Correct the files, waive the models, or have a baseline know of what is wrong today.")
        return str(printable("\n".join(texts)))

    def as_result(self) -> Dict[str, Any]:
        """As a module returns it, but for the diff. Where the task fails, the models are those because of which."""
        counts = dict.fromkeys(decision.STATUSES, 0)
        for plan in self.plans:
            counts[plan.decision.status] += 1
        return {
            "changed": bool(self.edits()),
            "models": [plan.as_result() for plan in self.blocked_by or self.plans],
            "counts": counts,
            "ignored": [printable({"path": item.path, "reason": item.reason}) for item in self.ignored],
            "waivers": printable(self.waivers),
            "baseline": self._baseline(),
            "backup_id": self.backup_id,
        }

    def diff(self) -> List[Dict[str, str]]:
        """Each changed file before and after, for Ansible's diff mode."""
        return [diff(path, *edit) for path, edit in self.edits().items()]

    def _baseline(self) -> Optional[Dict[str, Any]]:
        if self.baseline is None:
            return None
        known = sum(plan.known for plan in self.plans)
        new = sum(plan.decision.status in KNOWABLE and not plan.known for plan in self.plans)
        return {"path": self.baseline.path, "known": known, "new": new, "fixed": self.baseline.fixed}


_TOLD = ("expired", "stale")
_UNKNOWN = (decision.INVALID, decision.TEMPLATE)


def report_waivers(policy: Policy, plans: Sequence[Plan], today: Any) -> List[Dict[str, Any]]:
    """What became of each waiver of a policy, and of those that stand in files."""
    reports = []
    for waiver in policy.waivers:
        fitting = [plan for plan in plans if _fits(waiver, plan)]
        reports.append(_report(waiver, fitting, [plan for plan in fitting if plan.decision.waiver == waiver], today))
    for plan in plans:
        waiver_in_file = plan.decision.waiver
        if waiver_in_file is not None and waiver_in_file.match is None:
            place = f"{plan.read_from or plan.config.path}, {waiver_in_file.place}"
            reports.append(_report(waiver_in_file._replace(place=place), [plan], [plan], today))
    return reports


def _fits(waiver: Waiver, plan: Plan) -> bool:
    try:
        return waiver.match is not None and waiver.match.fits(plan.subject)
    except QueryError:  # on a model that needs no waiver: where one needs it, the run has failed by now
        return False


def _report(waiver: Waiver, fitting: Sequence[Plan], needing: Sequence[Plan], today: Any) -> Dict[str, Any]:
    state, explanation = "active", f"{len(needing)} waived"
    if not fitting:
        state, explanation = "stale", "this waiver matches no model. Remove it, or correct its selectors."
    elif not needing and any(plan.decision.status in _UNKNOWN for plan in fitting):
        explanation = "nothing waived yet: the policy cannot be held against all of its models"
    elif not needing:
        state = "unneeded"
        explanation = "no model needs this waiver: each is as the policy wants it, or has another one. Remove it."
    elif waiver.has_expired(today):
        state = "expired"
        explanation = f"this waiver expired on {waiver.expires}. Renew it, or remove it to have the policy enforced."
    return {
        "place": waiver.place,
        "reason": waiver.reason,
        "expires": waiver.expires.isoformat() if waiver.expires else None,
        "state": state,
        "explanation": explanation,
        "models": sorted({plan.model.name for plan in needing}),
    }


def _configurations(count: int) -> str:
    return "One configuration" if count == 1 else f"{count} configurations"
