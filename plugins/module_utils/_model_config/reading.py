# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""A document to plain data: what ``protoc`` would understand, or all the reasons why it would not.

Data holds the fields that the file gives and no defaults. Enum values are names (a number where the enum has no name
for it), maps are dicts, repeated fields are lists, strings that are not UTF-8 have surrogates in them.

The rules are those of protobuf's C++ parser (3.21.12, src/google/protobuf/text_format.cc, ConsumeField and
ConsumeFieldValue), which decides whether Triton loads a file.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Set

from .._textproto import literals
from .._textproto.document import Document
from .._textproto.nodes import Field, ListValue, Message, Scalar, Value
from . import schema
from .findings import Finding
from .schema import FieldSpec


class Reading(NamedTuple):
    """The data of a document, as far as it could be read, and everything that is wrong with it."""

    data: Dict[str, Any]
    findings: List[Finding]


def read(document: Document, message_type: str = schema.ROOT) -> Reading:
    """Read a document as a message of ``message_type``. Never raises for what the document holds."""
    reader = _Reader(document)
    return Reading(reader.message(document.root, message_type), reader.findings)


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


class _Reader:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.findings: List[Finding] = []

    def report(self, rule: str, message: str, offset: int, hint: str = "") -> None:
        self.findings.append(Finding.at(rule, message, self.document.text, offset, hint))

    def message(self, message: Message, message_type: str) -> Dict[str, Any]:
        specs = schema.MESSAGES[message_type]
        data: Dict[str, Any] = {}
        members: Dict[str, str] = {}
        for field in message.fields:
            spec = specs.get(field.name)
            if spec is None:
                hint = schema.suggest(field.name, specs).strip()
                self.report("unknown-field", f"{message_type} has no field '{field.name}'.", field.start, hint)
            elif spec.key_type:
                for node in _elements(field.value):
                    self.map_entry(node, spec, data.setdefault(field.name, {}))
            elif spec.repeated:
                for node in _elements(field.value):
                    self.add(node, spec, data.setdefault(field.name, []).append)
            elif isinstance(field.value, ListValue):
                self.report("not-repeated", f"'{field.name}' takes one value, not a list.", field.value.start)
            else:
                self.once(field, spec, data, members)
                self.add(field.value, spec, lambda value, name=field.name: data.__setitem__(name, value))  # type: ignore[misc]
        return data

    def once(self, field: Field, spec: FieldSpec, data: Dict[str, Any], members: Dict[str, str]) -> None:
        """Report a singular field that is given twice. A scalar whose earlier value is the default is forgiven."""
        other = members.setdefault(spec.oneof, field.name) if spec.oneof else field.name
        if other != field.name:
            self.report("oneof", f"'{field.name}' cannot stand beside '{other}': only one of them.", field.start)
        elif field.name in data and (
            spec.oneof or spec.type in schema.MESSAGES or data[field.name] != default(spec.type)
        ):
            hint = "Remove all but one of them."
            self.report("given-twice", f"'{field.name}' is given more than once.", field.start, hint)

    def map_entry(self, node: Value, spec: FieldSpec, entries: Dict[Any, Any]) -> None:
        if not isinstance(node, Message):
            self.report("wrong-type", f"'{spec.name}' is a map: its entries are messages.", node.start)
            return
        parts = {"key": spec._replace(name="key", type=spec.key_type or ""), "value": spec._replace(name="value")}
        is_message = spec.type in schema.MESSAGES
        entry: Dict[str, Any] = {"key": default(spec.key_type or ""), "value": {} if is_message else default(spec.type)}
        given: Set[str] = set()
        for field in node.fields:
            part = parts.get(field.name)
            if part is None:
                self.report("unknown-field", f"an entry of '{spec.name}' has 'key' and 'value' only.", field.start)
            elif isinstance(field.value, ListValue):
                self.report("not-repeated", f"'{field.name}' takes one value, not a list.", field.value.start)
            else:
                if field.name in given and (part.type in schema.MESSAGES or entry[field.name] != default(part.type)):
                    self.report("given-twice", f"'{field.name}' is given more than once.", field.start)
                given.add(field.name)
                self.add(field.value, part, lambda value, name=field.name: entry.__setitem__(name, value))  # type: ignore[misc]
        entries[entry["key"]] = entry["value"]

    def add(self, node: Value, spec: FieldSpec, keep: Callable[[Any], None]) -> None:
        """Convert one value and hand it on, or report it."""
        if spec.type in schema.MESSAGES:
            if isinstance(node, Message):
                keep(self.message(node, spec.type))
            else:
                source = self.document.source(node)
                self.report("wrong-type", f"'{spec.name}' is a message: expected '{{', found {source}.", node.start)
            return
        if not isinstance(node, Scalar):
            self.report("wrong-type", f"'{spec.name}' is a {spec.type}, not a message: expected ':'.", node.start)
            return
        try:
            keep(_convert(self.document.source(node), spec))
        except _Bad as bad:
            rule, message, hint = bad.args
            self.report(rule, message, node.start, hint)


def _elements(value: Value) -> List[Any]:
    return list(value.elements) if isinstance(value, ListValue) else [value]


def _convert(source: str, spec: FieldSpec) -> Any:
    enum = schema.ENUMS.get(spec.type)
    if enum:
        return _enum_value(source, spec, enum)
    value: Any
    if spec.type == "string":
        value = literals.text_value(source)
        hint = f'Put it in quotes: "{source}".' if value is None else ""
    elif spec.type == "bool":
        value, hint = literals.bool_value(source), "Write true or false."
    elif spec.type in ("float", "double"):
        value, hint = literals.float_value(source), ""
    else:
        value, hint = literals.integer_value(source), ""
        if value is not None and (not _in_range(value, spec.type) or (spec.type[0] == "u" and source[0] == "-")):
            raise _Bad("out-of-range", f"{source} is out of the range of '{spec.name}' ({spec.type}).", "")
        if literals.is_string(source):
            hint = "Remove the quotes."
    if value is None:
        raise _Bad("wrong-type", f"'{spec.name}' is a {spec.type}, found {source}.", hint)
    return value


def _enum_value(source: str, spec: FieldSpec, enum: schema.EnumSpec) -> Any:
    if source in enum.numbers:
        return source
    number = literals.integer_value(source)
    if number is not None and _in_range(number, "int32"):
        return enum.names.get(number, number)
    bare = source.strip("\"'")
    hint = f"Write {bare} without quotes." if bare in enum.numbers else schema.suggest(bare, enum.numbers).strip()
    raise _Bad("unknown-enum-value", f"'{spec.name}' has no value {source}.", hint)


def _in_range(number: int, integer_type: str) -> bool:
    bits = int(integer_type.lstrip("uint"))
    return 0 <= number < 1 << bits if integer_type[0] == "u" else -(1 << bits - 1) <= number < 1 << bits - 1
