# SPDX-License-Identifier: GPL-3.0-or-later
"""Values written anew: in the style of Triton's documentation, or in a given one."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._textproto import writer
from ansible_collections.inference.triton.plugins.module_utils._textproto.style import CONVENTIONAL, Style
from ansible_collections.inference.triton.plugins.module_utils._textproto.values import Identifier, Map

GPU = Identifier("KIND_GPU")

DOCUMENT = """\
name: "resnet"
max_batch_size: 8
input [
  {
    name: "IN"
    dims: [ -1, 3 ]
    optional: true
  },
  { }
]
dynamic_batching { }
instance_group [
  {
    kind: KIND_GPU
    rate_limiter {
      priority: 2
    }
  }
]
parameters {
  key: "a"
  value {
    string_value: "1"
  }
}
parameters {
  key: "b"
  value { }
}
"""


def test_document():
    values = {
        "name": "resnet",
        "max_batch_size": 8,
        "input": [{"name": "IN", "dims": [-1, 3], "optional": True}, {}],
        "dynamic_batching": {},
        "instance_group": [{"kind": GPU, "rate_limiter": {"priority": 2}}],
        "parameters": Map({"a": {"string_value": "1"}, "b": {}}),
    }
    assert writer.document(values) == DOCUMENT


@pytest.mark.parametrize(
    "values",
    [{}, {"dims": []}, {"parameters": Map()}],
    ids=["nothing", "empty list", "empty map"],
)
def test_what_has_no_text(values):
    assert writer.document(values) == ""


def test_what_has_no_text_inside_a_message():
    assert writer.document({"input": {"dims": [], "m": Map()}}) == "input { }\n"


@pytest.mark.parametrize(
    ("style", "value", "text"),
    [
        pytest.param(Style(colon=":"), 1, "x:1", id="no blank behind the colon"),
        pytest.param(Style(colon=" : "), 1, "x : 1", id="blanks around the colon"),
        pytest.param(Style(quote="'"), "it's", r"x: 'it\'s'", id="single quotes"),
        pytest.param(Style(padding=""), [1, 2], "x: [1, 2]", id="no padding in a list"),
        pytest.param(Style(padding="", colon=":"), ["a"], 'x:["a"]', id="colon before a list of scalars"),
        pytest.param(Style(message=": "), {}, "x: { }", id="colon before a message"),
        pytest.param(Style(message=""), {"y": 1}, "x{\n  y: 1\n}", id="no blank before a message"),
        pytest.param(Style(brackets="<>"), {"y": 1}, "x <\n  y: 1\n>", id="angle brackets"),
        pytest.param(Style(indent="\t"), {"y": {"z": 1}}, "x {\n\ty {\n\t\tz: 1\n\t}\n}", id="tabs"),
        pytest.param(Style(newline="\r\n"), {"y": 1}, "x {\r\n  y: 1\r\n}", id="CRLF"),
        pytest.param(Style(messages=": "), [{}], "x: [\n  { }\n]", id="colon before a list of messages"),
        pytest.param(Style(hug=True), [{"y": 1}], "x [{\n  y: 1\n}]", id="hugging brackets"),
        pytest.param(Style(hug=True), [{"y": 1}, {"y": 2}], "x [{\n  y: 1\n}, {\n  y: 2\n}]", id="two hugged"),
        pytest.param(Style(blocks=True), [{"y": 1}, {}], "x {\n  y: 1\n}\nx { }", id="blocks"),
    ],
)
def test_field_in_a_style(style, value, text):
    assert writer.field("x", value, style, "", inline=False) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param({"y": 1, "z": {"a": "b"}}, 'x { y: 1 z { a: "b" } }', id="message"),
        pytest.param({}, "x { }", id="empty message"),
        pytest.param([{"y": 1}, {}], "x [ { y: 1 }, { } ]", id="list of messages"),
        pytest.param([1, 2], "x: [ 1, 2 ]", id="list of scalars"),
        pytest.param(Map({"a": 1, "b": 2}), 'x { key: "a" value: 1 } x { key: "b" value: 2 }', id="map"),
    ],
)
def test_field_on_one_line(value, text):
    assert writer.field("x", value, CONVENTIONAL, "    ", inline=True) == text


def test_indented_field():
    text = "x [\n      {\n        y: 1\n      }\n    ]"
    assert writer.field("x", [{"y": 1}], CONVENTIONAL, "    ", inline=False) == text
