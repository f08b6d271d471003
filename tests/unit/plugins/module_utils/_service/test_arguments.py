# SPDX-License-Identifier: GPL-3.0-or-later
"""Options as data become the server's command line, or every problem at once."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._service.arguments import command_line
from ansible_collections.inference.triton.plugins.module_utils._service.errors import ServiceError
from ansible_collections.inference.triton.plugins.module_utils._service.help_text import options_of
from ansible_collections.inference.triton.plugins.module_utils._service.options import OPTIONS, TABLE, known_to, number

HELP = """Usage: tritonserver [options]
  --help
\tPrint usage

Server:
  --id <string>
\tIdentifier for this server.
  --allow-http <boolean>
\t--allow-http is not an option where it stands in prose
  --disable-auto-complete-config
\tIf set.
  --metrics-interval-ms <float>
\tMetrics.
  --http-port <integer>
\tPort.
  --backend-config <<string>,<string>=<string>>
\tSpecify.
"""


def arguments(options, version="2.51.0"):
    return command_line(options, known_to(version), version).arguments


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"model_control_mode": "explicit"}, ["--model-control-mode=explicit"]),
        ({"--http-port": 8000}, ["--http-port=8000"]),
        ({"exit-on-error": False}, ["--exit-on-error=false"]),
        ({"exit-on-error": "Yes"}, ["--exit-on-error=true"]),
        ({"load-model": ["b", "a"]}, ["--load-model=b", "--load-model=a"]),
        ({"disable-auto-complete-config": True}, ["--disable-auto-complete-config"]),
        ({"disable-auto-complete-config": False}, []),
        ({"id": None, "log-file": "", "load-model": []}, []),
        ({"metrics-interval-ms": 0.5}, ["--metrics-interval-ms=0.5"]),
        ({"cuda-memory-pool-byte-size": "0:1024"}, ["--cuda-memory-pool-byte-size=0:1024"]),
    ],
)
def test_options_become_arguments(options, expected):
    assert arguments(options) == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"http-prot": 1}, "does not know --http-prot, and would not start with it. Did you mean --http-port"),
        ({"http-port": "many"}, "--http-port takes a whole number, not 'many'"),
        ({"http-port": 8000.5}, "--http-port takes a whole number"),
        ({"exit-on-error": "perhaps"}, "--exit-on-error is true or false"),
        ({"id": {"a": 1}}, "--id takes text or numbers"),
        ({"id": "a\nb"}, "line break"),
        ({"http-port": 1, "http_port": 2}, "are the same option"),
        ({"http-max-input-size": 1}, "tritonserver 2.51.0 does not know --http-max-input-size, which came with 2.59"),
    ],
)
def test_what_is_wrong_is_told(options, message):
    with pytest.raises(ServiceError, match=message):
        arguments(options)


def test_all_problems_are_told_at_once():
    with pytest.raises(ServiceError) as error:
        arguments({"http-prot": 1, "http-port": "x"})
    assert len(str(error.value).splitlines()) == 2


def test_a_deprecated_option_is_taken_with_a_warning():
    result = command_line({"strict-model-config": True}, known_to("2.51.0"), "2.51.0")
    assert result.arguments == ["--strict-model-config=true"]
    assert result.warnings == [
        "--strict-model-config is deprecated: Triton wants --disable-auto-complete-config instead."
    ]


@pytest.mark.parametrize(
    ("version", "known"), [("2.58.0", False), ("2.59.0", True), ("2.59.1-ours", True), ("nightly", True), ("", True)]
)
def test_the_release_says_what_is_known(version, known):
    assert ("http-max-input-size" in known_to(version)) is known


@pytest.mark.parametrize(
    ("version", "expected"),
    [("2.51.0", (2, 51)), ("2.51", (2, 51)), ("2.51-a", (2, 51)), ("2.51+b", (2, 51)), ("24.10", None), ("", None)],
)
def test_a_version_of_the_server_is_told_from_other_names(version, expected):
    assert number(version) == expected


def test_the_server_is_asked_what_it_knows():
    assert options_of(HELP) == {
        "id": "str",
        "allow-http": "bool",
        "disable-auto-complete-config": "flag",
        "metrics-interval-ms": "float",
        "http-port": "int",
        "backend-config": "str",
    }


def test_the_table_is_consistent():
    assert len(OPTIONS) == len(TABLE)
    assert all(number(option.since) for option in TABLE if option.since)
    assert all(option.instead in OPTIONS for option in TABLE if option.instead)
