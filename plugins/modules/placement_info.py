#!/usr/bin/python
# Copyright: Contributors to the inference.triton collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: placement_info
version_added: 0.1.0
short_description: Prove where a running Triton Inference Server runs its models
description:
  - Compares three things for every model of one or more repositories. What the policy wants, what the file says, and
    what the running server does. The server is asked for the resolved configuration of every version, whether it is
    ready, its index, its statistics and its metrics; its log, if it can be read, is a further witness.
  - Each model gets a grade. V(contradicted) where something is not as it should be, with the cause in plain words and
    the cure. V(proved) where a second source confirms the device, V(consistent) where nothing but the resolved
    configuration speaks for it, and V(unproved) where nothing can be said, or nobody has decided.
  - It starts from the files, since the server's index does not tell of every model that is broken. Without O(policy),
    what the files say is what is expected.
  - Nothing is changed, on the host or on the server. With O(probe), models are sent a request.
notes:
  - A server that does not answer fails the task, as does one that restricts a part of its API to those with a header,
    so that no model is taken for well because nobody could look. Only the metrics and the journal may be missing.
  - The control mode of the server is read from its command line or its log, and never asked for. A request that shows
    it may load ensembles anew.
  - What a Python model does with the device that it is told to use is up to its code, so a model of the Python backend,
    and of the backends that are made with it, like vLLM, is V(consistent) at best.
