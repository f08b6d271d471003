# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The GPUs of this host, by what the kernel and nvidia-smi say."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._policy.gpus import VisibleGpus, parse_gpus
from .command import Outcome, run
from .nvidia_smi import EXIT_CODES, FIELDS, address_in, parse_listing, parse_rows, refused_field

SOURCE = "nvidia-smi of this host"

Facts = Dict[str, Any]

# Where nvidia-smi lies besides PATH, and the root of the driver container, which has one inside (NVIDIA gpu-operator:
# validator).
_FOLDERS = ("usr/bin", "usr/sbin", "bin", "sbin", "opt/bin", "usr/lib/wsl/lib", "run/current-system/sw/bin")
_DRIVER_ROOT = "run/nvidia/driver"

# What nvidia.ko binds to: VGA and 3D controllers of NVIDIA (open-gpu-kernel-modules: nv-pci-table.c).
_NVIDIA = "0x10de"
_GPU_CLASSES = ("0x0300", "0x0302")


def detect(
    cuda_visible_devices: Optional[str] = None, root: str = "/", command: Sequence[str] = (), seconds: float = 30
) -> VisibleGpus:
    """What a server on this host sees.

    Nothing that is wrong with the host raises: where no GPU is found, ``hidden`` says why.

    Args:
        cuda_visible_devices: the variable in the environment of the server; None where it is not set.
        root: of the file system; tests have one of their own.
        command: nvidia-smi, where it is not to be looked for.
        seconds: how long nvidia-smi may take in all.
    """
    base = Path(root)
    driver_version, on_bus = _read(base / "sys/module/nvidia/version"), _on_bus(base)
    found = list(command) or _find(base)
    if not found:
        return _no_gpu("nvidia-smi is not installed", on_bus, driver_version)
    smi = _Smi(found, time.monotonic() + seconds)
    answer, gpus = smi.gpus()
    if not gpus:
        return _no_gpu(_why(answer), on_bus, driver_version)
    versions = [gpu.pop("driver_version", "") for gpu in gpus]
    if any(gpu.get("mig_mode") == "Enabled" for gpu in gpus):
        smi.add_mig_devices(gpus)
    gpus += _lost(gpus, answer, {} if _in_container(base) else on_bus)
    gpus.sort(key=lambda gpu: gpu.get("pci_address", ""))
    return parse_gpus(gpus, cuda_visible_devices, driver_version or versions[0])._replace(source=SOURCE)


def given_or_detected(
    gpus: Optional[Sequence[Mapping[str, Any]]], cuda_visible_devices: Optional[str], driver_version: Optional[str]
) -> VisibleGpus:
    """What a server sees of the GPUs that a task gives, or of those of this host where it gives none.

    Args:
        driver_version: instead of the one that is detected; None where the task does not say.

    Raises:
        ConfigError: with every mistake in ``gpus``.
    """
    if gpus is not None:
        return parse_gpus(gpus, cuda_visible_devices, driver_version or "")
    visible = detect(cuda_visible_devices)
    return visible if driver_version is None else visible._replace(driver_version=driver_version)


class _Smi(NamedTuple):
    """nvidia-smi, and until when it may take, on the monotonic clock."""

    command: List[str]
    deadline: float

    def ask(self, *arguments: str) -> Outcome:
        return run([*self.command, *arguments], self.deadline - time.monotonic())

    def gpus(self) -> Tuple[Outcome, List[Facts]]:
        """Its answer about all GPUs, and their facts in it, without the fields that the driver does not know."""
        fields = list(FIELDS)
        while True:
            answer = self.ask(f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits")
            refused = refused_field(answer.output + answer.errors)
            if refused not in fields:
                return answer, [] if answer.failure else parse_rows(answer.output, fields)
            fields.remove(refused)

    def add_mig_devices(self, gpus: Sequence[Facts]) -> None:
        answer = self.ask("-L")
        listed = parse_listing(answer.output)
        for gpu in gpus:
            if gpu.get("mig_mode") == "Enabled":
                gpu["mig_devices"] = listed.get(gpu.get("uuid", ""), [])
                if answer.failure or answer.code:
                    gpu.update(usable=False, reason=f"MIG is on, but {_why(answer)}")


def _no_gpu(why: str, on_bus: Mapping[str, str], driver_version: str) -> VisibleGpus:
    bus = ", ".join(f"{address} ({_held_by(driver)})" for address, driver in sorted(on_bus.items()))
    return VisibleGpus((), (f"{why}; NVIDIA GPUs on the PCI bus: {bus or 'none'}",), driver_version, SOURCE)


def _why(answer: Outcome) -> str:
    """What went wrong with nvidia-smi, in one line."""
    said = next(filter(None, map(str.strip, (answer.output + "\n" + answer.errors).splitlines())), "")
    quoted = f": '{said[:200]}'" if said else ""
    if answer.code is None:
        return f"nvidia-smi {answer.failure}"
    if answer.code == 0:
        return f"nvidia-smi lists no GPU{quoted}"
    if answer.code < 0:
        return f"nvidia-smi was ended by signal {-answer.code}"
    meaning = EXIT_CODES.get(answer.code)
    return f"nvidia-smi failed with exit code {answer.code}{f' ({meaning})' if meaning else ''}{quoted}"


def _lost(gpus: Sequence[Facts], answer: Outcome, on_bus: Mapping[str, str]) -> List[Facts]:
    """The GPUs that nvidia-smi complains about or leaves out: it lists the others as if there were no more."""
    listed = [gpu.get("pci_address") for gpu in gpus]
    reasons = {}
    if None not in listed:
        for address, driver in on_bus.items():
            reasons[address] = f"it is on the PCI bus, but nvidia-smi does not list it ({_held_by(driver)})"
    for line in (answer.output + "\n" + answer.errors).splitlines():
        named = address_in(line)
        if named:
            reasons[named] = f"nvidia-smi says '{line.strip()[:200]}'"
    return [
        {"pci_address": address, "usable": False, "reason": reason}
        for address, reason in reasons.items()
        if address not in listed
    ]


def _held_by(driver: str) -> str:
    return f"its kernel driver is {driver}" if driver else "it has no kernel driver"


def _on_bus(base: Path) -> Dict[str, str]:
    """The PCI addresses of NVIDIA's GPUs, virtual functions of a vGPU host left out, with their kernel driver."""
    found = {}
    for folder in (base / "sys/bus/pci/devices").glob("*"):
        vendor, kind = _read(folder / "vendor"), _read(folder / "class")
        if vendor == _NVIDIA and kind.startswith(_GPU_CLASSES) and not (folder / "physfn").exists():
            driver = folder / "driver"
            found[address_in(folder.name) or folder.name] = driver.resolve().name if driver.exists() else ""
    return found


def _in_container(base: Path) -> bool:
    """Whether this is a container: it sees the PCI bus of its host, but its own devices only."""
    return any((base / mark).exists() for mark in (".dockerenv", "run/.containerenv"))


def _find(base: Path) -> List[str]:
    for path in [base / folder / "nvidia-smi" for folder in _FOLDERS]:
        if os.access(path, os.X_OK):
            return [str(path)]
    on_path = shutil.which("nvidia-smi") if base == Path("/") else None
    if on_path:
        return [on_path]
    driver_root = base / _DRIVER_ROOT
    return ["chroot", str(driver_root), "nvidia-smi"] if (driver_root / "usr/bin/nvidia-smi").exists() else []


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
