# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts with GPUs, whole and broken, for roles to look at with triton_gpu_root: a host's own /sys and /proc cannot be
changed from inside. Beside each file system, what the stand-in for the CUDA runtime says to a server on that host.

They show that the collection sees and says the right things; they prove nothing about the work of a GPU.
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ansible_collections.inference.triton.tests.e2e.gpu_hosts import ADDRESSES, LOST, two_a100
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._gpu.host_tree import HostTree

UPGRADED = "550.163.01"  # the library of a newer package than the module that is loaded
ANSWERS = 'cat "$(dirname "$0")/../../smi/${1%%=*}"'


def none(root: Path) -> None:
    """No GPU at all."""
    HostTree(root).linux()


def healthy(root: Path) -> None:
    """Two A100 80GB with driver 550."""
    two_a100(root).nvidia_smi(ANSWERS)


def lost(root: Path) -> None:
    """The same, of which the second fell off the bus and the first has MIG on, without an instance."""
    tree = two_a100(root, lost=ADDRESSES[1:], mig=True)
    tree.nvidia_smi(f"{ANSWERS}\necho '{LOST}'")
    tree.kernel_log(f"NVRM: Xid (PCI:{ADDRESSES[1].rpartition('.')[0]}): 79, pid=4242, GPU has fallen off the bus.")


def one_left(root: Path) -> None:
    """The second of two healthy ones fell off the bus."""
    tree = two_a100(root, lost=ADDRESSES[1:])
    tree.nvidia_smi(f"{ANSWERS}\necho '{LOST}'")
    tree.kernel_log(f"NVRM: Xid (PCI:{ADDRESSES[1].rpartition('.')[0]}): 79, pid=4242, GPU has fallen off the bus.")


def mismatch(root: Path) -> None:
    """Packages of the driver were upgraded, and the host was not restarted."""
    tree = two_a100(root)
    tree.libraries(UPGRADED)
    said = f"Failed to initialize NVML: Driver/library version mismatch\nNVML library version: {UPGRADED[:-3]}"
    tree.nvidia_smi(f"printf '{said}\n'\nexit 18")


def mig(root: Path) -> None:
    """MIG is on, and there is no instance: they go with each restart."""
    two_a100(root, mig=True).nvidia_smi(ANSWERS)


class Kind(NamedTuple):
    """A kind of host: its file system, and what the CUDA runtime would answer there.

    Attributes:
        devices: the compute capabilities of the GPUs that it counts, for STANDIN_CUDA_DEVICES.
        error: what it answers instead, for STANDIN_CUDA_ERROR: 803, cudaErrorSystemDriverMismatch (CUDA 12,
            driver_types.h).
    """

    make: Callable[[Path], None]
    devices: str = ""
    error: str = ""


KINDS = {
    "none": Kind(none),
    "healthy": Kind(healthy, devices="8.0,8.0"),
    "one_left": Kind(one_left, devices="8.0"),
    "lost": Kind(lost),
    "mismatch": Kind(mismatch, error="803"),
    "mig": Kind(mig),
}


def pack(name: str, folder: Path, runtime: Path) -> None:
    """Write NAME.tar into `folder`, to be unpacked in the / of a host.

    opt/prepared is the file system, and opt/standin what a server is started with: the stand-in for the CUDA `runtime`
    and the two files that it reads.
    """
    kind = KINDS[name]
    with tempfile.TemporaryDirectory() as root, tarfile.open(folder / f"{name}.tar", "w") as archive:
        kind.make(Path(root, "prepared"))
        standin = Path(root, "standin")
        standin.mkdir()
        shutil.copy(runtime, standin)
        (standin / "devices").write_text(f"{kind.devices}\n")
        (standin / "error").write_text(f"{kind.error}\n")
        for path in (Path(root, "prepared"), standin):
            archive.add(path, f"opt/{path.name}", filter=_of_root)


def _of_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mode |= 0o555 if entry.isdir() else 0o444
    return entry
