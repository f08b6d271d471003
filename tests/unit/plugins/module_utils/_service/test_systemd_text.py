# SPDX-License-Identifier: GPL-3.0-or-later
"""Text for systemd's files, quoted as systemd.syntax(7) asks for. molecule/server has systemd read it."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._service import systemd_text
from ansible_collections.inference.triton.plugins.module_utils._service.errors import ServiceError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("--http-port=8000", "--http-port=8000"),
        ("--load-model=*", "--load-model=*"),
        ("a b", '"a b"'),
        ("", '""'),
        (";", '";"'),
        ("100%", '"100%%"'),
        ("$HOME", '"$$HOME"'),
        ("a'b", '"a\'b"'),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("a\tb", '"a\\tb"'),
    ],
)
def test_a_word_of_a_command_line(text, expected):
    assert systemd_text.word(text) == expected


def test_an_assignment_expands_no_specifier_and_has_no_variables():
    assert systemd_text.assignment("A", "1 $b 5%") == '"A=1 $b 5%%"'


def test_a_line_of_an_environment_file():
    assert systemd_text.file_line("A", 'x "y" $z `w` \\ 5%') == 'A="x \\"y\\" \\$z \\`w\\` \\\\ 5%"'


@pytest.mark.parametrize("bad", ["a\nb", "a\0b", "a\rb"])
def test_a_line_break_is_refused(bad):
    for quote in (systemd_text.word, lambda text: systemd_text.file_line("A", text)):
        with pytest.raises(ServiceError, match="line break"):
            quote(bad)
