# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""A file that a task names, read in pieces: it may be large, grow, shrink, or be no file at all."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import Iterator, NamedTuple

from .._model_config.findings import ConfigError


class RegularFile(NamedTuple):
    """An open file, and its size in bytes when it was opened. A mapped one would kill who reads what is cut off."""

    descriptor: int
    size: int

    @classmethod
    @contextlib.contextmanager
    def open(cls, option: str, path: str) -> Iterator[RegularFile]:
        """The file at a path that an option names.

        Raises:
            ConfigError: it cannot be read, or is a folder, a pipe, a device.
        """
        try:
            # Without O_NONBLOCK the opening of a pipe waits for its writer.
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, ValueError) as error:
            raise _cannot_read(option, path, error) from error
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise ConfigError([f"{option}: {path} is no file. Give the path of a file."])
            yield cls(descriptor, status.st_size)
        except OSError as error:
            raise _cannot_read(option, path, error) from error
        finally:
            os.close(descriptor)

    def read(self, start: int, length: int) -> bytes:
        """The bytes from a place on, fewer where the file ends."""
        return os.pread(self.descriptor, length, start)


def _cannot_read(option: str, path: str, error: Exception) -> ConfigError:
    why = error.strerror if isinstance(error, OSError) else str(error)
    return ConfigError([f"{option}: {path} cannot be read: {why}."])
