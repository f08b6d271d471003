# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Whether a version that serves runs where it should, and why not."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._model_config.backend import is_ensemble
from .._model_config.backend_kinds import ModelFacts
from .._model_config.instance_group import KIND_CPU, KIND_GPU, groups_of, is_implicit, kind_of
from .._placement.explanation import left_open, right_kind
from .._policy.decision import CHANGED, VIOLATION, WAIVED
from . import file_difference, takeup
from .across_models import Across
from .causes import problem
from .placement_difference import (
    Mismatch,
    RunningGroup,
    describe_wanted,
    mismatches,
    place_of,
    running_groups,
)
from .records import FILE, POLICY, OnDisk, Problem, SeenVersion, ServerSeen
from .serving import about_gpus, host_gpus, plain, why_no_gpu

_IMPLICIT: Tuple[Dict[str, Any], ...] = ({},)
_FIELDS = 5  # as many fields stand in a message

# Of a load that has failed, where the server runs what the file has.
_IN_INDEX = "What it runs is what the file has now, and the failure stays in the index until a load succeeds."
_IN_LOG = (
    "Its configuration is what the file has now, so another file of the model, its code or its weights, may be what "
    "was not taken up. Only the log of the server tells of this: the index shows no failure."
)


class Judgement(NamedTuple):
    """What was found of one version.

    Attributes:
        fields: paths of what differs between the file and the server; none where the file cannot be read.
        unlike_wanted: whether the instance groups are others than is wanted.
        takes_up: whether the server would change if it took up the file.
    """

    problems: List[Problem]
    groups: List[RunningGroup]
    fields: Sequence[str]
    unlike_wanted: bool
    takes_up: bool


def judge(
    model: OnDisk, version: SeenVersion, config: Mapping[str, Any], server: ServerSeen, together: Across
) -> Judgement:
    """Hold what the server runs a version with against what is wanted and against the file.

    Args:
        config: what the server runs it with.
    """
    return _Judge(model, version, config, server, together).judgement()


