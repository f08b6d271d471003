# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin util is PRIVATE to the collection: it can change without notice.
"""What a run of a playbook has told of the placement on each host, kept until its end."""

from __future__ import annotations

from typing import Any, Collection, Dict, List, Mapping

from ._listing import one_line
from ._placement_results import MODULES, POLICY, TELLING, mapping, mappings, message

COLLECTION = "inference.triton."
_RESTORE = "model_repository_restore"


class Record:
    """The last result of each module on each host, and what came of the host."""

    def __init__(self) -> None:
        self._hosts: Dict[str, Dict[str, Any]] = {}
        self._failures: Dict[str, Dict[str, str]] = {}
        self._lost: Dict[str, str] = {}
        self._told = False

    def add(self, host: str, action: str, raw: Any, check_mode: bool = False) -> None:
        """Keep the result of a task.

        Args:
            action: name of its module, as Ansible resolved it or as the task has it.
            raw: its result, also a failed one, with ``unreachable`` where the host was.
        """
        name = _short(action)
        result = mapping(raw)
        if name == _RESTORE:
            if _changed(result) and not check_mode and POLICY in self._host(host):
                self._host(host)["restored"] = True
        elif name in MODULES and _ran(result):
            self._host(host)[name] = result
            # A host that can be asked is there again.
            self._lost.pop(host, None)
            self._told = self._told or name in TELLING
            if name == POLICY:
                # What it writes now is another run's than the one that was taken back.
                self._host(host).update(check_mode=check_mode, restored=False)

    def fail(self, host: str, action: str, task: str, raw: Any) -> None:
        """Keep what a host failed with, of which the last counts. That of one of our modules is in its result."""
        if _short(action) in MODULES:
            self._failures.pop(host, None)
        else:
            self._failures[host] = {"msg": message(mapping(raw)), "task": one_line(task)}

    def lose(self, host: str, action: str, raw: Any) -> None:
        """Keep why a host could not be reached, in any task, also where the play goes on."""
        self._lost[host] = message({**mapping(raw), "unreachable": True})
        self._told = self._told or _short(action) in TELLING

    def results(self, failed: Collection[str] = (), unreachable: Collection[str] = ()) -> Dict[str, Dict[str, Any]]:
        """What `_placement_fleet.fleet` takes; empty where the run was not about placement.

        Args:
            failed, unreachable: the hosts that were so at the end; other failures were rescued or ignored.
        """
        if not self._told:
            return {}
        results = {host: dict(result) for host, result in self._hosts.items()}
        for host in {**dict.fromkeys(unreachable), **self._lost}:
            results.setdefault(host, {}).update(unreachable=True, msg=self._lost.get(host, ""))
        for host in failed:
            if host in self._failures and not results.get(host, {}).get("unreachable"):
                results.setdefault(host, {}).update(self._failures[host], failed=True)
        return results

    def _host(self, host: str) -> Dict[str, Any]:
        return self._hosts.setdefault(host, {})


def _short(action: str) -> str:
    return action[len(COLLECTION) :] if action.startswith(COLLECTION) else action


def _ran(result: Mapping[str, Any]) -> bool:
    items: List[Mapping[str, Any]] = mappings(result.get("results"))
    return bool(result) and not result.get("skipped") and not (items and all(item.get("skipped") for item in items))


def _changed(result: Mapping[str, Any]) -> bool:
    return bool(result.get("changed")) or any(item.get("changed") for item in mappings(result.get("results")))
