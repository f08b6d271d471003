# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of causes."""

from __future__ import annotations

import string

import pytest
from ansible_collections.inference.triton.plugins.module_utils._proof.causes import CAUSES, TABLE, best_grade, problem
from ansible_collections.inference.triton.plugins.module_utils._proof.grades import CONTRADICTED, GRADES, worst

ROWS = [pytest.param(cause, id=cause.id) for cause in TABLE]


def facts_of(*templates):
    return {name for template in templates for _text, name, _spec, _how in string.Formatter().parse(template) if name}


def test_each_cause_has_one_row():
    assert len(CAUSES) == len(TABLE)


@pytest.mark.parametrize("cause", ROWS)
def test_a_row_is_a_sentence_with_a_cure(cause):
    facts = {name: f"<{name}>" for name in facts_of(cause.text, cause.cure)}
    found = problem(cause.id, **facts)
    assert found.text[0].isupper() or found.text.startswith("<mismatch>")
    assert found.text.rstrip(">").endswith((".", *facts))
    assert found.cure
    assert "{" not in found.text.replace("<", "")


@pytest.mark.parametrize("cause", ROWS)
def test_what_contradicts_is_an_error(cause):
    facts = dict.fromkeys(facts_of(cause.text, cause.cure), "x")
    severity = "error" if cause.best == CONTRADICTED else "warning"
    assert problem(cause.id, True, **facts).severity == severity
    assert problem(cause.id, False, **facts).severity == ("warning" if cause.lenient else severity)


def test_what_is_lenient_leaves_a_model_that_is_not_critical_unproved():
    assert best_grade("unloaded", True) == "contradicted"
    assert best_grade("unloaded", False) == "unproved"
    assert best_grade("silent_fallback", False) == "contradicted"


def test_facts_are_put_in_as_they_are():
    found = problem("load_failed", reason="{0} {name} %s", take_up="")
    assert found.text == "The server has refused it: {0} {name} %s."


def test_the_worst_of_grades():
    assert [worst(GRADES[:number]) for number in range(5)] == ["proved", *GRADES]
