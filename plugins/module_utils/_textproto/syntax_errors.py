# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What to say where a text stops being text format. Runs only once a text is known to be wrong, or can be."""

from __future__ import annotations

from typing import Optional, Sequence

from . import lexer
from .errors import TextProtoError, locate
from .nodes import Field, Scalar

_ESCAPES = "\\n \\t \\r \\a \\b \\f \\v \\? \\' \\\" \\ooo \\xhh \\uhhhh \\U000hhhhh"
_CONFLICT_MARKERS = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")
_SMART_QUOTES = "\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f"


def check_characters(text: str) -> None:
    """Refuse what is wrong anywhere in a text: a byte order mark, UTF-16, NUL bytes."""
    if text.startswith("\ufeff"):
        raise TextProtoError(
            "the file begins with a UTF-8 byte order mark, which the text format does not allow",
            text,
            0,
            "Remove the mark: save the file as UTF-8 without BOM.",
        )
    nul = text.find("\0")
    if nul >= 0:
        raise TextProtoError(
            "a NUL byte is not allowed anywhere in a text-format file",
            text,
            nul,
            "This is binary data, UTF-16 text or a damaged file. Save the file as UTF-8, or restore it.",
        )


def check_escapes(text: str, value: Scalar) -> None:
    """Refuse an escape sequence that the text format does not have, in one literal that may be a string."""
    if text[value.start] not in "\"'":
        return
    end = lexer.STRING_BODY_RE.match(text, value.start + 1, value.end - 1).end()  # type: ignore[union-attr]
    if end != value.end - 1:
        raise TextProtoError(
            f"'{text[end : end + 2]}' is not an escape sequence of the text format",
            text,
            end,
            "Write a backslash as \\\\. The escapes are: " + _ESCAPES,
        )


def not_an_item(text: str, end: int, fields: Sequence[Field], in_list: bool) -> TextProtoError:
    """The error for a place behind ``end`` where no token begins, or where one is broken."""
    at = lexer.skip_trivia(text, end)
    return _bad_token(text, at, "a value" if in_list else "a field name", _hint(text, at, fields))


def unexpected(
    text: str, at: int, fields: Sequence[Field], elements: Optional[Sequence[object]], complete: bool
) -> TextProtoError:
    """The error for a well-formed token in a place where it cannot stand."""
    found = _show(text, at)
    if elements is not None:
        return _unexpected_in_list(text, at, elements, complete)
    name = lexer.IDENTIFIER_RE.match(text, at)
    if name:
        after = lexer.skip_trivia(text, name.end())
        if text.startswith(":", after):
            value = lexer.skip_trivia(text, after + 1)
            return _bad_token(text, value, f"a value for '{_shortened(name.group())}'", _hint(text, value, ()))
        return TextProtoError(
            f"expected ':' or '{{' after '{_shortened(name.group())}', found {_show(text, after)}", text, after
        )
    if text[at] in ",;":
        return TextProtoError(f"expected a field name, found {found}", text, at, f"Remove the extra '{text[at]}'.")
    return TextProtoError(f"expected a field name, found {found}", text, at, _hint(text, at, fields))


def _unexpected_in_list(text: str, at: int, elements: Sequence[object], complete: bool) -> TextProtoError:
    found = _show(text, at)
    if complete:
        return TextProtoError(
            f"expected ',' or ']' after an element of a list, found {found}",
            text,
            at,
            _hint(text, at, ()) or ("Put a comma between the elements." if text[at] not in ",;" else ""),
        )
    if text[at] == "]":
        return TextProtoError(
            "expected another element after ',', found ']'", text, at, "Remove the comma before the ']'."
        )
    if not elements or text[at] in ",;":
        return TextProtoError(f"expected an element of a list, found {found}", text, at, _hint(text, at, ()))
    kind = "values" if isinstance(elements[0], Scalar) else "messages"
    return TextProtoError(f"expected another of the list's {kind}, found {found}", text, at, _hint(text, at, ()))


def _bad_token(text: str, at: int, wanted: str, hint: str) -> TextProtoError:
    if at >= len(text):
        return TextProtoError(f"expected {wanted}, found the end of the file", text, at)
    char = text[at]
    if char in "\"'":
        return TextProtoError(
            f"the string is not closed before the end of its line by another {char}",
            text,
            at,
            "A string cannot span lines: write \\n for a line break, or several strings one after the other.",
        )
    word = lexer.WORD_RE.match(text, at)
    if word and char in "0123456789+-.":
        return _bad_number(text, at, word.group())
    if char in _SMART_QUOTES:
        hint = "Replace typographic quotes by plain ones: \" or '."
    elif text.startswith(("//", "/*"), at):
        hint = "A comment begins with '#' and ends with its line."
    return TextProtoError(f"expected {wanted}, found {_show(text, at)}", text, at, hint)


def wrong_close(text: str, at: int, opened: Optional[int]) -> TextProtoError:
    """The error for a closing bracket that closes nothing, or something else."""
    hint = _hint(text, at, ())
    if opened is None:
        return TextProtoError(f"'{text[at]}' closes nothing: no bracket is open here", text, at, hint)
    place = locate(text, opened)
    return TextProtoError(
        f"'{text[at]}' does not close the '{text[opened]}' of line {place.line}, column {place.column}", text, at, hint
    )


def no_colon(text: str, opened: int, name: str) -> TextProtoError:
    """The error for a list of scalars without a colon before it."""
    return TextProtoError(f"expected ':' between '{_shortened(name)}' and its list of values", text, opened)


def unclosed(text: str, opened: int, name: str) -> TextProtoError:
    """The error for a file that ends inside a bracket."""
    of = f" of '{_shortened(name)}'" if name else ""
    return TextProtoError(f"the '{text[opened]}'{of} is never closed", text, opened)


def _bad_number(text: str, at: int, word: str) -> TextProtoError:
    hint = ""
    digits = word.lstrip("+-")
    if word.startswith("+"):
        hint = "Leave out the '+'."
    elif digits.startswith("0") and digits.isdigit():
        hint = "A number that begins with 0 is octal. Leave out the leading zeros of a decimal number."
    elif "_" in digits:
        hint = "Leave out the '_' between digits."
    return TextProtoError(f"'{_shortened(word)}' is not a number", text, at, hint)


def _hint(text: str, at: int, fields: Sequence[Field]) -> str:
    if text.startswith(_CONFLICT_MARKERS, text.rfind("\n", 0, at) + 1):
        return "This is the mark of a merge conflict: resolve it, and remove the marks."
    if not fields or not isinstance(fields[-1].value, Scalar):
        return ""
    # max_batch_size: with nothing behind it takes the next line's field name for its value.
    field, value = fields[-1], fields[-1].value
    if "\n" in text[field.start : value.start] and not text[value.end : at].strip():
        return f"Is the value of '{_shortened(field.name)}' missing in line {locate(text, field.start).line}?"
    return ""


def _show(text: str, at: int) -> str:
    if at >= len(text):
        return "the end of the file"
    word = lexer.WORD_RE.match(text, at)
    token = word.group() if word else text[at]
    if not token.isprintable():
        return f"the byte 0x{ord(token) - 0xDC00:02x}" if 0xDC80 <= ord(token) <= 0xDCFF else f"U+{ord(token):04X}"
    return f"'{_shortened(token)}'"


def _shortened(token: str) -> str:
    return token if len(token) <= 40 else token[:37] + "..."
