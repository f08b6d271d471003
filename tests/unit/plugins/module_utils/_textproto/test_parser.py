# SPDX-License-Identifier: GPL-3.0-or-later
"""The grammar of the language, as protobuf's C++ parser 3.21.12 takes it where it asks no schema."""

from __future__ import annotations

import time

import pytest
from ansible_collections.inference.triton.plugins.module_utils._textproto.errors import TextProtoError
from ansible_collections.inference.triton.plugins.module_utils._textproto.nodes import ListValue, Message
from ansible_collections.inference.triton.plugins.module_utils._textproto.parser import parse


def outline(text):
    """The tree of a text: a message as pairs, a list as a list, a scalar as its source."""

    def show(node):
        if isinstance(node, Message):
            return tuple((field.name, show(field.value)) for field in node.fields)
        if isinstance(node, ListValue):
            return [show(element) for element in node.elements]
        return text[node.start : node.end]

    return show(parse(text))


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        pytest.param("", (), id="empty file"),
        pytest.param(" \n\t# c\n", (), id="blank file"),
        pytest.param("x: 1", (("x", "1"),), id="one field"),
        pytest.param("x: 1 y: 2", (("x", "1"), ("y", "2")), id="two fields on a line"),
        pytest.param('x:"a"y:"b"', (("x", '"a"'), ("y", '"b"')), id="no blanks at all"),
        pytest.param("x: 1 x: 2", (("x", "1"), ("x", "2")), id="the same name twice"),
        pytest.param('x: "a" "b" y: 1', (("x", '"a" "b"'), ("y", "1")), id="adjacent strings are one value"),
        pytest.param("true: inf nan: x", (("true", "inf"), ("nan", "x")), id="no word is reserved"),
    ],
)
def test_fields(text, tree):
    assert outline(text) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        pytest.param("x { }", (("x", ()),), id="braces"),
        pytest.param("x < >", (("x", ()),), id="angle brackets"),
        pytest.param("x: { }", (("x", ()),), id="braces with a colon"),
        pytest.param("x: < >", (("x", ()),), id="angle brackets with a colon"),
        pytest.param("x{}", (("x", ()),), id="no blanks"),
        pytest.param("x\n{\n}\n", (("x", ()),), id="bracket on the next line"),
        pytest.param("x { y: 1 z { } }", (("x", (("y", "1"), ("z", ()))),), id="fields inside"),
        pytest.param("x { y < z { } > }", (("x", (("y", (("z", ()),)),)),), id="one kind inside the other"),
        pytest.param("x{y:1}z<>", (("x", (("y", "1"),)), ("z", ())), id="next field directly behind"),
    ],
)
def test_messages(text, tree):
    assert outline(text) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        pytest.param("x: []", (("x", []),), id="empty"),
        pytest.param("x []", (("x", []),), id="empty without a colon"),
        pytest.param("x: [1]", (("x", ["1"]),), id="one scalar"),
        pytest.param("x: [ 1, -2 ,\n 0x3 ]", (("x", ["1", "-2", "0x3"]),), id="scalars"),
        pytest.param("x: [A, true]", (("x", ["A", "true"]),), id="words"),
        pytest.param('x: ["a" "b", "c"]', (("x", ['"a" "b"', '"c"']),), id="adjacent strings are one element"),
        pytest.param('x: [1, "a", b]', (("x", ["1", '"a"', "b"]),), id="scalars of several types"),
        pytest.param("x [{}]", (("x", [()]),), id="one message"),
        pytest.param("x: [{}, < >]", (("x", [(), ()]),), id="messages with a colon"),
        pytest.param("x [{ y: [1] }]", (("x", [(("y", ["1"]),)]),), id="a list in a message in a list"),
        pytest.param("x: [1] x: 2 x: []", (("x", ["1"]), ("x", "2"), ("x", [])), id="mixed forms of one field"),
    ],
)
def test_lists(text, tree):
    assert outline(text) == tree


