# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Rules for what batches and caches the requests of a model: dynamic batching, sequences, the response cache."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Set, Tuple

from .semantic_rule import Breach, Rule, Subject, at, refused

_VALIDATE = "triton core: src/model_config_utils.cc, ValidateModelConfig"
_BOOLEAN = "triton core: src/model_config_utils.cc, GetBooleanSequenceControlProperties"
_TYPED = "triton core: src/model_config_utils.cc, GetTypedSequenceControlProperties"

_DYNAMIC, _SEQUENCE = "dynamic_batching", "sequence_batching"
_OLDEST = (_SEQUENCE, "oldest")
_PAIRS = ("int32_false_true", "fp32_false_true", "bool_false_true")
_CORRID = "CONTROL_SEQUENCE_CORRID"
_CORRID_TYPES = ("TYPE_UINT64", "TYPE_INT64", "TYPE_UINT32", "TYPE_INT32", "TYPE_STRING")


def _section(subject: Subject, *path: str) -> Mapping[str, Any]:
    """A message of the configuration; empty where it is not there."""
    section: Mapping[str, Any] = subject.config
    for name in path:
        section = section.get(name, {})
    return section


def _preferred(*path: str, too_large: bool) -> Callable[[Subject], Iterator[Breach]]:
    """The preferred batch sizes of a section that are not positive, or larger than max_batch_size."""

    def breaches(subject: Subject) -> Iterator[Breach]:
        most = subject.config.get("max_batch_size", 0)
        for index, size in enumerate(_section(subject, *path).get("preferred_batch_size", ())):
            if size > max(most, 0) if too_large else size <= 0:
                yield at(*path, "preferred_batch_size", index, most=most)

    return breaches


def _default_priority(subject: Subject) -> Iterator[Breach]:
    section = _section(subject, _DYNAMIC)
    levels = section.get("priority_levels", 0)
    if levels and not 1 <= section.get("default_priority_level", 0) <= levels:
        name = "default_priority_level" if "default_priority_level" in section else "priority_levels"
        yield at(_DYNAMIC, name, levels=levels)


def _priorities_of_policies(subject: Subject) -> Iterator[Breach]:
    section = _section(subject, _DYNAMIC)
    levels = section.get("priority_levels", 0)
    if levels and any(not 1 <= level <= levels for level in section.get("priority_queue_policy", {})):
        yield at(_DYNAMIC, "priority_queue_policy", levels=levels)


def _priorities_in_order(subject: Subject) -> Iterator[Breach]:
    section = _section(subject, _DYNAMIC)
    if section.get("preserve_ordering") and section.get("priority_levels", 0) > 1:
        yield at(_DYNAMIC, "preserve_ordering")


def _delays_in_order(subject: Subject) -> Iterator[Breach]:
    section = _section(subject, _DYNAMIC)
    if section.get("preserve_ordering"):
        if _delays(section.get("default_queue_policy", {})):
            yield at(_DYNAMIC, "default_queue_policy")
        if any(map(_delays, section.get("priority_queue_policy", {}).values())):
            yield at(_DYNAMIC, "priority_queue_policy")


def _delays(policy: Mapping[str, Any]) -> bool:
    return policy.get("timeout_action") == "DELAY" and bool(policy.get("default_timeout_microseconds"))


def _cache_of_sequences(subject: Subject) -> Iterator[Breach]:
    if _SEQUENCE in subject.config and _section(subject, "response_cache").get("enable"):
        yield at("response_cache")


def _cache_of_decoupled(subject: Subject) -> Iterator[Breach]:
    decoupled = _section(subject, "model_transaction_policy").get("decoupled")
    if decoupled and _section(subject, "response_cache").get("enable"):
        yield at("response_cache")


def _slot_utilization(subject: Subject) -> Iterator[Breach]:
    share = _section(subject, _SEQUENCE, "direct").get("minimum_slot_utilization", 0.0)
    if share < 0.0 or share > 1.0:  # what is no number is neither
        yield at(_SEQUENCE, "direct", "minimum_slot_utilization")


