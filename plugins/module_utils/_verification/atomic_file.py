# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Files that others read at any moment: they are whole at any moment, and the old one stays where a new one fails."""

from __future__ import annotations

import contextlib
import os

READABLE = 0o644


def replace(path: str, content: bytes) -> None:
    """Put a file that everybody can read in the place of ``path``, or leave what is there as it is.

    What is unfinished has one name, so that nothing accumulates where a process is killed. Callers hold a lock.

    Raises:
        OSError: the disk is full, for example.
    """
    unfinished = f"{path}.unfinished"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(unfinished)
    # Not through a link that somebody has put there: root may run this in the directory of an ordinary user.
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, READABLE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), READABLE)
            file.write(content)
            file.flush()
            # Some file systems find out only here that there is no room.
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(unfinished)
        raise
