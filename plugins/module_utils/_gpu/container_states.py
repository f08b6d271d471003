# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""States of the way into containers: NVIDIA's toolkit, the CDI specification, GPUs that a container lost."""

from __future__ import annotations

import re
from typing import Iterator, List

from .evidence import CdiSpec
from .signs import answered, answers, first, for_driver, hides_all_devices, refused, uuid_of
from .states import CONTAINERS, ERROR, HIDES_ALL, HIDES_NOTHING, WARNING, Host, Row, Sighting, State

# The device nodes that a process has open which uses a GPU. The driver's common ones are open for questions, too.
_OF_A_GPU = re.compile(r"nvidia[0-9]+$|dxg$|nvhost-|nvgpu|nvmap$")

# Variables that say why a server has none: what its container was given, and how its image was started or built (NGC
# entrypoint; triton server: build.py).
_TELLING = ("NVIDIA_VISIBLE_DEVICES", "NVIDIA_CPU_ONLY", "TRITON_SERVER_CPU_ONLY")

_SILENT_CPU = (
    "Triton in a container sees no GPU: models without an explicit instance_group run on the CPU without a log line, "
    "those with KIND_GPU do not load."
)
_WITHOUT_RUNTIME = (
    "docker run --gpus works all the same. A container that asks for the runtime 'nvidia', as many compose files do, "
    "does not start."
)


def _container_toolkit_missing(host: Host) -> Iterator[Sighting]:
    stack = host.evidence.containers
    if not host.wanted.containers or not host.gpus:
        return
    engines = ", ".join(stack.engines) or "none"
    engine = "docker" if "docker" in stack.engines else (stack.engines or ("docker",))[0]
    how = f"nvidia-ctk runtime configure --runtime={engine} && systemctl restart {engine}"
    if engine == "podman":
        how = "nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml"
    if not stack.toolkit:
        lines = (f"container engines: {engines}", "nvidia-ctk, nvidia-container-runtime-hook: not found")
        values = {"how": how, "what": "the NVIDIA Container Toolkit is not installed"}
        yield Sighting("container_toolkit_missing", lines, values=values)
    elif "docker" in stack.engines and "nvidia" not in stack.docker_runtimes and not stack.cdi_specs:
        runtimes = ", ".join(stack.docker_runtimes) or "none"
        lines = (f"{stack.toolkit}: exists", f"/etc/docker/daemon.json: runtimes: {runtimes}")
        values = {"how": how, "what": "docker has no runtime 'nvidia'"}
        yield Sighting(
            "container_toolkit_missing",
            lines,
            values=values,
            severity=WARNING,
            hides=HIDES_NOTHING,
            consequence=_WITHOUT_RUNTIME,
        )


def _cdi_spec_missing(host: Host) -> Iterator[Sighting]:
    stack = host.evidence.containers
    only_cdi = "podman" in stack.engines and "docker" not in stack.engines
    if (
        host.wanted.containers
        and host.gpus
        and stack.toolkit
        and not stack.cdi_specs
        and (stack.docker_cdi or only_cdi)
    ):
        why = "/etc/docker/daemon.json: features: cdi" if stack.docker_cdi else "container engines: podman"
        yield Sighting("cdi_spec_missing", first([why, "/etc/cdi, /var/run/cdi: nothing for nvidia.com/gpu"]))


def _cdi_spec_stale(host: Host) -> Iterator[Sighting]:
    if host.wanted.containers is False:
        return
    for spec in host.evidence.containers.cdi_specs:
        lines = stale(host, spec)
        if lines:
            severity = None if host.wanted.containers else WARNING
            values = {"path": spec.path}
            yield Sighting("cdi_spec_stale", first(lines), values=values, severity=severity)


def stale(host: Host, spec: CdiSpec) -> List[str]:
    """What in a specification does not fit the host any more."""
    loaded = host.evidence.driver.loaded_version
    lines = []
    if loaded and spec.driver_versions and loaded not in spec.driver_versions:
        lines.append(f"{spec.path}: driver {', '.join(spec.driver_versions)}; /sys/module/nvidia/version: {loaded}")
    lines += [f"{spec.path}: {node} does not exist" for node in spec.missing_nodes[:1]]
    known = {uuid_of(gpu) for gpu in for_driver(host)}
    known |= {part.uuid for gpu in answers(host) if gpu.answer for part in gpu.answer.mig_devices}
    named = {name for name in spec.device_names if name.startswith(("GPU-", "MIG-"))}
    if answered(host) and all(known):
        lines += [f"{spec.path}: {name} is no GPU of this host" for name in sorted(named - known)[:1]]
    return lines


