# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""All syntax errors of a text: each one is repaired as a person would probably do it, and the parser goes on."""

from __future__ import annotations

from typing import List, NamedTuple

from .errors import Splice, TextProtoError
from .nodes import Field, Message
from .parser import parse
from .repairs import UNKNOWN

_MOST_ERRORS = 100
_MOST_WORK = 500_000  # characters to parse, at most half a second


class Recovered(NamedTuple):
    """What a text that is not text format was probably meant to be.

    Attributes:
        text: the text with all repairs, and ``root``: the message in it, as far as it could be read.
        errors: everything that was wrong, in the order in which the parser came upon it, with places in the original.
        splices: the repairs, each one in the text that the ones before it had made.
    """

    text: str
    root: Message
    errors: List[TextProtoError]
    splices: List[Splice]

    def is_unknown(self, offset: int) -> bool:
        """Whether a place in ``text`` holds something of which nobody knows what it was meant to be."""
        return self.text.startswith(UNKNOWN, offset)

    def origin(self, offset: int) -> int:
        """Where in the original a place in ``text`` was."""
        return _origin(self.splices, offset)


def recover(text: str) -> Recovered:
    """Find the errors of a text up to one that cannot be repaired, and never more than a hundred."""
    original = text
    fields: List[Field] = []
    errors: List[TextProtoError] = []
    splices: List[Splice] = []
    seen = set()
    work = 0
    while True:
        begin = fields[-1].end if fields else 0
        try:
            return Recovered(text, parse(text, fields), errors, splices)
        except TextProtoError as raised:
            error = raised
        moved = error.moved(original, lambda offset: _origin(splices, offset))
        if (moved.offset, moved.message) in seen or UNKNOWN in moved.message + moved.hint:
            break  # the last repair was no good
        seen.add((moved.offset, moved.message))
        errors.append(moved)
        work += (len(text) if error.rule == "unclosed" else error.offset) - begin
        if not error.repair or len(errors) == _MOST_ERRORS or work > _MOST_WORK:
            break
        for splice in sorted(error.repair, reverse=True):  # the last one first: it moves none of the others
            text = text[: splice.start] + splice.replacement + text[splice.end :]
            splices.append(splice)
        first = min(splice.start for splice in error.repair)
        while fields and fields[-1].end >= first:
            fields.pop()
    return Recovered(text, Message(0, len(text), fields), errors, splices)


def _origin(splices: List[Splice], offset: int) -> int:
    for start, end, replacement in reversed(splices):
        if offset >= start + len(replacement):
            offset += end - start - len(replacement)
        elif offset > start:
            offset = min(offset, end)
    return offset
