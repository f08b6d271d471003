# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs at once on one repository: the second waits."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import time

import pytest
from ansible_collections.inference.triton.plugins.module_utils._repository.files import FileError
from ansible_collections.inference.triton.plugins.module_utils._repository.lock import locked


@pytest.fixture
def held(child, repository):
    """A process that holds the repository until it is told to let go, or is killed."""
    ready, started = os.pipe()
    wait, let_go = os.pipe()

    def hold():
        with locked([repository.path]):
            os.write(started, b"x")
            os.read(wait, 1)

    holder = child(hold)
    os.read(ready, 1)
    holder.let_go = lambda: os.write(let_go, b"x")
    yield holder
    for descriptor in (ready, started, wait, let_go):
        os.close(descriptor)


def is_free(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def test_a_lock_ends_with_its_block_and_leaves_nothing_behind(repository):
    with locked([repository.path]):
        assert not is_free(repository.path)
        assert os.listdir(repository.path) == []
    assert is_free(repository.path)
    assert os.listdir(repository.path) == []


def test_a_lock_ends_where_its_block_fails(repository):
    with pytest.raises(KeyError), locked([repository.path]):
        raise KeyError
    assert is_free(repository.path)


def test_who_waits_too_long_is_told_who_to_blame(repository, held):
    began = time.monotonic()
    message = r"models: another task has been changing this repository.*run this task again"
    with pytest.raises(FileError, match=message), locked([repository.path], timeout=0.2):
        pytest.fail("both hold it")
    assert 0.2 <= time.monotonic() - began < 5


def test_who_waits_long_enough_gets_it(repository, held):
    held.let_go()
    with locked([repository.path], timeout=10):
        pass
    held.result()


def test_a_lock_ends_with_a_process_that_is_killed(repository, held, killed):
    os.kill(held.pid, signal.SIGKILL)
    with pytest.raises(killed):
        held.result()
    with locked([repository.path], timeout=0):
        pass


def test_a_failed_wait_gives_back_what_it_had_already(repository, make_repository, held):
    first = make_repository("a")
    with pytest.raises(FileError), locked([first.path, repository.path], timeout=0.1):
        pytest.fail("both hold it")
    assert is_free(first.path)


def test_a_link_and_its_target_are_one_repository(repository, tmp_path, held):
    os.symlink(repository.path, str(tmp_path / "link"))
    with pytest.raises(FileError), locked([str(tmp_path / "link")], timeout=0.1):
        pytest.fail("both hold it")


def test_one_repository_under_several_names_is_held_once(repository, tmp_path):
    os.symlink(repository.path, str(tmp_path / "link"))
    with locked([repository.path, repository.path + "/", str(tmp_path / "link"), repository.path], timeout=0):
        assert not is_free(repository.path)


@pytest.mark.parametrize("path", ["missing", "file"])
def test_what_is_no_directory_is_left_out(tmp_path, path):
    (tmp_path / "file").write_text("")
    with locked([str(tmp_path / path)], timeout=0):
        pass


@pytest.mark.parametrize("error", [errno.EBADF, errno.EOPNOTSUPP, errno.ENOLCK, errno.EIO])
def test_a_file_system_that_cannot_lock_a_directory_goes_without(monkeypatch, repository, error):
    def refused(descriptor, operation):
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(fcntl, "flock", refused)
    with locked([repository.path], timeout=0):
        pass


def test_two_runs_that_want_the_same_two_repositories_never_wait_for_each_other(make_repository, child):
    paths = [make_repository("a").path, make_repository("b").path]

    def run(order):
        for _round in range(300):
            with locked(order, timeout=20):
                pass
        return True

    runs = [child(lambda: run(paths)), child(lambda: run(paths[::-1]))]
    assert [started.result() for started in runs] == [True, True]


def test_only_one_of_many_holds_it(repository, child, tmp_path):
    counter = tmp_path / "counter"
    counter.write_text("0")

    def count():
        for _round in range(50):
            with locked([repository.path], timeout=30):
                counter.write_text(str(int(counter.read_text()) + 1))

    for started in [child(count) for _process in range(4)]:
        started.result()
    assert counter.read_text() == "200"
