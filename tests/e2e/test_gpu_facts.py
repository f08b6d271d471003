# SPDX-License-Identifier: GPL-3.0-or-later
"""The GPUs of a host through ansible-playbook: as a task, where facts are gathered, and on to the other modules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Playbook, Repository

FACTS = "{{ ansible_facts.triton_gpu }}"
SHOWN = {"ansible.builtin.set_fact": {"shown": FACTS}}


def gpu_facts(root: Path, **options: Any) -> dict[str, Any]:
    return {"inference.triton.gpu_facts": {"root": str(root), **options}}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A host with a GPU that no driver holds."""
    folder = tmp_path / "host/sys/bus/pci/devices/0000:41:00.0"
    folder.mkdir(parents=True)
    (folder / "vendor").write_text("0x10de\n")
    (folder / "device").write_text("0x20b2\n")
    (folder / "class").write_text("0x030200\n")
    (folder / "config").write_bytes(b"\xde\x10\xb2\x20" + bytes(60))
    return tmp_path / "host"


@pytest.mark.parametrize("options", [(), ("--check",)], ids=["run", "check"])
def test_the_facts_stay_with_the_host(playbook: Playbook, root: Path, options: tuple[str, ...]) -> None:
    _facts, shown = playbook.run(gpu_facts(root), SHOWN, options=options)
    found = shown["ansible_facts"]["shown"]
    assert (found["state"], found["present_count"], found["usable_count"]) == ("driver_missing", 1, 0)
    assert found["report"][0] == found["summary"]


def test_a_play_stops_with_the_summary(playbook: Playbook, root: Path) -> None:
    fail = {
        "ansible.builtin.assert": {
            "that": "ansible_facts.triton_gpu.severity != 'error'",
            "fail_msg": "{{ ansible_facts.triton_gpu.summary }}",
        },
        "ignore_errors": True,
    }
    _facts, stopped = playbook.run(gpu_facts(root), fail)
    assert stopped["msg"].startswith("The only GPU is not usable: the NVIDIA driver is not installed.")


def test_they_are_gathered_with_the_other_facts(playbook: Playbook, tmp_path: Path) -> None:
    """With the option of the module left alone, this is the machine that the tests run on, whatever it has."""
    content = "{{ [ansible_facts.triton_gpu.state, ansible_facts.kernel] | to_json }}"
    play = {
        "hosts": "localhost",
        "vars": {"ansible_facts_modules": ["ansible.builtin.setup", "inference.triton.gpu_facts"]},
        "tasks": [{"ansible.builtin.copy": {"content": content, "dest": str(tmp_path / "facts"), "mode": "0600"}}],
    }
    path = tmp_path / "play.json"
    path.write_text(json.dumps([play]))
    playbook.run({"ansible.builtin.command": {"argv": ["ansible-playbook", str(path)]}})
    state, kernel = json.loads((tmp_path / "facts").read_text())
    assert state and kernel


def test_the_gpus_go_on_to_a_prediction(playbook: Playbook, repository: Repository, root: Path) -> None:
    repository.add("bare", 'backend: "python"\n')
    options = {
        "repositories": [str(repository.path)],
        "gpus": "{{ ansible_facts.triton_gpu.gpus }}",
        "driver_version": "{{ ansible_facts.triton_gpu.driver_version | default('', true) }}",
    }
    _facts, predicted = playbook.run(gpu_facts(root), {"inference.triton.model_repository_info": options})
    assert predicted["silent_cpu"] == ["bare"]
    assert "the NVIDIA driver is not installed" in predicted["server"]["left_out"][0]
