# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-ins for the driver's libraries, compiled."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

SOURCES = Path(__file__).parent


class Libraries(NamedTuple):
    """The paths of libnvidia-ml.so.1 and libcuda.so.1."""

    nvml: Path
    cuda: Path


def build(folder: Path) -> Libraries:
    """Compile the stand-ins into ``folder``. Fails, with the name of the package, where there is no compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    assert compiler, "these tests compile C: install a compiler (Debian, Ubuntu: sudo apt-get install gcc libc6-dev)"

    def library(source: str, name: str) -> Path:
        command = [compiler, "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC"]
        subprocess.run([*command, "-o", str(folder / name), str(SOURCES / source)], check=True)
        return folder / name

    return Libraries(library("nvml.c", "libnvidia-ml.so.1"), library("cuda_driver.c", "libcuda.so.1"))
