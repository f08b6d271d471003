# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Text to tree. An explicit stack takes the place of recursion, so depth has no limit, as in the C++ parser."""

from __future__ import annotations

import re
from typing import Any, List, Optional

from . import lexer
from .nodes import CLOSING, Element, Field, ListValue, Message, Open, Scalar, Value


def parse(text: str, known: Optional[List[Field]] = None) -> Message:
    """The root message of ``text``.

    Args:
        known: the fields at the beginning of the text, where they are known already. Those that follow are added to
            this list, so that it holds them also where an error is raised.

    Raises:
        TextProtoError: at the first place that protobuf's C++ parser would refuse without knowing any schema.
    """
    if "\0" in text or text.startswith("\ufeff"):
        raise _errors().bad_character(text)
    has_escapes = "\\" in text
    source = text + "\n"
    match = lexer.ITEM.match
    # A NamedTuple's own constructor costs more than twice as much as the tuple's.
    new = tuple.__new__
    stack: List[Open] = []
    fields: List[Field] = [] if known is None else known
    elements: Optional[List[Element]] = None  # of the innermost bracket if that is a list
    complete = bool(fields)  # a field or element has just ended: a separator may follow
    end = fields[-1].end if fields else 0
    while True:
        item = match(source, end)
        if item is None:
            raise _errors().not_an_item(text, end, fields, elements, complete)
        kind = item.lastindex
        if kind == lexer.FIELD_SCALAR:
            if elements is not None:
                raise _errors().field_in_list(text, item.start(lexer.NAME), elements, complete, stack)
            name = item.group(lexer.NAME)
            value = new(Scalar, item.span(lexer.FIELD_SCALAR))
            if has_escapes:
                _check_escapes(text, value)
            fields.append(new(Field, (_plain_name(name), item.start(lexer.NAME), value)))
            complete = True
        elif kind == lexer.FIELD_OPEN:
            if elements is not None:
                raise _errors().field_in_list(text, item.start(lexer.NAME), elements, complete, stack)
            bracket = item.group(lexer.FIELD_OPEN)
            name = _plain_name(item.group(lexer.NAME))
            colon = item.group(lexer.COLON) == ":"
            stack.append(
                Open(bracket, item.start(lexer.FIELD_OPEN), name, item.start(lexer.NAME), colon, fields, elements)
            )
            fields, elements = [], ([] if bracket == "[" else None)
            complete = False
        elif kind == lexer.ELEMENT:
            value = new(Scalar, item.span(lexer.ELEMENT))
            if has_escapes:
                _check_escapes(text, value)
            if complete and _continues_string(text, value, fields, elements):
                _extend_string(value.end, fields, elements)
            elif elements is None or complete or (elements and isinstance(elements[0], Message)):
                raise _errors().unexpected(text, value.start, fields, elements, complete, stack)
            else:
                elements.append(value)
            complete = True
        elif kind == lexer.SEPARATOR:
            at = item.start(lexer.SEPARATOR)
            if not complete or (elements is not None and text[at] == ";"):
                raise _errors().unexpected(text, at, fields, elements, complete, stack)
            complete = False
        elif kind == lexer.CLOSE:
            at = item.start(lexer.CLOSE)
            if not stack or CLOSING[stack[-1].bracket] != text[at]:
                raise _errors().wrong_close(text, at, stack)
            opened = stack.pop()
            node: Value = new(Message, (opened.start, at + 1, fields))
            if elements is not None:
                if elements and not complete:
                    raise _errors().unexpected(text, at, fields, elements, complete, stack)
                if elements and isinstance(elements[0], Scalar) and not opened.colon:
                    raise _errors().no_colon(text, opened)
                node = new(ListValue, (opened.start, at + 1, elements))
            fields, elements = opened.fields, opened.elements
            if elements is None:
                fields.append(new(Field, (opened.name, opened.name_start, node)))
            elif isinstance(node, Message):
                elements.append(node)
            complete = True
        elif kind == lexer.OPEN:
            at = item.start(lexer.OPEN)
            if elements is None or complete or (elements and isinstance(elements[0], Scalar)):
                raise _errors().unexpected(text, at, fields, elements, complete, stack)
            stack.append(Open(text[at], at, "", at, True, fields, elements))
            fields, elements = [], None
            complete = False
        else:
            if stack:
                raise _errors().unclosed(text, stack[-1])
            return new(Message, (0, len(text), fields))
        end = item.end()


def _errors() -> Any:
    """The module that knows what to say. It is imported once a text is wrong: that takes as long as many files."""
    from . import syntax_errors

    return syntax_errors


def _check_escapes(text: str, value: Scalar) -> None:
    """Refuse an escape sequence that the text format does not have, in one literal that may be a string."""
    if text[value.start] in "\"'":
        end = lexer.STRING_BODY_RE.match(text, value.start + 1, value.end - 1).end()  # type: ignore[union-attr]
        if end != value.end - 1:
            raise _errors().bad_escape(text, end)


def _plain_name(name: str) -> str:
    if name[0] != "[":
        return name
    return re.sub(lexer.TRIVIA, "", name + "\n", flags=re.ASCII)


def _continues_string(text: str, value: Scalar, fields: List[Field], elements: Optional[List[Element]]) -> bool:
    """Whether ``value`` is a string directly behind another, which makes the two one."""
    previous = elements[-1] if elements is not None else fields[-1].value
    return text[value.start] in "\"'" and isinstance(previous, Scalar) and text[previous.start] in "\"'"


def _extend_string(end: int, fields: List[Field], elements: Optional[List[Element]]) -> None:
    if elements is not None:
        elements[-1] = elements[-1]._replace(end=end)
    else:
        fields[-1] = fields[-1]._replace(value=fields[-1].value._replace(end=end))
