# SPDX-License-Identifier: GPL-3.0-or-later
"""A run taken back: every file is again what it was before, or none is touched."""

from __future__ import annotations

import errno
import json
import os
import shutil

import pytest
from ansible_collections.inference.triton.plugins.module_utils._repository import backup, restoration, transaction
from ansible_collections.inference.triton.plugins.module_utils._repository.backup import Keeping, Replacement
from ansible_collections.inference.triton.plugins.module_utils._repository.config_file import Request, apply
from ansible_collections.inference.triton.plugins.module_utils._repository.files import FileError
from ansible_collections.inference.triton.plugins.module_utils._repository.lock import locked

OLD, NEW = b'name: "m"\n', b'name: "m"\nmax_batch_size: 1\n'
THEIRS = b'name: "m"\nmax_batch_size: 99\n'
PAST = 1_234_567_891_000_000_001


@pytest.fixture
def kept(tmp_path):
    return str(tmp_path / "kept")


@pytest.fixture
def change(kept):
    """Change files with a backup, ``change((path, before, after), ...)``, and give its identifier."""

    def write(*changes, where=kept):
        return transaction.write([Replacement(*what) for what in changes], Keeping(where)).backup_id

    return write


@pytest.fixture
def restore(kept):
    def take_back(backup_id, force=False, dry_run=False, where=kept):
        return restoration.restore(where, backup_id, force, dry_run)

    return take_back


def put(path, text):
    with open(path, "wb") as file:
        file.write(text)


def actions(result):
    return [entry["action"] for entry in result["files"]]


class Run:
    """A run with one change of each sort, and how the repository was before and after it."""

    def __init__(self, repository, kept, snapshot):
        self.repository, self.kept, self._snapshot = repository, kept, snapshot
        outside = repository.path + ".shared.pbtxt"
        put(outside, OLD)
        for name in ("linked", "unlinked"):
            os.symlink(outside, repository.model(name, None))
        replacements = [
            Replacement(repository.model("changed", OLD), OLD, NEW),
            Replacement(repository.model("made", None), None, NEW),
            Replacement(repository.model("removed", OLD), OLD, None),
            Replacement(repository.config("changed", "h100"), None, NEW),
            Replacement(repository.config("changed", "a100"), None, NEW),
            Replacement(repository.config("unlinked"), OLD, None),
        ]
        for name in ("changed", "removed"):
            os.chmod(repository.config(name), 0o640)
            os.utime(repository.config(name), ns=(0, PAST))
        self.before = self.now()
        self.backup_id = transaction.write(replacements, Keeping(kept)).backup_id
        self.after = self.now()

    def now(self):
        paths = [os.path.join(home, name) for home, _names, files in os.walk(self.repository.path) for name in files]
        times = {path: os.stat(path).st_mtime_ns for path in paths}
        return self._snapshot(self.repository.path), times

    def restore(self, **options):
        return restoration.restore(self.kept, self.backup_id, **{"force": False, "dry_run": False, **options})


@pytest.fixture
def make_run(make_repository, tmp_path, snapshot):
    return lambda name="models": Run(make_repository(name), str(tmp_path / f"{name}-kept"), snapshot)


@pytest.fixture
def run(make_run):
    return make_run()


# The main job


def test_every_file_is_again_what_it_was_with_mode_and_times(run):
    result = run.restore()
    assert run.now() == run.before
    assert result["changed"]
    assert actions(result) == ["restored", "removed", "created", "removed", "removed", "created"]


def test_a_dry_run_tells_the_same_and_changes_nothing(run):
    planned = run.restore(dry_run=True)
    assert run.now() == run.after
    assert os.listdir(run.kept) == [run.backup_id]
    done = run.restore()
    assert planned.pop("undo_id") is None
    assert done.pop("undo_id") is not None
    assert planned == done


def test_a_second_run_changes_nothing(run):
    run.restore()
    backups = os.listdir(run.kept)
    result = run.restore()
    assert (result["changed"], result["undo_id"], result["diff"]) == (False, None, [])
    assert set(actions(result)) == {"unchanged"}
    assert run.now() == run.before
    assert os.listdir(run.kept) == backups


