# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Reading configuration files, and replacing them in one step that neither a crash nor a polling server sees half done.

What a polling Triton must never see is a new file in a model's directory: it would load the whole model again. New
text is therefore written to a file without a name (``O_TMPFILE``) in the repository's root, where Triton ignores plain
files, gets a name there only when it is complete, and is renamed over the old file at once. Triton then finds
nothing but a newer ``config.pbtxt``. A process that is killed leaves the old file or the new one; should it be killed
between the naming and the renaming, the next run removes the name.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from typing import Mapping, NamedTuple, Optional, Tuple

from .discovery import repository_of

# Real configurations are a few kB. This is not one, and reading it as text would take seconds.
MAX_SIZE = 4 * 1024 * 1024
# These must survive a replacement; other extended attributes are copied where the host allows it.
_ACL = "system.posix_acl_access"
_ESSENTIAL = ("security.selinux", _ACL)
_TEMPORARY = re.compile(r"\.inference\.triton-(.+)-(\d+)-[0-9a-f]{12}")


class FileError(Exception):
    """A file cannot be read or written. The text says which, why, and what to do."""


class ConcurrentChangeError(FileError):
    """Somebody else changed the file after it was read. It was not overwritten."""


def read_file(path: str) -> Optional[bytes]:
    """A configuration file's bytes, or None where there is none.

    Raises:
        FileError: it is no regular file, too large, or cannot be read.
    """
    content = _read(path)
    return None if content is None else content.data


class Attributes(NamedTuple):
    """What a file has beside its contents.

    Attributes:
        mtime_ns: when it was last written, in nanoseconds since 1970; None for a file that is being written now.
        extended: its extended attributes, among them the access control list and the security label.
    """

    mode: int
    uid: int
    gid: int
    mtime_ns: Optional[int]
    extended: Mapping[str, bytes]


def attributes_of(path: str) -> Attributes:
    """The attributes of a file, through the links that lead to it.

    Raises:
        FileError: they cannot be read.
    """
    try:
        return _attributes_of(path)
    except OSError as error:
        raise FileError(f"{path}: its attributes cannot be read: {_why(error)}") from error


def _attributes_of(path: str) -> Attributes:
    status = os.stat(path)
    try:
        names = os.listxattr(path)
    except OSError:
        names = []  # this file system has none
    extended = {name: os.getxattr(path, name) for name in names}
    return Attributes(stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, status.st_mtime_ns, extended)


def link_at(path: str) -> Optional[str]:
    """What the symbolic link at a path says, None if there is none.

    Raises:
        FileError: it cannot be read.
    """
    try:
        return os.readlink(path)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOENT, errno.ENOTDIR):
            return None
        raise FileError(f"{path}: cannot be read: {_why(error)}") from error


class _Content(NamedTuple):
    """What a file held, and what would be different about it had somebody replaced or written it since."""

    data: bytes
    identity: Tuple[int, int, int, int]


def _identity(status: os.stat_result) -> Tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _read(path: str) -> Optional[_Content]:
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise FileError(f"{path}: is not a regular file. Give the path of a config.pbtxt.")
            if status.st_size > MAX_SIZE:
                raise FileError(
                    f"{path}: has {status.st_size / 1e6:.1f} MB; a model configuration has a few kB, and more than "
                    f"{MAX_SIZE / 1e6:.1f} MB is not read. Is this the right file?"
                )
            return _Content(file.read(), _identity(status))
    except FileNotFoundError:
        if os.path.islink(path):
            raise FileError(f"{path}: is a link that leads nowhere. Remove it or restore its target.") from None
        return None
    except NotADirectoryError:
        raise FileError(f"{path}: a part of this path is not a directory.") from None
    except IsADirectoryError:
        raise FileError(f"{path}: is a directory. Give the path of a config.pbtxt.") from None
    except ValueError:
        raise FileError(f"{path!r}: is not a path. It has a NUL byte in it.") from None
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}. Run the task as a user who may read it.") from error


def write_file(
    path: str, before: Optional[bytes], after: Optional[bytes], attributes: Optional[Attributes] = None
) -> None:
    """Turn a file's contents from ``before`` into ``after``; None stands for no file.

    A link is written through; its own removal leaves its target alone. Owner, group, mode, access control list,
    security label and user attributes are kept. A new file gets the owner and group of its directory where that is
    possible, and the directory's mode without the execute bits.

    Args:
        attributes: what the file is to have instead of all that.

    Raises:
        ConcurrentChangeError: the file no longer holds ``before``.
        FileError: the file cannot be written. It is as it was.
    """
    target = os.path.realpath(path)
    try:
        if after is not None:
            _put(path, target, before, after, attributes)
            return
        if os.path.exists(target):
            _expect(path, target, before)
        os.unlink(path)
    except OSError as error:
        raise FileError(f"{path}: cannot be written, and was left as it was: {_why(error)}") from error


def remove_leftovers(directory: str) -> None:
    """Remove what a process of this host left behind that was killed between naming a file and renaming it."""
    with contextlib.suppress(OSError):  # tidiness is not worth a failed run
        for name in os.listdir(directory):
            if is_leftover(name):
                os.unlink(os.path.join(directory, name))


