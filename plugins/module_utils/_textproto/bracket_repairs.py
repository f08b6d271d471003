# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What a person would probably change at a bracket, see `repairs`."""

from __future__ import annotations

import re
from typing import Optional, Sequence

from . import lexer
from .errors import Splice
from .nodes import CLOSING, Element, Open
from .repairs import Repair, blank, insert, unknown

_FAR = 20_000  # characters to search for the other half of a bracket
_BRACKET = re.compile(rf"{lexer.STRING}|#[^\n]*|([{{<\[])|([}}>\]])")


def close(text: str, opened: Open) -> Repair:
    """The closing bracket of what is still open at the end: before the line that is indented no further, or there."""
    closing = CLOSING[opened.bracket]
    outside = indent(text, opened.start)
    inner = re.compile(r"\n([ \t]*)[^\s#]").search(text, opened.start)
    if inner and len(inner.group(1)) > outside:
        outer = re.compile(rf"\n[ \t]{{0,{outside}}}(?=[^\s#\]}}>])").search(text, inner.end())
        if outer:
            return insert(outer.end(), closing + " ")
    return insert(len(text), "\n" + closing)


def correct_closing(text: str, at: int, stack: Sequence[Open]) -> Repair:
    """The bracket that is missing before a closing one, the right one in its place, or none if it is one too many."""
    if not stack:
        return blank(text, at, at + 1)
    wanted = CLOSING[stack[-1].bracket]
    if any(CLOSING[opened.bracket] == text[at] for opened in stack):
        return insert(at, wanted + " ")
    if text.startswith(wanted, lexer.skip_trivia(text, at + 1)):
        return blank(text, at, at + 1)
    return [Splice(at, at + 1, wanted)]


def close_list(text: str, at: int, elements: Sequence[Element], complete: bool, stack: Sequence[Open]) -> Repair:
    """The list closed before a field, or the field put into a message where the list goes on behind it."""
    closing = unmatched(text, at)
    comma = ", " if complete else ""
    if closing is not None and text[closing] == "]":
        return [Splice(at, at, comma + "{ "), Splice(closing, closing, " }")]
    if closing is not None and len(stack) == 1:
        return insert(at, comma + "{ ")
    return insert(at, "] " if complete or not elements else unknown(elements) + " ] ")


def unwrap(text: str, at: int) -> Repair:
    """The file without the brackets around it."""
    last = len(text.rstrip()) - 1
    around = last > at and text[last] == CLOSING[text[at]]
    return [*blank(text, at, at + 1), *(blank(text, last, last + 1) if around else ())]


def make_list(text: str, at: int, outer: Open) -> Repair:
    """``name [ { ... } ]`` of ``name { { ... } }``; nothing where the outer bracket is not closed.

    An element of a list loses the outer brackets.
    """
    closing = unmatched(text, at)
    if not outer.name:
        doubled = [] if closing is None or text[closing] != CLOSING[outer.bracket] else [closing]
        return [Splice(bracket, bracket + 1, " ") for bracket in (outer.start, *doubled)]
    if closing is None:
        return []
    return [Splice(outer.start, outer.start + 1, "["), Splice(closing, closing + 1, "]")]


def unmatched(text: str, at: int) -> Optional[int]:
    """The closing bracket behind ``at`` that closes something before it, unless that is far away."""
    depth = 0
    for match in _BRACKET.finditer(text, at, at + _FAR):
        depth += (match.lastindex == 1) - (match.lastindex == 2)
        if depth < 0:
            return match.start()
    return None


def whole_bracket(text: str, at: int) -> int:
    """The end of the brackets that open at ``at``, or the end of the bracket itself."""
    closing = unmatched(text, at + 1)
    return at + 1 if closing is None else closing + 1


def indent(text: str, at: int) -> int:
    """How far the line of ``at`` is indented, in characters."""
    line_start = text.rfind("\n", 0, at) + 1
    return lexer.skip_blanks(text, line_start) - line_start
