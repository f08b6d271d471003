# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin util is PRIVATE to the collection: it can change without notice.
"""The GPUs of a whole fleet as one table of text."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ._listing import counted, first_line, named, natural

# What needs a person comes first.
_ORDER = ("ERROR", "UNREACHABLE", "NO FACTS", "WARNING", "OK")
_SEVERITIES = {"error": "ERROR", "warning": "WARNING"}

_HEADER = ("HOST", "STATE", "PRESENT", "USABLE", "DRIVER", "GIB EACH", "GPUS", "PROBLEMS")
_NUMBERS = ("PRESENT", "USABLE")
_MOST_HOSTS = 10
_MOST_ADDRESSES = 2


class _Row(NamedTuple):
    host: str
    state: str
    present: Optional[int] = None
    usable: Optional[int] = None
    driver: str = ""
    memory: str = ""
    gpus: str = ""
    problems: str = ""
    states: Tuple[str, ...] = ()


def fleet_report(results: Mapping[str, Mapping[str, Any]]) -> List[str]:
    """A table of all hosts, those with problems first, then the sums, then which hosts have which problem.

    Args:
        results: of the module gpu_facts, by host, also failed ones, and an empty one where there is none.
    """
    rows = sorted(
        (_row(host, result) for host, result in results.items()),
        key=lambda row: (_ORDER.index(row.state), natural(row.host)),
    )
    return [*_table(rows), "", _sums(rows), *_by_problem(rows)]


def _row(host: str, result: Mapping[str, Any]) -> _Row:
    facts = result.get("ansible_facts", {}).get("triton_gpu")
    if result.get("unreachable"):
        return _Row(host, "UNREACHABLE", problems=first_line(result.get("msg")))
    if result.get("failed") or not facts:
        return _Row(host, "NO FACTS", problems=first_line(result.get("msg")) or "the task did not run")
    counted = [finding for finding in facts["findings"] if finding["severity"] in _SEVERITIES]
    gpus = facts["gpus"]
    return _Row(
        host,
        _SEVERITIES.get(facts["severity"], "OK"),
        facts["present_count"],
        facts["usable_count"],
        facts["driver_version"] or "",
        ", ".join(sorted({f"{gpu['memory_mib'] / 1024:.3g}" for gpu in gpus if gpu["memory_mib"]}, key=float)),
        ", ".join(_grouped([gpu["name"] or "unknown" for gpu in gpus])),
        ", ".join(_problems(counted)),
        tuple(dict.fromkeys(finding["state"] for finding in counted)),
    )


def _problems(findings: Sequence[Mapping[str, Any]]) -> List[str]:
    """The states, each once, with the GPUs that are in it."""
    addresses: Dict[str, List[str]] = {}
    for finding in findings:
        addresses.setdefault(finding["state"], []).extend(filter(None, [finding["pci_address"]]))
    shown = []
    for state, gpus in addresses.items():
        where = f"{len(gpus)} GPUs" if len(gpus) > _MOST_ADDRESSES else ", ".join(gpus)
        shown.append(f"{state} ({where})" if where else state)
    return shown


def _table(rows: Sequence[_Row]) -> List[str]:
    cells = (["-" if cell in ("", None) else str(cell) for cell in row[: len(_HEADER)]] for row in rows)
    lines = [_HEADER, *map(tuple, cells)]
    widths = [max(map(len, column)) for column in zip(*lines)]
    return [
        "  ".join(
            cell.rjust(width) if name in _NUMBERS else cell.ljust(width)
            for name, cell, width in zip(_HEADER, line, widths)
        ).rstrip()
        for line in lines
    ]


def _sums(rows: Sequence[_Row]) -> str:
    states = [f"{sum(row.state == state for row in rows)} {state}" for state in _ORDER]
    present, usable = (sum(getattr(row, name) or 0 for row in rows) for name in ("present", "usable"))
    told = ", ".join(count for count in states if not count.startswith("0 "))
    return f"{counted(len(rows), 'host')}: {told or 'none'}. {usable} of {counted(present, 'GPU')} usable."


def _by_problem(rows: Sequence[_Row]) -> List[str]:
    """Which hosts have which problem, the most frequent one first."""
    hosts: Dict[str, List[str]] = {}
    for row in rows:
        for state in row.states:
            hosts.setdefault(state, []).append(row.host)
    lines = []
    for state, names in sorted(hosts.items(), key=lambda item: (-len(item[1]), item[0])):
        lines.append(f"{state} on {counted(len(names), 'host')}: {named(names, _MOST_HOSTS)}")
    return lines


def _grouped(names: Sequence[str]) -> List[str]:
    return [f"{names.count(name)} x {name}" for name in dict.fromkeys(names)]
