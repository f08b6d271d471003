# SPDX-License-Identifier: GPL-3.0-or-later
"""The command triton-placement: what it prints, keeps and ends with."""

from __future__ import annotations

import io
import json
import os
import time

import pytest
from ansible_collections.inference.triton.plugins.module_utils._verification import command_line, state_file
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._verification.looks import (
    GPU_LOST,
    fallen,
    gpus,
    model,
    state,
)

OF_THE_LOOK = ("status", "summary", "models", "counts", "server_error", "gpu")


class Host:
    """A host that is seen as it is told."""

    def __init__(self, folder):
        self.folder = folder
        self.state_dir = folder / "state"
        self.state_dir.mkdir()
        self.config = folder / "config.json"
        self.configure()
        self.look = lambda: None
        self.sees(model())

    def configure(self, **values):
        placement = {"repositories": ["/srv/triton/models"]}
        self.config.write_text(json.dumps({"placement": placement, "state_dir": str(self.state_dir), **values}))

    def sees(self, *models, **values):
        seen = {name: value for name, value in state(*models, **values).items() if name in OF_THE_LOOK}
        self.look = lambda: dict(seen)

    def run(self, command="check"):
        """Exit status and what was printed."""
        output = io.StringIO()
        status = command_line.main([command, "--config", str(self.config)], output)
        return status, output.getvalue()

    def kept(self):
        return json.loads((self.state_dir / "state.json").read_text())

    def metrics(self):
        return (self.state_dir / "triton_placement.prom").read_text()


@pytest.fixture
def host(tmp_path, monkeypatch):
    known = Host(tmp_path)
    monkeypatch.setattr(command_line, "look", lambda _wanted, _deadline: known.look())
    return known


@pytest.fixture
def journal(monkeypatch):
    monkeypatch.setattr(command_line, "is_journal", lambda _output: True)


@pytest.mark.parametrize(
    ("status", "code"),
    [("fine", 0), ("contradicted", 1), ("gpu_problem", 1), ("down", 2), ("failed", 2), ("starting", 3)],
)
def test_the_exit_status_tells_how_the_look_ended(host, status, code):
    host.sees(status=status)
    assert host.run()[0] == code


def test_a_look_is_kept_and_counted(host):
    host.sees(fallen())
    host.run()
    kept = host.kept()
    assert (kept["status"], kept["models"][0]["name"]) == ("contradicted", "ranker")
    assert abs(kept["checked_at_seconds"] - time.time()) < 60
    assert kept["checked_at"].endswith("Z")
    assert kept["duration_seconds"] >= 0
    assert 'triton_placement_contradicted{model="ranker"' in host.metrics()


def test_at_a_terminal_everything_is_told_every_time(host):
    host.sees(fallen(), gpu=gpus(GPU_LOST, usable=1))
    first, second = host.run()[1], host.run()[1]
    assert first == second
    assert first.splitlines()[:2] == ["It is contradicted.", "GPUs: 1 of 2 GPUs are usable."]
    assert "error: model ranker (silent_fallback, critical): " in first
    assert "error: GPU 0000:41:00.0 (Tesla T4) (gpu_lost): It fell off the bus." in first


def test_the_journal_is_told_what_is_new_with_its_priority(host, journal):
    host.sees(fallen(), gpu=gpus(GPU_LOST, usable=1))
    lines = host.run()[1].splitlines()
    assert [line[:3] for line in lines] == ["<5>", "<3>", "<3>"]
    assert host.run()[1] == ""
    host.sees(model())
    assert [line[:9] for line in host.run()[1].splitlines()] == ["<5>fine: ", "<5>over: ", "<5>over: "]


def test_reminders_follow_the_configuration(host, journal):
    host.configure(remind=0)
    host.sees(fallen())
    host.run()
    assert " (since " in host.run()[1]


def test_a_second_one_at_once_says_so_and_does_not_look(host):
    host.look = lambda: pytest.fail("it has looked")
    with state_file.only_one(str(host.state_dir)):
        status, text = host.run()
    assert (status, text) == (4, "Another check is under way; this one has not looked.\n")


def test_on_a_full_disk_the_old_state_stays_and_it_says_so(host, monkeypatch):
    host.run()
    before, metrics = host.kept(), host.metrics()
    host.sees(fallen())

    def full(*_arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        status, text = host.run()
    assert status == 2
    assert text.count("cannot be written: No space left on device. The old one stays") == 2
    assert "model ranker (silent_fallback, critical)" in text, "what was seen is told all the same"
    assert (host.kept(), host.metrics()) == (before, metrics)


def test_a_look_that_takes_too_long_is_ended_and_told(host):
    host.configure(timeout=1)

    def hang():
        try:
            time.sleep(30)
        except Exception:
            pytest.fail("the limit was taken for a failure of a part")

    host.look = hang
    begun = time.monotonic()
    status, text = host.run()
    assert status == 2
    assert time.monotonic() - begun < 5
    assert "takes more than 1 seconds" in text
    assert host.kept()["status"] == "failed"
    assert 'triton_placement_status{status="failed"} 1' in host.metrics()


def test_a_defect_of_ours_is_no_silence(host):
    def broken():
        raise ZeroDivisionError("division by zero")

    host.look = broken
    status, text = host.run()
    assert status == 2
    assert "ZeroDivisionError: division by zero" in text
    assert host.kept()["status"] == "failed"


def test_a_state_that_is_damaged_is_replaced_with_a_word(host):
    (host.state_dir / "state.json").write_text("{")
    status, text = host.run()
    assert status == 0
    assert text.startswith("What the last check saw cannot be read, and is replaced: ")
    assert host.kept()["status"] == "fine"


def test_a_directory_that_is_missing_is_named(host):
    host.configure(state_dir="/nonexistent/state")
    status, text = host.run()
    assert status == 2
    assert text.startswith("/nonexistent/state cannot be used: ")


@pytest.mark.parametrize("command", ["check", "health", "test"])
def test_a_configuration_that_is_wrong_is_told(host, command):
    host.configure(interval="often")
    status, text = host.run(command)
    assert status == 2
    assert text == f'{host.config}: interval: expected a number from 1 to 86400, found "often".\n'


def test_a_good_configuration_is_good(host):
    assert host.run("test") == (0, "The configuration is good.\n")


def test_a_port_that_is_taken_is_told(host, monkeypatch):
    def taken(*_arguments):
        raise OSError(98, "Address already in use")

    monkeypatch.setattr(command_line, "HealthServer", taken)
    assert host.run("health") == (2, "127.0.0.1 port 8085 cannot be listened on: Address already in use.\n")


def test_a_name_that_the_locale_does_not_know_is_told_all_the_same(host, monkeypatch, journal):
    host.sees(fallen("modèle"))
    output = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    command_line.main(["check", "--config", str(host.config)], output)
    output.seek(0)
    assert "mod\\xe8le" in output.read()


@pytest.mark.parametrize("arguments", [[], ["check"], ["look", "--config", "x"]])
def test_bad_arguments_end_with_2(arguments):
    with pytest.raises(SystemExit) as caught:
        command_line.main(arguments, io.StringIO())
    assert caught.value.code == 2


def test_the_version_of_the_release_is_told(capsys):
    with pytest.raises(SystemExit):
        command_line.main(["--version"])
    assert capsys.readouterr().out.startswith("triton-placement of inference.triton ")
