# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages of the distribution, downloaded and unpacked as an ordinary user. apt verifies them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path


def unpack(folder: Path, alternatives: Sequence[Sequence[str]]) -> bool:
    """Unpack the first set of packages that can be had into `folder`, which is empty. False where none can."""
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        return False
    (folder / "lists").mkdir()
    own_lists = [f"-oDir::State::Lists={folder}/lists", f"-oDir::Cache={folder}/cache"]
    for options, update in (([], False), (own_lists, True)):
        if update and not _apt_get(folder, *options, "update"):
            return False
        for packages in alternatives:
            if _apt_get(folder, *options, "download", *packages):
                archives = list(folder.glob("*.deb"))
                return all(subprocess.run(["dpkg", "-x", archive, folder]).returncode == 0 for archive in archives)
    return False


def _apt_get(folder: Path, *arguments: str) -> bool:
    limits = ["-qq", "-oAcquire::Retries=1", "-oAcquire::http::Timeout=20", "-oAcquire::Languages=none"]
    try:
        command = ["apt-get", *limits, *arguments]
        done = subprocess.run(command, cwd=folder, timeout=180, capture_output=True, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
