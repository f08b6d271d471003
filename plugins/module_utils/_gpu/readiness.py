# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Waiting, with a limit, until the GPUs of a host are ready for Triton.

At boot the driver, its device nodes and its daemons come up on their own time, and a Triton that is faster than they
are serves on the CPU without a word.
"""

from __future__ import annotations

from typing import Any, Callable, Collection, Mapping, NamedTuple, Optional, Protocol, Tuple

from .evidence import Services
from .states import ERROR

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 10.0

# How long to wait for what Triton can do without. It can be switched off on purpose: that must not cost every boot
# the whole wait.
PATIENCE = 15.0

# A look at the host is not cut shorter than this at the end of the wait: it would only tell of its own time limit.
SHORTEST_LOOK = 5.0


class Look(NamedTuple):
    """What one look at the host tells.

    Attributes:
        problems: what keeps Triton from its GPUs, one line each.
        shortcomings: what Triton can do without, one line each.
        summary: the state of the GPUs, a sentence.
    """

    problems: Tuple[str, ...]
    shortcomings: Tuple[str, ...]
    summary: str


class Waited(NamedTuple):
    """How the wait ended.

    Attributes:
        ready: whether the last look saw no problem.
        last: the last look.
        seconds: how long it took.
    """

    ready: bool
    last: Look
    seconds: float


class Clock(Protocol):
    """Time in seconds, from any beginning: the module `time` is one."""

    def monotonic(self) -> float: ...

    def sleep(self, seconds: float, /) -> None: ...


def wait(look: Callable[[float], Look], timeout: float, clock: Clock, tell: Callable[[Look], None]) -> Waited:
    """Look at a host until it is ready or the time is over, with pauses that grow.

    Args:
        look: at the host, within so many seconds.
        timeout: in seconds. The last look may begin at its end, and lasts `SHORTEST_LOOK` seconds at most.
        tell: is called with each look that saw something else than the one before, unless it is the last one.
    """
    start = clock.monotonic()
    pause, told = FIRST_PAUSE, None
    while True:
        seen = look(max(start + timeout - clock.monotonic(), SHORTEST_LOOK))
        elapsed = clock.monotonic() - start
        if not seen.problems and (not seen.shortcomings or elapsed >= min(PATIENCE, timeout)):
            return Waited(True, seen, elapsed)
        if elapsed >= timeout:
            return Waited(False, seen, elapsed)
        if (seen.problems, seen.shortcomings) != told:
            told = (seen.problems, seen.shortcomings)
            tell(seen)
        clock.sleep(min(pause, timeout - elapsed))
        pause = min(pause * 1.5, LONGEST_PAUSE)


def judge(
    facts: Mapping[str, Any], services: Services, expected: Optional[int], accepted: Collection[str] = ()
) -> Look:
    """What a diagnosis means for a Triton that is about to start.

    Args:
        facts: those of the module gpu_facts.
        expected: how many usable GPUs there have to be; None for all that are present and have no accepted state, and
            at least one.
        accepted: states that are known and do not count.
    """
    errors = [
        finding for finding in facts["findings"] if finding["severity"] == ERROR and finding["state"] not in accepted
    ]
    problems = [
        f"{finding['state']}, {finding['where']}: {finding['explanation']} {finding['remedy']}" for finding in errors
    ]
    usable = facts["usable_count"]
    excused = [gpu for gpu in facts["gpus"] if not gpu["usable"] and not set(accepted).isdisjoint(gpu["states"])]
    wanted = max(facts["present_count"] - len(excused), 1) if expected is None else expected
    if usable < wanted and not errors:
        problems.append(f"{usable} of {wanted} expected GPUs can be used by Triton.")
    return Look(tuple(problems), tuple(_shortcomings(facts, services)), facts["summary"])


def _shortcomings(facts: Mapping[str, Any], services: Services) -> Tuple[str, ...]:
    kept_awake = all(gpu["persistence_mode"] for gpu in facts["gpus"] if gpu["usable"])
    if "nvidia-persistenced" in services.installed and not services.persistenced and not kept_awake:
        return ("nvidia-persistenced is installed, but does not run, so the first use of each GPU is slow.",)
    return ()
