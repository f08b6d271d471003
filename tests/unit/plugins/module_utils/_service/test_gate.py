# SPDX-License-Identifier: GPL-3.0-or-later
"""When a wait for the service ends, and how."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._service import gate, observation

UNIT = {"active": "active", "run": "r1", "ended": ""}


def seen(phase=observation.SERVING, models=(), unit=(), **other):
    return {
        "phase": phase,
        "unit": {**UNIT, **dict(unit)},
        "models": list(models),
        "loading": [],
        "error": None,
        "log": ["last words"],
        **other,
    }


def model(name, state="READY", reason="", version="1"):
    return {"name": name, "version": version, "state": state, "reason": reason}


def judge(what, models=gate.ALL, before=()):
    return gate.judge(what, "r1", models, before)


def test_a_server_with_all_models_ready_is_what_was_waited_for():
    assert judge(seen(models=[model("a")])) == (True, "", "serving")


def test_a_server_that_loads_is_waited_for_and_says_what_it_does():
    verdict = judge(seen(observation.LOADING, loading=["a", "b"], models=[model("c"), model("d", "UNAVAILABLE", "no")]))
    assert (verdict.done, verdict.progress) == (False, "loading a, b, 1 loaded, 1 refused")


def test_of_many_models_only_some_are_named():
    verdict = judge(seen(observation.LOADING, loading=[str(number) for number in range(8)]))
    assert verdict.progress == "loading 0, 1, 2, 3, 4 and 3 more"


@pytest.mark.parametrize(
    ("phase", "unit"),
    [
        (observation.ENDED, {"ended": "exit status 1"}),
        (observation.SERVING, {"run": "r2", "ended": "exit status 1"}),  # systemd was quicker than we are
        (observation.LOADING, {"run": "r2", "ended": "exit status 1"}),
    ],
)
def test_a_server_that_ended_is_not_waited_for(phase, unit):
    verdict = judge(seen(phase, unit=unit))
    assert verdict.done
    assert verdict.failure == (
        "the server ended with exit status 1 before it was ready. The end of its log:\n  last words"
    )


@pytest.mark.parametrize("phase", [observation.STOPPED, observation.ABSENT])
def test_a_service_that_does_not_run_is_not_waited_for(phase):
    assert "does not run" in judge(seen(phase)).failure


def test_a_server_that_answers_otherwise_than_triton_is_a_failure():
    assert "a proxy" in judge(seen(error="a proxy")).failure


def test_a_model_that_loads_while_the_ports_are_open_is_waited_for():
    assert not judge(seen(models=[model("a", "LOADING")])).done


def test_a_model_that_failed_is_told_with_the_reason():
    verdict = judge(seen(models=[model("a"), model("b", "UNAVAILABLE", "no GPUs")]))
    assert verdict.failure == "the server runs, and 1 model is not READY:\n  b version 1 is UNAVAILABLE: no GPUs"


def test_a_reason_of_several_lines_stays_with_its_model():
    told = gate.line(model("a", "UNAVAILABLE", "RuntimeError: no\n\nAt:\n  model.py(14): initialize\n"))
    assert told == "a version 1 is UNAVAILABLE: RuntimeError: no\n    At:\n      model.py(14): initialize"


@pytest.mark.parametrize(("before", "failed"), [(["a"], False), (["a", "b"], True)])
def test_no_worse_than_before(before, failed):
    verdict = judge(seen(models=[model("a"), model("b", "UNAVAILABLE", "no")]), gate.NO_WORSE, before)
    assert bool(verdict.failure) is failed


def test_models_can_be_nobody_s_business():
    assert judge(seen(models=[model("b", "UNAVAILABLE", "no")]), gate.SERVER).failure == ""


@pytest.mark.parametrize("resting", [model("b", None, version=None), model("b", "UNAVAILABLE", "unloaded")])
def test_a_model_that_nobody_wants_loaded_is_no_failure(resting):
    assert judge(seen(models=[resting])).failure == ""
