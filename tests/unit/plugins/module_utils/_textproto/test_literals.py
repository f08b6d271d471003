# SPDX-License-Identifier: GPL-3.0-or-later
"""What a literal stands for where the schema wants a certain type, and the literal for a value."""

from __future__ import annotations

import math

import pytest
from ansible_collections.inference.triton.plugins.module_utils._textproto import literals
from ansible_collections.inference.triton.plugins.module_utils._textproto.values import Identifier

INF = math.inf


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ('""', b""),
        ('"abc"', b"abc"),
        ("'abc'", b"abc"),
        ('"it\'s"', b"it's"),
        ('"a" "b"', b"ab"),
        ('"a"\'b\'"c"', b"abc"),
        ('"a" # "x"\n  "b"', b"ab"),
        ('"""abc"""', b"abc"),
        ('"\u00e4"', b"\xc3\xa4"),
        ('"\udcff"', b"\xff"),
        ('"a\tb\rc"', b"a\tb\rc"),
        (r'"\a\b\f\n\r\t\v"', b"\a\b\f\n\r\t\v"),
        (r'"\?\\\'\""', b"?\\'\""),
        (r'"C:\\models\\new"', b"C:\\models\\new"),
        (r'"\0"', b"\0"),
        (r'"\12"', b"\n"),
        (r'"\101\1012"', b"AA2"),
        (r'"\377"', b"\xff"),
        (r'"\400"', b"\0"),
        (r'"\x41\x4a\x4A"', b"AJJ"),
        (r'"\x9"', b"\t"),
        (r'"\x414"', b"A4"),
        (r'"\u00e9"', b"\xc3\xa9"),
        (r'"\ud83c\udf89"', b"\xf0\x9f\x8e\x89"),
        (r'"\ud83c"', b"\xed\xa0\xbc"),
        (r'"\ud83c" "\udf89"', b"\xed\xa0\xbc\xed\xbe\x89"),
        (r'"\u005cn"', b"\\n"),
        (r'"\U0001F389"', b"\xf0\x9f\x8e\x89"),
        (r'"\U00110000"', rb"\U00110000"),
        ("abc", None),
        ("1", None),
        ("-inf", None),
    ],
)
def test_string_value(source, value):
    assert literals.string_value(source) == value


@pytest.mark.parametrize(
    ("source", "value"),
    [('"\u00e4"', "\u00e4"), (r'"\303\244"', "\u00e4"), (r'"\377"', "\udcff"), ('"\udcff"', "\udcff"), ("abc", None)],
)
def test_text_value_keeps_what_is_not_utf8(source, value):
    assert literals.text_value(source) == value


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("0", 0),
        ("8", 8),
        ("-8", -8),
        ("- 8", -8),
        ("- # c\n 8", -8),
        ("0x1F", 31),
        ("0XfF", 255),
        ("-0x10", -16),
        ("017", 15),
        ("-017", -15),
        ("00", 0),
        ("18446744073709551616", 2**64),
        ("8.", None),
        ("8.0", None),
        (".8", None),
        ("1e3", None),
        ("8f", None),
        ("0f", None),
        ("inf", None),
        ("true", None),
        ('"8"', None),
        ("KIND_GPU", None),
    ],
)
def test_integer_value(source, value):
    assert literals.integer_value(source) == value


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("0", 0.0),
        ("8", 8.0),
        ("-8", -8.0),
        ("- 8", -8.0),
        ("1.5", 1.5),
        ("5.", 5.0),
        (".5", 0.5),
        ("-.5", -0.5),
        ("1e5", 1e5),
        ("1E+5", 1e5),
        ("1.5e-3", 0.0015),
        ("1.5f", 1.5),
        ("1F", 1.0),
        ("0f", 0.0),
        ("1e999", INF),
        ("-1e999", -INF),
        ("18446744073709551616", 2.0**64),
        ("inf", INF),
        ("Infinity", INF),
        ("INF", INF),
        ("-inf", -INF),
        ("- infinity", -INF),
        ("0x10", None),
        ("010", None),
        ("00", None),
        ("true", None),
        ("info", None),
        ('"1.5"', None),
        ('"inf"', None),
    ],
)
def test_float_value(source, value):
    assert literals.float_value(source) == value


@pytest.mark.parametrize("source", ["nan", "NaN", "NAN", "-nan", "- nan"])
def test_float_value_nan(source):
    assert math.isnan(literals.float_value(source))


