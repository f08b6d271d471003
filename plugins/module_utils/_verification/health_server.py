# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The health endpoint: a small HTTP server that reads the state of the last look, and asks nobody."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn
from typing import Any, Dict, Optional, Tuple

from . import state_file
from .health import Verdict, judge, unreadable

PATHS = ("/", "/health")
_PATIENCE = 3.0  # seconds for a client to say what it wants and to take the answer, however slowly it does
_AT_ONCE = 32  # clients; the others wait in the backlog


class States:
    """The state of the last look, read again only where the file is another."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._of: Optional[Tuple[int, ...]] = None
        self._state: Optional[Dict[str, Any]] = None

    def last(self) -> Optional[Dict[str, Any]]:
        """The state; None where there is none yet.

        Raises:
            OSError, ValueError: as `state_file.read`.
        """
        with self._lock:
            try:
                status = os.stat(os.path.join(self._directory, state_file.STATE))
            except FileNotFoundError:
                return None
            found = (status.st_ino, status.st_size, status.st_mtime_ns)
            if found != self._of:
                self._of = None
                self._state = state_file.read(self._directory)
                self._of = found
            return self._state


class HealthServer(ThreadingMixIn, HTTPServer):
    """Answers `PATHS` with the verdict on this host."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: str, port: int, directory: str, oldest: float) -> None:
        """Listens at once.

        Args:
            oldest: seconds after which a look tells nothing any more.

        Raises:
            OSError: the address cannot be listened on.
        """
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._states = States(directory)
        self._oldest = oldest
        self._free = threading.BoundedSemaphore(_AT_ONCE)
        super().__init__((address, port), _Handler)

    def server_bind(self) -> None:
        # HTTPServer would look for the name of the address, and wait for a name server.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def verdict(self) -> Verdict:
        """What is to be said now."""
        try:
            return judge(self._states.last(), time.time(), self._oldest, state_file.boot_id())
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            return unreadable(str(error) or type(error).__name__)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._free.acquire()
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        # A time-out of the socket begins anew with each byte.
        end = threading.Timer(_PATIENCE, _hang_up, (request,))
        end.daemon = True
        try:
            end.start()
            super().process_request_thread(request, client_address)
        finally:
            end.cancel()
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, or said nothing in time, is no news."""


def _hang_up(request: socket.socket) -> None:
    with contextlib.suppress(OSError):
        request.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    timeout = _PATIENCE
    server_version, sys_version = "triton-placement", ""
    error_content_type = "application/json"
    error_message_format = '{"status": "refused", "reason": "%(message)s"}\n'

    def do_GET(self) -> None:
        if self.path.partition("?")[0] not in PATHS:
            self._answer(404, {"status": "refused", "reason": f"There is only {' and '.join(PATHS)}."})
            return
        verdict = self.server.verdict()  # type: ignore[attr-defined]
        self._answer(verdict.code, verdict.as_data())

    do_HEAD = do_GET

    def _refuse(self) -> None:
        self._answer(405, {"status": "refused", "reason": "Only GET and HEAD are answered."}, Allow="GET, HEAD")

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_CONNECT = _refuse

    def _answer(self, code: int, data: Any, **headers: str) -> None:
        body = f"{json.dumps(data)}\n".encode("ascii")
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Load balancers ask every second: that is no news for the journal."""


def tell_systemd(text: str) -> None:
    """A message to the manager of the service, where there is one: sd_notify(3)."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as link:
        link.connect(f"\0{address[1:]}" if address.startswith("@") else address)
        link.sendall(text.encode())
