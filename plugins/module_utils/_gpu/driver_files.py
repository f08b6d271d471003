# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What the files of a host say of the NVIDIA driver: kernel module, libraries, device nodes."""

from __future__ import annotations

import os
import re
import shutil
import stat
from typing import Dict, FrozenSet, List, Mapping, Optional, Tuple

from .command import run
from .evidence import DriverFiles, Platform, ProcGpu
from .host_files import HostFiles
from .libraries import driver_version_of, find_compat_library, find_library

_MODULES = ("nvidia", "nvidia_uvm", "nvidia_modeset", "nouveau", "nova_core", "nvgpu", "vfio_pci")

# Both shapes of /proc/driver/nvidia/version: "NVIDIA UNIX x86_64 Kernel Module  580.173.02  ..." and
# "NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  ...".
_VERSION = re.compile(r"Kernel Module(?: for \S+)?\s+([0-9]+(?:\.[0-9]+)+)")

# In a modules.dep, which has a line for each module: nvidia.ko as NVIDIA and Ubuntu call it, nvidia-current.ko and
# nvidia-tesla-535.ko as Debian does, compressed or not.
_MODULE_FILE = re.compile(
    rb"(?m)^(?:[^\s:]*/)?nvidia(?:-current|-tesla|-legacy)?(?:-[0-9]+[a-z]*)?(?:-open)?\.ko(?:\.(?:xz|zst|gz))?:"
)
_MODULES_DEP_LIMIT = 8 * 2**20

# The place where NVIDIA's GPU operator mounts the root of its driver container, which has an nvidia-smi inside
# (gpu-operator: validator).
_DRIVER_ROOT = "/run/nvidia/driver"
_SMI_FOLDERS = ("/usr/bin", "/usr/sbin", "/bin", "/sbin", "/opt/bin", "/usr/lib/wsl/lib", "/run/current-system/sw/bin")

_SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

_NODE = re.compile(r"nvidia.*|nvhost-.*|nvmap|nvgpu|dxg")
_PROC_GPUS = "/proc/driver/nvidia/gpus"
_ADDRESS = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")


def read_driver(
    files: HostFiles, platform: Platform, environment: Optional[Mapping[str, str]] = None, seconds: float = 5
) -> DriverFiles:
    """What the files say of the driver, without a call into it, but for one that has a limit.

    Args:
        environment: of the process that would use the driver, for LD_LIBRARY_PATH; None for none.
        seconds: how long the kernel module may take to tell of its GPUs.
    """
    in_container = files.below(_DRIVER_ROOT) if files.exists(f"{_DRIVER_ROOT}/usr") else None
    nvml, nvml_version = _library(files, in_container, "libnvidia-ml.so.1", platform)
    cuda, cuda_version = _library(files, in_container, "libcuda.so.1", platform)
    told = files.text("/proc/driver/nvidia/version", 4096)
    found = _VERSION.search(told)
    nodes = _device_nodes(files)
    return DriverFiles(
        loaded_version=files.value("/sys/module/nvidia/version") or (found.group(1) if found else ""),
        flavor=("open" if "Open Kernel Module" in told else "proprietary") if found else "",
        modules=frozenset(name for name in _MODULES if files.exists(f"/sys/module/{name}")),
        module_on_disk=_module_on_disk(files, platform.kernel),
        nvml_library=nvml,
        nvml_version=nvml_version,
        cuda_library=cuda,
        cuda_library_version=cuda_version,
        compat_library=find_compat_library(files, "libcuda.so.1", environment or {}),
        nvidia_smi=_nvidia_smi(files, environment or {}),
        driver_container=in_container is not None,
        secure_boot=_secure_boot(files),
        device_nodes=nodes,
        open_device_nodes=frozenset(name for name in nodes if files.usable(f"/dev/{name}")),
        gpus=_proc_gpus(files, seconds),
        excluded_gpus=_excluded_gpus(files),
    )


def _library(files: HostFiles, in_container: Optional[HostFiles], name: str, platform: Platform) -> Tuple[str, str]:
    """The path of a library and the driver's version in its name; that of a driver container comes last."""
    path = find_library(files, name, platform.architecture)
    if path or in_container is None:
        return path, driver_version_of(files, path)
    inside = find_library(in_container, name, platform.architecture)
    return _DRIVER_ROOT + inside if inside else "", driver_version_of(in_container, inside)


