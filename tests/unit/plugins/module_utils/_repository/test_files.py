# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading and replacing files, and everything that can go wrong on the way."""

from __future__ import annotations

import errno
import os
import resource
import socket
import stat
import struct

import pytest
from ansible_collections.inference.triton.plugins.module_utils._repository.files import (
    MAX_SIZE,
    ConcurrentChangeError,
    FileError,
    read_file,
    remove_leftovers,
    write_file,
)
from ansible_collections.inference.triton.plugins.module_utils._repository.lock import locked

OLD = b'name: "m"\n'
NEW = b'name: "m"\ninstance_group [ { kind: KIND_GPU } ]\n'

USER_OBJ, USER, GROUP_OBJ, MASK, OTHER, NO_ID = 0x01, 0x02, 0x04, 0x10, 0x20, 0xFFFFFFFF
ACL, DEFAULT_ACL = "system.posix_acl_access", "system.posix_acl_default"


def acl(user, permissions):
    """An access control list that lets one more user in."""
    entries = [
        (USER_OBJ, 6, NO_ID),
        (USER, permissions, user),
        (GROUP_OBJ, 4, NO_ID),
        (MASK, 6, NO_ID),
        (OTHER, 0, NO_ID),
    ]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def set_attribute(path, name, value):
    try:
        os.setxattr(path, name, value)
    except OSError as error:
        pytest.skip(f"no {name} on this file system: {error.strerror}")


def read(path):
    with open(path, "rb") as file:
        return file.read()


def holds(path):
    return read(path) if os.path.exists(path) else None


def put(path, text):
    with open(path, "wb") as file:
        file.write(text)


@pytest.fixture
def config(repository):
    return repository.model("m", OLD)


# Reading


@pytest.mark.parametrize("text", [b"", OLD, b"\0\xff\r\n", b"#" * MAX_SIZE], ids=["empty", "text", "binary", "largest"])
def test_a_file_is_read_as_it_is(config, text):
    put(config, text)
    assert read_file(config) == text


def test_a_file_that_does_not_exist_is_none(repository):
    assert read_file(repository.config("m")) is None


def make_directory(path):
    os.mkdir(path)


def make_pipe(path):
    os.mkfifo(path)


def make_socket(path):
    # The path of a socket is short, so it is bound from its own directory.
    before = os.getcwd()
    os.chdir(os.path.dirname(path))
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(os.path.basename(path))
    finally:
        os.chdir(before)


def make_device_link(path):
    os.symlink("/dev/zero", path)


def make_dangling_link(path):
    os.symlink("nowhere", path)


def make_loop(path):
    os.symlink(os.path.basename(path), path)


def make_big_file(path):
    with open(path, "wb") as file:
        file.truncate(10_000_000)


NO_CONFIGURATION = [
    pytest.param(make_directory, r"is a directory\. Give the path of a config\.pbtxt", id="directory"),
    pytest.param(make_pipe, r"is not a regular file\. Give the path of a config\.pbtxt", id="pipe without a writer"),
    pytest.param(make_socket, "cannot be read: No such device or address", id="socket"),
    pytest.param(make_device_link, "is not a regular file", id="device"),
    pytest.param(
        make_dangling_link, r"is a link that leads nowhere\. Remove it or restore its target", id="dangling link"
    ),
    pytest.param(make_loop, "symbolic links", id="link to itself"),
    pytest.param(make_big_file, r"has 10\.0 MB; a model configuration has a few kB", id="10 MB"),
]


@pytest.mark.parametrize(("make", "message"), NO_CONFIGURATION)
def test_what_is_no_configuration_is_an_error_that_names_it(repository, make, message):
    path = repository.model("m", None)
    make(path)
    with pytest.raises(FileError, match=message) as raised:
        read_file(path)
    assert str(raised.value).startswith(f"{path}: ")


@pytest.mark.parametrize(("make", "message"), NO_CONFIGURATION)
def test_what_is_no_configuration_is_never_written_over(repository, snapshot, make, message):
    path = repository.model("m", None)
    make(path)
    was = snapshot(repository.path)
    with pytest.raises(FileError):
        write_file(path, OLD, NEW)
    assert snapshot(repository.path) == was


def test_a_path_through_a_file_is_an_error(config):
    with pytest.raises(FileError, match="a part of this path is not a directory"):
        read_file(os.path.join(config, "config.pbtxt"))


