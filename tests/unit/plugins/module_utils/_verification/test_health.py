# SPDX-License-Identifier: GPL-3.0-or-later
"""What a load balancer is told."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._verification.health import judge
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._verification.looks import (
    GPU_LOST,
    NOW,
    fallen,
    gpus,
    model,
    state,
)

OLDEST = 200


def of(found, now=NOW + 1, boot="boot"):
    return judge(found, now, OLDEST, boot)


def test_a_host_on_which_all_is_well():
    verdict = of(state(model(), model("tagger")))
    assert (verdict.code, verdict.status) == (200, "ok")
    assert verdict.reason == "2 critical models are where they should be."
    assert verdict.as_data() == {"status": "ok", "reason": verdict.reason, "models": [], "age_seconds": 1.0}


def test_a_critical_model_that_fell_back():
    verdict = of(state(model("tagger"), fallen()))
    assert (verdict.code, verdict.status, verdict.models) == (503, "critical_model", ("ranker",))
    assert verdict.reason == "ranker is not where it should be. It runs on the CPU, and nobody has decided that."


def test_a_critical_model_that_is_not_served():
    verdict = of(state(model(grade="unproved", served=False)))
    assert (verdict.code, verdict.models) == (503, ("ranker",))


def test_many_critical_models_are_counted():
    verdict = of(state(*(fallen(f"m{number:02}") for number in range(50))))
    assert len(verdict.models) == 20
    assert "49 further critical models" in verdict.reason


def test_other_models_do_not_take_a_host_out():
    assert of(state(model(), fallen("tagger", critical=False))).code == 200


def test_a_gpu_with_an_error_does_not_either_while_the_models_are_where_they_should_be():
    assert of(state(model(), status="gpu_problem", gpu=gpus(GPU_LOST, usable=1))).code == 200


@pytest.mark.parametrize("status", ["failed", "down", "starting"])
def test_a_server_of_which_nobody_knows(status):
    verdict = of(state(status=status, summary="The reason."))
    assert (verdict.code, verdict.status, verdict.reason) == (503, status, "The reason.")


def test_before_the_first_look():
    assert (of(None).code, of(None).status) == (503, "unknown")


@pytest.mark.parametrize(
    ("age", "code"), [(OLDEST - 1, 200), (OLDEST + 1, 503), (-OLDEST + 1, 200), (-OLDEST - 1, 503)]
)
def test_a_look_can_be_too_old_and_a_clock_can_be_set_back(age, code):
    verdict = of(state(model()), now=NOW + age)
    assert verdict.code == code
    assert verdict.status == ("ok" if code == 200 else "stale")


def test_what_was_seen_before_the_host_was_started_does_not_count():
    verdict = of(state(model()), boot="another")
    assert (verdict.code, verdict.status) == (503, "stale")
    assert of(state(model()), boot="").code == 200, "where the kernel does not say, the time has to do"
