# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder .cache of the clone, where the tools keep what they make. A killed run leaves nothing that looks whole."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache"


@contextmanager
def scratch(parent: Path) -> Iterator[Path]:
    """A folder that goes away unless it is renamed; what a killed run left goes first. The caller holds the lock."""
    parent.mkdir(parents=True, exist_ok=True)
    for leftover in parent.glob(".unfinished-*"):
        shutil.rmtree(leftover)
    with tempfile.TemporaryDirectory(dir=parent, prefix=".unfinished-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold `path` exclusively, waiting for whoever holds it; the kernel lets go of it when a process dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
