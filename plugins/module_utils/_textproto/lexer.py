# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The one regular expression that drives the parser, and the pieces it is made of.

The language is that of protobuf 3.21.12's C++ ``TextFormat::Parser`` and ``Tokenizer``, which is the parser that
Triton bundles (protobuf: src/google/protobuf/io/tokenizer.cc). Google's Python parser accepts more (``+1``, ``1_000``,
unknown escapes, a no-break space) and less (``- 1``).

One match covers trivia and the longest unit that needs no decision: ``name: scalar``, ``name {``, a bracket, a
separator, an element of a list. No text can be split in two ways by the pattern, or a broken file would take
exponential time: therefore a comment always ends with its line feed, and the parser appends one to the text so that a
last line without one is no special case; and therefore trivia never stands beside trivia where what is between the
two can be left out.
"""

from __future__ import annotations

import re
from typing import Pattern

# Exactly six characters are blank: with re.ASCII that is \s. A carriage return alone does not end a line.
TRIVIA = r"\s*(?:#[^\n]*\n\s*)*"
IDENTIFIER = r"[A-Za-z_]\w*"
STRING = r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"' + r"|'[^'\\\n]*(?:\\.[^'\\\n]*)*'"
# Hexadecimal; decimal or float; octal. No letter, digit or point may follow: 10bar, 08 and 1.2.3 are errors.
NUMBER = r"(?:0[xX][0-9a-fA-F]+|(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?[fF]?|0[0-7]+)(?![\w.])"
NEGATIVE = rf"-{TRIVIA}(?:{NUMBER}|(?i:infinity|inf|nan)(?!\w))"
SCALAR = rf"{STRING}|{IDENTIFIER}|{NUMBER}|{NEGATIVE}"
# The name of an extension, or the type URL of an expanded Any: [pkg.ext], [type.googleapis.com/pkg.Type].
EXTENSION = rf"\[{TRIVIA}{IDENTIFIER}{TRIVIA}(?:[./]{TRIVIA}{IDENTIFIER}{TRIVIA})*\]"

# The number of the last group that took part tells what was matched; END is the end of the text.
NAME, FIELD_SCALAR, COLON, FIELD_OPEN, CLOSE, SEPARATOR, ELEMENT, OPEN, END = range(1, 10)
ITEM = re.compile(
    rf"{TRIVIA}(?:"
    rf"({IDENTIFIER}|{EXTENSION}){TRIVIA}(?::{TRIVIA}({SCALAR})|(?:(:){TRIVIA})?([{{<\[]))"
    rf"|([}}>\]])|([,;])|({SCALAR})|([{{<])|(\Z))",
    re.ASCII,
)

_TRIVIA_RE = re.compile(TRIVIA, re.ASCII)
_BLANKS_RE = re.compile(r"[ \t\r\f\v]*")
IDENTIFIER_RE = re.compile(IDENTIFIER, re.ASCII)
STRING_RE = re.compile(STRING, re.ASCII)
WORD_RE = re.compile(r"[\w.+-]+", re.ASCII)
# What may stand between the quotes of a string. \U reaches 1FFFFF here: the C++ tokenizer checks no further.
STRING_BODY_RE = re.compile(
    r"(?:[^\\]+|\\(?:[abfnrtv?\\'\"]|[0-7]{1,3}|x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{4}|U00[01][0-9a-fA-F]{5}))*",
    re.ASCII,
)


def skip_trivia(text: str, at: int) -> int:
    """The offset of what follows ``at`` behind blanks, line ends and comments; the text's length if nothing does."""
    return min(_end(_TRIVIA_RE, text + "\n", at), len(text))


def skip_blanks(text: str, at: int) -> int:
    """The offset of what follows ``at`` behind blanks on the same line."""
    return _end(_BLANKS_RE, text, at)


def _end(pattern: Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at  # the patterns match nothing at all, too
