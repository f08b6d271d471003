# SPDX-License-Identifier: GPL-3.0-or-later
"""What the results of the modules say of each host of a fleet, and of the fleet."""

from __future__ import annotations

import json

import pytest
from ansible_collections.inference.triton.plugins.plugin_utils._placement_fleet import fleet
from ansible_collections.inference.triton.tests.unit.plugins.plugin_utils.placement_results import (
    NO_SERVER,
    UNREACHABLE,
    fallen,
    file,
    finding,
    gpus,
    model,
    policy,
    prediction,
    proof,
)

# A host in each state, in the order in which they are listed.
HOSTS = {
    "RESTORED": {
        "placement_info": proof(fallen()),
        "instance_group_policy": policy(file("changed")),
        "restored": True,
        "failed": True,
        "msg": "The policy did not come up.",
    },
    "CONTRADICTED": {"placement_info": proof(model(), fallen())},
    "NO ANSWER": {"placement_info": NO_SERVER, "model_repository_info": prediction(silent_cpu=True)},
    "UNREACHABLE": {"gpu_facts": UNREACHABLE, "placement_info": UNREACHABLE},
    "FAILED": {"placement_info": {"failed": True, "msg": "no such repository\nat all"}},
    "NO RESULT": {},
    "SILENT CPU": {"model_repository_info": prediction(silent_cpu=True)},
    "VIOLATION": {"instance_group_policy": policy(file("violation"))},
    "GPU ERROR": {"placement_info": proof(model()), "gpu_facts": gpus(1, 2, finding())},
    "UNPROVED": {"placement_info": proof(model(grade="unproved"))},
    "TO CHANGE": {"instance_group_policy": policy(file("changed")), "check_mode": True},
    "WARNING": {"placement_info": proof(model()), "gpu_facts": gpus(2, 2, finding("warning"))},
    "OK": {"placement_info": proof(model()), "instance_group_policy": policy(file("changed")), "gpu_facts": gpus()},
}


def rows(raw):
    return {row.host: row for row in fleet(raw).rows}


def told(raw):
    return [(group.severity, group.id, dict(group.hosts)) for group in fleet(raw).attention]


@pytest.mark.parametrize("state", HOSTS)
def test_the_worst_that_is_known_of_a_host_is_its_state(state):
    assert rows({"a": HOSTS[state]})["a"].state == state


def test_what_needs_a_person_comes_first():
    backwards = {state: HOSTS[state] for state in reversed(list(HOSTS))}
    assert [row.state for row in fleet(backwards).rows] == list(HOSTS)


def test_hosts_in_the_same_state_are_sorted_as_people_count():
    assert [row.host for row in fleet(dict.fromkeys(["gpu-10", "gpu-9", "b", "a"], HOSTS["OK"])).rows] == [
        "a",
        "b",
        "gpu-9",
        "gpu-10",
    ]


def test_the_numbers_of_a_host_are_those_of_the_modules():
    row = rows({"a": {"placement_info": proof(model(), fallen()), "instance_group_policy": policy(file("exempt"))}})[
        "a"
    ]
    assert row.models == 2
    assert row.devices == {"on_gpu": 1, "on_cpu": 1, "on_model": 0, "not_served": 0}
    assert row.grades == {"proved": 1, "consistent": 0, "unproved": 0, "contradicted": 1}
    assert {name for name, number in row.statuses.items() if number} == {"exempt"}


def test_the_gpus_are_those_of_the_facts():
    row = rows({"a": {"placement_info": proof(model()), "gpu_facts": gpus(3, 4)}})["a"]
    assert (row.usable, row.present) == (3, 4)


def test_without_facts_the_gpus_are_those_that_the_proof_counts():
    row = rows({"a": {"placement_info": proof(model())}})["a"]
    assert (row.usable, row.present) == (1, None)


def test_without_a_proof_the_gpus_are_those_of_the_prediction():
    row = rows({"a": {"model_repository_info": prediction()}})["a"]
    assert (row.usable, row.present, row.models) == (0, None, 1)


def test_where_no_server_was_asked_there_are_no_grades():
    row = rows({"a": HOSTS["VIOLATION"]})["a"]
    assert (row.grades, row.devices, row.models) == (None, None, 1)


def test_a_server_that_does_not_answer_comes_before_what_is_only_predicted():
    assert told({"a": HOSTS["NO ANSWER"]}) == [
        ("error", "no_answer", {"a": []}),
        ("error", "silent_cpu", {"a": ["detect"]}),
    ]


