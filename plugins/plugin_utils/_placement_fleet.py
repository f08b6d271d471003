# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin util is PRIVATE to the collection: it can change without notice.
"""Where the models of a whole fleet run and whether they should: a row for each host, and what needs attention."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from . import _placement_attention as a
from ._listing import counted, natural, one_line
from ._placement_results import HostResults, Plain, mappings, read_host

GRADES = ("proved", "consistent", "unproved", "contradicted")
DEVICES = ("on_gpu", "on_cpu", "on_model", "not_served")
STATUSES = (
    "compliant",
    "changed",
    "violation",
    "waived",
    "exempt",
    "incompatible",
    "template",
    "invalid",
    "unmatched",
)
OK = "OK"


class Row(NamedTuple):
    """One host.

    Attributes:
        state: one of `STATES`.
        severity: ``error``, ``warning`` or empty.
        usable, present: numbers of GPUs, as far as they are known.
        models: number of models; None where it is not known.
        devices, grades: numbers of models; None where no server was asked.
        statuses: numbers of configurations; None where no policy was.
        to_change: whether those that are ``changed`` are still to be.
    """

    host: str
    state: str
    severity: str
    usable: Optional[int]
    present: Optional[int]
    models: Optional[int]
    devices: Optional[Dict[str, int]]
    grades: Optional[Dict[str, int]]
    statuses: Optional[Dict[str, int]]
    to_change: bool


class Fleet(NamedTuple):
    """All hosts, those with problems first, and what needs attention."""

    rows: List[Row]
    attention: List[a.Group]
    results: Mapping[str, HostResults]

    def summary(self) -> str:
        """The sums in one line."""
        states = [(state, sum(row.state == state for row in self.rows)) for state, *_rest in STATES]
        told = ", ".join(f"{number} {state}" for state, number in states if number)
        parts = [f"{counted(len(self.rows), 'host')}: {told or 'none'}."]
        if any(row.grades is not None for row in self.rows):
            sums = _sums(row.grades for row in self.rows if row.grades is not None)
            on_cpu = sum(row.devices["on_cpu"] for row in self.rows if row.devices)
            grades = ", ".join(f"{sums[grade]} {grade}" for grade in GRADES if sums[grade])
            parts.append(f"{counted(sum(sums.values()), 'model')}: {grades or 'none'}; {on_cpu} on the CPU.")
        return " ".join(parts)

    def as_data(self) -> Dict[str, Any]:
        """The same as plain data, with every host and every model."""
        return {
            "summary": self.summary(),
            "hosts": [_host_data(row, self.results[row.host]) for row in self.rows],
            "attention": [
                {**group._asdict(), "hosts": {host: list(models) for host, models in group.hosts.items()}}
                for group in self.attention
            ],
        }


class _Seen(NamedTuple):
    """What the state of a host is told from."""

    results: HostResults
    ids: Mapping[str, Sequence[str]]
    contradicted: bool
    unproved: bool


# The first state that fits a host is its state, and hosts are listed in this order.
STATES: Tuple[Tuple[str, str, Callable[[_Seen], bool]], ...] = (
    ("RESTORED", a.ERROR, lambda seen: a.RESTORED in seen.ids),
    ("CONTRADICTED", a.ERROR, lambda seen: seen.contradicted),
    ("NO ANSWER", a.ERROR, lambda seen: a.NO_ANSWER in seen.ids),
    ("UNREACHABLE", a.ERROR, lambda seen: seen.results.unreachable),
    ("FAILED", a.ERROR, lambda seen: a.FAILED in seen.ids or a.TASK_FAILED in seen.ids),
    ("NO RESULT", a.ERROR, lambda seen: a.NO_RESULT in seen.ids or a.HIDDEN in seen.ids),
    ("SILENT CPU", a.ERROR, lambda seen: a.SILENT_CPU in seen.ids),
    ("VIOLATION", a.ERROR, lambda seen: bool({"violation", "incompatible", "invalid"} & set(seen.ids))),
    ("GPU ERROR", a.ERROR, lambda seen: a.ERROR in seen.ids.values()),
    ("UNPROVED", a.WARNING, lambda seen: seen.unproved),
    ("TO CHANGE", a.WARNING, lambda seen: a.TO_CHANGE in seen.ids),
    ("WARNING", a.WARNING, lambda seen: bool(seen.ids)),
    (OK, "", lambda seen: True),
)
_ORDER = {state: place for place, (state, _severity, _fits) in enumerate(STATES)}


def fleet(raw: Mapping[Any, Any]) -> Fleet:
    """The fleet of the results by host, as `read_host` takes them."""
    results = {one_line(str(host)): read_host(of_host) for host, of_host in raw.items()}
    things = {host: a.attention(host, of_host) for host, of_host in results.items()}
    rows = [_row(host, of_host, things[host]) for host, of_host in results.items()]
    rows.sort(key=lambda row: (_ORDER[row.state], natural(row.host)))
    return Fleet(rows, a.grouped([thing for of_host in things.values() for thing in of_host]), results)


def _row(host: str, results: HostResults, things: Sequence[a.Attention]) -> Row:
    proof, policy = results.proof, results.policy
    grades = proof.counts if proof and proof.models is not None and proof.counts else None
    seen = _Seen(
        results,
        {thing.id: thing.severity for thing in things},
        bool(grades and grades.get("contradicted")),
        bool(grades and grades.get("unproved")),
    )
    state, severity = next((state, severity) for state, severity, fits in STATES if fits(seen))
    usable, present = _gpus(results)
    counted_in = next((result for result in (proof, results.prediction, policy) if result and result.counts), None)
    models = None
    if counted_in is not None:
        models = counted_in.counts.get("models", sum(counted_in.counts.values()))
    return Row(
        host,
        state,
        severity,
        usable,
        present,
        models,
        _picked(DEVICES, grades),
        _picked(GRADES, grades),
        _picked(STATUSES, policy.counts if policy and policy.counts else None),
        results.check_mode,
    )


def _gpus(results: HostResults) -> Tuple[Optional[int], Optional[int]]:
    facts = results.gpus.gpus if results.gpus else None
    numbers = [facts.get(name) if facts else None for name in ("usable_count", "present_count")]
    if all(isinstance(number, int) for number in numbers):
        return numbers[0], numbers[1]
    for result in (results.proof, results.prediction):
        if result and result.seen_gpus is not None:
            return result.seen_gpus, None
    return None, None


def _picked(names: Sequence[str], counts: Optional[Mapping[str, int]]) -> Optional[Dict[str, int]]:
    return None if counts is None else {name: counts.get(name, 0) for name in names}


def _sums(counts: Any) -> Dict[str, int]:
    sums = dict.fromkeys(GRADES, 0)
    for one in counts:
        for name, number in one.items():
            sums[name] += number
    return sums


def _host_data(row: Row, results: HostResults) -> Dict[str, Any]:
    server = results.proof.server if results.proof else None
    left_out = ("usable", "present", "models")
    data: Dict[str, Any] = {name: value for name, value in row._asdict().items() if name not in left_out}
    data["gpus"] = None if row.usable is None else {"usable": row.usable, "present": row.present}
    data["server"] = server and {
        name: one_line(server.get(name)) or None for name in ("url", "version", "control_mode", "started_at")
    }
    data["models"] = _model_data(results)
    data["restored"] = results.restored
    data["failure"] = results.failure or None
    return data


def _model_data(results: HostResults) -> Any:
    """Each model in a few words, by the proof where there is one, else by the prediction."""
    if results.proof and results.proof.counts:
        return [_proved(model) for model in results.proof.models]
    if results.prediction and results.prediction.counts:
        return [_predicted(model) for model in results.prediction.models]
    return None


def _proved(model: Plain) -> Dict[str, Any]:
    versions = mappings(model.get("resolved"))
    return {
        "name": one_line(model.get("name")),
        "repository": one_line(model.get("repository")) or None,
        "grade": one_line(model.get("grade")) or None,
        "status": one_line(model.get("status")) or None,
        "critical": bool(model.get("critical")),
        "served": bool(model.get("served")),
        "versions": {one_line(version.get("version")): _groups(version.get("groups")) for version in versions},
        "problems": [one_line(problem.get("id")) for problem in mappings(model.get("problems"))],
    }


def _predicted(model: Plain) -> Dict[str, Any]:
    predicted = model.get("prediction")
    predicted = predicted if isinstance(predicted, Mapping) else {}
    return {
        "name": one_line(model.get("model")),
        "repository": one_line(model.get("repository")) or None,
        "loads": predicted.get("loads") if isinstance(predicted.get("loads"), bool) else None,
        "silent_cpu": bool(predicted.get("silent_cpu")),
        "groups": _groups(predicted.get("groups")),
    }


def _groups(groups: Any) -> List[Dict[str, Any]]:
    return [
        {
            "kind": one_line(str(group.get("kind"))),
            "count": group.get("count") if isinstance(group.get("count"), int) else None,
            "gpus": [gpu for gpu in group.get("gpus") or () if isinstance(gpu, int)],
        }
        for group in mappings(groups)
    ]
