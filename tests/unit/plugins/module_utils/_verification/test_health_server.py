# SPDX-License-Identifier: GPL-3.0-or-later
"""The health endpoint over HTTP: what it answers, to whom, and how soon."""

from __future__ import annotations

import http.client
import json
import os
import socket
import threading
import time

import pytest
from ansible_collections.inference.triton.plugins.module_utils._verification import health_server, state_file
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._verification.looks import (
    fallen,
    model,
    state,
)


class Host:
    def __init__(self, folder, server):
        self.folder, self.server = folder, server

    def seen(self, *models, **values):
        kept = {"checked_at_seconds": time.time(), "boot_id": "", **values}
        state_file.write(str(self.folder), state(*models, **kept))

    def ask(self, method="GET", path="/health"):
        """Status, headers and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=10)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()


@pytest.fixture
def host(tmp_path):
    server = health_server.HealthServer("127.0.0.1", 0, str(tmp_path), 200)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield Host(tmp_path, server)
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("path", ["/", "/health", "/health?from=haproxy"])
def test_a_host_on_which_all_is_well(host, path):
    host.seen(model())
    status, headers, body = host.ask(path=path)
    assert status == 200
    assert headers["Content-Type"] == "application/json"
    assert headers["Cache-Control"] == "no-store"
    assert json.loads(body)["status"] == "ok"


def test_it_changes_with_the_next_look(host):
    host.seen(model())
    assert host.ask()[0] == 200
    host.seen(fallen())
    status, _headers, body = host.ask()
    assert (status, json.loads(body)["models"]) == (503, ["ranker"])
    host.seen(model())
    assert host.ask()[0] == 200


def test_before_the_first_look(host):
    assert host.ask()[0] == 503


@pytest.mark.parametrize(
    "damage",
    [b"", b"{}", b'{"checked_at_seconds": 1e99, "status": "fine"}', b'{"checked_at_seconds": %d, "status": "fine"}'],
)
def test_a_state_that_is_damaged_is_no_health(host, damage):
    content = damage % time.time() if b"%d" in damage else damage
    (host.folder / "state.json").write_bytes(content)
    status, _headers, body = host.ask()
    assert status == 503
    assert json.loads(body)["reason"]


def test_head_has_no_body(host):
    host.seen(model())
    status, headers, body = host.ask("HEAD")
    assert (status, body) == (200, "")
    assert int(headers["Content-Length"]) > 0


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_else_is_answered(host, method):
    host.seen(model())
    status, headers, _body = host.ask(method)
    assert (status, headers["Allow"]) == (405, "GET, HEAD")


def test_other_paths_are_none(host):
    host.seen(model())
    assert host.ask(path="/state.json")[0] == 404


def test_it_does_not_tell_what_it_is_made_of(host):
    assert "Python" not in host.ask()[1]["Server"]


def test_clients_that_say_nothing_keep_nobody_waiting_for_long(host, monkeypatch):
    host.seen(model())
    address = ("127.0.0.1", host.server.server_port)
    silent = [socket.create_connection(address) for _number in range(health_server._AT_ONCE - 1)]
    try:
        begun = time.monotonic()
        assert host.ask()[0] == 200
        assert time.monotonic() - begun < 1
    finally:
        for one in silent:
            one.close()


def test_a_client_that_is_slow_without_end_is_hung_up_on(host, monkeypatch):
    monkeypatch.setattr(health_server, "_PATIENCE", 0.3)
    with socket.create_connection(("127.0.0.1", host.server.server_port), timeout=5) as client:
        begun = time.monotonic()
        with pytest.raises(OSError):  # noqa: PT011, PT012  # reset or broken pipe, as it comes
            while time.monotonic() - begun < 5:
                client.sendall(b"G")
                time.sleep(0.05)
        assert time.monotonic() - begun < 2


def test_a_port_that_is_taken_is_an_error(host):
    with pytest.raises(OSError, match="in use"):
        health_server.HealthServer("127.0.0.1", host.server.server_port, "/", 1)


def test_the_manager_of_the_service_is_told(tmp_path, monkeypatch):
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        health_server.tell_systemd("READY=1")
        assert manager.recv(100) == b"READY=1"
    os.unlink(path)
    health_server.tell_systemd("READY=1")  # nobody there is no error