def test_the_servers_failure_is_told_with_what_to_do():
    (group,) = fleet({"a": {"placement_info": NO_SERVER}}).attention
    assert group.cause == "The server does not answer: http://127.0.0.1:8000/v2: nothing accepts connections there."
    assert group.cure == "Start the server."


def test_a_prediction_does_not_count_where_the_server_was_asked():
    raw = {"placement_info": proof(model()), "model_repository_info": prediction(silent_cpu=True)}
    assert told({"a": raw}) == []


def test_a_model_that_would_not_load_is_told():
    ((_severity, id_, hosts),) = told({"a": {"model_repository_info": prediction(loads=False)}})
    assert (id_, hosts) == ("will_not_load", {"a": ["detect"]})


def test_of_an_unreachable_host_only_that_is_told():
    (group,) = fleet({"a": {**HOSTS["CONTRADICTED"], "unreachable": True, "msg": "it is gone\nfar"}}).attention
    assert (group.id, group.cause) == ("unreachable", "it is gone")


def test_a_host_that_answered_after_all_is_not_unreachable():
    assert rows({"a": {"gpu_facts": UNREACHABLE, "placement_info": proof(model())}})["a"].state == "OK"


def test_a_failure_is_told_in_one_line():
    (group,) = fleet({"a": HOSTS["FAILED"]}).attention
    assert group.cause == "placement_info: no such repository at all"


def test_a_failure_that_is_a_long_report_is_cut_short():
    (group,) = fleet({"a": {"failed": True, "msg": "The policy did not prove out.\n" + "and so on\n" * 100}}).attention
    assert group.cause.startswith("The policy did not prove out. and so on")
    assert group.cause.endswith("...")
    assert len(group.cause) < 810


def test_a_failure_is_told_without_the_report_of_the_gpus_and_with_what_to_do():
    report = [
        "The policy wants these models on a GPU, and Triton cannot use one: ranker.",
        "1 of 2 GPUs is usable: GPU 0000:41:00.0 fell off the bus.",
        "",
        "error: gpu_lost",
        "  where:   GPU 0000:41:00.0",
        "  do this: Drain this host and restart it.",
        "",
        "info: persistence_off",
        "  where:   the host",
        "What to do: repair the GPUs, or give these models a waiver.",
    ]
    (group,) = fleet({"a": {"failed": True, "msg": "\n".join(report)}}).attention
    assert group.cause == f"{report[0]} {report[1]}"
    assert group.cure == "Repair the GPUs, or give these models a waiver."


def test_a_failure_is_told_without_what_ansible_puts_before_it():
    (group,) = fleet(
        {"a": {"placement_info": {"failed": True, "msg": "Task failed: Module failed: no such file"}}}
    ).attention
    assert group.cause == "placement_info: no such file"


def test_a_failure_that_did_not_fail_the_task_is_one():
    assert rows({"a": {"placement_info": {"failed": False, "msg": "no such repository"}}})["a"].state == "FAILED"


def test_a_task_with_fail_on_has_a_proof_and_not_a_failure():
    raw = {"placement_info": {**proof(fallen()), "failed": True, "msg": "1 of 1 model is not where it should be."}}
    assert [id_ for _severity, id_, _hosts in told({"a": raw})] == ["silent_fallback"]


def test_a_failure_that_repeats_what_a_module_says_is_not_told_again():
    raw = {"placement_info": {**proof(fallen()), "summary": "1 of 1 model is not where it should be: ranker."}}
    raw.update(failed=True, msg="1 of 1 model is not where it should be: ranker. See the table.", task="It proves out")
    assert [id_ for _severity, id_, _hosts in told({"a": raw})] == ["silent_fallback"]


def test_a_failure_that_begins_with_what_is_told_is_not_told_again():
    raw = {"gpu_facts": gpus(1, 2, finding()), "failed": True}
    raw["msg"] = "GPU 0000:41:00.0: The GPU fell off the bus. See the table."
    assert [id_ for _severity, id_, _hosts in told({"a": raw})] == ["gpu_lost"]


def test_another_failure_is_told_with_its_task():
    raw = {"placement_info": proof(model()), "failed": True, "msg": "no space left", "task": "Copy it"}
    (group,) = fleet({"a": raw}).attention
    assert (group.id, group.cause) == ("failed", "Copy it: no space left")


