# SPDX-License-Identifier: GPL-3.0-or-later
"""All sources together: which of them counts for what, and which models are told of."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config.change import parse as parse_config
from ansible_collections.inference.triton.plugins.module_utils._repository.discovery import RepositoryError
from ansible_collections.inference.triton.plugins.module_utils._server.errors import ServerError
from ansible_collections.inference.triton.plugins.module_utils._server.triton import Metadata, Triton
from ansible_collections.inference.triton.plugins.module_utils._verification import journal, verify
from ansible_collections.inference.triton.plugins.module_utils._verification.options import completed, parse
from ansible_collections.inference.triton.plugins.module_utils._verification.process import RunningProcess
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._server.servers import FakeModel, FakeTriton

CPU = {"backend": "onnxruntime", "instance_group": [{"name": "x", "kind": "KIND_CPU", "count": 2, "gpus": []}]}
ON_CPU = b'backend: "onnxruntime" instance_group { kind: KIND_CPU }\n'
ON_GPU = b'backend: "onnxruntime" instance_group { kind: KIND_GPU }\n'
ENSEMBLE = b"""platform: "ensemble"
input { name: "I" data_type: TYPE_FP32 dims: 1 } output { name: "O" data_type: TYPE_FP32 dims: 1 }
ensemble_scheduling { step { model_name: "step" model_version: -1
  input_map { key: "I" value: "I" } output_map { key: "O" value: "O" } } }
"""


@pytest.fixture
def server():
    started = FakeTriton({"a": FakeModel(CPU), "b": FakeModel(CPU)})
    yield started
    started.close()


@pytest.fixture
def request_for(server, repository):
    repository.model("a", ON_CPU)
    repository.model("b", ON_CPU)

    def make(**options):
        defaults = {"url": server.url, "metrics_url": server.metrics_url, "repositories": [repository.path], "gpus": []}
        return parse(completed({**defaults, **options}))

    return make


@pytest.fixture
def found(request_for):
    return lambda **options: verify.verify(request_for(**options))


def names(verification):
    return [model.name for model in verification.proof.models]


def test_models_that_are_not_asked_for_are_compared_and_not_told_of(found, repository, server):
    repository.model("step", ON_GPU)
    repository.model("pipeline", ENSEMBLE)
    server.models["step"] = FakeModel(CPU)
    server.models["pipeline"] = FakeModel({**parse_config(ENSEMBLE).data, "instance_group": []})
    everything, one = found(), found(models=["pipe*"])
    assert names(everything) == ["a", "b", "pipeline", "step"]
    assert everything.proof.pending == ["step"]
    assert (names(one), one.proof.pending) == (["pipeline"], [])
    assert one.graded(["contradicted"]) == ["pipeline"]
    assert "step_contradicted" in "\n".join(one.report())


def test_what_is_returned_can_be_printed(found, repository):
    repository.model(b"odd-\xff".decode("utf-8", "surrogateescape"), ON_CPU)
    verification = found()
    text = (
        repr(verification.as_result())
        + "\n".join(verification.report())
        + "".join(verification.graded(["contradicted"]))
    )
    text.encode()
    assert "odd-\ufffd" in verification.graded(["contradicted"])


RUNNING = RunningProcess(7, 1790000000.0, {"model-control-mode": ["explicit"]})
LOG = journal.ServerLog("the log", None, None, "poll")


@pytest.mark.parametrize(
    ("running", "log", "mode", "source", "started_at"),
    [
        (RUNNING, LOG, "explicit", "the command line of process 7", 1790000000.0),
        (None, LOG, "poll", "the log", None),
        (RUNNING._replace(options=None), LOG, "poll", "the log", 1790000000.0),
        (RUNNING, journal.ServerLog(), "explicit", "the command line of process 7", 1790000000.0),
        (None, journal.ServerLog("the log", error="no"), None, "", None),
        (None, journal.ServerLog(), None, "", None),
    ],
)
def test_where_the_control_mode_and_the_start_are_from(found, monkeypatch, running, log, mode, source, started_at):
    monkeypatch.setattr(verify.process, "find", lambda *_arguments: running)
    monkeypatch.setattr(verify.journal, "of_unit", lambda _unit: log)
    seen = found(service="triton.service").proof.server
    assert (seen.control_mode, seen.control_mode_source, seen.started_at) == (mode, source, started_at)
    assert (seen.log_source, seen.log_error) == (log.source, log.error)


def test_a_file_is_read_instead_of_the_journal(found, monkeypatch, tmp_path):
    (tmp_path / "log").write_text("| model_control_mode | MODE_EXPLICIT |\n")
    monkeypatch.setattr(verify.journal, "of_unit", lambda _unit: pytest.fail("the journal was read"))
    seen = found(service="triton.service", server_log=str(tmp_path / "log")).proof.server
    assert (seen.control_mode, seen.log_source) == ("explicit", f"the log {tmp_path / 'log'}")


def test_a_server_that_has_other_options_is_a_warning(found, monkeypatch):
    running = RunningProcess(7, None, {"model-config-name": ["h100"]})
    monkeypatch.setattr(verify.process, "find", lambda *_arguments: running)
    assert any("--model-config-name=h100" in warning for warning in found().warnings)
    assert not any("h100" in warning for warning in found(config_name="h100").warnings if "process" in warning)


def test_the_control_mode_is_never_asked_for(found, server):
    found()
    assert server.changes() == []


def test_no_request_is_sent_to_models_that_are_not_asked_for(found, server):
    gpu = {"backend": "x", "instance_group": [{"kind": "KIND_GPU", "gpus": [0]}]}
    gpu["input"] = [{"name": "I", "data_type": "TYPE_FP32", "dims": [1]}]
    for name in ("a", "b"):
        server.models[name].config = gpu
    assert list(found(probe=True, models=["b"]).proof.server.probes) == ["b"]
    asked = [path for _method, path, _body in server.calls if path.endswith("/infer")]
    assert asked == ["/v2/models/b/versions/1/infer"]


def test_a_server_that_starts_is_waited_for_and_the_files_are_read_then(request_for, repository, monkeypatch):
    attempts = []

    def metadata(self):
        attempts.append(1)
        if len(attempts) < 3:
            raise ServerError("refused", "http://x", "nothing accepts connections there.", "Wait.")
        if len(attempts) == 3:
            repository.model("c", ON_CPU)
        return Metadata("triton", "2.51.0", [])

    monkeypatch.setattr(Triton, "metadata", metadata)
    assert names(verify.verify(request_for(startup_timeout=10.0))) == ["a", "b", "c"]


def test_a_server_that_is_down_is_not_waited_for_longer_than_is_said(found):
    with pytest.raises(ServerError) as raised:
        found(url="http://127.0.0.1:1", startup_timeout=0.1)
    assert raised.value.kind == "refused"


def test_a_repository_that_is_not_there(found):
    with pytest.raises(RepositoryError, match="/nowhere"):
        found(repositories=["/nowhere"])
