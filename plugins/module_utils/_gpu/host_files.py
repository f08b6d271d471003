# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Reading a host's files without trusting them.

Under /sys and /proc a file may go away while it is read, refuse to be read, or be larger than it says; and what stands
under another root than ``/`` is a tree of a container or of a test. So a read is limited, waits for nothing, opens
regular files only (to open a device node of a GPU initialises the GPU), and follows links inside of the root. What
cannot be had is nothing, and never an exception.
"""

from __future__ import annotations

import os
import stat
from typing import Dict, List, Mapping, Optional

LIMIT = 2**20
_MAX_LINKS = 40  # as the kernel does (Linux: include/linux/namei.h, MAXSYMLINKS)
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


class HostFiles:
    """The files of a host. Paths are absolute, as they are on that host.

    Attributes:
        root: where its ``/`` is on this machine.
        is_this_host: whether that is ``/``.
    """

    def __init__(self, root: str = "/") -> None:
        self.root = os.path.abspath(root)
        self.is_this_host = self.root == "/"
        self._processes: Optional[Dict[int, str]] = None

    def below(self, folder: str) -> HostFiles:
        """The files under a folder that is a root of its own, like that of a driver container."""
        return HostFiles(self.place(folder) or os.path.join(self.root, folder.strip("/")))

    def place(self, path: str) -> str:
        """Where a path is on this machine, so that opening it cannot leave the root; empty where there is nothing."""
        if self.is_this_host:
            return path
        inside = self._resolve(path)
        return self.root + inside if inside else ""

    def real(self, path: str) -> str:
        """A path on that host with all links followed; empty where there is nothing."""
        if not self.is_this_host:
            return self._resolve(path)
        return os.path.realpath(path) if self.exists(path) else ""

    def exists(self, path: str) -> bool:
        return self.status(path) is not None

    def status(self, path: str) -> Optional[os.stat_result]:
        """Of what a path leads to."""
        place = self.place(path)
        try:
            return os.stat(place) if place else None
        except (OSError, ValueError):
            return None

    def regular(self, path: str) -> bool:
        """Whether there is a regular file."""
        status = self.status(path)
        return status is not None and stat.S_ISREG(status.st_mode)

    def usable(self, path: str) -> bool:
        """Whether this process may read and write what is there, by its mode. It is not opened."""
        place = self.place(path)
        try:
            return bool(place) and os.access(place, os.R_OK | os.W_OK)
        except ValueError:
            return False

    def program(self, path: str) -> bool:
        """Whether this process may execute what is there."""
        return self.regular(path) and os.access(self.place(path), os.X_OK)

    def read(self, path: str, limit: int = LIMIT) -> Optional[bytes]:
        """The first ``limit`` bytes of a regular file; None where it cannot be read."""
        if not self.regular(path):
            return None
        try:
            return _read(self.place(path), limit)
        except (OSError, ValueError):
            return None

    def text(self, path: str, limit: int = LIMIT) -> str:
        """The same as text; empty where it cannot be read."""
        return (self.read(path, limit) or b"").decode("utf-8", "replace")

    def value(self, path: str) -> str:
        """The one value that a file of /sys or of a device tree holds."""
        return self.text(path, 4096).strip("\0 \t\r\n")

    def names(self, folder: str) -> Optional[List[str]]:
        """What is in a folder, sorted; None where it cannot be listed. Names that are no text are left out."""
        place = self.place(folder)
        try:
            return sorted(filter(_is_text, os.listdir(place))) if place else None
        except (OSError, ValueError):
            return None

    def link(self, path: str) -> str:
        """What a symbolic link says; empty where there is none."""
        folder, _slash, name = path.rpartition("/")
        place = self.place(folder or "/")
        try:
            said = os.readlink(os.path.join(place, name)) if place else ""
        except (OSError, ValueError):
            return ""
        return said if _is_text(said) else ""

    def processes(self) -> Mapping[int, str]:
        """The names of all processes, cut at 15 characters as the kernel keeps them (Linux: TASK_COMM_LEN), by number.

        They are looked up once: to do so takes longer than all else that is read here.
        """
        if self._processes is None:
            self._processes = self._list_processes()
        return self._processes

    def _list_processes(self) -> Dict[int, str]:
        folder, found = self.place("/proc"), {}
        for name in self.names("/proc") or ():
            if name.isascii() and name.isdigit():
                try:
                    found[int(name)] = _read(f"{folder}/{name}/comm", 64).decode("utf-8", "replace").rstrip("\n")
                except OSError:
                    continue  # it has ended
        return found

    def _resolve(self, path: str) -> str:
        """A path with its links followed as if the root were ``/``; empty where there is nothing or no end of links."""
        todo, done, links = path.split("/")[::-1], [""], 0
        while todo:
            part = todo.pop()
            if part in ("", "."):
                continue
            if part == "..":
                done = done[:-1] or [""]
                continue
            try:
                place = self.root + "/".join([*done, part])
                target = os.readlink(place) if stat.S_ISLNK(os.lstat(place).st_mode) else None
            except (OSError, ValueError):
                return ""
            if target is None:
                done.append(part)
                continue
            links += 1
            if links > _MAX_LINKS:
                return ""
            todo += target.split("/")[::-1]
            if target.startswith("/"):
                done = [""]
        return "/".join(done) or "/"


def _read(place: str, limit: int) -> bytes:
    """As much of a file as can be had.

    Raises:
        OSError: nothing of it can be had.
    """
    content = bytearray()
    descriptor = os.open(place, _FLAGS)
    try:
        while len(content) < limit:
            chunk = os.read(descriptor, min(limit - len(content), 2**16))
            if not chunk:
                break
            content += chunk
    except OSError:
        if not content:
            raise
    finally:
        os.close(descriptor)
    return bytes(content)


def _is_text(name: str) -> bool:
    """Whether a name can be told to anybody: Python keeps bytes that are no UTF-8 as lone surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
