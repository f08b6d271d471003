# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What people's tools leave in a file: the marks of a merge conflict, and a template's placeholders."""

from __future__ import annotations

import re
from typing import Match, Optional, Sequence

from .errors import Splice, TextProtoError, shortened
from .nodes import Element
from .placeholders import PLACEHOLDER
from .repairs import (
    BEHIND_ELEMENT,
    BEHIND_NAME,
    ELEMENT,
    FIELD,
    UNKNOWN,
    VALUE,
    Repair,
    blank,
    is_named,
    line_end,
    unknown,
    word_start,
)

_CONFLICT_MARKERS = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")
_THEIRS = re.compile(r"^(?:\|{7}|={7})", re.MULTILINE)
_THEIR_END = re.compile(r"^>{7}.*", re.MULTILINE)

# {% if not loop.last %},{% endif %}: in the text there is one element only, and nothing behind it.
_COMMA = re.compile(r"\{%[^%\n]*%\}\s*,\s*\{%[^%\n]*%\}")
_OTHER_BRANCHES = re.compile(r"\{%[-+]?\s*(?:else|elif)\b.*?\{%[-+]?\s*endif\b[^%]*%\}", re.DOTALL)
_NO_COLON = re.compile(r"[^\s:]\s*\[\s*\Z")
_MESSAGE = re.compile(r"\s*,\s*[{<](?![{%#])")
_WORD = re.compile(r"[\w.+/-]", re.ASCII)
_NEAR = 1000  # characters to look around for the rest of a placeholder


def leftover(text: str, at: int, place: str, elements: Optional[Sequence[Element]]) -> Optional[TextProtoError]:
    """The error where the parser gave up at a mark or a placeholder, else None."""
    line_start = text.rfind("\n", 0, at) + 1
    if text.startswith(_CONFLICT_MARKERS, line_start):
        message = f"'{text[line_start : line_start + 7]}' is the mark of a merge conflict"
        hint = "Resolve the conflict, and remove the marks."
        repair = _keep_ours(text, line_start)
        return TextProtoError(message, text, line_start, hint, "conflict-marker", repair)
    match = placeholder(text, at)
    if match is None:
        return None
    shown = shortened(match.group())
    message, hint = f"the placeholder {shown} is not filled in", f"This is a template: fill in {shown} first."
    repair = _fill_in(text, match, at, place, elements)
    return TextProtoError(message, text, match.start(), hint, "template", repair)


def placeholder(text: str, offset: int) -> Optional[Match[str]]:
    """The placeholder because of which a text does not parse, if it is one.

    Args:
        offset: where the parser gave up, which may be inside of it: ``{{`` begins as a message might.
    """
    line_start = text.rfind("\n", 0, offset) + 1
    for match in PLACEHOLDER.finditer(text, max(line_start, offset - _NEAR), offset + _NEAR):
        if match.start() > offset + 1:
            return None
        if match.end() > offset:
            return match
    return None


def _fill_in(text: str, match: Match[str], at: int, place: str, elements: Optional[Sequence[Element]]) -> Repair:
    """Something unknown in the place of a placeholder, where the parser gave up at ``at``."""
    start, end = match.span()
    if match.group().startswith(("{%", "{#")):
        return blank(text, start, _statement_end(match))
    before = text[max(0, start - _NEAR) : start].rstrip()[-1:]
    if start < at and place == FIELD:  # its first brace was taken for one of the text format
        place = VALUE if before == ":" else ELEMENT if before in ("[", ",") else BEHIND_NAME
    start = word_start(text, start, _WORD)
    while _WORD.match(text, end):
        end += 1
    if start < match.start():  # a part of a word
        return [Splice(start, end, UNKNOWN)]
    if place == BEHIND_NAME:
        return [Splice(start, end, ": " + UNKNOWN)]
    if place == ELEMENT:
        # Only a list of messages may stand without a colon.
        no_colon = _NO_COLON.search(text, max(0, start - _NEAR), start)
        is_message = not elements and (no_colon or _MESSAGE.match(text, end))
        return [Splice(start, end, "{ }" if is_message else unknown(elements))]
    if place == BEHIND_ELEMENT or (place == FIELD and not is_named(text, end)):
        return blank(text, start, end)
    return [Splice(start, end, UNKNOWN)]


def _keep_ours(text: str, line_start: int) -> Repair:
    """A merge conflict without its marks, and without the other sides of it."""
    marker = Splice(line_start, line_end(text, line_start), "")
    if not text.startswith("<<<<<<<", line_start):
        return [marker]
    theirs = _THEIRS.search(text, marker.end)
    end = _THEIR_END.search(text, theirs.end()) if theirs else None
    return [marker, *blank(text, theirs.start(), end.end())] if theirs and end else [marker]


def _statement_end(match: Match[str]) -> int:
    """The end of a statement; of ``{% else %}`` the end of its ``{% endif %}``, so that one branch remains."""
    whole = _OTHER_BRANCHES.match(match.string, match.start()) or _COMMA.match(match.string, match.start())
    return whole.end() if whole else match.end()
