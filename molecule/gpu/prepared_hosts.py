# SPDX-License-Identifier: GPL-3.0-or-later
"""File systems of hosts with GPUs: python prepared_hosts.py FOLDER makes one archive there for each kind of host.

A host's own /sys and /proc cannot be changed from inside, so the role looks at these, with triton_gpu_root. They show
that it sees and says the right things; they prove nothing about the work of a GPU.
"""

from __future__ import annotations

import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

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


def mismatch(root: Path) -> None:
    """Packages of the driver were upgraded, and the host was not restarted."""
    tree = two_a100(root)
    tree.libraries(UPGRADED)
    said = f"Failed to initialize NVML: Driver/library version mismatch\nNVML library version: {UPGRADED[:-3]}"
    tree.nvidia_smi(f"printf '{said}\n'\nexit 18")


def mig(root: Path) -> None:
    """MIG is on, and there is no instance: they go with each restart."""
    two_a100(root, mig=True).nvidia_smi(ANSWERS)


KINDS: tuple[Callable[[Path], None], ...] = (none, healthy, lost, mismatch, mig)


def main(folder: Path) -> None:
    """Write KIND.tar for each kind, in which all belongs to root."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as root, tarfile.open(folder / f"{kind.__name__}.tar", "w") as archive:
            kind(Path(root))
            archive.add(root, ".", filter=_of_root)


def _of_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mode |= 0o555 if entry.isdir() else 0o444
    return entry


if __name__ == "__main__":
    main(Path(sys.argv[1]))
