# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What is compared: each model as it is to be, as its file has it, and as a running server has it."""

from __future__ import annotations

from typing import Any, FrozenSet, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._placement.prediction import Prediction
from .._placement.server import ServerView

POLICY, FILE = "policy", "file"


class Expected(NamedTuple):
    """What a model is to be.

    Attributes:
        source: `POLICY`, or `FILE` where no policy was given or it leaves the model as it is.
        groups: instance groups in plain data. Those of the file may leave the device to the server.
        status, rule, waiver: of the policy, None where no policy was given (see `_policy.decision`).
        reason: why the status is what it is, one sentence; empty without a policy.
        met: False where the policy asks for what cannot be written on this host, so that ``groups`` are the file's.
    """

    source: str
    groups: Sequence[Mapping[str, Any]]
    status: Optional[str] = None
    rule: Optional[str] = None
    waiver: Optional[str] = None
    reason: str = ""
    met: bool = True


class OnDisk(NamedTuple):
    """A model in a repository, with the configuration of it that the server reads.

    Attributes:
        file: path of that configuration, None where there is none.
        config: the configuration in plain data, empty where it has none or cannot be read.
        errors: what is wrong with the file so that the server refuses it, as modules return findings.
        versions: those on disk that the server is to load by the model's version policy.
        changed_at: when the file last changed (the later of mtime and ctime), seconds since the epoch; None if absent.
        critical: whether the model has to be served.
        prediction: what a server would do with this file on this host.
        ambiguous: whether another repository has a model of this name.
    """

    repository: str
    name: str
    file: Optional[str]
    config: Mapping[str, Any]
    backend: str
    platform: str
    errors: Sequence[Mapping[str, Any]]
    versions: Tuple[int, ...]
    changed_at: Optional[float]
    expected: Expected
    critical: bool
    prediction: Prediction
    ambiguous: bool = False


class SeenVersion(NamedTuple):
    """A version of a model as the server has it.

    Attributes:
        state, reason: of the repository index.
        ready: what ``/v2/models/M/versions/V/ready`` says, None where it was not asked.
        config: what the server runs it with, None where that cannot be had; then ``config_error`` says why.
        gpu_uuids: GPUs that the metrics count its inferences on.
        memory_usage: of its statistics, None where they cannot be had.
    """

    version: str
    state: Optional[str]
    reason: str = ""
    ready: Optional[bool] = None
    config: Optional[Mapping[str, Any]] = None
    config_error: Optional[str] = None
    gpu_uuids: Tuple[str, ...] = ()
    memory_usage: Optional[Sequence[Mapping[str, Any]]] = None


class SeenModel(NamedTuple):
    """A model as the server has it. ``versions`` is empty where the index has its name alone."""

    name: str
    versions: Tuple[SeenVersion, ...]


class LoadEvent(NamedTuple):
    """A load that a log tells of: ``at`` in seconds since the epoch (None where the line has no time)."""

    version: str
    succeeded: bool
    reason: str = ""
    at: Optional[float] = None


class PlacementLog(NamedTuple):
    """What the log of one run of a server says about devices.

    Attributes:
        instances: by the name of an instance, each initialisation in order, as (kind, device): ("KIND_GPU", 0).
        loads: by model, in order.
        starts: whether the log has the start of this run, so that a missing line means something.
    """

    instances: Mapping[str, Sequence[Tuple[str, int]]]
    loads: Mapping[str, Sequence[LoadEvent]]
    starts: bool


class ProbeResult(NamedTuple):
    """What one request to a model showed.

    Attributes:
        outcome: ``answered``, ``failed`` (the server answered with an error) or ``skipped``.
        text: why it was skipped, or what the server said.
        gpu_uuids: GPUs whose counters of this model moved.
        counted: whether any counter of the model moved.
    """

    outcome: str
    text: str = ""
    gpu_uuids: Tuple[str, ...] = ()
    counted: bool = False


class ServerSeen(NamedTuple):
    """A running server.

    Attributes:
        models: by name, those that its index has.
        host: what a server that is started now would see of the GPUs of the host.
        started_at: seconds since the epoch, None where it is not known.
        control_mode: ``explicit``, ``poll`` or ``none``; None where it is not known.
        control_mode_source: where that was learned, a part of a sentence.
        gpu_uuids: GPUs that its metrics report on.
        metrics_error: why there are no metrics, None where there are.
        log: None where no log was given, or it could not be read (``log_error``).
        log_source: where the log is from, for results; None where none was given.
        probes: by model, where it was asked for.
    """

    url: str
    version: str
    live: bool
    ready: bool
    models: Mapping[str, SeenModel]
    host: ServerView
    started_at: Optional[float] = None
    control_mode: Optional[str] = None
    control_mode_source: str = ""
    gpu_uuids: FrozenSet[str] = frozenset()
    metrics_error: Optional[str] = None
    log: Optional[PlacementLog] = None
    log_error: Optional[str] = None
    probes: Mapping[str, ProbeResult] = {}
    log_source: Optional[str] = None


class Evidence(NamedTuple):
    """Something that speaks for the place where a model runs.

    Attributes:
        id: a short stable name.
        text: a sentence.
        independent: whether it comes from another source than the resolved configuration.
    """

    id: str
    text: str
    independent: bool


class Problem(NamedTuple):
    """Something that is not as it should be.

    Attributes:
        id: a row of the table of causes.
        severity: ``error`` contradicts the expectation, ``warning`` does not.
        text: the cause in plain words, with what was seen.
        cure: one thing to do.
    """

    id: str
    severity: str
    text: str
    cure: str


class Drift(NamedTuple):
    """Between which of policy, file and server there is a difference; None where one of the two is not known.

    Attributes:
        fields: paths of what differs between the file and the server.
    """

    policy_file: Optional[bool]
    file_server: Optional[bool]
    policy_server: Optional[bool]
    fields: Sequence[str] = ()


class ModelProof(NamedTuple):
    """The verdict on one model.

    Attributes:
        on_disk: None for a model that no file has.
        seen: None where the server does not know it.
        pending: whether the server has to take up the file: by a load, a poll or a restart.
    """

    name: str
    grade: str
    on_disk: Optional[OnDisk]
    seen: Optional[SeenModel]
    evidence: List[Evidence]
    problems: List[Problem]
    drift: Drift
    pending: bool
