# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that end, that hang, and that leave children behind."""

from __future__ import annotations

import time

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu import command
from ansible_collections.inference.triton.plugins.module_utils._gpu.command import Outcome, run


def sh(script, seconds=20.0):
    return run(["sh", "-c", script], seconds)


def test_what_a_command_prints_and_its_exit_code():
    assert sh("echo one; echo two >&2; exit 9") == Outcome(9, "one\n", "two\n", "")


def test_much_output_comes_whole():
    assert len(sh("head -c 300000 /dev/zero").output) == 300000


def test_what_is_no_utf_8_is_replaced():
    assert sh(r"printf '\377'").output == "�"


def test_the_command_speaks_english(monkeypatch):
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert sh('echo "$LC_ALL"').output == "C\n"


def test_a_signal_is_a_negative_code():
    assert sh("kill -9 $$").code == -9


def test_a_command_that_is_not_there(tmp_path):
    assert run([str(tmp_path / "none")], 1) == Outcome(None, "", "", "cannot be started: No such file or directory")


def test_a_command_that_hangs_is_stopped():
    began = time.monotonic()
    outcome = sh("echo begun; sleep 30", 0.3)
    assert outcome == Outcome(None, "begun\n", "", "did not answer within 0.3 seconds")
    assert time.monotonic() - began < 5


def test_a_command_that_closes_its_output_and_hangs_is_stopped():
    assert sh("exec >&- 2>&-; sleep 30", 0.3).failure == "did not answer within 0.3 seconds"


def test_a_child_that_holds_the_output_is_not_waited_for():
    began = time.monotonic()
    assert sh("sleep 30 & echo done").output == "done\n"
    assert time.monotonic() - began < 5


def test_a_child_in_a_session_of_its_own_is_not_waited_for():
    began = time.monotonic()
    assert sh("setsid sleep 3 & sleep 30", 0.3).failure == "did not answer within 0.3 seconds"
    assert time.monotonic() - began < 2.5


@pytest.mark.parametrize(
    "script",
    ["(sleep 0.6; touch {}) & wait", "(sleep 0.6; touch {}) & exit 0", "exec >&- 2>&-; sleep 0.6; touch {}"],
)
def test_a_command_and_its_children_are_stopped(tmp_path, script):
    mark = tmp_path / "mark"
    sh(script.format(mark), 0.2)
    time.sleep(0.9)
    assert not mark.exists()


def test_output_without_end_is_cut(monkeypatch):
    monkeypatch.setattr(command, "OUTPUT_LIMIT", 100000)
    assert sh("yes").failure == "printed more than 100000 bytes"
