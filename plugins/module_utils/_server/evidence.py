# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What can be seen of a model before and after a request, and what the difference proves.

A request to load answers with success whether or not the server found anything to do (triton core:
model_repository_manager.cc, InitializeModelInfo), so that only its traces tell. A model that is loaded anew starts with
new statistics; one whose instances are updated in place keeps them.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple

from .client import Client
from .errors import ServerError
from .metrics import NO_METRICS, read_metrics
from .model_states import Model, named
from .triton import Triton

STATE, CONFIG, STATISTICS, LOAD_TIME = "state", "config", "statistics", "load_time"
_COUNTERS = ("inference_count", "execution_count", "last_inference")


class Traces(NamedTuple):
    """What is seen of one model.

    Attributes:
        configs: by version, for those that serve.
        counters: by version, numbers that only grow while the same copy of the model serves.
        load_times: seconds by version; none where the server does not measure them.
    """

    model: Model
    configs: Dict[str, Dict[str, Any]]
    counters: Dict[str, Tuple[int, ...]]
    load_times: Dict[str, float]


def look(
    triton: Triton, metrics: Optional[Client], models: Mapping[str, Model], names: Iterable[str], deep: bool = True
) -> Dict[str, Traces]:
    """What is seen of each of the models ``names``.

    Args:
        metrics: None not to ask for the times of loads.
        deep: whether to ask for the configurations, the statistics and the metrics, besides the index ``models``.

    Raises:
        ServerError: the server does not answer.
    """
    statistics = _statistics(triton) if deep else {}
    times = _load_times(metrics) if deep and metrics is not None else {}
    seen = {}
    for name in names:
        model = named(models, name)
        versions = model.ready_versions if deep else ()
        seen[name] = Traces(
            model,
            {version: config for version in versions for config in _config(triton, name, version)},
            {version: _counters(statistics[name, version]) for version in versions if (name, version) in statistics},
            {version: times[name, version] for version in versions if (name, version) in times},
        )
    return seen


def differences(before: Traces, after: Traces) -> List[str]:
    """What proves that the server has done something: names of what differs."""
    found = []
    mended = after.model.is_served and not before.model.is_served
    if mended or before.model.ready_versions != after.model.ready_versions:
        found.append(STATE)
    both = set(before.model.ready_versions) & set(after.model.ready_versions)
    known = both & set(before.configs) & set(after.configs)
    if any(before.configs[version] != after.configs[version] for version in known):
        found.append(CONFIG)
    if any(
        later < earlier
        for version in both & set(before.counters) & set(after.counters)
        for earlier, later in zip(before.counters[version], after.counters[version])
    ):
        found.append(STATISTICS)
    timed = both & set(before.load_times) & set(after.load_times)
    if any(before.load_times[version] != after.load_times[version] for version in timed):
        found.append(LOAD_TIME)
    return found


def is_certain(before: Traces, after: Traces) -> bool:
    """Whether a load that left no trace has changed nothing: the server says how long each version's last load took."""
    versions = set(after.model.ready_versions)
    return bool(versions) and versions <= set(before.load_times) and versions <= set(after.load_times)


def _config(triton: Triton, name: str, version: str) -> List[Dict[str, Any]]:
    try:
        return [triton.config(name, version)]
    except ServerError as error:
        if error.kind not in ("server", "name"):
            raise
        return []  # it went away since the index was read


def _statistics(triton: Triton) -> Dict[Tuple[str, str], Dict[str, Any]]:
    try:
        return triton.statistics()
    except ServerError as error:
        if error.kind not in ("restricted", "credentials"):
            raise
        return {}


def _load_times(metrics: Client) -> Dict[Tuple[str, str], float]:
    try:
        return read_metrics(metrics).load_times
    except ServerError:
        return NO_METRICS.load_times
    finally:
        metrics.close()


def _counters(row: Mapping[str, Any]) -> Tuple[int, ...]:
    values = (row.get(name) for name in _COUNTERS)
    return tuple(value if isinstance(value, int) else 0 for value in values)
