# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Archives, zip or tar, unpacked so that nothing of them lands outside of the folder.

The modes of an archive are those of whoever made it (the wheel's files are writable by everybody), so only whether a
file can be executed is taken over. The owner is whoever unpacks.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tarfile
import zipfile
from typing import IO, Callable, Iterator, List, NamedTuple, Optional, Tuple

from .errors import ServiceError

_BLOCK = 1 << 20


class Member(NamedTuple):
    """One entry of an archive: a folder, a link, or a file with its content."""

    name: str
    is_folder: bool
    is_executable: bool
    link: Optional[str]
    content: Optional[IO[bytes]]


def sha256(path: str) -> str:
    """Of a file, in hexadecimal digits. Raises ServiceError where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(_BLOCK), b""):
                digest.update(block)
    except OSError as error:
        raise ServiceError(f"{path} cannot be read: {error.strerror}.") from error
    return digest.hexdigest()


def unpack(archive: str, folder: str, wanted: Callable[[str], bool] = lambda name: True) -> None:
    """Unpack the members whose name is wanted into an empty folder.

    Raises ServiceError where the file is no archive, is damaged, or holds what must not be unpacked; the folder then
    holds a part of it.
    """
    root = os.path.realpath(folder)
    links: List[Tuple[str, str]] = []
    try:
        for member in _members(archive):
            name = _inside(archive, member.name)
            if not name or not wanted(name):
                continue
            path = os.path.join(root, name)
            if member.is_folder:
                os.makedirs(path, 0o755, exist_ok=True)
                continue
            os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
            if member.link is not None:
                links.append((path, member.link))
            elif member.content is not None:
                _write(path, member.content, member.is_executable)
        _link(archive, root, links)
    except (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise ServiceError(f"{archive} cannot be unpacked: {error}.") from error


def _members(archive: str) -> Iterator[Member]:
    if zipfile.is_zipfile(archive):
        return _of_zip(archive)
    if tarfile.is_tarfile(archive):
        return _of_tar(archive)
    raise ServiceError(
        f"{archive} is neither a zip file nor a tar file that the Python of this host can read. "
        "Compress a tar with gzip, bzip2 or xz."
    )


def _of_zip(archive: str) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            mode = info.external_attr >> 16
            with opened.open(info) as content:
                link = os.fsdecode(content.read(4096)) if stat.S_ISLNK(mode) else None
                yield Member(info.filename, info.filename.endswith("/"), bool(mode & 0o100), link, content)


def _of_tar(archive: str) -> Iterator[Member]:
    with tarfile.open(archive) as opened:
        for info in opened:
            if not (info.isreg() or info.isdir() or info.issym() or info.islnk()):
                raise ServiceError(f"{archive} holds {info.name}, which is a device or a pipe. Make it anew without.")
            link = info.linkname if info.issym() else None
            # A hard link is unpacked as a file of its own: its content is that of the member it names.
            content = opened.extractfile(info) if info.isreg() or info.islnk() else None
            yield Member(info.name, info.isdir(), bool(info.mode & 0o100), link, content)


def _inside(archive: str, name: str) -> str:
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or "\0" in name:
        raise ServiceError(f"{archive} holds {name!r}, which would land outside of the folder. It is not unpacked.")
    return "/".join(parts)


def _write(path: str, content: IO[bytes], is_executable: bool) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        shutil.copyfileobj(content, file, _BLOCK)
        os.fchmod(file.fileno(), 0o755 if is_executable else 0o644)


def _link(archive: str, root: str, links: List[Tuple[str, str]]) -> None:
    # Last, so that no file is ever written through one of them.
    for path, target in links:
        os.symlink(target, path)
    for path, target in links:
        real = os.path.realpath(path)
        if os.path.isabs(target) or not (real + "/").startswith(root + "/"):
            shown = os.path.relpath(path, root)
            raise ServiceError(f"{archive} holds the link {shown} to {target}, which is outside of it.")
