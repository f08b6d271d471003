# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""A small HTTP client over one connection that is kept open. It follows no redirect and no proxy of the environment."""

from __future__ import annotations

import http.client
import io
import json
import select
import socket
import ssl
import time
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple, Union

from . import failures
from .endpoint import Endpoint
from .errors import ServerError
from .failures import Answer

ANSWER_LIMIT = 64 * 2**20  # bytes; the statistics of a model take about 500
DEPTH_LIMIT = 64  # of lists and mappings in each other; a ModelConfig needs nine
_CHUNK = 2**16
_TOO_LARGE = "See whether the URL is that of a Triton."


class Binary(NamedTuple):
    """A body that is no JSON, or no JSON alone, with the headers that say what it is."""

    content: bytes
    headers: Mapping[str, str]


Body = Union[Mapping[str, Any], Binary, None]


class Client:
    """Asks one server.

    Attributes:
        timeout: seconds that a request may take where nothing else is said.
    """

    def __init__(
        self, endpoint: Endpoint, headers: Mapping[str, str], timeout: float, tls: Optional[ssl.SSLContext] = None
    ) -> None:
        self.endpoint = endpoint
        self.timeout = timeout
        self._headers = {"Accept": "application/json", **headers}
        self._tls = tls
        self._connection: Optional[http.client.HTTPConnection] = None

    def request(
        self,
        method: str,
        path: str,
        body: Body = None,
        seconds: Optional[float] = None,
        repeatable: bool = True,
    ) -> Answer:
        """The answer to one request, whatever its status.

        Args:
            path: from the root of the server, percent-encoded.
            body: sent as JSON where it is a mapping.
            seconds: instead of `timeout`.
            repeatable: whether the request may be sent a second time where the server closes the connection that an
                earlier request has left open.

        Raises:
            ServerError: there was no whole answer.
        """
        allowed = self.timeout if seconds is None else seconds
        deadline = time.monotonic() + allowed
        url = self.endpoint.url(path)
        again = repeatable and self._connection is not None
        while True:
            try:
                return self._exchange(method, path, body, deadline, url)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                failure = failures.of_exception(error, url, allowed)
                if not (again and failure.kind == "closed"):
                    raise failure from error
                again = False
            except BaseException:
                self.close()
                raise

    def data(self, method: str, path: str, body: Optional[Mapping[str, Any]] = None) -> Any:
        """The JSON of a repeatable request that succeeds.

        Raises:
            ServerError: it does not succeed.
        """
        answer = self.request(method, path, body)
        if answer.status != 200:
            raise failures.of_answer(answer)
        return parsed(answer)

    def close(self) -> None:
        """Give the connection back. The client can be used again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(self, method: str, path: str, body: Body, deadline: float, url: str) -> Answer:
        connection = self._connected(deadline)
        content, described = _encoded(body)
        headers: Dict[str, str] = {**self._headers, **described}
        _limit(connection.sock, deadline)
        connection.response_class = _bounded_response(deadline)
        connection.request(method, self.endpoint.path + path, content, headers)
        response = connection.getresponse()
        received = bytearray()
        chunk = response.read(_CHUNK)
        while chunk:
            received += chunk
            if len(received) > ANSWER_LIMIT:
                seen = f"the answer has more than {ANSWER_LIMIT} bytes."
                raise ServerError("too_large", url, seen, _TOO_LARGE, response.status)
            chunk = response.read(_CHUNK)
        missing = response.length  # what Content-Length announced and did not come
        if missing:
            raise http.client.IncompleteRead(b"", missing)
        if response.will_close:
            self.close()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(url, response.status, found, bytes(received))

    def _connected(self, deadline: float) -> http.client.HTTPConnection:
        if self._connection is not None and _is_stale(self._connection):
            self.close()
        if self._connection is None:
            host, port, timeout = self.endpoint.host, self.endpoint.port, max(deadline - time.monotonic(), 0.001)
            if self.endpoint.scheme == "https":
                self._connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=self._tls)
            else:
                self._connection = http.client.HTTPConnection(host, port, timeout=timeout)
            self._connection.connect()
        return self._connection


def _encoded(body: Body) -> Tuple[bytes, Mapping[str, str]]:
    if body is None:
        return b"", {}
    if isinstance(body, Binary):
        return body.content, body.headers
    return json.dumps(body, ensure_ascii=True).encode(), {"Content-Type": "application/json"}


def parsed(answer: Answer) -> Any:
    """The JSON of an answer. Bytes of a string that are not UTF-8, as a directory may be called, become surrogates.

    Raises:
        ServerError: it is not JSON, or has no end of depth.
    """
    if failures.is_html(answer):
        raise failures.not_triton(answer, f"HTTP {answer.status}")
    try:
        data = json.loads(answer.body.decode("utf-8", "surrogateescape"), parse_constant=_no_constant)
    except RecursionError as error:
        raise _too_deep(answer) from error
    except ValueError as error:
        kind = answer.headers.get("content-type", "none")
        text = failures.shown(answer.body[:1000].decode("utf-8", "replace"))
        seen = f"the answer is not JSON ({error}; Content-Type {failures.shown(kind)}): {text!r}."
        remedy = "Correct 'url', or see what the proxy before the server makes of its answers."
        raise ServerError("not_json", answer.url, seen, remedy, answer.status) from error
    level, depth = [data], 0
    while level:
        depth += 1
        if depth > DEPTH_LIMIT:
            raise _too_deep(answer)
        level = [
            item
            for value in level
            if isinstance(value, (dict, list))
            for item in (value.values() if isinstance(value, dict) else value)
        ]
    return data


def _too_deep(answer: Answer) -> ServerError:
    seen = f"the answer nests more than {DEPTH_LIMIT} lists and mappings in each other."
    return ServerError("too_deep", answer.url, seen, _TOO_LARGE, answer.status)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a value of JSON")


class _Bounded(io.RawIOBase):
    """Reads from a socket until a deadline, however slowly the bytes come: a time-out alone starts anew with each."""

    def __init__(self, raw: Any, sock: socket.socket, deadline: float) -> None:
        self._raw, self._sock, self._deadline = raw, sock, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> Any:
        _limit(self._sock, self._deadline)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _bounded_response(deadline: float) -> Any:
    def response(sock: Any, **options: Any) -> http.client.HTTPResponse:
        made: Any = http.client.HTTPResponse(sock, **options)
        made.fp = io.BufferedReader(_Bounded(made.fp.detach(), sock, deadline))
        return made  # type: ignore[no-any-return]

    return response


def _limit(sock: Any, deadline: float) -> None:
    """Let no operation on the socket last longer than what is left."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise socket.timeout()
    sock.settimeout(left)


def _is_stale(connection: http.client.HTTPConnection) -> bool:
    """Whether the other side has closed the connection, or said something that nobody asked for."""
    if connection.sock is None:
        return True
    try:
        return bool(select.select([connection.sock], [], [], 0)[0])
    except (OSError, ValueError):
        return True
