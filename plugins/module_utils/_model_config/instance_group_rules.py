# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Rules for instance groups: which ones the server refuses, and which ones it runs somewhere else than they say."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

from .backend import is_ensemble
from .backend_kinds import ModelFacts, Refusal, refused_kind
from .findings import ERROR
from .instance_group import KIND_AUTO, KIND_CPU, KIND_GPU, KIND_MODEL, Group, groups_of, kind_of
from .semantic_rule import TENSORRT_PLAN, Breach, Rule, Subject, at, refused, trap

_VALIDATE = "triton core: src/model_config_utils.cc, ValidateInstanceGroup"
_PROFILE = "triton core: src/model_config_utils.cc, GetProfileIndex"
_LARGEST_PROFILE = (1 << 31) - 1
# What C++'s stoi takes a number from: it skips blanks, and does not mind what comes behind the digits.
_STOI = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)")


class _Placed(NamedTuple):
    """A group with its place in the configuration, and the name that Triton's messages call it by."""

    number: int
    name: str
    kind: Any
    group: Group

    def at(self, *path: Any, **words: Any) -> Breach:
        return at("instance_group", self.number, *path, group=self.name, kind=self.kind, **words)


def _groups(subject: Subject) -> List[_Placed]:
    """The groups that the server looks at: an ensemble's are refused as such."""
    if is_ensemble(subject.config):
        return []
    return [
        _Placed(number, group.get("name") or f"{subject.name}_{number}", kind_of(group), group)
        for number, group in enumerate(groups_of(subject.config))
    ]


def _unknown_kinds(subject: Subject) -> Iterator[Breach]:
    return (placed.at("kind") for placed in _groups(subject) if isinstance(placed.kind, int))


def _gpus_without_gpu_kind(subject: Subject) -> Iterator[Breach]:
    for placed in _groups(subject):
        if placed.kind in (KIND_CPU, KIND_MODEL) and placed.group.get("gpus"):
            yield placed.at("gpus")


def _negative_gpus(subject: Subject, kind: str) -> Iterator[Breach]:
    for placed in _groups(subject):
        for index, gpu in enumerate(placed.group.get("gpus", ())):
            if placed.kind == kind and gpu < 0:
                yield placed.at("gpus", index, gpu=gpu)


def _implicit_gpus(subject: Subject) -> Iterator[Breach]:
    for placed in _groups(subject):
        gpus = placed.group.get("gpus")
        if placed.kind == KIND_AUTO and gpus and min(gpus) >= 0:
            yield placed.at("gpus")


def _profiles_without_tensorrt(subject: Subject) -> Iterator[Breach]:
    if subject.is_never_tensorrt:
        for placed in _groups(subject):
            if placed.group.get("profile"):
                yield placed.at("profile", platform=subject.model.backend.platform)


def _profiles(subject: Subject) -> Iterator[Tuple[_Placed, int, str, Optional[int]]]:
    """The group, place, text and number (None if it is none) of every profile of a TensorRT model."""
    if subject.model.backend.platform == TENSORRT_PLAN:
        for placed in _groups(subject):
            for index, text in enumerate(placed.group.get("profile", ())):
                match = _STOI.match(text)
                yield placed, index, text, int(match.group(1)) if match else None


def _empty_profiles(subject: Subject) -> Iterator[Breach]:
    return (placed.at("profile", index) for placed, index, text, _number in _profiles(subject) if not text)


def _profiles_that_are_no_number(subject: Subject) -> Iterator[Breach]:
    for placed, index, text, number in _profiles(subject):
        if text and number is None:
            yield placed.at("profile", index, profile=text)


def _negative_profiles(subject: Subject) -> Iterator[Breach]:
    for placed, index, text, number in _profiles(subject):
        if number is not None and -_LARGEST_PROFILE - 1 <= number < 0:
            yield placed.at("profile", index, profile=text)


def _huge_profiles(subject: Subject) -> Iterator[Breach]:
    for placed, index, text, number in _profiles(subject):
        if number is not None and not -_LARGEST_PROFILE - 1 <= number <= _LARGEST_PROFILE:
            yield placed.at("profile", index, profile=text)


def _refused_kinds(subject: Subject, fatal: bool) -> Iterator[Breach]:
    # Without its groups: that there is one of KIND_MODEL proves nothing about the others.
    config = {name: value for name, value in subject.config.items() if name != "instance_group"}
    facts = ModelFacts(config, subject.model.world_size)
    for placed in _groups(subject):
        row: Optional[Refusal] = refused_kind(subject.model.backend.backend, placed.kind, facts)
        if row is not None and row.is_fatal == fatal:
            yield placed.at("kind", refusal=row, instead=row.instead)


