# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Whether a version that serves runs where it should, and why not."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._model_config.backend import is_ensemble
from .._model_config.backend_kinds import ModelFacts
from .._model_config.instance_group import KIND_AUTO, KIND_CPU, KIND_GPU, groups_of, is_implicit, kind_of
from .._placement.explanation import right_kind
from .._policy.decision import CHANGED, VIOLATION, WAIVED
from . import file_difference, takeup
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
from .serving import host_gpus, why_no_gpu

_IMPLICIT: Tuple[Dict[str, Any], ...] = ({},)
_FIELDS = 5  # as many fields stand in a message


class Judgement(NamedTuple):
    """What was found of one version.

    Attributes:
        fields: paths of what differs between the file and the server; None where the file is not to be compared.
        unlike_wanted: whether the instance groups are others than is wanted.
        takes_up: whether the server would change if it took up the file.
    """

    problems: List[Problem]
    groups: List[RunningGroup]
    fields: Sequence[str]
    unlike_wanted: bool
    takes_up: bool


def judge(
    model: OnDisk, version: SeenVersion, config: Mapping[str, Any], server: ServerSeen, sees_gpus: bool
) -> Judgement:
    """Hold what the server runs a version with against what is wanted and against the file.

    Args:
        config: what the server runs it with.
        sees_gpus: whether the server uses a GPU for any model.
    """
    return _Judge(model, version, config, server, sees_gpus).judgement()


class _Judge:
    def __init__(
        self, model: OnDisk, version: SeenVersion, config: Mapping[str, Any], server: ServerSeen, sees_gpus: bool
    ) -> None:
        self.model, self.version, self.server, self.sees_gpus = model, version, server, sees_gpus
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
        not_taken_up = self.not_taken_up()
        problems = list(not_taken_up)
        if not self.groups_differ:
            problems += self.undecided() or self.unlike_wanted(told=bool(not_taken_up))
        problems += self.of_devices()
        takes_up = any(found.id != "completed_by_backend" for found in not_taken_up)
        return Judgement(problems, self.runs, [*self.differs, *self.completed], bool(self.unlike), takes_up)

    def problem(self, identifier: str, **facts: Any) -> Problem:
        return problem(identifier, self.model.critical, take_up=self.take_up, **facts)

    def mismatch(self) -> str:
        """What the server runs instead of what is wanted, as a sentence."""
        if self.unlike:
            return _sentence("; ".join(mismatch.text for mismatch in self.unlike))
        paths = [*self.differs, *self.completed]
        if not paths:
            return "What it runs is what the file has now, and the failure stays in the index until a load succeeds."
        more = f" and {len(paths) - _FIELDS} more" if len(paths) > _FIELDS else ""
        return f"The server runs it with another {', '.join(paths[:_FIELDS])}{more} than the file has."

    def not_taken_up(self) -> List[Problem]:
        failure = takeup.failed_load(self.model, self.version.reason, self.server)
        if failure is not None:
            reason = failure.strip().rstrip(" .;")
            return [self.problem("reload_failed", reason=reason, mismatch=self.mismatch())]
        if self.differs:
            verdict = takeup.why_not_taken_up(self.model, self.server)
            return [self.problem(verdict.id, mismatch=self.mismatch(), **verdict.facts)]
        since = takeup.was_loaded_since(self.model, self.server) if self.completed else True
        if since is None:
            return [self.problem("completed_by_backend", mismatch=self.mismatch())]
        if since is False:
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
            return [self.on_the_cpu(on_cpu)]
        if self.model.expected.source == FILE and any(self.runs[index].kind != KIND_CPU for index in open_ones):
            config = _left_open(self.file_groups, open_ones[0])
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

    def on_the_cpu(self, indexes: Sequence[int]) -> Problem:
        config = _left_open(self.file_groups, indexes[0])
        cure = self.model.prediction.cure or _cure(self.file_groups, indexes)
        if not self.server.host.gpus:
            return self.problem("silent_fallback", config=config, host=why_no_gpu(self.server), cure=cure)
        if self.sees_gpus:
            return self.problem("cpu_while_server_has_gpu", config=config, cure=cure)
        seen = f"So it runs on the CPU: {config[:1].lower()}{config[1:]}."
        return self.problem("server_without_gpu", what="a GPU", gpus=host_gpus(self.server), seen=seen)

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


def _left_open(groups: Sequence[Mapping[str, Any]], index: int) -> str:
    """Why the server chooses the device, as a sentence without its full stop."""
    if not groups:
        return "There is no instance_group, so the server chooses the device"
    what = KIND_AUTO if "kind" in groups[index] else "no kind"
    return f"Group {index} has {what}, so the server chooses the device"


def _cure(groups: Sequence[Mapping[str, Any]], indexes: Sequence[int]) -> str:
    if not groups:
        return f"Write instance_group [ {{ kind: {KIND_GPU} }} ]. If the CPU is meant, write {KIND_CPU}."
    return f"Write kind: {KIND_GPU} into group {', '.join(map(str, indexes))}. If the CPU is meant, write {KIND_CPU}."


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
