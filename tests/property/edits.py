# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of a configuration at random places, and what an edit may touch."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from ansible_collections.inference.triton.plugins.module_utils._model_config import schema
from ansible_collections.inference.triton.plugins.module_utils._model_config.writing import to_values
from ansible_collections.inference.triton.plugins.module_utils._textproto.document import Document
from ansible_collections.inference.triton.plugins.module_utils._textproto.nodes import Message
from ansible_collections.inference.triton.tests.property.configs import Data, Draw, single, values, without_rivals
from ansible_collections.inference.triton.tests.property.protobuf_messages import Path
from hypothesis import assume
from hypothesis import strategies as st

_STRING_OR_COMMENT = re.compile(r""""(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|#[^\n]*""")


class Edit(NamedTuple):
    """One edit: ``path`` and ``value`` as `Document` takes them, ``data`` the value as plain data."""

    path: Path
    value: Any = None
    data: Any = None


class Span(NamedTuple):
    """A piece of a text."""

    start: int
    end: int


class _Place(NamedTuple):
    """A field somewhere in a configuration: the message that holds it, and what it holds itself if anything."""

    path: Path
    spec: schema.FieldSpec
    message_type: str
    held: Any


@st.composite
def _places(draw: Draw, data: Data, present: bool) -> _Place:
    """A field at any depth; only one that is there, or also one that could be."""
    message_type, path, message = schema.ROOT, (), data
    while True:
        specs = schema.MESSAGES[message_type]
        allowed = without_rivals(specs, sorted(specs), list(message)) + [name for name in message if specs[name].oneof]
        names = sorted(message) if present or (message and draw(st.booleans())) else sorted(set(allowed))
        assume(names)
        name = draw(st.sampled_from(names))
        spec, held = specs[name], message.get(name)
        inner = [index for index, item in enumerate(held or []) if item] if spec.repeated else []
        deeper = (
            spec.type in schema.MESSAGES and not spec.key_type and (inner if spec.repeated else held or not present)
        )
        if not deeper or draw(st.integers(0, 2)) == 0:
            return _Place((*path, name), spec, message_type, held)
        path = (*path, name)
        if spec.repeated:
            index = draw(st.sampled_from(inner))
            path, message = (*path, index), held[index]
        else:
            message = held or {}
        message_type = spec.type


@st.composite
def settings_of(draw: Draw, data: Data) -> Edit:
    """Something to set: a field, one element, or the element one past the last, there or not."""
    place = draw(_places(data, present=False))
    if place.spec.repeated and draw(st.booleans()):
        return _element(draw, place, draw(st.integers(0, len(place.held or []))))
    value = draw(values(place.spec))
    return Edit(place.path, _converted(place, value), value)


@st.composite
def insertions(draw: Draw, data: Data) -> Edit:
    """A new element of a repeated field, at any index."""
    place = draw(_places(data, present=False).filter(lambda place: place.spec.repeated))
    return _element(draw, place, draw(st.integers(0, len(place.held or []))))


@st.composite
def removals(draw: Draw, data: Data) -> Edit:
    """A field, or one element of it, that is there."""
    assume(data)
    place = draw(_places(data, present=True))
    if place.spec.repeated and draw(st.booleans()):
        return Edit((*place.path, draw(st.integers(0, len(place.held) - 1))))
    return Edit(place.path)


@st.composite
def written_removals(draw: Draw, data: Data) -> tuple[str, Path]:
    """Something to remove: as people write its place, and as protobuf's names, indexes and map keys."""
    assume(data)
    place = draw(_places(data, present=True))
    path = place.path
    if place.spec.key_type:
        key = draw(st.sampled_from(list(place.held)).filter(lambda key: '"' not in str(key)))
        return f'{_written(path)}["{key}"]', (*path, key)
    if place.spec.repeated and draw(st.booleans()):
        path = (*path, draw(st.integers(0, len(place.held) - 1)))
    return _written(path), path


def _written(path: Path) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _element(draw: Draw, place: _Place, index: int) -> Edit:
    value = draw(single(place.spec))
    return Edit((*place.path, index), _converted(place, [value])[0], value)


def _converted(place: _Place, value: Any) -> Any:
    return to_values({place.spec.name: value}, place.message_type)[place.spec.name]


def comments(text: str) -> list[tuple[Span, str]]:
    """Every comment with its place, found without the parser under test."""
    found = []
    for match in _STRING_OR_COMMENT.finditer(text):
        if match.group()[0] == "#":
            found.append((Span(*match.span()), match.group().rstrip("\r")))
    return found


def holder(document: Document, path: Path) -> tuple[Path, Message, str]:
    """The innermost message on the way to ``path`` that is there, and the field in it that the edit goes into."""
    place: tuple[Path, Message, str] = ((), document.root, str(path[0]))
    for end, part in enumerate(path):
        if isinstance(part, str):
            node = document.find(path[:end])
            if not isinstance(node, Message):
                break
            place = (path[:end], node, part)
    return place


def region(document: Document, message: Message, names: Iterable[str]) -> Span:
    """From the end of the field before the first of ``names`` to the start of the field behind the last one.

    A name that is not there counts as one behind the last field.
    """
    names = list(names)
    places = [index for index, field in enumerate(message.fields) if field.name in names]
    if any(all(field.name != name for field in message.fields) for name in names):
        places.append(len(message.fields))
    bare = message is document.root
    before = message.fields[min(places) - 1].end if min(places) else message.start + (not bare)
    behind = max(places) + 1
    return Span(before, message.fields[behind].start if behind < len(message.fields) else message.end - (not bare))


def is_subsequence(part: str, whole: str) -> bool:
    """Whether ``whole`` is ``part`` with insertions, blanks aside."""
    rest = iter(whole)
    return all(char in rest for char in part if not char.isspace())
