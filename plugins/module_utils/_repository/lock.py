# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Two runs at once on one repository: the second waits, then starts from what the first has written."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from typing import Iterable, Iterator, List

from .files import FileError, remove_leftovers

_TIMEOUT_SECONDS = 120.0
_MOST = 32


@contextlib.contextmanager
def locked(repositories: Iterable[str], timeout: float = _TIMEOUT_SECONDS) -> Iterator[None]:
    """Hold repositories against other runs of this collection on this host.

    The lock is on the directory itself (flock), so it leaves no file behind and ends with the process. It binds only
    who takes it too; an editor is caught by `files.write_file`, which compares before it replaces. A file system that
    cannot lock a directory, such as NFS, goes without.

    Args:
        repositories: their paths, the most important first. No more than `_MOST` are held, since a process may have
            only so many files open, and models that are links can lead to as many places. Those that are no
            directories are left out.
        timeout: seconds to wait for another run.

    Raises:
        FileError: another run has held a repository for longer than that.
    """
    descriptors: List[int] = []
    deadline = time.monotonic() + timeout
    try:
        directories = list(dict.fromkeys(os.path.realpath(path) for path in repositories))
        for directory in sorted(directories[:_MOST]):
            try:
                descriptors.append(os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
            except OSError:
                continue
            _lock(descriptors[-1], directory, deadline)
            remove_leftovers(directory)
        yield
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _lock(descriptor: int, directory: str, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EINTR):
                return
        if time.monotonic() > deadline:
            raise FileError(
                f"{directory}: another task has been changing this repository for a long time. "
                "Wait for it to end, or stop it, and run this task again."
            )
        time.sleep(0.05)
