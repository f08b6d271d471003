# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Prometheus that scrapes a real node exporter, both on loopback, with short intervals."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prometheus import fetch

RULES = Path(__file__).resolve().parents[2] / "roles/placement_monitor/files/triton_placement.rules.yml"


class Monitoring:
    """Prometheus and a node exporter over a directory of text files; both end with the context."""

    def __init__(self, folder: Path, textfiles: Path) -> None:
        self.folder = folder
        self.textfiles = textfiles
        self.processes: list[subprocess.Popen[bytes]] = []
        self.exporter_port, self.port = _free_ports(2)

    def __enter__(self) -> Monitoring:
        programs = fetch()
        self.folder.mkdir()
        collectors = ["--collector.disable-defaults", "--collector.textfile"]
        self._start(
            "node_exporter",
            [
                programs.node_exporter,
                *collectors,
                f"--collector.textfile.directory={self.textfiles}",
                f"--web.listen-address=127.0.0.1:{self.exporter_port}",
            ],
        )
        (self.folder / "rules.yml").write_text(_at_once(RULES.read_text()))
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yml"],
            "scrape_configs": [
                {"job_name": "node", "static_configs": [{"targets": [f"127.0.0.1:{self.exporter_port}"]}]}
            ],
        }
        (self.folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
        self._start(
            "prometheus",
            [
                programs.prometheus,
                f"--config.file={self.folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={self.folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ],
        )
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.kill()
            process.wait()

    def alerts(self) -> dict[str, list[dict[str, Any]]]:
        """The alerts that fire, by their names."""
        found: dict[str, list[dict[str, Any]]] = {}
        for alert in self.get("/api/v1/alerts")["alerts"]:
            if alert["state"] == "firing":
                found.setdefault(alert["labels"]["alertname"], []).append(alert)
        return found

    def query(self, expression: str) -> list[dict[str, Any]]:
        result: list[dict[str, Any]] = self.get("/api/v1/query", query=expression)["result"]
        return result

    def get(self, path: str, **parameters: str) -> Any:
        """The data of an answer of Prometheus; nothing while it starts."""
        url = f"http://127.0.0.1:{self.port}{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except OSError:
            return {"alerts": [], "result": []}

    def exported(self) -> str:
        """What the node exporter says."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.exporter_port}/metrics", timeout=10) as answer:
            text: str = answer.read().decode()
        return text

    def wait(self, wanted: Callable[[], Any], what: str, seconds: float = 60) -> Any:
        """What ``wanted`` gives as soon as it gives something. Fails after a while."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = wanted()
            if found:
                return found
            time.sleep(0.25)
        logs = "".join(path.read_text(errors="replace")[-2000:] for path in self.folder.glob("*.log"))
        raise AssertionError(f"{what}: not within {seconds:g} s. Alerts: {self.alerts()}\n{logs}")

    def _start(self, name: str, command: list[str]) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.processes.append(process)


def _at_once(rules: str) -> str:
    """The rules that are shipped, with one second instead of the minutes for which they wait."""
    changed, times = re.subn(r"(?m)^( +for:) \S+$", r"\1 1s", rules)
    assert times > 5, "the rules wait no more: is this test still right?"
    return changed


def _free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
