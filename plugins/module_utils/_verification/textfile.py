# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""A look as metrics, in the text format that the textfile collector of Prometheus's node exporter reads.

Source: prometheus.io/docs/instrumenting/exposition_formats, "Text-based format".
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Sequence, Tuple

from .._gpu.states import ERROR, WARNING
from .state_file import COMPARED, STATUSES

FILE = "triton_placement.prom"
GRADES = ("proved", "consistent", "unproved", "contradicted")
NONE, MIXED = "none", "mixed"
KINDS = ("KIND_GPU", "KIND_CPU", "KIND_MODEL", MIXED, NONE)

Labels = Tuple[Tuple[str, str], ...]


class Sample(NamedTuple):
    """A value, with its labels."""

    labels: Labels
    value: float


class Metric(NamedTuple):
    """A gauge and its samples. One that can have none is left out then."""

    name: str
    text: str
    samples: Sequence[Sample]


def exposition(state: Mapping[str, Any], interval: float) -> str:
    """The metrics of a state.

    Args:
        state: as `state_file` keeps it. Its models count only where the look has compared them.
        interval: seconds between two looks, so that an alert knows when the last one is too old.
    """
    lines: List[str] = []
    for metric in metrics(state, interval):
        if metric.samples:
            lines += [f"# HELP {metric.name} {_help(metric.text)}", f"# TYPE {metric.name} gauge"]
        lines += [f"{metric.name}{_labels(sample.labels)} {_number(sample.value)}" for sample in metric.samples]
    return "".join(f"{line}\n" for line in lines)


def metrics(state: Mapping[str, Any], interval: float) -> List[Metric]:
    """The metrics themselves."""
    status = state["status"]
    models: Sequence[Mapping[str, Any]] = state.get("models", ()) if status in COMPARED else ()
    gpu = state["gpu"]
    counts = [("present", gpu["present_count"]), ("usable", gpu["usable_count"]), ("expected", gpu["expected_count"])]
    return [
        Metric(
            "triton_placement_up",
            "Whether the server answered the last look.",
            [_plain(status in COMPARED)],
        ),
        Metric(
            "triton_placement_status",
            "How the last look ended: 1 for that status, 0 for the others.",
            [Sample((("status", one),), status == one) for one in STATUSES],
        ),
        Metric(
            "triton_placement_models",
            "Models by the grade of the proof and by the kind of device that the server runs them on.",
            _by_grade_and_kind(models) if status in COMPARED else [],
        ),
        Metric(
            "triton_placement_contradicted",
            "1 for each model that is not where it should be, and each cause of that.",
            list(_contradicted(models)),
        ),
        Metric(
            "triton_placement_pending_models",
            "Models whose file says something else than what the server runs, until it takes the file up.",
            [_plain(sum(bool(model["pending"]) for model in models))] if status in COMPARED else [],
        ),
        Metric(
            "triton_placement_gpus",
            "GPUs of the host: those that are present, those that Triton can use, and those that it should have.",
            [Sample((("state", name),), count) for name, count in counts if count is not None],
        ),
        Metric(
            "triton_placement_gpu_problem",
            "1 for each error and warning of the diagnosis of the GPUs.",
            list(_gpu_problems(gpu["findings"])),
        ),
        Metric(
            "triton_placement_last_run_timestamp_seconds",
            "When the last look ended.",
            [_plain(state["checked_at_seconds"])],
        ),
        Metric(
            "triton_placement_interval_seconds",
            "Time between two looks.",
            [_plain(interval)],
        ),
        Metric(
            "triton_placement_duration_seconds",
            "How long the last look took.",
            [_plain(state["duration_seconds"])],
        ),
    ]


def resolved_kind(model: Mapping[str, Any]) -> str:
    """The kind of device that all instances of a model run on, `MIXED` for several, `NONE` where none runs."""
    kinds = {group["kind"] for version in model["resolved"] for group in version["groups"]}
    return NONE if not kinds else MIXED if len(kinds) > 1 else str(kinds.pop())


def _by_grade_and_kind(models: Sequence[Mapping[str, Any]]) -> List[Sample]:
    """Every combination, so that no series begins or ends."""
    found: Dict[Tuple[str, str], int] = {(grade, kind): 0 for grade in GRADES for kind in KINDS}
    for model in models:
        place = (model["grade"], resolved_kind(model))
        found[place] = found.get(place, 0) + 1
    return [Sample((("grade", grade), ("kind", kind)), count) for (grade, kind), count in found.items()]


def _contradicted(models: Sequence[Mapping[str, Any]]) -> Iterator[Sample]:
    # Two repositories may have a model of the same name, and the collector refuses a file with the same series twice.
    found: Dict[Tuple[str, str], bool] = {}
    for model in models:
        if model["grade"] == "contradicted":
            causes = [problem["id"] for problem in model["problems"] if problem["severity"] == "error"]
            for cause in causes or ["unknown"]:
                place = (model["name"], cause)
                found[place] = found.get(place, False) or bool(model["critical"])
    for (name, cause), critical in found.items():
        yield Sample((("model", name), ("cause", cause), ("critical", "true" if critical else "false")), 1)


def _gpu_problems(findings: Sequence[Mapping[str, Any]]) -> Iterator[Sample]:
    told = dict.fromkeys((one["state"], one["pci_address"] or "", one["severity"]) for one in findings)
    for cause, address, severity in (one for one in told if one[2] in (ERROR, WARNING)):
        yield Sample((("cause", cause), ("pci_address", address), ("severity", severity)), 1)


def _plain(value: float) -> Sample:
    return Sample((), value)


def _labels(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{_value(value)}"' for name, value in labels) + "}" if labels else ""


def _value(text: str) -> str:
    # The name of a directory may hold bytes that are not UTF-8, for which the collector would refuse the whole file.
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))
