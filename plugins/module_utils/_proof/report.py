# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The outcome in words: what is not where it should be, why, and what to do."""

from __future__ import annotations

from typing import Dict, Iterator, List, Sequence, Tuple

from .._model_config.backend import is_ensemble
from .causes import ERROR
from .grades import CONSISTENT, CONTRADICTED, GRADES, PROVED, UNPROVED
from .index_states import READY
from .placement_difference import describe, describe_wanted, running_groups
from .records import POLICY, ModelProof, ServerSeen

_NAMED = 5  # as many names stand in the summary
_TOLD = 50  # as many models are told of at length


def summary(models: Sequence[ModelProof]) -> str:
    """One sentence."""
    if not models:
        return "There is no model in the given repositories, and the server has none either."
    names = _by_grade(models)
    total = len(models)
    if names[CONTRADICTED]:
        count = len(names[CONTRADICTED])
        are, they = ("is", "it") if count == 1 else ("are", "they")
        return f"{count} of {_models(total)} {are} not where {they} should be: {_listed(names[CONTRADICTED])}"
    if names[UNPROVED]:
        count = len(names[UNPROVED])
        told = f"{count} of {_models(total)} {'is' if count == 1 else 'are'} not proved to be in the right one"
        return f"No model is known to be in the wrong place, and {told}: {_listed(names[UNPROVED])}"
    graded = [f"{len(names[grade])} {grade}" for grade in (PROVED, CONSISTENT) if names[grade]]
    if total == 1:
        return f"The one model is where it should be ({models[0].grade})."
    return f"All {total} models are where they should be: {' and '.join(graded)}."


def lines(models: Sequence[ModelProof], server: ServerSeen) -> List[str]:
    """The summary, and below it each model with a problem: what is wanted, what runs, the cause and the cure."""
    told = [summary(models)]
    if not server.ready and models:
        told.append("The server itself says that it is not ready.")
    concerned = sorted((proof for proof in models if proof.problems), key=_urgency)
    for proof in concerned[:_TOLD]:
        told += ["", *_of_model(proof)]
    rest = concerned[_TOLD:]
    if rest:
        told += ["", f"And {len(rest)} more, told in 'models' of the result: {_listed([proof.name for proof in rest])}"]
    return told


def _of_model(proof: ModelProof) -> Iterator[str]:
    critical = proof.on_disk is not None and proof.on_disk.critical
    where = f" ({proof.on_disk.repository})" if proof.on_disk is not None else ""
    yield f"{proof.name}: {proof.grade}{'' if critical or proof.on_disk is None else ', not critical'}{where}"
    yield f"  wanted: {_wanted(proof)}"
    yield f"  runs:   {_running(proof)}"
    for found in proof.problems:
        yield f"  {'cause: ' if found.severity == ERROR else 'note:  '} {found.text} [{found.id}]"
        if found.cure:
            yield f"  cure:   {found.cure}"


def _wanted(proof: ModelProof) -> str:
    if proof.on_disk is None:
        return "nothing is known"
    if is_ensemble(proof.on_disk.config):
        return "served, by its steps"
    expected = proof.on_disk.expected
    if expected.source != POLICY and not expected.groups:
        return "whatever the server chooses: neither the file nor a rule has an instance_group"
    by = f"the policy ({expected.rule})" if expected.source == POLICY and expected.rule else "the policy"
    by = by if expected.source == POLICY else "the file"
    return f"{describe_wanted(expected.groups)}, by {by}"


def _running(proof: ModelProof) -> str:
    versions = () if proof.seen is None else proof.seen.versions
    texts = []
    for version in versions:
        if version.state != READY:
            continue
        if version.config is None:
            texts.append(f"version {version.version}, it is not known how")
        else:
            groups = running_groups(version.config)
            texts.append(f"version {version.version}: {describe(groups)}")
    return "; ".join(texts) or "not served"


def _urgency(proof: ModelProof) -> Tuple[int, bool, str]:
    critical = proof.on_disk is not None and proof.on_disk.critical
    return (-GRADES.index(proof.grade), not critical, proof.name)


def _by_grade(models: Sequence[ModelProof]) -> Dict[str, List[str]]:
    names: Dict[str, List[str]] = {grade: [] for grade in GRADES}
    for proof in sorted(models, key=_urgency):
        names[proof.grade].append(proof.name)
    return names


def _models(count: int) -> str:
    return f"{count} model{'' if count == 1 else 's'}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}."
