#!/usr/bin/python
# Copyright: Contributors to the inference.triton collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_facts
version_added: 0.1.0
short_description: Learn which GPUs a host has, what Triton can use of them, and why not more
description:
  - Looks at the PCI bus, the driver's files, NVML, C(nvidia-smi), the kernel's log, the container engines and the
    running servers of a host, joins what they say of each GPU by its PCI address, and returns it as the fact
    C(triton_gpu).
  - Each GPU that Triton cannot use, or not as it should, comes with the cause, the lines that show it, what Triton
    does because of it, and one thing to do. A cause is told once. What follows from it is not told again.
  - No state of a host makes the module fail. What is to stop a play is for the play to say, see the examples.
notes:
  - Nothing is installed, loaded or changed. With O(cuda_check), CUDA starts in a process of its own, which can load
    the driver's module C(nvidia_uvm) and make its device nodes.
  - Other users than root cannot read the kernel's log on most hosts, nor look into servers of others. The findings
    that need them are then left out.
  - For facts together with those of Ansible, set C(ansible_facts_modules) to C(ansible.builtin.setup) and this module
    where facts are gathered, see the examples.
options:
  expected_count:
    description:
      - How many GPUs the host should have. One that dies before the host starts is missing from the PCI bus too, so
        that nothing but this number tells.
      - With V(0) a host without a GPU is in order. Without it, the lack of any GPU is a finding of the severity
        V(info), unless O(minimum_memory_gb) or O(minimum_compute_capability) asks for one.
    type: int
  minimum_memory_gb:
    description:
      - Memory that each GPU should have, in GB of 10^9 bytes, as in the names of the products. A card of "80 GB" has
        less than 80 GiB. Where MIG is on, the largest MIG device counts.
    type: float
  minimum_compute_capability:
    description: Compute capability that each GPU should have, for example V("8.0").
    type: str
  triton_release:
    description:
      - The release of Triton that should use these GPUs as V(YY.MM), in quotes. The fact C(triton) then says which of
        them it uses, and whether the driver is new enough.
    type: str
  min_supported_compute_capability:
    description:
      - What the server is given as C(--min-supported-compute-capability), for example V("7.5"). It overrules
        O(server_log) and O(triton_release).
    type: str
  server_log:
    description:
      - Path of the server's log on the managed host, whose table of options has the lowest compute capability that
        this server uses, and its version.
    type: path
  cuda_compat:
    description:
      - Path, on the managed host, of the C(libcuda) of NVIDIA's compatibility package in the image or the
        installation of the server, or of the folder that has it. It says which older drivers the CUDA of the server
        works with.
    type: path
  cuda_visible_devices:
    description:
      - The variable E(CUDA_VISIBLE_DEVICES) in the environment of the server. It decides about the numbers by which
        the server calls its GPUs, C(ordinal).
    type: str
  containers:
    description:
      - Whether Triton runs in a container on this host. With V(true) it is a finding if nothing here can give GPUs to
        a container. With V(false) the container engines do not matter. By default only what is there and wrong is
        told.
    type: bool
  cuda_check:
    description:
      - Whether to start CUDA, which is the only proof that it starts. This finds, for example, a fabric manager that
        is down where everything else looks well.
    type: bool
    default: false
  timeout:
    description: How many seconds everything may take together. A driver that hangs is a finding, too.
    type: int
    default: 30
  root:
    description:
      - The root of the host's file system, for example V(/host) in a container that has its host's mounted there.
        Then nothing is asked that is not under it.
    type: path
    default: /
extends_documentation_fragment:
  - inference.triton._attributes.info
  - inference.triton._attributes.facts
  - inference.triton._attributes.actiongroup
seealso:
  - module: inference.triton.model_repository_info
  - module: inference.triton.instance_group_policy
author:
  - Contributors to the inference.triton collection (@inference-triton)
"""

EXAMPLES = r"""
- name: Learn which GPUs the host has
  inference.triton.gpu_facts:

- name: Show what there is to know, in words
  ansible.builtin.debug:
    msg: "{{ ansible_facts.triton_gpu.report }}"

- name: Look at a host of two 80 GB cards that is to serve with Triton 25.10 in containers
  inference.triton.gpu_facts:
    expected_count: 2
    minimum_memory_gb: 80
    triton_release: "25.10"
    containers: true
    cuda_check: true

