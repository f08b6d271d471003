# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What a person would probably change at a syntax error, as splices.

Nothing of it is ever written to a file: it only lets the parser go on, so that the errors behind the first one are
found too. Every splice keeps the number of lines, and none is offered where the intention cannot be told.
"""

from __future__ import annotations

import re
from typing import Match, Optional, Pattern, Sequence

from . import lexer
from .errors import Splice
from .nodes import Element, Message

Repair = Sequence[Splice]

# Takes the place of a value, name or element that nobody knows. What is wrong with this word is nobody's mistake.
UNKNOWN = "__unknown__"

# Where an error is.
FIELD = "a field name"  # where a field may begin
VALUE = "a value"  # behind "name:"
BEHIND_NAME = "':' or '{'"
ELEMENT = "an element"  # in a list, where one has to be
BEHIND_ELEMENT = "',' or ']'"

SMART_QUOTES = "\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f"
_CLOSING_QUOTE = {"'": re.compile("['\u2018\u2019\u201a\u201b](?!\\w)"), '"': re.compile('["\u201c-\u201f]')}

_MOST_NULS = 16
_LONGEST_WORD = 1000
_SCALAR = re.compile(lexer.SCALAR, re.ASCII)
_FIELD_BEGIN = re.compile(rf"{lexer.IDENTIFIER}\s*[:{{<\[]", re.ASCII)
_VALUE_END = re.compile(rf"[ \t\r]*(?:\Z|[\n,;\]}}>#]|{lexer.IDENTIFIER}\s*[:{{<\[])", re.ASCII)
_GARBAGE = re.compile(r"[^\s,;:\[\]{}<>\"'#]+")
_UNQUOTED = re.compile(r"[A-Za-z_/.~\\][^\s,;\[\]{}<>\"'#]*", re.ASCII)
_PATH = re.compile(r"\.{0,2}/(?![/*])|~|\\")
# More lines of a string that was begun on the line before, up to its quote; behind it, quotes come in pairs.
_MORE_LINES = (
    r"(?:\n(?!\s*(?:[A-Za-z_]\w*\s*[:{{<\[]|[\]}}>#]|$))[^\n{0}]*){{1,20}}"
    r"{0}(?=(?:[^\n{0}]*{0}[^\n{0}]*{0})*[^\n{0}]*(?:\n|\Z))"
)


def insert(at: int, new: str) -> Repair:
    return [Splice(at, at, new)]


def blank(text: str, start: int, end: int) -> Repair:
    """Without these characters; the words around them stay apart."""
    return [Splice(start, end, "\n" * text.count("\n", start, end) or " ")]


def unknown(elements: Optional[Sequence[Element]] = None) -> str:
    """Something to stand for one more of a list's elements, or for any other thing."""
    return "{ }" if elements and isinstance(elements[0], Message) else UNKNOWN


# Characters


def drop_nuls(text: str, at: int) -> Repair:
    """Without the NUL bytes in a row; nothing where this looks like binary data or UTF-16."""
    end = at
    while text.startswith("\0", end):
        end += 1
    utf_16 = text.startswith("\0", end + 1)
    return [] if utf_16 or text.count("\0", end) > _MOST_NULS else [Splice(at, end, "")]


def plain_quotes(text: str, at: int) -> Repair:
    """Plain quotes around what begins with a typographic one."""
    quote = "'" if text[at] in "\u2018\u2019\u201a\u201b" else '"'
    closing = _CLOSING_QUOTE[quote].search(text, at + 1, line_end(text, at))
    if closing:
        return [Splice(at, at + 1, quote), Splice(closing.start(), closing.end(), quote)]
    return [Splice(at, at + 1, quote), *_close_on_line(text, at, quote)]


def close_string(text: str, at: int) -> Repair:
    """The other quote of the string that begins at ``at``: where a smart one is, some lines down, or on its line."""
    quote = text[at]
    end = line_end(text, at)
    smart = re.compile(rf"[{SMART_QUOTES}](?=\s*(?:[,;\]}}>#]|$))").search(text, at + 1, end)
    if smart:
        return [Splice(smart.start(), smart.end(), quote)]
    more = re.compile(_MORE_LINES.format(quote), re.ASCII).match(text, end)
    if more:
        breaks = [match.start() for match in re.finditer("\n", more.group())]
        return [Splice(end + at, end + at + 1, f"\\n{quote}\n{quote}") for at in breaks]
    return _close_on_line(text, at, quote)


