# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of a server out of a file, and out of what journalctl prints."""

from __future__ import annotations

import os
import sys

import pytest
from ansible_collections.inference.triton.plugins.module_utils._service.errors import ServiceError
from ansible_collections.inference.triton.plugins.module_utils._service.unit_state import UnitState
from ansible_collections.inference.triton.plugins.module_utils._verification import journal

START = "I0301 10:15:00.000000 10 pinned_memory_manager.cc:277] \"Pinned memory pool is created at '0x7f'\"\n"
INSTANCE = 'I0301 10:15:01.000000 10 python_be.cc:2289] "TRITONBACKEND_ModelInstanceInitialize: m_0_0 ({} device 0)"\n'
TABLE = "| model_control_mode               | MODE_{}           |\n"
GPU = {"m_0_0": [("KIND_GPU", 0)]}

UNIT = UnitState(True, "active", "running", "enabled", "", 10, 0, "5f3a9c", False, "")


def test_a_file(tmp_path):
    path = tmp_path / "server.log"
    path.write_text(START + TABLE.format("EXPLICIT") + INSTANCE.format("GPU"))
    found = journal.of_file(str(path))
    assert (found.source, found.error, found.control_mode) == (f"the log {path}", None, "explicit")
    assert found.log.starts
    assert found.log.instances == GPU


def test_the_last_start_in_a_file_counts(tmp_path):
    path = tmp_path / "server.log"
    first = START + TABLE.format("EXPLICIT") + INSTANCE.format("CPU")
    path.write_text(first + START + TABLE.format("POLL") + INSTANCE.format("GPU"))
    found = journal.of_file(str(path))
    assert (found.control_mode, found.log.instances) == ("poll", GPU)


def test_lines_at_the_edge_of_what_is_read_at_once(tmp_path, monkeypatch):
    path = tmp_path / "server.log"
    path.write_text(START + INSTANCE.format("GPU").rstrip("\n"))
    for size in (1, 7, 64):
        monkeypatch.setattr(journal, "_CHUNK", size)
        assert journal.of_file(str(path)).log.instances == GPU


def test_the_end_of_a_long_log(tmp_path, monkeypatch):
    path = tmp_path / "server.log"
    path.write_text(START + "x" * 5000 + "\n" + INSTANCE.format("GPU"))
    monkeypatch.setattr(journal, "_LIMIT", 1000)
    found = journal.of_file(str(path)).log
    assert (found.starts, found.instances) == (False, GPU)


def test_a_log_without_a_table_does_not_know_the_mode(tmp_path):
    path = tmp_path / "server.log"
    path.write_bytes(b"\xff\n| model_control_mode | MODE_NEW |\n")
    assert journal.of_file(str(path)).control_mode is None


@pytest.mark.parametrize("what", ["missing", "folder", "pipe"])
def test_a_file_that_is_none(tmp_path, what):
    path = tmp_path / "log"
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(str(path))
    found = journal.of_file(str(path))
    assert found.log is None
    assert str(path) in found.error


def printing(text, wait=0):
    program = f"import sys, time; sys.stdout.write({text!r}); sys.stdout.flush(); time.sleep({wait})"
    return [sys.executable, "-c", program]


def test_what_a_command_prints():
    found = journal.of_command("the journal of x", printing(START + TABLE.format("NONE") + INSTANCE.format("GPU")))
    assert (found.source, found.control_mode, found.log.instances) == ("the journal of x", "none", GPU)


def test_a_command_that_prints_nothing_may_not_read_the_journal():
    found = journal.of_command("the journal of x", printing(""))
    assert found.log is None
    assert "systemd-journal" in found.error


def test_a_command_that_does_not_end_is_stopped():
    found = journal.of_command("the journal of x", printing(START, wait=60), seconds=1)
    assert found.log is None
    assert "more than 1 seconds" in found.error


def test_a_command_that_there_is_not():
    found = journal.of_command("the journal of x", ["/nowhere/journalctl"])
    assert found.error.startswith("the journal of x cannot be read: ")


@pytest.fixture
def asked(monkeypatch):
    """The command for a unit, instead of what it prints."""
    commands = []

    def remember(source, command):
        commands.append(command)
        return journal.ServerLog(source)

    monkeypatch.setattr(journal, "of_command", remember)
    return commands


def test_the_journal_of_the_current_run_of_a_unit(asked, monkeypatch):
    monkeypatch.setattr(journal, "read_unit", lambda unit: UNIT)
    assert journal.of_unit("triton.service").source == "the journal of triton.service"
    (command,) = asked
    assert command[0] == "journalctl" and command[-1] == "_SYSTEMD_INVOCATION_ID=5f3a9c"


@pytest.mark.parametrize(
    ("state", "why"), [(UNIT._replace(is_known=False), "no unit"), (UNIT._replace(run=""), "not started")]
)
def test_a_unit_without_a_run(asked, monkeypatch, state, why):
    monkeypatch.setattr(journal, "read_unit", lambda unit: state)
    assert why in journal.of_unit("triton.service").error
    assert asked == []


def test_a_host_without_systemd(monkeypatch):
    def refuse(unit):
        raise ServiceError("systemctl does not answer: no")

    monkeypatch.setattr(journal, "read_unit", refuse)
    assert "does not answer" in journal.of_unit("triton.service").error
