# SPDX-License-Identifier: GPL-3.0-or-later
"""What configuration files were before a run changed them: kept, read, pruned."""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat

import pytest
from ansible_collections.inference.triton.plugins.module_utils._repository import backup, manifest
from ansible_collections.inference.triton.plugins.module_utils._repository.backup import (
    Keeping,
    Replacement,
    discard,
    in_use,
    keeping,
    prune,
    read,
    refuse_inside,
    save,
)
from ansible_collections.inference.triton.plugins.module_utils._repository.files import FileError, attributes_of

OLD, NEW = b'name: "m"\n', b'name: "m"\nmax_batch_size: 1\n'


@pytest.fixture
def kept(tmp_path):
    return str(tmp_path / "kept")


@pytest.fixture
def config(repository):
    return repository.model("m", OLD)


def inside(kept, backup_id, name="manifest.json"):
    return os.path.join(kept, backup_id, name)


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def content(path):
    with open(path, "rb") as file:
        return file.read()


# What is kept


def test_a_backup_holds_the_files_as_they_were_byte_for_byte(repository, kept):
    first, second = repository.model("a", OLD), repository.model("b", b"\xff\0\r\n")
    backup_id = save(kept, [Replacement(first, OLD, NEW), Replacement(second, b"\xff\0\r\n", NEW)])
    assert content(inside(kept, backup_id, "000000")) == OLD
    assert content(inside(kept, backup_id, "000001")) == b"\xff\0\r\n"
    assert read(kept, backup_id).contents == {"000000": OLD, "000001": b"\xff\0\r\n"}


def test_the_manifest_says_where_each_file_belongs_and_what_it_was_and_became(config, kept):
    os.chmod(config, 0o640)
    backup_id = save(kept, [Replacement(config, OLD, NEW)])
    before = manifest.Before("000000", backup.digest(OLD), None, attributes_of(config))
    entry = manifest.Entry(config, os.path.realpath(config), before, backup.digest(NEW), False)
    assert read(kept, backup_id).manifest == manifest.Manifest(backup_id, None, (entry,))


def test_a_file_that_was_not_there_is_kept_as_none(repository, kept):
    path = repository.model("m", None)
    backup_id = save(kept, [Replacement(path, None, NEW)])
    (entry,) = read(kept, backup_id).manifest.files
    assert (entry.path, entry.before, entry.made_directory) == (path, None, False)
    assert os.listdir(os.path.join(kept, backup_id)) == ["manifest.json"]


def test_a_directory_of_variants_that_the_run_will_make_is_noted(repository, kept):
    repository.model("m", OLD)
    backup_id = save(kept, [Replacement(repository.config("m", "h100"), None, NEW)])
    assert read(kept, backup_id).manifest.files[0].made_directory


def test_a_file_that_is_removed_becomes_none(config, kept):
    backup_id = save(kept, [Replacement(config, OLD, None)])
    assert read(kept, backup_id).manifest.files[0].after_sha256 is None


def test_where_links_lead_is_kept(repository, tmp_path, kept):
    (tmp_path / "shared.pbtxt").write_bytes(OLD)
    path = repository.model("m", None)
    os.symlink("../../shared.pbtxt", path)
    written = save(kept, [Replacement(path, OLD, NEW)])
    removed = save(kept, [Replacement(path, OLD, None)])
    (through,), (link,) = read(kept, written).manifest.files, read(kept, removed).manifest.files
    assert (through.target, through.before.link) == (str(tmp_path / "shared.pbtxt"), None)
    assert (link.target, link.before.link) == (path, "../../shared.pbtxt")


