# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""States of the driver: whether it is installed, built, loaded, of one version, and lets itself be asked."""

from __future__ import annotations

from typing import Iterator

from .signs import (
    LOADS_NOTHING,
    answered,
    asked,
    complains,
    driver_link,
    first,
    for_driver,
    listed,
    loaded,
    logged,
    on_bus,
    refused,
    said,
    silent,
)
from .states import ERROR, HIDES_ALL, HIDES_GPU, HIDES_NOTHING, HOST, WARNING, Host, Row, Sighting, State


def _without_module(host: Host) -> bool:
    """Whether this host has GPUs for a driver that is not loaded. A container does not load any."""
    here = on_bus(host) and not host.evidence.platform.in_container
    return here and bool(for_driver(host)) and not loaded(host) and not answered(host)


def _installed(host: Host) -> bool:
    """Whether any part of a driver is there."""
    driver = host.evidence.driver
    return bool(driver.nvml_library or driver.cuda_library or driver.nvidia_smi or driver.driver_container)


def _driver_missing(host: Host) -> Iterator[Sighting]:
    if _without_module(host) and not _installed(host) and not host.evidence.driver.module_on_disk:
        lines = ["/sys/module/nvidia: does not exist", "libnvidia-ml.so.1, nvidia-smi: not found"]
        yield Sighting("driver_missing", first([*lines, driver_link(for_driver(host)[0])]))


def _driver_not_built_for_kernel(host: Host) -> Iterator[Sighting]:
    driver, kernel = host.evidence.driver, host.evidence.platform.kernel
    if _without_module(host) and _installed(host) and driver.module_on_disk is False and not driver.driver_container:
        library = driver.nvml_library or driver.cuda_library or " ".join(driver.nvidia_smi)
        lines = (f"/lib/modules/{kernel}/modules.dep: no nvidia.ko", f"{library}: exists")
        yield Sighting("driver_not_built_for_kernel", lines, values={"kernel": kernel or "$(uname -r)"})


def _can_be_loaded(host: Host) -> bool:
    driver = host.evidence.driver
    built = driver.module_on_disk or (driver.module_on_disk is None and _installed(host))
    return _without_module(host) and (bool(built) or driver.driver_container)


def _module_blocked_secure_boot(host: Host) -> Iterator[Sighting]:
    log = logged(host, kinds=("key_rejected",))
    if _can_be_loaded(host) and host.evidence.driver.secure_boot and log:
        yield Sighting(
            "module_blocked_secure_boot", first([*log, "SecureBoot: on", "/sys/module/nvidia: does not exist"])
        )


_LOAD = "Load it, and read the kernel's log if that fails: modprobe nvidia || dmesg | tail."
# A driver container builds and loads the module itself; the host has none to load.
_RESTART_POD = (
    "Read the log of the driver container of this node and start it anew: kubectl logs -n gpu-operator "
    "-l app=nvidia-driver-daemonset."
)


def _module_not_loaded(host: Host) -> Iterator[Sighting]:
    if _can_be_loaded(host):
        lines = [
            *refused(host, 9),
            "/sys/module/nvidia: does not exist",
            *(["SecureBoot: on"] if host.evidence.driver.secure_boot else []),
            *logged(host, kinds=("no_gpu_found", "probe_not_called", "probe_failed")),
        ]
        remedy = _RESTART_POD if host.evidence.driver.driver_container else ""
        yield Sighting("module_not_loaded", first(lines), remedy=remedy)
    elif host.evidence.platform.in_container and refused(host, 9):
        yield Sighting("module_not_loaded", refused(host, 9), remedy=f"On the host of this container: {_LOAD}")


def _library_mismatch(host: Host) -> Iterator[Sighting]:
    driver = host.evidence.driver
    said_so = refused(host, 18, "version mismatch")
    lines = [f"/sys/module/nvidia/version: {driver.loaded_version}"] if driver.loaded_version else []
    nvml = driver.nvml_version and driver.nvml_version != driver.loaded_version and not answered(host)
    cuda = driver.cuda_library_version and driver.cuda_library_version != driver.loaded_version
    if nvml and lines:
        lines.append(f"libnvidia-ml.so.1 -> libnvidia-ml.so.{driver.nvml_version}")
    # A compatibility package brings a newer libcuda on purpose.
    if cuda and lines and not driver.compat_library and "/compat" not in driver.cuda_library:
        lines.append(f"libcuda.so.1 -> libcuda.so.{driver.cuda_library_version}")
    if said_so or len(lines) > 1:
        library = driver.nvml_version if nvml else driver.cuda_library_version if cuda else ""
        values = {"module": driver.loaded_version or "of the kernel", "library": library or "of another version"}
        log = logged(host, kinds=("api_mismatch",))
        yield Sighting("library_mismatch", first([*lines, *said_so, *log]), values=values)


