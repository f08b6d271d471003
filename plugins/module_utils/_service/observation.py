# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""A Triton that runs as a service, seen from its host: systemd, the journal and the server's answers in one."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from .._server.client import Client
from .._server.endpoint import parse_url
from .._server.errors import ServerError
from .._server.triton import IndexEntry, Triton
from . import start_log, unit_state
from .start_log import StartLog
from .unit_state import UnitState

ABSENT, STOPPED, LOADING, SERVING, ENDED = "absent", "stopped", "loading", "serving", "ended"
READY, UNAVAILABLE = "READY", "UNAVAILABLE"
# What would fill the end of a log and explains nothing: Triton's tables of options and models, podman's events of
# containers and images, which start with a time of Go's (seen from podman 4.3 and 5.4), a container's ID, and nothing.
_NOISE = re.compile(r"\| |\+-|[0-9-]{10} [0-9:.]+ [+-][0-9]{4} \S+ m=\S+ (?:container|image) |[0-9a-f]{64}$|$")
_TAIL = 15  # lines of the log that explain an end


class Answers(NamedTuple):
    """What the server said; ``error`` where it did not answer as Triton does."""

    version: Optional[str] = None
    ready: Optional[bool] = None
    entries: Optional[List[IndexEntry]] = None
    error: Optional[ServerError] = None


def observe(unit: str, url: Optional[str], headers: Mapping[str, str], seconds: float, run: str = "") -> Dict[str, Any]:
    """The service now, as `server_service_info` returns it.

    Args:
        url: of the server's HTTP port; None where it has none.
        seconds: for each request.
        run: the run whose log is wanted, where that is not the current one.

    Raises:
        ServiceError: there is no systemd to ask.
        ServerError: the URL is none.
    """
    state = unit_state.read_unit(unit)
    lines = unit_state.read_log(run or state.run)
    log = start_log.read(lines)
    answers = Answers()
    if url and state.pid:
        answers = _ask(url, headers, seconds)
    return {
        "phase": _phase(state, log, answers, bool(url)),
        "unit": state._asdict(),
        "server_version": answers.version,
        "ready": answers.ready,
        "models": _models(log, answers.entries),
        "loading": log.loading,
        "error": answers.error and str(answers.error),
        "log": [line for line in lines if not _NOISE.match(line)][-_TAIL:],
    }


def _ask(url: str, headers: Mapping[str, str], seconds: float) -> Answers:
    triton = Triton(Client(parse_url(url), headers, seconds))
    answers = Answers()
    try:
        answers = answers._replace(version=triton.metadata().version)
        answers = answers._replace(ready=triton.is_ready())
        return answers._replace(entries=triton.index())
    except ServerError as error:
        return answers._replace(error=error)
    finally:
        triton.client.close()


def _phase(state: UnitState, log: StartLog, answers: Answers, has_http: bool) -> str:
    if not state.is_known:
        return ABSENT
    if state.active == "failed" or state.sub == "auto-restart":
        return ENDED
    if state.active not in ("active", "activating", "reloading"):
        return STOPPED
    closed = answers.error is not None and answers.error.kind in ("refused", "closed", "timeout")
    is_open = log.is_open if not has_http else (state.active == "active" and not closed)
    return SERVING if is_open else LOADING


def _models(log: StartLog, index: Optional[List[IndexEntry]]) -> List[Dict[str, Any]]:
    """One entry for each version that the index has, and for each model that only the log knows of."""
    if index is None:
        found = [_model(name, None, READY, "") for name in log.loaded]
    else:
        found = [
            _model(
                entry.name,
                entry.version,
                entry.state or (UNAVAILABLE if entry.name in log.refused else None),
                entry.reason or (log.refused.get(entry.name, "") if entry.state != READY else ""),
            )
            for entry in index
        ]
    named = {model["name"] for model in found}
    found += [_model(name, None, UNAVAILABLE, why) for name, why in log.refused.items() if name not in named]
    return sorted(found, key=lambda model: (model["name"], model["version"] or ""))


def _model(name: str, version: Optional[str], state: Optional[str], reason: str) -> Dict[str, Any]:
    return {"name": name, "version": version, "state": state, "reason": reason}
