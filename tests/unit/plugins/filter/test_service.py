# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters tritonserver_arguments and systemd_text as templates call them."""

from __future__ import annotations

import pytest

pytest.importorskip("ansible.errors", reason="filters run on the controller")

from ansible.errors import AnsibleFilterError
from ansible_collections.inference.triton.plugins.filter.service import FilterModule

FILTERS = FilterModule().filters()


def test_options_become_arguments():
    assert FILTERS["tritonserver_arguments"]({"http_port": 1}, "2.51.0") == ["--http-port=1"]


def test_what_the_server_says_comes_before_the_table():
    with pytest.raises(AnsibleFilterError, match=r"tritonserver 2\.51\.0 does not know --http-port"):
        FILTERS["tritonserver_arguments"]({"http_port": 1}, "2.51.0", {"id": "str"})


def test_options_are_a_mapping():
    with pytest.raises(AnsibleFilterError, match="expected a mapping, found list"):
        FILTERS["tritonserver_arguments"](["--http-port=1"])


@pytest.mark.parametrize(
    ("form", "expected"), [("word", '"a $$b"'), ("assignment", '"N=a $b"'), ("file_line", 'N="a \\$b"')]
)
def test_text_for_systemd(form, expected):
    assert FILTERS["systemd_text"]("a $b", form, "N") == expected


@pytest.mark.parametrize(("value", "form"), [("a", "line"), ("a\nb", "word")])
def test_what_cannot_be_is_refused(value, form):
    with pytest.raises(AnsibleFilterError, match="systemd_text: "):
        FILTERS["systemd_text"](value, form)
