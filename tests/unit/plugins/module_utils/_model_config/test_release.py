# SPDX-License-Identifier: GPL-3.0-or-later
"""Triton's releases as people write them."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config.findings import ConfigError
from ansible_collections.inference.triton.plugins.module_utils._model_config.release import parse_release


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
