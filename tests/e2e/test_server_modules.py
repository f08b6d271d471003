# SPDX-License-Identifier: GPL-3.0-or-later
"""server_info and model against the real tritonserver: its control modes, its failures, and what stands before it.

The GPUs and the backend are stand-ins: `tests/standin_cuda` says what that proves and what it does not.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.inference.triton.plugins.modules import model, server_info
from ansible_collections.inference.triton.tests.standin_cuda.server import Host, Library, Model, build, write
from tritonserver import Server

from .conftest import ENSEMBLE, Playbook, index
from .reverse_proxy import Proxy

EXPLICIT = ("--model-control-mode=explicit", "--load-model=*")
TWO_GPUS = Host(("8.0", "8.0"))
TENSORS = 'input { name: "IN" data_type: TYPE_FP32 dims: 1 } output { name: "OUT" data_type: TYPE_FP32 dims: 1 }\n'
PLAIN = 'backend: "null"\nmax_batch_size: 0\n' + TENSORS
GPU = PLAIN + "instance_group [ { kind: KIND_GPU } ]\n"
CPU = PLAIN + "instance_group [ { kind: KIND_CPU } ]\n"
BROKEN = 'backend: "null"\nmax_batch_sise: 8\n'
SLOW_PY = """\
import time
class TritonPythonModel:
    def initialize(self, args):
        time.sleep({seconds})
    def execute(self, requests):
        raise NotImplementedError("no test sends a request")
