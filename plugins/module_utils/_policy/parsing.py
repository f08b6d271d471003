# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Plain data to a policy: the check that finds every mistake in it before any model is read."""

from __future__ import annotations

import datetime
import re
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .._model_config import field_path
from .._model_config.backend import is_ensemble
from .._model_config.findings import ConfigError
from .._model_config.instance_group import EXPLICIT_KINDS, Group, impossible_fields, is_implicit, kind_of
from .._model_config.schema import suggest
from .._model_config.writing import to_data, to_values
from .._textproto.document import Document
from .gpu_selector import Selector, parse_selector
from .match import Match, Query, QueryError, compile_query
from .presets import PRESETS
from .rules import LEVELS, LISTS, MODES, Policy, Rule
from .waivers import Waiver, parse_day

_RULE_KEYS = ("name", "match", "instance_group", "accepts", "config", "remove", "lists", "level", "mode")
_INDEX = re.compile(r"\[[0-9]+\]")
_NOTHING = Document.parse(b"")
_PATTERNS = ("models", "backends", "platforms", "repositories")


class PolicyError(ValueError):
    """The policy is not one.

    Attributes:
        problems: one sentence each, with the place in the policy (``rules[2].match.models``).
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


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
        self.mode = "enforce"

    def policy(self, data: Any) -> Policy:
        data = self.mapping(data, "policy", ("rules", "preset", "mode", "waivers", "critical"))
        mode = self.choice(data.get("mode", self.mode), "mode", MODES)
        self.mode = mode if mode in MODES else self.mode  # else each rule would repeat the mistake
        rules = self.sequence(data.get("rules", ()), "rules", "rules")
        if not rules and "preset" not in data and not self.problems:
            self.problems.append("rules: a policy needs at least one rule, or a preset.")
        parsed = [self.rule(rule, f"rules[{index}]") for index, rule in enumerate(rules)]
        first: Dict[str, int] = {}
        for index, rule in enumerate(parsed):
            if first.setdefault(rule.name, index) != index:
                self.problems.append(
                    f"rules[{index}].name: '{rule.name}' is the name of rules[{first[rule.name]}] too."
                )
        warnings = _unreachable(parsed) + _devices_at_a_lower_level(parsed)
        if "preset" in data:
            preset = self.preset(data["preset"])
            if preset and all(_shadow(parsed, rule) for rule in preset):
                warnings.append(
                    f"preset: {data['preset']} never applies, since a rule before it takes every model. "
                    "Give that rule a match, or remove the preset."
                )
            parsed += preset
        waivers = self.sequence(data.get("waivers", ()), "waivers", "waivers")
        parsed_waivers = [self.waiver(waiver, f"waivers[{index}]") for index, waiver in enumerate(waivers)]
        critical = self.critical(data["critical"]) if "critical" in data else None
        return Policy(tuple(parsed), tuple(parsed_waivers), tuple(warnings), critical)

    def preset(self, name: Any) -> List[Rule]:
        if self.choice(name, "preset", tuple(PRESETS)) not in PRESETS:
            return []
        return [self.rule({**rule, "name": f"{name}: {rule['name']}"}, "preset") for rule in PRESETS[name]]

    def rule(self, data: Any, place: str) -> Rule:
        data = self.mapping(data, place, _RULE_KEYS)
        match = self.match(data.get("match", {}), f"{place}.match")
        groups, gpus = self.groups(data.get("instance_group"), f"{place}.instance_group")
        level = self.choice(data.get("level", "explicit"), f"{place}.level", LEVELS)
        if "accepts" in data and level != "kind":
            self.problems.append(f"{place}.accepts: has a meaning at the level kind only, not at {level}.")
        return Rule(
            name=str(data.get("name") or place),
            match=match,
            groups=groups,
            level=level,
            mode=self.choice(data.get("mode", self.mode), f"{place}.mode", MODES),
            gpus=gpus,
            accepts=tuple(
                self.choice(kind, f"{place}.accepts[{index}]", EXPLICIT_KINDS)
                for index, kind in enumerate(self.sequence(data.get("accepts", ()), f"{place}.accepts", "kinds"))
            ),
            config=self.config(data.get("config", {}), f"{place}.config"),
            remove=self.removed(data.get("remove", ()), f"{place}.remove"),
            lists=self.choice(data.get("lists", "merge"), f"{place}.lists", LISTS),
        )

    def match(self, data: Any, place: str) -> Match:
        data = self.mapping(data, place, Match._fields)
        selectors: Dict[str, Any] = {
            name: self.patterns(data[name], f"{place}.{name}") for name in _PATTERNS if name in data
        }
        if "query" in data:
            selectors["query"] = self.query(data["query"], f"{place}.query")
        if "spans_gpus" in data:
            selectors["spans_gpus"] = data["spans_gpus"]
            if not isinstance(data["spans_gpus"], bool):
                self.problems.append(f"{place}.spans_gpus: expected true or false, found {data['spans_gpus']!r}.")
        return Match(**selectors)

    def query(self, data: Any, place: str) -> Optional[Query]:
        if not isinstance(data, str):
            self.problems.append(f"{place}: expected a JMESPath expression, found {data!r}.")
            return None
        try:
            return compile_query(data)
        except QueryError as error:
            self.problems.append(f"{place}: {error}")
            return None

    def waiver(self, data: Any, place: str) -> Waiver:
        data = self.mapping(data, place, (*Match._fields, "reason", "expires"))
        selectors = {name: value for name, value in data.items() if name in Match._fields}
        if data and not selectors:
            self.problems.append(f"{place}: say which models it is for, for example models: [legacy_ocr].")
        reason = data.get("reason")
        if not isinstance(reason, str) or not reason.strip():
            self.problems.append(f"{place}.reason: a waiver needs a reason.")
        expires: Optional[datetime.date] = None
        if data.get("expires") is not None:
            try:
                expires = parse_day(data["expires"])
            except ValueError as error:
                self.problems.append(f"{place}.expires: {error}.")
        return Waiver(place, str(reason).strip(), expires, self.match(selectors, place))

    def critical(self, data: Any) -> Tuple[Match, ...]:
        matches = []
        for index, selectors in enumerate(self.sequence(data, "critical", "selectors")):
            place = f"critical[{index}]"
            if isinstance(selectors, Mapping) and not selectors:
                self.problems.append(
                    f"{place}: say which models are meant, for example models: [ranker]. "
                    "Where every model is critical, leave critical out."
                )
            matches.append(self.match(selectors, place))
        return tuple(matches)

    def groups(self, data: Any, place: str) -> Tuple[Tuple[Group, ...], Tuple[Optional[Selector], ...]]:
        if data is None or data == []:
            self.problems.append(f"{place}: a rule needs at least one group, for example [{{kind: KIND_GPU}}].")
            return (), ()
        try:
            plain = to_values({"instance_group": _without_gpus(data)})
        except ConfigError as error:
            self.problems += [place[: -len("instance_group")] + problem for problem in error.problems]
            return (), ()
        groups: List[Group] = to_data(plain)["instance_group"]
        selectors = []
        for index, group in enumerate(groups):
            self.group(group, f"{place}[{index}]")
            selectors.append(self.selector(data[index].get("gpus"), group, f"{place}[{index}]"))
        return tuple(groups), tuple(selectors)

    def group(self, group: Group, place: str) -> None:
        if is_implicit(group):
            kinds = ", ".join(EXPLICIT_KINDS)
            self.problems.append(f"{place}.kind: a rule has to say which kind it wants: {kinds}.")
        if group.get("count", 1) < 1:
            self.problems.append(f"{place}.count: expected at least 1, found {group['count']}.")
        for profile in group.get("profile", ()):
            if not profile.isdigit():
                self.problems.append(f"{place}.profile: {profile!r} is no number of a TensorRT profile.")

    def selector(self, data: Any, group: Group, place: str) -> Optional[Selector]:
        if data in (None, [], ()):
            return None
        if impossible_fields({**group, "gpus": data}):
            self.problems.append(f"{place}.gpus: cannot stand beside {kind_of(group)}: Triton refuses it.")
        try:
            return parse_selector(data)
        except ConfigError as error:
            self.problems += [f"{place}.{problem}" for problem in error.problems]
            return None

    def config(self, data: Any, place: str) -> Mapping[str, Any]:
        if not isinstance(data, Mapping):
            self.problems.append(f"{place}: expected a mapping of ModelConfig's fields, found {data!r}.")
            return {}
        for name in ("instance_group", "name"):
            if name in data:
                why = "has a key of its own in the rule" if name == "instance_group" else "is the model's own"
                self.problems.append(f"{place}.{name}: {name} {why}.")
        if is_ensemble(data):
            self.problems.append(f"{place}: would make an ensemble of the model, which has no instance_group.")
        try:
            to_values(data)
        except ConfigError as error:
            self.problems += [f"{place}.{problem}" for problem in error.problems]
        return dict(data)

    def removed(self, data: Any, place: str) -> Tuple[str, ...]:
        paths = self.sequence(data, place, "field paths")
        for index, path in enumerate(paths):
            problem = ""
            if not isinstance(path, str):
                problem = f"expected a field path, found {path!r}."
            elif path.split(".")[0].split("[")[0] == "instance_group":
                problem = "instance_group has a key of its own in the rule."
            elif _INDEX.search(path):
                problem = "an index would take another element away at every run. Use lists: replace."
            else:
                try:
                    field_path.resolve(_NOTHING, path)
                except ConfigError as error:
                    problem = str(error)
            if problem:
                self.problems.append(f"{place}[{index}]: {problem}")
        return tuple(map(str, paths))

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


def _without_gpus(groups: Any) -> Any:
    """Groups without their devices, which are chosen on the host."""
    if not isinstance(groups, (list, tuple)):
        return groups
    return [
        {name: value for name, value in group.items() if name != "gpus"} if isinstance(group, Mapping) else group
        for group in groups
    ]


def _unreachable(rules: Sequence[Rule]) -> List[str]:
    """A sentence for each rule that no model can get to."""
    warnings = []
    for index, rule in enumerate(rules):
        earlier = _shadow(rules[:index], rule)
        if earlier:
            warnings.append(
                f"rules[{index}]: '{rule.name}' never applies: '{earlier.name}' before it takes its models. "
                "Put it before that one, or remove it."
            )
    return warnings


def _shadow(earlier: Sequence[Rule], rule: Rule) -> Optional[Rule]:
    """The first of the earlier rules that takes everything that ``rule`` is for."""
    return next((other for other in earlier if other.match.takes_all_of(rule.match)), None)


def _devices_at_a_lower_level(rules: Sequence[Rule]) -> List[str]:
    """A sentence for each rule whose ``gpus`` most models never get."""
    return [
        f"rules[{index}]: the gpus of '{rule.name}' are for models without any group only, since a group that is there "
        f"keeps its devices at the level {rule.level}. Set level: exact to give them to every model."
        for index, rule in enumerate(rules)
        if rule.level != "exact" and any(selector is not None for selector in rule.gpus)
    ]
