# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The command triton-gpu, which asks a host about its GPUs where Ansible is far away."""

from __future__ import annotations

import argparse
import json
import os
import pkgutil
import re
import sys
import time
from typing import Any, Dict, Iterable, Optional, Sequence, TextIO, Tuple

from .._model_config.findings import ConfigError
from .diagnosis import diagnose
from .evidence import Evidence
from .facts import as_facts
from .journal_stream import PRIORITIES, is_journal
from .probing import collect
from .readiness import Look, judge, wait
from .states import ERROR, WARNING, Wanted
from .wanted import parse_wanted

READY, NOT_READY = 0, 1

# Seconds. Without nvidia-persistenced a driver may take a minute to begin, and begins anew at each look.
_ENOUGH_FOR_A_LOOK = 30.0

_DESCRIPTION = "What GPUs this host has, what Triton can use of them, and why not more."
_REPORT = "Prints what is wrong with the GPUs of this host. Exits with 1 if there is an error, else with 0."
_FACTS = "Prints the facts that the Ansible module inference.triton.gpu_facts returns, as JSON. Exits with 0."
_WAIT = """\
Waits until the GPUs of this host are ready for Triton: the expected number is usable, nothing that was found is an
error, and, for a few seconds, until nvidia-persistenced runs where it is installed. Prints a line for each problem and
a summary at the end. Exits with 0 when they are ready and with 1 when the time is over. It changes nothing on the host.
"""


def main(arguments: Optional[Sequence[str]] = None, output: Optional[TextIO] = None) -> int:
    """Run the command; the exit status. Bad arguments end the process with status 2."""
    parser = _parser()
    options = parser.parse_args(arguments)
    stream = output or sys.stdout
    try:
        wanted, warnings = parse_wanted({**vars(options), "timeout": max(options.timeout, 1)})
        _print(sys.stderr, warnings)
        status: int = options.run(options, wanted, stream)
    except ConfigError as error:
        parser.error(str(error))
    except BrokenPipeError:
        # Whoever read this has seen enough. What is left in the buffer must not fail at the exit of Python.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return READY
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="triton-gpu", description=_DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"triton-gpu of inference.triton {_version()}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, run, short, text in (
        ("report", _report, "print what is wrong", _REPORT),
        ("facts", _facts, "print everything that was found, as JSON", _FACTS),
        ("wait", _wait, "wait until the GPUs are ready", _WAIT),
    ):
        command = commands.add_parser(name, help=short, description=text)
        command.set_defaults(run=run)
        _add_options(command, timeout=180 if name == "wait" else 30)
        if name == "wait":
            text = "a finding that is known and does not count, by its name; can be given several times"
            command.add_argument("--accept", action="append", default=[], metavar="STATE", help=text)
    return parser


def _add_options(command: argparse.ArgumentParser, timeout: float) -> None:
    """The options of the module gpu_facts, with its names."""
    add = command.add_argument
    add("--timeout", type=_amount, default=timeout, metavar="S", help=f"how long it may take, in seconds ({timeout})")
    add("--expected", type=_count, dest="expected_count", metavar="N", help="GPUs that Triton must be able to use")
    add("--minimum-memory-gb", type=_amount, metavar="GB", help="memory that each needs, in GB of 10^9 bytes")
    add("--minimum-compute-capability", metavar="X.Y", help="compute capability that each needs")
    add("--release", dest="triton_release", metavar="YY.MM", help="release of Triton that is to use them")
    add("--min-supported-compute-capability", metavar="X.Y", help="this option of that server, where it has it")
    add("--cuda-compat", metavar="PATH", help="libcuda of its CUDA compatibility package, or the folder of it")
    add("--cuda-visible-devices", metavar="LIST", help="CUDA_VISIBLE_DEVICES in its environment")
    add("--server-log", metavar="FILE", help="what it logged at its start")
    add("--containers", action="store_const", const=True, help="it runs in a container here")
    add("--no-containers", action="store_const", const=False, dest="containers", help="it does not")
    add("--root", default="/", metavar="DIRECTORY", help="of the file system to look at (/)")


def _report(options: argparse.Namespace, wanted: Wanted, output: TextIO) -> int:
    facts, _evidence = _examine(options.root, wanted, options.timeout)
    _print(output, facts["report"])
    return NOT_READY if facts["severity"] == ERROR else READY


def _facts(options: argparse.Namespace, wanted: Wanted, output: TextIO) -> int:
    facts, _evidence = _examine(options.root, wanted, options.timeout)
    _print(output, [json.dumps(facts, indent=2, sort_keys=True)])
    return READY


def _wait(options: argparse.Namespace, wanted: Wanted, output: TextIO) -> int:
    mark = PRIORITIES if is_journal(output) else {}
    longest = max(options.timeout / 2, _ENOUGH_FOR_A_LOOK)

    def look(seconds: float) -> Look:
        facts, evidence = _examine(options.root, wanted, min(seconds, longest))
        return judge(facts, evidence.services, options.expected_count, options.accept)

    def tell(seen: Look) -> None:
        # What they mean and what to do comes at the end, if it is still so then.
        _print(output, [f"Waiting: {line.partition(': ')[0]}" for line in seen.problems + seen.shortcomings])

    waited = wait(look, options.timeout, time, tell)
    last, duration = waited.last, f"after {waited.seconds:.0f} seconds"
    _print(output, [f"{mark.get(WARNING, '')}{line}" for line in last.shortcomings])
    if waited.ready:
        _print(output, [f"Ready {duration}: {last.summary}"])
        return READY
    told = (*last.problems, f"Not ready {duration}: {last.summary}")
    _print(output, [f"{mark.get(ERROR, '')}{line}" for line in told])
    return NOT_READY


def _print(output: TextIO, lines: Iterable[str]) -> None:
    for line in lines:
        output.write(f"{line}\n")
    output.flush()


def _examine(root: str, wanted: Wanted, seconds: float) -> Tuple[Dict[str, Any], Evidence]:
    evidence = collect(root=root, seconds=seconds)
    return as_facts(diagnose(evidence, wanted)), evidence


def _version() -> str:
    """Of the release that this was made of: see the action standalone_check. A module has no such file."""
    try:
        text = pkgutil.get_data((__package__ or "").rpartition(".")[0], "VERSION")
    except OSError:
        text = None
    return text.decode().strip() if text else "unknown"


def _count(text: str) -> int:
    if not re.match(r"[0-9]{1,4}\Z", text):
        raise argparse.ArgumentTypeError(f"'{text}' is no number of GPUs")
    return int(text)


def _amount(text: str) -> float:
    if not re.match(r"[0-9]{1,9}(?:\.[0-9]+)?\Z", text):
        raise argparse.ArgumentTypeError(f"'{text}' is no positive number")
    return float(text)