class _Judge:
    def __init__(
        self, model: OnDisk, version: SeenVersion, config: Mapping[str, Any], server: ServerSeen, together: Across
    ) -> None:
        self.model, self.version, self.server, self.together = model, version, server, together
        self.ensemble = is_ensemble(model.config) or is_ensemble(config)
        self.runs = running_groups(config)
        self.file_groups = groups_of(model.config)
        difference = file_difference.compare(model.config, config, server.host.auto_complete)
        self.differs, self.completed = list(difference.certain), difference.completed
        if not self.ensemble:
            unlike_file = mismatches(self.file_groups or _IMPLICIT, self.runs, model.backend)
            if unlike_file and not any(path.startswith("instance_group") for path in self.differs):
                self.differs.append("instance_group")
        self.groups_differ = any(path.startswith("instance_group") for path in self.differs)
        wanted = [] if self.ensemble else list(model.expected.groups) or list(_IMPLICIT)
        self.unlike: List[Mismatch] = mismatches(wanted, self.runs, model.backend)
        self.take_up = takeup.how_to_take_up(server)

    def judgement(self) -> Judgement:
        if self.model.errors:  # what the file holds is not known; that it is broken is told elsewhere
            return Judgement(self.of_devices(), self.runs, (), False, False)
        problems = self.not_taken_up()
        told, takes_up = bool(problems), bool(problems)
        if self.completed and not told:
            loaded = takeup.was_loaded_since(self.model, self.server)
            problems += [] if loaded else [self.problem("completed_by_backend", fields=_fields(self.completed))]
            takes_up = loaded is False
        if not self.groups_differ:
            problems += self.undecided() or self.unlike_wanted(told)
        problems += self.of_devices()
        return Judgement(problems, self.runs, [*self.differs, *self.completed], bool(self.unlike), takes_up)

    def problem(self, identifier: str, **facts: Any) -> Problem:
        return problem(identifier, self.model.critical, take_up=self.take_up, **facts)

    def mismatch(self) -> str:
        """What the server runs instead of what is wanted, as a sentence."""
        if self.unlike:
            return _sentence("; ".join(mismatch.text for mismatch in self.unlike))
        if not self.differs:
            return _IN_INDEX if self.version.reason else _IN_LOG
        return f"The server runs it with another {_fields(self.differs)} than the file has."

    def not_taken_up(self) -> List[Problem]:
        """Where the server runs something else than the file says, or has failed to take it up."""
        failed = failed_load(self.model, self.version, self.server, self.mismatch())
        if failed is not None:
            return [failed]
        if self.differs:
            verdict = takeup.why_not_taken_up(self.model, self.server)
            return [self.problem(verdict.id, mismatch=self.mismatch(), **verdict.facts)]
        return []

    def undecided(self) -> List[Problem]:
        """Where the file leaves the choice to the server, and neither the policy nor a waiver does."""
        open_ones = self.open_groups()
        if not open_ones or self.model.expected.status == WAIVED:
            return []
        facts = ModelFacts(self.model.config)
        right = right_kind(self.model.backend, facts)
        on_cpu = [index for index in open_ones if self.runs[index].kind == KIND_CPU and right != KIND_CPU]
        on_cpu = [index for index in on_cpu if self.wanted_kind(index) != KIND_CPU]
        if on_cpu:
            return [self.on_the_cpu(on_cpu, right)]
        if self.model.expected.source == FILE and any(self.runs[index].kind != KIND_CPU for index in open_ones):
            config = left_open(self.model.config, open_ones[0]).text
            return [self.problem("undecided", place=place_of(self.runs), config=config)]
        return []

    def open_groups(self) -> List[int]:
        """The groups of which the file does not say where they run."""
        if self.ensemble:
            return []
        groups = self.file_groups or _IMPLICIT
        return [index for index, group in enumerate(groups) if is_implicit(group) and index < len(self.runs)]

    def wanted_kind(self, index: int) -> Optional[str]:
        expected = self.model.expected
        if expected.source != POLICY or index >= len(expected.groups):
            return None
        return str(kind_of(expected.groups[index]))

    def on_the_cpu(self, indexes: Sequence[int], right: str) -> Problem:
        config = left_open(self.model.config, indexes[0]).text
        cure = self.model.prediction.cure or _cure(self.file_groups, indexes, right)
        if not self.server.host.gpus:
            return self.problem("silent_fallback", config=config, host=why_no_gpu(self.server), cure=cure)
        if self.together.sees_gpus:
            return self.problem("cpu_beside_gpu", config=config, cure=cure)
        return self.problem("server_without_gpu", what="a GPU", gpus=host_gpus(self.server), seen=f"{config}: the CPU.")

    def unlike_wanted(self, told: bool) -> List[Problem]:
        """Where the server runs what the file says, and the policy wants something else."""
        if told or not self.unlike:
            return []
        cure = f"Run inference.triton.instance_group_policy with mode: enforce. {self.take_up}"
        why = f"The server runs what the file has: {describe_wanted(self.file_groups)}."
        return [self.problem(self.unlike[0].id, mismatch=self.mismatch(), why=why, cure=cure)]

    def of_devices(self) -> List[Problem]:
        """What is wrong with the devices themselves."""
        found = []
        there = set(self.server.host.ordinals())
        used = {gpu for group in self.runs if group.kind == KIND_GPU for gpu in group.gpus}
        lost = sorted(used - there)
        if lost:
            which = f"GPU {', '.join(map(str, lost))}"
            found.append(self.problem("gpu_lost", lost=which, host=why_no_gpu(self.server)))
        for index, (group, runs) in enumerate(zip(self.file_groups or _IMPLICIT, self.runs)):
            takes_all = runs.kind == KIND_GPU and not group.get("gpus")
            if takes_all and set(runs.gpus) < there and not self.groups_differ:
                has = f"GPU {', '.join(map(str, runs.gpus))}"
                found.append(self.problem("fewer_gpus", group=index, has=has, gpus=host_gpus(self.server)))
        if self.runs and all(group.passive for group in self.runs):
            found.append(self.problem("only_passive"))
        return found


def failed_load(model: OnDisk, version: SeenVersion, server: ServerSeen, mismatch: str = "") -> Optional[Problem]:
    """Whether the last load of a version that serves has failed.

    Args:
        mismatch: what it runs instead, as a sentence; empty where that is not known.
    """
    failure = takeup.failed_load(model, version, server)
    if failure is None:
        return None
    more = " ".join(filter(None, (mismatch, about_gpus(failure, server))))
    take_up = takeup.how_to_take_up(server)
    return problem("reload_failed", model.critical, reason=plain(failure), more=more, take_up=take_up)


def of_policy(model: OnDisk) -> List[Problem]:
    """What the file is not, by the policy."""
    expected = model.expected
    reason = expected.reason.rstrip(".")
    if expected.status == VIOLATION and expected.waiver:
        return [problem("waiver_expired", model.critical, reason=reason)]
    if not expected.met:
        return [problem("policy_not_met", model.critical, reason=reason)]
    if expected.source == POLICY and expected.status in (CHANGED, VIOLATION):
        return [problem("policy_not_enforced", model.critical, reason=reason)]
    return []


def _cure(groups: Sequence[Mapping[str, Any]], indexes: Sequence[int], right: str) -> str:
    written = f"instance_group [ {{ kind: {right} }} ]"
    if groups:
        written = f"kind: {right} into group {', '.join(map(str, indexes))}"
    return f"Write {written}. If the CPU is meant, write {KIND_CPU}."


def _fields(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _FIELDS} more" if len(paths) > _FIELDS else ""
    return f"{', '.join(paths[:_FIELDS])}{more}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
