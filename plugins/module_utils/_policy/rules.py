# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The written policy: rules, and the check that finds every mistake in them before any model is read."""

from __future__ import annotations

import fnmatch
from typing import Any, Dict, List, Mapping, NamedTuple, Sequence, Tuple

from .._model_config.findings import ConfigError
from .._model_config.instance_group import EXPLICIT_KINDS, Group, impossible_fields, is_implicit, kind_of
from .._model_config.schema import suggest
from .._model_config.writing import to_data, to_values

LEVELS = ("explicit", "kind", "exact")
MODES = ("enforce", "audit")


class PolicyError(ValueError):
    """The policy is not one.

    Attributes:
        problems: one sentence each, with the place in the policy (``rules[2].match.models``).
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


class Match(NamedTuple):
    """Which models a rule is for: shell patterns, of which one of each selector that is given must fit."""

    models: Tuple[str, ...] = ()
    backends: Tuple[str, ...] = ()
    platforms: Tuple[str, ...] = ()

    def fits(self, model: str, backend: str, platform: str) -> bool:
        return all(
            not patterns or any(fnmatch.fnmatchcase(value, pattern) for pattern in patterns)
            for patterns, value in zip(self, (model, backend, platform))
        )


class Rule(NamedTuple):
    """What the models of one kind have to look like.

    Attributes:
        groups: the instance groups in plain data, each with an explicit kind.
        level: how much of them is demanded, see `decision.target_groups`.
        mode: ``enforce``, or ``audit`` to report only.
    """

    name: str
    match: Match
    groups: Tuple[Group, ...]
    level: str
    mode: str


class Policy(NamedTuple):
    """The rules, in the order in which they are tried."""

    rules: Tuple[Rule, ...]


def parse_policy(data: Any) -> Policy:
    """The policy in plain data.

    Raises:
        PolicyError: with everything that is wrong with it.
    """
    parser = _Parser()
    policy = parser.policy(data)
    if parser.problems:
        raise PolicyError(parser.problems)
    return policy


class _Parser:
    def __init__(self) -> None:
        self.problems: List[str] = []

    def policy(self, data: Any) -> Policy:
        data = self.mapping(data, "policy", ("rules",))
        rules = self.sequence(data.get("rules", ()), "rules", "rules")
        if not rules and not self.problems:
            self.problems.append("rules: a policy needs at least one rule.")
        parsed = [self.rule(rule, f"rules[{index}]") for index, rule in enumerate(rules)]
        first: Dict[str, int] = {}
        for index, rule in enumerate(parsed):
            if first.setdefault(rule.name, index) != index:
                self.problems.append(
                    f"rules[{index}].name: '{rule.name}' is the name of rules[{first[rule.name]}] too."
                )
        return Policy(tuple(parsed))

    def rule(self, data: Any, place: str) -> Rule:
        data = self.mapping(data, place, ("name", "match", "instance_group", "level", "mode"))
        match = self.mapping(data.get("match", {}), f"{place}.match", Match._fields)
        selectors = {
            name: self.patterns(match[name], f"{place}.match.{name}") for name in Match._fields if name in match
        }
        return Rule(
            name=str(data.get("name") or place),
            match=Match(**selectors),
            groups=self.groups(data.get("instance_group"), f"{place}.instance_group"),
            level=self.choice(data.get("level", "explicit"), f"{place}.level", LEVELS),
            mode=self.choice(data.get("mode", "enforce"), f"{place}.mode", MODES),
        )

    def groups(self, data: Any, place: str) -> Tuple[Group, ...]:
        if data is None or data == []:
            self.problems.append(f"{place}: a rule needs at least one group, for example [{{kind: KIND_GPU}}].")
            return ()
        try:
            groups: List[Group] = to_data(to_values({"instance_group": data}))["instance_group"]
        except ConfigError as error:
            prefix = place[: -len("instance_group")]
            self.problems += [prefix + problem for problem in error.problems]
            return ()
        for index, group in enumerate(groups):
            if is_implicit(group):
                kinds = ", ".join(EXPLICIT_KINDS)
                self.problems.append(f"{place}[{index}].kind: a rule has to say which kind it wants: {kinds}.")
            if group.get("count", 1) < 1:
                self.problems.append(f"{place}[{index}].count: expected at least 1, found {group['count']}.")
            gpus = group.get("gpus", [])
            if len(set(gpus)) != len(gpus) or min(gpus, default=0) < 0:
                self.problems.append(f"{place}[{index}].gpus: expected different numbers from 0, found {gpus}.")
            for profile in group.get("profile", ()):
                if not profile.isdigit():
                    self.problems.append(f"{place}[{index}].profile: {profile!r} is no number of a TensorRT profile.")
            for name in impossible_fields(group):
                self.problems.append(
                    f"{place}[{index}].{name}: cannot stand beside {kind_of(group)}: Triton refuses it."
                )
        return tuple(groups)

    def patterns(self, data: Any, place: str) -> Tuple[str, ...]:
        values = self.sequence(data, place, "patterns")
        if not values and isinstance(data, (list, tuple)):
            self.problems.append(f"{place}: an empty list would match nothing. Leave the selector out to match all.")
        for index, value in enumerate(values):
            if not isinstance(value, str):
                self.problems.append(f"{place}[{index}]: expected a pattern, found {value!r}.")
        return tuple(str(value) for value in values)

    def choice(self, data: Any, place: str, choices: Sequence[str]) -> str:
        if data not in choices:
            self.problems.append(
                f"{place}: expected one of {', '.join(choices)}, found {data!r}.{suggest(str(data), choices)}"
            )
        return str(data)

    def mapping(self, data: Any, place: str, known: Sequence[str]) -> Mapping[str, Any]:
        if not isinstance(data, Mapping):
            self.problems.append(f"{place}: expected a mapping with {', '.join(known)}, found {data!r}.")
            return {}
        for name in data:
            if name not in known:
                where = f"{name}" if place == "policy" else f"{place}.{name}"
                self.problems.append(f"{where}: there is no such key.{suggest(str(name), known)}")
        return data

    def sequence(self, data: Any, place: str, of: str) -> Sequence[Any]:
        if isinstance(data, (str, bytes)) or not isinstance(data, Sequence):
            self.problems.append(f"{place}: expected a list of {of}, found {data!r}.")
            return ()
        return data