options:
  repositories:
    description:
      - Paths of the model repositories that the server serves together, as the host sees them that the task runs on.
    type: list
    elements: path
    required: true
  policy:
    description:
      - The policy, as in O(inference.triton.instance_group_policy#module:policy). With it, each model is expected to be
        as the policy wants it, whether or not the policy has been applied.
      - By default, each model is expected to be as its file says. Where the file leaves the choice of device to the
        server, nothing contradicts it unless a group has silently gone to the CPU.
    type: dict
  config_name:
    description:
      - What the server is given as C(--model-config-name). With V(h100), it reads C(configs/h100.pbtxt) of each model
        that has this file, and C(config.pbtxt) of the others. The policy then is that of this variant.
    type: str
  models:
    description:
      - Shell patterns. Only models whose name fits one of them are returned. By default, all models are.
    type: list
    elements: str
    default: []
  service:
    description:
      - Name of the systemd unit that runs the server, for example V(triton.service). The journal of its current run is
        the log, unless O(server_log) names a file, and its process tells when the server was started, and how.
      - Without it, the process is looked for on this host by the port of O(url), where that is a loopback address.
    type: str
  server_log:
    description:
      - Path of the server's log on the managed host. It is the log that instances are looked for in, as of the last
        start. Its table of options also has the lowest compute capability that this server uses, and its version, which
        says what it asks of a GPU where O(triton_release) is not given.
    type: path
  probe:
    description:
      - Whether to send each model that has instances of C(KIND_GPU) one request, to see on which GPU the metrics count
        it. Its inputs are zeros of the smallest shape that the model declares.
      - No request is sent to ensembles, to models with C(sequence_batching) and decoupled ones, and where the inputs
        would have more than 1 MiB. A request that fails is a warning and contradicts nothing. It is counted in the
        statistics of the model, and whatever else the model does with a request, it does with this one.
    type: bool
    default: false
  auto_complete:
    description:
      - Set this to V(false) for a server that is started with C(--disable-auto-complete-config).
    type: bool
    default: true
  triton_release:
    description:
      - The release of Triton as V(YY.MM), in quotes. It decides which compute capability and which driver are too low.
        Without it, it is the release that wrote O(server_log).
    type: str
  fail_on:
    description:
      - Fail the task where a model has one of these grades. The message is the report, and the whole result is
        returned all the same.
    type: list
    elements: str
    choices: [contradicted, unproved, consistent]
    default: []
extends_documentation_fragment:
  - inference.triton._attributes.info
  - inference.triton._server
  - inference.triton._gpus
  - inference.triton._attributes.actiongroup
seealso:
  - module: inference.triton.instance_group_policy
  - module: inference.triton.server_info
  - module: inference.triton.model_repository_info
author:
  - Contributors to the inference.triton collection (@inference-triton)
"""

EXAMPLES = r"""
- name: Look where the server on this host runs its models
  inference.triton.placement_info:
    repositories: [/srv/triton/models]
    service: triton.service
  register: placement

- name: Say it
  ansible.builtin.debug:
    msg: "{{ placement.report }}"

- name: Stop where a model is not where the policy wants it
  inference.triton.placement_info:
    repositories: [/srv/triton/models]
    policy: "{{ triton_policy }}"
    service: triton.service
    startup_timeout: 300
    fail_on: [contradicted]

- name: Have every GPU model prove with a request that it computes on a GPU
  inference.triton.placement_info:
    repositories: [/srv/triton/models]
    policy:
      rules:
        - name: everything is on the GPU
          instance_group: [{kind: KIND_GPU}]
          level: kind
    models: ["ranker_*"]
    probe: true
    fail_on: [contradicted, unproved]

- name: Ask a server behind a proxy, whose API is restricted
  inference.triton.placement_info:
    repositories: [/mnt/models]
    url: https://gateway.example.com/triton
    headers:
      admin-key: "{{ triton_admin_key }}"
    metrics_url: https://gateway.example.com/triton-metrics
  register: placement

- name: Count the contradicted models of the fleet
  ansible.builtin.debug:
    msg: >-
      {{ ansible_play_hosts | map('extract', hostvars, ['placement', 'counts', 'contradicted']) | sum }} models are not
      where they should be
  run_once: true
"""

RETURN = r"""
models:
  description: One entry for each model of the repositories, and each that only the server has, in the order of names.
  type: list
  elements: dict
  returned: success, and when the task fails because of O(fail_on)
  contains:
    name:
      description: Name of the model.
      type: str
      sample: ranker
    repository:
      description: Path of its repository; null for a model that no file has.
      type: str
      sample: /srv/triton/models
    file:
      description: Path of the configuration that the server reads, null where there is none.
      type: str
      sample: /srv/triton/models/ranker/config.pbtxt
    backend:
      description: The backend that Triton runs the model with; empty where nothing tells, and for an ensemble.
      type: str
      sample: onnxruntime
    platform:
      description: The platform as Triton derives it; V(ensemble) for an ensemble.
      type: str
      sample: onnxruntime_onnx
    critical:
      description: Whether the policy counts it among the models that have to be served. Without such a list, all are.
      type: bool
      sample: true
    grade:
      description: V(proved), V(consistent), V(unproved) or V(contradicted).
      type: str
      sample: contradicted
    served:
      description: Whether a version of it serves, be it an old one.
      type: bool
      sample: true
    state:
      description: C(READY) where a version serves, else the state of one that does not; null where the index has none.
      type: str
      sample: READY
    reason:
      description: What the server says about this state, empty where it says nothing.
      type: str
      sample: ""
    status:
      description:
        - The status under the policy, as in RV(inference.triton.instance_group_policy#module:models[].status); null
          without a policy.
      type: str
      sample: compliant
    rule:
      description: Name of the rule that the model falls under; null where there is none.
      type: str
      sample: everything else is explicit, on the GPU
    waiver:
      description: Reason of the waiver that speaks for the model; null where none does.
      type: str
      sample: null
    policy_reason:
      description: Why the status is what it is, one sentence; empty without a policy.
      type: str
      sample: every group has an explicit kind, which is all that the level explicit asks for
    expected:
      description: What the server should do with it.
      type: dict
      contains:
        source:
          description: V(policy) or V(file), what the groups are from; null for a model that no file has.
          type: str
          sample: policy
        groups:
          description: The instance groups in plain data, as the policy or the file has them.
          type: list
          elements: dict
          sample: [{kind: KIND_GPU}]
        versions:
          description: The versions that it should serve.
          type: list
          elements: str
          sample: ["1"]
    resolved:
      description: What the server does with it, one entry for each version that it knows.
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
        ready:
          description: Whether the server says that this version is ready; null where it does not serve.
          type: bool
          sample: true
        groups:
          description: The instance groups that it runs; empty where that is not known.
          type: list
          elements: dict
          contains:
            name:
              description: Name of the group.
              type: str
              sample: ranker
            kind:
              description: V(KIND_GPU), V(KIND_CPU) or V(KIND_MODEL).
              type: str
              sample: KIND_CPU
            count:
              description: Number of instances on each GPU, or in all where there is none.
              type: int
              sample: 1
            gpus:
              description: Numbers of the GPUs, as the server counts them.
              type: list
              elements: int
              sample: []
        gpu_uuids:
          description: UUIDs of the GPUs that the metrics count it on. An empty list proves nothing.
          type: list
          elements: str
          sample: []
        memory_usage:
          description: The memory that its backend reports, as the server gives it; null where it does not serve.
          type: list
          elements: dict
          sample: []
    evidence:
      description: What speaks for the place where it runs.
      type: list
      elements: dict
      contains:
        id:
          description: A short stable name.
          type: str
          sample: resolved_kind
        text:
          description: The evidence in a sentence.
          type: str
          sample: The server runs version 1 with 1 instance of KIND_CPU.
        independent:
          description: Whether it comes from another source than the resolved configuration.
          type: bool
          sample: false
    problems:
      description: What is not as it should be, the most important first.
      type: list
      elements: dict
      contains:
        id:
          description: A short stable name of the cause.
          type: str
          sample: silent_fallback
        severity:
          description: V(error) contradicts the expectation, V(warning) does not.
          type: str
          sample: error
        text:
          description: The cause in plain words, with what was seen.
          type: str
          sample: It runs on the CPU, and nobody has decided so.
        cure:
          description: One thing to do.
          type: str
          sample: Write kind KIND_GPU into the file, and load the model again.
    drift:
      description: Between which two of policy, file and server there is a difference.
      type: dict
      contains:
        policy_file:
          description: Whether there is one between policy and file; null without a policy, or without a file.
          type: bool
          sample: false
        file_server:
          description: Whether there is one between file and server; null where one of them cannot be had.
          type: bool
          sample: true
        policy_server:
          description: Whether there is one between policy and server; null without a policy, or where the server's
            configuration cannot be had.
          type: bool
          sample: true
        fields:
          description: Paths of the fields in which the server differs from the file.
          type: list
          elements: str
          sample: ["instance_group[0].kind"]
    pending:
      description: Whether the server has yet to take up the file, by a load, a poll or a restart.
      type: bool
      sample: true
counts:
  description: Numbers of models among those that are returned.
  type: dict
  returned: success, and when the task fails because of O(fail_on)
  contains:
    models:
      description: All of them.
      type: int
      sample: 12
    proved:
      description: Those that are proved.
      type: int
      sample: 8
    consistent:
      description: Those that are consistent.
      type: int
      sample: 3
    unproved:
      description: Those that are unproved.
      type: int
      sample: 0
    contradicted:
      description: Those that are contradicted.
      type: int
      sample: 1
    critical_contradicted:
      description: The critical ones among those.
      type: int
      sample: 1
    pending:
      description: Those whose file the server has yet to take up.
      type: int
      sample: 1
    on_gpu:
      description: Those with instances of C(KIND_GPU).
      type: int
      sample: 9
    on_cpu:
      description: Those with instances of C(KIND_CPU).
      type: int
      sample: 3
    on_model:
      description: Those with instances of C(KIND_MODEL).
      type: int
      sample: 0
    not_served:
      description: Those that are not served.
      type: int
      sample: 0
contradicted:
  description: Names of the models that are contradicted.
  type: list
  elements: str
  returned: success, and when the task fails because of O(fail_on)
  sample: [ranker]
critical_contradicted:
  description: Names of the critical ones among them.
  type: list
  elements: str
  returned: success, and when the task fails because of O(fail_on)
  sample: [ranker]
pending:
  description: Names of the models whose file the server has yet to take up, steps before their ensembles.
  type: list
  elements: str
  returned: success, and when the task fails because of O(fail_on)
  sample: [ranker]
server:
  description: The server.
  type: dict
  returned: success, and when the task fails because of O(fail_on)
  contains:
    url:
      description: The address that was asked.
      type: str
      sample: http://127.0.0.1:8000
    version:
      description: Its version, which is not the release; 2.51.0 is that of 24.10.
      type: str
      sample: 2.51.0
    live:
      description: Whether it has started.
      type: bool
      sample: true
    ready:
      description: Whether it calls itself ready, as in RV(inference.triton.server_info#module:ready).
      type: bool
      sample: true
    control_mode:
      description: V(explicit), V(poll) or V(none); null where it is not known.
      type: str
      sample: explicit
    control_mode_source:
      description: Where that was learned; empty where it is not known.
      type: str
      sample: the command line of process 1234
    started_at:
      description: When it was started (UTC), null where that is not known.
      type: str
      sample: "2026-03-01T10:15:00Z"
host:
  description: What a server that is started on this host now would see of its GPUs.
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
metrics_error:
  description: Why the metrics of the server could not be had, null where they could.
  type: str
  returned: success, and when the task fails because of O(fail_on)
  sample: null
log:
  description: The log of the server.
  type: dict
  returned: success, and when the task fails because of O(fail_on)
  contains:
    source:
      description: What was read; null where no log was given.
      type: str
      sample: the journal of triton.service
    error:
      description: Why it could not be read; null where it could, or none was given.
      type: str
      sample: null
summary:
  description: The whole in one sentence.
  type: str
  returned: success, and when the task fails because of O(fail_on)
  sample: 1 of 12 models is not where it should be.
report:
  description: What needs attention, with cause and cure, line by line.
  type: list
  elements: str
  returned: success, and when the task fails because of O(fail_on)
  sample: ["ranker: It runs on the CPU, and nobody has decided so."]
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
server_error:
  description: Why the server could not be asked.
  type: dict
  returned: when the server does not answer as it should
  contains:
    kind:
      description: A short stable name, for example V(refused), V(timeout), V(restricted) or V(tls).
      type: str
      sample: refused
    url:
      description: The address that was asked; null where an option is wrong.
      type: str
      sample: http://127.0.0.1:8000/v2
    seen:
      description: What happened.
      type: str
      sample: nothing accepts connections there.
    remedy:
      description: What to do.
      type: str
      sample: Start the server, or correct the URL.
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.inference.triton.plugins.module_utils._model_config.findings import ConfigError
from ansible_collections.inference.triton.plugins.module_utils._policy.match import QueryError
from ansible_collections.inference.triton.plugins.module_utils._policy.parsing import PolicyError
from ansible_collections.inference.triton.plugins.module_utils._repository.discovery import RepositoryError
from ansible_collections.inference.triton.plugins.module_utils._repository.results import printable
from ansible_collections.inference.triton.plugins.module_utils._server.errors import ServerError
from ansible_collections.inference.triton.plugins.module_utils._verification.options import ARGUMENTS, parse
from ansible_collections.inference.triton.plugins.module_utils._verification.verify import verify


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        found = verify(parse(module.params))
    except PolicyError as error:
        module.fail_json(msg=printable("The policy has mistakes:\n" + "\n".join(error.problems)))
    except ServerError as error:
        module.fail_json(msg=printable(str(error)), server_error=printable(error.as_result()))
    except (ConfigError, QueryError, RepositoryError) as error:
        module.fail_json(msg=printable(str(error)))
    for warning in found.warnings:
        module.warn(warning)
    if found.graded(module.params["fail_on"]):
        module.fail_json(msg="\n".join(found.report()), **found.as_result())
    module.exit_json(changed=False, **found.as_result())


if __name__ == "__main__":
    main()
