# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin util is PRIVATE to the collection: it can change without notice.
"""What the facts of a host's GPUs become when they are kept on the host."""

from __future__ import annotations

import datetime
import json
from typing import Any, Collection, Dict, Mapping

# What differs between two looks at one host in one state: a file with it would change at every run.
_PASSING = frozenset({"probes", "servers", "report"})
_PASSING_OF_A_GPU = frozenset({"memory_used_mib", "memory_free_mib"})
_PASSING_OF_A_FINDING = frozenset({"evidence"})


def local_fact(facts: Mapping[str, Any], before: str, now: datetime.datetime) -> Dict[str, Any]:
    """The content of the local fact, which is the one that there is where nothing has changed.

    Args:
        facts: those of the module gpu_facts.
        before: the text of the local fact that there is, or nothing.
        now: the time, in UTC.
    """
    content = _without(facts, _PASSING)
    content["gpus"] = [_without(gpu, _PASSING_OF_A_GPU) for gpu in facts["gpus"]]
    content["findings"] = [_without(finding, _PASSING_OF_A_FINDING) for finding in facts["findings"]]
    content["boot_id"] = facts["environment"]["boot_id"]
    generated_at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    try:
        known = json.loads(before)
    except ValueError:
        known = None
    if isinstance(known, dict):
        since = known.pop("generated_at", None)
        generated_at = since if known == content and isinstance(since, str) else generated_at
    return {**content, "generated_at": generated_at}


def _without(values: Mapping[str, Any], names: Collection[str]) -> Dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}
