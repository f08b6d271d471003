# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running server says, in the records of the proof."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._server.client import Client
from ansible_collections.inference.triton.plugins.module_utils._server.endpoint import parse_url
from ansible_collections.inference.triton.plugins.module_utils._server.errors import ServerError
from ansible_collections.inference.triton.plugins.module_utils._server.triton import Triton
from ansible_collections.inference.triton.plugins.module_utils._verification import gather_server
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._server.servers import FakeModel, FakeTriton


@pytest.fixture
def server():
    started = FakeTriton({"a": FakeModel(), "b": FakeModel()})
    yield started
    started.close()


@pytest.fixture
def gather(server):
    def ask(metrics_url=None, headers=None):
        triton = Triton(Client(parse_url(server.url), headers or {}, 10.0))
        metrics = Client(parse_url(metrics_url or server.metrics_url), {}, 10.0)
        try:
            return gather_server.gather(triton, metrics)
        finally:
            triton.client.close()

    return ask


def test_a_version_with_all_that_is_known(gather, server):
    server.metrics = (
        b'nv_gpu_utilization{gpu_uuid="GPU-1"} 0\nnv_inference_count{gpu_uuid="GPU-1",model="a",version="1"} 3\n'
    )
    said = gather()
    assert (said.version, said.live, said.ready, said.metrics_error) == ("2.51.0", True, True, None)
    assert said.gpu_uuids == ("GPU-1",)
    (version,) = said.models["a"].versions
    assert (version.version, version.state, version.reason, version.ready) == ("1", "READY", "", True)
    assert version.config["instance_group"] == [{"kind": "KIND_CPU", "count": 1}]
    assert (version.gpu_uuids, version.memory_usage, version.config_error) == (("GPU-1",), [], None)


def test_a_version_that_is_ready_in_the_index_alone(gather, server):
    server.models["a"].ready = False
    assert gather().models["a"].versions[0].ready is False


def test_a_version_that_does_not_serve_is_not_asked(gather, server):
    server.models["a"] = FakeModel(state="UNAVAILABLE", reason="Internal: no memory")
    (version,) = gather().models["a"].versions
    assert (version.state, version.reason, version.ready, version.config) == (
        "UNAVAILABLE",
        "Internal: no memory",
        None,
        None,
    )
    assert not any("/models/a/" in path for _method, path, _body in server.calls)


def test_a_model_that_the_index_has_by_its_name_alone(gather, server):
    server.models["a"] = FakeModel(state=None)
    assert gather().models["a"].versions == ()


def test_a_model_that_serves_and_is_not_in_the_index(gather, server, monkeypatch):
    monkeypatch.setattr(FakeTriton, "_index", lambda self: [{"name": "a"}])
    models = gather().models
    assert [(name, model.versions[0].state) for name, model in models.items()] == [("a", "READY"), ("b", "READY")]
    assert models["b"].versions[0].config


def test_a_model_that_went_away_meanwhile(gather, server, monkeypatch):
    monkeypatch.setattr(FakeTriton, "_is_ready", lambda self, name: name == "b")
    (version,) = gather().models["a"].versions
    assert version.config is None
    assert "unknown model" in version.config_error


def test_one_that_is_loaded_for_the_first_time_has_no_configuration_yet(gather, server):
    server.models["a"].state = "LOADING"
    (version,) = gather().models["a"].versions
    assert (version.state, version.config, version.config_error) == ("LOADING", None, None)


def test_one_connection_carries_all_requests_and_one_the_metrics(gather, server):
    server.models.update({f"m{number}": FakeModel() for number in range(50)})
    connections = []
    accept = server._server.get_request
    server._server.get_request = lambda: connections.append(1) or accept()
    assert len(gather().models) == 52
    assert len(connections) == 2


def test_metrics_that_cannot_be_had_are_told(gather):
    said = gather(metrics_url="http://127.0.0.1:1/metrics")
    assert "accepts connections" in said.metrics_error
    assert said.models["a"].versions[0].ready


@pytest.mark.parametrize(
    "part",
    [
        "/v2/health",
        "/v2/repository/index",
        "/v2/models/stats",
        "/v2/models/a/versions/1/config",
        "/v2/models/b/versions",
    ],
)
def test_a_part_that_is_restricted_is_a_failure(gather, server, part):
    server.header, server.restricted = ("admin-key", "k"), part
    with pytest.raises(ServerError) as raised:
        gather()
    assert raised.value.kind == "restricted"
    assert gather(headers={"admin-key": "k"}).models["a"].versions[0].config
