# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Everything that a running server says of itself and its models, in plain data."""

from __future__ import annotations

import fnmatch
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from . import control_mode
from .connection import Connection
from .errors import ServerError
from .hidden_models import why_hidden
from .metrics import NO_METRICS, Metrics, read_metrics
from .model_states import LOADING, READY, Model, by_model
from .triton import IndexEntry, Triton

CONFIG, STATISTICS, METRICS = "config", "statistics", "metrics"
GATHER = (CONFIG, STATISTICS, METRICS)
AUTO, ALWAYS, NEVER = "auto", "always", "never"

_NOT_ASKED = "The server was not asked, since 'probe_control_mode' is 'never'."
_ENSEMBLES = (
    "The server was not asked: it serves ensembles, or it is not known whether it does, and it may load them anew when "
    "asked. With 'probe_control_mode: always' it is asked all the same."
)


class Wanted(NamedTuple):
    """What is asked for.

    Attributes:
        gather: names of `GATHER`.
        patterns: shell patterns of the names of models; all models if there are none.
        probe: `AUTO`, `ALWAYS` or `NEVER`.
        on_disk: what was read of each model in the repositories, None where none was given.
    """

    gather: Sequence[str] = GATHER
    patterns: Sequence[str] = ()
    probe: str = AUTO
    on_disk: Optional[Mapping[str, Mapping[str, Any]]] = None

    def takes(self, name: str) -> bool:
        return not self.patterns or any(fnmatch.fnmatchcase(name, pattern) for pattern in self.patterns)


def describe_server(connection: Connection, wanted: Wanted) -> Dict[str, Any]:
    """All that was asked for. What cannot be had fails, but for the metrics, which are another service.

    Raises:
        ServerError: the server does not answer, or not as a Triton does.
    """
    triton = connection.triton()
    try:
        return _describe(connection, triton, wanted)
    finally:
        triton.client.close()


def _describe(connection: Connection, triton: Triton, wanted: Wanted) -> Dict[str, Any]:
    metadata = triton.when_up(triton.metadata, connection.startup_timeout)
    live, ready = triton.is_live(), triton.is_ready()
    statistics = triton.statistics() if STATISTICS in wanted.gather else {}
    metrics, metrics_error = _metrics(connection, wanted)
    index = by_model(triton.index())
    names = sorted({*index, *(wanted.on_disk or {})})
    configs = _Configs(triton, CONFIG in wanted.gather)
    models = [
        _model(name, index.get(name), wanted, configs, statistics, metrics) for name in names if wanted.takes(name)
    ]
    mode = _mode(triton, wanted, configs, index)
    return {
        "server": {"url": connection.url, **metadata._asdict()},
        "live": live,
        "ready": ready,
        "control_mode": mode.mode,
        "control_mode_unknown": mode.unknown or None,
        "models": models,
        "not_served": [model["name"] for model in models if not model["served"]],
        "hidden": [model["name"] for model in models if model["hidden"]],
        "counts": {
            "models": len(models),
            "served": sum(model["served"] for model in models),
            "not_served": sum(not model["served"] for model in models),
            "hidden": sum(model["hidden"] is not None for model in models),
        },
        "metrics": {"url": connection.metrics_url, "error": metrics_error, "gpus": metrics.gpu_results()},
    }


class _Configs:
    """The configurations that the server runs, each asked for once."""

    def __init__(self, triton: Triton, wanted: bool) -> None:
        self.triton = triton
        self.wanted = wanted
        self.only_plain = wanted  # whether it is known that no model that serves is an ensemble

    def of(self, entry: IndexEntry) -> Tuple[Optional[Dict[str, Any]], Optional[str]]:
        """The configuration of a version that serves, or why it cannot be had."""
        if not self.wanted or entry.state not in (READY, LOADING):
            return None, None
        try:
            config = self.triton.config(entry.name, entry.version or "")
        except ServerError as error:
            if error.kind not in ("server", "name"):
                raise
            # One that is loading has none yet, one that was ready a moment ago may be gone.
            self.only_plain = self.only_plain and entry.state != READY
            return None, str(error) if entry.state == READY else None
        self.only_plain = self.only_plain and config.get("platform") != "ensemble"
        return config, None


def _model(
    name: str,
    model: Optional[Model],
    wanted: Wanted,
    configs: _Configs,
    statistics: Mapping[Tuple[str, str], Mapping[str, Any]],
    metrics: Metrics,
) -> Dict[str, Any]:
    known = model or Model(name, ())
    compared = wanted.on_disk is not None
    hidden = why_hidden(model, (wanted.on_disk or {}).get(name), compared)
    versions: List[Dict[str, Any]] = []
    for entry in known.versions:
        key = (name, entry.version or "")
        config, config_error = configs.of(entry)
        counted = statistics.get(key)
        versions.append(
            {
                "version": entry.version,
                "state": entry.state,
                "reason": entry.reason,
                "config": config,
                "config_error": config_error,
                "statistics": counted,
                "memory_usage": None if counted is None else counted.get("memory_usage", []),
                "gpu_uuids": sorted(metrics.model_gpus.get(key, ())),
            }
        )
    return {
        "name": name,
        "served": known.is_served,
        "state": known.state,
        "reason": known.reason,
        "hidden": None if hidden is None else hidden.id,
        "hidden_reason": None if hidden is None else hidden.text,
        "findings": [] if hidden is None else hidden.findings,
        "versions": versions,
    }


def _metrics(connection: Connection, wanted: Wanted) -> Tuple[Metrics, Optional[str]]:
    if METRICS not in wanted.gather:
        return NO_METRICS, None
    client = connection.metrics()
    try:
        return read_metrics(client), None
    except ServerError as error:
        if error.kind == "option":
            raise
        return NO_METRICS, str(error)
    finally:
        client.close()


def _mode(triton: Triton, wanted: Wanted, configs: _Configs, index: Mapping[str, Model]) -> control_mode.ControlMode:
    if wanted.probe == NEVER:
        return control_mode.ControlMode(None, _NOT_ASKED)
    if wanted.probe == AUTO and not (configs.only_plain and all(map(wanted.takes, index))):
        return control_mode.ControlMode(None, _ENSEMBLES)
    return control_mode.probe(triton)
