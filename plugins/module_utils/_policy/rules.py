# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What a policy holds: its rules and waivers."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Optional, Tuple

from .._model_config.instance_group import Group
from .gpu_selector import Selector
from .match import Match, QueryError, Subject
from .waivers import Waiver

LEVELS = ("explicit", "kind", "exact")
MODES = ("enforce", "audit")
LISTS = ("merge", "replace")


class Rule(NamedTuple):
    """What the models of one kind have to look like.

    Attributes:
        groups: the instance groups in plain data, each with an explicit kind and without the ``gpus`` to be chosen.
        level: how much of them is demanded, see `target.target_groups`.
        mode: ``enforce``, or ``audit`` to report only.
        gpus: for each group, which devices it is to have; None where the rule does not say.
        accepts: further kinds that the level ``kind`` leaves alone.
        config: fields to merge in, in plain data; ``remove``: paths of fields to take away before; ``lists``: how to
            merge a list, see `Document.merge`.
    """

    name: str
    match: Match
    groups: Tuple[Group, ...]
    level: str
    mode: str
    gpus: Tuple[Optional[Selector], ...] = ()
    accepts: Tuple[str, ...] = ()
    config: Mapping[str, Any] = {}
    remove: Tuple[str, ...] = ()
    lists: str = "merge"

    def changes_config(self) -> bool:
        """Whether the rule is about more than instance groups."""
        return bool(self.config or self.remove)


class Policy(NamedTuple):
    """What a fleet has to look like.

    Attributes:
        rules: in the order in which they are tried.
        warnings: what is no mistake and still hardly meant, one sentence each.
        critical: the models that have to be served; None where that is every one.
    """

    rules: Tuple[Rule, ...]
    waivers: Tuple[Waiver, ...] = ()
    warnings: Tuple[str, ...] = ()
    critical: Optional[Tuple[Match, ...]] = None

    def names_gpus(self) -> bool:
        """Whether the devices of a host decide what a rule wants."""
        return any(selector is not None for rule in self.rules for selector in rule.gpus)

    def is_critical(self, subject: Subject) -> bool:
        """Whether a model has to be served.

        Raises:
            QueryError: a query fails on its configuration.
        """
        if self.critical is None:
            return True
        for index, match in enumerate(self.critical):
            try:
                if match.fits(subject):
                    return True
            except QueryError as error:
                raise QueryError(f"the query of critical[{index}], {error}") from error
        return False
