# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever the bytes: a document, or errors that say where, and never a long wait."""

from __future__ import annotations

import time
from contextlib import suppress

from ansible_collections.inference.triton.plugins.module_utils._model_config.diagnosis import diagnose
from ansible_collections.inference.triton.plugins.module_utils._model_config.reading import read
from ansible_collections.inference.triton.plugins.module_utils._textproto.document import Document
from ansible_collections.inference.triton.plugins.module_utils._textproto.errors import TextProtoError
from ansible_collections.inference.triton.plugins.module_utils._textproto.parser import parse
from ansible_collections.inference.triton.plugins.module_utils._textproto.recovery import recover
from ansible_collections.inference.triton.plugins.module_utils._textproto.syntax_errors import RULES
from ansible_collections.inference.triton.tests.property.configs import Draw
from ansible_collections.inference.triton.tests.property.wild_text import documents
from hypothesis import example, given, settings
from hypothesis import strategies as st

_PIECES = [b"a", b"name", b": ", b"{", b"}", b"[", b"]", b"<", b">", b",", b";", b'"', b"'", b"#", b"\n", b" ", b"\r"]
_PIECES += [b"-", b".", b"0", b"1e", b"0x", b"\\", b"\\x", b"\0", b"\xff", b"\xc3\xa4", b"\xef\xbb\xbf", b"$", b"/"]
_PIECES += [b"=", b"${x}", b"{{ x }}", b"{% x %}", b"\n<<<<<<<\n", b"\n=======\n", b"\n>>>>>>>\n", "\u201c".encode()]

# These are cheap.
MANY = settings(max_examples=8 * settings.default.max_examples)


def token_lists(most: int) -> st.SearchStrategy[bytes]:
    """Up to ``most`` tokens and pieces of tokens, one directly behind the other."""
    return st.lists(st.sampled_from(_PIECES), max_size=most).map(b"".join)


def assert_says_where(error: TextProtoError, text: str) -> None:
    assert 0 <= error.offset <= len(text)
    assert error.line == text.count("\n", 0, error.offset) + 1
    assert error.column == error.offset - text.rfind("\n", 0, error.offset)
    assert error.message
    assert error.excerpt.endswith("^")
    assert len(str(error)) < 1000


def assert_finds_more(first: TextProtoError) -> None:
    """The errors of a text: the parser's own one first, then more that say where."""
    recovered = recover(first.text)
    assert str(recovered.errors[0]) == str(first)
    for error in recovered.errors:
        assert_says_where(error, first.text)
        assert error.rule in RULES and error.hint
    assert "__unknown__" not in "".join(str(error) for error in recovered.errors)
    with suppress(TextProtoError):  # it may have given up
        assert recovered.root == parse(recovered.text)
    for finding in diagnose(first.text.encode("utf-8", "surrogateescape")).findings:
        line = first.text.split("\n")[finding.line - 1]
        assert 1 <= finding.column <= len(line) + 1


def assert_parsed_or_refused(data: bytes) -> None:
    start = time.process_time()
    try:
        document = Document.parse(data)
    except TextProtoError as error:
        assert_says_where(error, error.text)
        assert_finds_more(error)
    else:
        assert document.to_bytes() == data
        read(document)
    assert time.process_time() - start < 30  # not how fast it is, but that it ends: it is well below a second


@MANY
@given(st.binary(max_size=200))
@example(b"\xff\xfe" + "name: 'a'".encode("utf-16-le"))
@example(b"\xef\xbb\xbfname: 'a'")
def test_any_bytes(data):
    assert_parsed_or_refused(data)


@MANY
@given(token_lists(60))
def test_any_sequence_of_tokens(data):
    assert_parsed_or_refused(data)


@given(token_lists(3), token_lists(3).filter(bool), token_lists(3))
@example(b"", b"a{", b"")
def test_any_repetition_of_tokens(head, unit, tail):
    assert_parsed_or_refused(head + unit * (20_000 // len(unit)) + tail)


@st.composite
def damaged(draw: Draw) -> bytes:
    """A valid file in which pieces were cut out, overwritten, doubled or put in."""
    data = draw(documents()).text.encode()
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + draw(st.sampled_from([0, 1, 1, 2, 8, 1000])))))
        piece = draw(st.sampled_from([b"", data[start:end] * 2, *_PIECES]) | st.binary(max_size=2))
        data = data[:start] + piece + data[end:]
    return data


@given(damaged())
def test_damaged_files(data):
    assert_parsed_or_refused(data)
