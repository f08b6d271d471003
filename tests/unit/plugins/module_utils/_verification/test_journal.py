# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of a server out of a file, and out of what journalctl prints."""

from __future__ import annotations

import json
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


# A journalctl: `entries` is the journal, and `how` what this journalctl can do. It notes how it is called.
JOURNALCTL = """\
import json, pathlib, re, sys, time
home = pathlib.Path(__file__).parent
how = (home / "how").read_text()
with (home / "calls").open("a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
options = dict(option.lstrip("-").partition("=")[::2] for option in sys.argv[1:])
pattern = options.get("grep")
if pattern is not None and how == "cannot search":
    sys.exit("Compiled without pattern matching support")
entries = (home / "entries").read_text().splitlines(keepends=True)
if how == "is forbidden":
    entries = []
found = [entry for entry in entries if pattern is None or re.search(pattern, entry)]
sys.stdout.writelines(found[-int(options.get("lines", len(found) or 1)):])
sys.stdout.flush()
time.sleep(60 if how == "hangs" else 0)
sys.exit(0 if found else 1)
"""
REQUEST = 'I0301 10:16:00.000000 10 http_server.cc:4685] "HTTP request: 2 /v2/models/m/infer"\n'


class Journal:
    """A journal of one unit, behind a journalctl that is first in PATH."""

    source = "the journal of triton.service"

    def __init__(self, home, monkeypatch):
        self.home = home
        program = home / "journalctl"
        program.write_text(f"#!{sys.executable}\n{JOURNALCTL}")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(home), prepend=os.pathsep)
        monkeypatch.setattr(journal, "read_unit", lambda unit: UNIT)

    def read(self, entries, how="searches"):
        (self.home / "entries").write_text(entries)
        (self.home / "how").write_text(how)
        return journal.of_unit("triton.service")

    def calls(self):
        return [json.loads(line) for line in (self.home / "calls").read_text().splitlines()]


@pytest.fixture
def journald(tmp_path, monkeypatch):
    return Journal(tmp_path, monkeypatch)


RUN = START + TABLE.format("NONE") + INSTANCE.format("GPU") + REQUEST * 3


@pytest.mark.parametrize("how", ["searches", "cannot search"])
def test_the_journal_of_the_current_run_of_a_unit(journald, how):
    found = journald.read(RUN, how)
    assert (found.source, found.error, found.control_mode) == (journald.source, None, "none")
    assert (found.log.starts, found.log.instances) == (True, GPU)
    assert all(call[-1] == "_SYSTEMD_INVOCATION_ID=5f3a9c" for call in journald.calls())


def test_journalctl_prints_only_what_tells_something(journald, monkeypatch):
    printed = []
    monkeypatch.setattr(journal, "read_log", printed.extend)
    journald.read(RUN)
    assert printed == RUN.splitlines()[:3]
    assert len(journald.calls()) == 1


def test_upper_and_lower_case_differ(journald):
    journald.read(RUN)
    assert "--case-sensitive=yes" in journald.calls()[0]


def test_a_run_of_which_the_journal_has_requests_only_is_not_read_as_a_whole(journald):
    found = journald.read(REQUEST * 3)
    assert (found.error, found.log.starts, found.log.instances) == (None, False, {})
    assert [[option for option in call if option.startswith("--lines")] for call in journald.calls()] == [
        [],
        ["--lines=1"],
    ]


@pytest.mark.parametrize("how", ["cannot search", "is forbidden"])
def test_a_journal_without_a_line_is_one_that_this_user_may_not_read(journald, how):
    found = journald.read("", how)
    assert found.log is None
    assert "systemd-journal" in found.error


def test_a_journalctl_that_does_not_end_is_stopped(journald, monkeypatch):
    monkeypatch.setattr(journal, "_SECONDS", 1.0)
    found = journald.read(RUN, "hangs")
    assert found.log is None
    assert "more than 1 seconds" in found.error
    assert len(journald.calls()) == 1


def test_a_host_without_journalctl(monkeypatch, tmp_path):
    monkeypatch.setattr(journal, "read_unit", lambda unit: UNIT)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert journal.of_unit("triton.service").error.startswith("the journal of triton.service cannot be read: ")


@pytest.mark.parametrize(
    ("state", "why"), [(UNIT._replace(is_known=False), "no unit"), (UNIT._replace(run=""), "not started")]
)
def test_a_unit_without_a_run(journald, monkeypatch, state, why):
    monkeypatch.setattr(journal, "read_unit", lambda unit: state)
    assert why in journal.of_unit("triton.service").error
    assert not (journald.home / "calls").exists()


def test_a_host_without_systemd(monkeypatch):
    def refuse(unit):
        raise ServiceError("systemctl does not answer: no")

    monkeypatch.setattr(journal, "read_unit", refuse)
    assert "does not answer" in journal.of_unit("triton.service").error
