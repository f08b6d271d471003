# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules return, in a form that JSON and a terminal can carry."""

from __future__ import annotations

import json

import pytest
from ansible_collections.inference.triton.plugins.module_utils._repository.results import diff, printable


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain ä 字", "plain ä 字"),
        ("\udcff", "\ufffd"),
        ({"\udce9": ["\udcff", ("a\udcff",)]}, {"\ufffd": ["\ufffd", ["a\ufffd"]]}),
        ({1: 2.5, "x": None, "y": True}, {1: 2.5, "x": None, "y": True}),
    ],
)
def test_bytes_that_are_not_utf8_become_replacement_characters(value, shown):
    assert printable(value) == shown
    json.dumps(printable(value)).encode("utf-8")


def test_a_diff_has_the_file_before_and_after():
    assert diff("/m/config.pbtxt", b"a\r\n", b"a\xff\n") == {
        "before_header": "/m/config.pbtxt",
        "after_header": "/m/config.pbtxt",
        "before": "a\r\n",
        "after": "a\ufffd\n",
    }


def test_a_diff_says_which_side_is_absent():
    assert diff("f", None, b"a") == {"before_header": "f (absent)", "after_header": "f", "before": "", "after": "a"}
    assert diff("f", b"a", None) == {"before_header": "f", "after_header": "f (absent)", "before": "a", "after": ""}