def _inputs(subject: Subject) -> List[Mapping[str, Any]]:
    return list(_section(subject, _SEQUENCE).get("control_input", ()))


def _unnamed_inputs(subject: Subject) -> Iterator[Breach]:
    return (at(_SEQUENCE, "control_input", index) for index, one in enumerate(_inputs(subject)) if not one.get("name"))


def _inputs_of_one_name(subject: Subject) -> Iterator[Breach]:
    seen: Set[str] = set()
    for index, control_input in enumerate(_inputs(subject)):
        name = control_input.get("name")
        if name and name in seen:
            yield at(_SEQUENCE, "control_input", index, tensor=name)
        seen.add(name or "")


class _Control(NamedTuple):
    """A control with its place, and those of the three pairs of values that it has."""

    path: Tuple[Any, ...]
    kind: str
    data_type: str
    pairs: Dict[str, List[Any]]

    def at(self, *path: Any, **words: Any) -> Breach:
        return at(*self.path, *path, kind=self.kind, **words)


def _controls(subject: Subject) -> Iterator[_Control]:
    for index, control_input in enumerate(_inputs(subject)):
        for place, control in enumerate(control_input.get("control", ())):
            path = (_SEQUENCE, "control_input", index, "control", place)
            kind = control.get("kind", "CONTROL_SEQUENCE_START")
            pairs = {name: control[name] for name in _PAIRS if control.get(name)}
            if isinstance(kind, str):  # Triton takes no notice of a number that is no kind
                yield _Control(path, kind, control.get("data_type", ""), pairs)


def _controls_of_one_kind(subject: Subject) -> Iterator[Breach]:
    seen: Set[str] = set()
    for control in _controls(subject):
        if control.kind in seen:
            yield control.at()
        seen.add(control.kind)


def _controls_with_pairs(count: Callable[[int], bool]) -> Callable[[Subject], Iterator[Breach]]:
    """The boolean controls with a wrong number of pairs."""

    def breaches(subject: Subject) -> Iterator[Breach]:
        return (item.at() for item in _controls(subject) if item.kind != _CORRID and count(len(item.pairs)))

    return breaches


def _pairs_that_are_none(subject: Subject) -> Iterator[Breach]:
    for control in _controls(subject):
        for name, values in control.pairs.items():
            if control.kind != _CORRID and len(control.pairs) == 1 and len(values) != 2:
                yield control.at(name, pair=name)


def _correlations_with_pairs(subject: Subject) -> Iterator[Breach]:
    return (control.at() for control in _controls(subject) if control.kind == _CORRID and control.pairs)


def _correlations_of_other_types(subject: Subject) -> Iterator[Breach]:
    for control in _controls(subject):
        if control.kind == _CORRID and not control.pairs and control.data_type not in _CORRID_TYPES:
            yield control.at("data_type")


