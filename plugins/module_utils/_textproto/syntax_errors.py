# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What to say where a text stops being text format. Imported only once a text is known to be wrong."""

from __future__ import annotations

from typing import Optional, Sequence

from . import bracket_repairs, lexer, repairs
from .errors import Splice, TextProtoError, locate, shortened
from .leftovers import leftover
from .nodes import CLOSING, Element, Field, Message, Open, Scalar
from .repairs import BEHIND_ELEMENT, BEHIND_NAME, ELEMENT, FIELD, VALUE

RULES = (
    "bad-character",  # one that may stand in strings and comments only, a no-break space for example
    "bad-comment",  # // or /* */
    "bad-escape",  # \m
    "bad-name",  # the name of a field in quotes, with a hyphen, or a number
    "bad-number",  # 08, +1, 1_000, 10bar
    "byte-order-mark",
    "conflict-marker",  # of a merge
    "extra-separator",  # two commas
    "missing-bracket",  # the opening one
    "missing-colon",
    "missing-comma",  # between two elements of a list
    "missing-quotes",  # around a path, for example
    "missing-value",
    "mixed-list",  # values and messages in one list, or a list in a list
    "nul-byte",
    "smart-quotes",
    "syntax",  # anything else
    "template",  # a placeholder that is not filled in
    "trailing-comma",  # behind the last element of a list
    "unclosed",  # a bracket without its other half
    "unterminated-string",
    "wrong-bracket",  # a closing one that closes nothing, or something else
)

_ESCAPES = "\\n \\t \\r \\a \\b \\f \\v \\? \\' \\\" \\ooo \\xhh \\uhhhh \\U000hhhhh"
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"


def bad_character(text: str) -> TextProtoError:
    """The error for what is wrong anywhere in a text: a byte order mark, UTF-16, NUL bytes."""
    if text.startswith("\ufeff"):
        message = "the file begins with a UTF-8 byte order mark, which the text format does not allow"
        hint = "Remove the mark: save the file as UTF-8 without BOM."
        return TextProtoError(message, text, 0, hint, "byte-order-mark", [Splice(0, 1, "")])
    nul = text.index("\0")
    message = "a NUL byte is not allowed anywhere in a text-format file"
    hint = "This is binary data, UTF-16 text or a damaged file. Save the file as UTF-8, or restore it."
    return TextProtoError(message, text, nul, hint, "nul-byte", repairs.drop_nuls(text, nul))


def bad_escape(text: str, at: int) -> TextProtoError:
    """The error for a backslash at ``at`` that begins no escape sequence of the text format."""
    message = f"'{text[at : at + 2]}' is not an escape sequence of the text format"
    hint = "Write a backslash as \\\\. The escapes are: " + _ESCAPES
    return TextProtoError(message, text, at, hint, "bad-escape", repairs.insert(at, "\\"))


def not_an_item(
    text: str, end: int, fields: Sequence[Field], elements: Optional[Sequence[Element]], complete: bool
) -> TextProtoError:
    """The error for a place behind ``end`` where no token begins, or where one is broken."""
    at = lexer.skip_trivia(text, end)
    if elements is None:
        return leftover(text, at, FIELD, None) or _bad_token(text, at, FIELD, "a field name", fields)
    place = BEHIND_ELEMENT if complete else ELEMENT
    return leftover(text, at, place, elements) or _bad_token(text, at, place, "a value", (), elements)


def unexpected(
    text: str,
    at: int,
    fields: Sequence[Field],
    elements: Optional[Sequence[Element]],
    complete: bool,
    stack: Sequence[Open],
) -> TextProtoError:
    """The error for a well-formed token in a place where it cannot stand."""
    place = FIELD if elements is None else BEHIND_ELEMENT if complete else ELEMENT
    special = leftover(text, at, place, elements)
    if special:
        return special
    if elements is not None:
        return _unexpected_in_list(text, at, elements, complete)
    name = lexer.IDENTIFIER_RE.match(text, at)
    if name:
        after = lexer.skip_trivia(text, name.end())
        if not text.startswith(":", after):
            return _no_colon_or_bracket(text, at, name.group(), after)
        value = lexer.skip_trivia(text, after + 1)
        wanted = f"a value for '{shortened(name.group())}'"
        return leftover(text, value, VALUE, None) or _bad_token(text, value, VALUE, wanted)
    message = f"expected a field name, found {_show(text, at)}"
    if text[at] in ",;":
        hint = f"Remove the extra '{text[at]}'."
        return TextProtoError(message, text, at, hint, "extra-separator", repairs.blank(text, at, at + 1))
    if _value_is_missing(text, at, fields):
        return _missing_value(message, text, at, fields)
    if text[at] in "{<":
        return _bracket_for_name(message, text, at, fields, complete, stack)
    return _scalar_for_name(message, text, at)