def test_backups_have_names_that_sort_by_time_and_never_meet(config, kept):
    ids = [save(kept, [Replacement(config, OLD, NEW)]) for _round in range(20)]
    assert ids == sorted(set(ids))
    assert all(re.fullmatch(r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{6}", backup_id) for backup_id in ids)


def test_only_the_owner_may_read_a_backup(config, kept):
    mask = os.umask(0)
    try:
        backup_id = save(kept, [Replacement(config, OLD, NEW)])
    finally:
        os.umask(mask)
    directory = os.path.join(kept, backup_id)
    modes = {name: stat.S_IMODE(os.stat(os.path.join(directory, name)).st_mode) for name in [".", "manifest.json"]}
    assert modes == {".": 0o700, "manifest.json": 0o600}


def test_the_directory_is_made_where_it_is_missing(config, tmp_path):
    save(str(tmp_path / "x" / "y"), [Replacement(config, OLD, NEW)])
    assert len(os.listdir(str(tmp_path / "x" / "y"))) == 1


def test_a_relative_path_is_kept_as_an_absolute_one(repository, config, kept, monkeypatch):
    monkeypatch.chdir(repository.path)
    backup_id = save(kept, [Replacement("m/config.pbtxt", OLD, NEW)])
    assert read(kept, backup_id).manifest.files[0].path == config


def test_a_name_that_is_not_utf8(repository, kept):
    path = repository.model(os.fsdecode(b"\xff"), OLD)
    backup_id = save(kept, [Replacement(path, OLD, NEW)])
    assert read(kept, backup_id).manifest.files[0].path == path


def test_a_file_that_is_no_pbtxt_is_refused_since_it_would_not_be_put_back(repository, kept):
    path = os.path.join(os.path.dirname(repository.model("m")), "labels.txt")
    with pytest.raises(FileError, match=r"labels\.txt: no backup is made of a file whose name does not end in \.pbtxt"):
        save(kept, [Replacement(path, None, NEW)])
    assert not os.path.exists(kept)


# Where a backup must not be


@pytest.mark.parametrize("place", [".", "backups", "m", "m/backups", "m/../backups", "new/x"])
def test_a_directory_in_the_repository_is_refused(repository, config, place):
    with pytest.raises(FileError, match=r"must not be inside the model repository.*Give a path elsewhere"):
        refuse_inside(os.path.join(repository.path, place), [repository.path])


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


def test_a_backup_in_the_repository_is_not_even_begun(repository, config, snapshot):
    was = snapshot(repository.path)
    with pytest.raises(FileError):
        save(os.path.join(repository.path, "backups"), [Replacement(config, OLD, NEW)])
    assert snapshot(repository.path) == was


# What a task asks for


def test_a_task_without_a_directory_keeps_nothing(repository):
    assert keeping(None, None, [repository.path]) is None


def test_a_task_with_a_directory_keeps_all_or_some(repository, kept):
    assert keeping(kept, None, [repository.path]) == Keeping(kept, None)
    assert keeping(kept, 3, [repository.path]) == Keeping(kept, 3)


@pytest.mark.parametrize("keep", [0, -1])
def test_less_than_one_backup_is_refused(repository, kept, keep):
    with pytest.raises(FileError, match=f"keep: {keep} backups would not hold the one.*Give at least 1"):
        keeping(kept, keep, [repository.path])


def test_a_task_s_directory_in_a_repository_is_refused(repository):
    with pytest.raises(FileError, match="must not be inside"):
        keeping(os.path.join(repository.path, "kept"), None, [repository.path])


@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_a_task_s_directory_that_cannot_be_one_is_refused_before_anything_is_done(repository, kept, below):
    write(kept, b"")
    with pytest.raises(FileError, match="kept is no directory"):
        keeping(os.path.join(kept, below), None, [repository.path])


# A backup that cannot be written


def test_a_directory_that_this_user_may_not_write(open_path, make_repository, ordinary):
    path = make_repository("models", open_path).model("m", OLD)
    closed = os.path.join(open_path, "closed")
    os.mkdir(closed, 0o555)
    with pytest.raises(
        FileError, match=r"cannot be written, so nothing was changed: Permission denied\. Give a backup_dir"
    ):
        ordinary(lambda: save(closed, [Replacement(path, OLD, NEW)]))


def test_a_file_for_a_directory(config, kept):
    write(kept, b"")
    with pytest.raises(FileError, match="cannot be written, so nothing was changed"):
        save(kept, [Replacement(config, OLD, NEW)])


def test_a_full_file_system_leaves_no_half_backup(config, mount, tmp_path):
    below = mount(str(tmp_path / "small"), "16k")
    with pytest.raises(FileError, match="No space left on device"):
        save(below, [Replacement(config, b"#" * 65536, NEW)])
    assert os.listdir(below) == []


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EACCES], ids=["ENOSPC", "EACCES"])
def test_whichever_system_call_fails_there_is_a_whole_backup_or_none(config, tmp_path, fail_at, writers, error):
    for number in range(1, 100):
        kept = str(tmp_path / str(number))
        failed = fail_at(number, error, writers)
        try:
            backup_id = save(kept, [Replacement(config, OLD, NEW)])
        except FileError:
            backup_id = None
        if failed() is None:
            return
        assert (os.listdir(kept) if os.path.isdir(kept) else []) == ([backup_id] if backup_id else []), failed()
        if backup_id:
            assert read(kept, backup_id).contents == {"000000": OLD}
    pytest.fail("saving never ended")