def test_a_restore_can_itself_be_taken_back_and_that_too(run):
    first = run.restore()
    second = restoration.restore(run.kept, first["undo_id"], False, False)
    assert run.now() == run.after
    restoration.restore(run.kept, second["undo_id"], False, False)
    assert run.now() == run.before


def test_the_latest_run_is_taken_back_once(repository, change, restore):
    path = repository.model("m", OLD)
    change((path, OLD, NEW))
    change((path, NEW, THEIRS))
    assert restore("latest")["changed"]
    assert repository.text("m") == NEW
    assert not restore("latest")["changed"]
    assert repository.text("m") == NEW


def test_the_result_says_which_run_it_was(repository, change, restore):
    backup_id = change((repository.model("m", OLD), OLD, NEW))
    assert restore("latest")["backup_id"] == backup_id


def test_the_diff_goes_from_what_is_there_to_what_was(repository, change, restore):
    path, made = repository.model("m", OLD), repository.model("made", None)
    backup_id = change((path, OLD, NEW), (made, None, NEW))
    assert restore(backup_id)["diff"] == [
        {"before_header": path, "after_header": path, "before": NEW.decode(), "after": OLD.decode()},
        {"before_header": made, "after_header": f"{made} (absent)", "before": NEW.decode(), "after": ""},
    ]


def test_what_model_config_did_is_taken_back(repository, kept, restore, snapshot):
    path = repository.model("m", OLD)
    was = snapshot(repository.path)
    for asked in ({"path": path}, {"path": repository.config("m", "h100")}, {"path": path, "absent": True}):
        defaults = {"remove": [], "lists": "merge", "absent": False, "create": True}
        request = Request(**{**defaults, "config": {"max_batch_size": 4}, "backup_dir": kept, **asked})
        backup_id = apply(request, dry_run=False)["backup_id"]
        assert snapshot(repository.path) != was
        restore(backup_id)
        assert snapshot(repository.path) == was


# What a running server has to do


CPU, GPU = b"instance_group { kind: KIND_CPU }\n", b"instance_group { kind: KIND_GPU }\n"


@pytest.mark.parametrize(
    ("before", "after", "impact"),
    [
        pytest.param(CPU, GPU, "instance_update", id="instance group"),
        pytest.param(OLD, NEW, "full_reload", id="other field"),
        pytest.param(OLD, OLD + b"# comment\n", "none", id="comment"),
        pytest.param(GPU, None, "instance_update", id="group is there again"),
        pytest.param(NEW, None, "full_reload", id="file is there again"),
        pytest.param(None, GPU, "instance_update", id="group goes with the file"),
        pytest.param(None, NEW, "full_reload", id="file goes"),
        pytest.param(b"name: ${x}", NEW, "full_reload", id="old file does not parse"),
    ],
)
def test_the_impact_is_that_of_the_change_back(repository, change, restore, before, after, impact):
    backup_id = change((repository.model("m", before), before, after))
    assert [entry["reload_impact"] for entry in restore(backup_id)["files"]] == [impact]
    assert [entry["reload_impact"] for entry in restore(backup_id)["files"]] == ["none"]


def test_a_variant_that_comes_or_goes_is_a_reload_since_the_server_reads_another_file(repository, change, restore):
    made, removed = repository.config("made", "h100"), repository.variant("removed", "h100", CPU)
    repository.model("made", CPU)
    backup_id = change((made, None, GPU), (removed, CPU, None))
    assert [entry["reload_impact"] for entry in restore(backup_id)["files"]] == ["full_reload", "full_reload"]


def test_a_model_with_variants_is_reloaded(repository, change, restore):
    variant = repository.variant("m", "h100", CPU)
    backup_id = change((repository.model("m", CPU), CPU, GPU), (variant, CPU, GPU))
    assert [entry["reload_impact"] for entry in restore(backup_id)["files"]] == ["full_reload", "full_reload"]


def test_backups_on_a_full_file_system_can_be_copied_and_used_elsewhere(repository, change, restore, kept, monkeypatch):
    path = repository.model("m", OLD)
    backup_id = change((path, OLD, NEW))

    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(backup, "_save", full)
        with pytest.raises(FileError, match=f"No space left on device. Copy {backup_id} to a directory"):
            restore(backup_id)
    assert repository.text("m") == NEW

    shutil.copytree(os.path.join(kept, backup_id), os.path.join(kept + "-copy", backup_id))
    assert actions(restore(backup_id, where=kept + "-copy")) == ["restored"]


