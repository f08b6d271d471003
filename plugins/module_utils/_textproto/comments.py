# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The comments of a document."""

from __future__ import annotations

import re
from typing import Iterator, List, NamedTuple, Tuple, Union

from .document import Document
from .lexer import STRING_RE, skip_trivia
from .nodes import ListValue, Message, Scalar

_HASH = re.compile(r"#[^\n]*")


class Comment(NamedTuple):
    """One comment, from its ``#`` to the end of the line.

    Attributes:
        text: with the ``#``, without the line end.
        offset: of the ``#`` in the document's text.
    """

    text: str
    offset: int


def comments(document: Document) -> Iterator[Comment]:
    """Every comment, in order. A ``#`` inside a string begins none; between two adjacent strings it does."""
    at = 0
    for start, end in _strings(document):
        yield from _between(document.text, at, start)
        at = end
    yield from _between(document.text, at, len(document.text))


def _between(text: str, start: int, end: int) -> Iterator[Comment]:
    for match in _HASH.finditer(text, start, end):
        yield Comment(match.group().rstrip("\r"), match.start())


def _strings(document: Document) -> Iterator[Tuple[int, int]]:
    """The spans of the string literals, in order."""
    for scalar in _scalars(document.root):
        at = scalar.start
        while at < scalar.end and document.text[at] in "\"'":
            match = STRING_RE.match(document.text, at, scalar.end)
            if not match:
                break
            yield match.span()
            at = skip_trivia(document.text, match.end())


def _scalars(root: Message) -> Iterator[Scalar]:
    stack: List[Union[Scalar, Message, ListValue]] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, Scalar):
            yield node
        elif isinstance(node, ListValue):
            stack.extend(reversed(node.elements))
        else:
            stack.extend(field.value for field in reversed(node.fields))
