# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Where a server is, and what it is asked with: the URL, the headers and the certificates."""

from __future__ import annotations

import os
import re
import ssl
from typing import Any, Dict, Mapping, NamedTuple, Optional
from urllib.parse import urlsplit

from .errors import ServerError, option_error

_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[A-Za-z0-9._~:%-]+")
_PATH = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
# What says where a request ends, and is this client's business.
_OWN_HEADERS = ("connection", "content-length", "transfer-encoding")
METRICS_PORT = 8002  # triton server: src/command_line_parser.h, metrics_port_


class Endpoint(NamedTuple):
    """The address of a server. ``path`` is what a proxy puts before each path of the server, without the last slash."""

    scheme: str
    host: str
    port: int
    path: str

    def url(self, path: str = "") -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}{path}"

    def origin(self) -> Any:
        """What two addresses of the same service have in common."""
        return self.scheme, self.host, self.port


def parse_url(url: str, option: str = "url") -> Endpoint:
    """The address in an option.

    Raises:
        ServerError: it is no URL of a server.
    """
    remedy = "Give it as http://HOST:PORT, for example http://127.0.0.1:8000."
    text = url.strip()
    if any(ord(sign) < 32 for sign in text):  # some Pythons take them out in silence
        raise option_error(option, "it holds a line break or another control character.", remedy)
    try:
        parts = urlsplit(text if "://" in text else "//" + text)
        port = parts.port
    except ValueError as error:
        raise option_error(option, f"{url!r} is not a URL: {error}.", remedy) from error
    if parts.scheme not in _PORTS:
        raise option_error(option, f"{url!r} does not begin with http:// or https://.", remedy)
    if "@" in parts.netloc:
        raise option_error(option, "it holds a user name or a password.", "Give credentials in 'headers'.")
    host = parts.hostname or ""
    if not _HOST.fullmatch(host) or not all(0 < len(label) < 64 for label in host.rstrip(".").split(".")):
        raise option_error(option, f"{url!r} names no host.", remedy)
    if parts.query or parts.fragment or not _PATH.fullmatch(parts.path):
        raise option_error(option, f"{url!r} has more to it than scheme, host, port and path.", remedy)
    return Endpoint(parts.scheme, host, _PORTS[parts.scheme] if port is None else port, parts.path.rstrip("/"))


def metrics_endpoint(server: Endpoint, url: Optional[str]) -> Endpoint:
    """Where the metrics are: at ``url``, else at Triton's own port on the host of the server.

    Raises:
        ServerError: ``url`` is no URL.
    """
    if url is None:
        return Endpoint("http", server.host, METRICS_PORT, "/metrics")
    return parse_url(url, "metrics_url")


def checked_headers(headers: Mapping[str, Any]) -> Dict[str, str]:
    """The headers as they are sent. No text of an error holds a value, which may be a secret.

    Raises:
        ServerError: a name or a value cannot be sent.
    """
    checked: Dict[str, str] = {}
    for name, value in headers.items():
        name = str(name)
        if not _HEADER_NAME.fullmatch(name):
            raise option_error("headers", f"{name!r} is not the name of a header.", "Remove or correct it.")
        if name.lower() in _OWN_HEADERS:
            raise option_error("headers", f"{name} is set by this module itself.", "Remove it.")
        if isinstance(value, (dict, list)) or value is None or not _HEADER_VALUE.fullmatch(str(value)):
            seen = f"the value of {name} is not one line of text."
            raise option_error("headers", seen, "Remove line breaks and characters that are not Latin-1.")
        checked[name] = str(value)
    return checked


def tls_context(
    validate_certs: bool, ca_path: Optional[str], client_cert: Optional[str], client_key: Optional[str]
) -> ssl.SSLContext:
    """What TLS is spoken with. ``ca_path`` is a file or a directory of certificates; by default, the system's.

    Raises:
        ServerError: a file cannot be read or is not what it should be.
    """
    if client_key and not client_cert:
        raise option_error("client_key", "there is no 'client_cert' to it.", "Give both.")
    is_directory = bool(ca_path) and os.path.isdir(str(ca_path))
    try:
        context = ssl.create_default_context(
            cafile=None if is_directory else ca_path or None, capath=ca_path if is_directory else None
        )
    except (OSError, ValueError) as error:
        raise _unusable("ca_path", ca_path, error, "a PEM file of certificates, or a directory of them") from error
    if not validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if client_cert:
        try:
            # A key that is locked would ask for its password at the terminal, which a module does not have.
            context.load_cert_chain(client_cert, client_key or None, password=lambda: "")
        except (OSError, ValueError) as error:
            wanted = "a PEM file with the certificate and, unless 'client_key' names another, its key without password"
            raise _unusable("client_cert", client_cert, error, wanted) from error
    return context


def _unusable(option: str, path: Any, error: Exception, wanted: str) -> ServerError:
    said = getattr(error, "strerror", None) or str(error)
    return option_error(option, f"{path} cannot be used: {said}.", f"It has to be {wanted}.")
