# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of an ensemble once it is known what becomes of its steps."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._placement.ensembles import Candidate, resolve
from ansible_collections.inference.triton.plugins.module_utils._placement.prediction import (
    LOADING,
    POLLING,
    VERSIONS,
    Prediction,
)

LOADS = Prediction(True, versions=(1,))
BROKEN = LOADS.refuse(LOADING, "Internal: broken")


def plain(prediction=LOADS):
    return Candidate({"backend": "python"}, prediction)


def ensemble(*steps, **others):
    scheduled = [
        {"model_name": name, "model_version": others.get("version", -1), "input_map": {}, "output_map": {}}
        for name in steps
    ]
    return Candidate({"ensemble_scheduling": {"step": scheduled}}, others.get("prediction", LOADS))


def error_of(name, **candidates):
    return resolve(candidates)[name].error


def test_an_ensemble_loads_with_its_steps():
    resolved = resolve({"e": ensemble("a", "b"), "a": plain(), "b": plain(), "outer": ensemble("e")})
    assert all(prediction.loads for prediction in resolved.values())


def test_a_step_that_does_not_load_takes_the_ensemble_along():
    assert error_of("e", e=ensemble("a"), a=plain(BROKEN)) == (
        "Invalid argument: ensemble 'e' depends on 'a' which has no loaded version. "
        "Model 'a' loading failed with error: version 1 is at UNAVAILABLE state: Internal: broken;"
    )


def test_an_ensemble_of_such_an_ensemble_does_not_load_either():
    error = error_of("outer", outer=ensemble("e"), e=ensemble("a"), a=plain(BROKEN))
    assert error.startswith(
        "Invalid argument: ensemble 'outer' depends on 'e' which is not valid. "
        "Model 'e' failed with error: ensemble 'e' depends on 'a' which has no loaded version."
    )


def test_a_step_without_a_version_gives_its_own_error():
    assert error_of("e", e=ensemble("a"), a=plain(Prediction(True).refuse(VERSIONS, "no version"))) == (
        "Invalid argument: ensemble 'e' depends on 'a' which has no loaded version. "
        "Model 'a' loading failed with error: no version"
    )


@pytest.mark.parametrize("others", [{}, {"a": plain(Prediction(True).refuse(POLLING, "not taken up"))}])
def test_a_step_that_is_not_there_or_not_taken_up(others):
    assert error_of("e", e=ensemble("b", "a", "c"), b=plain(), **others) == (
        "Invalid argument: ensemble e contains models that are not available or ambiguous: a"
    )


@pytest.mark.parametrize(("version", "loads"), [(-1, True), (1, True), (2, False), (0, False)])
def test_a_step_may_want_a_version(version, loads):
    resolved = resolve({"e": ensemble("a", version=version), "a": plain()})["e"]
    assert resolved.loads == loads
    if not loads:
        assert resolved.error.endswith(f"depends on 'a' whose required version {version} is not loaded.")


def test_circles_are_refused():
    circle = {"a": ensemble("b"), "b": ensemble("a")}
    assert error_of("a", **circle) == "Invalid argument: circular dependency between ensembles: a -> ... -> b -> a"
    assert error_of("b", **circle) == "Invalid argument: circular dependency between ensembles: b -> ... -> a -> b"


def test_an_ensemble_outside_of_a_circle_that_it_depends_on_ends_the_server():
    prediction = resolve({"outside": ensemble("inside"), "inside": ensemble("inside")})["outside"]
    assert (prediction.loads, prediction.error) == (False, "")
    assert prediction.notes[0].endswith("the whole server ends.")


def test_many_ways_to_the_same_model_take_no_time():
    candidates = {f"e{level}": ensemble(f"e{level + 1}", f"e{level + 1}") for level in range(60)}
    assert resolve({**candidates, "e60": plain()})["e0"].loads


def test_an_ensemble_is_as_unknown_as_its_steps():
    prediction = resolve({"e": ensemble("a"), "a": plain(Prediction(None))})["e"]
    assert prediction.loads is None
    assert prediction.notes == ("Its step a could not be read.",)


def test_an_ensemble_is_as_sure_as_its_steps():
    resolved = resolve(
        {"e": ensemble("a"), "f": ensemble("b"), "a": plain(), "b": plain(LOADS._replace(evidence="documented"))}
    )
    assert (resolved["e"].evidence, resolved["f"].evidence) == ("proved", "documented")
