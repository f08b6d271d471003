# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The values that can be written into a document.

``bool``, ``int``, ``float``, ``str`` and ``bytes`` are scalars, a mapping is a message, a list or tuple is a repeated
field. Two things need a type of their own because plain data cannot tell them apart: a bare word from a quoted string,
and a map field from a message.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Union

Scalar = Union[bool, int, float, str, bytes]


class Identifier(str):
    """A bare word: the name of an enum value. ``number`` is its other spelling, which counts as equal to it."""

    number: Optional[int]

    def __new__(cls, name: str, number: Optional[int] = None) -> Identifier:
        self = super().__new__(cls, name)
        self.number = number
        return self


class Map(Dict[Any, Any]):
    """A map field: written as repeated messages with ``key`` and ``value``, found by key and never by position."""


def map_entry(key: Any, value: Any) -> Mapping[str, Any]:
    """The message that holds one entry of a map field."""
    return {"key": key, "value": value}
