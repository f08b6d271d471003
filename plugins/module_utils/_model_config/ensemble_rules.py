# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Rules for ensembles: what they must not have, and how their steps have to be wired."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Set, Tuple

from .._textproto.document import Path
from .backend import ENSEMBLE, derive
from .semantic_rule import Breach, Rule, Subject, at, refused

_VALIDATE = "triton core: src/model_config_utils.cc, ValidateModelConfig"
_SCHEDULING = "triton core: src/model_config_utils.cc, ValidateEnsembleSchedulingConfig"
_GRAPH = "triton core: src/model_config_utils.cc, BuildEnsembleGraph"


def _backend_beside_platform(subject: Subject) -> Iterator[Breach]:
    if subject.config.get("platform") == ENSEMBLE and subject.config.get("backend"):
        yield at("backend")


def _no_scheduling(subject: Subject) -> Iterator[Breach]:
    config = subject.config
    if config.get("platform") == ENSEMBLE and not config.get("backend") and "ensemble_scheduling" not in config:
        yield at("platform")


def _another_platform(subject: Subject) -> Iterator[Breach]:
    if "ensemble_scheduling" in subject.config and _backend_without_scheduling(subject):
        yield at("platform" if subject.config.get("platform") else "ensemble_scheduling")


def _no_platform(subject: Subject) -> Iterator[Breach]:
    config = subject.config
    if "ensemble_scheduling" in config and not config.get("platform") and not _backend_without_scheduling(subject):
        yield at("ensemble_scheduling")


def _backend_without_scheduling(subject: Subject) -> str:
    """The backend that Triton finds in a model that does not say it is an ensemble; empty for one that does."""
    config = {name: value for name, value in subject.config.items() if name != "ensemble_scheduling"}
    return derive(config, subject.model.directory or "", ()).backend


def _must_not_have(field: str) -> Callable[[Subject], Iterator[Breach]]:
    def breaches(subject: Subject) -> Iterator[Breach]:
        if "ensemble_scheduling" in subject.config and field in subject.config:
            yield at(field)

    return breaches


def _steps(subject: Subject) -> List[Mapping[str, Any]]:
    return list(subject.config.get("ensemble_scheduling", {}).get("step", ()))


def _no_steps(subject: Subject) -> Iterator[Breach]:
    if "ensemble_scheduling" in subject.config and not _steps(subject):
        yield at("ensemble_scheduling")


def _incomplete_steps(subject: Subject) -> Iterator[Breach]:
    for index, step in enumerate(_steps(subject)):
        for field in ("model_name", "input_map", "output_map"):
            if not step.get(field):
                yield at("ensemble_scheduling", "step", index, field=field, step=index)


class _Wiring(NamedTuple):
    """The tensors of an ensemble whose steps are complete.

    Attributes:
        inputs, outputs: those of the ensemble, in order.
        reads, writes: for each step, the tensors that it takes and gives.
        ready: what is there once every step ran whose tensors are.
    """

    inputs: List[str]
    outputs: List[str]
    reads: List[List[str]]
    writes: List[List[str]]
    ready: Set[str]


def _wiring(subject: Subject) -> _Wiring:
    """The wiring; an empty one where the server would not get that far."""
    config, steps = subject.config, _steps(subject)
    if not steps or any(_incomplete_steps(subject)):
        return _Wiring([], [], [], [], set())
    inputs, outputs = ([str(io.get("name", "")) for io in config.get(way, ())] for way in ("input", "output"))
    reads, writes = ([list(step[way].values()) for step in steps] for way in ("input_map", "output_map"))
    ready = set(inputs)
    for _round in steps:
        for taken, given in zip(reads, writes):
            if ready.issuperset(taken):
                ready.update(given)
    return _Wiring(inputs, outputs, reads, writes, ready)


def _written_twice(wiring: _Wiring) -> Iterator[Breach]:
    seen: Set[str] = set()
    for index, names in enumerate(wiring.writes):
        for name in names:
            if name in seen:
                yield at("ensemble_scheduling", "step", index, "output_map", tensor=name, step=index)
            seen.add(name)


def _unused_inputs(wiring: _Wiring) -> Iterator[Breach]:
    tensors = _tensors(wiring)
    return (at("input", index, tensor=name) for index, name in enumerate(wiring.inputs) if name not in tensors)


def _unused_outputs(wiring: _Wiring) -> Iterator[Breach]:
    tensors = _tensors(wiring)
    return (at("output", index, tensor=name) for index, name in enumerate(wiring.outputs) if name not in tensors)


def _unwritten_outputs(wiring: _Wiring) -> Iterator[Breach]:
    given = {name for names in [wiring.inputs, *wiring.writes] for name in names}
    missing = [f"'{name}'" for name in _tensors(wiring) if name not in given]
    names = ", ".join(missing)
    cure = f"Let an input of the ensemble or a step give {names}." if names else "Break the circle of the steps."
    for index, name in enumerate(wiring.outputs):
        if name not in wiring.ready:
            yield at("output", index, tensor=name, waits=_waits_for(wiring, name), cure=cure)


