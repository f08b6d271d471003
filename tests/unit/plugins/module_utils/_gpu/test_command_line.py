# SPDX-License-Identifier: GPL-3.0-or-later
"""The command triton-gpu: what it prints, with which status it ends, and what it refuses."""

from __future__ import annotations

import io
import json
import os

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu import command_line
from ansible_collections.inference.triton.plugins.module_utils._gpu.evidence import Evidence, Services
from ansible_collections.inference.triton.plugins.module_utils._gpu.states import Wanted

LOST = {
    "state": "gpu_lost",
    "severity": "error",
    "where": "GPU 0000:41:00.0",
    "explanation": "It fell off the bus.",
    "remedy": "Restart the machine.",
}
GOOD = {
    "severity": "ok",
    "summary": "1 of 1 GPU is usable.",
    "report": ["1 of 1 GPU is usable."],
    "present_count": 1,
    "usable_count": 1,
    "findings": [],
    "gpus": [{"usable": True, "persistence_mode": False}],
}
BAD = {
    **GOOD,
    "severity": "error",
    "summary": "0 of 1 GPU is usable.",
    "report": ["0 of 1 GPU is usable.", "", "error: gpu_lost"],
    "usable_count": 0,
    "findings": [LOST],
}
STOPPED = Services(installed=frozenset(["nvidia-persistenced"]))


class Host:
    """A host that is seen as it is told, and how it was asked."""

    def __init__(self):
        self.facts, self.evidence = GOOD, Evidence()
        self.wanted, self.asked = None, {}

    def collect(self, **options):
        self.asked = options
        return self.evidence

    def diagnose(self, evidence, wanted):
        self.wanted = wanted
        return self.facts


@pytest.fixture
def host(monkeypatch):
    known = Host()
    monkeypatch.setattr(command_line, "collect", known.collect)
    monkeypatch.setattr(command_line, "diagnose", known.diagnose)
    monkeypatch.setattr(command_line, "as_facts", lambda facts: facts)
    return known


def run(*arguments):
    output = io.StringIO()
    status = command_line.main(arguments, output)
    return status, output.getvalue()


@pytest.mark.parametrize(("facts", "status"), [(GOOD, 0), ({**GOOD, "severity": "warning"}, 0), (BAD, 1)])
def test_the_report_ends_with_an_error_where_there_is_one(host, facts, status):
    host.facts = facts
    assert run("report") == (status, "\n".join(facts["report"]) + "\n")


def test_the_facts_are_json_whatever_they_say(host):
    host.facts = BAD
    status, text = run("facts")
    assert status == 0
    assert json.loads(text) == BAD


def test_a_host_that_is_ready_is_one_line(host):
    assert run("wait", "--expected", "1") == (0, "Ready after 0 seconds: 1 of 1 GPU is usable.\n")


def test_a_host_that_is_not_has_a_line_for_each_problem_and_a_summary(host):
    host.facts = BAD
    assert run("wait", "--expected", "1", "--timeout", "0") == (
        1,
        "gpu_lost, GPU 0000:41:00.0: It fell off the bus. Restart the machine.\n"
        "Not ready after 0 seconds: 0 of 1 GPU is usable.\n",
    )


def test_what_is_waited_for_is_told_on_the_way(host):
    host.facts = BAD
    _status, text = run("wait", "--timeout", "0.1")
    first, *rest = text.splitlines()
    assert first == "Waiting: gpu_lost, GPU 0000:41:00.0"
    assert len(rest) == 2


def test_a_shortcoming_is_told_of_a_host_that_is_ready(host):
    host.evidence = Evidence(services=STOPPED)
    status, text = run("wait", "--timeout", "0")
    assert status == 0
    assert text.startswith("nvidia-persistenced is installed, but does not run")
    assert text.count("\n") == 2


def test_an_accepted_finding_does_not_count(host):
    host.facts = {**BAD, "usable_count": 1}
    assert run("wait", "--timeout", "0", "--accept", "other", "--accept", "gpu_lost")[0] == 0
    assert run("wait", "--timeout", "0", "--accept", "other")[0] == 1


def test_the_journal_is_told_what_is_an_error(host, tmp_path, monkeypatch):
    host.facts, host.evidence = BAD, Evidence(services=STOPPED)
    path = tmp_path / "journal"
    with path.open("w") as stream:
        stat = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{stat.st_dev}:{stat.st_ino}")
        command_line.main(["wait", "--timeout", "0"], stream)
    with path.open("a") as stream:
        host.facts = GOOD
        command_line.main(["wait", "--timeout", "0"], stream)
    assert [line[:3] for line in path.read_text().splitlines()] == ["<4>", "<3>", "<3>", "<4>", "Rea"]


def test_no_other_file_gets_marks_for_the_journal(host, monkeypatch):
    host.facts = BAD
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")
    assert "<" not in run("wait", "--timeout", "0")[1]


def test_the_options_say_what_is_wanted(host):
    run(
        *("report", "--expected", "2", "--minimum-memory-gb", "79.5", "--minimum-compute-capability", "10.0"),
        *("--release", "25.10", "--cuda-visible-devices", "1,0", "--min-supported-compute-capability", "7.5"),
        *("--containers", "--root", "/host", "--timeout", "7"),
    )
    assert host.wanted == Wanted(
        expected_count=2,
        minimum_memory_gb=79.5,
        minimum_compute_capability=(10, 0),
        triton_release="25.10",
        min_supported_compute_capability="7.5",
        cuda_visible_devices="1,0",
        containers=True,
    )
    assert host.asked == {"root": "/host", "seconds": 7.0}


def test_nothing_is_wanted_where_nothing_is_said(host):
    run("report")
    assert host.wanted == Wanted()
    assert host.asked == {"root": "/", "seconds": 30.0}


@pytest.mark.parametrize(("timeout", "longest"), [("180", 90), ("60", 30), ("20", 20), ("0", 5)])
def test_one_look_of_a_wait_leaves_time_for_another(host, timeout, longest):
    run("wait", "--timeout", timeout)
    assert host.asked["seconds"] == pytest.approx(longest, abs=0.5)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["anything"],
        ["wait", "--expected", "-1"],
        ["wait", "--expected", "two"],
        ["wait", "--timeout", "inf"],
        ["wait", "--timeout", "-5"],
        ["wait", "--minimum-compute-capability", "eight"],
        ["report", "--timeout", "4000"],
        ["report", "--accept", "gpu_lost"],
        ["wait", "--release", "25.1"],
        ["wait", "--cuda-compat", "/nowhere"],
    ],
)
def test_bad_arguments_end_with_the_status_2(host, arguments, capsys):
    with pytest.raises(SystemExit) as exited:
        run(*arguments)
    assert exited.value.code == 2
    assert "usage: triton-gpu" in capsys.readouterr().err
    assert host.wanted is None


@pytest.mark.parametrize("command", ["report", "facts", "wait"])
def test_each_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as exited:
        run(command, "--help")
    assert exited.value.code == 0
    text = capsys.readouterr().out
    assert "Exits with" in text
    assert "in seconds (" in text


def test_a_reader_that_has_seen_enough_is_no_failure(host, tmp_path):
    class Closed(io.StringIO):
        def __init__(self, stream):
            super().__init__()
            self.stream = stream

        def write(self, text):
            raise BrokenPipeError

        def fileno(self):
            return self.stream.fileno()

    with (tmp_path / "file").open("w") as stream:
        assert command_line.main(["report"], Closed(stream)) == 0