def test_a_process_that_is_killed_leaves_a_whole_backup_or_none_and_nothing_that_lasts(
    config, tmp_path, killed_at_every_line
):
    def prepare(number):
        return str(tmp_path / str(number))

    for kept in killed_at_every_line(prepare, lambda where: save(where, [Replacement(config, OLD, NEW)])):
        left = os.listdir(kept) if os.path.isdir(kept) else []
        whole = [name for name in left if manifest.BACKUP_ID.fullmatch(name)]
        for backup_id in whole:
            assert read(kept, backup_id).contents == {"000000": OLD}
        backup_id = save(kept, [Replacement(config, OLD, NEW)])
        assert sorted(os.listdir(kept)) == sorted([*whole, backup_id])


def test_the_files_are_on_the_disk_before_the_manifest_and_that_before_the_name(config, kept, before_call, writers):
    calls = []
    before_call(lambda count, name, args: calls.append((name, args)), writers)
    backup_id = save(kept, [Replacement(config, OLD, NEW)])
    names = [args[0] if name == "open" and args[0] in ("000000", "manifest.json") else name for name, args in calls]
    wanted = ["000000", "fsync", "manifest.json", "fsync", "fsync", "rename", "fsync"]
    assert [name for name in names if name in wanted] == wanted
    assert calls[[name for name, _args in calls].index("rename")][1][1] == os.path.join(kept, backup_id)


def test_a_file_system_that_syncs_no_directories_is_fine(config, kept, monkeypatch):
    real = os.fsync

    def fsync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    assert read(kept, save(kept, [Replacement(config, OLD, NEW)])).contents == {"000000": OLD}


# Reading a backup


def test_the_latest_run_is_the_newest_one_that_was_no_restore(config, kept):
    save(kept, [Replacement(config, OLD, NEW)])
    second = save(kept, [Replacement(config, OLD, NEW)])
    save(kept, [Replacement(config, NEW, OLD)], undoes=second)
    assert read(kept, "latest").manifest.backup_id == second


def test_there_may_be_no_latest_run(kept):
    os.mkdir(kept)
    with pytest.raises(FileError, match=r"kept: there is no backup in here\. Give the backup_dir of the run"):
        read(kept, "latest")


def test_a_latest_run_that_is_damaged_is_not_passed_over(config, kept):
    save(kept, [Replacement(config, OLD, NEW)])
    write(inside(kept, save(kept, [Replacement(config, OLD, NEW)])), b"{}")
    with pytest.raises(FileError, match="cannot be used, and nothing was changed: manifest: expected the fields"):
        read(kept, "latest")


@pytest.mark.parametrize("backup_id", ["", ".", "..", "../kept", "/etc", "latest ", "x\0y", "LATEST"], ids=repr)
def test_what_is_no_identifier_is_refused(config, kept, backup_id):
    there = save(kept, [Replacement(config, OLD, NEW)])
    with pytest.raises(FileError) as raised:
        read(kept, backup_id)
    assert str(raised.value) == (
        f"backup_id: {backup_id!r} is not the identifier of a backup. There are, newest first: {there}."
    )


