# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Why a request failed: exceptions of the network and answers of servers and proxies, told apart.

The kinds: ``refused``, ``unresolved``, ``unreachable``, ``timeout``, ``tls``, ``closed``, ``truncated``, ``not_http``,
``too_large``, ``redirected``, ``credentials``, ``restricted``, ``control_mode``, ``unavailable``, ``not_triton``,
``not_json``, ``too_deep``, ``unexpected``, ``server`` (Triton's own error, in ``reason``) and ``option``.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
from typing import Any, Mapping, NamedTuple

from .errors import ServerError

_TITLE = re.compile(r"<title[^>]*>([^<]{1,200})", re.IGNORECASE)
_SHOWN = 300

# triton core: src/model_repository_manager/model_repository_manager.cc, LoadUnloadModel. The same in poll and in none.
_CONTROL_MODE = "explicit model load / unload is not allowed"
# triton server: src/restricted_features.h and src/http_server.cc; the header's name follows, in quotes.
_RESTRICTED = "This API is restricted"
# Answers that mean that the server behind a proxy, or a part of it, does not serve now.
_GATEWAY = {502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}


class Answer(NamedTuple):
    """What came back.

    Attributes:
        headers: names in lower case.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes


# The first row that fits an exception says what it means: type, kind, what happened, what to do.
_EXCEPTIONS = (
    (
        ConnectionRefusedError,
        "refused",
        "nothing accepts connections there.",
        "Start the server, or correct the URL. Triton opens its ports only after it has loaded or refused every model "
        "of its start: give 'startup_timeout' the seconds that this may take.",
    ),
    (
        socket.gaierror,
        "unresolved",
        "the name of the host is not known here: {text}.",
        "Correct the URL, or the name resolution of the host that this task runs on.",
    ),
    (
        (socket.timeout, TimeoutError),
        "timeout",
        "no answer within {seconds:g} seconds.",
        "See whether the server hangs or a firewall drops the packets, or raise 'timeout'.",
    ),
    (
        ssl.SSLCertVerificationError,
        "tls",
        "the certificate of the server is not accepted: {verify}.",
        "Give the certificates of its authority in 'ca_path', and in the URL the name that the certificate has.",
    ),
    (
        ssl.SSLError,
        "tls",
        "TLS failed: {text}.",
        "Where the server or proxy speaks no TLS on this port, the URL begins with http://. Where it asks for a "
        "certificate of the client, give 'client_cert'.",
    ),
    (
        http.client.IncompleteRead,
        "truncated",
        "the answer broke off before its end.",
        "See in the log of the server, or of the proxy before it, whether it stopped.",
    ),
    (
        http.client.RemoteDisconnected,
        "closed",
        "the connection was closed without an answer.",
        "See in the log of the server, or of the proxy before it, whether it stopped.",
    ),
    (
        (ConnectionResetError, BrokenPipeError, ConnectionAbortedError),
        "closed",
        "the connection broke: {text}.",
        "See in the log of the server, or of the proxy before it, whether it stopped.",
    ),
    (
        http.client.HTTPException,
        "not_http",
        "what came back is not HTTP: {text}.",
        "Give the HTTP port of Triton (8000 by default; 8001 is gRPC), and https:// where TLS is spoken.",
    ),
    (
        OSError,
        "unreachable",
        "it cannot be reached: {text}.",
        "Correct the URL, or the network between this host and the server.",
    ),
)


def of_exception(error: Exception, url: str, seconds: float) -> ServerError:
    """The failure that an exception of the network stands for. ``seconds`` is the time that was allowed."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    verify = getattr(error, "verify_message", text)
    for types, kind, seen, remedy in _EXCEPTIONS:
        if isinstance(error, types):
            return ServerError(kind, url, seen.format(text=shown(text), verify=verify, seconds=seconds), remedy)
    raise error


def of_answer(answer: Answer) -> ServerError:
    """The failure that an answer stands for whose status is not the one that was hoped for."""
    status, url = answer.status, answer.url
    text = answer.body.decode("utf-8", "replace").strip()
    reason = error_of(answer)
    if _CONTROL_MODE in reason:
        return ServerError(
            "control_mode",
            url,
            f"the server does not load or unload models on request: it says {shown(reason)!r}, which it says in the "
            "control modes poll and none alike.",
            "Start it with --model-control-mode=explicit; else restart it, or with poll wait for it to see the change.",
            status,
            reason,
        )
    if status == 403 and _RESTRICTED in reason:
        return ServerError(
            "restricted",
            url,
            f"this part of the server's API is restricted: it says {shown(reason)!r}.",
            "Give the header and its value in 'headers' (--http-restricted-api of the server sets both).",
            status,
            reason,
        )
    if status == 404 and reason == "Not Found":  # what Triton says of a path that is none of its own
        return not_triton(answer, f"HTTP {status}")
    if reason:
        remedy = "The log of the server may say more."
        return ServerError("server", url, f"HTTP {status}, {shown(reason)!r}.", remedy, status, reason)
    if status in (401, 403, 407):
        remedy = "Give the credentials that the proxy before the server wants in 'headers'."
        return ServerError("credentials", url, f"HTTP {status}, access is denied{_who(answer)}.", remedy, status)
    if 300 <= status < 400:
        target = shown(answer.headers.get("location", "nowhere"))
        remedy = "Redirects are not followed, so that no header goes where it was not meant for. Give the final URL."
        return ServerError("redirected", url, f"HTTP {status}, a redirect to {target}.", remedy, status)
    if status in _GATEWAY:
        remedy = "See whether the server runs and has finished loading; 'startup_timeout' waits for that."
        seen = f"HTTP {status} ({_GATEWAY[status]}){_who(answer)}."
        return ServerError("unavailable", url, seen, remedy, status, shown(text) if not is_html(answer) else "")
    return not_triton(answer, f"HTTP {status}")


def not_triton(answer: Answer, what: str) -> ServerError:
    """The failure that is an answer of something that is no Triton."""
    remedy = "Correct 'url': it is the HTTP address of a Triton, without /v2, and what a proxy before it answers to."
    return ServerError("not_triton", answer.url, f"{what}{_who(answer)}.", remedy, answer.status)


def error_of(answer: Answer) -> str:
    """What the server says in ``{"error": ...}``; empty where it says nothing in this form."""
    if len(answer.body) > 2**20 or answer.body.lstrip()[:1] != b"{":
        return ""
    try:
        data: Any = json.loads(answer.body.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return ""
    said = data.get("error") if isinstance(data, dict) else None
    return said.strip() if isinstance(said, str) else ""


def is_html(answer: Answer) -> bool:
    """Whether a proxy or another web server has answered with a page for people."""
    return "html" in answer.headers.get("content-type", "") or answer.body.lstrip()[:1] == b"<"


def shown(text: str) -> str:
    """``text`` on one line, not too long, and without what a terminal would obey."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= _SHOWN else line[:_SHOWN] + "..."


def _who(answer: Answer) -> str:
    """What is known of the one who answered."""
    server = answer.headers.get("server")
    known = f" from {shown(server)}" if server else ""
    if is_html(answer):
        title = _TITLE.search(answer.body[:20000].decode("utf-8", "replace"))
        said = f" titled {shown(title.group(1))!r}" if title else ""
        return f"{known}, with a web page{said} instead of JSON"
    text = shown(answer.body[:1000].decode("utf-8", "replace"))
    return known + (f": {text!r}" if text else "")