- name: Stop the rollout where anything is wrong
  ansible.builtin.assert:
    that: ansible_facts.triton_gpu.severity != 'error'
    fail_msg: "{{ ansible_facts.triton_gpu.summary }}"

- name: Predict what a server does with these GPUs
  inference.triton.model_repository_info:
    repositories: [/srv/triton/models]
    gpus: "{{ ansible_facts.triton_gpu.gpus }}"
    driver_version: "{{ ansible_facts.triton_gpu.driver_version }}"

- name: Name the GPUs that a container can be given, by the identifier that stays
  ansible.builtin.set_fact:
    triton_gpu_uuids: "{{ ansible_facts.triton_gpu.gpus | selectattr('usable') | map(attribute='uuid') | list }}"

# In a play, to have the facts gathered at its start:
#
#   vars:
#     ansible_facts_modules: [ansible.builtin.setup, inference.triton.gpu_facts]
"""

RETURN = r"""
ansible_facts:
  description: The facts of the host.
  type: dict
  returned: success
  contains:
    triton_gpu:
      description:
        - What there is to know of the GPUs of the host. The samples are those of a host of two GPUs, one of which was
          lost. C(docs/gpu_facts.md) of the collection has the whole of it for five kinds of hosts.
        - A host in order has C(state=ok), C(severity=ok), C(summary="2 of 2 GPUs are usable.") and no findings; each
          GPU has its C(ordinal), and an empty C(reason).
        - A host without a GPU has C(state=no_gpu_hardware), C(present_count=0), an empty list of GPUs and, unless
          GPUs are asked for, C(severity=info).
        - A GPU in MIG mode has C(mig_mode=enabled), the C(ordinal) null, and its C(mig_devices), of which a server
          sees one with drivers before R570, for example C(ordinal=0) for a C(profile=3g.40gb) with
          C(memory_mib=40448).
        - A Jetson has C(platform=tegra), a GPU with C(pci_address), C(memory_mib) and C(kernel_driver) null,
          C(compute_capability=8.7) and C(memory_kind=unified).
        - A container has C(platform=container) and those of its host's GPUs that it was given; with none,
          C(state=container_without_gpu).
      type: dict
      contains:
        summary:
          description: All in one line, how many GPUs are usable, which is not, why, and what to do.
          type: str
          sample: >-
            1 of 2 GPUs is usable: GPU 0000:41:00.0 (NVIDIA A100-SXM4-80GB) fell off the bus. Drain this host and
            restart it; a reset of the GPU does not help.
        state:
          description: State of the first finding, V(ok) where there is none.
          type: str
          sample: gpu_lost
        severity:
          description: V(error), V(warning), V(info) or V(ok).
          type: str
          sample: error
        present_count:
          description: Number of GPUs that are present, in a container of those that it was given.
          type: int
          sample: 2
        usable_count:
          description: Number of those that a process can use with CUDA.
          type: int
          sample: 1
        platform:
          description: V(bare_metal), V(virtual_machine), V(container), V(wsl) or V(tegra).
          type: str
          sample: bare_metal
        environment:
          description: Of the host.
          type: dict
          contains:
            kernel:
              description: Release of the kernel.
              type: str
              sample: 5.15.0-185-generic
            boot_id:
              description: The kernel's identifier of this boot; facts with another one are out of date.
              type: str
              sample: 2f1d7d0e-8a4b-4f6e-9a3e-0c1b2d3e4f50
            virtualization:
              description: Hypervisor; null on bare metal.
              type: str
              sample: null
            in_container:
              description: Whether it is a container.
              type: bool
              sample: false
            memory_mib:
              description: Memory of the host in MiB.
              type: int
              sample: 1031718
            model:
              description: Model of the machine or board.
              type: str
              sample: Supermicro AS -4124GO-NART+
            architecture:
              description: Architecture of the processor.
              type: str
              sample: x86_64
            secure_boot:
              description: Whether Secure Boot is on; null where nothing tells.
              type: bool
              sample: false
            user:
              description: The user who asked.
              type: str
              sample: root
        driver:
          description: The NVIDIA driver.
          type: dict
          contains:
            module_version:
              description: Version of the loaded kernel module; null where none is loaded.
              type: str
              sample: 550.54.15
            library_version:
              description: Version of its libraries.
              type: str
              sample: 550.54.15
            branch:
              description: Its branch.
              type: int
              sample: 550
            flavor:
              description: V(open) or V(proprietary).
              type: str
              sample: open
            loaded:
              description: Whether the kernel module is loaded.
              type: bool
              sample: true
            installed:
              description: Whether any part of a driver is installed.
              type: bool
              sample: true
        driver_version:
          description: >-
            Version of the driver, as the option O(inference.triton.model_repository_info#module:driver_version) takes
            it; null where it is not known.
          type: str
          sample: 550.54.15
        cuda_version:
          description: The newest CUDA that the driver knows; null where it does not say.
          type: str
          sample: '12.4'
        gpus:
          description: >-
            The GPUs in the order of their PCI addresses. They can be given as they are as
            O(inference.triton.instance_group_policy#module:gpus) and
            O(inference.triton.model_repository_info#module:gpus).
          type: list
          elements: dict
          contains:
            index:
              description: Position among the GPUs of the host, in the order of the PCI addresses.
              type: int
              sample: 1
            ordinal:
              description: >-
                The number by which C(gpus) of an instance group names it, in a server with
                E(CUDA_DEVICE_ORDER=PCI_BUS_ID) and O(cuda_visible_devices). Null where the server does not see it, or
                sees its MIG devices only.
              type: int
              sample: null
            pci_address:
              description: PCI address as the kernel writes it; null under WSL and on a Jetson, where there is none.
              type: str
              sample: '0000:41:00.0'
            pci_device_id:
              description: PCI vendor and device.
              type: str
              sample: 10de:20b2
            uuid:
              description: UUID. It is what to store, as numbers change.
              type: str
              sample: GPU-5f2a9c1e-7b3d-4e8f-9a10-2b3c4d5e6f70
            name:
              description: Name of the product; null where nothing tells it, as for a GPU that was lost.
              type: str
              sample: NVIDIA A100-SXM4-80GB
            brand:
              description: Brand of the product, in lower case.
              type: str
              sample: nvidia
            architecture:
              description: Architecture, in lower case.
              type: str
              sample: ampere
            compute_capability:
              description: Compute capability.
              type: str
              sample: '8.0'
            compute_capability_source:
              description: V(driver), or V(table) where it is known by the name of the product only.
              type: str
              sample: driver
            memory_mib:
              description: Memory in MiB; null where it is not known, and where GPU and host share one memory.
              type: int
              sample: 81920
            memory_kind:
              description: V(dedicated), or V(unified) where GPU and host share one memory, as on a Jetson or a GB10.
              type: str
              sample: dedicated
            memory_used_mib:
              description: Memory in use, in MiB.
              type: int
              sample: 1024
            memory_free_mib:
              description: Free memory, in MiB.
              type: int
              sample: 80896
            mig_mode:
              description: V(enabled) or V(disabled); null where the GPU has no MIG.
              type: str
              sample: disabled
            mig_pending:
              description: What V(mig_mode) becomes with the next reset.
              type: str
              sample: disabled
            mig_devices:
              description: Its MIG devices. Where there are any, a server sees them instead of the GPU.
              type: list
              elements: dict
              contains:
                uuid:
                  description: UUID, by which E(CUDA_VISIBLE_DEVICES) and containers name it.
                  type: str
                  sample: MIG-5a1b0a3e-0f8c-5c5a-9f57-3a9e2b0f4c11
                profile:
                  description: MIG profile.
                  type: str
                  sample: 3g.40gb
                memory_mib:
                  description: Memory in MiB; null where the driver does not say.
                  type: int
                  sample: 40448
                index:
                  description: Its number on the GPU.
                  type: int
                  sample: 0
                gpu_instance:
                  description: Number of its GPU instance.
                  type: int
                  sample: 1
                compute_instance:
                  description: Number of its compute instance.
                  type: int
                  sample: 0
                ordinal:
                  description: As of the GPU.
                  type: int
                  sample: null
            compute_mode:
              description: V(default), V(exclusive_process) or V(prohibited).
              type: str
              sample: default
            persistence_mode:
              description: Whether the driver keeps the GPU while nothing uses it.
              type: bool
              sample: true
            ecc_mode:
              description: Whether ECC is on; null where the GPU has none.
              type: bool
              sample: true
            ecc_uncorrected:
              description: Uncorrected memory errors since the driver was loaded.
              type: int
              sample: 0
            remap_pending:
              description: Whether a memory row waits for its replacement.
              type: bool
              sample: false
            remap_failure:
              description: Whether a memory row could not be replaced.
              type: bool
              sample: false
            retired_pages_pending:
              description: Whether memory pages wait for their retirement, on GPUs before Ampere.
              type: bool
              sample: null
            recovery_action:
              description: >-
                What the driver asks for, V(none), V(reset), V(reboot), V(drain_p2p), V(drain_and_reset) or
                V(recover_imex_domain).
              type: str
              sample: none
            reset_required:
              description: What drivers before R570 say instead.
              type: bool
              sample: null
            fabric_state:
              description: >-
                State of the NVLink fabric, V(not_supported), V(not_started), V(in_progress) or V(completed).
              type: str
              sample: not_supported
            fabric_status:
              description: How its setup ended.
              type: str
              sample: null
            fabric_health:
              description: How it is.
              type: str
              sample: null
            virtualization_mode:
              description: V(none), V(pass_through), V(vgpu), V(host_vgpu) or V(host_vsga).
              type: str
              sample: none
            kernel_driver:
              description: >-
                The kernel driver that holds it, for example V(nvidia), V(vfio-pci) or V(nouveau); null where none
                does.
              type: str
              sample: nvidia
            minor:
              description: The number in the name of its device node, which is not its index.
              type: int
              sample: 1
            nvidia_smi_index:
              description: The number by which C(nvidia-smi) calls it.
              type: int
              sample: 1
            numa_node:
              description: NUMA node.
              type: int
              sample: 1
            firmware:
              description: Version of its firmware (GSP).
              type: str
              sample: null
            usable:
              description: Whether a process on this host can use it, or its MIG devices, with CUDA.
              type: bool
              sample: false
            reason:
              description: Why it cannot, with the first line of evidence; empty where it can.
              type: str
              sample: >-
                it fell off the bus (nvidia-smi: Unable to determine the device handle for GPU1: 0000:41:00.0: Unknown
                Error)
            health:
              description: Severity of the worst finding about it, V(ok) where there is none.
              type: str
              sample: error
            states:
              description: The states in the findings about it, worst first.
              type: list
              elements: str
              sample: ["gpu_lost"]
        other_gpus:
          description: GPUs of other vendors.
          type: list
          elements: dict
          contains:
            pci_address:
              description: PCI address.
              type: str
              sample: 0000:c3:00.0
            vendor:
              description: Vendor.
              type: str
              sample: amd
            device_id:
              description: PCI vendor and device.
              type: str
              sample: 1002:744c
            driver:
              description: The kernel driver that holds it.
              type: str
              sample: amdgpu
        container:
          description: What gives GPUs to containers.
          type: dict
          contains:
            engines:
              description: Container engines that are installed.
              type: list
              elements: str
              sample: ["docker"]
            toolkit:
              description: Path of the NVIDIA Container Toolkit; null where it is not installed.
              type: str
              sample: /usr/bin/nvidia-ctk
            toolkit_version:
              description: Its version.
              type: str
              sample: 1.17.8
            docker_runtimes:
              description: Runtimes in the settings of Docker.
              type: list
              elements: str
              sample: ["nvidia"]
            docker_default_runtime:
              description: The default one; null where the settings name none.
              type: str
              sample: null
            cdi_specs:
              description: CDI specifications for C(nvidia.com/gpu).
              type: list
              elements: dict
              contains:
                path:
                  description: Path.
                  type: str
                  sample: /var/run/cdi/nvidia.yaml
                driver_versions:
                  description: Driver versions in it.
                  type: list
                  elements: str
                  sample: ["550.54.15"]
                device_names:
                  description: Names of its devices.
                  type: list
                  elements: str
                  sample: ["0", "1", "all"]
                missing_nodes:
                  description: Device nodes in it that do not exist.
                  type: list
                  elements: str
                  sample: []
                stale:
                  description: Whether it does not fit the host any more.
                  type: bool
                  sample: false
        fabric:
          description: The NVLink fabric between GPUs.
          type: dict
          contains:
            nvswitches:
              description: Number of NVSwitches on the PCI bus.
              type: int
              sample: 0
            fabric_manager:
              description: V(running), V(stopped) or V(not_installed); null in a container, which cannot know.
              type: str
              sample: not_installed
            fabric_manager_version:
              description: Its version; null where nothing tells.
              type: str
              sample: null
        services:
          description: Daemons.
          type: dict
          contains:
            persistenced:
              description: Whether C(nvidia-persistenced) runs.
              type: bool
              sample: true
        servers:
          description: The Triton servers that run on the host.
          type: list
          elements: dict
          contains:
            pid:
              description: Process number.
              type: int
              sample: 4242
            options:
              description: Options of its command line, by their names without dashes, each with a list of values.
              type: dict
              sample: {"model-repository": ["/models"]}
            cuda_visible_devices:
              description: Its E(CUDA_VISIBLE_DEVICES); null where it has none or this user may not see it.
              type: str
              sample: null
            cuda_device_order:
              description: Its E(CUDA_DEVICE_ORDER), likewise.
              type: str
              sample: PCI_BUS_ID
            device_nodes:
              description: Device nodes of GPUs that it has open; null where this user may not see them.
              type: list
              elements: str
              sample: ["nvidia-uvm", "nvidia0", "nvidiactl"]
            cuda_library:
              description: The libcuda in its memory; empty where it has none, null where this user may not see it.
              type: str
              sample: /usr/lib/x86_64-linux-gnu/libcuda.so.550.54.15
            in_container:
              description: Whether it runs in a container.
              type: bool
              sample: true
        triton:
          description: >-
            What the release in O(triton_release), or the one that wrote O(server_log), makes of these GPUs; null
            where neither is given.
          type: dict
          contains:
            release:
              description: The release.
              type: str
              sample: '25.10'
            version:
              description: The version that the server calls itself.
              type: str
              sample: 2.62.0
            cuda:
              description: Its CUDA version, as far as it is known.
              type: str
              sample: 13.0.2
            min_compute_capability:
              description: The lowest compute capability that it uses.
              type: str
              sample: '7.5'
            driver_fit:
              description: Whether that CUDA works with the driver.
              type: dict
              contains:
                fit:
                  description: >-
                    V(bundled), V(minor_version), V(forward_compatibility), V(too_old) or V(unknown), see
                    RV(inference.triton.model_repository_info#module:server.driver_fit.fit).
                  type: str
                  sample: minor_version
                text:
                  description: The same in words.
                  type: str
                  sample: driver 580.65.06 works with CUDA 13.0.2 of Triton 25.10
                driver_version:
                  description: The driver in question.
                  type: str
                  sample: 580.65.06
                cuda:
                  description: The CUDA version in question.
                  type: str
                  sample: 13.0.2
                bundled_driver:
                  description: The driver that comes with that CUDA.
                  type: str
                  sample: 580.95.05
                oldest_driver:
                  description: The oldest driver, or its branch, that works with it by itself.
                  type: str
                  sample: '580'
                compat_branches:
                  description: Branches of older drivers that its compatibility package bridges.
                  type: list
                  elements: int
                  sample: []
                source:
                  description: Where the CUDA version and its driver are from.
                  type: str
                  sample: 'Triton''s compatibility matrix (server: docs/introduction/compatibility.md)'
            gpus:
              description: The GPUs that it uses.
              type: list
              elements: dict
              contains:
                ordinal:
                  description: The number by which it calls the GPU.
                  type: int
                  sample: 0
                name:
                  description: Name of the product; empty where it is not known.
                  type: str
                  sample: NVIDIA A100-SXM4-80GB
                uuid:
                  description: UUID; empty where it is not known.
                  type: str
                  sample: GPU-0d9b7c51-3f62-4a18-b0c4-91e2d3f4a5b6
            left_out:
              description: Why each of the other GPUs is not used.
              type: list
              elements: str
              sample: ["GPU 1 (0000:41:00.0, NVIDIA A100-SXM4-80GB) is not usable: it fell off the bus"]
            why_no_gpu:
              description: Why no GPU is used, with C(id) and C(text); null where one is.
              type: dict
              sample: null
        findings:
          description: Everything that there is to say, errors first, then warnings, then information.
          type: list
          elements: dict
          contains:
            state:
              description: Name of the state, which stays.
              type: str
              sample: gpu_lost
            severity:
              description: V(error), V(warning) or V(info).
              type: str
              sample: error
            scope:
              description: V(host), V(gpu) or V(container).
              type: str
              sample: gpu
            pci_address:
              description: PCI address of the GPU that it is about; null for the host.
              type: str
              sample: '0000:41:00.0'
            where:
              description: The same in words.
              type: str
              sample: GPU 0000:41:00.0 (NVIDIA A100-SXM4-80GB, GPU-5f2a9c1e-7b3d-4e8f-9a10-2b3c4d5e6f70)
            evidence:
              description: What was seen, at most three lines, word for word.
              type: list
              elements: str
              sample: ["nvidia-smi: Unable to determine the device handle for GPU1: 0000:41:00.0: Unknown Error"]
            explanation:
              description: What it means.
              type: str
              sample: 'The GPU fell off the bus: the driver cannot reach it any more.'
            consequence:
              description: What Triton does because of it.
              type: str
              sample: >-
                Triton does not see this GPU, and the server numbers the remaining GPUs anew, so that gpus: [1] may be
                another card.
            remedy:
              description: One thing to do.
              type: str
              sample: Drain this host and restart it; a reset of the GPU does not help.
            dcgm:
              description: Number of the error that NVIDIA DCGM has for it (C(DCGM_FR_*)); null where it has none.
              type: int
              sample: 120
        report:
          description: The same as lines of text for people.
          type: list
          elements: str
          sample:
            - >-
              1 of 2 GPUs is usable: GPU 0000:41:00.0 (NVIDIA A100-SXM4-80GB) fell off the bus. Drain this host and
              restart it; a reset of the GPU does not help.
            - ""
            - "error: gpu_lost"
            - "  where:   GPU 0000:41:00.0 (NVIDIA A100-SXM4-80GB)"
        probes:
          description: What was asked.
          type: dict
          contains:
            nvml:
              description: NVML; null where it was not asked.
              type: dict
              contains:
                asked:
                  description: What was asked.
                  type: str
                  sample: NVML (/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1)
                seconds:
                  description: How long it took.
                  type: float
                  sample: 0.412
                error:
                  description: The number of its error, V(0) where all is well; null where it gave none.
                  type: int
                  sample: 0
                failure:
                  description: Why there is no answer; null where there is one.
                  type: str
                  sample: null
            nvidia_smi:
              description: C(nvidia-smi), likewise.
              type: dict
              contains:
                asked:
                  description: What was asked.
                  type: str
                  sample: nvidia-smi -q -x
                seconds:
                  description: How long it took.
                  type: float
                  sample: 1.204
                error:
                  description: The number of its error, V(0) where all is well; null where it gave none.
                  type: int
                  sample: 15
                failure:
                  description: Why there is no answer; null where there is one.
                  type: str
                  sample: null
            cuda:
              description: CUDA, likewise.
              type: dict
              contains:
                asked:
                  description: What was asked.
                  type: str
                  sample: cuInit
                seconds:
                  description: How long it took.
                  type: float
                  sample: 0.631
                error:
                  description: The number of its error, V(0) where all is well; null where it gave none.
                  type: int
                  sample: 0
                failure:
                  description: Why there is no answer; null where there is one.
                  type: str
                  sample: null
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.inference.triton.plugins.module_utils._gpu.diagnosis import diagnose
from ansible_collections.inference.triton.plugins.module_utils._gpu.facts import as_facts
from ansible_collections.inference.triton.plugins.module_utils._gpu.probing import collect
from ansible_collections.inference.triton.plugins.module_utils._gpu.report import diagnosis_warnings
from ansible_collections.inference.triton.plugins.module_utils._gpu.wanted import parse_wanted
from ansible_collections.inference.triton.plugins.module_utils._model_config.findings import ConfigError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "expected_count": {"type": "int"},
            "minimum_memory_gb": {"type": "float"},
            "minimum_compute_capability": {"type": "str"},
            "triton_release": {"type": "str"},
            "min_supported_compute_capability": {"type": "str"},
            "server_log": {"type": "path"},
            "cuda_compat": {"type": "path"},
            "cuda_visible_devices": {"type": "str"},
            "containers": {"type": "bool"},
            "cuda_check": {"type": "bool", "default": False},
            "timeout": {"type": "int", "default": 30},
            "root": {"type": "path", "default": "/"},
        },
        supports_check_mode=True,
    )
    options = module.params
    try:
        wanted, warnings = parse_wanted(options)
        evidence = collect(options["root"], seconds=options["timeout"], cuda_check=options["cuda_check"])
        diagnosis = diagnose(evidence, wanted)
        facts = as_facts(diagnosis)
    except ConfigError as error:
        module.fail_json(msg=str(error))
    for warning in (*warnings, *diagnosis_warnings(diagnosis)):
        module.warn(warning)
    module.exit_json(changed=False, ansible_facts={"triton_gpu": facts})


if __name__ == "__main__":
    main()
