# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The few lines that tell something out of a log file that may have millions, without making text of the others."""

from __future__ import annotations

from typing import Iterator, List, Optional, Sequence

from .._gpu.regular_file import RegularFile
from .._proof.log_lines import FIRST, is_start

LIMIT = 2**30  # bytes of a log that are read, from the end on
_CHUNK = 2**20
_LONGEST = 2**20  # bytes of a line that are looked at
_FIRST = [word.encode() for word in FIRST]


def telling_lines(file: RegularFile, words: Sequence[str]) -> Iterator[str]:
    """The lines with one of some words, from the last start of a server on, or, where no line is one, of the whole.

    Args:
        words: none has a line break in it.

    Raises:
        OSError: the file cannot be read.
    """
    wanted = [word.encode() for word in words]
    rest = b""
    for place in range(_last_start(file), file.size, _CHUNK):
        # What was appended since the file was opened is of no use: it may be half a line.
        piece = file.read(place, min(_CHUNK, file.size - place))
        whole, end, begun = piece.rpartition(b"\n")
        if end:
            yield from _text(rest + whole, wanted)
            rest = b""
        rest = (rest + begun)[:_LONGEST]
    yield from _text(rest, wanted)


def _text(block: bytes, words: Sequence[bytes]) -> List[str]:
    return [line.decode("utf-8", "replace") for line in _lines_with(block, words)]


def _lines_with(block: bytes, words: Sequence[bytes]) -> List[bytes]:
    """Its lines with one of the words, in order. To search for one word after the other is the fastest by far."""
    begins = set()
    for word in words:
        found = block.find(word)
        while found >= 0:
            begins.add(_begin(block, found))
            end = block.find(b"\n", found)
            found = block.find(word, end) if end >= 0 else -1
    return [_line_at(block, begin) for begin in sorted(begins)]


def _last_start(file: RegularFile) -> int:
    """Where the last line that is the start of a server begins, or else where the part that is read does."""
    first = max(0, file.size - LIMIT)
    end, rest = file.size, b""
    while end > first:
        begin = max(first, end - _CHUNK)
        block = file.read(begin, end - begin) + rest
        found = _last_start_in(block)
        if found is not None:
            return begin + found
        # The first line of a block may have begun before it.
        cut = block.find(b"\n") + 1
        rest = block[: cut or len(block)][:_LONGEST]
        end = begin
    return first


def _last_start_in(block: bytes) -> Optional[int]:
    before = len(block)
    while True:
        found = max(block.rfind(word, 0, before) for word in _FIRST)
        if found < 0:
            return None
        before = _begin(block, found)
        if is_start(_line_at(block, before).decode("utf-8", "replace")):
            return before


def _begin(block: bytes, place: int) -> int:
    return block.rfind(b"\n", 0, place) + 1


def _line_at(block: bytes, begin: int) -> bytes:
    end = block.find(b"\n", begin)
    return block[begin:end] if end >= 0 else block[begin:]
