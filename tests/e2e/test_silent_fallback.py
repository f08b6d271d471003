# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job: what a server without a usable GPU does with models before and after the policy."""

from __future__ import annotations

from collections.abc import Callable

from tritonserver import Server

from .conftest import Playbook, Repository, index, kinds, policy_task

CPU_ON_PURPOSE = {
    "name": "the tokenizer stays on the CPU",
    "match": {"models": ["tokenizer"]},
    "instance_group": [{"kind": "KIND_CPU"}],
}
ON_THE_GPU = {"name": "everything else is explicit, on the GPU", "instance_group": [{"kind": "KIND_GPU"}]}
IMPLICIT = ["bare", "count", "blocks", "no_config"]


def fill(repository: Repository) -> None:
    repository.add("bare")
    repository.add("count", 'backend: "python"\ninstance_group [ { count: 2 } ]  # two are enough\n')
    repository.add("blocks", 'backend: "python"\r\ninstance_group { count: 1 }\r\ninstance_group { }\r\n')
    repository.add("no_config", None)
    repository.add("tokenizer", 'backend: "python"\ninstance_group [ { kind: KIND_CPU } ]\n')
    repository.add_ensemble("cpu_pipeline", "tokenizer")
    repository.add_ensemble("gpu_pipeline", "bare")


def test_the_policy_ends_the_silent_fallback(
    repository: Repository, playbook: Playbook, start: Callable[..., Server]
) -> None:
    fill(repository)
    server = start(repository)

    for model in IMPLICIT:
        assert {kind for kind, _ in kinds(server, model)} == {"KIND_CPU"}, "the fallback that nobody chose"
    assert all(entry["state"] == "READY" for entry in index(server).values())
    assert "fallback" not in server.log_text().lower()

    enforced, again = playbook.run(
        policy_task(repository, CPU_ON_PURPOSE, ON_THE_GPU), policy_task(repository, CPU_ON_PURPOSE, ON_THE_GPU)
    )
    assert sorted(entry["model"] for entry in enforced["models"] if entry["status"] == "changed") == sorted(IMPLICIT)
    assert not again["changed"]
    server.restart()

    entries = index(server)
    for model in IMPLICIT:
        assert entries[model]["state"] == "UNAVAILABLE"
        assert "has kind KIND_GPU but no GPUs are available" in entries[model]["reason"]
    for model in ("tokenizer", "cpu_pipeline"):
        assert entries[model]["state"] == "READY"
        assert server.request("GET", f"/v2/models/{model}/ready")[0] == 200
    assert entries.get("gpu_pipeline", {}).get("state") != "READY"


def test_a_load_request_gives_the_reason_and_the_old_instances_serve_on(
    repository: Repository, playbook: Playbook, start: Callable[..., Server]
) -> None:
    repository.add("bare")
    server = start(repository, "--model-control-mode=explicit", "--load-model=*")

    playbook.run(policy_task(repository, ON_THE_GPU))
    status, answer = server.request("POST", "/v2/repository/models/bare/load", {})

    assert status == 400
    assert "has kind KIND_GPU but no GPUs are available" in answer["error"]
    assert kinds(server, "bare") == [("KIND_CPU", 1)]
