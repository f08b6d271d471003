# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts of several scenarios beside each other. An engine that makes nothing stands in for podman."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path

import pytest
import throwaway_hosts
from container_engine import Engine, HostsError, HostsUnavailable
from throwaway_hosts import Scenario

TAKEN = "podman run failed (126):\nrootlessport listen tcp 127.0.0.1:40000: bind: address already in use"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked of the engine; starting a host is a word there."""
    asked: list[str] = []

    def run(self: Engine, *arguments: str, **settings: object) -> str:
        asked.append(arguments[0])
        return ""

    monkeypatch.setattr(Engine, "run", run)
    monkeypatch.setattr(throwaway_hosts, "engine_ready", lambda: Engine("podman", 2))
    monkeypatch.setattr(throwaway_hosts, "ensure_images", lambda engine, releases: {name: name for name in releases})
    return asked


def failing(monkeypatch: pytest.MonkeyPatch, *failures: HostsError) -> list[dict[int, int]]:
    """Have the first starts fail; gives the ports of each start."""
    left, ports = list(failures), []

    def start(
        engine: Engine, scenario: Scenario, host: str, image: str, reach: dict[int, int], volumes: Sequence[str]
    ) -> None:
        ports.append(reach)
        if left:
            raise left.pop(0)

    monkeypatch.setattr(throwaway_hosts, "_start", start)
    return ports


def test_a_port_that_somebody_took_in_between_is_exchanged(
    engine: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = failing(monkeypatch, HostsError(TAKEN))
    lines = throwaway_hosts.create(Scenario("mine", tmp_path), {"web": "bookworm"}, [8000])
    assert lines[0] == "web: container " + Scenario("mine", tmp_path).container("web") + " of bookworm"
    assert len(ports) == 2


@pytest.mark.parametrize("failures", [[HostsError(TAKEN)] * 3, [HostsError("no such image")]])
def test_another_failure_or_the_third_is_told(
    failures: list[HostsError], engine: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, *failures)
    with pytest.raises(HostsError, match=r"already in use|no such image"):
        throwaway_hosts.create(Scenario("mine", tmp_path), {"web": "bookworm"}, [])


def test_hosts_of_other_scenarios_count_too(engine: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "sys/fs/inotify/max_user_instances"
    limit.parent.mkdir(parents=True)
    limit.write_text("128\n")
    monkeypatch.setattr("container_engine.INOTIFY", limit)
    monkeypatch.setattr(
        Engine, "run", lambda self, *arguments, **settings: "id\n" * 15 if "--quiet" in arguments[1:2] else ""
    )
    with pytest.raises(HostsUnavailable, match="17 hosts need 136 inotify instances"):
        throwaway_hosts.create(Scenario("mine", tmp_path), {"a": "bookworm", "b": "bookworm"}, [])


@pytest.mark.parametrize(
    ("handed_out", "candidates"), [("20005 60999", range(20000, 20005)), ("1024 65535", range(20000, 65536))]
)
def test_ports_are_none_that_the_kernel_hands_out(
    handed_out: str, candidates: range, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throwaway_hosts, "HANDED_OUT", tmp_path / "ip_local_port_range")
    throwaway_hosts.HANDED_OUT.write_text(f"{handed_out}\n")
    monkeypatch.setattr(throwaway_hosts, "_reaches_its_listener", lambda port: port != 20001)
    ports = throwaway_hosts._free_ports(4)
    assert len(set(ports)) == 4
    assert set(ports) <= set(candidates) - {20001}
    with pytest.raises(HostsError, match=rf"{len(candidates) - 1} ports of 127\.0\.0\.1 from 20000 on are free"):
        throwaway_hosts._free_ports(len(candidates))


def test_a_port_that_is_taken_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not throwaway_hosts._reaches_its_listener(port)
    assert throwaway_hosts._reaches_its_listener(port)
