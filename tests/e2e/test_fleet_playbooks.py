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
import yaml
from ansible_collections.inference.triton.plugins.module_utils._policy.parsing import parse_policy
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
        self.recap = {host: tuple(map(int, numbers)) for host, *numbers in RECAP.findall(output) if host != "localhost"}

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


def attention(data: Mapping[str, Any]) -> dict[tuple[str, str], list[str]]:
    """Which problem which host has, with the models that have it."""
    found: dict[tuple[str, str], list[str]] = {}
    for thing in data["attention"]:
        for host, models in thing["hosts"].items():
            found[thing["id"], host] = sorted(found.get((thing["id"], host), []) + models)
    return found


def test_an_audit_says_what_is_on_the_cpu_and_why(mixed: Playbooks, tmp_path: Path) -> None:
    before = mixed.contents()
    report = tmp_path / "fleet.json"

    run = mixed.run("audit", triton_placement_policy=POLICY, triton_report_file=str(report))

    assert run.status == 0, run.output
    assert run.states == {
        "gpu-2": "CONTRADICTED",
        "gpu-3": "NO ANSWER",
        "gpu-4": "UNREACHABLE",
        "gpu-1": "OK",
    }
    data = json.loads(report.read_text())
    assert {host["host"]: host["state"] for host in data["hosts"]} == run.states
    found = attention(data)
    assert found["server_without_gpu", "gpu-2"] == ["detect", "ranker"]
    assert found["no_answer", "gpu-3"] == []
    assert found["silent_cpu", "gpu-3"] == ["ranker"]
    assert found["will_not_load", "gpu-3"] == ["detect"]
    assert found["to_change", "gpu-3"] == ["ranker"]
    assert found["unreachable", "gpu-4"] == []
    assert not [host for _id, host in found if host == "gpu-1"]
    assert any("Restart the server" in line for line in run.table)
    assert report.stat().st_mode & 0o777 == 0o644
    assert {host: numbers[1:] for host, numbers in run.recap.items()} == dict.fromkeys(run.states, (0, 0))
    assert mixed.contents() == before

    again = mixed.run("audit", triton_placement_policy=POLICY, triton_report_file=str(report))
    assert [numbers[0] for numbers in again.recap.values()] == [0, 0, 0, 0], again.output


def test_an_audit_in_check_mode_shows_what_the_policy_would_change(mixed: Playbooks, tmp_path: Path) -> None:
    before, report = mixed.contents(), tmp_path / "fleet.json"
    run = mixed.run("audit", "--check", "--diff", triton_placement_policy=POLICY, triton_report_file=str(report))
    assert run.status == 0, run.output
    assert re.search(r"^\+.*kind: KIND_GPU", run.output, re.MULTILINE)
    assert run.states["gpu-2"] == "CONTRADICTED"
    assert not report.exists()
    assert mixed.contents() == before


def test_an_audit_without_a_policy_tells_the_silent_fallback(mixed: Playbooks) -> None:
    run = mixed.run("audit", "--limit", "gpu-1,gpu-2")
    assert run.status == 0, run.output
    assert run.states == {"gpu-2": "CONTRADICTED", "gpu-1": "OK"}
    text = " ".join(" ".join(run.table).split())
    assert "There is no instance_group, so the server chooses the device: the CPU." in text


def test_an_audit_fails_the_hosts_with_errors_where_it_is_told_to(mixed: Playbooks) -> None:
    run = mixed.run("audit", "--limit", "gpu-1,gpu-2,gpu-3", triton_audit_on_problem="fail")
    assert run.status == 2
    assert [host for host, (_changed, _unreachable, failed) in run.recap.items() if failed] == ["gpu-2", "gpu-3"]


def test_a_policy_with_a_mistake_is_told_once_for_all_hosts(mixed: Playbooks) -> None:
    run = mixed.run("audit", "--limit", "gpu-1,gpu-2", triton_placement_policy={"rules": [{"instance_groups": []}]})
    assert run.status == 0, run.output
    assert run.states == {"gpu-1": "FAILED", "gpu-2": "FAILED"}
    text = " ".join(" ".join(run.table).split())
    assert "instance_groups" in text
    assert text.count("where: gpu-1, gpu-2") == 2, "of the policy and of the proof"


