# SPDX-License-Identifier: GPL-3.0-or-later
"""A Linux host that consists of a few files: what the kernel and the driver of a real one would show under ``/``.

`HostTree` begins empty; each method adds one thing. Links are relative or absolute inside the tree as on a real host.
Device nodes are plain files, as only root can make real ones, and so is the kernel's log, in the format of /dev/kmsg.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any, Dict, Iterable, Mapping, Optional, Sequence

KERNEL = "5.15.0-185-generic"
BOOT_ID = "0b5a8a2e-6f0f-4c9e-8f40-5a5d5c7e1f00"
DRIVER = "550.54.15"
LIBRARIES = "usr/lib/x86_64-linux-gnu"
SECURE_BOOT = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

# What nvidia.ko says of itself in /proc/driver/nvidia/version.
FLAVORS = {
    "proprietary": "NVIDIA UNIX x86_64 Kernel Module  {version}  Tue Mar  5 22:23:56 UTC 2024",
    "open": "NVIDIA UNIX Open Kernel Module for x86_64  {version}  Release Build  (builder@host)  Tue Mar  5 2024",
}
NVIDIA_NODES = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset")


class HostTree:
    """The files of a host.

    Attributes:
        root: the folder, for ``root=`` of what is tested.
    """

    def __init__(self, root):
        self.root = Path(root)
        self.root.mkdir(parents=True, exist_ok=True)
        self._log_sequence = 0

    # Files of any kind

    def write(self, path, content=""):
        """A file with a text or bytes. Its path is returned."""
        file = self._place(path)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    def link(self, path, target):
        """A symbolic link that says ``target``, whether there is such a file or not."""
        link = self._place(path)
        if link.is_symlink():
            link.unlink()
        link.symlink_to(target)
        return link

    def folder(self, path):
        folder = self._place(path)
        folder.mkdir(exist_ok=True)
        return folder

    def program(self, path, script):
        """A shell script that can be run."""
        program = self.write(path, f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return program

    def remove(self, path):
        self._place(path).unlink()

    def _place(self, path):
        place = self.root / str(path).lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    # The machine

    def linux(self, kernel=KERNEL, memory_kb=1056480000, architecture="x86_64", hypervisor=False):
        """What every Linux shows: kernel, boot, memory, processor, and a process 1."""
        self.write("proc/sys/kernel/osrelease", f"{kernel}\n")
        self.write("proc/sys/kernel/arch", f"{architecture}\n")
        self.write("proc/sys/kernel/random/boot_id", f"{BOOT_ID}\n")
        self.write("proc/meminfo", f"MemTotal:       {memory_kb} kB\nMemFree:        1024 kB\n")
        self.write("proc/cpuinfo", f"processor\t: 0\nflags\t\t: fpu vme{' hypervisor' if hypervisor else ''} sse\n\n")
        self.folder("sys/bus/pci/devices")
        self.folder("sys/module")
        self.process(1, comm="systemd", cmdline=["/sbin/init"])
        return self

    def dmi(self, sys_vendor="", product_name=""):
        """What the firmware calls the machine."""
        self.write("sys/class/dmi/id/sys_vendor", f"{sys_vendor}\n")
        self.write("sys/class/dmi/id/product_name", f"{product_name}\n")

    def secure_boot(self, on=True):
        self.write(SECURE_BOOT, b"\x06\x00\x00\x00" + bytes([on]))

    def container(self):
        """As a container that Docker made: it keeps the PCI bus of its host."""
        self.write(".dockerenv")

    def wsl(self):
        """A Linux under Windows, with the driver's libraries from there."""
        self.linux(kernel="5.15.153.1-microsoft-standard-WSL2", hypervisor=True)
        self.device_nodes("dxg")
        for library in ("libcuda.so.1.1", "libnvidia-ml.so.1"):
            self.write(f"usr/lib/wsl/lib/{library}")
        self.link("usr/lib/wsl/lib/libcuda.so.1", "libcuda.so.1.1")

    def tegra(self, model="NVIDIA Jetson AGX Orin Developer Kit"):
        """A Jetson: its GPU is on no bus."""
        self.linux(kernel="5.15.148-tegra", architecture="aarch64", memory_kb=64349568)
        self.write("etc/nv_tegra_release", "# R36 (release), REVISION: 4.0, GCID: 37537400, BOARD: generic\n")
        self.write("sys/devices/soc0/family", "Tegra\n")
        self.write("proc/device-tree/model", f"{model}\0")
        self.write("proc/device-tree/compatible", "nvidia,p3737-0000+p3701-0005\0nvidia,tegra234\0")
        self.module("nvgpu")
        self.device_nodes("nvhost-gpu", "nvhost-ctrl-gpu", "nvmap")

    # The PCI bus

    def pci(
        self,
        address,
        vendor="10de",
        device="20b2",
        pci_class="030200",
        driver: Optional[str] = None,
        numa=-1,
        subsystem="10de:1463",
        virtual_function=False,
        off_bus=False,
        power_state="D0",
    ):
        """A function on the PCI bus."""
        bus = f"sys/devices/pci{address.rpartition(':')[0]}"
        folder = f"{bus}/{address}"
        maker, _colon, model = subsystem.partition(":")
        values = {
            "vendor": f"0x{vendor}",
            "device": f"0x{device}",
            "class": f"0x{pci_class}",
            "subsystem_vendor": f"0x{maker}",
            "subsystem_device": f"0x{model}",
            "numa_node": numa,
            "power_state": power_state,
        }
        for name, value in values.items():
            self.write(f"{folder}/{name}", f"{value}\n")
        answer = struct.pack("<HH", int(vendor, 16), int(device, 16)) + bytes(60)
        self.write(f"{folder}/config", b"\xff" * 64 if off_bus else answer)
        if driver:
            self.folder(f"sys/bus/pci/drivers/{driver}")
            self.link(f"{folder}/driver", f"../../../bus/pci/drivers/{driver}")
        if virtual_function:
            self.folder(f"{bus}/physical")
            self.link(f"{folder}/physfn", "../physical")
        self.link(f"sys/bus/pci/devices/{address}", f"../../../devices/pci{address.rpartition(':')[0]}/{address}")

    def gpu(self, address, device="20b2", driver: Optional[str] = "nvidia", vga=False, **options: Any):
        """A GPU of NVIDIA on the PCI bus, an A100 80GB unless told otherwise; options as of `pci`."""
        self.pci(address, device=device, driver=driver, pci_class="030000" if vga else "030200", **options)

    def nvswitch(self, address, device="1af1"):
        self.pci(address, device=device, pci_class="068000", driver="nvidia-nvswitch")

    def other_gpu(self, address, vendor="1002", device="740f", driver: Optional[str] = "amdgpu", pci_class="038000"):
        """A GPU of another vendor, an AMD Instinct MI210 unless told otherwise."""
        self.pci(address, vendor=vendor, device=device, driver=driver, pci_class=pci_class)

    # The driver

    def module(self, name, version=""):
        """A loaded kernel module."""
        self.write(f"sys/module/{name}/initstate", "live\n")
        if version:
            self.write(f"sys/module/{name}/version", f"{version}\n")

    def driver(self, version=DRIVER, flavor="proprietary", uvm=True):
        """The kernel modules of NVIDIA, loaded."""
        self.module("nvidia", version)
        if uvm:
            self.module("nvidia_uvm")
        self.write(
            "proc/driver/nvidia/version",
            f"NVRM version: {FLAVORS[flavor].format(version=version)}\nGCC version:  gcc version 12.3.0\n",
        )
        self.folder("proc/driver/nvidia/gpus")

    def proc_gpu(self, address, name="NVIDIA A100-SXM4-80GB", uuid="", minor=0, firmware="N/A", excluded=False):
        """A GPU that the kernel module has probed."""
        lines = [
            f"Model: \t\t {name}",
            "IRQ:   \t\t 63",
            *([f"GPU UUID: \t {uuid}"] if uuid else []),
            "Video BIOS: \t 92.00.45.00.06",
            "Bus Type: \t PCIe",
            f"Bus Location: \t {address}",
            f"Device Minor: \t {minor}",
            f"GPU Firmware: \t {firmware}",
            f"GPU Excluded:\t {'Yes' if excluded else 'No'}",
        ]
        self.write(f"proc/driver/nvidia/gpus/{address}/information", "\n".join(lines) + "\n")

    def driver_parameters(self, **parameters):
        """Options of the kernel module, as it shows them: ``driver_parameters(ExcludedGpus='"0000:41:00.0"')``."""
        text = "".join(f"{name}: {value}\n" for name, value in parameters.items())
        self.write("proc/driver/nvidia/params", text)

    def libraries(self, version=DRIVER, folder=LIBRARIES, nvml=True, cuda=True):
        """The driver's libraries, with the links that the loader goes by. Files without a line of code in them."""
        for name, wanted in (("libnvidia-ml.so", nvml), ("libcuda.so", cuda)):
            if wanted:
                self.write(f"{folder}/{name}.{version}", b"\x7fELF\x02\x01\x01" + bytes(57))
                self.link(f"{folder}/{name}.1", f"{name}.{version}")

    def device_nodes(self, *names):
        """Nodes in /dev: ``nvidia0``, ``nvidiactl``, ``nvidia-caps/nvidia-cap1``."""
        for name in names:
            self.write(f"dev/{name}")

    def nvidia_smi(self, script="exit 9", path="usr/bin/nvidia-smi"):
        """An nvidia-smi that runs a shell script."""
        return self.program(path, script)

    def module_on_disk(self, kernel=KERNEL, module="updates/dkms/nvidia.ko"):
        """modules.dep of a kernel, with a module of NVIDIA; None stands for none."""
        lines = ["kernel/drivers/net/dummy.ko:", *([f"{module}:"] if module else [])]
        self.write(f"lib/modules/{kernel}/modules.dep", "\n".join(lines) + "\n")

    # Processes and the kernel's log

    def process(
        self,
        pid,
        comm="tritonserver",
        cmdline: Sequence[str] = ("tritonserver",),
        environ: Optional[Mapping[str, str]] = None,
        maps="",
        fds: Iterable[str] = (),
        namespace="mnt:[4026531841]",
        root="/",
        cgroup="0::/system.slice/x.service",
    ):
        """A process.

        Args:
            comm: its name, which the kernel cuts at 15 characters.
            maps: a path of a file in its memory, or nothing.
            fds: what it has open: ``/dev/nvidia0``.
            namespace: of its mounts.
            root: its root folder: that of a container is another.
        """
        folder = f"proc/{pid}"
        self.write(f"{folder}/comm", f"{comm[:15]}\n")
        self.write(f"{folder}/cmdline", b"".join(word.encode() + b"\0" for word in cmdline))
        environment = "".join(f"{name}={value}\0" for name, value in (environ or {}).items())
        self.write(f"{folder}/environ", environment)
        mapped = ["5566-5577 r-xp 00000000 fd:01 11  /opt/tritonserver/bin/tritonserver"]
        mapped += [f"7f00-7f11 r-xp 00000000 fd:01 22                         {maps}"] if maps else []
        self.write(f"{folder}/maps", "\n".join([*mapped, "7ffe-7fff rw-p 00000000 00:00 0   [stack]"]) + "\n")
        self.write(f"{folder}/cgroup", f"{cgroup}\n")
        self.folder(f"{folder}/fd")
        for number, target in enumerate(["/dev/null", "socket:[4711]", *fds]):
            self.link(f"{folder}/fd/{number}", target)
        self.link(f"{folder}/ns/mnt", namespace)
        self.link(f"{folder}/root", root)

    def triton(self, pid=4242, cmdline: Sequence[str] = ("tritonserver", "--model-repository=/models"), **options: Any):
        """A tritonserver in a container, that uses the first GPU; options as of `process`."""
        self.folder("var/lib/docker/overlay2/merged")
        given: Dict[str, Any] = {
            "environ": {"NVIDIA_VISIBLE_DEVICES": "all"},
            "maps": f"/usr/lib/x86_64-linux-gnu/libcuda.so.{DRIVER}",
            "fds": ["/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia0"],
            "namespace": "mnt:[4026532999]",
            "root": "/var/lib/docker/overlay2/merged",
        }
        self.process(pid, cmdline=cmdline, **{**given, **options})

    def kernel_log(self, text):
        """Lines of the kernel's log, one record each. A line break in a record is ``\\x0a``, as the kernel has it."""
        lines = []
        for line in text.strip().splitlines():
            self._log_sequence += 1
            lines.append(f"4,{self._log_sequence},{self._log_sequence * 1000},-;{line.strip()}\n")
        log = self._place("dev/kmsg")
        self.write("dev/kmsg", (log.read_bytes() if log.exists() else b"") + "".join(lines).encode())

    # Containers and services

    def docker(self, runtimes: Sequence[str] = ("nvidia",), default="", toolkit="1.17.8"):
        """Docker, with NVIDIA's container toolkit where it has a version."""
        self.program("usr/bin/dockerd", "exit 1")
        if toolkit:
            self.toolkit(toolkit)
        settings: Dict[str, Any] = {"runtimes": {name: {"args": [], "path": f"{name}-runtime"} for name in runtimes}}
        self.daemon_json({**settings, **({"default-runtime": default} if default else {})})

    def toolkit(self, version="1.17.8"):
        self.program(
            "usr/bin/nvidia-ctk", f"echo 'NVIDIA Container Toolkit CLI version {version}'\necho 'commit: abcdef'"
        )
        self.program("usr/bin/nvidia-container-runtime-hook", "exit 0")

    def daemon_json(self, content):
        """Docker's settings: an object, or a text as it is."""
        self.write("etc/docker/daemon.json", content if isinstance(content, str) else json.dumps(content, indent=4))

    def cdi(self, text, path="var/run/cdi/nvidia.yaml"):
        """A CDI specification; `cdi_text` makes one."""
        self.write(path, text)

    def service(self, name, running=False, folder="usr/lib/systemd/system"):
        """A systemd unit, and its process where it runs: ``nvidia-fabricmanager``, ``nvidia-persistenced``."""
        self.write(f"{folder}/{name}.service", "[Service]\n")
        if running:
            comm, pid = {"nvidia-fabricmanager": ("nv-fabricmanager", 811)}.get(name, (name, 812))
            self.process(pid, comm=comm, cmdline=[f"/usr/bin/{comm}"])

    # Whole hosts

    def two_a100(self, version=DRIVER, smi: Optional[str] = None):
        """A healthy bare-metal host with two A100 80GB, a driver and Docker, without a running server.

        Its nvidia-smi is left out unless a script for it is given.
        """
        self.linux()
        self.dmi("Supermicro", "AS -4124GO-NART+")
        self.driver(version)
        self.module_on_disk()
        self.libraries(version)
        self.device_nodes(*NVIDIA_NODES, "nvidia0", "nvidia1")
        for minor, address in enumerate(("0000:0a:00.0", "0000:41:00.0")):
            self.gpu(address, numa=minor)
            self.proc_gpu(address, uuid=f"GPU-{str(minor + 1) * 8}-aaaa-bbbb-cccc-dddddddddddd", minor=minor)
        self.docker()
        if smi is not None:
            self.nvidia_smi(smi)
        return self


def cdi_text(version=DRIVER, names=("0", "all"), nodes=("/dev/nvidia0",), kind="nvidia.com/gpu"):
    """A CDI specification in the shape that nvidia-ctk writes: every device has all nodes."""
    library = f"/usr/lib64/libcuda.so.{version}"
    listed = "".join(f"    - path: {node}\n" for node in nodes)
    devices = "".join(f'- containerEdits:\n    deviceNodes:\n{listed}  name: "{name}"\n' for name in names)
    return (
        "---\ncdiVersion: 0.5.0\ncontainerEdits:\n  deviceNodes:\n  - path: /dev/nvidiactl\n  env:\n"
        "  - NVIDIA_VISIBLE_DEVICES=void\n  hooks:\n  - args:\n    - nvidia-cdi-hook\n    - enable-cuda-compat\n"
        f"    - --host-driver-version={version}\n    hookName: createContainer\n    path: /usr/bin/nvidia-cdi-hook\n"
        f"  mounts:\n  - containerPath: {library}\n    hostPath: {library}\n"
        f"    options:\n    - ro\n    - bind\ndevices:\n{devices}kind: {kind}\n"
    )
