# SPDX-License-Identifier: GPL-3.0-or-later
"""What a policy says of itself."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config.backend import Backend
from ansible_collections.inference.triton.plugins.module_utils._model_config.backend_kinds import ModelFacts
from ansible_collections.inference.triton.plugins.module_utils._policy.match import QueryError, Subject
from ansible_collections.inference.triton.plugins.module_utils._policy.parsing import parse_policy

MODEL = Subject("/srv/models", "ranker", Backend("python", ""), ModelFacts({"backend": "python"}))


def policy(**keys):
    return parse_policy({"rules": [{"instance_group": [{"kind": "KIND_GPU"}]}], **keys})


def test_every_model_is_critical_where_the_policy_does_not_say():
    assert policy().is_critical(MODEL)


@pytest.mark.parametrize(
    ("critical", "expected"),
    [
        ([{"models": ["ranker"]}], True),
        ([{"models": ["search_*"]}, {"backends": ["python"]}], True),
        ([{"models": ["ranker"], "backends": ["tensorrt"]}], False),
        ([{"models": ["search_*"]}], False),
        ([], False),
    ],
)
def test_critical_are_those_that_one_of_the_selectors_takes(critical, expected):
    assert policy(critical=critical).is_critical(MODEL) is expected


def test_a_query_that_fails_names_its_place():
    with pytest.raises(QueryError, match=r"^the query of critical\[1\], 'length\(missing\)' fails: "):
        policy(critical=[{"models": ["x"]}, {"query": "length(missing)"}]).is_critical(MODEL)
