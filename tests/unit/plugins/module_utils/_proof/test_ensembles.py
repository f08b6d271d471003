# SPDX-License-Identifier: GPL-3.0-or-later
"""Ensembles are no better than their steps, and are loaded after them."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._proof.comparison import compare
from ansible_collections.inference.triton.plugins.module_utils._proof.ensembles import in_loading_order, steps_of
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._proof.situations import (
    AFTER,
    CPU,
    GPU,
    NO_GPU_HOST,
    down,
    ensemble,
    evidence_of,
    gpu_host,
    ids,
    log,
    on_cpu,
    on_disk,
    on_gpu,
    running,
    running_ensemble,
    seen,
    server,
)


def proofs(models, *known, host=NO_GPU_HOST, **fields):
    return {proof.name: proof for proof in compare(models, server(*known, host=host, **fields)).models}


STEP = on_disk("step", [{**GPU, "gpus": [0]}])
ON_GPU = seen("step", running("step", [on_gpu(0)]))
FALLEN = seen("step", running("step", [on_cpu(2)]))
ENSEMBLE = seen("all", running_ensemble("all", "step"))


def test_an_ensemble_has_nothing_to_decide():
    found = proofs([ensemble("all", "step"), STEP], ENSEMBLE, ON_GPU, host=gpu_host())
    assert (found["all"].grade, found["all"].problems) == ("consistent", [])
    assert evidence_of(found["all"]) == {"ensemble": False, "steps": False}


def test_an_ensemble_of_proved_steps_is_proved():
    told = log(("step", True, "", AFTER), step_0_0=[("KIND_GPU", 0)])
    assert proofs([ensemble("all", "step"), STEP], ENSEMBLE, ON_GPU, host=gpu_host(), log=told)["all"].grade == "proved"


def test_an_ensemble_over_a_step_in_the_wrong_place():
    found = proofs([ensemble("all", "step"), on_disk("step")], ENSEMBLE, FALLEN)
    assert (found["all"].grade, ids(found["all"])) == ("contradicted", ["step_contradicted"])
    assert found["all"].problems[0].text == "Its step step is not where it should be."


def test_several_of_its_steps():
    models = [ensemble("all", "a", "b"), on_disk("a"), on_disk("b")]
    known = [seen(name, running(name, [on_cpu(2)])) for name in ("a", "b")]
    found = proofs(models, seen("all", running_ensemble("all", "a", "b")), *known)
    assert found["all"].problems[0].text == "Its steps a, b are not where they should be."


def test_an_ensemble_of_an_ensemble():
    models = [ensemble("outer", "all"), ensemble("all", "step"), on_disk("step")]
    found = proofs(models, seen("outer", running_ensemble("outer", "all")), ENSEMBLE, FALLEN)
    assert ids(found["outer"]) == ["step_contradicted"]


def test_an_ensemble_over_an_undecided_step_is_as_unproved():
    found = proofs([ensemble("all", "step"), on_disk("step")], ENSEMBLE, ON_GPU, host=gpu_host())
    assert (found["all"].grade, found["all"].problems) == ("unproved", [])


@pytest.mark.parametrize(("critical", "grade"), [(True, "contradicted"), (False, "unproved")])
def test_a_step_that_is_in_no_repository(critical, grade):
    found = proofs([ensemble("all", "step", critical=critical)], ENSEMBLE)
    assert (found["all"].grade, ids(found["all"])) == (grade, ["step_missing"])


def test_an_ensemble_whose_file_has_other_steps():
    found = proofs(
        [ensemble("all", "other"), on_disk("other", [CPU])], ENSEMBLE, seen("other", running("other", [on_cpu(2)]))
    )
    assert ids(found["all"]) == ["differs_from_file"]
    assert found["all"].pending


def test_an_ensemble_that_does_not_load_for_its_step():
    reason = "Invalid argument: ensemble 'all' depends on 'step' which has no loaded version."
    found = proofs([ensemble("all", "step"), STEP], seen("all", down(reason)), seen("step", down("Internal: broken")))
    assert ids(found["all"]) == ["load_failed", "step_contradicted"]


def test_a_model_of_the_same_name_in_another_repository_is_another_one():
    other = on_disk("all", [CPU], repository="/srv/more", ambiguous=True)
    found = compare([ensemble("all", "step", ambiguous=True), other, on_disk("step")], server(ENSEMBLE, FALLEN)).models
    by_repository = {(proof.name, proof.on_disk.repository): proof for proof in found}
    assert "step_contradicted" in ids(by_repository["all", "/srv/models"])
    assert "step_contradicted" not in ids(by_repository["all", "/srv/more"])


def test_an_ensemble_of_itself_ends():
    found = proofs([ensemble("a", "a")], seen("a"))
    assert found["a"].grade == "contradicted"
    assert "step_contradicted" not in ids(found["a"])


def test_steps_are_loaded_before_their_ensembles():
    models = [ensemble("a_outer", "b_inner", "z"), ensemble("b_inner", "y"), on_disk("y", [CPU]), on_disk("z", [CPU])]
    assert compare(models, server()).pending == ["y", "b_inner", "z", "a_outer"]


def test_what_is_not_pending_still_orders_what_is():
    """The middle one is in order: the step under it comes first all the same."""
    steps = {"a": ["middle"], "middle": ["z"]}
    assert in_loading_order(["a", "z"], steps) == ["z", "a"]


@pytest.mark.parametrize("steps", [{"a": ["a"]}, {"a": ["b"], "b": ["a"]}, {"a": ["b"], "b": ["c"], "c": ["b"]}])
def test_a_circle_ends(steps):
    assert sorted(in_loading_order(list(steps), steps)) == sorted(steps)


def test_a_circle_of_ensembles_is_compared():
    models = [ensemble("a", "b"), ensemble("b", "a")]
    found = proofs(models, seen("a"), seen("b"))
    assert [found[name].grade for name in "ab"] == ["contradicted", "contradicted"]


def test_ensembles_may_be_nested_deeper_than_python_calls():
    steps = {f"m{number:05}": [f"m{number + 1:05}"] for number in range(5000)}
    assert in_loading_order(["m00000", "m05000"], steps) == ["m05000", "m00000"]


def test_each_step_once():
    step = {"model_name": "a"}
    assert steps_of({"ensemble_scheduling": {"step": [step, {"model_name": "b"}, step]}}) == ["a", "b"]
    assert steps_of({"backend": "python"}) == []
