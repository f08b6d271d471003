# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What configuration files were before a run changed them, kept outside every repository.

A backup is a directory ``<backup_dir>/<backup_id>/`` with the files under numbers and ``manifest.json``, which says for
each where it belongs, what it was (None: there was no file) and what the run made of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from typing import Any, Dict, Iterable, List, NamedTuple, Optional

from .files import FileError

MANIFEST = "manifest.json"
FORMAT = 1


class Replaced(NamedTuple):
    """A file, what it holds and what it is going to hold; None stands for no file."""

    path: str
    before: Optional[bytes]
    after: Optional[bytes]


def save(backup_dir: str, repositories: Iterable[str], files: Iterable[Replaced]) -> str:
    """Keep what the files hold now, and give the identifier of the backup.

    Raises:
        FileError: ``backup_dir`` is inside a repository, where Triton would take it for a model, or cannot be written.
    """
    refuse_inside(backup_dir, repositories)
    backup_id = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()) + "-" + os.urandom(3).hex()
    directory = os.path.join(backup_dir, backup_id)
    entries: List[Dict[str, Any]] = []
    try:
        os.makedirs(backup_dir, mode=0o700, exist_ok=True)
        os.mkdir(directory, mode=0o700)
        for number, file in enumerate(files):
            entries.append(_keep(directory, f"{number:06d}", file))
        manifest = {"format": FORMAT, "backup_id": backup_id, "files": entries}
        _write(os.path.join(directory, MANIFEST), json.dumps(manifest, indent=1).encode())
    except OSError as error:
        shutil.rmtree(directory, ignore_errors=True)
        raise FileError(
            f"{backup_dir}: the backup cannot be written, so nothing was changed: {error.strerror}. "
            "Give a backup_dir that this user may write to and that has space left."
        ) from error
    return backup_id


def refuse_inside(path: str, repositories: Iterable[str], option: str = "backup_dir") -> None:
    """Refuse a path that is a repository or lies in one.

    Args:
        option: what the task calls it.

    Raises:
        FileError: it is.
    """
    inner = os.path.realpath(path)
    for repository in repositories:
        outer = os.path.realpath(repository)
        if os.path.commonpath([inner, outer]) == outer:
            raise FileError(
                f"{path}: {option} must not be inside the model repository {repository}: Triton would take it "
                "for a model, or reload a model because of it. Give a path elsewhere."
            )


def _keep(directory: str, name: str, file: Replaced) -> Dict[str, Any]:
    entry: Dict[str, Any] = {"path": os.path.abspath(file.path), "after_sha256": _digest(file.after), "file": None}
    if file.before is not None:
        status = os.stat(file.path)
        _write(os.path.join(directory, name), file.before)
        entry.update(
            file=name,
            before_sha256=_digest(file.before),
            mode=status.st_mode & 0o7777,
            uid=status.st_uid,
            gid=status.st_gid,
            mtime_ns=status.st_mtime_ns,
        )
    return entry


def _digest(data: Optional[bytes]) -> Optional[str]:
    return None if data is None else hashlib.sha256(data).hexdigest()


def _write(path: str, data: bytes) -> None:
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
