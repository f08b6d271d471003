# SPDX-License-Identifier: GPL-3.0-or-later
"""Prometheus, its promtool and its node exporter, for tests of metrics and alerts.

Without root: the distribution's packages, unpacked here. The programs are the ones that a host of that release runs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from clone_cache import CACHE, locked, scratch
from debian_packages import unpack

PACKAGES = [["prometheus", "prometheus-node-exporter"]]  # as Debian 12, Debian 13 and Ubuntu 24.04 have them


class PrometheusError(Exception):
    """What is wrong and what to do about it, in words for the person at the terminal."""


@dataclass(frozen=True)
class Programs:
    """The programs of one Prometheus."""

    prometheus: str
    promtool: str
    node_exporter: str

    def work(self) -> bool:
        try:
            runs = [subprocess.run([program, "--version"], capture_output=True) for program in vars(self).values()]
        except OSError:
            return False
        return all(run.returncode == 0 for run in runs)


def fetch() -> Programs:
    """The installed programs, or else those unpacked in .cache/prometheus.

    Raises:
        PrometheusError: neither can be had.
    """
    installed = _in(os.environ.get("PATH", ""))
    if installed and installed.work():
        return installed
    home = CACHE / "prometheus" / "unpacked"
    with locked(CACHE / "prometheus" / "lock"):
        if not home.is_dir():
            print(f"Prometheus is not installed: taking it from the packages {' '.join(PACKAGES[0])}", file=sys.stderr)
            with scratch(home.parent) as folder:
                unpacked = unpack(folder, PACKAGES) and _in(str(folder / "usr/bin"))
                if not unpacked or not unpacked.work():
                    packages = " ".join(PACKAGES[0])
                    raise PrometheusError(
                        "these tests need Prometheus and its node exporter: they are not installed, and they could not "
                        f"be downloaded without root. Install them (sudo apt-get install {packages}) and try again."
                    )
                folder.rename(home)
    found = _in(str(home / "usr/bin"))
    if not found:
        raise PrometheusError(f"{home} has no Prometheus. Remove it and try again.")
    return found


def _in(path: str) -> Programs | None:
    """The programs in these folders. Debian's node exporter has the name of its package."""
    exporters = [shutil.which(name, path=path) for name in ("prometheus-node-exporter", "node_exporter")]
    found = [shutil.which("prometheus", path=path), shutil.which("promtool", path=path), *filter(None, exporters)]
    programs = [str(Path(program)) for program in found if program]
    return Programs(*programs[:3]) if len(programs) >= 3 else None
