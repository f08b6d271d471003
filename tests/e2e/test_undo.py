# SPDX-License-Identifier: GPL-3.0-or-later
"""A change is taken back with one task, and a server that polls is again as it was, without a reload."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tritonserver import Server

from .conftest import Playbook, Repository, kinds
from .test_polling_server import MODELS, POLL, Watcher, wait_for


def change(path: Path, backups: Path, **config: Any) -> dict[str, Any]:
    options = {"path": str(path), "config": config, "lists": "replace", "backup_dir": str(backups)}
    return {"inference.triton.model_config": options}


def restore(backups: Path, backup_id: str, **options: Any) -> dict[str, Any]:
    return {
        "inference.triton.model_repository_restore": {"backup_dir": str(backups), "backup_id": backup_id, **options}
    }


def on_the_cpu(count: int) -> dict[str, Any]:
    return {"instance_group": [{"kind": "KIND_CPU", "count": count}]}


def test_a_polling_server_has_its_old_instances_again_and_reloads_nothing(
    repository: Repository, playbook: Playbook, start: Callable[..., Server], tmp_path: Path
) -> None:
    backups = tmp_path / "backups"
    for name, config in MODELS.items():
        repository.add(name, config)
    before = repository.files()
    server = start(repository, *POLL)
    time.sleep(3)  # three polls in which nothing happens: the models have settled
    old = {name: kinds(server, name) for name in MODELS}
    settled = len(server.log_text())
    changed = ("commented", "no_config")

    with Watcher(server) as watcher:
        paths = [repository.path / name / "config.pbtxt" for name in changed]
        changes = playbook.run(*[change(path, backups, **on_the_cpu(3)) for path in paths])
        for name in changed:
            assert wait_for(lambda name=name: kinds(server, name) == [("KIND_CPU", 3)]), name
        restores = playbook.run(*[restore(backups, result["backup_id"]) for result in changes])
        assert repository.files() == before
        for name in changed:
            assert wait_for(lambda name=name: kinds(server, name) == old[name]), name
            loaded = f"successfully loaded '{name}'"
            assert wait_for(lambda loaded=loaded: server.log_text()[settled:].count(loaded) == 2), name
        time.sleep(3)  # a model that is loaded anew beside the old one shows in the unloading of the old one

    assert [result["files"][0]["action"] for result in restores] == ["restored", "removed"]
    assert {result["files"][0]["reload_impact"] for result in restores} == {"instance_update"}
    assert watcher.names == set(MODELS), "nothing else was ever taken for a model"
    assert not watcher.not_ready, "no model was ever gone"
    log = server.log_text()[settled:]
    assert "unloaded" not in log
    assert "Poll failed" not in log
    for name in MODELS:
        # There and back: two updates, of which 1 -> 3 adds two instances and 3 -> 1 none.
        updates, added = (2, 2) if name in changed else (0, 0)
        assert log.count(f"successfully loaded '{name}'") == updates, log
        assert log.count(f"TRITONBACKEND_ModelInstanceInitialize: {name}_0") == added, log


def test_a_change_is_taken_back_once_and_again_the_other_way_round(
    repository: Repository, playbook: Playbook, tmp_path: Path
) -> None:
    path, backups = repository.add("bare", 'backend: "python"  # ours\r\nmax_batch_size: 4'), tmp_path / "backups"
    before = repository.files()
    (edited,) = playbook.run(change(path, backups, max_batch_size=8))
    after = repository.files()

    (checked,) = playbook.run(restore(backups, "latest"), options=("--check", "--diff"))
    assert repository.files() == after
    assert "-max_batch_size: 8" in playbook.output
    assert "+max_batch_size: 4" in playbook.output

    done, again = playbook.run(restore(backups, edited["backup_id"]), restore(backups, "latest"))
    assert repository.files() == before
    assert (checked["changed"], done["changed"], again["changed"]) == (True, True, False)

    playbook.run(restore(backups, done["undo_id"]))
    assert repository.files() == after


def test_somebody_else_s_edit_is_not_lost(repository: Repository, playbook: Playbook, tmp_path: Path) -> None:
    path, backups = repository.add("bare", 'backend: "python"\n'), tmp_path / "backups"
    (edited,) = playbook.run(change(path, backups, max_batch_size=8))
    path.write_text('backend: "python"\nmax_batch_size: 16\n')
    theirs = repository.files()

    (refused,) = playbook.run({**restore(backups, edited["backup_id"]), "ignore_errors": True})
    assert f"{path}: was changed after the run" in refused["msg"]
    assert repository.files() == theirs

    (forced,) = playbook.run(restore(backups, edited["backup_id"], force=True))
    assert path.read_text() == 'backend: "python"\n'
    playbook.run(restore(backups, forced["undo_id"]))
    assert repository.files() == theirs
