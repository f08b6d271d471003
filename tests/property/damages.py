# SPDX-License-Identifier: GPL-3.0-or-later
"""Syntax errors that people make, put into valid documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ansible_collections.inference.triton.plugins.module_utils._model_config.writing import to_values
from ansible_collections.inference.triton.plugins.module_utils._textproto import writer
from ansible_collections.inference.triton.plugins.module_utils._textproto.document import Document
from ansible_collections.inference.triton.plugins.module_utils._textproto.nodes import Field, ListValue, Message, Scalar
from ansible_collections.inference.triton.tests.property.configs import Data, Draw, messages
from hypothesis import strategies as st

_BRACKETS = -1  # the owner of what could be the other half of another damage


class Damage(NamedTuple):
    """One error.

    Attributes:
        rule: what it violates.
        owner: where the field begins that has it.
        splices: what makes it: (start, end, replacement) in the valid text.
        place: where it is reported: the place that this offset of the valid text has in the damaged one,
            and ``shift`` characters on.
    """

    rule: str
    owner: int
    splices: list[tuple[int, int, str]]
    place: int
    shift: int = 0


class Damaged(NamedTuple):
    """A text with errors, the rule and offset of each one, and the data that the text held without them."""

    text: str
    errors: list[tuple[int, str]]
    data: Data


@st.composite
def damaged(draw: Draw) -> Damaged:
    """A document in the plainest style with up to ten errors, never two in one field or side by side."""
    data = draw(messages())
    text = writer.document(to_values(data))
    chosen: list[Damage] = []
    for damage in draw(st.lists(st.sampled_from(list(damages(text))), max_size=10)):
        if all(apart(damage, other) for other in chosen):
            chosen.append(damage)
    splices = sorted(splice for damage in chosen for splice in damage.splices)
    errors = [(moved(damage.place, splices) + damage.shift, damage.rule) for damage in chosen]
    for start, end, replacement in reversed(splices):
        text = text[:start] + replacement + text[end:]
    return Damaged(text, sorted(errors), data)


def apart(one: Damage, other: Damage) -> bool:
    return one.owner != other.owner and all(
        end < other_start or other_end < start
        for start, end, _ in one.splices
        for other_start, other_end, _ in other.splices
    )


def moved(offset: int, splices: list[tuple[int, int, str]]) -> int:
    return offset + sum(len(new) - (end - start) for start, end, new in splices if end <= offset)


def damages(text: str) -> Iterator[Damage]:
    """Everything that can be damaged in a text so that there is one plain way to mend it."""
    yield Damage("byte-order-mark", 0, [(0, 0, "\ufeff")], 0, -1)
    fields = Document(text).root.fields
    for field in fields:
        yield from of_root_field(text, field)
    while fields:
        for field in fields:
            yield from of_field(text, field)
        fields = [inner for field in fields for message in inside(field) for inner in message.fields]


def inside(field: Field) -> list[Message]:
    nodes = field.value.elements if isinstance(field.value, ListValue) else [field.value]
    return [node for node in nodes if isinstance(node, Message)]


def of_root_field(text: str, field: Field) -> Iterator[Damage]:
    start, end = field.start, field.end
    other = text[start : end + 1]
    conflict = [(start, start, "<<<<<<< HEAD\n"), (end + 1, end + 1, f"=======\n{other}>>>>>>> theirs\n")]
    yield Damage("conflict-marker", start, conflict, start, -len("<<<<<<< HEAD\n"))
    yield Damage("wrong-bracket", _BRACKETS, [(start, start, "}\n")], start, -2)
    if isinstance(field.value, Message) and field.value.fields:
        yield Damage("unclosed", _BRACKETS, [(end - 1, end, "")], field.value.start)
        yield Damage("wrong-bracket", _BRACKETS, [(end - 1, end, "]")], end - 1)


def of_field(text: str, field: Field) -> Iterator[Damage]:
    name, start, value = field
    note = "// note\n" + " " * (start - text.rfind("\n", 0, start) - 1)
    yield Damage("bad-comment", start, [(start, start, note)], start, -len(note))
    if not text[:start].rstrip(" \n}").endswith('"'):  # behind a string it would be more of it
        yield Damage("bad-name", start, [(start, start + len(name), f'"{name}"')], start)
    yield Damage("extra-separator", start, [(field.end, field.end, ",,")], field.end, -1)
    yield Damage("nul-byte", start, [(field.end, field.end, "\0")], field.end, -1)
    if "_" in name:
        at = start + name.index("_")
        yield Damage("bad-name", start, [(at, at + 1, "-")], at)
    if isinstance(value, Scalar):
        yield from of_scalar(text, start, start + len(name), value)
    elif isinstance(value, ListValue):
        elements = value.elements
        yield Damage("trailing-comma", start, [(elements[-1].end, elements[-1].end, ",")], value.end - 1)
        if isinstance(elements[0], Scalar):
            colon = start + len(name)
            yield Damage("missing-colon", start, [(colon, colon + 1, "")], value.start)
        if len(elements) > 1 and text[elements[0].start] != '"':  # strings side by side are one
            comma = elements[0].end
            yield Damage("missing-comma", start, [(comma, comma + 1, "")], elements[1].start)


def of_scalar(text: str, start: int, colon: int, value: Scalar) -> Iterator[Damage]:
    yield Damage("missing-colon", start, [(colon, colon + 1, "")], value.start)
    yield Damage("missing-colon", start, [(colon, colon + 1, "=")], colon)
    written = text[value.start : value.end]
    if written.isdigit():
        yield Damage("bad-number", start, [(value.start, value.end, "+" + written)], value.start)
    if re.fullmatch(r'"\w*"', written, re.ASCII):
        smart = [(value.start, value.start + 1, "\u201c"), (value.end - 1, value.end, "\u201d")]
        yield Damage("smart-quotes", start, smart, value.start)
        yield Damage("unterminated-string", start, [(value.end - 1, value.end, "")], value.start)