# Attributes


def test_owner_and_group_are_put_back(as_root, repository, change, restore):
    path = repository.model("m", OLD)
    os.chown(path, 12345, 23456)
    backup_id = change((path, OLD, None))
    restore(backup_id)
    assert (os.stat(path).st_uid, os.stat(path).st_gid) == (12345, 23456)


def test_extended_attributes_are_put_back(repository, change, restore):
    path = repository.model("m", OLD)
    try:
        os.setxattr(path, "user.origin", b"git\0sha")
    except OSError as error:
        pytest.skip(f"no attributes on this file system: {error.strerror}")
    backup_id = change((path, OLD, None))
    restore(backup_id)
    assert os.getxattr(path, "user.origin") == b"git\0sha"


def test_attributes_alone_are_put_back_where_the_contents_are_as_before(repository, change, restore):
    path = repository.model("m", OLD)
    os.utime(path, ns=(0, PAST))
    backup_id = change((path, OLD, NEW))
    put(path, OLD)
    os.chmod(path, 0o600)
    assert actions(restore(backup_id)) == ["restored"]
    assert (os.stat(path).st_mode & 0o777, os.stat(path).st_mtime_ns) == (0o644, PAST)


def test_a_file_that_was_put_back_by_hand_is_left_alone(repository, change, restore):
    path = repository.model("m", OLD)
    backup_id = change((path, OLD, NEW))
    put(path, OLD)
    inode = os.stat(path).st_ino
    assert not restore(backup_id)["changed"]
    assert os.stat(path).st_ino == inode


# The directory of variants


def test_the_directory_that_the_run_made_stays_if_there_is_something_else_in_it(repository, change, restore):
    repository.model("m", OLD)
    backup_id = change((repository.config("m", "h100"), None, NEW))
    other = repository.variant("m", "other", OLD)
    restore(backup_id)
    assert os.listdir(os.path.dirname(other)) == ["other.pbtxt"]


def test_the_directory_that_the_run_found_stays(repository, change, restore):
    repository.model("m", OLD)
    configs = os.path.dirname(repository.variant("m", "other", OLD))
    os.unlink(repository.config("m", "other"))
    backup_id = change((repository.config("m", "h100"), None, NEW))
    restore(backup_id)
    assert os.listdir(configs) == []


def test_an_empty_directory_that_a_killed_restore_left_goes_with_the_next_one(repository, change, restore):
    repository.model("m", OLD)
    path = repository.config("m", "h100")
    backup_id = change((path, None, NEW))
    os.unlink(path)
    assert restore(backup_id)["changed"]
    assert not os.path.exists(os.path.dirname(path))
    assert not restore(backup_id)["changed"]


def test_the_directory_of_a_removed_variant_is_made_again(repository, change, restore):
    repository.model("m", OLD)
    path = repository.variant("m", "h100", OLD)
    backup_id = change((path, OLD, None))
    os.rmdir(os.path.dirname(path))
    restore(backup_id)
    assert repository.text("m", "h100") == OLD


# Changed since


def overwrite(path):
    put(path, THEIRS)


@pytest.mark.parametrize(
    ("before", "after", "interfere", "message"),
    [
        (
            OLD,
            NEW,
            overwrite,
            "was changed after the run: it holds neither what the run wrote nor what was there before.",
        ),
        (OLD, NEW, os.unlink, "was removed after the run."),
        (None, NEW, overwrite, "was changed after the run: it holds neither"),
        (OLD, None, overwrite, "was removed by the run, and made anew after it."),
    ],
    ids=["changed", "removed", "made and changed", "made again"],
)
def test_a_file_that_was_changed_since_stops_the_whole(
    repository, change, restore, kept, snapshot, before, after, interfere, message
):
    path, other = repository.model("m", before), repository.model("other", OLD)
    backup_id = change((path, before, after), (other, OLD, NEW))
    interfere(path)
    was = snapshot(repository.path)
    for dry_run in (True, False):
        with pytest.raises(FileError) as raised:
            restore(backup_id, dry_run=dry_run)
        first, second, third = str(raised.value).split("\n")
        assert first == f"The run {backup_id} cannot simply be taken back, and nothing was changed:"
        assert second.startswith(f"{path}: {message}")
        assert third.startswith("With force: true, ")
    assert snapshot(repository.path) == was
    assert os.listdir(kept) == [backup_id]


