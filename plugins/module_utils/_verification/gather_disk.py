# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The models as they are on disk, and as the policy wants them, for the one server that reads them."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any, Callable, List, NamedTuple, Optional, Sequence, Tuple

from .._model_config.backend import derive
from .._model_config.backend_kinds import ModelFacts
from .._model_config.findings import ERROR
from .._model_config.instance_group import groups_of
from .._placement.prediction import versions_to_load
from .._placement.server import ServerView
from .._policy import decision
from .._policy.decision import Decision, Host
from .._policy.match import QueryError, Subject
from .._policy.rules import Policy
from .._proof.records import FILE, POLICY, Expected, OnDisk
from .._repository.discovery import Ignored
from .._repository.planning import Plan, plan, plan_variant
from .._repository.survey import Surveyed, survey
from .._repository.variant import checked_config_name


class Disk(NamedTuple):
    """What the repositories hold.

    Attributes:
        models: in the order of their names in each repository.
        warnings: what somebody should look at, whatever the server does.
    """

    models: List[OnDisk]
    ignored: List[Ignored]
    warnings: List[str]


def gather(
    repositories: Sequence[str], server: ServerView, policy: Optional[Policy], host: Host, patterns: Sequence[str] = ()
) -> Disk:
    """Read every model of the repositories that ``server`` serves together, and hold it against the policy.

    Args:
        server: with the ``config_name`` that decides which file of a model counts.
        patterns: of names; the warnings say which of them fit no model.

    Raises:
        RepositoryError: a repository cannot be read, or none was given.
        QueryError: a query of the policy fails on a model.
    """
    if server.config_name is not None:
        checked_config_name(server.config_name)
    found = survey(repositories, server)
    times = Counter(item.model.name for item in found.models)
    judge = _without_policy if policy is None else _Judge(policy, host, server.config_name)
    models = [_on_disk(item, judge, times[item.model.name] > 1) for item in found.models]
    warnings = [*found.warnings(patterns), *(policy.warnings if policy else ())]
    return Disk(models, found.ignored, warnings)


Verdict = Tuple[Expected, bool]


def _on_disk(item: Surveyed, judge: Callable[[Surveyed], Verdict], ambiguous: bool) -> OnDisk:
    found, path = item.found, item.config.path
    backend = derive(found.data, item.model.name, found.files)
    expected, critical = judge(item)
    return OnDisk(
        repository=item.model.repository,
        name=item.model.name,
        file=path if found.exists else None,
        config=found.data,
        backend=backend.backend,
        platform=backend.platform,
        errors=[finding.as_result(path) for finding in found.findings if finding.severity == ERROR],
        versions=versions_to_load(found.data, item.model.versions) if found.readable else (),
        changed_at=_changed_at(path) if found.exists else None,
        expected=expected,
        critical=critical,
        prediction=item.prediction,
        ambiguous=ambiguous,
    )


def _without_policy(item: Surveyed) -> Verdict:
    return Expected(FILE, groups_of(item.found.data)), True


class _Judge:
    """What a policy wants of each model."""

    def __init__(self, policy: Policy, host: Host, config_name: Optional[str]) -> None:
        self.policy = policy
        self.host = host
        self.config_name = config_name

    def __call__(self, item: Surveyed) -> Verdict:
        if self.config_name is None:
            planned = plan(item.model, item.config, self.policy, self.host)
        else:
            planned = plan_variant(item.model, self.config_name, self.policy, self.host)
        expected = _expected(planned.decision, groups_of(item.found.data))
        # What is invalid although nothing is wrong with the file, the policy would make so.
        faultless = not any(finding.severity == ERROR for finding in item.found.findings)
        if planned.decision.status == decision.INVALID and faultless:
            expected = expected._replace(met=False)
        return expected, self._is_critical(item, planned)

    def _is_critical(self, item: Surveyed, planned: Plan) -> bool:
        if planned.decision.status not in (decision.INVALID, decision.TEMPLATE):
            return self.policy.is_critical(planned.subject)
        # The policy has not looked at it: what can be read of it has to do, and in doubt it is critical.
        backend = derive(item.found.data, item.model.name, item.found.files)
        subject = Subject(
            item.model.repository, item.model.name, backend, ModelFacts(item.found.data), item.found.files
        )
        try:
            return self.policy.is_critical(subject)
        except QueryError:
            return True


def _expected(decided: Decision, of_file: Sequence[Any]) -> Expected:
    """What the decision comes to. ``of_file``: the groups in the file that the server reads."""
    wants = _is_wanted(decided)
    return Expected(
        source=POLICY if wants else FILE,
        groups=decided.after if wants else of_file,
        status=decided.status,
        rule=decided.rule.name if decided.rule else None,
        waiver=decided.waiver.reason if decided.waiver else None,
        reason=decided.reason,
        met=decided.status not in _UNMET or wants,
    )


_UNMET = (decision.VIOLATION, decision.INCOMPATIBLE)


def _is_wanted(decided: Decision) -> bool:
    """Whether the groups after the decision are what the policy wants, and can be had."""
    if decided.status in (decision.COMPLIANT, decision.CHANGED):
        return True
    # What is only to be reported is wanted all the same. Where a waiver has expired somebody has to decide first.
    waived = decided.waiver is not None or bool(decided.findings)
    return decided.status == decision.VIOLATION and decided.change is not None and not waived


def _changed_at(path: str) -> Optional[float]:
    """When a file last changed: Triton counts a change of its mode or owner as one, too."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return max(status.st_mtime, status.st_ctime)
