# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a server is and what it is asked with, and what is refused before anything is sent."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._server.endpoint import (
    checked_headers,
    metrics_endpoint,
    parse_url,
    tls_context,
)
from ansible_collections.inference.triton.plugins.module_utils._server.errors import ServerError


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("http://127.0.0.1:8000", ("http", "127.0.0.1", 8000, "")),
        ("http://gpu1:8000/", ("http", "gpu1", 8000, "")),
        ("https://gateway.example.com/triton/", ("https", "gateway.example.com", 443, "/triton")),
        ("http://gpu1", ("http", "gpu1", 80, "")),
        ("http://[::1]:8000", ("http", "::1", 8000, "")),
        (" http://gpu1:8000 ", ("http", "gpu1", 8000, "")),
    ],
)
def test_a_url(url, endpoint):
    assert tuple(parse_url(url)) == endpoint


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "http://"),
        ("127.0.0.1:8000", "does not begin with http://"),
        ("grpc://127.0.0.1:8001", "does not begin with http://"),
        ("http://", "names no host"),
        ("http://:8000", "names no host"),
        ("http://gpu1:port", "not a URL"),
        ("http://gpu1:99999", "not a URL"),
        ("http://[::1", "not a URL"),
        ("http://gpu1:8000/v2?x=1", "more to it"),
        ("http://gpu1:8000/a b", "more to it"),
        ("http://gpu1\r\nX", "line break"),
        ("http://gpu 1", "names no host"),
        ("http://a..b", "names no host"),
        ("http://" + "a" * 64, "names no host"),
        ("http://gpu1:8000#x", "more to it"),
    ],
)
def test_what_is_no_url(url, says):
    with pytest.raises(ServerError, match=says) as raised:
        parse_url(url)
    assert raised.value.kind == "option"
    assert "url:" in str(raised.value)


def test_a_password_in_a_url_is_not_repeated():
    with pytest.raises(ServerError, match="user name or a password") as raised:
        parse_url("http://admin:s3cret@gpu1:8000")
    assert "s3cret" not in str(raised.value)


def test_the_url_of_an_ipv6_address_has_its_brackets_again():
    assert parse_url("http://[::1]:8000").url("/v2") == "http://[::1]:8000/v2"


def test_the_metrics_are_at_triton_s_own_port_of_the_same_host():
    assert metrics_endpoint(parse_url("https://gpu1:443/triton"), None).url() == "http://gpu1:8002/metrics"
    assert metrics_endpoint(parse_url("http://gpu1"), "https://gw/m").url() == "https://gw:443/m"


def test_headers_are_text():
    assert checked_headers({"admin-key": 12, "X-Name": "ä"}) == {"admin-key": "12", "X-Name": "ä"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("", "secret"),
        ("two words", "secret"),
        ("x:y", "secret"),
        ("x", "secret\r\nadmin: yes"),
        ("x", "secret\0"),
        ("x", "secret €"),
        ("x", ["secret"]),
        ("x", None),
        ("Content-Length", "secret"),
        ("transfer-encoding", "secret"),
    ],
)
def test_a_header_that_cannot_be_sent_is_refused_without_its_value(name, value):
    with pytest.raises(ServerError, match="headers:") as raised:
        checked_headers({name: value})
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((True, "/does/not/exist.pem", None, None), "ca_path: /does/not/exist.pem"),
        ((True, __file__, None, None), "ca_path: "),
        ((True, None, "/does/not/exist.pem", None), "client_cert: /does/not/exist.pem"),
        ((True, None, __file__, None), "client_cert: "),
        ((True, None, None, __file__), "client_key: there is no 'client_cert'"),
    ],
)
def test_certificates_that_cannot_be_used_are_named(options, says):
    with pytest.raises(ServerError) as raised:
        tls_context(*options)
    assert str(raised.value).startswith(says)
