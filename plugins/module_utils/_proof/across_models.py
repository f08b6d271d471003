# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What only all models of a server together tell."""

from __future__ import annotations

from collections import Counter
from typing import Counter as Counted
from typing import FrozenSet, NamedTuple, Set

from .._model_config.instance_group import KIND_GPU
from .placement_difference import running_groups
from .records import ServerSeen

_MARGIN = 2.0  # seconds by which the start of a process may be told too late: the kernel counts from a boot in seconds


class Across(NamedTuple):
    """What they tell.

    Attributes:
        sees_gpus: whether the server uses a GPU for any model, or its metrics have one.
        shared_groups: names of instance groups that are not one group's alone, so that a line of the log may be of
            either.
    """

    sees_gpus: bool
    shared_groups: FrozenSet[str]


def across(server: ServerSeen) -> Across:
    """Look at all models of a server."""
    sees_gpus = bool(server.gpu_uuids)
    names: Counted[str] = Counter()
    shared: Set[str] = set()
    for model in server.models.values():
        of_model: Set[str] = set()
        for version in model.versions:
            groups = running_groups(version.config) if version.config else []
            own = Counter(group.name for group in groups)
            shared.update(name for name, times in own.items() if times > 1)
            of_model.update(own)
            sees_gpus = sees_gpus or any(group.kind == KIND_GPU and group.gpus for group in groups)
        names.update(of_model)
    shared.update(name for name, times in names.items() if times > 1)
    return Across(sees_gpus, frozenset(shared))


def with_its_own_log(server: ServerSeen) -> ServerSeen:
    """The same server, with nothing in its log that is of an earlier run, and without the log where that is all."""
    log, started = server.log, server.started_at
    if log is None or started is None:
        return server
    since = started - _MARGIN
    loads = {
        name: [event for event in events if event.at is None or event.at >= since] for name, events in log.loads.items()
    }
    if any(log.loads.values()) and not any(loads.values()):
        error = "The log ends before the server was started: it is the log of an earlier run, and was not used."
        return server._replace(log=None, log_error=error)
    return server._replace(log=log._replace(loads=loads))