def test_a_path_with_a_nul_is_an_error():
    with pytest.raises(FileError, match="NUL"):
        read_file("/srv/models\0/m/config.pbtxt")


def test_a_file_that_this_user_may_not_read_is_an_error(open_path, make_repository, ordinary):
    path = make_repository("models", open_path).model("m", OLD)
    os.chmod(path, 0)
    with pytest.raises(FileError, match=r"cannot be read: Permission denied\. Run the task as a user who may read it"):
        ordinary(lambda: read_file(path))


# Replacing


def test_a_file_gets_its_new_text_and_nothing_else_appears(repository, config):
    write_file(config, OLD, NEW)
    assert read(config) == NEW
    assert os.listdir(repository.path) == ["m"]
    assert sorted(os.listdir(os.path.dirname(config))) == ["1", "config.pbtxt"]


def test_a_file_is_replaced_and_not_overwritten(config):
    """Who has it open reads the old text to its end, and never half of the new one."""
    with open(config, "rb") as reader:
        write_file(config, OLD, NEW)
        assert reader.read() == OLD


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o640, 0o444, 0o666, 0o755], ids=oct)
def test_the_mode_is_kept(config, mode):
    os.chmod(config, mode)
    write_file(config, OLD, NEW)
    assert stat.S_IMODE(os.stat(config).st_mode) == mode


def test_owner_and_group_are_kept(as_root, config):
    os.chown(config, 12345, 23456)
    write_file(config, OLD, NEW)
    assert (os.stat(config).st_uid, os.stat(config).st_gid) == (12345, 23456)


def test_user_attributes_are_kept(config):
    set_attribute(config, "user.origin", b"git\0sha")
    set_attribute(config, "user.empty", b"")
    write_file(config, OLD, NEW)
    assert {name: os.getxattr(config, name) for name in os.listxattr(config) if name.startswith("user.")} == {
        "user.origin": b"git\0sha",
        "user.empty": b"",
    }


def test_an_access_control_list_is_kept(config):
    set_attribute(config, ACL, acl(user=12345, permissions=6))
    write_file(config, OLD, NEW)
    assert os.getxattr(config, ACL) == acl(user=12345, permissions=6)


@pytest.mark.parametrize("where", ["repository", "model"])
def test_a_file_without_an_access_control_list_does_not_inherit_one(repository, config, where):
    os.chmod(config, 0o640)
    directory = repository.path if where == "repository" else os.path.dirname(config)
    set_attribute(directory, DEFAULT_ACL, acl(user=12345, permissions=6))
    write_file(config, OLD, NEW)
    assert ACL not in os.listxattr(config)
    assert stat.S_IMODE(os.stat(config).st_mode) == 0o640


def test_a_file_system_without_attributes_is_fine(monkeypatch, config):
    def unsupported(path):
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(os, "listxattr", unsupported)
    write_file(config, OLD, NEW)
    assert read(config) == NEW


@pytest.mark.parametrize("name", [ACL, "security.selinux"])
def test_a_label_that_cannot_be_kept_stops_the_change(monkeypatch, config, name):
    def refused(*args, **kwargs):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "listxattr", lambda path: [name] if path == config else [])
    monkeypatch.setattr(os, "getxattr", lambda path, name: b"label")
    monkeypatch.setattr(os, "setxattr", refused)
    with pytest.raises(FileError, match="Operation not permitted"):
        write_file(config, OLD, NEW)
    assert read(config) == OLD


# A new file


def test_a_new_file_appears_complete_and_nothing_else_does(repository):
    path = repository.model("m", None)
    write_file(path, None, NEW)
    assert read(path) == NEW
    assert os.listdir(repository.path) == ["m"]
    assert sorted(os.listdir(os.path.dirname(path))) == ["1", "config.pbtxt"]


@pytest.mark.parametrize(
    ("directory", "mode"),
    [(0o755, 0o644), (0o700, 0o600), (0o775, 0o664), (0o2770, 0o660)],
    ids=["755", "700", "775", "2770"],
)
def test_a_new_file_has_the_mode_of_its_directory_without_the_execute_bits(repository, directory, mode):
    path = repository.model("m", None)
    os.chmod(os.path.dirname(path), directory)
    write_file(path, None, NEW)
    assert stat.S_IMODE(os.stat(path).st_mode) == mode


