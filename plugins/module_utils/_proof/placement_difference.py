# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Whether the instance groups that a server runs are those that are wanted.

What is wanted may leave open what the server decides: the devices of KIND_GPU (then it takes all), a count, a kind.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._model_config.instance_group import KIND_CPU, KIND_GPU, KIND_MODEL, is_implicit, kind_of
from .._placement.instance_groups import DEFAULT_CPU_COUNTS

# Backends that declare no count of their own, so that a group without one has what core gives it. (triton core:
# src/model_config_utils.cc, SetDefaultInstanceCount; grep of BackendAttributeAddPreferredInstanceGroup)
_KNOWN_COUNTS = (
    "dali",
    "fil",
    "identity",
    "onnxruntime",
    "openvino",
    "python",
    "pytorch",
    "tensorflow",
    "tensorrt",
    "tensorrtllm",
    "vllm",
)


class RunningGroup(NamedTuple):
    """An instance group as the server has it: everything is decided.

    Attributes:
        each: Triton's ``count``: instances on each of ``gpus``, or in all where the kind takes none.
    """

    name: str
    kind: str
    each: int
    gpus: Tuple[int, ...]
    passive: bool = False


class Mismatch(NamedTuple):
    """A group, or their number, that is not as it should be; ``id`` is a row of the table of causes."""

    id: str
    text: str


def running_groups(config: Mapping[str, Any]) -> List[RunningGroup]:
    """The groups of a configuration as the server gives it. What is no group in it is left out."""
    groups = config.get("instance_group")
    return [_group(group) for group in groups if isinstance(group, Mapping)] if isinstance(groups, list) else []


def _group(group: Mapping[str, Any]) -> RunningGroup:
    count, gpus = group.get("count", 0), group.get("gpus", [])
    return RunningGroup(
        str(group.get("name", "")),
        str(group.get("kind", "")),
        count if isinstance(count, int) else 0,
        tuple(gpu for gpu in gpus if isinstance(gpu, int)) if isinstance(gpus, list) else (),
        group.get("passive") is True,
    )


def mismatches(wanted: Sequence[Mapping[str, Any]], running: Sequence[RunningGroup], backend: str) -> List[Mismatch]:
    """What of the running groups is not as it is wanted; nothing where nothing is wanted."""
    if not wanted:
        return []
    if len(wanted) != len(running):
        text = f"{_number(len(wanted))} {'is' if len(wanted) == 1 else 'are'} wanted, the server runs {len(running)}"
        return [Mismatch("wrong_groups", f"{text} ({describe(running)})")]
    found = []
    for index, (group, runs) in enumerate(zip(wanted, running)):
        which = f"group {index}: " if len(wanted) > 1 else ""
        found += [mismatch._replace(text=which + mismatch.text) for mismatch in _of_group(group, runs, backend)]
    return found


def _of_group(wanted: Mapping[str, Any], runs: RunningGroup, backend: str) -> List[Mismatch]:
    if not is_implicit(wanted) and kind_of(wanted) != runs.kind:
        return [Mismatch("wrong_kind", f"{kind_of(wanted)} is wanted, the server runs {describe([runs])}")]
    found = []
    gpus = list(wanted.get("gpus", ()))
    if gpus and Counter(gpus) != Counter(runs.gpus):
        text = f"{_gpus(gpus)} {'is' if len(gpus) == 1 else 'are'} wanted, the server runs it on {_gpus(runs.gpus)}"
        found.append(Mismatch("wrong_devices", text))
    count = _wanted_count(wanted, runs.kind, backend)
    if count is not None and count != runs.each:
        each = " on each GPU" if runs.kind == KIND_GPU else ""
        text = f"{count} instance{'' if count == 1 else 's'}{each} {'is' if count == 1 else 'are'} wanted, "
        found.append(Mismatch("wrong_count", f"{text}the server runs {runs.each}"))
    if bool(wanted.get("passive")) != runs.passive:
        text = "is passive and should not be" if runs.passive else "should be passive and is not"
        found.append(Mismatch("wrong_groups", f"the group that the server runs {text}"))
    return found


def _wanted_count(wanted: Mapping[str, Any], kind: str, backend: str) -> Optional[int]:
    """Instances, where it is known how many there should be."""
    count = wanted.get("count", 0)
    if isinstance(count, int) and count > 0:
        return count
    if backend not in _KNOWN_COUNTS:
        return None
    return DEFAULT_CPU_COUNTS.get(backend, 1) if kind == KIND_CPU else 1


def describe(groups: Sequence[RunningGroup]) -> str:
    """Groups in a few words: ``KIND_GPU on GPU 0 and 1, 2 instances each``."""
    return "; ".join(map(_described, groups)) or "no instances of its own"


def _described(group: RunningGroup) -> str:
    instances = f"{group.each} instance{'' if group.each == 1 else 's'}"
    where = f" on {_gpus(group.gpus)}" if group.kind == KIND_GPU else ""
    each = " on each" if len(group.gpus) > 1 else ""
    return f"{group.kind}{where}, {instances}{each}{', passive' if group.passive else ''}"


def describe_wanted(groups: Sequence[Mapping[str, Any]]) -> str:
    """Groups as somebody wrote them, in a few words; what is left open is not told."""
    return "; ".join(map(_described_wanted, groups)) or "no instance_group"


def _described_wanted(group: Mapping[str, Any]) -> str:
    kind = "no kind" if is_implicit(group) else str(kind_of(group))
    gpus, count = group.get("gpus", ()), group.get("count", 0)
    where = f" on {_gpus(gpus)}" if gpus else ""
    how_many = f", {count} instance{'' if count == 1 else 's'}" if isinstance(count, int) and count > 0 else ""
    each = " on each" if how_many and kind == KIND_GPU and len(gpus) != 1 else ""
    return f"{kind}{where}{how_many}{each}{', passive' if group.get('passive') else ''}"


def place_of(groups: Sequence[RunningGroup]) -> str:
    """Where groups run, in a few words: ``on GPU 0 and on the CPU``."""
    gpus = sorted({gpu for group in groups if group.kind == KIND_GPU for gpu in group.gpus})
    places = [f"on {_gpus(gpus)}"] if gpus else []
    kinds = {group.kind for group in groups}
    places += ["on the CPU"] if KIND_CPU in kinds else []
    places += ["where its own code puts it"] if KIND_MODEL in kinds else []
    return " and ".join(places) or "nowhere"


def _gpus(ordinals: Sequence[int]) -> str:
    return f"GPU {', '.join(map(str, ordinals))}" if ordinals else "no GPU"


def _number(count: int) -> str:
    return f"{count} group{'' if count == 1 else 's'}"
