# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that are a refusal, and who refuses."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._server.failures import Answer, of_answer, shown

URL = "http://gpu1:8000/v2"


def failure(status, body=b"", content_type="application/json", **headers):
    headers = {"content-type": content_type, **headers}
    error = of_answer(Answer(URL, status, headers, body))
    assert error.url == URL and str(error).startswith(URL + ": ")
    assert error.status == status
    assert error.remedy
    return error


@pytest.mark.parametrize(
    ("status", "body", "kind", "says"),
    [
        # What tritonserver 2.51.0 says.
        (503, b'{"error":"explicit model load / unload is not allowed if polling is enabled"}', "control_mode", "none"),
        (403, b'{"error":"This API is restricted, expecting header \'admin-key\'"}', "restricted", "admin-key"),
        (404, b'{"error":"Request for unknown model: \'x\' is not found"}', "server", "unknown model: 'x'"),
        (400, b'{"error":"load failed"}', "server", "load failed"),
        (500, b'{"error":"failed to stat file /models/x"}', "server", "failed to stat"),
        (404, b'{"error":"Not Found"}', "not_triton", "404"),
        (503, b'{"error":"Server is not ready"}', "server", "not ready"),
        # What proxies and others say.
        (403, b"<html><title>403 Forbidden</title>", "credentials", "403 Forbidden"),
        (401, b"", "credentials", "401"),
        (407, b"", "credentials", "407"),
        (301, b"", "redirected", "nowhere"),
        (502, b"<html><head><title>502 Bad Gateway</title>", "unavailable", "Bad Gateway"),
        (503, b"", "unavailable", "Service Unavailable"),
        (504, b"upstream request timeout", "unavailable", "upstream request timeout"),
        (404, b"<html>no", "not_triton", "web page"),
        (405, b"no", "not_triton", "405"),
        (500, b"{broken", "not_triton", "{broken"),
        (500, b"[1]", "not_triton", "500"),
        (400, b'{"error": 3}', "not_triton", "400"),
        (400, b'{"error": ' + b"[" * 5000, "not_triton", "400"),
    ],
)
def test_a_refusal(status, body, kind, says):
    error = failure(status, body, "text/html" if body.startswith(b"<") else "application/json")
    assert error.kind == kind
    assert says in error.seen


def test_the_words_of_the_server_are_kept_apart():
    assert failure(400, b'{"error":" load failed: why\\n"}').reason == "load failed: why"


def test_the_program_that_answered_is_named():
    assert "from nginx/1.22.1" in failure(502, b"<html>", "text/html", server="nginx/1.22.1").seen


def test_what_is_shown_is_one_line_and_does_nothing_to_a_terminal():
    assert shown("a\r\n\x1b[31mb\0") == "a [31mb"
    assert len(shown("x" * 10000)) < 400
