# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies as plain data, for a configuration that they are to be held against."""

from __future__ import annotations

from typing import Any

from ansible_collections.inference.triton.plugins.module_utils._model_config import schema
from ansible_collections.inference.triton.tests.property.configs import Data, Draw, changes
from hypothesis import strategies as st

_KINDS = ["KIND_GPU", "KIND_CPU", "KIND_MODEL"]
_BACKENDS = ["python", "onnxruntime", "tensorrt", "openvino", "vllm", "pytorch", "unknown"]
_PIECES = ["a", "b", "ab", "*", "?", "[ab]", "[!a]", "[*]", "[", "]", "[]a]", "-", "!"]
_QUERIES = [
    "instance_group",
    "!instance_group",
    "max_batch_size",
    "parameters.a",
    "length(keys(@)) > `2`",
    "instance_group[?kind=='KIND_GPU']",
    "contains(backend, 'a')",
]

_KEYS = [
    "match",
    "query",
    "models",
    "gpus",
    "kind",
    "count",
    "config",
    "remove",
    "waivers",
    "expires",
    "accepts",
    "critical",
]

patterns = st.lists(st.sampled_from(_PIECES), min_size=1, max_size=4).map("".join)


def models_of(patterns: list[str]) -> st.SearchStrategy[str]:
    """Names that are likely to fit one of the patterns."""
    letters = st.sampled_from(["a", "b", "ab", "", "-", "]", "[", "*", "!"])
    return st.lists(letters, min_size=1, max_size=4).map("".join) | st.sampled_from(patterns or ["a"])


# Anything that YAML or a template may leave where something else was meant.
_ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.dates()
    | st.sampled_from(_KINDS),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=2),
    max_leaves=4,
)


@st.composite
def spoilt(draw: Draw, data: Any) -> Any:
    """``data`` with something else in a place or two."""
    if draw(st.integers(0, 5)) == 5:
        return draw(_ANYTHING)
    if isinstance(data, dict):
        whole = {key: draw(spoilt(value)) for key, value in data.items()}
        if draw(st.integers(0, 5)) == 5:
            whole[draw(st.sampled_from([*_KEYS, 1, None]))] = draw(_ANYTHING)
        return whole
    return [draw(spoilt(value)) for value in data] if isinstance(data, list) else data


@st.composite
def selectors(draw: Draw, *, queries: bool = True) -> Data:
    """The ``match`` of a rule."""
    match: Data = {}
    if draw(st.booleans()):
        match["models"] = draw(st.lists(patterns, min_size=1, max_size=3))
    if draw(st.booleans()):
        match["backends"] = draw(st.lists(st.sampled_from([*_BACKENDS, "*", "[op]*"]), min_size=1, max_size=2))
    if draw(st.booleans()):
        match["spans_gpus"] = draw(st.booleans())
    if queries and draw(st.booleans()):
        match["query"] = draw(st.sampled_from(_QUERIES))
    return match


@st.composite
def _groups(draw: Draw) -> list[Data]:
    groups = []
    for kind in draw(st.lists(st.sampled_from(_KINDS), min_size=1, max_size=3)):
        group: Data = {"kind": kind}
        if draw(st.booleans()):
            group["count"] = draw(st.integers(1, 3))
        if kind == "KIND_GPU" and draw(st.booleans()):
            group["gpus"] = draw(st.sampled_from([[0], [1, 0], "all", {"count": 1}, {"memory_gb": 40}]))
        if draw(st.integers(0, 5)) == 5:
            group["host_policy"] = "h"
        groups.append(group)
    return groups


@st.composite
def rules(draw: Draw, data: Data) -> Data:
    """A rule that is likely to find something to do in a configuration that reads as ``data``."""
    level = draw(st.sampled_from(["explicit", "kind", "exact"]))
    rule: Data = {"instance_group": draw(_groups()), "level": level}
    if draw(st.booleans()):
        rule["match"] = draw(selectors())
    if level == "kind" and draw(st.booleans()):
        rule["accepts"] = draw(st.lists(st.sampled_from(_KINDS), max_size=2))
    if draw(st.booleans()):
        config = draw(changes(data))
        rule["config"] = {name: value for name, value in config.items() if name not in ("name", "instance_group")}
    if draw(st.booleans()):
        fields = sorted(set(schema.MESSAGES[schema.ROOT]) - {"instance_group"})
        names = st.sampled_from(sorted(set(data) - {"instance_group"}) or fields) | st.sampled_from(fields)
        rule["remove"] = draw(st.lists(names, max_size=2, unique=True))
    rule["lists"] = draw(st.sampled_from(["merge", "replace"]))
    return rule


@st.composite
def policies(draw: Draw, data: Data) -> Data:
    """A policy of up to three rules, and perhaps a preset."""
    policy: dict[str, Any] = {"rules": draw(st.lists(rules(data), min_size=1, max_size=3))}
    if draw(st.booleans()):
        policy["preset"] = draw(st.sampled_from(["strict_gpu", "explicit_only", "cpu_only"]))
    if draw(st.integers(0, 3)) == 3:
        expires = draw(st.sampled_from(["2026-06-30", "2027-01-01", None]))
        policy["waivers"] = [{**draw(selectors()), "models": ["*"], "reason": "r", "expires": expires}]
    if draw(st.integers(0, 3)) == 3:
        policy["critical"] = [{**draw(selectors()), "models": draw(st.lists(patterns, min_size=1, max_size=2))}]
    return policy
