# SPDX-License-Identifier: GPL-3.0-or-later
"""The role placement on several hosts: a shared repository, classes, controllers at once, hosts that are away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.inference.triton.tests.standin_cuda.server import Library, build
from tritonserver import Server

from .placement_hosts import A100, CPU, EXPLICIT, ON_CPU, PLAIN, Fleet, kinds

ON_ALL: dict[str, Any] = {
    "rules": [{"name": "on all GPUs", "instance_group": [{"kind": "KIND_GPU", "gpus": "all"}], "level": "exact"}]
}
SHARED = {"triton_placement_shared": True}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return build(tmp_path_factory.mktemp("library"))


@pytest.fixture
def fleet(tmp_path: Path, library: Library) -> Iterator[Fleet]:
    made = Fleet(tmp_path, library)
    yield made
    made.stop()


def gpus(server: Server, model: str) -> list[int]:
    """The GPUs that the server runs the one instance group of a model on."""
    (group,) = server.request("GET", f"/v2/models/{model}/config")[1]["instance_group"]
    assert group["kind"] == "KIND_GPU"
    found: list[int] = group["gpus"]
    return found


def start_three(fleet: Fleet, **variables: Any) -> list[Server]:
    """Two servers with two GPUs, and one of the class small with one."""
    small = {"triton_placement_config_name": "small"}
    servers = [fleet.start(*EXPLICIT), fleet.start(*EXPLICIT, **variables)]
    return [*servers, fleet.start(*EXPLICIT, "--model-config-name=small", devices=1, **small)]


def test_a_shared_repository_is_written_once_for_each_class(fleet: Fleet) -> None:
    fleet.add(a=PLAIN, b=CPU)
    servers = start_three(fleet)

    run = fleet.role(ON_ALL, **SHARED)

    assert run.status == 0, run.output
    assert [[gpus(server, name) for name in "ab"] for server in servers] == [[[0, 1]] * 2, [[0, 1]] * 2, [[0]] * 2]
    assert len(fleet.backup_ids()) == 2, "one for each class"
    enforced = [run.results[f"triton{number}"]["enforced"]["backup_id"] for number in (1, 2, 3)]
    assert enforced[0] == enforced[1] != enforced[2]
    again = fleet.role(ON_ALL, **SHARED)
    assert (again.status, again.changed) == (0, 0), again.output


def test_one_host_that_does_not_prove_out_takes_all_back(fleet: Fleet) -> None:
    fleet.add(a=CPU)
    # The second server has one GPU fewer than its host is said to have.
    servers = [fleet.start(*EXPLICIT), fleet.start(*EXPLICIT, devices=1, triton_placement_gpus=[A100] * 2)]
    before = fleet.contents()

    run = fleet.role(ON_ALL, **SHARED)

    assert run.status != 0
    assert [run.recap[name].failed for name in sorted(run.recap)] == [1, 1]
    assert fleet.contents() == before
    assert [kinds(server, "a") for server in servers] == [[("KIND_CPU", 1)]] * 2
    assert "The policy did not prove out on triton2, which shares the repository." in run.message("triton1")
    for host in ("triton1", "triton2"):
        assert "gpu id 1" in run.message(host)
        assert "a serves as before this run" in run.message(host)


def test_one_host_without_gpus_stops_all_that_share_its_files(fleet: Fleet) -> None:
    fleet.add(a=PLAIN)
    fleet.start(*EXPLICIT)
    fleet.start(*EXPLICIT, devices=0)
    tree = fleet.tree()
    run = fleet.role(ON_ALL, **SHARED)
    assert [run.recap[name].failed for name in sorted(run.recap)] == [1, 1]
    assert fleet.tree() == tree
    assert "triton2, which shares the repository" in run.message("triton1")


def test_two_controllers_at_once_do_no_harm(fleet: Fleet) -> None:
    fleet.add(**{f"model_{number:02}": PLAIN for number in range(30)})
    server = fleet.start(*EXPLICIT)

    both = [fleet.begin(ON_CPU), fleet.begin(ON_CPU)]
    runs = [fleet.finish(one) for one in both]

    assert [run.status for run in runs] == [0, 0], runs[0].output + runs[1].output
    assert all(kinds(server, f"model_{number:02}") == [("KIND_CPU", 2)] for number in range(30))
    assert len(fleet.backup_ids()) == 1, "one has written, and the other has found it done"
    again = fleet.role(ON_CPU)
    assert (again.status, again.changed) == (0, 0), again.output


def test_two_controllers_of_two_minds_leave_whole_files(fleet: Fleet) -> None:
    fleet.add(**{f"model_{number:02}": PLAIN for number in range(30)})
    server = fleet.start(*EXPLICIT)
    other = {"rules": [{**ON_CPU["rules"][0], "instance_group": [{"kind": "KIND_CPU", "count": 3}]}]}

    both = [fleet.begin(ON_CPU), fleet.begin(other)]
    runs = [fleet.finish(one) for one in both]

    last = fleet.role(ON_CPU)
    assert last.status == 0, runs[0].output + runs[1].output + last.output
    assert all(kinds(server, f"model_{number:02}") == [("KIND_CPU", 2)] for number in range(30))


def test_hosts_that_cannot_be_reached_and_limits(fleet: Fleet) -> None:
    fleet.add(a=PLAIN)
    fleet.start(*EXPLICIT, name="triton0")
    fleet.hosts["triton0"].update(ansible_connection="ssh", ansible_host="127.0.0.1", ansible_port=1)
    servers = [fleet.start(*EXPLICIT, name=name) for name in ("triton1", "triton2", "triton3")]

    run = fleet.role(ON_CPU, "--limit", "triton0,triton1,triton2", **SHARED)

    assert run.recap["triton0"].unreachable == 1
    assert [run.recap[name].failed for name in ("triton1", "triton2")] == [0, 0], run.output
    assert [kinds(server, "a") == [("KIND_CPU", 2)] for server in servers] == [True, True, False]
    (backup,) = fleet.backup_ids()
    assert run.results["triton2"]["enforced"]["backup_id"] == backup


def test_batches(fleet: Fleet) -> None:
    fleet.add(a=PLAIN)
    servers = [fleet.start(*EXPLICIT) for _number in range(2)]
    run = fleet.role(ON_CPU, play={"serial": 1}, **SHARED)
    assert run.status == 0, run.output
    assert [kinds(server, "a") for server in servers] == [[("KIND_CPU", 2)]] * 2
    assert len(fleet.backup_ids()) == 1


def test_a_later_batch_does_not_take_back_what_an_earlier_one_has_proved(fleet: Fleet) -> None:
    fleet.add(a=CPU)
    servers = [fleet.start(*EXPLICIT), fleet.start(*EXPLICIT, devices=1, triton_placement_gpus=[A100] * 2)]
    run = fleet.role(ON_ALL, play={"serial": 1}, **SHARED)
    assert [run.recap[name].failed for name in sorted(run.recap)] == [0, 1]
    assert gpus(servers[0], "a") == [0, 1]
    assert "An earlier batch of this play has written the files, so they stay: triton1." in run.message("triton2")
