# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs containers on a host, and whether it can give them GPUs."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu.containers import read_containers
from ansible_collections.inference.triton.plugins.module_utils._gpu.evidence import CdiSpec, ContainerStack
from ansible_collections.inference.triton.plugins.module_utils._gpu.host_files import HostFiles
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._gpu.host_tree import cdi_text

NODES = {"nvidiactl", "nvidia0"}


@pytest.fixture
def stack(host_tree):
    return lambda nodes=NODES: read_containers(HostFiles(str(host_tree.root)), nodes, 20)


def test_a_host_without_containers(stack):
    assert stack() == ContainerStack()


def test_docker_with_the_toolkit(stack, host_tree):
    host_tree.docker(runtimes=["nvidia", "runc"], default="nvidia", toolkit="1.17.8")
    assert stack() == ContainerStack(
        engines=("docker",),
        toolkit="/usr/bin/nvidia-ctk",
        toolkit_version="1.17.8",
        docker_runtimes=("nvidia", "runc"),
        docker_default_runtime="nvidia",
    )


@pytest.mark.parametrize(
    ("sign", "engine"),
    [
        ("usr/bin/dockerd", "docker"),
        ("run/docker.sock", "docker"),
        ("usr/bin/podman", "podman"),
        ("usr/local/bin/containerd", "containerd"),
        ("run/k3s/containerd/containerd.sock", "containerd"),
        ("usr/bin/crio", "crio"),
    ],
)
def test_engines(stack, host_tree, sign, engine):
    host_tree.program(sign, "exit 1")
    assert stack().engines == (engine,)


def test_a_client_is_no_engine(stack, host_tree):
    host_tree.program("usr/bin/docker", "exit 1")
    assert stack().engines == ()


def test_a_hook_without_the_command_line_is_a_toolkit_too(stack, host_tree):
    host_tree.program("usr/bin/nvidia-container-runtime-hook", "echo version 9.9.9")
    assert (stack().toolkit, stack().toolkit_version) == ("/usr/bin/nvidia-container-runtime-hook", "")


@pytest.mark.parametrize(
    ("says", "version"),
    [
        ("echo NVIDIA Container Toolkit CLI version 1.17.8; echo commit: f202b80", "1.17.8"),
        ("echo nvidia-ctk version 1.18.0-rc.2", "1.18.0-rc.2"),
        ("echo 'error: 3.5' >&2; exit 1", ""),
        ("exit 0", ""),
    ],
)
def test_the_version_of_the_toolkit(stack, host_tree, says, version):
    host_tree.program("usr/bin/nvidia-ctk", says)
    assert stack().toolkit_version == version


def test_a_toolkit_that_does_not_answer_is_not_waited_for(host_tree):
    host_tree.program("usr/bin/nvidia-ctk", "sleep 30; echo version 1.0.0")
    found = read_containers(HostFiles(str(host_tree.root)), set(), 0.1)
    assert (found.toolkit, found.toolkit_version) == ("/usr/bin/nvidia-ctk", "")


def test_a_toolkit_outside_of_the_root_is_not_run(stack, host_tree):
    outside = host_tree.root.parent / "nvidia-ctk"
    outside.write_text("#!/bin/sh\necho version 1.0.0\n")
    outside.chmod(0o755)
    host_tree.link("usr/bin/nvidia-ctk", str(outside))
    assert stack().toolkit == ""


@pytest.mark.parametrize("cdi", [True, False])
def test_whether_docker_uses_cdi(stack, host_tree, cdi):
    host_tree.daemon_json({"features": {"cdi": cdi}})
    assert stack().docker_cdi is cdi


def test_docker_as_a_snap_has_its_settings_elsewhere(stack, host_tree):
    host_tree.write("var/snap/docker/current/config/daemon.json", '{"runtimes": {"nvidia": {}}}')
    assert stack().docker_runtimes == ("nvidia",)


def test_settings_with_a_byte_order_mark(stack, host_tree):
    host_tree.daemon_json('\ufeff{"default-runtime": "nvidia"}')
    assert (stack().docker_default_runtime, stack().problems) == ("nvidia", ())


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ('{"runtimes": {"nvidia": }', "is not JSON: Expecting value"),
        ("", "is not JSON"),
        ("[]", "is not a JSON object"),
        ("[" * 100_000, "is not JSON"),
        ('{"default-runtime": "\\ud800"}', "is not JSON"),
    ],
)
def test_broken_settings_are_a_problem(stack, host_tree, content, why):
    host_tree.daemon_json(content)
    (problem,) = stack().problems
    assert problem.startswith(f"/etc/docker/daemon.json: {why}")


def test_settings_of_the_wrong_types_are_none(stack, host_tree):
    host_tree.daemon_json({"runtimes": ["nvidia"], "default-runtime": 3, "features": "cdi"})
    assert stack() == ContainerStack()


def test_settings_that_are_a_folder_are_a_problem(stack, host_tree):
    host_tree.folder("etc/docker/daemon.json")
    assert stack().problems == ("/etc/docker/daemon.json: cannot be read",)


def test_a_cdi_specification(stack, host_tree):
    host_tree.device_nodes("nvidiactl", "nvidia0")
    host_tree.cdi(cdi_text("550.54.15", names=["0", "all"]))
    assert stack().cdi_specs == (CdiSpec("/var/run/cdi/nvidia.yaml", ("550.54.15",), ("0", "all")),)


def test_device_nodes_that_a_specification_names_and_that_are_missing(stack, host_tree):
    host_tree.device_nodes("dri/card1")
    host_tree.cdi(cdi_text(nodes=["/dev/nvidia0", "/dev/nvidia1", "/dev/dri/card1"]))
    (spec,) = stack({"nvidiactl", "nvidia0"}).cdi_specs
    assert spec.missing_nodes == ("/dev/nvidia1",)


def test_all_folders_of_specifications(stack, host_tree):
    for folder in ("etc/cdi", "var/run/cdi", "run/cdi"):
        host_tree.cdi(cdi_text(), path=f"{folder}/nvidia.yaml")
    host_tree.cdi(cdi_text(kind="vendor.com/net"), path="etc/cdi/other.yaml")
    host_tree.cdi(cdi_text(), path="etc/cdi/nvidia.yaml.bak")
    assert [spec.path for spec in stack().cdi_specs] == [
        "/etc/cdi/nvidia.yaml",
        "/var/run/cdi/nvidia.yaml",
        "/run/cdi/nvidia.yaml",
    ]


def test_a_folder_by_two_names_counts_once(stack, host_tree):
    host_tree.cdi(cdi_text(), path="run/cdi/nvidia.yaml")
    host_tree.link("var/run", "/run")
    assert [spec.path for spec in stack().cdi_specs] == ["/var/run/cdi/nvidia.yaml"]


def test_a_broken_specification_for_gpus_is_a_problem(stack, host_tree):
    host_tree.cdi('{"kind": "nvidia.com/gpu", ', path="etc/cdi/nvidia.json")
    host_tree.cdi("not for us", path="etc/cdi/other.json")
    assert stack().problems == ("/etc/cdi/nvidia.json: is no CDI specification that can be understood",)
