# SPDX-License-Identifier: GPL-3.0-or-later
"""The role gpu and the playbook gpus through ansible-playbook, on hosts that consist of files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .gpu_hosts import ADDRESSES, LOST, two_a100

QUIET = {"ANSIBLE_LOCALHOST_WARNING": "False", "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False", "COLUMNS": "1000"}
Run = subprocess.CompletedProcess[str]


class Hosts:
    """Plays against hosts that are all this machine, each with a file system of its own to look at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.facts = folder / "facts.d"
        self.units = folder / "units"
        self.command = folder / "triton-gpu"
        self.units.mkdir()

    def role(self, root: Path, *options: str, tasks_from: str = "main", **variables: Any) -> Run:
        given = {
            "triton_gpu_root": str(root),
            "triton_gpu_facts_dir": str(self.facts),
            "triton_gpu_unit_dir": str(self.units),
            "triton_gpu_guard_command": str(self.command),
            "triton_gpu_guard_python": sys.executable,
            **variables,
        }
        play = self.folder / "play.json"
        role = {"ansible.builtin.import_role": {"name": "inference.triton.gpu", "tasks_from": tasks_from}}
        play.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [role]}]))
        return self.run(str(play), *options, "--extra-vars", json.dumps(given))

    def run(self, *arguments: str) -> Run:
        return subprocess.run(
            ["ansible-playbook", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            env={**os.environ, **QUIET},
            check=False,
        )


@pytest.fixture
def hosts(tmp_path: Path) -> Hosts:
    return Hosts(tmp_path)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return two_a100(tmp_path / "good").root


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """One GPU is lost, and MIG is on, without an instance, on the other."""
    return two_a100(tmp_path / "broken", lost=ADDRESSES[1:], mig=True).root


def test_good_gpus_pass_and_are_summed_up(hosts: Hosts, good: Path) -> None:
    run = hosts.role(good, triton_gpu_expected_count=2, triton_gpu_minimum_memory_gb=80)
    assert run.returncode == 0, run.stdout
    assert "changed=0 " in run.stdout
    assert '"msg": "2 of 2 GPUs are usable' in run.stdout


def test_broken_gpus_fail_with_a_report_that_reads_as_one(hosts: Hosts, broken: Path) -> None:
    run = hosts.role(broken, triton_gpu_expected_count=2)
    assert run.returncode != 0
    error = run.stdout.partition("[ERROR]: ")[2].partition("\nOrigin: ")[0]
    lines = [line.strip() for line in error.splitlines()]
    summary = lines[0].partition("Action failed: ")[2]
    assert summary.startswith("None of 2 GPUs is usable: ")
    assert "0000:41:00.0" in summary
    assert "\\n" not in error
    text = "\n".join(lines)
    for told in ("gpu_lost", "mig_enabled_without_instances", LOST, *ADDRESSES, "NVIDIA A100-SXM4-80GB"):
        assert told in text


def test_a_policy_of_warnings_shows_the_same_and_goes_on(hosts: Hosts, broken: Path) -> None:
    run = hosts.role(broken, triton_gpu_on_problem="warn")
    assert run.returncode == 0, run.stdout
    assert LOST in run.stdout


def test_a_finding_that_is_accepted_does_not_fail_and_is_shown(hosts: Hosts, tmp_path: Path) -> None:
    root = two_a100(tmp_path / "lost", lost=ADDRESSES[1:]).root
    run = hosts.role(root, triton_gpu_expected_count=1, triton_gpu_accepted_states=["gpu_lost"])
    assert run.returncode == 0, run.stdout
    assert LOST in run.stdout


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"triton_gpu_expected_count": 3}, "3"),
        ({"triton_gpu_minimum_memory_gb": 90}, "90"),
        ({"triton_gpu_minimum_compute_capability": "9.0"}, "9.0"),
        ({"triton_gpu_on_problem": "panic"}, "value of triton_gpu_on_problem must be one of: fail, warn"),
    ],
)
def test_what_is_not_as_it_was_asked_for_fails(hosts: Hosts, good: Path, variables: dict[str, Any], told: str) -> None:
    run = hosts.role(good, **variables)
    assert run.returncode != 0
    assert told in run.stdout


def local_fact(hosts: Hosts) -> dict[str, Any]:
    """What Ansible makes of the local fact."""
    command = ["ansible", "localhost", "-m", "ansible.builtin.setup"]
    command += ["-a", f"gather_subset=!all,!min,local fact_path={hosts.facts}"]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **QUIET}, check=True).stdout
    facts: dict[str, Any] = json.loads(answer.partition("=> ")[2])["ansible_facts"]["ansible_local"]
    return facts


