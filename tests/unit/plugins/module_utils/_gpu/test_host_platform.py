# SPDX-License-Identifier: GPL-3.0-or-later
"""What kind of host it is."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu.host_files import HostFiles
from ansible_collections.inference.triton.plugins.module_utils._gpu.host_platform import read_platform
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._gpu.host_tree import (
    BOOT_ID,
    KERNEL,
)


@pytest.fixture
def platform(host_tree):
    return lambda: read_platform(HostFiles(str(host_tree.root)))


def test_bare_metal(platform, host_tree):
    host_tree.linux(memory_kb=1048576)
    host_tree.dmi("NVIDIA", "DGXA100 920-23687-2530-000")
    assert platform() == (
        "bare_metal",
        False,
        "",
        KERNEL,
        BOOT_ID,
        1024,
        "NVIDIA DGXA100 920-23687-2530-000",
        "x86_64",
    )


@pytest.mark.parametrize(
    ("vendor", "product", "virtualization"),
    [
        ("QEMU", "Standard PC (Q35 + ICH9, 2009)", "kvm"),
        ("OpenStack Foundation", "OpenStack Nova", "kvm"),
        ("Amazon EC2", "g5.xlarge", "amazon"),
        ("Google", "Google Compute Engine", "google"),
        ("Microsoft Corporation", "Virtual Machine", "microsoft"),
        ("VMware, Inc.", "VMware7,1", "vmware"),
    ],
)
def test_a_virtual_machine_by_its_name(platform, host_tree, vendor, product, virtualization):
    host_tree.linux()
    host_tree.dmi(vendor, product)
    assert (platform().kind, platform().virtualization) == ("virtual_machine", virtualization)


@pytest.mark.parametrize(
    ("vendor", "product"),
    [("Amazon EC2", "g4dn.metal"), ("Amazon EC2", "i4i.metal-24xl"), ("Microsoft Corporation", "Surface Book")],
)
def test_bare_metal_of_a_maker_of_virtual_machines(platform, host_tree, vendor, product):
    host_tree.linux()
    host_tree.dmi(vendor, product)
    assert (platform().kind, platform().virtualization) == ("bare_metal", "")


def test_a_virtual_machine_by_its_processor(platform, host_tree):
    host_tree.linux(hypervisor=True)
    assert (platform().kind, platform().virtualization) == ("virtual_machine", "vm-other")


def test_a_hypervisor_that_tells_its_name(platform, host_tree):
    host_tree.linux(hypervisor=True)
    host_tree.write("sys/hypervisor/type", "xen\n")
    assert platform().virtualization == "xen"


@pytest.mark.parametrize("mark", [".dockerenv", "run/.containerenv", "run/systemd/container"])
def test_a_container_by_a_file(platform, host_tree, mark):
    host_tree.linux()
    host_tree.write(mark)
    assert (platform().kind, platform().in_container) == ("container", True)


@pytest.mark.parametrize(
    "group",
    [
        "0::/docker/0123456789abcdef",
        "12:cpu:/system.slice/docker-0123456789abcdef.scope",
        "0::/kubepods.slice/kubepods-besteffort.slice/cri-containerd-0123.scope",
        "0::/machine.slice/libpod-0123.scope",
        "0::/lxc.payload.web",
    ],
)
def test_a_container_by_its_control_group(platform, host_tree, group):
    host_tree.linux()
    host_tree.process(1, cgroup=group)
    assert platform().in_container


@pytest.mark.parametrize("group", ["0::/", "0::/init.scope", "0::/system.slice/docker.service"])
def test_a_host_with_containers_is_none(platform, host_tree, group):
    host_tree.linux()
    host_tree.process(1, cgroup=group)
    host_tree.write(
        "proc/1/mountinfo", "22 1 8:2 / / rw - ext4 /dev/sda2 rw\n30 22 0:40 / /var/lib/docker/overlay2/x rw"
    )
    assert (platform().kind, platform().in_container) == ("bare_metal", False)


def test_a_container_by_its_root_file_system(platform, host_tree):
    host_tree.linux()
    layers = "lowerdir=/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/9/fs"
    host_tree.write("proc/1/mountinfo", f"800 700 0:99 / / rw,relatime - overlay overlay rw,{layers}\n")
    assert platform().in_container


def test_a_container_in_a_virtual_machine(platform, host_tree):
    host_tree.linux()
    host_tree.dmi("QEMU", "Standard PC")
    host_tree.container()
    assert (platform().kind, platform().virtualization) == ("container", "kvm")


def test_wsl(platform, host_tree):
    host_tree.wsl()
    assert (platform().kind, platform().virtualization, platform().in_container) == ("wsl", "wsl", False)


def test_each_sign_of_wsl_is_enough(platform, host_tree):
    host_tree.linux(kernel="4.4.0-19041-Microsoft")
    assert platform().kind == "wsl"
    host_tree.linux()
    assert platform().kind == "bare_metal"
    host_tree.device_nodes("dxg")
    assert platform().kind == "wsl"


def test_a_container_in_wsl_is_still_wsl(platform, host_tree):
    host_tree.wsl()
    host_tree.container()
    assert (platform().kind, platform().in_container) == ("wsl", True)


def test_tegra(platform, host_tree):
    host_tree.tegra("NVIDIA Jetson AGX Orin Developer Kit")
    assert (platform().kind, platform().model) == ("tegra", "NVIDIA Jetson AGX Orin Developer Kit")
    assert platform().architecture == "aarch64"


@pytest.mark.parametrize("left", ["etc/nv_tegra_release", "sys/devices/soc0/family", "proc/device-tree/compatible"])
def test_each_sign_of_tegra_is_enough(platform, host_tree, left):
    host_tree.tegra()
    for sign in {"etc/nv_tegra_release", "sys/devices/soc0/family", "proc/device-tree/compatible"} - {left}:
        host_tree.remove(sign)
    assert platform().kind == "tegra"


@pytest.mark.parametrize(
    ("vendor", "product", "model"),
    [
        ("Dell Inc.", "PowerEdge XE9680", "Dell Inc. PowerEdge XE9680"),
        ("HPE", "HPE Cray XD670", "HPE Cray XD670"),
        ("System manufacturer", "System Product Name", ""),
        ("To Be Filled By O.E.M.", "B550", "B550"),
    ],
)
def test_the_name_of_the_machine(platform, host_tree, vendor, product, model):
    host_tree.linux()
    host_tree.dmi(vendor, product)
    assert platform().model == model


def test_a_host_that_tells_nothing(platform):
    assert platform()._replace(architecture="") == ("bare_metal", False, "", "", "", None, "", "")
