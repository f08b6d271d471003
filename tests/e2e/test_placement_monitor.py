# SPDX-License-Identifier: GPL-3.0-or-later
"""The command triton-placement over the real tritonserver, with the real Prometheus and node exporter behind it.

The GPUs are simulated: `tests/standin_cuda` says what that proves and what it does not. What the diagnosis sees of them
is a file system of files. The units of the role are tested on hosts with systemd: molecule/placement_monitor.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.inference.triton.plugins.plugin_utils._standalone_archive import build as build_archive
from ansible_collections.inference.triton.tests.standin_cuda.server import Library, Model, build, groups, write
from tritonserver import Server

from .gpu_hosts import ADDRESSES, two_a100
from .monitoring import Monitoring

MODULE_UTILS = Path(__file__).resolve().parents[2] / "plugins/module_utils"
TENSORS = 'input { name: "IN" data_type: TYPE_FP32 dims: 1 } output { name: "OUT" data_type: TYPE_FP32 dims: 1 }\n'
IMPLICIT = 'backend: "null"\nmax_batch_size: 0\n' + TENSORS
ON_GPU = IMPLICIT + "instance_group [ { kind: KIND_GPU } ]\n"
ON_CPU = IMPLICIT + "instance_group [ { kind: KIND_CPU } ]\n"
POLICY = {
    "critical": [{"models": ["ranker"]}],
    "rules": [
        {
            "name": "tokenizers stay on the CPU",
            "match": {"models": ["tokenizer"]},
            "instance_group": [{"kind": "KIND_CPU"}],
        },
        {"name": "everything else is on the GPU", "instance_group": [{"kind": "KIND_GPU"}], "level": "kind"},
    ],
}
# A model whose start lasts for as long as a file is there.
SLOW = """\
import os, time

