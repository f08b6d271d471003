# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What was seen of a host's GPUs, before anybody draws a conclusion from it.

The probes fill these records, the detectors read them, and nothing else passes between the two: a diagnosis is tested
without a host, a probe without a diagnosis. None, and an empty text, tuple or set, say that a source did not tell,
never that something is not there. PCI addresses are as the kernel writes them (``0000:0a:00.0``), sizes are in MiB,
texts for ``seen`` are verbatim.
"""

from __future__ import annotations

from typing import FrozenSet, Mapping, NamedTuple, Optional, Tuple

BARE_METAL, VIRTUAL_MACHINE, CONTAINER, WSL, TEGRA = "bare_metal", "virtual_machine", "container", "wsl", "tegra"


class Platform(NamedTuple):
    """What kind of host this is.

    Attributes:
        kind: one of the names above. A Tegra board and WSL are what they are also inside of a container.
        in_container: whether it is a container: it sees the PCI bus of its host, but its own device nodes only.
        virtualization: ``kvm``, ``microsoft``, ``vmware``, ...; empty where nothing tells.
        kernel: the kernel's release, ``5.15.0-185-generic``.
        boot_id: the kernel's identifier of this boot.
        memory_mib: MemTotal.
        model: the board, from the device tree or DMI.
        architecture: of the processor, ``x86_64``.
    """

    kind: str = BARE_METAL
    in_container: bool = False
    virtualization: str = ""
    kernel: str = ""
    boot_id: str = ""
    memory_mib: Optional[int] = None
    model: str = ""
    architecture: str = ""


class PciGpu(NamedTuple):
    """A display or 3D controller of NVIDIA on the PCI bus that is no virtual function.

    Attributes:
        device_id, subsystem_id: ``10de:20b2``.
        pci_class: ``0x030200``.
        driver: the kernel driver that holds it, empty where none does.
        power_state: ``D0``, ``D3cold``, ...
        off_bus: its configuration space reads as all ones while it is not asleep.
    """

    address: str
    device_id: str = ""
    subsystem_id: str = ""
    pci_class: str = ""
    driver: str = ""
    numa_node: Optional[int] = None
    power_state: str = ""
    off_bus: bool = False


class OtherGpu(NamedTuple):
    """A GPU of another vendor."""

    address: str
    vendor: str
    device_id: str
    driver: str = ""


class ProcGpu(NamedTuple):
    """A GPU that the NVIDIA kernel module has probed: ``/proc/driver/nvidia/gpus/ADDRESS/information``."""

    address: str
    name: str = ""
    uuid: str = ""
    minor: Optional[int] = None
    firmware: str = ""
    excluded: Optional[bool] = None


class DriverFiles(NamedTuple):
    """What the files of a host say of the driver.

    Attributes:
        loaded_version: of the loaded kernel module.
        flavor: ``open`` or ``proprietary``.
        modules: those of nvidia, nvidia_uvm, nvidia_modeset, nouveau, nova_core, nvgpu and vfio_pci that are loaded.
        module_on_disk: whether there is a module for the running kernel; None where its folder cannot be read.
        nvml_library, cuda_library, compat_library: path of libnvidia-ml.so.1, of libcuda.so.1, and of a libcuda of
            NVIDIA's compatibility package that the loader is told to prefer.
        nvml_version, cuda_library_version: the version in the names of the files behind the links.
        nvidia_smi: the command, or nothing.
        driver_container: whether the driver lies under /run/nvidia/driver, where the GPU operator puts it.
        secure_boot: whether it is on.
        device_nodes: names in /dev: ``nvidia0``, ``nvidiactl``, ``nvidia-uvm``, ``nvidia-caps/...``, ``dxg``,
            ``nvhost-...``; those that can be opened for reading and writing are in ``open_device_nodes`` too.
        gpus: the GPUs that the module has probed, by address.
        excluded_gpus: the value of the module option NVreg_ExcludedGpus.
    """

    loaded_version: str = ""
    flavor: str = ""
    modules: FrozenSet[str] = frozenset()
    module_on_disk: Optional[bool] = None
    nvml_library: str = ""
    nvml_version: str = ""
    cuda_library: str = ""
    cuda_library_version: str = ""
    compat_library: str = ""
    nvidia_smi: Tuple[str, ...] = ()
    driver_container: bool = False
    secure_boot: Optional[bool] = None
    device_nodes: FrozenSet[str] = frozenset()
    open_device_nodes: FrozenSet[str] = frozenset()
    gpus: Mapping[str, ProcGpu] = {}
    excluded_gpus: str = ""


class MigDevice(NamedTuple):
    """A MIG device of a GPU."""

    uuid: str = ""
    profile: str = ""
    index: Optional[int] = None  # type: ignore[assignment]  # a method of tuples
    gpu_instance: Optional[int] = None
    compute_instance: Optional[int] = None
    memory_mib: Optional[int] = None


class DeviceAnswer(NamedTuple):
    """What the driver says of one GPU, through NVML or nvidia-smi, in the same words.

    Attributes:
        index: NVML's index.
        architecture: ``ampere``, ``ada_lovelace``, ...
        brand: ``nvidia``, ``tesla``, ``geforce``, ``quadro``, ``nvidia_rtx``, ``titan``, ...
        memory_mib, memory_used_mib, memory_free_mib: None also where GPU and host share one memory.
        memory_unified: whether the driver has no memory of the GPU's own to tell of, without a fault.
        compute_mode: ``default``, ``exclusive_process`` or ``prohibited``.
        mig_mode, mig_pending: ``enabled`` or ``disabled``; None where the GPU has no MIG.
        ecc_mode: whether ECC is on.
        ecc_uncorrected: uncorrected memory errors since the last reset or driver load.
        remap_pending, remap_failure: of memory rows.
        retired_pages_pending: of memory pages, on GPUs from before Ampere.
        recovery_action: ``none``, ``reset``, ``reboot``, ``drain_p2p``, ``drain_and_reset``, ``recover_imex_domain``.
        reset_required: what drivers before that one say.
        fabric_state: ``not_supported``, ``not_started``, ``in_progress`` or ``completed``.
        fabric_status, fabric_health: ``success``, ``healthy``, or the driver's other text, in lower snake case.
        virtualization_mode: ``none``, ``pass_through``, ``vgpu``, ``host_vgpu``, ``host_vsga``.
        faults: what the driver says instead of a value, verbatim: ``GPU is lost``.
    """

    pci_address: str = ""
    index: Optional[int] = None  # type: ignore[assignment]  # a method of tuples
    uuid: str = ""
    name: str = ""
    minor: Optional[int] = None
    brand: Optional[str] = None
    architecture: Optional[str] = None
    pci_device_id: str = ""
    memory_mib: Optional[int] = None
    memory_used_mib: Optional[int] = None
    memory_free_mib: Optional[int] = None
    memory_unified: Optional[bool] = None
    compute_capability: Optional[Tuple[int, int]] = None
    compute_mode: Optional[str] = None
    persistence_mode: Optional[bool] = None
    mig_mode: Optional[str] = None
    mig_pending: Optional[str] = None
    mig_devices: Tuple[MigDevice, ...] = ()
    ecc_mode: Optional[bool] = None
    ecc_uncorrected: Optional[int] = None
    remap_pending: Optional[bool] = None
    remap_failure: Optional[bool] = None
    retired_pages_pending: Optional[bool] = None
    recovery_action: Optional[str] = None
    reset_required: Optional[bool] = None
    fabric_state: Optional[str] = None
    fabric_status: Optional[str] = None
    fabric_health: Optional[str] = None
    virtualization_mode: Optional[str] = None
    faults: Tuple[str, ...] = ()


class DriverAnswer(NamedTuple):
    """The answer of the driver as a whole, through NVML or nvidia-smi.

    Attributes:
        asked: how, for messages: ``nvidia-smi -q -x``, ``NVML (/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1)``.
        error: NVML's error number or the exit code of nvidia-smi, which are the same numbers; 0 where it says that all
            is well; None where it gave none.
        seen: what it printed about a problem, at most a few lines.
        timed_out: whether it had to be stopped.
        failure: why there is no answer at all, else empty: ``cannot be started: Permission denied``.
        driver_version, cuda_version: ``550.54.15``, and the newest CUDA that the driver knows, ``12.4``. The latter is
            empty where libcuda is missing.
        cuda_version_missing: whether the driver says that it has no libcuda (``Not Found``).
        devices: the GPUs that it answers for, also those with faults.
        complaints: what it says about GPUs that it cannot answer for: (PCI address or empty, text verbatim, NVML's
            error number or None).
        mig_listed: whether the MIG devices were asked for and listed.
        unknown: words that no driver said when this was written, for warnings: ``compute_mode: 'Whatever'``.
        instead: why it was not asked for more, where it has less to tell than usual, for warnings.
        seconds: how long it took.
    """

    asked: str
    error: Optional[int] = None
    seen: Tuple[str, ...] = ()
    timed_out: bool = False
    failure: str = ""
    driver_version: str = ""
    cuda_version: str = ""
    cuda_version_missing: bool = False
    devices: Tuple[DeviceAnswer, ...] = ()
    complaints: Tuple[Tuple[str, str, Optional[int]], ...] = ()
    mig_listed: bool = False
    unknown: Tuple[str, ...] = ()
    instead: str = ""
    seconds: float = 0.0


class CudaAnswer(NamedTuple):
    """What ``cuInit`` and the CUDA driver said to a process that tried.

    Attributes:
        error: CUDA's error number, 0 for success; None where it gave none.
        seen: CUDA's own text.
        addresses: PCI addresses of the devices, by CUDA ordinal, with ``CUDA_DEVICE_ORDER=PCI_BUS_ID``.
        uuids: the same devices' UUIDs, ``GPU-...`` or ``MIG-...``.
    """

    error: Optional[int] = None
    seen: str = ""
    timed_out: bool = False
    failure: str = ""
    driver_version: str = ""
    addresses: Tuple[str, ...] = ()
    uuids: Tuple[str, ...] = ()
    seconds: float = 0.0


class CdiSpec(NamedTuple):
    """A CDI specification for ``nvidia.com/gpu``.

    Attributes:
        driver_versions: the driver versions in the names of its libraries and arguments.
        device_names: ``all``, ``0``, ``GPU-...``, ``0:1``.
        missing_nodes: device nodes that it names and that are not in /dev.
    """

    path: str
    driver_versions: Tuple[str, ...] = ()
    device_names: Tuple[str, ...] = ()
    missing_nodes: Tuple[str, ...] = ()


class ContainerStack(NamedTuple):
    """What runs containers here, and whether it can give them GPUs.

    Attributes:
        engines: of ``docker``, ``podman``, ``containerd`` and ``crio`` those that are installed.
        toolkit: path of nvidia-ctk or of the runtime hook, empty where neither is installed.
        toolkit_version: of nvidia-ctk.
        docker_runtimes: names in /etc/docker/daemon.json; ``docker_default_runtime`` is the default one.
        cdi_specs: for ``nvidia.com/gpu``.
        problems: files that could not be read, with why.
    """

    engines: Tuple[str, ...] = ()
    toolkit: str = ""
    toolkit_version: str = ""
    docker_runtimes: Tuple[str, ...] = ()
    docker_default_runtime: str = ""
    docker_cdi: Optional[bool] = None
    cdi_specs: Tuple[CdiSpec, ...] = ()
    problems: Tuple[str, ...] = ()


class LogLine(NamedTuple):
    """A line of the kernel's log that says something about a GPU: see `kernel_log`."""

    kind: str
    text: str
    pci_address: str = ""
    xid: Optional[int] = None


