#!/usr/bin/python
# Copyright: Contributors to the inference.triton collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: model_repository_restore
version_added: 0.1.0
short_description: Take back what one run changed in a Triton model repository
description:
  - Puts back every file that one task with O(backup_dir) changed, byte for byte, with its owner, group, mode,
    modification time, access control list and security label. What the task made is removed, what it removed is made
    again.
  - All files are put back or none. If one of them was changed since by somebody else, the task fails, names it, and
    changes nothing, unless O(force) is set.
  - What is already as it was before the task is left alone, so a second run changes nothing.
  - Files are replaced atomically, in a way that a Triton which polls the repository takes for an update and not for a
    new model. Symbolic links are written through, and only if they lead to the same file as then.
  - The change is on disk when the task ends. A running server takes it over when it polls, when the model is loaded
    again, or when it restarts.
options:
  backup_dir:
    description:
      - The O(backup_dir) of the task that is to be taken back.
    type: path
    required: true
  backup_id:
    description:
      - Which run to take back, by the C(backup_id) that it returned.
      - V(latest) is the newest run that has a backup in O(backup_dir), not counting the runs of this module. It may be
        that of another task than you think of, so look at it in check mode first.
    type: str
    required: true
  force:
    description:
      - Overwrite files that were changed after the run. What they hold then is kept under RV(undo_id).
      - Leave out, with a warning, what has no place any more. That is a file whose model was removed since, or where
        links lead somewhere else now.
    type: bool
    default: false
extends_documentation_fragment:
  - inference.triton._attributes
  - inference.triton._attributes.actiongroup
notes:
  - A backup has to belong to the user that runs this task or to root, and other users must not be able to write to it.
    A backup that is damaged is refused before anything is changed.
seealso:
  - module: inference.triton.instance_group_policy
  - module: inference.triton.model_config
author:
  - Contributors to the inference.triton collection (@inference-triton)
"""

EXAMPLES = r"""
- name: Change something, and keep what was there
  inference.triton.model_config:
    path: /srv/triton/models/ranker/config.pbtxt
    config: {max_batch_size: 64}
    backup_dir: /var/backups/triton
  register: change

- name: Take it back
  inference.triton.model_repository_restore:
    backup_dir: /var/backups/triton
    backup_id: "{{ change.backup_id }}"
  register: restored

- name: See what taking back the latest run would do
  inference.triton.model_repository_restore:
    backup_dir: /var/backups/triton
    backup_id: latest
  check_mode: true
  diff: true

- name: Take back the taking back
  inference.triton.model_repository_restore:
    backup_dir: /var/backups/triton
    backup_id: "{{ restored.undo_id }}"
"""

RETURN = r"""
backup_id:
  description: The run that was taken back, also where V(latest) was asked for.
  type: str
  returned: success
  sample: 20260301T101500.123456Z-5f3a9c
undo_id:
  description: The backup of what this task changed, with which it can itself be taken back. Null if it changed no file,
    and in check mode.
  type: str
  returned: success
  sample: 20260301T112000.654321Z-0c71d2
files:
  description: One entry for each file of the run.
  type: list
  elements: dict
  returned: success
  contains:
    path:
      description: Where it is.
      type: str
      sample: /srv/triton/models/ranker/config.pbtxt
    action:
      description:
        - V(restored), it has its old contents and attributes again (would have, in check mode).
        - V(created), the run had removed it.
        - V(removed), the run had made it. The C(configs) directory that the run made for it goes too if it is empty.
        - V(unchanged), it is as it was before the run.
        - V(skipped), it has no place any more, and O(force=true) left it out.
      type: str
      sample: restored
    reload_impact:
      description:
        - What a running Triton has to do for it. V(none); V(instance_update), instances are added and removed in place
          while the model serves; V(full_reload), the model is loaded a second time beside the old one.
      type: str
      sample: instance_update
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.inference.triton.plugins.module_utils._repository.discovery import RepositoryError
from ansible_collections.inference.triton.plugins.module_utils._repository.files import FileError
from ansible_collections.inference.triton.plugins.module_utils._repository.restoration import restore


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "backup_dir": {"type": "path", "required": True},
            "backup_id": {"type": "str", "required": True},
            "force": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        result = restore(params["backup_dir"], params["backup_id"], params["force"], module.check_mode)
    except (RepositoryError, FileError) as error:
        module.fail_json(msg=str(error))
    for warning in result.pop("warnings"):
        module.warn(warning)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
