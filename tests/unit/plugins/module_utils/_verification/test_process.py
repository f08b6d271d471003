# SPDX-License-Identifier: GPL-3.0-or-later
"""The process of the server that is asked."""

from __future__ import annotations

import time

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu.host_files import HostFiles
from ansible_collections.inference.triton.plugins.module_utils._placement.server import ServerView
from ansible_collections.inference.triton.plugins.module_utils._verification.process import find
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._gpu.host_tree import HostTree

URL = "http://127.0.0.1:8000"


@pytest.fixture
def host(tmp_path):
    return HostTree(tmp_path)


@pytest.fixture
def found(host):
    return lambda url=URL, unit=None: find(url, unit, HostFiles(str(host.root)))


def server(host, pid, *options, **more):
    host.process(pid, cmdline=["/opt/tritonserver/bin/tritonserver", *options], **more)


def test_a_host_without_a_server(found, host):
    host.process(7, comm="nginx", cmdline=["nginx"])
    assert found() is None


@pytest.mark.parametrize(
    ("url", "pid"),
    [
        ("http://127.0.0.1:8000", 10),
        ("http://localhost:9000/v2", 11),
        ("http://[::1]:9000", 11),
        ("http://127.0.0.1:7000", None),
        ("http://192.0.2.1:8000", None),
        ("https://localhost", None),
    ],
)
def test_the_server_that_listens_at_the_url(found, host, url, pid):
    server(host, 10)
    server(host, 11, "--http-port=9000")
    process = found(url)
    assert (process and process.pid) == pid


def test_two_servers_that_may_both_be_it_are_none(found, host):
    server(host, 10)
    server(host, 11, "--http-port", "8000")
    assert found() is None


def test_the_same_port_in_another_container_is_another_server(found, host):
    server(host, 10)
    server(host, 11)
    host.link("proc/self/ns/net", "net:[1]")
    host.link("proc/10/ns/net", "net:[1]")
    host.link("proc/11/ns/net", "net:[2]")
    assert found().pid == 10


@pytest.mark.parametrize(
    "cgroup",
    [
        "0::/system.slice/triton.service",
        "0::/system.slice/triton.service/libpod-payload-1f",
        "1:name=systemd:/system.slice/triton.service\n0::/",
    ],
)
def test_the_server_of_a_unit_wherever_it_listens(found, host, cgroup):
    server(host, 10, cgroup="0::/system.slice/other-triton.service")
    server(host, 11, "--http-port=9000", cgroup=cgroup)
    assert found(unit="triton.service").pid == 11


def test_a_container_engine_that_keeps_the_server_in_a_group_of_its_own(found, host):
    server(host, 11, cgroup="0::/system.slice/docker-1f.scope")
    assert found(unit="triton.service").pid == 11
    assert found(url="http://gateway.example.com", unit="triton.service") is None


@pytest.mark.parametrize(
    ("options", "mode"),
    [
        ([], "none"),
        (["--model-control-mode=explicit"], "explicit"),
        (["--model-control-mode", "poll"], "poll"),
        (["--model-control-mode=poll", "--model-control-mode=none"], "none"),
        (["--model-control-mode=EXPLICIT"], None),
    ],
)
def test_the_control_mode(found, host, options, mode):
    server(host, 10, *options)
    assert found().control_mode == mode


@pytest.mark.parametrize(
    ("options", "config_name", "auto_complete", "told"),
    [
        ([], None, True, []),
        (["--model-config-name=h100"], "h100", True, []),
        (["--model-config-name="], None, True, []),
        (["--model-config-name=h100"], None, True, ["--model-config-name=h100, and config_name is not given"]),
        ([], "h100", True, ["no --model-config-name, and config_name is h100"]),
        (["--disable-auto-complete-config"], None, True, ["auto_complete: false"]),
        (["--disable-auto-complete-config"], None, False, []),
    ],
)
def test_what_a_task_takes_the_server_to_have(found, host, options, config_name, auto_complete, told):
    server(host, 10, *options)
    view = ServerView((), config_name=config_name, auto_complete=auto_complete)
    warnings = found().disagreements(view)
    assert len(warnings) == len(told)
    assert all(part in warning for part, warning in zip(told, warnings))


def test_a_command_line_that_nobody_may_see_disagrees_with_nothing(found, host):
    server(host, 10, cgroup="0::/system.slice/triton.service")
    host.write("proc/10/cmdline", "")
    process = found(unit="triton.service")
    assert (process.options, process.control_mode) == (None, None)
    assert process.disagreements(ServerView((), config_name="h100")) == []


def test_when_it_was_started(found, host):
    server(host, 10)
    ticks = int((time.clock_gettime(time.CLOCK_BOOTTIME) - 100) * 100)
    host.write("proc/10/stat", f"10 (triton) server) S {' '.join(['0'] * 18)} {ticks} 0 0\n")
    assert found().started_at == pytest.approx(time.time() - 100, abs=5)


@pytest.mark.parametrize("status", ["", "10 (x) S 0", "10 (x) S " + "x " * 30])
def test_a_time_that_cannot_be_read(found, host, status):
    server(host, 10)
    host.write("proc/10/stat", status)
    assert found().started_at is None