@pytest.mark.parametrize(
    ("before", "after", "interfere"),
    [(OLD, NEW, overwrite), (OLD, NEW, os.unlink), (None, NEW, overwrite), (OLD, None, overwrite)],
    ids=["changed", "removed", "made and changed", "made again"],
)
def test_force_overwrites_it_and_keeps_what_it_overwrites(
    repository, change, restore, snapshot, before, after, interfere
):
    path = repository.model("m", before)
    was = snapshot(repository.path)
    backup_id = change((path, before, after))
    interfere(path)
    theirs = snapshot(repository.path)
    result = restore(backup_id, force=True)
    assert snapshot(repository.path) == was
    assert not restore(backup_id, force=True)["changed"]
    restore(result["undo_id"])
    assert snapshot(repository.path) == theirs


def test_every_file_that_was_changed_since_is_named(repository, change, restore):
    paths = [repository.model(name, OLD) for name in ("a", "b", "c")]
    backup_id = change(*[(path, OLD, NEW) for path in paths])
    for path in paths[:2]:
        put(path, THEIRS)
    with pytest.raises(FileError) as raised:
        restore(backup_id)
    assert [path in str(raised.value) for path in paths] == [True, True, False]


def test_a_change_between_plan_and_write_stops_it_and_puts_back(repository, change, restore, monkeypatch, snapshot):
    first, second = repository.model("a", OLD), repository.model("b", OLD)
    backup_id = change((first, OLD, NEW), (second, OLD, NEW))
    real = transaction.write_file

    def interfere(path, *rest):
        if path == first:
            put(second, THEIRS)
        real(path, *rest)

    monkeypatch.setattr(transaction, "write_file", interfere)
    with pytest.raises(FileError, match=r"b/config\.pbtxt: was changed by somebody else"):
        restore(backup_id)
    assert (repository.text("a"), repository.text("b")) == (NEW, THEIRS)


def test_a_restore_waits_for_another_run(repository, change, restore, monkeypatch):
    monkeypatch.setattr(locked, "__defaults__", (0.1,))
    monkeypatch.setattr(locked.__wrapped__, "__defaults__", (0.1,))
    backup_id = change((repository.model("m", OLD), OLD, NEW))
    with locked([repository.path]), pytest.raises(FileError, match="another task has been changing this repository"):
        restore(backup_id)
    assert restore(backup_id)["changed"]


# What has no place any more


def test_a_model_that_was_removed_since_stops_the_whole_or_is_left_out(repository, change, restore):
    path, other = repository.model("m", OLD), repository.model("other", OLD)
    backup_id = change((path, OLD, NEW), (other, OLD, NEW))
    shutil.rmtree(os.path.dirname(path))
    with pytest.raises(FileError, match=r"m/config\.pbtxt: the directory of its model is not there any more\."):
        restore(backup_id)
    assert repository.text("other") == NEW
    result = restore(backup_id, force=True)
    assert actions(result) == ["skipped", "restored"]
    assert result["warnings"] == [f"{path}: the directory of its model is not there any more. It was left out."]
    assert (repository.text("other"), os.path.exists(os.path.dirname(path))) == (OLD, False)


def test_a_made_file_whose_model_was_removed_since_is_as_before(repository, change, restore):
    path = repository.model("m", None)
    backup_id = change((path, None, NEW))
    shutil.rmtree(os.path.dirname(path))
    assert actions(restore(backup_id)) == ["unchanged"]


