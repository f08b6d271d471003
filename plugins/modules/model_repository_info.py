#!/usr/bin/python
# Copyright: Contributors to the inference.triton collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: model_repository_info
version_added: 0.1.0
short_description: Predict what the Triton Inference Server would do with the models of whole repositories
description:
  - Reads every model of one or more repositories as one server would, and predicts what that server would do with it
    on this host, or on an invented one. For each instance group this is the kind, the GPUs and the number of instances;
    for a model that would not load it is the server's own error text.
  - A model that would silently run on the CPU is named as such, with the cause and what to write to end it.
  - Nothing is asked of a running server, and nothing is changed.
notes:
  - Predicted is what Triton's core decides, and what is documented of the backends. What is in the files of a model is
    not looked at, so a model that is predicted to load may be broken in itself.
  - The predictions for Triton's core and its Python backend are held against the real tritonserver 2.51.0 (Triton
    24.10) by this collection's tests, on hosts with stand-ins for GPUs. C(evidence) says of each prediction whether it
    is of that kind (V(proved)) or rests on documentation (V(documented)).
  - A server with the default C(--exit-on-error=true) does not start at all where one of its models does not load.
options:
  repositories:
    description:
      - Paths of the model repositories that the server serves together.
    type: list
    elements: path
    required: true
  models:
    description:
      - Shell patterns. Only models whose name fits one of them are returned. By default, all models are.
    type: list
    elements: str
    default: []
  cuda_error:
    description:
      - The number of the error that CUDA answers with, for example V(802) while the fabric manager is down.
    type: int
    default: 0
  triton_release:
    description:
      - The release of Triton as V(YY.MM), in quotes. It decides which compute capability and which driver are too low.
      - Without it, it is the release that wrote O(server_log). Without that too, the lowest compute capability that any
        known release asks for is taken, 6.0, and a warning names the GPUs that newer releases may drop. Then no driver
        is too old, unless O(cuda_compat) says for which CUDA it has to be.
    type: str
  auto_complete:
    description:
      - Set this to V(false) for a server that is started with C(--disable-auto-complete-config).
    type: bool
    default: true
  config_name:
    description:
      - What the server is given as C(--model-config-name). With V(h100), it reads C(configs/h100.pbtxt) of each model
        that has this file, and C(config.pbtxt) of the others.
    type: str
extends_documentation_fragment:
  - inference.triton._attributes.info
  - inference.triton._gpus
  - inference.triton._attributes.actiongroup
seealso:
  - module: inference.triton.model_config_info
  - module: inference.triton.instance_group_policy
author:
  - Contributors to the inference.triton collection (@inference-triton)
"""

EXAMPLES = r"""
- name: Predict what the server on this host does
  inference.triton.model_repository_info:
    repositories: [/srv/triton/models]
    triton_release: "24.10"
  register: models

- name: Stop where a model would silently run on the CPU
  ansible.builtin.assert:
    that: not models.silent_cpu
    fail_msg: "These models would: {{ models.silent_cpu | join(', ') }}"

- name: Ask which models would go to the CPU on hosts with V100 after the upgrade to 25.10
  inference.triton.model_repository_info:
    repositories: [/srv/triton/models]
    gpus:
      - {name: Tesla V100, compute_capability: "7.0"}
      - {name: Tesla V100, compute_capability: "7.0"}
    driver_version: 580.95.05
    triton_release: "25.10"
  register: upgraded

- name: Name them
  ansible.builtin.debug:
    msg: "{{ upgraded.counts.silent_cpu }} models would go to the CPU: {{ upgraded.silent_cpu | join(', ') }}"

- name: Ask what a host with an old driver does with the image that lies unpacked under /var/lib/triton
  inference.triton.model_repository_info:
    repositories: [/srv/triton/models]
    triton_release: "25.12"
    cuda_compat: /var/lib/triton/usr/local/cuda-13.1/compat
  register: bridged

- name: Say whether that driver is enough
  ansible.builtin.debug:
    msg: "{{ bridged.server.driver_fit.fit }}: {{ bridged.server.driver_fit.text }}"

- name: Take the lowest compute capability that counts from the log of the server
  inference.triton.model_repository_info:
    repositories: [/srv/triton/models]
    server_log: /var/log/tritonserver.log

- name: Ask what would not load if the only GPU were lost
  inference.triton.model_repository_info:
    repositories: [/srv/triton/models]
    gpus: []
  register: without_gpu
