# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What configuration files were before a run changed them, kept outside every repository.

A backup is a directory ``<backup_dir>/<backup_id>/`` with the files under numbers and ``manifest.json``, see
`manifest`. It gets its name only when it is complete and on the disk: what has such a name is whole, and what a killed
run leaves behind has another one and goes with the next run.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import stat
from datetime import datetime, timezone
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence

from .discovery import repositories_of
from .files import Attributes, FileError, attributes_of, is_leftover, link_at, temporary_name
from .lock import locked
from .manifest import BACKUP_ID, Before, Entry, Manifest, ManifestError, dump, is_restorable, load

MANIFEST = "manifest.json"
LATEST = "latest"
_MOST_NAMED = 5  # backups in one message


class Keeping(NamedTuple):
    """Where backups go, and how many stay there; None for all of them."""

    directory: str
    keep: Optional[int] = None


class Replacement(NamedTuple):
    """A file, what it holds and what it is going to hold; None stands for no file.

    Attributes:
        attributes: what the file is to have; None for what the old one has.
        link: what a link says that is to be made instead of a file, of which ``after`` is what it leads to.
    """

    path: str
    before: Optional[bytes]
    after: Optional[bytes]
    attributes: Optional[Attributes] = None
    link: Optional[str] = None


class Backup(NamedTuple):
    """A backup that is whole: ``contents`` are the bytes of its files by their names in it."""

    manifest: Manifest
    contents: Dict[str, bytes]


def keeping(backup_dir: Optional[str], keep: Optional[int], repositories: Sequence[str]) -> Optional[Keeping]:
    """Where a task keeps its backups, None where it makes none.

    Raises:
        FileError: the options do not go together, or ``backup_dir`` is inside a repository.
    """
    if keep is not None and keep < 1:
        raise FileError(f"keep: {keep} backups would not hold the one that this task makes. Give at least 1.")
    if backup_dir is None:
        return None
    refuse_inside(backup_dir, repositories)
    _refuse_below_a_file(backup_dir)
    return Keeping(backup_dir, keep)


def refuse_inside(path: str, repositories: Sequence[str], option: str = "backup_dir") -> None:
    """Refuse a path that is a repository or lies in one.

    Args:
        option: what the task calls it.

    Raises:
        FileError: it is.
    """
    if "\0" in path:
        raise FileError(f"{option}: {path!r} is not a path: it has a NUL byte in it.")
    inner = os.path.realpath(path)
    for repository in repositories:
        outer = os.path.realpath(repository)
        if os.path.commonpath([inner, outer]) == outer:
            raise FileError(
                f"{path}: {option} must not be inside the model repository {repository}: Triton would take it "
                "for a model, or reload a model because of it. Give a path elsewhere."
            )


def _refuse_below_a_file(backup_dir: str) -> None:
    path = os.path.abspath(backup_dir)
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    if not os.path.isdir(path):
        raise FileError(f"{backup_dir}: backup_dir cannot be made, since {path} is no directory. Give another path.")


def save(backup_dir: str, replacements: Sequence[Replacement], undoes: Optional[str] = None) -> str:
    """Keep what the files hold now, and give the identifier of the backup.

    Args:
        undoes: see `Manifest`.

    Raises:
        FileError: ``backup_dir`` is inside a repository, where Triton would take it for a model, or cannot be written.
    """
    refuse_inside(backup_dir, [home for item in replacements for home in repositories_of(item.path)])
    for item in replacements:
        if not is_restorable(os.path.abspath(item.path)):
            raise FileError(f"{item.path}: no backup is made of a file whose name does not end in .pbtxt. Rename it.")
    backup_id = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S.%fZ}-{os.urandom(3).hex()}"
    try:
        os.makedirs(backup_dir, mode=0o700, exist_ok=True)
        _remove_leftovers(backup_dir)
        _save(os.path.realpath(backup_dir), backup_id, replacements, undoes)
    except OSError as error:
        advice = "Give a backup_dir" if undoes is None else f"Copy {undoes} to a directory, to give as backup_dir,"
        raise FileError(
            f"{backup_dir}: the backup cannot be written, so nothing was changed: {error.strerror}. "
            f"{advice} that this user may write to and that has space left."
        ) from error
    return backup_id


