# SPDX-License-Identifier: GPL-3.0-or-later
"""The report on a fleet as text: what is in it, and that it fits."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.plugin_utils._placement_fleet import fleet
from ansible_collections.inference.triton.plugins.plugin_utils._placement_table import report
from ansible_collections.inference.triton.tests.unit.plugins.plugin_utils.placement_results import (
    FALLBACK,
    NO_SERVER,
    UNREACHABLE,
    fallen,
    file,
    model,
    policy,
    proof,
)

OK = {"placement_info": proof(model()), "instance_group_policy": policy(file("compliant"))}
FALLEN = {"placement_info": proof(model(), fallen())}
EVERY_STATUS = [
    "compliant",
    "changed",
    "violation",
    "waived",
    "exempt",
    "incompatible",
    "template",
    "invalid",
    "unmatched",
]
FULL = {"placement_info": proof(model(), fallen()), "instance_group_policy": policy(*map(file, EVERY_STATUS))}


def text(raw, *arguments):
    return [line.text for line in report(fleet(raw), *arguments)]


def test_a_table_the_sums_and_what_needs_attention():
    assert text({"a": OK, "b": FALLEN}, 100) == [
        "HOST  STATE         GPUS  MODELS  GPU  CPU  PROV  CONS  UNPR  CONTR  COMPL",
        "b     CONTRADICTED     1       2    1    1     1     0     0      1      -",
        "a     OK               1       1    1    0     1     0     0      0      1",
        "",
        "2 hosts: 1 CONTRADICTED, 1 OK. 3 models: 2 proved, 1 contradicted; 1 on the CPU.",
        "",
        "error: silent_fallback",
        "  where:   ranker on b",
        "  cause:   ranker runs on the CPU, and nobody decided so.",
        "  do this: Write kind: KIND_GPU into group 0, and load it again.",
    ]


def test_the_lines_of_a_problem_have_its_severity():
    coloured = {line.text.split("  ")[0]: line.severity for line in report(fleet({"a": OK, "b": FALLEN}))}
    assert (coloured["a"], coloured["b"], coloured["error: silent_fallback"]) == ("", "error", "error")
    assert coloured["HOST"] == ""


def test_where_there_is_room_headings_are_whole_words():
    assert text({"a": OK}, 120)[:2] == [
        "HOST  STATE  GPUS  MODELS  ON GPU  ON CPU  PROVED  CONSISTENT  UNPROVED  CONTRADICTED  COMPLIANT",
        "a     OK        1       1       1       0       1           0         0             0          1",
    ]


def test_where_it_is_tighter_the_policy_has_a_table_of_its_own():
    lines = text({"gpu-1": {**OK, "instance_group_policy": policy(file("compliant"), file("waived"))}}, 70)
    assert lines[:5] == [
        "HOST   STATE  GPUS  MODELS  GPU  CPU  PROV  CONS  UNPR  CONTR",
        "gpu-1  OK        1       1    1    0     1     0     0      0",
        "",
        "HOST   STATE  COMPLIANT  WAIVED",
        "gpu-1  OK             1       1",
    ]


@pytest.mark.parametrize("width", [40, 60, 79, 80, 100, 120, 200])
def test_nothing_is_wider_than_it_may_be(width):
    long = "a-host-with-a-long-name.in.a.large.example.com"
    hosts = {long: FULL, "b": OK, "c": {"placement_info": NO_SERVER}, long + "2": UNREACHABLE}
    assert max(map(len, text(hosts, width))) <= width


def test_a_name_that_is_too_long_loses_its_middle_and_no_number_is_lost():
    assert text({"a-host-with-a-long-name.example.com": OK}, 85)[1] == (
        "a-host-with..ample.com  OK        1       1    1    0     1     0     0      0      1"
    )


def test_even_where_nothing_fits_the_numbers_are_there():
    lines = text({"a-host-with-a-long-name": FULL}, 1)
    assert [line.split()[-1] for line in lines[:2]] == ["GPUS", "1"]


def test_columns_that_have_nothing_to_say_are_left_out():
    (header, *_rest) = text({"a": {"instance_group_policy": policy(file("violation"))}})
    assert header.split() == ["HOST", "STATE", "MODELS", "COMPLIANT", "VIOLATION"]


def test_what_is_still_to_be_changed_has_another_heading():
    raw = {"instance_group_policy": policy(file("changed")), "check_mode": True}
    header, *lines = text({"a": raw, "b": {"instance_group_policy": policy(file("changed"))}})[:3]
    assert header.endswith("CHANGED  TO CHANGE")
    assert [line.split()[-2:] for line in lines] == [["0", "1"], ["1", "0"]]


def test_of_many_hosts_those_that_are_alike_share_a_line():
    raw = {f"gpu-{number}": OK for number in range(1000)}
    raw.update({"gpu-7": FALLEN, "gpu-8": {"placement_info": UNREACHABLE}, "gpu-9": {"placement_info": UNREACHABLE}})
    hosts = [line.split("  ")[0] for line in text(raw)[1:4]]
    assert hosts == ["gpu-7", "gpu-8 +1", "gpu-0 +996"]


def test_up_to_fifty_hosts_each_have_a_line():
    assert len([line for line in text({f"gpu-{number}": OK for number in range(50)}) if line.startswith("gpu-")]) == 50


def test_too_many_hosts_that_differ_are_cut_short():
    raw = {f"gpu-{number}": {"placement_info": proof(*[model()] * number)} for number in range(60)}
    assert "and 10 more lines, see fleet.json" in text(raw, 100, "see fleet.json")


def test_too_many_problems_are_cut_short():
    problems = [{**FALLBACK, "id": f"{letter}{other}"} for letter in "abcdef" for other in "abcde"]
    lines = text({"a": {"placement_info": proof(model("x", "contradicted", *problems))}}, 100, "see fleet.json")
    assert len([line for line in lines if line.startswith("error: ")]) == 25
    assert lines[-1] == "and 5 more problems, see fleet.json"


def test_too_many_hosts_with_one_problem_are_cut_short():
    lines = text({f"gpu-{number}": FALLEN for number in range(1, 13)}, 200, "see fleet.json")
    assert "  models:  ranker" in lines
    assert f"  hosts:   {', '.join(f'gpu-{number}' for number in range(1, 11))} and 2 more, see fleet.json" in lines


def test_of_texts_that_differ_in_names_one_is_the_example():
    lines = text({"a": {"placement_info": proof(fallen("x"), fallen("y"))}})
    assert "  where:   x, y on a" in lines
    assert "  cause:   For example x on a: x runs on the CPU, and nobody decided so." in lines


def test_a_problem_of_the_host_is_told_without_a_model():
    lines = text({"a": {"placement_info": UNREACHABLE}, "b": {"placement_info": UNREACHABLE}})
    assert "  where:   a, b" in lines
