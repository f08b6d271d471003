# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The options of tritonserver by the release that introduced them.

An installed server is asked itself (`help_text`); this table answers where there is none to ask, and says from when on
an option is known. Sources: the ``--help`` of the servers 2.39.0, 2.44.0, 2.48.0 and 2.51.0; for what is newer and for
``since`` between them server:src/command_line_parser.cc of the release branches. No ``since`` means that 2.39.0 has it.
"""

from __future__ import annotations

from typing import Dict, NamedTuple, Optional, Tuple

BOOL, INT, FLOAT, STR, FLAG = "bool", "int", "float", "str", "flag"


class Option(NamedTuple):
    """One option.

    Attributes:
        name: without the dashes before it.
        kind: of its value; ``flag`` takes none.
        since: the first server version known to have it; empty for one that 2.39 has.
        instead: what took its place, where it is deprecated.
    """

    name: str
    kind: str
    since: str = ""
    instead: str = ""


TABLE: Tuple[Option, ...] = (
    Option("allow-client-shm", BOOL, since="2.68"),
    Option("allow-cpu-metrics", BOOL),
    Option("allow-gpu-metrics", BOOL),
    Option("allow-grpc", BOOL),
    Option("allow-http", BOOL),
    Option("allow-metrics", BOOL),
    Option("allow-sagemaker", BOOL),
    Option("allow-vertex-ai", BOOL),
    Option("backend-config", STR),
    Option("backend-directory", STR),
    Option("buffer-manager-thread-count", INT),
    Option("cache-config", STR),
    Option("cache-directory", STR),
    Option("cuda-memory-pool-byte-size", STR),
    Option("cuda-virtual-address-size", STR, since="2.44"),
    Option("disable-auto-complete-config", FLAG),
    Option("enable-peer-access", BOOL, since="2.47"),
    Option("exit-on-error", BOOL),
    Option("exit-timeout-secs", INT),
    Option("grpc-address", STR),
    Option("grpc-header-forward-pattern", STR),
    Option("grpc-http2-max-ping-strikes", INT),
    Option("grpc-http2-max-pings-without-data", INT),
    Option("grpc-http2-min-recv-ping-interval-without-data", INT),
    Option("grpc-infer-allocation-pool-size", INT),
    Option("grpc-infer-response-compression-level", STR),
    Option("grpc-infer-thread-count", INT, since="2.57"),
    Option("grpc-keepalive-permit-without-calls", BOOL),
    Option("grpc-keepalive-time", INT),
    Option("grpc-keepalive-timeout", INT),
    Option("grpc-max-connection-age", INT, since="2.44"),
    Option("grpc-max-connection-age-grace", INT, since="2.44"),
    Option("grpc-max-response-pool-size", INT, since="2.56"),
    Option("grpc-port", INT),
    Option("grpc-restricted-protocol", STR),
    Option("grpc-root-cert", STR),
    Option("grpc-server-cert", STR),
    Option("grpc-server-key", STR),
    Option("grpc-use-ssl", BOOL),
    Option("grpc-use-ssl-mutual", BOOL),
    Option("host-policy", STR),
    Option("http-address", STR),
    Option("http-header-forward-pattern", STR),
    Option("http-max-input-size", INT, since="2.59"),
    Option("http-port", INT),
    Option("http-restricted-api", STR, since="2.40"),
    Option("http-thread-count", INT),
    Option("id", STR),
    Option("load-model", STR),
    Option("log-error", BOOL),
    Option("log-file", STR),
    Option("log-format", STR),
    Option("log-info", BOOL),
    Option("log-verbose", INT),
    Option("log-warning", BOOL),
    Option("metrics-address", STR),
    Option("metrics-config", STR),
    Option("metrics-interval-ms", FLOAT),
    Option("metrics-port", INT),
    Option("min-supported-compute-capability", FLOAT),
    Option("model-config-name", STR, since="2.46"),
    Option("model-control-mode", STR),
    Option("model-load-gpu-limit", STR),
    Option("model-load-retry-count", INT, since="2.44"),
    Option("model-load-thread-count", INT),
    Option("model-namespacing", BOOL),
    Option("model-repository", STR),
    Option("model-store", STR, instead="model-repository"),
    Option("pinned-memory-pool-byte-size", INT),
    Option("rate-limit", STR),
    Option("rate-limit-resource", STR),
    Option("repoagent-directory", STR),
    Option("repository-poll-secs", INT),
    Option("response-cache-byte-size", INT, instead="cache-config"),
    Option("reuse-grpc-port", BOOL),
    Option("reuse-http-port", BOOL),
    Option("sagemaker-port", INT),
    Option("sagemaker-safe-port-range", STR),
    Option("sagemaker-thread-count", INT),
    Option("strict-model-config", BOOL, instead="disable-auto-complete-config"),
    Option("strict-readiness", BOOL),
    Option("trace-config", STR),
    Option("trace-count", INT, instead="trace-config"),
    Option("trace-file", STR, instead="trace-config"),
    Option("trace-level", STR, instead="trace-config"),
    Option("trace-log-frequency", INT, instead="trace-config"),
    Option("trace-rate", INT, instead="trace-config"),
    Option("vertex-ai-default-model", STR),
    Option("vertex-ai-port", INT),
    Option("vertex-ai-thread-count", INT),
)

OPTIONS: Dict[str, Option] = {option.name: option for option in TABLE}


def number(version: str) -> Optional[Tuple[int, int]]:
    """``2.51`` of ``2.51.0`` or ``2.51.0-ours`` as numbers; None for a name that says no version of the server."""
    major, _dot, rest = version.partition(".")
    minor = rest.partition(".")[0].partition("-")[0].partition("+")[0]
    return (int(major), int(minor)) if major == "2" and minor.isdigit() else None


def known_to(version: str) -> Dict[str, str]:
    """The kinds of the options that a server of this version knows, by name; all options for an unknown version."""
    server = number(version)
    return {
        option.name: option.kind
        for option in TABLE
        if server is None or not option.since or (number(option.since) or server) <= server
    }
