# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters placement_fleet and placement_fleet_report as playbooks call them."""

from __future__ import annotations

import os

import pytest

pytest.importorskip("ansible.errors", reason="filters run on the controller")

from ansible.errors import AnsibleFilterError
from ansible_collections.inference.triton.plugins.filter.placement_reports import FilterModule
from ansible_collections.inference.triton.tests.unit.plugins.plugin_utils.placement_results import fallen, model, proof

yaml = pytest.importorskip("yaml")

FILTERS = FilterModule().filters()
RESULTS = {"gpu-1": {"placement_info": proof(model(), fallen())}}


def documentation(name):
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "..", "..", "..", "..", "plugins", "filter", f"{name}.yml"), "rb") as file:
        return yaml.safe_load(file)


def test_the_lines_are_text():
    lines = FILTERS["placement_fleet_report"](RESULTS)
    assert lines[1].startswith("gpu-1  CONTRADICTED")
    assert (
        max(map(len, lines)) <= documentation("placement_fleet_report")["DOCUMENTATION"]["options"]["width"]["default"]
    )


@pytest.mark.parametrize("width", [60, "60"])
def test_the_width_is_a_number_also_as_text(width):
    assert max(map(len, FILTERS["placement_fleet_report"](RESULTS, width=width))) <= 60


def test_what_is_cut_short_says_where_the_rest_is():
    results = {f"gpu-{number}": RESULTS["gpu-1"] for number in range(20)}
    lines = FILTERS["placement_fleet_report"](results, width=200, elsewhere="see fleet.json")
    assert [line for line in lines if line.endswith("and 10 more, see fleet.json")]


@pytest.mark.parametrize("width", ["wide", None, []])
def test_a_width_that_is_no_number_is_an_error(width):
    with pytest.raises(AnsibleFilterError, match="width is a number of columns"):
        FILTERS["placement_fleet_report"](RESULTS, width=width)


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_the_input_is_a_mapping(name):
    with pytest.raises(AnsibleFilterError, match=rf"{name}: expected the results"):
        FILTERS[name]([RESULTS])


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_every_filter_is_documented(name):
    assert documentation(name)["DOCUMENTATION"]["name"] == name


def test_the_data_have_the_documented_keys():
    documented = documentation("placement_fleet")["RETURN"]["_value"]["contains"]
    data = FILTERS["placement_fleet"](RESULTS)
    assert set(data) == set(documented)
    assert set(data["hosts"][0]) == set(documented["hosts"]["contains"])
    assert set(data["attention"][0]) == set(documented["attention"]["contains"])
