# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""How a file is written, learned from the neighbours of an edit, so that new text looks like the old."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, Iterator, Optional, Union

from .nodes import Field, ListValue, Message, Scalar, Value

_GAP = re.compile(r"[ \t]*:?[ \t]*")


@dataclass(frozen=True)
class Style:
    """The choices that the text format leaves open; the defaults are those of Triton's own documentation."""

    newline: str = "\n"
    indent: str = "  "
    colon: str = ": "  # between a name and a scalar, or a list of scalars
    message: str = " "  # between a name and the bracket of a message
    messages: str = " "  # between a name and the bracket of a list of messages
    brackets: str = "{}"
    quote: str = '"'
    padding: str = " "  # inside the brackets of a list of scalars
    hug: bool = False  # [{ on one line
    blocks: bool = False  # repeated messages as blocks rather than as one list


CONVENTIONAL = Style()


def line_start(text: str, offset: int) -> int:
    return text.rfind("\n", 0, offset) + 1


def line_indent(text: str, offset: int) -> str:
    """The blanks at the start of the line that holds ``offset``."""
    start = line_start(text, offset)
    end = start
    while text[end : end + 1] in (" ", "\t"):
        end += 1
    return text[start:end]


def starts_line(text: str, offset: int) -> bool:
    """Whether only blanks stand before ``offset`` on its line."""
    return not text[line_start(text, offset) : offset].strip()


def newline_at(text: str, offset: int) -> str:
    """The line end in use around ``offset``."""
    end = text.find("\n", offset)
    if end < 0:
        end = text.rfind("\n", 0, offset)
    return "\r\n" if end > 0 and text[end - 1] == "\r" else "\n"


def infer(text: str, root: Message, near: Message, offset: int, model: Optional[Union[Field, Value]] = None) -> Style:
    """The style around ``offset`` in the message ``near``: what its own fields do, else what the file does first.

    A ``model``, the neighbour that the new text is one more of, counts more than either.
    """
    seen: Dict[str, Any] = {}
    if isinstance(model, Field):
        _observe(text, model, seen)
        model = model.value
    if isinstance(model, Message):
        seen.setdefault("brackets", text[model.start] + text[model.end - 1])
        if model.fields:
            _observe_indent(text, model.start, model.fields[0].start, seen)
        for field in _walk(model):
            _observe(text, field, seen)
    for field in near.fields:
        _observe(text, field, seen)
    for field in _walk(root):
        _observe(text, field, seen)
    if "messages" not in seen:
        seen["blocks"] = _has_blocks(root)
    return Style(newline=newline_at(text, offset), **seen)


def _walk(message: Message) -> Iterator[Field]:
    pending = [message]
    while pending:
        for field in pending.pop().fields:
            yield field
            if isinstance(field.value, Message):
                pending.append(field.value)
            elif isinstance(field.value, ListValue):
                pending.extend(element for element in field.value.elements if isinstance(element, Message))


def _observe(text: str, field: Field, seen: Dict[str, Any]) -> None:
    value = field.value
    gap = text[field.start + len(field.name) : value.start]
    if not _GAP.fullmatch(gap):
        return
    if isinstance(value, Scalar):
        seen.setdefault("colon", gap)
        if text[value.start] in "\"'":
            seen.setdefault("quote", text[value.start])
    elif isinstance(value, Message):
        seen.setdefault("message", gap)
        seen.setdefault("brackets", text[value.start] + text[value.end - 1])
        if value.fields:
            _observe_indent(text, field.start, value.fields[0].start, seen)
    elif value.elements:
        first = value.elements[0]
        if isinstance(first, Message):
            seen.setdefault("messages", gap)
            seen.setdefault("brackets", text[first.start] + text[first.end - 1])
            seen.setdefault("hug", not starts_line(text, first.start) and "\n" in text[first.start : first.end])
            _observe_indent(text, field.start, first.start, seen)
            if first.fields:
                _observe_indent(text, first.start, first.fields[0].start, seen)
        else:
            space = text[value.start + 1 : first.start]
            if not space.strip(" "):
                seen.setdefault("padding", space)


def _observe_indent(text: str, outer: int, inner: int, seen: Dict[str, Any]) -> None:
    outside, inside = line_indent(text, outer), line_indent(text, inner)
    if starts_line(text, inner) and inside.startswith(outside) and inside != outside:
        seen.setdefault("indent", inside[len(outside) :])


def _has_blocks(root: Message) -> bool:
    """Whether some field that is no map stands several times as a message."""
    names = [
        field.name
        for field in root.fields
        if isinstance(field.value, Message) and not any(inner.name == "key" for inner in field.value.fields)
    ]
    return len(names) != len(set(names))
