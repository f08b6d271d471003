# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What the policy makes of one model."""

from __future__ import annotations

import datetime
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from .._model_config.backend import is_ensemble
from .._model_config.backend_kinds import ModelFacts, refusal
from .._model_config.change import Change, Parsed, parse, rewrite
from .._model_config.findings import ConfigError, Finding
from .._model_config.instance_group import (
    EXPLICIT_KINDS,
    KIND_AUTO,
    Group,
    groups_of,
    impossible_fields,
    is_implicit,
    kind_of,
)
from .._model_config.release import Release
from .gpus import VisibleGpus
from .match import QueryError, Subject
from .rules import Policy, Rule
from .target import on_host, target_groups
from .waivers import Waiver, in_file, that_counts, waivers_for

COMPLIANT = "compliant"
CHANGED = "changed"
VIOLATION = "violation"
WAIVED = "waived"
EXEMPT = "exempt"
INCOMPATIBLE = "incompatible"
TEMPLATE = "template"
INVALID = "invalid"
UNMATCHED = "unmatched"
STATUSES = (COMPLIANT, CHANGED, VIOLATION, WAIVED, EXEMPT, INCOMPATIBLE, TEMPLATE, INVALID, UNMATCHED)

_SATISFIED = {
    "explicit": "every group has an explicit kind, which is all that the level explicit asks for",
    "kind": "every group has one of the rule's kinds",
    "exact": "the groups are the rule's",
}


class Host(NamedTuple):
    """What a decision depends on besides the policy and the model.

    Attributes:
        today: for waivers that expire.
        gpus: what the server sees; None where the policy names no devices.
        validate: whether a file that Triton would refuse for its meaning counts as invalid.
        release: the oldest Triton that has to load the files, None where that does not matter.
    """

    today: datetime.date
    gpus: Optional[VisibleGpus] = None
    validate: bool = True
    release: Optional[Release] = None


class Decision(NamedTuple):
    """The outcome for one configuration of a model.

    Attributes:
        status: one of `STATUSES`. ``changed`` means that ``change`` is to be written.
        rule: the first rule that matches, None where none does or none applies.
        before, after: the instance groups in plain data. They differ only where there is a change.
        reason: one sentence: why the status is what it is.
        change: what the rule makes of the file; None where it changes nothing, or cannot.
        waiver: the waiver that counts, also an expired one; None where the model needs none.
        findings: what is wrong with the waiver in the file.
    """

    status: str
    rule: Optional[Rule]
    before: List[Group]
    after: List[Group]
    reason: str
    change: Optional[Change] = None
    waiver: Optional[Waiver] = None
    findings: Sequence[Finding] = ()


def decide(policy: Policy, subject: Subject, parsed: Parsed, host: Host) -> Decision:
    """Hold one configuration against the policy.

    Raises:
        QueryError: a query of the policy fails on this configuration.
        DisagreementError: Google's protobuf refuses what the rule would make of the file.
    """
    before = groups_of(parsed.data)
    if is_ensemble(parsed.data):
        reason = "an ensemble has no instances of its own; its steps are models with their own groups"
        return Decision(EXEMPT, None, before, before, reason)
    rule = _rule_for(policy, subject)
    if rule is None:
        return Decision(UNMATCHED, None, before, before, "no rule of the policy matches this model")
    decision = _hold(rule, subject, parsed, host)
    if decision.status == CHANGED and decision.change is not None:
        decision = _refuse_to_and_fro(decision, decision.change, policy, subject, host)
    if decision.status in (CHANGED, VIOLATION, INCOMPATIBLE):
        return _waive(decision, policy, subject, parsed, host.today)
    return decision


def _refuse_to_and_fro(decision: Decision, change: Change, policy: Policy, subject: Subject, host: Host) -> Decision:
    """The same decision, unless another rule would be for the model then, and would change it again."""
    subject = subject.with_config(change.after)
    other = _rule_for(policy, subject)
    if other in (None, decision.rule) or _hold(other, subject, parse(change.text), host).status != CHANGED:
        return decision
    name = decision.rule.name if decision.rule else ""
    reason = (
        f"the rule would make it a model for the rule '{other.name}', which would change it again at the next run. "
        f"Have the match of '{name}' select by something that neither of the two changes."
    )
    return Decision(INCOMPATIBLE, decision.rule, decision.before, decision.before, reason)


def _rule_for(policy: Policy, subject: Subject) -> Optional[Rule]:
    for rule in policy.rules:
        try:
            if rule.match.fits(subject):
                return rule
        except QueryError as error:
            raise QueryError(f"the query of the rule '{rule.name}', {error}") from error
    return None