def _container_lost_gpu(host: Host) -> Iterator[Sighting]:
    seen = refused(host, 999, "Unknown Error")
    if host.evidence.platform.in_container and seen:
        yield Sighting("container_lost_gpu", seen)


def _server_without_gpu(host: Host) -> Iterator[Sighting]:
    if not any(gpu.answer for gpu in host.gpus):
        return
    for server in host.evidence.servers:
        nodes, environment = server.device_nodes, server.environment or {}
        if nodes is not None and not any(map(_OF_A_GPU.match, nodes)) and not hides_all_devices(environment):
            seen = [f"tritonserver ({server.pid}): no /dev/nvidia0 or the like is open"]
            seen += [
                f"tritonserver ({server.pid}): {name}={environment[name]}" for name in _TELLING if name in environment
            ]
            if server.cuda_library == "":
                seen.append(f"tritonserver ({server.pid}): no libcuda.so is loaded")
            yield Sighting("server_without_gpu", first(seen), values={"pid": str(server.pid)})


CONTAINER_STATES = (
    Row(
        State(
            "container_lost_gpu",
            CONTAINERS,
            ERROR,
            HIDES_ALL,
            "This container has lost its GPUs while the host has them: a reload of systemd rewrites the rules that let "
            "a container open devices, and forgets those that Docker did not make by itself.",
            "Create the container anew. To keep it from happening again, give it its GPUs by CDI: --device "
            "nvidia.com/gpu=all.",
            "NVIDIA Container Toolkit: troubleshooting; issue 48 of nvidia-container-toolkit",
            brief="this container has lost its GPUs",
            consequence="A server that runs keeps the GPUs that it has opened; one that starts here sees none, and "
            "moves models without an explicit instance_group to the CPU without a log line.",
            explains=("driver_error", "cuda_init_failed"),
        ),
        _container_lost_gpu,
    ),
    Row(
        State(
            "container_toolkit_missing",
            CONTAINERS,
            ERROR,
            HIDES_NOTHING,
            "Triton is to run in a container, and {what}.",
            "Install nvidia-container-toolkit, then: {how}.",
            "NVIDIA Container Toolkit: installation guide",
            brief="containers cannot be given GPUs as usual: {what}",
            consequence=_SILENT_CPU,
            explains=("cdi_spec_missing",),
        ),
        _container_toolkit_missing,
    ),
    Row(
        State(
            "cdi_spec_missing",
            CONTAINERS,
            ERROR,
            HIDES_NOTHING,
            "The container engine is to be given GPUs by CDI, and there is no CDI specification for nvidia.com/gpu.",
            "Generate it: systemctl restart nvidia-cdi-refresh, or nvidia-ctk cdi generate "
            "--output=/etc/cdi/nvidia.yaml.",
            "NVIDIA Container Toolkit: support for the Container Device Interface",
            brief="there is no CDI specification for nvidia.com/gpu",
            consequence="The container does not start with its GPUs. " + _SILENT_CPU,
        ),
        _cdi_spec_missing,
    ),
    Row(
        State(
            "cdi_spec_stale",
            CONTAINERS,
            ERROR,
            HIDES_NOTHING,
            "The CDI specification {path} does not fit this host any more: the driver or the MIG devices have changed "
            "since it was generated.",
            "Generate it anew: systemctl restart nvidia-cdi-refresh, or nvidia-ctk cdi generate --output={path}.",
            "NVIDIA Container Toolkit: support for the Container Device Interface, on when to regenerate",
            brief="the CDI specification {path} does not fit this host any more",
            consequence="Containers do not start with these GPUs, or start with libraries of another driver, which "
            "sees none.",
        ),
        _cdi_spec_stale,
    ),
    Row(
        State(
            "server_without_gpu",
            CONTAINERS,
            WARNING,
            HIDES_NOTHING,
            "A tritonserver runs here (process {pid}) and has no GPU open, although the host has one. A server opens "
            "every GPU that it can use when it starts.",
            "If this server is meant to use a GPU, see its log and which devices its container or service is given: "
            "docker inspect CONTAINER | grep -A 9 DeviceRequests.",
            "triton core: src/cuda_utils.cc, GetSupportedGPUs",
            brief="a tritonserver (process {pid}) runs without any GPU",
            consequence="Its models without an explicit instance_group run on the CPU.",
        ),
        _server_without_gpu,
    ),
)
