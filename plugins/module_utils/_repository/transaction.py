# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""All files of a run are written, or none: what was written before one could not be is put back."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import List, NamedTuple, Optional, Sequence, Set, Tuple

from . import backup
from .backup import Keeping, Replacement
from .discovery import CONFIGS_DIRECTORY
from .files import ConcurrentChangeError, FileError, attributes_of, link_at, write_file


class NotPutBackError(FileError):
    """A file could not be written, and not all that had been written before it could be put back."""


class Saved(NamedTuple):
    """What was kept of a run that wrote its files: its backup, None if none was asked for or nothing was written."""

    backup_id: Optional[str] = None
    warnings: Tuple[str, ...] = ()


def write(
    replacements: Sequence[Replacement],
    keeping: Optional[Keeping] = None,
    undoes: Optional[str] = None,
    not_kept: Sequence[Replacement] = (),
) -> Saved:
    """Keep what the files hold, then write all of them; a model's ``configs`` directory is made where it is missing.

    Args:
        undoes: the backup that this puts back, for the backup that is made of it.
        not_kept: what is written with them, before them, and of which no backup is made.

    Raises:
        NotPutBackError: some files are written and some are not; the backup stays.
        FileError: a file could not be written. All files are as they were, and there is no backup.
    """
    everything = [*not_kept, *replacements]
    if keeping is None or not replacements:
        _write_all(everything)
        return Saved()
    backup_id = backup.save(keeping.directory, replacements, undoes)
    with backup.in_use(keeping.directory, backup_id):
        try:
            _write_all(everything)
        except FileError as error:
            if isinstance(error, NotPutBackError):
                raise NotPutBackError(f"{error}\nThe backup {backup_id} holds all files as they were.") from error
            backup.discard(keeping.directory, backup_id)
            raise
        warnings = [] if keeping.keep is None else backup.prune(keeping.directory, keeping.keep, backup_id)
    return Saved(backup_id, tuple(warnings))


def _write_all(replacements: Sequence[Replacement]) -> None:
    undo: List[Replacement] = []
    made: List[str] = []
    try:
        for replacement in replacements:
            opposite = _opposite(replacement)
            _make_configs_directory(replacement, made)
            _write(replacement)
            undo.append(opposite)
    except FileError as error:
        stuck: Set[str] = set()
        for opposite in reversed(undo):
            try:
                _write(opposite)
            except FileError as failure:
                stuck.add(str(failure))
        for directory in reversed(made):
            with contextlib.suppress(OSError):  # there is a file in it that could not be put back
                os.rmdir(directory)
        if stuck:
            raise NotPutBackError(
                f"{error}\nThe files that were written before it could not all be put back:\n"
                + "\n".join(sorted(stuck))
            ) from error
        if undo:
            raise FileError(f"{error}\nWhat had been written before it was put back: nothing has changed.") from error
        raise


def _opposite(replacement: Replacement) -> Replacement:
    path, before, after = replacement.path, replacement.before, replacement.after
    if before is None:
        return Replacement(path, after, None)
    link = link_at(path) if after is None else None
    if link is not None:
        return Replacement(path, None, before, link=link)
    return Replacement(path, after, before, attributes_of(path))


def _write(replacement: Replacement) -> None:
    path = replacement.path
    if replacement.link is None:
        write_file(path, replacement.before, replacement.after, replacement.attributes)
        return
    try:
        os.symlink(replacement.link, path)
    except FileExistsError:
        raise ConcurrentChangeError(f"{path}: was made by somebody else in the meantime. Run the task again.") from None
    except OSError as error:
        raise FileError(f"{path}: the link cannot be made: {error.strerror}.") from error


def _make_configs_directory(replacement: Replacement, made: List[str]) -> None:
    path = os.path.dirname(replacement.path)
    if replacement.after is None or os.path.basename(path) != CONFIGS_DIRECTORY or os.path.isdir(path):
        return
    try:
        os.mkdir(path)
        made.append(path)
        model = os.stat(os.path.dirname(path))
        os.chmod(path, stat.S_IMODE(model.st_mode))
        with contextlib.suppress(PermissionError):
            os.chown(path, model.st_uid, model.st_gid)
    except OSError as error:
        raise FileError(f"{path}: cannot be made: {error.strerror}. Nothing was changed.") from error
