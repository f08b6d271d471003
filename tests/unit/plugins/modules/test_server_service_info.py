# SPDX-License-Identifier: GPL-3.0-or-later
"""The module server_service_info from its arguments to its result, with a stand-in for systemd and for Triton."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from ansible_collections.inference.triton.plugins.module_utils._service import unit_state
from ansible_collections.inference.triton.plugins.modules import server_service_info

LOADING = 'I0101 12:00:00.1 7 model_lifecycle.cc:472] "loading: slow:1"'
REFUSED = """E0101 12:00:00.1 7 m.cc:1460] "Poll failed for model directory 'typo': failed to read text proto\""""
OPEN = 'I0101 12:00:05.2 7 grpc_server.cc:2558] "Started GRPCInferenceService at 127.0.0.1:8001"'
OF_PODMAN = [
    "2026-01-01 12:00:00.632087354 +0000 UTC m=+0.067439413 image pull  localhost/t@sha256:" + "0" * 64,
    "2026-01-01 12:00:00.687346954 +0000 UTC m=+0.122699013 container died "
    + "0" * 64
    + " (image=localhost/t, name=t)",
    "",
    "0" * 64,
]
INDEX = [
    {"name": "good", "version": "1", "state": "READY"},
    {"name": "bad", "version": "1", "state": "UNAVAILABLE", "reason": "no GPUs"},
    {"name": "typo"},
    {"name": "idle"},
]


@pytest.fixture
def host(tmp_path, monkeypatch):
    """Have systemctl and journalctl say something: ``host(state, log)``."""

    def say(state, log=()):
        shown = {"LoadState": "loaded", "ExecMainCode": "0", "ExecMainStatus": "0", "MainPID": "0", "NRestarts": "0"}
        shown.update({"InvocationID": "0123", "NeedDaemonReload": "no", "UnitFileState": "enabled", **state})
        texts = {"systemctl": "\n".join("=".join(pair) for pair in shown.items()), "journalctl": "\n".join(log)}
        for name, text in texts.items():
            (tmp_path / (name + ".txt")).write_text(text + "\n")
            program = tmp_path / name
            program.write_text(f"#!/bin/sh\nexec cat {tmp_path}/{name}.txt\n")
            program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    return say


@pytest.fixture
def process():
    """The server's process, as far as systemd and /proc know it."""
    environment = {"PATH": os.environ["PATH"], "TRITON_SERVICE_FINGERPRINT": "f1"}
    with subprocess.Popen(["sleep", "60"], env=environment) as started:
        yield str(started.pid)
        started.kill()


@pytest.fixture
def triton():
    """The URL of something that answers as Triton does, to those who send the header."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.answer({"name": "triton", "version": "2.51.0", "extensions": []} if self.path == "/v2" else {})

        def do_POST(self):
            self.answer(INDEX)

        def answer(self, data):
            allowed = self.headers.get("key") == "secret"
            body = json.dumps(data if allowed else {"error": "This API is restricted, expecting header 'key'"}).encode()
            self.send_response(200 if allowed else 403)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def closed(triton):
    """The URL of a port that nobody listens on."""
    return "http://127.0.0.1:9"


def test_a_server_that_serves(run, documented, host, process, triton):
    host({"ActiveState": "active", "SubState": "running", "MainPID": process}, [REFUSED, OPEN])
    result = run(server_service_info, url=triton, headers={"key": "secret"})
    assert (result["phase"], result["server_version"], result["ready"]) == ("serving", "2.51.0", True)
    assert result["unit"]["fingerprint"] == "f1"
    assert [(model["name"], model["state"], model["reason"]) for model in result["models"]] == [
        ("bad", "UNAVAILABLE", "no GPUs"),
        ("good", "READY", ""),
        ("idle", None, ""),
        ("typo", "UNAVAILABLE", "failed to read text proto"),
    ]
    documented(server_service_info, result)


def test_the_fingerprint_of_a_container_is_that_of_a_process_in_it(run, host, process, closed, tmp_path, monkeypatch):
    group = tmp_path / "cgroup" / "triton.service" / "container"
    group.mkdir(parents=True)
    (group / "cgroup.procs").write_text(process + "\n")
    monkeypatch.setattr(unit_state, "_HIERARCHIES", ("/nowhere", str(tmp_path / "cgroup")))
    with subprocess.Popen(["sleep", "60"], env={"PATH": os.environ["PATH"]}) as engine:
        state = {"ActiveState": "active", "SubState": "running", "MainPID": str(engine.pid)}
        host({**state, "ControlGroup": "/triton.service"})
        inside = run(server_service_info, url=closed)
        host({**state, "ControlGroup": "/"})
        elsewhere = run(server_service_info, url=closed)
        engine.kill()
    assert (inside["unit"]["fingerprint"], elsewhere["unit"]["fingerprint"]) == ("f1", "")


def test_a_server_that_loads(run, documented, host, process, closed):
    host({"ActiveState": "active", "SubState": "running", "MainPID": process}, [LOADING, REFUSED])
    result = run(server_service_info, url=closed)
    assert (result["phase"], result["loading"], result["ready"]) == ("loading", ["slow"], None)
    assert [model["name"] for model in result["models"]] == ["typo"]
    documented(server_service_info, result)


def test_a_server_without_http_serves_when_its_log_says_so(run, host, process):
    host({"ActiveState": "active", "SubState": "running", "MainPID": process}, [OPEN])
    assert run(server_service_info, url="")["phase"] == "serving"
    host({"ActiveState": "active", "SubState": "running", "MainPID": process}, [LOADING])
    assert run(server_service_info, url="")["phase"] == "loading"


def test_a_server_that_refuses_us_serves(run, host, process, triton):
    host({"ActiveState": "active", "SubState": "running", "MainPID": process})
    result = run(server_service_info, url=triton, headers={"key": "wrong"})
    assert result["phase"] == "serving"
    assert "key" in result["error"]


@pytest.mark.parametrize(
    ("state", "ended"),
    [
        ({"ActiveState": "failed", "ExecMainCode": "1", "ExecMainStatus": "3"}, "exit status 3"),
        (
            {"ActiveState": "activating", "SubState": "auto-restart", "ExecMainCode": "2", "ExecMainStatus": "9"},
            "signal 9",
        ),
    ],
)
def test_a_server_that_ended(run, documented, host, closed, state, ended):
    host(state, ["last words", "+------+", "| id   | triton |", *OF_PODMAN])
    result = run(server_service_info, url=closed)
    assert (result["phase"], result["unit"]["ended"], result["log"]) == ("ended", ended, ["last words"])
    documented(server_service_info, result)


@pytest.mark.parametrize(
    ("state", "phase"),
    [
        ({"LoadState": "not-found"}, "absent"),
        ({"ActiveState": "inactive"}, "stopped"),
        ({"ActiveState": "deactivating"}, "stopped"),
    ],
)
def test_a_service_that_does_not_run(run, host, closed, state, phase):
    host(state)
    assert run(server_service_info, url=closed)["phase"] == phase


def test_a_host_without_systemd(run, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "needs a host that runs systemd" in run(server_service_info)["msg"]


def test_a_url_that_is_none(run, host, process):
    host({"ActiveState": "active", "MainPID": process})
    assert run(server_service_info, url="ftp://x")["failed"]
