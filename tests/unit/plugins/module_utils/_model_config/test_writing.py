# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain data from people to the values that a document takes, and the same merge done on data."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config.findings import ConfigError
from ansible_collections.inference.triton.plugins.module_utils._model_config.writing import merged, to_data, to_values
from ansible_collections.inference.triton.plugins.module_utils._textproto.values import Identifier, Map


def problems_of(data, message="ModelConfig"):
    with pytest.raises(ConfigError) as raised:
        to_values(data, message)
    assert str(raised.value) == "\n".join(raised.value.problems)
    return raised.value.problems


@pytest.mark.parametrize(
    ("data", "values"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param({"name": "a"}, {"name": "a"}, id="string"),
        pytest.param({"name": "1"}, {"name": "1"}, id="string that looks like a number"),
        pytest.param({"max_batch_size": 8}, {"max_batch_size": 8}, id="number"),
        pytest.param({"max_batch_size": "8"}, {"max_batch_size": 8}, id="number from a template"),
        pytest.param({"max_batch_size": "-8"}, {"max_batch_size": -8}, id="negative number from a template"),
        pytest.param({"response_cache": {"enable": "yes"}}, {"response_cache": {"enable": True}}, id="yes"),
        pytest.param({"response_cache": {"enable": "False"}}, {"response_cache": {"enable": False}}, id="False"),
        pytest.param({"response_cache": {"enable": True}}, {"response_cache": {"enable": True}}, id="truth value"),
        pytest.param(
            {"model_metrics": {"metric_control": [{"histogram_options": {"buckets": [1, "2.5", 3.5]}}]}},
            {"model_metrics": {"metric_control": [{"histogram_options": {"buckets": [1.0, 2.5, 3.5]}}]}},
            id="floats",
        ),
        pytest.param({"input": []}, {"input": []}, id="empty list"),
        pytest.param({"input": ({"dims": (1, -1)},)}, {"input": [{"dims": [1, -1]}]}, id="tuples"),
        pytest.param({"dynamic_batching": {}}, {"dynamic_batching": {}}, id="empty message"),
        pytest.param(
            {"parameters": {"a.b": {"string_value": "1"}}}, {"parameters": {"a.b": {"string_value": "1"}}}, id="map"
        ),
        pytest.param(
            {"dynamic_batching": {"priority_queue_policy": {"1": {"max_queue_size": 2}}}},
            {"dynamic_batching": {"priority_queue_policy": {1: {"max_queue_size": 2}}}},
            id="keys of JSON are strings, those of the map are numbers",
        ),
    ],
)
def test_data_that_fits_is_converted(data, values):
    assert to_values(data) == values


def test_numbers_become_floats_where_the_schema_has_floats():
    value = to_values({"direct": {"minimum_slot_utilization": 1}}, "ModelSequenceBatching")
    assert isinstance(value["direct"]["minimum_slot_utilization"], float)


@pytest.mark.parametrize("given", ["KIND_CPU", 2])
def test_an_enum_value_becomes_an_identifier_that_knows_its_number(given):
    kind = to_values({"kind": given}, "ModelInstanceGroup")["kind"]
    assert isinstance(kind, Identifier)
    assert (kind, kind.number) == ("KIND_CPU", 2)


def test_maps_are_told_from_messages():
    values = to_values({"parameters": {"a": {"string_value": "b"}}})
    assert isinstance(values["parameters"], Map)
    assert not isinstance(values["parameters"]["a"], Map)


UNKNOWN_FIELDS = [
    pytest.param({"foo": 1}, "foo: ModelConfig has no such field.", id="at the top"),
    pytest.param(
        {"instance_groups": []},
        "instance_groups: ModelConfig has no such field. Did you mean 'instance_group'?",
        id="with a close name",
    ),
    pytest.param(
        {"instance_group": [{}, {"kinds": 1}]},
        "instance_group[1].kinds: ModelInstanceGroup has no such field. Did you mean 'kind'?",
        id="in a list",
    ),
    pytest.param(
        {"parameters": {"a b": {"value": 1}}},
        "parameters.a b.value: ModelParameter has no such field. Did you mean 'string_value'?",
        id="in a map",
    ),
    pytest.param({1: 2}, "1: ModelConfig has no such field.", id="with a number for a name"),
]

