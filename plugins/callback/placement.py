# Copyright: Contributors to the inference.triton collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: placement
type: aggregate
version_added: 0.1.0
short_description: The placement of models in the whole fleet, at the end of a playbook
description:
  - Collects, for each host, the last results of M(inference.triton.instance_group_policy),
    M(inference.triton.placement_info) and M(inference.triton.gpu_facts), from any task of any playbook or role, also of
    tasks that fail, are rescued or loop. Where a server does not answer, what
    M(inference.triton.model_repository_info) predicts takes its place.
  - At the end it prints a table with one line for each host, those with problems first, with the numbers of models by
    where they run and by how well that is proved, and of configurations by what the policy says of them.
    Then it prints what needs attention, each thing once with the hosts and models that have it, its cause, and what to
    do.
  - Where a host was taken back, since it did not come up with the policy, the table has it as C(RESTORED), and its
    results are those after that.
  - A playbook that runs none of these modules prints nothing.
  - Of more than 50 hosts, those that differ only in their names share a line.
  - Lines are coloured where Ansible colours its own, so only on a terminal, unless E(ANSIBLE_FORCE_COLOR) says
    otherwise, and never with E(NO_COLOR) or E(ANSIBLE_NOCOLOR).
author:
  - Contributors to the inference.triton collection (@inference-triton)
requirements:
  - It has to be enabled in the configuration, with C(callbacks_enabled = inference.triton.placement).
options:
  json_file:
    description:
      - A file on the controller that the same is written to as JSON, with every host and every model. It is replaced
        as a whole.
      - Nothing in it is secret. It has no arguments of modules, no addresses but that of the server, and no variables.
    type: path
    ini:
      - section: callback_placement
        key: json_file
    env:
      - name: TRITON_PLACEMENT_JSON_FILE
  width:
    description:
      - Number of columns that a line may have. By default it is that of the terminal, which E(COLUMNS) overrules, and
        80 where there is none.
    type: int
    default: 0
    ini:
      - section: callback_placement
        key: width
    env:
      - name: TRITON_PLACEMENT_WIDTH
seealso:
  - plugin: inference.triton.placement_fleet_report
    plugin_type: filter
"""

EXAMPLES = r"""
# In ansible.cfg:
# [defaults]
# callbacks_enabled = inference.triton.placement
#
# [callback_placement]
# json_file = ./placement.json

# Or for one run:
# ANSIBLE_CALLBACKS_ENABLED=inference.triton.placement ansible-playbook inference.triton.audit -i inventory
"""

import json
import os
import shutil
import tempfile
from typing import Any, Dict, List, Optional

from ansible import constants as C
from ansible.plugins.callback import CallbackBase
from ansible_collections.inference.triton.plugins.plugin_utils._placement_fleet import fleet
from ansible_collections.inference.triton.plugins.plugin_utils._placement_record import Record
from ansible_collections.inference.triton.plugins.plugin_utils._placement_table import report

_COLORS = {"error": "COLOR_ERROR", "warning": "COLOR_WARN"}


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "inference.triton.placement"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._record = Record()

    def v2_runner_on_ok(self, result: Any) -> None:
        self._take(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._take(result, failed=not ignore_errors)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._take(result, unreachable=True)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        try:
            self._end(list(stats.failures), list(stats.dark))
        except Exception as error:  # a report that cannot be made is no reason to fail a run that is over
            self._display.warning(f"inference.triton.placement: the table cannot be made: {error!r}")

    def _take(self, result: Any, failed: bool = False, unreachable: bool = False) -> None:
        try:
            task, host = result._task, result._host.get_name()
            action = str(getattr(task, "resolved_action", None) or task.action)
            if unreachable:
                return self._record.lose(host, action, result._result)
            self._record.add(host, action, result._result, bool((result._task_fields or {}).get("check_mode")))
            if failed:
                self._record.fail(host, action, task.get_name(), result._result)
        except Exception as error:  # what no result looks like is not worth a play
            self._display.vvv(f"inference.triton.placement: a result is left out: {error!r}")

    def _end(self, failed: List[str], unreachable: List[str]) -> None:
        results = self._record.results(failed, unreachable)
        if not results:
            return
        found = fleet(results)
        path: Optional[str] = self.get_option("json_file")  # type: ignore[no-untyped-call]
        written = self._write(path, found.as_data()) if path else False
        elsewhere = f"see {path}" if written else "which 'json_file' of this callback keeps"
        self._display.banner("PLACEMENT")
        for line in report(found, self._width(), elsewhere):
            color = None if C.ANSIBLE_NOCOLOR else _COLORS.get(line.severity)  # type: ignore[attr-defined]
            self._display.display(line.text, color=getattr(C, color) if color else None)

    def _width(self) -> int:
        given: int = self.get_option("width")  # type: ignore[no-untyped-call]
        return given or shutil.get_terminal_size(fallback=(80, 24)).columns

    def _write(self, path: str, data: Dict[str, Any]) -> bool:
        """Replace the file as a whole, so that nobody reads half of it. One that cannot be written is a warning."""
        text = json.dumps(data, indent=2) + "\n"
        try:
            descriptor, unfinished = tempfile.mkstemp(prefix=".placement-", dir=os.path.dirname(path) or ".")
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(text)
                os.chmod(unfinished, 0o644)
                os.replace(unfinished, path)
            except BaseException:
                os.unlink(unfinished)
                raise
        except OSError as error:
            self._display.warning(f"inference.triton.placement: {path} cannot be written: {error.strerror}")
            return False
        return True
