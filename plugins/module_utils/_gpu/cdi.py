# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Specifications of the Container Device Interface for NVIDIA's GPUs.

They are JSON, or YAML that nvidia-ctk wrote. Python alone reads no YAML, so of that only what nvidia-ctk writes is
understood: block style, one key or item a line. Of anything else nothing is understood, and nothing breaks.
"""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple, Union

KIND = "nvidia.com/gpu"

# In the names of the driver's libraries and firmware, and in the argument of the hook that enables a newer CUDA.
_DRIVER_VERSION = re.compile(
    r"(?:\.so\.|/firmware/nvidia/|--host-driver-version=)([1-9][0-9]{2,3}(?:\.[0-9]{1,4}){1,3})(?![0-9.])"
)

# The kind as a word of its own: the GPU operator has one that ends like it.
_NAMES_KIND = re.compile(r"(?<![\w.-])nvidia\.com/gpu(?![\w.-])")

_Path = Tuple[Union[str, int], ...]
_Leaf = Tuple[_Path, str]

_MAX_DEPTH = 12  # devices, item, containerEdits, deviceNodes, item, path: a specification needs six
_KEY = re.compile(r"""("[^"]*"|'[^']*'|[\w./-]+):(?:\s+(.*))?$""")


class Specification(NamedTuple):
    """What a specification says.

    Attributes:
        driver_versions: in the order of their numbers.
        device_names: as they are asked for, ``all``, ``0``, ``GPU-...``.
        nodes: the paths of the device nodes that it needs on the host.
    """

    driver_versions: Tuple[str, ...]
    device_names: Tuple[str, ...]
    nodes: Tuple[str, ...]


def parse_specification(text: str) -> Optional[Specification]:
    """What a specification says; None where it is for other devices, or no specification."""
    leaves = list(_leaves(text))
    if (("kind",), KIND) not in leaves:
        return None
    names: List[str] = []
    nodes: Dict[_Path, Dict[str, str]] = {}
    for path, value in leaves:
        keys = tuple(key for key in path if isinstance(key, str))
        if keys == ("devices", "name"):
            names.append(value)
        elif keys[-2:] in (("deviceNodes", "path"), ("deviceNodes", "hostPath")):
            nodes.setdefault(path[:-1], {})[keys[-1]] = value
    on_host = (node.get("hostPath") or node["path"] for node in nodes.values() if "path" in node)
    versions = sorted(set(_DRIVER_VERSION.findall(text)), key=lambda version: [int(n) for n in version.split(".")])
    return Specification(tuple(versions), _once(names), _once(on_host))


def names_gpus(text: str) -> bool:
    """Whether a text is meant to be about NVIDIA's GPUs, even if it cannot be understood."""
    return bool(_NAMES_KIND.search(text))


def _leaves(text: str) -> Iterator[_Leaf]:
    """Each text, number and the like of a document, with the keys and numbers of items that lead to it."""
    if not text.lstrip().startswith("{"):
        return _leaves_of_yaml(text)
    try:
        return _leaves_of_json(json.loads(text), ())
    except (ValueError, RecursionError):
        return iter(())


def _leaves_of_json(value: Any, path: _Path) -> Iterator[_Leaf]:
    if len(path) > _MAX_DEPTH:
        return
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _leaves_of_json(part, (*path, key))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _leaves_of_json(part, (*path, number))
    else:
        yield path, str(value)


def _leaves_of_yaml(text: str) -> Iterator[_Leaf]:
    open_nodes: List[Tuple[int, Union[str, int]]] = []  # keys and numbers of items, each with its column
    for line in text.splitlines():
        rest = line.lstrip(" ")
        column = len(line) - len(rest)
        if not rest or rest.startswith(("#", "---")):
            continue
        while rest == "-" or rest.startswith("- "):
            number = _close_items(open_nodes, column)
            open_nodes.append((column, number))
            item = rest[1:].lstrip(" ")
            column, rest = column + len(rest) - len(item), item
        entry = _KEY.match(rest)
        if entry:
            while open_nodes and open_nodes[-1][0] >= column:
                open_nodes.pop()
            open_nodes.append((column, entry.group(1).strip("\"'")))
            rest = entry.group(2) or ""
        if rest and len(open_nodes) <= _MAX_DEPTH:
            yield tuple(name for _column, name in open_nodes), _scalar(rest)


def _close_items(open_nodes: List[Tuple[int, Union[str, int]]], column: int) -> int:
    """Close what an item at this column ends, and give its number: a list may stand in the column of its own key."""
    while open_nodes and open_nodes[-1][0] > column:
        open_nodes.pop()
    if open_nodes and open_nodes[-1][0] == column:
        last = open_nodes[-1][1]
        if isinstance(last, int):
            open_nodes.pop()
            return last + 1
    return 0


def _scalar(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'" else text


def _once(names: Iterable[str]) -> Tuple[str, ...]:
    return tuple(dict.fromkeys(names))
