# SPDX-License-Identifier: GPL-3.0-or-later
"""What the journal is told: what is new, what is over, and now and then what still is."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._verification.announcements import announce
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._verification.looks import (
    FELL_BACK,
    GPU_LOST,
    NOT_ENFORCED,
    NOW,
    fallen,
    gpus,
    model,
    state,
)

REMIND = 3600


class Journal:
    """A host that is looked at again and again."""

    def __init__(self):
        self.before = {}

    def look(self, found, at=NOW):
        lines, memory = announce(found, self.before, at, REMIND)
        self.before = {"announced": memory}
        return [(line.severity, line.text) for line in lines]


@pytest.fixture
def journal():
    return Journal()


def test_the_first_look_says_how_it_is(journal):
    assert journal.look(state(model())) == [("info", "fine: It is fine.")]


def test_a_problem_is_one_line_with_its_cause_and_what_to_do(journal):
    lines = journal.look(state(fallen()))
    assert lines[1:] == [
        (
            "error",
            "model ranker (silent_fallback, critical): It runs on the CPU, and nobody has decided that. "
            "Write an instance_group.",
        )
    ]


def test_each_problem_has_a_line(journal):
    found = state(fallen(problems=[FELL_BACK, NOT_ENFORCED]), fallen("b", critical=False), gpu=gpus(GPU_LOST))
    assert [severity for severity, _text in journal.look(found)] == ["info", "error", "warning", "error", "error"]


def test_nothing_new_is_no_line(journal):
    journal.look(state(fallen()))
    assert journal.look(state(fallen()), NOW + 60) == []


def test_a_problem_that_lasts_is_told_again_with_its_beginning(journal):
    journal.look(state(fallen()))
    told = [journal.look(state(fallen()), NOW + 60 * minute) for minute in range(1, 121)]
    again = [(minute + 1, lines) for minute, lines in enumerate(told) if lines]
    assert [minute for minute, _lines in again] == [60, 120]
    ((severity, text),) = again[0][1]
    assert severity == "error"
    assert text.endswith(" (since 2027-01-15T08:00:00Z)")


def test_the_end_is_told_once(journal):
    journal.look(state(fallen()))
    lines = journal.look(state(model()), NOW + 60)
    assert lines == [
        ("info", "fine: It is fine."),
        ("info", "over: model ranker (silent_fallback, critical) (since 2027-01-15T08:00:00Z)"),
    ]
    assert journal.look(state(model()), NOW + 120) == []


def test_another_cause_is_another_problem(journal):
    journal.look(state(fallen()))
    lines = journal.look(state(fallen(problems=[{**FELL_BACK, "id": "not_loaded"}])), NOW + 60)
    assert [text.partition(")")[0] for _severity, text in lines] == [
        "model ranker (not_loaded, critical",
        "over: model ranker (silent_fallback, critical",
    ]


def test_a_text_that_changes_is_no_new_problem(journal):
    journal.look(state(fallen()))
    assert journal.look(state(fallen(problems=[{**FELL_BACK, "text": "In other words."}])), NOW + 60) == []


@pytest.mark.parametrize("status", ["down", "failed", "starting"])
def test_while_nobody_knows_nothing_is_over(journal, status):
    journal.look(state(fallen()))
    lines = journal.look(state(status=status), NOW + 60)
    assert lines == [("info" if status == "starting" else "error", f"{status}: It is {status}.")]
    assert journal.look(state(fallen()), NOW + 120) == [("info", "contradicted: It is contradicted.")]


def test_a_gpu_that_nobody_has_looked_at_is_not_well_again(journal):
    journal.look(state(gpu=gpus(GPU_LOST)))
    lines = journal.look(state(status="failed", gpu=gpus(present=None, usable=None)), NOW + 60)
    assert [text for _severity, text in lines] == ["failed: It is failed."]
    lines = journal.look(state(), NOW + 120)
    assert "over: GPU 0000:41:00.0 (Tesla T4) (gpu_lost) (since 2027-01-15T08:00:00Z)" in [
        text for _severity, text in lines
    ]


def test_information_about_gpus_is_not_told(journal):
    assert len(journal.look(state(gpu=gpus({**GPU_LOST, "severity": "info"})))) == 1


def test_a_server_that_stays_down_is_told_again(journal):
    journal.look(state(status="down"))
    assert journal.look(state(status="down"), NOW + 60) == []
    assert journal.look(state(status="down"), NOW + REMIND) == [
        ("error", "down: It is down. (since 2027-01-15T08:00:00Z)")
    ]


def test_a_clock_that_was_set_back_keeps_nothing_silent(journal):
    journal.look(state(fallen()), NOW + 10**6)
    assert len(journal.look(state(fallen()))) == 1


def test_the_name_of_a_model_is_no_line_of_its_own(journal):
    lines = journal.look(state(fallen("a\n<2>b", problems=[{**FELL_BACK, "text": "One.\nTwo."}])))
    assert not any("\n" in text for _severity, text in lines)


@pytest.mark.parametrize("damage", [None, [], {"x": 1}, {"x": {"about": "model"}}, {"x": {"since_seconds": "y"}}])
def test_a_memory_that_is_damaged_is_none(damage):
    lines, _memory = announce(state(fallen()), {"announced": damage}, NOW, REMIND)
    assert len(lines) == 2