RULES: Tuple[Rule, ...] = (
    refused(
        "preferred-batch-size",
        _VALIDATE,
        "dynamic batching preferred size must be positive for {model}",
        "Write a batch size from 1, or remove preferred_batch_size.",
        _preferred(_DYNAMIC, too_large=False),
    ),
    refused(
        "preferred-batch-size",
        _VALIDATE,
        "dynamic batching preferred size must be <= max batch size for {model}",
        "max_batch_size is {most}: raise it, or lower or remove the preferred size.",
        _preferred(_DYNAMIC, too_large=True),
    ),
    refused(
        "preferred-batch-size",
        _VALIDATE,
        "sequence batching preferred batch size must be positive for {model}",
        "Write a batch size from 1, or remove preferred_batch_size.",
        _preferred(*_OLDEST, too_large=False),
    ),
    refused(
        "preferred-batch-size",
        _VALIDATE,
        "sequence batching preferred batch size must be <= max batch size for {model}",
        "max_batch_size is {most}: raise it, or lower or remove the preferred size.",
        _preferred(*_OLDEST, too_large=True),
    ),
    refused(
        "priority-levels",
        _VALIDATE,
        "default priority level must be in range [1, {levels}] for {model}",
        "Give default_priority_level a level from 1 to {levels}.",
        _default_priority,
    ),
    refused(
        "priority-levels",
        _VALIDATE,
        "priority queue policy must have priority level in range [1, {levels}] for {model}",
        "Give every key a level from 1 to {levels}.",
        _priorities_of_policies,
    ),
    refused(
        "preserve-ordering",
        _VALIDATE,
        "Only one priority level is allowed when 'preserve_ordering' is true for {model}",
        "Remove preserve_ordering or priority_levels.",
        _priorities_in_order,
    ),
    refused(
        "preserve-ordering",
        _VALIDATE,
        "Queue policy can not have DELAY as timeout action when 'preserve_ordering' is true for {model}",
        "Remove preserve_ordering, or write timeout_action: REJECT.",
        _delays_in_order,
    ),
    refused(
        "response-cache",
        _VALIDATE,
        "Response Cache does not currently support model {model} with sequence batching scheduler. "
        "Please disable the response cache.",
        "Remove response_cache.",
        _cache_of_sequences,
    ),
    refused(
        "response-cache",
        _VALIDATE,
        "Response Cache does not currently support model {model} with 'decoupled' transaction policy. "
        "Please disable the response cache.",
        "Remove response_cache.",
        _cache_of_decoupled,
    ),
    refused(
        "slot-utilization",
        _VALIDATE,
        "sequence batching minimum slot utilization must be in range (0.0, 1.0] for {model}",
        "Write a share of the slots, for example 0.5.",
        _slot_utilization,
    ),
    refused(
        "sequence-control",
        _BOOLEAN,
        "sequence batching control tensor must have a name for {model}",
        "Write name: the name of the model's tensor.",
        _unnamed_inputs,
    ),
    refused(
        "sequence-control",
        _BOOLEAN,
        "sequence batching control tensor '{tensor}' is specified for multiple control kinds for {model}",
        "Give each control a tensor of its own.",
        _inputs_of_one_name,
    ),
    refused(
        "sequence-control",
        _BOOLEAN,
        "sequence batching specifies multiple {kind} tensors for {model}",
        "Keep one of them.",
        _controls_of_one_kind,
    ),
    refused(
        "sequence-control",
        _BOOLEAN,
        "sequence batching must specify either 'int32_false_true', 'fp32_false_true' or 'bool_false_true' for {kind} "
        "for {model}",
        "Add the values for false and true, for example int32_false_true: [ 0, 1 ].",
        _controls_with_pairs(lambda count: count == 0),
    ),
    refused(
        "sequence-control",
        _BOOLEAN,
        "sequence batching specifies more than one from 'int32_false_true', 'fp32_false_true' and 'bool_false_true' "
        "for {kind} for {model}",
        "Keep the one of the tensor's type.",
        _controls_with_pairs(lambda count: count > 1),
    ),
    refused(
        "sequence-control",
        _BOOLEAN,
        "sequence batching control '{pair}' must have exactly 2 entries for {kind} for {model}",
        "Write the value for false and the value for true.",
        _pairs_that_are_none,
    ),
    refused(
        "sequence-control",
        _TYPED,
        "sequence batching must not specify either 'int32_false_true', 'fp32_false_true' or 'bool_false_true' for "
        "{kind} for {model}",
        "Write data_type instead.",
        _correlations_with_pairs,
    ),
    refused(
        "sequence-control",
        _VALIDATE,
        "unexpected data type for control {kind} for {model}. Allowed data types are "
        + ", ".join(_CORRID_TYPES[:-1])
        + f" and {_CORRID_TYPES[-1]}",
        "Write one of these as data_type.",
        _correlations_of_other_types,
    ),
)
