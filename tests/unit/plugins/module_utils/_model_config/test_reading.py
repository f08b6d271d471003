# SPDX-License-Identifier: GPL-3.0-or-later
"""A document to plain data, and every reason why Triton's parser would refuse it."""

from __future__ import annotations

import math

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config.reading import default, read
from ansible_collections.inference.triton.plugins.module_utils._textproto.document import Document


def read_text(text, message="ModelConfig"):
    data = text if isinstance(text, bytes) else text.encode()
    return read(Document.parse(data), message)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        pytest.param("", {}, id="nothing"),
        pytest.param("# only a comment", {}, id="comment"),
        pytest.param('name: "a" "b" \'c\'', {"name": "abc"}, id="adjacent strings"),
        pytest.param(r'name: "\x41\102\u0043"', {"name": "ABC"}, id="escapes"),
        pytest.param(b'name: "\xff"', {"name": "\udcff"}, id="string that is not UTF-8"),
        pytest.param("max_batch_size: 0x10", {"max_batch_size": 16}, id="hexadecimal"),
        pytest.param("max_batch_size: 010", {"max_batch_size": 8}, id="octal"),
        pytest.param("max_batch_size: - 2", {"max_batch_size": -2}, id="sign apart from its number"),
        pytest.param("max_batch_size: 2147483647", {"max_batch_size": 2147483647}, id="largest int32"),
        pytest.param("max_batch_size: -2147483648", {"max_batch_size": -2147483648}, id="smallest int32"),
        pytest.param("input { dims: [1, -1] dims: 3 }", {"input": [{"dims": [1, -1, 3]}]}, id="both forms of a list"),
        pytest.param("input [ { }, < > ] input { }", {"input": [{}, {}, {}]}, id="lists and blocks"),
        pytest.param(
            "instance_group { kind: KIND_CPU }", {"instance_group": [{"kind": "KIND_CPU"}]}, id="enum by name"
        ),
        pytest.param("instance_group { kind: 2 }", {"instance_group": [{"kind": "KIND_CPU"}]}, id="enum by number"),
        pytest.param(
            "instance_group { kind: 0x1 }", {"instance_group": [{"kind": "KIND_GPU"}]}, id="enum by hexadecimal"
        ),
        pytest.param(
            "instance_group { kind: 9 }", {"instance_group": [{"kind": 9}]}, id="enum by a number without name"
        ),
        pytest.param("instance_group { kind: -1 }", {"instance_group": [{"kind": -1}]}, id="enum by a negative number"),
        pytest.param(
            'parameters { key: "a" value { string_value: "1" } }',
            {"parameters": {"a": {"string_value": "1"}}},
            id="map",
        ),
        pytest.param(
            'metric_tags [ { key: "a" value: "1" }, { key: "b" value: "2" } ]',
            {"metric_tags": {"a": "1", "b": "2"}},
            id="map as a list",
        ),
        pytest.param(
            'metric_tags { key: "a" value: "1" } metric_tags { key: "a" value: "2" }',
            {"metric_tags": {"a": "2"}},
            id="of a key that is there twice the last counts",
        ),
        pytest.param("metric_tags { }", {"metric_tags": {"": ""}}, id="map entry without key and value"),
        pytest.param('parameters { key: "a" }', {"parameters": {"a": {}}}, id="map entry without its message"),
        pytest.param(
            "dynamic_batching { priority_queue_policy { key: 0x2 value { } } }",
            {"dynamic_batching": {"priority_queue_policy": {2: {}}}},
            id="map with numbers for keys",
        ),
        pytest.param("dynamic_batching { }", {"dynamic_batching": {}}, id="empty message"),
        pytest.param("max_batch_size: 0 max_batch_size: 4", {"max_batch_size": 4}, id="default, then another value"),
        pytest.param('name: "" name: "a"', {"name": "a"}, id="empty string, then another value"),
        pytest.param(
            "instance_group { kind: KIND_AUTO kind: KIND_GPU }",
            {"instance_group": [{"kind": "KIND_GPU"}]},
            id="default of an enum, then another value",
        ),
    ],
)
def test_data_is_what_protoc_would_understand(text, data):
    assert read_text(text) == (data, [])


@pytest.mark.parametrize(
    ("literal", "value"),
    [(word, True) for word in ("true", "True", "t", "1", "0x1", "01")]
    + [(word, False) for word in ("false", "False", "f", "0", "0x0")],
)
def test_the_spellings_of_a_truth_value(literal, value):
    assert read_text(f"response_cache {{ enable: {literal} }}") == ({"response_cache": {"enable": value}}, [])


