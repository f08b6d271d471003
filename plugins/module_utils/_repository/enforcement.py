# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The policy over whole repositories: everything is planned before anything is written."""

from __future__ import annotations

import os
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence

from .._model_config.reload_impact import NONE
from .._policy import decision
from .._policy.decision import Host
from .._policy.rules import Policy
from . import baseline, transaction
from .backup import Keeping, Replacement, keeping, refuse_inside
from .baseline import Baseline
from .discovery import Ignored, ModelDirectory, RepositoryError, list_models, repositories_of, repository_of
from .lock import locked
from .outcome import Outcome, report_waivers
from .planning import Edit, Plan, plan, plan_variant
from .variant import checked_config_name

_UNKNOWN_BACKEND = (
    "no configuration, and no file in its first version directory that tells the backend: Triton would not load it"
)


class Request(NamedTuple):
    """What a run is to do.

    Attributes:
        repositories: their paths. One that is given twice is looked at once.
        keep_going: whether the other models are written where some cannot be planned.
        config_name: write the variants of this name instead of the files that are there.
        baseline: path of the file of known violations, None for none; ``write_baseline``: make it what is found now.
        backup_dir: where to keep the files as they were, None for nowhere; ``keep``: how many runs stay there.
        fail_on: statuses that fail the run, unless the baseline knows of the violation.
    """

    repositories: Sequence[str]
    policy: Policy
    host: Host
    keep_going: bool = False
    dry_run: bool = False
    config_name: Optional[str] = None
    baseline: Optional[str] = None
    write_baseline: bool = False
    fail_on: Sequence[str] = ()
    backup_dir: Optional[str] = None
    keep: Optional[int] = None


def enforce(request: Request) -> Outcome:
    """Hold every model of the repositories against the policy, and write what it changes.

    Raises:
        RepositoryError: a repository cannot be read, or none was given.
        QueryError: a query of the policy fails on a model.
        FileError: a file could not be written. All files are as they were.
    """
    if not request.repositories:
        raise RepositoryError("repositories: the list is empty. Give the path of at least one model repository.")
    if request.config_name is not None:
        checked_config_name(request.config_name)
    paths = list(dict.fromkeys(os.path.abspath(repository) for repository in request.repositories))
    kept_in = keeping(request.backup_dir, request.keep, paths)
    if request.dry_run:
        return _plan_all(paths, request, kept_in)
    configs = [config.path for path in paths for model in list_models(path).models for config in model.configs]
    # Links lead to files that other runs may reach from the repository they are in.
    with locked([*paths, *(repository_of(os.path.realpath(config)) for config in configs)]):
        outcome = _plan_all(paths, request, kept_in)
        return _write(outcome, kept_in)


def _write(outcome: Outcome, kept_in: Optional[Keeping]) -> Outcome:
    models = [Replacement(path, *edit) for path, edit in outcome.model_edits().items()]
    others = [Replacement(path, *edit) for path, edit in outcome.baseline_edit().items()]
    saved = transaction.write(models, kept_in, not_kept=others)
    return outcome._replace(backup_id=saved.backup_id, notes=(*outcome.notes, *saved.warnings))


def _plan_all(paths: Sequence[str], request: Request, kept_in: Optional[Keeping]) -> Outcome:
    plans: List[Plan] = []
    ignored: List[Ignored] = []
    for path in paths:
        listing = list_models(path)
        ignored += listing.ignored
        for model in listing.models:
            for planned in _plan_model(model, request):
                exists = planned.config.exists or model.configs[0].exists
                if exists or planned.subject.backend.backend or planned.decision.status == decision.INVALID:
                    plans.append(planned)
                else:
                    ignored.append(Ignored(model.path, _UNKNOWN_BACKEND))
    plans = _settle_shared_files(plans)
    known: Optional[Baseline] = None
    if request.baseline is not None:
        linked = [os.path.realpath(item.model.path) for item in plans]
        refuse_inside(request.baseline, list(dict.fromkeys([*paths, *linked])), "baseline")
        known = baseline.compare(request.baseline, plans, request.write_baseline)
        plans = baseline.marked(plans, known)
    failing = set(request.fail_on) | (set() if request.keep_going else {decision.INVALID})
    blocked_by = [item for item in plans if item.decision.status in failing and not item.known]
    waivers = report_waivers(request.policy, plans, request.host.today)
    outcome = Outcome(paths, plans, ignored, blocked_by, waivers, known, notes=request.policy.warnings)
    if kept_in is not None:
        refuse_inside(kept_in.directory, [home for path in outcome.model_edits() for home in repositories_of(path)])
    return outcome


def _plan_model(model: ModelDirectory, request: Request) -> Iterator[Plan]:
    if request.config_name is not None:
        yield plan_variant(model, request.config_name, request.policy, request.host)
        return
    for config in model.configs:
        yield plan(model, config, request.policy, request.host)


def _settle_shared_files(plans: Sequence[Plan]) -> List[Plan]:
    """One write for a file that several models lead to through links, and none if they want different things."""
    if all(item.edit is None for item in plans):
        return list(plans)
    paths = [os.path.realpath(item.config.path) for item in plans]
    first: Dict[str, Dict[Optional[Edit], Plan]] = {}
    for path, item in zip(paths, plans):
        first.setdefault(path, {}).setdefault(item.edit, item)
    return [_settled(item, first[path]) for path, item in zip(paths, plans)]


def _settled(item: Plan, first: Dict[Optional[Edit], Plan]) -> Plan:
    """A plan beside those for the same file, of which ``first`` has the first one that wants each edit."""
    other = next((plan for edit, plan in first.items() if edit != item.edit), None)
    if item.edit is None or (other is None and item is first[item.edit]):
        return item
    if other is None:
        return item._replace(edit=None)
    reason = f"{other.config.path} is the same file through a link, and the policy wants something else for it"
    before = item.decision.before
    failed = decision.Decision(decision.INVALID, item.decision.rule, before, before, reason)
    return item._replace(decision=failed, reload_impact=NONE, edit=None)
