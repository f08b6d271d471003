# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The options by which every module is told where a server is; their documentation is the fragment ``_server``."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from .client import Client
from .endpoint import Endpoint, checked_headers, metrics_endpoint, parse_url, tls_context
from .errors import option_error
from .triton import Triton

METRICS_PATIENCE = 5.0  # seconds; they are not worth more where a firewall drops what goes to their port
ARGUMENTS: Dict[str, Any] = {
    "url": {"type": "str", "default": "http://127.0.0.1:8000"},
    "headers": {"type": "dict", "default": {}, "no_log": True},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "client_cert": {"type": "path"},
    "client_key": {"type": "path"},
    "timeout": {"type": "float", "default": 30.0},
    "startup_timeout": {"type": "float", "default": 0.0},
    "metrics_url": {"type": "str"},
}


class Connection:
    """The clients that the options of a module ask for. Nothing is connected before the first request."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Raises ServerError where the options are not good."""
        for name, least in (("timeout", 0.001), ("startup_timeout", 0.0), ("wait_timeout", 0.001)):
            if not least <= options.get(name, 1.0) < 1e7:
                raise option_error(name, f"{options[name]} seconds are not possible.", "Give a number above 0.")
        self._options = options
        self._headers = checked_headers(options["headers"])
        self._endpoint = parse_url(options["url"])
        self._metrics = metrics_endpoint(self._endpoint, options["metrics_url"])
        self.startup_timeout: float = options["startup_timeout"]
        self.url = self._endpoint.url()
        self.metrics_url = self._metrics.url()

    def triton(self) -> Triton:
        """The API of the server."""
        return Triton(self._client(self._endpoint, self._headers, self._options["timeout"]))

    def metrics(self) -> Client:
        """A client for the metrics. It gets the headers, which may be secret, only at the address of the server."""
        same = self._metrics.origin() == self._endpoint.origin()
        patience = min(self._options["timeout"], METRICS_PATIENCE)
        return self._client(self._metrics, self._headers if same else {}, patience)

    def _client(self, endpoint: Endpoint, headers: Mapping[str, str], timeout: float) -> Client:
        options = self._options
        tls: Optional[Any] = None
        if endpoint.scheme == "https":
            names = ("validate_certs", "ca_path", "client_cert", "client_key")
            tls = tls_context(*(options[name] for name in names))
        return Client(endpoint, headers, timeout, tls)
