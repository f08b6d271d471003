# SPDX-License-Identifier: GPL-3.0-or-later
"""Triton's releases as people write them."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config.findings import ConfigError, Finding
from ansible_collections.inference.triton.plugins.module_utils._model_config.release import newer_fields, parse_release
from ansible_collections.inference.triton.plugins.module_utils._textproto.document import Document


@pytest.mark.parametrize(("text", "release"), [("24.08", (24, 8)), ("21.12", (21, 12)), ("25.10", (25, 10))])
def test_a_release_is_a_year_and_a_month(text, release):
    assert parse_release(text) == release


def test_releases_compare_by_their_dates():
    assert parse_release("23.12") < parse_release("24.02") < parse_release("24.10")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("24.8", "Write '24.08', in quotes."),
        ("24.1", "Write '24.01' or '24.10', in quotes."),
        ("2.49.0", "Write the year and the month of the container's tag in quotes, for example '24.08'."),
        ("24.13", "Write the year and the month of the container's tag in quotes, for example '24.08'."),
        ("24.08-py3", "Write the year and the month of the container's tag in quotes, for example '24.08'."),
        ("24.08\n", "Write the year and the month of the container's tag in quotes, for example '24.08'."),
        ("", "Write the year and the month of the container's tag in quotes, for example '24.08'."),
    ],
)
def test_anything_else_is_an_error_that_says_what_to_write(text, hint):
    with pytest.raises(ConfigError) as raised:
        parse_release(text)
    assert raised.value.problems == [f"triton_release: {text!r} is not a release of Triton. {hint}"]


TEXT = """\
model_metrics { }
input [ { data_type: TYPE_BF16, optional: true }, < is_non_linear_format_io: true > ]
model_warmup { inputs { key: "a" value { data_type: TYPE_BF16 } } count: 2 }
batch_input: { kind: [ BATCH_ITEM_SHAPE ] }
"""


def newer(text, release):
    return newer_fields(Document(text), parse_release(release))


@pytest.mark.parametrize(
    ("release", "found"),
    [
        ("24.11", []),
        ("24.10", [(1, 1)]),
        ("24.07", [(1, 1), (2, 53)]),
        ("22.06", [(1, 1), (2, 53), (3, 67)]),
        ("22.04", [(1, 1), (2, 22), (2, 53), (3, 53), (3, 67)]),
        ("21.12", [(1, 1), (2, 22), (2, 33), (2, 53), (3, 53), (3, 67), (4, 24)]),
    ],
)
def test_every_field_and_enum_value_that_came_later_is_found_where_it_stands(release, found):
    assert [(finding.line, finding.column) for finding in newer(TEXT, release)] == found


def test_the_finding_says_what_came_when_and_what_to_do():
    (finding,) = newer("name: 'm'\nmodel_metrics { }\n", "24.08")
    assert finding == Finding(
        "newer-than-release",
        "Triton 24.08 refuses the whole model: 'model_metrics' came with 24.11.",
        2,
        1,
        "model_metrics { }\n^",
        "Remove it, or serve the model with Triton 24.11 or newer.",
        "error",
    )


def test_what_the_schema_does_not_have_is_left_to_others():
    assert newer("foo { bar: 1 } model_warmup: 1 input { data_type: { } }", "24.10") == []


def test_the_number_of_a_newer_value_is_no_name_that_a_parser_does_not_know():
    assert newer("input { data_type: 14 }", "21.12") == []