def _no_colon_or_bracket(text: str, at: int, name: str, after: int) -> TextProtoError:
    """The error for a field's name, at ``at``, behind which at ``after`` there is neither."""
    special = leftover(text, after, BEHIND_NAME, None)
    if special:
        return special
    end = at + len(name)
    message = f"expected ':' or '{{' after '{shortened(name)}', found {_show(text, after)}"
    word = lexer.WORD_RE.match(text, at)
    if word and word.group() != name and repairs.is_named(text, word.end()):
        hint = "The name of a field has letters, digits and '_' only: correct it."
        return TextProtoError(message, text, after, hint, "bad-name", repairs.rename(text, at, word.end()))
    if "\n" in text[end:after] and repairs.is_field(text, after):
        if bracket_repairs.indent(text, after) > bracket_repairs.indent(text, at):
            hint = f"Put a '{{' behind '{shortened(name)}'."
            return TextProtoError(message, text, after, hint, "missing-bracket", repairs.insert(end, " {"))
    elif text[after : after + 1] not in ("", *"}>],;"):
        hint = "Write ':' instead of '='." if text[after] == "=" else f"Put a ':' behind '{shortened(name)}'."
        return TextProtoError(message, text, after, hint, "missing-colon", repairs.add_colon(text, end, after))
    hint = f"Give '{shortened(name)}' a value, or remove it."
    return TextProtoError(message, text, after, hint, "missing-value", repairs.insert(end, ": " + repairs.UNKNOWN))


def _bracket_for_name(
    message: str, text: str, at: int, fields: Sequence[Field], complete: bool, stack: Sequence[Open]
) -> TextProtoError:
    """The error for an opening bracket where a field's name belongs."""
    if not stack and not fields:
        hint = "Remove the brackets around the whole file."
        return TextProtoError(message, text, at, hint, "wrong-bracket", bracket_repairs.unwrap(text, at))
    if stack and not stack[-1].name and complete:
        opened = stack[-1]
        hint = f"Is the '{opened.bracket}' of line {locate(text, opened.start).line} not closed?"
        return TextProtoError(message, text, at, hint, "unclosed", repairs.insert(at, CLOSING[opened.bracket] + ", "))
    if stack and not fields:
        hint = f"Remove one pair of brackets, or write a list: {shortened(stack[-1].name)} [ {{ ... }} ]."
        return TextProtoError(message, text, at, hint, "wrong-bracket", bracket_repairs.make_list(text, at, stack[-1]))
    hint = "Put the name of a field before it."
    repair = repairs.insert(at, fields[-1].name + " ") if not complete and isinstance(fields[-1].value, Message) else ()
    return TextProtoError(message, text, at, hint, "wrong-bracket", repair)


def _scalar_for_name(message: str, text: str, at: int) -> TextProtoError:
    """The error for a string or number where a field's name belongs."""
    end = repairs.scalar_end(text, at)
    if repairs.is_named(text, end):
        hint = "Remove the quotes." if text[at] in "\"'" else "Write the name of the field, not its number."
        return TextProtoError(message, text, at, hint, "bad-name", repairs.rename(text, at, end))
    hint = "Remove it. Several values of one field are a list: [1, 2]."
    return TextProtoError(message, text, at, hint, repair=repairs.blank(text, at, end))


