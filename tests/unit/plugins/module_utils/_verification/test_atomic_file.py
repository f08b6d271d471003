# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are whole at any moment, and stay where a new one fails."""

from __future__ import annotations

import os
import stat

import pytest
from ansible_collections.inference.triton.plugins.module_utils._verification import atomic_file


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state"


def full_disk(*_arguments):
    raise OSError(28, "No space left on device")


def test_a_file_is_made_and_replaced(path):
    atomic_file.replace(str(path), b"one")
    before = path.stat().st_ino
    atomic_file.replace(str(path), b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_ino != before, "a reader that has the old one open keeps it"


def test_everybody_can_read_it_whatever_the_mask_of_the_process(path):
    mask = os.umask(0o077)
    try:
        atomic_file.replace(str(path), b"one")
    finally:
        os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize("step", ["fsync", "replace", "fchmod"])
def test_on_a_full_disk_the_old_one_stays_alone(path, monkeypatch, step):
    path.write_bytes(b"old")
    with monkeypatch.context() as patch:
        patch.setattr(os, step, full_disk)
        with pytest.raises(OSError, match="No space left"):
            atomic_file.replace(str(path), b"new")
    assert path.read_bytes() == b"old"
    assert [file.name for file in path.parent.iterdir()] == ["state"]


def test_what_a_killed_process_has_left_does_not_matter(path):
    (path.parent / "state.unfinished").write_bytes(b"half")
    atomic_file.replace(str(path), b"whole")
    assert path.read_bytes() == b"whole"
    assert [file.name for file in path.parent.iterdir()] == ["state"]


def test_a_link_in_its_way_is_not_followed(path, tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    (tmp_path / "state.unfinished").symlink_to(victim)
    atomic_file.replace(str(path), b"new")
    assert victim.read_bytes() == b"mine"
    assert not path.is_symlink()


def test_a_link_in_its_place_is_replaced_and_not_written_through(path, tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    path.symlink_to(victim)
    atomic_file.replace(str(path), b"new")
    assert victim.read_bytes() == b"mine"
    assert path.read_bytes() == b"new"
