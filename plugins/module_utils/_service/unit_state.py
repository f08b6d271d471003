# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What systemd says of a unit, and what a run of it wrote to the journal."""

from __future__ import annotations

import contextlib
import os
import subprocess
from typing import Dict, List, NamedTuple, Sequence

from .errors import ServiceError

FINGERPRINT = "TRITON_SERVICE_FINGERPRINT"  # of everything that a unit was started with, in its environment
LINES = 20000  # of a run's log; a server with hundreds of models writes some thousands while it starts
_SECONDS = 30
_HIERARCHIES = ("/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified")  # cgroup v2, v1 and both
_PROPERTIES = (
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "ExecMainCode",
    "ExecMainStatus",
    "MainPID",
    "NRestarts",
    "InvocationID",
    "NeedDaemonReload",
    "UnitFileState",
    "ControlGroup",
)
_KILLED, _DUMPED = "2", "3"  # CLD_KILLED and CLD_DUMPED of sigaction(2): the status is then a signal


class UnitState(NamedTuple):
    """A unit at one moment.

    Attributes:
        ended: how its main process ended, ``exit status 1`` or ``signal 9``, where it did.
        restarts: how often systemd has started it again by itself since somebody started it.
        run: systemd's identifier of the current run, or of the last one.
        fingerprint: of what it was started with; empty where it does not run or was not told.
    """

    is_known: bool
    active: str
    sub: str
    enabled: str
    ended: str
    pid: int
    restarts: int
    run: str
    needs_reload: bool
    fingerprint: str


def read_unit(unit: str) -> UnitState:
    """Ask systemd. Raises ServiceError where there is none to ask."""
    shown = _output(["systemctl", "show", "--property=" + ",".join(_PROPERTIES), "--", unit])
    values: Dict[str, str] = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    pid = int(values.get("MainPID") or 0)
    code, status = values.get("ExecMainCode", "0"), values.get("ExecMainStatus", "0")
    how = "signal" if code in (_KILLED, _DUMPED) else "exit status"
    return UnitState(
        is_known=values.get("LoadState") == "loaded",
        active=values.get("ActiveState", ""),
        sub=values.get("SubState", ""),
        enabled=values.get("UnitFileState", ""),
        ended="" if code == "0" or pid else f"{how} {status}",
        pid=pid,
        restarts=int(values.get("NRestarts") or 0),
        run=values.get("InvocationID", ""),
        needs_reload=values.get("NeedDaemonReload") == "yes",
        fingerprint=_fingerprint(pid, values.get("ControlGroup", "")) if pid else "",
    )


def read_log(run: str) -> List[str]:
    """The last lines that a run wrote to the journal; none where the journal does not tell."""
    if not run:
        return []
    journal = ["journalctl", "--quiet", "--no-pager", "--output=cat", f"--lines={LINES}"]
    try:
        return _output([*journal, f"_SYSTEMD_INVOCATION_ID={run}"]).splitlines()
    except ServiceError:
        return []


def _fingerprint(pid: int, group: str) -> str:
    # The main process of a container may be the engine's, which gives the environment to the container alone.
    for candidate in [str(pid), *_members(group)]:
        found = _of_process(candidate)
        if found:
            return found
    return ""


def _members(group: str) -> List[str]:
    """The processes of a control group and of those below it."""
    pids: List[str] = []
    for hierarchy in _HIERARCHIES if group.strip("/") else ():
        for place, _folders, files in os.walk(hierarchy + group):
            if "cgroup.procs" in files:
                with contextlib.suppress(OSError), open(os.path.join(place, "cgroup.procs"), encoding="ascii") as file:
                    pids += file.read().split()
    return pids


def _of_process(pid: str) -> str:
    try:
        with open(os.path.join("/proc", pid, "environ"), "rb") as file:
            variables = file.read().split(b"\0")
    except OSError:  # ended just now, or belongs to somebody else and we are not root
        return ""
    for variable in variables:
        name, _equals, value = variable.partition(b"=")
        if name == FINGERPRINT.encode():
            return value.decode("ascii", "replace")
    return ""


def _output(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            command,
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ServiceError(f"{command[0]} does not answer: {error}. This needs a host that runs systemd.") from error
    return done.stdout.decode("utf-8", "replace")
