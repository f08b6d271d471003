# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What several detectors look at, and the lines that they show as evidence."""

from __future__ import annotations

import re
from typing import Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

from .evidence import TEGRA, WSL, DriverAnswer
from .states import ERROR, INFO, Host, HostGpu

NVIDIA = "nvidia"

# Kernel drivers that keep a device for a virtual machine, and those that are not NVIDIA's.
# VFIO has drivers of its own for some devices, such as nvgrace-gpu-vfio-pci for those of Grace.
_RESERVING = re.compile(r"pci-stub|(?:xen-)?pciback|uio_pci_generic|.*vfio.*")
FOREIGN = ("nouveau", "nova_core", "nova-core", "nvidiafb", "rivafb")

# Values of CUDA_VISIBLE_DEVICES that name no device (CUDA C++ programming guide, environment variables).
_NO_DEVICE = ("", "-1", "none", "void", "NoDevFiles")

# What Triton makes of an error of CUDA that is neither "no device" nor "driver too old" (triton core:
# src/cuda_utils.cc, GetSupportedGPUs).
LOADS_NOTHING = "CUDA fails as a whole: with an error of this kind Triton loads no model at all."

_LENGTH = 400


def on_bus(host: Host) -> bool:
    """Whether the GPUs of this platform are on a PCI bus, with a driver from packages of its own."""
    return host.evidence.platform.kind not in (WSL, TEGRA)


def for_driver(host: Host) -> List[HostGpu]:
    """The GPUs that NVIDIA's driver is to have: no other is holding them for a virtual machine."""
    return [gpu for gpu in host.gpus if not reserved(gpu)]


def reserved(gpu: HostGpu) -> bool:
    """Whether a kernel driver keeps a GPU for a virtual machine."""
    return gpu.pci is not None and bool(_RESERVING.fullmatch(gpu.pci.driver))


def silent(host: Host) -> List[HostGpu]:
    """Those of them that it holds and does not answer for."""
    return [
        gpu
        for gpu in host.gpus
        if gpu.answer is None and (gpu.pci is None or gpu.pci.driver == NVIDIA or gpu.proc is not None)
    ]


def loaded(host: Host) -> bool:
    """Whether the kernel module is loaded."""
    driver = host.evidence.driver
    return bool(driver.loaded_version) or "nvidia" in driver.modules


def asked(host: Host) -> List[DriverAnswer]:
    """What the driver answered, NVML's answer first."""
    return [answer for answer in (host.evidence.nvml, host.evidence.smi) if answer is not None]


def answered(host: Host) -> bool:
    """Whether the driver answers for any GPU."""
    return any(answer.devices for answer in asked(host))


def listed(host: Host) -> bool:
    """Whether the driver has said which GPUs it has, be it none."""
    return answered(host) or any(
        not answer.failure
        and not answer.timed_out
        and (answer.error in (0, 6) or _says(answer, "No devices were found"))
        for answer in asked(host)
    )


def refused(host: Host, code: int, *texts: str) -> Tuple[str, ...]:
    """The lines of the answers that are this error and no GPU.

    Args:
        code: NVML's error number.
        texts: parts of messages that mean the same, where no number tells.
    """
    lines: List[str] = []
    for answer in asked(host):
        if not answer.devices and (answer.error == code or any(_says(answer, text) for text in texts)):
            lines += said(answer)
    return first(lines)


def said(answer: DriverAnswer) -> Tuple[str, ...]:
    """What an answer says of its own failure, with who says it."""
    if answer.failure:
        return (f"{answer.asked}: {answer.failure}",)
    if answer.timed_out:
        return (f"{answer.asked}: no answer within {answer.seconds:.0f} seconds",)
    if answer.seen:
        return tuple(f"{answer.asked}: {line}" for line in answer.seen[:2])
    return (f"{answer.asked}: error {answer.error}",) if answer.error else (f"{answer.asked}: no GPU",)


def _says(answer: DriverAnswer, text: str) -> bool:
    return any(text.lower() in line.lower() for line in answer.seen)


