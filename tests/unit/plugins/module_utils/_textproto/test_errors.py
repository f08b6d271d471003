# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an error is, and how it is shown."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._textproto.errors import TextProtoError, excerpt, locate


@pytest.mark.parametrize(
    ("text", "offset", "place"),
    [
        pytest.param("", 0, (1, 1), id="empty text"),
        pytest.param("abc", 2, (1, 3), id="first line"),
        pytest.param("abc", 3, (1, 4), id="end of the text"),
        pytest.param("ab\ncd", 2, (1, 3), id="line feed"),
        pytest.param("ab\ncd", 3, (2, 1), id="begin of a line"),
        pytest.param("ab\r\ncd", 5, (2, 2), id="CRLF"),
        pytest.param("ab\rcd", 4, (1, 5), id="a carriage return ends no line"),
        pytest.param("\t\tx", 2, (1, 3), id="a tab is one column"),
        pytest.param("\u00e4\U0001f389x", 2, (1, 3), id="a character is one column"),
        pytest.param("ab\n", 3, (2, 1), id="behind the last line feed"),
    ],
)
def test_locate(text, offset, place):
    assert locate(text, offset) == place


@pytest.mark.parametrize(
    ("text", "offset", "shown"),
    [
        pytest.param("x = 1", 2, "x = 1\n  ^", id="one line"),
        pytest.param("a: 1\nx = 1\nb: 2", 7, "x = 1\n  ^", id="only the line itself"),
        pytest.param("x = 1\r\n", 2, "x = 1\n  ^", id="CRLF"),
        pytest.param("\t x = 1", 4, "\t x = 1\n\t   ^", id="tabs stay tabs"),
        pytest.param("", 0, "\n^", id="empty text"),
        pytest.param("x:", 2, "x:\n  ^", id="end of the text"),
        pytest.param("x:\n", 3, "\n^", id="behind the last line feed"),
        pytest.param("a\x01b", 2, "a\ufffdb\n  ^", id="control character"),
        pytest.param("a\udcffb", 2, "a\ufffdb\n  ^", id="byte that is not UTF-8"),
    ],
)
def test_excerpt(text, offset, shown):
    assert excerpt(text, offset) == shown


@pytest.mark.parametrize("offset", [0, 1, 500, 998, 999, 1000])
def test_excerpt_of_a_long_line_is_cut_around_the_place(offset):
    text = "".join(chr(0x4E00 + index) for index in range(1000))
    line, caret = excerpt(text, offset).split("\n")
    assert len(line) <= 120
    assert line in text
    assert len(caret) <= 121
    assert line[len(caret) - 1 :][:1] == text[offset : offset + 1]


def test_the_error_has_its_parts():
    error = TextProtoError("expected ':', found '='", "a: 1\nx = 1\n", 7, "Write a colon.")
    assert (error.message, error.hint, error.offset) == ("expected ':', found '='", "Write a colon.", 7)
    assert (error.line, error.column, error.excerpt) == (2, 3, "x = 1\n  ^")
    assert str(error) == "2:3: expected ':', found '='\nx = 1\n  ^\nWrite a colon."


def test_the_error_without_a_hint():
    assert str(TextProtoError("no", "x", 0)) == "1:1: no\nx\n^"
