# SPDX-License-Identifier: GPL-3.0-or-later
"""Field paths as people write them, resolved in a document."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config.change import merge, parse
from ansible_collections.inference.triton.plugins.module_utils._model_config.field_path import resolve
from ansible_collections.inference.triton.plugins.module_utils._model_config.findings import ConfigError
from ansible_collections.inference.triton.plugins.module_utils._textproto.document import Document

TEXT = b"""\
name: "m"
instance_group [ { kind: KIND_GPU gpus: [ 0, 1 ] }, { count: 2 } ]
instance_group { kind: KIND_CPU }
parameters { key: "threads" value { string_value: "4" } }
parameters { key: "a.b" value { string_value: "5" } }
parameters { key: "value" value { string_value: "6" } }
metric_tags { key: "team" value: "vision" }
dynamic_batching { priority_queue_policy { key: 0x7 value { max_queue_size: 1 } } }
optimization { execution_accelerators { gpu_execution_accelerator { name: "tensorrt" } } }
"""


def removed(*paths, text=TEXT):
    """What is gone from the data when the paths are taken away."""
    change = merge(parse(text), {}, "merge", paths)
    return difference(change.before, change.after)


def difference(before, after):
    if before == after:
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        gone = [(key,) for key in before if key not in after]
        return gone + [(key, *rest) for key in after for rest in difference(before[key], after[key])]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [(i, *rest) for i, pair in enumerate(zip(before, after)) for rest in difference(*pair)]
    return [(len(before), "->", len(after))]


@pytest.mark.parametrize(
    ("path", "gone"),
    [
        ("name", [("name",)]),
        ("instance_group", [("instance_group",)]),
        ("instance_group[0].gpus", [("instance_group", 0, "gpus")]),
        ("instance_group[1].count", [("instance_group", 1, "count")]),
        ("instance_group[2].kind", [("instance_group", 2, "kind")]),
        ("instance_group[2]", [("instance_group", 3, "->", 2)]),
        ("instance_group[0].gpus[1]", [("instance_group", 0, "gpus", 2, "->", 1)]),
        ("parameters", [("parameters",)]),
        ("parameters.threads", [("parameters", "threads")]),
        ('parameters["threads"]', [("parameters", "threads")]),
        ('parameters["a.b"]', [("parameters", "a.b")]),
        ("parameters.value", [("parameters", "value")]),
        ('parameters["a.b"].string_value', [("parameters", "a.b", "string_value")]),
        ("metric_tags.team", [("metric_tags",)]),
        ("dynamic_batching.priority_queue_policy.7", [("dynamic_batching", "priority_queue_policy")]),
        ("dynamic_batching.priority_queue_policy[7]", [("dynamic_batching", "priority_queue_policy")]),
        (
            "dynamic_batching.priority_queue_policy.7.max_queue_size",
            [("dynamic_batching", "priority_queue_policy", 7, "max_queue_size")],
        ),
        (
            "optimization.execution_accelerators.gpu_execution_accelerator[0].name",
            [("optimization", "execution_accelerators", "gpu_execution_accelerator", 0, "name")],
        ),
    ],
)
def test_a_path_names_one_thing(path, gone):
    assert removed(path) == gone


@pytest.mark.parametrize(
    "path",
    [
        "max_batch_size",
        "instance_group[3]",
        "instance_group[3].kind",
        "instance_group[1].gpus",
        "instance_group[1].gpus[0]",
        "instance_group[0].gpus[2]",
        "parameters.none",
        "parameters.none.string_value",
        'parameters["threads "]',
        "dynamic_batching.priority_queue_policy.8",
        "dynamic_batching.priority_queue_policy[8]",
        "sequence_batching.direct.max_queue_delay_microseconds",
        "input",
        "input[0].dims",
    ],
)
def test_what_is_not_there_is_nothing(path):
    assert resolve(Document.parse(TEXT), path) == []
    assert removed(path) == []


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("foo", "foo: ModelConfig has no field 'foo'."),
        (
            "instance_groups",
            "instance_groups: ModelConfig has no field 'instance_groups'. Did you mean 'instance_group'?",
        ),
        (
            "instance_group[0].kin",
            "instance_group[0].kin: ModelInstanceGroup has no field 'kin'. Did you mean 'kind'?",
        ),
        (
            "parameters.threads.string",
            "parameters.threads.string: ModelParameter has no field 'string'. Did you mean 'string_value'?",
        ),
        ("name.x", "name.x: there can be nothing at 'x'."),
        ("name[0]", "name[0]: there can be nothing at '[0]'."),
        ("optimization[0]", "optimization[0]: there can be nothing at '[0]'."),
        ("metric_tags.team.x", "metric_tags.team.x: there can be nothing at 'x'."),
        ("instance_group[0][0]", "instance_group[0][0]: there can be nothing at '[0]'."),
    ],
)
def test_what_the_schema_does_not_have_is_an_error(path, problem):
    with pytest.raises(ConfigError) as raised:
        resolve(Document.parse(TEXT), path)
    assert raised.value.problems == [problem]


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "name.",
        "instance_group[",
        "instance_group[]",
        "instance_group[-1]",
        "instance_group[0]kind",
        'parameters["a',
    ],
)
def test_what_is_no_path_is_an_error_with_an_example(path):
    with pytest.raises(ConfigError, match=r"is not a field path\. Write for example") as raised:
        resolve(Document.parse(TEXT), path)
    assert repr(path) in str(raised.value)


@pytest.mark.parametrize("path", ["instance_group.gpus", 'instance_group["0"]', "instance_group.0"])
def test_a_path_through_a_list_has_to_say_which_element(path):
    with pytest.raises(ConfigError) as raised:
        resolve(Document.parse(TEXT), path)
    assert raised.value.problems == [
        f"{path}: 'instance_group' is a list. Say which element, for example instance_group[0]."
    ]


def test_all_wrong_paths_are_reported_at_once():
    with pytest.raises(ConfigError) as raised:
        merge(parse(TEXT), {}, "merge", ["foo", "name", "bar"])
    assert [problem.partition(":")[0] for problem in raised.value.problems] == ["foo", "bar"]


def test_a_map_entry_that_is_there_twice_goes_altogether():
    text = b'metric_tags { key: "a" value: "1" }\nmetric_tags { key: "b" }\nmetric_tags { key: "a" value: "2" }\n'
    assert merge(parse(text), {}, "merge", ["metric_tags.a"]).text == b'metric_tags { key: "b" }\n'


def test_several_elements_of_one_list_are_those_of_the_file():
    text = b"instance_group [ { count: 1 }, { count: 2 }, { count: 3 } ]\n"
    after = merge(parse(text), {}, "merge", ["instance_group[0]", "instance_group[1]"]).after
    assert after == {"instance_group": [{"count": 3}]}
