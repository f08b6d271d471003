# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The policy over whole repositories: everything is planned before anything is written."""

from __future__ import annotations

import os
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Set

from .._model_config import change
from .._model_config.backend import Backend, derive
from .._model_config.backend_kinds import ModelFacts
from .._model_config.findings import Finding
from .._model_config.reload_impact import FULL_RELOAD, NONE
from .._model_config.second_opinion import DisagreementError
from .._policy import decision
from .._policy.rules import Policy
from . import transaction
from .backup import Replacement
from .discovery import ConfigFile, Ignored, ModelDirectory, RepositoryError, list_models, repository_of
from .files import FileError, read_file
from .lock import locked
from .results import diff, printable

_UNKNOWN_BACKEND = (
    "no configuration, and no file in its first version directory that tells the backend: Triton would not load it"
)


_MOST_NAMED = 10  # files in one warning


class Plan(NamedTuple):
    """What is to become of one configuration of one model.

    Attributes:
        text: the file as it was read, None where there is none.
        new_text: the file as it is to be written, None where it is to be left alone.
        findings: what is wrong with the file, for the status ``invalid``.
    """

    model: ModelDirectory
    config: ConfigFile
    backend: Backend
    decision: decision.Decision
    reload_impact: str
    text: Optional[bytes]
    new_text: Optional[bytes] = None
    findings: Sequence[Finding] = ()

    def problem(self) -> str:
        """Why the model could not be planned, with the place in the file."""
        if self.findings:
            return "\n".join(finding.show(self.config.path) for finding in self.findings)
        reason = self.decision.reason
        return reason if reason.startswith(self.model.path) else f"{self.config.path}: {reason}"

    def is_broken_ensemble(self) -> bool:
        """Whether this is an ensemble with an instance group, which Triton refuses."""
        return self.decision.status == decision.EXEMPT and bool(self.decision.before)

    def as_result(self) -> Dict[str, Any]:
        """As a module returns it."""
        rule = self.decision.rule
        result = {
            "repository": self.model.repository,
            "model": self.model.name,
            "config_name": self.config.config_name,
            "file": self.config.path,
            "backend": self.backend.backend,
            "platform": self.backend.platform,
            "status": self.decision.status,
            "rule": rule.name if rule else None,
            "level": rule.level if rule else None,
            "mode": rule.mode if rule else None,
            "before": self.decision.before,
            "after": self.decision.after,
            "reload_impact": self.reload_impact,
            "reason": self.decision.reason,
            "findings": [finding.as_result(self.config.path) for finding in self.findings],
        }
        return dict(printable(result))


class Outcome(NamedTuple):
    """What a run found, and what it wrote or would write.

    Attributes:
        paths: the repositories.
        blocked_by: the plans because of which nothing may be written, empty where writing is fine.
    """

    paths: Set[str]
    plans: List[Plan]
    ignored: List[Ignored]
    blocked_by: List[Plan]

    def changed(self) -> List[Plan]:
        return [] if self.blocked_by else [plan for plan in self.plans if plan.new_text is not None]

    def warnings(self) -> List[str]:
        """What somebody should look at although the run goes on."""
        told = (decision.INCOMPATIBLE, decision.TEMPLATE) + (() if self.blocked_by else (decision.INVALID,))
        texts = [f"{item.path}: {item.reason}" for item in self.ignored if item.harmful]
        alarming = [plan for plan in self.plans if plan.decision.status in told or plan.is_broken_ensemble()]
        texts += [plan.problem() for plan in alarming]
        empty = self.paths - {plan.model.repository for plan in self.plans}
        texts += [f"{path}: there is no model in here. Is this the model repository?" for path in sorted(empty)]
        for status, what in ((decision.VIOLATION, "Against the policy"), (decision.UNMATCHED, "No rule matches")):
            files = [plan.config.path for plan in self.plans if plan.decision.status == status]
            if files:
                more = f" and {len(files) - _MOST_NAMED} more" if len(files) > _MOST_NAMED else ""
                texts.append(f"{what}: {', '.join(files[:_MOST_NAMED])}{more}")
        return [printable(text) for text in texts]

    def failure(self) -> str:
        """Why nothing was written."""
        problems = "\n".join(plan.problem() for plan in self.blocked_by)
        count = len(self.blocked_by)
        files = "One configuration" if count == 1 else f"{count} configurations"
        advice = "Correct the files, or set on_error: continue to write the other models all the same."
        return str(printable(f"{files} cannot be planned, so nothing was changed:\n{problems}\n{advice}"))

    def as_result(self) -> Dict[str, Any]:
        """As a module returns it, but for the diff."""
        counts = dict.fromkeys(decision.STATUSES, 0)
        for plan in self.plans:
            counts[plan.decision.status] += 1
        return {
            "changed": bool(self.changed()),
            "models": [plan.as_result() for plan in self.plans],
            "counts": counts,
            "ignored": [printable({"path": item.path, "reason": item.reason}) for item in self.ignored],
        }

    def diff(self) -> List[Dict[str, str]]:
        """Each changed file before and after, for Ansible's diff mode."""
        return [diff(plan.config.path, plan.text, plan.new_text) for plan in self.changed()]


