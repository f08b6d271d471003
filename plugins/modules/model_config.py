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
  - Neither is a text written that the parser accepts and the server would not load, for example C(gpus) in a group of
    C(KIND_CPU), or a C(name) that is not the name of the model's directory. See O(validate).
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
  validate:
    description:
      - Whether to refuse a change after which Triton's server would not load the model, although its parser accepts the
        file. What was wrong in the file before and still is counts too.
      - V(false) opts out of these rules and of their warnings, never of the syntax and the fields of a ModelConfig.
    type: bool
    default: true
  triton_release:
    description:
      - The oldest release of Triton that has to load the file, as V(24.08). It is an error if the file has a field or
        an enum value that this release does not know yet. Write it in quotes, C(24.10) without is a number in YAML.
    type: str
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

- name: Keep the field out of files for servers that do not know it yet
  inference.triton.model_config:
    path: /srv/triton/models/detector/config.pbtxt
    config:
      response_cache:
        enable: true
    triton_release: "24.08"

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
  description: Who found the new text to be a valid ModelConfig. V(built-in), and Google's protobuf if the host has it
    and the text is changed. If the two do not agree, the task fails and nothing is written.
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
  description:
    - What is wrong with the file as it is now, or would be in check mode, in the order of the places. After a success
      these are warnings only; those that the change brings about are warnings of the task too.
    - When the task fails because of the file, everything that is wrong with it. If the fault is in what was asked for,
      the places are those in the text that was not written.
  type: list
  elements: dict
  returned: success, and when Triton would not load the file
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

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.inference.triton.plugins.module_utils._model_config.change import (
    InvalidConfigError,
    RefusedChangeError,
)
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
            "validate": {"type": "bool", "default": True},
            "triton_release": {"type": "str"},
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
            validate=params["validate"],
            triton_release=params["triton_release"],
        )
        check_attributes(module, request.path)
        result = apply(request, module.check_mode)
    except InvalidConfigError as error:
        is_change = isinstance(error, RefusedChangeError)
        what = "would then be no configuration" if is_change else "is no configuration"
        module.fail_json(
            msg=f"{path} {what} that Triton loads. Nothing was changed.\n{printable(error.show(path))}",
            findings=printable([finding.as_result(path) for finding in error.findings]),
        )
    except ConfigError as error:
        module.fail_json(msg="What is asked for does not fit, nothing was changed:\n" + "\n".join(error.problems))
    except (RepositoryError, FileError, DisagreementError) as error:
        module.fail_json(msg=str(error))
    for warning in result.pop("warnings") + result.pop("new_warnings"):
        module.warn(warning)
    result["path"] = request.path
    target = os.path.realpath(request.path)
    if os.path.exists(target) and not request.absent:
        attributes = module.load_file_common_arguments(params, path=target)
        result["changed"] = module.set_fs_attributes_if_different(attributes, result["changed"])
    module.exit_json(**result)


if __name__ == "__main__":
    main()
