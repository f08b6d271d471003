# SPDX-License-Identifier: GPL-3.0-or-later
"""Several scenarios at a time: what is printed, in which order they run, and what is left behind."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import run_scenarios
from container_engine import Engine, HostsUnavailable
from scenario_run import ScenarioRun


class Stub(ScenarioRun):
    """A run that meets the others half-way, so that only runs at the same time come to an end."""

    meeting = threading.Barrier(1)

    def run(self, show):  # type: ignore[no-untyped-def]
        show(f"{self.name} begins\n")
        self.meeting.wait(10)
        show(f"{self.name} ends\n")
        self.output = f"{self.name} begins\n{self.name} ends\n"


@pytest.fixture
def removed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The scenarios whose hosts were removed."""
    names: list[str] = []
    monkeypatch.setattr(run_scenarios, "destroy", lambda scenario, engine: names.append(scenario.name))
    return names


def test_what_one_says_is_not_mixed_with_what_another_says(
    removed: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stub, "meeting", threading.Barrier(2))
    run_scenarios.run_all([Stub("a"), Stub("b")], Engine("podman", 2), at_once=2)
    printed = capsys.readouterr().out
    for name in "ab":
        assert f"{name} begins\n{name} ends\n-- {name}: passed" in printed
    assert sorted(removed) == ["a", "b"]


def test_one_alone_is_shown_as_it_goes(removed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    run_scenarios.run_all([Stub("a")], Engine("podman", 2), at_once=1)
    assert capsys.readouterr().out.startswith("== a\na begins\na ends\n-- a: passed")


def test_hosts_are_removed_whatever_happens(removed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: ScenarioRun, show: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Stub, "run", broken)
    with pytest.raises(KeyboardInterrupt):
        run_scenarios.run_all([Stub("a")], Engine("podman", 2), at_once=1)
    assert removed == ["a"]


def test_given_hosts_are_used_by_one_scenario_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOLECULE_PARALLEL", "4")
    monkeypatch.delenv("MOLECULE_HOSTS", raising=False)
    assert run_scenarios.parallel() == 4
    monkeypatch.setenv("MOLECULE_HOSTS", "hosts.yml")
    assert run_scenarios.parallel() == 1


def test_a_scenario_that_there_is_not_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_scenarios.main(["gpus"]) == 1
    assert "There is no scenario gpus; there are: " in capsys.readouterr().err


@pytest.mark.parametrize(("asked", "status"), [("", 75), ("1", 1)])
def test_a_machine_without_hosts_has_not_tested(
    asked: str, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none() -> Engine:
        raise HostsUnavailable("podman is missing: it runs the hosts (Debian, Ubuntu: package podman)")

    monkeypatch.setattr(run_scenarios, "engine_ready", none)
    monkeypatch.delenv("MOLECULE_HOSTS", raising=False)
    monkeypatch.setenv("MOLECULE_INSTALL", asked)
    assert run_scenarios.main([]) == status
    assert "package podman" in capsys.readouterr().out


def test_every_scenario_has_hosts(tmp_path: Path) -> None:
    for path in run_scenarios.SCENARIOS.glob("*/molecule.yml"):
        assert run_scenarios.number_of_hosts(path.parent.name) > 0, path