def test_a_backup_that_is_not_there_is_told_from_those_that_are(config, kept):
    ids = [save(kept, [Replacement(config, OLD, NEW)]) for _round in range(7)]
    with pytest.raises(FileError) as raised:
        read(kept, "20260301T101500.123456Z-5f3a9c")
    newest = ", ".join(ids[:1:-1])
    assert str(raised.value) == (
        f"{kept}: there is no backup 20260301T101500.123456Z-5f3a9c. There are, newest first: {newest} and 2 more."
    )


def test_a_directory_of_backups_that_is_not_there(kept):
    with pytest.raises(FileError, match=r"kept: cannot be read: No such file or directory\. Give the backup_dir"):
        read(kept, "latest")


def change_a_byte(directory):
    write(os.path.join(directory, "000000"), OLD.replace(b"m", b"n"))


def cut_it_short(directory):
    write(os.path.join(directory, "000000"), OLD[:-1])


def remove_it(directory):
    os.unlink(os.path.join(directory, "000000"))


def put_a_link_in_its_place(directory):
    path = os.path.join(directory, "000000")
    os.rename(path, path + ".kept")
    os.symlink(path + ".kept", path)


def put_a_pipe_in_its_place(directory):
    remove_it(directory)
    os.mkfifo(os.path.join(directory, "000000"), 0o600)


def remove_the_manifest(directory):
    os.unlink(os.path.join(directory, "manifest.json"))


def copy_another_manifest(directory):
    path = os.path.join(directory, "manifest.json")
    write(path, content(path).replace(os.path.basename(directory).encode(), b"20260301T101500.123456Z-5f3a9c"))


def let_others_write(directory):
    os.chmod(directory, 0o770)


def let_others_write_the_manifest(directory):
    os.chmod(os.path.join(directory, "manifest.json"), 0o606)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(change_a_byte, r"/000000, which was .*m/config\.pbtxt, is not the file that", id="other byte"),
        pytest.param(cut_it_short, r"/000000, which was .*m/config\.pbtxt, is not the file that", id="short file"),
        pytest.param(remove_it, "No such file or directory: '000000'", id="no file"),
        pytest.param(put_a_link_in_its_place, "symbolic links: '000000'", id="link"),
        pytest.param(put_a_pipe_in_its_place, "000000 is not a regular file", id="pipe"),
        pytest.param(remove_the_manifest, "No such file or directory: 'manifest.json'", id="no manifest"),
        pytest.param(copy_another_manifest, "it is the backup 20260301T101500.123456Z-5f3a9c", id="other manifest"),
        pytest.param(let_others_write, "other users may write to it", id="open to the group"),
        pytest.param(let_others_write_the_manifest, "other users may write to it", id="manifest open to others"),
    ],
)
def test_a_damaged_backup_is_refused(config, kept, damage, message):
    backup_id = save(kept, [Replacement(config, OLD, NEW)])
    damage(os.path.join(kept, backup_id))
    with pytest.raises(
        FileError, match=f"{backup_id}: this backup cannot be used, and nothing was changed: .*{message}"
    ):
        read(kept, backup_id)


def test_a_link_to_a_backup_is_none(config, kept):
    backup_id = save(kept, [Replacement(config, OLD, NEW)])
    path = os.path.join(kept, backup_id)
    os.rename(path, path + ".moved")
    os.symlink(path + ".moved", path)
    with pytest.raises(FileError, match="cannot be used"):
        read(kept, backup_id)


@pytest.mark.parametrize("whose", [".", "manifest.json", "000000"])
def test_a_backup_of_another_user_is_refused_even_by_root(as_root, config, kept, whose):
    backup_id = save(kept, [Replacement(config, OLD, NEW)])
    os.chown(os.path.join(kept, backup_id, whose), 12345, 12345)
    with pytest.raises(FileError, match=r"it belongs to the user 12345\. Run the task as that user"):
        read(kept, backup_id)


# Pruning


def test_the_oldest_backups_go_until_as_many_are_left_as_asked_for(config, kept):
    ids = [save(kept, [Replacement(config, OLD, NEW)]) for _round in range(5)]
    assert prune(kept, 2, ids[-1]) == []
    assert sorted(os.listdir(kept)) == ids[-2:]


