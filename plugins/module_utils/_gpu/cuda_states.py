# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""States of CUDA itself: its library, its environment, and its own word on whether it starts. And what no other state
tells: a driver that answers with an error."""

from __future__ import annotations

import re
from typing import Iterator, List, Mapping, Optional

from .._placement.driver_fit import is_never_bridged
from .evidence import TEGRA
from .signs import (
    LOADS_NOTHING,
    answered,
    answers,
    asked,
    first,
    for_driver,
    hides_all_devices,
    if_wanted,
    listed,
    loaded,
    names_no_device,
    on_bus,
    said,
    uuid_of,
)
from .states import ERROR, GPU, HIDES_ALL, HIDES_GPU, HIDES_NOTHING, HOST, WARNING, Host, Row, Sighting, State

# CUDA's errors that only a libcuda of another version than the driver meets (CUDA driver API, CUresult).
_LIBRARY_ERRORS = (803, 804)

# More than the number of any device has; Python refuses to read numbers without a limit.
_DIGITS = 9

_OUT_OF_THE_WAY = "Take the folder of {compat} out of LD_LIBRARY_PATH or /etc/ld.so.conf.d, and start the server anew."
_UNSEEN = (
    "A server with this environment does not see these GPUs: models without an explicit instance_group run on the CPU "
    "without a log line."
)


def _libcuda_missing(host: Host) -> Iterator[Sighting]:
    driver = host.evidence.driver
    if not answered(host) or any(answer.cuda_version for answer in asked(host)) or _cuda_works(host):
        return
    lines = [f"{answer.asked}: CUDA version Not Found" for answer in asked(host) if answer.cuda_version_missing]
    if driver.nvml_library and not driver.cuda_library and not driver.driver_container and on_bus(host):
        lines += [f"{driver.nvml_library}: exists", "libcuda.so.1: not found"]
    if lines:
        yield Sighting("libcuda_missing", first(lines))


def _cuda_works(host: Host) -> bool:
    return host.evidence.cuda is not None and host.evidence.cuda.error == 0


def _cuda_env_override(host: Host) -> Iterator[Sighting]:
    if not host.gpus:
        return
    lines = _hidden_by(host)
    compat, cuda = host.evidence.driver.compat_library, host.evidence.cuda
    if compat:
        fails = cuda is not None and cuda.error in _LIBRARY_ERRORS
        unbridged = any(is_never_bridged(gpu.answer.brand or "") for gpu in answers(host) if gpu.answer)
        if fails or (unbridged and not _cuda_works(host)):
            seen = [f"{compat}: preferred to the driver's libcuda", *_of_cuda(host)]
            what = f"LD_LIBRARY_PATH or ld.so.conf puts {compat} before the driver's own library"
            yield Sighting(
                "cuda_env_override",
                first(seen),
                values={"what": what, "compat": compat},
                severity=ERROR,
                hides=HIDES_ALL,
                remedy=_OUT_OF_THE_WAY,
                consequence=LOADS_NOTHING,
            )
    if lines:
        yield Sighting("cuda_env_override", first(lines), values={"what": "a variable names no device"})
    wanted = host.wanted.cuda_visible_devices
    missing = _names_nothing(host, wanted)
    if missing and not (lines and names_no_device(wanted or "")):
        values = {"what": f"CUDA_VISIBLE_DEVICES of the server {missing}"}
        yield Sighting("cuda_env_override", (f"CUDA_VISIBLE_DEVICES={wanted}",), values=values)


def _hidden_by(host: Host) -> List[str]:
    """Variables of this process and of running servers that name no device."""
    environments = [("", host.evidence.environment)]
    environments += [(f"tritonserver ({one.pid}): ", one.environment or {}) for one in host.evidence.servers]
    return [
        f"{where}CUDA_VISIBLE_DEVICES={environment['CUDA_VISIBLE_DEVICES']}"
        for where, environment in environments
        if hides_all_devices(environment)
    ]


def _names_nothing(host: Host, variable: Optional[str]) -> str:
    """What is wrong with the value for the server, as the rest of a sentence; empty where nothing is."""
    if variable is None:
        return ""
    if names_no_device(variable):
        return "names no device"
    # A GPU that the driver does not answer for has a finding of its own, and comes back under its number and name.
    known = [uuid_of(gpu) for gpu in for_driver(host)]
    known += [part.uuid for gpu in answers(host) if gpu.answer for part in gpu.answer.mig_devices]
    if not known or not all(known):
        return ""
    for entry in map(str.strip, variable.split(",")):
        if entry.startswith(("GPU-", "MIG-")) and sum(uuid.startswith(entry) for uuid in known) != 1:
            return f"names {entry}, which is not one device of this host; CUDA hides it and all that follow"
        if re.fullmatch("[0-9]+", entry) and (len(entry) > _DIGITS or int(entry) >= len(known)):
            return f"names {entry}, and there is no such device; CUDA hides it and all that follow"
    return ""


def _cuda_init_failed(host: Host) -> Iterator[Sighting]:
    cuda = host.evidence.cuda
    if cuda is None or cuda.error == 0 or not host.gpus:
        return
    values: Mapping[str, str] = {"said": _of_cuda(host)[0]}
    yield Sighting("cuda_init_failed", first(_of_cuda(host)), values=values)


def _of_cuda(host: Host) -> List[str]:
    cuda = host.evidence.cuda
    if cuda is None:
        return []
    if cuda.timed_out:
        return [f"cuInit: no answer within {cuda.seconds:.0f} seconds"]
    return [
        f"cuInit: {cuda.failure}"
        if cuda.failure or cuda.error is None
        else f"cuInit: {cuda.error} {cuda.seen}".rstrip()
    ]


def _cuda_omits_gpu(host: Host) -> Iterator[Sighting]:
    cuda, environment = host.evidence.cuda, host.evidence.environment
    parts = any(gpu.answer and gpu.answer.mig_mode == "enabled" for gpu in host.gpus)
    if cuda is None or cuda.error != 0 or parts or "CUDA_VISIBLE_DEVICES" in environment or not cuda.addresses:
        return
    for gpu in answers(host):
        if gpu.pci_address and gpu.pci_address not in cuda.addresses:
            seen = f"cuInit: devices {', '.join(cuda.addresses)}"
            yield Sighting("cuda_omits_gpu", (seen,), gpu.pci_address)


def _driver_error(host: Host) -> Iterator[Sighting]:
    lines = [line for answer in asked(host) for line in said(answer)]
    if not host.gpus:
        severity = None if any(answer.error for answer in asked(host)) else if_wanted(host)
        lines = lines or ["NVML, nvidia-smi: not found"]
        yield Sighting("driver_error", first(lines), values={"said": lines[0]}, severity=severity)
        return
    untold = host.evidence.platform.kind == TEGRA and not asked(host)
    if not for_driver(host) or listed(host) or _cuda_works(host) or untold:
        return
    # Where it says of every GPU what is wrong, that is an answer.
    if all(gpu.complaints for gpu in for_driver(host)):
        return
    if not lines:
        lines = (
            ["NVML, nvidia-smi: not asked"]
            if loaded(host) or not on_bus(host)
            else ["/sys/module/nvidia: does not exist"]
        )
    yield Sighting("driver_error", first(lines), values={"said": lines[0]})


CUDA_STATES = (
    Row(
        State(
            "libcuda_missing",
            HOST,
            ERROR,
            HIDES_ALL,
            "The driver works, but its CUDA library libcuda.so.1 is not there: only its tools are installed. "
            "Containers get this library from the host.",
            "Install it in the driver's version: libnvidia-compute-BRANCH on Debian and Ubuntu, nvidia-driver-cuda "
            "elsewhere.",
            "nvidia-smi manual page, CUDA version; NVIDIA Container Toolkit: libraries that it mounts; NVIDIA DCGM: "
            "DCGM_FR_CANNOT_OPEN_LIB",
            dcgm=22,
            brief="the CUDA library libcuda.so.1 is missing",
            explains=("cuda_init_failed",),
        ),
        _libcuda_missing,
    ),
    Row(
        State(
            "cuda_env_override",
            HOST,
            WARNING,
            HIDES_NOTHING,
            "The environment hides GPUs from CUDA, or breaks it: {what}.",
            "Remove it from the service or container of the server, and start that anew; where it is meant, write "
            "KIND_CPU into the models.",
            "CUDA C++ programming guide, environment variables; NVIDIA, CUDA Compatibility (803, 804); NVIDIA DCGM: "
            "DCGM_FR_BAD_CUDA_ENV",
            dcgm=28,
            brief="the environment hides GPUs from CUDA: {what}",
            consequence=_UNSEEN,
            explains=("cuda_init_failed", "cuda_omits_gpu"),
        ),
        _cuda_env_override,
    ),
    Row(
        State(
            "cuda_omits_gpu",
            GPU,
            ERROR,
            HIDES_GPU,
            "CUDA starts, and does not list this GPU, for which the driver answers.",
            "Compare 'nvidia-smi -L' with what a CUDA process sees, and read the kernel's log: dmesg | grep NVRM.",
            "CUDA driver API: cuDeviceGetCount; NVIDIA DCGM: DCGM_FR_CUDA_DEVICE",
            dcgm=59,
            brief="is not listed by CUDA",
        ),
        _cuda_omits_gpu,
    ),
    Row(
        State(
            "driver_error",
            HOST,
            ERROR,
            HIDES_ALL,
            "The driver does not say which GPUs it has.",
            "Ask it by hand and read what it says, there and in the kernel's log: nvidia-smi; dmesg | grep NVRM.",
            "nvidia-smi manual page, return values",
            brief="the driver does not answer ({said})",
            explains=("cuda_init_failed",),
        ),
        _driver_error,
    ),
    Row(
        State(
            "cuda_init_failed",
            HOST,
            ERROR,
            HIDES_ALL,
            "CUDA does not start on this host, although the driver answers. 999 is what every process meets after one "
            "GPU of the host fell off the bus.",
            "Read the kernel's log (dmesg | grep NVRM), end processes that hold the GPUs, and restart the host if "
            "that does not help.",
            "CUDA driver API: CUresult; NVIDIA DCGM: DCGM_FR_CUDA_API",
            dcgm=51,
            brief="CUDA does not start ({said})",
            consequence=f"{LOADS_NOTHING} Only with 100 (no device) it goes on without a GPU, and moves models without "
            "an explicit instance_group to the CPU without a log line.",
        ),
        _cuda_init_failed,
    ),
)