def test_a_new_file_belongs_to_whom_its_directory_belongs(as_root, repository):
    path = repository.model("m", None)
    os.chown(os.path.dirname(path), 12345, 23456)
    write_file(path, None, NEW)
    assert (os.stat(path).st_uid, os.stat(path).st_gid) == (12345, 23456)


# Removing


def test_a_file_is_removed(repository, config):
    write_file(config, OLD, None)
    assert os.listdir(os.path.dirname(config)) == ["1"]


def test_removing_what_a_link_leads_to_leaves_no_dangling_link(repository, tmp_path):
    """A dangling link in a model's directory stops the server from reading the model."""
    target = tmp_path / "shared.pbtxt"
    target.write_bytes(OLD)
    path = repository.model("m", None)
    os.symlink(str(target), path)
    write_file(path, OLD, None)
    assert os.listdir(os.path.dirname(path)) == ["1"]


# Links


def test_a_linked_file_is_written_through(repository, tmp_path):
    target = tmp_path / "shared.pbtxt"
    target.write_bytes(OLD)
    path = repository.model("m", None)
    os.symlink("../../shared.pbtxt", path)
    write_file(path, OLD, NEW)
    assert os.readlink(path) == "../../shared.pbtxt"
    assert target.read_bytes() == NEW


def test_a_chain_of_links_is_written_through(repository, tmp_path):
    target = tmp_path / "shared.pbtxt"
    target.write_bytes(OLD)
    os.symlink("shared.pbtxt", str(tmp_path / "first"))
    path = repository.model("m", None)
    os.symlink(str(tmp_path / "first"), path)
    write_file(path, OLD, NEW)
    assert (os.path.islink(path), os.path.islink(str(tmp_path / "first"))) == (True, True)
    assert target.read_bytes() == NEW


def test_a_linked_model_is_written_through(repository, make_repository):
    elsewhere = make_repository("elsewhere")
    target = elsewhere.model("m-v2", OLD)
    os.symlink(os.path.dirname(target), os.path.join(repository.path, "m"))
    write_file(repository.config("m"), OLD, NEW)
    assert os.path.islink(os.path.join(repository.path, "m"))
    assert read(target) == NEW
    assert (os.listdir(repository.path), os.listdir(elsewhere.path)) == (["m"], ["m-v2"])


def test_a_new_file_of_a_linked_model_is_made_behind_the_link(repository, make_repository):
    elsewhere = make_repository("elsewhere")
    target = elsewhere.model("m-v2", None)
    os.symlink(os.path.dirname(target), os.path.join(repository.path, "m"))
    write_file(repository.config("m"), None, NEW)
    assert read(target) == NEW


# Somebody else is at work too


THEIRS = b'name: "m"\nmax_batch_size: 4\n'


def change_it(path):
    put(path, THEIRS)


def replace_it(path):
    put(path + ".theirs", THEIRS)
    os.replace(path + ".theirs", path)


def remove_it(path):
    os.unlink(path)


@pytest.mark.parametrize("interfere", [change_it, replace_it, remove_it])
def test_a_file_that_changed_since_it_was_read_is_not_overwritten(repository, config, snapshot, interfere):
    interfere(config)
    was = snapshot(repository.path)
    with pytest.raises(ConcurrentChangeError, match=r"changed by somebody else.*Run the task again"):
        write_file(config, OLD, NEW)
    assert snapshot(repository.path) == was


def test_a_file_that_changed_since_it_was_read_is_not_removed(config):
    change_it(config)
    with pytest.raises(ConcurrentChangeError):
        write_file(config, OLD, None)
    assert read(config) == THEIRS


@pytest.mark.parametrize("after", [NEW, None], ids=["for a new file", "for no file"])
def test_a_file_that_has_appeared_is_not_overwritten(config, after):
    with pytest.raises(ConcurrentChangeError):
        write_file(config, None, after)
    assert read(config) == OLD