@pytest.mark.parametrize(
    ("literal", "value"),
    [("1", 1.0), ("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0), ("2.5f", 2.5), ("-1.5", -1.5), ("inf", math.inf)],
)
def test_the_spellings_of_a_float(literal, value):
    text = f"direct {{ minimum_slot_utilization: {literal} }}"
    assert read_text(text, "ModelSequenceBatching") == ({"direct": {"minimum_slot_utilization": value}}, [])


REFUSED = [
    pytest.param(
        "foo: 1",
        ("unknown-field", 1, 1, "ModelConfig has no field 'foo'.", "Correct its name, or remove it."),
        id="unknown field",
    ),
    pytest.param(
        'name: "a"\n  instance_groups [ ]',
        ("unknown-field", 2, 3, "ModelConfig has no field 'instance_groups'.", "Did you mean 'instance_group'?"),
        id="unknown field with a close name",
    ),
    pytest.param(
        "instance_group [ { Kind: KIND_GPU } ]",
        ("unknown-field", 1, 20, "ModelInstanceGroup has no field 'Kind'.", "Did you mean 'kind'?"),
        id="letter case of a nested field",
    ),
    pytest.param(
        "[a.b]: 1",
        ("unknown-field", 1, 1, "ModelConfig has no field '[a.b]'.", "Correct its name, or remove it."),
        id="extension",
    ),
    pytest.param(
        "max_batch_size: [ 1 ]",
        (
            "not-repeated",
            1,
            17,
            "'max_batch_size' takes one value, not a list.",
            "Write one value without the brackets '[' and ']'.",
        ),
        id="list for one value",
    ),
    pytest.param(
        "optimization [ { } ]",
        (
            "not-repeated",
            1,
            14,
            "'optimization' takes one value, not a list.",
            "Write one value without the brackets '[' and ']'.",
        ),
        id="list for one message",
    ),
    pytest.param(
        "name: word",
        ("wrong-type", 1, 7, "'name' is a string, found word.", 'Put it in quotes: "word".'),
        id="word for a string",
    ),
    pytest.param(
        'max_batch_size: "8"',
        ("wrong-type", 1, 17, "'max_batch_size' is a int32, found \"8\".", "Remove the quotes."),
        id="string for a number",
    ),
    pytest.param(
        "max_batch_size: 8.0",
        ("wrong-type", 1, 17, "'max_batch_size' is a int32, found 8.0.", "Write a whole number."),
        id="float for a whole number",
    ),
    pytest.param(
        "max_batch_size: true",
        ("wrong-type", 1, 17, "'max_batch_size' is a int32, found true.", "Write a whole number."),
        id="truth value for a number",
    ),
    pytest.param(
        "response_cache { enable: yes }",
        ("wrong-type", 1, 26, "'enable' is a bool, found yes.", "Write true or false."),
        id="yes for a truth value",
    ),
    pytest.param(
        "response_cache { enable: FALSE }",
        ("wrong-type", 1, 26, "'enable' is a bool, found FALSE.", "Write true or false."),
        id="capitals for a truth value",
    ),
    pytest.param(
        "response_cache { enable: 2 }",
        ("wrong-type", 1, 26, "'enable' is a bool, found 2.", "Write true or false."),
        id="number for a truth value",
    ),
    pytest.param(
        "sequence_batching { direct { minimum_slot_utilization: high } }",
        ("wrong-type", 1, 56, "'minimum_slot_utilization' is a float, found high.", "Write a number."),
        id="word for a float",
    ),
    pytest.param(
        "optimization: 1",
        (
            "wrong-type",
            1,
            15,
            "'optimization' is a message: expected '{', found 1.",
            "Write its fields in brackets: optimization { ... }.",
        ),
        id="scalar for a message",
    ),
    pytest.param(
        "input: [ 1 ]",
        (
            "wrong-type",
            1,
            10,
            "'input' is a message: expected '{', found 1.",
            "Write its fields in brackets: input { ... }.",
        ),
        id="scalars in a list of messages",
    ),
    pytest.param(
        "max_batch_size { }",
        (
            "wrong-type",
            1,
            16,
            "'max_batch_size' is a int32, not a message: expected ':'.",
            "Write max_batch_size: VALUE.",
        ),
        id="message for a scalar",
    ),
    pytest.param(
        "parameters: 1",
        (
            "wrong-type",
            1,
            13,
            "'parameters' is a map: its entries are messages.",
            "Write parameters { key: ... value: ... }.",
        ),
        id="scalar for a map entry",
    ),
    pytest.param(
        "max_batch_size: 2147483648",
        (
            "out-of-range",
            1,
            17,
            "2147483648 is out of the range of 'max_batch_size', -2147483648 to 2147483647.",
            "Write a number in this range.",
        ),
        id="too large for int32",
    ),
    pytest.param(
        "max_batch_size: -2147483649",
        (
            "out-of-range",
            1,
            17,
            "-2147483649 is out of the range of 'max_batch_size', -2147483648 to 2147483647.",
            "Write a number in this range.",
        ),
        id="too small for int32",
    ),
    pytest.param(
        "dynamic_batching { priority_levels: -1 }",
        (
            "out-of-range",
            1,
            37,
            "-1 is out of the range of 'priority_levels', 0 to 18446744073709551615.",
            "Write a number in this range.",
        ),
        id="negative for an unsigned number",
    ),
    pytest.param(
        "dynamic_batching { priority_levels: -0 }",
        (
            "out-of-range",
            1,
            37,
            "-0 is out of the range of 'priority_levels', 0 to 18446744073709551615.",
            "Write a number in this range.",
        ),
        id="minus zero for an unsigned number",
    ),
    pytest.param(
        "instance_group { kind: GPU }",
        ("unknown-enum-value", 1, 24, "'kind' has no value GPU.", "Did you mean 'KIND_GPU'?"),
        id="unknown enum value",
    ),
    pytest.param(
        'instance_group { kind: "KIND_GPU" }',
        ("unknown-enum-value", 1, 24, "'kind' has no value \"KIND_GPU\".", "Write KIND_GPU without quotes."),
        id="enum value in quotes",
    ),
    pytest.param(
        "instance_group { kind: 2147483648 }",
        (
            "unknown-enum-value",
            1,
            24,
            "'kind' has no value 2147483648.",
            "Write one of: KIND_AUTO, KIND_GPU, KIND_CPU, KIND_MODEL.",
        ),
        id="number too large for an enum",
    ),
    pytest.param(
        'name: "a"\nname: "a"',
        ("given-twice", 2, 1, "'name' is given more than once.", "Remove all but one of them."),
        id="scalar twice",
    ),
    pytest.param(
        "optimization { } optimization { }",
        ("given-twice", 1, 18, "'optimization' is given more than once.", "Remove all but one of them."),
        id="message twice",
    ),
    pytest.param(
        "instance_group { kind: KIND_CPU kind: KIND_AUTO }",
        ("given-twice", 1, 33, "'kind' is given more than once.", "Remove all but one of them."),
        id="enum twice",
    ),
    pytest.param(
        "dynamic_batching { } dynamic_batching { }",
        ("given-twice", 1, 22, "'dynamic_batching' is given more than once.", "Remove all but one of them."),
        id="member of a oneof twice",
    ),
    pytest.param(
        "dynamic_batching { }\nsequence_batching { }",
        (
            "oneof",
            2,
            1,
            "'sequence_batching' cannot stand beside 'dynamic_batching': only one of them.",
            "Remove one of the two.",
        ),
        id="two members of a oneof",
    ),
    pytest.param(
        "version_policy { latest { } all { } }",
        ("oneof", 1, 29, "'all' cannot stand beside 'latest': only one of them.", "Remove one of the two."),
        id="two members of a nested oneof",
    ),
    pytest.param(
        'metric_tags { name: "a" }',
        (
            "unknown-field",
            1,
            15,
            "an entry of 'metric_tags' has 'key' and 'value' only.",
            "Write metric_tags { key: ... value: ... }.",
        ),
        id="another field in a map entry",
    ),
    pytest.param(
        'metric_tags { key: [ "a" ] }',
        (
            "not-repeated",
            1,
            20,
            "'key' takes one value, not a list.",
            "Write one value without the brackets '[' and ']'.",
        ),
        id="list for a map key",
    ),
    pytest.param(
        'metric_tags { key: "a" key: "b" }',
        ("given-twice", 1, 24, "'key' is given more than once.", "Remove all but one of them."),
        id="two keys in a map entry",
    ),
    pytest.param(
        'parameters { key: "a" value: "b" }',
        (
            "wrong-type",
            1,
            30,
            "'value' is a message: expected '{', found \"b\".",
            "Write its fields in brackets: value { ... }.",
        ),
        id="scalar for a map's message",
    ),
]


@pytest.mark.parametrize(("text", "problem"), REFUSED)
def test_what_triton_would_refuse_is_a_finding_with_its_place(text, problem):
    findings = read_text(text).findings
    assert [(f.rule, f.line, f.column, f.message, f.hint) for f in findings] == [problem]


def test_a_finding_shows_its_line_with_a_caret():
    (finding,) = read_text('name: "a"\n\tmax_batch_size: 1.5 # eight\n').findings
    assert finding.excerpt == "\tmax_batch_size: 1.5 # eight\n\t                ^"


def test_all_problems_are_found_at_once_and_the_rest_is_read():
    data, findings = read_text('name: "m"\nfoo: 1\nmax_batch_size: x\ninstance_group [ { kind: GPU count: 2 } ]\n')
    assert [(finding.rule, finding.line) for finding in findings] == [
        ("unknown-field", 2),
        ("wrong-type", 3),
        ("unknown-enum-value", 4),
    ]
    assert data == {"name": "m", "instance_group": [{"count": 2}]}


def test_the_root_can_be_any_message_of_the_schema():
    assert read_text("kind: KIND_GPU", "ModelInstanceGroup") == ({"kind": "KIND_GPU"}, [])


@pytest.mark.parametrize(
    ("field_type", "value"),
    [("string", ""), ("bool", False), ("int32", 0), ("float", 0), ("ModelInstanceGroup.Kind", "KIND_AUTO")],
)
def test_the_default_of_a_field_that_is_not_given(field_type, value):
    assert default(field_type) == value


def test_deep_nesting_is_no_problem_for_the_reader():
    text = "a { " * 2000 + "} " * 2000
    assert [finding.rule for finding in read_text(text).findings] == ["unknown-field"]
