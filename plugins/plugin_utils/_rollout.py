# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin util is PRIVATE to the collection: it can change without notice.
"""The playbook rollout: who goes when, what is not served any more as it was, and what is told in the end."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Dict, Iterator, List, Mapping, Sequence

from ansible_collections.inference.triton.plugins.module_utils._policy.decision import STATUSES
from ansible_collections.inference.triton.plugins.module_utils._proof.grades import GRADES

from ._listing import counted

Plain = Mapping[str, Any]

_SIZE = re.compile(r"[1-9][0-9]*%?\Z")
_HEADER = ("HOST", "BATCH", "OUTCOME", "VERSION", "POLICY", "SERVED")

# What is known of a host that was lost, by what the rollout was about to do there.
_LOST = {
    "": "Nothing was done on it at that time.",
    "look": "Nothing had been touched on it.",
    "drain": "Its service had not been touched.",
    "server": "The role server was at work on it: nobody knows what it runs now. A second run makes that good.",
    "policy": "The role placement was at work on it: nobody knows what its files say. A second run makes that good.",
    "return": "Its service had proved out, and it was on its way back into the load balancer.",
    "soak": "It had proved out, and served for a while.",
    "going back": "It was being taken back: nobody knows what it runs now. A second run makes that good.",
}


def batches(hosts: Sequence[str], canary: Sequence[str], sizes: Sequence[Any]) -> List[List[str]]:
    """The hosts in the order in which they are changed.

    Args:
        hosts: all of them.
        canary: those that go first, together; others than ``hosts`` count for nothing.
        sizes: of the batches after that: numbers, and percentages of all hosts. The last one holds until the end.

    Raises:
        ValueError: there is no size, or one that is neither a number nor a percentage.
    """
    wrong = [size for size in sizes if not _SIZE.match(str(size))]
    if wrong or not sizes:
        raise ValueError(f"batches are numbers of hosts and percentages, such as [1, '25%'], and not {list(sizes)}")
    first = [host for host in hosts if host in canary]
    rest = [host for host in hosts if host not in canary]
    found = [first] if first else []
    turn = 0
    while rest:
        size = str(sizes[min(turn, len(sizes) - 1)])
        count = max(1, len(hosts) * int(size[:-1]) // 100) if size.endswith("%") else int(size)
        found.append(rest[:count])
        rest = rest[count:]
        turn += 1
    return found


def places(proof: Plain) -> Dict[str, str]:
    """Where each model that is served runs, by a result of `placement_info`, in a few words."""
    return {model["name"]: _place(model) for model in proof.get("models", ()) if model["served"]}


def _place(model: Plain) -> str:
    ready = (version for version in model["resolved"] if version["state"] == "READY")
    return "; ".join(
        sorted(f"version {version['version']}: {_group(g)}" for version in ready for g in version["groups"])
    )


def _group(group: Plain) -> str:
    gpus = f" on GPU {', '.join(map(str, group['gpus']))}" if group["gpus"] else ""
    return f"{group['count']} {group['kind']}{gpus}"


def moved(before: Mapping[str, str], now: Mapping[str, str]) -> List[str]:
    """What is not served any more as it was, a sentence each; what is served in addition does not matter.

    Args:
        before, now: as of `places`.
    """
    return [
        f"{name} was {was or 'served'} before this rollout, and is {now.get(name, 'not served') or 'served'} now."
        for name, was in before.items()
        if now.get(name) != was
    ]


def report(hosts: Mapping[str, Plain], lost: Mapping[str, str], plan: Sequence[Sequence[str]], stop: str) -> Plain:
    """What there is to say of a rollout, for programs.

    Args:
        hosts: what each has kept of itself.
        lost: those whose connection ended, which cannot speak for themselves, with what was under way there.
        plan: as of `batches`.
        stop: why it stopped; empty where it did not.
    """
    told = {name: _told(host, lost.get(name)) for name, host in hosts.items()}
    counts = Counter(host["outcome"] for host in told.values())
    return {"batches": [list(batch) for batch in plan], "counts": dict(counts), "hosts": told, "stopped_by": stop}


def _told(host: Plain, lost_at: Any) -> Dict[str, Any]:
    is_lost = lost_at is not None
    return {
        "batch": host["batch"],
        "outcome": "failed" if is_lost else host["outcome"],
        "reason": f"The host was lost. {_LOST[lost_at]}" if is_lost else host["reason"],
        "drained": host["drained"],
        "version_before": host["before"]["version"],
        "version_after": None if is_lost else host["version"],
        "policy": dict(host["policy"]),
        "grades": dict(host["grades"]),
    }


def summary(told: Plain) -> Iterator[str]:
    """A `report` for people: a table, then only what needs attention, and what to do."""
    hosts: Mapping[str, Plain] = told["hosts"]
    yield from _table([_HEADER, *(_row(name, hosts[name]) for batch in told["batches"] for name in batch)])
    yield ""
    counts = ", ".join(f"{count} {outcome}" for outcome, count in told["counts"].items())
    yield f"{counted(len(hosts), 'host')}: {counts}."
    if told["stopped_by"]:
        yield f"The rollout stopped. {told['stopped_by']}."
    for name, host in hosts.items():
        if host["reason"]:
            yield ""
            yield f"{name}: {host['outcome']}{', and not in the load balancer' if host['drained'] else ''}"
            yield from (f"  {line}".rstrip() for line in host["reason"].splitlines())
    if told["stopped_by"] or not {"failed", "rolled back"}.isdisjoint(told["counts"]):
        yield ""
        yield (
            "What to do: mend what is named above, and run the same command again. "
            "Hosts that are as they should be are passed over."
        )
        if any(host["drained"] for host in hosts.values()):
            yield "A host that is drained comes back with the run in which it proves out."


def _row(name: str, host: Plain) -> Sequence[str]:
    before = host["version_before"] or "-"
    after = host["version_after"] or ("?" if host["version_before"] else "-")
    # On a host that is not done, the counts are those of the plan.
    changed = " changed" if host["outcome"] == "done" else " to change"
    return (
        name,
        str(host["batch"] or "-"),
        f"{host['outcome']}{', drained' if host['drained'] else ''}",
        before if after == before else f"{before} -> {after}",
        _counts(host["policy"], STATUSES).replace(" changed", changed),
        _counts(host["grades"], GRADES),
    )


def _counts(counts: Mapping[str, int], names: Sequence[str]) -> str:
    return ", ".join(f"{counts[name]} {name}" for name in names if counts.get(name)) or "-"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
