# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Places in a text, and the one exception of this layer."""

from __future__ import annotations

from typing import Callable, NamedTuple, Optional, Sequence

_EXCERPT_WIDTH = 120


class Splice(NamedTuple):
    """``text[start:end]`` becomes ``replacement``."""

    start: int
    end: int
    replacement: str


class Position(NamedTuple):
    """A place as an editor shows it: both count from 1; a column is one character, also where it is a tab."""

    line: int
    column: int


def locate(text: str, offset: int) -> Position:
    """The line and column of the character at ``offset`` (or of the end of the text)."""
    return Position(text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


def excerpt(text: str, offset: int) -> str:
    """The line at ``offset`` with a caret under the character, as two lines; a very long line is cut around it."""
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    line = text[start : len(text) if end < 0 else end].rstrip("\r")
    column = offset - start
    if len(line) > _EXCERPT_WIDTH:
        first = max(0, min(column - _EXCERPT_WIDTH // 2, len(line) - _EXCERPT_WIDTH))
        line = line[first : first + _EXCERPT_WIDTH]
        column -= first
    pad = "".join("\t" if char == "\t" else " " for char in line[:column])
    return "".join(char if char.isprintable() or char == "\t" else "\ufffd" for char in line) + "\n" + pad + "^"


def shortened(token: str) -> str:
    """The token as a message shows it."""
    return token if len(token) <= 40 else token[:37] + "..."


class TextProtoError(ValueError):
    """The text is not in the Protocol Buffers text format.

    Attributes:
        rule: a short stable name of what was violated, one of `syntax_errors.RULES`.
        message: what is wrong and what was expected, one sentence without a place.
        hint: what to do about it, or an empty string.
        text: the whole text, and ``offset``: the place in it, from 0.
        line, column: the same place, from 1.
        excerpt: the line with a caret under the place.
        opened: the place of the bracket that the message speaks of last, or None.
        repair: what a person would probably change, line by line; empty where that cannot be told.
    """

    def __init__(
        self,
        message: str,
        text: str,
        offset: int,
        hint: str = "",
        rule: str = "syntax",
        repair: Sequence[Splice] = (),
        opened: Optional[int] = None,
    ) -> None:
        self.rule = rule
        self.message = self._sentence = message
        self.opened = opened
        if opened is not None:
            self.message += " of line {0.line}, column {0.column}".format(locate(text, opened))
        self.hint = hint
        self.text = text
        self.offset = offset
        self.line, self.column = locate(text, offset)
        self.excerpt = excerpt(text, offset)
        self.repair = repair
        super().__init__(f"{self.line}:{self.column}: {self.message}\n{self.excerpt}" + (f"\n{hint}" if hint else ""))

    def moved(self, text: str, origin: Callable[[int], int]) -> TextProtoError:
        """The same error in the text that this one was repaired from; ``origin`` tells where an offset was in it."""
        opened = None if self.opened is None else origin(self.opened)
        return TextProtoError(self._sentence, text, origin(self.offset), self.hint, self.rule, (), opened)


class EditError(ValueError):
    """The document has nothing at a path, or an edit does not fit what is there. Nothing was changed."""
