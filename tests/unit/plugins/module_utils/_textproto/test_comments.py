# SPDX-License-Identifier: GPL-3.0-or-later
"""What is a comment, and what only looks like one."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._textproto.comments import comments
from ansible_collections.inference.triton.plugins.module_utils._textproto.document import Document


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param("# a\n", ["# a"], id="line"),
        pytest.param("# a", ["# a"], id="no line end"),
        pytest.param("# a\r\n# b\r\n", ["# a", "# b"], id="CRLF"),
        pytest.param("#\n##\n", ["#", "##"], id="empty"),
        pytest.param('a: "# no"', [], id="string"),
        pytest.param("a: '\\'# no'", [], id="quote in a string"),
        pytest.param('a: "# no" # yes', ["# yes"], id="behind a string"),
        pytest.param("a: '# no' # yes ' \"\n '# no'\n", ["# yes ' \""], id="between the parts of a string"),
        pytest.param("a: [ '# no', # yes\n '# no' ]", ["# yes"], id="list"),
        pytest.param(
            "a { b: '# no' # one\n c { # two\n d: '#' } } # three", ["# one", "# two", "# three"], id="messages"
        ),
        pytest.param("a [ { b: '#' }, # one\n { b: '#' } ] # two", ["# one", "# two"], id="list of messages"),
    ],
)
def test_the_comments_in_order(text, found):
    assert [comment.text for comment in comments(Document.parse(text.encode()))] == found


def test_a_comment_has_its_place_in_the_text():
    text = "a: '#' # yes\nb: 1 # also\n"
    assert [text[comment.offset :].split("\n")[0] for comment in comments(Document.parse(text.encode()))] == [
        "# yes",
        "# also",
    ]
