# SPDX-License-Identifier: GPL-3.0-or-later
"""The module model_repository_restore from its arguments to its result."""

from __future__ import annotations

import os
import shutil

import pytest
from ansible_collections.inference.triton.plugins.modules import model_config, model_repository_restore

OLD = b'name: "m"  # the model\r\nmax_batch_size: 8'
NEW = b'name: "m"  # the model\r\nmax_batch_size: 16'


@pytest.fixture
def config(repository):
    return repository.model("m", OLD)


@pytest.fixture
def kept(tmp_path):
    return str(tmp_path / "kept")


@pytest.fixture
def backup_id(run, config, kept):
    """That of a run that has changed the model's configuration."""
    return run(model_config, path=config, config={"max_batch_size": 16}, backup_dir=kept)["backup_id"]


def test_a_run_is_taken_back_byte_for_byte(run, documented, repository, config, kept, backup_id):
    result = run(model_repository_restore, backup_dir=kept, backup_id=backup_id)
    assert (result["changed"], result["backup_id"]) == (True, backup_id)
    assert result["files"] == [{"path": config, "action": "restored", "reload_impact": "full_reload"}]
    assert repository.text("m") == OLD
    documented(model_repository_restore, result)


def test_a_second_run_changes_nothing(run, documented, config, kept, backup_id):
    run(model_repository_restore, backup_dir=kept, backup_id=backup_id)
    before = os.stat(config)
    result = run(model_repository_restore, backup_dir=kept, backup_id=backup_id)
    after = os.stat(config)
    assert (result["changed"], result["undo_id"], result["files"][0]["action"]) == (False, None, "unchanged")
    assert (after.st_ino, after.st_ctime_ns) == (before.st_ino, before.st_ctime_ns)
    documented(model_repository_restore, result)


def test_the_latest_run_has_a_name_of_its_own(run, repository, kept, backup_id):
    assert run(model_repository_restore, backup_dir=kept, backup_id="latest")["backup_id"] == backup_id
    assert repository.text("m") == OLD


def test_a_restore_can_be_taken_back(run, repository, kept, backup_id):
    undo_id = run(model_repository_restore, backup_dir=kept, backup_id=backup_id)["undo_id"]
    assert run(model_repository_restore, backup_dir=kept, backup_id=undo_id)["changed"]
    assert repository.text("m") == NEW


def test_check_mode_tells_what_would_change_and_changes_nothing(run, documented, repository, kept, backup_id, snapshot):
    was = snapshot(repository.path), snapshot(kept)
    checked = run(model_repository_restore, check=True, backup_dir=kept, backup_id=backup_id)
    assert (snapshot(repository.path), snapshot(kept)) == was
    done = run(model_repository_restore, backup_dir=kept, backup_id=backup_id)
    for result in (checked, done):
        assert result["changed"]
        documented(model_repository_restore, result)
    assert (checked["diff"], checked["files"]) == (done["diff"], done["files"])
    assert (checked["diff"][0]["before"], checked["diff"][0]["after"]) == (NEW.decode(), OLD.decode())


def test_a_file_that_was_changed_since_needs_force(run, repository, config, kept, backup_id):
    theirs = run(model_config, path=config, config={"max_batch_size": 99})
    assert theirs["changed"]
    result = run(model_repository_restore, backup_dir=kept, backup_id=backup_id)
    assert result["failed"]
    assert f"{config}: was changed after the run" in result["msg"]
    assert run(model_repository_restore, backup_dir=kept, backup_id=backup_id, force=True)["changed"]
    assert repository.text("m") == OLD


def test_what_was_left_out_is_a_warning(run, documented, config, kept, backup_id):
    shutil.rmtree(os.path.dirname(config))
    result = run(model_repository_restore, backup_dir=kept, backup_id=backup_id, force=True)
    assert (result["changed"], result["files"][0]["action"]) == (False, "skipped")
    assert result["warnings"] == [f"{config}: the directory of its model is not there any more. It was left out."]
    documented(model_repository_restore, result)


@pytest.mark.parametrize("name", ["../x", "..", "", "/etc", "x\0y"], ids=repr)
def test_an_identifier_that_climbs_out_of_the_directory_is_refused(run, repository, kept, backup_id, snapshot, name):
    was = snapshot(repository.path)
    result = run(model_repository_restore, backup_dir=kept, backup_id=name)
    assert result["msg"].startswith(f"backup_id: {name!r} is not the identifier of a backup. There are, newest first: ")
    assert snapshot(repository.path) == was


def test_a_directory_that_is_not_there_is_named(run, kept):
    result = run(model_repository_restore, backup_dir=kept, backup_id="latest")
    assert result["msg"] == f"{kept}: cannot be read: No such file or directory. Give the backup_dir of the run."
