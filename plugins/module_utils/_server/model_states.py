# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The repository index by model: what several versions in several states come to."""

from __future__ import annotations

from typing import Dict, Iterable, Mapping, NamedTuple, Optional, Tuple

from .._proof.index_states import LOADING, ON_ITS_WAY, READY, UNAVAILABLE, UNLOADED, UNLOADING
from .triton import IndexEntry

__all__ = ["LOADING", "READY", "UNAVAILABLE", "UNLOADED", "UNLOADING", "Model", "by_model", "named"]


class Model(NamedTuple):
    """A model of the index.

    Attributes:
        versions: every version that the server knows; none where it knows the directory only.
    """

    name: str
    versions: Tuple[IndexEntry, ...]

    @property
    def ready_versions(self) -> Tuple[str, ...]:
        return tuple(entry.version or "" for entry in self.versions if entry.state == READY)

    @property
    def state(self) -> Optional[str]:
        """What the server is busy with, else ``READY`` if a version serves and no other has failed, else the worst."""
        states = {entry.state for entry in self.versions if not (entry.reason == UNLOADED and self.ready_versions)}
        return next((state for state in (*ON_ITS_WAY, UNAVAILABLE, READY) if state in states), None)

    @property
    def reason(self) -> str:
        """Why a version is not ready, or why the last change of one that is has failed; empty if all is well."""
        reasons = [entry.reason for entry in self.versions if entry.reason]
        failures = [reason for reason in reasons if reason != UNLOADED]
        if failures:
            return failures[0]
        return "" if self.ready_versions or not reasons else UNLOADED

    @property
    def is_served(self) -> bool:
        """Whether it serves, as the server was last asked to."""
        return self.state == READY and not self.reason

    @property
    def is_on_its_way(self) -> bool:
        """Whether the server is loading or unloading it."""
        return self.state in ON_ITS_WAY


def named(models: Mapping[str, Model], name: str) -> Model:
    """One of the models of an index; one without any version where it is not there."""
    return models.get(name, Model(name, ()))


def by_model(index: Iterable[IndexEntry]) -> Dict[str, Model]:
    """The models of an index, by name."""
    models: Dict[str, Model] = {}
    for entry in index:
        known = models.get(entry.name, Model(entry.name, ()))
        more = (entry,) if entry.state is not None else ()
        models[entry.name] = known._replace(versions=known.versions + more)
    return models