class TritonPythonModel:
    def initialize(self, args):
        while os.path.exists(os.environ["SLOW_START"]):
            time.sleep(0.1)

    def execute(self, requests):
        raise NotImplementedError
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return build(tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that the role installs."""
    path = tmp_path_factory.mktemp("bin") / "triton-placement"
    path.write_bytes(
        build_archive(MODULE_UTILS, "_verification/command_line.py", "triton-placement", "0.1.0", sys.executable)
    )
    path.chmod(0o755)
    return path


class Host:
    """A host with two GPUs, which come and go, a server, and its check."""

    def __init__(self, home: Path, library: Library, command: Path) -> None:
        self.home, self.library, self.command = home, library, command
        self.models = home / "models"
        self.models.mkdir()
        self.state = home / "state"
        self.state.mkdir()
        self.config = home / "config.json"
        self.devices = home / "devices"
        self.slow = home / "slow"
        self.has_gpus(2)
        write(self.models, {"ranker": Model(IMPLICIT), "tokenizer": Model(ON_CPU)}, library)

    def has_gpus(self, number: int) -> None:
        """What a server that starts now, and the diagnosis, see of the GPUs."""
        self.devices.write_text(",".join(["8.0"] * number))
        self.root = self.home / f"root-{number}"
        if not self.root.exists():
            two_a100(self.root, lost=ADDRESSES[number:])

    def start(self, *options: str) -> Server:
        state = self.home / "server"
        state.mkdir()
        environment = {
            "LD_PRELOAD": str(self.library.cuda),
            "STANDIN_CUDA_DEVICES": str(self.devices),
            "SLOW_START": str(self.slow),
        }
        options = options or ("--model-control-mode=explicit", "--load-model=*")
        self.server = Server.start(self.models, state=state, options=options, environment=environment)
        return self.server

    def configure(self, policy: Any = POLICY, **values: Any) -> None:
        placement = {
            "repositories": [str(self.models)],
            "policy": policy,
            "url": self.server.url,
            "metrics_url": f"http://127.0.0.1:{self.server.metrics_port}/metrics",
            "server_log": str(self.server.state / "server.log"),
            "timeout": 5,
        }
        given = {"placement": placement, "state_dir": str(self.state), "gpu_root": str(self.root), "timeout": 20}
        self.config.write_text(json.dumps({**given, "expected_gpus": 2, "interval": 1, **values}))

    def check(self, **options: Any) -> subprocess.CompletedProcess[str]:
        """One look, by the command as it is installed."""
        return subprocess.run(self.words("check"), capture_output=True, text=True, timeout=120, **options)

    def words(self, what: str) -> list[str]:
        return [str(self.command), what, "--config", str(self.config)]

    def seen(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.state / "state.json").read_text())
        return found


@pytest.fixture
def host(tmp_path: Path, library: Library, command: Path) -> Iterator[Host]:
    made = Host(tmp_path, library, command)
    yield made
    if hasattr(made, "server"):
        made.server.stop(patience=0)


def health(port: int, seconds: float = 10) -> tuple[int, dict[str, Any]]:
    """Status and body of the health endpoint, as soon as it listens."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as answer:
            return answer.code, json.load(answer)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def test_an_alert_fires_after_a_fallback_and_ends_after_the_repair(host: Host, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = host.start()
    host.configure(health_port=port)
    endpoint = subprocess.Popen(host.words("health"))
    try:
        with Monitoring(tmp_path / "monitoring", host.state) as prometheus:
            first = host.check()
            assert first.returncode == 0, first.stdout
            assert groups(server, "ranker")[0][1] == "KIND_GPU"
            assert health(port)[0] == 200
            prometheus.wait(lambda: prometheus.query("triton_placement_up == 1"), "the metrics are scraped")
            prometheus.wait(lambda: not prometheus.alerts(), "no alert fires")
            assert "node_textfile_scrape_error 0" in prometheus.exported()

            host.has_gpus(0)
            server.restart()
            assert groups(server, "ranker")[0][1] == "KIND_CPU", "the fallback that nobody chose"
            assert server.request("GET", "/v2/health/ready")[0] == 200, "which the server does not mind"
            host.configure(health_port=port)
            look = host.check()
            assert look.returncode == 1
            assert "error: model ranker (silent_fallback, critical): " in look.stdout
            code, body = health(port)
            assert (code, body["status"], body["models"]) == (503, "critical_model", ["ranker"])
            fired = prometheus.wait(
                lambda: (
                    {"TritonCriticalModelContradicted", "TritonSilentFallback", "TritonGpuLost"}
                    <= prometheus.alerts().keys()
                    and prometheus.alerts()
                ),
                "the alerts fire",
            )
            (critical,) = fired["TritonCriticalModelContradicted"]
            assert critical["labels"]["model"] == "ranker"
            assert critical["labels"]["cause"] == "silent_fallback"
            assert "TritonServerDown" not in fired

            host.has_gpus(2)
            server.restart()
            host.configure(health_port=port)
            assert host.check().returncode == 0
            assert health(port)[0] == 200
            prometheus.wait(lambda: not prometheus.alerts(), "the alerts end")
    finally:
        endpoint.terminate()
        assert endpoint.wait(10) == 0


def test_a_model_that_is_loaded_with_another_device_is_told_in_the_journal_once(host: Host) -> None:
    (host.models / "ranker/config.pbtxt").write_text(ON_GPU)
    server = host.start()
    host.configure()
    journal = host.home / "journal"

    def look() -> list[str]:
        """The lines that one look adds to a journal."""
        with journal.open("w") as stream:
            place = os.fstat(stream.fileno())
            environment = {**os.environ, "JOURNAL_STREAM": f"{place.st_dev}:{place.st_ino}"}
            subprocess.run(host.words("check"), stdout=stream, env=environment, timeout=60)
        return journal.read_text().splitlines()

    assert [line[:9] for line in look()] == ["<5>fine: "]
    (host.models / "ranker/config.pbtxt").write_text(ON_CPU)
    assert server.request("POST", "/v2/repository/models/ranker/load", {})[0] == 200

    lines = look()
    assert lines[0].startswith("<5>contradicted: 1 of 2 models")
    errors = [line for line in lines if line.startswith("<3>")]
    assert len(errors) == 1 and "model ranker (" in errors[0], lines
    assert look() == []

    (host.models / "ranker/config.pbtxt").write_text(ON_GPU)
    assert server.request("POST", "/v2/repository/models/ranker/load", {})[0] == 200
    assert any(line.startswith("<5>over: model ranker (") for line in look())


def test_a_file_that_the_server_has_not_taken_up_is_pending(host: Host) -> None:
    host.start()
    host.configure()
    assert host.check().returncode == 0
    (host.models / "ranker/config.pbtxt").write_text(ON_GPU.replace("KIND_GPU", "KIND_GPU count: 2"))
    host.check()
    assert host.seen()["pending"] == ["ranker"]
    assert "\ntriton_placement_pending_models 1\n" in (host.state / "triton_placement.prom").read_text()


def test_a_server_that_starts_is_neither_down_nor_well(host: Host) -> None:
    (host.models / "slow/1").mkdir(parents=True)
    (host.models / "slow/1/model.py").write_text(SLOW)
    (host.models / "slow/config.pbtxt").write_text('backend: "python"\nmax_batch_size: 0\n' + TENSORS)
    server = host.start()
    host.configure()
    assert host.check().returncode == 0

    host.slow.touch()
    restart = threading.Thread(target=server.restart)
    restart.start()
    try:
        deadline = time.monotonic() + 60
        seen = []
        while "starting" not in seen and time.monotonic() < deadline:
            looked = host.check()
            seen.append(host.seen()["status"])
            time.sleep(0.1)
        assert seen[-1] == "starting", seen
        assert looked.returncode == 3
        assert "opens its ports after it has loaded or refused every model" in looked.stdout
        metrics = (host.state / "triton_placement.prom").read_text()
        assert 'triton_placement_status{status="starting"} 1' in metrics
        assert 'triton_placement_status{status="down"} 0' in metrics
    finally:
        host.slow.unlink()
        restart.join()
    assert host.check().returncode == 0


def test_a_server_that_is_gone_is_down(host: Host) -> None:
    server = host.start()
    host.configure()
    server.stop(patience=0)
    look = host.check()
    assert look.returncode == 2
    assert look.stdout.startswith("The server does not serve. ")
    assert (host.seen()["status"], host.seen()["server_error"]["kind"]) == ("down", "refused")


def test_a_server_that_hangs_ends_the_look_in_time_and_a_second_one_does_not_wait_for_it(host: Host) -> None:
    server = host.start()
    host.configure(timeout=10)
    host.check()
    os.kill(server.pid, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        first = subprocess.Popen(host.words("check"), stdout=subprocess.PIPE, text=True)
        time.sleep(2)
        second = host.check()
        assert time.monotonic() - begun < 5
        assert (second.returncode, second.stdout) == (4, "Another check is under way; this one has not looked.\n")
        assert "no answer within" in first.communicate(timeout=60)[0]
        assert first.returncode == 2
        assert time.monotonic() - begun < 20
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert host.seen()["status"] == "down"


def test_a_check_that_is_killed_leaves_the_last_state_and_no_lock(host: Host) -> None:
    server = host.start()
    host.configure()
    host.check()
    before = host.seen()
    os.kill(server.pid, signal.SIGSTOP)
    try:
        killed = subprocess.Popen(host.words("check"), stdout=subprocess.DEVNULL)
        time.sleep(1.5)
        killed.kill()
        killed.wait()
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert host.seen() == before
    assert host.check().returncode == 0
    assert host.seen()["checked_at_seconds"] > before["checked_at_seconds"]


def test_where_there_is_no_room_the_old_files_stay_whole(host: Host) -> None:
    host.start()
    host.configure()
    host.check()
    before = {path.name: path.read_bytes() for path in host.state.iterdir()}
    (host.models / "ranker/config.pbtxt").write_text(ON_CPU)

    look = host.check(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024)))

    assert look.returncode == 2
    assert "state.json cannot be written: File too large." in look.stdout
    assert {path.name: path.read_bytes() for path in host.state.iterdir()} == before


def test_a_restricted_api_is_no_answer_until_the_header_is_there(host: Host) -> None:
    host.start(
        "--model-control-mode=explicit",
        "--load-model=*",
        "--http-restricted-api=model-repository,model-config:key=s3cret",
    )
    host.configure()
    look = host.check()
    assert look.returncode == 2
    assert host.seen()["status"] == "failed"
    assert "restricted" in look.stdout

    headers = host.home / "headers.json"
    headers.write_text(json.dumps({"key": "s3cret"}))
    host.configure(headers_file=str(headers))
    assert host.check().returncode == 0
    assert "s3cret" not in (host.state / "state.json").read_text()