@pytest.mark.parametrize("interfere", [change_it, replace_it])
def test_a_change_at_any_moment_before_the_rename_is_not_lost(make_repository, before_call, interfere):
    for number in range(1, 100):
        repository = make_repository(f"models{number}")
        path = repository.model("m", OLD)
        calls = []

        def before(count, name, args, at=number, path=path, record=calls.append):
            record(name)
            if count == at:
                interfere(path)

        before_call(before)
        try:
            write_file(path, OLD, NEW)
        except ConcurrentChangeError:
            assert read(path) == THEIRS
        else:
            assert len(calls) < number or calls[number - 1] == "rename", f"lost before {calls[number - 1]}"
        assert os.listdir(repository.path) == ["m"]
        if len(calls) < number:
            return
    pytest.fail("writing never ended")


def test_a_file_that_appears_at_any_moment_is_not_lost(make_repository, before_call):
    for number in range(1, 100):
        repository = make_repository(f"models{number}")
        path = repository.model("m", None)
        calls = []

        def before(count, name, args, at=number, path=path, record=calls.append):
            record(name)
            if count == at and not os.path.exists(path):
                put(path, THEIRS)

        before_call(before)
        try:
            write_file(path, None, NEW)
        except ConcurrentChangeError:
            assert read(path) == THEIRS
        else:
            assert read(path) == NEW
        assert os.listdir(repository.path) == ["m"]
        if len(calls) < number:
            return
    pytest.fail("writing never ended")


# What a polling server sees


def test_a_watcher_sees_no_new_name_in_any_model(repository, watch):
    path, other = repository.model("m", OLD), repository.model("other", OLD)
    with watch(os.path.dirname(path), os.path.dirname(other)) as seen:
        for _round in range(60):
            write_file(path, OLD, NEW)
            write_file(path, NEW, OLD)
            write_file(other, OLD, None)
            write_file(other, None, OLD)
    assert seen.names == {"1", "config.pbtxt"}
    assert seen.rounds > 10, "the watcher hardly ran"


def test_a_watcher_sees_no_new_name_without_unnamed_files(repository, watch, no_o_tmpfile):
    path = repository.model("m", OLD)
    with watch(os.path.dirname(path)) as seen:
        for _round in range(60):
            write_file(path, OLD, NEW)
            write_file(path, NEW, OLD)
    assert seen.names == {"1", "config.pbtxt"}


def test_a_watcher_never_sees_a_directory_in_the_root(repository, before_call):
    """Each directory there is a model; plain files are nothing to the server."""
    path = repository.model("m", OLD)
    seen = []
    before_call(lambda count, name, args: seen.extend(os.scandir(repository.path)))
    write_file(path, OLD, NEW)
    assert {entry.name for entry in seen if not entry.is_file(follow_symlinks=False)} == {"m"}


def test_the_new_text_is_complete_before_it_has_a_name(repository, before_call):
    path = repository.model("m", OLD)
    seen = set()

    def look(count, name, args):
        for directory, _names, found in os.walk(repository.path):
            seen.update(read(os.path.join(directory, file)) for file in found)

    before_call(look)
    write_file(path, OLD, NEW)
    assert seen == {OLD, NEW}


# Another file system


def test_a_file_system_without_unnamed_files_is_fine(repository, snapshot, no_o_tmpfile):
    path = repository.model("m", OLD)
    os.chmod(path, 0o640)
    write_file(path, OLD, NEW)
    write_file(repository.variant("m", "h100", OLD), OLD, NEW)
    assert {name: holds for name, (_mode, holds) in snapshot(repository.path).items()} == {
        "m": None,
        "m/1": None,
        "m/configs": None,
        "m/config.pbtxt": NEW,
        "m/configs/h100.pbtxt": NEW,
    }
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o640


def test_a_new_file_on_a_file_system_without_unnamed_files(repository, no_o_tmpfile):
    path = repository.model("m", None)
    write_file(path, None, NEW)
    assert (read(path), os.listdir(repository.path)) == (NEW, ["m"])


@pytest.mark.parametrize("error", [errno.EPERM, errno.EOPNOTSUPP], ids=["EPERM", "EOPNOTSUPP"])
def test_a_new_file_on_a_file_system_without_hard_links(repository, no_o_tmpfile, monkeypatch, error):
    def unsupported(*args, **kwargs):
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "link", unsupported)
    path = repository.model("m", None)
    write_file(path, None, NEW)
    assert (read(path), os.listdir(repository.path)) == (NEW, ["m"])
    with pytest.raises(ConcurrentChangeError):
        write_file(path, None, OLD)
    assert (read(path), os.listdir(repository.path)) == (NEW, ["m"])


