# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading files: limited, without waiting, inside of the root, and never an exception."""

from __future__ import annotations

import os

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu import host_files
from ansible_collections.inference.triton.plugins.module_utils._gpu.host_files import HostFiles


@pytest.fixture
def files(host_tree):
    return HostFiles(str(host_tree.root))


def test_a_value_is_without_the_blanks_and_zero_bytes_around_it(files, host_tree):
    host_tree.write("sys/a", "0x10de\n")
    host_tree.write("proc/device-tree/model", b"Jetson\0")
    assert files.value("/sys/a") == "0x10de"
    assert files.value("/proc/device-tree/model") == "Jetson"


def test_a_read_is_limited(files, host_tree):
    host_tree.write("large", bytes(200_000))
    assert len(files.read("/large", 100_000)) == 100_000


def test_what_is_not_there_is_nothing(files):
    assert files.read("/a") is None
    assert files.text("/a") == files.value("/a") == files.link("/a") == files.real("/a") == ""
    assert files.names("/a") is None
    assert not files.exists("/a") and not files.usable("/a") and not files.program("/a")


def test_a_path_with_a_zero_byte_is_nothing():
    here = HostFiles("/")
    assert here.read("/proc/\0") is None
    assert here.names("/proc/\0") is None
    assert here.link("/proc/\0") == ""
    assert not here.exists("/\0") and not here.usable("/\0")


def test_bytes_that_are_no_utf_8_do_not_hinder(files, host_tree):
    host_tree.write("a", b"\xff\xfe")
    assert files.text("/a") == "\ufffd\ufffd"


def test_names_that_are_no_utf_8_are_left_out(files, host_tree):
    host_tree.folder("d")
    for name in (b"b", b"a", b"\xff"):
        with open(os.path.join(os.fsencode(str(host_tree.root)), b"d", name), "wb"):
            pass
    assert files.names("/d") == ["a", "b"]


def test_a_link_is_followed_inside_of_the_root(files, host_tree):
    host_tree.write("usr/lib/libcuda.so.550.54.15", "lib")
    host_tree.link("usr/lib/libcuda.so.1", "libcuda.so.550.54.15")
    host_tree.link("lib", "usr/lib")
    host_tree.link("opt/absolute", "/lib/libcuda.so.1")
    host_tree.link("opt/above", "../../../../../lib/libcuda.so.1")
    for path in ("/lib/libcuda.so.1", "/opt/absolute", "/opt/above"):
        assert files.text(path) == "lib"
        assert files.real(path) == "/usr/lib/libcuda.so.550.54.15"
        assert files.place(path) == str(host_tree.root / "usr/lib/libcuda.so.550.54.15")


def test_no_link_leads_out_of_the_root(files, host_tree):
    (host_tree.root.parent / "outside").write_text("secret")
    host_tree.link("a", "../outside")
    host_tree.link("b", str(host_tree.root.parent / "outside"))
    host_tree.link("c", "..")
    for path in ("/a", "/b", "/c/outside", "/../outside"):
        assert files.read(path) is None


def test_links_without_an_end_are_nothing(files, host_tree):
    host_tree.link("a", "b")
    host_tree.link("b", "a")
    host_tree.link("self/self", ".")
    assert files.read("/a") is None
    assert files.names("/a") is None
    assert files.real("/a") == ""
    assert not files.exists("/" + "self/" * 100 + "x")


def test_what_a_link_says_is_told_even_if_it_leads_nowhere(files, host_tree):
    host_tree.link("proc/1/ns/mnt", "mnt:[4026531841]")
    assert files.link("/proc/1/ns/mnt") == "mnt:[4026531841]"
    assert not files.exists("/proc/1/ns/mnt")


def test_a_file_that_is_none_is_not_opened(files, host_tree):
    os.mkfifo(host_tree.root / "pipe")
    host_tree.folder("folder")
    assert files.read("/pipe") is None
    assert files.read("/folder") is None
    assert HostFiles("/").read("/dev/zero") is None


def test_what_goes_away_while_it_is_read_is_nothing(files, host_tree, monkeypatch):
    host_tree.write("a", "text")

    def gone(*arguments):
        raise ProcessLookupError

    monkeypatch.setattr(host_files.os, "read", gone)
    assert files.read("/a") is None


def test_what_was_read_before_a_fault_is_kept(files, host_tree, monkeypatch):
    host_tree.write("a", "text")
    chunks = iter([b"te"])

    def half(*arguments):
        for chunk in chunks:
            return chunk
        raise OSError

    monkeypatch.setattr(host_files.os, "read", half)
    assert files.read("/a") == b"te"


def test_whether_a_node_is_usable_is_told_without_opening_it(files, host_tree, monkeypatch):
    host_tree.write("dev/nvidia0")
    monkeypatch.setattr(host_files.os, "open", None)
    assert files.usable("/dev/nvidia0")
    monkeypatch.setattr(host_files.os, "access", lambda place, mode: mode != os.R_OK | os.W_OK)
    assert not files.usable("/dev/nvidia0")


def test_a_program_is_a_file_that_can_be_executed(files, host_tree):
    host_tree.program("usr/bin/a", "exit 0")
    host_tree.write("usr/bin/b").chmod(0o644)
    host_tree.folder("usr/bin/c")
    assert [name for name in "abc" if files.program(f"/usr/bin/{name}")] == ["a"]


def test_processes_are_those_that_have_a_name(files, host_tree):
    host_tree.process(1, comm="systemd")
    host_tree.process(77, comm="nv-fabricmanager")
    host_tree.folder("proc/88")
    host_tree.write("proc/version", "Linux")
    assert files.processes() == {1: "systemd", 77: "nv-fabricmanage"}


def test_no_name_of_a_process_comes_from_outside_of_the_root(files, host_tree):
    (host_tree.root.parent / "comm").write_text("tritonserver")
    host_tree.link("proc/9/comm", str(host_tree.root.parent / "comm"))
    os.mkfifo(host_tree.folder("proc/10") / "comm")
    assert files.processes() == {}


def test_the_root_itself_and_a_root_inside_of_it(files, host_tree):
    host_tree.write("run/nvidia/driver/usr/bin/a", "inner")
    host_tree.link("run/nvidia/driver/b", "/usr/bin/a")
    assert files.names("/") == ["run"]
    assert files.below("/run/nvidia/driver").text("/b") == "inner"


def test_the_files_of_this_host():
    here = HostFiles()
    assert here.is_this_host
    assert here.names("/proc") and here.place("/proc/stat") == "/proc/stat"
    assert os.getpid() in here.processes()
    assert here.real("/proc/self") == f"/proc/{os.getpid()}"
    assert here.real("/no such file") == ""
