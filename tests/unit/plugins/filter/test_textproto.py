# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters from_textproto and to_textproto."""

from __future__ import annotations

import datetime

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.inference.triton.plugins.filter.textproto import FilterModule

FILTERS = FilterModule().filters()
from_textproto, to_textproto = FILTERS["from_textproto"], FILTERS["to_textproto"]

TEXT = """\
name: "ranker"
backend: "python"
max_batch_size: 8
input [
  {
    name: "x"
    data_type: TYPE_FP32
    dims: [ -1, 3 ]
  }
]
instance_group [
  {
    count: 2
    kind: KIND_GPU
    gpus: [ 0, 1 ]
  },
  {
    kind: KIND_CPU
  }
]
dynamic_batching { }
parameters {
  key: "a.b"
  value {
    string_value: "say \\"hi\\""
  }
}
"""
DATA = {
    "name": "ranker",
    "backend": "python",
    "max_batch_size": 8,
    "input": [{"name": "x", "data_type": "TYPE_FP32", "dims": [-1, 3]}],
    "instance_group": [{"count": 2, "kind": "KIND_GPU", "gpus": [0, 1]}, {"kind": "KIND_CPU"}],
    "dynamic_batching": {},
    "parameters": {"a.b": {"string_value": 'say "hi"'}},
}


def test_text_becomes_data():
    assert from_textproto(TEXT) == DATA


def test_data_becomes_text_as_people_write_it():
    assert to_textproto(DATA) == TEXT


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", {}),
        (b"name: 'm'", {"name": "m"}),
        ("instance_group { kind: 2 }", {"instance_group": [{"kind": "KIND_CPU"}]}),
        (b"name: '\xff'", {"name": "\ufffd"}),
        ("name: '\udcff'", {"name": "\ufffd"}),
    ],
    ids=["nothing", "bytes", "enum by number", "bytes that are not UTF-8", "surrogates"],
)
def test_whatever_tritons_parser_accepts_is_read(text, data):
    assert from_textproto(text) == data


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({}, ""),
        ({"max_batch_size": "8"}, "max_batch_size: 8\n"),
        ({"response_cache": {"enable": "yes"}}, "response_cache {\n  enable: true\n}\n"),
        ({"instance_group": [{"kind": 1}]}, "instance_group [\n  {\n    kind: KIND_GPU\n  }\n]\n"),
        ({"instance_group": [], "parameters": {}}, ""),
        (
            {"metric_tags": {"b": "2", "a": "1"}},
            'metric_tags {\n  key: "b"\n  value: "2"\n}\nmetric_tags {\n  key: "a"\n  value: "1"\n}\n',
        ),
    ],
    ids=["nothing", "number from a template", "truth from a template", "enum by number", "empty", "map in its order"],
)
def test_data_of_people_is_written(data, text):
    assert to_textproto(data) == text


@pytest.mark.parametrize(
    "data", [DATA, {}, {"name": "ä \\ \n \t \" ' \x01 \U0001f600"}], ids=["model", "nothing", "characters"]
)
def test_what_is_written_reads_back(data):
    assert from_textproto(to_textproto(data)) == data


def test_the_message_can_be_a_part_of_a_configuration():
    group = {"count": 2, "kind": "KIND_GPU"}
    assert to_textproto(group, "ModelInstanceGroup") == "count: 2\nkind: KIND_GPU\n"
    assert from_textproto("count: 2 kind: KIND_GPU", "ModelInstanceGroup") == group
    assert from_textproto("count: 2 kind: KIND_GPU", message="ModelInstanceGroup") == group


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: }", r"^from_textproto: 1:7: .*\n.*name: }\n      \^"),
        ("foo: 1\nbar: 2", r"(?s)^from_textproto: this is not a ModelConfig:\ntext:1:1: .*'foo'.*text:2:1: .*'bar'"),
        ("name: 'a\0'", "NUL"),
        (None, "^from_textproto: expected a string, found NoneType$"),
        ({}, "^from_textproto: expected a string, found dict$"),
        (5, "^from_textproto: expected a string, found int$"),
    ],
    ids=["syntax", "schema", "NUL", "null", "mapping", "number"],
)
def test_text_that_is_no_configuration_is_an_error_with_its_place(text, message):
    with pytest.raises(AnsibleFilterError, match=message):
        from_textproto(text)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"foo": 1}, r"^to_textproto: this is not a ModelConfig:\nfoo: ModelConfig has no such field\.$"),
        ({"instance_groups": []}, "Did you mean 'instance_group'"),
        ({"name": datetime.date(2026, 1, 1)}, "name: expected a string"),
        (
            {"sequence_batching": {"direct": {"minimum_slot_utilization": datetime.date(2026, 1, 1)}}},
            "expected a number",
        ),
        ([], "^to_textproto: expected a mapping, found list$"),
        ("name: 'm'", "^to_textproto: expected a mapping, found str$"),
        (None, "^to_textproto: expected a mapping, found NoneType$"),
    ],
    ids=["unknown field", "close name", "date for a string", "date for a number", "list", "string", "null"],
)
def test_data_that_is_no_configuration_is_an_error(data, message):
    with pytest.raises(AnsibleFilterError, match=message):
        to_textproto(data)


@pytest.mark.parametrize("name", ["from_textproto", "to_textproto"])
@pytest.mark.parametrize(
    ("message", "hint"),
    [("ModelInstanceGroups", " Did you mean 'ModelInstanceGroup'?"), ("Nothing.Like.It", ""), ("", "")],
)
def test_a_message_that_does_not_exist_is_an_error(name, message, hint):
    with pytest.raises(AnsibleFilterError) as raised:
        FILTERS[name]("" if name == "from_textproto" else {}, message)
    assert str(raised.value) == f"{name}: there is no message '{message}'.{hint}"
