# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The log of the server, out of a file or out of the journal: what it says of the run that serves now."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from typing import IO, Any, Callable, Iterable, Iterator, NamedTuple, Optional

from .._gpu.regular_file import RegularFile
from .._model_config.findings import ConfigError
from .._proof.log_lines import read_log
from .._proof.records import PlacementLog
from .._service.errors import ServiceError
from .._service.unit_state import read_unit

_LIMIT = 2**28  # bytes of a log that are read, from the end on
_CHUNK = 2**20
_SECONDS = 60.0  # that journalctl may take
# The row in the table of options that a server logs at its start (triton core: src/tritonserver.cc).
_CONTROL_MODE = re.compile(r"\|[ \t]*model_control_mode[ \t]*\|[ \t]*MODE_([A-Z]+)[ \t]*\|")
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
            return _read(source, _lines_of(file))
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
    command = ["journalctl", "--quiet", "--no-pager", "--output=cat", f"_SYSTEMD_INVOCATION_ID={state.run}"]
    return of_command(source, command)


def of_command(source: str, command: Iterable[str], seconds: float = _SECONDS) -> ServerLog:
    """The log that a command prints, as far as it does within ``seconds``."""
    try:
        process = subprocess.Popen(
            list(command),
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        return ServerLog(source, error=f"{source} cannot be read: {error}.")
    late = threading.Event()
    timer = threading.Timer(seconds, _stop(process, late))
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
        return ServerLog(source, error=f"{source} takes more than {seconds:g} seconds to read. Give 'server_log'.")
    if not counted.lines:
        why = "has no line of this run that this user may read. Run as a member of systemd-journal, or as root."
        return ServerLog(source, error=f"{source} {why}")
    return found


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
            if "model_control_mode" in line:
                row = _CONTROL_MODE.search(line)
                self.mode = _MODES.get(row.group(1)) if row else self.mode
            yield line.rstrip("\n")


def _lines_of(file: RegularFile) -> Iterator[str]:
    start = max(0, file.size - _LIMIT)
    rest = b""
    for place in range(start, file.size, _CHUNK):
        *whole, rest = (rest + file.read(place, min(_CHUNK, file.size - place))).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace")
    if rest:
        yield rest.decode("utf-8", "replace")
