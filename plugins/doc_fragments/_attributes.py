# SPDX-License-Identifier: GPL-3.0-or-later
# This doc fragment is PRIVATE to the collection: it can change without notice.
"""The attributes that the collection's modules share."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and says what would change without changing it.
    support: full
  diff_mode:
    description: Returns a unified diff of every file that changes, or would change in check mode.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
  platform:
    description: Target systems that the module runs on. They need python3 and nothing else.
    support: full
    platforms: linux
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and does the same there, since it changes nothing.
    support: full
  diff_mode:
    description: Returns no diff, since it changes nothing.
    support: N/A
  idempotent:
    description: Changes nothing, so a second run gives the same result.
    support: full
  platform:
    description: Target systems that the module runs on. They need python3 and nothing else.
    support: full
    platforms: linux
"""

    FACTS = r"""
options: {}
attributes:
  facts:
    description: Returns C(ansible_facts), which Ansible keeps for the host.
    support: full
"""

    ACTIONGROUP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/inference.triton.triton) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - inference.triton.triton
"""
