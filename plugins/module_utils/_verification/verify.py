# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Whether a running server serves every model where the policy, or else the file, says: all is asked, then judged."""

from __future__ import annotations

import fnmatch
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from .._gpu.host_files import HostFiles
from .._placement.server import ServerView
from .._policy.decision import Host
from .._policy.rules import Policy
from .._proof.comparison import compare
from .._proof.proof import Proof
from .._proof.records import ServerSeen
from .._repository.discovery import Ignored
from .._repository.results import printable
from .._server.connection import Connection
from .._server.triton import Triton
from . import gather_disk, gather_server, journal, process
from .journal import ServerLog
from .probe import probe


class Request(NamedTuple):
    """What is to be verified.

    Attributes:
        repositories: those that the server serves together.
        server: what a server that is started now would see of the GPUs of the host, and which files it reads.
        policy: None to hold the server against the files alone.
        host: what the decisions of the policy depend on.
        patterns: shell patterns of the models to tell about; all if there are none.
        service: the systemd unit that the server runs in, None where that is not known.
        server_log: path of its log; None for the journal of the service, if there is one.
        probe: whether to send models a request.
        root: of the file system of the host that the server runs on.
    """

    connection: Connection
    repositories: Sequence[str]
    server: ServerView
    policy: Optional[Policy]
    host: Host
    patterns: Sequence[str] = ()
    service: Optional[str] = None
    server_log: Optional[str] = None
    probe: bool = False
    root: str = "/"

    def takes(self, name: str) -> bool:
        return not self.patterns or any(fnmatch.fnmatchcase(name, pattern) for pattern in self.patterns)


class Verification(NamedTuple):
    """The verdict, and what else somebody should know."""

    proof: Proof
    ignored: List[Ignored]
    warnings: List[str]

    def as_result(self) -> Dict[str, Any]:
        """As a module returns it."""
        ignored = [{"path": item.path, "reason": item.reason} for item in self.ignored]
        result: Dict[str, Any] = printable({**self.proof.as_result(), "ignored": ignored})
        return result

    def graded(self, grades: Sequence[str]) -> List[str]:
        """The names of the models with one of these grades."""
        return [printable(model.name) for model in self.proof.models if model.grade in grades]

    def report(self) -> List[str]:
        return [printable(line) for line in self.proof.report()]


def verify(request: Request) -> Verification:
    """Compare policy, files and server.

    Raises:
        ServerError: the server does not answer, or a part of its API is closed to us.
        RepositoryError: a repository cannot be read, or none was given.
        QueryError: a query of the policy fails on a model.
    """
    triton = request.connection.triton()
    try:
        triton.when_up(triton.metadata, request.connection.startup_timeout)
        # The files first: what the server takes up meanwhile it has taken up, and what is written meanwhile is found
        # by the next run.
        disk = gather_disk.gather(request.repositories, request.server, request.policy, request.host, request.patterns)
        running = process.find(request.connection.url, request.service, HostFiles(request.root))
        seen = _seen(request, triton, running)
    finally:
        triton.client.close()
    # What holds for one model may show in another: an ensemble depends on its steps. So all are compared.
    proof = compare(disk.models, seen)
    wanted = [model for model in proof.models if request.takes(model.name)]
    pending = [name for name in proof.pending if request.takes(name)]
    warnings = [*disk.warnings, *(running.disagreements(request.server) if running else ())]
    return Verification(proof._replace(models=wanted, pending=pending), disk.ignored, warnings)


def _seen(request: Request, triton: Triton, running: Optional[process.RunningProcess]) -> ServerSeen:
    said = gather_server.gather(triton, request.connection.metrics())
    log = _log(request)
    by_process = running.control_mode if running else None
    probes = {}
    if request.probe:
        asked = {name: model for name, model in said.models.items() if request.takes(name)}
        probes = probe(triton, request.connection.metrics(), asked)
    return ServerSeen(
        url=request.connection.url,
        version=said.version,
        live=said.live,
        ready=said.ready,
        models=said.models,
        host=request.server,
        started_at=running.started_at if running else None,
        control_mode=by_process or log.control_mode,
        control_mode_source=_source(running if by_process else None, log),
        gpu_uuids=frozenset(said.gpu_uuids),
        metrics_error=said.metrics_error,
        log=log.log,
        log_error=log.error,
        log_source=log.source,
        probes=probes,
    )


def _log(request: Request) -> ServerLog:
    if request.server_log is not None:
        return journal.of_file(request.server_log)
    return journal.of_unit(request.service) if request.service is not None else ServerLog()


def _source(running: Optional[process.RunningProcess], log: ServerLog) -> str:
    if running is not None:
        return f"the command line of process {running.pid}"
    return log.source or "" if log.control_mode else ""