def test_what_was_taken_back_is_told_and_not_what_the_policy_had_changed():
    assert [id_ for _severity, id_, _hosts in told({"a": HOSTS["RESTORED"]})] == ["restored", "silent_fallback"]


def test_a_changed_file_needs_nobody():
    assert told({"a": {"instance_group_policy": policy(file("changed"))}}) == []


def test_in_check_mode_a_changed_file_is_still_to_be_changed():
    assert told({"a": HOSTS["TO CHANGE"]}) == [("warning", "to_change", {"a": ["detect"]})]


@pytest.mark.parametrize(
    ("status", "severity"),
    [
        ("compliant", None),
        ("waived", None),
        ("exempt", None),
        ("violation", "error"),
        ("incompatible", "error"),
        ("invalid", "error"),
        ("template", "warning"),
        ("unmatched", "warning"),
    ],
)
def test_a_status_needs_somebody_or_not(status, severity):
    expected = [(severity, status, {"a": ["detect"]})] if severity else []
    assert told({"a": {"instance_group_policy": policy(file(status))}}) == expected


def test_a_violation_that_the_baseline_knows_needs_nobody():
    assert told({"a": {"instance_group_policy": policy(file("violation", known=True))}}) == []


def test_a_variant_of_a_configuration_is_named():
    raw = {"instance_group_policy": policy(file("violation", config_name="h100"))}
    assert told({"a": raw}) == [("error", "violation", {"a": ["detect (configs/h100.pbtxt)"]})]


def test_what_the_proof_says_of_the_policy_is_not_said_twice():
    problem = {"id": "policy_not_enforced", "severity": "error", "text": "The file is not so.", "cure": "Run it."}
    raw = {"placement_info": proof(model("detect", "contradicted", problem))}
    raw.update(instance_group_policy=policy(file("changed"), file("changed", "other")), check_mode=True)
    assert told({"a": raw}) == [
        ("error", "policy_not_enforced", {"a": ["detect"]}),
        ("warning", "to_change", {"a": ["other"]}),
    ]


def test_a_file_that_the_policy_changes_is_one_thing_with_and_without_a_proof():
    problem = {"id": "policy_not_enforced", "severity": "warning", "text": "The file is not so.", "cure": "Run it."}
    plan = {"instance_group_policy": policy(file("changed")), "check_mode": True}
    raw = {"gpu-1": {**plan, "placement_info": proof(model("detect", "unproved", problem))}, "gpu-2": plan}
    assert told(raw) == [("warning", "to_change", {"gpu-1": ["detect"], "gpu-2": ["detect"]})]


def test_paths_do_not_make_two_things_of_one():
    entries = [
        file("invalid", name, f"/srv/triton/models/{name}/config.pbtxt does not parse") for name in ("ocr", "asr")
    ]
    assert told({"gpu-1": {"instance_group_policy": policy(*entries)}}) == [
        ("error", "invalid", {"gpu-1": ["asr", "ocr"]})
    ]


def test_a_lost_gpu_is_named():
    (group,) = fleet({"a": {"gpu_facts": gpus(1, 2, finding())}}).attention
    assert group.cause == "GPU 0000:41:00.0: The GPU fell off the bus."


def test_information_about_a_gpu_needs_nobody():
    assert told({"a": {"gpu_facts": gpus(2, 2, finding("info"))}}) == []


def test_the_same_on_many_hosts_is_told_once():
    raw = {f"gpu-{number}": {"placement_info": proof(fallen("a"), fallen("b"))} for number in (10, 9)}
    (group,) = fleet(raw).attention
    assert list(group.hosts.items()) == [("gpu-9", ["a", "b"]), ("gpu-10", ["a", "b"])]
    assert group.alike


def test_other_words_are_another_thing():
    other = {"id": "silent_fallback", "severity": "error", "text": "The driver is too old.", "cure": "Renew it."}
    raw = {"a": {"placement_info": proof(fallen())}, "b": {"placement_info": proof(model("x", "contradicted", other))}}
    assert [id_ for _severity, id_, _hosts in told(raw)] == ["silent_fallback", "silent_fallback"]


def test_what_many_have_comes_before_what_few_have():
    rare = {"id": "busy", "severity": "error", "text": "It loads.", "cure": "Wait."}
    raw = {"a": {"placement_info": proof(model("x", "contradicted", rare))}}
    raw.update((host, {"placement_info": proof(fallen())}) for host in "bc")
    assert [id_ for _severity, id_, _hosts in told(raw)] == ["silent_fallback", "busy"]


