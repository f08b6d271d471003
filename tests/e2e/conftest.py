# SPDX-License-Identifier: GPL-3.0-or-later
"""The real tritonserver, repositories for it, and ansible-playbook. A server that cannot be had fails the tests."""

from __future__ import annotations

import json
import os
import py_compile
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.inference.triton.tests.unit.plugins.modules.conftest import run as run_module  # noqa: F401
from tritonserver import Server

# What the tests say must be true on a machine with GPUs too.
NO_GPU = {"CUDA_VISIBLE_DEVICES": ""}

MODEL = """\
class TritonPythonModel:
    @staticmethod
    def auto_complete_config(config):
        config.set_max_batch_size(0)
        config.add_input({"name": "IN", "data_type": "TYPE_FP32", "dims": [1]})
        config.add_output({"name": "OUT", "data_type": "TYPE_FP32", "dims": [1]})
        return config

    def execute(self, requests):
        raise NotImplementedError("no test sends a request")
"""

ENSEMBLE = """\
platform: "ensemble"
max_batch_size: 0
input [ { name: "IN" data_type: TYPE_FP32 dims: [ 1 ] } ]
output [ { name: "OUT" data_type: TYPE_FP32 dims: [ 1 ] } ]
ensemble_scheduling {
  step [
    {
      model_name: "%s"
      model_version: -1
      input_map { key: "IN" value: "IN" }
      output_map { key: "OUT" value: "OUT" }
    }
  ]
}
"""


class Repository:
    """A model repository on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()

    def add(self, name: str, config: str | None = 'backend: "python"\n') -> Path:
        """A Python model; gives the path of its config.pbtxt, which does not exist where ``config`` is None."""
        version = self.path / name / "1"
        version.mkdir(parents=True)
        model = version / "model.py"
        model.write_text(MODEL)
        # Python would write this file on the first load, and a polling server would take that for a change.
        py_compile.compile(str(model))
        return self._config(name, config)

    def add_ensemble(self, name: str, step: str) -> Path:
        (self.path / name / "1").mkdir(parents=True)
        return self._config(name, ENSEMBLE % step)

    def files(self) -> dict[str, bytes]:
        """Every file below the repository."""
        return {str(file.relative_to(self.path)): file.read_bytes() for file in self.path.rglob("*") if file.is_file()}

    def _config(self, name: str, config: str | None) -> Path:
        path = self.path / name / "config.pbtxt"
        if config is not None:
            path.write_bytes(config.encode())
        return path


class Playbook:
    """Runs tasks through ansible-playbook on localhost."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.output = ""

    def start(self, *tasks: dict[str, Any], options: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        number = len(list(self.directory.glob("*.json")))
        playbook = self.directory / f"playbook-{number}.json"
        self.results = self.directory / f"results-{number}.json"
        registered = [{**task, "register": f"result_{index}"} for index, task in enumerate(tasks)]
        names = ", ".join(f"result_{index}" for index in range(len(tasks)))
        content = "{{ [" + names + "] | to_json }}"
        keep = {
            "ansible.builtin.copy": {"content": content, "dest": str(self.results), "mode": "0600"},
            "check_mode": False,
            "diff": False,
        }
        playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [*registered, keep]}]))
        command = ["ansible-playbook", str(playbook), *options]
        quiet = {"ANSIBLE_LOCALHOST_WARNING": "False", "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False"}
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **quiet},
            start_new_session=True,
        )

    def run(self, *tasks: dict[str, Any], options: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        """The results of the tasks. Fails the test if one of them fails, unless it ignores its errors."""
        process = self.start(*tasks, options=options)
        self.output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, self.output
        results: list[dict[str, Any]] = json.loads(self.results.read_text())
        return results


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "models")


@pytest.fixture
def playbook(tmp_path: Path) -> Playbook:
    directory = tmp_path / "playbooks"
    directory.mkdir()
    return Playbook(directory)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start a tritonserver over a repository; it is stopped after the test."""
    servers: list[Server] = []

    def start_server(repository: Repository, *options: str) -> Server:
        state = tmp_path / f"server-{len(servers)}"
        state.mkdir()
        servers.append(Server.start(repository.path, state=state, options=options, environment=NO_GPU))
        return servers[-1]

    yield start_server
    for server in servers:
        server.stop()


def kinds(server: Server, model: str) -> list[tuple[str, int]]:
    """Kind and count of the instance groups that the server runs a model with."""
    status, config = server.request("GET", f"/v2/models/{model}/config")
    assert status == 200, config
    return [(group["kind"], group["count"]) for group in config["instance_group"]]


def index(server: Server) -> dict[str, dict[str, Any]]:
    """The server's repository index, by model."""
    status, entries = server.request("POST", "/v2/repository/index", {})
    assert status == 200, entries
    return {entry["name"]: entry for entry in entries}


def policy_task(repository: Repository, *rules: dict[str, Any], **options: Any) -> dict[str, Any]:
    arguments = {"repositories": [str(repository.path)], "policy": {"rules": list(rules)}, **options}
    return {"inference.triton.instance_group_policy": arguments}