@pytest.mark.parametrize("before", [OLD, None], ids=["changed", "made"])
def test_a_linked_model_that_leads_elsewhere_now_is_never_written(repository, make_repository, change, restore, before):
    store = make_repository("store")
    v3, v4 = store.model("v3", before), store.model("v4", NEW)
    link = os.path.join(repository.path, "m")
    os.symlink(os.path.dirname(v3), link)
    path = repository.config("m")
    backup_id = change((path, before, NEW))
    os.unlink(link)
    os.symlink(os.path.dirname(v4), link)
    with pytest.raises(FileError, match=f"leads to {v4} now, and the run changed {v3}"):
        restore(backup_id)
    assert actions(restore(backup_id, force=True)) == ["skipped"]
    assert (store.text("v3"), store.text("v4")) == (NEW, NEW)


# Links


@pytest.fixture
def shared(tmp_path):
    path = tmp_path / "shared.pbtxt"
    path.write_bytes(OLD)
    return path


@pytest.fixture
def linked(repository, shared):
    path = repository.model("m", None)
    os.symlink(str(shared), path)
    return path


def test_a_linked_file_is_put_back_through_the_link(linked, shared, change, restore):
    backup_id = change((linked, OLD, NEW))
    assert shared.read_bytes() == NEW
    restore(backup_id)
    assert (os.readlink(linked), shared.read_bytes()) == (str(shared), OLD)


@pytest.mark.parametrize("force", [False, True])
def test_a_link_that_leads_elsewhere_now_is_never_written_through(linked, shared, change, restore, tmp_path, force):
    backup_id = change((linked, OLD, NEW))
    (tmp_path / "precious").write_bytes(NEW)
    os.unlink(linked)
    os.symlink(str(tmp_path / "precious"), linked)
    if force:
        assert actions(restore(backup_id, force=True)) == ["skipped"]
    else:
        with pytest.raises(FileError, match=f"leads to {tmp_path}/precious now, and the run changed {shared}"):
            restore(backup_id)
    assert ((tmp_path / "precious").read_bytes(), shared.read_bytes()) == (NEW, NEW)


def test_a_removed_link_is_made_again_and_its_target_left_alone(linked, shared, change, restore):
    backup_id = change((linked, OLD, None))
    was = os.stat(str(shared))
    assert actions(restore(backup_id)) == ["created"]
    assert os.readlink(linked) == str(shared)
    assert os.stat(str(shared)).st_mtime_ns == was.st_mtime_ns
    assert actions(restore(backup_id)) == ["unchanged"]


def test_a_removed_link_whose_target_was_changed_since_needs_force(linked, shared, change, restore):
    backup_id = change((linked, OLD, None))
    shared.write_bytes(THEIRS)
    with pytest.raises(FileError, match=r"was a link to .*, which was changed after the run"):
        restore(backup_id)
    assert actions(restore(backup_id, force=True)) == ["created"]
    assert (os.readlink(linked), shared.read_bytes()) == (str(shared), THEIRS)


def test_a_removed_link_is_never_made_dangling(linked, shared, change, restore):
    """A dangling link in a model's directory stops the server from reading the model."""
    backup_id = change((linked, OLD, None))
    shared.unlink()
    with pytest.raises(FileError, match=r"was a link to .*, which is not there any more"):
        restore(backup_id)
    assert actions(restore(backup_id, force=True)) == ["skipped"]
    assert not os.path.lexists(linked)


@pytest.mark.parametrize(
    "stand", [lambda path: put(path, OLD), lambda path: os.symlink("1", path)], ids=["file", "other link"]
)
def test_what_stands_in_the_place_of_a_removed_link_is_never_overwritten(
    repository, linked, change, restore, snapshot, stand
):
    backup_id = change((linked, OLD, None))
    stand(linked)
    was = snapshot(repository.path)
    with pytest.raises(FileError, match="there is something else now in the place of the link to"):
        restore(backup_id)
    assert actions(restore(backup_id, force=True)) == ["skipped"]
    assert snapshot(repository.path) == was


def test_a_relative_link_in_a_linked_model_leads_where_it_led(repository, make_repository, change, restore):
    store = make_repository("deep/store")
    store.model("v3", None)
    put(os.path.join(os.path.dirname(store.path), "shared.pbtxt"), OLD)
    os.symlink("../../shared.pbtxt", store.config("v3"))
    os.symlink(os.path.join(store.path, "v3"), os.path.join(repository.path, "m"))
    backup_id = change((repository.config("m"), OLD, None))
    assert actions(restore(backup_id)) == ["created"]
    assert os.readlink(store.config("v3")) == "../../shared.pbtxt"


