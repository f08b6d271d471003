#!/usr/bin/python
# Copyright: Contributors to the inference.triton collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: instance_group_policy
version_added: 0.1.0
short_description: Hold every model of a Triton repository against one policy for instance groups
description:
  - Without an explicit C(kind) in its C(instance_group), the NVIDIA Triton Inference Server runs a model on the CPU
    when it sees no usable GPU, and says so nowhere. This module makes the choice explicit in every configuration of
    whole model repositories, in one task.
  - It covers C(config.pbtxt), every C(configs/*.pbtxt), and models that have no configuration file, for which a
    C(config.pbtxt) with nothing but the C(instance_group) is written.
  - Only the C(instance_group) is edited. Comments, order, blanks and line ends of a file stay as they are.
  - All repositories are planned as a whole before the first file is written. Files are replaced atomically, in a way
    that a Triton which polls the repository takes for an update of the instances and not for a new model.
  - Ensembles are exempt, since they have no instances of their own.
  - The change is on disk when the task ends. A running server takes it over when it polls, when the model is loaded
    again, or when it restarts.
options:
  repositories:
    description:
      - Paths of the model repositories.
    type: list
    elements: path
    required: true
  policy:
    description:
      - A mapping with the one key C(rules), a list of rules. The first rule that matches a model applies to it.
      - C(name) is what the rule is called in results. It defaults to its place, C(rules[0]).
      - C(match) selects models by C(models), C(backends) and C(platforms), each a list of shell patterns of which one
        has to match. A rule without C(match) is for all models. Where a file names no backend, the one that Triton
        would derive is used.
      - C(instance_group) is what the rule wants, in Triton's own terms, as a list of groups. Each needs a C(kind) of
        V(KIND_GPU), V(KIND_CPU) or V(KIND_MODEL).
      - C(level) is V(explicit) (default), V(kind) or V(exact). In all of them a model without a group gets the
        rule's groups. V(explicit) gives a C(kind) to the groups that have none and leaves explicit ones alone.
        V(kind) also changes a C(kind) that is none of the rule's. V(exact) wants as many groups as the rule has, with
        the rule's values. Groups correspond by position.
      - C(mode) is V(enforce) (default), or V(audit) to report a violation, in the result and as a warning, and write
        nothing. Models that no rule matches are named in a warning too.
      - A field that the rule does not name is left as it is, except for C(gpus) under V(KIND_CPU) or V(KIND_MODEL),
        which Triton refuses and which goes in the same edit.
      - A key that does not exist is an error, and so is every other mistake in the policy. They are all reported at
        once, before any model is read.
    type: dict
    required: true
  on_error:
    description:
      - What to do where a configuration cannot be planned, because it does not parse for example.
    type: str
    choices:
      fail: Write nothing at all and fail with everything that is wrong.
      continue: Write the other models, and return the broken ones with the status C(invalid) and a warning.
    default: fail
extends_documentation_fragment:
  - inference.triton._attributes
  - inference.triton._attributes.actiongroup
seealso:
  - module: inference.triton.model_config
  - module: inference.triton.model_config_info
author:
  - Contributors to the inference.triton collection (@inference-triton)
"""

EXAMPLES = r"""
- name: See what the policy would change, and change nothing
  inference.triton.instance_group_policy:
    repositories: [/srv/triton/models]
    policy: "{{ triton_policy }}"
  check_mode: true
  diff: true

- name: Tokenizers stay on the CPU, everything else is explicit, on the GPU
  inference.triton.instance_group_policy:
    repositories:
      - /srv/triton/models
    policy:
      rules:
        - name: tokenizers stay on the CPU
          match:
            models: ["*_tokenizer", "preprocess_*"]
            backends: [python]
          instance_group:
            - kind: KIND_CPU
              count: 2
          level: exact
        - name: everything else is explicit, on the GPU
          instance_group:
            - kind: KIND_GPU
  register: policy

- name: Fail if a model asks for what its backend cannot do
  ansible.builtin.assert:
    that: policy.counts.incompatible == 0
    fail_msg: "{{ policy.models | selectattr('status', 'eq', 'incompatible') | map(attribute='file') | list }}"

- name: Only report who is not on the GPU, as a warning and in the result
  inference.triton.instance_group_policy:
    repositories: [/srv/triton/models]
    policy:
      rules:
        - name: on the GPU
          instance_group: [{kind: KIND_GPU}]
          level: kind
          mode: audit
  register: audit

- name: Say why
  ansible.builtin.debug:
    msg: "{{ item.file }}: {{ item.reason }}"
  loop: "{{ audit.models | selectattr('status', 'eq', 'violation') }}"
  loop_control:
    label: "{{ item.model }}"
"""

RETURN = r"""
models:
  description:
    - One entry for each configuration of each model, in the order of the repositories and names. A model has one
      configuration, C(config.pbtxt), and one more for each C(configs/*.pbtxt).
  type: list
  elements: dict
  returned: success, and when a broken configuration stops the task
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
      description: Path of the configuration, also where it does not exist.
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
    status:
      description:
        - V(compliant), the file is as the rule wants it.
        - V(changed), the file was changed (would be, in check mode or when the task fails because of another file).
        - V(violation), the file is not as the rule wants it and the rule's mode is C(audit).
        - V(exempt), the model is an ensemble.
        - V(incompatible), the rule asks for a kind that the backend cannot run, so it was not written.
        - V(template), the file has placeholders that are still to be filled in.
        - V(invalid), the file cannot be read, or Triton would refuse it.
        - V(unmatched), no rule matches.
      type: str
      sample: changed
    rule:
      description: Name of the rule that applies, null where none does.
      type: str
      sample: everything else is explicit, on the GPU
    level:
      description: The level of that rule.
      type: str
      sample: explicit
    mode:
      description: The mode of that rule.
      type: str
      sample: enforce
    before:
      description: The instance groups in the file.
      type: list
      elements: dict
      sample: [{count: 2}]
    after:
      description: The instance groups that the rule wants; the same as C(before) unless the status is V(changed) or
        V(violation).
      type: list
      elements: dict
      sample: [{count: 2, kind: KIND_GPU}]
    reload_impact:
      description:
        - What a running Triton has to do for it. V(none); V(instance_update), instances are added and removed in place
          while the model serves; V(full_reload), the model is loaded a second time beside the old one.
        - A change of C(config.pbtxt) in a model that also has C(configs/*.pbtxt) is a V(full_reload), since a server
          that reads one of those takes it for a change of the model.
      type: str
      sample: instance_update
    reason:
      description: Why the status is what it is, in one sentence.
      type: str
      sample: group 0 is without a kind, so the server chooses the device
    findings:
      description: For the status V(invalid), everything that is wrong with the file.
      type: list
      elements: dict
      sample: []
counts:
  description: How many configurations have each status. Every status is there, also with 0.
  type: dict
  returned: success, and when a broken configuration stops the task
  sample: {changed: 4, compliant: 1, exempt: 1, incompatible: 0, invalid: 0, template: 0, unmatched: 0, violation: 0}
ignored:
  description: What is in the repositories and is no model, and why.
  type: list
  elements: dict
  returned: success, and when a broken configuration stops the task
  contains:
    path:
      description: Where it is.
      type: str
      sample: /srv/triton/models/.git
    reason:
      description: What it is.
      type: str
      sample: "no configuration and no version directory: Triton would report it as a model that fails"
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.inference.triton.plugins.module_utils._policy.rules import PolicyError, parse_policy
from ansible_collections.inference.triton.plugins.module_utils._repository.discovery import RepositoryError
from ansible_collections.inference.triton.plugins.module_utils._repository.enforcement import enforce
from ansible_collections.inference.triton.plugins.module_utils._repository.files import FileError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "repositories": {"type": "list", "elements": "path", "required": True},
            "policy": {"type": "dict", "required": True},
            "on_error": {"type": "str", "choices": ["fail", "continue"], "default": "fail"},
        },
        supports_check_mode=True,
    )
    keep_going = module.params["on_error"] == "continue"
    try:
        policy = parse_policy(module.params["policy"])
        outcome = enforce(module.params["repositories"], policy, keep_going, module.check_mode)
    except PolicyError as error:
        module.fail_json(msg="The policy has mistakes, nothing was changed:\n" + "\n".join(error.problems))
    except (RepositoryError, FileError) as error:
        module.fail_json(msg=str(error))
    for warning in outcome.warnings():
        module.warn(warning)
    if outcome.blocked_by:
        module.fail_json(msg=outcome.failure(), **outcome.as_result())
    if module._diff:
        module.exit_json(diff=outcome.diff(), **outcome.as_result())
    module.exit_json(**outcome.as_result())


if __name__ == "__main__":
    main()
