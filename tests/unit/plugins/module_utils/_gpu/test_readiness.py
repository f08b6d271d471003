# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for GPUs: what counts as ready, how long it takes, and what is told on the way."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu.evidence import Services
from ansible_collections.inference.triton.plugins.module_utils._gpu.readiness import (
    LONGEST_PAUSE,
    PATIENCE,
    SHORTEST_LOOK,
    Look,
    judge,
    wait,
)

GOOD = Look((), (), "2 of 2 GPUs are usable.")
BAD = Look(("a GPU is lost",), (), "1 of 2 GPUs is usable.")
WORSE = Look(("a GPU is lost", "another one too"), (), "0 of 2 GPUs are usable.")
SLOW = Look((), ("a daemon does not run",), "2 of 2 GPUs are usable.")


class Host:
    """A host that changes while time, which only passes here, goes by. Each look takes ``lasts`` seconds."""

    def __init__(self, *looks, lasts=0.0):
        self.looks, self.lasts = list(looks), lasts
        self.now, self.pauses, self.limits, self.told = 1000.0, [], [], []

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.pauses.append(seconds)
        self.now += seconds

    def look(self, seconds):
        self.limits.append(seconds)
        self.now += min(self.lasts, seconds)
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    def wait(self, timeout):
        return wait(self.look, timeout, self, self.told.append)


def test_a_host_that_is_ready_is_not_waited_for():
    host = Host(GOOD)
    assert host.wait(60) == (True, GOOD, 0)
    assert host.pauses == host.told == []


def test_a_host_that_becomes_ready_is():
    host = Host(BAD, BAD, GOOD)
    waited = host.wait(60)
    assert waited.ready
    assert waited.seconds == sum(host.pauses) == 2.5


def test_a_host_that_never_is_ends_the_wait_in_time_with_a_last_look():
    host = Host(BAD)
    waited = host.wait(60)
    assert (waited.ready, waited.last, waited.seconds) == (False, BAD, 60)


@pytest.mark.parametrize("timeout", [0, 0.5, 7, 60, 600])
@pytest.mark.parametrize("lasts", [0, 3, 30, 1000])
def test_no_look_makes_the_wait_much_longer(timeout, lasts):
    waited = Host(BAD, lasts=lasts).wait(timeout)
    assert timeout <= waited.seconds <= timeout + SHORTEST_LOOK


def test_no_look_is_given_more_than_is_left_nor_less_than_it_needs():
    host = Host(BAD, lasts=2)
    host.wait(20)
    assert host.limits[0] == 20
    assert host.limits == sorted(host.limits, reverse=True)
    assert min(host.limits) == SHORTEST_LOOK


def test_the_pauses_grow_up_to_a_limit():
    host = Host(BAD)
    host.wait(100)
    # The last pause is what is left.
    growing = host.pauses[:-1]
    assert growing == sorted(growing)
    assert growing[0] < growing[1] < growing[2]
    assert max(growing) == LONGEST_PAUSE


def test_a_problem_is_told_once_and_again_when_it_changes():
    host = Host(BAD, BAD, WORSE, WORSE, BAD, GOOD)
    host.wait(600)
    assert host.told == [BAD, WORSE, BAD]


def test_the_last_look_is_left_to_the_caller():
    host = Host(BAD)
    host.wait(0)
    assert host.told == []


def test_what_triton_can_do_without_is_waited_for_a_little():
    host = Host(SLOW)
    waited = host.wait(600)
    assert waited.ready
    assert waited.last == SLOW
    assert PATIENCE <= waited.seconds < PATIENCE + LONGEST_PAUSE


def test_but_never_beyond_the_end():
    waited = Host(SLOW).wait(5)
    assert waited == (True, SLOW, 5)


NO_DAEMON = Services()
STOPPED = Services(installed=frozenset(["nvidia-persistenced"]))
RUNNING = STOPPED._replace(persistenced=True)


def facts(present=2, usable=2, findings=(), awake=False):
    gpus = [
        {"usable": index < usable, "persistence_mode": awake, "states": [] if index < usable else ["gpu_lost"]}
        for index in range(present)
    ]
    return {
        "present_count": present,
        "usable_count": usable,
        "summary": "A sentence.",
        "gpus": gpus,
        "findings": list(findings),
    }


def finding(severity="error", state="gpu_lost"):
    return {
        "state": state,
        "severity": severity,
        "where": "GPU 0000:41:00.0",
        "explanation": "It fell off the bus.",
        "remedy": "Restart the machine.",
    }


@pytest.mark.parametrize(
    ("found", "expected", "ready"),
    [
        (facts(2, 2), 2, True),
        (facts(3, 3), 2, True),
        (facts(2, 2), None, True),
        (facts(0, 0), 0, True),
        (facts(2, 1), 2, False),
        (facts(2, 1), None, False),
        (facts(0, 0), None, False),
        (facts(2, 2), 3, False),
        (facts(2, 2, [finding("warning")]), 2, True),
        (facts(2, 2, [finding("info")]), 2, True),
        (facts(2, 2, [finding()]), 2, False),
    ],
)
def test_ready_is_the_expected_number_and_no_error(found, expected, ready):
    assert (judge(found, NO_DAEMON, expected).problems == ()) is ready


def test_each_error_is_one_line_with_all_of_it():
    seen = judge(facts(2, 1, [finding("warning", "gpu_busy"), finding()]), NO_DAEMON, 2)
    assert seen.problems == ("gpu_lost, GPU 0000:41:00.0: It fell off the bus. Restart the machine.",)
    assert seen.summary == "A sentence."


def test_a_gpu_that_is_missing_without_an_error_is_counted():
    assert judge(facts(2, 1), NO_DAEMON, 2).problems == ("1 of 2 expected GPUs can be used by Triton.",)


def test_an_error_that_is_known_does_not_count():
    assert judge(facts(2, 2, [finding()]), NO_DAEMON, 2, accepted=["gpu_lost"]).problems == ()


def test_but_the_expected_number_does_all_the_same():
    assert judge(facts(2, 1, [finding()]), NO_DAEMON, 2, accepted=["gpu_lost"]).problems != ()


@pytest.mark.parametrize(
    ("usable", "accepted", "ready"), [(1, "gpu_lost", True), (1, "x", False), (0, "gpu_lost", False)]
)
def test_where_no_number_is_expected_a_gpu_that_is_known_to_be_lost_is_not_waited_for(usable, accepted, ready):
    found = facts(2, usable, [finding(state="gpu_lost")])
    assert (judge(found, NO_DAEMON, None, accepted=[accepted]).problems == ()) is ready


@pytest.mark.parametrize(
    ("services", "awake", "told"),
    [(NO_DAEMON, False, False), (RUNNING, False, False), (STOPPED, True, False), (STOPPED, False, True)],
)
def test_a_persistence_daemon_that_is_installed_and_stopped_is_a_shortcoming(services, awake, told):
    seen = judge(facts(awake=awake), services, 2)
    assert bool(seen.shortcomings) is told
    assert seen.problems == ()


def test_a_gpu_that_is_not_usable_need_not_be_kept_awake():
    seen = facts(awake=True)
    seen["gpus"].append({"usable": False, "persistence_mode": None, "states": []})
    assert judge(seen, STOPPED, 2).shortcomings == ()
