# SPDX-License-Identifier: GPL-3.0-or-later
"""Models of which the index says too little."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._server.hidden_models import why_hidden
from ansible_collections.inference.triton.plugins.module_utils._server.model_states import Model
from ansible_collections.inference.triton.plugins.module_utils._server.triton import IndexEntry

KNOWN = Model("m", (IndexEntry("m", "1", "READY", ""),))
NAMED = Model("m", ())
GOOD = {"findings": [], "versions": ["1"]}
WARNED = {"findings": [{"severity": "warning"}], "versions": ["1"]}
BROKEN = {"findings": [{"severity": "warning"}, {"severity": "error"}], "versions": ["1"]}
EMPTY = {"findings": [], "versions": []}


@pytest.mark.parametrize(
    ("model", "on_disk", "compared", "why"),
    [
        (KNOWN, None, False, None),
        (KNOWN, GOOD, True, None),
        (KNOWN, BROKEN, True, None),
        (KNOWN, None, True, "not_in_repository"),
        (NAMED, None, False, "unknown"),
        (NAMED, None, True, "not_in_repository"),
        (NAMED, GOOD, True, "not_loaded"),
        (NAMED, WARNED, True, "not_loaded"),
        (NAMED, BROKEN, True, "unreadable_config"),
        (NAMED, EMPTY, True, "no_version"),
        (None, BROKEN, True, "unreadable_config"),
        (None, EMPTY, True, "no_version"),
        (None, GOOD, True, "not_in_index"),
    ],
)
def test_why(model, on_disk, compared, why):
    found = why_hidden(model, on_disk, compared)
    assert (found and found.id) == why
    assert found is None or found.text


def test_only_errors_are_named():
    assert why_hidden(NAMED, BROKEN, True).findings == [{"severity": "error"}]
