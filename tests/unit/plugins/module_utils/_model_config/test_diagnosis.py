# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that is wrong with a file, at once."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config.diagnosis import diagnose


def shown(text):
    return [finding.show("f") for finding in diagnose(text.encode()).findings]


@pytest.mark.parametrize("text", ["", "# nothing\n", 'name: "m"\r\nmax_batch_size: 8'])
def test_a_valid_file_is_a_document_with_data(text):
    diagnosis = diagnose(text.encode())
    assert diagnosis.document.text == text
    assert diagnosis.data == ({"name": "m", "max_batch_size": 8} if "name" in text else {})
    assert (diagnosis.findings, diagnosis.placeholder) == ([], None)


def test_a_file_that_is_wrong_in_meaning_is_a_document_all_the_same():
    diagnosis = diagnose(b'name: "m"\nmax_batch_size: "8"\n')
    assert diagnosis.document is not None
    assert diagnosis.data == {"name": "m"}
    assert [finding.rule for finding in diagnosis.findings] == ["wrong-type"]


def test_a_file_that_is_wrong_in_syntax_is_no_document_but_has_data():
    diagnosis = diagnose(b'name "m"\nmax_batch_size: 8\n')
    assert diagnosis.document is None
    assert diagnosis.data == {"name": "m", "max_batch_size": 8}
    assert [finding.rule for finding in diagnosis.findings] == ["missing-colon"]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        pytest.param(
            'input {\n  input_dims: [ 1 ]\n  name: "a"\n}\n',
            "f:2:3: ModelInput has no field 'input_dims'. [unknown-field]\n"
            "  input_dims: [ 1 ]\n  ^\n"
            "Did you mean 'dims'?",
            id="unknown field",
        ),
        pytest.param(
            "input [ { data_type: TYPE_FLOAT32 } ]\n",
            "f:1:22: 'data_type' has no value TYPE_FLOAT32. [unknown-enum-value]\n"
            "input [ { data_type: TYPE_FLOAT32 } ]\n                     ^\n"
            "Did you mean 'TYPE_FP32'?",
            id="unknown value of an enum",
        ),
        pytest.param(
            'max_batch_size: "8"\n',
            "f:1:17: 'max_batch_size' is a int32, found \"8\". [wrong-type]\n"
            'max_batch_size: "8"\n                ^\n'
            "Remove the quotes.",
            id="wrong type",
        ),
        pytest.param(
            "max_batch_size: 2147483648\n",
            "f:1:17: 2147483648 is out of the range of 'max_batch_size', -2147483648 to 2147483647. [out-of-range]\n"
            "max_batch_size: 2147483648\n                ^\n"
            "Write a number in this range.",
            id="out of range",
        ),
        pytest.param(
            "max_batch_size: 4\nmax_batch_size: 8\n",
            "f:2:1: 'max_batch_size' is given more than once. [given-twice]\n"
            "max_batch_size: 8\n^\n"
            "Remove all but one of them.",
            id="given twice",
        ),
        pytest.param(
            "dynamic_batching { }\nsequence_batching { }\n",
            "f:2:1: 'sequence_batching' cannot stand beside 'dynamic_batching': only one of them. [oneof]\n"
            "sequence_batching { }\n^\n"
            "Remove one of the two.",
            id="two members of a oneof",
        ),
        pytest.param(
            "max_batch_size 8\n",
            "f:1:16: expected ':' or '{' after 'max_batch_size', found '8' [missing-colon]\n"
            "max_batch_size 8\n               ^\n"
            "Put a ':' behind 'max_batch_size'.",
            id="missing colon",
        ),
        pytest.param(
            "input { dims [ 1 ] }\n",
            "f:1:14: expected ':' between 'dims' and its list of values [missing-colon]\n"
            "input { dims [ 1 ] }\n             ^\n"
            "Put a ':' behind 'dims'.",
            id="missing colon before a list",
        ),
        pytest.param(
            'input [\n  { name: "a" }\n  { name: "b" }\n]\n',
            "f:3:3: expected ',' or ']' after an element of a list, found '{' [missing-comma]\n"
            '  { name: "b" }\n  ^\n'
            "Put a comma between the elements.",
            id="missing comma",
        ),
        pytest.param(
            "input { dims: [ 1, 2, ] }\n",
            "f:1:23: expected another element after ',', found ']' [trailing-comma]\n"
            "input { dims: [ 1, 2, ] }\n                      ^\n"
            "Remove the comma before the ']'.",
            id="trailing comma",
        ),
        pytest.param(
            '\ufeffname: "a"\n',
            "f:1:1: the file begins with a UTF-8 byte order mark, which the text format does not allow "
            "[byte-order-mark]\n"
            '\ufffdname: "a"\n^\n'
            "Remove the mark: save the file as UTF-8 without BOM.",
            id="byte order mark",
        ),
        pytest.param(
            "name: \u201ca\u201d\n",
            "f:1:7: expected a value for 'name', found '\u201c' [smart-quotes]\n"
            "name: \u201ca\u201d\n      ^\n"
            "Replace typographic quotes by plain ones: \" or '.",
            id="smart quotes",
        ),
        pytest.param(
            "<<<<<<< HEAD\nmax_batch_size: 4\n=======\nmax_batch_size: 8\n>>>>>>> theirs\n",
            "f:1:1: '<<<<<<<' is the mark of a merge conflict [conflict-marker]\n"
            "<<<<<<< HEAD\n^\n"
            "Resolve the conflict, and remove the marks.",
            id="merge conflict",
        ),
        pytest.param(
            "max_batch_size: ${size}\n",
            "f:1:17: the placeholder ${size} is not filled in [template]\n"
            "max_batch_size: ${size}\n                ^\n"
            "This is a template: fill in ${size} first.",
            id="template",
        ),
    ],
)
def test_each_problem_is_reported_with_place_line_caret_rule_and_what_to_do(text, finding):
    assert shown(text) == [finding]