def test_the_callback_prints_instead_of_the_playbook(mixed: Playbooks, tmp_path: Path) -> None:
    kept = tmp_path / "placement.json"
    environment = {
        "ANSIBLE_CALLBACKS_ENABLED": CALLBACK,
        "TRITON_PLACEMENT_JSON_FILE": str(kept),
        "TRITON_PLACEMENT_WIDTH": "90",
    }
    run = mixed.run("audit", environment=environment, triton_placement_policy=POLICY)
    assert run.status == 0, run.output
    assert "skipping" in run.output.partition("TASK [The table]")[2].splitlines()[1]
    _before, _banner, table = run.output.partition("\nPLACEMENT ***")
    assert table
    lines = table.splitlines()[1:]
    assert [line.split()[0] for line in lines[1:5]] == ["gpu-2", "gpu-3", "gpu-4", "gpu-1"]
    assert max(map(len, lines)) <= 90
    assert "\x1b[" not in run.output
    data = json.loads(kept.read_text())
    assert attention(data)["silent_cpu", "gpu-3"] == ["ranker"]
    assert "[WARNING]" not in run.output


def test_the_callback_says_nothing_about_other_plays(tmp_path: Path) -> None:
    play = [{"hosts": "localhost", "gather_facts": False, "tasks": [{"ansible.builtin.debug": {"msg": "hello"}}]}]
    (tmp_path / "play.json").write_text(json.dumps(play))
    environment = {**os.environ, **QUIET, "ANSIBLE_CALLBACKS_ENABLED": CALLBACK}
    finished = subprocess.run(
        ["ansible-playbook", str(tmp_path / "play.json")], capture_output=True, text=True, env=environment, check=True
    )
    assert "PLACEMENT" not in finished.stdout


def test_a_verification_fails_each_host_that_does_not_prove_out(mixed: Playbooks) -> None:
    run = mixed.run("verify", triton_placement_policy=POLICY)
    assert run.status == 2
    assert list(run.states.values()) == ["CONTRADICTED", "NO ANSWER", "UNREACHABLE", "OK"]
    assert [host for host, (_changed, _unreachable, failed) in run.recap.items() if failed] == [
        "gpu-2",
        "gpu-3",
        "gpu-4",
    ]
    assert "2 of 3 models are not where they should be: detect, ranker. See the table." in run.output


def test_a_verification_passes_where_every_model_proves_out(mixed: Playbooks) -> None:
    for options in ((), ("--check", "--diff")):
        run = mixed.run("verify", "--limit", "gpu-1", *options, triton_placement_policy=POLICY)
        assert run.status == 0, run.output
        assert run.recap["gpu-1"] == (0, 0, 0)
        assert run.table[1].split()[1] == "OK"


def test_an_enforced_fleet_proves_out_and_a_second_run_changes_nothing(fleet: Playbooks, tmp_path: Path) -> None:
    fleet.add("gpu-1", {"detect": GPU, "ranker": PLAIN})
    fleet.add("gpu-2", {"ranker": PLAIN, "bert_tokenizer": PLAIN})
    before = fleet.contents()

    checked = fleet.run("enforce", "--check", "--diff", triton_placement_policy=POLICY)
    assert checked.status == 0, checked.output
    assert re.search(r"^\+.*kind: KIND_GPU", checked.output, re.MULTILINE)
    assert checked.table[0].endswith("TO CH")
    assert fleet.contents() == before

    report = tmp_path / "fleet.json"
    run = fleet.run("enforce", triton_placement_policy=POLICY, triton_serial=1, triton_report_file=str(report))
    assert run.status == 0, run.output
    assert run.states == {"gpu-1": "OK", "gpu-2": "OK"}
    data = json.loads(report.read_text())
    assert [host["grades"]["proved"] for host in data["hosts"]] == [2, 2]
    assert [host["statuses"]["changed"] for host in data["hosts"]] == [1, 2]
    assert data["attention"] == []

    again = fleet.run("enforce", triton_placement_policy=POLICY)
    assert again.status == 0, again.output
    assert {host: numbers[0] for host, numbers in again.recap.items()} == {"gpu-1": 0, "gpu-2": 0}
    assert again.states == {"gpu-1": "OK", "gpu-2": "OK"}


