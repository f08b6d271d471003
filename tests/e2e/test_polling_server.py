# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that polls the repository once a second sees nothing of a change but the change."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from tritonserver import Server

from .conftest import Playbook, Repository, index, kinds, policy_task

POLL = ("--model-control-mode=poll", "--repository-poll-secs=1")
MODELS = {
    "bare": 'backend: "python"\n',
    "commented": 'backend: "python"\n# placement\ninstance_group [\n  {\n    count: 1  # one\n  }\n]\n',
    "crlf": 'backend: "python"\r\ninstance_group { count: 1 }\r\n',
    "no_config": None,
}


def cpu(count: int) -> dict[str, object]:
    return {"name": "on the CPU", "instance_group": [{"kind": "KIND_CPU", "count": count}], "level": "exact"}


class Watcher(threading.Thread):
    """Asks the server all the time which models there are and whether they serve."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.server = server
        self.names: set[str] = set()
        self.not_ready: list[str] = []
        self.rounds = 0
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.is_set():
            entries = index(self.server)
            self.names |= set(entries)
            self.not_ready += [name for name in MODELS if entries.get(name, {}).get("state") != "READY"]
            for name in MODELS:
                if self.server.request("GET", f"/v2/models/{name}/ready")[0] != 200:
                    self.not_ready.append(name)
            self.rounds += 1

    def __enter__(self) -> Watcher:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self.join()


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return condition()


def test_an_edit_of_the_instance_groups_updates_in_place(
    repository: Repository, playbook: Playbook, start: Callable[..., Server]
) -> None:
    for name, config in MODELS.items():
        repository.add(name, config)
    server = start(repository, *POLL)
    time.sleep(3)  # three polls in which nothing happens: the models have settled
    settled = len(server.log_text())

    with Watcher(server) as watcher:
        for count in (3, 1, 2):
            playbook.run(policy_task(repository, cpu(count)))
            for name in MODELS:
                wanted = [("KIND_CPU", count)]
                assert wait_for(lambda name=name, wanted=wanted: kinds(server, name) == wanted), name

    assert watcher.rounds > 10
    assert watcher.names == set(MODELS), "nothing else was ever taken for a model"
    assert not watcher.not_ready, "no model was ever gone"
    log = server.log_text()[settled:]
    # A model that is loaded anew beside the old one shows in the unloading of the old one.
    assert "unloaded" not in log
    assert "Poll failed" not in log
    # 1 -> 3 adds two, 3 -> 1 adds none, 1 -> 2 adds one: the instances that were there are the ones that serve.
    for name in MODELS:
        assert log.count(f"TRITONBACKEND_ModelInstanceInitialize: {name}_0") == 3, log


def test_a_file_that_another_server_configuration_uses_is_a_full_reload(
    repository: Repository, playbook: Playbook, start: Callable[..., Server]
) -> None:
    repository.add("variants")
    configs = repository.path / "variants" / "configs"
    configs.mkdir()
    (configs / "h100.pbtxt").write_text('backend: "python"\n')
    server = start(repository, *POLL, "--model-config-name=h100")
    time.sleep(3)
    settled = len(server.log_text())

    (result,) = playbook.run(policy_task(repository, cpu(2)))

    impacts = {entry["config_name"]: entry["reload_impact"] for entry in result["models"]}
    assert impacts[None] == "full_reload"
    assert wait_for(lambda: kinds(server, "variants") == [("KIND_CPU", 2)])
    assert wait_for(lambda: "successfully unloaded 'variants'" in server.log_text()[settled:])
