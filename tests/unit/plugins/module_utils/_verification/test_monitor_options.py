# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of the checker: what it may say, and what is said of one that is wrong."""

from __future__ import annotations

import json

import pytest
from ansible_collections.inference.triton.plugins.module_utils._verification import options
from ansible_collections.inference.triton.plugins.module_utils._verification.monitor_options import (
    OptionsError,
    read_options,
)

LEAST = {"placement": {"repositories": ["/srv/triton/models"]}}


@pytest.fixture
def read(tmp_path):
    def reading(config, headers=None):
        if headers is not None:
            (tmp_path / "headers.json").write_text(json.dumps(headers))
            config = {**config, "headers_file": str(tmp_path / "headers.json")}
        path = tmp_path / "config.json"
        path.write_text(config if isinstance(config, str) else json.dumps(config))
        return read_options(str(path))

    return reading


def refused(read, config, headers=None):
    with pytest.raises(OptionsError) as caught:
        read(config, headers)
    return str(caught.value)


def test_repositories_are_enough(read):
    found = read(LEAST)
    assert found.placement["repositories"] == ["/srv/triton/models"]
    assert found.placement["url"] == "http://127.0.0.1:8000"
    assert (found.interval, found.timeout, found.state_dir) == (60, 45, "/var/lib/triton-placement")
    assert (found.health_address, found.health_port) == ("127.0.0.1", 8085)


def test_null_is_not_given(read):
    found = read({"placement": {**LEAST["placement"], "policy": None}, "expected_gpus": None, "headers_file": None})
    assert found.placement["policy"] is None
    assert found.expected_gpus is None


def test_everything_can_be_given(read):
    placement = {
        "repositories": ["/a"],
        "policy": {
            "critical": [{"models": ["a*"]}],
            "rules": [{"name": "gpu", "instance_group": [{"kind": "KIND_GPU"}]}],
        },
        "gpus": [],
        "timeout": 3,
        "probe": True,
    }
    found = read({"placement": placement, "accepted_gpu_states": ["gpu_lost"], "expected_gpus": 0}, {"key": "secret"})
    assert found.placement["headers"] == {"key": "secret"}
    assert found.placement["gpus"] == [], "a host without a GPU is not one that nobody has told of"
    assert found.accepted_gpu_states == ("gpu_lost",)
    assert found.expected_gpus == 0


def test_every_option_of_the_module_has_a_type_that_is_checked(read):
    wrong = {
        name: 5 if spec["type"] != "float" else "5" for name, spec in options.ARGUMENTS.items() if name != "headers"
    }
    told = refused(read, {"placement": wrong})
    assert [name for name in wrong if f"placement: {name}: expected " not in told] == []


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("", "is not JSON"),
        ("[]", "holds no JSON object"),
        ("[" * 100_000, "is not JSON"),
        ({}, "placement: repositories: is missing"),
        ({"placement": {"repositories": []}}, "repositories: there is none"),
        ({**LEAST, "intervall": 5}, "intervall: there is no such option. Did you mean 'interval'?"),
        ({**LEAST, "interval": 0}, "interval: expected a number from 1 to 86400, found 0."),
        ({**LEAST, "interval": True}, "interval: expected a number from 1 to 86400, found true."),
        ({**LEAST, "health_port": 70000}, "health_port: expected a port from 1 to 65535, found 70000."),
        ({**LEAST, "accepted_gpu_states": [1]}, "accepted_gpu_states: expected a list of texts"),
        (
            {"placement": {"repositories": ["/a"], "polcy": {}}},
            "polcy: there is no such option. Did you mean 'policy'?",
        ),
        ({"placement": {"repositories": ["/a"], "url": "ftp://x"}}, "does not begin with http://"),
        ({"placement": {"repositories": ["/a"], "policy": {"rules": [{"nam": 1}]}}}, "rules[0].nam"),
        ({"placement": {"repositories": ["/a"], "triton_release": "99.99"}}, "99.99"),
        ({"placement": {"repositories": ["/a"], "timeout": 0}}, "timeout: 0 seconds are not possible"),
        ({**LEAST, "headers_file": "/nonexistent/headers"}, "/nonexistent/headers cannot be read: No such file"),
    ],
)
def test_a_mistake_is_named(read, config, told):
    assert told in refused(read, config)


def test_every_mistake_is_named_at_once_with_the_file(read, tmp_path):
    lines = refused(read, {**LEAST, "interval": "x", "timeout": -1}).splitlines()
    assert [line.partition(": expected")[0] for line in lines] == [
        f"{tmp_path}/config.json: interval",
        f"{tmp_path}/config.json: timeout",
    ]


def test_no_text_holds_a_header(read):
    assert "s3cret" not in refused(read, LEAST, {"key": "s3cret\n"})
    assert "s3cret" not in refused(read, LEAST, {"key": ["s3cret"]})
