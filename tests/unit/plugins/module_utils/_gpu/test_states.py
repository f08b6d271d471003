# SPDX-License-Identifier: GPL-3.0-or-later
"""Each state of the table is seen where it is, alone, and says what it means and what to do."""

from __future__ import annotations

import string

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu.diagnosis import diagnose
from ansible_collections.inference.triton.plugins.module_utils._gpu.states import (
    CONTAINERS,
    ERROR,
    GPU,
    HIDES_ALL,
    HIDES_GPU,
    HIDES_NOTHING,
    HOST,
    INFO,
    WARNING,
)
from ansible_collections.inference.triton.plugins.module_utils._gpu.states_table import STATES, TABLE
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._gpu.situations import (
    HEALTHY,
    IN_CONTAINER,
    JETSON,
    SITUATIONS,
)

CASES = [
    pytest.param(situation, id=f"{state}-{number}")
    for state, situations in SITUATIONS.items()
    for number, situation in enumerate(situations)
]


@pytest.mark.parametrize("situation", CASES)
def test_a_state_is_found_where_it_is_and_nothing_that_follows_from_it(situation):
    diagnosis = diagnose(situation.evidence, situation.wanted)
    assert tuple((finding.state.id, finding.pci_address) for finding in diagnosis.findings) == situation.findings
    assert diagnosis.severity == situation.severity
    assert tuple(gpu.gpu.index for gpu in diagnosis.gpus if gpu.usable) == situation.usable


@pytest.mark.parametrize("evidence", [HEALTHY, IN_CONTAINER, JETSON], ids=["host", "container", "jetson"])
def test_a_host_in_order_has_no_findings(evidence):
    diagnosis = diagnose(evidence)
    assert diagnosis.findings == ()
    assert diagnosis.gpus and all(gpu.usable for gpu in diagnosis.gpus)


@pytest.mark.parametrize("situation", CASES)
def test_a_finding_shows_what_was_seen_and_has_no_gap(situation):
    for finding in diagnose(situation.evidence, situation.wanted).findings:
        texts = (finding.brief, finding.explanation, finding.consequence, finding.remedy, finding.where)
        assert all(text and "{" not in text for text in texts), texts
        assert 1 <= len(finding.evidence) <= 3
        assert all(line and "\n" not in line for line in finding.evidence)
        assert not any("  " in text for text in texts)
        assert finding.explanation.endswith(".") and finding.remedy.endswith(".")


def test_every_state_has_a_host_that_has_it():
    assert set(STATES) == set(SITUATIONS)
    assert all(any(situation.findings[0][0] == state for situation in SITUATIONS[state]) for state in STATES)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.state.id)
def test_a_row_is_complete(row):
    state = row.state
    assert state.scope in (HOST, GPU, CONTAINERS)
    assert state.severity in (ERROR, WARNING, INFO)
    assert state.hides in (HIDES_ALL, HIDES_GPU, HIDES_NOTHING)
    assert state.explanation and state.remedy and state.source and state.brief and callable(row.detect)
    # What hides nothing has to say for itself what Triton makes of it.
    assert state.hides or state.consequence


def test_each_state_is_in_the_table_once():
    assert len(STATES) == len(TABLE)
    assert len({row.detect for row in TABLE}) == len(TABLE)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.state.id)
def test_a_state_explains_what_stands_after_it(row):
    order = list(STATES)
    for explained in row.state.explains:
        assert order.index(explained) > order.index(row.state.id), explained


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.state.id)
def test_a_detector_says_its_own_state_only_and_fills_its_gaps(row):
    state = row.state
    texts = (state.brief, state.explanation, state.consequence, state.remedy)
    gaps = {name for text in texts for _text, name, _spec, _conversion in string.Formatter().parse(text) if name}
    seen = [
        sighting
        for situation in SITUATIONS.get(state.id, ())
        for sighting in row.detect(diagnose(situation.evidence, situation.wanted).host)
    ]
    for sighting in seen:
        assert sighting.state == state.id
        assert gaps <= set(sighting.values)