"""

RETURN = r"""
models:
  description: One entry for each model, in the order of their names in each repository.
  type: list
  elements: dict
  returned: success
  contains:
    repository:
      description: Path of the repository.
      type: str
      sample: /srv/triton/models
    model:
      description: Name of the model, which is the name of its directory.
      type: str
      sample: ranker
    config_name:
      description: V(h100) where the server reads C(configs/h100.pbtxt), null where it reads C(config.pbtxt).
      type: str
      sample: null
    file:
      description: Path of the configuration that the server reads, null where there is none.
      type: str
      sample: /srv/triton/models/ranker/config.pbtxt
    files:
      description: Paths of all configurations of the model.
      type: list
      elements: str
      sample: [/srv/triton/models/ranker/config.pbtxt, /srv/triton/models/ranker/configs/h100.pbtxt]
    backend:
      description: The backend that Triton runs the model with; empty where nothing tells, and for an ensemble.
      type: str
      sample: python
    platform:
      description: The platform as Triton derives it; V(ensemble) for an ensemble.
      type: str
      sample: ""
    versions:
      description: Names of the model's version directories, lowest first.
      type: list
      elements: str
      sample: ["1", "2"]
    config:
      description: The fields that the file gives, as in RV(inference.triton.model_config_info#module:models[].config).
      type: dict
      sample: {backend: python, instance_group: [{count: 2}]}
    findings:
      description:
        - Everything that is wrong with the file. The keys of an entry are those of
          RV(inference.triton.model_config_info#module:models[].findings).
      type: list
      elements: dict
      sample: []
    prediction:
      description: What the server would do with the model.
      type: dict
      contains:
        loads:
          description: Whether it would load the model; null where the model could not be read.
          type: bool
          sample: true
        error:
          description: What the server says where it does not load the model, word for word.
          type: str
          sample: >-
            Invalid argument: instance group ranker_0 of model ranker has kind KIND_GPU but no GPUs are available
        groups:
          description: The instance groups as the server runs them.
          type: list
          elements: dict
          contains:
            name:
              description: Name of the group, as the server calls it.
              type: str
              sample: ranker_0
            kind:
              description: V(KIND_GPU), V(KIND_CPU) or V(KIND_MODEL). A number where the file gives one without a name.
              type: str
              sample: KIND_CPU
            gpus:
              description: Numbers of the GPUs, as the server counts them.
              type: list
              elements: int
              sample: []
            count:
              description: Number of instances on each of the GPUs, or in all where there is none.
              type: int
              sample: 2
            instances:
              description: Number of instances in one version of the model.
              type: int
              sample: 2
            implicit:
              description: Whether the file leaves the kind to the server.
              type: bool
              sample: true
        instances:
          description: Number of instances in all versions that the server loads, V(0) where it loads none.
          type: int
          sample: 2
        silent_cpu:
          description: Whether instances would run on the CPU although nobody decided so.
          type: bool
          sample: true
        cause:
          description: Why they would; null where they would not.
          type: dict
          contains:
            config:
              description: What the file leaves open, V(no_group), V(no_kind) or V(kind_auto).
              type: str
              sample: no_kind
            host:
              description: Why the server uses no GPU, V(no_gpu), V(driver_too_old), V(cuda_error) or
                V(compute_capability_too_low).
              type: str
              sample: compute_capability_too_low
            text:
              description: Both in one sentence.
              type: str
              sample: >-
                Group 0 has no kind, so the server chooses the device, and Triton uses no GPU: GPU 0 (Tesla V100) has
                compute capability 7.0, below the minimum 7.5 of Triton 25.10.
        cure:
          description: What to do about it; null where there is nothing to do.
          type: str
          sample: >-
            Write kind: KIND_GPU into group 0: then the model does not load here, and the server says why. If the CPU is
            meant, write KIND_CPU.
        evidence:
          description: V(proved) or V(documented), see the notes of this module.
          type: str
          sample: documented
        notes:
          description: What else there is to know, one sentence each.
          type: list
          elements: str
          sample: []
silent_cpu:
  description: Names of the models that would silently run on the CPU.
  type: list
  elements: str
  returned: success
  sample: [ranker]
will_not_load:
  description: Names of the models that would not load.
  type: list
  elements: str
  returned: success
  sample: []
counts:
  description: Numbers of models.
  type: dict
  returned: success
  contains:
    models:
      description: All that are returned.
      type: int
      sample: 12
    loads:
      description: Those that would load.
      type: int
      sample: 12
    will_not_load:
      description: Those that would not.
      type: int
      sample: 0
    unknown:
      description: Those that could not be read.
      type: int
      sample: 0
    silent_cpu:
      description: Those that would silently run on the CPU.
      type: int
      sample: 1
    implicit:
      description: Those whose file leaves the choice of device to the server.
      type: int
      sample: 3
    instances:
      description: Instances of all models together.
      type: int
      sample: 14
server:
  description: What the prediction takes the server for.
  type: dict
  returned: success
  contains:
    gpus:
      description: The GPUs that it uses.
      type: list
      elements: dict
      contains:
        ordinal:
          description: The number by which C(gpus) of an instance group names it.
          type: int
          sample: 0
        name:
          description: Name of the product, empty where it is not known.
          type: str
          sample: NVIDIA A100-SXM4-80GB
        uuid:
          description: UUID, empty where it is not known.
          type: str
          sample: ""
        brand:
          description: Brand of the product, as the driver or the task has it; empty where it is not known.
          type: str
          sample: nvidia
        memory_mib:
          description: Memory in MiB, null where it is not known.
          type: int
          sample: 81920
        compute_capability:
          description: Compute capability, null where it is not known.
          type: str
          sample: "8.0"
    left_out:
      description: Why each of the other GPUs is not used.
      type: list
      elements: str
      sample: []
    why_no_gpu:
      description: Why no GPU is used, with C(id) and C(text); null where one is.
      type: dict
      sample: null
    source:
      description: Where the GPUs were learned.
      type: str
      sample: the GPUs of this host
    min_compute_capability:
      description: The lowest compute capability that it uses.
      type: str
      sample: "7.5"
    min_compute_capability_source:
      description: Where that is from, the task, the server's log, its process, its release, or all releases together.
      type: str
      sample: Triton 25.10
    release:
      description: The release that was taken; null where none was given and no log tells.
      type: str
      sample: "25.10"
    version:
      description: The version that this release of the server calls itself; null where it is not known.
      type: str
      sample: 2.62.0
    cuda:
      description: The CUDA version of the server, by O(cuda_compat) or its release, as far as it is known.
      type: str
      sample: 13.0.2
    driver_fit:
      description: Whether that CUDA works with the driver.
      type: dict
      contains:
        fit:
          description:
            - V(bundled) where the driver is as new as the CUDA of the server, or newer.
            - V(minor_version) where it is older, but made for CUDA of the same major version, which is enough.
            - V(forward_compatibility) where the compatibility package bridges the difference.
            - V(too_old) where CUDA does not start with this driver, so that Triton sees no GPU.
            - V(unknown) where the driver, or the CUDA of the server, is not known.
          type: str
          sample: minor_version
        text:
          description: The same in words.
          type: str
          sample: >-
            driver 580.65.06 works with CUDA 13.0.2 of Triton 25.10, though 580.95.05 comes with it: any from 580 on
            does (minor version compatibility), except for what is compiled from PTX when it starts
        driver_version:
          description: The driver in question; null where it is not known.
          type: str
          sample: 580.65.06
        cuda:
          description: The CUDA version in question; null where it is not known.
          type: str
          sample: 13.0.2
        bundled_driver:
          description: The driver that comes with that CUDA; null where it is not known.
          type: str
          sample: 580.95.05
        oldest_driver:
          description: The oldest driver, or its branch, that works with it by itself; null where it is not known.
          type: str
          sample: "580"
        compat_branches:
          description: The branches of older drivers that its compatibility package bridges; empty where none are known.
          type: list
          elements: int
          sample: []
        source:
          description: Where the CUDA version and its driver are from; null where they are not known.
          type: str
          sample: "Triton's compatibility matrix (server: docs/introduction/compatibility.md)"
ignored:
  description: What lies in the repositories and is no model.
  type: list
  elements: dict
  returned: success
  contains:
    path:
      description: Where it lies.
      type: str
      sample: /srv/triton/models/.git
    reason:
      description: What is the matter with it.
      type: str
      sample: "no configuration and no version directory: Triton would report it as a model that fails"
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.inference.triton.plugins.module_utils._gpu.detection import given_or_detected
from ansible_collections.inference.triton.plugins.module_utils._gpu.server_installation import read_installation
from ansible_collections.inference.triton.plugins.module_utils._model_config.findings import ConfigError
from ansible_collections.inference.triton.plugins.module_utils._placement.server import server_view
from ansible_collections.inference.triton.plugins.module_utils._repository.discovery import RepositoryError
from ansible_collections.inference.triton.plugins.module_utils._repository.survey import survey


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "repositories": {"type": "list", "elements": "path", "required": True},
            "models": {"type": "list", "elements": "str", "default": []},
            "gpus": {"type": "list", "elements": "dict"},
            "cuda_visible_devices": {"type": "str"},
            "driver_version": {"type": "str"},
            "cuda_error": {"type": "int", "default": 0},
            "triton_release": {"type": "str"},
            "min_supported_compute_capability": {"type": "str"},
            "server_log": {"type": "path"},
            "cuda_compat": {"type": "path"},
            "auto_complete": {"type": "bool", "default": True},
            "config_name": {"type": "str"},
        },
        supports_check_mode=True,
    )
    options = module.params
    try:
        server = server_view(
            given_or_detected(options["gpus"], options["cuda_visible_devices"], options["driver_version"]),
            options["triton_release"],
            options["min_supported_compute_capability"],
            options["cuda_error"],
            options["auto_complete"],
            options["config_name"],
            read_installation(options["cuda_compat"], options["server_log"]),
        )
        found = survey(options["repositories"], server)
    except (ConfigError, RepositoryError) as error:
        module.fail_json(msg=str(error))
    for warning in found.warnings(options["models"]):
        module.warn(warning)
    module.exit_json(changed=False, **found.as_result(options["models"]))


if __name__ == "__main__":
    main()
