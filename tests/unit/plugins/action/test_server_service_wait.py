# SPDX-License-Identifier: GPL-3.0-or-later
"""The wait goes on while the server loads, tells what it does, and ends when there is nothing to wait for."""

from __future__ import annotations

from unittest.mock import MagicMock

import pytest

pytest.importorskip("ansible.plugins.action", reason="action plugins run on the controller")

from ansible_collections.inference.triton.plugins.action import server_service_wait

MODEL = {"name": "a", "version": "1", "state": "READY", "reason": ""}


def seen(phase, loading=(), run="r1"):
    unit = {"restarts": 4, "active": "active", "ended": "exit status 3" if run == "r2" else "", "run": run}
    return {
        "phase": phase,
        "unit": unit,
        "models": [MODEL] if phase == "serving" else [],
        "loading": list(loading),
        "error": None,
        "log": [],
        "server_version": "2.51.0",
        "ready": True,
    }


@pytest.fixture
def wait(monkeypatch):
    """Run the action over observations: gives its result, what it told, and what it asked the host."""
    clock = [0.0]
    monkeypatch.setattr(server_service_wait.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(server_service_wait.time, "sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds))

    def act(observations, check=False, **options):
        task = MagicMock(args=options, check_mode=check, async_val=0, environment=None)
        action = server_service_wait.ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), None)
        asked = []
        left = iter(observations)

        def execute(name, arguments, task_vars):
            asked.append(dict(arguments))
            return next(left)

        monkeypatch.setattr(action, "_execute_module", execute)
        action._display = MagicMock()
        result = action.run(task_vars={"inventory_hostname": "h1"})
        return result, [call.args[0] for call in action._display.display.call_args_list], asked

    return act


def test_it_tells_what_it_waits_for_and_ends_with_what_is_ready(wait):
    loading = [seen("loading", ["a"])] * 3
    result, told, _asked = wait([*loading, seen("serving")])
    assert (result.get("failed"), result["ready_models"], result["waited"]) == (None, ["a"], 9.0)
    assert told == ["  h1: loading a (0 of 600 seconds)"]


def test_the_same_progress_is_told_again_after_a_while(wait):
    _result, told, _asked = wait([*[seen("loading", ["a"])] * 5, seen("serving")], interval=20)
    assert told == [f"  h1: loading a ({seconds} of 600 seconds)" for seconds in (0, 40, 80)]


def test_it_ends_with_its_time(wait):
    result, _told, _asked = wait([seen("loading", ["a"])] * 99, timeout=10)
    assert result["failed"]
    assert "not ready after 10 seconds: loading a" in result["msg"]


def test_a_restart_by_systemd_ends_it_with_the_log_of_the_run_that_ended(wait):
    result, _told, asked = wait([seen("loading"), seen("loading", run="r2")])
    assert result["failed"]
    assert "exit status 3" in result["failure"]
    assert [question["run"] for question in asked] == ["", "r1"]


def test_a_failure_of_the_module_ends_it(wait):
    result, _told, _asked = wait([{"failed": True, "msg": "no systemd"}])
    assert result["msg"] == "no systemd"


def test_check_mode_waits_for_nothing(wait):
    result, _told, asked = wait([], check=True)
    assert result["skipped"]
    assert asked == []
