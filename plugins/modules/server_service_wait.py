#!/usr/bin/python
# Copyright: Contributors to the inference.triton collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: server_service_wait
version_added: 0.1.0
short_description: Wait until a Triton that runs as a service has loaded its models
description:
  - Triton opens its ports only after it has loaded or refused every model of its start, which can take minutes. This
    waits for that, and tells meanwhile which models are being loaded.
  - The wait ends at once when the server ends, with the last lines of its log.
  - At its end it says which models are READY and which are not, with the server's reasons.
options:
  unit:
    description: The service.
    type: str
    default: triton.service
  url:
    description: The server's HTTP address, as the host reaches it. Empty where the server has no HTTP port.
    type: str
    default: http://127.0.0.1:8000
  headers:
    description: Headers for the restricted APIs of the server.
    type: dict
    default: {}
  timeout:
    description: Seconds to wait.
    type: float
    default: 600
  interval:
    description: Seconds between two looks at the service.
    type: float
    default: 3
  models:
    description:
      - V(all) fails unless every model is READY.
      - V(no_worse) fails only for models of O(ready_before).
      - V(server) does not fail for the sake of models.
    type: str
    choices: [all, no_worse, server]
    default: all
  ready_before:
    description: Models that were READY before the change whose outcome is awaited.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - inference.triton._attributes.info
  - action_common_attributes.flow
attributes:
  check_mode:
    description: Is skipped in check mode.
    support: partial
  action:
    support: full
  async:
    description: Cannot run in the background, it would not be heard.
    support: none
  bypass_host_loop:
    support: none
notes:
  - Needs the right to read the journal and the environment of the service, which root has.
seealso:
  - module: inference.triton.server_service_info
author:
  - Contributors to the inference.triton collection (@inference-triton)
"""

EXAMPLES = r"""
- name: Restart Triton
  ansible.builtin.systemd_service:
    name: triton.service
    state: restarted

- name: Wait for its models
  inference.triton.server_service_wait:
    timeout: 1800
"""

RETURN = r"""
phase: {description: As in M(inference.triton.server_service_info)., returned: always, type: str, sample: serving}
unit: {description: As in M(inference.triton.server_service_info)., returned: always, type: dict}
server_version: {description: The version that the server says., returned: always, type: str, sample: 2.51.0}
ready: {description: Whether the server calls itself ready., returned: always, type: bool}
models:
  description: As in M(inference.triton.server_service_info).
  returned: always
  type: list
  elements: dict
ready_models:
  description: The names of the models with a version that is READY.
  returned: always
  type: list
  elements: str
  sample: [ranker]
not_ready:
  description: A sentence on each model that is not READY.
  returned: always
  type: list
  elements: str
failure: {description: Why the wait was in vain. Empty where it was not., returned: always, type: str}
waited: {description: How many seconds it waited., returned: always, type: float, sample: 12.5}
"""

# The work is done by the action plugin of the same name, on the controller.
