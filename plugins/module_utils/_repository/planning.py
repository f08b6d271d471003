# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What is to become of one configuration of one model: it is read, held against the policy, and planned anew."""

from __future__ import annotations

import os
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .._model_config import change
from .._model_config.backend import Backend, derive
from .._model_config.backend_kinds import ModelFacts
from .._model_config.findings import ERROR, Finding, in_order
from .._model_config.instance_group import groups_of
from .._model_config.reload_impact import FULL_RELOAD, NONE
from .._model_config.second_opinion import DisagreementError
from .._model_config.semantic_rule import ModelContext
from .._model_config.semantics import validate
from .._policy import decision
from .._policy.decision import Decision, Host
from .._policy.match import QueryError, Subject
from .._policy.rules import Policy
from .._textproto.placeholders import unfilled_in
from .discovery import ConfigFile, ModelDirectory, RepositoryError
from .files import FileError, read_file
from .results import printable
from .variant import derived, is_derived, obstacle, variant_file


class Edit(NamedTuple):
    """A file as it was read and as it is to be written; None stands for no file."""

    before: Optional[bytes]
    after: Optional[bytes]


class Plan(NamedTuple):
    """What is to become of one configuration of one model.

    Attributes:
        subject: the model as selectors see it.
        edit: what to write, None where the file is to be left alone.
        findings: what is wrong with the file, or with the one that a variant is made of.
        known: whether the baseline knows of this violation.
        read_from: the file that a variant is made of, empty where ``config`` itself was read.
    """

    model: ModelDirectory
    config: ConfigFile
    subject: Subject
    decision: Decision
    reload_impact: str = NONE
    edit: Optional[Edit] = None
    findings: Sequence[Finding] = ()
    known: bool = False
    read_from: str = ""

    def problem(self) -> str:
        """Why the model could not be planned, with the place in the file."""
        # What else is found in a file that Triton would take is not why.
        if self.decision.status == decision.INVALID and any(found.severity == ERROR for found in self.findings):
            return "\n".join(finding.show(self.read_from or self.config.path) for finding in self.findings)
        reason = self.decision.reason
        return reason if reason.startswith(self.model.path) else f"{self.config.path}: {reason}"

    def as_result(self) -> Dict[str, Any]:
        """As a module returns it."""
        rule, waiver = self.decision.rule, self.decision.waiver
        planned = self.decision.change
        result = {
            "repository": self.model.repository,
            "model": self.model.name,
            "config_name": self.config.config_name,
            "file": self.config.path,
            "backend": self.subject.backend.backend,
            "platform": self.subject.backend.platform,
            "status": self.decision.status,
            "rule": rule.name if rule else None,
            "level": rule.level if rule else None,
            "mode": rule.mode if rule else None,
            "before": self.decision.before,
            "after": self.decision.after,
            "fields": planned.changed_fields() if planned else [],
            "reload_impact": self.reload_impact,
            "reason": self.decision.reason,
            "waiver": waiver.reason if waiver else None,
            "known": self.known,
            "findings": [finding.as_result(self.read_from or self.config.path) for finding in self.findings],
        }
        return dict(printable(result))


def plan(model: ModelDirectory, config: ConfigFile, policy: Policy, host: Host) -> Plan:
    """Hold one configuration against the policy.

    Raises:
        QueryError: a query of the policy fails on it.
    """
    try:
        return _plan(model, config, _read_text(model, config), policy, host)
    except _Unplannable as stop:
        return stop.plan_for(model, config)


def plan_variant(model: ModelDirectory, config_name: str, policy: Policy, host: Host) -> Plan:
    """Hold the configuration that a server with this ``--model-config-name`` reads against the policy.

    A variant that somebody wrote by hand is treated as any other configuration. Else the variant is what the policy
    makes of ``config.pbtxt``, which is not touched, and it goes where the policy has no use for it any more.

    Raises:
        QueryError: a query of the policy fails on it.
    """
    config, made_of = variant_file(model, config_name), model.configs[0]
    try:
        variant = _read_text(model, config) if config.exists else None
        if variant is not None and not is_derived(variant):
            return _plan(model, config, variant, policy, host)
    except _Unplannable as stop:
        return stop.plan_for(model, config)
    try:
        source = _read(model, _read_text(model, made_of))
        decided, findings = _validated(model, made_of, source, _decide(source, policy, host), host)
    except _Unplannable as stop:
        return stop.plan_for(model, made_of)
    plan = Plan(model, config, source.subject, decided, findings=findings, read_from=made_of.path)
    return _keep_in_step(plan, variant, source.text, policy)


class _Source(NamedTuple):
    """A configuration that Triton's parser would accept."""

    text: Optional[bytes]
    parsed: change.Parsed
    subject: Subject


class _Unplannable(Exception):
    """A configuration that the policy cannot be held against."""

    def __init__(self, status: str, reason: str, findings: Sequence[Finding] = ()) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.findings = findings

    def plan_for(self, model: ModelDirectory, config: ConfigFile) -> Plan:
        reason = self.reason
        if reason.startswith(f"{config.path}: "):
            reason = reason[len(config.path) + 2 :]
        subject = Subject(model.repository, model.name, Backend("", ""), ModelFacts({}))
        decided = Decision(self.status, None, [], [], reason)
        return Plan(model, config, subject, decided, findings=self.findings)