class Services(NamedTuple):
    """Daemons that a driver may need.

    Attributes:
        persistenced, fabric_manager, mps: whether it runs; the last is the control daemon of MPS.
        installed: of ``nvidia-persistenced``, ``nvidia-fabricmanager`` and ``nvidia-cdi-refresh`` the systemd units.
        nvswitches: NVSwitch bridges on the PCI bus.
        fabric_manager_version: of the installed nv-fabricmanager, by its package; empty where nothing tells.
    """

    persistenced: bool = False
    fabric_manager: bool = False
    installed: FrozenSet[str] = frozenset()
    nvswitches: int = 0
    fabric_manager_version: str = ""
    mps: bool = False


class ServerProcess(NamedTuple):
    """A tritonserver that runs on this host.

    Attributes:
        options: from its command line, by their long names without dashes: ``{"model-control-mode": ("explicit",)}``.
        environment: of CUDA_VISIBLE_DEVICES, CUDA_DEVICE_ORDER, NVIDIA_VISIBLE_DEVICES, LD_LIBRARY_PATH and the like;
            None where this user may not read it.
        device_nodes: names in /dev that it has open; None where this user may not see them.
        cuda_library: the libcuda in its memory, empty where there is none; None where this user may not see it.
        in_container: whether it has a mount namespace of its own.
    """

    pid: int
    options: Mapping[str, Tuple[str, ...]] = {}
    environment: Optional[Mapping[str, str]] = None
    device_nodes: Optional[FrozenSet[str]] = None
    cuda_library: Optional[str] = None
    in_container: bool = False


class Evidence(NamedTuple):
    """Everything that was seen. A probe that was not asked for, or has nothing to ask, leaves its default."""

    platform: Platform = Platform()
    user: str = "root"
    environment: Mapping[str, str] = {}
    pci: Tuple[PciGpu, ...] = ()
    pci_read: bool = True
    other_gpus: Tuple[OtherGpu, ...] = ()
    driver: DriverFiles = DriverFiles()
    nvml: Optional[DriverAnswer] = None
    smi: Optional[DriverAnswer] = None
    cuda: Optional[CudaAnswer] = None
    containers: ContainerStack = ContainerStack()
    services: Services = Services()
    log: Tuple[LogLine, ...] = ()
    log_read: bool = False
    servers: Tuple[ServerProcess, ...] = ()
    warnings: Tuple[str, ...] = ()
