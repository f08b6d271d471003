# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""One request to each model that is to be on a GPU, and what it moves in the metrics.

The inputs are zeros of the smallest shape that the model declares. The metrics count an inference on a GPU by its UUID
where an instance of KIND_GPU has run it (triton core: src/metric_model_reporter.cc), with the exceptions that are known
of that label: so what moves is evidence, and what does not move proves nothing.
"""

from __future__ import annotations

import json
import time
from typing import Any, Dict, List, Mapping, Optional, Set, Tuple

from .._model_config.backend import is_ensemble
from .._proof.records import ProbeResult, SeenModel, SeenVersion
from .._server.client import Binary, Client
from .._server.errors import ServerError
from .._server.failures import shown
from .._server.metrics import parse_counters, read_text
from .._server.model_states import READY
from .._server.triton import Triton

ANSWERED, FAILED, SKIPPED = "answered", "failed", "skipped"

_MOST_BYTES = 2**20  # of all inputs together
_SECONDS = 10.0  # for one request
_SECONDS_IN_ALL = 120.0
# Bytes of an element, and the type's name in a request (triton server: docs/protocol/extension_binary_data.md). An
# empty string is its length, which is 0, in four bytes.
_TYPES = {
    "TYPE_BOOL": ("BOOL", 1),
    "TYPE_UINT8": ("UINT8", 1),
    "TYPE_UINT16": ("UINT16", 2),
    "TYPE_UINT32": ("UINT32", 4),
    "TYPE_UINT64": ("UINT64", 8),
    "TYPE_INT8": ("INT8", 1),
    "TYPE_INT16": ("INT16", 2),
    "TYPE_INT32": ("INT32", 4),
    "TYPE_INT64": ("INT64", 8),
    "TYPE_FP16": ("FP16", 2),
    "TYPE_BF16": ("BF16", 2),
    "TYPE_FP32": ("FP32", 4),
    "TYPE_FP64": ("FP64", 8),
    "TYPE_STRING": ("BYTES", 4),
}
_UNKNOWN = ("", 0)

Counters = Mapping[Tuple[str, str, str], float]


class Unsafe(Exception):
    """A request to this model might do something else than compute, or is none that can be made up."""


def probe(triton: Triton, metrics: Client, models: Mapping[str, SeenModel]) -> Dict[str, ProbeResult]:
    """Send one request to each model where that is safe.

    Raises:
        ServerError: the server does not answer any more, or this part of its API is restricted.
    """
    results: Dict[str, ProbeResult] = {}
    requests: Dict[str, Tuple[str, Binary]] = {}
    for name, model in models.items():
        version = _newest(model)
        if version is None or not version.config:
            results[name] = ProbeResult(SKIPPED, "no version of it serves with a configuration that is known")
            continue
        try:
            requests[name] = version.version, request(version.config)
        except Unsafe as reason:
            results[name] = ProbeResult(SKIPPED, str(reason))
    if requests:
        results.update(_ask_all(triton, metrics, requests))
    return results


def request(config: Mapping[str, Any]) -> Binary:
    """The smallest request that a model takes.

    Args:
        config: as the server has resolved it.

    Raises:
        Unsafe: it must not be sent, or cannot be made up.
    """
    for holds, reason in _OBSTACLES:
        if holds(config):
            raise Unsafe(reason)
    inputs: List[Dict[str, Any]] = []
    content = 0
    for tensor in _messages(config, "input"):
        if tensor.get("optional"):
            continue
        name, (datatype, size) = str(tensor.get("name")), _TYPES.get(str(tensor.get("data_type")), _UNKNOWN)
        if not size:
            raise Unsafe(f"the type of its input {name!r} is not known")
        shape = _shape(config, tensor)
        length = size
        for dimension in shape:
            length *= dimension
        content += length
        if content > _MOST_BYTES:
            raise Unsafe(f"its inputs have more than {_MOST_BYTES // 2**20} MiB")
        inputs.append({"name": name, "shape": shape, "datatype": datatype, "parameters": {"binary_data_size": length}})
    if not inputs:
        raise Unsafe("it declares no input that a request could fill")
    head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(head))}
    return Binary(head + bytes(content), headers)


def _shape(config: Mapping[str, Any], tensor: Mapping[str, Any]) -> List[int]:
    """The smallest shape: 1 for what may be anything, as a batch of one where the model takes batches."""
    try:
        dims = [int(dimension) for dimension in tensor.get("dims") or ()]
        batched = int(config.get("max_batch_size") or 0) > 0
    except (TypeError, ValueError) as error:
        raise Unsafe("the shape of an input is not known") from error
    return [1] * batched + [1 if dimension < 0 else dimension for dimension in dims]


def _messages(config: Mapping[str, Any], field: str) -> List[Mapping[str, Any]]:
    """A repeated field of messages, as far as the server gives it as one."""
    found = config.get(field)
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def _is_decoupled(config: Mapping[str, Any]) -> bool:
    policy = config.get("model_transaction_policy")
    return isinstance(policy, Mapping) and bool(policy.get("decoupled"))


def _has_no_gpu(config: Mapping[str, Any]) -> bool:
    return all(group.get("kind") != "KIND_GPU" for group in _messages(config, "instance_group"))


def _has_shape_tensors(config: Mapping[str, Any]) -> bool:
    return any(tensor.get("is_shape_tensor") for tensor in _messages(config, "input"))


# The first row that holds says why no request is sent.
_OBSTACLES = (
    (is_ensemble, "an ensemble has no instances of its own"),
    (lambda config: "sequence_batching" in config, "its requests belong to sequences, and one more would be a state"),
    (_is_decoupled, "it is decoupled, so that nobody knows how many answers a request has"),
    (_has_no_gpu, "no instance of it is of KIND_GPU, so a request would show nothing"),
    (_has_shape_tensors, "an input is a shape tensor, in which zeros have a meaning"),
)


def _ask_all(triton: Triton, metrics: Client, requests: Mapping[str, Tuple[str, Binary]]) -> Dict[str, ProbeResult]:
    before = _counters(metrics)
    deadline = time.monotonic() + _SECONDS_IN_ALL
    said = {name: _ask(triton, name, version, body, deadline) for name, (version, body) in requests.items()}
    moved = _moved(before, _counters(metrics))
    return {
        name: result._replace(gpu_uuids=tuple(sorted(moved.get(name, set()) - {""})), counted=name in moved)
        for name, result in said.items()
    }


def _ask(triton: Triton, name: str, version: str, body: Binary, deadline: float) -> ProbeResult:
    seconds = min(_SECONDS, triton.client.timeout, deadline - time.monotonic())
    if seconds <= 0:
        return ProbeResult(SKIPPED, f"the requests to other models took {_SECONDS_IN_ALL:g} seconds")
    try:
        triton.infer(name, version, body, seconds)
    except ServerError as error:
        if error.kind in ("restricted", "credentials", "refused"):
            raise
        return ProbeResult(FAILED, shown(error.reason) or error.seen)
    return ProbeResult(ANSWERED)


def _counters(client: Client) -> Optional[Counters]:
    try:
        return parse_counters(read_text(client))
    except ServerError:
        return None
    finally:
        client.close()


def _moved(before: Optional[Counters], after: Optional[Counters]) -> Dict[str, Set[str]]:
    """Of each model that was counted meanwhile the GPUs, ``""`` for none; nothing where the metrics cannot be had."""
    moved: Dict[str, Set[str]] = {}
    if before is None or after is None:
        return moved
    for key, value in after.items():
        name, _version, uuid = key
        if value > before.get(key, 0.0):
            moved.setdefault(name, set()).add(uuid)
    return moved


def _newest(model: SeenModel) -> Optional[SeenVersion]:
    """The version that a request without one would go to."""
    ready = [
        version
        for version in model.versions
        if version.state == READY and version.ready is not False and version.version.isdigit()
    ]
    return max(ready, key=lambda version: int(version.version), default=None)
