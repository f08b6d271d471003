# SPDX-License-Identifier: GPL-3.0-or-later
"""What configuration files were before a run changed them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat

import pytest
from ansible_collections.inference.triton.plugins.module_utils._repository.backup import Replaced, refuse_inside, save
from ansible_collections.inference.triton.plugins.module_utils._repository.files import FileError

OLD, NEW = b'name: "m"\n', b'name: "m"\nmax_batch_size: 1\n'


@pytest.fixture
def kept(tmp_path):
    return tmp_path / "kept"


def manifest_of(kept, backup_id):
    return json.loads((kept / backup_id / "manifest.json").read_bytes().decode())


def test_a_backup_holds_the_files_as_they_were_byte_for_byte(repository, kept):
    first, second = repository.model("a", OLD), repository.model("b", b"\xff\0\r\n")
    backup_id = save(str(kept), [repository.path], [Replaced(first, OLD, NEW), Replaced(second, b"\xff\0\r\n", NEW)])
    assert (kept / backup_id / "000000").read_bytes() == OLD
    assert (kept / backup_id / "000001").read_bytes() == b"\xff\0\r\n"


def test_the_manifest_says_where_each_file_belongs_and_what_it_was_and_became(repository, kept):
    path = repository.model("a", OLD)
    os.chmod(path, 0o640)
    status = os.stat(path)
    backup_id = save(str(kept), [repository.path], [Replaced(path, OLD, NEW)])
    assert manifest_of(kept, backup_id) == {
        "format": 1,
        "backup_id": backup_id,
        "files": [
            {
                "path": path,
                "file": "000000",
                "before_sha256": hashlib.sha256(OLD).hexdigest(),
                "after_sha256": hashlib.sha256(NEW).hexdigest(),
                "mode": 0o640,
                "uid": status.st_uid,
                "gid": status.st_gid,
                "mtime_ns": status.st_mtime_ns,
            }
        ],
    }


def test_a_file_that_was_not_there_is_kept_as_none(repository, kept):
    path = repository.model("a", None)
    backup_id = save(str(kept), [repository.path], [Replaced(path, None, NEW)])
    (entry,) = manifest_of(kept, backup_id)["files"]
    assert (entry["path"], entry["file"]) == (path, None)
    assert os.listdir(str(kept / backup_id)) == ["manifest.json"]


def test_a_file_that_is_removed_becomes_none(repository, kept):
    path = repository.model("a", OLD)
    backup_id = save(str(kept), [repository.path], [Replaced(path, OLD, None)])
    assert manifest_of(kept, backup_id)["files"][0]["after_sha256"] is None


def test_backups_have_names_that_sort_by_time_and_never_meet(repository, kept):
    path = repository.model("a", OLD)
    ids = [save(str(kept), [repository.path], [Replaced(path, OLD, NEW)]) for _round in range(5)]
    assert len(set(ids)) == 5
    assert all(re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{6}", backup_id) for backup_id in ids)


def test_only_the_owner_may_read_a_backup(repository, kept):
    path = repository.model("a", OLD)
    backup_id = save(str(kept), [repository.path], [Replaced(path, OLD, NEW)])
    assert stat.S_IMODE(os.stat(str(kept / backup_id)).st_mode) == 0o700


def test_the_directory_is_made_where_it_is_missing(repository, tmp_path):
    path = repository.model("a", OLD)
    save(str(tmp_path / "x" / "y"), [repository.path], [Replaced(path, OLD, NEW)])
    assert len(os.listdir(str(tmp_path / "x" / "y"))) == 1


def test_a_relative_path_is_kept_as_an_absolute_one(repository, kept, monkeypatch):
    repository.model("a", OLD)
    monkeypatch.chdir(repository.path)
    backup_id = save(str(kept), [repository.path], [Replaced("a/config.pbtxt", OLD, NEW)])
    assert manifest_of(kept, backup_id)["files"][0]["path"] == repository.config("a")


# Where a backup must not be


@pytest.mark.parametrize("inside", [".", "backups", "m", "m/backups", "m/../backups", "new/x"])
def test_a_directory_in_the_repository_is_refused(repository, inside):
    repository.model("m")
    with pytest.raises(FileError, match=r"must not be inside the model repository.*Give a directory elsewhere"):
        refuse_inside(os.path.join(repository.path, inside), [repository.path])


def test_a_link_into_the_repository_is_refused(repository, tmp_path):
    os.symlink(repository.path, str(tmp_path / "link"))
    with pytest.raises(FileError, match="must not be inside"):
        refuse_inside(str(tmp_path / "link" / "backups"), [repository.path])


def test_a_repository_that_is_given_as_a_link_is_the_same_repository(repository, tmp_path):
    os.symlink(repository.path, str(tmp_path / "link"))
    with pytest.raises(FileError, match="must not be inside"):
        refuse_inside(os.path.join(repository.path, "backups"), [str(tmp_path / "link")])


def test_a_directory_in_any_of_the_repositories_is_refused(make_repository):
    first, second = make_repository("a"), make_repository("b")
    with pytest.raises(FileError, match="must not be inside"):
        refuse_inside(os.path.join(second.path, "backups"), [first.path, second.path])


@pytest.mark.parametrize("outside", ["..", "../models-backup", "../models.backup/x"])
def test_a_directory_beside_the_repository_is_fine(repository, outside):
    refuse_inside(os.path.join(repository.path, outside), [repository.path])


def test_a_backup_in_the_repository_is_not_even_begun(repository, snapshot):
    path = repository.model("m", OLD)
    was = snapshot(repository.path)
    with pytest.raises(FileError):
        save(os.path.join(repository.path, "backups"), [repository.path], [Replaced(path, OLD, NEW)])
    assert snapshot(repository.path) == was


# A backup that cannot be written


def test_a_directory_that_this_user_may_not_write(open_path, make_repository, ordinary):
    repository = make_repository("models", open_path)
    path = repository.model("m", OLD)
    closed = os.path.join(open_path, "closed")
    os.mkdir(closed, 0o555)
    with pytest.raises(
        FileError, match=r"cannot be written, so nothing was changed: Permission denied\. Give a backup_dir"
    ):
        ordinary(lambda: save(closed, [repository.path], [Replaced(path, OLD, NEW)]))


def test_a_file_for_a_directory(repository, kept):
    path = repository.model("m", OLD)
    kept.write_bytes(b"")
    with pytest.raises(FileError, match="cannot be written, so nothing was changed"):
        save(str(kept), [repository.path], [Replaced(path, OLD, NEW)])


def test_a_full_file_system_leaves_no_half_backup(repository, mount, tmp_path):
    path = repository.model("m", OLD)
    below = mount(str(tmp_path / "small"), "16k")
    with pytest.raises(FileError, match="No space left on device"):
        save(below, [repository.path], [Replaced(path, b"#" * 65536, NEW)])
    assert os.listdir(below) == []