A_DOZEN = """\
\ufeffname: \u201cranker\u201d
backend "python"
max_batch_size: 08
input [
  {
    name: "IN"
    data_type: TYPE_FLOAT32
    input_dims: [ 3, 224, 224, ]
  }
  { name: "MASK", dims: [ 1 2 ] },
]
<<<<<<< HEAD
instance_group { kind: KIND_CUDA count: "2" }
=======
instance_group { kind: KIND_CPU }
>>>>>>> cpu
output { name: "OUT" name: "OUT" dims: [ ${dims} ] }
dynamic_batching { max_queue_delay_microseconds: -1 }
sequence_batching {
  max_sequence_idle_microseconds: 5
parameters { key: "path" value { string_value: "C:\\models" } }
"""


def test_a_file_with_many_problems():
    diagnosis = diagnose(A_DOZEN.encode())
    assert [(finding.line, finding.column, finding.rule) for finding in diagnosis.findings] == [
        (1, 1, "byte-order-mark"),
        (1, 8, "smart-quotes"),
        (2, 9, "missing-colon"),
        (3, 17, "bad-number"),
        (7, 16, "unknown-enum-value"),
        (8, 5, "unknown-field"),
        (8, 32, "trailing-comma"),
        (10, 3, "missing-comma"),
        (10, 29, "missing-comma"),
        (11, 1, "trailing-comma"),
        (12, 1, "conflict-marker"),
        (13, 24, "unknown-enum-value"),
        (13, 41, "wrong-type"),
        (17, 22, "given-twice"),
        (17, 42, "template"),
        (18, 50, "out-of-range"),
        (19, 1, "oneof"),
        (19, 19, "unclosed"),
        (21, 51, "bad-escape"),
    ]
    lines = A_DOZEN.split("\n")
    for finding in diagnosis.findings:
        line, caret = finding.excerpt.split("\n")
        assert line == lines[finding.line - 1].replace("\ufeff", "\ufffd")
        assert len(caret) == finding.column
        assert finding.message and finding.hint
    assert diagnosis.data == {
        "name": "ranker",
        "backend": "python",
        "max_batch_size": 8,
        "input": [{"name": "IN"}, {"name": "MASK", "dims": [1, 2]}],
        "instance_group": [{}],
        "output": [{"name": "OUT", "dims": []}],
        "dynamic_batching": {},
        "sequence_batching": {"max_sequence_idle_microseconds": 5},
        "parameters": {"path": {"string_value": "C:\\models"}},
    }


@pytest.mark.parametrize(
    ("text", "placeholder"),
    [
        pytest.param("name: 'a'\nmax_batch_size: {{ size }}\nplatform: ${platform}\n", "{{ size }}", id="template"),
        pytest.param("max_batch: 1\nmax_batch_size: ${size}\n", "${size}", id="template that is wrong in meaning"),
        pytest.param("max_batch_size: ${size}\nname 'a'\n", None, id="template that is wrong in syntax"),
        pytest.param("max_batch_size 8\n", None, id="no template"),
        pytest.param("name: '${name}'\n", None, id="placeholder in a string"),
    ],
)
def test_a_template_is_what_lacks_nothing_but_to_be_filled_in(text, placeholder):
    assert diagnose(text.encode()).placeholder == placeholder


def test_of_a_template_that_is_broken_both_are_reported():
    findings = diagnose(b"max_batch_size: ${size}\nname 'a'\n").findings
    assert [(finding.line, finding.rule) for finding in findings] == [(1, "template"), (2, "missing-colon")]


def test_an_entry_of_a_map_that_cannot_be_read_is_none():
    text = b"metric_tags { key: ${key} value: 'a' } metric_tags { key: 'b' value: 1 } metric_tags { key: 'c' }"
    assert diagnose(text).data == {"metric_tags": {"c": ""}}


def test_what_stands_in_for_the_unknown_is_told_nowhere():
    text = "max_batch_size:\ninput [ ${a}, { name: } ]\n${b}: 1\nkind: KIND_${c}\nx { ${d} { } }\nname: 1.2.3\n"
    diagnosis = diagnose(text.encode())
    assert "__" not in str(diagnosis.findings) + str(diagnosis.data)
    assert diagnosis.data == {"input": [{}, {}]}