def complains(host: Host, gpu: HostGpu, code: int, *texts: str) -> Tuple[str, ...]:
    """What the driver says of one GPU that is this error: instead of an answer, or in one instead of a value."""
    lines = [
        f"{who}: {text}" for who, text, number in complaints(host, gpu) if number == code or _contains(text, texts)
    ]
    faults = gpu.answer.faults if gpu.answer else ()
    lines += [
        f"{gpu.pci_address or (gpu.answer and gpu.answer.uuid)}: {text}" for text in faults if _contains(text, texts)
    ]
    return first(lines)


def complaints(host: Host, gpu: HostGpu) -> Iterator[Tuple[str, str, Optional[int]]]:
    """Who says what of a GPU instead of an answer, with NVML's error number."""
    for answer in asked(host):
        for address, text, number in answer.complaints:
            if address == gpu.pci_address or (not address and text in gpu.complaints):
                yield answer.asked, text, number


def _contains(text: str, parts: Sequence[str]) -> bool:
    return any(part.lower() in text.lower() for part in parts)


def logged(
    host: Host, gpu: Optional[HostGpu] = None, kinds: Sequence[str] = (), xids: Sequence[int] = ()
) -> Tuple[str, ...]:
    """Lines of the kernel's log of these kinds (see `kernel_log`) or Xids, about this GPU where one is given.

    A line that names no GPU is about the only one there is.
    """
    lines = []
    for line in host.evidence.log:
        mine = gpu is None or (line.pci_address == gpu.pci_address if line.pci_address else len(host.gpus) == 1)
        if mine and (line.kind in kinds or (line.kind == "xid" and line.xid in xids)):
            lines.append(line.text)
    return first(lines)


def first(lines: Iterable[str], number: int = 3) -> Tuple[str, ...]:
    """The first few of the lines, each once, verbatim but for blanks."""
    return tuple(dict.fromkeys(filter(None, (" ".join(line.split())[:_LENGTH] for line in lines))))[:number]


def if_wanted(host: Host) -> str:
    """How bad it is that there is no GPU: an error where one is asked for; some hosts have none on purpose."""
    wanted = host.wanted
    if wanted.expected_count is not None:
        return ERROR if wanted.expected_count else INFO
    return ERROR if wanted.minimum_memory_gb or wanted.minimum_compute_capability else INFO


def if_missed(host: Host) -> Optional[str]:
    """How bad it is that NVIDIA's driver does not have a GPU: no news where the others are as many as expected."""
    expected = host.wanted.expected_count
    return INFO if expected is not None and len(list(answers(host))) >= expected else None


def hides_all_devices(environment: Mapping[str, str]) -> bool:
    """Whether an environment hides every GPU from CUDA."""
    return "CUDA_VISIBLE_DEVICES" in environment and names_no_device(environment["CUDA_VISIBLE_DEVICES"])


def names_no_device(variable: str) -> bool:
    """Whether a value of CUDA_VISIBLE_DEVICES names none."""
    return variable.strip() in _NO_DEVICE


def driver_version(host: Host) -> str:
    """Of the loaded module, or as the driver says it."""
    return host.evidence.driver.loaded_version or next(
        (answer.driver_version for answer in asked(host) if answer.driver_version), ""
    )


def branch(host: Host) -> Optional[int]:
    """550 for 550.54.15."""
    number = re.match(r"[0-9]{1,6}(?=\.)", driver_version(host))
    return int(number.group()) if number else None


def driver_link(gpu: HostGpu) -> str:
    """How the kernel shows who holds a GPU."""
    held = f"-> {gpu.pci.driver}" if gpu.pci and gpu.pci.driver else "does not exist"
    return f"/sys/bus/pci/devices/{gpu.pci_address}/driver {held}"


def answers(host: Host) -> Iterator[HostGpu]:
    """The GPUs that the driver answers for."""
    return (gpu for gpu in host.gpus if gpu.answer is not None)


def label(gpu: HostGpu) -> str:
    """The shortest name of a GPU: its address, or its UUID where it has none."""
    return gpu.pci_address or (gpu.answer.uuid if gpu.answer else "") or f"{gpu.index}"


def name_of(gpu: HostGpu) -> str:
    """The name of the product, empty where nothing tells it."""
    return " ".join(((gpu.answer.name if gpu.answer else "") or (gpu.proc.name if gpu.proc else "")).split())


def uuid_of(gpu: HostGpu) -> str:
    """The UUID, empty where nothing tells it."""
    return (gpu.answer.uuid if gpu.answer else "") or (gpu.proc.uuid if gpu.proc else "")
