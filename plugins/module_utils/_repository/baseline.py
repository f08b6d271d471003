# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The baseline: a file of violations that are known, so that a fleet can start by failing on new ones only.

A violation is known as long as the same configuration breaks the same rule with the same instance groups. The file is
JSON with one violation on a line, in an order that does not depend on the run, so that it can be kept under version
control.
"""

from __future__ import annotations

import json
import os
from typing import FrozenSet, List, NamedTuple, Optional, Sequence

from .._policy import decision
from .files import MAX_SIZE, FileError, read_file
from .planning import Edit, Plan
from .results import printable

FORMAT = 1
KNOWABLE = (decision.VIOLATION, decision.INCOMPATIBLE)


class Baseline(NamedTuple):
    """A baseline beside the violations of a run.

    Attributes:
        path: of the file.
        known: the keys of the violations that it knows of, the new ones too where it is to be written.
        edit: what to write, None where the file is to be left alone or already is as it should be.
        fixed: how many of its violations are none any more.
    """

    path: str
    known: FrozenSet[str]
    edit: Optional[Edit]
    fixed: int


def compare(path: str, plans: Sequence[Plan], write: bool) -> Baseline:
    """The baseline in a file, or (``write``) the one that knows of every violation of the plans.

    Raises:
        FileError: the file cannot be read or is no baseline.
    """
    directory = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(directory):
        raise FileError(f"{directory}: there is no such directory. Make it, or correct the path of the baseline.")
    if os.path.exists(path) and not os.path.isfile(path):
        raise FileError(f"{path}: is not a regular file. Give baseline the path of a file.")
    text = read_file(path)
    now = frozenset(_key(plan) for plan in plans if plan.decision.status in KNOWABLE)
    if write:
        edit = Edit(text, _text(now))
        if len(edit.after or b"") > MAX_SIZE:
            raise FileError(f"{path}: {len(now)} violations are too many. Give each repository a baseline of its own.")
        return Baseline(path, now, edit if edit.before != edit.after else None, 0)
    if text is None:
        raise FileError(f"{path}: there is no such baseline. Write one with write_baseline: true, or correct the path.")
    known = _parse(path, text)
    return Baseline(path, known, None, len(known - now))


def marked(plans: Sequence[Plan], baseline: Baseline) -> List[Plan]:
    """The plans, those with a known violation marked."""
    return [plan._replace(known=plan.decision.status in KNOWABLE and _key(plan) in baseline.known) for plan in plans]


def _key(plan: Plan) -> str:
    """A violation as one line of text."""
    violation = {
        "repository": plan.model.repository,
        "model": plan.model.name,
        "config_name": plan.config.config_name,
        "status": plan.decision.status,
        "rule": plan.decision.rule.name if plan.decision.rule else None,
        "before": plan.decision.before,
    }
    return json.dumps(printable(violation), sort_keys=True)


def _text(keys: FrozenSet[str]) -> bytes:
    lines = ",\n".join(f"  {key}" for key in sorted(keys))
    return f'{{\n "format": {FORMAT},\n "violations": [\n{lines}\n ]\n}}\n'.encode()


def _parse(path: str, text: bytes) -> FrozenSet[str]:
    try:
        data = json.loads(text)
        if data["format"] == FORMAT and all(isinstance(item, dict) for item in data["violations"]):
            return frozenset(json.dumps(item, sort_keys=True) for item in data["violations"])
        why = f"it is not in the format {FORMAT}"
    except (LookupError, TypeError):
        why = "it is JSON, but not of a baseline"
    except (ValueError, RecursionError) as error:
        why = f"it is not JSON ({error})"
    raise FileError(f"{path}: is no baseline: {why}. Restore the file, or write it anew with write_baseline: true.")