WRONG_SHAPES = [
    pytest.param(
        [], "the configuration: expected a mapping of ModelConfig's fields, found 'list'.", id="list for the whole"
    ),
    pytest.param(
        {"instance_group": {}},
        "instance_group: expected a list, since 'instance_group' is repeated, found 'dict'.",
        id="mapping",
    ),
    pytest.param(
        {"instance_group": "x"},
        "instance_group: expected a list, since 'instance_group' is repeated, found 'x'.",
        id="string",
    ),
    pytest.param(
        {"parameters": []},
        "parameters: expected a mapping, since 'parameters' is a map, found 'list'.",
        id="list for a map",
    ),
    pytest.param(
        {"optimization": 1},
        "optimization: expected a mapping of ModelOptimizationPolicy's fields, found 1.",
        id="number for a message",
    ),
    pytest.param({"name": ["a"]}, "name: expected a string, found 'list'.", id="list for a string"),
    pytest.param({"name": None}, "name: null is not a value. To take a field away, name it in 'remove'.", id="null"),
    pytest.param(
        {"instance_group": [None]},
        "instance_group[0]: expected a mapping of ModelInstanceGroup's fields, found 'NoneType'.",
        id="null in a list",
    ),
    pytest.param(
        {"input": [{"dims": [None]}]}, "input[0].dims[0]: expected a int64, found 'NoneType'.", id="null for a number"
    ),
    pytest.param(
        {"parameters": {"a": None}},
        "parameters.a: expected a mapping of ModelParameter's fields, found 'NoneType'.",
        id="null in a map",
    ),
]

WRONG_SCALARS = [
    pytest.param({"name": 1}, "name: expected a string, found 1. Put it in quotes.", id="number for a string"),
    pytest.param({"name": True}, "name: expected a string, found True. Put it in quotes.", id="truth for a string"),
    pytest.param(
        {"max_batch_size": "many"},
        "max_batch_size: expected a whole number (int32), found 'many'.",
        id="word for a number",
    ),
    pytest.param({"max_batch_size": 1.0}, "max_batch_size: expected a whole number (int32), found 1.0.", id="float"),
    pytest.param(
        {"max_batch_size": "1.0"}, "max_batch_size: expected a whole number (int32), found '1.0'.", id="float text"
    ),
    pytest.param(
        {"max_batch_size": " 1"}, "max_batch_size: expected a whole number (int32), found ' 1'.", id="with a blank"
    ),
    pytest.param({"max_batch_size": True}, "max_batch_size: expected a whole number (int32), found True.", id="truth"),
    pytest.param(
        {"max_batch_size": 1 << 31},
        "max_batch_size: expected a number in the range of int32, found 2147483648.",
        id="too large",
    ),
    pytest.param(
        {"dynamic_batching": {"priority_levels": -1}},
        "dynamic_batching.priority_levels: expected a number in the range of uint64, found -1.",
        id="negative for an unsigned number",
    ),
    pytest.param(
        {"response_cache": {"enable": 1}},
        "response_cache.enable: expected true or false, found 1.",
        id="number for a truth",
    ),
    pytest.param(
        {"response_cache": {"enable": "maybe"}},
        "response_cache.enable: expected true or false, found 'maybe'.",
        id="word for a truth",
    ),
    pytest.param(
        {"sequence_batching": {"direct": {"minimum_slot_utilization": "half"}}},
        "sequence_batching.direct.minimum_slot_utilization: expected a number, found 'half'.",
        id="word for a float",
    ),
    pytest.param(
        {"sequence_batching": {"direct": {"minimum_slot_utilization": True}}},
        "sequence_batching.direct.minimum_slot_utilization: expected a number, found True.",
        id="truth for a float",
    ),
    pytest.param(
        {"instance_group": [{"kind": "GPU"}]},
        "instance_group[0].kind: expected one of KIND_AUTO, KIND_GPU, KIND_CPU, KIND_MODEL, found 'GPU'. "
        "Did you mean 'KIND_GPU'?",
        id="short enum with few values",
    ),
    pytest.param(
        {"input": [{"data_type": "TYPE_FLOAT32"}]},
        "input[0].data_type: expected a DataType, found 'TYPE_FLOAT32'. Did you mean 'TYPE_FP32'?",
        id="enum with many values",
    ),
    pytest.param(
        {"instance_group": [{"kind": 9}]},
        "instance_group[0].kind: expected one of KIND_AUTO, KIND_GPU, KIND_CPU, KIND_MODEL, found 9.",
        id="number that the enum does not have",
    ),
    pytest.param(
        {"instance_group": [{"kind": True}]},
        "instance_group[0].kind: expected one of KIND_AUTO, KIND_GPU, KIND_CPU, KIND_MODEL, found True.",
        id="truth for an enum",
    ),
    pytest.param(
        {"dynamic_batching": {"priority_queue_policy": {"first": {}}}},
        "dynamic_batching.priority_queue_policy: expected a whole number (uint64), found 'first'.",
        id="word for a number key",
    ),
]


@pytest.mark.parametrize(("data", "problem"), UNKNOWN_FIELDS + WRONG_SHAPES + WRONG_SCALARS)
def test_what_does_not_fit_is_a_problem_with_its_place(data, problem):
    assert problems_of(data) == [problem]


