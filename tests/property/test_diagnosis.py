# SPDX-License-Identifier: GPL-3.0-or-later
"""All errors of a file at once: none is missed, none is made up, and what could be read is what was meant."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.inference.triton.plugins.module_utils._model_config.diagnosis import diagnose
from ansible_collections.inference.triton.plugins.module_utils._textproto.errors import locate
from ansible_collections.inference.triton.tests.property.damages import damaged
from hypothesis import given


def canonical(data: Any) -> str:
    return json.dumps(data, sort_keys=True)


@given(damaged())
def test_every_error_is_reported_at_its_place_and_nothing_else(damaged):
    findings = diagnose(damaged.text.encode()).findings
    found = [(finding.line, finding.column, finding.rule) for finding in findings]
    assert found == [(*locate(damaged.text, offset), rule) for offset, rule in damaged.errors]


@given(damaged())
def test_the_data_is_read_as_if_there_were_no_errors(damaged):
    assert canonical(diagnose(damaged.text.encode()).data) == canonical(damaged.data)