def _plan(model: ModelDirectory, config: ConfigFile, text: Optional[bytes], policy: Policy, host: Host) -> Plan:
    source = _read(model, text)
    if is_derived(text):
        reason = "derived from config.pbtxt by a task with this config_name, which keeps it in step"
        groups = groups_of(source.parsed.data)
        return Plan(model, config, source.subject, Decision(decision.EXEMPT, None, groups, groups, reason))
    decided, findings = _validated(model, config, source, _decide(source, policy, host), host)
    if decided.change is None:
        return Plan(model, config, source.subject, decided, findings=findings)
    # To a server that reads another one of several files, by its --model-config-name, this is a change of the model.
    impact = FULL_RELOAD if len(model.configs) > 1 else decided.change.reload_impact
    if decided.status not in (decision.CHANGED, decision.VIOLATION):
        impact = NONE
    edit = Edit(text, decided.change.text) if decided.status == decision.CHANGED else None
    return Plan(model, config, source.subject, decided, impact, edit, findings)


def _validated(
    model: ModelDirectory, config: ConfigFile, source: _Source, decided: Decision, host: Host
) -> Tuple[Decision, List[Finding]]:
    """The decision, and what is wrong with the file as it is left. What Triton would refuse makes it ``invalid``."""
    entries = model.entries if config.config_name is None else ()
    context = ModelContext(model.name, source.subject.backend, source.subject.facts.world_size, entries)
    before = after = validate(source.parsed.document, source.parsed.data, context, host.validate, host.release)
    if decided.change is not None:
        after = validate(decided.change.document, decided.change.after, context, host.validate, host.release)
    refused = any(finding.severity == ERROR for finding in after)
    if refused and decided.status in (decision.COMPLIANT, decision.CHANGED, decision.EXEMPT):
        # The places are those in the file, unless it is the policy that would break it.
        before = before if any(finding.severity == ERROR for finding in before) else after
        first = next(finding for finding in before if finding.severity == ERROR)
        place = f"line {first.line}: " if first.line else ""
        decided = Decision(decision.INVALID, decided.rule, decided.before, decided.before, place + first.message)
    left = after if decided.status == decision.CHANGED else before
    return decided, in_order([*decided.findings, *left])


def _keep_in_step(plan: Plan, variant: Optional[bytes], text: Optional[bytes], policy: Policy) -> Plan:
    """The plan for a variant, from the one for ``config.pbtxt`` with this text."""
    decided = plan.decision
    breaks = decided.status == decision.VIOLATION
    rules = policy.rules if decided.rule is None else (decided.rule,)
    audited = all(rule.mode == "audit" for rule in rules)
    wanted: Optional[bytes] = None
    if decided.status in (decision.COMPLIANT, decision.CHANGED) or (breaks and decided.change is not None):
        body = decided.change.text if decided.change else text or b""
        wanted = derived(body, plan.config.config_name or "")
    elif variant is None or audited or breaks or decided.status == decision.INVALID:
        return plan
    if wanted == variant:
        reason = "the variant is what the policy makes of config.pbtxt"
        return plan._replace(
            decision=decided._replace(status=decision.COMPLIANT, change=None, waiver=None, reason=reason)
        )
    problem = obstacle(plan.config)
    if problem:
        return plan._replace(decision=decided._replace(status=decision.INVALID, change=None, reason=problem))
    reason = decided.reason
    if wanted is None:
        reason = f"the variant has no use any more: {reason}"
    elif decided.status == decision.COMPLIANT:
        reason = "there is no variant yet" if variant is None else "config.pbtxt has changed since"
    if not breaks:
        decided = decided._replace(status=decision.VIOLATION if audited else decision.CHANGED)
    return plan._replace(
        decision=decided._replace(reason=reason),
        reload_impact=FULL_RELOAD,
        edit=Edit(variant, wanted) if decided.status == decision.CHANGED else None,
    )


def _read_text(model: ModelDirectory, config: ConfigFile) -> Optional[bytes]:
    if model.problem:
        raise _Unplannable(decision.INVALID, model.problem)
    try:
        return read_file(config.path)
    except FileError as error:
        raise _Unplannable(decision.INVALID, str(error)) from error


def _read(model: ModelDirectory, text: Optional[bytes]) -> _Source:
    try:
        parsed = change.parse(text or b"")
    except change.InvalidConfigError as error:
        raise _broken(error) from error
    for name in ("name", "platform", "backend"):
        unfilled = unfilled_in(parsed.data.get(name, ""))
        if unfilled:
            reason = f"its {name} is the placeholder {unfilled}: fill in the template before the policy can apply"
            raise _Unplannable(decision.TEMPLATE, reason)
    try:
        files = [] if parsed.data.get("platform") else model.files()
    except RepositoryError as error:
        raise _Unplannable(decision.INVALID, str(error)) from error
    backend = derive(parsed.data, model.name, files)
    facts = ModelFacts(parsed.data, model.world_size() if backend.backend == "vllm" else None)
    return _Source(text, parsed, Subject(model.repository, model.name, backend, facts, files))


def _broken(error: change.InvalidConfigError) -> _Unplannable:
    first = error.findings[0]
    if error.placeholder:
        unfilled = next(finding for finding in error.findings if finding.rule == "template")
        what = f"line {unfilled.line} holds the placeholder {error.placeholder}"
        return _Unplannable(decision.TEMPLATE, f"{what}: fill in the template before the policy can apply")
    reason = f"line {first.line}: {first.message}" if first.line else first.message
    return _Unplannable(decision.INVALID, reason, error.findings)


def _decide(source: _Source, policy: Policy, host: Host) -> Decision:
    if source.text is None and not source.subject.backend.backend:
        return Decision(decision.UNMATCHED, None, [], [], "nothing tells the backend, so this may be no model")
    try:
        return decision.decide(policy, source.subject, source.parsed, host)
    except DisagreementError as error:
        raise _Unplannable(decision.INVALID, str(error)) from error
    except QueryError as error:
        path = os.path.join(source.subject.repository, source.subject.model)
        raise QueryError(f"{path}: {error}") from error
