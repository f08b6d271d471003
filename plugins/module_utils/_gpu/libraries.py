# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Where the dynamic loader finds the driver's libraries, and of which driver they are."""

from __future__ import annotations

import re
from typing import Iterator, List, Mapping

from .host_files import HostFiles

# GNU's names of the processors that NVIDIA has drivers for.
_TRIPLETS = {
    "x86_64": "x86_64-linux-gnu",
    "aarch64": "aarch64-linux-gnu",
    "ppc64le": "powerpc64le-linux-gnu",
}
# Debian and Ubuntu; Red Hat and SUSE; the rest; Jetson (L4T); WSL; NixOS; what the container toolkit once mounted.
_FOLDERS = (
    "/usr/lib/{triplet}",
    "/usr/lib64",
    "/usr/lib",
    "/lib/{triplet}",
    "/lib64",
    "/usr/lib/{triplet}/nvidia",
    "/usr/lib/{triplet}/tegra",
    "/usr/lib/wsl/lib",
    "/run/opengl-driver/lib",
    "/usr/local/nvidia/lib64",
)

# The loader's cache holds the paths as texts that end with a zero byte (glibc: elf/cache.c).
_CACHE = "/etc/ld.so.cache"
_CACHE_LIMIT = 8 * 2**20

# NVIDIA's compatibility package stands in /usr/local/cuda*/compat; its entrypoints use compat/lib.
_COMPAT_FOLDER = re.compile(r"/(?:[\w.-]+-)?compat(?:/|$)")

# Three digits at the start, as every driver has since R100: libraries for WSL and Jetson end in .so.1.1.
_VERSION = re.compile(r"\.so\.([1-9][0-9]{2,3}(?:\.[0-9]{1,4}){1,3})$")


def find_library(files: HostFiles, name: str, architecture: str) -> str:
    """The path of a library such as ``libcuda.so.1``, without compatibility packages; empty where there is none.

    Args:
        architecture: of the host's processor, ``x86_64``.
    """
    triplet = _TRIPLETS.get(architecture, f"{architecture}-linux-gnu")
    candidates = [*_cached(files, name), *(f"{folder.format(triplet=triplet)}/{name}" for folder in _FOLDERS)]
    for path in candidates:
        if not _COMPAT_FOLDER.search(path) and _loadable(files, path):
            return path
    return ""


def find_compat_library(files: HostFiles, name: str, environment: Mapping[str, str]) -> str:
    """A library of the compatibility package that the loader is told to use; empty where it is not told so.

    Args:
        environment: of the process that would load it, for LD_LIBRARY_PATH.
    """
    folders = [*environment.get("LD_LIBRARY_PATH", "").split(":"), *_configured(files)]
    for folder in folders:
        path = f"{folder.rstrip('/')}/{name}"
        if folder.startswith("/") and _COMPAT_FOLDER.search(folder) and _loadable(files, path):
            return path
    return ""


def driver_version_of(files: HostFiles, path: str) -> str:
    """The driver's version in the name of the file behind a library's link; empty where it tells none."""
    found = _VERSION.search(files.real(path)) if path else None
    return found.group(1) if found else ""


def _cached(files: HostFiles, name: str) -> List[str]:
    cache = files.read(_CACHE, _CACHE_LIMIT) or b""
    pattern = rb"(?<=\0)(/[^\0\n]{1,1000}/" + re.escape(name.encode()) + rb")(?=\0)"
    return [path.decode("utf-8", "replace") for path in re.findall(pattern, b"\0" + cache + b"\0")]


def _configured(files: HostFiles) -> Iterator[str]:
    """The folders in /etc/ld.so.conf and the files that it includes by default."""
    parts = [f"/etc/ld.so.conf.d/{part}" for part in files.names("/etc/ld.so.conf.d") or () if part.endswith(".conf")]
    for path in ["/etc/ld.so.conf", *parts]:
        for line in files.text(path, 65536).splitlines():
            yield line.partition("#")[0].strip()


def _loadable(files: HostFiles, path: str) -> bool:
    """Whether there is such a file for 64 bits: a host can have the libraries for 32-bit programs, too.

    Only the head of an ELF file is looked at (System V ABI: EI_CLASS).
    """
    head = files.read(path, 5)
    return head is not None and head != b"\x7fELF\x01"
