# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters that the playbook rollout decides and reports with."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Sequence

from ansible.errors import AnsibleFilterError
from ansible_collections.inference.triton.plugins.plugin_utils import _rollout


def rollout_batches(hosts: Sequence[str], canary: Sequence[str], sizes: Sequence[Any]) -> List[List[str]]:
    try:
        return _rollout.batches(hosts, canary, sizes)
    except ValueError as error:
        raise AnsibleFilterError(f"rollout_batches: {error}") from error


def rollout_places(proof: Any) -> Dict[str, str]:
    return _rollout.places(_mapping("rollout_places", "a result of placement_info", proof))


def rollout_moved(proof: Any, before: Mapping[str, str]) -> List[str]:
    return _rollout.moved(before, _rollout.places(_mapping("rollout_moved", "a result of placement_info", proof)))


def rollout_report(
    hosts: Any, lost: Mapping[str, str], batches: Sequence[Sequence[str]], stopped_by: str
) -> Mapping[str, Any]:
    return _rollout.report(_mapping("rollout_report", "the hosts by name", hosts), lost, batches, stopped_by)


def rollout_summary(report: Any) -> List[str]:
    return list(_rollout.summary(_mapping("rollout_summary", "a report of rollout_report", report)))


def _mapping(name: str, what: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise AnsibleFilterError(f"{name}: expected {what}, found {type(value).__name__}")
    return value


class FilterModule:
    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {
            "rollout_batches": rollout_batches,
            "rollout_moved": rollout_moved,
            "rollout_places": rollout_places,
            "rollout_report": rollout_report,
            "rollout_summary": rollout_summary,
        }
