# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts for the role placement: each is this machine with a real tritonserver of its own on loopback.

The GPUs and the backend of the models are stand-ins: `tests/standin_cuda` says what that proves and what it does not.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.inference.triton.tests.standin_cuda.server import Host, Library, Model, write
from tritonserver import Server

QUIET = {"ANSIBLE_LOCALHOST_WARNING": "False", "COLUMNS": "1000", "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_NOCOLOR": "1"}
TENSORS = 'input { name: "IN" data_type: TYPE_FP32 dims: 1 } output { name: "OUT" data_type: TYPE_FP32 dims: 1 }\n'
PLAIN = 'backend: "null"\nmax_batch_size: 0\n' + TENSORS
CPU = PLAIN + "instance_group [ { kind: KIND_CPU count: 1 } ]\n"
GPU = PLAIN + "instance_group [ { kind: KIND_GPU } ]\n"
EXPLICIT = ("--model-control-mode=explicit", "--load-model=*")
POLL = ("--model-control-mode=poll", "--repository-poll-secs=1")
ON_GPU: dict[str, Any] = {"rules": [{"name": "on the GPU", "instance_group": [{"kind": "KIND_GPU"}], "level": "kind"}]}
ON_CPU: dict[str, Any] = {
    "rules": [{"name": "on the CPU", "instance_group": [{"kind": "KIND_CPU", "count": 2}], "level": "exact"}]
}
A100 = {"name": "NVIDIA A100-SXM4-80GB", "memory_mib": 81920, "compute_capability": "8.0"}
_RECAP = re.compile(r"^(\S+)\s+: ok=\d+ +changed=(\d+) +unreachable=(\d+) +failed=(\d+)", re.MULTILINE)


class Recap(NamedTuple):
    """What Ansible counts for a host at the end."""

    changed: int
    unreachable: int
    failed: int


class Run(NamedTuple):
    """A run of the role: its output, what it counted, and what it registered, by host."""

    status: int
    output: str
    recap: dict[str, Recap]
    results: dict[str, dict[str, Any]]

    @property
    def changed(self) -> int:
        return sum(recap.changed for recap in self.recap.values())

    def message(self, host: str = "triton1") -> str:
        """Why a host has failed, on one line."""
        return " ".join(str(self.results[host]["failure"]).split())


