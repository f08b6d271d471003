# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules and filters through ansible-playbook, as users run them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .conftest import Playbook, Repository, policy_task

ON_THE_GPU = {"name": "on the GPU", "instance_group": [{"kind": "KIND_GPU"}]}


def edit(path: Path, **options: Any) -> dict[str, Any]:
    return {"inference.triton.model_config": {"path": str(path), **options}}


def test_check_mode_shows_the_diff_and_writes_nothing(repository: Repository, playbook: Playbook) -> None:
    repository.add("bare", 'backend: "python"\n')
    repository.add("no_config", None)
    before = repository.files()

    (result,) = playbook.run(policy_task(repository, ON_THE_GPU), options=("--check", "--diff"))

    assert repository.files() == before
    assert result["changed"]
    assert "+    kind: KIND_GPU" in playbook.output
    assert f"--- before: {repository.path}/no_config/config.pbtxt (absent)" in playbook.output


def test_a_second_run_changes_nothing(repository: Repository, playbook: Playbook) -> None:
    path = repository.add("bare", 'backend: "python"  # ours\r\nmax_batch_size: 4')
    task = edit(path, config={"max_batch_size": 8, "parameters": {"threads": {"string_value": "2"}}})

    first, second = playbook.run(task, task)

    assert first["changed"]
    assert not second["changed"]
    assert path.read_bytes().startswith(b'backend: "python"  # ours\r\nmax_batch_size: 8\r\nparameters {\r\n')


def test_what_is_written_can_be_read(repository: Repository, playbook: Playbook) -> None:
    path = repository.add("bare", 'backend: "python"\n')
    config = {"instance_group": [{"kind": "KIND_GPU", "count": 2, "gpus": [0, 1]}]}

    _, info = playbook.run(
        edit(path, config=config),
        {"inference.triton.model_config_info": {"repository": str(repository.path), "models": ["b*"]}},
    )

    (model,) = info["models"]
    assert model["config"] == {"backend": "python", **config}
    assert model["findings"] == []


def test_the_filters_are_each_other_s_inverse(playbook: Playbook) -> None:
    config = {"backend": "python", "instance_group": [{"kind": "KIND_GPU", "count": 2}]}
    data = json.dumps(config)
    text = f"{{{{ ({data} | inference.triton.to_textproto | inference.triton.from_textproto) == {data} }}}}"

    (result,) = playbook.run({"ansible.builtin.debug": {"msg": text}})

    assert str(result["msg"]) == "True"


def test_two_runs_at_once_lose_no_edit(repository: Repository, playbook: Playbook) -> None:
    path = repository.add("bare", 'backend: "python"\n')
    rounds = 3
    for number in range(rounds):
        runs = [
            playbook.start(edit(path, config={"parameters": {f"{name}_{number}": {"string_value": "x"}}}))
            for name in ("left", "right")
        ]
        for run in runs:
            output, _ = run.communicate(timeout=120)
            assert run.returncode == 0, output
    text = path.read_text()
    for number in range(rounds):
        assert f'"left_{number}"' in text
        assert f'"right_{number}"' in text


def test_a_broken_file_stops_the_run_before_the_first_write(repository: Repository, playbook: Playbook) -> None:
    repository.add("a", 'backend: "python"\n')
    repository.add("b", 'backend: "python"\ninput [\n  { name: "x" },\n]\n')
    before = repository.files()

    (result,) = playbook.run({**policy_task(repository, ON_THE_GPU), "ignore_errors": True})

    assert result["failed"]
    assert f"{repository.path}/b/config.pbtxt:4:1: expected another element after ',', found ']'" in result["msg"]
    assert repository.files() == before