@pytest.mark.parametrize("separator", [",", ";", " ,", "\n;", " # c\n,"])
@pytest.mark.parametrize("field", ["x: 1", 'x: "a"', "x { }", "x: [1]", "x [{}]"])
def test_one_separator_may_follow_a_field(field, separator):
    assert len(parse(field + separator).fields) == 1
    assert len(parse(field + separator + "y: 1").fields) == 2
    assert len(parse("z {" + field + separator + "}").fields) == 1


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param("[a.b.c]: 1", "[a.b.c]", id="extension"),
        pytest.param("[a] { }", "[a]", id="extension without a package"),
        pytest.param("[type.googleapis.com/a.B] { }", "[type.googleapis.com/a.B]", id="Any"),
        pytest.param("[my.host/x/a.B] { }", "[my.host/x/a.B]", id="Any with a path"),
        pytest.param("[ type . googleapis.com # c\n / a.B ]: {", "[type.googleapis.com/a.B]", id="blanks inside"),
    ],
)
def test_extensions(text, name):
    assert parse(text + "}" * text.endswith("{")).fields[0].name == name


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("x", id="name alone"),
        pytest.param("x:", id="no value"),
        pytest.param("x 1", id="no colon before a scalar"),
        pytest.param('x "a"', id="no colon before a string"),
        pytest.param("x [1]", id="no colon before a list of scalars"),
        pytest.param("x = 1", id="equals sign"),
        pytest.param("x:: 1", id="two colons"),
        pytest.param(": 1", id="no name"),
        pytest.param("4: 8", id="field number"),
        pytest.param('"x": 1', id="quoted name"),
        pytest.param("x.y: 1", id="dotted name"),
        pytest.param("x-y: 1", id="hyphen in a name"),
        pytest.param("{ x: 1 }", id="braces around the file"),
        pytest.param("x: 1 2", id="two values"),
        pytest.param("x: A B", id="two words"),
        pytest.param("x: 1 }", id="nothing to close"),
        pytest.param("x {", id="brace not closed"),
        pytest.param("x { y: 1", id="brace not closed behind a field"),
        pytest.param("x { >", id="brace closed by an angle bracket"),
        pytest.param("x < }", id="angle bracket closed by a brace"),
        pytest.param("x { ]", id="brace closed by a square bracket"),
        pytest.param("x: [1", id="list not closed"),
        pytest.param("x: [1 }", id="list closed by a brace"),
        pytest.param("x { 1 }", id="value without a name"),
        pytest.param("x { { } }", id="message without a name"),
        pytest.param(", x: 1", id="leading comma"),
        pytest.param("x: 1,, y: 2", id="two commas"),
        pytest.param("x: 1,; y: 2", id="comma and semicolon"),
        pytest.param("x {, }", id="comma before the first field"),
        pytest.param("x, : 1", id="comma behind a name"),
        pytest.param("x: , 1", id="comma before a value"),
        pytest.param("x: [1,]", id="trailing comma in a list"),
        pytest.param("x: [,1]", id="leading comma in a list"),
        pytest.param("x: [1,,2]", id="two commas in a list"),
        pytest.param("x: [,]", id="comma alone in a list"),
        pytest.param("x: [1;2]", id="semicolon in a list"),
        pytest.param("x: [1 2]", id="no comma between scalars"),
        pytest.param("x [{} {}]", id="no comma between messages"),
        pytest.param("x [{},]", id="trailing comma in a list of messages"),
        pytest.param("x: [1, {}]", id="scalar and message in one list"),
        pytest.param("x: [{}, 1]", id="message and scalar in one list"),
        pytest.param("x: [[1]]", id="list in a list"),
        pytest.param("x: [y: 1]", id="field in a list"),
        pytest.param("x: [y {}]", id="named message in a list"),
        pytest.param("[1]: 1", id="number as an extension"),
        pytest.param("[]: 1", id="empty extension"),
        pytest.param("[a.]: 1", id="extension that ends in a point"),
        pytest.param("[a b]: 1", id="extension of two words"),
        pytest.param("[a.b-c]: 1", id="hyphen in an extension"),
        pytest.param("[a.b: 1", id="extension not closed"),
        pytest.param("x: [a.b]", id="dotted word in a list"),
        pytest.param("\ufeffx: 1", id="byte order mark"),
        pytest.param("\ufeff", id="byte order mark alone"),
        pytest.param("n\0a\0m\0e\0", id="UTF-16"),
        pytest.param("\udcff\udcfen\0a\0", id="UTF-16 with its mark"),
    ],
)
def test_no_text_format(text):
    with pytest.raises(TextProtoError):
        parse(text)