def _module_on_disk(files: HostFiles, kernel: str) -> Optional[bool]:
    if not kernel:
        return None
    folders = ("/lib/modules", "/usr/lib/modules", "/run/booted-system/kernel-modules/lib/modules")  # the last: NixOS
    listed = [files.read(f"{folder}/{kernel}/modules.dep", _MODULES_DEP_LIMIT) for folder in folders]
    readable = [content for content in listed if content is not None]
    return any(_MODULE_FILE.search(content) for content in readable) if readable else None


def _nvidia_smi(files: HostFiles, environment: Mapping[str, str]) -> Tuple[str, ...]:
    """The command that runs nvidia-smi, with paths of this machine."""
    for folder in _SMI_FOLDERS:
        if files.program(f"{folder}/nvidia-smi"):
            return (files.place(f"{folder}/nvidia-smi"),)
    path = environment.get("PATH") or os.environ.get("PATH")
    on_path = shutil.which("nvidia-smi", path=path) if files.is_this_host else None
    if on_path:
        return (on_path,)
    if files.exists(f"{_DRIVER_ROOT}/usr/bin/nvidia-smi"):
        return ("chroot", files.place(_DRIVER_ROOT), "nvidia-smi")
    return ()


def _secure_boot(files: HostFiles) -> Optional[bool]:
    """Whether Secure Boot is on: the byte after four of attributes (Linux: Documentation/filesystems/efivarfs)."""
    content = files.read(_SECURE_BOOT, 5)
    return content[4] == 1 if content and len(content) == 5 else None


def _device_nodes(files: HostFiles) -> FrozenSet[str]:
    names: List[str] = []
    for name in filter(_NODE.fullmatch, files.names("/dev") or ()):
        inside = files.names(f"/dev/{name}")
        names += [name] if inside is None else [f"{name}/{part}" for part in inside]
    return frozenset(name for name in names if _is_node(files, f"/dev/{name}"))


def _is_node(files: HostFiles, path: str) -> bool:
    """Whether it is a device node; in a tree of files that only stands for a host, any file is."""
    status = files.status(path)
    return status is not None and (not files.is_this_host or stat.S_ISCHR(status.st_mode))


def _proc_gpus(files: HostFiles, seconds: float) -> Dict[str, ProcGpu]:
    """The GPUs that the kernel module has probed.

    To tell of one it takes the driver's lock, which a driver that hangs does not give back (open-gpu-kernel-modules:
    nv-procfs.c, nv_procfs_read_gpu_info). So another process reads, and can be left behind.
    """
    found = {address: ProcGpu(address) for address in files.names(_PROC_GPUS) or () if _ADDRESS.fullmatch(address)}
    texts = [f"{_PROC_GPUS}/{address}/information" for address in found]
    places = [files.place(path) for path in texts if files.regular(path)]
    if places:
        told = run(["cat", "--", *places], seconds).output
        for part in re.split(r"(?m)^(?=Model:)", told):
            gpu = _proc_gpu(dict(_fields(part)))
            if gpu.address in found:
                found[gpu.address] = gpu
    return found


def _fields(text: str) -> List[Tuple[str, str]]:
    pairs = (line.partition(":") for line in text.splitlines())
    return [(name.strip(), value.strip()) for name, _colon, value in pairs]


def _proc_gpu(told: Mapping[str, str]) -> ProcGpu:
    excluded, minor = told.get("GPU Excluded", told.get("Blacklisted", "")), told.get("Device Minor", "")
    uuid, name, firmware = (told.get(key, "") for key in ("GPU UUID", "Model", "GPU Firmware"))
    return ProcGpu(
        told.get("Bus Location", "").lower(),
        name="" if name == "Unknown" else name,
        uuid="" if "?" in uuid else uuid,  # as long as nobody has initialised the GPU
        minor=int(minor) if re.fullmatch(r"[0-9]{1,4}", minor) else None,
        firmware="" if firmware == "N/A" else firmware,
        excluded={"Yes": True, "No": False}.get(excluded),
    )


def _excluded_gpus(files: HostFiles) -> str:
    """The value of the option, also by its old name (open-gpu-kernel-modules: nv-procfs.c, nv_procfs_read_params)."""
    told = re.findall(
        r'(?m)^(?:ExcludedGpus|GpuBlacklist): "?([^"\n]*)', files.text("/proc/driver/nvidia/params", 65536)
    )
    return ",".join(filter(None, told))
