# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Running a command that may never end."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from typing import IO, Dict, NamedTuple, Optional, Sequence

OUTPUT_LIMIT = 2**20
_PATIENCE = 2.0
_INTERVAL = 0.02
_LATE = "did not answer within"


class Outcome(NamedTuple):
    """How a command ended.

    Attributes:
        code: its exit code, negative for a signal; None where it did not end by itself.
        output, errors: what it printed.
        failure: why it did not end by itself, or an empty string.
    """

    code: Optional[int]
    output: str
    errors: str
    failure: str

    @property
    def timed_out(self) -> bool:
        """Whether it had to be stopped for the time it took."""
        return self.failure.startswith(_LATE)


def run(command: Sequence[str], seconds: float) -> Outcome:
    """Run a command, in English, for at most ``seconds`` and a moment, whatever it and its children do.

    A driver that hangs takes nvidia-smi with it, out of the reach of a signal, or leaves a child that keeps the pipe
    open: so nothing here waits without a limit, and what cannot be killed is left behind.
    """
    pipe, environment = subprocess.PIPE, {**os.environ, "LC_ALL": "C"}
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, env=environment, start_new_session=True
        )
    except OSError as error:
        return Outcome(None, "", "", f"cannot be started: {error.strerror}")
    printed = {stream: bytearray() for stream in (process.stdout, process.stderr) if stream}
    failure = _collect(process, printed, seconds)
    for stream in printed:
        stream.close()
    output, errors = (text.decode("utf-8", "replace") for text in printed.values())
    return Outcome(None if failure else process.returncode, output, errors, failure)


def _collect(process: subprocess.Popen[bytes], printed: Dict[IO[bytes], bytearray], seconds: float) -> str:
    """Read until the process ends; its children are not waited for. What it says where that took too much."""
    deadline = time.monotonic() + seconds
    failure = ""
    with selectors.DefaultSelector() as selector:
        for stream, text in printed.items():
            selector.register(stream, selectors.EVENT_READ, text)
        ended = drained = False
        while not drained and not failure:
            ended = process.poll() is not None
            ready = selector.select(0 if ended else _INTERVAL)
            for key, _events in ready:
                chunk = os.read(key.fd, 2**16)
                key.data.extend(chunk)
                if not chunk:
                    selector.unregister(key.fileobj)
            drained = ended and not ready
            if sum(map(len, printed.values())) > OUTPUT_LIMIT:
                failure = f"printed more than {OUTPUT_LIMIT} bytes"
            elif time.monotonic() > deadline:
                failure = f"{_LATE} {round(seconds, 1):g} seconds"
        left_behind = bool(selector.get_map())
    if failure or left_behind:
        _kill(process)
    return failure


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_PATIENCE)
