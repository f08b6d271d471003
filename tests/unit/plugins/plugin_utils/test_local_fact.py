# SPDX-License-Identifier: GPL-3.0-or-later
"""The local fact changes when the GPUs do, and not with the time."""

from __future__ import annotations

import datetime
import json

import pytest
from ansible_collections.inference.triton.plugins.plugin_utils._local_fact import local_fact

NOON = datetime.datetime(2026, 3, 1, 12, 0, 0, 123456)
LATER = NOON + datetime.timedelta(hours=1)


def facts(used=10, usable=True, evidence="[ 12.3] NVRM: Xid", boot_id="one"):
    gpu = {"name": "Tesla T4", "usable": usable, "memory_used_mib": used, "memory_free_mib": 15360 - used}
    return {
        "summary": "1 of 1 GPU is usable.",
        "environment": {"boot_id": boot_id},
        "gpus": [gpu],
        "findings": [{"state": "persistence_off", "evidence": [evidence]}],
        "probes": {"nvml": {"seconds": used / 10}},
        "servers": [{"pid": used}],
        "report": [evidence],
    }


def text(content):
    return json.dumps(content, indent=4, sort_keys=True)


def test_it_tells_of_which_boot_and_when():
    content = local_fact(facts(), "", NOON)
    assert content["boot_id"] == "one"
    assert content["generated_at"] == "2026-03-01T12:00:00Z"


def test_what_passes_is_left_out():
    content = local_fact(facts(), "", NOON)
    assert content["gpus"] == [{"name": "Tesla T4", "usable": True}]
    assert content["findings"] == [{"state": "persistence_off"}]
    assert set(content) == {"summary", "environment", "gpus", "findings", "boot_id", "generated_at"}


def test_it_stays_as_it_is_where_only_that_has_changed():
    before = text(local_fact(facts(), "", NOON))
    assert text(local_fact(facts(used=99, evidence="[ 45.6] NVRM: Xid"), before, LATER)) == before


@pytest.mark.parametrize("change", [{"usable": False}, {"boot_id": "two"}])
def test_it_is_new_where_anything_else_has(change):
    before = text(local_fact(facts(), "", NOON))
    assert local_fact(facts(**change), before, LATER)["generated_at"] == "2026-03-01T13:00:00Z"


@pytest.mark.parametrize("before", ["", "{", "[]", "null", '"text"', "{}", '{"generated_at": 5}'])
def test_what_is_no_local_fact_is_replaced(before):
    assert local_fact(facts(), before, LATER)["generated_at"] == "2026-03-01T13:00:00Z"


def test_a_time_that_is_none_is_not_kept():
    before = text({**local_fact(facts(), "", NOON), "generated_at": None})
    assert local_fact(facts(), before, LATER)["generated_at"] == "2026-03-01T13:00:00Z"


def test_the_facts_themselves_are_left_alone():
    given = facts()
    local_fact(given, "", NOON)
    assert given == facts()
