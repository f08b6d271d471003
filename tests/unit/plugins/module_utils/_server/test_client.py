# SPDX-License-Identifier: GPL-3.0-or-later
"""One connection, asked again and again, and everything that can come of a request instead of an answer."""

from __future__ import annotations

import socket
import time

import pytest
from ansible_collections.inference.triton.plugins.module_utils._server import client as client_module
from ansible_collections.inference.triton.plugins.module_utils._server.client import Binary
from ansible_collections.inference.triton.plugins.module_utils._server.errors import ServerError
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._server.servers import CLOSE, answer

OK = answer(body={"a": 1})


def failure(asked, *arguments, **options):
    with pytest.raises(ServerError) as raised:
        asked.data(*(arguments or ("GET", "/v2")), **options)
    return raised.value


def test_several_requests_share_one_connection(scripted, client):
    server = scripted([OK, OK, OK])
    asked = client(server.url)
    assert [asked.data("GET", "/v2") for _number in range(3)] == [{"a": 1}] * 3
    assert server.connections == 1


def test_the_headers_and_the_body_of_a_request(scripted, client):
    server = scripted([OK])
    client(server.url + "/gateway", {"admin-key": "k"}).data("POST", "/v2/x", {"ü": True})
    head, _blank, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /gateway/v2/x HTTP/1.1\r\n")
    assert b"\r\nadmin-key: k\r\n" in head + b"\r\n"
    assert b"\r\nContent-Type: application/json" in head
    assert body == b'{"\\u00fc": true}'


def test_a_body_that_is_no_json(scripted, client):
    server = scripted([OK])
    client(server.url, {"admin-key": "k"}).request("POST", "/v2/x", Binary(b"\0\1", {"Content-Type": "a/b"}))
    head, _blank, body = server.requests[0].partition(b"\r\n\r\n")
    assert b"\r\nadmin-key: k" in head and b"\r\nContent-Type: a/b" in head
    assert body == b"\0\1"


def test_an_answer_in_chunks(scripted, client):
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n[1,2\r\n2\r\n,3\r\n1\r\n]\r\n0\r\n\r\n"
    server = scripted([chunked, OK])
    asked = client(server.url)
    assert asked.data("GET", "/v2") == [1, 2, 3]
    assert asked.data("GET", "/v2") == {"a": 1}


def test_a_server_that_wants_to_close_is_asked_over_a_new_connection(scripted, client):
    server = scripted([answer(body=[1], Connection="close")], [OK])
    asked = client(server.url)
    assert asked.data("GET", "/v2") == [1]
    assert asked.data("GET", "/v2") == {"a": 1}


@pytest.mark.parametrize("repeatable", [True, False])
def test_a_connection_that_was_closed_meanwhile_is_not_used(scripted, client, repeatable):
    server = scripted([OK], [OK])
    asked = client(server.url)
    asked.data("GET", "/v2")
    time.sleep(0.1)  # the server has closed it by now
    assert asked.request("POST", "/v2", repeatable=repeatable).status == 200
    assert len(server.requests) == 2


def test_a_request_that_does_not_matter_is_sent_again_once(scripted, client):
    server = scripted([OK, CLOSE], [OK])
    asked = client(server.url)
    asked.data("GET", "/v2")
    assert asked.data("GET", "/v2") == {"a": 1}
    assert len(server.requests) == 3


def test_a_request_that_changes_something_is_not_sent_again(scripted, client):
    server = scripted([OK, CLOSE], [OK])
    asked = client(server.url)
    asked.data("GET", "/v2")
    with pytest.raises(ServerError) as raised:
        asked.request("POST", "/v2", repeatable=False)
    assert raised.value.kind == "closed"
    assert len(server.requests) == 2


def test_a_server_that_closes_at_once_is_not_asked_again(scripted, client):
    server = scripted([CLOSE], [OK])
    assert failure(client(server.url)).kind == "closed"
    assert server.connections == 1


def test_a_client_can_be_used_after_a_failure(scripted, client):
    server = scripted([CLOSE], [OK])
    asked = client(server.url)
    failure(asked)
    assert asked.data("GET", "/v2") == {"a": 1}


def test_nobody_listens(client):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = failure(client(f"http://127.0.0.1:{port}"))
    assert error.kind == "refused"
    assert str(error).startswith(f"http://127.0.0.1:{port}/v2: ")
    assert "startup_timeout" in error.remedy


def test_a_host_without_an_address(client, monkeypatch):
    def no_address(*_arguments, **_options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_address)
    assert failure(client("http://no-such-host.invalid:8000")).kind == "unresolved"


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ([[b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n[1", CLOSE]], "truncated"),
        ([[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n[1", CLOSE]], "truncated"),
        ([[b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n", CLOSE]], "truncated"),
        ([[b"\0\0\x18\4\0\0\0\0\0", CLOSE]], "not_http"),
        ([b"SSH-2.0-OpenSSH_9.2\r\n"], "not_http"),
        ([b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100000 + b"\r\n\r\n"], "not_http"),
        ([answer(302, Location="https://gpu1/v2")], "redirected"),
        ([answer(200, b"<html><title>Welcome</title>", "text/html")], "not_triton"),
        ([answer(200, b"\n<!DOCTYPE html>", "application/json")], "not_triton"),
        ([answer(200, b"", "text/plain")], "not_json"),
        ([answer(200, b"hello", "text/plain")], "not_json"),
        ([answer(200, b'{"a": NaN}')], "not_json"),
        ([answer(200, b'{"a": 1')], "not_json"),
        ([answer(200, b"[" * 100000)], "too_deep"),
        ([answer(200, b"[" * 65 + b"]" * 65)], "too_deep"),
    ],
)
def test_what_is_no_answer(scripted, client, script, kind):
    error = failure(client(scripted(script).url))
    assert error.kind == kind
    assert error.seen and error.remedy


def test_a_redirect_names_its_target_and_is_not_followed(scripted, client):
    server = scripted([answer(307, Location="https://elsewhere/v2"), OK])
    assert "https://elsewhere/v2" in str(failure(client(server.url, {"admin-key": "s3cret"})))
    assert len(server.requests) == 1


def test_an_answer_may_not_be_larger_than_the_limit(scripted, client, monkeypatch):
    monkeypatch.setattr(client_module, "ANSWER_LIMIT", 1000)
    server = scripted([answer(body=b" " * 999 + b"1")], [[b"HTTP/1.1 200 OK\r\n\r\n", b"[" * 200000]])
    assert client(server.url).data("GET", "/v2") == 1
    assert failure(client(server.url)).kind == "too_large"


def test_a_server_that_says_nothing(scripted, client):
    error = failure(client(scripted([30]).url, timeout=0.2))
    assert error.kind == "timeout"
    assert "0.2 seconds" in error.seen


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"])
def test_a_server_that_drips_has_no_more_time_than_one_that_is_silent(scripted, client, start):
    drops = [part for _number in range(400) for part in (b"a", 0.05)]
    started = time.monotonic()
    assert failure(client(scripted([[start, *drops]]).url, timeout=0.4)).kind == "timeout"
    assert time.monotonic() - started < 10


def test_a_request_may_have_a_time_of_its_own(scripted, client):
    server = scripted([[0.5, OK]])
    assert client(server.url, timeout=0.1).request("GET", "/v2", seconds=10).status == 200


def test_bytes_that_are_not_utf_8_are_kept(scripted, client):
    assert client(scripted([answer(body=b'["\xff"]')]).url).data("GET", "/v2") == ["\udcff"]
