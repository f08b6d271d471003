# SPDX-License-Identifier: GPL-3.0-or-later
"""Triton servers that run on a host."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu import server_process
from ansible_collections.inference.triton.plugins.module_utils._gpu.evidence import ServerProcess
from ansible_collections.inference.triton.plugins.module_utils._gpu.host_files import HostFiles
from ansible_collections.inference.triton.plugins.module_utils._gpu.server_process import (
    HIDDEN,
    parse_options,
    read_servers,
)


@pytest.fixture
def servers(host_tree):
    return lambda: read_servers(HostFiles(str(host_tree.root)))


def test_a_host_without_a_server(servers, host_tree):
    assert servers() == ()
    host_tree.linux()
    host_tree.process(77, comm="tritonserver_no", cmdline=["tritonserver_no"])
    assert servers() == ()


def test_a_server_in_a_container(servers, host_tree):
    host_tree.linux()
    host_tree.triton(4242, ["/opt/tritonserver/bin/tritonserver", "--model-repository=/models"])
    assert servers() == (
        ServerProcess(
            4242,
            options={"model-repository": ("/models",)},
            environment={"NVIDIA_VISIBLE_DEVICES": "all"},
            device_nodes=frozenset(["nvidia0", "nvidiactl", "nvidia-uvm"]),
            cuda_library="/usr/lib/x86_64-linux-gnu/libcuda.so.550.54.15",
            in_container=True,
        ),
    )


def test_servers_are_in_the_order_of_their_numbers(servers, host_tree):
    for pid in (1000, 99, 20000):
        host_tree.process(pid)
    assert [server.pid for server in servers()] == [99, 1000, 20000]


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (["--http-port=8000"], {"http-port": ("8000",)}),
        (["--http-port", "8000"], {"http-port": ("8000",)}),
        (["--load-model=a", "--load-model", "b"], {"load-model": ("a", "b")}),
        (["--log-verbose", "-1"], {"log-verbose": ("-1",)}),
        (["--strict-readiness", "--http-port=1"], {"strict-readiness": (), "http-port": ("1",)}),
        (["--backend-config=python,shm-default-byte-size=1"], {"backend-config": ("python,shm-default-byte-size=1",)}),
        (["--model-repository="], {"model-repository": ("",)}),
        (["--a", "1", "2"], {"a": ("1",)}),
        (["-x", "stray", "--", "---b", "--=c"], {}),
        ([], {}),
    ],
)
def test_the_options_of_a_command_line(words, options):
    assert parse_options(words) == options


def test_values_that_hold_secrets_are_not_told():
    words = ["--cache-config=redis,password=hunter2", "--http-restricted-api", "shared-memory:key=hunter2"]
    assert parse_options(words) == {"cache-config": (HIDDEN,), "http-restricted-api": (HIDDEN,)}


def test_only_that_part_of_the_environment_is_told_that_gpus_depend_on(servers, host_tree):
    environment = {"CUDA_VISIBLE_DEVICES": "", "AWS_SECRET_ACCESS_KEY": "x", "LD_LIBRARY_PATH": "/a=b"}
    host_tree.process(9, environ=environment)
    assert servers()[0].environment == {"CUDA_VISIBLE_DEVICES": "", "LD_LIBRARY_PATH": "/a=b"}


def test_what_a_user_may_not_see_is_none_and_not_nothing(servers, host_tree):
    host_tree.process(9)
    for name in ("environ", "maps"):
        host_tree.remove(f"proc/9/{name}")
    for number in range(2):
        host_tree.remove(f"proc/9/fd/{number}")
    (host_tree.root / "proc/9/fd").rmdir()
    (server,) = servers()
    assert (server.environment, server.device_nodes, server.cuda_library) == (None, None, None)


def test_a_server_on_the_cpu_has_no_gpu_open(servers, host_tree):
    host_tree.process(9)
    assert (servers()[0].device_nodes, servers()[0].cuda_library) == (frozenset(), "")


@pytest.mark.parametrize(
    ("mapped", "library"),
    [
        (
            "/usr/local/cuda/compat/lib.real/libcuda.so.580.95.05",
            "/usr/local/cuda/compat/lib.real/libcuda.so.580.95.05",
        ),
        ("/usr/lib/libcuda.so.550.54.15 (deleted)", "/usr/lib/libcuda.so.550.54.15"),
        ("/usr/lib/libcudart.so.12.4", ""),
        ("/usr/lib/libcuda.so.txt", ""),
    ],
)
def test_the_cuda_driver_library_in_memory(servers, host_tree, mapped, library):
    host_tree.process(9, maps=mapped)
    assert servers()[0].cuda_library == library


def test_a_service_with_mounts_of_its_own_is_in_no_container(servers, host_tree):
    host_tree.linux()
    host_tree.process(9, namespace="mnt:[4026532999]", root="/")
    assert not servers()[0].in_container


def test_a_container_whose_root_cannot_be_seen_is_one_by_its_mounts(servers, host_tree):
    host_tree.linux()
    host_tree.process(9, namespace="mnt:[4026532999]", root="/gone")
    assert servers()[0].in_container


def test_without_the_right_to_see_namespaces_nothing_is_said_of_containers(servers, host_tree):
    host_tree.process(9)
    host_tree.remove("proc/9/ns/mnt")
    assert not servers()[0].in_container


def test_a_server_that_has_ended_is_left_out(servers, host_tree):
    host_tree.process(9, cmdline=[])
    assert servers() == ()


def test_a_server_that_ends_while_it_is_looked_at(host_tree, monkeypatch):
    host_tree.process(9)
    files = HostFiles(str(host_tree.root))
    assert files.processes() == {9: "tritonserver"}
    monkeypatch.setattr(server_process.HostFiles, "read", lambda *arguments: None)
    assert read_servers(files) == ()
