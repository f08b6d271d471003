# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked for, and what that takes from where a model is."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config.findings import ConfigError
from ansible_collections.inference.triton.plugins.module_utils._server.errors import ServerError
from ansible_collections.inference.triton.plugins.module_utils._server.model_request import Request, checked_request
from ansible_collections.inference.triton.plugins.module_utils._server.model_states import Model
from ansible_collections.inference.triton.plugins.module_utils._server.triton import IndexEntry


def model(*state):
    return Model("m", (IndexEntry("m", "1", *state),) if state else ())


READY, FAILED, GONE = model("READY", ""), model("UNAVAILABLE", "Internal: no"), model("UNAVAILABLE", "unloaded")
UPDATE_FAILED, UNKNOWN, LOADING = model("READY", "Internal: no"), model(), model("LOADING", "")


@pytest.mark.parametrize(
    ("state", "now", "action"),
    [
        ("loaded", READY, "none"),
        ("loaded", UPDATE_FAILED, "load"),
        ("loaded", FAILED, "load"),
        ("loaded", GONE, "load"),
        ("loaded", UNKNOWN, "load"),
        ("reloaded", READY, "load"),
        ("reloaded", UNKNOWN, "load"),
        ("unloaded", READY, "unload"),
        ("unloaded", UPDATE_FAILED, "unload"),
        ("unloaded", LOADING, "unload"),
        ("unloaded", FAILED, "none"),
        ("unloaded", GONE, "none"),
        ("unloaded", UNKNOWN, "none"),
    ],
)
def test_an_action(state, now, action):
    assert Request(state, ["m"]).action(now, False) == action


def test_a_model_that_serves_is_loaded_with_another_configuration():
    request = Request("loaded", ["m"], {"m": {"backend": "python"}})
    assert request.action(READY, True) == "load"
    assert request.action(READY, False) == "none"


def test_configurations_are_made_what_triton_takes():
    request = checked_request(
        "loaded", ["m"], {"m": {"max_batch_size": "8", "instance_group": [{"kind": 2}]}}, False, 1
    )
    assert request.configs == {"m": {"max_batch_size": 8, "instance_group": [{"kind": "KIND_CPU"}]}}


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"backen": "python"}, "configs.m: backen: .*Did you mean 'backend'"),
        ("backend: python", "configs.m: "),
        ({"name": "other"}, "has to be that of the model"),
        ({"max_batch_size": "many"}, "configs.m: max_batch_size"),
    ],
)
def test_what_is_no_configuration(config, says):
    with pytest.raises(ConfigError, match=says):
        checked_request("loaded", ["m"], {"m": config}, False, 1)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("loaded", [], {}, False), "models: the list is empty"),
        (("loaded", ["../m"], {}, False), "cannot be the name"),
        (("loaded", ["m"], {"n": {}}, False), "'n' is not one of 'models'"),
        (("unloaded", ["m"], {"m": {}}, False), "configs"),
        (("loaded", ["m"], {}, True), "unload_dependents"),
    ],
)
def test_options_that_do_not_go_together(arguments, says):
    with pytest.raises(ServerError, match=says):
        checked_request(*arguments, 1)
