# SPDX-License-Identifier: GPL-3.0-or-later
"""The role placement where the real server does not do as the policy wants, and where it stops before that."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.inference.triton.tests.standin_cuda.server import Library, build

from .gpu_hosts import ADDRESSES, LOST, two_a100
from .placement_hosts import A100, CPU, EXPLICIT, GPU, ON_CPU, ON_GPU, PLAIN, POLL, TENSORS, Fleet, kinds

# The server has two GPUs, and the host is said to have four: it refuses what the policy may ask for.
ON_THE_FOURTH: dict[str, Any] = {
    "rules": [{"name": "on the fourth", "instance_group": [{"kind": "KIND_GPU", "gpus": [3]}], "level": "exact"}]
}
FOUR = {"triton_placement_gpus": [A100] * 4}
MODES: dict[str, tuple[str, ...]] = {"explicit": EXPLICIT, "poll": POLL, "none": ()}
# Refuses to load with a parameter that no file may have, so that the whole model is loaded anew and fails.
PICKY = """\
import json
class TritonPythonModel:
    def initialize(self, args):
        if "poison" in json.loads(args["model_config"])["parameters"]:
            raise ValueError("this model does not take poison")
    def execute(self, requests):
        raise NotImplementedError("no test sends a request")
"""
POISON: dict[str, Any] = {
    "rules": [
        {
            "name": "poisoned",
            "instance_group": [{"kind": "KIND_CPU"}],
            "config": {"parameters": {"poison": {"string_value": "yes"}}},
        }
    ]
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return build(tmp_path_factory.mktemp("library"))


@pytest.fixture
def fleet(tmp_path: Path, library: Library) -> Iterator[Fleet]:
    made = Fleet(tmp_path, library)
    yield made
    made.stop()


@pytest.mark.parametrize("mode", MODES)
def test_what_the_server_refuses_is_taken_back_byte_for_byte(fleet: Fleet, mode: str) -> None:
    fleet.add(a=CPU, b=GPU)
    server = fleet.start(*MODES[mode], **FOUR)
    before = fleet.contents()
    policy = {"rules": [{**ON_THE_FOURTH["rules"][0], "match": {"models": ["a"]}}, ON_GPU["rules"][0]]}

    run = fleet.role(policy)

    assert run.status != 0
    assert fleet.contents() == before
    assert [kinds(server, name) for name in "ab"] == [[("KIND_CPU", 1)], [("KIND_GPU", 1)]]
    told = run.message()
    for part in (
        "The policy did not prove out on this host.",
        f"This run wrote 1 file: {fleet.config('a')}.",
        "specifies invalid or unsupported gpu id 3",
        "The files are as they were before this run.",
        "a serves as before this run: version 1 KIND_CPU x 1",
        "What to do:",
    ):
        assert part in told, told
    right = fleet.role({"rules": [{"instance_group": [{"kind": "KIND_CPU"}]}]})
    assert right.status == 0, right.output


def test_an_old_copy_that_serves_on_is_no_success(fleet: Fleet) -> None:
    (fleet.models / "picky" / "1").mkdir(parents=True)
    (fleet.models / "picky" / "1" / "model.py").write_text(PICKY)
    fleet.config("picky").write_text('backend: "python"\nmax_batch_size: 0\n' + TENSORS)
    server = fleet.start(*EXPLICIT)
    before = fleet.contents()

    run = fleet.role(POISON)

    assert run.status != 0
    assert fleet.contents() == before
    assert kinds(server, "picky")[0][0] == "KIND_GPU"
    told = run.message()
    assert "this model does not take poison" in told
    assert "picky serves as before this run" in told


def test_files_that_are_to_be_kept_stay(fleet: Fleet) -> None:
    fleet.add(a=CPU)
    fleet.start(*EXPLICIT, **FOUR)

    run = fleet.role(ON_THE_FOURTH, triton_placement_on_failure="keep")
    assert run.status != 0
    assert "gpus" in fleet.config("a").read_text()
    (backup,) = fleet.backup_ids()
    told = run.message()
    assert "gpu id 3" in told
    assert "The files stay as this run wrote them" in told
    assert backup in told
    assert "as they were before" not in told

    again = fleet.role(ON_THE_FOURTH)
    assert again.status != 0
    assert again.changed == 0, again.output
    assert (
        "It was so before this run, which wrote nothing of this model, so there is nothing to put back."
        in again.message()
    )


def test_what_was_wrong_before_takes_nothing_back(fleet: Fleet) -> None:
    fleet.add(a=PLAIN, needs_more=GPU.replace("KIND_GPU", "KIND_GPU gpus: [ 5 ]"))
    server = fleet.start(*EXPLICIT, **{"triton_placement_gpus": [A100] * 6})
    policy = {"rules": [{**ON_CPU["rules"][0], "match": {"models": ["a"]}}, ON_GPU["rules"][0]]}
    run = fleet.role(policy)
    assert run.status != 0
    assert kinds(server, "a") == [("KIND_CPU", 2)]
    told = run.message()
    assert "1 model is not where the policy wants. It was so before this run" in told
    assert "gpu id 5" in told


def test_a_server_that_dies_of_the_new_files_comes_back_with_the_old(fleet: Fleet) -> None:
    fleet.add(a=CPU)
    server = fleet.start("--exit-on-error=true", **FOUR)
    before = fleet.contents()
    run = fleet.role(ON_THE_FOURTH, triton_placement_timeout=5)
    assert run.status != 0
    assert fleet.contents() == before
    assert kinds(server, "a") == [("KIND_CPU", 1)]
    told = run.message()
    assert "failed to load all models" in told
    assert "gpu id 3" in told
    assert "a serves as before this run" in told


def test_a_host_without_gpus_stops_before_anything_is_written(fleet: Fleet) -> None:
    fleet.add(a=PLAIN, b=CPU)
    fleet.start(*EXPLICIT, devices=0)
    tree = fleet.tree()
    for options in ((), ("--check",)):
        run = fleet.role(ON_GPU, *options)
        assert run.status != 0
        assert fleet.tree() == tree
        told = run.message()
        assert "Triton cannot use a GPU on this host: a, b." in told
        assert "Why: " in told
        assert "triton_placement_force" in told
    assert not fleet.backups.exists()

    cpu = fleet.role(ON_CPU)
    assert cpu.status == 0, cpu.output


def test_the_report_on_real_gpus_says_why(fleet: Fleet, tmp_path: Path) -> None:
    fleet.add(a=PLAIN)
    fleet.start(*EXPLICIT, devices=0)
    del fleet.hosts["triton1"]["triton_placement_gpus"]
    root = two_a100(tmp_path / "host", lost=ADDRESSES).root
    run = fleet.role(ON_GPU, triton_placement_gpu_root=str(root))
    assert run.status != 0
    told = run.message()
    assert "Triton cannot use a GPU on this host: a." in told
    assert LOST in told
    assert ADDRESSES[0] in told


def test_force_writes_and_the_server_refuses(fleet: Fleet) -> None:
    fleet.add(a=PLAIN)
    server = fleet.start(*EXPLICIT, devices=0)
    run = fleet.role(ON_GPU, triton_placement_force=True, triton_placement_on_failure="keep")
    assert run.status != 0
    assert "KIND_GPU" in fleet.config("a").read_text()
    assert "no GPUs are available" in run.message()
    assert kinds(server, "a") == [("KIND_CPU", 1)], "what was loaded before serves on"


def test_a_server_that_is_down_gets_its_files_and_the_host_fails(fleet: Fleet) -> None:
    fleet.add(a=PLAIN)
    server = fleet.start(*EXPLICIT, triton_placement_control_mode="explicit")
    server.stop()
    run = fleet.role(ON_CPU)
    assert run.status != 0
    assert "KIND_CPU" in fleet.config("a").read_text()
    assert "the server did not run before this run" in run.message()


def test_a_mode_that_is_not_the_server_s_stops_before_anything_is_written(fleet: Fleet) -> None:
    fleet.add(a=PLAIN)
    fleet.start(*POLL)
    tree = fleet.tree()
    run = fleet.role(ON_CPU, triton_placement_control_mode="explicit")
    assert run.status != 0
    assert fleet.tree() == tree
    assert "The server runs in the control mode poll" in run.message()


def test_a_server_that_nobody_can_restart_stops_before_anything_is_written(fleet: Fleet) -> None:
    fleet.add(a=PLAIN)
    fleet.start("--model-control-mode=none")
    fleet.hosts["triton1"]["triton_placement_restart_command"] = []
    tree = fleet.tree()
    run = fleet.role(ON_CPU)
    assert run.status != 0
    assert fleet.tree() == tree
    assert "nobody said how to restart it" in run.message()


def test_a_restricted_server_stops_before_anything_is_written(fleet: Fleet) -> None:
    fleet.add(a=PLAIN)
    fleet.start(*EXPLICIT, "--http-restricted-api=model-repository,model-config:key=secret")
    tree = fleet.tree()
    run = fleet.role(ON_CPU)
    assert run.status != 0
    assert fleet.tree() == tree
    assert "restricted" in run.message()
    good = fleet.role(ON_CPU, triton_placement_headers={"key": "secret"})
    assert good.status == 0, good.output
    assert "secret" not in good.output


def test_files_that_cannot_be_put_back_are_said_to_be_there(fleet: Fleet) -> None:
    fleet.add(a=CPU)
    fleet.start("--model-control-mode=none", **FOUR)
    # Somebody edits the file after the run has written it, in place of a restart.
    edit = f"import pathlib; p = pathlib.Path({str(fleet.config('a'))!r}); p.write_text(p.read_text() + '# mine')"
    fleet.hosts["triton1"]["triton_placement_restart_command"] = [sys.executable, "-c", edit]

    run = fleet.role(ON_THE_FOURTH)

    assert run.status != 0
    assert fleet.config("a").read_text().endswith("# mine")
    told = run.message()
    assert "could not be put back" in told
    assert fleet.backup_ids()[0] in told
    assert "as they were before" not in told


def test_a_server_that_does_not_look_in_time(fleet: Fleet) -> None:
    fleet.add(a=CPU)
    server = fleet.start("--model-control-mode=poll", "--repository-poll-secs=1000")
    before = fleet.contents()
    run = fleet.role(ON_CPU, triton_placement_timeout=3)
    assert run.status != 0
    assert fleet.contents() == before
    assert kinds(server, "a") == [("KIND_CPU", 1)]
    told = run.message()
    assert "After 3 seconds the server has not taken up a." in told
    assert "a serves as before this run" in told


def test_a_backup_that_cannot_be_made_leaves_everything_alone(fleet: Fleet) -> None:
    fleet.add(a=CPU)
    server = fleet.start(*EXPLICIT)
    tree, log = fleet.tree(), server.log_text()
    run = fleet.role(ON_CPU, triton_placement_backup_dir="/proc/no/such/place")
    assert run.status != 0
    assert (fleet.tree(), server.log_text()) == (tree, log)
    told = run.message()
    assert "/proc/no/such/place" in told
    assert "This run wrote nothing, so there is nothing to put back." in told
