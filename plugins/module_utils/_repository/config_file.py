# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""One configuration file made what a task asks for."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._model_config import change
from .._model_config.findings import ERROR, ConfigError, Finding, in_order
from .._model_config.release import parse_release
from .._model_config.reload_impact import FULL_RELOAD, NONE
from .._model_config.semantics import validate
from .._textproto.document import Document
from . import transaction
from .backup import Keeping, Replacement, keeping
from .discovery import model_path_of, repositories_of, repository_of
from .files import FileError, read_file
from .lock import locked
from .model_context import file_context
from .results import diff, printable


class Request(NamedTuple):
    """What a file is to become.

    Attributes:
        path: the file.
        config: plain data to merge in, and ``remove``: paths of fields to take away.
        lists: ``merge`` or ``replace``, see `Document.merge`.
        absent: the file is not to exist.
        create: make the file where it does not exist.
        backup_dir: where to keep the old file, None for nowhere.
        keep: how many backups stay there, None for all.
        validate: whether to refuse what Triton's parser accepts and its server does not load.
        triton_release: refuse what is newer than this release, too.
    """

    path: str
    config: Mapping[str, Any]
    remove: Sequence[str]
    lists: str
    absent: bool
    create: bool
    backup_dir: Optional[str]
    keep: Optional[int] = None
    validate: bool = True
    triton_release: Optional[str] = None


def apply(request: Request, dry_run: bool) -> Dict[str, Any]:
    """Make the file what is asked for, and say what changed, as a module returns it.

    ``new_warnings`` are the texts of those warnings among the ``findings`` that the change brings about.

    Raises:
        InvalidConfigError: the file that is there is no ModelConfig.
        RefusedChangeError: Triton would not load the file as it would be.
        ConfigError: the request does not fit the schema.
        FileError: the file cannot be read or written. It is as it was.
    """
    if "\0" in request.path:
        raise FileError(f"{request.path!r} is not a path: it has a NUL byte in it.")
    kept_in = keeping(request.backup_dir, request.keep, repositories_of(request.path))
    if dry_run:
        return _apply(request, kept_in, dry_run)
    with locked([repository_of(request.path), repository_of(os.path.realpath(request.path))]):
        return _apply(request, kept_in, dry_run)


def _apply(request: Request, kept_in: Optional[Keeping], dry_run: bool) -> Dict[str, Any]:
    dangling = request.absent and os.path.islink(request.path) and not os.path.exists(request.path)
    before = b"" if dangling else read_file(request.path)
    after, result = _absent(before) if request.absent else _present(request, before)
    result.update(changed=after != before, backup_id=None, warnings=[])
    if after == before:
        return result
    result["diff"] = diff(request.path, before, after)
    if not dry_run:
        saved = transaction.write([Replacement(request.path, before, after)], None if dangling else kept_in)
        result.update(backup_id=saved.backup_id, warnings=list(saved.warnings))
    return result


def _absent(before: Optional[bytes]) -> Tuple[Optional[bytes], Dict[str, Any]]:
    reload_impact = NONE if before is None else FULL_RELOAD
    return None, {
        "config": {},
        "reload_impact": reload_impact,
        "validated_by": [],
        "findings": [],
        "new_warnings": [],
    }


def _present(request: Request, before: Optional[bytes]) -> Tuple[Optional[bytes], Dict[str, Any]]:
    if before is None and not request.create:
        raise FileError(f"{request.path}: there is no such file. Set create: true to make it, or correct the path.")
    if before is None and not os.path.isdir(model_path_of(request.path)):
        raise FileError(
            f"{request.path}: its directory does not exist. Put the model there first; a configuration alone is none."
        )
    parsed = change.parse(before or b"")
    planned = change.merge(parsed, request.config, request.lists, request.remove)
    findings = _findings(request, planned.document, planned.after)
    if any(finding.severity == ERROR for finding in findings):
        raise change.RefusedChangeError(findings)
    old = {(finding.rule, finding.message) for finding in _findings(request, parsed.document, parsed.data)}
    new = [finding for finding in findings if (finding.rule, finding.message) not in old]
    validated_by = ["built-in"] + ([f"protobuf {planned.checked_by}"] if planned.checked_by else [])
    result = {
        "config": printable(planned.after),
        "reload_impact": planned.reload_impact,
        "validated_by": validated_by,
        "findings": printable([finding.as_result(request.path) for finding in findings]),
        "new_warnings": [printable(finding.show(request.path)) for finding in new],
    }
    if before is None and not planned.text:
        raise ConfigError(["config: an empty configuration is not written. Name at least one field."])
    return planned.text, result


def _findings(request: Request, document: Document, data: Dict[str, Any]) -> List[Finding]:
    release = None if request.triton_release is None else parse_release(request.triton_release)
    return in_order(validate(document, data, file_context(request.path, data), request.validate, release))
