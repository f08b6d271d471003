# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Triton's releases as people write them, ``24.08`` for the year and the month, and the fields that each one knows."""

from __future__ import annotations

import re
from typing import Iterator, List, NamedTuple, Optional, Tuple

from .._textproto.document import Document
from .._textproto.nodes import ListValue, Message, Value
from . import schema
from .findings import ConfigError, Finding
from .schema import FieldSpec

Release = Tuple[int, int]

_RELEASE = re.compile(r"([0-9]{2})\.(0[1-9]|1[0-2])")
_ONE_DIGIT = re.compile(r"([0-9]{2})\.([1-9])")


def parse_release(text: str) -> Release:
    """The year and month of a release; releases compare as these do.

    Raises:
        ConfigError: the text is no release.
    """
    match = _RELEASE.fullmatch(text)
    if match:
        return int(match.group(1)), int(match.group(2))
    hint = "Write the year and the month of the container's tag in quotes, for example '24.08'."
    short = _ONE_DIGIT.fullmatch(text)
    if short:
        year, month = short.groups()
        # YAML reads 24.10 without quotes as a number, which is 24.1.
        hint = f"Write '{year}.0{month}'" + (f" or '{year}.10'" if month == "1" else "") + ", in quotes."
    raise ConfigError([f"triton_release: {text!r} is not a release of Triton. {hint}"])


def newer_fields(document: Document, release: Release) -> List[Finding]:
    """Every field and enum value in a document that a Triton of this release does not know.

    To a parser, a field that it does not know is an error like any other: the whole model does not load.
    """
    return [
        Finding.at(
            "newer-than-release",
            f"Triton {release[0]:02}.{release[1]:02} refuses the whole model: '{newer.name}' came with {newer.since}.",
            document.text,
            newer.offset,
            f"Remove it, or serve the model with Triton {newer.since} or newer.",
        )
        for newer in _dated(document, document.root, schema.ROOT)
        if release < parse_release(newer.since)
    ]


class _Dated(NamedTuple):
    """Something in a text that has not been there from the beginning."""

    name: str
    since: str
    offset: int


def _dated(document: Document, message: Message, message_type: str) -> Iterator[_Dated]:
    for field in message.fields:
        spec: Optional[FieldSpec] = schema.MESSAGES[message_type].get(field.name)
        if spec is None:
            continue
        if spec.since:
            yield _Dated(field.name, spec.since, field.start)
        for value in _values(field.value, spec):
            if isinstance(value, Message) and spec.type in schema.MESSAGES:
                yield from _dated(document, value, spec.type)
            elif spec.type in schema.ENUMS:
                name = document.source(value)
                since = schema.ENUMS[spec.type].since.get(name)
                if since:
                    yield _Dated(name, since, value.start)


def _values(value: Value, spec: FieldSpec) -> List[Value]:
    """The elements of a list, and the values of the entries of a map."""
    elements: List[Value] = list(value.elements) if isinstance(value, ListValue) else [value]
    if not spec.key_type:
        return elements
    return [
        field.value
        for entry in elements
        if isinstance(entry, Message)
        for field in entry.fields
        if field.name == "value"
    ]