def test_the_local_fact_is_readable_and_stays_while_nothing_changes(hosts: Hosts, good: Path) -> None:
    first = hosts.role(good, triton_gpu_local_fact=True)
    fact = hosts.facts / "triton_gpu.fact"
    written, inode = fact.read_bytes(), fact.stat().st_ino
    second = hosts.role(good, triton_gpu_local_fact=True)
    assert first.returncode == second.returncode == 0, first.stdout
    assert "changed=0 " in second.stdout
    assert (fact.read_bytes(), fact.stat().st_ino) == (written, inode)
    assert fact.stat().st_mode & 0o777 == 0o644
    facts = local_fact(hosts)["triton_gpu"]
    assert facts["usable_count"] == 2
    assert facts["boot_id"] == facts["environment"]["boot_id"] != ""


def test_the_local_fact_of_a_broken_host_is_written_before_the_host_fails(hosts: Hosts, broken: Path) -> None:
    assert hosts.role(broken, triton_gpu_local_fact=True).returncode != 0
    assert local_fact(hosts)["triton_gpu"]["severity"] == "error"


def test_the_local_fact_goes_when_it_is_not_asked_for(hosts: Hosts, good: Path) -> None:
    hosts.role(good, triton_gpu_local_fact=True)
    run = hosts.role(good)
    assert list(hosts.facts.iterdir()) == []
    assert "changed=1 " in run.stdout
    assert "changed=0 " in hosts.role(good).stdout


def test_check_mode_shows_what_would_be_written_and_writes_nothing(hosts: Hosts, good: Path) -> None:
    mark = hosts.folder / "systemd"
    mark.touch()
    options = {"triton_gpu_local_fact": True, "triton_gpu_guard": True, "triton_gpu_systemd_mark": str(mark)}
    run = hosts.role(good, "--check", "--diff", **options)
    assert run.returncode == 0, run.stdout
    for line in ('+    "usable_count": 2', "+Requires=triton-gpu-ready.service", "+version ", "+WantedBy=multi-user"):
        assert line in run.stdout
    assert not hosts.facts.exists()
    assert not hosts.command.exists()
    assert list(hosts.units.iterdir()) == []


def test_the_guard_needs_systemd_and_says_so(hosts: Hosts, good: Path) -> None:
    run = hosts.role(good, triton_gpu_guard=True, triton_gpu_systemd_mark=str(hosts.folder / "nowhere"))
    assert run.returncode != 0
    assert "The guard is a systemd unit, and systemd does not run on this host." in run.stdout
    assert list(hosts.units.iterdir()) == []


@pytest.mark.parametrize("unit", ["triton", "../../evil.service", "a b.service", ""])
def test_the_guard_binds_units_only(hosts: Hosts, good: Path, unit: str) -> None:
    variables = {"triton_gpu_guard_before": [unit], "triton_gpu_systemd_mark": str(hosts.folder)}
    run = hosts.role(good, "--check", triton_gpu_guard=True, **variables)
    assert run.returncode != 0
    assert f"triton_gpu_guard_before: '{unit}' is no name of a unit" in run.stdout


@pytest.fixture
def guard(hosts: Hosts) -> Callable[..., str]:
    """Install the files of the guard, without systemd; gives the text of the unit."""

    def install(root: Path, **variables: Any) -> str:
        run = hosts.role(root, tasks_from="guard_files", **variables)
        assert run.returncode == 0, run.stdout
        return (hosts.units / "triton-gpu-ready.service").read_text()

    return install


def test_the_unit_asks_for_what_the_role_asks_for(hosts: Hosts, guard: Callable[..., str], good: Path) -> None:
    unit = guard(
        good,
        triton_gpu_expected_count=2,
        triton_gpu_minimum_memory_gb=79.5,
        triton_gpu_required_for_release="25.10",
        triton_gpu_cuda_visible_devices="-1",
        triton_gpu_containers=True,
        triton_gpu_accepted_states=["gpu_lost", "row_remap_failure"],
        triton_gpu_guard_timeout="90",
        triton_gpu_root='/odd "root" 100% $HOME\\',
    )
    (line,) = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
    words = [sys.executable, "-I", hosts.command, "wait", "--timeout=90", "--expected=2", "--minimum-memory-gb=79.5"]
    words += ["--release=25.10", "--cuda-visible-devices=-1", "--containers", "--accept=gpu_lost"]
    words += ["--accept=row_remap_failure", '--root=/odd \\"root\\" 100%% $$HOME\\\\']
    assert line == "ExecStart=" + " ".join(f'"{word}"' for word in words)
    assert "\nTimeoutStartSec=150\n" in unit


