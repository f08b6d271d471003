# SPDX-License-Identifier: GPL-3.0-or-later
"""Loading and unloading models, on a server that does and does not do it."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._server import model_change
from ansible_collections.inference.triton.plugins.module_utils._server.connection import ARGUMENTS, Connection
from ansible_collections.inference.triton.plugins.module_utils._server.errors import ServerError
from ansible_collections.inference.triton.plugins.module_utils._server.model_request import Request
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._server.servers import FakeModel, answer

CPU = {"backend": "python", "instance_group": [{"kind": "KIND_CPU", "count": 1}]}
TWO = {"backend": "python", "instance_group": [{"kind": "KIND_CPU", "count": 2}]}


def options(url, **more):
    given = {name: spec.get("default") for name, spec in ARGUMENTS.items()}
    return {**given, "url": url, "metrics_url": url + "/metrics", "timeout": 10.0, **more}


@pytest.fixture
def change():
    """Ask a server: ``change(server, "loaded", "a", "b")``."""

    def ask(server, state, *names, **more):
        check = more.pop("check", False)
        return model_change.apply(Connection(options(server.url)), Request(state, names, **more), check)

    return ask


def only(outcome):
    (done,) = outcome.models
    return done


def test_what_serves_is_left_alone(fake, change):
    server = fake({"a": FakeModel()})
    done = only(change(server, "loaded", "a"))
    assert (done.action, done.changed, done.certain, done.error) == ("none", False, True, None)
    assert [path for _method, path, _body in server.calls] == ["/v2/repository/index"]


def test_models_are_loaded_in_the_order_that_they_are_named_in(fake, change):
    server = fake({"a": FakeModel(state=None), "b": FakeModel(state="UNAVAILABLE", reason="unloaded")})
    outcome = change(server, "loaded", "b", "a")
    assert [(done.model.name, done.changed, done.proof) for done in outcome.models] == [
        ("b", True, ["state"]),
        ("a", True, ["state"]),
    ]
    assert [path for _method, path, _body in server.changes()] == [
        "/v2/repository/models/b/load",
        "/v2/repository/models/a/load",
    ]


@pytest.mark.parametrize("state", ["loaded", "reloaded", "unloaded"])
def test_check_mode_asks_for_nothing(fake, change, state):
    server = fake({"a": FakeModel(), "b": FakeModel(state=None)})
    change(server, state, "a", "b", check=True)
    assert server.changes() == []


@pytest.mark.parametrize(
    ("state", "now", "changed", "certain"),
    [
        ("loaded", "READY", False, True),
        ("loaded", None, True, True),
        ("reloaded", None, True, True),
        ("reloaded", "READY", True, False),
        ("unloaded", "READY", True, True),
        ("unloaded", None, False, True),
    ],
)
def test_check_mode_predicts(fake, change, state, now, changed, certain):
    done = only(change(fake({"a": FakeModel(state=now)}), state, "a", check=True))
    assert (done.changed, done.certain) == (changed, certain)


def on_disk(config, findings=()):
    described = {"repository": "/r", "model": "a", "file": "/r/a/config.pbtxt", "versions": ["1"]}
    return {"a": {**described, "config": config, "findings": list(findings)}}


@pytest.mark.parametrize(("file", "changed"), [(CPU, False), (TWO, True)])
def test_check_mode_compares_with_the_file(fake, change, file, changed):
    done = only(change(fake({"a": FakeModel(CPU)}), "reloaded", "a", check=True, on_disk=on_disk(file)))
    assert done.changed is changed


def test_what_is_still_to_be_reloaded_may_differ(fake, change):
    server = fake({"a": FakeModel(CPU)})
    known = on_disk(TWO)
    assert not change(server, "reloaded", "a", check=True, on_disk=known).warnings()
    assert change(server, "loaded", "a", check=True, on_disk=known).warnings()


def test_a_reload_in_which_the_server_finds_nothing_to_do_changes_nothing(fake, change):
    done = only(change(fake({"a": FakeModel()}), "reloaded", "a"))
    assert (done.action, done.changed, done.certain) == ("load", False, False)


def test_that_it_found_nothing_is_certain_where_loads_are_measured(fake, change):
    server = fake({"a": FakeModel()})
    server.metrics = b'nv_model_load_duration_secs{model="a",version="1"} 1.5\n'
    done = only(change(server, "reloaded", "a"))
    assert (done.changed, done.certain) == (False, True)


def test_a_reload_that_takes_a_new_configuration_up(fake, change):
    done = only(change(fake({"a": FakeModel(CPU, loads_to=TWO)}), "reloaded", "a"))
    assert (done.changed, done.proof) == (True, ["config"])


def test_a_reload_of_other_files_is_seen_in_the_statistics(fake, change):
    server = fake({"a": FakeModel()})
    server.models["a"].resets = True
    done = only(change(server, "reloaded", "a"))
    assert (done.changed, done.proof) == (True, ["statistics"])


def test_a_configuration_in_the_request(fake, change):
    server = fake({"a": FakeModel(CPU)})
    first = change(server, "loaded", "a", configs={"a": TWO})
    again = change(server, "loaded", "a", configs={"a": TWO})
    assert (only(first).changed, only(again).changed) == (True, False)
    assert len(server.changes()) == 1
    assert not first.warnings() and not again.warnings()


def test_a_configuration_that_sticks_is_told(fake, change):
    outcome = change(fake({"a": FakeModel(TWO)}), "reloaded", "a", on_disk=on_disk(CPU))
    assert only(outcome).unlike == ["instance_group[0].count"]
    assert "than the file says: a (instance_group[0].count). Either" in outcome.warnings()[0]


def test_a_long_list_of_names_is_cut(fake, change):
    (told,) = change(fake({}), "unloaded", *(f"m{number}" for number in range(50))).warnings()
    assert "m19 and 30 more." in told


def test_every_model_is_tried_and_every_failure_is_told(fake, change):
    bad = FakeModel(state=None, error="Invalid argument: no GPUs are available")
    server = fake({"a": bad, "b": FakeModel(state=None), "c": FakeModel(CPU, error="Internal: no memory")})
    outcome = change(server, "reloaded", "a", "b", "c", "d")
    assert [done.model.state for done in outcome.models] == ["UNAVAILABLE", "READY", "READY", None]
    assert [(done.changed, done.certain) for done in outcome.models][2] == (False, True), "the server has refused it"
    text = outcome.failure()
    assert text.startswith("3 of 4 models could not be reloaded.\na: the server says: ")
    assert "no GPUs are available" in text
    assert "Internal: no memory. What was loaded before serves on." in text
    assert "\nd: the server says: failed to load 'd', failed to poll from model repository. It does not find" in text


def test_success_is_what_the_index_says_afterwards(fake, change):
    server = fake({"a": FakeModel(state=None)})
    server.models["a"].fails_later = True
    assert "a: it is UNAVAILABLE after the load: gone." in change(server, "loaded", "a").failure()


def test_a_model_that_does_not_go(fake, change):
    server = fake({"a": FakeModel()})
    server.models["a"].stays = True
    assert "could not be unloaded.\na: it is READY after" in change(server, "unloaded", "a", wait_timeout=0.2).failure()


def test_statistics_that_are_restricted_are_done_without(fake, change):
    server = fake({"a": FakeModel(CPU, loads_to=TWO)})
    server.header, server.restricted = ("admin-key", "k"), "/v2/models/stats"
    assert only(change(server, "reloaded", "a")).proof == ["config"]


def test_configurations_that_are_restricted_are_not_done_without(fake, change):
    server = fake({"a": FakeModel()})
    server.header, server.restricted = ("admin-key", "k"), "/v2/models/a/"
    with pytest.raises(ServerError, match="admin-key"):
        change(server, "reloaded", "a")
    assert server.changes() == []


def test_a_file_that_is_broken_is_not_compared_with(fake, change):
    broken = on_disk(TWO, [{"severity": "error"}])
    done = only(change(fake({"a": FakeModel(CPU)}), "reloaded", "a", check=True, on_disk=broken))
    assert (done.unlike, done.changed, done.certain) == ([], True, False)


def test_what_the_server_does_not_say_is_read_from_the_file(fake, change):
    finding = {"rule": "syntax", "message": "expected a value.", "line": 3, "column": 7, "severity": "error"}
    finding.update(excerpt="x:", hint="Give one.", file="/r/a/config.pbtxt")
    server = fake({"a": FakeModel(state=None, unsaid=True)})
    text = change(server, "loaded", "a", on_disk=on_disk({}, [finding])).failure()
    assert "/r/a/config.pbtxt:3:7: expected a value. [syntax]\nx:\nGive one." in text


@pytest.mark.parametrize(
    ("known", "says"),
    [
        ({}, "There is no such model in 'repositories'"),
        (on_disk({}), "Nothing is found to be wrong in /r/a/config.pbtxt"),
    ],
)
def test_what_the_file_does_not_say_either(fake, change, known, says):
    server = fake({"a": FakeModel(state=None, unsaid=True)})
    assert says in change(server, "loaded", "a", on_disk=known).failure()


def test_a_configuration_in_the_request_that_is_refused(fake, change):
    server = fake({"a": FakeModel(state=None, unsaid=True)})
    assert "refuses what 'configs' has for a" in change(server, "loaded", "a", configs={"a": TWO}).failure()


def test_a_model_is_unloaded_once(fake, change):
    server = fake({"a": FakeModel(), "b": FakeModel()})
    first, again = (change(server, "unloaded", "a") for _number in range(2))
    assert (only(first).changed, only(first).model.state) == (True, "UNAVAILABLE")
    assert (only(again).changed, only(again).action) == (False, "none")
    assert server.models["b"].state == "READY"


def test_dependents_are_asked_for(fake, change):
    server = fake({"a": FakeModel()})
    change(server, "unloaded", "a", dependents=True)
    assert server.changes()[0][2] == {"parameters": {"unload_dependents": True}}


def test_what_goes_along_is_waited_for(fake, change):
    server = fake({"a": FakeModel(), "part": FakeModel(), "other": FakeModel(state="UNLOADING")})
    server.models["part"].goes_with, server.models["part"].lingers = "a", 3
    server.models["other"].lingers = 1000  # somebody else's
    outcome = change(server, "unloaded", "a", dependents=True)
    assert (outcome.others, outcome.failure()) == (["part"], "")
    assert (server.models["part"].state, server.models["other"].state) == ("UNAVAILABLE", "UNLOADING")


def test_a_name_that_is_no_model_is_told_when_it_is_unloaded(fake, change):
    outcome = change(fake({}), "unloaded", "typo")
    assert outcome.warnings() == ["The server knows no model of this name, so nothing is unloaded: typo."]


def test_a_model_that_the_server_is_loading_already_is_waited_for(fake, change):
    server = fake({"a": FakeModel(state="LOADING")})
    server._index = lambda index=server._index: index_then(server, index)

    def index_then(server, index):
        entries = index()
        server.models["a"].state = "READY"
        return entries

    assert only(change(server, "loaded", "a")).action == "none"


def test_other_models_that_go_are_named(fake, change):
    server = fake({"a": FakeModel(), "ensemble": FakeModel(), "c": FakeModel()})
    unload = server._unload

    def with_ensemble(name, body):
        server.models["ensemble"].state = "UNAVAILABLE"
        return unload(name, body)

    server._unload = with_ensemble
    assert change(server, "unloaded", "a").as_result()["also_changed"] == ["ensemble"]


@pytest.mark.parametrize("state", ["loaded", "unloaded"])
def test_a_server_of_another_control_mode_fails_the_task(fake, change, state):
    server = fake({"a": FakeModel(state=None), "b": FakeModel()}, mode="poll")
    with pytest.raises(ServerError) as raised:
        change(server, state, "a", "b")
    assert raised.value.kind == "control_mode"
    assert len(server.changes()) == 1


def test_nothing_to_do_is_done_in_any_control_mode(fake, change):
    assert only(change(fake({"a": FakeModel()}, mode="none"), "loaded", "a")).error is None


def test_a_lost_answer_of_a_first_load_is_made_up_for_by_the_index(fake, change):
    server = fake({"a": FakeModel(state=None)})
    server.lost.add("a")
    done = only(change(server, "loaded", "a"))
    assert (done.changed, done.error) == (True, None)
    assert len(server.changes()) == 1


def test_after_a_lost_answer_of_a_reload_nobody_knows(fake, change):
    server = fake({"a": FakeModel()})
    server.lost.add("a")
    outcome = change(server, "reloaded", "a", wait_timeout=0.3)
    assert not only(outcome).certain
    assert "whether by the new or by the old copy cannot be told" in outcome.failure()
    assert len(server.changes()) == 1


def test_a_load_that_takes_longer_than_allowed(fake, change):
    server = fake({"a": FakeModel(state=None)})
    server.models["a"].seconds = 3
    outcome = change(server, "loaded", "a", wait_timeout=0.3)
    assert "It is LOADING after 0.3 seconds, and the server goes on with it. Raise 'wait_timeout'" in outcome.failure()


def test_a_server_that_dies_in_the_middle(fake, change):
    server = fake({"a": FakeModel(state=None), "b": FakeModel(state=None)})
    load = server._load

    def die(name, body):
        if name == "b":
            server._server.socket.close()
            server.lost.add("b")
        return load(name, body)

    server._load = die
    with pytest.raises(ServerError) as raised:
        change(server, "loaded", "a", "b")
    assert "That was the request to load 'b'. Then" in str(raised.value)
    assert "Of 2 models, 1 were done before." in str(raised.value)


def test_metrics_get_the_headers_at_the_same_address_only(scripted):
    index = answer(body=[{"name": "a"}])
    empty = answer(body={"model_stats": []})
    server, metrics = scripted([index, empty, answer(), index, empty]), scripted([answer()], [answer()])
    given = options(server.url, headers={"admin-key": "k"}, metrics_url=metrics.url)
    model_change.apply(Connection(given), Request("loaded", ["a"], wait_timeout=0.1), False)
    assert all(b"admin-key: k" in request for request in server.requests)
    assert metrics.requests and not any(b"admin-key" in request for request in metrics.requests)


@pytest.mark.parametrize(("option", "value"), [("timeout", 0), ("timeout", -1), ("timeout", float("nan"))])
def test_a_time_that_cannot_be(option, value):
    with pytest.raises(ServerError, match=option):
        Connection(options("http://gpu1:8000", **{option: value}))
