# SPDX-License-Identifier: GPL-3.0-or-later
"""What the difference between before and after proves."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._server.evidence import Traces, differences, is_certain
from ansible_collections.inference.triton.plugins.module_utils._server.model_states import Model
from ansible_collections.inference.triton.plugins.module_utils._server.triton import IndexEntry


def traces(state="READY", reason="", config=None, counters=(7, 7, 99), load_time=None, version="1"):
    return Traces(
        Model("m", (IndexEntry("m", version, state, reason),)),
        {version: config or {"count": 1}} if state == "READY" else {},
        {version: counters} if state == "READY" else {},
        {} if load_time is None else {version: load_time},
    )


NOT_LOADED = Traces(Model("m", ()), {}, {}, {})


@pytest.mark.parametrize(
    ("before", "after", "proof"),
    [
        (traces(), traces(), []),
        (NOT_LOADED, traces(), ["state"]),
        (traces(), traces("UNAVAILABLE", "unloaded"), ["state"]),
        (traces(), traces(version="2"), ["state"]),
        (NOT_LOADED, traces("UNAVAILABLE", "Internal: no"), []),
        (traces("UNAVAILABLE", "a"), traces("UNAVAILABLE", "b"), []),
        (traces(reason="Internal: no GPU"), traces(), ["state"]),
        (traces(), traces(reason="Internal: no GPU"), []),
        (traces(), traces(config={"count": 2}), ["config"]),
        (traces(), traces(counters=(8, 8, 120)), []),
        (traces(), traces(counters=(0, 0, 0)), ["statistics"]),
        (traces(), traces(counters=(9, 9, 98)), ["statistics"]),
        (traces(load_time=1.5), traces(load_time=1.5), []),
        (traces(load_time=1.5), traces(load_time=1.6), ["load_time"]),
        (traces(load_time=1.5), traces(), []),
    ],
)
def test_proof(before, after, proof):
    assert differences(before, after) == proof


@pytest.mark.parametrize(
    ("before", "after", "certain"),
    [
        (traces(), traces(), False),
        (traces(load_time=1.5), traces(load_time=1.5), True),
        (traces(load_time=1.5), traces(), False),
        (NOT_LOADED, NOT_LOADED, False),
    ],
)
def test_that_nothing_changed_is_certain_where_loads_are_measured(before, after, certain):
    assert is_certain(before, after) is certain
