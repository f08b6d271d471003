#!/usr/bin/python
# Copyright: Contributors to the inference.triton collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: standalone_check
version_added: 0.1.0
short_description: Put a check of this collection on a host as a command of its own
description:
  - Builds one executable file from the same code that the modules run, and copies it to the host. There it needs
    python3 3.8 or newer and nothing else, so that systemd, a health check of a scheduler or a person can run it when
    Ansible is far away.
  - The same release of the collection makes the same bytes on every controller, so the task changes a host only where
    the release, the interpreter or the file has changed.
  - Before the file takes its place it has to run once on the host, with C(--version).
options:
  check:
    description:
      - What to install.
      - V(gpu) is the command C(triton-gpu). C(triton-gpu report) prints what is wrong with the GPUs of the host,
        C(triton-gpu facts) prints what M(inference.triton.gpu_facts) returns, as JSON, and C(triton-gpu wait) waits
        until the GPUs are ready. Each has C(--help).
      - V(placement) is the command C(triton-placement). C(triton-placement check) compares once where the models of a
        server run with where they should, as M(inference.triton.placement_info) does, and C(triton-placement health)
        tells load balancers what the last check saw. Both read a configuration that the role
        P(inference.triton.placement_monitor#role) writes.
    type: str
    choices: [gpu, placement]
    required: true
  dest:
    description: Where the file goes. Under a directory it gets the name of the command.
    type: str
    required: true
  python:
    description: The Python that the first line of the file names, as an absolute path.
    type: str
    default: /usr/bin/python3
  owner:
    description: As for M(ansible.builtin.copy), like the other options from here on.
    type: str
  group:
    description: The group that owns the file.
    type: str
  mode:
    description: The permissions of the file. It has to be executable to be a command.
    type: raw
  attributes:
    description: The attributes of the file, see C(chattr).
    type: str
  seuser:
    description: The user part of the SELinux context.
    type: str
  serole:
    description: The role part of the SELinux context.
    type: str
  setype:
    description: The type part of the SELinux context.
    type: str
  selevel:
    description: The level part of the SELinux context.
    type: str
  backup:
    description: Keep the file that is replaced under a name with the time in it.
    type: bool
    default: false
  unsafe_writes:
    description: Write into the file where it cannot be replaced.
    type: bool
    default: false
extends_documentation_fragment:
  - inference.triton._attributes
attributes:
  diff_mode:
    description: Shows the release and the checksum of each part of the file, before and after.
notes:
  - This is an action. What it does on the host is done by M(ansible.builtin.copy).
seealso:
  - module: inference.triton.gpu_facts
  - module: inference.triton.placement_info
  - module: ansible.builtin.copy
author:
  - Contributors to the inference.triton collection (@inference-triton)
"""

EXAMPLES = r"""
- name: Let people and schedulers ask a host about its GPUs
  inference.triton.standalone_check:
    check: gpu
    dest: /usr/local/bin/triton-gpu
    owner: root
    group: root
    mode: "0755"
  become: true

- name: Ask
  ansible.builtin.command:
    argv: [/usr/local/bin/triton-gpu, report]
  become: true
  register: report
  changed_when: false
  failed_when: report.rc not in [0, 1]
"""

RETURN = r"""
version:
  description: The release of the collection that the file is made of.
  type: str
  returned: success
  sample: 0.1.0
dest:
  description: Where the file is. The other values are those of M(ansible.builtin.copy).
  type: str
  returned: success
  sample: /usr/local/bin/triton-gpu
checksum:
  description: SHA-1 of the file.
  type: str
  returned: success
  sample: 5f3a9c4be1b2a0c71d2f0d1d9a1cbb6f1d0e8a77
"""
