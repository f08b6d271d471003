# SPDX-License-Identifier: GPL-3.0-or-later
"""placement_info against the real tritonserver: what it proves, and everything that is to contradict it.

The GPUs and the backend are stand-ins: `tests/standin_cuda` says what that proves and what it does not. The backend
names each instance in the log of the server, as real ones do; it computes nothing.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.inference.triton.plugins.modules import placement_info
from ansible_collections.inference.triton.tests.standin_cuda.server import Host, Library, Model, build, write
from tritonserver import Server

from .conftest import ENSEMBLE, Playbook, index

EXPLICIT = ("--model-control-mode=explicit", "--load-model=*")
A100 = {"name": "A100", "compute_capability": "8.0"}
TENSORS = 'input { name: "IN" data_type: TYPE_FP32 dims: 1 } output { name: "OUT" data_type: TYPE_FP32 dims: 1 }\n'
PLAIN = 'backend: "null"\nmax_batch_size: 0\n' + TENSORS
GPU = PLAIN + "instance_group [ { kind: KIND_GPU } ]\n"
CPU = PLAIN + "instance_group [ { kind: KIND_CPU } ]\n"
PYTHON = 'backend: "python"\nmax_batch_size: 0\n' + TENSORS
SLOW_PY = """\
import time
class TritonPythonModel:
    def initialize(self, args):
        time.sleep(5)
    def execute(self, requests):
        raise NotImplementedError("no test sends a request")
