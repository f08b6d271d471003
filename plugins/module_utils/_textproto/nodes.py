# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The tree of a document: spans into its text, nothing else.

A node holds offsets, never text, so the source is the only copy of the truth and whatever a node does not cover
(comments, blanks, separators) is kept by construction. Offsets are zero-based indices into ``Document.text``, ends
are exclusive. Nodes are tuples because a tuple is the cheapest object that Python can make, and a parse makes one or
two for every field of a file.
"""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Union


class Scalar(NamedTuple):
    """One scalar literal: a number, an identifier, or one or more adjacent strings."""

    start: int
    end: int


class Message(NamedTuple):
    """``{ ... }`` or ``< ... >``, delimiters included. The root message of a file has none and spans all of it."""

    start: int
    end: int
    fields: List[Field]


Element = Union[Scalar, Message]


class ListValue(NamedTuple):
    """``[ ... ]``, brackets included. The elements are all scalars or all messages."""

    start: int
    end: int
    elements: List[Element]


Value = Union[Scalar, Message, ListValue]


class Field(NamedTuple):
    """One ``name: value`` as it is written. A trailing ``,`` or ``;`` is not part of it.

    ``name`` is the identifier, or ``[extension.or/any.Name]`` with its brackets and without blanks.
    """

    name: str
    start: int
    value: Value

    @property
    def end(self) -> int:
        return self.value.end


class Open(NamedTuple):
    """A bracket that waits for its other half, and what was open around it."""

    bracket: str
    start: int
    name: str
    name_start: int
    colon: bool
    fields: List[Field]
    elements: Optional[List[Element]]


CLOSING = {"{": "}", "<": ">", "[": "]"}
