# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Every model as it is to be, as its file has it, and as a running server has it."""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Sequence

from .._model_config.backend import is_ensemble
from .._policy.decision import CHANGED, INCOMPATIBLE, VIOLATION, WAIVED
from .across_models import Across, across, with_its_own_log
from .causes import best_grade, problem
from .ensembles import in_loading_order, steps_of
from .evidence import gather
from .grades import CONSISTENT, CONTRADICTED, PROVED, worst
from .index_states import ON_ITS_WAY, READY
from .placement import failed_load, judge, of_policy
from .placement_difference import describe, running_groups
from .proof import Proof
from .records import POLICY, Drift, Evidence, ModelProof, OnDisk, Problem, SeenModel, SeenVersion, ServerSeen
from .serving import look, plain

_NO_DRIFT = Drift(None, None, None)


def compare(models: Sequence[OnDisk], server: ServerSeen) -> Proof:
    """Hold every model against a running server.

    Args:
        models: all of the repositories, also those that the server hides.
    """
    server = with_its_own_log(server)
    together = across(server)
    by_name: Dict[str, List[OnDisk]] = {}
    for model in models:
        by_name.setdefault(model.name, []).append(model)
    proofs = []
    for model in models:
        elsewhere = [other.repository for other in by_name[model.name] if other is not model]
        proofs.append(_of_model(model, server.models.get(model.name), server, together, elsewhere))
    proofs += [_of_extra(seen) for name, seen in server.models.items() if name not in by_name and _serves(seen)]
    steps: Dict[str, List[str]] = {}
    for model in models:
        steps.setdefault(model.name, []).extend(steps_of(model.config))
    proofs = _with_steps(proofs, steps)
    proofs.sort(key=lambda proof: (proof.name, proof.on_disk.repository if proof.on_disk else ""))
    pending = in_loading_order((proof.name for proof in proofs if proof.pending), steps)
    return Proof(proofs, pending, server)


def _of_model(
    model: OnDisk, seen: Optional[SeenModel], server: ServerSeen, together: Across, elsewhere: Sequence[str]
) -> ModelProof:
    serving = look(model, seen, server, elsewhere)
    problems, evidence = list(serving.problems), []
    caps: List[str] = []
    fields: Dict[str, None] = {}
    unlike_wanted, takes_up, known = False, serving.wants_load, False
    for version in _that_count(model, serving.ready):
        if version.config is None:
            failed = failed_load(model, version, server)
            problems += filter(None, (failed, _config_unknown(model, version)))
            takes_up = takes_up or failed is not None
            continue
        known = True
        judged = judge(model, version, version.config, server, together)
        problems += judged.problems
        fields.update(dict.fromkeys(judged.fields))
        unlike_wanted, takes_up = unlike_wanted or judged.unlike_wanted, takes_up or judged.takes_up
        if is_ensemble(version.config):
            evidence.append(Evidence("ensemble", f"Version {version.version} has no instances but its steps'.", False))
        if judged.groups:
            support = gather(model, version, version.config, judged.groups, server, together)
            evidence += support.evidence
            caps.append(PROVED if support.confirmed and support.honoured else CONSISTENT)
    if model.expected.status == WAIVED:
        evidence.append(
            Evidence("waiver", f"It need not be as the policy wants it: {plain(model.expected.reason)}.", False)
        )
    problems += of_policy(model)
    problems += _of_probe(model, server)
    problems = _once(problems)
    grade = worst([*caps, *(best_grade(found.id, model.critical) for found in problems)])
    drift = _drift(model, list(fields), unlike_wanted) if known else _NO_DRIFT._replace(policy_file=_policy_file(model))
    return ModelProof(model.name, grade, model, seen, evidence, problems, drift, takes_up)


def _that_count(model: OnDisk, ready: Sequence[SeenVersion]) -> Sequence[SeenVersion]:
    """The versions that should serve; where none of them does, those that serve in their place."""
    wanted = [version for version in ready if version.version in map(str, model.versions)]
    return wanted or ready


def _config_unknown(model: OnDisk, version: SeenVersion) -> Problem:
    reason = plain(version.config_error or "no reason is given")
    return problem("config_unknown", model.critical, version=version.version, reason=reason)


def _of_probe(model: OnDisk, server: ServerSeen) -> List[Problem]:
    probe = server.probes.get(model.name)
    if probe is None or probe.outcome != "failed":
        return []
    return [problem("probe_failed", model.critical, reason=plain(probe.text))]


def _serves(seen: SeenModel) -> bool:
    return any(version.state in (READY, *ON_ITS_WAY) for version in seen.versions)


def _of_extra(seen: SeenModel) -> ModelProof:
    evidence = [
        Evidence("resolved", f"Version {version.version} runs with {describe(running_groups(version.config))}.", False)
        for version in seen.versions
        if version.config
    ]
    found = problem("extra_model", False)
    return ModelProof(seen.name, best_grade(found.id, False), None, seen, evidence, [found], _NO_DRIFT, False)


def _once(problems: Sequence[Problem]) -> List[Problem]:
    """Problems, each once, though several versions have it; those that contradict first."""
    return sorted(dict.fromkeys(problems), key=lambda found: found.severity)


def _policy_file(model: OnDisk) -> Optional[bool]:
    expected = model.expected
    if not expected.met:
        return True
    return expected.status in (CHANGED, VIOLATION, INCOMPATIBLE) if expected.source == POLICY else None


def _drift(model: OnDisk, fields: Sequence[str], unlike_wanted: bool) -> Drift:
    held = model.expected.source == POLICY and model.expected.met
    return Drift(
        _policy_file(model),
        None if model.errors else bool(fields),
        unlike_wanted if held else None,
        list(fields),
    )


def _with_steps(proofs: Sequence[ModelProof], steps: Mapping[str, Sequence[str]]) -> List[ModelProof]:
    """Proofs in which an ensemble is no better than the worst of the models that it is made of."""
    final: Dict[str, str] = {}
    for proof in proofs:
        final[proof.name] = worst([final.get(proof.name, PROVED), proof.grade])
    # Steps come before their ensembles, so that the grade of an ensemble is settled when another one asks for it.
    for name in in_loading_order(list(final), steps):
        final[name] = worst([final[name], *(final[step] for step in steps.get(name, ()) if step in final)])
    return [_with_its_steps(proof, final) for proof in proofs]


def _with_its_steps(proof: ModelProof, final: Mapping[str, str]) -> ModelProof:
    model = proof.on_disk
    steps = [] if model is None else [step for step in steps_of(model.config) if step != proof.name]
    if model is None or not steps:
        return proof
    bad = [step for step in steps if final.get(step) == CONTRADICTED]
    missing = [step for step in steps if step not in final]
    problems = list(proof.problems)
    if bad:
        texts = {"steps": f"step {bad[0]} is", "they": "it"}
        if len(bad) > 1:
            texts = {"steps": f"steps {', '.join(bad)} are", "they": "they"}
        problems.append(problem("step_contradicted", model.critical, **texts))
    if missing:
        problems.append(problem("step_missing", model.critical, steps=", ".join(missing)))
    told = ", ".join(f"{step} {final.get(step, 'is not there')}" for step in steps)
    evidence = [*proof.evidence, Evidence("steps", f"It is no better than its steps: {told}.", False)]
    grades = [final[step] for step in steps if step in final]
    grade = worst([proof.grade, *grades, *(best_grade(found.id, model.critical) for found in problems)])
    return proof._replace(grade=grade, evidence=evidence, problems=_once(problems))
