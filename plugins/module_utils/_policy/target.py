# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The instance groups that a rule wants of a model."""

from __future__ import annotations

from typing import Any, List, Mapping, NamedTuple, Optional, Sequence

from .._model_config.instance_group import Group, impossible_fields, is_implicit, kind_of
from .gpu_selector import select
from .gpus import VisibleGpus
from .rules import Rule


class Wanted(NamedTuple):
    """A rule's groups on one host, and why its devices cannot be chosen there (empty where they can)."""

    groups: List[Group]
    problem: str


def on_host(rule: Rule, gpus: Optional[VisibleGpus]) -> Wanted:
    """The groups of a rule with the devices of a host in them.

    Args:
        gpus: what the server sees. None is for a policy that names no devices, see `Policy.names_gpus`.
    """
    groups = []
    for group, selector in zip(rule.groups, rule.gpus or (None,) * len(rule.groups)):
        group = dict(group)
        if selector is not None and gpus is not None:
            selection = select(selector, gpus)
            if selection.problem:
                return Wanted([], selection.problem)
            group["gpus"] = list(selection.ordinals)
        groups.append(group)
    return Wanted(groups, "")


def target_groups(groups: Sequence[Mapping[str, Any]], rule: Rule, wanted: Sequence[Group]) -> List[Group]:
    """The groups that ``rule`` wants instead of ``groups``.

    Where there is no group, the rule's are wanted as they stand. Else, by level: ``explicit`` gives a kind to the
    groups that have none; ``kind`` also changes a kind that is none of the rule's; ``exact`` wants as many groups as
    the rule has, with the rule's values in every field that the rule names. Groups correspond by position, and a field
    that the rule does not name is kept unless Triton would refuse it beside the new kind.

    Args:
        wanted: the rule's groups on this host.
    """
    if not groups:
        return [dict(group) for group in wanted]
    if rule.level == "exact":
        kept = [dict(group) for group in groups[: len(wanted)]]
        kept += [{} for missing in wanted[len(kept) :]]
        return [_valid(_over(old, new)) for old, new in zip(kept, wanted)]
    kinds = [kind_of(group) for group in wanted]
    allowed = (*kinds, *rule.accepts)
    result = []
    for index, group in enumerate(groups):
        if is_implicit(group) or (rule.level == "kind" and kind_of(group) not in allowed):
            group = _valid({**group, "kind": kinds[min(index, len(kinds) - 1)]})
        result.append(dict(group))
    return result


def _over(old: Group, new: Group) -> Group:
    """The rule's values over the file's. Devices keep their order: Triton re-creates every instance for another one."""
    gpus = old.get("gpus", [])
    if sorted(gpus) == sorted(new.get("gpus", [])):
        new = {**new, "gpus": gpus} if gpus else new
    return {**old, **new}


def _valid(group: Group) -> Group:
    bad = impossible_fields(group)
    return {name: value for name, value in group.items() if name not in bad}
