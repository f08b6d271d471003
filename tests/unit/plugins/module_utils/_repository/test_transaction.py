# SPDX-License-Identifier: GPL-3.0-or-later
"""All files of a run are written, or none; what they were is kept if it was asked for."""

from __future__ import annotations

import errno
import os
import stat

import pytest
from ansible_collections.inference.triton.plugins.module_utils._repository import backup, transaction
from ansible_collections.inference.triton.plugins.module_utils._repository.backup import Keeping, Replacement, read
from ansible_collections.inference.triton.plugins.module_utils._repository.files import (
    ConcurrentChangeError,
    FileError,
    attributes_of,
)
from ansible_collections.inference.triton.plugins.module_utils._repository.transaction import (
    NotPutBackError,
    Saved,
    write,
)

OLD, NEW = b'name: "m"\n', b'name: "m"\nmax_batch_size: 1\n'


@pytest.fixture
def kept(tmp_path):
    return str(tmp_path / "kept")


def holds(path):
    with open(path, "rb") as file:
        return file.read()


def all_of_them(repository):
    """One change of each sort: a file changed, made, removed, made in a new directory, a link removed, one made."""
    outside = os.path.join(os.path.dirname(repository.path), os.path.basename(repository.path) + ".shared.pbtxt")
    with open(outside, "wb") as file:
        file.write(OLD)
    for name in ("unlinked", "linked"):
        repository.model(name, None)
    os.symlink(outside, repository.config("unlinked"))
    replacements = [
        Replacement(repository.model("changed", OLD), OLD, NEW),
        Replacement(repository.model("made", None), None, NEW),
        Replacement(repository.model("removed", OLD), OLD, None),
        Replacement(repository.config("changed", "h100"), None, NEW),
        Replacement(repository.config("unlinked"), OLD, None),
        Replacement(repository.config("linked"), None, OLD, link=outside),
    ]
    for name in ("changed", "removed"):
        os.utime(repository.config(name), ns=(0, 1_000_000_007))
    return replacements


def times(repository):
    paths = [os.path.join(home, name) for home, _names, files in os.walk(repository.path) for name in files]
    return {path: os.stat(path).st_mtime_ns for path in paths}


def is_done(repository):
    return (
        (repository.text("changed"), repository.text("made"), repository.text("changed", "h100")) == (NEW, NEW, NEW)
        and not os.path.lexists(repository.config("removed"))
        and not os.path.lexists(repository.config("unlinked"))
        and os.path.islink(repository.config("linked"))
    )


def test_every_sort_of_change_is_made(repository):
    assert write(all_of_them(repository)) == Saved(None, ())
    assert is_done(repository)


def test_attributes_that_are_asked_for_are_set(repository):
    path = repository.model("m", OLD)
    attributes = attributes_of(path)._replace(mode=0o600, mtime_ns=1_234_567_891_000_000_001)
    write([Replacement(path, OLD, NEW, attributes)])
    status = os.stat(path)
    assert (holds(path), stat.S_IMODE(status.st_mode), status.st_mtime_ns) == (NEW, 0o600, 1_234_567_891_000_000_001)


def test_nothing_to_write_keeps_nothing(kept):
    assert write([], Keeping(kept, 1)) == Saved(None, ())
    assert not os.path.exists(kept)


# What is kept


def test_a_run_is_kept_before_it_writes(repository, kept, monkeypatch):
    path = repository.model("m", OLD)
    real = transaction.write_file

    def look(*arguments):
        (backup_id,) = os.listdir(kept)
        assert read(kept, backup_id).contents == {"000000": OLD}
        real(*arguments)

    monkeypatch.setattr(transaction, "write_file", look)
    saved = write([Replacement(path, OLD, NEW)], Keeping(kept))
    assert os.listdir(kept) == [saved.backup_id]
    assert holds(path) == NEW


