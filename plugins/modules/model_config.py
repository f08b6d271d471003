#!/usr/bin/python
# Copyright: Contributors to the inference.triton collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: model_config
version_added: 0.1.0
short_description: Edit one config.pbtxt of the Triton Inference Server and nothing else in it
description:
  - Merges fields into a model configuration, or takes fields away, and leaves every other byte of the file as it is,
    comments, order, blanks and line ends included. New text is written in the style of the file.
  - The new text is parsed again and compared with what was intended before the file is replaced, atomically.
    Where Google's protobuf is installed on the host, it has to accept the new text too.
  - A file that Triton's parser would refuse is reported with the places of its problems, and is not touched.
options:
  path:
    description:
      - Path of the file. Links are written through.
      - Exactly one of O(path) and O(repository) is required.
    type: path
  repository:
    description:
      - Path of the model repository, together with O(model).
    type: path
  model:
    description:
      - Name of the model, which is the name of its directory in O(repository).
    type: str
  config_name:
    description:
      - Edit C(configs/<config_name>.pbtxt) of the model, which a server reads that was started with
        C(--model-config-name=<config_name>), instead of C(config.pbtxt).
    type: str
  config:
    description:
      - Fields to merge in, in the terms of Triton's ModelConfig, nested as deep as needed. Enum values are names,
        maps such as C(parameters) are mappings.
      - Fields that are not named stay as they are. What is already as asked for stays as it is written.
      - A field that does not exist or a value that does not fit is an error, with the closest name that does exist.
    type: dict
    default: {}
  remove:
    description:
      - Paths of fields to take away, for example C(instance_group[0].gpus), C(dynamic_batching),
        C(parameters.threads) or C(parameters["a.b"]). What is not there is no error.
      - All paths are those of the file as it is before the task. Fields are removed before O(config) is merged.
      - A path that ends in an index takes the element away that is at that place, at every run.
        Use O(lists=replace) to say which elements should be left.
    type: list
    elements: str
    default: []
  lists:
    description:
      - How to merge a list.
    type: str
    choices:
      merge: By position. The first element into the first, and so on. Further elements of the file stay.
      replace: The field has exactly the given elements afterwards.
    default: merge
  state:
    description:
      - Whether the file should exist.
    type: str
    choices: [present, absent]
    default: present
  create:
    description:
      - Create the file if it does not exist. The directory of the model has to exist in any case.
    type: bool
    default: true
  backup_dir:
    description:
      - Keep the file as it was before a change in this directory of the host. It must be outside the model repository,
        since Triton would take a file in there for a changed model.
      - M(inference.triton.model_repository_restore) takes the change back. A link that leads nowhere is removed without
        a backup.
    type: path
  keep:
    description:
      - How many backups to keep in O(backup_dir). Once the change is made, the oldest ones go, whichever tasks they are
        of. By default all are kept.
      - At least 1.
    type: int
  owner:
    description:
      - User that the file should belong to. By default, an existing file keeps its owner and a new one gets that of its
        directory.
    type: str
  group:
    description:
      - Group that the file should belong to. The default is as for O(owner).
    type: str
  mode:
    description:
      - Permissions of the file, as C(0644) or C(u=rw,go=r). By default, an existing file keeps its mode and a new one
        gets that of its directory without the execute bits.
    type: raw
attributes:
  idempotent:
    support: partial
    details:
      - A path in O(remove) that ends in an index removes whatever is at that place then, also at the next run.
extends_documentation_fragment:
  - inference.triton._attributes
  - inference.triton._attributes.actiongroup
seealso:
  - module: inference.triton.instance_group_policy
    description: One policy for all models of a repository, in one task.
  - module: inference.triton.model_config_info
  - module: inference.triton.model_repository_restore
    description: Takes back what was done with O(backup_dir).
author:
  - Contributors to the inference.triton collection (@inference-triton)
"""

EXAMPLES = r"""
- name: Two instances on the first GPU
  inference.triton.model_config:
    repository: /srv/triton/models
    model: ranker
    config:
      instance_group:
        - kind: KIND_GPU
          count: 2
          gpus: [0]
    lists: replace

- name: ONNX Runtime uses TensorRT, keep what was there
  inference.triton.model_config:
    path: /srv/triton/models/detector/config.pbtxt
    config:
      optimization:
        execution_accelerators:
          gpu_execution_accelerator:
            - name: tensorrt
              parameters:
                precision_mode: FP16
    backup_dir: /var/backups/triton
    keep: 30

- name: The variant for hosts with H100 GPUs batches more, and has no rate limiter
  inference.triton.model_config:
    repository: /srv/triton/models
    model: ranker
    config_name: h100
    create: false  # a server that reads the variant reads nothing of config.pbtxt
    config:
      max_batch_size: 64
      parameters:
        threads: {string_value: "8"}
    remove:
      - instance_group[0].rate_limiter
