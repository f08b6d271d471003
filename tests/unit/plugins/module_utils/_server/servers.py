# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers on loopback: one that says what it is told to, byte for byte, and one that behaves like a Triton."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

CLOSE = object()  # in a script: say nothing more, and close


def answer(status=200, body=b"", content_type="application/json", **headers):
    """The bytes of an answer; ``body`` may be bytes, or data that is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Type: {content_type}", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


class ScriptedServer:
    """Gives each connection the next of ``scripts``: one entry for each request, and then it closes.

    An entry is what is sent, a number of seconds to wait in silence, a list of both, or `CLOSE`.
    """

    def __init__(self, *scripts):
        self.requests = []
        self.connections = 0
        self._scripts = list(scripts)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._stopped = threading.Event()
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self._stopped.set()
        self._socket.close()

    def _serve(self):
        while True:
            try:
                connection = self._socket.accept()[0]
            except OSError:
                return
            self.connections += 1
            script = self._scripts.pop(0) if self._scripts else []
            threading.Thread(target=self._talk, args=(connection, script), daemon=True).start()

    def _talk(self, connection, script):
        with connection:
            for entry in script:
                request = self._read(connection)
                if not request:
                    return
                self.requests.append(request)
                for part in entry if isinstance(entry, list) else [entry]:
                    if part is CLOSE:
                        return
                    if isinstance(part, (int, float)):
                        self._stopped.wait(part)
                        continue
                    try:
                        connection.sendall(part)
                    except OSError:
                        return

    @staticmethod
    def _read(connection):
        received = b""
        while b"\r\n\r\n" not in received:
            chunk = connection.recv(65536)
            if not chunk:
                return received
            received += chunk
        length = re.search(rb"(?i)content-length: (\d+)", received)
        missing = int(length.group(1)) if length else 0
        missing -= len(received.partition(b"\r\n\r\n")[2])
        while missing > 0:
            chunk = connection.recv(65536)
            received += chunk
            missing -= len(chunk)
        return received


class FakeModel:
    """A model of a `FakeTriton`: how it is, and what loading it comes to."""

    def __init__(self, config=None, state="READY", error=None, reason="", loads_to=None, unsaid=False):
        self.config = config or {"backend": "python", "instance_group": [{"kind": "KIND_CPU", "count": 1}]}
        self.state = state
        self.reason = reason
        self.error = error  # why it does not load
        self.unsaid = unsaid  # whether the server keeps that for itself
        self.loads_to = loads_to  # the configuration that a load takes up
        self.count = 7
        self.seconds = 0.0  # that a load takes
        self.resets = False  # whether a load begins new statistics
        self.stays = False  # whether it is not unloaded for the requests that it serves
        self.goes_with = None  # the model with which it is unloaded
        self.lingers = 0  # how many looks at the index its unloading takes
        self.ready = True  # whether a version that is READY says itself that it is
        self.infer = (200, {"outputs": []})  # what a request to it is answered with
        self.fails_later = False  # whether it is not ready though its load was answered with success


class FakeTriton:
    """As much of Triton's HTTP API as the modules use, with the answers that tritonserver 2.51.0 gives."""

    def __init__(self, models=None, mode="explicit"):
        self.models = models or {}
        self.mode = mode
        self.header = None  # of the restricted API, with its value
        self.restricted = ""  # what the paths of the restricted API begin with
        self.calls = []
        self.lost = set()  # names of models whose load gets no answer
        self.metrics = b""
        self.metrics_type = "text/plain"
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler_for(self))
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_arguments: None  # a client that went away is no error
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.metrics_url = self.url + "/metrics"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def changes(self):
        """The requests that were meant to change something."""
        return [call for call in self.calls if call[1].endswith(("/load", "/unload"))]

    def reply(self, method, path, body, headers):
        """Status and answer, None for none at all."""
        self.calls.append((method, path, body))
        restricted = self.header and path.startswith(self.restricted)
        if restricted and headers.get(self.header[0]) != self.header[1]:
            return 403, {"error": f"This API is restricted, expecting header '{self.header[0]}'"}
        if path in ("/v2/health/live", "/v2/health/ready"):
            return 200, b""
        if path == "/v2":
            return 200, {"name": "triton", "version": "2.51.0", "extensions": ["statistics"]}
        if path == "/metrics":
            return 200, self.metrics
        if path == "/v2/repository/index":
            return (200, self._index()) if method == "POST" else (405, {"error": "Method Not Allowed"})
        if path == "/v2/models/stats":
            return 200, {"model_stats": [self._statistics(name) for name in self.models if self._is_ready(name)]}
        config = re.fullmatch("/v2/models/([^/]+)/versions/1/config", path)
        if config and method == "GET":
            name = config.group(1)
            if self._is_ready(name):
                return 200, {"name": name, **self.models[name].config}
            return 404, {"error": f"Request for unknown model: '{name}' is not found"}
        asked = re.fullmatch("/v2/models/([^/]+)/versions/1/(ready|infer)", path)
        if asked:
            model = self.models.get(asked.group(1))
            if asked.group(2) == "infer" and self._is_ready(asked.group(1)):
                return model.infer
            if asked.group(2) == "ready" and self._is_ready(asked.group(1)) and model.ready:
                return 200, b""
            return 400, {"error": "Model version not ready"}
        change = re.fullmatch("/v2/repository/models/([^/]+)/(load|unload)", path)
        if change and method == "POST":
            if self.mode != "explicit":
                return 503, {"error": "explicit model load / unload is not allowed if polling is enabled"}
            return getattr(self, f"_{change.group(2)}")(change.group(1), body or {})
        return 404, {"error": "Not Found"}

    def _index(self):
        entries = []
        for name, model in self.models.items():
            if model.state == "UNLOADING":
                model.lingers -= 1
                if model.lingers < 0:
                    model.state, model.reason = "UNAVAILABLE", "unloaded"
            known = {"version": "1", "state": model.state} if model.state else {}
            entries.append({"name": name, **known, **({"reason": model.reason} if model.reason else {})})
        return entries

    def _is_ready(self, name):
        return name in self.models and self.models[name].state == "READY"

    def _statistics(self, name):
        count = self.models[name].count
        return {
            "name": name,
            "version": "1",
            "last_inference": count,
            "inference_count": count,
            "execution_count": count,
            "memory_usage": [],
        }

    def _load(self, name, body):
        model = self.models.get(name)
        if model is None or model.unsaid:
            return 500, {"error": f"failed to load '{name}', failed to poll from model repository"}
        if model.seconds:
            model.state = "LOADING"
            time.sleep(model.seconds)
        if model.error:
            if model.state != "READY":
                model.state, model.reason = "UNAVAILABLE", model.error
            return 400, {
                "error": f"load failed for model '{name}': version 1 is at UNAVAILABLE state: {model.error};\n"
            }
        override = body.get("parameters", {}).get("config")
        model.config = json.loads(override) if override else model.loads_to or model.config
        model.count = 0 if model.resets or model.state != "READY" else model.count
        model.state, model.reason = ("UNAVAILABLE", "gone") if model.fails_later else ("READY", "")
        return None if name in self.lost else (200, b"")

    def _unload(self, name, _body):
        for other, model in self.models.items():
            if name in (other, model.goes_with) and model.state == "READY" and not model.stays:
                model.state, model.reason = ("UNLOADING", "") if model.lingers else ("UNAVAILABLE", "unloaded")
        return 200, b""


def handler_for(triton):
    """The class that answers for a `FakeTriton`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_request(self):
            length = int(self.headers.get("Content-Length") or 0)
            content = self.rfile.read(length)
            is_json = "octet-stream" not in self.headers.get("Content-Type", "")
            body = (json.loads(content) if is_json else content) if content else None
            reply = triton.reply(self.command, unquote(self.path), body, self.headers)
            if reply is None:
                self.close_connection = True
                return
            status, data = reply
            body = data if isinstance(data, bytes) else json.dumps(data).encode()
            self.send_response(status)
            self.send_header("Content-Type", triton.metrics_type if self.path == "/metrics" else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = handle_request

        def log_message(self, *_arguments):
            pass

    return Handler
