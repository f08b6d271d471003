#!/usr/bin/python
# Copyright: Contributors to the inference.triton collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: server_service_info
version_added: 0.1.0
short_description: How a Triton does that runs as a service of systemd
description:
  - Puts together what systemd, the journal and the server say of a service, also while the server still loads models
    and has no port open, and after it has ended.
  - Names the models that are loading, and those that the repository index hides, with the reason from the log.
options:
  unit:
    description: The service.
    type: str
    default: triton.service
  url:
    description: The server's HTTP address, as this host reaches it. Empty where the server has no HTTP port.
    type: str
    default: http://127.0.0.1:8000
  headers:
    description: Headers for the restricted APIs of the server.
    type: dict
    default: {}
  timeout:
    description: Seconds that one request may take.
    type: float
    default: 10
  run:
    description:
      - The run of the service whose log is wanted, by systemd's invocation ID. By default the current run, or the last
        one where the service does not run.
    type: str
    default: ""
extends_documentation_fragment:
  - inference.triton._attributes.info
notes:
  - Needs the right to read the journal and the environment of the service, which root has.
seealso:
  - module: inference.triton.server_service_wait
author:
  - Contributors to the inference.triton collection (@inference-triton)
"""

EXAMPLES = r"""
- name: Look at the service
  inference.triton.server_service_info:
  register: triton

- name: What does it do?
  ansible.builtin.debug:
    msg: "{{ triton.phase }}, loading {{ triton.loading | join(', ') }}"
"""

RETURN = r"""
phase:
  description:
    - V(absent) where there is no such service, V(stopped), V(loading) before the ports are open, V(serving), and
      V(ended) where the server ended by itself.
  returned: success
  type: str
  sample: serving
unit:
  description: What systemd says.
  returned: success
  type: dict
  contains:
    is_known: {description: Whether there is such a service., type: bool}
    active: {description: Its ActiveState., type: str, sample: active}
    sub: {description: Its SubState., type: str, sample: running}
    enabled: {description: Its UnitFileState., type: str, sample: enabled}
    ended: {description: How its main process ended. Empty while it runs., type: str, sample: exit status 1}
    pid: {description: Its main process., type: int, sample: 4711}
    restarts: {description: How often systemd has started it again by itself., type: int, sample: 0}
    run: {description: The invocation ID of its current or last run., type: str}
    needs_reload: {description: Whether the files of the service changed since systemd read them., type: bool}
    fingerprint:
      description: What the role P(inference.triton.server#role) marked this run with. Empty where it did not.
      type: str
server_version:
  description: The version that the server says. Null where it does not answer.
  returned: success
  type: str
  sample: 2.51.0
ready:
  description: Whether the server calls itself ready. Null where it does not answer.
  returned: success
  type: bool
models:
  description: Each version of each model that the server or its log knows of.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: The model., type: str, sample: ranker}
    version: {description: The version. Null where the server loaded none., type: str, sample: "1"}
    state: {description: Its state. Null where nobody has asked to load it., type: str, sample: UNAVAILABLE}
    reason:
      description: Why it is not READY.
      type: str
      sample: "Invalid argument: instance group ranker_0 of model ranker has kind KIND_GPU but no GPUs are available"
loading:
  description: The models that are being loaded at the start of the server.
  returned: success
  type: list
  elements: str
error:
  description: Why the server could not be asked everything. Null where it could, and where it does not run.
  returned: success
  type: str
log:
  description: The last lines that the run wrote to the journal.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._server.errors import ServerError
from ..module_utils._service.errors import ServiceError
from ..module_utils._service.observation import observe


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "unit": {"type": "str", "default": "triton.service"},
            "url": {"type": "str", "default": "http://127.0.0.1:8000"},
            "headers": {"type": "dict", "default": {}, "no_log": True},
            "timeout": {"type": "float", "default": 10},
            "run": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    options = module.params
    headers = {str(name): str(value) for name, value in options["headers"].items()}
    try:
        seen = observe(options["unit"], options["url"] or None, headers, options["timeout"], options["run"])
    except (ServiceError, ServerError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **seen)


if __name__ == "__main__":
    main()
