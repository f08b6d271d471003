# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin util is PRIVATE to the collection: it can change without notice.
"""What needs the attention of a person in a fleet, each thing once however many hosts and models have it."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Mapping, Match, NamedTuple, Sequence, Tuple

from ._listing import natural, one_line
from ._placement_results import HostResults, Plain, Result, mapping, mappings

ERROR, WARNING = "error", "warning"
_SEVERITIES = (ERROR, WARNING)
# Numbers, and paths in which there are names.
_WORD, _VARIES = re.compile(r"[\w./:-]+"), re.compile(r"[0-9/]")


class Attention(NamedTuple):
    """One thing on one host.

    Attributes:
        id: a problem of `placement_info`, a status of `instance_group_policy`, a state of `gpu_facts`, or one below.
        model: empty where it is about the host.
        cause, cure: sentences; the cure may be empty.
    """

    severity: str
    id: str
    host: str
    model: str
    cause: str
    cure: str


class Group(NamedTuple):
    """The same thing, on one or many hosts.

    Attributes:
        hosts: in natural order, each with the models that have it.
        alike: whether cause and cure are those of one of them, and the others' differ in names and numbers.
    """

    severity: str
    id: str
    hosts: Mapping[str, Sequence[str]]
    cause: str
    cure: str
    alike: bool


NO_ANSWER, UNREACHABLE, RESTORED, FAILED = "no_answer", "unreachable", "restored", "failed"
TASK_FAILED, NO_RESULT, HIDDEN = "task_failed", "no_result", "hidden_by_no_log"
SILENT_CPU, WILL_NOT_LOAD, TO_CHANGE = "silent_cpu", "will_not_load", "to_change"
# Before what to do, in the messages of the roles.
_CURE = " What to do: "
# What a proof says of a file that the policy would write.
_NOT_ENFORCED = "policy_not_enforced"

# What keeps everything else from being known comes first.
_FIRST = (NO_ANSWER, UNREACHABLE, RESTORED, FAILED, TASK_FAILED, HIDDEN, NO_RESULT)

_CURES = {
    UNREACHABLE: "See that the host is up and that Ansible can log in there.",
    RESTORED: "The files are as they were before this run. Correct what the message names, and run this again.",
    FAILED: "Correct what the message names, and run this again.",
    TASK_FAILED: "Correct what the message names, and run this again.",
    HIDDEN: "Leave no_log out of this task: no secret is in its result.",
    NO_RESULT: "See why no task of this collection ran on the host.",
}


class _Status(NamedTuple):
    id: str
    severity: str
    cure: str


_WRITE = "Have it written by inference.triton.enforce, or by instance_group_policy without check mode."
# The statuses of `instance_group_policy` that need somebody. That of a changed file only does while it was not written.
_STATUSES = {
    "changed": _Status(TO_CHANGE, WARNING, _WRITE),
    "violation": _Status(
        "violation", ERROR, "Change the model or the policy, or give the model a waiver with a reason."
    ),
    "incompatible": _Status("incompatible", ERROR, "Give this model a rule that its backend can run, or a waiver."),
    "template": _Status("template", WARNING, "Fill in the placeholders of the file before it is deployed."),
    "invalid": _Status("invalid", ERROR, "Correct the file."),
    "unmatched": _Status("unmatched", WARNING, "Give the policy a rule for this model, or a last one for all."),
}


def attention(host: str, results: HostResults) -> List[Attention]:
    """Everything on one host that needs somebody."""
    found = [*_of_host(host, results)]
    if results.unreachable:
        return found
    found += _of_tasks(host, results)
    if results.proof and results.proof.models:
        found += _of_proof(host, results.proof)
    elif results.prediction:
        found += _of_prediction(host, results.prediction)
    if results.policy:
        found = _merged(found, [*_of_policy(host, results.policy, results)])
    if results.gpus and results.gpus.gpus:
        found += _of_gpus(host, results.gpus.gpus)
    return [thing for thing in found if thing.id != FAILED or not _is_told(results, found)]


def _is_told(results: HostResults, found: Sequence[Attention]) -> bool:
    """Whether what the host failed with is only what a module has said, or what is told anyway."""
    told = [thing.cause for thing in found if thing.id != FAILED and thing.severity == ERROR]
    modules = (results.gpus, results.policy, results.proof, results.prediction)
    said = [text for result in modules if result for text in result.said]
    return bool(told) and (
        any(text in results.failure for text in said) or results.failure.startswith(tuple(filter(None, told)))
    )


def _of_host(host: str, results: HostResults) -> Iterator[Attention]:
    for error in results.proof.server_errors if results.proof else ():
        url, seen = one_line(error.get("url")), one_line(error.get("seen")) or one_line(error.get("msg"))
        cause = f"The server does not answer: {f'{url}: ' if url else ''}{seen or 'why is not known'}"
        yield Attention(ERROR, NO_ANSWER, host, "", cause, one_line(error.get("remedy")))
    nothing = not any((results.gpus, results.policy, results.proof, results.prediction))
    failure = f"{results.task}: {results.failure}" if results.task else results.failure
    states = (
        (UNREACHABLE, results.unreachable, results.failure),
        (
            RESTORED,
            results.restored and not results.unreachable,
            results.failure or "What this run changed was taken back.",
        ),
        (FAILED, results.failure and not results.unreachable and not results.restored, failure),
        (HIDDEN, results.hidden, "The result of a task is hidden, since the task has no_log."),
        (NO_RESULT, nothing and not (results.failure or results.hidden), "No task has a result for this host."),
    )
    for id_, there, text in states:
        if there:
            cause, _no_cure, cure = one_line(text).partition(_CURE)
            yield Attention(ERROR, id_, host, "", cause, _sentence(cure) or _CURES[id_])


def _of_tasks(host: str, results: HostResults) -> Iterator[Attention]:
    for name, result in (
        ("placement_info", results.proof),
        ("instance_group_policy", results.policy),
        ("gpu_facts", results.gpus),
        ("model_repository_info", results.prediction),
    ):
        if result and result.error:
            yield Attention(ERROR, TASK_FAILED, host, "", f"{name}: {result.error}", _CURES[TASK_FAILED])


def _of_proof(host: str, proof: Result) -> Iterator[Attention]:
    for model in proof.models:
        for problem in mappings(model.get("problems")):
            if problem.get("severity") in _SEVERITIES:
                yield _said(host, one_line(model.get("name")), problem, "id", "text", "cure")


def _of_prediction(host: str, prediction: Result) -> Iterator[Attention]:
    for model in prediction.models:
        name, predicted = one_line(model.get("model")), mapping(model.get("prediction"))
        cure = one_line(predicted.get("cure"))
        if predicted.get("silent_cpu"):
            cause = one_line(mapping(predicted.get("cause")).get("text"))
            yield Attention(ERROR, SILENT_CPU, host, name, cause or "Nobody decided that it runs on the CPU.", cure)
        elif predicted.get("loads") is False:
            cause = _sentence(f"The server would not load it: {one_line(predicted.get('error'))}")
            yield Attention(ERROR, WILL_NOT_LOAD, host, name, cause, cure or "Correct what the server names.")


def _merged(proved: Sequence[Attention], planned: Sequence[Attention]) -> List[Attention]:
    """What a proof and the policy say of the same file, once: as the policy has it where it would write the file."""
    to_change = {_name(thing) for thing in planned if thing.id == TO_CHANGE}
    found = [
        thing
        for thing in proved
        if not (thing.id == _NOT_ENFORCED and thing.severity == WARNING and thing.model in to_change)
    ]
    told = {thing.model for thing in found if thing.id.startswith("policy_")}
    return found + [thing for thing in planned if _name(thing) not in told]


def _name(thing: Attention) -> str:
    """The model without the variant of its configuration."""
    return thing.model.partition(" (")[0]


def _of_policy(host: str, policy: Result, results: HostResults) -> Iterator[Attention]:
    for entry in policy.models:
        status = _STATUSES.get(one_line(entry.get("status")))
        if status is None or entry.get("known") or (status.id == TO_CHANGE and not results.check_mode):
            continue
        reason = one_line(entry.get("reason"))
        cause = _sentence(f"The policy changes its file: {reason}" if status.id == TO_CHANGE else reason)
        yield Attention(status.severity, status.id, host, _model(entry), cause, status.cure)


def _model(entry: Plain) -> str:
    variant = one_line(entry.get("config_name"))
    return one_line(entry.get("model")) + (f" (configs/{variant}.pbtxt)" if variant else "")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) or not text else ".")


def _of_gpus(host: str, facts: Plain) -> Iterator[Attention]:
    for finding in mappings(facts.get("findings")):
        if finding.get("severity") in _SEVERITIES:
            thing = _said(host, "", finding, "state", "explanation", "remedy")
            where = one_line(finding.get("where")) if finding.get("scope") == "gpu" else ""
            yield thing._replace(cause=f"{where}: {thing.cause}" if where else thing.cause)


def _said(host: str, model: str, problem: Mapping[str, Any], *keys: str) -> Attention:
    id_, cause, cure = (one_line(problem.get(key)) for key in keys)
    return Attention(problem["severity"], id_ or "unknown", host, model, cause, cure)


def grouped(things: Sequence[Attention]) -> List[Group]:
    """The same things together: errors first, of them what keeps others from being known, then what many have."""
    together: Dict[Tuple[str, ...], List[Attention]] = {}
    for thing in things:
        together.setdefault(_kind(thing), []).append(thing)
    return [_group(members) for members in sorted(together.values(), key=_rank)]


def _kind(thing: Attention) -> Tuple[str, ...]:
    """What is the same in things that differ only in names and numbers."""
    names = (_name(thing), thing.host)

    def kept(match: Match[str]) -> str:
        word = match.group()
        return "#" if word.rstrip(".:") in names or _VARIES.search(word) else word

    return (thing.severity, thing.id, _WORD.sub(kept, thing.cause), _WORD.sub(kept, thing.cure))


def _rank(members: Sequence[Attention]) -> Tuple[Any, ...]:
    first = members[0]
    place = _FIRST.index(first.id) if first.id in _FIRST else len(_FIRST)
    return (_SEVERITIES.index(first.severity), place, -len(members), first.id, natural(first.host), first.cause)


def _group(members: Sequence[Attention]) -> Group:
    ordered = sorted(members, key=lambda thing: (natural(thing.host), natural(thing.model)))
    hosts: Dict[str, List[str]] = {}
    for thing in ordered:
        models = hosts.setdefault(thing.host, [])
        if thing.model and thing.model not in models:
            models.append(thing.model)
    first = ordered[0]
    alike = any((thing.cause, thing.cure) != (first.cause, first.cure) for thing in ordered)
    return Group(first.severity, first.id, hosts, first.cause, first.cure, alike)
