# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""A document to plain data: what ``protoc`` would understand, or all the reasons why it would not.

Data holds the fields that the file gives and no defaults. Enum values are names (a number where the enum has no name
for it), maps are dicts, repeated fields are lists, strings that are not UTF-8 have surrogates in them.

The rules are those of protobuf's C++ parser (3.21.12, src/google/protobuf/text_format.cc, ConsumeField and
ConsumeFieldValue), which decides whether Triton loads a file.
"""

from __future__ import annotations

import functools
from typing import Any, Callable, Dict, List, NamedTuple, Sequence, Tuple

from .._textproto import literals
from .._textproto.document import Document
from .._textproto.nodes import Field, ListValue, Message, Scalar, Value
from . import schema
from .findings import Finding, Problem, located
from .schema import FieldSpec

# The lowest and highest number of each integer type.
INTEGER_RANGES = {
    "int32": (-(1 << 31), (1 << 31) - 1),
    "int64": (-(1 << 63), (1 << 63) - 1),
    "uint32": (0, (1 << 32) - 1),
    "uint64": (0, (1 << 64) - 1),
}


class Reading(NamedTuple):
    """The data of a document, as far as it could be read, and everything that is wrong with it."""

    data: Dict[str, Any]
    findings: List[Finding]


def read(document: Document, message_type: str = schema.ROOT) -> Reading:
    """Read a document as a message of ``message_type``. Never raises for what the document holds."""
    data, problems = read_tree(document.text, document.root, message_type)
    return Reading(data, located(document.text, problems))


def read_tree(text: str, root: Message, message_type: str = schema.ROOT) -> Tuple[Dict[str, Any], List[Problem]]:
    """As `read`, for the tree of a text; the problems are in no particular order."""
    reader = _Reader(text)
    return reader.message(root, message_type), reader.problems


def default(field_type: str) -> Any:
    """The value that a singular scalar or enum field has when it is not given (proto3)."""
    if field_type == "string":
        return ""
    if field_type == "bool":
        return False
    enum = schema.ENUMS.get(field_type)
    return enum.names[0] if enum else 0


class _Bad(Exception):
    """A literal is not of the wanted type: ``args`` are the rule, the message and a hint."""


_NOTHING: Any = object()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.problems: List[Problem] = []

    def report(self, rule: str, message: str, offset: int, hint: str = "") -> None:
        self.problems.append(Problem(rule, message, offset, hint))

    def report_list(self, name: str, value: ListValue) -> None:
        hint = "Write one value without the brackets '[' and ']'."
        self.report("not-repeated", f"'{name}' takes one value, not a list.", value.start, hint)

    def message(self, message: Message, message_type: str) -> Dict[str, Any]:
        specs = schema.MESSAGES[message_type]
        data: Dict[str, Any] = {}
        members: Dict[str, str] = {}
        for field in message.fields:
            name, _start, node = field
            spec = specs.get(name)
            if spec is None:
                hint = _other_name(name, message_type)
                self.report("unknown-field", f"{message_type} has no field '{name}'.", field.start, hint)
            elif spec.key_type:
                for element in _elements(node):
                    self.map_entry(element, spec, data.setdefault(name, {}))
            elif spec.repeated:
                values = [self.value(element, spec) for element in _elements(node)]
                if values:  # to protobuf, an empty list is no field at all
                    data.setdefault(name, []).extend(value for value in values if value is not _NOTHING)
            elif isinstance(node, ListValue):
                self.report_list(name, node)
            else:
                if spec.oneof or name in data:
                    self.check_once(field, spec, data, members)
                value = self.value(node, spec)
                if value is not _NOTHING:
                    data[name] = value
        return data

    def check_once(self, field: Field, spec: FieldSpec, data: Dict[str, Any], members: Dict[str, str]) -> None:
        """Report a singular field that is given twice. A scalar whose earlier value is the default is forgiven."""
        other = members.setdefault(spec.oneof, field.name) if spec.oneof else field.name
        if other != field.name:
            hint = "Remove one of the two."
            self.report("oneof", f"'{field.name}' cannot stand beside '{other}': only one of them.", field.start, hint)
        elif field.name in data and (
            spec.oneof or spec.type in schema.MESSAGES or data[field.name] != default(spec.type)
        ):
            hint = "Remove all but one of them."
            self.report("given-twice", f"'{field.name}' is given more than once.", field.start, hint)

    def map_entry(self, node: Value, spec: FieldSpec, entries: Dict[Any, Any]) -> None:
        """Add one entry to ``entries``. A map field is a repeated message; a key that is given again replaces."""
        if not isinstance(node, Message):
            hint = f"Write {spec.name} {{ key: ... value: ... }}."
            self.report("wrong-type", f"'{spec.name}' is a map: its entries are messages.", node.start, hint)
            return
        key_type = spec.key_type or ""
        parts = {"key": FieldSpec("key", 1, key_type), "value": FieldSpec("value", 2, spec.type)}
        entry: Dict[str, Any] = {}
        readable = True
        for field in node.fields:
            part = parts.get(field.name)
            if part is None:
                hint = f"Write {spec.name} {{ key: ... value: ... }}."
                self.report(
                    "unknown-field", f"an entry of '{spec.name}' has 'key' and 'value' only.", field.start, hint
                )
            elif isinstance(field.value, ListValue):
                self.report_list(field.name, field.value)
            else:
                self.check_once(field, part, entry, {})
                value = self.value(field.value, part)
                if value is not _NOTHING:
                    entry[field.name] = value
                readable = readable and value is not _NOTHING
        if readable:
            key = entry.get("key", default(key_type))
            entries[key] = entry.get("value", {} if spec.type in schema.MESSAGES else default(spec.type))

    def value(self, node: Value, spec: FieldSpec) -> Any:
        """One value, or `_NOTHING` once it was reported."""
        if isinstance(node, Scalar):
            convert = _CONVERTERS.get(spec.type)
            source = self.text[node.start : node.end]
            if convert is None and spec.type in schema.MESSAGES:
                message = f"'{spec.name}' is a message: expected '{{', found {source}."
                hint = f"Write its fields in brackets: {spec.name} {{ ... }}."
                self.report("wrong-type", message, node.start, hint)
                return _NOTHING
            try:
                return convert(source, spec) if convert else _enum_value(source, spec)
            except _Bad as bad:
                rule, message, hint = bad.args
                self.report(rule, message, node.start, hint)
                return _NOTHING
        if isinstance(node, Message) and spec.type in schema.MESSAGES:
            return self.message(node, spec.type)
        message, hint = f"'{spec.name}' is a {spec.type}, not a message: expected ':'.", f"Write {spec.name}: VALUE."
        self.report("wrong-type", message, node.start, hint)
        return _NOTHING


@functools.lru_cache(maxsize=1000)  # a wrong name seldom stands in one place only
def _other_name(name: str, message_type: str) -> str:
    return schema.suggest(name, schema.MESSAGES[message_type]).strip() or "Correct its name, or remove it."


def _elements(value: Value) -> Sequence[Value]:
    return value.elements if isinstance(value, ListValue) else (value,)


def _string(source: str, spec: FieldSpec) -> str:
    if source[0] in "\"'" and source[-1] == source[0] and source.count(source[0]) == 2 and "\\" not in source:
        return source[1:-1]  # one literal without escapes
    value = literals.text_value(source)
    if value is None:
        raise _wrong_type(source, spec, f'Put it in quotes: "{source}".')
    return value


def _integer(source: str, spec: FieldSpec) -> int:
    value = literals.integer_value(source)
    if value is None:
        quoted = literals.integer_value(source.strip("\"'") or source) is not None
        raise _wrong_type(source, spec, "Remove the quotes." if quoted else "Write a whole number.")
    low, high = INTEGER_RANGES[spec.type]
    if not low <= value <= high or (low == 0 and source[0] == "-"):
        message, hint = (
            f"{source} is out of the range of '{spec.name}', {low} to {high}.",
            "Write a number in this range.",
        )
        raise _Bad("out-of-range", message, hint)
    return value


def _bool(source: str, spec: FieldSpec) -> bool:
    value = literals.bool_value(source)
    if value is None:
        raise _wrong_type(source, spec, "Write true or false.")
    return value


def _float(source: str, spec: FieldSpec) -> float:
    value = literals.float_value(source)
    if value is None:
        raise _wrong_type(source, spec, "Write a number.")
    return value


def _enum_value(source: str, spec: FieldSpec) -> Any:
    enum = schema.ENUMS[spec.type]
    if source in enum.numbers:
        return source
    number = literals.integer_value(source)
    low, high = INTEGER_RANGES["int32"]
    if number is not None and low <= number <= high:
        return enum.names.get(number, number)
    bare = source.strip("\"'")
    hint = f"Write {bare} without quotes." if bare in enum.numbers else schema.suggest(bare, enum.numbers).strip()
    hint = hint or f"Write one of: {', '.join(enum.numbers)}."
    raise _Bad("unknown-enum-value", f"'{spec.name}' has no value {source}.", hint)


def _wrong_type(source: str, spec: FieldSpec, hint: str) -> _Bad:
    return _Bad("wrong-type", f"'{spec.name}' is a {spec.type}, found {source}.", hint)


_CONVERTERS: Dict[str, Callable[[str, FieldSpec], Any]] = {
    "string": _string,
    "bool": _bool,
    "float": _float,
    "double": _float,
    **dict.fromkeys(INTEGER_RANGES, _integer),
}
