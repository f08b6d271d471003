# SPDX-License-Identifier: GPL-3.0-or-later
"""The groups that a rule wants on a host, and of a model. What comes of them stands in test_decision."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import Gpu, VisibleGpus
from ansible_collections.inference.triton.plugins.module_utils._policy.parsing import parse_policy
from ansible_collections.inference.triton.plugins.module_utils._policy.target import Wanted, on_host, target_groups

GPU, CPU = {"kind": "KIND_GPU"}, {"kind": "KIND_CPU"}
HOST = VisibleGpus((Gpu(0, memory_mib=16384), Gpu(1, memory_mib=81559), Gpu(2, memory_mib=81559)), source="facts")


def rule(*groups, level="explicit", **fields):
    return parse_policy({"rules": [{"instance_group": list(groups), "level": level, **fields}]}).rules[0]


# On a host


@pytest.mark.parametrize(
    ("gpus", "ordinals"),
    [("all", [0, 1, 2]), ([2, 0], [2, 0]), ({"memory_gb": 40}, [1, 2]), ({"memory_gb": 40, "count": 1}, [1])],
    ids=str,
)
def test_devices_are_chosen_on_the_host(gpus, ordinals):
    assert on_host(rule({**GPU, "gpus": gpus}, CPU), HOST) == Wanted([{**GPU, "gpus": ordinals}, CPU], "")


def test_a_rule_that_names_no_devices_needs_no_host():
    assert on_host(rule({**GPU, "count": 2}), None) == Wanted([{**GPU, "count": 2}], "")


def test_one_group_whose_devices_are_not_there_is_enough_to_want_nothing():
    wanted = on_host(rule(GPU, {**GPU, "gpus": {"memory_gb": 200}}), HOST)
    assert wanted.groups == []
    assert wanted.problem.startswith("no GPU with memory_gb: 200 here; the server sees 0: ")


def test_the_rule_itself_stays_as_it_is():
    parsed = rule({**GPU, "gpus": "all"})
    on_host(parsed, HOST).groups[0]["count"] = 3
    assert parsed.groups == (GPU,)


# Of a model


def test_level_exact_keeps_the_order_of_the_same_devices():
    wanted = [{**GPU, "gpus": [0, 1]}]
    before = [{**GPU, "gpus": [1, 0]}]
    assert target_groups(before, rule(*wanted, level="exact"), wanted) == before


@pytest.mark.parametrize("gpus", [[0], [0, 1, 2], [0, 0, 1], []], ids=str)
def test_level_exact_wants_no_other_devices(gpus):
    wanted = [{**GPU, "gpus": [0, 1]}]
    assert target_groups([{**GPU, "gpus": gpus}], rule(*wanted, level="exact"), wanted) == wanted


def test_level_kind_leaves_alone_what_it_accepts():
    accepting = rule(GPU, level="kind", accepts=["KIND_MODEL"])
    model = {"kind": "KIND_MODEL", "count": 2}
    assert target_groups([model, CPU], accepting, [GPU]) == [model, GPU]


def test_a_group_too_many_for_the_rule_gets_the_last_of_its_kinds():
    assert target_groups([{}, {}, {}], rule(GPU, CPU), [GPU, CPU]) == [GPU, CPU, CPU]


def test_nothing_that_was_given_is_changed():
    before, wanted = [{"gpus": [0]}], [{**CPU}]
    target_groups(before, rule(CPU, level="exact"), wanted)[0]["count"] = 9
    assert (before, wanted) == ([{"gpus": [0]}], [CPU])