class Fleet:
    """A repository, servers over it, and the role on the hosts that these are."""

    def __init__(self, home: Path, library: Library) -> None:
        self.home, self.library = home, library
        self.models = home / "repository"
        self.models.mkdir()
        self.backups = home / "backups"
        self.servers: dict[str, Server] = {}
        self.hosts: dict[str, dict[str, Any]] = {}
        self.number = 0

    def add(self, **models: str) -> None:
        write(self.models, {name: Model(config) for name, config in models.items()}, self.library)

    def config(self, name: str) -> Path:
        return self.models / name / "config.pbtxt"

    def start(self, *options: str, devices: int = 2, name: str = "", **variables: Any) -> Server:
        """Start a server with so many GPUs, as a host whose variables say the same."""
        name = name or f"triton{len(self.hosts) + 1}"
        state = self.home / f"server-{name}"
        state.mkdir()
        environment = Host(("8.0",) * devices).environment(self.library)
        server = Server.start(self.models, state=state, options=options, environment=environment)
        self.servers[name] = server
        self.hosts[name] = {
            "triton_placement_url": server.url,
            "triton_placement_metrics_url": f"http://127.0.0.1:{server.metrics_port}/metrics",
            "triton_placement_server_log": str(state / "server.log"),
            "triton_placement_gpus": [A100] * devices,
            "triton_placement_restart_command": [
                sys.executable,
                str(Path(sys.modules[Server.__module__].__file__ or "")),
                "restart",
                "--state",
                str(state),
            ],
            **variables,
        }
        return server

    def begin(
        self, policy: Mapping[str, Any], *options: str, play: Mapping[str, Any] | None = None, **variables: Any
    ) -> tuple[subprocess.Popen[str], Path]:
        """Start the role on all hosts."""
        self.number += 1
        folder = self.home / f"run-{self.number}"
        folder.mkdir()
        common = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "triton_placement_repositories": [str(self.models)],
            "triton_placement_policy": policy,
            "triton_placement_service": "",
            "triton_placement_control_mode": "auto",
            "triton_placement_backup_dir": str(self.backups),
            "triton_placement_timeout": 60,
            "triton_placement_poll_interval": 1,
            **variables,
        }
        inventory = {"all": {"hosts": self.hosts, "vars": common}}
        (folder / "hosts.json").write_text(json.dumps(inventory))
        names = ("before", "enforced", "proof")
        kept = ", ".join(f"'{name}': triton_placement_{name} | default({{}})" for name in names)
        keep = {
            "name": "Keep the results",
            "ansible.builtin.copy": {
                "content": "{{ {" + kept + ", 'failure': (failed_result | default({})).msg | default('')} | to_json }}",
                "dest": str(folder / "{{ inventory_hostname }}.json"),
                "mode": "0600",
            },
            "check_mode": False,
            "diff": False,
            "changed_when": False,
        }
        remember = {"ansible.builtin.set_fact": {"failed_result": "{{ ansible_failed_result }}"}, "check_mode": False}
        role = {"ansible.builtin.include_role": {"name": "inference.triton.placement"}}
        fail = {"ansible.builtin.fail": {"msg": "{{ failed_result.msg | default('?') }}"}}
        tasks = {"block": [role], "rescue": [remember, keep, fail], "always": []}
        playbook = [{"hosts": "all", "gather_facts": False, **(play or {}), "tasks": [tasks, keep]}]
        (folder / "play.json").write_text(json.dumps(playbook))
        command = ["ansible-playbook", "-i", str(folder / "hosts.json"), str(folder / "play.json"), *options]
        environment = {**os.environ, **QUIET}
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            start_new_session=True,
        )
        return process, folder

    def finish(self, begun: tuple[subprocess.Popen[str], Path]) -> Run:
        process, folder = begun
        output, _ = process.communicate(timeout=500)
        recap = {name: Recap(*map(int, numbers)) for name, *numbers in _RECAP.findall(output)}
        results = {
            name: json.loads((folder / f"{name}.json").read_text())
            for name in self.hosts
            if (folder / f"{name}.json").exists()
        }
        return Run(process.returncode, output, recap, results)

    def role(self, policy: Mapping[str, Any], *options: str, **given: Any) -> Run:
        """Run the role on all hosts, to its end."""
        return self.finish(self.begin(policy, *options, **given))

    def tree(self) -> str:
        """A hash of every file, with its name, mode and time."""
        digest = hashlib.sha256()
        for path in sorted(self.models.rglob("*")):
            facts = path.lstat()
            digest.update(f"{path} {facts.st_mode} {facts.st_mtime_ns} {facts.st_ctime_ns}\n".encode())
            if path.is_file() and not path.is_symlink():
                digest.update(path.read_bytes())
        return digest.hexdigest()

    def contents(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in sorted(self.models.rglob("*.pbtxt"))}

    def backup_ids(self) -> list[str]:
        """The runs of which something was kept, but for those that took another back."""
        return sorted(path.name for path in self.backups.iterdir()) if self.backups.exists() else []

    def stop(self) -> None:
        for server in self.servers.values():
            server.stop(patience=0)


def kinds(server: Server, model: str) -> list[tuple[str, int]]:
    """Kind and count of the instance groups that the server runs a model with."""
    status, config = server.request("GET", f"/v2/models/{model}/config")
    assert status == 200, config
    return [(group["kind"], group["count"]) for group in config["instance_group"]]


def loads(server: Server, models: Sequence[str]) -> list[str]:
    """The loads that the server has begun, in order."""
    return [name for name in re.findall(r'"loading: ([^:]+):', server.log_text()) if name in models]
