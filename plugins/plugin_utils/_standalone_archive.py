# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin util is PRIVATE to the collection: it can change without notice.
"""A part of module_utils as one file that runs by itself, without Ansible."""

from __future__ import annotations

import ast
import hashlib
import io
import zipfile
from pathlib import Path, PurePosixPath
from typing import Dict, Iterator, List, Mapping, Tuple

PACKAGE = "inference_triton"
VERSION = f"{PACKAGE}/VERSION"

# The oldest date that a ZIP file can have: nothing of the controller may show in the archive.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o644 << 16

# Runs on every Python there is, to say which ones it needs.
_MAIN = """\
import sys

if sys.version_info < (3, 8):
    sys.exit("%s needs Python 3.8 or newer, and %%s is %%d.%%d." %% ((sys.executable,) + tuple(sys.version_info[:2])))

from %s import main

sys.exit(main())
"""


class ArchiveError(Exception):
    """What is asked for cannot run without Ansible."""


def build(module_utils: Path, entry: str, name: str, version: str, interpreter: str) -> bytes:
    """The same bytes for the same sources, on every controller: so nothing is compressed.

    Args:
        module_utils: the folder.
        entry: the module in it with the function ``main``, ``_gpu/command_line.py``.
        name: of the command, for its messages.
        version: of the collection, kept beside the code in a file VERSION.
        interpreter: the Python that the first line names.

    Raises:
        ArchiveError: where a module that is needed is missing or needs Ansible.
    """
    sources = {f"{PACKAGE}/{path}": text for path, text in needed_modules(module_utils, entry).items()}
    folders = {str(folder) for path in sources for folder in PurePosixPath(path).parents if folder.name}
    members = {f"{folder}/__init__.py": b"" for folder in folders}
    members.update(sources)
    members[VERSION] = f"{version}\n".encode()
    dotted = f"{PACKAGE}/{entry[: -len('.py')]}".replace("/", ".")
    members["__main__.py"] = (_MAIN % (name, dotted)).encode()

    stream = io.BytesIO()
    stream.write(f"#!{interpreter} -I\n".encode())
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(members):
            member = zipfile.ZipInfo(path, _EPOCH)
            member.create_system, member.external_attr = 3, _READABLE
            archive.writestr(member, members[path])
    return stream.getvalue()


def needed_modules(module_utils: Path, entry: str) -> Dict[str, bytes]:
    """A module and all that it imports, directly and indirectly: the sources by their path below ``module_utils``.

    Raises:
        ArchiveError: as `build`.
    """
    found: Dict[str, bytes] = {}
    waiting = [entry]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found[path] = (module_utils / path).read_bytes()
            waiting += _imported(module_utils, path, found[path])
    return found


def _imported(module_utils: Path, path: str, source: bytes) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            _refuse_ansible(path, [alias.name for alias in node.names])
        elif isinstance(node, ast.ImportFrom) and not node.level:
            _refuse_ansible(path, [node.module or ""])
        elif isinstance(node, ast.ImportFrom):
            base = Path(path).parts[: -node.level]
            target = module_utils.joinpath(*base, *(node.module or "").split("."))
            modules = [target] if node.module and _source(target).is_file() else [target / a.name for a in node.names]
            for module in modules:
                if not _source(module).is_file():
                    raise ArchiveError(f"{path}:{node.lineno} imports {module.name}, and there is no {_source(module)}")
                yield _source(module).relative_to(module_utils).as_posix()


def _source(module: Path) -> Path:
    return module.with_name(f"{module.name}.py")


def _refuse_ansible(path: str, names: List[str]) -> None:
    for name in names:
        if name.partition(".")[0] in ("ansible", "ansible_collections"):
            raise ArchiveError(f"{path} imports {name}, which a host without Ansible does not have")


def describe(archive: bytes) -> Tuple[str, Mapping[str, str]]:
    """The version in an archive and the SHA-256 of each of its files, for people to compare.

    Anything else than an archive of this kind has no version and one file: itself.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            contents = {name: opened.read(name) for name in opened.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError):
        contents = {"": archive}
    version = contents.pop(VERSION, b"unknown").decode("utf-8", "replace").strip()
    return version, {name: hashlib.sha256(text).hexdigest() for name, text in contents.items() if text}
