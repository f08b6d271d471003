# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What a running server says of its models, as the proof compares it."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

from .._proof.records import SeenModel, SeenVersion
from .._server.client import Client
from .._server.errors import ServerError
from .._server.metrics import NO_METRICS, Metrics, read_metrics
from .._server.model_states import LOADING, READY, Model, by_model
from .._server.triton import IndexEntry, Triton

# Answers that are about one model: it went away since the index was read, or its name cannot stand in a URL.
_OF_ONE_MODEL = ("server", "name")

Statistics = Mapping[Tuple[str, str], Mapping[str, Any]]


class Said(NamedTuple):
    """What a server says of itself and of its models, by name."""

    version: str
    live: bool
    ready: bool
    models: Dict[str, SeenModel]
    gpu_uuids: Tuple[str, ...]
    metrics_error: Optional[str]


def gather(triton: Triton, metrics: Client) -> Said:
    """Ask a server that is up for everything, over one connection and, for the metrics, a second one.

    Raises:
        ServerError: a part of the answer cannot be had, because it is restricted for example. Only the metrics, which
            are another service, and what concerns one model alone may be missing.
    """
    version = triton.metadata().version
    live, ready = triton.is_live(), triton.is_ready()
    measured, metrics_error = _metrics(metrics)
    statistics = triton.statistics()
    index = _with_unlisted(by_model(triton.index()), statistics)
    models = {
        name: SeenModel(name, tuple(_version(triton, entry, statistics, measured) for entry in model.versions))
        for name, model in index.items()
    }
    return Said(version, live, ready, models, tuple(sorted(measured.gpus)), metrics_error)


def _with_unlisted(index: Dict[str, Model], statistics: Statistics) -> Dict[str, Model]:
    """The index with what it does not tell and that serves all the same, since only what serves has statistics.

    Seen from tritonserver 2.51.0: a model whose directory is gone leaves the index at once, and serves on.
    """
    listed = {name for name, model in index.items() if model.versions}
    unlisted = by_model(IndexEntry(*key, READY, "") for key in sorted(statistics) if key[0] not in listed)
    return {**index, **unlisted}


def _version(triton: Triton, entry: IndexEntry, statistics: Statistics, metrics: Metrics) -> SeenVersion:
    version = entry.version or ""
    seen = SeenVersion(version, entry.state, entry.reason)
    if entry.state not in (READY, LOADING):
        return seen
    # A version that is loaded for the first time has no configuration yet. One that is loaded anew serves meanwhile.
    config, config_error = _of_one(lambda: triton.config(entry.name, version))
    counted = statistics.get((entry.name, version))
    return seen._replace(
        ready=_of_one(lambda: triton.is_model_ready(entry.name, version))[0],
        config=config,
        config_error=config_error if entry.state == READY else None,
        gpu_uuids=tuple(sorted(metrics.model_gpus.get((entry.name, version), ()))),
        memory_usage=None if counted is None else _memory(counted),
    )


def _of_one(ask: Callable[[], Any]) -> Tuple[Any, Optional[str]]:
    """What ``ask`` gives, or why it cannot be had of this one model."""
    try:
        return ask(), None
    except ServerError as error:
        if error.kind not in _OF_ONE_MODEL:
            raise
        return None, str(error)


def _memory(counted: Mapping[str, Any]) -> List[Mapping[str, Any]]:
    usage = counted.get("memory_usage")
    return [item for item in usage if isinstance(item, Mapping)] if isinstance(usage, list) else []


def _metrics(client: Client) -> Tuple[Metrics, Optional[str]]:
    try:
        return read_metrics(client), None
    except ServerError as error:
        if error.kind == "option":
            raise
        return NO_METRICS, str(error)
    finally:
        client.close()
