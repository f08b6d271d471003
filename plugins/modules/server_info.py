#!/usr/bin/python
# Copyright: Contributors to the inference.triton collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: server_info
version_added: 0.1.0
short_description: Ask a running Triton Inference Server what it serves, and with what
description:
  - Returns what a running server says of itself and of every model. For each version this is its state, the reason for
    it, the configuration as the server resolved it (with C(instance_group) in full) and its statistics.
  - Names the models of which the server's index says too little or nothing, for example since their configuration
    cannot be read. With O(repositories), it also says what is wrong with them.
  - Changes nothing.
notes:
  - An answer that is missing fails the module, so that no model is taken for absent because a part of the API was
    restricted. What is not needed can be left out of O(gather). Only the metrics, which are another service of the
    server, do not fail it.
  - C(KIND_GPU) in a resolved configuration says where Triton put the instances of a model, and not that all of the
    model computes there.
  - After a reload has failed as a whole, the old copy of the model serves on. Its state is C(READY) without a reason,
    its configuration is the old one, and no answer of the server tells. Compare the configuration with what it should
    be.
options:
  models:
    description:
      - Shell patterns. Only models whose name fits one of them are returned. By default, all models are.
    type: list
    elements: str
    default: []
  gather:
    description:
      - What is asked besides the index of the models. V(config) takes one request for each version that serves,
        V(statistics) and V(metrics) take one in all.
    type: list
    elements: str
    choices: [config, statistics, metrics]
    default: [config, statistics, metrics]
  repositories:
    description:
      - Paths of the model repositories of the server, as the host sees them that the task runs on. With them, models
        that the server does not name are found, and the files of those that it does not load are read.
    type: list
    elements: path
    default: []
  config_name:
    description:
      - What the server is given as C(--model-config-name). With V(h100), it reads C(configs/h100.pbtxt) of each model
        that has this file. Used with O(repositories).
    type: str
  probe_control_mode:
    description:
      - Whether to find out in which control mode the server runs. No answer says that, so it is asked to unload a model
        with a random name, which does not exist. In the mode V(explicit) nothing comes of that, and in the others the
        server refuses.
      - There is one exception. A tritonserver 2.51.0 that has updated a step of an ensemble loads that ensemble anew at
        each request to load or unload anything. Therefore V(auto) does not ask where an ensemble is served, and neither
        where O(gather) or O(models) leaves open whether one is.
    type: str
    choices: [auto, always, never]
    default: auto
extends_documentation_fragment:
  - inference.triton._attributes.info
  - inference.triton._server
  - inference.triton._attributes.actiongroup
seealso:
  - module: inference.triton.model
  - module: inference.triton.model_repository_info
author:
  - Contributors to the inference.triton collection (@inference-triton)
"""

EXAMPLES = r"""
- name: Ask the server on this host
  inference.triton.server_info:
    repositories: [/srv/triton/models]
    startup_timeout: 300
  register: triton

- name: Stop where a model is not served
  ansible.builtin.assert:
    that: not triton.not_served
    fail_msg: "Not served: {{ triton.not_served | join(', ') }}"

- name: Name the models that have instances on the CPU
  ansible.builtin.debug:
    msg: "{{ item.0.name }}, version {{ item.1.version }}"
  loop: "{{ triton.models | subelements('versions') }}"
  loop_control:
    label: "{{ item.0.name }}"
  when: (item.1.config or {}).instance_group | default([]) | selectattr('kind', 'eq', 'KIND_CPU') | length > 0

- name: Ask a server behind a proxy, whose API is restricted
  inference.triton.server_info:
    url: https://gateway.example.com/triton
    ca_path: /etc/ssl/certs/internal-ca.pem
    headers:
      admin-key: "{{ triton_admin_key }}"
    metrics_url: https://gateway.example.com/triton-metrics
"""

RETURN = r"""
server:
  description: What the server says of itself.
  type: dict
  returned: success
  contains:
    url:
      description: The address that was asked.
      type: str
      sample: http://127.0.0.1:8000
    name:
      description: Its name, C(--id) of the server.
      type: str
      sample: triton
    version:
      description: Its version, which is not the release; 2.51.0 is that of 24.10.
      type: str
      sample: 2.51.0
    extensions:
      description: The parts of the API that it has.
      type: list
      elements: str
      sample: [model_repository, model_configuration, statistics]
live:
  description: Whether the server has started.
  type: bool
  returned: success
  sample: true
ready:
  description:
    - Whether the server calls itself ready. By default it does not while a model is loaded or unloaded, and once the
      first load of a model has failed.
  type: bool
  returned: success
  sample: true
control_mode:
  description: V(explicit) or V(none_or_poll), which cannot be told from each other; null where it is not known.
  type: str
  returned: success
  sample: explicit
control_mode_unknown:
  description: Why RV(control_mode) is not known; null where it is.
  type: str
  returned: success
  sample: null
