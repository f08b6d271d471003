# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What runs containers on a host, and what gives them its GPUs."""

from __future__ import annotations

import json
import re
from typing import AbstractSet, Any, Dict, List, NamedTuple, Optional, Tuple

from .cdi import names_gpus, parse_specification
from .command import run
from .evidence import CdiSpec, ContainerStack
from .host_files import HostFiles

_FOLDERS = (
    "/usr/bin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/local/sbin",
    "/bin",
    "/opt/bin",
    "/run/current-system/sw/bin",
)


class _Engine(NamedTuple):
    """How to know a container engine: its program, or a file that it alone leaves."""

    name: str
    program: str
    files: Tuple[str, ...]


_ENGINES = (
    _Engine("docker", "dockerd", ("/run/docker.sock", "/var/run/docker.sock", "/snap/bin/docker")),
    _Engine("podman", "podman", ()),
    _Engine("containerd", "containerd", ("/run/containerd/containerd.sock", "/run/k3s/containerd/containerd.sock")),
    _Engine("crio", "crio", ("/run/crio/crio.sock", "/var/run/crio/crio.sock")),
)

# NVIDIA Container Toolkit: its command line, and what `docker run --gpus` starts; the last folder is where the GPU
# operator puts them.
_TOOLKIT = ("nvidia-ctk", "nvidia-container-runtime-hook", "nvidia-container-toolkit")
_TOOLKIT_FOLDERS = (*_FOLDERS, "/usr/local/nvidia/toolkit")
_TOOLKIT_VERSION = re.compile(r"(?i)version:?\s+v?([0-9]+(?:\.[0-9]+)+(?:[-~+.][\w.-]+)?)")
_TOOLKIT_SECONDS = 5.0

# Docker's settings, from a package and from a snap.
_DOCKER_SETTINGS = ("/etc/docker/daemon.json", "/var/snap/docker/current/config/daemon.json")

# Where engines look for specifications by default (CDI specification, "CDI JSON Specification"; container-device-
# interface: pkg/cdi/spec-dirs.go). The last two are one folder on most hosts.
_CDI_FOLDERS = ("/etc/cdi", "/var/run/cdi", "/run/cdi")
_CDI_LIMIT = 4 * 2**20


def read_containers(files: HostFiles, device_nodes: AbstractSet[str], seconds: float) -> ContainerStack:
    """What runs containers here. Files that cannot be understood are told of in ``problems``.

    Args:
        device_nodes: names in /dev that are known to exist.
        seconds: how long nvidia-ctk may take to tell its version, 5 at most.
    """
    toolkit = _find(files, _TOOLKIT)
    problems: List[str] = []
    docker = _docker_settings(files, problems)
    runtimes, features = docker.get("runtimes"), docker.get("features")
    default, cdi = docker.get("default-runtime"), features.get("cdi") if isinstance(features, dict) else None
    return ContainerStack(
        engines=tuple(engine.name for engine in _ENGINES if _is_installed(files, engine)),
        toolkit=toolkit,
        toolkit_version=_toolkit_version(files, toolkit, seconds),
        docker_runtimes=tuple(runtimes) if isinstance(runtimes, dict) else (),
        docker_default_runtime=default if isinstance(default, str) else "",
        docker_cdi=cdi if isinstance(cdi, bool) else None,
        cdi_specs=tuple(_cdi_specs(files, device_nodes, problems)),
        problems=tuple(problems),
    )


def _is_installed(files: HostFiles, engine: _Engine) -> bool:
    return bool(_find(files, (engine.program,), _FOLDERS)) or any(map(files.exists, engine.files))


def _find(files: HostFiles, names: Tuple[str, ...], folders: Tuple[str, ...] = _TOOLKIT_FOLDERS) -> str:
    paths = (f"{folder}/{name}" for name in names for folder in folders)
    return next(filter(files.program, paths), "")


def _toolkit_version(files: HostFiles, toolkit: str, seconds: float) -> str:
    if not toolkit.endswith("/nvidia-ctk"):
        return ""
    said = run([files.place(toolkit), "--version"], min(seconds, _TOOLKIT_SECONDS)).output
    found = _TOOLKIT_VERSION.search(said)
    return found.group(1) if found else ""


def _docker_settings(files: HostFiles, problems: List[str]) -> Dict[str, Any]:
    path = next(filter(files.exists, _DOCKER_SETTINGS), "")
    if not path:
        return {}
    content = files.read(path)
    if content is None:
        problems.append(f"{path}: cannot be read")
        return {}
    try:
        settings = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        problems.append(f"{path}: is not JSON: {error}")
        return {}
    if not isinstance(settings, dict):
        problems.append(f"{path}: is not a JSON object")
        return {}
    return settings


def _cdi_specs(files: HostFiles, device_nodes: AbstractSet[str], problems: List[str]) -> List[CdiSpec]:
    specs: Dict[str, CdiSpec] = {}  # by the file behind all links
    for folder in _CDI_FOLDERS:
        for name in files.names(folder) or ():
            path = f"{folder}/{name}"
            real = files.real(path)
            if not name.endswith((".yaml", ".json")) or real in specs:
                continue
            content = files.read(path, _CDI_LIMIT)
            if content is None:
                problems.append(f"{path}: cannot be read")
                continue
            text = content.decode("utf-8", "replace")
            spec = _cdi_spec(files, path, text, device_nodes)
            if spec:
                specs[real] = spec
            elif names_gpus(text):
                problems.append(f"{path}: is no CDI specification that can be understood")
    return list(specs.values())


def _cdi_spec(files: HostFiles, path: str, text: str, device_nodes: AbstractSet[str]) -> Optional[CdiSpec]:
    told = parse_specification(text)
    if told is None:
        return None
    known = {f"/dev/{name}" for name in device_nodes}
    missing = [node for node in told.nodes if node.startswith("/") and node not in known and not files.exists(node)]
    return CdiSpec(path, told.driver_versions, told.device_names, tuple(missing))
