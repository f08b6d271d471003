# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Where the parts of a server stand in the folder that it was unpacked into, and what this host makes it lack.

The folders keep their places relative to each other: the server finds its libraries by paths relative to itself.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import Dict, List, NamedTuple, Optional

from .errors import ServiceError
from .help_text import options_of
from .python_of_host import HostPython

SERVER = os.path.join("bin", "tritonserver")
STUB = "triton_python_backend_stub"
_STUBS = "python_backend_stubs"  # nvidia-pytriton: one folder for each Python that the wheel has a stub for
_LIBRARIES_OF_WHEEL = "nvidia_pytriton.libs"  # the RPATH of its server and stubs, relative to them
_LIBPYTHON = re.compile(rb"libpython3[\w.-]*\.so[\w.]*")
_SECONDS = 60


class Layout(NamedTuple):
    """Paths relative to the folder of one version; None for what this server does not have."""

    program: str
    backends: Optional[str]
    caches: Optional[str]
    repoagents: Optional[str]
    libraries: Optional[str]


def find(folder: str, program: Optional[str]) -> Layout:
    """The layout of what was unpacked. ``program`` names the server where there is more than one.

    Raises ServiceError where there is no server, or more than one.
    """
    if program is None:
        found = [
            os.path.relpath(os.path.join(place, SERVER), folder)
            for place, _folders, _files in os.walk(folder)
            if os.path.isfile(os.path.join(place, SERVER))
        ]
        if len(found) != 1:
            what = "no bin/tritonserver" if not found else "more than one server: " + ", ".join(sorted(found))
            raise ServiceError(f"The archive holds {what}. Name the server in it, by its path in the archive.")
        program = found[0]
    path = os.path.join(folder, program)
    if not (os.path.realpath(path) + "/").startswith(os.path.realpath(folder) + "/") or not os.path.isfile(path):
        raise ServiceError(f"The archive holds no file {program}.")
    home = os.path.dirname(os.path.dirname(program))

    def beside(name: str) -> Optional[str]:
        place = os.path.join(home, name)
        return place if os.path.isdir(os.path.join(folder, place)) else None

    return Layout(program, beside("backends"), beside("caches"), beside("repoagents"), beside("lib"))


def needs_stub(folder: str, layout: Layout) -> bool:
    """Whether the server leaves the choice of its Python backend's stub to whoever installs it."""
    return os.path.isdir(os.path.join(folder, _home(layout), _STUBS))


def adapt(folder: str, layout: Layout, python: HostPython) -> None:
    """Give the Python backend the stub for this Python, and the stub this Python's own shared library.

    The library that comes with the wheel for Python 3.13 lacks what the distribution's has built in (``No module named
    '_struct'``), so links to the latter take its place: the stub's RPATH leads to them before anything else.
    Raises ServiceError.
    """
    stubs = os.path.join(folder, _home(layout), _STUBS)
    stub = os.path.join(stubs, python.version, STUB)
    if not os.path.isfile(stub):
        raise ServiceError(
            f"This server has no Python backend for Python {python.version}, which {python.path} is; it has one for "
            f"{', '.join(sorted(os.listdir(stubs), key=_by_number))}. Name such a Python, or install another version."
        )
    if python.library is None:
        raise ServiceError(
            f"{python.library_name} is not installed, and the Python backend loads it. "
            f"Install it (Debian, Ubuntu: libpython{python.version}), or name another Python."
        )
    with open(stub, "rb") as file:
        asked_for = {os.fsdecode(name) for name in _LIBPYTHON.findall(file.read())}
    for name in asked_for | {python.library_name}:
        _replace_by_link(os.path.join(folder, _LIBRARIES_OF_WHEEL, name), python.library)
    place = os.path.join(folder, layout.backends or "", "python", STUB)
    shutil.copyfile(stub, place + ".new")
    os.chmod(place + ".new", 0o755)
    os.replace(place + ".new", place)


def try_out(folder: str, layout: Layout) -> Dict[str, str]:
    """Start the server and its stub as far as they go by themselves; the options that the server then names.

    Raises ServiceError with what the loader or the kernel said where one of them does not run on this host.
    """
    environment = dict(os.environ)
    if layout.libraries:
        environment["LD_LIBRARY_PATH"] = os.path.join(folder, layout.libraries)
    options = options_of(_run([os.path.join(folder, layout.program), "--help"], environment))
    if "model-repository" not in options:
        raise ServiceError(f"{layout.program} --help names no options: this is not tritonserver.")
    stub = os.path.join(folder, layout.backends or "", "python", STUB)
    if os.path.isfile(stub):
        _run([stub], environment)
    return options


def _run(command: List[str], environment: Dict[str, str]) -> str:
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ServiceError(f"{os.path.basename(command[0])} does not start on this host: {error}.") from error
    text = done.stdout.decode("utf-8", "replace")
    if done.returncode not in (0, 1):  # both end with 1: the server after --help, the stub for want of arguments
        said = text.strip() or f"it ended with {done.returncode}"
        raise ServiceError(f"{os.path.basename(command[0])} does not start on this host: {said}")
    return text


def _home(layout: Layout) -> str:
    return os.path.dirname(os.path.dirname(layout.program))


def _replace_by_link(path: str, target: str) -> None:
    new = path + ".new"
    if os.path.lexists(new):
        os.unlink(new)
    os.symlink(target, new)
    os.replace(new, path)


def _by_number(version: str) -> List[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]
