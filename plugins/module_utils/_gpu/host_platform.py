# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What kind of host this is: bare metal, a virtual machine, a container, WSL or a Tegra board."""

from __future__ import annotations

import os
import re
from typing import NamedTuple, Optional

from .evidence import BARE_METAL, CONTAINER, TEGRA, VIRTUAL_MACHINE, WSL, Platform
from .host_files import HostFiles

# Files that a container engine leaves in a container: Docker; Podman and CRI-O; systemd, for all that tell it
# (systemd: src/basic/virt.c, detect_container).
_CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv", "/run/systemd/container")
# A control group, or a root file system, that an engine has made.
_CONTAINER_GROUP = re.compile(r"/(?:docker[-/][0-9a-f]{12}|kubepods|libpod-|lxc[/.]|crio-|cri-containerd-)")
_CONTAINER_ROOT = re.compile(r"(?m)^\S+ \S+ \S+ \S+ / .*(?:/docker/|/containerd/|/containers/storage/|/kubelet/)")


class _Machine(NamedTuple):
    """How a hypervisor names its virtual machines in DMI (systemd: src/basic/virt.c; the vendors' own images)."""

    vendor: str
    product: str
    virtualization: str


# Both are beginnings. Amazon and Google name their bare-metal machines alike, but for the product.
_MACHINES = (
    _Machine("QEMU", "", "kvm"),
    _Machine("Red Hat", "KVM", "kvm"),
    _Machine("Red Hat", "RHEV", "kvm"),
    _Machine("oVirt", "", "kvm"),
    _Machine("OpenStack Foundation", "", "kvm"),
    _Machine("Nutanix", "AHV", "kvm"),
    _Machine("DigitalOcean", "", "kvm"),
    _Machine("Hetzner", "vServer", "kvm"),
    _Machine("Alibaba Cloud", "Alibaba Cloud ECS", "kvm"),
    _Machine("Tencent Cloud", "CVM", "kvm"),
    _Machine("Google", "Google Compute Engine", "google"),
    _Machine("Amazon EC2", "", "amazon"),
    _Machine("Microsoft Corporation", "Virtual Machine", "microsoft"),
    _Machine("VMware", "", "vmware"),
    _Machine("innotek GmbH", "VirtualBox", "oracle"),
    _Machine("Xen", "", "xen"),
    _Machine("Parallels", "", "parallels"),
    _Machine("BHYVE", "", "bhyve"),
    _Machine("Bochs", "", "bochs"),
)
_BARE_METAL_PRODUCT = re.compile(r"\.metal(?:-|$)|-metal$")

# What firmware says where nobody filled in a name.
_NO_NAME = re.compile(r"(?i)to be filled|default string|system (?:manufacturer|product name)|not specified|none$")

# The first processor is enough, and to list all takes the kernel time.
_CPUINFO_LIMIT = 8192


def read_platform(files: HostFiles) -> Platform:
    """What kind of host this is."""
    kernel = os.uname().release if files.is_this_host else files.value("/proc/sys/kernel/osrelease")
    vendor, product = (files.value(f"/sys/class/dmi/id/{name}") for name in ("sys_vendor", "product_name"))
    board = files.value("/proc/device-tree/model") or files.value("/sys/firmware/devicetree/base/model")
    in_container = _in_container(files)
    virtualization = _virtualization(files, vendor, product)
    if _is_tegra(files):
        kind = TEGRA
    elif "microsoft" in kernel.lower() or files.exists("/dev/dxg"):
        kind, virtualization = WSL, virtualization or "microsoft"
    elif in_container:
        kind = CONTAINER
    else:
        kind = VIRTUAL_MACHINE if virtualization else BARE_METAL
    return Platform(
        kind,
        in_container,
        virtualization,
        kernel,
        boot_id=files.value("/proc/sys/kernel/random/boot_id"),
        memory_mib=_memory_mib(files),
        model=board or _name(vendor, product),
        architecture=files.value("/proc/sys/kernel/arch") or os.uname().machine,  # the file: since Linux 6.1
    )


def _is_tegra(files: HostFiles) -> bool:
    """A Jetson, by NVIDIA's own file (L4T), the kernel's name of the chip, or the device tree."""
    return (
        files.exists("/etc/nv_tegra_release")
        or files.value("/sys/devices/soc0/family").startswith("Tegra")
        or "nvidia,tegra" in files.text("/proc/device-tree/compatible", 4096)
    )


def _in_container(files: HostFiles) -> bool:
    # A container can share the processes of its host, and then process 1 is not one of its own.
    process = "/proc/self" if files.is_this_host else "/proc/1"
    return (
        any(map(files.exists, _CONTAINER_MARKS))
        or bool(_CONTAINER_GROUP.search(files.text(f"{process}/cgroup", 65536)))
        or bool(_CONTAINER_ROOT.search(files.text(f"{process}/mountinfo", 65536)))
    )


def _virtualization(files: HostFiles, vendor: str, product: str) -> str:
    """Which hypervisor this runs under; ``vm-other`` as systemd says for one that keeps its name to itself."""
    for machine in _MACHINES:
        if vendor.startswith(machine.vendor) and product.startswith(machine.product):
            return "" if _BARE_METAL_PRODUCT.search(product) else machine.virtualization
    told = files.value("/sys/hypervisor/type")
    if told:
        return told
    flags = re.search(r"(?m)^flags\s*:.*\bhypervisor\b", files.text("/proc/cpuinfo", _CPUINFO_LIMIT))
    return "vm-other" if flags else ""


def _name(vendor: str, product: str) -> str:
    names = [name for name in (vendor, product) if name and not _NO_NAME.match(name)]
    return names[-1] if len(names) == 2 and product.startswith(vendor) else " ".join(names)


def _memory_mib(files: HostFiles) -> Optional[int]:
    found = re.search(r"(?m)^MemTotal:\s*([0-9]{1,15}) kB", files.text("/proc/meminfo", 4096))
    return int(found.group(1)) // 1024 if found else None