def _driver_library_missing(host: Host) -> Iterator[Sighting]:
    driver = host.evidence.driver
    if driver.driver_container or answered(host) or not (loaded(host) and for_driver(host)):
        return
    missing = not driver.nvml_library and not driver.nvidia_smi
    seen = refused(host, 12, "NVML Shared Library Not Found", "couldn't find libnvidia-ml.so")
    if missing or seen:
        works = host.evidence.cuda is not None and host.evidence.cuda.error == 0
        lines = [*seen, f"/sys/module/nvidia/version: {driver.loaded_version}", "libnvidia-ml.so.1: not found"]
        yield Sighting(
            "driver_library_missing",
            first(lines),
            severity=WARNING if works else None,
            hides=HIDES_NOTHING if works else None,
        )


def _permission_denied(host: Host) -> Iterator[Sighting]:
    driver, user = host.evidence.driver, host.evidence.user
    values = {"user": user or "this user"}
    lines = [*refused(host, 4, "Insufficient Permissions")]
    closed = sorted(
        node
        for node in driver.device_nodes - driver.open_device_nodes
        if node == "nvidiactl" or node.startswith("nvidia-uvm") or node[len("nvidia") :].isdecimal()
    )
    if closed and not answered(host) and user != "root":
        lines += [f"/dev/{node}: {user} may not open it" for node in closed]
    if lines:
        yield Sighting("permission_denied", first(lines), values=values)
        return
    for gpu in silent(host):
        seen = complains(host, gpu, 4, "Insufficient Permissions")
        if seen:
            yield Sighting("permission_denied", seen, gpu.pci_address, values, hides=HIDES_GPU)


def _device_nodes_missing(host: Host) -> Iterator[Sighting]:
    nodes, seen = host.evidence.driver.device_nodes, answered(host)
    if not loaded(host) or not on_bus(host) or not for_driver(host) or (seen and not nodes):
        return
    if not seen and "nvidiactl" not in nodes and not listed(host) and not any(one.timed_out for one in asked(host)):
        yield Sighting("device_nodes_missing", ("/dev/nvidiactl: does not exist",))
    elif "nvidiactl" in nodes and "nvidia-uvm" not in nodes:
        # CUDA has it made at its first use by nvidia-modprobe, which a container cannot.
        contained = host.evidence.platform.in_container
        yield Sighting(
            "device_nodes_missing",
            ("/dev/nvidia-uvm: does not exist",),
            severity=None if contained else WARNING,
            hides=None if contained else HIDES_NOTHING,
        )


def _probe_timeout(host: Host) -> Iterator[Sighting]:
    late = [line for answer in asked(host) if answer.timed_out for line in said(answer)]
    log = logged(host, kinds=("gsp_timeout",), xids=(119, 120))
    if late:
        known = answered(host)
        yield Sighting(
            "probe_timeout",
            first([*late, *log]),
            severity=WARNING if known else None,
            hides=HIDES_NOTHING if known else None,
        )


# What is no news where the driver does not run.
_NEEDS_DRIVER = (
    "library_mismatch",
    "driver_library_missing",
    "permission_denied",
    "device_nodes_missing",
    "libcuda_missing",
    "fabric_manager_down",
    "container_lost_gpu",
    "cuda_init_failed",
    "driver_error",
    "cdi_spec_stale",
    "server_without_gpu",
)
_NEEDS_LIBRARY = tuple(state for state in _NEEDS_DRIVER if state != "library_mismatch")