def _resources_of_both_scopes(subject: Subject) -> Iterator[Breach]:
    scopes: Dict[str, Set[bool]] = {}
    for placed in _groups(subject):
        for index, resource in enumerate(placed.group.get("rate_limiter", {}).get("resources", ())):
            name, is_global = resource.get("name", ""), resource.get("global", False)
            known = scopes.setdefault(name, {is_global})
            if is_global not in known:
                known.add(is_global)
                yield placed.at("rate_limiter", "resources", index, resource=name)


RULES: Tuple[Rule, ...] = (
    refused(
        "unknown-kind",
        _VALIDATE,
        "instance group {group} of model {model} has unexpected kind KIND_AUTO",
        "There is no kind {kind}. Write KIND_GPU, KIND_CPU or KIND_MODEL.",
        _unknown_kinds,
    ),
    refused(
        "gpus-without-kind-gpu",
        _VALIDATE,
        "instance group {group} of model {model} has kind {kind} but specifies one or more GPUs",
        "Remove gpus, or write kind: KIND_GPU.",
        _gpus_without_gpu_kind,
    ),
    refused(
        "negative-gpu",
        _VALIDATE,
        "instance group {group} of model {model} specifies invalid or unsupported gpu id {gpu}",
        "Remove it, or write the number of a GPU, from 0.",
        lambda subject: _negative_gpus(subject, KIND_GPU),
    ),
    refused(
        "negative-gpu",
        "triton core: src/model_config_utils.cc, NormalizeInstanceGroup and ValidateInstanceGroup",
        "instance group {group} of model {model} has kind KIND_CPU but specifies one or more GPUs",
        "Remove it, or write the number of a GPU, from 0, and kind: KIND_GPU.",
        lambda subject: _negative_gpus(subject, KIND_AUTO),
    ),
    trap(
        "implicit-gpus",
        "triton core: src/model_config_utils.cc, NormalizeInstanceGroup and ValidateInstanceGroup",
        "where one of these GPUs is missing, Triton takes the group for one of the CPU and then refuses the model: "
        "instance group {group} of model {model} has kind KIND_CPU but specifies one or more GPUs",
        "Write kind: KIND_GPU, which says the same on a host that has the GPUs.",
        _implicit_gpus,
    ),
    refused(
        "profile-without-tensorrt",
        _VALIDATE,
        "instance group {group} of model {model} and platform {platform}specifies profile field which is only "
        "supported for TensorRT models",
        "Remove profile.",
        _profiles_without_tensorrt,
    ),
    refused(
        "invalid-profile",
        _PROFILE,
        "profile name must not be empty",
        "Write the number of the profile, from 0.",
        _empty_profiles,
    ),
    refused(
        "invalid-profile",
        _PROFILE,
        "unable to parse '{profile}': stoi",
        "Write the number of the profile, from 0.",
        _profiles_that_are_no_number,
    ),
    refused(
        "invalid-profile",
        _VALIDATE,
        "instance group {group} of model {model} and platform tensorrt_plan specifies invalid profile {profile}. "
        "The field should contain the string representation of a non-negative integer.",
        "Write the number of the profile, from 0.",
        _negative_profiles,
    ),
    Rule(
        "invalid-profile",
        ERROR,
        _PROFILE + ": an exception that nothing catches",
        "profile {profile} is too large for Triton, which does not refuse the model but ends, with all of its models",
        "Write the number of the profile, from 0.",
        _huge_profiles,
    ),
    Rule(
        "kind-for-backend",
        ERROR,
        "backend_kinds",
        "{refusal}",
        "Write kind: {instead}.",
        lambda subject: _refused_kinds(subject, fatal=True),
    ),
    trap(
        "kind-for-backend",
        "backend_kinds",
        "{refusal}",
        "Write kind: {instead}.",
        lambda subject: _refused_kinds(subject, fatal=False),
    ),
    trap(
        "rate-limiter-resource",
        "triton core: src/rate_limiter.cc, ValidateMaxResources",
        "a server with --rate-limit=execution_count refuses the model: "
        'Resource "{resource}" is present as both global and device-specific resource in the model configuration.',
        "Give every resource of this name the same value of global.",
        _resources_of_both_scopes,
    ),
)