def temporary_name() -> str:
    """A name for something unfinished that tells whose it is."""
    return f".inference.triton-{os.uname().nodename}-{os.getpid()}-{os.urandom(6).hex()}"


def is_leftover(name: str) -> bool:
    """Whether a process of this host gave a `temporary_name` and is no more."""
    match = _TEMPORARY.fullmatch(name)
    return bool(match and match.group(1) == os.uname().nodename and not os.path.exists(f"/proc/{match.group(2)}"))


def _put(path: str, target: str, before: Optional[bytes], after: bytes, attributes: Optional[Attributes]) -> None:
    directory = _staging_directory(path, target)
    if directory == os.path.dirname(target):
        remove_leftovers(directory)
    descriptor, name = _open_temporary(directory)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(after)
        _expect(path, target, before)
        if attributes is not None:
            _dress(descriptor, attributes)
        elif before is None:
            _dress_new(descriptor, os.path.dirname(target))
        else:
            _dress(descriptor, _attributes_of(target)._replace(mtime_ns=None))
        os.fsync(descriptor)
        if before is None and _create(descriptor, name, target):
            return
        if name is None:
            name = os.path.join(directory, temporary_name())
            _give_name(descriptor, name)
        seen = _expect(path, target, before)
        if seen and seen != _identity(os.stat(target)):
            raise ConcurrentChangeError(_changed(path))
        os.rename(name, target)
        name = None
    except (FileExistsError, FileNotFoundError):
        raise ConcurrentChangeError(_changed(path)) from None
    finally:
        os.close(descriptor)
        if name is not None:
            with contextlib.suppress(OSError):  # what cannot be removed now, the next run removes
                os.unlink(name)


def _create(descriptor: int, name: Optional[str], target: str) -> bool:
    """Give a finished file the name of one that must not exist yet; False where the file system has no hard links."""
    try:
        _give_name(descriptor, target)
    except OSError as error:
        if name is None or error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            raise
        return False
    return True


def _expect(path: str, target: str, before: Optional[bytes]) -> Optional[Tuple[int, int, int, int]]:
    content = _read(target)
    if (None if content is None else content.data) != before:
        raise ConcurrentChangeError(_changed(path))
    return None if content is None else content.identity


def _changed(path: str) -> str:
    return (
        f"{path}: was changed by somebody else while this task was at work, and was not overwritten. "
        "Run the task again: it will start from the new contents."
    )


def _staging_directory(path: str, target: str) -> str:
    """Where to write: the repository if it is on the target's file system, else what is next to the model."""
    home = os.path.dirname(target)
    device = os.stat(home).st_dev
    for candidate in (repository_of(path), repository_of(target)):
        if os.stat(candidate).st_dev == device and os.access(candidate, os.W_OK | os.X_OK):
            return candidate
    return home


def _open_temporary(directory: str) -> Tuple[int, Optional[str]]:
    """A file to write to, and its name if it has one already."""
    try:
        return os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600), None
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT):
            raise
    name = os.path.join(directory, temporary_name())
    return os.open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600), name


def _give_name(descriptor: int, name: str) -> None:
    # A directory descriptor makes Python call linkat() with AT_SYMLINK_FOLLOW; link() would link the /proc entry.
    source = os.open("/proc/self/fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.link(str(descriptor), name, src_dir_fd=source, follow_symlinks=True)
    finally:
        os.close(source)


def _dress_new(descriptor: int, directory: str) -> None:
    status = os.stat(directory)
    created = os.fstat(descriptor)
    if (created.st_uid, created.st_gid) != (status.st_uid, status.st_gid):
        with contextlib.suppress(PermissionError):
            os.fchown(descriptor, status.st_uid, status.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(status.st_mode) & 0o666)


def _dress(descriptor: int, attributes: Attributes) -> None:
    created = os.fstat(descriptor)
    if (created.st_uid, created.st_gid) != (attributes.uid, attributes.gid):
        try:
            os.fchown(descriptor, attributes.uid, attributes.gid)
        except PermissionError as error:
            owner = f"its owner and group ({attributes.uid}:{attributes.gid}) cannot be kept by this user"
            raise PermissionError(error.errno, owner) from error
    try:
        inherited = os.listxattr(descriptor)
    except OSError:
        inherited = []
    for name, value in attributes.extended.items():
        try:
            if name not in inherited or os.getxattr(descriptor, name) != value:
                os.setxattr(descriptor, name, value)
        except OSError:
            if name in _ESSENTIAL:
                raise
    if _ACL in inherited and _ACL not in attributes.extended:
        os.removexattr(descriptor, _ACL)
    os.fchmod(descriptor, attributes.mode)  # after the access control list, which changes the mode
    if attributes.mtime_ns is not None:
        os.utime(descriptor, ns=(created.st_atime_ns, attributes.mtime_ns))


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a file that may turn out to be a pipe without waiting for its other end."""
    return os.open(path, flags | os.O_NONBLOCK)


def _why(error: OSError) -> str:
    if error.errno in (errno.EPERM, errno.EACCES, errno.EROFS):
        return f"{error.strerror}. Run the task as a user who may write it, for example with become: true."
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{error.strerror}. Free some space on the file system and run the task again."
    return f"{error.strerror}."
