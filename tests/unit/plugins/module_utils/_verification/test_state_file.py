# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the last look, and the lock that keeps looks apart."""

from __future__ import annotations

import os

import pytest
from ansible_collections.inference.triton.plugins.module_utils._verification import state_file
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._verification.looks import fallen, state


def test_what_is_written_is_read(tmp_path):
    kept = state(fallen("modèle"), status="contradicted")
    state_file.write(str(tmp_path), kept)
    assert state_file.read(str(tmp_path)) == kept


def test_before_the_first_look_there_is_none(tmp_path):
    assert state_file.read(str(tmp_path)) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b'{"checked_at_seconds": "now"}', b"\xff", b"[" * 100_000],
    ids=["empty", "half", "a list", "of nothing", "no time", "no text", "deep"],
)
def test_what_is_no_state_is_refused(tmp_path, content):
    (tmp_path / "state.json").write_bytes(content)
    with pytest.raises(ValueError):  # noqa: PT011  # json's own, or ours
        state_file.read(str(tmp_path))


def test_two_looks_never_go_on_at_once(tmp_path):
    directory = str(tmp_path)
    with state_file.only_one(directory):
        with pytest.raises(state_file.AlreadyRunningError), state_file.only_one(directory):
            pass
        with pytest.raises(state_file.AlreadyRunningError), state_file.only_one(directory):
            pass
    with state_file.only_one(directory):
        pass


def test_the_lock_of_a_killed_process_does_not_stay(tmp_path):
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        with state_file.only_one(str(tmp_path)):
            os.write(writer, b"x")
            os.read(os.pipe()[0], 1)  # for ever
    os.read(reader, 1)
    with pytest.raises(state_file.AlreadyRunningError), state_file.only_one(str(tmp_path)):
        pass
    os.kill(child, 9)
    os.waitpid(child, 0)
    with state_file.only_one(str(tmp_path)):
        pass


def test_a_lock_that_somebody_else_owns_can_be_taken(tmp_path):
    """Root may have been the first to look: then the lock is its own, and may be read only."""
    (tmp_path / "lock").touch(mode=0o444)
    with state_file.only_one(str(tmp_path)):
        pass


def test_a_link_is_no_lock(tmp_path):
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="lock"), state_file.only_one(str(tmp_path)):
        pass
    assert not (tmp_path / "elsewhere").exists()
