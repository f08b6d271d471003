# SPDX-License-Identifier: GPL-3.0-or-later
"""Google's protobuf as a second opinion, here played by a stand-in: most managed hosts do not have it."""

from __future__ import annotations

import types

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config import second_opinion


class ParseError(Exception):
    pass


@pytest.fixture
def refusing(monkeypatch):
    """Make a protobuf that refuses the given texts."""

    def install(*texts):
        def parse(text, message):
            if text in texts:
                raise ParseError(f"refused {text!r}")

        text_format = types.SimpleNamespace(Parse=parse, ParseError=ParseError)
        monkeypatch.setattr(second_opinion, "load", lambda: second_opinion.Protobuf("9.8.7", object, text_format))

    return install


def test_the_version_of_a_protobuf_that_agrees_is_returned(refusing):
    refusing()
    assert second_opinion.check(b"before", b"after") == "9.8.7"


def test_a_protobuf_that_disagrees_is_an_error_with_its_reason(refusing):
    refusing(b"after")
    with pytest.raises(
        second_opinion.DisagreementError, match=r"protobuf 9\.8\.7 refuses the new text: refused b'after'"
    ):
        second_opinion.check(b"before", b"after")


def test_a_protobuf_that_refused_the_old_text_already_has_no_say(refusing):
    refusing(b"before", b"after")
    assert second_opinion.check(b"before", b"after") is None


def test_a_host_without_protobuf_goes_without(monkeypatch):
    monkeypatch.setattr(second_opinion, "load", lambda: None)
    assert second_opinion.check(b"before", b"after") is None
