# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Waivers: models that need not be as the policy wants, each for a reason and perhaps until a day.

They stand in the policy, or as a comment anywhere in a configuration file::

    # triton-policy: waive reason="no GPU kernel before opset 17" expires=2027-03-31
"""

from __future__ import annotations

import datetime
import re
import shlex
from typing import Any, List, NamedTuple, Optional, Sequence

from .._model_config.findings import Finding
from .._textproto.comments import comments
from .._textproto.document import Document
from .._textproto.errors import locate
from .match import Match, QueryError, Subject

_MARK = "triton-policy:"
_COMMENT = re.compile(r"#+\s*" + re.escape(_MARK) + r"\s*(.*)")
_USAGE = f'Write: # {_MARK} waive reason="why" expires=YYYY-MM-DD'


class Waiver(NamedTuple):
    """One waiver.

    Attributes:
        place: where it stands: ``waivers[0]`` of the policy, or ``line 3`` of the file.
        expires: the last day on which it holds, None for no end.
        match: which models it is for; None for one in a file.
    """

    place: str
    reason: str
    expires: Optional[datetime.date]
    match: Optional[Match] = None

    def has_expired(self, today: datetime.date) -> bool:
        return self.expires is not None and today > self.expires


class InFile(NamedTuple):
    """The waivers in a file, and what is wrong with comments that were meant to be one."""

    waivers: List[Waiver]
    findings: List[Finding]


def parse_day(data: Any) -> datetime.date:
    """A day, as YAML gives it or as text.

    Raises:
        ValueError: it is none.
    """
    if isinstance(data, datetime.datetime):
        return data.date()
    if isinstance(data, datetime.date):
        return data
    if not isinstance(data, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", data):
        raise ValueError(f"expected a day as YYYY-MM-DD, found {data!r}")
    try:
        return datetime.date(*map(int, data.split("-")))
    except ValueError as error:
        raise ValueError(f"there is no day {data}: {error}") from error


def in_file(document: Document) -> InFile:
    """The waivers that the comments of a file give."""
    waivers: List[Waiver] = []
    findings: List[Finding] = []
    if _MARK not in document.text:
        return InFile(waivers, findings)
    for comment in comments(document):
        match = _COMMENT.fullmatch(comment.text.rstrip())
        if not match:
            continue
        try:
            waivers.append(_parse_comment(match.group(1), locate(document.text, comment.offset).line))
        except ValueError as error:
            findings.append(Finding.at("waiver", str(error), document.text, comment.offset, _USAGE))
    return InFile(waivers, findings)


def _parse_comment(text: str, line: int) -> Waiver:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ValueError("a waiver has a quote that is not closed, or a backslash at its end") from error
    if not words or words[0] != "waive":
        raise ValueError(f"expected 'waive' after '{_MARK}', found {words[0] if words else 'nothing'!r}")
    given = {}
    for word in words[1:]:
        name, separator, value = word.partition("=")
        if not separator or name not in ("reason", "expires") or name in given:
            raise ValueError(f'expected reason="..." and expires=..., once each, found {word!r}')
        given[name] = value.strip()
    if not given.get("reason"):
        raise ValueError("a waiver needs a reason")
    expires = parse_day(given["expires"]) if "expires" in given else None
    return Waiver(f"line {line}", given["reason"], expires)


def waivers_for(waivers: Sequence[Waiver], subject: Subject) -> List[Waiver]:
    """The waivers of a policy that are for a model.

    Raises:
        QueryError: a query fails on the model's configuration.
    """
    fitting = []
    for waiver in waivers:
        try:
            if waiver.match is not None and waiver.match.fits(subject):
                fitting.append(waiver)
        except QueryError as error:
            raise QueryError(f"the query of {waiver.place}, {error}") from error
    return fitting


def that_counts(waivers: Sequence[Waiver], today: datetime.date) -> Optional[Waiver]:
    """The first waiver that holds, else the first that has expired."""
    return next((waiver for waiver in waivers if not waiver.has_expired(today)), waivers[0] if waivers else None)
