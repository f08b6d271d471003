# SPDX-License-Identifier: GPL-3.0-or-later
"""The module placement_info from its arguments to its result."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.modules import placement_info
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._server.servers import FakeModel, FakeTriton

GPU = {"backend": "onnxruntime", "instance_group": [{"name": "g", "kind": "KIND_GPU", "count": 1, "gpus": [0]}]}
CPU = {"backend": "onnxruntime", "instance_group": [{"name": "c", "kind": "KIND_CPU", "count": 2, "gpus": []}]}
TEXT = b'backend: "onnxruntime" instance_group { kind: KIND_%s }\n'
ON_GPU = {"rules": [{"name": "on the GPU", "instance_group": [{"kind": "KIND_GPU"}], "level": "kind"}]}
METRICS = b'nv_inference_count{gpu_uuid="GPU-1",model="on_gpu",version="1"} 3\n'


@pytest.fixture
def server():
    started = FakeTriton({"on_gpu": FakeModel(GPU), "on_cpu": FakeModel(CPU)})
    started.metrics = METRICS
    yield started
    started.close()


@pytest.fixture
def models(repository):
    repository.model("on_gpu", TEXT % b"GPU")
    repository.model("on_cpu", TEXT % b"CPU")
    return repository


@pytest.fixture
def ask(run, server, models):
    """Run the module against the server, over the repository, on a host with one GPU."""

    def with_defaults(**arguments):
        given = {
            "url": server.url,
            "metrics_url": server.metrics_url,
            "repositories": [models.path],
            "gpus": [{"uuid": "GPU-1", "compute_capability": "8.0"}],
        }
        return run(placement_info, **{**given, **arguments})

    return with_defaults


def by_name(result):
    return {entry["name"]: entry for entry in result["models"]}


@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
def test_the_result_is_what_is_documented(ask, documented, server, check):
    result = ask(check=check)
    documented(placement_info, result)
    assert not result["changed"]
    assert {name: model["grade"] for name, model in by_name(result).items()} == {
        "on_cpu": "consistent",
        "on_gpu": "proved",
    }
    assert result["counts"]["on_gpu"] == result["counts"]["on_cpu"] == 1
    assert result["server"]["control_mode"] is None
    assert server.changes() == []


def test_every_part_of_the_documentation_appears_somewhere(ask, documented, server, models):
    models.model("absent")
    server.models["extra"] = FakeModel(GPU)
    server.models["on_cpu"].config = GPU
    result = ask(policy=ON_GPU, probe=True)
    documented(placement_info, result)
    found = by_name(result)
    assert found["extra"]["file"] is None and found["extra"]["expected"]["source"] is None
    assert found["on_cpu"]["problems"] and found["on_cpu"]["drift"]["fields"]
    assert found["absent"]["state"] is None and not found["absent"]["served"]


def test_it_starts_from_the_policy_where_there_is_one(ask):
    result = ask(policy=ON_GPU)
    assert result["contradicted"] == ["on_cpu"]
    on_cpu = by_name(result)["on_cpu"]
    assert (on_cpu["status"], on_cpu["rule"]) == ("changed", "on the GPU")
    assert on_cpu["expected"] == {"source": "policy", "groups": [{"kind": "KIND_GPU"}], "versions": ["1"]}


def test_some_of_the_models(ask):
    result = ask(policy=ON_GPU, models=["on_g*", "nothing"])
    assert list(by_name(result)) == ["on_gpu"]
    assert (result["counts"]["models"], result["contradicted"]) == (1, [])
    assert any("no model fits 'nothing'" in warning for warning in result["warnings"])


def test_it_fails_on_grades_with_the_report_and_everything_else(ask, documented):
    result = ask(policy=ON_GPU, fail_on=["contradicted"])
    assert result["failed"]
    assert result["msg"] == "\n".join(result["report"])
    documented(placement_info, result)
    assert by_name(result)["on_cpu"]["grade"] == "contradicted"


def test_it_does_not_fail_on_what_is_not_asked_for(ask):
    assert not ask(policy=ON_GPU, models=["on_gpu"], fail_on=["contradicted", "unproved"]).get("failed")
    assert ask(models=["on_cpu"], fail_on=["consistent"])["failed"]


def test_a_server_that_does_not_answer(ask, documented):
    result = ask(url="http://127.0.0.1:1")
    documented(placement_info, result)
    assert result["failed"] and "nothing accepts connections there" in result["msg"]
    error = result["server_error"]
    assert (error["kind"], error["url"]) == ("refused", "http://127.0.0.1:1/v2")
    assert error["seen"] and error["remedy"]
    assert "models" not in result


@pytest.mark.parametrize("part", ["/v2/models/on_gpu/", "/v2/models/stats", "/v2/repository/index", "/v2/health/"])
def test_a_part_that_is_restricted_fails_rather_than_being_left_out(ask, server, part):
    server.header, server.restricted = ("admin-key", "k"), part
    assert ask()["server_error"]["kind"] == "restricted"
    assert not ask(headers={"admin-key": "k"}).get("failed")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"policy": {"rules": [{"nam": "x"}]}}, "The policy has mistakes:\n"),
        ({"repositories": ["/nowhere"]}, "/nowhere"),
        ({"repositories": []}, "the list is empty"),
        ({"gpus": [{"compute_capability": "eight"}]}, "compute_capability"),
        ({"server_log": "/nowhere/server.log"}, "server_log: /nowhere/server.log cannot be read"),
        ({"config_name": "a/b"}, "config_name"),
        ({"url": "http://user:secret@host"}, "'headers'"),
    ],
)
def test_options_that_are_not_good(ask, arguments, text):
    result = ask(**arguments)
    assert result["failed"] and text in result["msg"]


def test_a_log_shows_where_instances_are(ask, tmp_path):
    log = tmp_path / "server.log"
    line = 'I0301 10:15:0{}.000000 10 {}:1] "{}"\n'
    log.write_text(
        line.format(0, "pinned_memory_manager.cc", "Pinned memory pool is created")
        + line.format(1, "onnxruntime.cc", "TRITONBACKEND_ModelInstanceInitialize: c_0 (CPU device 0)")
        + line.format(2, "onnxruntime.cc", "TRITONBACKEND_ModelInstanceInitialize: c_1 (CPU device 0)")
        + "| model_control_mode               | MODE_POLL |\n"
    )
    result = ask(server_log=str(log))
    assert by_name(result)["on_cpu"]["grade"] == "proved"
    assert result["log"] == {"source": f"the log {log}", "error": None}
    assert (result["server"]["control_mode"], result["server"]["control_mode_source"]) == ("poll", f"the log {log}")


def test_a_service_without_systemd_is_no_failure(ask, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    result = ask(service="triton.service")
    assert result["log"]["source"] == "the journal of triton.service"
    assert "systemctl does not answer" in result["log"]["error"]


def test_names_that_are_not_utf_8(ask, server, models):
    models.model(b"odd-\xff".decode("utf-8", "surrogateescape"))
    assert "odd-\ufffd" in by_name(ask())


def test_a_request_is_sent_only_where_it_is_asked_for(ask, server):
    server.models["on_gpu"].config = {**GPU, "input": [{"name": "I", "data_type": "TYPE_FP32", "dims": [1]}]}
    ask()
    assert not any(path.endswith("/infer") for _method, path, _body in server.calls)
    ask(probe=True, models=["on_gpu"])
    assert [path for _method, path, _body in server.calls if path.endswith("/infer")] == [
        "/v2/models/on_gpu/versions/1/infer"
    ]