def enforce(repositories: Sequence[str], policy: Policy, keep_going: bool, dry_run: bool) -> Outcome:
    """Hold every model of the repositories against the policy, and write what it changes.

    Args:
        repositories: their paths. One that is given twice is looked at once.
        keep_going: whether the other models are written where some cannot be planned.
        dry_run: plan only.

    Raises:
        RepositoryError: a repository cannot be read, or none was given.
        FileError: a file could not be written. All files are as they were.
    """
    if not repositories:
        raise RepositoryError("repositories: the list is empty. Give the path of at least one model repository.")
    paths = list(dict.fromkeys(os.path.abspath(repository) for repository in repositories))
    if dry_run:
        return _plan_all(paths, policy, keep_going)
    configs = [config.path for path in paths for model in list_models(path).models for config in model.configs]
    # Links lead to files that other runs may reach from the repository they are in.
    with locked([*paths, *(repository_of(os.path.realpath(config)) for config in configs)]):
        outcome = _plan_all(paths, policy, keep_going)
        _write(outcome.changed())
    return outcome


def _plan_all(paths: Sequence[str], policy: Policy, keep_going: bool) -> Outcome:
    plans: List[Plan] = []
    ignored: List[Ignored] = []
    for path in paths:
        listing = list_models(path)
        ignored += listing.ignored
        for model in listing.models:
            for config in model.configs:
                plan = _plan(model, config, policy)
                if config.exists or plan.backend.backend or plan.decision.status == decision.INVALID:
                    plans.append(plan)
                else:
                    ignored.append(Ignored(model.path, _UNKNOWN_BACKEND))
    plans = _settle_shared_files(plans)
    invalid = [plan for plan in plans if plan.decision.status == decision.INVALID]
    return Outcome(set(paths), plans, ignored, [] if keep_going else invalid)


def _plan(model: ModelDirectory, config: ConfigFile, policy: Policy) -> Plan:
    if model.problem:
        return _plan_failed(model, config, model.problem)
    try:
        text = read_file(config.path)
    except FileError as error:
        return _plan_failed(model, config, str(error))
    try:
        parsed = change.parse(text or b"")
    except change.InvalidConfigError as error:
        return _plan_broken(model, config, text, error)
    try:
        files = [] if parsed.data.get("platform") else model.files()
    except RepositoryError as error:
        return _plan_failed(model, config, str(error))
    backend = derive(parsed.data, model.name, files)
    facts = ModelFacts(parsed.data, model.world_size() if backend.backend == "vllm" else None)
    decided = decision.decide(policy, model.name, backend, facts)
    if decided.status not in (decision.CHANGED, decision.VIOLATION):
        return Plan(model, config, backend, decided, NONE, text)
    try:
        planned = change.set_field(parsed, "instance_group", decided.after)
    except DisagreementError as error:
        return _plan_failed(model, config, str(error))
    impact = planned.reload_impact
    if config.config_name is None and len(model.configs) > 1:
        # A server that was started with --model-config-name reads another file and sees a changed model directory.
        impact = FULL_RELOAD
    return Plan(
        model, config, backend, decided, impact, text, planned.text if decided.status == decision.CHANGED else None
    )


def _plan_failed(model: ModelDirectory, config: ConfigFile, reason: str) -> Plan:
    if reason.startswith(f"{config.path}: "):
        reason = reason[len(config.path) + 2 :]
    failed = decision.Decision(decision.INVALID, None, [], [], reason)
    return Plan(model, config, Backend("", ""), failed, NONE, None)


def _plan_broken(
    model: ModelDirectory, config: ConfigFile, text: Optional[bytes], error: change.InvalidConfigError
) -> Plan:
    first = error.findings[0]
    if error.placeholder:
        what = f"line {first.line} holds the placeholder {error.placeholder}"
        reason = f"{what}: fill in the template before the policy can apply"
        decided = decision.Decision(decision.TEMPLATE, None, [], [], reason)
        return Plan(model, config, Backend("", ""), decided, NONE, text)
    reason = f"line {first.line}: {first.message}" if first.line else first.message
    decided = decision.Decision(decision.INVALID, None, [], [], reason)
    return Plan(model, config, Backend("", ""), decided, NONE, text, findings=error.findings)


def _settle_shared_files(plans: Sequence[Plan]) -> List[Plan]:
    """One write for a file that several models lead to through links, and none if they want different things."""
    if all(plan.new_text is None for plan in plans):
        return list(plans)
    settled: List[Plan] = []
    first: Dict[str, Plan] = {}
    for plan in plans:
        earlier = first.setdefault(os.path.realpath(plan.config.path), plan)
        if earlier is plan or plan.new_text == earlier.new_text:
            again = earlier is not plan and plan.new_text is not None
            settled.append(plan._replace(new_text=None) if again else plan)
            continue
        reason = f"{earlier.config.path} is the same file through a link, and the policy wants something else for it"
        failed = decision.Decision(
            decision.INVALID, plan.decision.rule, plan.decision.before, plan.decision.before, reason
        )
        settled.append(plan._replace(decision=failed, reload_impact=NONE, new_text=None))
    return settled


def _write(plans: Sequence[Plan]) -> None:
    transaction.write([Replacement(plan.config.path, plan.text, plan.new_text) for plan in plans])
