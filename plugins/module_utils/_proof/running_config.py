# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Whether a server runs a model with what a configuration says."""

from __future__ import annotations

from typing import Any, Iterator, List, Mapping, Tuple

_NOTHING: Tuple[Any, ...] = ("", 0, False, None, [], {})
_TOLERANCE = 1e-6  # a float is a number of 32 bits to protobuf, and of 64 in JSON
_IMPLICIT = ("KIND_AUTO", None)


def differences(wanted: Mapping[str, Any], running: Mapping[str, Any]) -> List[str]:
    """The fields in which ``running``, as the server gives it, is not what ``wanted`` says.

    What ``wanted`` leaves out may be anything, since the server fills it in. The same holds for what it leaves open: a
    kind that is KIND_AUTO, a count below 1 and an empty list of GPUs of an instance group.

    Args:
        wanted: plain data as `_model_config.reading` gives it.
    """
    return [path for name, value in wanted.items() for path in _compare(name, value, running.get(name))]


def _compare(path: str, wanted: Any, running: Any) -> Iterator[str]:
    if running is None and wanted in _NOTHING:
        return
    if isinstance(wanted, Mapping) and isinstance(running, Mapping):
        for key, value in wanted.items():
            yield from _compare(f"{path}.{key}", value, running.get(str(key)))
    elif isinstance(wanted, list) and isinstance(running, list) and len(wanted) == len(running):
        for index, pair in enumerate(zip(wanted, running)):
            group = path == "instance_group" and isinstance(pair[0], Mapping)
            yield from _compare(f"{path}[{index}]", _decided(pair[0]) if group else pair[0], pair[1])
    elif not _same(wanted, running):
        yield path


def _decided(group: Mapping[str, Any]) -> Mapping[str, Any]:
    """An instance group without what it leaves to the server (triton core: NormalizeInstanceGroup)."""
    decided = {name: value for name, value in group.items() if value not in _NOTHING}
    if decided.get("kind") in _IMPLICIT:
        decided.pop("kind", None)
    if isinstance(decided.get("count"), int) and decided["count"] < 1:
        del decided["count"]
    return decided


def _same(wanted: Any, running: Any) -> bool:
    if isinstance(wanted, bool) or isinstance(running, bool):
        return wanted is running
    if wanted == running:
        return True
    numbers = (int, float)
    inexact = isinstance(wanted, float) or isinstance(running, float)
    if inexact and isinstance(wanted, numbers) and isinstance(running, numbers):
        return abs(wanted - running) <= _TOLERANCE * max(abs(wanted), abs(running))
    if isinstance(wanted, (Mapping, list)) or isinstance(running, (Mapping, list)):
        return False
    return str(wanted) == str(running)  # JSON has some numbers of 64 bits as strings