def _close_on_line(text: str, at: int, quote: str) -> Repair:
    body = text[at + 1 : line_end(text, at)]
    comment = re.search(r"\s#", body)
    body = body[: comment.start()] if comment else body
    body = body.rstrip(" \t\r,;]}>")
    escape = "\\" * ((len(body) - len(body.rstrip("\\"))) % 2)
    return insert(at + 1 + len(body), escape + quote)


def number(text: str, at: int, word: str, place: str) -> Repair:
    """The number that a word was meant to be; nothing where a YAML list begins."""
    if word == "-":
        return []
    minus = "-" if word.startswith("-") else ""
    digits = word.lstrip("+-").replace("_", "")
    digits = digits.lstrip("0") or "0" if digits.isdigit() else digits
    known = re.fullmatch(lexer.NUMBER, digits, re.ASCII)
    if place not in (VALUE, ELEMENT, BEHIND_ELEMENT) or not known:
        return garbage(text, at, place)
    return [Splice(at, at + len(word), minus + digits)]


def garbage(text: str, at: int, place: str, elements: Optional[Sequence[Element]] = None) -> Repair:
    """Something unknown in the place of what is no token, or nothing if it is one too many."""
    match = _GARBAGE.match(text, at)
    if not match:
        return []
    end = match.end()
    start = word_start(text, at, _GARBAGE)
    if start < at:
        return [Splice(start, end, UNKNOWN)]
    if place == BEHIND_NAME:
        return []
    if place == BEHIND_ELEMENT or (place == FIELD and not is_named(text, end)):
        return blank(text, at, end)
    return [Splice(at, end, unknown(elements))]


def unquoted(text: str, at: int, start: int, place: str) -> Optional[Match[str]]:
    """What seems to be a string without quotes: a path, or a word that began at ``start`` and goes on at ``at``."""
    if start == at and not (place in (VALUE, ELEMENT) and _PATH.match(text, at)):
        return None
    match = _UNQUOTED.match(text, start)
    return match if match and match.end() > at else None


def quote(match: Match[str]) -> Repair:
    """Quotes around it."""
    return [Splice(match.start(), match.end(), '"' + match.group().replace("\\", "\\\\") + '"')]


def comment(text: str, at: int) -> Repair:
    """A comment of C made one of the text format."""
    if text.startswith("//", at):
        return [Splice(at, at + 2, "# ")]
    end = text.find("*/", at)
    return [] if end < 0 else blank(text, at, end + 2)


# Fields


def add_colon(text: str, name_end: int, at: int) -> Repair:
    """A colon between a name and what stands at ``at``; nothing where it is not clear that this is its value."""
    if text[at] == "=":
        return [Splice(at, at + 1, ":")]
    if text[at] in "\"'" + SMART_QUOTES or "\n" not in text[name_end:at]:
        word = lexer.IDENTIFIER_RE.match(text, at)
        if not word or _VALUE_END.match(text, word.end()):
            return insert(name_end, ":")
    return []


def rename(text: str, start: int, end: int) -> Repair:
    """An identifier in the place of a field's name that is none."""
    name = re.sub(r"\W", "_", text[start:end].strip("\"'"), flags=re.ASCII)
    return [Splice(start, end, name if lexer.IDENTIFIER_RE.fullmatch(name) else UNKNOWN)]


def scalar_end(text: str, at: int) -> int:
    """The end of the literal that begins at ``at``."""
    return _SCALAR.match(text, at).end()  # type: ignore[union-attr]


def is_field(text: str, at: int) -> bool:
    """Whether a field seems to begin at ``at``."""
    return bool(_FIELD_BEGIN.match(text, at))


def is_named(text: str, end: int) -> bool:
    """Whether what ends at ``end`` stands where a field's name does: a colon or bracket follows."""
    at = lexer.skip_blanks(text, end)
    return text[at : at + 1] in tuple(":{<[") and not text.startswith(("{{", "{%"), at)


def word_start(text: str, at: int, character: Pattern[str]) -> int:
    """Where the characters of one kind begin that stand directly before ``at``."""
    start = at
    while start > max(0, at - _LONGEST_WORD) and character.match(text, start - 1, start):
        start -= 1
    return start


def line_end(text: str, at: int) -> int:
    """The offset of the line feed behind ``at``, or of the end of the text."""
    end = text.find("\n", at)
    return len(text) if end < 0 else end
