# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Triton's metrics, in the text format of Prometheus: what is in them about GPUs and about loads.

Source: triton server, docs/user_guide/metrics.md; triton core, src/metrics.cc and src/metric_model_reporter.cc.
"""

from __future__ import annotations

import contextlib
import math
import re
from typing import Any, Dict, List, Mapping, NamedTuple, Set, Tuple

from . import failures
from .client import Client
from .errors import ServerError

# Our name of each metric that is known per GPU.
GPU_METRICS = {
    "nv_gpu_utilization": "utilization",
    "nv_gpu_memory_total_bytes": "memory_total_bytes",
    "nv_gpu_memory_used_bytes": "memory_used_bytes",
    "nv_gpu_power_usage": "power_usage_watts",
    "nv_gpu_power_limit": "power_limit_watts",
    "nv_energy_consumption": "energy_consumption_joules",
}
_INFERENCES = "nv_inference_count"
# Of requests that an instance has computed; one that was refused before is counted as a failure alone.
_COMPUTED = re.compile("nv_inference_(?:count|exec_count|compute_)")
# Set whenever a copy of a model is loaded, and not by an update in place (triton core: src/model_repository_manager/
# model_lifecycle.cc, CalculateAndReportLoadTime). tritonserver 2.51.0 does not have it yet, ensembles never do.
_LOAD_TIME = "nv_model_load_duration_secs"

_SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?[ \t]+(\S+)')
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(.)")


class Metrics(NamedTuple):
    """What the metrics say.

    Attributes:
        gpus: by UUID, each value by its name in `GPU_METRICS`.
        model_gpus: UUIDs of the GPUs that a version of a model is counted on. No GPU proves nothing: models that were
            loaded at the start of the server have none.
        load_times: seconds that the last load of a version took.
    """

    gpus: Dict[str, Dict[str, float]]
    model_gpus: Dict[Tuple[str, str], Set[str]]
    load_times: Dict[Tuple[str, str], float]

    def gpu_results(self) -> List[Dict[str, Any]]:
        """The GPUs as a module returns them; null for what the server does not measure."""
        return [
            {"uuid": uuid, **{name: values.get(name) for name in GPU_METRICS.values()}}
            for uuid, values in sorted(self.gpus.items())
        ]


NO_METRICS = Metrics({}, {}, {})


def read_metrics(client: Client) -> Metrics:
    """Ask for the metrics.

    Raises:
        ServerError: they cannot be had.
    """
    return parse_metrics(read_text(client))


def read_text(client: Client) -> str:
    """The metrics as they are sent.

    Raises:
        ServerError: they cannot be had.
    """
    answer = client.request("GET", "")
    if answer.status != 200:
        raise failures.of_answer(answer)
    text = answer.body.decode("utf-8", "surrogateescape")
    if failures.is_html(answer) or (text.strip() and not any(map(_SAMPLE.match, text.splitlines()))):
        seen = "the answer holds no metrics in the text format of Prometheus."
        remedy = "Correct 'metrics_url'; Triton's own is http://HOST:8002/metrics."
        raise ServerError("unexpected", answer.url, seen, remedy, answer.status)
    return text


def parse_metrics(text: str) -> Metrics:
    """Read metrics. What is not understood is left out."""
    found = Metrics({}, {}, {})
    for line in text.splitlines():
        sample = _SAMPLE.match(line)
        if sample is None:
            continue
        name, labels, value = sample.groups()
        if name in GPU_METRICS or name in (_INFERENCES, _LOAD_TIME):
            _add(found, name, {label: _unescaped(said) for label, said in _LABEL.findall(labels or "")}, value)
    return found


def parse_counters(text: str) -> Dict[Tuple[str, str, str], float]:
    """How much each version of each model has computed on each GPU, by name, version, and UUID or ``""``.

    It is the sum of all that is counted of its executions, which says nothing but whether there was one.
    """
    counted: Dict[Tuple[str, str, str], float] = {}
    for line in text.splitlines():
        sample = _SAMPLE.match(line) if _COMPUTED.match(line) else None
        if sample is None:
            continue
        labels = {label: _unescaped(said) for label, said in _LABEL.findall(sample.group(2) or "")}
        with contextlib.suppress(ValueError):
            value = float(sample.group(3))
            key = (labels.get("model", ""), labels.get("version", ""), labels.get("gpu_uuid", ""))
            counted[key] = counted.get(key, 0.0) + (value if math.isfinite(value) else 0.0)
    return counted


def _add(found: Metrics, name: str, labels: Mapping[str, str], text: str) -> None:
    try:
        value = float(text)
    except ValueError:
        return
    if not math.isfinite(value):
        return
    version = (labels.get("model", ""), labels.get("version", ""))
    if name == _LOAD_TIME:
        found.load_times[version] = value
    elif labels.get("gpu_uuid"):
        if name == _INFERENCES:
            found.model_gpus.setdefault(version, set()).add(labels["gpu_uuid"])
        else:
            found.gpus.setdefault(labels["gpu_uuid"], {})[GPU_METRICS[name]] = value


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: "\n" if match.group(1) == "n" else match.group(1), text)