@pytest.fixture
def model_elsewhere(repository):
    """A linked model on another file system, which a rename cannot reach."""
    memory = "/dev/shm"
    if not os.access(memory, os.W_OK) or os.stat(memory).st_dev == os.stat(repository.path).st_dev:
        pytest.skip("there is no second file system to write to")
    home = os.path.join(memory, f"inference-triton-test-{os.getpid()}")
    os.makedirs(os.path.join(home, "m", "1"))
    os.symlink(os.path.join(home, "m"), os.path.join(repository.path, "m"))
    yield os.path.join(home, "m")
    for directory, names, found in os.walk(home, topdown=False):
        for name in found:
            os.unlink(os.path.join(directory, name))
        for name in names:
            os.rmdir(os.path.join(directory, name))
    os.rmdir(home)


@pytest.mark.parametrize("before", [OLD, None], ids=["change", "new file"])
def test_a_linked_model_on_another_file_system_sees_no_new_name_either(
    repository, model_elsewhere, before, before_call
):
    path = repository.config("m")
    if before is not None:
        put(path, before)
    seen = set()
    before_call(lambda count, name, args: seen.update(os.listdir(model_elsewhere)))
    write_file(path, before, NEW)
    assert read(path) == NEW
    assert seen <= {"1", "config.pbtxt"}
    assert os.listdir(repository.path) == ["m"]
    assert os.listdir(os.path.dirname(model_elsewhere)) == ["m"]


@pytest.mark.parametrize("before", [OLD, None], ids=["change", "new file"])
def test_a_mounted_model(repository, mount, before):
    mount(os.path.join(repository.path, "m"), "64k")
    path = repository.model("m", before)
    write_file(path, before, NEW)
    assert read(path) == NEW
    assert sorted(os.listdir(os.path.dirname(path))) == ["1", "config.pbtxt"]


def test_a_linked_file_on_another_file_system(repository, mount, tmp_path):
    target = os.path.join(mount(str(tmp_path / "share"), "64k"), "m.pbtxt")
    put(target, OLD)
    path = repository.model("m", None)
    os.symlink(target, path)
    write_file(path, OLD, NEW)
    assert read(target) == NEW
    assert os.listdir(os.path.dirname(target)) == ["m.pbtxt"]


# Without the right to write


@pytest.fixture
def closed_model(open_path, make_repository):
    """A model whose files everybody may read, and of which an ordinary user may write nothing."""
    repository = make_repository("models", open_path)
    path = repository.model("m", OLD)
    for directory in (repository.path, os.path.dirname(path)):
        os.chmod(directory, 0o755 if os.getuid() == 0 else 0o555)
    yield path
    for directory in (repository.path, os.path.dirname(path)):
        os.chmod(directory, 0o755)


@pytest.mark.parametrize(("before", "after"), [(OLD, NEW), (OLD, None)], ids=["change", "removal"])
def test_a_directory_that_this_user_may_not_write(closed_model, ordinary, snapshot, before, after):
    was = snapshot(os.path.dirname(closed_model))
    with pytest.raises(FileError, match=r"left as it was: Permission denied\. Run the task as a user who may write it"):
        ordinary(lambda: write_file(closed_model, before, after))
    assert snapshot(os.path.dirname(closed_model)) == was


def test_a_file_of_another_user_in_a_directory_of_ones_own(as_root, open_path, make_repository, ordinary, snapshot):
    """It could be replaced, but not with its owner kept."""
    repository = make_repository("models", open_path)
    path = repository.model("m", OLD)
    for directory in (repository.path, os.path.dirname(path)):
        os.chmod(directory, 0o777)
    was = snapshot(repository.path)
    why = r"left as it was: its owner and group \(.*\) cannot be kept by this user\. Run the task as a user who may"
    with pytest.raises(FileError, match=why):
        ordinary(lambda: write_file(path, OLD, NEW))
    assert snapshot(repository.path) == was


def test_ones_own_model_in_a_repository_of_another_user(as_root, open_path, make_repository, ordinary):
    repository = make_repository("models", open_path)
    path = repository.model("m", OLD)
    for owned in (os.path.dirname(path), path):
        os.chown(owned, 65534, 65534)
    ordinary(lambda: write_file(path, OLD, NEW))
    assert read(path) == NEW
    assert sorted(os.listdir(os.path.dirname(path))) == ["1", "config.pbtxt"]


