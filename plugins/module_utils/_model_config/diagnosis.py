# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""A file's configuration, or everything that is wrong with it, in syntax and in meaning."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional

from .._textproto.document import Document
from .._textproto.errors import TextProtoError
from .findings import Finding, Problem, located
from .reading import read, read_tree


class Diagnosis(NamedTuple):
    """What a file holds.

    Attributes:
        document: the file, None where it is not in the text format.
        data: its configuration as plain data, as far as it could be read; see `reading`.
        findings: everything that is wrong with it, sorted by place.
        placeholder: what is to be filled in first, if that is all that is wrong with the syntax, else None.
    """

    document: Optional[Document]
    data: Dict[str, Any]
    findings: List[Finding]
    placeholder: Optional[str]


def diagnose(data: bytes) -> Diagnosis:
    """Read a file. Never raises for what the file holds."""
    try:
        document = Document.parse(data)
    except TextProtoError as error:
        return _diagnose_broken(error.text)
    reading = read(document)
    return Diagnosis(document, reading.data, reading.findings, None)


def _diagnose_broken(text: str) -> Diagnosis:
    # What most files do not need is not imported for them.
    from .._textproto.leftovers import placeholder
    from .._textproto.recovery import recover

    recovered = recover(text)
    problems = [Problem(error.rule, error.message, error.offset, error.hint) for error in recovered.errors]
    data, more = read_tree(recovered.text, recovered.root)
    problems += [
        problem._replace(offset=recovered.origin(problem.offset))
        for problem in more
        if not recovered.is_unknown(problem.offset)
    ]
    is_template = all(error.rule == "template" for error in recovered.errors)
    unfilled = placeholder(text, min(error.offset for error in recovered.errors)) if is_template else None
    return Diagnosis(None, data, located(text, problems), unfilled.group() if unfilled else None)