def test_a_host_that_does_not_prove_out_stops_the_run_and_is_told_with_why(fleet: Playbooks) -> None:
    fleet.add("gpu-1", {"ranker": CPU}, seen=0)
    fleet.add("gpu-2", {"ranker": PLAIN})
    before = fleet.contents()

    run = fleet.run("enforce", triton_placement_policy=POLICY, triton_serial=1)

    assert run.status == 2
    assert run.states == {"gpu-1": "RESTORED"}
    assert run.table[-1] == "1 host of a later batch is as it was."
    text = " ".join(" ".join(run.table).split())
    assert "has kind KIND_GPU but no GPUs are available" in text
    assert "gpu-2" not in run.recap
    assert fleet.contents() == before

    fleet.hosts["gpu-0"] = NOWHERE
    environment = {"ANSIBLE_CALLBACKS_ENABLED": CALLBACK, "COLUMNS": "100"}
    goes_on = fleet.run(
        "enforce", environment=environment, triton_placement_policy=POLICY, triton_max_fail_percentage=100
    )
    assert goes_on.status == 2
    table = goes_on.output.partition("\nPLACEMENT ***")[2].splitlines()
    assert [line.split()[:2] for line in table[2:5]] == [
        ["gpu-1", "RESTORED"],
        ["gpu-0", "UNREACHABLE"],
        ["gpu-2", "OK"],
    ]


def test_what_was_written_while_the_server_was_down_is_not_predicted_of_the_old_files(fleet: Playbooks) -> None:
    fleet.add("gpu-1", {"ranker": CPU}).stop(patience=0)
    run = fleet.run("enforce", triton_placement_policy=POLICY)
    assert run.status == 2
    assert run.states == {"gpu-1": "NO ANSWER"}
    assert [line for line in run.table if line.startswith(("error: ", "warning: "))] == ["error: no_answer"]
    assert "The files are as the policy wants them, and nothing could be applied or proved" in run.output


def test_an_enforcement_without_a_policy_says_what_one_is(fleet: Playbooks) -> None:
    fleet.hosts["gpu-1"] = {}
    run = fleet.run("enforce")
    assert run.status == 2
    assert "triton_placement_policy is not set for this host" in " ".join(" ".join(run.table).split())


@pytest.mark.parametrize("playbook", ["audit", "enforce", "verify", "gpus"])
def test_a_pattern_that_no_host_fits_is_no_success(fleet: Playbooks, playbook: str) -> None:
    fleet.hosts["gpu-1"] = {}
    run = fleet.run(playbook, triton_hosts="gpus")
    assert run.status == 2
    assert "No host of the inventory fits triton_hosts" in run.output


def test_the_example_inventory_is_one() -> None:
    folder = Path(__file__).parents[2] / "docs" / "example_inventory"
    listed = subprocess.run(
        ["ansible-inventory", "-i", str(folder / "hosts.yml"), "--list"],
        capture_output=True,
        text=True,
        env={**os.environ, **QUIET},
        check=True,
    )
    variables = json.loads(listed.stdout)["_meta"]["hostvars"]
    assert len(variables) == 29
    known = set()
    for role in ("placement", "server", "gpu"):
        specification = (folder.parents[1] / "roles" / role / "meta" / "argument_specs.yml").read_text()
        known |= set(yaml.safe_load(specification)["argument_specs"]["main"]["options"])
    for host in variables.values():
        assert set(host) <= known
        assert not parse_policy(host["triton_placement_policy"]).warnings
