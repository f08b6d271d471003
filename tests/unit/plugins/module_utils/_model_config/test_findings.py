# SPDX-License-Identifier: GPL-3.0-or-later
"""How a problem in a file is shown and returned."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config.findings import (
    WARNING,
    Finding,
    Problem,
    in_order,
    located,
)
from ansible_collections.inference.triton.plugins.module_utils._textproto.document import Document
from ansible_collections.inference.triton.plugins.module_utils._textproto.errors import TextProtoError

TEXT = 'name: "m"\n  kindly: 1\n'


def test_a_finding_is_shown_with_place_line_caret_and_hint():
    finding = Finding.at("unknown-field", "There is no 'kindly'.", TEXT, TEXT.index("kindly"), "Remove it.")
    assert finding.show("/m/config.pbtxt") == (
        "/m/config.pbtxt:2:3: There is no 'kindly'. [unknown-field]\n  kindly: 1\n  ^\nRemove it."
    )


def test_a_finding_without_a_place_is_shown_without_one():
    assert Finding("unreadable", "It cannot be read.").show("f") == "f: It cannot be read. [unreadable]"


def test_a_syntax_error_becomes_a_finding():
    with pytest.raises(TextProtoError) as raised:
        Document.parse(b"name: }\n")
    finding = Finding.of_syntax(raised.value)
    assert (finding.rule, finding.line, finding.column) == ("missing-value", 1, 7)
    assert finding.message == raised.value.message
    assert finding.excerpt == "name: }\n      ^"


def test_a_placeholder_is_named_in_the_hint():
    text = "name: ${name}\n"
    with pytest.raises(TextProtoError) as raised:
        Document.parse(text.encode())
    assert Finding.of_syntax(raised.value).hint == "This is a template: fill in ${name} first."


def test_problems_are_located_in_the_order_of_the_text():
    problems = [Problem("r2", "later", TEXT.index("kindly"), "h"), Problem("r1", "first", 6)]
    assert located(TEXT, problems) == [
        Finding("r1", "first", 1, 7, 'name: "m"\n      ^'),
        Finding("r2", "later", 2, 3, "  kindly: 1\n  ^", "h"),
    ]


def test_a_finding_is_returned_as_a_mapping_with_its_file():
    assert Finding("r", "m", 1, 2, "x\n^", "h").as_result("f") == {
        "file": "f",
        "rule": "r",
        "message": "m",
        "line": 1,
        "column": 2,
        "excerpt": "x\n^",
        "hint": "h",
        "severity": "error",
    }


def test_a_warning_is_shown_as_one():
    finding = Finding("r", "It is a trap.", 1, 2, severity=WARNING)
    assert finding.show("f") == "f:1:2: warning: It is a trap. [r]"


def test_findings_are_ordered_by_line_and_column_and_those_without_a_place_come_last():
    places = [(None, None), (2, 1), (1, 9), (1, 2)]
    found = [Finding("r", "m", line, column) for line, column in places]
    assert [(finding.line, finding.column) for finding in in_order(found)] == [(1, 2), (1, 9), (2, 1), (None, None)]