def _hold(rule: Rule, subject: Subject, parsed: Parsed, host: Host) -> Decision:
    before = groups_of(parsed.data)
    # A group that stands in the file gets no devices at the lower levels, so it does not matter there which there are.
    wanted = on_host(rule, host.gpus if not before or rule.level == "exact" else None)
    if wanted.problem:
        return Decision(VIOLATION, rule, before, before, wanted.problem)
    after = target_groups(before, rule, wanted.groups)
    broken = next(filter(None, map(_broken, range(len(after)), after)), "")
    if broken:
        return Decision(INVALID, rule, before, before, broken)
    change: Optional[Change] = None
    if after != before or rule.changes_config():
        try:
            change = rewrite(parsed, after, rule.config, rule.lists, rule.remove)
        except ConfigError as error:
            reason = f"the rule's config cannot be merged: {' '.join(error.problems)}"
            return Decision(INCOMPATIBLE, rule, before, before, reason)
        if change.text == parsed.document.to_bytes():
            change = None
    # What a backend takes depends on the other fields as they will be, and on the groups as somebody wrote them.
    then = subject.with_config(change.after) if change else subject
    facts = then.facts._replace(config={**then.facts.config, "instance_group": before})
    for index, group in enumerate(after):
        new = index >= len(before) or group != before[index]
        refused = refusal(then.backend.backend, group, facts if new else facts._replace(world_size=_taken(facts)))
        if refused:
            whose = "the rule asks for" if new else "the file has"
            return Decision(INCOMPATIBLE, rule, before, before, f"{whose} {refused}")
    if change is None:
        return Decision(COMPLIANT, rule, before, before, _SATISFIED[rule.level])
    status = CHANGED if rule.mode == "enforce" else VIOLATION
    return Decision(status, rule, before, after, _explain(before, after, change), change)


def _taken(facts: ModelFacts) -> int:
    """GPUs that an instance spans: where nothing tells, a group that stands in the file is taken to be right."""
    return 1 if facts.world_size is None else facts.world_size


def _waive(decision: Decision, policy: Policy, subject: Subject, parsed: Parsed, today: datetime.date) -> Decision:
    """The same decision, unless a waiver speaks for the model. One that has expired makes it a violation."""
    own = in_file(parsed.document)
    waiver = that_counts([*waivers_for(policy.waivers, subject), *own.waivers], today)
    decision = decision._replace(waiver=waiver, findings=own.findings)
    if waiver is not None and not waiver.has_expired(today):
        until = f" until {waiver.expires}" if waiver.expires else ""
        return decision._replace(status=WAIVED, reason=f"waived{until} ({waiver.place}): {waiver.reason}")
    if own.findings:  # somebody wanted this file left alone
        first = own.findings[0]
        reason = f"line {first.line}: {first.message}, so the waiver does not count; {decision.reason}"
        return decision._replace(status=VIOLATION, reason=reason)
    if waiver is not None:
        reason = f"the waiver ({waiver.place}: {waiver.reason}) expired on {waiver.expires}; {decision.reason}"
        return decision._replace(status=VIOLATION, reason=reason)
    return decision


def _broken(index: int, group: Group) -> str:
    """Why Triton would refuse a group whatever the backend, empty where it would not."""
    if not isinstance(kind_of(group), str):
        kinds = ", ".join(EXPLICIT_KINDS)
        return f"group {index} has kind: {kind_of(group)}, which Triton refuses to load. Write one of {kinds}."
    if impossible_fields(group):
        return f"group {index} has {kind_of(group)} and gpus: Triton refuses to load it. Remove one of the two."
    return ""


def _explain(before: Sequence[Group], after: Sequence[Group], change: Change) -> str:
    parts = [_explain_groups(before, after)] if before != after else []
    names = [name for name in change.changed_fields() if name != "instance_group"]
    if names:
        parts.append(f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} not as the rule's config wants")
    return "; ".join(parts)


def _explain_groups(before: Sequence[Group], after: Sequence[Group]) -> str:
    if not before:
        return "there is no instance_group, so the server chooses the device"
    parts = []
    implicit = [index for index, group in enumerate(before) if is_implicit(group)]
    for what, auto in (("without a kind", False), (KIND_AUTO, True)):
        indexes = [index for index in implicit if ("kind" in before[index]) is auto]
        if indexes:
            parts.append(f"{_groups(indexes)} {what}, so the server chooses the device")
    explicit: Dict[Tuple[str, str], List[int]] = {}
    for index, (old, new) in enumerate(zip(before, after)):
        if index not in implicit and kind_of(old) != kind_of(new):
            explicit.setdefault((kind_of(old), kind_of(new)), []).append(index)
    for (old_kind, new_kind), indexes in explicit.items():
        parts.append(f"{_groups(indexes)} {old_kind} where the rule wants {new_kind}")
    for index, (old, new) in enumerate(zip(before, after)):
        dropped = [name for name in old if name not in new]
        if dropped:
            parts.append(f"{', '.join(dropped)} of group {index} cannot stand beside {kind_of(new)}")
        if index not in implicit and kind_of(old) == kind_of(new):
            differing = [f"{name}: {new[name]}" for name in new if old.get(name) != new[name]]
            if differing:
                parts.append(f"group {index} is not as the rule wants it ({', '.join(differing)})")
    if len(before) != len(after):
        parts.append(f"{len(before)} group{'' if len(before) == 1 else 's'} where the rule wants {len(after)}")
    return "; ".join(parts) or "fields differ from the rule's"


def _groups(indexes: Sequence[int]) -> str:
    numbers = ", ".join(map(str, indexes))
    return f"group {numbers} is" if len(indexes) == 1 else f"groups {numbers} are"