"""

RETURN = r"""
path:
  description: Path of the file.
  type: str
  returned: success
  sample: /srv/triton/models/ranker/config.pbtxt
config:
  description: The whole configuration as it is now, or would be in check mode, as plain data. Empty if the file is
    absent.
  type: dict
  returned: success
  sample: {name: ranker, backend: python, max_batch_size: 8, instance_group: [{kind: KIND_GPU, count: 2, gpus: [0]}]}
reload_impact:
  description:
    - What a running Triton has to do for this change. V(none); V(instance_update), instances are added and removed in
      place while the model serves; V(full_reload), the model is loaded a second time beside the old one.
  type: str
  returned: success
  sample: instance_update
validated_by:
  description: Who found the new text to be a valid ModelConfig. V(built-in), and Google's protobuf if the host has it.
  type: list
  elements: str
  returned: success
  sample: [built-in, protobuf 4.21.12]
backup_id:
  description: Name of the directory in O(backup_dir) that holds the file as it was, null if nothing was kept.
  type: str
  returned: success
  sample: 20260301T101500.123456Z-5f3a9c
findings:
  description: Everything that is wrong with the file, each with C(file), C(line), C(column), C(rule), C(message),
    C(excerpt) and C(hint) as M(inference.triton.model_config_info) returns it.
  type: list
  elements: dict
  returned: when the file that is there is not a valid configuration
  sample: []
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.inference.triton.plugins.module_utils._model_config.change import InvalidConfigError
from ansible_collections.inference.triton.plugins.module_utils._model_config.findings import ConfigError
from ansible_collections.inference.triton.plugins.module_utils._model_config.second_opinion import DisagreementError
from ansible_collections.inference.triton.plugins.module_utils._repository.config_file import Request, apply
from ansible_collections.inference.triton.plugins.module_utils._repository.discovery import RepositoryError, config_path
from ansible_collections.inference.triton.plugins.module_utils._repository.files import FileError
from ansible_collections.inference.triton.plugins.module_utils._repository.results import printable


def check_attributes(module: AnsibleModule, path: str) -> None:
    """Fail for an owner, group or mode that does not exist before anything is written."""
    existing = path if os.path.exists(path) else os.path.dirname(path)
    if os.path.exists(existing):
        check_mode, module.check_mode = module.check_mode, True
        attributes = module.load_file_common_arguments(module.params, path=os.path.realpath(existing))
        module.set_fs_attributes_if_different(attributes, False)
        module.check_mode = check_mode


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path"},
            "repository": {"type": "path"},
            "model": {"type": "str"},
            "config_name": {"type": "str"},
            "config": {"type": "dict", "default": {}},
            "remove": {"type": "list", "elements": "str", "default": []},
            "lists": {"type": "str", "choices": ["merge", "replace"], "default": "merge"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "create": {"type": "bool", "default": True},
            "backup_dir": {"type": "path"},
            "keep": {"type": "int"},
            "owner": {"type": "str"},
            "group": {"type": "str"},
            "mode": {"type": "raw"},
        },
        mutually_exclusive=[("path", "repository")],
        required_one_of=[("path", "repository")],
        required_together=[("repository", "model")],
        required_by={"config_name": ["repository"], "keep": ["backup_dir"]},
        supports_check_mode=True,
    )
    params = module.params
    try:
        path = params["path"]
        if path is None:
            path = config_path(params["repository"], params["model"], params["config_name"])
        request = Request(
            path=os.path.abspath(path),
            config=params["config"],
            remove=params["remove"],
            lists=params["lists"],
            absent=params["state"] == "absent",
            create=params["create"],
            backup_dir=params["backup_dir"],
            keep=params["keep"],
        )
        check_attributes(module, request.path)
        result = apply(request, module.check_mode)
    except InvalidConfigError as error:
        module.fail_json(
            msg=f"{path} is no configuration that Triton loads. Nothing was changed.\n{printable(error.show(path))}",
            findings=printable([finding.as_result(path) for finding in error.findings]),
        )
    except ConfigError as error:
        module.fail_json(msg="What is asked for does not fit, nothing was changed:\n" + "\n".join(error.problems))
    except (RepositoryError, FileError, DisagreementError) as error:
        module.fail_json(msg=str(error))
    for warning in result.pop("warnings"):
        module.warn(warning)
    result["path"] = request.path
    target = os.path.realpath(request.path)
    if os.path.exists(target) and not request.absent:
        attributes = module.load_file_common_arguments(params, path=target)
        result["changed"] = module.set_fs_attributes_if_different(attributes, result["changed"])
    module.exit_json(**result)


if __name__ == "__main__":
    main()
