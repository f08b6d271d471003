# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What the policy makes of one model."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._model_config.backend import Backend, is_ensemble
from .._model_config.backend_kinds import ModelFacts, refusal
from .._model_config.instance_group import Group, groups_of, impossible_fields, is_implicit, kind_of
from .rules import Policy, Rule

COMPLIANT = "compliant"
CHANGED = "changed"
VIOLATION = "violation"
EXEMPT = "exempt"
INCOMPATIBLE = "incompatible"
TEMPLATE = "template"
INVALID = "invalid"
UNMATCHED = "unmatched"
STATUSES = (COMPLIANT, CHANGED, VIOLATION, EXEMPT, INCOMPATIBLE, TEMPLATE, INVALID, UNMATCHED)


_SATISFIED = {
    "explicit": "every group has an explicit kind, which is all that the level explicit asks for",
    "kind": "every group has one of the rule's kinds",
    "exact": "the groups are the rule's",
}


class Decision(NamedTuple):
    """The outcome for one configuration of a model.

    Attributes:
        status: one of `STATUSES`. ``changed`` means that ``after`` is to be written.
        rule: the first rule that matches, None where none does or none applies.
        before, after: the instance groups in plain data. They differ for ``changed`` and ``violation`` only.
        reason: one sentence: why the status is what it is.
    """

    status: str
    rule: Optional[Rule]
    before: List[Group]
    after: List[Group]
    reason: str


def decide(policy: Policy, model: str, backend: Backend, facts: ModelFacts) -> Decision:
    """Hold one configuration against the policy."""
    before = groups_of(facts.config)
    if is_ensemble(facts.config):
        reason = "an ensemble has no instances of its own; its steps are models with their own groups"
        if before:
            reason = "an ensemble must not have an instance_group: Triton refuses to load it. Remove the field."
        return Decision(EXEMPT, None, before, before, reason)
    for group in before:
        if not isinstance(kind_of(group), str):
            reason = f"kind: {kind_of(group)} is no kind that Triton knows: it would refuse to load the model"
            return Decision(INVALID, None, before, before, reason)
    rule = next((rule for rule in policy.rules if rule.match.fits(model, backend.backend, backend.platform)), None)
    if rule is None:
        return Decision(UNMATCHED, None, before, before, "no rule of the policy matches this model")
    after = target_groups(before, rule)
    for index, group in enumerate(after):
        new = index >= len(before) or group != before[index]
        refused = refusal(backend.backend, group, facts)
        if refused:
            whose = "the rule asks for" if new else "the file has"
            return Decision(INCOMPATIBLE, rule, before, before, f"{whose} {refused}")
        if impossible_fields(group):
            reason = f"group {index} has {kind_of(group)} and gpus: Triton refuses to load it. Remove one of the two."
            return Decision(INVALID, rule, before, before, reason)
    if after == before:
        return Decision(COMPLIANT, rule, before, before, _SATISFIED[rule.level])
    return Decision(CHANGED if rule.mode == "enforce" else VIOLATION, rule, before, after, _explain(before, after))


def target_groups(groups: Sequence[Mapping[str, Any]], rule: Rule) -> List[Group]:
    """The groups that ``rule`` wants instead of ``groups``.

    Where there is no group, the rule's are wanted as they stand. Else, by level: ``explicit`` gives a kind to the
    groups that have none; ``kind`` also changes a kind that is none of the rule's; ``exact`` wants as many groups as
    the rule has, with the rule's values in every field that the rule names. Groups correspond by position, and a field
    that the rule does not name is kept unless Triton would refuse it beside the new kind.
    """
    if not groups:
        return [dict(group) for group in rule.groups]
    if rule.level == "exact":
        kept = [dict(group) for group in groups[: len(rule.groups)]]
        kept += [{} for missing in rule.groups[len(kept) :]]
        return [_valid({**old, **new}) for old, new in zip(kept, rule.groups)]
    kinds = [kind_of(group) for group in rule.groups]
    wanted = []
    for index, group in enumerate(groups):
        if is_implicit(group) or (rule.level == "kind" and kind_of(group) not in kinds):
            group = _valid({**group, "kind": kinds[min(index, len(kinds) - 1)]})
        wanted.append(dict(group))
    return wanted


def _valid(group: Group) -> Group:
    bad = impossible_fields(group)
    return {name: value for name, value in group.items() if name not in bad}


def _explain(before: Sequence[Group], after: Sequence[Group]) -> str:
    if not before:
        return "there is no instance_group, so the server chooses the device"
    parts = []
    implicit = [index for index, group in enumerate(before) if is_implicit(group)]
    if implicit:
        parts.append(f"{_groups(implicit)} without a kind, so the server chooses the device")
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
    if len(before) != len(after):
        parts.append(f"{len(before)} group{'' if len(before) == 1 else 's'} where the rule wants {len(after)}")
    return "; ".join(parts) or "fields differ from the rule's"


def _groups(indexes: Sequence[int]) -> str:
    numbers = ", ".join(map(str, indexes))
    return f"group {numbers} is" if len(indexes) == 1 else f"groups {numbers} are"
