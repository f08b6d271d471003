# SPDX-License-Identifier: GPL-3.0-or-later
"""How the parser goes on behind an error: as if the text had been mended, with places in the text as it is."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._textproto.errors import TextProtoError
from ansible_collections.inference.triton.plugins.module_utils._textproto.parser import parse
from ansible_collections.inference.triton.plugins.module_utils._textproto.recovery import recover


def found(recovered):
    return [(error.line, error.column, error.rule) for error in recovered.errors]


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        pytest.param("\ufeffx: 1", "x: 1", id="byte order mark"),
        pytest.param("x: 'a\0'", "x: 'a'", id="NUL"),
        pytest.param("x 1", "x: 1", id="colon"),
        pytest.param("x = 1", "x : 1", id="equals sign"),
        pytest.param("x [1]", "x :[1]", id="colon before a list"),
        pytest.param("x:: 1", "x:  1", id="two colons"),
        pytest.param("x: [1 2]", "x: [1 ,2]", id="comma"),
        pytest.param("x: [1; 2]", "x: [1, 2]", id="semicolon in a list"),
        pytest.param("x: [1, # c,\n]", "x: [1  # c,\n]", id="trailing comma"),
        pytest.param("x: [, 1]", "x: [  1]", id="leading comma"),
        pytest.param("x: 1,, y: 2", "x: 1,  y: 2", id="two commas"),
        pytest.param("x: \u201ca\u201d", 'x: "a"', id="smart quotes"),
        pytest.param("x: \u2018it\u2019s\u2019", "x: 'it\u2019s'", id="single smart quotes and an apostrophe"),
        pytest.param("x: \u201ca # c", 'x: "a" # c', id="smart quote and none"),
        pytest.param('x: "a\u201d', 'x: "a"', id="quote and smart quote"),
        pytest.param('x: "a\ny: 1', 'x: "a"\ny: 1', id="string not closed"),
        pytest.param('x { y: "a }', 'x { y: "a" }', id="string not closed before a bracket"),
        pytest.param('x: "a  # c', 'x: "a"  # c', id="string not closed before a comment"),
        pytest.param('x: "a\\', 'x: "a\\\\"', id="string that ends in a backslash"),
        pytest.param('x: "a\nb" y: "c"', 'x: "a\\n"\n"b" y: "c"', id="string over two lines"),
        pytest.param(r"x: 'C:\models'", r"x: 'C:\\models'", id="escape"),
        pytest.param("x: [+1, 08, 1_000]", "x: [1, 8, 1000]", id="numbers"),
        pytest.param("my-x: 1", "my_x: 1", id="hyphen"),
        pytest.param('"x": 1', "x: 1", id="quoted name"),
        pytest.param('{ "x": 1 }', "  x: 1  ", id="JSON"),
        pytest.param("x: a/b\\c", 'x: "a/b\\\\c"', id="quotes"),
        pytest.param("// c\nx: 1 /* c\nd */", "#  c\nx: 1 \n", id="comments of C"),
        pytest.param("x:\u00a01", "x: 1", id="no-break space"),
        pytest.param("x { y: 1", "x { y: 1\n}", id="bracket not closed"),
        pytest.param("x {\n  y: 1\nz: 2\n", "x {\n  y: 1\n} z: 2\n", id="bracket not closed before another field"),
        pytest.param("x [ { y: 1 ]", "x [ { y: 1 } ]", id="element not closed"),
        pytest.param("x [\n  {\n  { }\n]", "x [\n   \n  { }\n]", id="bracket of an element too many"),
        pytest.param("x [ { { } } ]", "x [   { }   ]", id="brackets of an element doubled"),
        pytest.param("x [\n  { y: 1\n  { }\n]", "x [\n  { y: 1\n  }, { }\n]", id="element not closed before another"),
        pytest.param("x: [ 1\ny: 2", "x: [ 1\n] y: 2", id="list not closed"),
        pytest.param("x { y: 1 ]", "x { y: 1 }", id="wrong bracket"),
        pytest.param("x [ { } } ]", "x [ { }   ]", id="bracket too many"),
        pytest.param("x: 1 }", "x: 1  ", id="bracket that closes nothing"),
        pytest.param("x\n  y: 1\n}", "x {\n  y: 1\n}", id="bracket not opened"),
        pytest.param("x [ y: 1 ]", "x [ { y: 1  }]", id="element without brackets"),
        pytest.param("x { { y: 1 } }", "x [ { y: 1 } ]", id="message in a message"),
        pytest.param("x { }, { }", "x { }, x { }", id="element without a list"),
        pytest.param("x: 1 2", "x: 1  ", id="two values"),
    ],
)
def test_repairs(text, mended):
    recovered = recover(text)
    assert recovered.text == mended
    assert recovered.root == parse(mended)


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        pytest.param("x: ${x} y: 1", "x: ? y: 1", id="value"),
        pytest.param("x: {{ x }}", "x: ?", id="value in braces"),
        pytest.param("x ${x}", "x : ?", id="behind a name"),
        pytest.param("x {{ x }}", "x : ?", id="in braces behind a name"),
        pytest.param("x: KIND_${x}", "x: ?", id="part of a word"),
        pytest.param("x: ${x}_${y}", "x: ?", id="two in one word"),
        pytest.param("${x}: 1", "?: 1", id="name"),
        pytest.param("${x}\ny: 1", " \ny: 1", id="fields"),
        pytest.param("x: [ 1, ${x} ]", "x: [ 1, ? ]", id="value in a list"),
        pytest.param("x: [ {{ x }}, 1 ]", "x: [ ?, 1 ]", id="value in braces in a list"),
        pytest.param("x [ ${x} ]", "x [ { } ]", id="message in a list"),
        pytest.param("x: [ {{ x }}, { } ]", "x: [ { }, { } ]", id="message in braces in a list"),
        pytest.param("x [ { } ${x} ]", "x [ { }   ]", id="more of a list"),
        pytest.param("{% if x %}\ny: 1\n{% endif %}\n", " \ny: 1\n \n", id="statement"),
        pytest.param("x: {% if x %}1{% else %}2{% endif %}", "x:  1 ", id="statement with two branches"),
        pytest.param("x [{% for x in y %}{ }{% if z %},{% endif %}{% endfor %}]", "x [ { }  ]", id="loop"),
        pytest.param("{# c #}\nx: 1", " \nx: 1", id="comment of a template"),
    ],
)
def test_placeholders_are_filled_in_by_what_nobody_knows(text, mended):
    recovered = recover(text)
    assert recovered.text.replace("__unknown__", "?") == mended
    assert {error.rule for error in recovered.errors} == {"template"}


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        pytest.param("x:\ny { }", "x:\n? y { }", id="before a field"),
        pytest.param("x { y: }", "x { y:  ? }", id="before a bracket"),
        pytest.param("x { key: value { } }", "x { key: ? value { } }", id="before a field on the same line"),
        pytest.param("x {\n  y\n}", "x {\n  y: ?\n}", id="without a colon"),
        pytest.param("x: 10bar y: 1.2.3", "x: ? y: ?", id="numbers that are none"),
        pytest.param("x: @ y: 1", "x: ? y: 1", id="no token"),
        pytest.param("x: [[1, 2], [3]]", "x: [?, ?]", id="lists in a list"),
        pytest.param("x: [1, { a { } }, 2]", "x: [1, ?, 2]", id="message among values"),
        pytest.param("x [{ }, 1]", "x [{ }, { }]", id="value among messages"),
        pytest.param("4: 8", "?: 8", id="number of a field"),
    ],
)
def test_what_cannot_be_known_is_left_open(text, mended):
    assert recover(text).text.replace("__unknown__", "?") == mended


def test_what_nobody_knows_can_be_told_from_the_rest():
    recovered = recover("x: 1 y: ${y}")
    assert [at for at in range(len(recovered.text)) if recovered.is_unknown(at)] == [recovered.text.index("__")]


def test_of_a_merge_conflict_one_side_is_kept():
    text = "x: 1\n<<<<<<< ours\ny: 2\n||||||| base\ny: 3\n=======\ny: 4\n>>>>>>> theirs\nz: 5\n"
    recovered = recover(text)
    assert recovered.text == "x: 1\n\ny: 2\n" + "\n" * 5 + "z: 5\n"
    assert found(recovered) == [(2, 1, "conflict-marker")]


def test_places_are_those_of_the_original():
    recovered = recover("\ufeffx 1 y [1, 2,]\n<<<<<<< a\nz 3\n=======\nz 4\n>>>>>>> b\nm { n 5\n")
    assert found(recovered) == [
        (1, 1, "byte-order-mark"),
        (1, 4, "missing-colon"),
        (1, 14, "trailing-comma"),
        (1, 8, "missing-colon"),
        (2, 1, "conflict-marker"),
        (3, 3, "missing-colon"),
        (7, 7, "missing-colon"),
        (7, 3, "unclosed"),
    ]
    assert recovered.errors[5].excerpt == "z 3\n  ^"


def test_the_bracket_that_a_message_speaks_of_is_that_of_the_original():
    error = recover("x 1 y { ]").errors[1]
    assert error.message == "']' does not close the '{' of line 1, column 7"


def test_what_is_in_the_repaired_text_has_its_place_in_the_original():
    text = "x 1 y: \u201ca\u201d z: ${z}"
    recovered = recover(text)
    assert [recovered.origin(recovered.text.index(name)) for name in ("x", "1", "y", "a", "z", "__")] == [
        text.index(name) for name in ("x", "1", "y", "a", "z", "$")
    ]
    assert recovered.origin(len(recovered.text)) == len(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("x\0:\0 1\0", id="UTF-16"),
        pytest.param("x: 1 a\0" + "b\0cd" * 20, id="binary"),
        pytest.param("this is no text format at all", id="prose"),
        pytest.param("x:\n  - y: 1\n    z: 2\n", id="YAML"),
        pytest.param("x: /* 1", id="comment without an end"),
    ],
)
def test_what_cannot_be_mended_is_one_error(text):
    with pytest.raises(TextProtoError) as raised:
        parse(text)
    assert [str(error) for error in recover(text).errors] == [str(raised.value)]


def test_the_fields_before_an_error_that_cannot_be_mended_are_kept():
    recovered = recover("x: 1 y: 2 this is no text format at all")
    assert [field.name for field in recovered.root.fields] == ["x", "y"]


def test_no_more_than_a_hundred_errors_are_looked_for():
    assert len(recover("x 1\n" * 1000).errors) == 100
