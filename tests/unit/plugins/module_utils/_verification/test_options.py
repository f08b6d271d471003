# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a verification, as a module has them and as a file may have them."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config.findings import ConfigError
from ansible_collections.inference.triton.plugins.module_utils._policy.parsing import PolicyError
from ansible_collections.inference.triton.plugins.module_utils._server.errors import ServerError
from ansible_collections.inference.triton.plugins.module_utils._verification.options import completed, parse

LEAST = {"repositories": ["/srv/triton/models"], "gpus": []}


def request(**options):
    return parse(completed({**LEAST, **options}))


def test_what_a_file_leaves_out_has_the_default_of_the_module():
    options = completed(LEAST)
    assert (options["url"], options["timeout"], options["probe"]) == ("http://127.0.0.1:8000", 30.0, False)
    assert options["policy"] is None


def test_what_is_wrong_with_the_names_is_told_at_once():
    with pytest.raises(ConfigError) as raised:
        completed({"repositorys": []})
    assert raised.value.problems == [
        "repositorys: there is no such option. Did you mean 'repositories'?",
        "repositories: is missing.",
    ]


def test_the_server_and_its_host():
    made = request(
        gpus=[{"name": "Tesla V100", "compute_capability": "7.0"}, {"name": "A100", "compute_capability": "8.0"}],
        triton_release="25.10",
        config_name="h100",
        auto_complete=False,
    )
    assert [gpu.name for gpu in made.server.gpus] == ["A100"]
    assert [gpu.name for gpu in made.host.gpus.gpus] == ["A100"]
    assert (made.server.config_name, made.server.auto_complete) == ("h100", False)
    assert made.host.release is not None


def test_empty_names_are_none():
    made = request(config_name="", service="")
    assert (made.server.config_name, made.service) == (None, None)


@pytest.mark.parametrize("name", ["triton", "triton.service"])
def test_the_type_of_a_unit_may_be_left_out(name):
    assert request(service=name).service == "triton.service"


def test_models_are_taken_by_pattern():
    assert request().takes("anything")
    made = request(models=["a*", "b"])
    assert [name for name in ("a1", "b", "b1", "A1") if made.takes(name)] == ["a1", "b"]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"policy": {"rules": [{"nam": "x"}]}}, PolicyError),
        ({"url": "ftp://host"}, ServerError),
        ({"timeout": 0.0}, ServerError),
        ({"triton_release": "24"}, ConfigError),
        ({"server_log": "/nowhere/server.log"}, ConfigError),
        ({"gpus": [{"memory_mb": 1}]}, ConfigError),
    ],
)
def test_options_that_are_not_good(options, error):
    with pytest.raises(error):
        request(**options)
