# SPDX-License-Identifier: GPL-3.0-or-later
"""The role placement on one host with the real tritonserver: written, applied by control mode, and proved."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.inference.triton.tests.standin_cuda.server import Library, build

from .conftest import ENSEMBLE
from .placement_hosts import CPU, EXPLICIT, GPU, ON_CPU, ON_GPU, PLAIN, POLL, Fleet, kinds, loads


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return build(tmp_path_factory.mktemp("library"))


@pytest.fixture
def fleet(tmp_path: Path, library: Library) -> Iterator[Fleet]:
    made = Fleet(tmp_path, library)
    yield made
    made.stop()


def add_ensemble(fleet: Fleet, name: str, step: str) -> None:
    (fleet.models / name / "1").mkdir(parents=True)
    fleet.config(name).write_text(ENSEMBLE % step)


def test_an_explicit_server_loads_what_is_new_and_nothing_else(fleet: Fleet) -> None:
    fleet.add(a=CPU, b=PLAIN, right=GPU)
    add_ensemble(fleet, "pipeline", "b")
    server = fleet.start(*EXPLICIT)
    before = len(loads(server, ["right"]))

    run = fleet.role(ON_GPU)

    assert run.status == 0, run.output
    assert run.changed > 0
    assert [kinds(server, name) for name in "ab"] == [[("KIND_GPU", 1)]] * 2
    assert len(loads(server, ["right"])) == before
    proof = run.results["triton1"]["proof"]
    assert proof["counts"]["contradicted"] == 0
    assert proof["pending"] == []
    assert run.results["triton1"]["before"]["contradicted"] != []
    assert run.results["triton1"]["enforced"]["backup_id"] in fleet.backup_ids()

    log, tree = server.log_text(), fleet.tree()
    again = fleet.role(ON_GPU)
    assert (again.status, again.changed) == (0, 0), again.output
    assert [again.results["triton1"]["enforced"]["counts"][status] for status in ("compliant", "changed")] == [3, 0]
    assert (server.log_text(), fleet.tree()) == (log, tree)


def test_a_polling_server_is_waited_for(fleet: Fleet) -> None:
    fleet.add(a=PLAIN, b=GPU)
    server = fleet.start(*POLL)
    run = fleet.role(ON_CPU)
    assert run.status == 0, run.output
    assert [kinds(server, name) for name in "ab"] == [[("KIND_CPU", 2)]] * 2
    again = fleet.role(ON_CPU)
    assert (again.status, again.changed) == (0, 0), again.output


def test_a_server_that_takes_up_nothing_is_restarted_once(fleet: Fleet) -> None:
    fleet.add(a=PLAIN)
    server = fleet.start("--model-control-mode=none")
    run = fleet.role(ON_CPU)
    assert run.status == 0, run.output
    assert kinds(server, "a") == [("KIND_CPU", 2)]
    starts = server.log_text().count("Started HTTPService")
    assert starts == 2
    again = fleet.role(ON_CPU)
    assert (again.status, again.changed) == (0, 0), again.output
    assert server.log_text().count("Started HTTPService") == starts


@pytest.mark.parametrize("mode", ["explicit", "poll", "none"])
def test_an_interrupted_run_is_made_good_by_the_next(fleet: Fleet, mode: str) -> None:
    fleet.add(a=PLAIN)
    options: dict[str, tuple[str, ...]] = {"explicit": EXPLICIT, "poll": POLL, "none": ()}
    server = fleet.start(*options[mode])
    fleet.config("a").write_text(PLAIN + "instance_group [\n  {\n    count: 2\n    kind: KIND_CPU\n  }\n]\n")

    run = fleet.role(ON_CPU)

    assert run.status == 0, run.output
    assert fleet.backup_ids() == [], "this run had nothing to write"
    assert kinds(server, "a") == [("KIND_CPU", 2)]


def test_a_run_that_is_killed_after_it_has_written(fleet: Fleet) -> None:
    fleet.add(a=PLAIN)
    server = fleet.start(*EXPLICIT)
    process, _folder = fleet.begin(ON_CPU)
    deadline = time.monotonic() + 120
    while "KIND_CPU" not in fleet.config("a").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()

    run = fleet.role(ON_CPU)

    assert run.status == 0, run.output
    assert kinds(server, "a") == [("KIND_CPU", 2)]
    assert len(fleet.backup_ids()) == 1


def test_a_configuration_from_a_request_is_found_and_given_up(fleet: Fleet) -> None:
    fleet.add(a=GPU)
    server = fleet.start(*EXPLICIT)
    tensor = {"data_type": "TYPE_FP32", "dims": [1]}
    override = {
        "backend": "null",
        "max_batch_size": 0,
        "input": [{"name": "IN", **tensor}],
        "output": [{"name": "OUT", **tensor}],
        "instance_group": [{"kind": "KIND_CPU", "count": 3}],
    }
    text = json.dumps(override)
    assert server.request("POST", "/v2/repository/models/a/load", {"parameters": {"config": text}})[0] == 200
    assert kinds(server, "a") == [("KIND_CPU", 3)]
    content = fleet.contents()

    run = fleet.role(ON_GPU)

    assert run.status == 0, run.output
    assert "override_sticks" in str(run.results["triton1"]["before"]["models"])
    assert kinds(server, "a") == [("KIND_GPU", 1)]
    assert fleet.contents() == content
    again = fleet.role(ON_GPU)
    assert (again.status, again.changed) == (0, 0), again.output


def test_check_mode_is_an_audit(fleet: Fleet) -> None:
    fleet.add(a=PLAIN, b=CPU)
    server = fleet.start(*EXPLICIT)
    tree, log = fleet.tree(), server.log_text()
    run = fleet.role(ON_GPU, "--check", "--diff")
    assert run.status == 0, run.output
    assert (fleet.tree(), server.log_text()) == (tree, log)
    assert "+instance_group [ { kind: KIND_GPU count: 1 } ]" in run.output
    assert "Would be changed" in run.output
    assert run.results["triton1"]["proof"]["counts"]["models"] == 2
    assert not fleet.backups.exists()


def test_what_somebody_unloaded_stays_unloaded(fleet: Fleet) -> None:
    fleet.add(a=PLAIN, b=PLAIN)
    server = fleet.start(*EXPLICIT)
    assert server.request("POST", "/v2/repository/models/b/unload", {})[0] == 200
    policy: dict[str, Any] = {**ON_CPU, "critical": [{"models": ["a"]}]}

    run = fleet.role(policy)

    assert run.status == 0, run.output
    assert kinds(server, "a") == [("KIND_CPU", 2)]
    assert server.request("GET", "/v2/models/b/ready")[0] == 400
    again = fleet.role(policy)
    assert (again.status, again.changed) == (0, 0), again.output


def test_what_an_explicit_server_was_not_told_to_load_stays_away(fleet: Fleet) -> None:
    fleet.add(a=PLAIN, b=PLAIN)
    server = fleet.start("--model-control-mode=explicit", "--load-model=a")

    run = fleet.role({**ON_CPU, "critical": [{"models": ["a"]}]})

    assert run.status == 0, run.output
    assert kinds(server, "a") == [("KIND_CPU", 2)]
    assert "KIND_CPU" in fleet.config("b").read_text()
    assert loads(server, ["b"]) == []
    critical = fleet.role(ON_CPU)
    assert critical.status != 0
    assert loads(server, ["b"]) == []
    assert "b, not_loaded" in critical.message()


def test_twice_in_one_play(fleet: Fleet) -> None:
    fleet.add(a=PLAIN)
    server = fleet.start(*EXPLICIT)
    again = {
        "name": "Another policy",
        "ansible.builtin.include_role": {"name": "inference.triton.placement"},
        "vars": {"triton_placement_policy": ON_GPU},
    }
    run = fleet.role(ON_CPU, play={"post_tasks": [again]})
    assert run.status == 0, run.output
    assert kinds(server, "a") == [("KIND_GPU", 2)]
    assert len(fleet.backup_ids()) == 2
