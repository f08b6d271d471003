# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The process of the server that is asked: when it began and what it was started with, which no answer of it says.

It is never asked for its control mode: a server that has updated a step of an ensemble would load that anew.
"""

from __future__ import annotations

import os
import re
import time
from typing import List, Mapping, NamedTuple, Optional, Sequence
from urllib.parse import urlsplit

from .._gpu.host_files import HostFiles
from .._gpu.server_process import parse_options
from .._placement.server import ServerView

_NAME = "tritonserver"
_DEFAULT_PORT = "8000"  # triton server: src/command_line_parser.h, http_port_
_LOOPBACK = re.compile(r"localhost|127(?:\.[0-9]{1,3}){3}|::1")
_START_TIME = 19  # of what follows the name in /proc/PID/stat: proc_pid_stat(5), field 22


class RunningProcess(NamedTuple):
    """A server's process.

    Attributes:
        started_at: seconds since the epoch, None where the host does not say.
        options: of its command line; None where this user may not see them.
    """

    pid: int
    started_at: Optional[float]
    options: Optional[Mapping[str, Sequence[str]]]

    @property
    def control_mode(self) -> Optional[str]:
        """``explicit``, ``poll`` or ``none``, which is Triton's own default; None where it is not known."""
        if self.options is None:
            return None
        given = self.options.get("model-control-mode") or ("none",)
        return given[-1] if given[-1] in ("explicit", "poll", "none") else None

    def disagreements(self, server: ServerView) -> List[str]:
        """Where it was started with something else than a task takes it to have, so that the wrong is compared."""
        options = self.options or {}
        config_name = (options.get("model-config-name") or (None,))[-1] or None
        found = []
        if self.options is not None and config_name != server.config_name:
            has = f"--model-config-name={config_name}" if config_name else "no --model-config-name"
            given = f"config_name is {server.config_name}" if server.config_name else "config_name is not given"
            found.append(f"The server (process {self.pid}) has {has}, and {given}: it reads other files than these.")
        if "disable-auto-complete-config" in options and server.auto_complete:
            found.append(
                f"The server (process {self.pid}) has --disable-auto-complete-config: give auto_complete: false."
            )
        return found


def find(url: str, unit: Optional[str], files: HostFiles) -> Optional[RunningProcess]:
    """The process that serves, None where it is on another host, or it is not certain which one it is.

    Args:
        url: where the server is asked.
        unit: the systemd unit that it runs in; then the URL does not matter.
    """
    servers = [pid for pid, name in files.processes().items() if name == _NAME]
    if unit is not None:
        of_unit = [pid for pid in servers if _is_in(files, pid, unit)]
        if of_unit:
            return _read(files, of_unit[0]) if len(of_unit) == 1 else None
    parts = urlsplit(url)
    if not _LOOPBACK.fullmatch(parts.hostname or ""):
        return None
    port = str(parts.port or {"https": 443}.get(parts.scheme, 80))
    ours = files.link("/proc/self/ns/net")
    fitting: List[RunningProcess] = []
    for pid in servers:
        process = _read(files, pid)
        # The same port of another container is another server.
        near = files.link(f"/proc/{pid}/ns/net") in ("", ours)
        listens = process.options is not None and (process.options.get("http-port") or (_DEFAULT_PORT,))[-1] == port
        if near and listens:
            fitting.append(process)
    return fitting[0] if len(fitting) == 1 else None


def _is_in(files: HostFiles, pid: int, unit: str) -> bool:
    """Whether a process belongs to a unit, by the names of its control groups."""
    groups = files.text(f"/proc/{pid}/cgroup").splitlines()
    return any(unit in line.split("/") for line in groups)


def _read(files: HostFiles, pid: int) -> RunningProcess:
    words = files.text(f"/proc/{pid}/cmdline").split("\0")
    options = parse_options(words[1:]) if any(words) else None
    return RunningProcess(pid, _started_at(files.text(f"/proc/{pid}/stat")), options)


def _started_at(status: str) -> Optional[float]:
    # The name of a process is in brackets, and may hold some itself.
    fields = status.rpartition(")")[2].split()
    try:
        since_boot = int(fields[_START_TIME]) / os.sysconf("SC_CLK_TCK")
        return time.time() - (time.clock_gettime(time.CLOCK_BOOTTIME) - since_boot)
    except (IndexError, ValueError, OSError):
        return None
