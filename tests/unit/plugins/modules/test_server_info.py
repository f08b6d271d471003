# SPDX-License-Identifier: GPL-3.0-or-later
"""The module server_info from its arguments to its result."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.modules import server_info
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._server.servers import FakeModel, FakeTriton

METRICS = b"""\
nv_gpu_utilization{gpu_uuid="GPU-1"} 0.5
nv_inference_count{gpu_uuid="GPU-1",model="a",version="1"} 3
"""


@pytest.fixture
def server():
    started = FakeTriton(
        {
            "a": FakeModel(),
            "broken": FakeModel(state=None),
            "failed": FakeModel(state="UNAVAILABLE", reason="Internal: no memory"),
        }
    )
    started.metrics = METRICS
    yield started
    started.close()


@pytest.fixture
def ask(run, server):
    """Run the module against the server."""

    def with_defaults(**arguments):
        return run(server_info, **{"url": server.url, "metrics_url": server.metrics_url, **arguments})

    return with_defaults


@pytest.fixture
def models(repository):
    repository.model("a")
    repository.model("broken", b"backend: }\n")
    repository.model("failed")
    repository.model("empty", versions=())
    return repository


def by_name(result):
    return {entry["name"]: entry for entry in result["models"]}


@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
def test_the_result_is_what_is_documented(ask, documented, server, check):
    result = ask(check=check)
    documented(server_info, result)
    assert not result["changed"]
    assert result["server"]["version"] == "2.51.0"
    assert (result["live"], result["ready"], result["control_mode"]) == (True, True, "explicit")
    assert result["counts"] == {"models": 3, "served": 1, "not_served": 2, "hidden": 1}
    assert [model.state for model in server.models.values()] == ["READY", None, "UNAVAILABLE"]


def test_a_version_with_all_that_is_known(ask):
    (version,) = by_name(ask())["a"]["versions"]
    assert (version["version"], version["state"]) == ("1", "READY")
    assert version["config"]["instance_group"] == [{"kind": "KIND_CPU", "count": 1}]
    assert version["statistics"]["inference_count"] == 7
    assert version["memory_usage"] == []
    assert version["gpu_uuids"] == ["GPU-1"]


def test_the_reason_of_a_model_that_failed(ask):
    result = ask()
    failed = by_name(result)["failed"]
    assert (failed["served"], failed["state"], failed["reason"]) == (False, "UNAVAILABLE", "Internal: no memory")
    assert failed["versions"][0]["config"] is None
    assert result["not_served"] == ["broken", "failed"]


def test_models_that_the_index_hides(ask, models):
    found = by_name(ask(repositories=[models.path]))
    hidden = {name: entry["hidden"] for name, entry in found.items()}
    assert hidden == {"a": None, "broken": "unreadable_config", "empty": "no_version", "failed": None}
    finding = found["broken"]["findings"][0]
    assert (finding["file"], finding["line"]) == (models.config("broken"), 1)


def test_without_a_repository_the_cause_is_not_known(ask):
    result = ask()
    assert result["hidden"] == ["broken"]
    assert by_name(result)["broken"]["hidden"] == "unknown"


def test_the_file_that_the_server_reads(ask, models):
    models.variant("a", "h100", b"broken }")
    models.variant("broken", "h100", b'backend: "python"\n')
    assert by_name(ask(repositories=[models.path], config_name="h100"))["broken"]["hidden"] == "not_loaded"


def test_some_of_the_models(ask):
    result = ask(models=["a", "b*"])
    assert list(by_name(result)) == ["a", "broken"]
    assert result["control_mode"] is None


def test_what_is_not_gathered_is_not_asked_for(ask, server):
    result = ask(gather=[])
    assert by_name(result)["a"]["versions"][0]["config"] is None
    assert not any(path.endswith(("/config", "/stats", "/metrics")) for _method, path, _body in server.calls)


def test_metrics_that_cannot_be_had_are_no_failure(ask):
    result = ask(metrics_url="http://127.0.0.1:1/metrics")
    assert "accepts connections" in result["metrics"]["error"]
    assert result["metrics"]["gpus"] == []


def test_the_metrics_of_the_gpus(ask):
    (gpu,) = ask()["metrics"]["gpus"]
    assert (gpu["uuid"], gpu["utilization"], gpu["power_limit_watts"]) == ("GPU-1", 0.5, None)


@pytest.mark.parametrize(
    ("option", "ensemble", "asks"),
    [("auto", False, True), ("auto", True, False), ("always", True, True), ("never", False, False)],
)
def test_a_server_with_ensembles_is_not_asked_for_its_control_mode(ask, server, option, ensemble, asks):
    if ensemble:
        server.models["a"].config = {"platform": "ensemble", "instance_group": []}
    result = ask(probe_control_mode=option)
    assert bool(server.changes()) is asks
    assert result["control_mode"] == ("explicit" if asks else None)
    assert (result["control_mode_unknown"] is None) is asks


def test_a_restricted_api_fails_and_its_header_opens_it(ask, server):
    server.header = ("admin-key", "k")
    refused = ask()
    assert refused["failed"]
    assert "expecting header 'admin-key'" in refused["msg"] and "'headers'" in refused["msg"]
    assert ask(headers={"admin-key": "k"})["live"]


@pytest.mark.parametrize("part", ["/v2/models/a/", "/v2/models/stats", "/v2/repository/index", "/v2/health/"])
def test_a_part_that_is_restricted_fails_rather_than_being_left_out(ask, server, part):
    server.header, server.restricted = ("admin-key", "k"), part
    result = ask()
    assert result["failed"] and part in result["msg"]


def test_a_model_that_goes_while_it_is_looked_at(ask, server):
    index = server._index

    def index_and_gone():
        entries = index()
        server.models["a"].state = "UNAVAILABLE"
        return entries

    server._index = index_and_gone
    (version,) = by_name(ask())["a"]["versions"]
    assert version["config"] is None and "unknown model" in version["config_error"]


def test_a_wrong_port_is_said_to_be_one(ask):
    result = ask(url="http://127.0.0.1:1")
    assert result["failed"]
    assert result["msg"].startswith("http://127.0.0.1:1/v2: nothing accepts connections there.")


def test_a_repository_that_is_not_there(ask):
    assert "/does/not/exist" in ask(repositories=["/does/not/exist"])["msg"]
