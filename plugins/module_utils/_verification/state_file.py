# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What the last look saw, for whoever comes between two looks, and the lock that keeps looks apart."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from typing import Any, Dict, Iterator, Mapping, Optional

from . import atomic_file

STATE, LOCK = "state.json", "lock"
_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_SIZE_LIMIT = 256 * 2**20

# How a look can end, worst first. `FAILED`: there is no answer to the question, for a reason that is not a server
# that is `DOWN` or `STARTING`. `GPU_PROBLEM`: all models are where they should be, and a GPU has an error.
FAILED, DOWN, STARTING, CONTRADICTED, GPU_PROBLEM, FINE = (
    "failed",
    "down",
    "starting",
    "contradicted",
    "gpu_problem",
    "fine",
)
STATUSES = (FAILED, DOWN, STARTING, CONTRADICTED, GPU_PROBLEM, FINE)
COMPARED = (CONTRADICTED, GPU_PROBLEM, FINE)  # those of a look that has compared the models


class AlreadyRunningError(Exception):
    """Another look is under way."""


@contextlib.contextmanager
def only_one(directory: str) -> Iterator[None]:
    """Hold the lock of the directory.

    Raises:
        AlreadyRunningError: somebody else holds it.
        OSError: there is no such directory, for example.
    """
    # Opened for reading: where root was the first, an ordinary user could not open it for writing.
    descriptor = os.open(os.path.join(directory, LOCK), os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunningError from error
        yield
    finally:
        os.close(descriptor)


def write(directory: str, state: Mapping[str, Any]) -> None:
    """Keep a state. Raises OSError, and then the one before is still there."""
    text = json.dumps(state, indent=1, sort_keys=True, ensure_ascii=True)
    atomic_file.replace(os.path.join(directory, STATE), f"{text}\n".encode("ascii"))


def read(directory: str) -> Optional[Dict[str, Any]]:
    """The state that was kept; None where there is none.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not one.
    """
    try:
        with open(os.path.join(directory, STATE), "rb") as file:
            content = file.read(_SIZE_LIMIT)
    except FileNotFoundError:
        return None
    try:
        state = json.loads(content.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("it nests without end") from error
    if not isinstance(state, dict) or not isinstance(state.get("checked_at_seconds"), (int, float)):
        raise ValueError("it is not the state of a look")
    return state


def boot_id() -> str:
    """Which boot of the host this is; empty where the kernel does not say."""
    try:
        with open(_BOOT_ID, encoding="ascii") as file:
            return file.read().strip()
    except (OSError, ValueError):
        return ""
