# SPDX-License-Identifier: GPL-3.0-or-later
"""Molecule's scenarios, all of them or those named: `make molecule SCENARIO=gpu`.

Several run at a time (MOLECULE_PARALLEL, two unless told), those with the most hosts first; what one of them says is
printed as a whole when it ends, and can be read in .cache/molecule/log before that. One alone is shown as it goes.

Ends with 0 only where each of them has tested something, and with 75 where this machine cannot have hosts and nobody
asked for what is missing to be installed (MOLECULE_INSTALL=1). No host is left behind, however a scenario ends.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

from clone_cache import CACHE, ROOT
from container_engine import Engine, HostsError, HostsUnavailable
from scenario_run import ScenarioRun
from throwaway_hosts import UNAVAILABLE, Scenario, destroy, engine_ready, may_install

SCENARIOS = ROOT / "molecule"
LOGS = CACHE / "molecule" / "log"
AT_ONCE = (
    2  # they wait for hosts and servers much of the time: on two cores two take less time than one after the other
)
SAY = threading.Lock()  # so that nothing is printed into the output of another


def run_all(runs: Sequence[ScenarioRun], engine: Engine | None, at_once: int) -> None:
    """Run them, `at_once` at a time, and say what comes of each."""

    def one(run: ScenarioRun) -> None:
        log = LOGS / f"{run.name}.log"
        say(f"== {run.name}{'' if at_once == 1 else f', as it goes: {log.relative_to(ROOT)}'}\n")
        try:
            with log.open("w", buffering=1) as file:
                run.run(say if at_once == 1 else file.write)
        finally:
            if engine:
                with contextlib.suppress(HostsError):
                    destroy(Scenario(run.name, run.folder), engine)
        say(f"{run.output if at_once > 1 else ''}-- {run.line()}\n\n")

    LOGS.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(at_once) as pool:
        futures = [pool.submit(one, run) for run in runs]
        try:
            for future in futures:
                future.result()
        except BaseException:
            for future in futures:
                future.cancel()
            for run in runs:
                run.stop()
            raise


def say(text: str) -> None:
    with SAY:
        print(text, end="", flush=True)


def number_of_hosts(name: str) -> int:
    return (SCENARIOS / name / "inventory/hosts.yml").read_text().count("molecule_release:")


def parallel() -> int:
    """How many at once. Hosts that were given are the same for each scenario, so that is one at a time."""
    return 1 if os.environ.get("MOLECULE_HOSTS") else int(os.environ.get("MOLECULE_PARALLEL") or AT_ONCE)


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
    runs = [ScenarioRun(name) for name in sorted(names or known, key=number_of_hosts, reverse=True)]
    start = time.monotonic()
    run_all(runs, engine, min(parallel(), len(runs)))
    where = f"the hosts of {given}" if given else f"containers of {engine and engine.program}"
    print("\n".join(run.line() for run in runs))
    passed = sum(not run.complaints for run in runs)
    print(f"{passed} of {len(runs)} scenarios passed in {time.monotonic() - start:.0f} s, on {where}.")
    return 0 if passed == len(runs) else 1


def _interrupt(number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt(signal.Signals(number).name)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("Interrupted. The hosts are gone.")
