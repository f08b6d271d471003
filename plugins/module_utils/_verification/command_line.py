# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The command triton-placement, which compares where models run with where they should, with no Ansible near."""

from __future__ import annotations

import argparse
import contextlib
import os
import pkgutil
import signal
import sys
import time
from datetime import datetime, timezone
from typing import Any, Callable, Dict, Iterable, Iterator, Mapping, Optional, Sequence, TextIO

from .._gpu.journal_stream import PRIORITIES, is_journal
from .._gpu.states import ERROR, WARNING
from . import atomic_file, state_file, textfile
from .announcements import Line, announce, problems
from .health_server import PATHS, HealthServer, tell_systemd
from .look import look
from .monitor_options import MonitorOptions, OptionsError, read_options
from .state_file import CONTRADICTED, DOWN, FAILED, FINE, GPU_PROBLEM, STARTING, AlreadyRunningError

# Exit statuses of `check`. The last two are no failure: the next look will tell.
FINE_STATUS, WRONG, NO_ANSWER, STARTS, IS_BUSY = 0, 1, 2, 3, 4
_EXITS = {
    FINE: FINE_STATUS,
    CONTRADICTED: WRONG,
    GPU_PROBLEM: WRONG,
    DOWN: NO_ANSWER,
    FAILED: NO_ANSWER,
    STARTING: STARTS,
}
_RESERVE = 0.8  # of the time limit, after which no request begins: what is known has to be written down, too

_DESCRIPTION = "Whether the Triton of this host runs every model where the policy, or its file, says."
_CHECK = """\
Compares policy, files and the running server once, and looks at the GPUs of this host. Keeps what it sees in the
directory of the configuration, as state.json and as triton_placement.prom for the textfile collector of Prometheus's
node exporter. Exits with 0 where everything is as it should be, with 1 where a model is not where it should be or a GPU
has an error, with 2 where there is no answer, with 3 while the server starts, and with 4 where another check is under
way. In the journal it tells what is new, what is over, and now and then what still is; at a terminal, everything.
"""
_HEALTH = f"""\
Answers GET and HEAD of {" and ".join(PATHS)} over HTTP by what the last check saw: with 200, or with 503 while a
critical model is not where it should be, the server does not serve, or the last check is too old. The body says why, as
JSON.
"""
_TEST = "Reads the configuration and says what is wrong with it. Exits with 0 where it is good. Asks no server."


class _TimeIsUp(BaseException):
    """Not an Exception: nothing on the way may take it for a failure of its own."""


def main(arguments: Optional[Sequence[str]] = None, output: Optional[TextIO] = None) -> int:
    """Run the command; the exit status. Bad arguments end the process with status 2."""
    options = _parser().parse_args(arguments)
    stream = output or sys.stdout
    try:
        wanted = read_options(options.config)
        status: int = options.run(wanted, stream)
    except OptionsError as error:
        _print(stream, [Line(ERROR, line) for line in str(error).splitlines()])
        return NO_ANSWER
    except BrokenPipeError:
        # Whoever read this has seen enough. What is left in the buffer must not fail at the exit of Python.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return NO_ANSWER
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="triton-placement", description=_DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"triton-placement of inference.triton {_version()}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, run, short, text in (
        ("check", _check, "look once", _CHECK),
        ("health", _health, "tell load balancers what the last look saw", _HEALTH),
        ("test", _test, "see whether the configuration is good", _TEST),
    ):
        command = commands.add_parser(name, help=short, description=text)
        command.set_defaults(run=run)
        command.add_argument("--config", required=True, metavar="FILE", help="the configuration, a file with JSON")
    return parser


def _test(_wanted: MonitorOptions, output: TextIO) -> int:
    _print(output, [Line("", "The configuration is good.")])
    return FINE_STATUS


def _check(wanted: MonitorOptions, output: TextIO) -> int:
    try:
        with state_file.only_one(wanted.state_dir):
            return _look_and_tell(wanted, output)
    except AlreadyRunningError:
        _print(output, [Line(WARNING, "Another check is under way; this one has not looked.")])
        return IS_BUSY
    except OSError as error:
        _print(
            output, [Line(ERROR, f"{wanted.state_dir} cannot be used: {error}. The role placement_monitor makes it.")]
        )
        return NO_ANSWER


