# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters of the playbook rollout: each does what its own example says, and refuses what it cannot take."""

from __future__ import annotations

import os

import pytest

pytest.importorskip("ansible.errors", reason="filters run on the controller")

from ansible.errors import AnsibleFilterError
from ansible_collections.inference.triton.plugins.filter.rollout import FilterModule

yaml = pytest.importorskip("yaml")

FILTERS = FilterModule().filters()
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "..", "plugins", "filter")


def documentation(name):
    with open(os.path.join(FOLDER, f"{name}.yml"), "rb") as file:
        return yaml.safe_load(file)


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_options_are_documented(name):
    code = FILTERS[name].__code__
    options = documentation(name)["DOCUMENTATION"]["options"]
    assert list(options)[1:] == list(code.co_varnames[1 : code.co_argcount])


def test_the_example_of_batches():
    assert (
        FILTERS["rollout_batches"](["a", "b", "c", "d"], ["c"], [1, "50%"])
        == documentation("rollout_batches")["RETURN"]["_value"]["sample"]
    )


def test_sizes_that_are_none():
    with pytest.raises(AnsibleFilterError, match="rollout_batches: batches are numbers"):
        FILTERS["rollout_batches"](["a"], [], ["half"])


def test_the_report_can_be_told_again():
    state = {
        "batch": 1,
        "outcome": "unchanged",
        "reason": "",
        "drained": False,
        "before": {"version": "2.51.0"},
        "version": "2.51.0",
        "policy": {"compliant": 3},
        "grades": {"proved": 3},
    }
    report = FILTERS["rollout_report"]({"gpu-1": state}, lost={}, batches=[["gpu-1"]], stopped_by="")
    assert FILTERS["rollout_summary"](report)[:2] == documentation("rollout_summary")["RETURN"]["_value"]["sample"]


def test_what_moved():
    group = {"kind": "KIND_CPU", "count": 1, "gpus": []}
    proof = {
        "models": [
            {"name": "ranker", "served": True, "resolved": [{"version": "1", "state": "READY", "groups": [group]}]}
        ]
    }
    assert FILTERS["rollout_places"](proof) == {"ranker": "version 1: 1 KIND_CPU"}
    assert (
        FILTERS["rollout_moved"](proof, {"ranker": "version 1: 1 KIND_GPU on GPU 0"})
        == documentation("rollout_moved")["RETURN"]["_value"]["sample"]
    )


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("rollout_places", []),
        ("rollout_moved", [{}]),
        ("rollout_report", [{}, [], ""]),
        ("rollout_summary", []),
    ],
)
def test_what_they_cannot_take(name, arguments):
    with pytest.raises(AnsibleFilterError, match=f"{name}: expected .*, found NoneType"):
        FILTERS[name](None, *arguments)
