# SPDX-License-Identifier: GPL-3.0-or-later
"""The tokens of the language, as protobuf's C++ parser 3.21.12 takes them (src/google/protobuf/io/tokenizer.cc)."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._textproto.errors import TextProtoError
from ansible_collections.inference.triton.plugins.module_utils._textproto.parser import parse


def scalar(text):
    """The source of the one value in ``text``, which is ``x: VALUE``."""
    (field,) = parse(text).fields
    return text[field.value.start : field.value.end]


@pytest.mark.parametrize(
    "literal",
    [
        pytest.param("0", id="zero"),
        pytest.param("7", id="decimal"),
        pytest.param("9223372036854775807", id="large"),
        pytest.param("18446744073709551616", id="larger than any integer type"),
        pytest.param("0x1F", id="hexadecimal"),
        pytest.param("0Xff", id="hexadecimal, capital X"),
        pytest.param("017", id="octal"),
        pytest.param("00", id="octal zero"),
        pytest.param("1.5", id="float"),
        pytest.param("5.", id="float, nothing behind the point"),
        pytest.param(".5", id="float, nothing before the point"),
        pytest.param("0.5", id="float, zero before the point"),
        pytest.param("1e5", id="exponent"),
        pytest.param("1E+5", id="exponent, capital, plus"),
        pytest.param("1.5e-3", id="exponent, minus"),
        pytest.param("0e0", id="exponent of zero"),
        pytest.param("1.5f", id="suffix"),
        pytest.param("1.5F", id="suffix, capital"),
        pytest.param("1f", id="suffix on an integer"),
        pytest.param("1e5f", id="suffix on an exponent"),
        pytest.param("1e999", id="overflow is infinity"),
        pytest.param("-1", id="negative"),
        pytest.param("-0x1F", id="negative hexadecimal"),
        pytest.param("-017", id="negative octal"),
        pytest.param("-.5", id="negative float"),
        pytest.param("- 1", id="blank behind the minus"),
        pytest.param("-\n1", id="line end behind the minus"),
        pytest.param("- # c\n 1", id="comment behind the minus"),
        pytest.param("-inf", id="negative infinity"),
        pytest.param("-Infinity", id="negative infinity, long"),
        pytest.param("- NAN", id="negative nan"),
        pytest.param("inf", id="infinity"),
        pytest.param("nan", id="nan"),
        pytest.param("true", id="word"),
        pytest.param("TYPE_FP32", id="word with digits and underscore"),
        pytest.param("_x", id="word that begins with an underscore"),
        pytest.param('""', id="empty string"),
        pytest.param("''", id="empty string, single quotes"),
        pytest.param('"a b"', id="string"),
        pytest.param("'a b'", id="string, single quotes"),
        pytest.param('"it\'s"', id="the other quote in a string"),
        pytest.param("'say \"no\"'", id="the other quote in a string, single quotes"),
        pytest.param('"# no comment"', id="hash in a string"),
        pytest.param('"{ [ < > ] }"', id="brackets in a string"),
        pytest.param('"\u00e4\u2028\U0001f389"', id="non-ASCII string"),
        pytest.param('"a\tb"', id="raw tab in a string"),
        pytest.param('"a\rb"', id="raw carriage return in a string"),
        pytest.param('"a\x01\x7fb"', id="raw control characters in a string"),
        pytest.param('"\udcff\udce4"', id="bytes that are not UTF-8 in a string"),
        pytest.param('"""abc"""', id="three quotes are three strings"),
        pytest.param('"a" "b"', id="adjacent strings"),
        pytest.param("\"a\"'b'", id="adjacent strings without a blank"),
        pytest.param('"a"\n  # why\n  "b"', id="adjacent strings with a comment between"),
        pytest.param(r'"\a\b\f\n\r\t\v\?\\\'\""', id="simple escapes"),
        pytest.param(r'"\0\12\377"', id="octal escapes"),
        pytest.param(r'"\400"', id="octal escape that overflows"),
        pytest.param(r'"\x4\x41\xfff"', id="hexadecimal escapes"),
        pytest.param(r'"\u00e9\uD83C\udf89"', id="UTF-16 escapes"),
        pytest.param(r'"\ud800"', id="lone surrogate"),
        pytest.param(r'"\U0001F389"', id="UTF-32 escape"),
        pytest.param(r'"\U00110000"', id="UTF-32 escape beyond Unicode"),
    ],
)
def test_literal(literal):
    assert scalar("x: " + literal) == literal


@pytest.mark.parametrize(
    "literal",
    [
        pytest.param("+1", id="plus"),
        pytest.param("--1", id="two minuses"),
        pytest.param("-", id="minus alone"),
        pytest.param('-"a"', id="minus before a string"),
        pytest.param("-x", id="minus before a word"),
        pytest.param("08", id="no octal digit"),
        pytest.param("0778", id="no octal digit at the end"),
        pytest.param("1_000", id="underscore between digits"),
        pytest.param("0b101", id="binary"),
        pytest.param("0o17", id="octal with o"),
        pytest.param("0x", id="hexadecimal without digits"),
        pytest.param("0xg", id="no hexadecimal digit"),
        pytest.param("0x1.8", id="hexadecimal float"),
        pytest.param("07.5", id="octal float"),
        pytest.param("017f", id="suffix on an octal"),
        pytest.param("1e", id="exponent without digits"),
        pytest.param("1e+", id="exponent with a sign only"),
        pytest.param("1.2.3", id="two points"),
        pytest.param("1..2", id="two points in a row"),
        pytest.param(".", id="point alone"),
        pytest.param("10bar", id="letter behind a number"),
        pytest.param("1dims: 2", id="name behind a number"),
        pytest.param("1.5ff", id="two suffixes"),
        pytest.param("-inff", id="suffix on infinity"),
        pytest.param("1L", id="suffix of C"),
        pytest.param("50%", id="percent"),
        pytest.param("\u0665", id="Arabic digit"),
        pytest.param("\uff11", id="fullwidth digit"),
        pytest.param("my-model", id="hyphen in a word"),
        pytest.param("na\u00efve", id="non-ASCII letter in a word"),
        pytest.param("$X", id="dollar"),
        pytest.param("@", id="at sign"),
        pytest.param("`a`", id="backquotes"),
        pytest.param("\u201ca\u201d", id="typographic quotes"),
        pytest.param('"a', id="string that is not closed"),
        pytest.param("'a\"", id="string closed by the other quote"),
        pytest.param('"a\nb"', id="line feed in a string"),
        pytest.param('"a\r\nb"', id="CRLF in a string"),
        pytest.param('"a\\\nb"', id="backslash before the line end"),
        pytest.param('"a\\"', id="escaped closing quote"),
        pytest.param('"a\0b"', id="NUL in a string"),
        pytest.param(r'"\d"', id="unknown escape"),
        pytest.param(r'"\8"', id="no octal digit in an escape"),
        pytest.param(r'"\ "', id="escaped blank"),
        pytest.param(r'"\x"', id="hexadecimal escape without digits"),
        pytest.param(r'"\X41"', id="hexadecimal escape with a capital X"),
        pytest.param(r'"\u12"', id="short UTF-16 escape"),
        pytest.param(r'"\U0001F38"', id="short UTF-32 escape"),
        pytest.param(r'"\U00200000"', id="UTF-32 escape far beyond Unicode"),
        pytest.param('"a" "\\q"', id="unknown escape in the second of two strings"),
    ],
)
def test_no_literal(literal):
    with pytest.raises(TextProtoError):
        parse("x: " + literal)


@pytest.mark.parametrize(
    "blank", [" ", "\t", "\n", "\v", "\f", "\r", "\r\n", "# c\n", "#\n", "#\r\n", " # a # b\n\t# c\n "]
)
@pytest.mark.parametrize(
    "place", ["{0}x: 1", "x{0}: 1", "x:{0}1", "x: 1{0}", "x: 1{0}y: 2", "x: [{0}1{0},{0}2{0}]", "x {{{0}}}"]
)
def test_blanks_and_comments_stand_anywhere_between_tokens(place, blank):
    parse(place.format(blank))


@pytest.mark.parametrize(
    "blank",
    [
        pytest.param("\u00a0", id="no-break space"),
        pytest.param("\u0085", id="next line"),
        pytest.param("\u2028", id="line separator"),
        pytest.param("\u3000", id="ideographic space"),
        pytest.param("\x1c", id="file separator"),
        pytest.param("\x01", id="control character"),
        pytest.param("\x7f", id="delete"),
        pytest.param("\0", id="NUL"),
        pytest.param("\ufeff", id="byte order mark"),
        pytest.param("\udcff", id="byte that is not UTF-8"),
        pytest.param("// c\n", id="comment of C++"),
        pytest.param("/* c */", id="comment of C"),
    ],
)
@pytest.mark.parametrize("place", ["{0}x: 1", "x:{0}1", "x: 1{0}y: 2", "x: 1\n{0}"])
def test_nothing_else_is_a_blank(place, blank):
    with pytest.raises(TextProtoError):
        parse(place.format(blank))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param("# x: 1", [], id="comment without a line end"),
        pytest.param("x: 1 # y: 2", ["x"], id="comment behind a field"),
        pytest.param("x: 1 # a\rb\ny: 2", ["x", "y"], id="a carriage return does not end it"),
        pytest.param("# \u00e4 \udcff \x01 ' \" {\nx: 1", ["x"], id="anything in it"),
        pytest.param("x: TYPE_#FP32\ny: 2", ["x", "y"], id="it ends a word"),
        pytest.param("x: 1\r# y: 2\rz: 3", ["x"], id="in a file with carriage returns alone it never ends"),
    ],
)
def test_comment(text, names):
    assert [field.name for field in parse(text).fields] == names


def test_a_nul_ends_no_comment():
    with pytest.raises(TextProtoError):
        parse("x: 1 # a\0b\n")