"""
SLOW = 'backend: "python"\nmax_batch_size: 0\n' + TENSORS


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return build(tmp_path_factory.mktemp("library"))


class Workplace:
    """Servers over one repository, and the modules for them: as tasks, and run at once in this process."""

    def __init__(self, home: Path, library: Library, run_module: Callable[..., Any]) -> None:
        self.run_module = run_module
        self.home = home
        self.library = library
        self.models = home / "repository"
        self.models.mkdir()
        self.servers: list[Server] = []

    def add(self, **models: str | None) -> None:
        write(self.models, {name: Model(config) for name, config in models.items()}, self.library)

    def add_slow(self, name: str, seconds: int) -> None:
        (self.models / name / "1").mkdir(parents=True)
        (self.models / name / "1" / "model.py").write_text(SLOW_PY.format(seconds=seconds))
        (self.models / name / "config.pbtxt").write_text(SLOW)

    def config(self, name: str) -> Path:
        return self.models / name / "config.pbtxt"

    def start(self, *options: str, host: Host = TWO_GPUS) -> Server:
        state = self.home / f"server-{len(self.servers)}"
        state.mkdir()
        environment = host.environment(self.library)
        self.servers.append(Server.start(self.models, state=state, options=options, environment=environment))
        return self.servers[-1]

    def info(self, server: Server, **options: Any) -> dict[str, Any]:
        return {"inference.triton.server_info": self._info(server, options), "ignore_errors": True}

    def model(self, server: Server, *models: str, **options: Any) -> dict[str, Any]:
        return {"inference.triton.model": self._model(server, models, options), "ignore_errors": True}

    def info_now(self, server: Server, **options: Any) -> dict[str, Any]:
        result: dict[str, Any] = self.run_module(server_info, **self._info(server, options))
        return result

    def model_now(self, server: Server, *models: str, check: bool = False, **options: Any) -> dict[str, Any]:
        result: dict[str, Any] = self.run_module(model, check=check, **self._model(server, models, options))
        return result

    def _info(self, server: Server, options: Mapping[str, Any]) -> dict[str, Any]:
        return {**self._where(server), "repositories": [str(self.models)], **options}

    def _model(self, server: Server, models: Sequence[str], options: Mapping[str, Any]) -> dict[str, Any]:
        return {**self._where(server), "models": list(models), **options}

    @staticmethod
    def _where(server: Server) -> dict[str, str]:
        return {"url": server.url, "metrics_url": f"http://127.0.0.1:{server.metrics_port}/metrics"}


@pytest.fixture
def host(tmp_path: Path, library: Library, run_module: Callable[..., Any]) -> Iterator[Workplace]:
    made = Workplace(tmp_path, library, run_module)
    yield made
    for server in made.servers:
        server.stop(patience=0)


def by_name(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in result["models"]}


def loads(server: Server, model: str) -> int:
    """How often the server has begun to load a model."""
    return server.log_text().count(f'"loading: {model}:')


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def kill(server: Server) -> None:
    """Kill a server together with its Python stubs, which hold its connections open, as systemd would."""
    os.killpg(server.pid, signal.SIGKILL)

    def refuses() -> bool:
        try:
            socket.create_connection(("127.0.0.1", server.http_port), 1).close()
        except ConnectionRefusedError:
            return True
        except OSError:
            pass
        return False

    wait_for(refuses)


def test_what_a_server_says_of_itself_and_its_models(host: Workplace, playbook: Playbook) -> None:
    host.add(on_gpu=GPU, implicit=PLAIN, broken=BROKEN, needs_more=GPU.replace("KIND_GPU", "KIND_GPU gpus: [ 5 ]"))
    host.add(**{"odd +@name": CPU})
    (host.models / "empty").mkdir()
    host.config("empty").write_text(CPU)
    server = host.start(*EXPLICIT)
    before = server.log_text()

    (result,) = playbook.run(host.info(server))

    assert not result["failed"], result
    assert result["server"]["version"] == "2.51.0"
    assert "statistics" in result["server"]["extensions"]
    assert (result["live"], result["control_mode"]) == (True, None)
    models = by_name(result)
    (version,) = models["on_gpu"]["versions"]
    assert [(group["kind"], group["gpus"]) for group in version["config"]["instance_group"]] == [("KIND_GPU", [0, 1])]
    assert version["statistics"]["inference_count"] == 0
    assert models["implicit"]["versions"][0]["config"]["instance_group"][0]["kind"] == "KIND_GPU"
    assert "invalid or unsupported gpu id 5" in models["needs_more"]["reason"]
    assert {name: models[name]["hidden"] for name in result["hidden"]} == {
        "broken": "unreadable_config",
        "empty": "no_version",
    }
    assert "Did you mean 'max_batch_size'" in models["broken"]["findings"][0]["hint"]
    assert "does not read the name" in models["odd +@name"]["versions"][0]["config_error"]
    assert result["not_served"] == ["broken", "empty", "needs_more"]
    assert result["metrics"]["error"] is None
    assert server.log_text() == before, "nothing was asked that leaves a trace"


@pytest.mark.parametrize("mode", ["explicit", "poll", "none"])
def test_the_control_mode(host: Workplace, mode: str) -> None:
    host.add(a=CPU, b=CPU)
    server = host.start(f"--model-control-mode={mode}", *(["--load-model=a"] if mode == "explicit" else []))
    before = server.log_text()

    info = host.info_now(server)
    predicted = host.model_now(server, "b", check=True)
    loaded, again = (host.model_now(server, "b") for _number in range(2))
    reloaded = host.model_now(server, "b", state="reloaded")

    if mode == "explicit":
        assert info["control_mode"] == "explicit"
        assert by_name(info)["b"]["hidden"] == "not_loaded"
        assert [result["changed"] for result in (predicted, loaded, again, reloaded)] == [True, True, False, False]
        assert loads(server, "b") == 1
    else:
        assert info["control_mode"] == "none_or_poll"
        assert not any(result["changed"] for result in (predicted, loaded, again))
        assert reloaded["failed"]
        assert "--model-control-mode=explicit" in reloaded["msg"]
        assert server.log_text() == before


def test_loads_that_change_something_and_loads_that_do_not(host: Workplace) -> None:
    host.add(a=CPU)
    server = host.start(*EXPLICIT)
    tensor = {"data_type": "TYPE_FP32", "dims": [1]}
    override = {
        "backend": "null",
        "max_batch_size": 4,
        "input": [{"name": "IN", **tensor}],
        "output": [{"name": "OUT", **tensor}],
        "instance_group": [{"kind": "KIND_CPU", "count": 2}],
    }

    def reload(check: bool = False) -> dict[str, Any]:
        return host.model_now(server, "a", state="reloaded", repositories=[str(host.models)], check=check)

    unchanged = reload()
    assert not unchanged["changed"] and unchanged["models"][0]["certain"] is False
    overridden = host.model_now(server, "a", configs={"a": override})
    assert overridden["changed"] and overridden["models"][0]["evidence"] == ["config"]
    assert not host.model_now(server, "a", configs={"a": override})["changed"]
    sticks = reload()
    assert not sticks["changed"]
    assert "another configuration than the file says: a (max_batch_size). Either" in sticks["warnings"][0]

    host.config("a").write_text(CPU.replace("KIND_CPU", "KIND_CPU count: 3"))
    assert [reload(check=True)["changed"], reload()["changed"], reload()["changed"]] == [True, True, False]

    host.config("a").write_text(CPU.replace("KIND_CPU", "KIND_CPU gpus: [ 0 ]"))
    failed = reload()
    assert failed["failed"] and not failed["changed"]
    assert "has kind KIND_CPU but specifies one or more GPUs. What was loaded before serves on." in failed["msg"]
    assert failed["models"][0]["state"] == "READY"

    host.config("a").write_text(BROKEN)
    broken = reload()
    assert "What was loaded before serves on.\n" + f"{host.config('a')}:2:1: ModelConfig has no field" in broken["msg"]

    host.config("a").write_text(CPU)
    assert reload()["changed"]
    (host.models / "a" / "1" / "weights.bin").write_bytes(b"new")
    assert not reload()["changed"], "a full reload of the same configuration leaves no trace on this server"
    assert "successfully unloaded 'a'" in server.log_text()


def test_failures_of_some_and_success_of_others(host: Workplace) -> None:
    host.add(good=CPU, broken=BROKEN, on_gpu=GPU)
    server = host.start("--model-control-mode=explicit", host=Host())

    result = host.model_now(server, "broken", "on_gpu", "typo", "good", repositories=[str(host.models)])

    assert result["failed"] and result["changed"]
    assert result["msg"].startswith("3 of 4 models could not be loaded.")
    assert f"{host.config('broken')}:2:1: ModelConfig has no field 'max_batch_sise'." in result["msg"]
    assert "has kind KIND_GPU but no GPUs are available" in result["msg"]
    assert "There is no such model in 'repositories'" in result["msg"]
    assert [entry["state"] for entry in result["models"]] == [None, "UNAVAILABLE", None, "READY"]


def test_ensembles(host: Workplace) -> None:
    host.add(a=CPU, b=CPU)
    (host.models / "pipeline" / "1").mkdir(parents=True)
    host.config("pipeline").write_text(ENSEMBLE % "a")
    server = host.start("--model-control-mode=explicit")

    assert host.model_now(server, "pipeline", "b")["also_changed"] == ["a"]
    info = host.info_now(server)
    assert info["control_mode"] is None and "ensembles" in info["control_mode_unknown"]
    assert by_name(info)["pipeline"]["versions"][0]["config"]["instance_group"] == []
    assert host.info_now(server, probe_control_mode="always")["control_mode"] == "explicit"

    assert host.model_now(server, "pipeline", state="unloaded")["also_changed"] == []
    assert host.model_now(server, "pipeline")["changed"]
    both = host.model_now(server, "pipeline", state="unloaded", unload_dependents=True)
    assert both["also_changed"] == ["a"]
    assert {entry["name"]: entry["state"] for entry in index(server).values()} == {
        "a": "UNAVAILABLE",
        "b": "READY",
        "pipeline": "UNAVAILABLE",
    }


def test_a_link_that_leads_nowhere_takes_the_index_away(host: Workplace) -> None:
    host.add(a=CPU)
    server = host.start(*EXPLICIT)
    (host.models / "gone").symlink_to("/does/not/exist")
    for result in (host.info_now(server, repositories=[]), host.model_now(server, "a")):
        assert result["failed"]
        assert f"failed to stat file {host.models}/gone" in result["msg"]
        assert "Look for a link in a model repository that leads nowhere" in result["msg"]


def test_a_restricted_api(host: Workplace, playbook: Playbook) -> None:
    host.add(a=CPU)
    server = host.start(*EXPLICIT, "--http-restricted-api=model-repository,model-config:admin-key=s3cret-of-mine")
    key = {"admin-key": "s3cret-of-mine"}

    results = playbook.run(
        host.info(server),
        host.model(server, "a"),
        host.info(server, headers={"admin-key": "s3cret-of-yours"}),
        host.info(server, headers=key),
        host.model(server, "a", headers=key, state="reloaded"),
        options=("-vvv",),
    )

    for refused in results[:3]:
        assert refused["failed"]
        assert "expecting header 'admin-key'" in refused["msg"]
    assert not any(result["failed"] for result in results[3:])
    assert results[3]["control_mode"] == "explicit"
    for secret in ("s3cret-of-mine", "s3cret-of-yours"):
        assert secret not in json.dumps(results) + playbook.output


def test_a_reverse_proxy_with_tls(host: Workplace, tmp_path: Path) -> None:
    host.add(a=CPU)
    host.add_slow("slow", 3)
    server = host.start("--model-control-mode=explicit", "--load-model=a")
    with Proxy(tmp_path / "proxy", server.url) as proxy:
        ca = {"ca_path": str(proxy.home / "ca.pem")}
        client = {"client_cert": str(proxy.home / "client.pem"), "client_key": str(proxy.home / "client.key")}

        def at(path: str, **options: Any) -> dict[str, Any]:
            return host.info_now(server, url=proxy.url + path, **options)

        trusted = at("/triton", **ca, **client)
        assert trusted["control_mode"] == "explicit", trusted
        assert trusted["models"] == at("/triton/", validate_certs=False, **client)["models"]

        for other_ca in ({}, {"ca_path": str(proxy.home / "stranger" / "ca.pem")}):
            refused = at("/triton", **other_ca, **client)["msg"]
            assert "the certificate of the server is not accepted" in refused and "'ca_path'" in refused
        anonymous = at("/triton", **ca)["msg"]
        assert "HTTP 401" in anonymous and "401 Authorization Required" in anonymous
        plain = host.info_now(server, url=f"http://127.0.0.1:{proxy.port}/triton")["msg"]
        assert "The plain HTTP request was sent to HTTPS port" in plain
        assert "a redirect to https://elsewhere.example.com/" in at("/moved", **ca)["msg"]
        wrong = at("/elsewhere", **ca)["msg"]
        assert "HTTP 404" in wrong and "nginx" in wrong

        hasty = host.model_now(server, "slow", url=proxy.url + "/hasty", **ca)
        assert hasty["changed"] and hasty["models"][0]["state"] == "READY", hasty
        assert loads(server, "slow") == 1, "the request was not sent again"

        kill(server)
        dead = at("/triton", **ca, **client)["msg"]
        assert "HTTP 502 (Bad Gateway)" in dead and "startup_timeout" in dead


def test_a_server_that_is_still_loading(host: Workplace, playbook: Playbook) -> None:
    host.add_slow("slow", 3)
    server = host.start()
    kill(server)
    assert "nothing accepts connections there" in host.info_now(server)["msg"]

    restart = threading.Thread(target=server.restart)
    restart.start()
    (patient,) = playbook.run(host.info(server, startup_timeout=60))
    restart.join()
    assert by_name(patient)["slow"]["served"], patient


def test_a_server_that_dies_while_it_loads(host: Workplace, playbook: Playbook) -> None:
    host.add(a=CPU)
    host.add_slow("slow", 60)
    server = host.start("--model-control-mode=explicit")
    process = playbook.start(host.model(server, "a", "slow"), host.info(server))
    wait_for(lambda: index(server)["slow"].get("state") == "LOADING")
    during = host.info_now(server)
    kill(server)
    playbook.output, _ = process.communicate(timeout=60)
    died, after = json.loads(playbook.results.read_text())

    assert by_name(during)["slow"]["state"] == "LOADING"
    assert "That was the request to load 'slow'. Then" in died["msg"]
    assert "Of 2 models, 1 were done before." in died["msg"]
    assert "nothing accepts connections there" in after["msg"]


def test_five_hundred_models_in_one_task(host: Workplace, playbook: Playbook, library: Library) -> None:
    names = [f"model_{number:03}" for number in range(500)]
    only_null = library._replace(backends={"null": library.backends["null"]})
    write(host.models, dict.fromkeys(names, Model(CPU)), only_null)
    server = host.start("--model-control-mode=explicit", host=Host())
    tensors = {"data_type": "TYPE_FP32", "dims": [1]}
    configs = {
        name: {
            "backend": "null",
            "max_batch_size": number + 1,
            "input": [{"name": "IN", **tensors}],
            "output": [{"name": "OUT", **tensors}],
            "instance_group": [{"kind": "KIND_CPU"}],
        }
        for number, name in enumerate(names)
    }

    loaded, again, info = playbook.run(
        host.model(server, *names, configs=configs),
        host.model(server, *names, configs=configs),
        host.info(server, gather=["config"]),
    )

    assert loaded["changed"] and len(loaded["models"]) == 500
    assert not again["changed"]
    assert info["counts"]["served"] == 500
    sizes = [entry["versions"][0]["config"]["max_batch_size"] for entry in info["models"]]
    assert sizes == list(range(1, 501))
