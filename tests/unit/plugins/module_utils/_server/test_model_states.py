# SPDX-License-Identifier: GPL-3.0-or-later
"""What several versions in several states come to."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._server.model_states import by_model
from ansible_collections.inference.triton.plugins.module_utils._server.triton import IndexEntry

READY, FAILED, GONE = ("READY", ""), ("UNAVAILABLE", "Internal: no"), ("UNAVAILABLE", "unloaded")
LOADING, UNLOADING, UNNAMED = ("LOADING", ""), ("UNLOADING", ""), (None, "")
UPDATE_FAILED = ("READY", "Invalid argument: no GPU")


def model(*versions):
    entries = [IndexEntry("m", str(number), *version) for number, version in enumerate(versions, 1)]
    return by_model(entries)["m"]


@pytest.mark.parametrize(
    ("versions", "state", "reason", "served"),
    [
        ([READY], "READY", "", True),
        ([READY, READY], "READY", "", True),
        ([GONE, READY], "READY", "", True),
        ([FAILED], "UNAVAILABLE", "Internal: no", False),
        ([READY, FAILED], "UNAVAILABLE", "Internal: no", False),
        ([GONE], "UNAVAILABLE", "unloaded", False),
        ([GONE, FAILED], "UNAVAILABLE", "Internal: no", False),
        ([READY, LOADING], "LOADING", "", False),
        ([UNLOADING, READY], "UNLOADING", "", False),
        ([UPDATE_FAILED], "READY", "Invalid argument: no GPU", False),
        ([UNNAMED], None, "", False),
    ],
)
def test_a_model_is_served_if_all_that_was_asked_of_it_succeeded(versions, state, reason, served):
    found = model(*versions)
    assert (found.state, found.reason, found.is_served) == (state, reason, served)


def test_the_versions_that_serve():
    assert model(GONE, READY, FAILED, READY).ready_versions == ("2", "4")


def test_a_model_that_the_server_knows_by_name_only_has_no_versions():
    assert by_model([IndexEntry("m", None, None, "")])["m"].versions == ()


def test_models_are_kept_apart():
    assert list(by_model([IndexEntry("a", "1", *READY), IndexEntry("b", "1", *READY)])) == ["a", "b"]
