# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Versions of the server side by side below one folder, ``<root>/<version>``, each whole or not there at all.

A version is unpacked beside its place under a name that begins with a dot, tried out there, and gets its name by a
rename. ``.installation.json`` in it says what it is; a folder without that file is not ours and is never touched.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import tempfile
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence

from . import layout, unpacking
from .errors import ServiceError
from .python_of_host import HostPython

STAMP = ".installation.json"
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+-]*\Z")
_UNFINISHED = re.compile(r"\.(?:unfinished|removed)-")
# Of the wheel, the server alone: neither PyTriton itself nor the library of Python 3.13, see layout.adapt.
_OF_WHEEL = re.compile(r"pytriton/tritonserver/|nvidia_pytriton-[^/]+\.dist-info/|nvidia_pytriton\.libs/(?!libpython)")


class Source(NamedTuple):
    """What to install: a file on this host, its SHA-256 where that was given, and how it is laid out."""

    path: Optional[str]
    checksum: Optional[str]
    is_wheel: bool
    program: Optional[str]


class Installation(NamedTuple):
    """One version on this host, as its stamp has it. Paths in ``layout`` are relative to ``path``."""

    version: str
    path: str
    checksum: str
    layout: layout.Layout
    options: Mapping[str, str]
    python: Optional[str]
    python_library: Optional[str]

    def facts(self) -> Dict[str, Any]:
        """As a module returns it, with absolute paths."""
        places = {
            name: place and os.path.normpath(os.path.join(self.path, place))
            for name, place in self.layout._asdict().items()
        }
        return {
            "version": self.version,
            "path": self.path,
            "checksum": self.checksum,
            **places,
            "options": dict(self.options),
            "python": self.python,
        }


def check_version(version: str) -> None:
    """Raise ServiceError unless the version can name a folder."""
    if not _VERSION.match(version):
        raise ServiceError(
            f"{version!r} cannot name a version: it becomes the name of a folder. "
            "Begin with a letter or digit, and use letters, digits, '.', '_', '+' and '-'."
        )


def installed(root: str, version: str) -> Optional[Installation]:
    """The version, or None where there is none. Raises ServiceError for a folder that is not ours."""
    check_version(version)
    home = os.path.join(root, version)
    if not os.path.lexists(home):
        return None
    try:
        with open(os.path.join(home, STAMP), encoding="utf-8") as file:
            stamp = json.load(file)
        return Installation(
            version,
            home,
            stamp["checksum"],
            layout.Layout(**stamp["layout"]),
            stamp["options"],
            stamp["python"],
            stamp["python_library"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ServiceError(
            f"{home} exists, and was not made by this collection ({STAMP} cannot be read). "
            "It is left alone: move it away, or choose another name for the version."
        ) from error


def versions(root: str) -> List[str]:
    """The versions below the root, the one installed last coming first."""
    found = []
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(root):
            stamp = os.path.join(root, name, STAMP)
            if _VERSION.match(name) and not os.path.islink(os.path.join(root, name)) and os.path.isfile(stamp):
                found.append((os.stat(stamp).st_mtime, name))
    return [name for _time, name in sorted(found, reverse=True)]


def install(root: str, version: str, source: Source, python: HostPython) -> Installation:
    """Install a version that is not there. Raises ServiceError; then nothing is left of it."""
    if source.path is None:
        raise ServiceError(f"{os.path.join(root, version)} is not installed, and no file was given to install it from.")
    digest = unpacking.sha256(source.path)
    if source.checksum not in (None, digest):
        raise ServiceError(
            f"{source.path} is not the file that was asked for: its SHA-256 is {digest} and not {source.checksum}. "
            "It was damaged or replaced on its way, or the checksum belongs to another file."
        )
    with _locked(root):
        folder = tempfile.mkdtemp(prefix=".unfinished-", dir=root)
        try:
            os.chmod(folder, 0o755)
            wanted = _OF_WHEEL.match if source.is_wheel else lambda name: True
            unpacking.unpack(source.path, folder, lambda name: bool(wanted(name)))
            parts = layout.find(folder, source.program)
            chosen = layout.needs_stub(folder, parts)
            if chosen:
                layout.adapt(folder, parts, python)
            options = layout.try_out(folder, parts)
            done = Installation(
                version,
                os.path.join(root, version),
                digest,
                parts,
                options,
                python.version if chosen else None,
                python.library if chosen else None,
            )
            _write_stamp(folder, done)
            os.rename(folder, done.path)
        except OSError as error:
            raise ServiceError(f"{version} cannot be installed below {root}: {error}.") from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return done


def outdated(installation: Installation, python: HostPython) -> bool:
    """Whether the host's Python is another one than the Python backend was made ready for."""
    return installation.python is not None and (installation.python, installation.python_library) != (
        python.version,
        python.library,
    )


def renew(root: str, installation: Installation, python: HostPython) -> Installation:
    """Make the Python backend ready for the host's Python of today. Raises ServiceError."""
    with _locked(root):
        layout.adapt(installation.path, installation.layout, python)
        renewed = installation._replace(python=python.version, python_library=python.library)
        _write_stamp(installation.path, renewed)
    return renewed


def remove(root: str, names: Sequence[str]) -> None:
    """Remove versions; the root itself too once nothing is left in it. Raises ServiceError for what is not ours."""
    homes = [found.path for found in (installed(root, name) for name in names) if found]
    if not os.path.isdir(root):
        return
    with _locked(root):
        for home in homes:
            # A folder that is half gone must not look like a version, should this process be killed.
            gone = os.path.join(tempfile.mkdtemp(prefix=".removed-", dir=root), "version")
            os.rename(home, gone)
            shutil.rmtree(os.path.dirname(gone), ignore_errors=True)
        with contextlib.suppress(OSError):
            os.rmdir(root)  # which only an empty one lets happen


def _write_stamp(folder: str, installation: Installation) -> None:
    stamp = {
        "checksum": installation.checksum,
        "layout": installation.layout._asdict(),
        "options": dict(installation.options),
        "python": installation.python,
        "python_library": installation.python_library,
    }
    path = os.path.join(folder, STAMP)
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(stamp, file, indent=1, sort_keys=True)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
        os.fchmod(file.fileno(), 0o644)
    os.replace(path + ".new", path)


@contextlib.contextmanager
def _locked(root: str) -> Iterator[None]:
    """One run at a time below the root; what a killed one left behind goes first."""
    os.makedirs(root, 0o755, exist_ok=True)
    handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        for name in os.listdir(root):
            if _UNFINISHED.match(name):
                shutil.rmtree(os.path.join(root, name), ignore_errors=True)
        yield
    finally:
        os.close(handle)