def test_old_backups_go_after_the_run(repository, kept):
    path = repository.model("m", OLD)
    ids = []
    for before, after in [(OLD, NEW), (NEW, OLD), (OLD, NEW), (NEW, OLD)]:
        ids.append(write([Replacement(path, before, after)], Keeping(kept, 2)).backup_id)
    assert sorted(os.listdir(kept)) == ids[-2:]


def test_a_backup_that_cannot_be_removed_is_a_warning_of_a_run_that_succeeded(repository, kept, monkeypatch):
    path = repository.model("m", OLD)
    monkeypatch.setattr(backup, "prune", lambda directory, keep, newest: ["a warning"])
    assert write([Replacement(path, OLD, NEW)], Keeping(kept, 1)).warnings == ("a warning",)


def test_a_run_that_was_put_back_leaves_no_backup_and_costs_no_old_one(repository, kept):
    path, other = repository.model("m", OLD), repository.model("other", OLD)
    old = write([Replacement(path, OLD, NEW)], Keeping(kept, 1)).backup_id
    with pytest.raises(FileError, match="nothing has changed"):
        write([Replacement(path, NEW, OLD), Replacement(other, NEW, OLD)], Keeping(kept, 1))
    assert os.listdir(kept) == [old]


def test_a_run_that_could_not_be_put_back_names_its_backup(repository, kept, monkeypatch):
    path, other = repository.model("m", OLD), repository.model("other", OLD)
    real = transaction.write_file

    def interfere(*arguments):
        if arguments[0] == other:
            os.unlink(path)
            raise FileError("the disk is on fire")
        real(*arguments)

    monkeypatch.setattr(transaction, "write_file", interfere)
    with pytest.raises(NotPutBackError) as raised:
        write([Replacement(path, OLD, NEW), Replacement(other, OLD, NEW)], Keeping(kept, 1))
    (backup_id,) = os.listdir(kept)
    first, *_rest, last = str(raised.value).split("\n")
    assert (first, last) == ("the disk is on fire", f"The backup {backup_id} holds all files as they were.")
    assert read(kept, backup_id).contents == {"000000": OLD, "000001": OLD}


def test_no_backup_no_change(repository, tmp_path):
    path = repository.model("m", OLD)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileError, match="the backup cannot be written, so nothing was changed"):
        write([Replacement(path, OLD, NEW)], Keeping(str(tmp_path / "file")))
    assert holds(path) == OLD


# What fails is put back


@pytest.mark.parametrize("number", range(6))
def test_what_was_written_is_put_back_with_its_attributes(repository, snapshot, monkeypatch, number):
    replacements = all_of_them(repository)
    broken = repository.model("broken", OLD)
    replacements.insert(number, Replacement(broken, NEW, OLD))
    was = snapshot(repository.path), times(repository)
    with pytest.raises(FileError, match="was changed by somebody else"):
        write(replacements)
    assert (snapshot(repository.path), times(repository)) == was


def test_a_link_is_not_made_over_what_somebody_else_made(repository, snapshot):
    path = repository.model("m", OLD)
    was = snapshot(repository.path)
    with pytest.raises(ConcurrentChangeError, match="was made by somebody else in the meantime"):
        write([Replacement(path, None, OLD, link="../x")])
    assert snapshot(repository.path) == was


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EACCES], ids=["ENOSPC", "EACCES"])
def test_whichever_system_call_fails_all_is_done_and_kept_or_nothing_is(
    make_repository, tmp_path, snapshot, fail_at, writers, error
):
    for number in range(1, 500):
        repository, kept = make_repository(f"models{number}"), str(tmp_path / f"kept{number}")
        replacements = all_of_them(repository)
        was = snapshot(repository.path)
        failed = fail_at(number, error, writers)
        try:
            backup_id = write(replacements, Keeping(kept, 1)).backup_id
        except FileError:
            assert snapshot(repository.path) == was, failed()
            assert not os.path.exists(kept) or os.listdir(kept) == [], failed()
        else:
            assert is_done(repository), failed()
            assert os.listdir(kept) == [backup_id], failed()
        if failed() is None:
            return
    pytest.fail("writing never ended")