"""
ON_GPU = {"name": "on the GPU", "instance_group": [{"kind": "KIND_GPU"}], "level": "kind"}
POLICY = {"rules": [ON_GPU]}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return build(tmp_path_factory.mktemp("library"))


class Place:
    """A server over one repository, on a host with as many GPUs as a test wants."""

    def __init__(self, home: Path, library: Library, run_module: Callable[..., Any]) -> None:
        self.home = home
        self.library = library
        self.run_module = run_module
        self.models = home / "repository"
        self.models.mkdir()
        self.gpus = 2
        self.more: list[Path] = []
        self.server: Server | None = None

    def add(self, **models: str | None) -> None:
        write(self.models, {name: Model(config) for name, config in models.items()}, self.library)

    def add_python(self, name: str, config: str) -> None:
        write(self.models, {name: Model(config, python=True)}, self.library)

    def config(self, name: str) -> Path:
        return self.models / name / "config.pbtxt"

    def start(self, *options: str, gpus: int = 2) -> Server:
        self.gpus = gpus
        state = self.home / "server"
        state.mkdir()
        environment = Host(("8.0",) * gpus).environment(self.library)
        self.server = Server.start([self.models, *self.more], state=state, options=options, environment=environment)
        return self.server

    def options(self, **options: Any) -> dict[str, Any]:
        assert self.server
        return {
            "url": self.server.url,
            "metrics_url": f"http://127.0.0.1:{self.server.metrics_port}/metrics",
            "repositories": [str(self.models)],
            "gpus": [A100] * self.gpus,
            "server_log": str(self.server.state / "server.log"),
            **options,
        }

    def look(self, without: tuple[str, ...] = (), **options: Any) -> dict[str, Any]:
        arguments = {name: value for name, value in self.options(**options).items() if name not in without}
        result: dict[str, Any] = self.run_module(placement_info, **arguments)
        assert not result.get("failed"), result["msg"]
        return result

    def load(self, name: str, config: dict[str, Any] | None = None) -> int:
        assert self.server
        body = {} if config is None else {"parameters": {"config": json.dumps(config)}}
        return self.server.request("POST", f"/v2/repository/models/{name}/load", body)[0]


@pytest.fixture
def place(tmp_path: Path, library: Library, run_module: Callable[..., Any]) -> Iterator[Place]:
    made = Place(tmp_path, library, run_module)
    yield made
    if made.server:
        made.server.stop(patience=0)


def by_name(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in result["models"]}


def grades(result: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["grade"] for entry in result["models"]}


def problems(result: dict[str, Any], name: str) -> list[str]:
    return [problem["id"] for problem in by_name(result)[name]["problems"]]


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.1)


def test_models_that_are_where_they_should_be(place: Place) -> None:
    place.add(gpu=GPU, cpu=CPU)
    place.add_python("py", PYTHON + "instance_group [ { kind: KIND_GPU count: 1 } ]\n")
    server = place.start(*EXPLICIT)

    result = place.look()

    assert grades(result) == {"cpu": "proved", "gpu": "proved", "py": "consistent"}
    assert result["contradicted"] == [] and result["pending"] == []
    gpu = by_name(result)["gpu"]
    assert (gpu["expected"]["source"], gpu["expected"]["groups"]) == ("file", [{"kind": "KIND_GPU"}])
    (version,) = gpu["resolved"]
    assert version["groups"] == [{"name": "gpu_0", "kind": "KIND_GPU", "count": 1, "gpus": [0, 1]}]
    assert version["ready"] and version["state"] == "READY"
    assert any(evidence["independent"] for evidence in gpu["evidence"])
    assert result["server"]["control_mode"] == "explicit"
    assert str(server.pid) in result["server"]["control_mode_source"]
    assert result["server"]["started_at"].startswith("20")
    assert result["metrics_error"] is None
    assert result["log"] == {"source": f"the log {server.state / 'server.log'}", "error": None}


def test_without_the_log_nothing_independent_speaks_for_the_device(place: Place) -> None:
    place.add(gpu=GPU)
    place.start(*EXPLICIT)
    result = place.look(without=("server_log",))
    assert grades(result) == {"gpu": "consistent"}
    assert result["log"] == {"source": None, "error": None}


def test_the_other_format_of_the_log_and_a_log_of_several_starts(place: Place) -> None:
    place.add(m=CPU)
    server = place.start(*EXPLICIT, "--log-format=ISO8601")
    assert grades(place.look()) == {"m": "proved"}
    place.config("m").write_text(GPU)
    server.restart()
    assert grades(place.look()) == {"m": "proved"}
    (evidence,) = [item for item in by_name(place.look())["m"]["evidence"] if item["independent"]]
    assert evidence["id"] == "instance_log"


def test_a_silent_fallback(place: Place) -> None:
    place.add(bare=PLAIN, count=PLAIN + "instance_group [ { count: 2 } ]\n", cpu=CPU)
    place.start(*EXPLICIT, gpus=0)

    by_file, by_policy = place.look(), place.look(policy=POLICY)

    assert by_file["contradicted"] == ["bare", "count"]
    assert problems(by_file, "bare") == problems(by_file, "count") == ["silent_fallback"]
    assert by_name(by_file)["bare"]["served"], "it looks healthy to everybody else"
    assert by_policy["contradicted"] == ["bare", "count", "cpu"]
    assert by_name(by_policy)["cpu"]["status"] == "changed"


def test_a_model_that_is_on_the_gpu_by_luck_is_not_proved(place: Place) -> None:
    place.add(bare=PLAIN)
    place.start(*EXPLICIT)
    result = place.look()
    assert grades(result) == {"bare": "unproved"}
    assert problems(result, "bare") == ["undecided"]


def test_a_model_that_wants_a_gpu_that_is_not_there(place: Place) -> None:
    place.add(gpu=GPU, cpu=CPU)
    place.start(*EXPLICIT, gpus=0)
    result = place.look()
    assert result["contradicted"] == ["gpu"]
    assert problems(result, "gpu") == ["no_gpu"]
    assert "no GPUs are available" in by_name(result)["gpu"]["reason"]


def test_a_server_that_was_started_before_the_host_had_its_gpu(place: Place) -> None:
    place.add(bare=PLAIN)
    place.start(*EXPLICIT, gpus=0)
    place.gpus = 1
    assert problems(place.look(), "bare") == ["server_without_gpu"]


def test_an_update_in_place_that_failed(place: Place) -> None:
    place.add(m=CPU)
    place.start(*EXPLICIT, gpus=0)
    place.config("m").write_text(GPU)
    assert place.load("m") == 400

    result = place.look()

    assert problems(result, "m") == ["reload_failed"]
    model = by_name(result)["m"]
    assert "no GPUs are available" in model["problems"][0]["text"]
    assert [group["kind"] for group in model["resolved"][0]["groups"]] == ["KIND_CPU"]
    assert model["drift"]["file_server"] is True


def test_a_whole_reload_that_failed_leaves_no_trace_but_in_the_log(place: Place) -> None:
    place.add(m=CPU)
    server = place.start(*EXPLICIT, gpus=0)
    place.config("m").write_text(GPU.replace("max_batch_size: 0", "max_batch_size: 8"))
    assert place.load("m") == 400
    assert (index(server)["m"]["state"], index(server)["m"].get("reason")) == ("READY", None)

    assert problems(place.look(), "m") == ["reload_failed"]
    without = place.look(without=("server_log",))
    assert without["contradicted"] == ["m"]


def test_code_that_cannot_be_loaded_is_told_of_by_the_log_alone(place: Place) -> None:
    place.add_python("py", PYTHON + "instance_group [ { kind: KIND_CPU } ]\n")
    server = place.start(*EXPLICIT)
    (place.models / "py" / "1" / "model.py").write_text("this is no Python\n")
    assert place.load("py") == 400
    assert (index(server)["py"]["state"], index(server)["py"].get("reason")) == ("READY", None)

    result = place.look()

    (problem,) = by_name(result)["py"]["problems"]
    assert problem["id"] == "reload_failed"
    assert "SyntaxError" in problem["text"]
    assert "the index shows no failure" in problem["text"] and "stays in the index" not in problem["text"]


def test_a_configuration_of_a_request_sticks(place: Place) -> None:
    place.add(m=GPU)
    place.start(*EXPLICIT)
    time.sleep(1.1)  # files and logs tell the time to the second
    assert place.load("m", {"backend": "null", "instance_group": [{"kind": "KIND_CPU", "count": 1}]}) == 200
    assert place.load("m") == 200, "a plain load changes nothing"

    result = place.look()

    assert problems(result, "m") == ["override_sticks"]
    assert by_name(result)["m"]["pending"]


def test_a_file_that_was_edited_and_not_loaded(place: Place) -> None:
    place.add(gpu=CPU, ensemble=ENSEMBLE % "gpu")
    place.start(*EXPLICIT)
    time.sleep(1.1)
    place.config("gpu").write_text(GPU)

    result = place.look()

    assert problems(result, "gpu") == ["edited_not_loaded"]
    assert by_name(result)["gpu"]["drift"]["fields"]
    assert result["pending"] == ["gpu"]
    assert problems(result, "ensemble") == ["step_contradicted"]
    assert place.load("gpu") == 200
    assert place.look()["contradicted"] == []


def test_a_policy_that_was_not_applied(place: Place) -> None:
    place.add(gpu=GPU, cpu=CPU)
    place.start(*EXPLICIT)
    result = place.look(policy=POLICY)
    assert grades(result) == {"cpu": "contradicted", "gpu": "proved"}
    cpu = by_name(result)["cpu"]
    assert (cpu["status"], cpu["rule"], cpu["expected"]["source"]) == ("changed", "on the GPU", "policy")
    assert cpu["drift"]["policy_file"] is True and cpu["drift"]["file_server"] is False


def test_a_file_that_the_server_cannot_read(place: Place) -> None:
    place.add(broken='backend: "null"\nmax_batch_sise: 8\n', fine=CPU)
    place.start(*EXPLICIT)
    result = place.look()
    assert problems(result, "broken") == ["hidden_by_error"]
    assert f"{place.config('broken')}:2" in by_name(result)["broken"]["problems"][0]["text"]
    assert grades(result)["fine"] == "proved"


def test_a_model_whose_directory_is_gone_serves_on_and_is_not_in_the_index(place: Place) -> None:
    place.add(gone=CPU, fine=CPU)
    server = place.start(*EXPLICIT)
    shutil.rmtree(place.models / "gone")
    assert "gone" not in index(server)

    result = place.look()

    gone = by_name(result)["gone"]
    assert problems(result, "gone") == ["extra_model"]
    assert (gone["file"], gone["repository"], gone["expected"]["source"]) == (None, None, None)


def test_a_wrong_number_of_instances_and_wrong_devices(place: Place) -> None:
    place.add(count=GPU, devices=GPU)
    place.start(*EXPLICIT)
    rules = [
        {
            "name": "two of them",
            "match": {"models": ["count"]},
            "instance_group": [{"kind": "KIND_GPU", "count": 2}],
            "level": "exact",
        },
        {"name": "the second", "instance_group": [{"kind": "KIND_GPU", "gpus": [1]}], "level": "exact"},
    ]
    result = place.look(policy={"rules": rules})
    assert "wrong_count" in problems(result, "count")
    assert "wrong_devices" in problems(result, "devices")
    assert result["contradicted"] == ["count", "devices"]


def test_every_version_that_is_to_serve(place: Place) -> None:
    text = GPU + "version_policy { all { } }\n"
    write(place.models, {"m": Model(text, versions=("1", "3"))}, place.library)
    place.start(*EXPLICIT)
    result = place.look()
    assert grades(result) == {"m": "proved"}
    model = by_name(result)["m"]
    assert model["expected"]["versions"] == ["1", "3"]
    assert [version["version"] for version in model["resolved"]] == ["1", "3"]

    shutil.copytree(place.models / "m" / "3", place.models / "m" / "4")
    assert problems(place.look(), "m") == ["old_version_serves"]


def test_an_ensemble_is_as_good_as_its_steps(place: Place) -> None:
    place.add(proved=GPU, fallen=PLAIN, good=ENSEMBLE % "proved", bad=ENSEMBLE % "fallen")
    place.start(*EXPLICIT, gpus=0)
    result = place.look(models=["good", "bad"])
    assert sorted(by_name(result)) == ["bad", "good"]
    assert grades(result)["bad"] == "contradicted"
    assert problems(result, "bad") == ["step_contradicted"]


def test_a_server_that_polls(place: Place) -> None:
    place.add(m=CPU)
    server = place.start("--model-control-mode=poll", "--repository-poll-secs=1", gpus=1)
    assert place.look()["server"]["control_mode"] == "poll"
    time.sleep(1.1)
    place.config("m").write_text(GPU)
    wait_for(lambda: grades(place.look()) == {"m": "proved"})
    place.config("m").write_text(GPU.replace("KIND_GPU", "KIND_GPU gpus: [7]"))
    wait_for(lambda: "gpu id 7" in index(server)["m"].get("reason", ""))
    result = place.look()
    assert problems(result, "m") == ["reload_failed"]


def test_models_that_nobody_has_loaded(place: Place) -> None:
    place.add(loaded=GPU, main=GPU, side=GPU)
    server = place.start("--model-control-mode=explicit", "--load-model=loaded")
    server.request("POST", "/v2/repository/models/loaded/unload", {})
    wait_for(lambda: index(server)["loaded"]["state"] == "UNAVAILABLE")

    result = place.look(policy={**POLICY, "critical": [{"models": ["main", "loaded"]}]})

    assert grades(result) == {"loaded": "contradicted", "main": "contradicted", "side": "unproved"}
    assert problems(result, "main") == ["not_loaded"]
    assert problems(result, "loaded") == ["unloaded"]
    assert result["critical_contradicted"] == ["loaded", "main"]
    assert result["counts"]["not_served"] == 3


def test_a_model_that_is_being_loaded(place: Place) -> None:
    place.add(fine=CPU)
    place.add_python("slow", PYTHON + "instance_group [ { kind: KIND_CPU } ]\n")
    (place.models / "slow" / "1" / "model.py").write_text(SLOW_PY)
    server = place.start("--model-control-mode=explicit", "--load-model=fine")
    loading = threading.Thread(target=lambda: place.load("slow"))
    loading.start()
    # An index that is asked for in the same moment is answered after the load.
    wait_for(lambda: '"loading: slow:1"' in server.log_text())
    wait_for(lambda: index(server)["slow"].get("state") == "LOADING")

    result = place.look()

    assert (grades(result)["slow"], problems(result, "slow")) == ("unproved", ["busy"])
    assert by_name(result)["slow"]["resolved"][0]["ready"] is False
    loading.join()
    assert grades(place.look()) == {"fine": "proved", "slow": "consistent"}


def test_the_file_that_a_server_with_a_config_name_reads(place: Place) -> None:
    place.add(m=CPU, n=CPU)
    (place.models / "m" / "configs").mkdir()
    (place.models / "m" / "configs" / "h100.pbtxt").write_text(GPU)
    place.start("--model-config-name=h100", gpus=1)

    result = place.look(config_name="h100")
    assert grades(result) == {"m": "proved", "n": "proved"}
    assert by_name(result)["m"]["file"].endswith("configs/h100.pbtxt")

    mistaken = place.look()
    assert mistaken["contradicted"] == ["m"]
    assert any("--model-config-name=h100" in warning for warning in mistaken["warnings"])


def test_a_model_in_two_repositories_is_in_none(place: Place) -> None:
    place.add(m=CPU, n=CPU)
    second = place.home / "second"
    write(second, {"m": Model(CPU)}, place.library)
    place.more = [second]
    place.start(*EXPLICIT)
    result = place.look(repositories=[str(place.models), str(second)])
    assert [(model["name"], model["grade"]) for model in result["models"]] == [
        ("m", "contradicted"),
        ("m", "contradicted"),
        ("n", "proved"),
    ]
    assert problems(result, "m") == ["ambiguous_name"]


def test_a_server_that_is_down(place: Place) -> None:
    place.add(m=CPU)
    server = place.start()
    options = place.options()
    server.stop(patience=0)
    result = place.run_module(placement_info, **options)
    assert result["failed"] and "nothing accepts connections there" in result["msg"]
    assert result["server_error"]["kind"] == "refused"
    assert server.url in result["server_error"]["url"]
    assert "models" not in result


def test_an_api_that_is_restricted_fails_rather_than_hiding_a_model(place: Place) -> None:
    place.add(m=CPU)
    place.start("--http-restricted-api=model-config,statistics:admin-key=k")
    result = place.run_module(placement_info, **place.options())
    assert result["failed"] and result["server_error"]["kind"] == "restricted"
    assert grades(place.look(headers={"admin-key": "k"})) == {"m": "proved"}


def test_a_request_moves_the_counters(place: Place) -> None:
    place.add_python("py", PYTHON + "instance_group [ { kind: KIND_GPU } ]\n")
    place.add(cpu=CPU)
    server = place.start(*EXPLICIT, gpus=1)

    quiet, probed = place.look(), place.look(probe=True)

    assert problems(quiet, "py") == []
    assert problems(probed, "py") == ["probe_failed"], "the model answers no request"
    assert "no test sends a request" in by_name(probed)["py"]["problems"][0]["text"]
    assert grades(probed) == {"cpu": "proved", "py": "consistent"}
    statistics = server.request("GET", "/v2/models/stats")[1]["model_stats"]
    failures = {row["name"]: row["inference_stats"]["fail"]["count"] for row in statistics}
    assert failures.get("py") == 1 and not failures.get("cpu")


def test_a_task_may_fail_on_grades_and_changes_nothing(place: Place, playbook: Playbook) -> None:
    place.add(bare=PLAIN, cpu=CPU)
    place.start(*EXPLICIT, gpus=0)
    before = {path: path.stat().st_mtime for path in place.models.rglob("*")}
    task = {"inference.triton.placement_info": place.options()}
    failing = {"inference.triton.placement_info": place.options(fail_on=["contradicted"]), "ignore_errors": True}

    told, failed = playbook.run(task, failing)
    in_check_mode = playbook.run(task, options=("--check",))[0]

    assert not told["changed"]
    assert failed["failed"] and "bare" in failed["msg"]
    for result in (failed, in_check_mode):
        assert result["models"] == told["models"] and result["report"] == told["report"]
    assert {path: path.stat().st_mtime for path in place.models.rglob("*")} == before


def test_a_thousand_models_in_one_call(place: Place) -> None:
    place.add(**{f"model_{number:04}": GPU if number % 2 else CPU for number in range(1000)})
    place.start(*EXPLICIT, gpus=1)
    started = time.monotonic()
    result = place.look(policy={"rules": [{**ON_GPU, "level": "explicit"}]})
    print(f"1,000 models: {time.monotonic() - started:.2f} s")
    assert result["counts"]["proved"] == 1000
    assert (result["counts"]["on_gpu"], result["counts"]["on_cpu"]) == (500, 500)
