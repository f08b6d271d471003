# SPDX-License-Identifier: GPL-3.0-or-later
"""Molecule's scenarios, all of them or those named: `make molecule SCENARIO=gpu`.

Ends with 0 only where each of them has tested something, and with 75 where this machine cannot have hosts and nobody
asked for what is missing to be installed (MOLECULE_INSTALL=1). No host is left behind, however a scenario ends.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from clone_cache import CACHE, ROOT
from container_engine import Engine, HostsError, HostsUnavailable
from throwaway_hosts import UNAVAILABLE, Scenario, destroy, engine_ready, may_install

SCENARIOS = ROOT / "molecule"
# Molecule passes a scenario without verify.yml, and Ansible a play without hosts.
NEEDED = {"create", "check", "converge", "idempotence", "verify", "destroy"}
DONE = re.compile(r"^\S+ > (\w+): Executed: Successful$", re.MULTILINE)  # of the list at the end
NOTHING_DONE = re.compile(r".*(?:no hosts matched|missing playbook|verifier is disabled).*", re.IGNORECASE)
TIMEOUT = 1800.0  # seconds for one scenario


def run(name: str) -> list[str]:
    """Run one scenario, showing what Molecule says; gives what keeps it from having passed."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
        "MOLECULE_EPHEMERAL_DIRECTORY": str(folder(name)),
        "MOLECULE_GLOB": "molecule/*/molecule.yml",
        "MOLECULE_COMMAND_BORDERS": "false",
        "NO_COLOR": "1",
        "ANSIBLE_NOCOLOR": "1",
    }
    code, said = _show(["molecule", "test", "--scenario-name", name], environment)
    if code:
        return [f"molecule ended with {code}"]
    never = sorted(NEEDED - set(DONE.findall(said)))
    return [*(f"{step} did not run" for step in never), *(line.strip() for line in NOTHING_DONE.findall(said))]


def folder(name: str) -> Path:
    return CACHE / "molecule" / "run" / name


def _show(command: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str]:
    """Run a command in the clone and pass its output on; gives its exit status and what it said."""
    # In a session of its own, so that what ends it early ends the playbook with it.
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    said = []
    end = threading.Timer(TIMEOUT, os.killpg, (process.pid, signal.SIGTERM))
    end.start()
    try:
        for line in process.stdout or []:
            print(line, end="", flush=True)
            said.append(line)
        return process.wait(), "".join(said)
    finally:
        end.cancel()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)


def main(names: Sequence[str]) -> int:
    """Run the scenarios called `names`, or all."""
    known = sorted(path.parent.name for path in SCENARIOS.glob("*/molecule.yml"))
    if unknown := set(names) - set(known):
        print(f"There is no scenario {', '.join(sorted(unknown))}; there are: {', '.join(known)}.", file=sys.stderr)
        return 1
    given = os.environ.get("MOLECULE_HOSTS")
    engine: Engine | None = None
    try:
        engine = None if given else engine_ready()
    except HostsUnavailable as unavailable:
        print(f"{unavailable}\nMOLECULE_HOSTS names an inventory of hosts to use instead.")
        print("NOT RUN: this machine cannot have the hosts, see above.")
        return 1 if may_install() else UNAVAILABLE
    failed, lines = [], []
    for name in names or known:
        start = time.monotonic()
        try:
            complaints = run(name)
        finally:
            if engine:
                with contextlib.suppress(HostsError):
                    destroy(Scenario(name, folder(name)), engine)
        lines.append(f"{name}: {'; '.join(complaints) or 'passed'}, {time.monotonic() - start:.0f} s")
        failed += [name] if complaints else []
    where = f"the hosts of {given}" if given else f"containers of {engine and engine.program}"
    print("\n" + "\n".join(lines))
    print(f"{len(lines) - len(failed)} of {len(lines)} scenarios passed, on {where}.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