def test_a_loop_counts_as_one():
    looped = {"results": [proof(model("a")), {"skipped": True}, proof(fallen("b"))]}
    row = rows({"a": {"placement_info": looped}})["a"]
    assert (row.state, row.models, row.grades["proved"], row.grades["contradicted"]) == ("CONTRADICTED", 2, 1, 1)


def test_one_of_a_loop_that_fails_is_told():
    looped = {"results": [proof(model("a")), {"failed": True, "msg": "no such repository"}]}
    assert told({"a": {"placement_info": looped}}) == [("error", "task_failed", {"a": []})]


def test_one_server_of_a_loop_that_does_not_answer_is_told():
    looped = {"results": [NO_SERVER, proof(model("a"))]}
    row = rows({"a": {"placement_info": looped}})["a"]
    assert (row.state, row.models) == ("NO ANSWER", 1)


def test_a_hidden_result_is_told():
    censored = {"censored": "the output has been hidden", "changed": False}
    assert told({"a": {"placement_info": censored}}) == [("error", "hidden_by_no_log", {"a": []})]


@pytest.mark.parametrize(
    "result",
    [
        None,
        [],
        "text",
        {"skipped": True},
        {"results": "text"},
        {"results": [None, 1]},
        {"results": []},
        {"counts": []},
        {"models": {}, "counts": {"models": True, 1: 1, "proved": "1"}},
        {"models": [None, {"problems": 1}, {"problems": [1, {"severity": "error"}]}], "counts": {"models": 1}},
        {"ansible_facts": 1},
        {"ansible_facts": {"triton_gpu": {"findings": [{"severity": "error"}], "usable_count": "2"}}},
        {"server_error": {"seen": 1}},
        {"server": {"url": 1}, "host": {"gpus": 1}, "counts": {"models": 1}},
        {"msg": 1},
        {"unreachable": True},
    ],
)
@pytest.mark.parametrize("module", ["gpu_facts", "instance_group_policy", "placement_info", "model_repository_info"])
def test_what_no_module_returns_breaks_nothing(module, result):
    found = fleet({"a": {module: result}, "b": HOSTS["OK"], 3: result})
    assert {row.host for row in found.rows} == {"a", "b", "3"}
    json.dumps(found.as_data())


def test_what_a_terminal_would_obey_is_left_out():
    (group,) = fleet({"a": {"failed": True, "msg": "\x1b[31mred\x07 \udcff"}}).attention
    assert group.cause == "[31mred"


def test_the_sums_are_one_line():
    raw = {"a": HOSTS["CONTRADICTED"], "b": HOSTS["OK"], "c": HOSTS["UNREACHABLE"]}
    assert fleet(raw).summary() == (
        "3 hosts: 1 CONTRADICTED, 1 UNREACHABLE, 1 OK. 3 models: 2 proved, 1 contradicted; 1 on the CPU."
    )


def test_without_a_server_there_are_no_sums_of_models():
    assert fleet({"a": HOSTS["VIOLATION"]}).summary() == "1 host: 1 VIOLATION."


def test_no_host_makes_an_empty_fleet():
    assert fleet({}).summary() == "0 hosts: none."


def test_the_data_have_every_host_and_model():
    data = fleet({"a": HOSTS["CONTRADICTED"], "b": HOSTS["SILENT CPU"], "c": HOSTS["UNREACHABLE"]}).as_data()
    a, c, b = data["hosts"]
    assert [(one["name"], one["grade"], one["problems"]) for one in a["models"]] == [
        ("detect", "proved", []),
        ("ranker", "contradicted", ["silent_fallback"]),
    ]
    assert a["models"][1]["versions"] == {"1": [{"kind": "KIND_CPU", "count": 1, "gpus": []}]}
    assert a["server"]["control_mode"] == "explicit"
    assert (c["models"], c["server"], c["gpus"]) == (None, None, None)
    assert b["models"][0]["silent_cpu"] is True
    assert data["attention"][0]["hosts"] == {"c": []}


def test_the_data_have_nothing_of_the_arguments():
    result = {**proof(model()), "invocation": {"module_args": {"headers": {"admin-key": "s3cret"}}}}
    assert "s3cret" not in json.dumps(fleet({"a": {"placement_info": result}}).as_data())
