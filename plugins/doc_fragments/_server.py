# SPDX-License-Identifier: GPL-3.0-or-later
# This doc fragment is PRIVATE to the collection: it can change without notice.
"""The options by which modules are told where a running server is and how to ask it."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  url:
    description:
      - Address of Triton's HTTP service, without C(/v2). What a proxy before it puts before the path belongs to it, for
        example V(https://gateway.example.com/triton).
      - It is asked from the host that the task runs on. Redirects and the proxy variables of the environment are not
        followed.
    type: str
    default: http://127.0.0.1:8000
  headers:
    description:
      - Headers that are sent with each request, for example the one that C(--http-restricted-api) of the server asks
        for, or the C(Authorization) of a proxy. Ansible does not log them.
    type: dict
    default: {}
  validate_certs:
    description:
      - Whether the certificate of the server has to be valid, and for this host. Set it to V(false) for tests only.
    type: bool
    default: true
  ca_path:
    description:
      - A PEM file, or a directory, of the certificate authorities that are trusted. By default, those of the system
        are.
    type: path
  client_cert:
    description:
      - A PEM file with the certificate that this client shows, and with its key unless O(client_key) names another
        file.
    type: path
  client_key:
    description:
      - A PEM file with the key of O(client_cert), without a password.
    type: path
  timeout:
    description:
      - Seconds that the answer to one request may take, from the connection to the last byte.
    type: float
    default: 30
  startup_timeout:
    description:
      - Seconds to wait for a server that still starts. Triton opens its ports only after it has loaded or refused
        every model of its start, which can take minutes. Until then connections are refused, or a proxy answers with
        502, 503 or 504.
    type: float
    default: 0
  metrics_url:
    description:
      - Address of the metrics, which are waited for no longer than 5 seconds. By default this is
        C(http://HOST:8002/metrics) with the host of O(url).
      - O(headers) are sent to it only where scheme, host and port are those of O(url).
    type: str
"""