# A backup that cannot be used, and files that cannot be read or written


def test_a_damaged_backup_stops_everything_before_the_first_write(run):
    put(os.path.join(run.kept, run.backup_id, "000002"), b"")
    with pytest.raises(FileError, match=r"000002, which was .*removed/config\.pbtxt, is not the file that was kept"):
        run.restore(force=True)
    assert run.now() == run.after


@pytest.mark.parametrize("path", ["/etc/passwd", "../config.pbtxt", "/m/../config.pbtxt"])
def test_a_manifest_that_leads_elsewhere_stops_everything(run, path):
    name = os.path.join(run.kept, run.backup_id, "manifest.json")
    with open(name, "rb") as file:
        data = json.loads(file.read().decode())
    data["files"][0]["path"] = path
    put(name, json.dumps(data).encode())
    with pytest.raises(FileError, match=r"files\[0\]\.path: .* is not what is kept there"):
        run.restore(force=True)
    assert run.now() == run.after


@pytest.mark.parametrize("force", [False, True])
def test_a_file_that_cannot_be_read_stops_everything(repository, change, restore, force):
    path, other = repository.model("m", OLD), repository.model("other", OLD)
    backup_id = change((path, OLD, NEW), (other, OLD, NEW))
    os.unlink(path)
    os.mkdir(path)
    with pytest.raises(FileError) as raised:
        restore(backup_id, force=force)
    assert f"{path}: is a directory." in str(raised.value)
    assert str(raised.value).endswith("Not even force: true gets over it.")
    assert repository.text("other") == NEW


def test_a_file_that_this_user_may_not_write(as_root, open_path, make_repository, change, ordinary, snapshot):
    repository, kept = make_repository("models", open_path), os.path.join(open_path, "kept")
    backup_id = change((repository.model("m", OLD), OLD, NEW), where=kept)
    for home, names, files in os.walk(kept):
        for name in [".", *names, *files]:
            os.chown(os.path.join(home, name), 65534, 65534)
    was = snapshot(repository.path)
    with pytest.raises(FileError, match=r"Permission denied\. Run the task as a user who may write it"):
        ordinary(lambda: restoration.restore(kept, backup_id, False, False))
    assert snapshot(repository.path) == was
    assert os.listdir(kept) == [backup_id]


def test_a_backup_dir_without_space_stops_it(run, monkeypatch):
    def full(*_arguments, **_options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(restoration.backup.os, "mkdir", full)
    with pytest.raises(FileError, match="the backup cannot be written, so nothing was changed: No space left"):
        run.restore()
    assert run.now() == run.after


def test_whichever_system_call_fails_the_run_is_taken_back_or_nothing_is_changed(make_run, fail_at, writers):
    for number in range(1, 600):
        run = make_run(f"models{number}")
        failed = fail_at(number, (errno.ENOSPC, errno.EACCES)[number % 2], writers)
        try:
            run.restore()
        except FileError:
            assert run.now() == run.after, failed()
        else:
            assert run.now() == run.before, failed()
        if failed() is None:
            return
    pytest.fail("the restore never ended")


def test_a_restore_that_is_killed_leaves_whole_files_and_the_next_one_finishes_its_work(make_run, killed_at_every_line):
    for run in killed_at_every_line(lambda number: make_run(f"models{number}"), lambda made: made.restore(), 29):
        before, after = run.before[0], run.after[0]
        for path, what in run.now()[0].items():
            assert os.path.basename(path).startswith(".inference.triton-") or what in (
                before.get(path),
                after.get(path),
            )
        run.restore()
        assert run.now() == run.before


def test_names_that_are_not_utf8_give_a_result_that_is(repository, change, restore):
    path = repository.model(os.fsdecode(b"\xff"), OLD)
    backup_id = change((path, OLD, NEW))
    json.dumps(restore(backup_id, dry_run=True), ensure_ascii=False).encode("utf-8")
    put(path, THEIRS)
    with pytest.raises(FileError) as raised:
        restore(backup_id)
    str(raised.value).encode("utf-8")
