# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a Triton, and what is read from its answers."""

from __future__ import annotations

import json
import socket

import pytest
from ansible_collections.inference.triton.plugins.module_utils._server.client import Binary
from ansible_collections.inference.triton.plugins.module_utils._server.errors import ServerError
from ansible_collections.inference.triton.plugins.module_utils._server.triton import checked_names
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._server.servers import answer


def test_metadata(scripted, triton):
    server = scripted([answer(body={"name": "t", "version": "2.51.0", "extensions": ["logging"]})])
    assert tuple(triton(server.url).metadata()) == ("t", "2.51.0", ["logging"])


@pytest.mark.parametrize(("status", "ready"), [(200, True), (400, False)])
def test_health(scripted, triton, status, ready):
    server = scripted([answer(status), answer(status)])
    asked = triton(server.url)
    assert [asked.is_live(), asked.is_ready()] == [ready, ready]


@pytest.mark.parametrize(("status", "kind"), [(403, "credentials"), (502, "unavailable"), (404, "not_triton")])
def test_health_that_somebody_else_answers_is_a_failure(scripted, triton, status, kind):
    with pytest.raises(ServerError) as raised:
        triton(scripted([answer(status, b"<html>", "text/html")]).url).is_ready()
    assert raised.value.kind == kind


@pytest.mark.parametrize(("status", "ready"), [(200, True), (400, False)])
def test_a_version_of_a_model_is_ready_or_not(scripted, triton, status, ready):
    server = scripted([answer(status, b"" if ready else {"error": "Model version not ready"})])
    assert triton(server.url).is_model_ready("m 1", "2") is ready
    assert server.requests[0].startswith(b"GET /v2/models/m%201/versions/2/ready ")


def test_a_request_to_a_model(scripted, triton):
    server = scripted([answer(body=b"\0", content_type="application/octet-stream")])
    triton(server.url).infer("m", "2", Binary(b"{}\0", {"Inference-Header-Content-Length": "2"}), 5)
    assert server.requests[0].startswith(b"POST /v2/models/m/versions/2/infer ")


def test_a_request_that_the_model_fails_on(scripted, triton):
    server = scripted([answer(500, {"error": "no such luck"})])
    with pytest.raises(ServerError, match="no such luck") as raised:
        triton(server.url).infer("m", "2", Binary(b"", {}), 5)
    assert raised.value.kind == "server"


def test_the_index_is_in_order_and_asked_for_with_post(scripted, triton):
    index = [
        {"name": "b"},
        {"name": "a", "version": "10", "state": "READY"},
        {"name": "a", "version": "9", "state": "UNAVAILABLE", "reason": "unloaded"},
    ]
    server = scripted([answer(body=index)])
    assert [tuple(entry) for entry in triton(server.url).index()] == [
        ("a", "9", "UNAVAILABLE", "unloaded"),
        ("a", "10", "READY", ""),
        ("b", None, None, ""),
    ]
    assert server.requests[0].startswith(b"POST /v2/repository/index ")


def test_an_index_that_fails_points_to_the_repository(scripted, triton):
    server = scripted([answer(500, {"error": "failed to stat file /models/x"})])
    with pytest.raises(ServerError, match="leads nowhere"):
        triton(server.url).index()


@pytest.mark.parametrize(
    ("ask", "body"),
    [
        (lambda triton: triton.metadata(), []),
        (lambda triton: triton.metadata(), {"name": "elasticsearch", "version": {"number": "8"}}),
        (lambda triton: triton.index(), {}),
        (lambda triton: triton.index(), ["a"]),
        (lambda triton: triton.index(), [{"version": "1"}]),
        (lambda triton: triton.config("a", "1"), []),
        (lambda triton: triton.config("a", "1"), {"instance_group": "x"}),
        (lambda triton: triton.statistics(), {}),
        (lambda triton: triton.statistics(), {"model_stats": [1]}),
    ],
)
def test_json_that_is_not_triton_s(scripted, triton, ask, body):
    with pytest.raises(ServerError, match="expected") as raised:
        ask(triton(scripted([answer(body=body)]).url))
    assert raised.value.kind == "unexpected"


def test_a_load_says_what_it_has_to(scripted, triton):
    server = scripted([answer(), answer(), answer()])
    asked = triton(server.url)
    asked.load("a", None, 10)
    asked.load("a", {"backend": "python"}, 10)
    asked.unload("a", True, 10)
    bodies = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in server.requests]
    assert bodies == [
        {},
        {"parameters": {"config": '{"backend": "python"}'}},
        {"parameters": {"unload_dependents": True}},
    ]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a.b-c_d+e@1", b"/v2/repository/models/a.b-c_d+e@1/load"),
        ("../x?y#z", b"/v2/repository/models/..%2Fx%3Fy%23z/load"),
        ("ü 1", b"/v2/repository/models/%C3%BC%201/load"),
        ("\udcff", b"/v2/repository/models/%FF/load"),
    ],
)
def test_a_name_stays_one_part_of_the_path(scripted, triton, name, path):
    server = scripted([answer()])
    triton(server.url).load(name, None, 10)
    assert server.requests[0].split()[1] == path


def test_a_server_that_does_not_understand_a_name_is_not_said_to_lack_the_model(scripted, triton):
    server = scripted([answer(404, {"error": "Request for unknown model: '%C3%BC' is not found"})])
    with pytest.raises(ServerError, match="Rename the model") as raised:
        triton(server.url).config("ü", "1")
    assert raised.value.kind == "name"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/a", "a\n", "a\0", "x" * 256])
def test_what_cannot_be_the_name_of_a_model(name):
    with pytest.raises(ServerError, match="cannot be the name of a model"):
        checked_names(["fine", name], "models")


def test_each_name_counts_once():
    assert checked_names(["b", "a", "b"], "models") == ["b", "a"]


def test_a_server_that_starts_is_waited_for(scripted, triton):
    metadata = answer(body={"name": "t", "version": "2.51.0"})
    server = scripted([answer(502, b"<html>", "text/html"), answer(503), metadata])
    asked = triton(server.url)
    assert asked.when_up(asked.metadata, 30).version == "2.51.0"


def test_a_server_that_does_not_start_is_not_waited_for_for_ever(triton):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    asked = triton(f"http://127.0.0.1:{port}")
    with pytest.raises(ServerError) as raised:
        asked.when_up(asked.metadata, 0.6)
    assert raised.value.kind == "refused"


def test_what_time_does_not_heal_is_not_waited_for(scripted, triton):
    server = scripted([answer(401)])
    asked = triton(server.url)
    with pytest.raises(ServerError) as raised:
        asked.when_up(asked.metadata, 30)
    assert raised.value.kind == "credentials"
