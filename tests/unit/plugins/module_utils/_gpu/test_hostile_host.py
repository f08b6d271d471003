# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever stands in the files of a host, reading them ends and raises nothing."""

from __future__ import annotations

import json
import os
import random

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu import host_files
from ansible_collections.inference.triton.plugins.module_utils._gpu.containers import read_containers
from ansible_collections.inference.triton.plugins.module_utils._gpu.driver_files import read_driver
from ansible_collections.inference.triton.plugins.module_utils._gpu.host_files import HostFiles
from ansible_collections.inference.triton.plugins.module_utils._gpu.host_platform import read_platform
from ansible_collections.inference.triton.plugins.module_utils._gpu.kernel_log import read_kernel_log
from ansible_collections.inference.triton.plugins.module_utils._gpu.pci import read_pci
from ansible_collections.inference.triton.plugins.module_utils._gpu.server_process import read_servers
from ansible_collections.inference.triton.plugins.module_utils._gpu.services import read_services
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._gpu.host_tree import cdi_text

LOG = """NVRM: Xid (PCI:0000:9b:00): 79, pid=1, GPU has fallen off the bus.
NVRM: The NVIDIA GPU 0000:b3:00.0
NVRM: (PCI ID: 10de:26b5) installed in this system has
NVRM: fallen off the bus and is not responding to commands."""


def read_all(root):
    """Everything that is read of a host, as plain values: nothing in it is anything but a result that can be told."""
    files = HostFiles(str(root))
    bus, platform = read_pci(files), read_platform(files)
    driver = read_driver(files, platform, {"LD_LIBRARY_PATH": "/usr/local/cuda/compat"}, seconds=5)
    read = [
        bus,
        platform,
        driver,
        read_containers(files, driver.device_nodes, 5),
        read_services(files, bus.nvswitches),
        read_kernel_log(files, 5),
        read_servers(files),
    ]
    return json.dumps(read, default=sorted, ensure_ascii=False).encode()


@pytest.fixture
def everything(host_tree):
    """A host that has a bit of everything, but for a toolkit: a damaged program is not to be run here."""
    host_tree.two_a100()
    for program in ("usr/bin/nvidia-ctk", "usr/bin/nvidia-container-runtime-hook"):
        host_tree.remove(program)
    host_tree.libraries(folder="usr/local/cuda/compat")
    host_tree.secure_boot()
    host_tree.nvswitch("0000:05:00.0")
    host_tree.other_gpu("0000:06:00.0")
    host_tree.driver_parameters(ExcludedGpus='""')
    host_tree.cdi(cdi_text())
    host_tree.cdi(json.dumps({"kind": "nvidia.com/gpu", "devices": [{"name": "all"}]}), path="etc/cdi/a.json")
    host_tree.service("nvidia-fabricmanager", running=True)
    host_tree.write(
        "var/lib/dpkg/status", "Package: nvidia-fabricmanager-550\nStatus: install ok installed\nVersion: 1\n"
    )
    host_tree.write("etc/ld.so.cache", b"\0/usr/lib/libcuda.so.1\0")
    host_tree.write("etc/ld.so.conf.d/a.conf", "/usr/local/cuda/compat\n")
    host_tree.kernel_log(LOG)
    host_tree.triton()
    return host_tree


def every_file(tree):
    return sorted(path for path in tree.root.rglob("*") if path.is_file() and not path.is_symlink())


def noise(rng, original):
    """Random bytes, or the file itself with something wrong."""
    size = rng.choice([0, 1, 7, 300, 5000])
    if rng.random() < 0.4 or not original:
        return bytes(rng.getrandbits(8) for _byte in range(size))
    content = bytearray(original * rng.choice([1, 1, 3]))
    for _change in range(rng.randrange(1, 6)):
        content[rng.randrange(len(content))] = rng.choice(b'\0\n\xff:[{-9 "/')
    return bytes(content[: rng.randrange(1, len(content) + 1)])


@pytest.mark.parametrize("seed", range(40))
def test_noise_in_every_file(everything, seed):
    rng = random.Random(seed)
    for path in every_file(everything):
        if rng.random() < 0.7:
            path.write_bytes(noise(rng, path.read_bytes()))
    assert read_all(everything.root)


@pytest.mark.parametrize("what", ["folder", "loop", "nowhere", "pipe", "gone"])
def test_something_else_in_place_of_every_file(everything, what):
    for path in every_file(everything):
        path.unlink()
        if what == "folder":
            path.mkdir()
        elif what in ("loop", "nowhere"):
            path.symlink_to(path.name if what == "loop" else "nowhere")
        elif what == "pipe":
            os.mkfifo(path)
    assert read_all(everything.root)


def test_files_in_place_of_every_folder(host_tree):
    for path in ("sys", "proc", "dev", "etc", "usr", "lib", "run", "var"):
        host_tree.write(path, "x")
    assert read_all(host_tree.root)


@pytest.mark.parametrize("nth", range(1, 8))
def test_files_that_go_away_while_they_are_read(everything, monkeypatch, nth):
    real, calls = os.read, [0]

    def fail(descriptor, size):
        calls[0] += 1
        if calls[0] % nth == 0:
            raise ProcessLookupError
        return real(descriptor, size)

    class Os:
        """The module os, of which only the readings fail that are under test."""

        read = staticmethod(fail)

        def __getattr__(self, name):
            return getattr(os, name)

    monkeypatch.setattr(host_files, "os", Os())
    assert read_all(everything.root)
    assert calls[0] >= nth


def test_a_folder_that_does_not_exist(tmp_path):
    assert read_all(tmp_path / "nothing")


def test_files_without_an_end_are_read_in_part(everything):
    for path in ("proc/modules", "proc/meminfo", "proc/cpuinfo", "proc/4242/cmdline", "etc/docker/daemon.json"):
        with everything._place(path).open("wb") as file:
            file.truncate(2**33)  # no disk is used
    assert read_all(everything.root)


def test_the_healthy_host_itself_is_read(everything):
    """So that none of the above passes because nothing was read."""
    told = read_all(everything.root).decode()
    for sign in ("0000:0a:00.0", "GPU-11111111", "550.54.15", "amdgpu", "4242", "0000:b3:00.0", "nvidia.yaml"):
        assert sign in told
