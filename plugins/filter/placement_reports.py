# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters placement_fleet and placement_fleet_report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable, Dict, List

from ansible.errors import AnsibleFilterError
from ansible_collections.inference.triton.plugins.plugin_utils._placement_fleet import Fleet, fleet
from ansible_collections.inference.triton.plugins.plugin_utils._placement_table import WIDTH, report


def placement_fleet(results: Any) -> Dict[str, Any]:
    return _fleet("placement_fleet", results).as_data()


def placement_fleet_report(results: Any, width: Any = WIDTH, elsewhere: str = "") -> List[str]:
    try:
        columns = int(width)
    except (TypeError, ValueError) as error:
        raise AnsibleFilterError(f"placement_fleet_report: width is a number of columns, not {width!r}") from error
    return [line.text for line in report(_fleet("placement_fleet_report", results), columns, str(elsewhere))]


def _fleet(name: str, results: Any) -> Fleet:
    if not isinstance(results, Mapping):
        raise AnsibleFilterError(f"{name}: expected the results of this collection's modules by host")
    return fleet(results)


class FilterModule:
    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"placement_fleet": placement_fleet, "placement_fleet_report": placement_fleet_report}
