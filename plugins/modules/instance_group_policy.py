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
  - Only the C(instance_group) is edited, and the fields that a rule names in C(config) and C(remove). Comments, order,
    blanks and line ends of a file stay as they are.
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
      - The policy, a mapping with the keys C(rules), C(preset), C(mode), C(waivers) and C(critical), of which C(rules)
        or C(preset) is required. It is checked before any model is read. Every mistake in it, a key that does not exist
        for example, is reported at once with its place. A rule that can never apply, since one before it takes its
        models, is a warning.
      - C(rules) is a list. The first rule that matches a model applies to it. The keys of a rule are C(name), C(match),
        C(instance_group), C(level), C(accepts), C(config), C(remove), C(lists) and C(mode); only C(instance_group) is
        required.
      - C(name) is what the rule is called in results. It defaults to its place, C(rules[0]).
      - C(match) says which models the rule is for; without it, it is for all. Everything that is given has to fit.
        C(models), C(backends), C(platforms) and C(repositories) are lists of shell patterns of which one has to fit the
        name of the model, its backend, its platform, or the path of its repository. Where a file names no backend, the
        one that Triton would derive is used. C(query) is a JMESPath expression over the configuration as
        M(inference.triton.model_config_info) returns it, for example C(parameters.size.string_value == 'xl'); it needs
        the Python package C(jmespath) on the managed host. C(spans_gpus) (true or false) is about one instance on
        several GPUs, known of vLLM models from C(model.json) and of TensorRT models with the parameter
        C(enable_multi_device). A query that fails on a model, for example because a function is given nothing, fails
        the task before anything is written. For example, V(contains(a.b, 'x'\)) wants to be
        V(a.b && contains(a.b, 'x'\)).
      - C(instance_group) is what the rule wants, in Triton's own terms, as a list of groups. Each needs a C(kind) of
        V(KIND_GPU), V(KIND_CPU) or V(KIND_MODEL). C(gpus) of a group may be a list of numbers as in the file, or say
        which devices are meant on each host. It is V(all), or a mapping with any of C(memory_gb) (at least, in units of
        10^9 bytes), C(compute_capability) (at least), C(name) (shell pattern), C(uuid) (a list), and C(count) (the
        first so many of those that fit). The numbers are those by which the server calls its devices. Where a host does
        not have what is asked for, the model is a C(violation) that says what the host has, and is not written.
      - C(level) is V(explicit) (default), V(kind) or V(exact). At every level a model without a group gets the
        rule's groups. V(explicit) gives a C(kind) to the groups that have none and leaves explicit ones alone.
        V(kind) also changes a C(kind) that is none of the rule's, nor in C(accepts), a list of further kinds that may
        stay. V(exact) wants as many groups as the rule has, with the rule's values. Groups correspond by position.
      - A field that the rule does not name is left as it is, except for C(gpus) under V(KIND_CPU) or V(KIND_MODEL),
        which Triton refuses and which goes in the same edit.
      - C(config) is further fields of the configuration to merge in, C(lists) how to merge a list, and C(remove) the
        paths of fields to take away before. They are those of M(inference.triton.model_config), but for C(name) and
        C(instance_group), and C(remove) takes no indexes. A rule whose C(config) makes a model one for another rule
        that would change it again is C(incompatible), since no run would be the last.
      - C(mode) of a rule is V(enforce), or V(audit) to report a violation, in the result and as a warning, and write
        nothing. C(mode) of the policy is that of every rule that names none; it defaults to V(enforce).
      - C(preset) names rules that come with the collection and that are tried after those in C(rules).
        V(strict_gpu) has every model on the GPU whose backend can. What each backend takes is known, so that it is safe
        on a repository that nobody looked at; Python models and those of unknown backends keep what is explicit.
        V(explicit_only) gives every implicit group the kind that fits its backend and leaves what is explicit alone.
        V(cpu_only) gives every model C(KIND_CPU) whose backend takes it. TensorRT models are C(incompatible) with it,
        and TensorRT-LLM runs on its GPUs under this kind too.
      - >-
        C(waivers) is a list of models that need not be as the policy wants. Each has the keys of C(match), a C(reason),
        which is required, and C(expires), the last day on which it holds (V(2027-03-31)). Such a model is C(waived) as
        long as it is not as the policy wants. After the last day it is a C(violation), and still not written. A waiver
        that matches no model is a warning. A waiver may also stand in the file, as the comment
        C(# triton-policy: waive reason="no GPU kernel before opset 17" expires=2027-03-31). The first waiver that
        holds counts, those of the policy before those of the file. A comment that begins like one and is none makes the
        model a C(violation), unless another waiver holds.
      - >-
        C(critical) is a list of the models that have to be served, each entry with the keys of C(match), for example
        C({models: [ranker, "search_*"]}). This module checks it and otherwise makes no use of it. It is for what looks
        at the running server, where a critical model that is not loaded is an error, and any other one is not. Without
        it, every model is critical; an empty list stands for none.
    type: dict
    required: true
  config_name:
    description:
      - Write C(configs/<config_name>.pbtxt) for a class of hosts that shares the repository with others, for a server
        that is started with C(--model-config-name=<config_name>). Each such file is C(config.pbtxt) with the policy
        applied to it, and every run keeps it in step. C(config.pbtxt) itself is read and never touched.
      - The file goes again when the policy has nothing for the model any more, because it is waived for example.
      - A file of this name that was written by hand is held against the policy as any other configuration.
      - Without this option, files that were derived in this way are exempt.
    type: str
  baseline:
    description:
      - Path of a file on the host with known violations, outside every repository. A known violation is marked as such,
        causes no warning and does not fail the task, as long as the same rule finds the same groups in the file. A rule
        is known by its name, so give it one.
    type: path
  write_baseline:
    description:
      - Write everything that is a C(violation) or C(incompatible) now into O(baseline).
    type: bool
    default: false
  validate:
    description:
      - Whether a file counts as C(invalid) that Triton's parser accepts and its server would not load, as it is or as
        the policy would make it.
      - V(false) opts out of these rules, never of the syntax and the fields of a ModelConfig.
    type: bool
    default: true
  triton_release:
    description:
      - The release of Triton that has to load the files, the oldest one of several, as V(24.08). A file with a field or
        an enum value that this release does not know yet counts as C(invalid), and GPUs that it does not use are not
        there for the policy. Write it in quotes, C(24.10) without is a number in YAML.
    type: str
  backup_dir:
    description:
      - Keep the files as they were before this run changed them in this directory of the host, outside every
        repository. M(inference.triton.model_repository_restore) puts them back.
    type: path
  keep:
    description:
      - How many backups stay in O(backup_dir); older ones are removed after a run that made one. By default, all stay.
    type: int
  fail_on:
    description:
      - Fail, before anything is written, if a model has one of these statuses and the O(baseline) does not know of it.
    type: list
    elements: str
    choices: [changed, violation, incompatible, unmatched, template, invalid]
    default: []
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
  - inference.triton._gpus
  - inference.triton._attributes.actiongroup
seealso:
  - module: inference.triton.model_repository_info
    description: What a server would do with the models, before and after.
  - module: inference.triton.model_repository_restore
    description: Takes a run back.
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

- name: A fleet of several kinds of host
  inference.triton.instance_group_policy:
    repositories: [/srv/triton/models]
    policy:
      preset: strict_gpu
      rules:
        - name: large models on large GPUs
          match:
            query: parameters.size.string_value == 'xl'
          instance_group:
            - kind: KIND_GPU
              gpus: {memory_gb: 40}
          level: exact
        - name: ONNX models use TensorRT
          match: {backends: [onnxruntime]}
          instance_group: [{kind: KIND_GPU}]
          config:
            optimization:
              execution_accelerators:
                gpu_execution_accelerator: [{name: tensorrt}]
      waivers:
        - models: [legacy_ocr]
          reason: no GPU kernel before opset 17
          expires: 2027-03-31
    backup_dir: /var/backups/triton
    keep: 10

- name: A variant for the A100 hosts of a shared repository, prepared on another host
  inference.triton.instance_group_policy:
    repositories: [/mnt/models]
    config_name: a100
    gpus:
      - {name: NVIDIA A100-SXM4-80GB, memory_mib: 81920, compute_capability: "8.0"}
      - {name: NVIDIA A100-SXM4-80GB, memory_mib: 81920, compute_capability: "8.0"}
    policy:
      rules:
        - instance_group: [{kind: KIND_GPU, gpus: all, count: 2}]
          level: exact

- name: Write down what is wrong today
  inference.triton.instance_group_policy:
    repositories: [/srv/triton/models]
    policy: {preset: strict_gpu, mode: audit}
    baseline: /etc/triton/policy-baseline.json
    write_baseline: true

- name: From then on fail on what is new, and change nothing
  inference.triton.instance_group_policy:
    repositories: [/srv/triton/models]
    policy: {preset: strict_gpu, mode: audit}
    baseline: /etc/triton/policy-baseline.json
    fail_on: [violation, invalid]
  register: audit

- name: Say what is known and why
  ansible.builtin.debug:
    msg: "{{ item.file }}: {{ item.reason }}"
  loop: "{{ audit.models | selectattr('status', 'eq', 'violation') }}"
  loop_control:
    label: "{{ item.model }}"
"""

RETURN = r"""
models:
  description:
    - One entry for each configuration of each model, in the order of the repositories and names. Where the task fails,
      only those because of which it does. A model has one
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
      description: Path of the configuration, also where it does not exist. With O(config_name), that of
        C(config.pbtxt) if it is what cannot be planned.
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
        - V(violation), the file is not as the rule wants it, and was not written because the rule's mode is C(audit),
          the host does not have the GPUs that the rule asks for, or a waiver has expired or is none.
        - V(waived), the file is not as the rule wants it, and a waiver speaks for the model.
        - V(exempt), the model is an ensemble, or the file was derived by a task with O(config_name).
        - V(incompatible), the rule asks for a kind that the backend cannot run, or leaves one in the file, or its
          C(config) cannot be merged, so it was not written.
        - V(template), the file has placeholders that are still to be filled in, outside of strings or in its C(name),
          C(platform) or C(backend).
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
      description: The instance groups in the file. With O(config_name), those in C(config.pbtxt).
      type: list
      elements: dict
      sample: [{count: 2}]
    after:
      description: The instance groups that the rule wants; the same as C(before) where nothing is to be changed, or
        cannot be.
      type: list
      elements: dict
      sample: [{count: 2, kind: KIND_GPU}]
    fields:
      description: The top-level fields of the configuration that the rule changes, or would.
      type: list
      elements: str
      sample: [instance_group]
    reload_impact:
      description:
        - What a running Triton has to do for it. V(none); V(instance_update), instances are added and removed in place
          while the model serves; V(full_reload), the model is loaded a second time beside the old one.
        - Any change in a model that has several configurations is a V(full_reload), since a server that reads another
          of them takes it for a change of the model.
      type: str
      sample: instance_update
    reason:
      description: Why the status is what it is, in one sentence.
      type: str
      sample: group 0 is without a kind, so the server chooses the device
    waiver:
      description: The reason of the waiver that counts for the model, also of one that has expired. Null where the
        model needs none.
      type: str
      sample: null
    known:
      description: Whether the baseline knows of this violation.
      type: bool
      sample: false
    findings:
      description: Everything that is wrong with the file, or with a waiver in it.
      type: list
      elements: dict
      sample: []
counts:
  description: How many configurations have each status. Every status is there, also with 0.
  type: dict
  returned: success, and when a broken configuration stops the task
  sample:
    {changed: 4, compliant: 1, exempt: 1, incompatible: 0, invalid: 0, template: 0, unmatched: 0, violation: 0, waived:
    1}
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
waivers:
  description: What became of each waiver, those that stand in files too.
  type: list
  elements: dict
  returned: success, and when a broken configuration stops the task
  contains:
    place:
      description: Where it stands.
      type: str
      sample: waivers[0]
    reason:
      description: Its reason.
      type: str
      sample: no GPU kernel before opset 17
    expires:
      description: The last day on which it holds, null for no end.
      type: str
      sample: "2027-03-31"
    state:
      description: V(active); V(expired); V(stale), it matches no model; V(unneeded), its models are as the policy
        wants, or have another waiver.
      type: str
      sample: active
    explanation:
      description: The same in words, and what to do.
      type: str
      sample: 1 waived
    models:
      description: The models that need it.
      type: list
      elements: str
      sample: [legacy_ocr]
baseline:
  description: How the violations compare with O(baseline), null without one.
  type: dict
  returned: success, and when a broken configuration stops the task
  contains:
    path:
      description: Path of the file.
      type: str
      sample: /etc/triton/policy-baseline.json
    known:
      description: How many violations it knows of.
      type: int
      sample: 12
    new:
      description: How many it does not know of.
      type: int
      sample: 0
    fixed:
      description: How many of those in it are none any more.
      type: int
      sample: 3
backup_id:
  description: Name of the directory in O(backup_dir) that holds the files as they were, null if nothing was kept.
    M(inference.triton.model_repository_restore) takes it.
  type: str
  returned: success, and when a broken configuration stops the task
  sample: 20260301T101500.000000Z-5f3a9c
"""

from datetime import datetime, timezone

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.inference.triton.plugins.module_utils._gpu.detection import given_or_detected
from ansible_collections.inference.triton.plugins.module_utils._gpu.server_installation import read_installation
from ansible_collections.inference.triton.plugins.module_utils._model_config.findings import ConfigError
from ansible_collections.inference.triton.plugins.module_utils._model_config.release import parse_release
from ansible_collections.inference.triton.plugins.module_utils._placement.server import server_view
from ansible_collections.inference.triton.plugins.module_utils._policy.decision import Host
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import VisibleGpus
from ansible_collections.inference.triton.plugins.module_utils._policy.match import QueryError
from ansible_collections.inference.triton.plugins.module_utils._policy.parsing import PolicyError, parse_policy
from ansible_collections.inference.triton.plugins.module_utils._repository.discovery import RepositoryError
from ansible_collections.inference.triton.plugins.module_utils._repository.enforcement import Request, enforce
from ansible_collections.inference.triton.plugins.module_utils._repository.files import FileError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "repositories": {"type": "list", "elements": "path", "required": True},
            "policy": {"type": "dict", "required": True},
            "gpus": {"type": "list", "elements": "dict"},
            "cuda_visible_devices": {"type": "str"},
            "driver_version": {"type": "str"},
            "min_supported_compute_capability": {"type": "str"},
            "server_log": {"type": "path"},
            "cuda_compat": {"type": "path"},
            "config_name": {"type": "str"},
            "baseline": {"type": "path"},
            "write_baseline": {"type": "bool", "default": False},
            "validate": {"type": "bool", "default": True},
            "triton_release": {"type": "str"},
            "backup_dir": {"type": "path"},
            "keep": {"type": "int"},
            "fail_on": {
                "type": "list",
                "elements": "str",
                "choices": ["changed", "violation", "incompatible", "unmatched", "template", "invalid"],
                "default": [],
            },
            "on_error": {"type": "str", "choices": ["fail", "continue"], "default": "fail"},
        },
        required_if=[("write_baseline", True, ["baseline"])],
        required_by={"keep": ["backup_dir"]},
        supports_check_mode=True,
    )
    params = module.params
    try:
        policy = parse_policy(params["policy"])
        visible = VisibleGpus(())
        if params["gpus"] is not None or policy.names_gpus():
            visible = given_or_detected(params["gpus"], params["cuda_visible_devices"], params["driver_version"])
        server = server_view(
            visible,
            params["triton_release"],
            params["min_supported_compute_capability"],
            config_name=params["config_name"],
            installation=read_installation(params["cuda_compat"], params["server_log"]),
        )
        for warning in server.warnings:
            module.warn(warning)
        request = Request(
            repositories=params["repositories"],
            policy=policy,
            host=Host(
                today=datetime.now(timezone.utc).date(),
                gpus=server.visible(),
                validate=params["validate"],
                release=None if params["triton_release"] is None else parse_release(params["triton_release"]),
            ),
            keep_going=params["on_error"] == "continue",
            dry_run=module.check_mode,
            config_name=params["config_name"],
            baseline=params["baseline"],
            write_baseline=params["write_baseline"],
            fail_on=params["fail_on"],
            backup_dir=params["backup_dir"],
            keep=params["keep"],
        )
        outcome = enforce(request)
    except PolicyError as error:
        module.fail_json(msg="The policy has mistakes, nothing was changed:\n" + "\n".join(error.problems))
    except (ConfigError, QueryError, RepositoryError, FileError) as error:
        module.fail_json(msg=f"{error}")
    for warning in outcome.warnings():
        module.warn(warning)
    if outcome.blocked_by:
        module.fail_json(msg=outcome.failure(), **outcome.as_result())
    if module._diff:
        module.exit_json(diff=outcome.diff(), **outcome.as_result())
    module.exit_json(**outcome.as_result())


if __name__ == "__main__":
    main()