@pytest.mark.parametrize("keep", [5, 6, 100])
def test_no_more_than_there_are_can_be_kept(config, kept, keep):
    ids = [save(kept, [Replacement(config, OLD, NEW)]) for _round in range(5)]
    assert prune(kept, keep, ids[-1]) == []
    assert sorted(os.listdir(kept)) == ids


def test_the_newest_backup_stays_also_where_the_clock_went_back(config, kept):
    ids = [save(kept, [Replacement(config, OLD, NEW)]) for _round in range(3)]
    prune(kept, 1, ids[0])
    assert os.listdir(kept) == [ids[0]]


def test_nothing_but_whole_backups_of_ours_goes(config, kept):
    newest = save(kept, [Replacement(config, OLD, NEW)])
    names = [f"20200101T000000.000000Z-00000{number}" for number in range(4)]
    write(os.path.join(kept, names[0]), b"a file")
    os.mkdir(os.path.join(kept, names[1]))
    os.mkdir(os.path.join(kept, names[2]))
    write(inside(kept, names[2]), b"{}")
    shutil.copytree(os.path.join(kept, newest), os.path.join(kept, names[3]))
    shutil.copytree(os.path.join(kept, newest), os.path.join(kept, "old"))
    was = sorted(os.listdir(kept))
    assert prune(kept, 1, newest) == []
    assert sorted(os.listdir(kept)) == was


def test_a_backup_that_cannot_be_removed_is_a_warning(config, kept, monkeypatch):
    ids = [save(kept, [Replacement(config, OLD, NEW)]) for _round in range(3)]
    real = os.rename

    def rename(source, target):
        if source.endswith(ids[0]):
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))
        real(source, target)

    monkeypatch.setattr(os, "rename", rename)
    assert prune(kept, 1, ids[2]) == [
        f"{kept}/{ids[0]}: this old backup could not be removed: Operation not permitted. Remove it by hand."
    ]
    assert sorted(os.listdir(kept)) == [ids[0], ids[2]]


def test_a_backup_is_never_half_removed_under_its_name(config, kept, monkeypatch):
    ids = [save(kept, [Replacement(config, OLD, NEW)]) for _round in range(2)]

    def rmtree(path):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(backup.shutil, "rmtree", rmtree)
    (warning,) = prune(kept, 1, ids[1])
    assert "Input/output error. Remove it by hand" in warning
    assert warning.partition(": ")[0] in [os.path.join(kept, name) for name in os.listdir(kept)]
    assert ids[0] not in os.listdir(kept)


def test_a_directory_that_cannot_be_listed_any_more_is_a_warning(kept):
    (warning,) = prune(kept, 1, "20260301T101500.123456Z-5f3a9c")
    assert "cannot be read" in warning


def test_a_backup_that_is_gone_already_needs_no_removal(kept):
    os.mkdir(kept)
    assert discard(kept, "20260301T101500.123456Z-5f3a9c") is None


def test_the_backup_of_a_run_that_is_still_at_work_stays(config, kept, child):
    of_a = save(kept, [Replacement(config, OLD, NEW)])
    with in_use(kept, of_a):
        of_b = child(lambda: save(kept, [Replacement(config, OLD, NEW)])).result()
        assert child(lambda: prune(kept, 1, of_b)).result() == []
        assert sorted(os.listdir(kept)) == [of_a, of_b]
    prune(kept, 1, of_b)
    assert os.listdir(kept) == [of_b]


def test_a_run_whose_backup_is_gone_at_once_goes_no_further(config, kept):
    backup_id = save(kept, [Replacement(config, OLD, NEW)])
    discard(kept, backup_id)
    with pytest.raises(FileError, match="another task removed this backup"), in_use(kept, backup_id):
        raise AssertionError("nothing may be written now")


def test_runs_that_save_and_prune_at_once_do_not_hurt_each_other(config, kept, child):
    def run():
        for _round in range(30):
            backup_id = save(kept, [Replacement(config, OLD, NEW)])
            assert prune(kept, 10, backup_id) == []

    for started in [child(run) for _run in range(3)]:
        started.result()
    left = os.listdir(kept)
    assert len(left) <= 12
    assert all(read(kept, backup_id).contents == {"000000": OLD} for backup_id in left)