def _look_and_tell(wanted: MonitorOptions, output: TextIO) -> int:
    before, doubts = _before(wanted.state_dir)
    state = _state(wanted)
    lines, state["announced"] = announce(state, before, state["checked_at_seconds"], wanted.remind)
    if not is_journal(output):
        told = (f"{one.severity}: {one.text}" for one in problems(state))
        lines = [Line("", text) for text in (state["summary"], f"GPUs: {state['gpu']['summary']}", *told)]
    unwritten = list(_keep(wanted, state))
    _print(output, [*doubts, *lines, *unwritten])
    return NO_ANSWER if unwritten else _EXITS[state["status"]]


def _before(directory: str) -> Any:
    """The state of the look before this one, and what is wrong with it."""
    try:
        return state_file.read(directory) or {}, []
    except (OSError, ValueError) as error:
        return {}, [Line(WARNING, f"What the last check saw cannot be read, and is replaced: {error}.")]


def _state(wanted: MonitorOptions) -> Dict[str, Any]:
    begun = time.monotonic()
    try:
        with _limit(wanted.timeout):
            seen = look(wanted, begun + wanted.timeout * _RESERVE)
    except _TimeIsUp:
        seen = _no_answer(
            f"The check takes more than {wanted.timeout:g} seconds. See whether a model repository is on storage that "
            "hangs, or raise triton_placement_monitor_timeout."
        )
    except Exception as error:
        # Whatever it is, load balancers and Prometheus have to learn that there is no answer.
        seen = _no_answer(
            f"The check has a defect, which its authors want to know of: {type(error).__name__}: {error}."
        )
    now = time.time()
    return {
        **seen,
        "checked_at": f"{datetime.fromtimestamp(now, timezone.utc):%Y-%m-%dT%H:%M:%SZ}",
        "checked_at_seconds": now,
        "duration_seconds": round(time.monotonic() - begun, 3),
        "boot_id": state_file.boot_id(),
        "version": _version(),
    }


def _no_answer(summary: str) -> Dict[str, Any]:
    gpu: Dict[str, Any] = {
        "summary": "Nobody has looked at the GPUs.",
        "severity": "ok",
        "present_count": None,
        "usable_count": None,
        "expected_count": None,
        "findings": [],
    }
    return {"status": FAILED, "summary": summary, "models": [], "server_error": None, "gpu": gpu}


def _keep(wanted: MonitorOptions, state: Mapping[str, Any]) -> Iterator[Line]:
    """Write both files; the lines say which could not be written. Then the old one is still there."""
    writers: Dict[str, Callable[[], None]] = {
        state_file.STATE: lambda: state_file.write(wanted.state_dir, state),
        textfile.FILE: lambda: atomic_file.replace(
            os.path.join(wanted.state_dir, textfile.FILE), textfile.exposition(state, wanted.interval).encode()
        ),
    }
    for name, write in writers.items():
        try:
            write()
        except OSError as error:
            what = f"{os.path.join(wanted.state_dir, name)} cannot be written: {error.strerror}."
            yield Line(ERROR, f"{what} The old one stays, and is soon too old. Make room, or correct the permissions.")


@contextlib.contextmanager
def _limit(seconds: float) -> Iterator[None]:
    """End what takes longer, as far as the kernel lets it: what waits for a disk for ever is left to systemd."""

    def end(_number: int, _frame: Any) -> None:
        raise _TimeIsUp

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _health(wanted: MonitorOptions, output: TextIO) -> int:
    oldest = wanted.interval * wanted.health_intervals + wanted.timeout
    address, port = wanted.health_address, wanted.health_port
    try:
        server = HealthServer(address, port, wanted.state_dir, oldest)
    except OSError as error:
        _print(output, [Line(ERROR, f"{address} port {port} cannot be listened on: {error.strerror}.")])
        return NO_ANSWER
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    tell_systemd("READY=1")
    with contextlib.suppress(KeyboardInterrupt), server:
        server.serve_forever()
    return FINE_STATUS


def _print(output: TextIO, lines: Iterable[Line]) -> None:
    mark = PRIORITIES if is_journal(output) else {}
    for line in lines:
        text = f"{mark.get(line.severity, '')}{line.text}\n"
        # A host may have a locale that knows ASCII alone, and the name of a model any character.
        encoding = getattr(output, "encoding", None) or "utf-8"
        output.write(text.encode(encoding, "backslashreplace").decode(encoding))
    output.flush()


def _version() -> str:
    """Of the release that this was made of: see the action standalone_check. A module has no such file."""
    try:
        text = pkgutil.get_data((__package__ or "").rpartition(".")[0], "VERSION")
    except OSError:
        text = None
    return text.decode().strip() if text else "unknown"
