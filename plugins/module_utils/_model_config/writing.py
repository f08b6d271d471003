# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Plain data to the values that a document takes, and the same merge done on data.

The data comes from people: from a playbook or an inventory. A string is therefore taken for a number or a truth value
where the schema wants one, since templates often yield strings, but nothing else is guessed.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Sequence

from .._textproto.values import Identifier, Map
from . import schema
from .findings import ConfigError
from .reading import INTEGER_RANGES
from .schema import FieldSpec

_TRUTHS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_INTEGER = re.compile(r"[+-]?[0-9]+")


def to_values(data: Mapping[str, Any], message_type: str = schema.ROOT) -> Dict[str, Any]:
    """``data`` with enum values as identifiers and maps as `Map`, ready for `Document.merge`.

    Raises:
        ConfigError: with every field that the schema does not have, and every value that does not fit.
    """
    converter = _Converter()
    values = converter.message(data, message_type, "")
    if converter.problems:
        raise ConfigError(converter.problems)
    return values


def to_data(values: Any) -> Any:
    """The converted values as plain data again, as `reading.read` would give it: an empty list or map has no text."""
    if isinstance(values, Mapping):
        return {key: to_data(value) for key, value in values.items() if not _has_no_text(value)}
    if isinstance(values, list):
        return [to_data(value) for value in values]
    return str(values) if isinstance(values, Identifier) else values


def merged(data: Any, values: Any, lists: str) -> Any:
    """What `Document.merge` makes of a message that reads as ``data``; the check that an edit did what was meant."""
    if isinstance(values, Mapping) and isinstance(data, Mapping):
        result = dict(data)
        for name, value in values.items():
            result[name] = merged(data.get(name), value, lists)
            if not result[name] and (isinstance(value, (list, Map))):
                del result[name]
        return result
    if isinstance(values, Mapping):
        return merged({}, values, lists)
    if isinstance(values, list):
        kept: Sequence[Any] = data if isinstance(data, list) else []
        if lists == "replace":
            return [to_data(value) for value in values]
        result_list = [merged(kept[i] if i < len(kept) else None, value, lists) for i, value in enumerate(values)]
        return result_list + list(kept[len(values) :])
    return to_data(values)


def _has_no_text(value: Any) -> bool:
    return isinstance(value, (list, Map)) and not value


class _Converter:
    def __init__(self) -> None:
        self.problems: List[str] = []

    def message(self, data: Any, message_type: str, path: str) -> Dict[str, Any]:
        if not isinstance(data, Mapping):
            scalar = isinstance(data, (str, int, float))
            hint = f' Write {{string_value: "{data}"}}.' if message_type == "ModelParameter" and scalar else ""
            self.wrong(path, f"a mapping of {message_type}'s fields", data, hint)
            return {}
        specs = schema.MESSAGES[message_type]
        values: Dict[str, Any] = {}
        chosen: Dict[str, str] = {}
        for name, value in data.items():
            place = f"{path}.{name}" if path else str(name)
            spec = specs.get(name)
            if spec is None:
                self.problems.append(f"{place}: {message_type} has no such field.{schema.suggest(str(name), specs)}")
                continue
            other = chosen.setdefault(spec.oneof, name) if spec.oneof else name
            if other != name:
                self.problems.append(f"{place}: cannot stand beside '{other}': only one of them.")
            values[str(name)] = self.field(value, spec, place)
        return values

    def field(self, value: Any, spec: FieldSpec, path: str) -> Any:
        if value is None:
            self.problems.append(f"{path}: null is not a value. To take a field away, name it in 'remove'.")
            return None
        if spec.key_type:
            if not isinstance(value, Mapping):
                return self.wrong(path, f"a mapping, since '{spec.name}' is a map", value)
            key_spec = spec._replace(type=spec.key_type, key_type=None)
            return Map(
                {
                    self.single(key, key_spec, path): self.single(item, spec, f"{path}.{key}")
                    for key, item in value.items()
                }
            )
        if spec.repeated:
            if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Sequence):
                return self.wrong(path, f"a list, since '{spec.name}' is repeated", value)
            return [self.single(item, spec, f"{path}[{index}]") for index, item in enumerate(value)]
        return self.single(value, spec, path)

    def single(self, value: Any, spec: FieldSpec, path: str) -> Any:
        if spec.type in schema.MESSAGES:
            return self.message(value, spec.type, path)
        enum = schema.ENUMS.get(spec.type)
        if enum:
            return self.enum_value(value, spec, enum, path)
        if isinstance(value, (Mapping, list, tuple)) or value is None:
            return self.wrong(path, f"a {spec.type}", value)
        if spec.type == "string":
            return self.string(value, path)
        if spec.type == "bool":
            truth = _TRUTHS.get(value.lower()) if isinstance(value, str) else value
            return truth if isinstance(truth, bool) else self.wrong(path, "true or false", value)
        if spec.type in ("float", "double"):
            try:
                return float(value) if not isinstance(value, bool) else self.wrong(path, "a number", value)
            except (ValueError, TypeError, OverflowError):
                return self.wrong(path, "a number", value)
        if isinstance(value, str) and _INTEGER.fullmatch(value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            return self.wrong(path, f"a whole number ({spec.type})", value)
        low, high = INTEGER_RANGES[spec.type]
        if not low <= value <= high:
            return self.wrong(path, f"a number in the range of {spec.type}", value)
        return int(value)

    def string(self, value: Any, path: str) -> Any:
        if not isinstance(value, str):
            return self.wrong(path, "a string", value, " Put it in quotes.")
        try:
            value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            return self.wrong(path, "a string of valid Unicode", value)
        return str(value)

    def enum_value(self, value: Any, spec: FieldSpec, enum: schema.EnumSpec, path: str) -> Any:
        if isinstance(value, int) and not isinstance(value, bool) and value in enum.names:
            value = enum.names[value]
        if isinstance(value, str) and value in enum.numbers:
            return Identifier(value, enum.numbers[value])
        known = ", ".join(enum.numbers) if len(enum.numbers) < 6 else f"a {spec.type}"
        return self.wrong(
            path, f"one of {known}" if "," in known else known, value, schema.suggest(str(value), enum.numbers)
        )

    def wrong(self, path: str, wanted: str, value: Any, hint: str = "") -> None:
        shown = value if isinstance(value, (str, int, float, bool)) else type(value).__name__
        self.problems.append(f"{path or 'the configuration'}: expected {wanted}, found {shown!r}.{hint}")
