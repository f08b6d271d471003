# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The Triton servers that run on a host: how they were started, and which GPUs they have open."""

from __future__ import annotations

import re
from typing import Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from .evidence import ServerProcess
from .host_files import HostFiles

_NAME = "tritonserver"

# What of the environment decides which GPUs and which driver library a server gets. The rest is not looked at: it can
# hold credentials.
_VARIABLES = (
    "CUDA_DEVICE_ORDER",
    "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE",
    "CUDA_MPS_PIPE_DIRECTORY",
    "CUDA_VERSION",
    "CUDA_VISIBLE_DEVICES",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "NVIDIA_CPU_ONLY",
    "NVIDIA_DISABLE_REQUIRE",
    "NVIDIA_DRIVER_CAPABILITIES",
    "NVIDIA_TRITON_SERVER_VERSION",
    "NVIDIA_VISIBLE_DEVICES",
    "TRITON_SERVER_CPU_ONLY",
    "TRITON_SERVER_VERSION",
)

# Options whose values hold keys and passwords (Triton: docs/customization_guide/inference_protocols.md,
# docs/user_guide/response_cache.md).
_SECRET_OPTIONS = frozenset(
    ["cache-config", "grpc-restricted-protocol", "http-restricted-api", "metrics-restricted-api", "trace-config"]
)
HIDDEN = "(not shown)"

_OPTION = re.compile(r"--([a-z][a-z0-9-]*)(?:=(.*))?", re.DOTALL)
_CUDA_LIBRARY = re.compile(rb"(?m)^\S+ \S+ \S+ \S+ \S+ +(/\S*/libcuda\.so[.0-9]*)(?: \(deleted\))?$")
_MAPS_LIMIT = 32 * 2**20
_MAX_DESCRIPTORS = 65536


def read_servers(files: HostFiles) -> Tuple[ServerProcess, ...]:
    """The servers, by their process numbers. What this user may not see of one is None.

    A server that ends meanwhile is left out, or told of in part.
    """
    pids = sorted(pid for pid, name in files.processes().items() if name == _NAME)
    read = (_read_server(files, pid) for pid in pids)
    return tuple(server for server in read if server)


def _read_server(files: HostFiles, pid: int) -> Optional[ServerProcess]:
    folder = f"/proc/{pid}"
    words = (files.read(f"{folder}/cmdline") or b"").decode("utf-8", "replace").split("\0")
    if not any(words):
        return None  # it has ended, and nobody has asked for its exit code yet
    return ServerProcess(
        pid,
        options=parse_options(words[1:]),
        environment=_environment(files.read(f"{folder}/environ")),
        device_nodes=_device_nodes(files, f"{folder}/fd"),
        cuda_library=_cuda_library(files.read(f"{folder}/maps", _MAPS_LIMIT)),
        in_container=_in_container(files, folder),
    )


def parse_options(words: Sequence[str]) -> Dict[str, Tuple[str, ...]]:
    """The options of a command line by their names, each with its values in order; without a value, with none.

    Both ``--name=value`` and ``--name value`` are allowed (getopt_long). Values with secrets are not told.
    """
    options: Dict[str, List[str]] = {}
    waiting: Optional[List[str]] = None  # the values of an option that may have one more
    for word in words:
        option = _OPTION.fullmatch(word)
        if option:
            name, value = option.groups()
            values = options.setdefault(name, [])
            waiting = values if value is None else None
            if value is not None:
                values.append(value)
        elif waiting is not None and word:
            waiting.append(word)
            waiting = None
    return {
        name: tuple(HIDDEN if name in _SECRET_OPTIONS else value for value in values)
        for name, values in options.items()
    }


def _environment(content: Optional[bytes]) -> Optional[Mapping[str, str]]:
    if content is None:
        return None
    pairs = (entry.partition("=") for entry in content.decode("utf-8", "replace").split("\0"))
    return {name: value for name, equals, value in pairs if equals and name in _VARIABLES}


def _device_nodes(files: HostFiles, folder: str) -> Optional[FrozenSet[str]]:
    names = files.names(folder)
    if names is None:
        return None
    opened = (files.link(f"{folder}/{name}") for name in names[:_MAX_DESCRIPTORS])
    return frozenset(
        path[len("/dev/") :] for path in opened if path.startswith(("/dev/nvidia", "/dev/nvhost", "/dev/dxg"))
    )


def _cuda_library(content: Optional[bytes]) -> Optional[str]:
    if content is None:
        return None
    found = _CUDA_LIBRARY.search(content)
    return found.group(1).decode("utf-8", "replace") if found else ""


def _in_container(files: HostFiles, folder: str) -> bool:
    """Whether it has mounts and a root folder of its own: a service of systemd can have mounts of its own, too."""
    own, ours = (files.link(f"{process}/ns/mnt") for process in (folder, "/proc/1"))
    ours = ours or files.link("/proc/self/ns/mnt")
    if not own or not ours or own == ours:
        return False
    roots = [files.status(path) for path in (f"{folder}/root", "/proc/1/root")]
    known = [(status.st_dev, status.st_ino) for status in roots if status]
    return len(known) < 2 or known[0] != known[1]
