# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Google's protobuf as a second opinion on a text that is about to be written, where a host has it."""

from __future__ import annotations

from typing import Any, NamedTuple, Optional

from . import schema

_SCALARS = {"double": 1, "float": 2, "int64": 3, "uint64": 4, "int32": 5, "bool": 8, "string": 9, "uint32": 13}
_MESSAGE, _ENUM, _OPTIONAL, _REPEATED = 11, 14, 1, 3
PACKAGE = "inference"


class Protobuf(NamedTuple):
    """protobuf's version, its class for ModelConfig, and its module ``text_format``."""

    version: str
    message_class: Any
    text_format: Any


class DisagreementError(ValueError):
    """Google's protobuf refuses a text that this collection wanted to write. Nothing was written."""


def check(before: bytes, after: bytes) -> Optional[str]:
    """The version of protobuf that accepts ``after`` too; None where there is no protobuf or it has no say.

    It has no say where it refuses ``before`` already: its Python parser refuses some texts that Triton's accepts, for
    example ``- 1`` and strings that are not UTF-8.

    Raises:
        DisagreementError: protobuf accepts ``before`` and refuses ``after``.
    """
    loaded = load()
    if loaded is None:
        return None
    version, message_class, text_format = loaded
    try:
        text_format.Parse(before, message_class())
    except (text_format.ParseError, UnicodeDecodeError):
        return None
    try:
        text_format.Parse(after, message_class())
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise DisagreementError(f"protobuf {version} refuses the new text: {error}") from error
    return version


def file_descriptor(descriptor_pb2: Any) -> Any:
    """Triton's ModelConfig as a FileDescriptorProto made from the schema table.

    Args:
        descriptor_pb2: the module ``google.protobuf.descriptor_pb2``.
    """
    file = descriptor_pb2.FileDescriptorProto(name="model_config.proto", package=PACKAGE, syntax="proto3")
    messages = {}
    for full_name, specs in schema.MESSAGES.items():
        message = messages[full_name] = descriptor_pb2.DescriptorProto(name=full_name.rpartition(".")[2])
        oneofs = list(dict.fromkeys(spec.oneof for spec in specs.values() if spec.oneof))
        for oneof in oneofs:
            message.oneof_decl.add(name=oneof)
        # protobuf's C++ implementation wants the members of a oneof side by side.
        for spec in sorted(specs.values(), key=lambda spec: spec.oneof or ""):
            field = _add_field(message, spec.name, spec.number, spec.type, spec.repeated or spec.key_type is not None)
            if spec.oneof:
                field.oneof_index = oneofs.index(spec.oneof)
            if spec.key_type:
                entry = message.nested_type.add(name="".join(map(str.capitalize, spec.name.split("_"))) + "Entry")
                entry.options.map_entry = True
                _add_field(entry, "key", 1, spec.key_type, False)
                _add_field(entry, "value", 2, spec.type, False)
                field.type, field.type_name = _MESSAGE, f".{PACKAGE}.{full_name}.{entry.name}"
    for full_name, enum in schema.ENUMS.items():
        parent = full_name.rpartition(".")[0]
        target = messages[parent].enum_type if parent else file.enum_type
        descriptor = target.add(name=full_name.rpartition(".")[2])
        for name, number in enum.numbers.items():
            descriptor.value.add(name=name, number=number)
    # A message is copied into its parent, so the deepest come first.
    for full_name in sorted(messages, key=lambda name: -name.count(".")):
        parent = full_name.rpartition(".")[0]
        (messages[parent].nested_type if parent else file.message_type).append(messages[full_name])
    return file


def _add_field(message: Any, name: str, number: int, field_type: str, repeated: bool) -> Any:
    field = message.field.add(name=name, number=number, label=_REPEATED if repeated else _OPTIONAL)
    if field_type in _SCALARS:
        field.type = _SCALARS[field_type]
    else:
        field.type = _ENUM if field_type in schema.ENUMS else _MESSAGE
        field.type_name = f".{PACKAGE}.{field_type}"
    return field


_loaded: Optional[Protobuf] = None


def load() -> Optional[Protobuf]:
    """Google's protobuf where it can be imported, else None. The first call costs a quarter of a second."""
    global _loaded
    if _loaded is None:
        try:
            import google.protobuf
            from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
        except ImportError:
            return None
        pool = descriptor_pool.DescriptorPool()
        pool.AddSerializedFile(file_descriptor(descriptor_pb2).SerializeToString())
        descriptor = pool.FindMessageTypeByName(f"{PACKAGE}.{schema.ROOT}")
        if hasattr(message_factory, "GetMessageClass"):
            message_class = message_factory.GetMessageClass(descriptor)
        else:  # before protobuf 4.22
            message_class = message_factory.MessageFactory(pool).GetPrototype(descriptor)  # type: ignore[attr-defined]
        _loaded = Protobuf(google.protobuf.__version__, message_class, text_format)
    return _loaded
