# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Whether the tensors of an ensemble flow from its inputs through its steps to its outputs.

Source: triton core, src/model_config_utils.cc, BuildEnsembleGraph and ValidateEnsembleSchedulingConfig.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Set


class _Tensor:
    def __init__(self, written: bool) -> None:
        self.written = written
        self.ready = False
        self.sources: List[str] = []
        self.used_by: List[str] = []


def schedule_error(config: Mapping[str, Any], name: str) -> Optional[str]:
    """What is wrong with the schedule of an ensemble, None if nothing is."""
    steps = config["ensemble_scheduling"].get("step", ())
    if not steps:
        return f"must specify 'step' for ensemble '{name}'"
    tensors: Dict[str, _Tensor] = {}
    for index, step in enumerate(steps):
        error = _add(tensors, step, index, name)
        if error:
            return error
    inputs = [tensor.get("name", "") for tensor in config.get("input", ())]
    outputs = [tensor.get("name", "") for tensor in config.get("output", ())]
    for what, names in (("input", inputs), ("output", outputs)):
        if what == "output":
            _flow(tensors, inputs)
        for tensor in names:
            if tensor not in tensors:
                return f"ensemble {what} '{tensor}' for ensemble {name}' is not used"  # with that quote
            if what == "output" and not tensors[tensor].ready:
                return f"output '{tensor}' for ensemble '{name}' is not written{_missing(tensors, tensor)}"
    for tensor, state in tensors.items():
        if tensor not in outputs and not (state.ready and state.used_by):
            return f"ensemble tensor '{tensor}' is unused in ensemble '{name}'"
    return None


def _add(tensors: Dict[str, _Tensor], step: Mapping[str, Any], index: int, name: str) -> Optional[str]:
    for field in ("model_name", "input_map", "output_map"):
        if not step.get(field):
            return f"must specify '{field}' in step {index} of ensemble '{name}'"
    written = list(step["output_map"].values())
    for tensor in written:
        if tensor in tensors and tensors[tensor].written:
            return (
                f"ensemble tensor '{tensor}' can appear in an output map only once for ensemble '{name}' step {index}"
            )
        tensors.setdefault(tensor, _Tensor(True)).written = True
    for tensor in step["input_map"].values():
        source = tensors.setdefault(tensor, _Tensor(False))
        source.used_by += written
        for target in written:
            tensors[target].sources.append(tensor)
    return None


def _flow(tensors: Dict[str, _Tensor], inputs: List[str]) -> None:
    """Mark every tensor that the inputs reach."""
    queue = [tensors[tensor] for tensor in inputs]
    for tensor in queue:
        tensor.ready = True
    while queue:
        for target in map(tensors.__getitem__, queue.pop(0).used_by):
            if not target.ready and all(tensors[source].ready for source in target.sources):
                target.ready = True
                queue.append(target)


def _missing(tensors: Dict[str, _Tensor], output: str) -> str:
    """Which tensor an output waits for in the end."""
    last = output
    seen: Set[str] = set()
    while True:
        waiting = [source for source in tensors[last].sources if not tensors[source].ready and source not in seen]
        if not waiting:
            break
        last = waiting[0]
        seen.add(last)
    return "" if last == output else f": at least one of its depending tensors, '{last}', is not connected"
