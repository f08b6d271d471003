#!/usr/bin/python
# Copyright: Contributors to the inference.triton collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: model
version_added: 0.1.0
short_description: Load, reload and unload models of a running Triton Inference Server
description:
  - Asks a server in the control mode V(explicit) to load or unload one or many models, waits until that is done, and
    looks whether it was.
  - A failure carries the server's own reason. Where the server has none, since it could not read the configuration of
    the model, O(repositories) brings what is wrong in the file, with line and column.
notes:
  - A server answers a request to load with success whether or not it found anything to do. The task is changed only
    where something is seen to have changed, RV(models[].evidence) says what. A reload that leaves the configuration as
    it was is seen in the statistics, if the model had served requests before, and on servers that have the metric
    C(nv_model_load_duration_secs). Where it could go unseen, RV(models[].certain) is V(false).
  - A server loads a model anew where anything in its directory is newer than what it has seen before. Otherwise it does
    nothing. If only C(instance_group) or C(version_policy) changed in the file that it reads, it updates the instances
    in place. Else the new copy is loaded beside the old one, which takes the memory of both until it is done.
  - If a reload fails, the copy that was loaded before serves on, and nothing but the answer to this request tells.
  - In the control modes C(none) and C(poll) a server loads nothing on request. It answers with 503, and this module
    fails.
  - A request to load is never sent twice. If its answer is lost, for example by a time-out of a proxy, this module
    watches what becomes of the model.
options:
  models:
    description:
      - Names of the models, in the order in which they are asked for. One request is sent at a time.
    type: list
    elements: str
    required: true
  state:
    description:
      - V(loaded) loads each model that does not serve, and leaves alone what serves, unless it runs with something else
        than O(configs) has for it.
      - V(reloaded) asks for each model to be loaded, so that the server takes up what is new in its files.
      - V(unloaded) unloads each model that serves, and waits until the server is done with it and with what goes along,
        the models of an ensemble or the ensemble.
    type: str
    choices: [loaded, reloaded, unloaded]
    default: loaded
  configs:
    description:
      - Configurations that take the place of the models' files, by the names of the models. Each is a whole
        configuration with the fields of Triton's ModelConfig. Nothing of the file is merged in, and what is missing is
        filled in by the server.
      - Such a configuration stays when the model is loaded again without one, until a file of the model is touched or
        the model is unloaded. A server that is restarted has forgotten it.
    type: dict
    default: {}
  unload_dependents:
    description:
      - With V(state=unloaded), also unload the models that an ensemble consists of. An ensemble always goes when one of
        its models does.
    type: bool
    default: false
  wait_timeout:
    description:
      - Seconds that each model may take to load or to unload.
    type: float
    default: 300
  repositories:
    description:
      - Paths of the model repositories of the server, as the host sees them that the task runs on. They are only read,
        to say what is wrong in a file that the server refuses, and to warn where a model runs with something else than
        its file says.
    type: list
    elements: path
    default: []
  config_name:
    description:
      - What the server is given as C(--model-config-name). With V(h100), it reads C(configs/h100.pbtxt) of each model
        that has this file. Used with O(repositories).
    type: str
extends_documentation_fragment:
  - inference.triton._attributes
  - inference.triton._server
  - inference.triton._attributes.actiongroup
attributes:
  check_mode:
    description: Says what would be asked of the server, without asking.
    details:
      - Whether the server loads models on request at all is not known, and neither is whether it would find anything to
        do in a model that serves. With O(state=reloaded), such a model counts as changed, unless O(repositories) shows
        that it runs with what its file says. A change of other files than the configuration is not seen.
    support: partial
  diff_mode:
    description: Returns no diff, since it changes no file.
    support: none
  idempotent:
    description:
      - A second run changes nothing. With O(state=reloaded) a request is sent all the same, in which the server finds
        nothing to do.
    support: full
seealso:
  - module: inference.triton.server_info
  - module: inference.triton.instance_group_policy
author:
  - Contributors to the inference.triton collection (@inference-triton)
"""

EXAMPLES = r"""
- name: Load two models
  inference.triton.model:
    models: [tokenizer, ranker]

- name: Hold every model against the policy
  inference.triton.instance_group_policy:
    repositories: [/srv/triton/models]
    policy: "{{ triton_policy }}"
  register: enforced

