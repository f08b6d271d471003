# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a ModelConfig is and however it is written: the rules can be asked about it, and show what they blame."""

from __future__ import annotations

from ansible_collections.inference.triton.plugins.module_utils._model_config.backend import derive
from ansible_collections.inference.triton.plugins.module_utils._model_config.reading import read
from ansible_collections.inference.triton.plugins.module_utils._model_config.release import newer_fields
from ansible_collections.inference.triton.plugins.module_utils._model_config.semantic_rule import ModelContext
from ansible_collections.inference.triton.plugins.module_utils._model_config.semantics import check
from ansible_collections.inference.triton.plugins.module_utils._textproto.document import Document
from ansible_collections.inference.triton.tests.property.wild_text import documents
from hypothesis import given


@given(documents(google=False, open_enums=True))
def test_every_finding_has_a_place_in_the_text(wild):
    document = Document(wild.text)
    data = read(document).data
    found = check(document, data, ModelContext("m", derive(data, "m", ()))) + newer_fields(document, (21, 5))
    lines = wild.text.split("\n")
    for finding in found:
        assert finding.message and finding.hint and finding.excerpt.endswith("^")
        assert finding.column <= len(lines[finding.line - 1])