def read(backup_dir: str, backup_id: str) -> Backup:
    """A backup by its identifier; `LATEST` for the newest one of a run that was not itself a restore.

    Raises:
        FileError: there is none, it is damaged, or somebody else may have written it.
    """
    if backup_id == LATEST:
        backup_id = _latest(backup_dir)
    elif not BACKUP_ID.fullmatch(backup_id):
        raise FileError(f"backup_id: {backup_id!r} is not the identifier of a backup. {_there_are(backup_dir)}")
    elif not os.path.isdir(os.path.join(backup_dir, backup_id)):
        raise FileError(f"{backup_dir}: there is no backup {backup_id}. {_there_are(backup_dir)}")
    directory = os.path.join(backup_dir, backup_id)
    manifest = _read_manifest(backup_dir, backup_id)
    contents: Dict[str, bytes] = {}
    with _backup_errors(directory), _opened(directory) as descriptor:
        for entry in manifest.files:
            if entry.before is None:
                continue
            data = _read(descriptor, entry.before.file)
            if digest(data) != entry.before.sha256:
                path = os.path.join(directory, entry.before.file)
                raise ManifestError(f"{path}, which was {entry.path}, is not the file that was kept")
            contents[entry.before.file] = data
    return Backup(manifest, contents)


@contextlib.contextmanager
def in_use(backup_dir: str, backup_id: str) -> Iterator[None]:
    """Hold the backup of a run that is at work against the `prune` of other runs. The hold ends with the process.

    Raises:
        FileError: another run was faster.
    """
    directory = os.path.join(backup_dir, backup_id)
    with locked([directory]):
        if not os.path.isdir(directory):
            raise FileError(
                f"{directory}: another task removed this backup at once. Nothing was changed: run it again."
            )
        yield


def prune(backup_dir: str, keep: int, newest: str) -> List[str]:
    """Remove the oldest backups until ``keep`` are left, ``newest`` and those `in_use` being among them.

    Returns:
        a warning for each one that could not be removed.
    """
    try:
        others = [name for name in _list(backup_dir) if name != newest and _is_ours(backup_dir, name)]
    except FileError as error:
        return [str(error)]
    problems = [_discard_unused(backup_dir, backup_id) for backup_id in others[: max(len(others) + 1 - keep, 0)]]
    return [problem for problem in problems if problem]


def discard(backup_dir: str, backup_id: str) -> Optional[str]:
    """Remove a backup, and say why if that is not possible."""
    directory = os.path.join(backup_dir, backup_id)
    doomed = os.path.join(backup_dir, temporary_name())
    try:
        os.rename(directory, doomed)  # what is half removed must not have a name that stands for a whole backup
        directory = doomed
        shutil.rmtree(directory)
    except FileNotFoundError:
        return None  # another run was faster
    except OSError as error:
        return f"{directory}: this old backup could not be removed: {error.strerror}. Remove it by hand."
    return None


def _discard_unused(backup_dir: str, backup_id: str) -> Optional[str]:
    try:
        with _opened(os.path.join(backup_dir, backup_id)) as descriptor:
            with contextlib.suppress(OSError):  # this file system cannot lock a directory
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return None
            return discard(backup_dir, backup_id)
    except OSError:
        return None  # another run was faster


def digest(data: Optional[bytes]) -> Optional[str]:
    """The SHA-256 of contents, None where there are none."""
    return None if data is None else hashlib.sha256(data).hexdigest()


def place_of(path: str, follow: bool) -> str:
    """The real path of a file; with ``follow`` unset, that of the link that stands in its place."""
    if follow:
        return os.path.realpath(path)
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


