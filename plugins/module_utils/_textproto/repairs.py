# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What a person would probably change at a syntax error, as splices.

Nothing of it is ever written to a file: it only lets the parser go on, so that the errors behind the first one are
found too. Every splice keeps the number of lines, and none is offered where the intention cannot be told.
"""

from __future__ import annotations

import re
from typing import Match, Optional, Pattern, Sequence

from . import lexer, placeholders
from .errors import Splice
from .nodes import CLOSING, Element, Message, Open

Repair = Sequence[Splice]

# Takes the place of a value, name or element that nobody knows. What is wrong with this word is nobody's mistake.
UNKNOWN = "__unknown__"

# Where an error is.
FIELD = "a field name"  # where a field may begin
VALUE = "a value"  # behind "name:"
BEHIND_NAME = "':' or '{'"
ELEMENT = "an element"  # in a list, where one has to be
BEHIND_ELEMENT = "',' or ']'"

CONFLICT_MARKERS = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")
_THEIRS = re.compile(r"^(?:\|{7}|={7})", re.MULTILINE)
_THEIR_END = re.compile(r"^>{7}.*", re.MULTILINE)
SMART_QUOTES = "\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f"
_CLOSING_QUOTE = {"'": re.compile("['\u2018\u2019\u201a\u201b](?!\\w)"), '"': re.compile('["\u201c-\u201f]')}

_MOST_NULS = 16
_LONGEST_WORD = 1000
_FAR = 20_000  # characters to search for the other half of a bracket
_BRACKET = re.compile(rf"{lexer.STRING}|#[^\n]*|([{{<\[])|([}}>\]])")
_SCALAR = re.compile(lexer.SCALAR, re.ASCII)
_FIELD_BEGIN = re.compile(rf"{lexer.IDENTIFIER}\s*[:{{<\[]", re.ASCII)
_NO_COLON = re.compile(r"[^\s:]\s*\[\s*\Z")
_MESSAGE = re.compile(r"\s*,\s*[{<](?![{%#])")
_VALUE_END = re.compile(rf"[ \t\r]*(?:\Z|[\n,;\]}}>#]|{lexer.IDENTIFIER}\s*[:{{<\[])", re.ASCII)
_GARBAGE = re.compile(r"[^\s,;:\[\]{}<>\"'#]+")
_UNQUOTED = re.compile(r"[A-Za-z_/.~\\][^\s,;\[\]{}<>\"'#]*", re.ASCII)
_PATH = re.compile(r"\.{0,2}/(?![/*])|~|\\")
_WORD = re.compile(r"[\w.+/-]", re.ASCII)
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
    closing = _CLOSING_QUOTE[quote].search(text, at + 1, _line_end(text, at))
    if closing:
        return [Splice(at, at + 1, quote), Splice(closing.start(), closing.end(), quote)]
    return [Splice(at, at + 1, quote), *_close_on_line(text, at, quote)]


def close_string(text: str, at: int) -> Repair:
    """The other quote of the string that begins at ``at``: where a smart one is, some lines down, or on its line."""
    quote = text[at]
    end = _line_end(text, at)
    smart = re.compile(rf"[{SMART_QUOTES}](?=\s*(?:[,;\]}}>#]|$))").search(text, at + 1, end)
    if smart:
        return [Splice(smart.start(), smart.end(), quote)]
    more = re.compile(_MORE_LINES.format(quote), re.ASCII).match(text, end)
    if more:
        breaks = [match.start() for match in re.finditer("\n", more.group())]
        return [Splice(end + at, end + at + 1, f"\\n{quote}\n{quote}") for at in breaks]
    return _close_on_line(text, at, quote)


def _close_on_line(text: str, at: int, quote: str) -> Repair:
    body = text[at + 1 : _line_end(text, at)]
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
    start = _word_start(text, at, _GARBAGE)
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


# Templates and merge conflicts


def fill_in(text: str, match: Match[str], at: int, place: str, elements: Optional[Sequence[Element]]) -> Repair:
    """Something unknown in the place of a placeholder, where the parser gave up at ``at``."""
    start, end = match.span()
    if placeholders.is_statement(match):
        return blank(text, start, placeholders.statement_end(match))
    before = text[max(0, start - _FAR) : start].rstrip()[-1:]
    if start < at and place == FIELD:  # its first brace was taken for one of the text format
        place = VALUE if before == ":" else ELEMENT if before in ("[", ",") else BEHIND_NAME
    start = _word_start(text, start, _WORD)
    while _WORD.match(text, end):
        end += 1
    if start < match.start():  # a part of a word
        return [Splice(start, end, UNKNOWN)]
    if place == BEHIND_NAME:
        return [Splice(start, end, ": " + UNKNOWN)]
    if place == ELEMENT:
        # Only a list of messages may stand without a colon.
        is_message = not elements and (_NO_COLON.search(text, max(0, start - 200), start) or _MESSAGE.match(text, end))
        return [Splice(start, end, "{ }" if is_message else unknown(elements))]
    if place == BEHIND_ELEMENT or (place == FIELD and not is_named(text, end)):
        return blank(text, start, end)
    return [Splice(start, end, UNKNOWN)]


def keep_ours(text: str, line_start: int) -> Repair:
    """A merge conflict without its marks, and without the other sides of it."""
    marker = Splice(line_start, _line_end(text, line_start), "")
    if not text.startswith("<<<<<<<", line_start):
        return [marker]
    theirs = _THEIRS.search(text, marker.end)
    end = _THEIR_END.search(text, theirs.end()) if theirs else None
    return [marker, *blank(text, theirs.start(), end.end())] if theirs and end else [marker]


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


# Brackets


def close(text: str, opened: Open) -> Repair:
    """The closing bracket of what is still open at the end: before the line that is indented no further, or there."""
    closing = CLOSING[opened.bracket]
    indent = _indent(text, opened.start)
    inner = re.compile(r"\n([ \t]*)[^\s#]").search(text, opened.start)
    if inner and len(inner.group(1)) > indent:
        outer = re.compile(rf"\n[ \t]{{0,{indent}}}(?=[^\s#\]}}>])").search(text, inner.end())
        if outer:
            return insert(outer.end(), closing + " ")
    return insert(len(text), "\n" + closing)


def other_bracket(text: str, at: int, stack: Sequence[Open]) -> Repair:
    """The bracket that is missing before a closing one, the right one in its place, or none if it is one too many."""
    if not stack:
        return blank(text, at, at + 1)
    wanted = CLOSING[stack[-1].bracket]
    if any(CLOSING[opened.bracket] == text[at] for opened in stack):
        return insert(at, wanted + " ")
    if text.startswith(wanted, lexer.skip_trivia(text, at + 1)):
        return blank(text, at, at + 1)
    return [Splice(at, at + 1, wanted)]


def field_in_list(text: str, at: int, elements: Sequence[Element], complete: bool, stack: Sequence[Open]) -> Repair:
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


def is_indented(text: str, name_start: int, at: int) -> bool:
    """Whether ``at`` is on a later line than a name, and further to the right than the name's line begins."""
    return "\n" in text[name_start:at] and _indent(text, at) > _indent(text, name_start)


def _indent(text: str, at: int) -> int:
    line_start = text.rfind("\n", 0, at) + 1
    return lexer.skip_blanks(text, line_start) - line_start


def _word_start(text: str, at: int, word: Pattern[str]) -> int:
    start = at
    while start > max(0, at - _LONGEST_WORD) and word.fullmatch(text, start - 1, start):
        start -= 1
    return start


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
