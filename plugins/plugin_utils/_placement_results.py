# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin util is PRIVATE to the collection: it can change without notice.
"""The results of this collection's modules on one host, read with care: what is not as documented is left out."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from ._listing import first_line, one_line

GPUS, POLICY, PROOF, PREDICTION = "gpu_facts", "instance_group_policy", "placement_info", "model_repository_info"
# Without one of these a run was not about placement. A prediction alone may be about hosts that are not there.
TELLING = (GPUS, POLICY, PROOF)
MODULES = (*TELLING, PREDICTION)

# Characters of a message. It may be a report of many lines.
LONGEST = 800

# What the role gpu and the preflight of the role placement tell of each finding, which the facts have too.
_FINDING = re.compile(r"^(?:error|warning|info): \w+\n(?:  .*\n?)+", re.MULTILINE)
# What ansible-core 2.19 and newer put before a message.
_WHERE = re.compile(r"^(?:(?:Task|Module|Action) failed: )+")

Plain = Mapping[str, Any]


class Result(NamedTuple):
    """What one module found on a host, of all items where it ran in a loop.

    Attributes:
        models: its entries of models, by their documented keys.
        counts: its numbers, summed over the items.
        gpus: the facts of `gpu_facts`.
        seen_gpus: number of the GPUs that a server uses, as a proof or a prediction knows it.
        server: address, version and control mode of the server of a proof.
        server_errors: why a server did not answer, each with ``seen`` and ``remedy``.
        error: the message of a module that found nothing; empty where it did.
        said: messages that a task may repeat that fails because of them.
    """

    models: List[Plain]
    counts: Dict[str, int]
    gpus: Optional[Plain]
    seen_gpus: Optional[int]
    server: Optional[Plain]
    server_errors: List[Plain]
    error: str
    said: List[str]


class HostResults(NamedTuple):
    """What is known of one host. The result of a module that did not run, or was hidden, is None.

    Attributes:
        check_mode: whether what `instance_group_policy` says it changed was not changed.
        restored: whether, after that, the files were put back.
        hidden: whether ``no_log`` keeps a result from us.
        failure: what the host failed with in the end; empty where it did not.
        task: name of the task that failed; empty where it is not known.
    """

    gpus: Optional[Result] = None
    policy: Optional[Result] = None
    proof: Optional[Result] = None
    prediction: Optional[Result] = None
    check_mode: bool = False
    restored: bool = False
    unreachable: bool = False
    failure: str = ""
    task: str = ""
    hidden: bool = False


def read_host(raw: Any) -> HostResults:
    """The results on one host.

    Args:
        raw: the results by the short names of the modules, as they were registered; also ``check_mode``, ``restored``,
            ``unreachable``, ``failed``, ``msg`` and ``task`` of the host itself.
    """
    given = mapping(raw)
    results = [mapping(given.get(name)) for name in MODULES]
    gpus, policy, proof, prediction = (read_result(result) for result in results)
    # A host that could be asked something is reachable.
    told = gpus or policy or proof or prediction
    lost: Plain = {} if told else next((result for result in results if result.get("unreachable")), {})
    failed = given.get("failed") or given.get("unreachable")
    return HostResults(
        gpus,
        policy,
        proof,
        prediction,
        check_mode=bool(given.get("check_mode")),
        restored=bool(given.get("restored")),
        unreachable=bool(given.get("unreachable") or lost),
        task=one_line(given.get("task")) if failed else "",
        failure=(message(given) or "the task says nothing") if failed else message(lost),
        hidden=any("censored" in result for result in results),
    )


def read_result(raw: Plain) -> Optional[Result]:
    """One result, also that of a task in a loop. None where the module did not run."""
    looped = raw.get("results")
    items = [mapping(item) for item in looped] if isinstance(looped, list) else [raw]
    read = [_item(item) for item in items if not _is_nothing(item)]
    if not read:
        return None
    counts: Dict[str, int] = {}
    for one in read:
        for name, number in one.counts.items():
            counts[name] = counts.get(name, 0) + number
    return Result(
        [model for one in read for model in one.models],
        counts,
        next((one.gpus for one in reversed(read) if one.gpus is not None), None),
        next((one.seen_gpus for one in reversed(read) if one.seen_gpus is not None), None),
        next((one.server for one in reversed(read) if one.server), None),
        [error for one in read for error in one.server_errors],
        next((one.error for one in read if one.error), ""),
        [text for one in read for text in one.said],
    )


def _item(raw: Plain) -> Result:
    server_error, server = mapping(raw.get("server_error")), mapping(raw.get("server"))
    gpus = mapping(mapping(raw.get("ansible_facts")).get("triton_gpu"))
    counts = {
        name: number
        for name, number in mapping(raw.get("counts")).items()
        if isinstance(name, str) and isinstance(number, int) and not isinstance(number, bool)
    }
    found = bool(counts or gpus or server_error)
    views = (mapping(raw.get("host")), server)
    return Result(
        mappings(raw.get("models")),
        counts,
        gpus or None,
        next((len(view["gpus"]) for view in views if isinstance(view.get("gpus"), list)), None),
        server if server.get("url") else None,
        [server_error] if server_error else [],
        "" if found else message(raw) or "the result is not one of this module",
        list(filter(None, (one_line(raw.get("summary")), message(raw)))),
    )


def _is_nothing(item: Plain) -> bool:
    return not item or bool(item.get("skipped") or item.get("unreachable")) or "censored" in item


def message(raw: Plain) -> str:
    """What a task failed with, as one line; of the first item where it ran in a loop. Not all of what is very long."""
    looped = raw.get("results")
    items = [mapping(item) for item in looped] if isinstance(looped, list) else []
    failed = [item for item in items if item.get("failed") or item.get("unreachable")]
    for one in (*failed, raw):
        for key in ("msg", "exception", "module_stderr"):
            text = one.get(key)
            told = one_line(_FINDING.sub("", text)) if isinstance(text, str) else ""
            if told:
                # What ssh says after its first line is about its configuration.
                told = one_line(first_line(text)) if one.get("unreachable") else told
                told = _WHERE.sub("", told)
                return told if len(told) <= LONGEST else told[:LONGEST] + "..."
    return ""


def mapping(value: Any) -> Plain:
    return value if isinstance(value, Mapping) else {}


def mappings(value: Any) -> List[Plain]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, (list, tuple)) else []
