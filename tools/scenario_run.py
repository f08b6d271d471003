# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of a Molecule scenario: what it said, how long its steps took, and what keeps it from having passed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from clone_cache import CACHE, ROOT

# Molecule passes a scenario without verify.yml, and Ansible a play without hosts.
NEEDED = {"create", "check", "converge", "idempotence", "verify", "destroy"}
STEP = re.compile(r"^INFO +\[\S+ > (\w+)\] Executing$")
DONE = re.compile(r"^\S+ > (\w+): Executed: Successful$", re.MULTILINE)  # of the list at the end
NOTHING_DONE = re.compile(r".*(?:no hosts matched|missing playbook|verifier is disabled).*", re.IGNORECASE)
# What molecule/shared/tasks/nothing_to_do.yml does on a converged host.
SECOND_CHECK = "TASK [Converge once more, in check mode]"
TIMEOUT = 1800.0  # seconds for one scenario


@dataclass
class ScenarioRun:
    """A scenario while it runs, and what came of it."""

    name: str
    output: str = ""
    complaints: list[str] = field(default_factory=list)
    seconds: float = 0.0
    steps: dict[str, float] = field(default_factory=dict)  # seconds, of all steps of that name
    _process: subprocess.Popen[str] | None = None
    _stopped: bool = False

    @property
    def folder(self) -> Path:
        """What belongs to its hosts: inventory and key."""
        return CACHE / "molecule" / "run" / self.name

    def run(self, show: Callable[[str], object]) -> None:
        """Run it from fresh hosts to their removal, and hand each line to `show` as it comes."""
        start = time.monotonic()
        code = self._molecule(show)
        self.seconds = time.monotonic() - start
        if self._stopped:
            self.complaints = ["stopped"]
        elif code:
            self.complaints = [f"molecule ended with {code}"]
        else:
            never = sorted(NEEDED - set(DONE.findall(self.output)))
            self.complaints = [f"{step} did not run" for step in never]
            self.complaints += [line.strip() for line in NOTHING_DONE.findall(self.output)]
            if SECOND_CHECK not in self.output:
                self.complaints += ["verify does not include shared/tasks/nothing_to_do.yml"]

    def stop(self) -> None:
        """End it early, and the playbook with it: both are in a session of their own."""
        self._stopped = True
        if self._process and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)

    def line(self) -> str:
        """One line for the list at the end."""
        longest = sorted(self.steps.items(), key=lambda step: -step[1])[:4]
        steps = ", ".join(f"{name} {seconds:.0f}" for name, seconds in longest)
        return f"{self.name}: {'; '.join(self.complaints) or 'passed'}, {self.seconds:.0f} s ({steps})"

    def _molecule(self, show: Callable[[str], object]) -> int:
        if self._stopped:
            return 1
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
            "MOLECULE_EPHEMERAL_DIRECTORY": str(self.folder),
            "MOLECULE_GLOB": "molecule/*/molecule.yml",
            "MOLECULE_COMMAND_BORDERS": "false",
            "NO_COLOR": "1",
            "ANSIBLE_NOCOLOR": "1",
        }
        self._process = subprocess.Popen(
            ["molecule", "test", "--scenario-name", self.name],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        end = threading.Timer(TIMEOUT, os.killpg, (self._process.pid, signal.SIGTERM))
        end.start()
        lines, step, since = [], "", time.monotonic()
        for line in self._process.stdout or []:
            if found := STEP.match(line):
                now = time.monotonic()
                self.steps[step] = self.steps.get(step, 0) + now - since
                step, since = found[1], now
            lines.append(line)
            show(line)
        end.cancel()
        self.steps[step] = self.steps.get(step, 0) + time.monotonic() - since
        self.steps.pop("", None)
        self.output = "".join(lines)
        return self._process.wait()