def test_two_members_of_a_oneof_cannot_be_asked_for():
    assert problems_of({"dynamic_batching": {}, "sequence_batching": {}}) == [
        "sequence_batching: cannot stand beside 'dynamic_batching': only one of them."
    ]


def test_all_problems_are_found_at_once():
    data = {"max_batch": 1, "input": [{"data_type": "TYPE_FLOAT32", "dim": 1}], "instance_group": {}, "name": None}
    assert [problem.partition(":")[0] for problem in problems_of(data)] == [
        "max_batch",
        "input[0].data_type",
        "input[0].dim",
        "instance_group",
        "name",
    ]


@pytest.mark.parametrize("value", [10**400, datetime.date(2026, 1, 1), b"0.5x"], ids=["huge", "date", "bytes"])
def test_a_value_that_is_no_float_at_all_is_a_problem_like_any_other(value):
    (problem,) = problems_of({"minimum_slot_utilization": value}, "ModelSequenceBatching.StrategyDirect")
    assert problem.startswith("minimum_slot_utilization: expected a number")


def test_values_become_data_again():
    data = {
        "name": "a",
        "instance_group": [{"kind": "KIND_GPU", "gpus": [0, 1]}],
        "parameters": {"a": {"string_value": "b"}},
    }
    again = to_data(to_values(data))
    assert again == data
    assert again["parameters"].__class__ is dict
    assert again["instance_group"][0]["kind"].__class__ is str


GROUPS = [{"count": 1}, {"count": 2}, {"count": 3}]


@pytest.mark.parametrize(
    ("data", "asked", "lists", "result"),
    [
        pytest.param(
            {"name": "a"}, {"max_batch_size": 1}, "merge", {"name": "a", "max_batch_size": 1}, id="another field"
        ),
        pytest.param({"name": "a"}, {"name": "b"}, "merge", {"name": "b"}, id="same field"),
        pytest.param(
            {"optimization": {"priority": "PRIORITY_MAX"}},
            {"optimization": {"graph": {"level": 1}}},
            "merge",
            {"optimization": {"priority": "PRIORITY_MAX", "graph": {"level": 1}}},
            id="messages field by field",
        ),
        pytest.param(
            {"metric_tags": {"a": "1"}},
            {"metric_tags": {"b": "2"}},
            "merge",
            {"metric_tags": {"a": "1", "b": "2"}},
            id="maps by key",
        ),
        pytest.param(
            {"metric_tags": {"a": "1"}},
            {"metric_tags": {"b": "2"}},
            "replace",
            {"metric_tags": {"a": "1", "b": "2"}},
            id="maps by key, also where lists are replaced",
        ),
        pytest.param(
            {"instance_group": GROUPS},
            {"instance_group": [{"kind": "KIND_GPU"}]},
            "merge",
            {"instance_group": [{"count": 1, "kind": "KIND_GPU"}, {"count": 2}, {"count": 3}]},
            id="lists by position, further elements stay",
        ),
        pytest.param(
            {"instance_group": GROUPS},
            {"instance_group": [{"kind": "KIND_GPU"}]},
            "replace",
            {"instance_group": [{"kind": "KIND_GPU"}]},
            id="lists replaced whole",
        ),
        pytest.param(
            {"instance_group": GROUPS}, {"instance_group": []}, "merge", {"instance_group": GROUPS}, id="empty list"
        ),
        pytest.param({"instance_group": GROUPS}, {"instance_group": []}, "replace", {}, id="empty list instead"),
        pytest.param({}, {"instance_group": []}, "merge", {}, id="an empty list is no field"),
        pytest.param({}, {"metric_tags": {}}, "merge", {}, id="an empty map is no field"),
        pytest.param({}, {"dynamic_batching": {}}, "merge", {"dynamic_batching": {}}, id="an empty message is one"),
        pytest.param(
            {},
            {"instance_group": [{"kind": "KIND_GPU", "gpus": []}]},
            "merge",
            {"instance_group": [{"kind": "KIND_GPU"}]},
            id="nor is one in a new element",
        ),
        pytest.param(
            {"instance_group": GROUPS},
            {"instance_group": [{"kind": "KIND_GPU", "gpus": []}]},
            "replace",
            {"instance_group": [{"kind": "KIND_GPU"}]},
            id="nor is one in an element that replaces",
        ),
        pytest.param(
            {"input": [{"dims": [1, 2, 3]}]},
            {"input": [{"dims": [5]}]},
            "merge",
            {"input": [{"dims": [5, 2, 3]}]},
            id="scalars by position",
        ),
    ],
)
def test_the_merge_on_data(data, asked, lists, result):
    assert merged(data, to_values(asked), lists) == result