def test_nodes_are_spans_of_the_text():
    text = '# c\nx [ { y: "a" "b" }, < > ] ;\n'
    root = parse(text)
    field = root.fields[0]
    first, second = field.value.elements

    assert (root.start, root.end) == (0, len(text))
    assert text[field.start : field.end] == 'x [ { y: "a" "b" }, < > ]'
    assert text[field.value.start : field.value.end] == '[ { y: "a" "b" }, < > ]'
    assert text[first.start : first.end] == '{ y: "a" "b" }'
    assert text[second.start : second.end] == "< >"
    assert text[first.fields[0].start : first.fields[0].end] == 'y: "a" "b"'


def test_nesting_has_no_limit():
    depth = 100_000
    root = parse("x{" * depth + "y<" * depth + ">" * depth + "}" * depth)
    for name in ["x"] * depth + ["y"] * depth:
        (field,) = root.fields
        assert field.name == name
        root = field.value
    assert root.fields == []


MEGABYTE = 1_000_000


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("x" + " " * MEGABYTE + "y", id="blanks behind a name"),
        pytest.param("x:" + " " * MEGABYTE + "@", id="blanks behind a colon"),
        pytest.param("x: -" + " " * MEGABYTE + "@", id="blanks behind a minus"),
        pytest.param("x: [ A" + " " * MEGABYTE + "@", id="blanks behind a word in a list"),
        pytest.param("\n" * MEGABYTE + "@", id="empty lines"),
        pytest.param("x\n" + "# c\n" * 200_000 + "@", id="comments behind a name"),
        pytest.param("x: 1\n" + "# # # #\n" * 100_000 + "@", id="comments in comments"),
        pytest.param("#" * MEGABYTE + "\n@", id="one long comment"),
        pytest.param("a" * MEGABYTE, id="one long word"),
        pytest.param("a " * 500_000, id="words"),
        pytest.param("x: " + "1" * MEGABYTE + "a", id="one long number"),
        pytest.param("x: " + "1." * 500_000, id="points"),
        pytest.param("x: [" + "1 ," * 300_000 + "]", id="a long list with a trailing comma"),
        pytest.param("[" + "a." * 500_000, id="one long extension"),
        pytest.param("[" + "a " * 500_000, id="words in an extension"),
        pytest.param('x: "' + "a" * MEGABYTE, id="one long string that is not closed"),
        pytest.param('x: "' + "\\n" * 500_000, id="escapes in a string that is not closed"),
        pytest.param('x: "' + "\\n" * 500_000 + '\\q"', id="one wrong escape after many"),
        pytest.param("x: " + '"a" ' * 250_000 + "@", id="adjacent strings"),
        pytest.param("\"'" * 500_000, id="quotes"),
        pytest.param("x{" * 300_000, id="open braces"),
        pytest.param("}" * MEGABYTE, id="closing braces"),
        pytest.param("\udcff" * MEGABYTE, id="bytes that are not UTF-8"),
    ],
)
def test_a_large_broken_file_is_refused_quickly(text):
    start = time.process_time()
    with pytest.raises(TextProtoError) as caught:
        parse(text)
    assert time.process_time() - start < 30
    assert len(str(caught.value)) < 1000


def test_a_large_file_is_parsed_quickly():
    start = time.process_time()
    assert len(parse('x [ { y: "a", z: [ 1, 2 ] } ]  # c\n' * 20_000).fields) == 20_000
    assert time.process_time() - start < 30
