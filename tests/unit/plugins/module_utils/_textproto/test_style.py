# SPDX-License-Identifier: GPL-3.0-or-later
"""What is learned from a text about how its author writes."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._textproto.document import Document
from ansible_collections.inference.triton.plugins.module_utils._textproto.style import CONVENTIONAL, infer


def style_of(text, path=()):
    """The style around the message at ``path``."""
    document = Document(text)
    message = document.find(path)
    return infer(text, document.root, message, message.end)


@pytest.mark.parametrize("text", ["", "# c\n", "x: 1\n", "x: [ ]\n", "x { }\n"])
def test_without_a_model_the_style_is_the_conventional_one(text):
    assert style_of(text) == CONVENTIONAL


@pytest.mark.parametrize(
    ("text", "trait", "value"),
    [
        pytest.param("x: 1\r\ny: 2\r\n", "newline", "\r\n", id="CRLF"),
        pytest.param("x: 1\r\ny: 2", "newline", "\r\n", id="CRLF, none at the end"),
        pytest.param("x {\n    y: 1\n}", "indent", "    ", id="four blanks"),
        pytest.param("x {\n\ty: 1\n}", "indent", "\t", id="tab"),
        pytest.param("x [\n   {\n   }\n]", "indent", "   ", id="indent of a list"),
        pytest.param("x [ {\n   y: 1\n} ]", "indent", "   ", id="indent of a message in a list"),
        pytest.param("x {\ny {\n   z: 1\n}\n}", "indent", "   ", id="indent further down"),
        pytest.param("x { y: 1 }", "indent", "  ", id="no indent to be seen"),
        pytest.param("x:1", "colon", ":", id="tight colon"),
        pytest.param("x : 1", "colon", " : ", id="wide colon"),
        pytest.param("x: 1\ny:2", "colon", ": ", id="the first colon counts"),
        pytest.param("x\n:1", "colon", ": ", id="a colon on the next line does not count"),
        pytest.param("x: # c\n1", "colon", ": ", id="a colon with a comment does not count"),
        pytest.param("x{}", "message", "", id="tight message"),
        pytest.param("x: { }", "message", ": ", id="message with a colon"),
        pytest.param("x\n{ }", "message", " ", id="bracket on the next line does not count"),
        pytest.param("x: [{}]", "messages", ": ", id="list of messages with a colon"),
        pytest.param("x[{}]", "messages", "", id="tight list of messages"),
        pytest.param("x < >", "brackets", "<>", id="angle brackets"),
        pytest.param("x [< >]", "brackets", "<>", id="angle brackets in a list"),
        pytest.param("x: 'a'", "quote", "'", id="single quotes"),
        pytest.param("x: [1]", "padding", "", id="no padding"),
        pytest.param("x: [  1  ]", "padding", "  ", id="wide padding"),
        pytest.param("x: [\n1 ]", "padding", " ", id="a list of several lines does not count"),
        pytest.param("x [{\n  y: 1\n}]", "hug", True, id="hugging brackets"),
        pytest.param("x [ {\n  y: 1\n} ]", "hug", True, id="hugging brackets with a blank"),
        pytest.param("x [\n  {\n    y: 1\n  }\n]", "hug", False, id="brackets on their own lines"),
        pytest.param("x [{ y: 1 }]", "hug", False, id="a list on one line does not count"),
        pytest.param("x { y: 1 }\nx { y: 2 }", "blocks", True, id="blocks"),
        pytest.param("x { y: 1 }", "blocks", False, id="one message does not count"),
        pytest.param('x { key: "a" }\nx { key: "b" }', "blocks", False, id="maps do not count"),
        pytest.param("x { y: 1 }\nx { y: 2 }\nz [{}]", "blocks", False, id="a list counts more"),
    ],
)
def test_trait(text, trait, value):
    assert getattr(style_of(text), trait) == value


def test_the_message_itself_counts_more_than_the_file():
    text = "a: 1\nx {\n  b:'c'\n}\n"
    assert (style_of(text, ("x",)).colon, style_of(text, ("x",)).quote) == (":", "'")
    assert style_of(text).colon == ": "
