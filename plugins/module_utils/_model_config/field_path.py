# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Field paths as people write them: ``instance_group[0].kind``, ``parameters.threads``, ``parameters["a.b"]``.

An index picks one element of a repeated field. Behind a map, a name, a quoted string or a number is an entry's key.
"""

from __future__ import annotations

import re
from typing import List, Match, Optional

from .._textproto import literals
from .._textproto.document import Document, Path
from .._textproto.nodes import Message
from . import schema
from .findings import ConfigError
from .reading import default
from .schema import FieldSpec

_STEP = re.compile(r"(?:^|\.)(?P<name>[^.\[\]\"]+)|\[(?P<index>\d+)\]|\[\"(?P<key>[^\"]*)\"\]")


def resolve(document: Document, text: str) -> List[Path]:
    """The paths in ``document`` of what ``text`` names: none if there is nothing, several for a key given twice.

    Raises:
        ConfigError: ``text`` is not a path, or the schema has no such field.
    """
    steps = _split(text)
    message_type: Optional[str] = schema.ROOT
    spec: Optional[FieldSpec] = None  # the repeated field or map that waits for an index or key
    paths: List[Path] = [()]
    for number, step in enumerate(steps):
        name, index, key = step.group("name", "index", "key")
        last = number == len(steps) - 1
        if spec is not None and spec.key_type:
            wanted = next(part for part in (name, index, key) if part is not None)
            paths = [entry for path in paths for entry in _entries(document, path, spec, wanted)]
            if not last:
                paths = [(*path, "value") for path in paths]
            spec = None
        elif spec is not None and index is not None:
            paths = [(*path, int(index)) for path in paths]
            spec = None
        elif spec is not None:
            raise ConfigError([f"{text}: '{spec.name}' is a list. Say which element, for example {spec.name}[0]."])
        elif name is None or message_type is None:
            raise ConfigError([f"{text}: there can be nothing at '{step.group().lstrip('.')}'."])
        else:
            field = schema.MESSAGES[message_type].get(name)
            if field is None:
                hint = schema.suggest(name, schema.MESSAGES[message_type])
                raise ConfigError([f"{text}: {message_type} has no field '{name}'.{hint}"])
            message_type = field.type if field.type in schema.MESSAGES else None
            paths = [(*path, name) for path in paths]
            spec = field if field.repeated or field.key_type else None
    return [path for path in paths if document.has(path)]


def _split(text: str) -> List[Match[str]]:
    steps: List[Match[str]] = []
    while not steps or steps[-1].end() < len(text):
        match = _STEP.match(text, steps[-1].end() if steps else 0)
        if not match:
            raise ConfigError([f"{text!r} is not a field path. Write for example instance_group[0].gpus."])
        steps.append(match)
    return steps


def _entries(document: Document, path: Path, spec: FieldSpec, key: str) -> List[Path]:
    """The entries of a map with this key."""
    message = document.find(path[:-1])
    count = len(document.occurrences(message, spec.name)) if isinstance(message, Message) else 0
    return [(*path, index) for index in range(count) if _key(document, (*path, index, "key"), spec) == key]


def _key(document: Document, path: Path, spec: FieldSpec) -> str:
    node = document.find(path)
    if node is None:
        return str(default(spec.key_type or ""))
    source = document.source(node)
    text = literals.text_value(source)
    return str(literals.integer_value(source)) if text is None else text
