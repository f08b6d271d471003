# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Whether a server runs a model with what is in its file, apart from what the server and the backend complete.

Source: triton core, src/model_config_utils.cc, NormalizeModelConfig, and src/backend_model.cc, UpdateModelConfig, by
which a backend sets max_batch_size, inputs and outputs where the file leaves them open (--disable-auto-complete-config
ends that). A number that is 0 in the file cannot be told from one that is left out.
"""

from __future__ import annotations

from typing import Any, List, Mapping, NamedTuple, Tuple

from .running_config import differences

_COMPLETED = ("max_batch_size", "input", "output")
_DEFAULTS: Tuple[Any, ...] = (0, "", False, [], {})


class FileDifference(NamedTuple):
    """Paths of fields that the server has otherwise than the file.

    Attributes:
        certain: those in which it runs something else.
        completed: those that a backend may have completed so.
    """

    certain: List[str]
    completed: List[str]


def compare(file: Mapping[str, Any], running: Mapping[str, Any], auto_complete: bool) -> FileDifference:
    """The differences between a file and what the server gives as the configuration of the model.

    Args:
        auto_complete: whether the server lets backends complete a configuration.
    """
    found = FileDifference([], [])
    for path in differences(file, running):
        name = path.partition(".")[0].partition("[")[0]
        if _value(file, path) in _DEFAULTS:
            continue
        completed = auto_complete and name in _COMPLETED and _may_be_completed(name, file, running)
        (found.completed if completed else found.certain).append(path)
    return found


def _may_be_completed(name: str, file: Mapping[str, Any], running: Mapping[str, Any]) -> bool:
    """Whether a backend may make the one of the other: it adds, and takes nothing away."""
    mine, its = file[name], running.get(name)
    if isinstance(mine, int) and isinstance(its, int):
        return its > mine
    return isinstance(mine, list) and isinstance(its, list) and len(its) >= len(mine)


def _value(data: Any, path: str) -> Any:
    """The value at a path as `differences` writes it, None where it cannot be followed (a key may have a dot in it)."""
    for part in path.replace("[", ".[").split("."):
        if part.startswith("[") and isinstance(data, list):
            data = data[int(part[1:-1])]
        elif isinstance(data, Mapping) and part in data:
            data = data[part]
        else:
            return None
    return data
