# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook rollout: who is changed when, who goes back, and what is told, whatever goes wrong.

The roles are stand-ins (rollout_roles): a host is a file with a version in it. The real ones, with the real
tritonserver, are in the scenario molecule/rollout.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ROLES = HERE / "rollout_roles"
QUIET = {"ANSIBLE_LOCALHOST_WARNING": "False", "COLUMNS": "1000", "ANSIBLE_FORKS": "5"}


class Fleet:
    """Hosts a, b, c, d with the version "old", and a load balancer that writes down what it is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hosts = folder / "hosts"
        self.hosts.mkdir()
        for name in "abcd":
            (self.hosts / name).write_text("old")
        self.collections = folder / "collections"
        collection = self.collections / "ansible_collections" / "inference" / "triton"
        collection.mkdir(parents=True)
        shutil.copytree(ROOT / "playbooks", collection / "playbooks")
        shutil.copytree(ROLES, collection / "roles")
        (collection / "plugins").symlink_to(ROOT / "plugins")
        self.inventory = folder / "inventory.json"
        connection = {
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "ansible_become": False,
        }
        self.inventory.write_text(
            json.dumps(
                {
                    "all": {
                        "hosts": {name: {} for name in "abcd"},
                        "vars": connection,
                        "children": {"chosen": {"hosts": {"c": {}}}},
                    }
                }
            )
        )

    def roll_out(self, *options: str, **variables: Any) -> subprocess.CompletedProcess[str]:
        given = {
            "hosts": str(self.hosts),
            "load_balancer": str(self.folder / "load_balancer"),
            "triton_placement_policy": {"preset": "strict_gpu"},
            "triton_rollout_batches": [2],
            "triton_rollout_drain_tasks": str(ROLES / "hook.yml"),
            "triton_rollout_return_tasks": str(ROLES / "hook.yml"),
            "triton_rollout_mark": f"{self.folder}/mark.{{{{ inventory_hostname }}}}",
            "triton_report_file": str(self.folder / "report.json"),
            **variables,
        }
        return subprocess.run(
            [
                "ansible-playbook",
                f"--inventory={self.inventory}",
                "inference.triton.rollout",
                f"--extra-vars={json.dumps(given)}",
                *options,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            env={**os.environ, **QUIET, "ANSIBLE_COLLECTIONS_PATH": str(self.collections)},
            check=False,
        )

    @property
    def versions(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in sorted(self.hosts.iterdir())}

    @property
    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "report.json").read_text())
        return found

    @property
    def outcomes(self) -> dict[str, str]:
        return {name: host["outcome"] for name, host in sorted(self.report["hosts"].items())}

    @property
    def drained(self) -> list[str]:
        return [name for name, host in sorted(self.report["hosts"].items()) if host["drained"]]

    @property
    def asked(self) -> list[str]:
        log = self.folder / "load_balancer"
        return [line.rpartition(" ")[0] for line in log.read_text().splitlines()] if log.exists() else []


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)


def test_it_goes_from_the_canary_through_the_batches(fleet: Fleet) -> None:
    run = fleet.roll_out("--check", triton_rollout_canary="chosen", triton_rollout_batches=[1, "50%"])
    assert run.returncode == 0, run.stdout
    assert fleet.report["batches"] == [["c"], ["a"], ["b", "d"]]


def test_it_stops_takes_back_the_batch_and_goes_on_where_it_stood(fleet: Fleet) -> None:
    run = fleet.roll_out(unproved=["c"])
    assert run.returncode == 2, run.stdout
    assert "The rollout stopped. Batch 2: c does not prove out." in run.stdout
    assert fleet.versions == {"a": "new", "b": "old", "c": "old", "d": "old"}
    assert fleet.outcomes == {"a": "done", "b": "rolled back", "c": "rolled back", "d": "not reached"}
    assert fleet.report["hosts"]["c"]["reason"] == "c serves elsewhere"
    assert fleet.asked[:2] == ["drain a", "return a"]
    # b is not returned before the batch is judged.
    assert sorted(fleet.asked[2:4]) == ["drain b", "drain c"]
    assert sorted(fleet.asked[4:]) == ["return b", "return c"]
    assert not fleet.drained

    run = fleet.roll_out()
    assert run.returncode == 0, run.stdout
    assert fleet.outcomes == {"a": "unchanged", "b": "done", "c": "done", "d": "done"}
    assert fleet.asked.count("drain a") == 1

    asked = fleet.asked
    run = fleet.roll_out()
    assert run.returncode == 0, run.stdout
    assert "changed=1" not in run.stdout
    assert set(fleet.outcomes.values()) == {"unchanged"}
    assert fleet.asked == asked


def test_a_batch_that_is_lost_as_a_whole_is_told_and_comes_back_with_the_next_run(fleet: Fleet) -> None:
    run = fleet.roll_out(cut_off=["a"])
    assert run.returncode == 4, run.stdout
    assert fleet.outcomes == {"a": "failed", "b": "not reached", "c": "not reached", "d": "not reached"}
    assert "nobody knows what it runs now" in fleet.report["hosts"]["a"]["reason"]
    assert fleet.drained == ["a"]

    # It has the new version, and is not passed over: it has to come back.
    run = fleet.roll_out()
    assert run.returncode == 0, run.stdout
    assert set(fleet.outcomes.values()) == {"done"}
    assert fleet.asked[:3] == ["drain a", "drain a", "return a"]
    assert not fleet.drained


def test_a_host_without_its_gpus_keeps_the_batch_from_being_touched(fleet: Fleet) -> None:
    run = fleet.roll_out(without_gpu=["c"])
    assert run.returncode == 2, run.stdout
    assert fleet.outcomes == {"a": "done", "b": "not reached", "c": "failed", "d": "not reached"}
    assert fleet.report["hosts"]["c"]["reason"] == "no GPU on c"
    assert fleet.asked == ["drain a", "return a"]


def test_a_host_that_is_not_what_it_was_stays_drained_until_it_proves_out(fleet: Fleet) -> None:
    run = fleet.roll_out(unproved=["b"], never_the_same=["b"])
    assert run.returncode == 2, run.stdout
    assert fleet.versions["b"] == "old"
    assert fleet.outcomes["b"] == "failed"
    assert (
        "model was version 1: 1 KIND_GPU before this rollout, and is version 1: 1 KIND_CPU now"
        in (fleet.report["hosts"]["b"]["reason"])
    )
    assert fleet.drained == ["b"]

    run = fleet.roll_out(without_gpu=["b"])
    assert run.returncode == 2, run.stdout
    assert fleet.drained == ["b"]
    assert "return b" not in fleet.asked

    run = fleet.roll_out()
    assert run.returncode == 0, run.stdout
    assert not fleet.drained
    assert "return b" in fleet.asked


def test_what_may_fail_goes_back_alone(fleet: Fleet) -> None:
    run = fleet.roll_out(unproved=["b"], triton_rollout_max_fail_percentage=50)
    assert run.returncode == 2, run.stdout
    assert fleet.versions == {"a": "new", "b": "old", "c": "new", "d": "new"}
    assert fleet.report["stopped_by"] == ""


def test_check_mode_looks_at_all_and_touches_none(fleet: Fleet) -> None:
    run = fleet.roll_out("--check", "--diff", without_gpu=["b"])
    assert run.returncode == 2, run.stdout
    assert fleet.outcomes == {"a": "would change", "b": "failed", "c": "would change", "d": "would change"}
    assert fleet.report["hosts"]["a"]["version_after"] == "new"
    assert fleet.versions == dict.fromkeys("abcd", "old")
    assert not fleet.asked


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"triton_rollout_batches": ["0%"]}, "triton_rollout_batches is a list"),
        ({"triton_rollout_canary": "nobody"}, "no host of the inventory fits that pattern"),
        ({"triton_rollout_soak": "5m"}, "are numbers of seconds"),
        ({"triton_rollout_return_tasks": "/nowhere/return.yml"}, "/nowhere/return.yml: there is no such file"),
        ({"triton_hosts": "nobody"}, "No host of the inventory fits triton_hosts"),
    ],
)
def test_a_plan_that_makes_no_sense_touches_nobody(fleet: Fleet, variables: dict[str, Any], told: str) -> None:
    run = fleet.roll_out(**variables)
    assert run.returncode == 2, run.stdout
    assert told in run.stdout
    assert fleet.versions == dict.fromkeys("abcd", "old")
