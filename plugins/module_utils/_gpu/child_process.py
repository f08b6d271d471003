# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Running one of our own files in a process of its own, so that a driver that hangs takes that one only."""

from __future__ import annotations

import json
import os
import shutil
import sys
from types import ModuleType
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from .command import run

# Where a managed host has a Python, should the one that runs this not be one that can be started by its path.
_PYTHONS = ("/usr/bin/python3", "/usr/libexec/platform-python")


class ChildAnswer(NamedTuple):
    """What a child has said.

    Attributes:
        lines: the objects that it has printed, also before it hung or broke.
        failure: why it did not end well, or an empty string.
        timed_out: whether it had to be stopped.
    """

    lines: List[Dict[str, Any]]
    failure: str = ""
    timed_out: bool = False


def run_child(child: ModuleType, arguments: Sequence[str], seconds: float) -> ChildAnswer:
    """Run a module of this package, which imports the standard library only, as a script of its own.

    Args:
        child: the module. It is imported and handed over, since Ansible sends a host only what is imported.
        seconds: how long it may take.
    """
    source = _source(child)
    if not source:
        return ChildAnswer([], f"the source of {child.__name__.rpartition('.')[2]} is not there")
    python = interpreter()
    if not python:
        return ChildAnswer([], "there is no Python to run it with")
    outcome = run([python, "-I", "-S", "-c", source, *arguments], seconds)
    lines = list(filter(None, map(_object, outcome.output.splitlines())))
    return ChildAnswer(lines, outcome.failure or _ending(outcome.code, outcome.errors), outcome.timed_out)


def interpreter() -> str:
    """A Python to run a child with: ours, where it has a path that can be one. Empty where there is none."""
    ours = sys.executable or ""
    candidates = [ours] if os.path.basename(ours).startswith(("python", "pypy", "platform-python")) else []
    for path in [*candidates, *_PYTHONS, shutil.which("python3") or ""]:
        if path and os.access(path, os.X_OK):
            return path
    return ""


def _source(child: ModuleType) -> Optional[str]:
    """The source of a module, wherever it was imported from: a folder, or the archive that Ansible sends."""
    loader = getattr(child, "__loader__", None) or getattr(child.__spec__, "loader", None)
    try:
        source = loader.get_source(child.__name__)  # type: ignore[union-attr]
    except (AttributeError, ImportError, OSError):
        return None
    # The loader of Ansible's controller, which its own tests have on every Python, gives the bytes of the file.
    return source.decode("utf-8") if isinstance(source, bytes) else source


def _object(line: str) -> Optional[Dict[str, Any]]:
    """The object on a line, which is no whole one where the child was stopped."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _ending(code: Optional[int], errors: str) -> str:
    if not code:
        return ""
    if code < 0:
        return f"was ended by signal {-code}"
    said = next((line.strip() for line in reversed(errors.splitlines()) if line.strip()), "")
    return f"failed: {said[:200]}" if said else f"failed with exit code {code}"
