# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Field paths as people write them: ``instance_group[0].kind``, ``parameters.threads``, ``parameters["a.b"]``.

An index picks one element of a repeated field, a name or a quoted string behind a map picks the entry with that key.
"""

from __future__ import annotations

import re
from typing import List, Optional, Union

from .._textproto import literals
from .._textproto.document import Document, Path
from .._textproto.nodes import Message
from . import schema
from .findings import ConfigError

_STEP = re.compile(r"(?:^|\.)(?P<name>[^.\[\]\"]+)|\[(?P<index>\d+)\]|\[\"(?P<key>[^\"]*)\"\]")


def resolve(document: Document, text: str) -> Optional[Path]:
    """The path of an existing field, entry or element in ``document``, or None where there is nothing.

    Raises:
        ConfigError: ``text`` is not a path, or the schema has no such field.
    """
    path: List[Union[str, int]] = []
    message_type: Optional[str] = schema.ROOT
    spec: Optional[schema.FieldSpec] = None
    at = 0
    while at < len(text) or not text:
        match = _STEP.match(text, at)
        if not match:
            raise ConfigError([f"{text!r} is not a field path. Write for example instance_group[0].gpus."])
        at = match.end()
        name, index, key = match.group("name", "index", "key")
        if spec is not None and spec.key_type and len(path) and path[-1] == spec.name:
            found = _entry(document, path, key if name is None else name)
            path += [len(document.text) if found is None else found, "value"]
        elif index is not None and spec is not None and spec.repeated and path[-1] == spec.name:
            path.append(int(index))
        elif name is not None and message_type is not None:
            spec = schema.MESSAGES[message_type].get(name)
            if spec is None:
                hint = schema.suggest(name, schema.MESSAGES[message_type])
                raise ConfigError([f"{text}: {message_type} has no field '{name}'.{hint}"])
            message_type = spec.type if spec.type in schema.MESSAGES else None
            path.append(name)
        else:
            raise ConfigError([f"{text}: there can be nothing at '{match.group().lstrip('.')}'."])
    if path[-1] == "value" and spec is not None and spec.key_type and path[-3] == spec.name:
        path.pop()  # the entry and not only its value
    return path if _exists(document, path) else None


def _entry(document: Document, path: Path, key: Optional[str]) -> Optional[int]:
    *parent, name = path
    message = document.find(parent)
    if not isinstance(message, Message):
        return None
    for index in range(len(document.occurrences(message, str(name))) - 1, -1, -1):
        node = document.find((*path, index, "key"))
        source = '""' if node is None else document.source(node)
        if literals.text_value(source) == key or str(literals.integer_value(source)) == key:
            return index
    return None


def _exists(document: Document, path: Path) -> bool:
    if isinstance(path[-1], int):
        return document.find(path) is not None
    message = document.find(path[:-1])
    return isinstance(message, Message) and any(field.name == path[-1] for field in message.fields)
