# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics: their names and values, and that the collector can read them whatever a model is called."""

from __future__ import annotations

import re

import pytest
from ansible_collections.inference.triton.plugins.module_utils._verification.textfile import exposition, resolved_kind
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._verification.looks import (
    GPU_LOST,
    NOT_ENFORCED,
    NOW,
    fallen,
    gpus,
    model,
    state,
)


def series(text):
    """The value of each series."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def of(*models, **values):
    return series(exposition(state(*models, **values), 60))


def test_a_look_is_told_whole():
    found = of(model(), fallen("tagger", critical=False), gpu=gpus(GPU_LOST, usable=1, expected=3))
    assert found["triton_placement_up"] == 1
    assert found['triton_placement_status{status="contradicted"}'] == 1
    assert found['triton_placement_status{status="fine"}'] == 0
    assert found['triton_placement_models{grade="proved",kind="KIND_GPU"}'] == 1
    assert found['triton_placement_models{grade="contradicted",kind="KIND_CPU"}'] == 1
    assert found['triton_placement_models{grade="unproved",kind="none"}'] == 0
    assert found['triton_placement_contradicted{model="tagger",cause="silent_fallback",critical="false"}'] == 1
    assert found['triton_placement_gpus{state="present"}'] == 2
    assert found['triton_placement_gpus{state="usable"}'] == 1
    assert found['triton_placement_gpus{state="expected"}'] == 3
    problem = 'triton_placement_gpu_problem{cause="gpu_lost",pci_address="0000:41:00.0",severity="error"}'
    assert found[problem] == 1
    assert found["triton_placement_last_run_timestamp_seconds"] == NOW
    assert found["triton_placement_interval_seconds"] == 60
    assert found["triton_placement_duration_seconds"] == 0.25


def test_every_metric_says_what_it_is():
    text = exposition(state(fallen(), gpu=gpus(GPU_LOST)), 60)
    names = {re.match(r"\w+", line).group() for line in text.splitlines() if not line.startswith("#")}
    assert {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")} == names
    assert {line.split()[2] for line in text.splitlines() if line.startswith("# HELP ")} == names


def test_no_series_of_the_models_begins_or_ends():
    names = {name for name in of() if "_models{" in name}
    assert names == {name for name in of(model(), fallen("b")) if "_models{" in name}
    assert len(names) == 20


@pytest.mark.parametrize("status", ["failed", "down", "starting"])
def test_of_a_server_that_does_not_answer_nothing_is_said_of_models(status):
    found = of(fallen(), status=status)
    assert found["triton_placement_up"] == 0
    assert found[f'triton_placement_status{{status="{status}"}}'] == 1
    assert not any("model" in name or "contradicted{" in name for name in found)


def test_gpus_that_nobody_has_looked_at_are_not_counted():
    assert not any("_gpus" in name for name in of(gpu=gpus(present=None, usable=None)))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ('q"uote', 'q\\"uote'),
        ("back\\slash", "back\\\\slash"),
        ("two\nlines", "two\\nlines"),
        ("é", "é"),
        ("\udcff", "?"),
    ],
)
def test_a_name_can_be_anything(name, shown):
    text = exposition(state(fallen(name)), 60)
    text.encode("utf-8")
    assert f'triton_placement_contradicted{{model="{shown}",cause="silent_fallback",critical="true"}} 1\n' in text


def test_the_same_series_never_comes_twice():
    """The collector would refuse the file: two repositories may have a model of this name."""
    text = exposition(state(fallen(critical=False), fallen(repository="/other"), gpu=gpus(GPU_LOST, GPU_LOST)), 60)
    names = [line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")]
    assert len(names) == len(set(names))
    assert 'model="ranker",cause="silent_fallback",critical="true"' in text, "one of them is critical"


def test_a_warning_is_no_contradiction():
    assert not any("contradicted{model" in name for name in of(model(problems=[NOT_ENFORCED])))


def test_a_contradiction_without_a_cause_is_counted_all_the_same():
    assert of(fallen(problems=[]))['triton_placement_contradicted{model="ranker",cause="unknown",critical="true"}'] == 1


def test_information_about_gpus_is_no_problem():
    assert not any("_gpu_problem{" in name for name in of(gpu=gpus({**GPU_LOST, "severity": "info"})))


def test_what_is_pending_is_counted():
    assert of(model(pending=True), model("b"))["triton_placement_pending_models"] == 1


@pytest.mark.parametrize(
    ("kinds", "kind"),
    [
        (["KIND_GPU"], "KIND_GPU"),
        (["KIND_GPU", "KIND_GPU"], "KIND_GPU"),
        (["KIND_GPU", "KIND_CPU"], "mixed"),
        ([], "none"),
    ],
)
def test_a_model_has_one_kind_several_or_none(kinds, kind):
    assert resolved_kind(model(kinds=kinds)) == kind
