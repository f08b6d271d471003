# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Scalar literals: source text to Python values and back.

Sources of the rules: protobuf src/google/protobuf/io/tokenizer.cc (ParseInteger, ParseFloat, ParseStringAppend) and
src/google/protobuf/text_format.cc (ConsumeBoolean, ConsumeSignedInteger, ConsumeDouble) of release 3.21.12.
"""

from __future__ import annotations

import math
import re
from typing import Any, List, Match, Optional

from . import lexer
from .values import Identifier

_ESCAPE = re.compile(
    rb"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|([0-7]{1,3})|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))",
    re.DOTALL,
)
_SIMPLE_ESCAPES = {b"a": 7, b"b": 8, b"f": 12, b"n": 10, b"r": 13, b"t": 9, b"v": 11}
_WRITTEN_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_TRUE = ("true", "True", "t")
_FALSE = ("false", "False", "f")
_INFINITE = ("inf", "infinity")


def is_string(source: str) -> bool:
    return source[0] in "\"'"


def string_value(source: str) -> Optional[bytes]:
    """The bytes of one or more adjacent string literals, or None if the literal is not a string."""
    if not is_string(source):
        return None
    parts: List[bytes] = []
    match = lexer.STRING_RE.match(source)
    while match:
        body = match.group()[1:-1].encode("utf-8", "surrogateescape")
        parts.append(_ESCAPE.sub(_unescape, body) if b"\\" in body else body)
        match = lexer.STRING_RE.match(source, lexer.skip_trivia(source, match.end()))
    return b"".join(parts)


def text_value(source: str) -> Optional[str]:
    """As `string_value`, decoded; bytes that are not UTF-8 become surrogates (PEP 383)."""
    value = string_value(source)
    return None if value is None else value.decode("utf-8", "surrogateescape")


def integer_value(source: str) -> Optional[int]:
    """The number that a decimal, hexadecimal or octal literal stands for, or None for any other literal."""
    if source.isdigit() and source[0] != "0":
        return int(source)
    digits = _unsigned(source)
    if not digits[:1].isdigit():
        return None
    try:
        if digits[:2] in ("0x", "0X"):
            number = int(digits, 16)
        elif digits[0] == "0" and len(digits) > 1:
            number = int(digits, 8)
        else:
            number = int(digits)
    except ValueError:
        return None
    return -number if source[0] == "-" else number


def float_value(source: str) -> Optional[float]:
    """The number of a literal where a float or double is wanted, or None. Hexadecimal and octal are not floats."""
    digits = _unsigned(source).lower()
    if digits in _INFINITE:
        number = math.inf
    elif digits == "nan":
        number = math.nan
    elif digits[:1] not in tuple("0123456789.") or digits[:2] == "0x" or re.match(r"0\d", digits):
        return None
    else:
        number = float(digits.rstrip("f"))
    return -number if source[0] == "-" else number


def bool_value(source: str) -> Optional[bool]:
    """The truth of a literal where a bool is wanted, or None. Any spelling of the integers 0 and 1 will do."""
    if source in _TRUE or source in _FALSE:
        return source in _TRUE
    number = integer_value(source)
    return bool(number) if number in (0, 1) and source[0] != "-" else None


def identifier_value(source: str) -> Optional[str]:
    """The bare word, or None if the literal is something else."""
    return source if lexer.IDENTIFIER_RE.fullmatch(source) else None


def means(source: str, value: Any) -> bool:
    """Whether the literal already stands for ``value``, in whatever spelling."""
    if isinstance(value, bool):
        return bool_value(source) is value
    if isinstance(value, Identifier):
        return source == value or (value.number is not None and integer_value(source) == value.number)
    if isinstance(value, int):
        return integer_value(source) == value
    if isinstance(value, float):
        number = float_value(source)
        return number is not None and repr(number) == repr(float(value))  # tells -0.0 from 0.0, and knows nan
    wanted = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return bool(string_value(source) == wanted)


def write(value: Any, quote: str = '"') -> str:
    """The literal for a scalar value.

    Raises:
        TypeError: ``value`` is not a bool, int, float, str or bytes.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Identifier):
        return str(value)
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return repr(float(value))
    if isinstance(value, bytes):
        value = value.decode("utf-8", "surrogateescape")
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} is not a scalar of the text format")
    return quote + "".join(_escaped(char, quote) for char in value) + quote


def _unsigned(source: str) -> str:
    if source[0] != "-":
        return source
    return source[lexer.skip_trivia(source, 1) :]


def _unescape(match: Match[bytes]) -> bytes:
    high, low, octal, short, utf16, utf32, simple = match.groups()
    if high:
        return chr(0x10000 + ((int(high, 16) & 0x3FF) << 10) + (int(low, 16) & 0x3FF)).encode()
    if octal:
        return bytes([int(octal, 8) & 0xFF])
    if short:
        return bytes([int(short, 16)])
    if utf16 or utf32:
        code = int(utf16 or utf32, 16)
        return match.group() if code > 0x10FFFF else chr(code).encode("utf-8", "surrogatepass")
    return bytes([_SIMPLE_ESCAPES[simple]]) if simple in _SIMPLE_ESCAPES else bytes(simple)


def _escaped(char: str, quote: str) -> str:
    if char in _WRITTEN_ESCAPES:
        return _WRITTEN_ESCAPES[char]
    if char == quote:
        return "\\" + char
    code = ord(char)
    if code < 0x20 or code == 0x7F:
        return f"\\{code:03o}"
    if 0xDC80 <= code <= 0xDCFF:
        return "".join(f"\\{byte:03o}" for byte in char.encode("utf-8", "surrogateescape"))
    return char