- name: Let the server take up what was changed
  inference.triton.model:
    models: "{{ enforced.models | selectattr('status', 'eq', 'changed') | map(attribute='model') | unique }}"
    state: reloaded
    repositories: [/srv/triton/models]
    wait_timeout: 900
  when: enforced is changed

- name: Try a model with two instances on the CPU, without touching its file
  inference.triton.model:
    models: [ranker]
    configs:
      ranker:
        backend: python
        instance_group: [{kind: KIND_CPU, count: 2}]

- name: Unload an ensemble with all that it consists of
  inference.triton.model:
    models: [search_pipeline]
    state: unloaded
    unload_dependents: true
"""

RETURN = r"""
models:
  description: One entry for each model, in the order of O(models). Also returned where a model fails.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Name of the model.
      type: str
      sample: ranker
    action:
      description: What was asked of the server, or would be, V(load), V(unload) or V(none).
      type: str
      sample: load
    changed:
      description: Whether something has changed; in check mode, whether it would.
      type: bool
      sample: true
    certain:
      description:
        - Whether RV(models[].changed) is known. It is V(false) after a reload that left no trace, which can be one in
          which the server found nothing to do, or one that loaded the same configuration with other files.
      type: bool
      sample: true
    evidence:
      description:
        - What shows that something has changed. V(state), V(config) (the resolved configuration), V(statistics) (they
          began anew) and V(load_time) (the server has measured another load).
      type: list
      elements: str
      sample: [state]
    state:
      description: The state afterwards, as in RV(inference.triton.server_info#module:models[].state).
      type: str
      sample: READY
    reason:
      description: What the server says about this state, empty where it says nothing.
      type: str
      sample: ""
    versions:
      description: The versions that serve.
      type: list
      elements: str
      sample: ["1"]
    seconds:
      description: How long the request took.
      type: float
      sample: 1.305
    error:
      description: Why the model is not as it was asked for, else null.
      type: str
      sample: null
    differs:
      description:
        - Fields in which the model runs with something else than O(configs) has for it, or than its file in
          O(repositories) says. Fields that the file leaves open are not compared.
      type: list
      elements: str
      sample: []
also_changed:
  description:
    - Other models of which other versions serve since, for example the models of an ensemble.
  type: list
  elements: str
  returned: success
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.inference.triton.plugins.module_utils._model_config.findings import ConfigError
from ansible_collections.inference.triton.plugins.module_utils._repository.discovery import RepositoryError
from ansible_collections.inference.triton.plugins.module_utils._repository.results import printable
from ansible_collections.inference.triton.plugins.module_utils._repository.served_configs import served_configs
from ansible_collections.inference.triton.plugins.module_utils._server.connection import ARGUMENTS, Connection
from ansible_collections.inference.triton.plugins.module_utils._server.errors import ServerError
from ansible_collections.inference.triton.plugins.module_utils._server.model_change import apply
from ansible_collections.inference.triton.plugins.module_utils._server.model_request import checked_request


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **ARGUMENTS,
            "models": {"type": "list", "elements": "str", "required": True},
            "state": {"type": "str", "choices": ["loaded", "reloaded", "unloaded"], "default": "loaded"},
            "configs": {"type": "dict", "default": {}},
            "unload_dependents": {"type": "bool", "default": False},
            "wait_timeout": {"type": "float", "default": 300.0},
            "repositories": {"type": "list", "elements": "path", "default": []},
            "config_name": {"type": "str"},
        },
        supports_check_mode=True,
    )
    options = module.params
    names = ("state", "models", "configs", "unload_dependents", "wait_timeout")
    try:
        request = checked_request(*(options[name] for name in names))
        if options["repositories"] and request.state != "unloaded":
            on_disk = served_configs(options["repositories"], options["config_name"], request.names)
            request = request._replace(on_disk=on_disk)
        outcome = apply(Connection(options), request, module.check_mode)
    except (ConfigError, RepositoryError, ServerError) as error:
        module.fail_json(msg=printable(str(error)))
    for warning in outcome.warnings():
        module.warn(printable(warning))
    result = printable(outcome.as_result())
    if outcome.failure():
        module.fail_json(msg=printable(outcome.failure()), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
