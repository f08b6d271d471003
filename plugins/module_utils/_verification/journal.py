# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The log of the server, out of a file or out of the journal: what it says of the run that serves now."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from typing import IO, Any, Callable, Iterable, Iterator, NamedTuple, Optional, Sequence

from .._gpu.regular_file import RegularFile
from .._model_config.findings import ConfigError
from .._proof.log_lines import TELLING, read_log
from .._proof.records import PlacementLog
from .._service.errors import ServiceError
from .._service.unit_state import read_unit
from .log_file import telling_lines

_SECONDS = 60.0  # that journalctl may take
_JOURNALCTL = ("journalctl", "--quiet", "--no-pager", "--output=cat")
# The row in the table of options that a server logs at its start (triton core: src/tritonserver.cc).
_CONTROL_MODE = re.compile(r"\|[ \t]*model_control_mode[ \t]*\|[ \t]*MODE_([A-Z]+)[ \t]*\|")
_OPTION = "model_control_mode"
_WORDS = (*TELLING, _OPTION)
_GREP = ("--case-sensitive=yes", f"--grep={'|'.join(map(re.escape, _WORDS))}")
_MODES = {"NONE": "none", "POLL": "poll", "EXPLICIT": "explicit"}


class ServerLog(NamedTuple):
    """What a log says.

    Attributes:
        source: what was read, as a part of a sentence; None where there is no log to read.
        log: None where it could not be read; then ``error`` says why.
        control_mode: of the last start in it, None where it does not have that.
    """

    source: Optional[str] = None
    log: Optional[PlacementLog] = None
    error: Optional[str] = None
    control_mode: Optional[str] = None


def of_file(path: str) -> ServerLog:
    """The log in a file, whose last start counts. It may hold several runs."""
    source = f"the log {path}"
    try:
        with RegularFile.open("server_log", path) as file:
            return _read(source, telling_lines(file, _WORDS))
    except ConfigError as error:
        return ServerLog(source, error=str(error))


def of_unit(unit: str) -> ServerLog:
    """The journal of the current run of a systemd unit."""
    source = f"the journal of {unit}"
    try:
        state = read_unit(unit)
    except ServiceError as error:
        return ServerLog(source, error=str(error))
    if not state.is_known:
        return ServerLog(source, error=f"service: there is no unit {unit} on this host. Correct the name.")
    if not state.run:
        return ServerLog(source, error=f"{unit} was not started since the host was, so the server runs elsewhere.")
    # The identifier has 32 hexadecimal digits, and all lines of this run bear it.
    return _of_journal(source, [f"_SYSTEMD_INVOCATION_ID={state.run}"])


def _of_journal(source: str, matches: Sequence[str]) -> ServerLog:
    """The log that a journal has in the entries that match.

    A server that logs every request writes millions of them, so journalctl is to print those only that tell something.
    """
    found = _of_command(source, [*_JOURNALCTL, *_GREP, *matches])
    if found.lines or found.log.error:
        return found.log
    # Nothing tells something, or nothing may be read, or this journalctl cannot search: systemd 236 and older, and one
    # that was built, or is installed, without PCRE2. They end alike. One that can search finds any line with this.
    if _of_command(source, [*_JOURNALCTL, "--lines=1", "--grep=.", *matches]).lines:
        return found.log
    found = _of_command(source, [*_JOURNALCTL, *matches])
    if found.lines or found.log.error:
        return found.log
    why = "has no line of this run that this user may read. Run as a member of systemd-journal, or as root."
    return ServerLog(source, error=f"{source} {why}")


class _Printed(NamedTuple):
    """What a command has printed, and in how many lines."""

    log: ServerLog
    lines: int = 0


def _of_command(source: str, command: Sequence[str]) -> _Printed:
    """The log that a command prints. One that is not done within ``_SECONDS`` is an error of the log."""
    try:
        process = subprocess.Popen(
            command,
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        return _Printed(ServerLog(source, error=f"{source} cannot be read: {error}."))
    late = threading.Event()
    timer = threading.Timer(_SECONDS, _stop(process, late))
    timer.start()
    counted = _Counted(process.stdout)
    try:
        found = _read(source, counted)
    finally:
        timer.cancel()
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    if late.is_set():
        why = f"takes more than {_SECONDS:g} seconds to read. Give 'server_log'."
        return _Printed(ServerLog(source, error=f"{source} {why}"))
    return _Printed(found, counted.lines)


class _Counted:
    """The lines of a stream as text, and how many there were."""

    def __init__(self, stream: Optional[IO[bytes]]) -> None:
        self.stream = stream
        self.lines = 0

    def __iter__(self) -> Iterator[str]:
        for line in self.stream or ():
            self.lines += 1
            yield line.decode("utf-8", "replace")


def _stop(process: Any, late: threading.Event) -> Callable[[], None]:
    def stop() -> None:
        late.set()
        process.kill()

    return stop


def _read(source: str, lines: Iterable[str]) -> ServerLog:
    seen = _ControlMode()
    return ServerLog(source, read_log(seen.watch(lines)), control_mode=seen.mode)


class _ControlMode:
    """Remembers the control mode of the last start among lines that somebody else reads."""

    mode: Optional[str] = None

    def watch(self, lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            if _OPTION in line:
                row = _CONTROL_MODE.search(line)
                self.mode = _MODES.get(row.group(1)) if row else self.mode
            yield line.rstrip("\n")
