# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks audit, verify and enforce on a fleet of real servers, and the table that the person before it sees."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.inference.triton.tests.standin_cuda.server import Library, build
from tritonserver import Server

from .placement_hosts import A100, CPU, EXPLICIT, GPU, PLAIN, QUIET, Fleet

POLICY: dict[str, Any] = {
    "rules": [
        {
            "name": "tokenizers stay on the CPU",
            "match": {"models": ["*_tokenizer"]},
            "instance_group": [{"kind": "KIND_CPU"}],
            "level": "kind",
        },
        {"name": "everything else is on the GPU", "instance_group": [{"kind": "KIND_GPU"}], "level": "kind"},
    ]
}
NOWHERE = {
    "ansible_connection": "ssh",
    "ansible_host": "127.0.0.1",
    "ansible_port": 1,
    "ansible_ssh_common_args": "-F none -o ConnectTimeout=5",
}
CALLBACK = "inference.triton.placement"
RECAP = re.compile(r"^(\S+)\s+: ok=\d+ +changed=(\d+) +unreachable=(\d+) +failed=(\d+)", re.MULTILINE)


class Run:
    """A finished run of a playbook."""

    def __init__(self, status: int, output: str) -> None:
        self.status, self.output = status, output
        self.recap = {host: tuple(map(int, numbers)) for host, *numbers in RECAP.findall(output)}

    @property
    def table(self) -> list[str]:
        """The lines of the table that the playbook itself prints."""
        (task,) = re.findall(r"^TASK \[The table\].*\n.*=> (\{\n.*?^\})", self.output, re.MULTILINE | re.DOTALL)
        lines: list[str] = json.loads(task)["msg"]
        return lines

    @property
    def states(self) -> dict[str, str]:
        """The state of each host, in the order of the table."""
        rows = self.table[1 : self.table.index("")]
        return {row.split("  ")[0]: re.split(" {2,}", row)[1] for row in rows}


class Playbooks:
    """An inventory of several hosts, each this machine with a server and a repository of its own."""

    def __init__(self, home: Path, library: Library) -> None:
        self.home, self.library = home, library
        self.places: dict[str, Fleet] = {}
        self.hosts: dict[str, dict[str, Any]] = {}

    def add(self, name: str, models: Mapping[str, str], gpus: int = 2, seen: int | None = None) -> Server:
        """A host with so many GPUs, of which its server has seen others if ``seen`` says so."""
        (self.home / name).mkdir()
        place = self.places[name] = Fleet(self.home / name, self.library)
        place.add(**models)
        server = place.start(
            *EXPLICIT,
            devices=gpus if seen is None else seen,
            name=name,
            triton_placement_gpus=[A100] * gpus,
            triton_placement_repositories=[str(place.models)],
            triton_placement_backup_dir=str(place.backups),
        )
        self.hosts[name] = place.hosts[name]
        return server

    def run(self, playbook: str, *options: str, environment: Mapping[str, str] | None = None, **variables: Any) -> Run:
        common = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "triton_placement_service": "",
            "triton_placement_timeout": 60,
            "triton_placement_poll_interval": 1,
        }
        inventory = self.home / "hosts.json"
        inventory.write_text(json.dumps({"all": {"hosts": self.hosts, "vars": common}}))
        finished = subprocess.run(
            [
                "ansible-playbook",
                f"inference.triton.{playbook}",
                "-i",
                str(inventory),
                "-e",
                json.dumps(variables),
                *options,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=500,
            env={**os.environ, **QUIET, **(environment or {})},
            check=False,
        )
        return Run(finished.returncode, finished.stdout)

    def contents(self) -> dict[str, bytes]:
        return {path: data for place in self.places.values() for path, data in place.contents().items()}

    def stop(self) -> None:
        for place in self.places.values():
            place.stop()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return build(tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory, library: Library) -> Iterator[Playbooks]:
    """A host in order, one with a silent fallback, one whose server is down, and one that cannot be reached."""
    made = Playbooks(tmp_path_factory.mktemp("mixed"), library)
    try:
        made.add("gpu-1", {"detect": GPU, "ranker": GPU, "bert_tokenizer": CPU})
        made.add("gpu-2", {"detect": GPU, "ranker": PLAIN, "bert_tokenizer": CPU}, seen=0)
        made.add("gpu-3", {"detect": GPU, "ranker": PLAIN}, gpus=0).stop(patience=0)
        made.hosts["gpu-4"] = NOWHERE
        yield made
    finally:
        made.stop()


@pytest.fixture
def fleet(tmp_path: Path, library: Library) -> Iterator[Playbooks]:
    made = Playbooks(tmp_path, library)
    yield made
    made.stop()


def test_try(mixed):
    run = mixed.run("audit", triton_placement_policy=POLICY)
    print(run.output)
    run = mixed.run("verify", environment={"ANSIBLE_CALLBACKS_ENABLED": CALLBACK, "COLUMNS": "100"})
    print(run.output)

def test_enf(fleet):
    fleet.add("gpu-1", {"detect": GPU, "ranker": PLAIN})
    fleet.add("gpu-2", {"detect": GPU, "ranker": PLAIN})
    run = fleet.run("enforce", "--check", "--diff", triton_placement_policy=POLICY)
    print(run.output)
    run = fleet.run("enforce", triton_placement_policy=POLICY)
    print(run.output)
    run = fleet.run("enforce", triton_placement_policy=POLICY)
    print(run.output)

def test_enf2(fleet):
    fleet.add("gpu-1", {"detect": GPU, "ranker": PLAIN})
    fleet.add("gpu-2", {"detect": CPU, "ranker": PLAIN}, seen=0)
    fleet.add("gpu-3", {"detect": GPU, "ranker": PLAIN})
    fleet.hosts["gpu-0"] = NOWHERE
    run = fleet.run("enforce", triton_placement_policy=POLICY, triton_serial=1, triton_max_fail_percentage=0)
    print(run.output)
    run = fleet.run("enforce", triton_placement_policy=POLICY, triton_serial=2, triton_max_fail_percentage=50)
    print(run.output)
    run = fleet.run("enforce", triton_placement_policy=POLICY, environment={"ANSIBLE_CALLBACKS_ENABLED": CALLBACK, "COLUMNS": "100"})
    print(run.output)
