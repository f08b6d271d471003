# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What speaks for the place where a model runs, and whether a source besides its configuration does for every group.

Source: triton core, src/metric_model_reporter.cc (a series with gpu_uuid is one of an instance of KIND_GPU; none proves
nothing) and src/backend_model_instance.cc; each backend's TRITONBACKEND_ModelInstanceInitialize (the line in the log).
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Sequence, Set, Tuple

from .._model_config.instance_group import KIND_CPU, KIND_GPU, KIND_MODEL
from .across_models import Across
from .index_states import READY
from .placement_difference import RunningGroup, describe
from .records import Evidence, OnDisk, SeenVersion, ServerSeen

# Backends that are told the kind, and compute where their own code or the model's does. (python_backend: README;
# vllm_backend: README; tensorrtllm_backend: README)
_ONLY_TOLD = {
    "python": "the Python backend passes the kind to the model's code, which alone decides where it computes",
    "vllm": "vLLM is told the kind, and takes its devices itself",
    "tensorrtllm": "TensorRT-LLM takes its GPUs from the parameter gpu_device_ids, whatever the kind",
}
_MODEL_DECIDES = "under KIND_MODEL the model itself decides where it computes"


class Support(NamedTuple):
    """What speaks for the place of a version.

    Attributes:
        confirmed: whether every group is confirmed by a source besides the configuration.
        honoured: whether the backend runs instances where their kind says.
    """

    evidence: List[Evidence]
    confirmed: bool
    honoured: bool


def gather(
    model: OnDisk,
    version: SeenVersion,
    config: Mapping[str, Any],
    groups: Sequence[RunningGroup],
    server: ServerSeen,
    together: Across,
) -> Support:
    """Everything that speaks for the place of a version that has instances of its own.

    Args:
        config: what the server runs it with.
        groups: of that configuration.
    """
    found = [Evidence("resolved", f"Version {version.version} runs with {describe(groups)}.", False)]
    told = {
        "instance_log": _from_log(model, groups, server, together),
        "gpu_uuid": _from_metrics(version, groups, server),
        "memory_usage": _from_memory(version, groups),
        "probe": _from_probe(model, groups, server),
    }
    confirmed: Set[int] = set()
    for identifier, (indexes, text) in told.items():
        if text:
            found.append(Evidence(identifier, text, bool(indexes)))
        confirmed |= indexes
    why = _not_honoured(model, config, groups)
    if why:
        found.append(Evidence("kind_is_an_argument", f"The kind alone proves no device: {why}.", False))
    return Support(found, set(range(len(groups))) <= confirmed, not why)


def _not_honoured(model: OnDisk, config: Mapping[str, Any], groups: Sequence[RunningGroup]) -> str:
    if model.backend in _ONLY_TOLD:
        return _ONLY_TOLD[model.backend]
    if "python" in str(config.get("runtime", "")):
        return f"the backend {model.backend} is one in Python: {_ONLY_TOLD['python']}"
    return _MODEL_DECIDES if any(group.kind == KIND_MODEL for group in groups) else ""


def _from_log(
    model: OnDisk, groups: Sequence[RunningGroup], server: ServerSeen, together: Across
) -> Tuple[Set[int], str]:
    if server.log is None:
        return set(), ""
    confirmed = {
        index
        for index, group in enumerate(groups)
        if group.name not in together.shared_groups and _is_logged(group, model, server)
    }
    text = "The log of the server has the start of every instance, on the device that the configuration names."
    if confirmed and len(confirmed) < len(groups):
        numbers = ", ".join(map(str, sorted(confirmed)))
        text = f"The log of the server has the start of every instance of group {numbers}, on its device."
    return confirmed, text if confirmed else ""


def _is_logged(group: RunningGroup, model: OnDisk, server: ServerSeen) -> bool:
    """Whether the last lines of each instance name the devices of its group."""
    if server.log is None or group.each < 1:
        return False
    seen = server.models.get(model.name)
    versions = sum(1 for version in seen.versions if version.state == READY) if seen is not None else 1
    devices = group.gpus if group.kind == KIND_GPU else (None,)
    wanted = {(group.kind, device) for device in devices}
    for number in range(group.each):
        lines = server.log.instances.get(f"{group.name}_{number}", ())[-len(devices) * max(1, versions) :]
        if {(kind, device if kind == KIND_GPU else None) for kind, device in lines} != wanted:
            return False
    return True


def _from_metrics(version: SeenVersion, groups: Sequence[RunningGroup], server: ServerSeen) -> Tuple[Set[int], str]:
    counted = set(version.gpu_uuids)
    if not counted:
        return set(), ""
    gpus = {gpu for group in groups if group.kind == KIND_GPU for gpu in group.gpus}
    uuids = _uuids(server)
    known = _are_known(gpus, uuids)
    confirmed = set()
    for index, group in enumerate(groups):
        if group.kind != KIND_GPU or not group.gpus:
            continue
        if (known and {uuids[gpu] for gpu in group.gpus} <= counted) or (not known and len(counted) >= len(gpus)):
            confirmed.add(index)
    return confirmed, f"The metrics count its inferences on {', '.join(sorted(counted))}."


def _from_memory(version: SeenVersion, groups: Sequence[RunningGroup]) -> Tuple[Set[int], str]:
    rows = [row for row in version.memory_usage or () if isinstance(row, Mapping) and row.get("byte_size")]
    on_gpu = {str(row.get("id")) for row in rows if row.get("type") == "GPU"}
    if not rows:
        return set(), ""
    confirmed = set()
    for index, group in enumerate(groups):
        if group.kind == KIND_GPU and group.gpus and set(map(str, group.gpus)) <= on_gpu:
            confirmed.add(index)
        # Any model has memory of the CPU, so that this speaks only where no other group has taken it.
        if group.kind == KIND_CPU and not on_gpu and all(other.kind == KIND_CPU for other in groups):
            confirmed.add(index)
    sizes = ", ".join(f"{row.get('byte_size')} bytes of {row.get('type')} {row.get('id')}" for row in rows)
    return confirmed, f"Its statistics count {sizes}."


def _from_probe(model: OnDisk, groups: Sequence[RunningGroup], server: ServerSeen) -> Tuple[Set[int], str]:
    probe = server.probes.get(model.name)
    if probe is None:
        return set(), ""
    if probe.outcome == "skipped":
        return set(), f"No request was sent to it: {probe.text.rstrip('.')}."
    if probe.outcome != "answered":
        return set(), ""
    if not probe.gpu_uuids:
        return set(), "A request with zeros was answered. No counter says on which device."
    uuids = _uuids(server)
    # One request runs in one instance, and so confirms one group, where it can only be of that one.
    confirmed = set()
    for index, group in enumerate(groups):
        others = [other for other in groups if other is not group and other.kind == KIND_GPU]
        known = _are_known(group.gpus, uuids)
        if group.kind != KIND_GPU or any(not known or set(other.gpus) & set(group.gpus) for other in others):
            continue
        if not known or {uuids[gpu] for gpu in group.gpus} & set(probe.gpu_uuids):
            confirmed.add(index)
    return confirmed, f"A request with zeros was answered, and counted on {', '.join(sorted(probe.gpu_uuids))}."


def _are_known(gpus: Iterable[int], uuids: Mapping[int, str]) -> bool:
    """Whether GPUs can be told by the UUIDs that metrics have: these know no MIG device."""
    return all(uuids.get(gpu, "").startswith("GPU-") for gpu in gpus)


def _uuids(server: ServerSeen) -> Dict[int, str]:
    return {gpu.ordinal: gpu.uuid for gpu in server.host.gpus}
