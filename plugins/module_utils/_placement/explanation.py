# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Why instances run where nobody decided that they should, and what to write to decide it."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Sequence, Tuple

from .._model_config.backend_kinds import ModelFacts, refusal
from .._model_config.instance_group import KIND_CPU, KIND_GPU, KIND_MODEL, groups_of
from .instance_groups import CRASH, PlacedGroup, missing_gpus
from .server import Reason, ServerView

NO_GROUP, NO_KIND, KIND_AUTO_GIVEN = "no_group", "no_kind", "kind_auto"


def silent_cpu(
    groups: Sequence[PlacedGroup], backend: str, facts: ModelFacts, server: ServerView
) -> Tuple[Tuple[Reason, ...], str]:
    """Why groups silently run on the CPU, by a reason in the configuration and one on the host, and the cure.

    Both are empty where none does, and where the backend has no other place for the model.
    """
    silent = [index for index, group in enumerate(groups) if group.implicit and group.kind == KIND_CPU]
    if not silent or server.why_no_gpu is None:
        return (), ""
    kind = right_kind(backend, facts)
    if kind == KIND_CPU:
        return (), ""
    written = f"instance_group [ {{ kind: {kind} }} ]"
    if groups_of(facts.config):
        written = f"kind: {kind} into group {', '.join(map(str, silent))}"
    outcome = ": then the model does not load here, and the server says why" if kind == KIND_GPU else ""
    cause = (left_open(facts.config, silent[0]), server.why_no_gpu)
    return cause, f"Write {written}{outcome}. If the CPU is meant, write KIND_CPU."


def right_kind(backend: str, facts: ModelFacts) -> str:
    """The kind that this backend runs this model with: KIND_GPU, unless something is known against it."""
    fitting = [kind for kind in (KIND_GPU, KIND_MODEL, KIND_CPU) if refusal(backend, {"kind": kind}, facts) is None]
    return fitting[0] if fitting else KIND_GPU


def left_open(config: Mapping[str, Any], index: int) -> Reason:
    """Why the server chooses the device of a group."""
    groups = groups_of(config)
    chooses = "so the server chooses the device"
    if not groups:
        return Reason(NO_GROUP, f"There is no instance_group, {chooses}")
    if "kind" in groups[index]:
        return Reason(KIND_AUTO_GIVEN, f"Group {index} has KIND_AUTO, {chooses}")
    return Reason(NO_KIND, f"Group {index} has no kind, {chooses}")


# Backends that take their GPUs themselves, whatever the kind (vllm_backend: README; tensorrtllm_backend: README).
_NEED_A_GPU = {"vllm": "vLLM", "tensorrtllm": "TensorRT-LLM"}


def notes_on_loaded(
    groups: Sequence[PlacedGroup], backend: str, facts: ModelFacts, server: ServerView
) -> Iterator[str]:
    """What else there is to know of a model that loads."""
    if backend in _NEED_A_GPU and server.why_no_gpu is not None:
        yield (
            f"Triton's core lets this model load, but {_NEED_A_GPU[backend]} needs a GPU, and Triton uses none: "
            f"{server.why_no_gpu.text}."
        )
    for group in groups:
        against = refusal(backend, {"kind": group.kind}, facts)
        if against:
            yield f"{group.name} has {against}."
        if group.implicit and group.kind == KIND_GPU and len(group.gpus) > 1:
            yield (
                f"{group.name} is implicit and takes all {len(group.gpus)} GPUs, with {group.each} on each. "
                "Write its kind, count and gpus."
            )
    written = groups_of(facts.config)
    if written and all(group.get("passive") for group in written):
        yield "All groups are passive: the model is ready and gets no request."


def notes_on_refused(error: str, groups: Sequence[PlacedGroup], server: ServerView) -> Iterator[str]:
    """What the server's error does not say."""
    if error == CRASH:
        yield "The number is too large, and Triton does not refuse it: the whole server ends."
    if any(group.kind == KIND_GPU and (missing_gpus(group, server) or not group.gpus) for group in groups):
        left_out = [f"Triton uses no GPU: {server.why_no_gpu.text}"] if server.why_no_gpu else server.left_out
        yield from (f"{text}." for text in left_out)
    if any(group.implicit and group.kind == KIND_CPU and group.gpus for group in groups):
        yield "A group that lists gpus and has no kind becomes KIND_CPU where one of them is missing."
