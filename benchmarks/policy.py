# SPDX-License-Identifier: GPL-3.0-or-later
"""One policy task over 1,000 models, beside what else one could do, on the same repository in the same run.

Wall-clock seconds, best of several rounds. The loops of lineinfile and blockinfile run over a sample of the models, and
what they would need for all of them is extrapolated from that.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.inference.triton.plugins.module_utils._model_config import second_opinion
from repository import make

MODELS = 1000
SAMPLE = 30
ROUNDS = 3

POLICY = {"rules": [{"name": "explicit, on the GPU", "instance_group": [{"kind": "KIND_GPU"}]}]}


def policy_task(repository: Path) -> dict[str, Any]:
    return {"inference.triton.instance_group_policy": {"repositories": [str(repository)], "policy": POLICY}}


def info_task(repository: Path) -> dict[str, Any]:
    gpu = {"name": "Tesla V100-SXM2-16GB", "memory_mib": 16160, "compute_capability": "7.0"}
    arguments = {"repositories": [str(repository)], "gpus": [gpu, gpu], "triton_release": "25.10"}
    return {"inference.triton.model_repository_info": arguments}


def loop_tasks(repository: Path) -> list[dict[str, Any]]:
    """What people write without this collection: a kind where there is a group, a group where there is none."""
    files = [str(repository / f"model_{number:05d}" / "config.pbtxt") for number in range(SAMPLE)]
    line = {"path": "{{ item }}", "regexp": "kind *: *KIND_[A-Z]+", "line": "    kind: KIND_GPU"}
    block = {"path": "{{ item }}", "block": "instance_group [ { kind: KIND_GPU } ]"}
    return [
        {"ansible.builtin.lineinfile": line, "loop": [file for i, file in enumerate(files) if i % 4 in (2, 3)]},
        {"ansible.builtin.blockinfile": block, "loop": [file for i, file in enumerate(files) if i % 4 in (0, 1)]},
    ]


def play(work: Path, *tasks: dict[str, Any]) -> Callable[[], None]:
    playbook = work / f"{len(list(work.glob('*.json')))}.json"
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    command = ["ansible-playbook", str(playbook)]  # the implicit localhost runs modules with this Python

    def run() -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stdout + done.stderr)

    return run


def read_all(repository: Path) -> dict[str, bytes]:
    contents = {}
    for entry in os.scandir(repository):
        path = f"{entry.path}/config.pbtxt"
        with open(path, "rb") as file:
            contents[path] = file.read()
    return contents


def parse_all(contents: dict[str, bytes]) -> None:
    """What Google's parser alone takes for them, without Ansible."""
    protobuf = second_opinion.load()
    assert protobuf
    for data in contents.values():
        protobuf.text_format.Parse(data, protobuf.message_class())


def rewrite_all(repository: Path) -> None:
    for path, data in read_all(repository).items():
        with open(path + ".new", "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.rename(path + ".new", path)


def seconds(work: Callable[[], object], prepare: Callable[[], object] = lambda: None, rounds: int = ROUNDS) -> float:
    best = float("inf")
    for _ in range(rounds):
        prepare()
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-", dir=".cache") as directory:
        work = Path(directory).resolve()
        fresh, repository = work / "fresh", work / "models"
        make(fresh, MODELS)

        def reset() -> None:
            shutil.rmtree(repository, ignore_errors=True)
            shutil.copytree(fresh, repository)

        reset()
        reading = seconds(lambda: read_all(repository), rounds=9)
        rewriting = seconds(lambda: rewrite_all(repository))
        start_up = seconds(play(work, {"ansible.builtin.ping": {}}))
        enforce = play(work, policy_task(repository))
        first = seconds(enforce, prepare=reset)
        second = seconds(enforce)
        info = seconds(play(work, info_task(repository)))
        contents = read_all(repository)
        parsing = seconds(lambda: parse_all(contents))
        loop = seconds(play(work, *loop_tasks(repository)), prepare=reset, rounds=1)
        loop_again = seconds(play(work, *loop_tasks(repository)), rounds=1)
    per_model, per_model_again = (loop - start_up) / SAMPLE, (loop_again - start_up) / SAMPLE
    all_models, all_models_again = start_up + per_model * MODELS, start_up + per_model_again * MODELS
    rows = (
        (f"reading the {MODELS:,} files, nothing else", reading),
        ("reading and rewriting them, with fsync", rewriting),
        ("Google's text_format: Parse of each, nothing else", parsing),
        ("ansible-playbook with one ping", start_up),
        ("instance_group_policy, first run, 3 of 4 files change", first),
        ("instance_group_policy, second run, nothing to do", second),
        ("model_repository_info: findings and prediction of all", info),
        (f"lineinfile and blockinfile, first run, from {SAMPLE} models", all_models),
        (f"lineinfile and blockinfile, second run, from {SAMPLE} models", all_models_again),
    )
    for title, value in rows:
        print(f"{title:62}{value:10.3f} s")
    audit = second - start_up
    print(f"The audit adds {audit:.2f} s to Ansible's start-up, {audit / reading:.0f} times the plain reading;")
    print(f"the whole task takes {second / (reading + start_up):.1f} times as long as the reading and the start-up.")
    facts = info - start_up
    print(f"Findings and prediction add {facts:.2f} s, {facts / reading:.0f} times the plain reading,")
    print(f"{facts / parsing:.1f} times Google's parse of the same files.")
    print(f"The enforcement adds {first - start_up:.2f} s, {(first - start_up) / rewriting:.1f} times the rewriting.")
    print(f"Against the loops: {all_models / first:.0f} times as fast, then {all_models_again / second:.0f}.")


if __name__ == "__main__":
    main()
