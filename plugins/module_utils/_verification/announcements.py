# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Which lines a look adds to the journal.

A problem is told when it is new, told again while it lasts whenever a reminder is due, and told once more when it is
over. A host that has been wrong for a week so has a line about it in every stretch of the journal, and not 10,000.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Tuple

from .._gpu.states import ERROR, INFO, WARNING
from .state_file import COMPARED, CONTRADICTED, DOWN, FAILED, FINE, GPU_PROBLEM, STARTING

_MODEL, _GPU, _LOOK = "model", "gpu", "look"
# What is said of a look as a whole, and how loudly. Where models or GPUs are wrong they have lines of their own.
_SEVERITY = {FAILED: ERROR, DOWN: ERROR, STARTING: INFO, CONTRADICTED: INFO, GPU_PROBLEM: INFO, FINE: INFO}
_SILENT_FIELDS = ("since_seconds", "told_at_seconds")

Memory = Dict[str, Dict[str, Any]]


class Line(NamedTuple):
    """A line of the journal. ``severity`` is one of `_gpu.states`."""

    severity: str
    text: str


class Problem(NamedTuple):
    """Something that is wrong now.

    Attributes:
        key: by which the next look knows it again.
        about: ``model`` or ``gpu``.
        name: of it, for the line that says that it is over.
    """

    key: str
    about: str
    name: str
    severity: str
    text: str


def problems(state: Mapping[str, Any]) -> List[Problem]:
    """The errors and warnings of a look, each once."""
    found: Dict[str, Problem] = {}
    for problem in [*_of_models(state["models"]), *_of_gpus(state["gpu"]["findings"])]:
        found.setdefault(problem.key, problem)
    return list(found.values())


def announce(
    state: Mapping[str, Any], before: Mapping[str, Any], now: float, remind: float
) -> Tuple[List[Line], Memory]:
    """The lines that are due, and what the next look has to know for its own.

    Args:
        state: of this look.
        before: of the one before it, with ``announced``, which this has given then; empty where there was none.
        now: seconds since the epoch.
        remind: seconds after which a problem that is still there is told again.
    """
    known = _memory(before)
    memory: Memory = {}
    lines: List[Line] = []
    for problem in problems(state):
        told = known.get(problem.key)
        since = told["since_seconds"] if told else now
        # A clock that was set back must not keep a problem silent.
        due = told is None or not 0 <= now - told["told_at_seconds"] < remind
        if due:
            lines.append(Line(problem.severity, problem.text + (_since(since) if told else "")))
        memory[problem.key] = {
            "about": problem.about,
            "name": problem.name,
            "since_seconds": since,
            "told_at_seconds": now if due else told["told_at_seconds"] if told else now,
        }
    for key, told in known.items():
        if key in memory:
            continue
        if told["about"] in _unseen(state):
            memory[key] = told  # nobody knows whether it is over
        elif told["about"] != _LOOK:
            lines.append(Line(INFO, f"over: {told['name']}{_since(told['since_seconds'])}"))
    return [*_of_look(state, known, memory, now, remind), *lines], memory


def _unseen(state: Mapping[str, Any]) -> List[str]:
    """What the look has not seen, so that it says nothing of it."""
    models = [] if state["status"] in COMPARED else [_MODEL]
    return models if state["gpu"]["present_count"] is not None else [*models, _GPU]


def _of_look(state: Mapping[str, Any], known: Memory, memory: Memory, now: float, remind: float) -> Iterator[Line]:
    """The line about the look itself: where it ends otherwise than the one before, and reminders of a bad end."""
    status = state["status"]
    key = f"{_LOOK} {status}"
    told = known.get(key)
    severity = _SEVERITY[status]
    since = told["since_seconds"] if told else now
    due = told is None or (severity == ERROR and not 0 <= now - told["told_at_seconds"] < remind)
    if due:
        yield Line(severity, f"{status}: {_one_line(state['summary'])}" + (_since(since) if told else ""))
    at = now if due or told is None else told["told_at_seconds"]
    memory[key] = {"about": _LOOK, "name": status, "since_seconds": since, "told_at_seconds": at}


def _of_models(models: Any) -> Iterator[Problem]:
    for model in models:
        critical = ", critical" if model["critical"] else ""
        for problem in model["problems"]:
            name = f"model {_one_line(model['name'])} ({problem['id']}{critical})"
            key = f"{_MODEL} {model.get('repository') or ''} {model['name']} {problem['id']} {problem['severity']}"
            yield Problem(
                key, _MODEL, name, problem["severity"], f"{name}: {_sentences(problem['text'], problem['cure'])}"
            )


def _of_gpus(findings: Any) -> Iterator[Problem]:
    for finding in findings:
        if finding["severity"] in (ERROR, WARNING):
            name = f"{_one_line(finding['where'])} ({finding['state']})"
            key = f"{_GPU} {finding['pci_address'] or ''} {finding['state']} {finding['severity']}"
            yield Problem(
                key, _GPU, name, finding["severity"], f"{name}: {_sentences(finding['explanation'], finding['remedy'])}"
            )


def _sentences(*parts: str) -> str:
    return " ".join(_one_line(part) for part in parts if part)


def _one_line(text: str) -> str:
    """A name with a line break in it must not look like a line of its own."""
    return " ".join(text.split())


def _since(seconds: float) -> str:
    return f" (since {datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%SZ})"


def _memory(before: Mapping[str, Any]) -> Memory:
    """What the look before has told; nothing where somebody has been at it."""
    found = before.get("announced")
    if not isinstance(found, dict):
        return {}
    return {
        key: entry
        for key, entry in found.items()
        if isinstance(entry, dict)
        and all(isinstance(entry.get(name), (int, float)) for name in _SILENT_FIELDS)
        and all(isinstance(entry.get(name), str) for name in ("about", "name"))
    }
