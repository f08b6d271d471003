# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives land inside of their folder, with modes of our choice, or not at all."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile

import pytest
from ansible_collections.inference.triton.plugins.module_utils._service.errors import ServiceError
from ansible_collections.inference.triton.plugins.module_utils._service.unpacking import sha256, unpack


@pytest.fixture
def tar(tmp_path):
    """Pack a tar: a text is a file's content, a tuple its type and where it links to."""

    def pack(members, mode=0o666):
        path = str(tmp_path / "archive.tar.gz")
        with tarfile.open(path, "w:gz") as archive:
            for name, what in members:
                member = tarfile.TarInfo(name)
                member.mode = mode
                if isinstance(what, tuple):
                    member.type, member.linkname = what
                    archive.addfile(member)
                else:
                    member.size = len(what)
                    archive.addfile(member, io.BytesIO(what))
        return path

    return pack


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "outer" / "folder"
    path.mkdir(parents=True)
    return path


def everything(path):
    return sorted(
        os.path.relpath(os.path.join(place, name), str(path)) for place, _d, fs in os.walk(path) for name in fs
    )


def test_a_tar_is_unpacked_with_its_links(tar, folder):
    unpack(
        tar([("./a/b", b"text"), ("a/soft", (tarfile.SYMTYPE, "b")), ("a/hard", (tarfile.LNKTYPE, "./a/b"))]), folder
    )
    assert everything(folder) == ["a/b", "a/hard", "a/soft"]
    assert os.readlink(str(folder / "a" / "soft")) == "b"
    assert (folder / "a" / "hard").read_bytes() == b"text"


def test_a_zip_is_unpacked(tmp_path, folder):
    path = str(tmp_path / "archive.whl")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/", "")
        archive.writestr("a/b", "text")
    unpack(path, folder)
    assert everything(folder) == ["a/b"]


@pytest.mark.parametrize(("mode", "expected"), [(0o666, 0o644), (0o777, 0o755), (0o6711, 0o755), (0o200, 0o644)])
def test_of_a_mode_only_whether_it_can_be_executed_is_kept(tar, folder, mode, expected):
    unpack(tar([("a", b"")], mode), folder)
    assert stat.S_IMODE((folder / "a").stat().st_mode) == expected


def test_what_is_not_wanted_is_left_out(tar, folder):
    unpack(tar([("a/b", b""), ("c", b"")]), folder, lambda name: name.startswith("a/"))
    assert everything(folder) == ["a/b"]


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "a/b/../../../evil"])
def test_a_name_that_leads_outside_is_refused(tar, folder, name):
    with pytest.raises(ServiceError, match="outside"):
        unpack(tar([(name, b"")]), folder)
    assert everything(folder.parent) == []


@pytest.mark.parametrize("target", ["../evil", "/etc/passwd", "a/../../evil"])
def test_a_link_that_leads_outside_is_refused(tar, folder, target):
    with pytest.raises(ServiceError, match="outside"):
        unpack(tar([("link", (tarfile.SYMTYPE, target))]), folder)


def test_links_that_lead_outside_together_are_refused(tar, folder):
    (folder.parent / "evil").write_bytes(b"")
    members = [("d/e/x", b""), ("up", (tarfile.SYMTYPE, "d/e")), ("out", (tarfile.SYMTYPE, "up/../../../evil"))]
    with pytest.raises(ServiceError, match="outside"):
        unpack(tar(members), folder)


def test_nothing_is_written_through_a_link(tar, folder):
    with pytest.raises(ServiceError):
        unpack(tar([("link", (tarfile.SYMTYPE, "..")), ("link/evil", b"")]), folder)
    assert not (folder.parent / "evil").exists()


def test_a_device_is_refused(tar, folder):
    with pytest.raises(ServiceError, match="a device or a pipe"):
        unpack(tar([("pipe", (tarfile.FIFOTYPE, ""))]), folder)


def test_the_same_file_twice_is_refused(tar, folder):
    with pytest.raises(ServiceError, match="cannot be unpacked"):
        unpack(tar([("a", b"1"), ("a", b"2")]), folder)


def test_what_is_no_archive_is_told_so(tmp_path, folder):
    (tmp_path / "text").write_bytes(b"no archive")
    with pytest.raises(ServiceError, match="neither a zip file nor a tar file"):
        unpack(str(tmp_path / "text"), folder)


def test_a_tar_that_ends_too_early_is_refused(tar, folder):
    path = tar([("a", os.urandom(100000))])
    with open(path, "rb+") as file:
        file.truncate(50000)
    with pytest.raises(ServiceError, match="cannot be unpacked"):
        unpack(path, folder)


def test_the_checksum_of_a_file(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256(str(tmp_path / "a")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_checksum_of_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ServiceError, match="cannot be read"):
        sha256(str(tmp_path / "a"))
