# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Everything that can be seen of a host's GPUs, in an order in which nothing that hangs keeps the rest from us.

Files come first: they start no process and wait for nothing. Then NVML, then nvidia-smi, which tells in words what NVML
keeps for itself, and CUDA where a task asks for it. All of them share one limit of time.
"""

from __future__ import annotations

import os
import pwd
import re
import time
from typing import Mapping, Optional, Sequence, Tuple

from .containers import read_containers
from .cuda_check import ask_cuda
from .driver_files import read_driver
from .evidence import TEGRA, WSL, CudaAnswer, DriverAnswer, DriverFiles, Evidence, Platform
from .host_files import HostFiles
from .host_platform import read_platform
from .kernel_log import read_kernel_log
from .nvidia_smi_query import ask_nvidia_smi
from .nvml import ask_nvml
from .pci import PciBus, read_pci
from .server_process import read_servers
from .services import read_services

# Of the time that is left, what NVML may take: where it hangs, something must be left for what still answers.
_NVML_SHARE = 0.6

# Seconds. nvidia-smi goes through NVML too: where that has hung, it hardly answers, but may say first for which GPU.
_AFTER_A_HANG = 3.0
_FILES = 3.0
_CUDA_RESERVE = 0.25

_LOADER_NAME = "libcuda.so.1"

# What of an environment has to do with GPUs. The rest is nobody's business, and may hold secrets.
_VARIABLES = re.compile(r"(?:CUDA|NVIDIA|TRITON|TRITONSERVER)_.*|LD_LIBRARY_PATH|LD_PRELOAD")


def collect(
    root: str = "/",
    seconds: float = 30,
    command: Sequence[str] = (),
    environment: Optional[Mapping[str, str]] = None,
    cuda_check: bool = False,
) -> Evidence:
    """See what there is. Nothing that is wrong with the host raises.

    Args:
        root: of the host's file system: not ``/`` in a container that has that of its host mounted, and in tests.
        seconds: how long everything may take in all.
        command: nvidia-smi, where it is not to be looked for. It is asked whatever the files say.
        environment: of the process that would use the GPUs; None for that of this one.
        cuda_check: whether to start CUDA.
    """
    deadline = time.monotonic() + seconds
    variables = os.environ if environment is None else environment
    files = HostFiles(root)
    platform, bus = read_platform(files), read_pci(files)
    driver = read_driver(files, platform, variables, min(_FILES, seconds / 4))
    log, log_read = read_kernel_log(files, min(_FILES, seconds / 8))
    seen = Evidence(
        platform=platform,
        user=_user(),
        environment={name: value for name, value in variables.items() if _VARIABLES.fullmatch(name)},
        pci=bus.gpus,
        pci_read=bus.readable,
        other_gpus=bus.other_gpus,
        driver=driver,
        containers=read_containers(files, driver.device_nodes, min(_FILES, seconds / 8)),
        services=read_services(files, bus.nvswitches),
        log=log,
        log_read=log_read,
        servers=read_servers(files),
    )
    nvml = _nvml(files, seen, deadline) if _driver_answers(platform, driver) else None
    smi = None
    if command or (driver.nvidia_smi and _worth_asking(platform, bus, driver)):
        smi = _smi(command or driver.nvidia_smi, nvml, deadline, cuda_check)
    cuda = _cuda(files, driver, deadline) if cuda_check and _driver_answers(platform, driver) else None
    return seen._replace(nvml=nvml, smi=smi, cuda=cuda, warnings=_warnings(nvml, smi))


def _driver_answers(platform: Platform, driver: DriverFiles) -> bool:
    """Whether there is a driver to ask. Where there is none, nvidia-smi has the words for it."""
    return bool(driver.loaded_version or driver.device_nodes) or platform.kind in (WSL, TEGRA)


def _worth_asking(platform: Platform, bus: PciBus, driver: DriverFiles) -> bool:
    """Whether nvidia-smi has something to say: a host without a GPU is not to wait for it."""
    return bool(bus.gpus) or not bus.readable or _driver_answers(platform, driver)


def _nvml(files: HostFiles, seen: Evidence, deadline: float) -> Optional[DriverAnswer]:
    library = files.place(seen.driver.nvml_library) if seen.driver.nvml_library else ""
    if not library:
        return None
    # A container sees the bus of its host, but is not given all that is on it.
    addresses = [gpu.address for gpu in seen.pci if gpu.driver == "nvidia" and not seen.platform.in_container]
    return ask_nvml(library, addresses, max(deadline - time.monotonic(), 0.0) * _NVML_SHARE)


def _smi(command: Sequence[str], nvml: Optional[DriverAnswer], deadline: float, cuda_check: bool) -> DriverAnswer:
    left = max(deadline - time.monotonic(), 0.0) * (1 - _CUDA_RESERVE if cuda_check else 1)
    if nvml is not None and nvml.timed_out:
        left = min(left, _AFTER_A_HANG)
    return ask_nvidia_smi(command, time.monotonic() + left, details=nvml is None or not _told_all(nvml))


def _told_all(nvml: DriverAnswer) -> bool:
    """Whether NVML has told what nvidia-smi has to be called more than once for."""
    mig = any(device.mig_mode == "enabled" for device in nvml.devices)
    capable = bool(nvml.devices) and all(device.compute_capability for device in nvml.devices)
    return capable and (nvml.mig_listed or not mig)


def _cuda(files: HostFiles, driver: DriverFiles, deadline: float) -> CudaAnswer:
    library = driver.compat_library or driver.cuda_library
    path = files.place(library) if library else ""
    return ask_cuda(path or _LOADER_NAME, max(deadline - time.monotonic(), 0.0))


def _warnings(*answers: Optional[DriverAnswer]) -> Tuple[str, ...]:
    """What the driver said that nobody knew when this was written."""
    told = [answer for answer in answers if answer]
    words = dict.fromkeys((answer.asked, word) for answer in told for word in answer.unknown)
    instead = (f"{answer.asked} was asked instead: {answer.instead}" for answer in told if answer.instead)
    return (*instead, *(f"{asked} says {word}, which is not known here and was left out" for asked, word in words))


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
