# SPDX-License-Identifier: GPL-3.0-or-later
"""A scenario passes only where Molecule has really tested something. A script stands in for Molecule here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import scenario_run
from scenario_run import ScenarioRun

STEPS = ("destroy", "create", "prepare", "check", "converge", "idempotence", "verify", "cleanup", "destroy")
SECOND_CHECK = "TASK [Converge once more, in check mode] ****"


def said(*steps: str, extra: str = SECOND_CHECK) -> str:
    """What Molecule prints of a run of these steps."""
    executing = "".join(f"INFO     [mine > {step}] Executing\n" for step in steps)
    done = "".join(f"mine > {step}: Executed: Successful\n" for step in steps)
    return f"{executing}{extra}\nDETAILS\n{done}"


@pytest.fixture
def molecule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ScenarioRun]:
    """Runs the scenario "mine" with a Molecule that says this, and ends like this."""

    def run(text: str, script: str = "exit 0") -> ScenarioRun:
        program = tmp_path / "bin/molecule"
        program.parent.mkdir()
        (tmp_path / "said").write_text(text)
        program.write_text(f"#!/bin/sh\ncat {tmp_path}/said\n{script}\n")
        program.chmod(0o755)
        # What runs the tests has a Molecule of its own beside it.
        monkeypatch.setattr(scenario_run.sys, "executable", str(tmp_path / "bin/python"))
        scenario = ScenarioRun("mine")
        scenario.run(lambda line: None)
        return scenario

    return run


def test_passes_where_every_step_was_executed(molecule: Callable[..., ScenarioRun]) -> None:
    assert molecule(said(*STEPS)).complaints == []


@pytest.mark.parametrize("step", sorted(scenario_run.NEEDED))
def test_does_not_pass_without_a_step(step: str, molecule: Callable[..., ScenarioRun]) -> None:
    left = [each for each in STEPS if each != step]
    assert molecule(said(*left)).complaints == [f"{step} did not run"]


def test_does_not_pass_without_check_mode_on_a_converged_host(molecule: Callable[..., ScenarioRun]) -> None:
    complaints = molecule(said(*STEPS, extra="")).complaints
    assert complaints == ["verify does not include shared/tasks/nothing_to_do.yml"]


@pytest.mark.parametrize(
    "line",
    [
        "skipping: no hosts matched",
        "WARNING  [mine > verify] Skipping, missing playbook.",
        "WARNING  Skipping, verifier is disabled.",
    ],
)
def test_does_not_pass_where_nothing_was_done(line: str, molecule: Callable[..., ScenarioRun]) -> None:
    assert molecule(said(*STEPS, extra=f"{SECOND_CHECK}\n{line}")).complaints == [line]


def test_does_not_pass_where_molecule_fails(molecule: Callable[..., ScenarioRun]) -> None:
    assert molecule(said(*STEPS), "exit 2").complaints == ["molecule ended with 2"]


def test_tells_how_long_each_step_took(molecule: Callable[..., ScenarioRun]) -> None:
    run = molecule(said(*STEPS))
    assert set(run.steps) == set(STEPS)
    assert sum(run.steps.values()) <= run.seconds
    assert run.line().startswith("mine: passed, 0 s (")


def test_ends_one_that_takes_too_long(molecule: Callable[..., ScenarioRun], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenario_run, "TIMEOUT", 0.5)
    start = time.monotonic()
    assert molecule(said(*STEPS), "exec sleep 60").complaints == ["molecule ended with -15"]
    assert time.monotonic() - start < 30


def test_stops_with_all_of_its_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "molecule"
    program.write_text(f"#!/bin/sh\nsleep 60 &\necho $! > {tmp_path}/child\nwait\n")
    program.chmod(0o755)
    monkeypatch.setattr(scenario_run.sys, "executable", str(tmp_path / "python"))
    run = ScenarioRun("mine")
    thread = threading.Thread(target=run.run, args=(lambda line: None,))
    thread.start()
    deadline = time.monotonic() + 10
    while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text().strip():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    run.stop()
    thread.join(10)
    assert run.complaints == ["stopped"]
    child = int((tmp_path / "child").read_text())
    while Path(f"/proc/{child}/cmdline").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
