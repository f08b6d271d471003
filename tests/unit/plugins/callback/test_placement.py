# SPDX-License-Identifier: GPL-3.0-or-later
"""The callback collects what tasks tell of the placement, and prints and keeps it at the end."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

pytest.importorskip("ansible.plugins.callback", reason="callbacks run on the controller")

from ansible_collections.inference.triton.plugins.callback import placement
from ansible_collections.inference.triton.tests.unit.plugins.plugin_utils.placement_results import (
    NO_SERVER,
    fallen,
    file,
    gpus,
    model,
    policy,
    prediction,
    proof,
)

PROOF = "inference.triton.placement_info"
POLICY = "inference.triton.instance_group_policy"
RESTORE = "inference.triton.model_repository_restore"


def told(result, host="gpu-1", action=PROOF, short=None, check_mode=False):
    """A result as callbacks are given it."""
    task = SimpleNamespace(
        action=short or action, resolved_action=None if short else action, get_name=lambda: "Prove it"
    )
    return SimpleNamespace(
        _host=SimpleNamespace(get_name=lambda: host),
        _task=task,
        _task_fields={"check_mode": check_mode},
        _result=result,
    )


def stats(failures=(), dark=()):
    return SimpleNamespace(failures=dict.fromkeys(failures, 1), dark=dict.fromkeys(dark, 1))


class Run:
    """The callback, with what it displays."""

    def __init__(self, options):
        self.callback = placement.CallbackModule()
        self.callback._display = MagicMock()
        self.callback.get_option = options.get

    def end(self, **hosts):
        self.callback.v2_playbook_on_stats(stats(**hosts))
        return [call.args[0] for call in self.callback._display.display.call_args_list]

    def states(self, **hosts):
        table = self.end(**hosts)
        rows = table[1 : table.index("")] if table else []
        return {line.split("  ")[0]: line[len(line.split("  ")[0]) :].split("  ")[1].strip() for line in rows}

    def colors(self):
        return [call.kwargs["color"] for call in self.callback._display.display.call_args_list]

    @property
    def warnings(self):
        return [call.args[0] for call in self.callback._display.warning.call_args_list]


@pytest.fixture
def run():
    return Run({"width": 200})


@pytest.fixture
def kept(tmp_path):
    """A run that keeps a file, and the file."""
    path = str(tmp_path / "placement.json")
    return Run({"width": 200, "json_file": path}), path


def test_it_has_to_be_enabled():
    assert placement.CallbackModule.CALLBACK_TYPE == "aggregate"
    assert placement.CallbackModule.CALLBACK_NEEDS_ENABLED


def test_it_prints_a_table_at_the_end(run):
    run.callback.v2_runner_on_ok(told(proof(model())))
    run.callback._display.display.assert_not_called()
    assert run.end()[1].split()[:3] == ["gpu-1", "OK", "1"]


def test_a_play_about_other_things_prints_nothing(run):
    run.callback.v2_runner_on_ok(told({"changed": True}, action="ansible.builtin.copy"))
    run.callback.v2_runner_on_ok(told(proof(model()), action="other.collection.placement_info"))
    run.callback.v2_runner_on_failed(told({"msg": "no"}, action="ansible.builtin.command"))
    assert run.end(failures=["gpu-1"]) == []
    run.callback._display.banner.assert_not_called()


def test_a_prediction_alone_prints_nothing(run):
    run.callback.v2_runner_on_ok(told(prediction(), action="inference.triton.model_repository_info"))
    assert run.end() == []


def test_a_skipped_task_prints_nothing(run):
    run.callback.v2_runner_on_ok(told({"results": [{"skipped": True}]}))
    assert run.end() == []


def test_a_short_name_counts_where_ansible_resolved_none(run):
    run.callback.v2_runner_on_ok(told(proof(model()), short="placement_info"))
    assert run.states() == {"gpu-1": "OK"}


def test_the_last_result_counts(run):
    run.callback.v2_runner_on_ok(told(proof(fallen())))
    run.callback.v2_runner_on_ok(told(proof(model())))
    assert run.states() == {"gpu-1": "OK"}


def test_a_skipped_task_does_not_take_the_place_of_a_result(run):
    run.callback.v2_runner_on_ok(told(proof(fallen())))
    run.callback.v2_runner_on_ok(told({"results": [{"skipped": True}]}))
    assert run.states() == {"gpu-1": "CONTRADICTED"}


def test_what_different_modules_found_comes_together(run):
    run.callback.v2_runner_on_ok(told(proof(model())))
    run.callback.v2_runner_on_ok(told(gpus(3, 4), action="inference.triton.gpu_facts"))
    run.callback.v2_runner_on_ok(told(policy(file("exempt")), action=POLICY))
    header, row = run.end()[:2]
    assert "3/4" in row
    assert header.endswith("EXEMPT")


def test_a_proof_that_fails_its_task_is_told_by_what_it_found(run):
    run.callback.v2_runner_on_failed(told({**proof(fallen()), "msg": "1 of 1 model is not where it should be."}))
    assert run.states(failures=["gpu-1"]) == {"gpu-1": "CONTRADICTED"}
    assert not [line for line in run.end(failures=["gpu-1"]) if line == "error: failed"]


def test_a_server_that_does_not_answer_is_told(run):
    run.callback.v2_runner_on_failed(told(NO_SERVER))
    assert run.states(failures=["gpu-1"]) == {"gpu-1": "NO ANSWER"}


def test_a_module_that_finds_nothing_is_told_with_why(run):
    run.callback.v2_runner_on_failed(told({"msg": "no such repository", "ansible_facts": {}, "rc": 1}))
    assert run.states(failures=["gpu-1"]) == {"gpu-1": "FAILED"}
    assert "  cause:   placement_info: no such repository" in run.end(failures=["gpu-1"])


def test_a_host_that_failed_is_never_in_order(run):
    run.callback.v2_runner_on_ok(told({**proof(model()), "summary": "All models are where they should be."}))
    run.callback.v2_runner_on_failed(
        told({"msg": "All models are where they should be."}, action="ansible.builtin.fail")
    )
    assert run.states(failures=["gpu-1"]) == {"gpu-1": "FAILED"}


def test_a_host_that_fails_elsewhere_is_told_with_what_it_failed_with(run):
    run.callback.v2_runner_on_ok(told(proof(model()), host="gpu-2"))
    run.callback.v2_runner_on_failed(told({"msg": "no space left\n on device"}, action="ansible.builtin.copy"))
    assert run.states(failures=["gpu-1"]) == {"gpu-1": "FAILED", "gpu-2": "OK"}
    assert "  cause:   Prove it: no space left on device" in run.end(failures=["gpu-1"])


def test_a_failure_that_was_rescued_is_none(run):
    run.callback.v2_runner_on_failed(told({"msg": "no"}, action="ansible.builtin.copy"))
    run.callback.v2_runner_on_ok(told(proof(model())))
    assert run.states() == {"gpu-1": "OK"}


def test_a_failure_that_is_ignored_is_not_what_the_host_failed_with(run):
    run.callback.v2_runner_on_ok(told(proof(model())))
    run.callback.v2_runner_on_failed(told({"msg": "the cause"}, action="ansible.builtin.copy"))
    run.callback.v2_runner_on_failed(told({"msg": "no matter"}, action="ansible.builtin.copy"), ignore_errors=True)
    assert "  cause:   Prove it: the cause" in run.end(failures=["gpu-1"])


def test_an_unreachable_host_is_told(run):
    run.callback.v2_runner_on_ok(told(proof(model()), host="gpu-2"))
    run.callback.v2_runner_on_unreachable(told({"msg": "no route\nat all"}, action="ansible.builtin.setup"))
    assert run.states(dark=["gpu-1"]) == {"gpu-1": "UNREACHABLE", "gpu-2": "OK"}
    assert "  cause:   no route" in run.end(dark=["gpu-1"])


def test_an_unreachable_host_is_told_where_the_play_ignores_it(run):
    run.callback.v2_runner_on_unreachable(told({"msg": "no route"}))
    assert run.states() == {"gpu-1": "UNREACHABLE"}


def test_a_host_that_was_lost_and_then_failed_is_told_as_lost(run):
    run.callback.v2_runner_on_ok(told(proof(model()), host="gpu-2"))
    run.callback.v2_runner_on_unreachable(told({"msg": "no route"}, action="ansible.builtin.ping"))
    run.callback.v2_runner_on_failed(told({"msg": "it is not there"}, action="ansible.builtin.fail"))
    assert run.states(failures=["gpu-1"]) == {"gpu-1": "UNREACHABLE", "gpu-2": "OK"}
    assert "  cause:   no route" in run.end(failures=["gpu-1"])


def test_a_host_that_came_back_is_not_lost(run):
    run.callback.v2_runner_on_unreachable(told({"msg": "no route"}))
    run.callback.v2_runner_on_ok(told(proof(model())))
    assert run.states() == {"gpu-1": "OK"}


def test_a_loop_is_one_result(run):
    run.callback.v2_runner_on_failed(told({"results": [proof(model("a")), {**proof(fallen("b")), "failed": True}]}))
    assert run.end()[1].split()[:4] == ["gpu-1", "CONTRADICTED", "1", "2"]


def test_in_check_mode_what_the_policy_changes_is_still_to_be_changed(run):
    run.callback.v2_runner_on_ok(told(policy(file("changed")), action=POLICY, check_mode=True))
    assert run.states() == {"gpu-1": "TO CHANGE"}


def test_a_policy_that_was_planned_and_then_written_is_changed(run):
    run.callback.v2_runner_on_ok(told(policy(file("changed")), action=POLICY, check_mode=True))
    run.callback.v2_runner_on_ok(told(policy(file("changed")), action=POLICY))
    assert run.states() == {"gpu-1": "OK"}


def test_what_was_taken_back_is_told(run):
    run.callback.v2_runner_on_ok(told(policy(file("changed")), action=POLICY))
    run.callback.v2_runner_on_failed(told(proof(fallen())))
    run.callback.v2_runner_on_ok(told({"changed": True}, action=RESTORE))
    run.callback.v2_runner_on_ok(told(proof(model())))
    run.callback.v2_runner_on_failed(told({"msg": "It did not come up."}, action="ansible.builtin.fail"))
    assert run.states(failures=["gpu-1"]) == {"gpu-1": "RESTORED"}
    assert "  cause:   It did not come up." in run.end(failures=["gpu-1"])


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_restore_that_changes_nothing_takes_nothing_back(run, check_mode):
    run.callback.v2_runner_on_ok(told(policy(file("changed")), action=POLICY))
    run.callback.v2_runner_on_ok(told({"changed": check_mode}, action=RESTORE, check_mode=check_mode))
    assert run.states() == {"gpu-1": "OK"}


def test_a_restore_of_an_earlier_run_is_nothing_that_went_wrong(run):
    run.callback.v2_runner_on_ok(told({"changed": True}, action=RESTORE))
    run.callback.v2_runner_on_ok(told(proof(model())))
    assert run.states() == {"gpu-1": "OK"}


def test_a_policy_that_is_enforced_after_a_restore_counts(run):
    run.callback.v2_runner_on_ok(told(policy(file("changed")), action=POLICY))
    run.callback.v2_runner_on_ok(told({"changed": True}, action=RESTORE))
    run.callback.v2_runner_on_ok(told(policy(file("changed")), action=POLICY))
    assert run.states() == {"gpu-1": "OK"}


@pytest.mark.parametrize("bad", [None, 1, "text", [], {"results": 1}, {"models": 1, "counts": {"models": "1"}}])
def test_a_bad_result_breaks_nothing(run, bad):
    for hook in (run.callback.v2_runner_on_ok, run.callback.v2_runner_on_failed, run.callback.v2_runner_on_unreachable):
        hook(told(bad))
        hook(SimpleNamespace(_result=bad))
    run.callback.v2_runner_on_ok(told(proof(model()), host="gpu-2"))
    assert run.states(failures=["gpu-1"])["gpu-2"] == "OK"


def test_a_table_that_cannot_be_made_is_a_warning(run, monkeypatch):
    monkeypatch.setattr(placement, "fleet", lambda results: 1 / 0)
    run.callback.v2_runner_on_ok(told(proof(model())))
    assert run.end() == []
    assert "ZeroDivisionError" in run.warnings[0]


def test_problems_are_coloured_as_ansible_colours_errors(run):
    run.callback.v2_runner_on_ok(told(proof(fallen())))
    run.end()
    assert run.colors()[:2] == [None, "red"]


def test_with_no_color_nothing_is_coloured(run, monkeypatch):
    monkeypatch.setattr(placement.C, "ANSIBLE_NOCOLOR", True)
    run.callback.v2_runner_on_ok(told(proof(fallen())))
    run.end()
    assert set(run.colors()) == {None}


def test_it_is_as_wide_as_it_is_told(run, monkeypatch):
    run.callback.get_option = {"width": 60}.get
    monkeypatch.setenv("COLUMNS", "200")
    run.callback.v2_runner_on_ok(told(proof(fallen())))
    assert max(map(len, run.end())) <= 60


def test_it_is_as_wide_as_the_terminal(run, monkeypatch):
    run.callback.get_option = {"width": 0}.get
    monkeypatch.setenv("COLUMNS", "90")
    run.callback.v2_runner_on_ok(told(proof(fallen())))
    assert 80 < run.callback._width() == 90


def test_without_a_terminal_it_is_80_wide(run, monkeypatch):
    run.callback.get_option = {"width": 0}.get
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(os, "get_terminal_size", MagicMock(side_effect=OSError))
    assert run.callback._width() == 80


def test_everything_is_kept_as_json(kept):
    run, path = kept
    run.callback.v2_runner_on_ok(told(proof(model(), fallen())))
    run.end()
    with open(path, encoding="utf-8") as file:
        data = json.load(file)
    assert data["hosts"][0]["state"] == "CONTRADICTED"
    assert os.stat(path).st_mode & 0o777 == 0o644
    assert os.listdir(os.path.dirname(path)) == ["placement.json"]


def test_what_is_cut_short_says_where_the_rest_is(kept):
    run, path = kept
    for number in range(20):
        run.callback.v2_runner_on_ok(told(proof(fallen()), host=f"gpu-{number}"))
    assert [line for line in run.end() if line.endswith(f"and 10 more, see {path}")]


def test_an_earlier_file_is_replaced(kept):
    run, path = kept
    with open(path, "w", encoding="utf-8") as file:
        file.write("old")
    run.callback.v2_runner_on_ok(told(proof(model())))
    run.end()
    with open(path, encoding="utf-8") as file:
        assert json.load(file)["hosts"]


def test_a_file_that_cannot_be_written_is_a_warning(run, tmp_path):
    run.callback.get_option = {"width": 80, "json_file": str(tmp_path / "nowhere" / "placement.json")}.get
    run.callback.v2_runner_on_ok(told(proof(model())))
    assert run.end()[1].startswith("gpu-1")
    assert "cannot be written: No such file or directory" in run.warnings[0]


def test_a_file_that_cannot_be_replaced_leaves_nothing_behind(run, tmp_path):
    (tmp_path / "taken").mkdir()
    run.callback.get_option = {"width": 80, "json_file": str(tmp_path / "taken")}.get
    run.callback.v2_runner_on_ok(told(proof(model())))
    run.end()
    assert "cannot be written: Is a directory" in run.warnings[0]
    assert os.listdir(str(tmp_path)) == ["taken"]


def test_a_run_about_other_things_keeps_no_file(kept):
    run, path = kept
    run.callback.v2_runner_on_ok(told({}, action="ansible.builtin.copy"))
    run.end()
    assert not os.path.exists(path)
