#!/usr/bin/python
# Copyright: Contributors to the inference.triton collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: model_config_info
version_added: 0.1.0
short_description: Read model configurations of the Triton Inference Server as data
description:
  - Reads one C(config.pbtxt), or every configuration of the models in a repository, and returns them as plain data,
    with the backend that Triton would run the model with and everything that is wrong with a file.
  - A file that Triton would refuse is no error of this module; its problems are returned as C(findings). These are the
    ones of Triton's parser, those for which its server would not load the model although the file parses, and traps.
options:
  path:
    description:
      - Path of one file.
      - Exactly one of O(path) and O(repository) is required.
    type: path
  repository:
    description:
      - Path of a model repository.
    type: path
  models:
    description:
      - Shell patterns. Only models whose name fits one of them are returned. By default, all models are.
    type: list
    elements: str
    default: []
  triton_release:
    description:
      - A release of Triton, as V(24.08). Every field and enum value that it does not know yet is reported too. Write it
        in quotes, C(24.10) without is a number in YAML.
    type: str
extends_documentation_fragment:
  - inference.triton._attributes.info
  - inference.triton._attributes.actiongroup
seealso:
  - module: inference.triton.model_config
  - module: inference.triton.instance_group_policy
author:
  - Contributors to the inference.triton collection (@inference-triton)
"""

EXAMPLES = r"""
- name: Read all configurations of a repository
  inference.triton.model_config_info:
    repository: /srv/triton/models
  register: configs

- name: Name the files that Triton would refuse
  ansible.builtin.debug:
    msg: "{{ configs.models | map(attribute='findings') | flatten | selectattr('severity', 'eq', 'error')
      | map(attribute='file') | unique | list }}"

- name: Read one file
  inference.triton.model_config_info:
    path: /srv/triton/models/ranker/config.pbtxt
"""

RETURN = r"""
models:
  description: One entry for each configuration of each model, in the order of their names.
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
      description: V(h100) for C(configs/h100.pbtxt), null for C(config.pbtxt).
      type: str
      sample: null
    file:
      description: Path of the file, null where the model has no C(config.pbtxt).
      type: str
      sample: /srv/triton/models/ranker/config.pbtxt
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
      description:
        - The fields that the file gives, without defaults. Enum values are names, maps are mappings.
        - Empty where the file does not parse; without the broken parts where it has findings of another kind.
      type: dict
      sample: {name: ranker, backend: python, instance_group: [{count: 2}]}
    findings:
      description: Everything that is wrong with the file, in the order of the places.
      type: list
      elements: dict
      contains:
        file:
          description: Path of the file.
          type: str
          sample: /srv/triton/models/ranker/config.pbtxt
        rule:
          description: A short stable name of the kind of problem.
          type: str
          sample: max-batch-size
        message:
          description: What is there and what was expected; where Triton's server would not load the model, what it
            would say then.
          type: str
          sample: "Triton refuses the model: 'max_batch_size' must be non-negative value for ranker"
        line:
          description: Line, from 1. Null where the problem has no place in the text.
          type: int
          sample: 7
        column:
          description: Column, from 1. A tab is one column.
          type: int
          sample: 1
        excerpt:
          description: The line, and below it a caret under the place.
          type: str
          sample: "max_batch_size: -1\n^"
        hint:
          description: What to do about it.
          type: str
          sample: Write the largest batch, or 0 for a model without batches.
        severity:
          description: V(error), Triton would not load the model; V(warning), it would, but not everywhere, or not as
            whoever wrote the file may think.
          type: str
          sample: error
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.inference.triton.plugins.module_utils._model_config.findings import ConfigError
from ansible_collections.inference.triton.plugins.module_utils._repository.discovery import (
    RepositoryError,
    without_models,
)
from ansible_collections.inference.triton.plugins.module_utils._repository.files import FileError
from ansible_collections.inference.triton.plugins.module_utils._repository.inspection import (
    describe_file,
    describe_repository,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path"},
            "repository": {"type": "path"},
            "models": {"type": "list", "elements": "str", "default": []},
            "triton_release": {"type": "str"},
        },
        mutually_exclusive=[("path", "repository"), ("path", "models")],
        required_one_of=[("path", "repository")],
        supports_check_mode=True,
    )
    params = module.params
    try:
        if params["path"] is not None:
            models = [describe_file(params["path"], params["triton_release"])]
        else:
            models = describe_repository(params["repository"], params["models"], params["triton_release"])
    except (RepositoryError, FileError, ConfigError) as error:
        module.fail_json(msg=str(error))
    if not models:
        repository, wanted = params["repository"], ", ".join(params["models"] or ())
        module.warn(f"{repository}: no model fits {wanted} in here." if wanted else without_models(repository))
    module.exit_json(changed=False, models=models)


if __name__ == "__main__":
    main()
