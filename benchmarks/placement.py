# SPDX-License-Identifier: GPL-3.0-or-later
"""One placement_info task over a real tritonserver with 1,000 models, beside the bare reading of the same answers.

Wall-clock seconds, best of several rounds. The backend and the GPU are stand-ins (`tests/standin_cuda`), which answers
about models do not depend on.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.inference.triton.tests.standin_cuda.server import Host, Library, Model, build, write
from tritonserver import Server

MODELS = 1000
ROUNDS = 3
CONFIG = """\
backend: "null"
input {{ name: "IN" data_type: TYPE_FP32 dims: 1 }}
output {{ name: "OUT" data_type: TYPE_FP32 dims: 1 }}
instance_group {{ kind: {kind} }}
"""
POLICY = {"rules": [{"name": "explicit", "instance_group": [{"kind": "KIND_GPU"}]}]}


def start(home: Path, library: Library) -> Server:
    kinds = ("KIND_GPU", "KIND_CPU")
    models = {f"model_{number:05}": Model(CONFIG.format(kind=kinds[number % 2])) for number in range(MODELS)}
    write(home / "models", models, library)
    (home / "server").mkdir()
    return Server.start(home / "models", state=home / "server", environment=Host(("8.0",)).environment(library))


def placement_task(home: Path, server: Server) -> dict[str, Any]:
    arguments = {
        "url": server.url,
        "metrics_url": f"http://127.0.0.1:{server.metrics_port}/metrics",
        "repositories": [str(home / "models")],
        "policy": POLICY,
        "gpus": [{"compute_capability": "8.0"}],
        "server_log": str(home / "server" / "server.log"),
        "fail_on": ["consistent", "unproved", "contradicted"],
    }
    return {"inference.triton.placement_info": arguments}


def play(home: Path, task: dict[str, Any]) -> Callable[[], None]:
    playbook = home / f"{len(list(home.glob('*.json')))}.json"
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]))

    def run() -> None:
        done = subprocess.run(["ansible-playbook", str(playbook)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stdout + done.stderr)

    return run


def read_answers(server: Server) -> None:
    """The index, the statistics, and of each model whether it is ready and with what it runs; nothing looks at them."""
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port)
    paths = [
        f"/v2/models/model_{number:05}/versions/1/{what}" for number in range(MODELS) for what in ("config", "ready")
    ]
    for method, path in [
        ("POST", "/v2/repository/index"),
        ("GET", "/v2/models/stats"),
        *(("GET", path) for path in paths),
    ]:
        connection.request(method, path)
        connection.getresponse().read()
    connection.close()


def best(work: Callable[[], None]) -> float:
    times = []
    for _round in range(ROUNDS):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        server = start(home, build(home))
        try:
            start_up = best(play(home, {"ansible.builtin.ping": {}}))
            task = best(play(home, placement_task(home, server)))
            bare = best(lambda: read_answers(server))
        finally:
            server.stop(patience=0)
    rows = (
        ("reading the answers about 1,000 models, nothing else", bare),
        ("ansible-playbook with one ping", start_up),
        ("placement_info: files, policy, server and log of all, all proved", task),
    )
    for title, value in rows:
        print(f"{title:66}{value:8.2f} s")
    added = task - start_up
    print(f"The proof adds {added:.2f} s to Ansible's start-up, {added / bare:.1f} times the plain reading.")


if __name__ == "__main__":
    main()
