# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of a log file that tell something, of the last start of a server in it."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu.regular_file import RegularFile
from ansible_collections.inference.triton.plugins.module_utils._verification import log_file

START = "I0301 10:15:00.000000 {} pinned_memory_manager.cc:277] \"Pinned memory pool is created at '0x7f'\""
ISO_START = '2026-03-01T10:15:00Z I 12 pinned_memory_manager.cc:279] "Pinned memory pool disabled"'
REQUEST = 'I0301 10:16:00.000000 10 http_server.cc:4685] "HTTP request: 2 /v2/models/m/infer"'
BUFFER = 'I0301 10:16:00.000000 10 pinned_memory_manager.cc:198] "pinned memory allocation: size 4, addr 0x7f"'
QUOTING = 'I0301 10:16:00.000000 10 python_be.cc:1] "Pinned memory pool is what a model writes of"'
WORDS = ("needle", "Pinned memory pool")


@pytest.fixture(params=[1, 7, 64, 2**20], ids="in pieces of {}".format)
def read(request, tmp_path, monkeypatch):
    """The lines of a log that is read in pieces of some length."""
    monkeypatch.setattr(log_file, "_CHUNK", request.param)

    def read(*lines, end="\n"):
        path = tmp_path / "server.log"
        path.write_bytes(b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines))
        with path.open("ab") as log:
            log.write(end.encode())
        with RegularFile.open("server_log", str(path)) as file:
            return list(log_file.telling_lines(file, WORDS))

    return read


def test_only_lines_with_a_word_are_read(read):
    assert read("a needle", REQUEST, "", "needles and needle", "no need", "needle") == [
        "a needle",
        "needles and needle",
        "needle",
    ]


@pytest.mark.parametrize("start", [START.format(11), ISO_START])
def test_they_are_read_from_the_last_start_on(read, start):
    lines = [START.format(10), "needle 1", REQUEST, start, REQUEST, "needle 2", BUFFER, "needle 3", QUOTING]
    assert read(*lines) == [start, "needle 2", "needle 3", QUOTING]


def test_a_start_may_be_the_last_line(read):
    assert read("needle", START.format(10), end="") == [START.format(10)]


def test_an_empty_log_has_none(read):
    assert read("", end="") == []


def test_bytes_that_are_no_text_are_replaced(read):
    assert read(b"\xff needle", b"\xff") == ["\ufffd needle"]


def test_the_end_of_a_long_log(read, monkeypatch):
    monkeypatch.setattr(log_file, "LIMIT", 30)
    assert read(START.format(10), "needle 1", "x" * 40, "needle 2") == ["needle 2"]


def test_a_line_without_an_end_is_cut_off(read, monkeypatch):
    monkeypatch.setattr(log_file, "_LONGEST", 20)
    (long,) = read("needle" + "x" * 300 + "needle", end="")
    assert long.startswith("needlexx")