# Without space


def test_a_full_file_system(mount, tmp_path, make_repository, snapshot):
    below = mount(str(tmp_path / "small"), "64k")
    repository = make_repository("models", below)
    path = repository.model("m", OLD)
    with open(os.path.join(below, "filler"), "wb") as filler:
        filler.write(bytes(os.statvfs(below).f_bfree * 4096))
    was = snapshot(repository.path)
    with pytest.raises(FileError, match=r"left as it was: No space left on device\. Free some space"):
        write_file(path, OLD, NEW)
    assert snapshot(repository.path) == was


def test_a_limit_on_the_size_of_files(repository, config, child, snapshot):
    def write_limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(NEW) - 1, len(NEW) - 1))
        write_file(config, OLD, NEW)

    was = snapshot(repository.path)
    with pytest.raises(FileError, match="left as it was: File too large"):
        child(write_limited).result()
    assert snapshot(repository.path) == was


# Every system call may fail, and every process may be killed


CHANGES = [
    pytest.param(OLD, NEW, id="change"),
    pytest.param(None, NEW, id="new file"),
    pytest.param(OLD, None, id="removal"),
]


@pytest.mark.parametrize("unnamed", [True, False], ids=["unnamed file", "named file"])
@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_whichever_system_call_fails_the_file_is_old_or_new_and_nothing_is_left(
    make_repository, snapshot, fail_at, request, before, after, unnamed
):
    if not unnamed:
        request.getfixturevalue("no_o_tmpfile")
    for number in range(1, 100):
        repository = make_repository(f"models{number}")
        path = repository.model("m", before)
        was = snapshot(repository.path)
        failed = fail_at(number)
        try:
            write_file(path, before, after)
        except FileError:
            assert snapshot(repository.path) == was, f"{failed()} failed, and the error says that nothing was changed"
        else:
            assert os.listdir(repository.path) == ["m"] or failed() == "unlink", f"left after {failed()} failed"
            assert holds(path) == after, f"{failed()} failed, and there was no error"
        if failed() is None:
            return
    pytest.fail("writing never ended")


@pytest.mark.parametrize("unnamed", [True, False], ids=["unnamed file", "named file"])
@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_a_process_that_is_killed_leaves_the_old_file_or_the_new_one_and_nothing_that_lasts(
    make_repository, killed_at_every_line, request, before, after, unnamed
):
    """At no line is there a new name in the model's directory; the next run removes one from the root."""
    if not unnamed:
        request.getfixturevalue("no_o_tmpfile")

    def prepare(number):
        repository = make_repository(f"models{number}")
        repository.model("m", before)
        return repository

    for repository in killed_at_every_line(prepare, lambda made: write_file(made.config("m"), before, after)):
        path = repository.config("m")
        now = holds(path)
        assert now in (before, after)
        assert set(os.listdir(os.path.dirname(path))) - {"config.pbtxt"} == {"1"}
        assert [entry.name for entry in os.scandir(repository.path) if not entry.is_file()] == ["m"]
        with locked([repository.path]):
            write_file(path, now, OLD + NEW)
        assert os.listdir(repository.path) == ["m"]


def test_only_what_a_dead_process_of_this_host_left_is_removed(repository, child):
    dead = child(lambda: None)
    dead.result()
    host, mine = os.uname().nodename, os.getpid()
    names = {
        f".inference.triton-{host}-{dead.pid}-0123456789ab": False,
        f".inference.triton-{host}-{mine}-0123456789ab": True,
        f".inference.triton-other-{host}-{dead.pid}-0123456789ab": True,
        f".inference.triton-{host}-{dead.pid}": True,
        f"inference.triton-{host}-{dead.pid}-0123456789ab": True,
        ".hidden": True,
    }
    for name in names:
        put(os.path.join(repository.path, name), b"")
    remove_leftovers(repository.path)
    assert {name: name in os.listdir(repository.path) for name in names} == names


def test_the_text_is_on_the_disk_before_the_name_changes(config, before_call):
    calls = []
    before_call(lambda count, name, args: calls.append(name))
    write_file(config, OLD, NEW)
    assert calls.index("fsync") < calls.index("rename")