def _save(backup_dir: str, backup_id: str, replacements: Sequence[Replacement], undoes: Optional[str]) -> None:
    directory = os.path.join(backup_dir, temporary_name())
    os.mkdir(directory, mode=0o700)
    try:
        with _opened(directory) as descriptor:
            entries = [_keep(descriptor, f"{number:06d}", item) for number, item in enumerate(replacements)]
            _write(descriptor, MANIFEST, dump(Manifest(backup_id, undoes, tuple(entries))))
            _sync(descriptor)
        complete = os.path.join(backup_dir, backup_id)
        os.rename(directory, complete)
        directory = complete
        with _opened(backup_dir) as descriptor:
            _sync(descriptor)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise


def _keep(descriptor: int, name: str, item: Replacement) -> Entry:
    path = os.path.abspath(item.path)
    made_directory = not os.path.isdir(os.path.dirname(path))
    after = digest(item.after)
    if item.before is None:
        return Entry(path, place_of(path, follow=False), None, after, made_directory)
    link = link_at(path) if item.after is None else None
    _write(descriptor, name, item.before)
    before = Before(name, hashlib.sha256(item.before).hexdigest(), link, attributes_of(path))
    return Entry(path, place_of(path, follow=link is None), before, after, made_directory)


def _list(backup_dir: str) -> List[str]:
    """The names of all that look like backups, oldest first."""
    try:
        return sorted(filter(BACKUP_ID.fullmatch, os.listdir(backup_dir)))
    except OSError as error:
        raise FileError(f"{backup_dir}: cannot be read: {error.strerror}. Give the backup_dir of the run.") from error


def _there_are(backup_dir: str) -> str:
    names = _list(backup_dir)[::-1]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"There are, newest first: {', '.join(names[:_MOST_NAMED])}{more}." if names else "There are none in there."


def _latest(backup_dir: str) -> str:
    for backup_id in reversed(_list(backup_dir)):
        if _read_manifest(backup_dir, backup_id).undoes is None:
            return backup_id
    raise FileError(f"{backup_dir}: there is no backup in here. Give the backup_dir of the run.")


def _is_ours(backup_dir: str, backup_id: str) -> bool:
    try:
        _read_manifest(backup_dir, backup_id)
    except FileError:
        return False
    return True


def _read_manifest(backup_dir: str, backup_id: str) -> Manifest:
    directory = os.path.join(backup_dir, backup_id)
    with _backup_errors(directory), _opened(directory) as descriptor:
        manifest = load(_read(descriptor, MANIFEST))
        if manifest.backup_id != backup_id:
            raise ManifestError(f"it is the backup {manifest.backup_id}")
    return manifest


@contextlib.contextmanager
def _backup_errors(directory: str) -> Iterator[None]:
    try:
        yield
    except (ManifestError, OSError) as error:
        raise FileError(f"{directory}: this backup cannot be used, and nothing was changed: {error}.") from error


@contextlib.contextmanager
def _opened(directory: str) -> Iterator[int]:
    """A directory, to work in whatever becomes of its name."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _write(directory: int, name: str, data: bytes) -> None:
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=directory)
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _sync(directory: int) -> None:
    try:
        os.fsync(directory)
    except OSError as error:
        if error.errno != errno.EINVAL:  # this file system has no such thing
            raise


def _read(directory: int, name: str) -> bytes:
    """A file of a backup.

    Raises:
        ManifestError: somebody else could have written it, and a restore as root does what it says.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with open(os.open(name, flags, dir_fd=directory), "rb") as file:
        own = os.fstat(file.fileno())
        if not stat.S_ISREG(own.st_mode):
            raise ManifestError(f"{name} is not a regular file")
        for status in (os.fstat(directory), own):
            if status.st_uid not in (0, os.geteuid()):
                raise ManifestError(f"it belongs to the user {status.st_uid}. Run the task as that user")
            if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise ManifestError("other users may write to it. If nobody did, take that right away")
        return file.read()


def _remove_leftovers(backup_dir: str) -> None:
    for name in filter(is_leftover, os.listdir(backup_dir)):
        shutil.rmtree(os.path.join(backup_dir, name), ignore_errors=True)