def field_in_list(
    text: str, at: int, elements: Sequence[Element], complete: bool, stack: Sequence[Open]
) -> TextProtoError:
    """The error for a field's name and what follows it where an element of a list belongs."""
    special = leftover(text, at, BEHIND_ELEMENT if complete else ELEMENT, elements)
    if special:
        return special
    repair = bracket_repairs.close_list(text, at, elements, complete, stack)
    if complete:
        message = f"expected ',' or ']' after an element of a list, found {_show(text, at)}"
        hint = f"Is the list of '{shortened(stack[-1].name)}' not closed?"
        return TextProtoError(message, text, at, hint, "unclosed", repair)
    message = f"expected an element of a list, found {_show(text, at)}"
    return TextProtoError(message, text, at, "Put a '{' before it.", "missing-bracket", repair)


def _unexpected_in_list(text: str, at: int, elements: Sequence[Element], complete: bool) -> TextProtoError:
    found = _show(text, at)
    if complete:
        message = f"expected ',' or ']' after an element of a list, found {found}"
        if text[at] == ";":
            hint = "Write ',' instead of ';'."
            return TextProtoError(message, text, at, hint, "missing-comma", [Splice(at, at + 1, ",")])
        hint = "Put a comma between the elements."
        return TextProtoError(message, text, at, hint, "missing-comma", repairs.insert(at, ","))
    if text[at] == "]":
        message, hint = "expected another element after ',', found ']'", "Remove the comma before the ']'."
        comma = lexer.skip_trivia(text, elements[-1].end)
        return TextProtoError(message, text, at, hint, "trailing-comma", repairs.blank(text, comma, comma + 1))
    message = f"expected an element of a list, found {found}"
    if text[at] in ",;":
        hint = f"Remove the extra '{text[at]}'."
        return TextProtoError(message, text, at, hint, "extra-separator", repairs.blank(text, at, at + 1))
    kind = "values" if isinstance(elements[0], Scalar) else "messages"
    message = f"expected another of the list's {kind}, found {found}"
    end = bracket_repairs.whole_bracket(text, at) if text[at] in "{<" else repairs.scalar_end(text, at)
    repair = [Splice(at, end, repairs.unknown(elements))]
    hint = "A list holds either values or messages: make them all alike."
    return TextProtoError(message, text, at, hint, "mixed-list", repair)


def _bad_token(
    text: str,
    at: int,
    place: str,
    wanted: str,
    fields: Sequence[Field] = (),
    elements: Optional[Sequence[Element]] = None,
) -> TextProtoError:
    """The error for a place where ``wanted`` is expected and no token begins that could be it."""
    message = f"expected {wanted}, found {_show(text, at)}"
    found = text[at : at + 1]
    if _value_is_missing(text, at, fields):
        return _missing_value(message, text, at, fields)
    if place == VALUE and found in ("", *"}>],;"):
        repair = repairs.insert(at, f" {repairs.UNKNOWN} ")
        return TextProtoError(message, text, at, "Give it a value, or remove it.", "missing-value", repair)
    last = fields[-1].value if fields else elements[-1] if elements else None
    unquoted = repairs.unquoted(text, at, last.start if isinstance(last, Scalar) and last.end == at else at, place)
    if unquoted:
        hint = f'Put it in quotes: "{shortened(unquoted.group())}".'
        return TextProtoError(message, text, at, hint, "missing-quotes", repairs.quote(unquoted))
    rule, hint, repair = "syntax", "Remove it.", repairs.garbage(text, at, place, elements)
    word = lexer.WORD_RE.match(text, at)
    if found in "\"'":
        message = f"the string is not closed before the end of its line by another {found}"
        hint = "A string cannot span lines: write \\n for a line break, or several strings one after the other."
        rule, repair = "unterminated-string", repairs.close_string(text, at)
    elif word and found in "0123456789+-.":
        message, hint = f"'{shortened(word.group())}' is not a number", _number_hint(word.group())
        rule, repair = "bad-number", repairs.number(text, at, word.group(), place)
    elif found in repairs.SMART_QUOTES:
        hint = "Replace typographic quotes by plain ones: \" or '."
        rule, repair = "smart-quotes", repairs.plain_quotes(text, at)
    elif text.startswith(("//", "/*"), at):
        hint = "A comment begins with '#' and ends with its line."
        rule, repair = "bad-comment", repairs.comment(text, at)
    elif found == "[" and elements is not None:
        rule, hint = "mixed-list", "A list cannot hold another one: remove the inner brackets."
        repair = [Splice(at, bracket_repairs.whole_bracket(text, at), repairs.unknown(elements))]
    elif found == ":":
        rule, hint, repair = "extra-separator", "Remove the extra ':'.", repairs.blank(text, at, at + 1)
    elif found.isspace() or found in _INVISIBLE:
        rule, hint, repair = "bad-character", "Replace it by a plain blank.", repairs.blank(text, at, at + 1)
    elif not found.isprintable():
        rule = "bad-character"
    return TextProtoError(message, text, at, hint, rule, repair)