def test_the_unit_sees_the_gpus(guard: Callable[..., str], good: Path) -> None:
    settings = [line.partition("=")[0] for line in guard(good).splitlines()]
    # Each of these takes /dev/nvidia* or the kernel's log from it.
    assert not {"PrivateDevices", "DevicePolicy", "DeviceAllow", "ProtectClock", "ProtectKernelLogs"} & set(settings)


def test_the_units_are_ordered_and_bound(hosts: Hosts, guard: Callable[..., str], good: Path) -> None:
    unit = guard(good, triton_gpu_guard_before=["triton.service", "triton@.service"], triton_gpu_guard_binding="wants")
    assert "\nBefore=triton.service\n" in unit
    for name in ("triton.service", "triton@.service"):
        drop_in = (hosts.units / f"{name}.d" / "50-triton-gpu-ready.conf").read_text()
        assert drop_in.endswith("[Unit]\nWants=triton-gpu-ready.service\nAfter=triton-gpu-ready.service\n")


def test_the_command_of_the_guard_judges_as_the_role_does(
    hosts: Hosts, guard: Callable[..., str], good: Path, broken: Path
) -> None:
    guard(good)
    ready = ask(hosts, "wait", "--expected", "2", "--timeout", "0", "--root", str(good))
    assert (ready.returncode, ready.stdout.count("\n")) == (0, 1), ready.stdout
    lost = ask(hosts, "wait", "--expected", "2", "--timeout", "0", "--root", str(broken))
    assert lost.returncode == 1
    *problems, summary = lost.stdout.splitlines()
    assert [line.partition(",")[0] for line in problems] == ["gpu_lost", "mig_enabled_without_instances"]
    assert summary.startswith("Not ready after 0 seconds: None of 2 GPUs is usable")


def test_the_command_reports_and_tells_the_facts(
    hosts: Hosts, guard: Callable[..., str], good: Path, broken: Path
) -> None:
    guard(good)
    assert ask(hosts, "report", "--root", str(good)).returncode == 0
    report = ask(hosts, "report", "--root", str(broken))
    assert report.returncode == 1
    assert LOST in report.stdout
    facts = ask(hosts, "facts", "--root", str(broken))
    assert facts.returncode == 0
    assert json.loads(facts.stdout)["state"] in report.stdout


def ask(hosts: Hosts, *arguments: str) -> Run:
    """Run the command as systemd would: on its own, and somewhere else."""
    return subprocess.run(
        [str(hosts.command), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        env={"PATH": "/usr/bin:/bin"},
        check=False,
    )


def test_the_guard_goes_with_all_that_was_installed(hosts: Hosts, guard: Callable[..., str], good: Path) -> None:
    guard(good)
    nowhere = {"triton_gpu_systemd_mark": str(hosts.folder / "nowhere")}
    run = hosts.role(good, **nowhere)
    assert run.returncode == 0, run.stdout
    assert [file for file in hosts.units.rglob("*") if file.is_file()] == []
    assert not hosts.command.exists()
    assert "changed=0 " in hosts.role(good, **nowhere).stdout


def test_the_playbook_prints_one_table_of_a_fleet(hosts: Hosts, good: Path, broken: Path, tmp_path: Path) -> None:
    inventory, report = tmp_path / "inventory.json", tmp_path / "report.json"
    fleet = {
        "gpu-2": {"triton_gpu_root": str(good), "triton_gpu_expected_count": 2},
        "gpu-10": {"triton_gpu_root": str(good)},
        "gpu-3": {"triton_gpu_root": str(broken)},
        "a-down": {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1},
        "b-odd": {"ansible_python_interpreter": "/nowhere/python3"},
    }
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory.write_text(json.dumps({"all": {"hosts": {name: {**local, **own} for name, own in fleet.items()}}}))
    arguments = ("inference.triton.gpus", "--inventory", str(inventory))

    run = hosts.run(*arguments, "--extra-vars", f"triton_report_file={report}")

    assert run.returncode == 0, run.stdout
    rows = [line.strip().strip('",').split("  ") for line in run.stdout.splitlines() if line.startswith('        "')]
    named = [row[0] for row in rows]
    assert named[:6] == ["HOST", "gpu-3", "a-down", "b-odd", "gpu-2", "gpu-10"]
    assert "gpu_lost (0000:41:00.0)" in run.stdout
    assert "5 hosts: 1 ERROR, 1 UNREACHABLE, 1 NO FACTS, 2 OK. 4 of 6 GPUs usable." in run.stdout
    results = json.loads(report.read_text())
    assert sorted(results) == sorted(fleet)
    assert results["gpu-10"]["ansible_facts"]["triton_gpu"]["usable_count"] == 2

    strict = hosts.run(*arguments, "--extra-vars", "triton_gpus_on_problem=fail")
    assert strict.returncode != 0
    assert "3 of 5 hosts have an error or no facts: see the table." in strict.stdout