def _waits_for(wiring: _Wiring, output: str) -> str:
    """Which tensor an output waits for in the end, as the server tells it."""
    last = output
    seen: Set[str] = set()
    while True:
        sources = [name for taken, given in zip(wiring.reads, wiring.writes) if last in given for name in taken]
        missing = [name for name in sources if name not in wiring.ready and name not in seen]
        if not missing:
            break
        last = missing[0]
        seen.add(last)
    return "" if last == output else f": at least one of its depending tensors, '{last}', is not connected"


def _unused_tensors(wiring: _Wiring) -> Iterator[Breach]:
    read = {name for names in wiring.reads for name in names}
    for name, place in _tensors(wiring).items():
        if name not in wiring.outputs and name not in wiring.ready:
            yield at(*place, tensor=name, cure="Let an input or another step give all that its step reads.")
        elif name not in wiring.outputs and name not in read:
            yield at(*place, tensor=name, cure="Let a step read it, make it an output of the ensemble, or remove it.")


def _tensors(wiring: _Wiring) -> Dict[str, Path]:
    """Where each tensor first stands in a step; what a step writes before what it reads."""
    places: Dict[str, Path] = {}
    for way, of_steps in (("output_map", wiring.writes), ("input_map", wiring.reads)):
        for index, names in enumerate(of_steps):
            for name in names:
                places.setdefault(name, ("ensemble_scheduling", "step", index, way))
    return places


_STAGES = (_written_twice, _unused_inputs, _unused_outputs, _unwritten_outputs, _unused_tensors)


def _stage(stage: Callable[[_Wiring], Iterator[Breach]]) -> Callable[[Subject], Iterator[Breach]]:
    """The breaches of one stage where the earlier ones have none: the server stops there, and one causes the other."""

    def breaches(subject: Subject) -> Iterator[Breach]:
        wiring = _wiring(subject)
        earlier = _STAGES[: _STAGES.index(stage)]
        return iter(()) if any(any(before(wiring)) for before in earlier) else stage(wiring)

    return breaches


RULES: Tuple[Rule, ...] = (
    refused(
        "ensemble-platform",
        _VALIDATE,
        "Ensemble model '{model}' must have platform type 'ensemble' and empty backend type",
        "Remove backend: an ensemble has none.",
        _backend_beside_platform,
    ),
    refused(
        "ensemble-platform",
        _VALIDATE,
        "ensemble scheduling must be set for ensemble {model} whose platform is ensemble",
        "Add ensemble_scheduling with the steps, or write the platform that the model has.",
        _no_scheduling,
    ),
    refused(
        "ensemble-platform",
        _SCHEDULING,
        "ensemble scheduling cannot be set for model '{model}' whose platform is not ensemble",
        'Write platform: "ensemble" and no backend, or remove ensemble_scheduling.',
        _another_platform,
    ),
    refused(
        "ensemble-platform",
        "triton core: src/model_config_utils.cc, AutoCompleteBackendFields",
        "Invalid model name: Could not determine backend for model '{model}' with no backend in model configuration.",
        'Write platform: "ensemble".',
        _no_platform,
    ),
    refused(
        "ensemble-field",
        _SCHEDULING,
        "instance group should not be specified for ensemble '{model}'",
        "Remove instance_group: an ensemble has no instances of its own.",
        _must_not_have("instance_group"),
    ),
    refused(
        "ensemble-field",
        _SCHEDULING,
        "optimization should not be specified for ensemble '{model}'",
        "Remove optimization, or give it to the models of the steps.",
        _must_not_have("optimization"),
    ),
    refused(
        "ensemble-field",
        _SCHEDULING,
        "model_warmup can not be specified for ensemble '{model}'",
        "Remove model_warmup, or give it to the models of the steps.",
        _must_not_have("model_warmup"),
    ),
    refused(
        "ensemble-steps",
        _SCHEDULING,
        "must specify 'step' for ensemble '{model}'",
        "Add a step for every model.",
        _no_steps,
    ),
    refused(
        "ensemble-steps",
        _GRAPH,
        "must specify '{field}' in step {step} of ensemble '{model}'",
        "Add {field} to the step.",
        _incomplete_steps,
    ),
    refused(
        "ensemble-tensors",
        _GRAPH,
        "ensemble tensor '{tensor}' can appear in an output map only once for ensemble '{model}' step {step}",
        "Give the tensor another name in one of the steps.",
        _stage(_written_twice),
    ),
    refused(
        "ensemble-tensors",
        _SCHEDULING,
        "ensemble input '{tensor}' for ensemble {model}' is not used",
        "Let a step read it in its input_map, or remove the input.",
        _stage(_unused_inputs),
    ),
    refused(
        "ensemble-tensors",
        _SCHEDULING,
        "ensemble output '{tensor}' for ensemble {model}' is not used",
        "Let a step write it in its output_map, or remove the output.",
        _stage(_unused_outputs),
    ),
    refused(
        "ensemble-tensors",
        _SCHEDULING,
        "output '{tensor}' for ensemble '{model}' is not written{waits}",
        "{cure}",
        _stage(_unwritten_outputs),
    ),
    refused(
        "ensemble-tensors",
        _SCHEDULING,
        "ensemble tensor '{tensor}' is unused in ensemble '{model}'",
        "{cure}",
        _stage(_unused_tensors),
    ),
)