def wrong_close(text: str, at: int, stack: Sequence[Open]) -> TextProtoError:
    """The error for a closing bracket that closes nothing, or something else."""
    special = leftover(text, at, BEHIND_ELEMENT, None)
    if special:
        return special
    repair = bracket_repairs.correct_closing(text, at, stack)
    if not stack:
        message = f"'{text[at]}' closes nothing: no bracket is open here"
        return TextProtoError(message, text, at, "Remove it, or open one.", "wrong-bracket", repair)
    message = f"'{text[at]}' does not close the '{stack[-1].bracket}'"
    hint = f"Put a '{CLOSING[stack[-1].bracket]}' before it or in its place, or remove it."
    return TextProtoError(message, text, at, hint, "wrong-bracket", repair, stack[-1].start)


def no_colon(text: str, opened: Open) -> TextProtoError:
    """The error for a list of scalars without a colon before it."""
    message = f"expected ':' between '{shortened(opened.name)}' and its list of values"
    hint = f"Put a ':' behind '{shortened(opened.name)}'."
    return TextProtoError(message, text, opened.start, hint, "missing-colon", repairs.insert(opened.start, ":"))


def unclosed(text: str, opened: Open) -> TextProtoError:
    """The error for a file that ends inside a bracket."""
    of = f" of '{shortened(opened.name)}'" if opened.name else ""
    message = f"the '{opened.bracket}'{of} is never closed"
    hint = f"Put a '{CLOSING[opened.bracket]}' where it ends."
    return TextProtoError(message, text, opened.start, hint, "unclosed", bracket_repairs.close(text, opened))


def _value_is_missing(text: str, at: int, fields: Sequence[Field]) -> bool:
    """Whether the last field's value is the name of the next field, which goes on at ``at``: ``x:``, then ``y: 1``."""
    if not fields or not isinstance(fields[-1].value, Scalar):
        return False
    field, value = fields[-1], fields[-1].value
    if text[value.end : at].strip() or not lexer.IDENTIFIER_RE.fullmatch(text, value.start, value.end):
        return False
    if "\n" in text[field.start : value.start]:
        return text[at] in ":{<[\"'-0123456789"
    return repairs.is_field(text, value.start) and not text[at + 1 : at + 2].strip()


def _missing_value(message: str, text: str, at: int, fields: Sequence[Field]) -> TextProtoError:
    field = fields[-1]
    hint = f"Is the value of '{shortened(field.name)}' missing in line {locate(text, field.start).line}?"
    repair = repairs.insert(field.value.start, repairs.UNKNOWN + " ")
    return TextProtoError(message, text, at, hint, "missing-value", repair)


def _number_hint(word: str) -> str:
    digits = word.lstrip("+-")
    if word.startswith("+"):
        return "Leave out the '+'."
    if digits.startswith("0") and digits.isdigit():
        return "A number that begins with 0 is octal. Leave out the leading zeros of a decimal number."
    if "_" in digits:
        return "Leave out the '_' between digits."
    return "Correct the number, or put quotes around it if it is a string."


def _show(text: str, at: int) -> str:
    if at >= len(text):
        return "the end of the file"
    word = lexer.WORD_RE.match(text, at)
    token = word.group() if word else text[at]
    if not token.isprintable():
        return f"the byte 0x{ord(token) - 0xDC00:02x}" if 0xDC80 <= ord(token) <= 0xDCFF else f"U+{ord(token):04X}"
    return f"'{shortened(token)}'"