DRIVER_STATES = (
    Row(
        State(
            "driver_missing",
            HOST,
            ERROR,
            HIDES_ALL,
            "The NVIDIA driver is not installed: there is no kernel module, no library and no nvidia-smi.",
            "Install a data-centre driver of a supported branch, for example: apt-get install "
            "nvidia-driver-580-server, or dnf module install nvidia-driver:580-open.",
            "NVIDIA driver installation guide; NVIDIA data centre drivers: supported branches",
            brief="the NVIDIA driver is not installed",
            explains=("module_not_loaded", *_NEEDS_DRIVER),
        ),
        _driver_missing,
    ),
    Row(
        State(
            "driver_not_built_for_kernel",
            HOST,
            ERROR,
            HIDES_ALL,
            "The driver is installed, but has no kernel module for the running kernel {kernel}. That is what remains "
            "where a kernel was updated and the headers for building the module were not there.",
            "Install the headers of this kernel and build the module: dkms autoinstall -k {kernel} && modprobe nvidia.",
            "dkms(8); NVIDIA driver installation guide, on kernel headers",
            brief="the driver has no kernel module for the kernel {kernel}",
            explains=("module_blocked_secure_boot", "module_not_loaded", *_NEEDS_DRIVER),
        ),
        _driver_not_built_for_kernel,
    ),
    Row(
        State(
            "module_blocked_secure_boot",
            HOST,
            ERROR,
            HIDES_ALL,
            "The driver is installed and not loaded, and Secure Boot is on: then the kernel refuses a module whose "
            "signature it does not know.",
            "Enroll the key that signed the module (mokutil --import KEY.der, then restart the host), or install "
            "modules that the distribution has signed.",
            "mokutil(1); Linux kernel documentation: admin-guide/module-signing",
            brief="Secure Boot keeps the driver from being loaded",
            explains=("module_not_loaded", *_NEEDS_DRIVER),
        ),
        _module_blocked_secure_boot,
    ),
    Row(
        State(
            "module_not_loaded",
            HOST,
            ERROR,
            HIDES_ALL,
            "The driver is installed, but its kernel module is not loaded.",
            _LOAD,
            "nvidia-smi manual page, return value 9; NVML: NVML_ERROR_DRIVER_NOT_LOADED",
            brief="the driver's kernel module is not loaded",
            explains=_NEEDS_DRIVER,
        ),
        _module_not_loaded,
    ),
    Row(
        State(
            "library_mismatch",
            HOST,
            ERROR,
            HIDES_ALL,
            "The loaded kernel module is {module}, and the driver's libraries are {library}: the packages were "
            "upgraded under a running driver. Programs that start from now on, in containers too, cannot use it.",
            "Restart the host, and hold the driver's packages back from unattended upgrades.",
            "NVML: NVML_ERROR_LIB_RM_VERSION_MISMATCH; CUDA: cudaErrorSystemDriverMismatch (803)",
            brief="the kernel module ({module}) and the driver's libraries ({library}) are of different versions",
            consequence=f"{LOADS_NOTHING} A container that asks for GPUs does not start.",
            explains=_NEEDS_LIBRARY,
        ),
        _library_mismatch,
    ),
    Row(
        State(
            "permission_denied",
            HOST,
            ERROR,
            HIDES_ALL,
            "The user {user} may not open the driver's device nodes. This says nothing of the GPUs: another user may.",
            "Run the task with become: true. If the server runs as this user, mend the mode of /dev/nvidia* "
            "(NVreg_DeviceFileMode), or SELinux where ausearch -m avc names it.",
            "NVML: NVML_ERROR_NO_PERMISSION; NVIDIA driver README, on device files; NVIDIA DCGM: "
            "DCGM_FR_NO_ACCESS_TO_FILE",
            dcgm=18,
            brief="the user {user} may not ask the driver",
            consequence="What Triton can use here is not known. A server of this user sees no GPU: its models without "
            "an explicit instance_group run on the CPU without a log line, those with KIND_GPU do not load.",
            explains=(
                "device_nodes_missing",
                "driver_error",
                "cuda_init_failed",
                "container_lost_gpu",
                "gpu_unknown_fault",
            ),
        ),
        _permission_denied,
    ),
    Row(
        State(
            "driver_library_missing",
            HOST,
            ERROR,
            HIDES_ALL,
            "The kernel module is loaded, but the library by which one asks it, libnvidia-ml.so.1, is not there. In a "
            "container that is so where NVIDIA_DRIVER_CAPABILITIES lacks 'utility'.",
            "Install the driver's libraries in the version of the module (on Debian and Ubuntu "
            "libnvidia-compute-BRANCH, elsewhere nvidia-driver-cuda-libs); start a container with "
            "NVIDIA_DRIVER_CAPABILITIES=compute,utility.",
            "NVML: NVML_ERROR_LIBRARY_NOT_FOUND; NVIDIA Container Toolkit documentation, driver capabilities",
            brief="the driver's library libnvidia-ml is missing",
            explains=("device_nodes_missing", "driver_error", "libcuda_missing", "cuda_init_failed"),
        ),
        _driver_library_missing,
    ),
    Row(
        State(
            "device_nodes_missing",
            HOST,
            ERROR,
            HIDES_ALL,
            "The driver is loaded, but its device nodes are not in /dev: nothing has made them since the host started.",
            "Make them: nvidia-modprobe -u -c 0. To have it done at each start, enable nvidia-persistenced.",
            "nvidia-modprobe(1); NVIDIA driver README, on device files",
            brief="the driver's device nodes are missing in /dev",
            explains=("driver_error", "cuda_init_failed", "container_lost_gpu"),
        ),
        _device_nodes_missing,
    ),
    Row(
        State(
            "probe_timeout",
            HOST,
            ERROR,
            HIDES_ALL,
            "The driver did not answer in time. On a healthy host it answers within seconds; one that hangs takes "
            "every process with it that asks.",
            "Look for Xid and 'Timeout after' in the kernel's log (dmesg | grep NVRM), and restart the host.",
            "NVIDIA Xid errors, Xid 119; NVML: NVML_ERROR_TIMEOUT",
            brief="the driver does not answer in time",
            consequence="A server that starts now hangs with the driver. One that runs may hang with its next call.",
            explains=("driver_error", "cuda_init_failed"),
        ),
        _probe_timeout,
    ),
)
