# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a model runs with something else than a configuration says, and where the server has only filled in."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._proof.running_config import differences

# As tritonserver 2.51.0 gives it, shortened.
RUNNING = {
    "name": "m",
    "platform": "",
    "backend": "python",
    "version_policy": {"latest": {"num_versions": 1}},
    "max_batch_size": 0,
    "input": [{"name": "IN", "data_type": "TYPE_FP32", "dims": [1], "optional": False}],
    "instance_group": [
        {"name": "m_0", "kind": "KIND_GPU", "count": 2, "gpus": [0, 1], "secondary_devices": [{"device_id": "7"}]}
    ],
    "sequence_batching": {"direct": {"minimum_slot_utilization": 0.10000000149011612}},
    "dynamic_batching": {"priority_queue_policy": {"1": {"max_queue_size": 3}}},
    "parameters": {"x": {"string_value": "1"}},
    "model_warmup": [],
}


def group(**fields):
    return {"instance_group": [fields]}


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"backend": "python", "platform": "", "max_batch_size": 0},
        {"name": "m"},
        {"input": [{"name": "IN", "dims": [1]}]},
        {"parameters": {"x": {"string_value": "1"}}},
        {"model_warmup": []},
        {"response_cache": {}, "metric_tags": {}},
        {"sequence_batching": {"direct": {"minimum_slot_utilization": 0.1}}},
        {"dynamic_batching": {"priority_queue_policy": {1: {"max_queue_size": 3}}}},
        group(),
        group(count=2),
        group(kind="KIND_GPU"),
        group(kind="KIND_AUTO", count=0, gpus=[], name=""),
        group(kind="KIND_GPU", gpus=[0, 1]),
        group(secondary_devices=[{"device_id": 7}]),
    ],
)
def test_what_the_server_has_filled_in_is_no_difference(wanted):
    assert differences(wanted, RUNNING) == []


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ({"backend": "onnxruntime"}, "backend"),
        ({"max_batch_size": 8}, "max_batch_size"),
        ({"input": [{"name": "IN", "optional": True}]}, "input[0].optional"),
        ({"input": []}, "input"),
        ({"output": [{"name": "OUT"}]}, "output"),
        ({"parameters": {"x": {"string_value": "2"}}}, "parameters.x.string_value"),
        ({"parameters": {"y": {"string_value": "1"}}}, "parameters.y"),
        ({"sequence_batching": {"direct": {"minimum_slot_utilization": 0.2}}}, "sequence_batching.direct."),
        ({"ensemble_scheduling": {"step": [{"model_name": "a"}]}}, "ensemble_scheduling"),
        (group(kind="KIND_CPU"), "instance_group[0].kind"),
        (group(count=1), "instance_group[0].count"),
        (group(gpus=[1, 0]), "instance_group[0].gpus[0]"),
        (group(gpus=[0]), "instance_group[0].gpus"),
        ({"instance_group": [{}, {}]}, "instance_group"),
    ],
)
def test_a_difference_is_named_by_its_path(wanted, path):
    assert differences(wanted, RUNNING)[0].startswith(path)


def test_whole_numbers_are_compared_exactly():
    assert differences({"a": 2**40}, {"a": 2**40 + 1}) == ["a"]
    assert differences({"a": float("inf")}, {"a": float("inf")}) == []


def test_a_truth_is_not_a_number():
    assert differences({"a": True}, {"a": 1}) == ["a"]