def test_float_value_keeps_the_sign_of_zero():
    assert math.copysign(1, literals.float_value("-0")) == -1


@pytest.mark.parametrize(
    ("source", "value"),
    [
        *[(source, True) for source in ("true", "True", "t", "1", "01", "0x1")],
        *[(source, False) for source in ("false", "False", "f", "0", "00", "0x0")],
        *[(source, None) for source in ("TRUE", "yes", "on", "T", "2", "-1", "-0", "1.0", '"true"', '"1"')],
    ],
)
def test_bool_value(source, value):
    assert literals.bool_value(source) is value


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("KIND_GPU", "KIND_GPU"),
        ("_", "_"),
        ("inf", "inf"),
        ('"KIND_GPU"', None),
        ("1", None),
        ("-inf", None),
        ("'a'", None),
    ],
)
def test_identifier_value(source, value):
    assert literals.identifier_value(source) == value


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("8", 8),
        ("0x8", 8),
        ("010", 8),
        ("- 8", -8),
        ("t", True),
        ("1", True),
        ("0", False),
        ("1.50", 1.5),
        ("3", 3.0),
        ("1e999", INF),
        ("nan", math.nan),
        ("'a'", "a"),
        ('"a" "b"', "ab"),
        (r'"\x61"', b"a"),
        ('"\udcff"', b"\xff"),
        ('"\udcff"', "\udcff"),
        ("KIND_GPU", Identifier("KIND_GPU", 1)),
        ("1", Identifier("KIND_GPU", 1)),
        ("0x1", Identifier("KIND_GPU", 1)),
    ],
)
def test_a_literal_means_a_value_in_whatever_spelling(source, value):
    assert literals.means(source, value)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("8", 9),
        ("8.0", 8),
        ('"8"', 8),
        ("8", "8"),
        ("2", True),
        ("true", "true"),
        ("true", 1),
        ('"true"', True),
        ("010", 10.0),
        ("0x8", 8.0),
        ("-0.0", 0.0),
        ("1.5", math.nan),
        ("a", "a"),
        ('"KIND_GPU"', Identifier("KIND_GPU", 1)),
        ("KIND_CPU", Identifier("KIND_GPU", 1)),
        ("2", Identifier("KIND_GPU", 1)),
        ("0", Identifier("KIND_AUTO")),
    ],
)
def test_a_literal_does_not_mean_another_value(source, value):
    assert not literals.means(source, value)


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        pytest.param(True, "true", id="true"),
        pytest.param(False, "false", id="false"),
        pytest.param(8, "8", id="integer"),
        pytest.param(-(2**63), "-9223372036854775808", id="negative"),
        pytest.param(0.5, "0.5", id="float"),
        pytest.param(3.0, "3.0", id="whole float"),
        pytest.param(1e-7, "1e-07", id="exponent"),
        pytest.param(INF, "inf", id="infinity"),
        pytest.param(-INF, "-inf", id="negative infinity"),
        pytest.param(math.nan, "nan", id="nan"),
        pytest.param(Identifier("KIND_GPU", 1), "KIND_GPU", id="word"),
        pytest.param("", '""', id="empty"),
        pytest.param("a b", '"a b"', id="string"),
        pytest.param(b"a b", '"a b"', id="bytes"),
        pytest.param("it's", '"it\'s"', id="single quote"),
        pytest.param('say "no"', r'"say \"no\""', id="double quote"),
        pytest.param("C:\\new", r'"C:\\new"', id="backslash"),
        pytest.param("a\nb\rc\td", r'"a\nb\rc\td"', id="line ends and tab"),
        pytest.param("\0\x01\x7f1", r'"\000\001\1771"', id="control characters"),
        pytest.param("\u00e4\u2028\U0001f389", '"\u00e4\u2028\U0001f389"', id="non-ASCII"),
        pytest.param(b"\xff1", r'"\3771"', id="bytes that are not UTF-8"),
        pytest.param("\udcff1", r'"\3771"', id="surrogates for them"),
    ],
)
def test_write(value, literal):
    assert literals.write(value) == literal


def test_write_with_single_quotes():
    assert literals.write('it\'s "so"', "'") == r"'it\'s " + '"so"\''


@pytest.mark.parametrize("value", [None, object(), {1, 2}])
def test_write_refuses_what_is_no_scalar(value):
    with pytest.raises(TypeError):
        literals.write(value)
