# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters gpu_local_fact and gpu_fleet_report."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Callable, Dict, List

from ansible.errors import AnsibleFilterError
from ansible_collections.inference.triton.plugins.plugin_utils._fleet import fleet_report
from ansible_collections.inference.triton.plugins.plugin_utils._local_fact import local_fact


def gpu_local_fact(facts: Any, before: str, now: datetime.datetime) -> Dict[str, Any]:
    if not isinstance(facts, Mapping) or "gpus" not in facts:
        raise AnsibleFilterError("gpu_local_fact: expected the facts of inference.triton.gpu_facts (triton_gpu)")
    return local_fact(facts, before, now)


def gpu_fleet_report(results: Any) -> List[str]:
    if not isinstance(results, Mapping):
        raise AnsibleFilterError("gpu_fleet_report: expected the results of inference.triton.gpu_facts by host")
    return fleet_report(results)


class FilterModule:
    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"gpu_local_fact": gpu_local_fact, "gpu_fleet_report": gpu_fleet_report}
