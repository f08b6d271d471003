# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The daemons that a driver may need, by their processes and systemd units."""

from __future__ import annotations

import re

from .evidence import Services
from .host_files import HostFiles

_UNITS = ("nvidia-persistenced", "nvidia-fabricmanager", "nvidia-cdi-refresh")
_UNIT_FOLDERS = ("/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")

# Their processes, as the kernel cuts the names.
_PERSISTENCED = "nvidia-persistenced"[:15]
_FABRIC_MANAGER = "nv-fabricmanager"[:15]
_MPS = "nvidia-cuda-mps-control"[:15]
_PERSISTENCED_SOCKET = "/run/nvidia-persistenced/socket"

# Debian's list of packages: the fabric manager's own files do not tell its version without running it.
_PACKAGES = "/var/lib/dpkg/status"
_PACKAGES_LIMIT = 32 * 2**20
_FABRIC_MANAGER_PACKAGE = re.compile(
    rb"(?m)^Package: nvidia-fabricmanager(?:-[0-9]+)?\nStatus: install ok installed\n"
    rb"(?:.+\n)*?Version: (?:[0-9]+:)?([0-9.]+)"
)


def read_services(files: HostFiles, nvswitches: int) -> Services:
    """Which daemons run.

    Args:
        nvswitches: how many NVSwitch bridges are on the PCI bus.
    """
    installed = frozenset(name for name in _UNITS if _has_unit(files, name))
    running = set(files.processes().values())
    return Services(
        persistenced=_PERSISTENCED in running or files.exists(_PERSISTENCED_SOCKET),
        fabric_manager=_FABRIC_MANAGER in running,
        mps=_MPS in running,
        installed=installed,
        nvswitches=nvswitches,
        fabric_manager_version=_fabric_manager_version(files) if "nvidia-fabricmanager" in installed else "",
    )


def _has_unit(files: HostFiles, name: str) -> bool:
    return any(files.exists(f"{folder}/{name}.service") for folder in _UNIT_FOLDERS)


def _fabric_manager_version(files: HostFiles) -> str:
    found = _FABRIC_MANAGER_PACKAGE.search(files.read(_PACKAGES, _PACKAGES_LIMIT) or b"")
    return found.group(1).decode("ascii") if found else ""