models:
  description: One entry for each model, in the order of their names.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Name of the model.
      type: str
      sample: ranker
    served:
      description: Whether it serves, and its last change, as far as the server says, did not fail.
      type: bool
      sample: true
    state:
      description:
        - C(READY), C(LOADING), C(UNLOADING) or C(UNAVAILABLE). With several versions, what the server is busy with goes
          first, then what has failed. Null where the server says nothing.
      type: str
      sample: READY
    reason:
      description: What the server says about this state, empty where it says nothing.
      type: str
      sample: ""
    hidden:
      description:
        - Why the server's index says too little or nothing of the model. V(unreadable_config), V(no_version),
          V(not_loaded), V(not_in_index), V(not_in_repository), V(unknown) without O(repositories), or null.
      type: str
      sample: null
    hidden_reason:
      description: The same in a sentence.
      type: str
      sample: null
    findings:
      description:
        - What is wrong with the configuration of a hidden model. The keys of an entry are those of
          RV(inference.triton.model_config_info#module:models[].findings).
      type: list
      elements: dict
      sample: []
    versions:
      description: The versions that the server knows, lowest first.
      type: list
      elements: dict
      contains:
        version:
          description: The version.
          type: str
          sample: "1"
        state:
          description: Its state.
          type: str
          sample: READY
        reason:
          description: What the server says about this state.
          type: str
          sample: ""
        config:
          description: The configuration it runs with, as the server gives it; null where it does not serve.
          type: dict
          sample: {backend: python, instance_group: [{name: ranker_0, kind: KIND_GPU, count: 1, gpus: [0]}]}
        config_error:
          description: Why the configuration of a version that serves cannot be had, else null.
          type: str
          sample: null
        statistics:
          description: Its statistics, as the server gives them; null where it does not serve.
          type: dict
          sample: {inference_count: 12, execution_count: 12, last_inference: 1790000000000}
        memory_usage:
          description:
            - The memory that its backend reports, as the server gives it. An empty list proves nothing, since few
              backends report any. Null where it does not serve.
          type: list
          elements: dict
          sample: [{type: GPU, id: 0, byte_size: 84512768}]
        gpu_uuids:
          description:
            - UUIDs of the GPUs that the metrics count it on, which proves C(KIND_GPU). An empty list proves nothing,
              since models of the start have none.
          type: list
          elements: str
          sample: []
not_served:
  description:
    - Names of the models that are not served, with those that serve on as they were since their last change failed.
  type: list
  elements: str
  returned: success
  sample: []
hidden:
  description: Names of the models that are hidden.
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
    served:
      description: Those that are served.
      type: int
      sample: 12
    not_served:
      description: Those that are not.
      type: int
      sample: 0
    hidden:
      description: Those that are hidden.
      type: int
      sample: 0
metrics:
  description: What the server's metrics say of the GPUs.
  type: dict
  returned: success
  contains:
    url:
      description: Where they were asked for.
      type: str
      sample: http://127.0.0.1:8002/metrics
    error:
      description: Why they could not be had, null where they could, or were not asked for.
      type: str
      sample: null
    gpus:
      description: The GPUs that are measured, which need not be all that the server uses.
      type: list
      elements: dict
      contains:
        uuid:
          description: UUID.
          type: str
          sample: GPU-2e2a3c1d-6c54-4d4c-9a55-0f6a3d7f2f11
        utilization:
          description: Utilization from 0 to 1.
          type: float
          sample: 0.25
        memory_total_bytes:
          description: Memory in bytes.
          type: float
          sample: 85899345920.0
        memory_used_bytes:
          description: Used memory in bytes.
          type: float
          sample: 1073741824.0
        power_usage_watts:
          description: Power in watts.
          type: float
          sample: 61.5
        power_limit_watts:
          description: The limit of the power in watts.
          type: float
          sample: 400.0
        energy_consumption_joules:
          description: Energy in joules since the server started.
          type: float
          sample: 5123.4
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.inference.triton.plugins.module_utils._repository.discovery import RepositoryError
from ansible_collections.inference.triton.plugins.module_utils._repository.results import printable
from ansible_collections.inference.triton.plugins.module_utils._repository.served_configs import served_configs
from ansible_collections.inference.triton.plugins.module_utils._server.connection import ARGUMENTS, Connection
from ansible_collections.inference.triton.plugins.module_utils._server.description import (
    GATHER,
    Wanted,
    describe_server,
)
from ansible_collections.inference.triton.plugins.module_utils._server.errors import ServerError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **ARGUMENTS,
            "models": {"type": "list", "elements": "str", "default": []},
            "gather": {"type": "list", "elements": "str", "choices": list(GATHER), "default": list(GATHER)},
            "repositories": {"type": "list", "elements": "path", "default": []},
            "config_name": {"type": "str"},
            "probe_control_mode": {"type": "str", "choices": ["auto", "always", "never"], "default": "auto"},
        },
        supports_check_mode=True,
    )
    options = module.params
    try:
        repositories = options["repositories"]
        on_disk = served_configs(repositories, options["config_name"]) if repositories else None
        wanted = Wanted(options["gather"], options["models"], options["probe_control_mode"], on_disk)
        result = describe_server(Connection(options), wanted)
    except (RepositoryError, ServerError) as error:
        module.fail_json(msg=printable(str(error)))
    module.exit_json(changed=False, **printable(result))


if __name__ == "__main__":
    main()
