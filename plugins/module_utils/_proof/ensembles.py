# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Ensembles and the models that they are made of: whose fault is whose, and in which order to load them."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Sequence, Set


def steps_of(config: Mapping[str, Any]) -> List[str]:
    """The names of the models of an ensemble, each once; empty for any other model."""
    steps = config.get("ensemble_scheduling", {}).get("step", [])
    return list(dict.fromkeys(str(step.get("model_name", "")) for step in steps))


def in_loading_order(names: Iterable[str], steps: Mapping[str, Sequence[str]]) -> List[str]:
    """Names sorted, each after those of its steps that are among them, however far down. A circle is cut somewhere.

    Args:
        steps: by the name of an ensemble.
    """
    wanted = sorted(set(names))
    ordered: Dict[str, None] = {}
    visited: Set[str] = set()
    for first in wanted:
        # A stack of its own: ensembles of ensembles may be nested deeper than Python calls.
        stack = [(first, iter(sorted(steps.get(first, ()))))] if first not in visited else []
        visited.add(first)
        while stack:
            name, ahead = stack[-1]
            following = next((step for step in ahead if step not in visited), None)
            if following is None:
                ordered[name] = None
                stack.pop()
            else:
                visited.add(following)
                stack.append((following, iter(sorted(steps.get(following, ())))))
    among = set(wanted)
    return [name for name in ordered if name in among]
