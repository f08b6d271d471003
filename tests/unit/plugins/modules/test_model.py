# SPDX-License-Identifier: GPL-3.0-or-later
"""The module model from its arguments to its result."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.modules import model
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._server.servers import FakeModel, FakeTriton


@pytest.fixture
def server():
    started = FakeTriton({"a": FakeModel(state=None), "b": FakeModel(), "c": FakeModel(state=None, unsaid=True)})
    yield started
    started.close()


@pytest.fixture
def ask(run, server):
    """Run the module against the server."""
    return lambda **arguments: run(model, url=server.url, metrics_url=server.metrics_url, **arguments)


@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
def test_the_result_is_what_is_documented(ask, documented, check):
    result = ask(models=["a", "b"], check=check)
    documented(model, result)
    assert result["changed"]
    assert [entry["action"] for entry in result["models"]] == ["load", "none"]


def test_a_second_run_changes_nothing(ask):
    assert ask(models=["a", "b"])["changed"]
    assert not ask(models=["a", "b"])["changed"]


def test_a_failure_says_for_each_model_what_became_of_it(ask, documented, repository):
    repository.model("c", b"backend: }\n")
    result = ask(models=["a", "c"], repositories=[repository.path])
    assert result["failed"]
    documented(model, result)
    assert repository.config("c") + ":1:10: " in result["msg"]
    assert [entry["error"] is None for entry in result["models"]] == [True, False]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"models": []}, "models: the list is empty"),
        ({"models": ["a/b"]}, "cannot be the name of a model"),
        ({"models": ["a"], "configs": {"a": {"backen": "python"}}}, "Did you mean 'backend'"),
        ({"models": ["a"], "url": "gpu1:8000"}, "does not begin with http://"),
        ({"models": ["a"], "repositories": ["/does/not/exist"]}, "/does/not/exist"),
        ({"models": ["a"], "wait_timeout": 0}, "wait_timeout"),
    ],
)
def test_bad_options_ask_the_server_for_nothing(run, server, arguments, says):
    result = run(model, **{"url": server.url, **arguments})
    assert result["failed"]
    assert says in result["msg"]
    assert server.changes() == []


def test_a_model_that_was_mistyped_is_warned_of(ask):
    assert ask(models=["typo"], state="unloaded")["warnings"]
