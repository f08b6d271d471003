# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The list in a backup that says what its files are: written by us, but read as strictly as if it were not."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional, Pattern, Tuple

from .discovery import CONFIG_SUFFIX, CONFIGS_DIRECTORY
from .files import Attributes

FORMAT = 1
BACKUP_ID = re.compile(r"[0-9]{8}T[0-9]{6}\.[0-9]{6}Z-[0-9a-f]{6}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_STORED = re.compile(r"[0-9]{6,}")


class ManifestError(ValueError):
    """This is no list that `dump` wrote. The text says what is wrong with it."""


class Before(NamedTuple):
    """What a path held before the run.

    Attributes:
        file: the name of the file in the backup that holds the contents.
        link: what the link at the path itself said, if the run removed it; its target was left alone. Else None.
        attributes: those of the file, behind the links that lead to it.
    """

    file: str
    sha256: str
    link: Optional[str]
    attributes: Attributes


class Entry(NamedTuple):
    """One file that the run changed.

    Attributes:
        path: as it was given, absolute.
        target: what the run really wrote or removed, behind the links that led there.
        before: None where there was no file.
        after_sha256: None where the run removed it.
        made_directory: whether the run made the directory of the file, which is the model's ``configs``.
    """

    path: str
    target: str
    before: Optional[Before]
    after_sha256: Optional[str]
    made_directory: bool


class Manifest(NamedTuple):
    """A backup.

    Attributes:
        undoes: the backup that was put back by the run that this one was made for, None for any other run.
    """

    backup_id: str
    undoes: Optional[str]
    files: Tuple[Entry, ...]


def dump(manifest: Manifest) -> bytes:
    """The manifest as text."""
    files = [{**entry._asdict(), "before": _dump_before(entry.before)} for entry in manifest.files]
    return json.dumps({"format": FORMAT, **manifest._asdict(), "files": files}, indent=1).encode("ascii")


def load(data: bytes) -> Manifest:
    """The manifest in a text.

    Raises:
        ManifestError: it is none of ours.
    """
    try:
        whole = json.loads(data.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"it is not JSON: {error}") from error
    _check(whole, _MANIFEST, "manifest")
    entries = tuple(_load_entry(item, f"files[{number}]") for number, item in enumerate(whole["files"]))
    for name in ("path", "target"):
        if len({getattr(entry, name) for entry in entries}) < len(entries):
            raise ManifestError(f"files: a {name} is there twice")
    return Manifest(whole["backup_id"], whole["undoes"], entries)


def is_restorable(path: str) -> bool:
    """Whether a path is one that a backup may hold: absolute, and the name of a text-format file."""
    return _is_path(path) and len(os.path.basename(path)) > len(CONFIG_SUFFIX) and path.endswith(CONFIG_SUFFIX)


def _dump_before(before: Optional[Before]) -> Optional[Dict[str, Any]]:
    if before is None:
        return None
    attributes = before.attributes
    extended = {name: base64.b64encode(value).decode("ascii") for name, value in attributes.extended.items()}
    flat = {**before._asdict(), **attributes._asdict(), "extended": extended}
    del flat["attributes"]
    return flat


def _load_entry(item: Any, place: str) -> Entry:
    _check(item, _ENTRY, place)
    if item["before"] is None and item["after_sha256"] is None:
        raise ManifestError(f"{place}: there was no file, and the run made none")
    if item["made_directory"] and os.path.basename(os.path.dirname(item["path"])) != CONFIGS_DIRECTORY:
        raise ManifestError(f"{place}.made_directory: no run makes a directory but '{CONFIGS_DIRECTORY}'")
    return Entry(**{**item, "before": _load_before(item["before"], f"{place}.before")})


def _load_before(item: Any, place: str) -> Optional[Before]:
    if item is None:
        return None
    _check(item, _BEFORE, place)
    extended = {name: base64.b64decode(value) for name, value in item["extended"].items()}
    attributes = Attributes(item["mode"], item["uid"], item["gid"], item["mtime_ns"], extended)
    return Before(item["file"], item["sha256"], item["link"], attributes)


def _check(data: Any, fields: Mapping[str, Callable[[Any], bool]], place: str) -> None:
    if not isinstance(data, dict) or set(data) != set(fields):
        raise ManifestError(f"{place}: expected the fields {', '.join(fields)}")
    for name, fits in fields.items():
        if not fits(data[name]):
            raise ManifestError(f"{place}.{name}: {repr(data[name])[:100]} is not what is kept there")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != "" and "\0" not in value


def _is_path(value: Any) -> bool:
    return _is_text(value) and os.path.isabs(value) and os.path.abspath(value) == value


def _within(least: int, limit: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value < limit


def _like(pattern: Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _none_or(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or fits(value)


def _are_attributes(value: Any) -> bool:
    try:
        return isinstance(value, dict) and all(
            _is_text(name) and isinstance(base64.b64decode(text, validate=True), bytes) for name, text in value.items()
        )
    except (TypeError, ValueError, binascii.Error):
        return False


_MANIFEST: Mapping[str, Callable[[Any], bool]] = {
    "format": _within(FORMAT, FORMAT + 1),
    "backup_id": _like(BACKUP_ID),
    "undoes": _none_or(_like(BACKUP_ID)),
    "files": lambda value: isinstance(value, list),
}
_ENTRY: Mapping[str, Callable[[Any], bool]] = {
    "path": lambda value: _is_text(value) and is_restorable(value),
    "target": _is_path,
    "before": lambda value: value is None or isinstance(value, dict),
    "after_sha256": _none_or(_like(_SHA256)),
    "made_directory": lambda value: isinstance(value, bool),
}
_BEFORE: Mapping[str, Callable[[Any], bool]] = {
    "file": _like(_STORED),
    "sha256": _like(_SHA256),
    "link": _none_or(_is_text),
    "mode": _within(0, 0o10000),
    "uid": _within(0, 2**32 - 1),
    "gid": _within(0, 2**32 - 1),
    "mtime_ns": _within(-(2**63), 2**63),
    "extended": _are_attributes,
}
