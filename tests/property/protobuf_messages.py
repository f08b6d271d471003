# SPDX-License-Identifier: GPL-3.0-or-later
"""Google's protobuf as the judge: ModelConfig messages from data, from text, and edited by protobuf's own means."""

from __future__ import annotations

from typing import Any

from ansible_collections.inference.triton.plugins.module_utils._model_config import schema, second_opinion

PROTOBUF = second_opinion.load()
assert PROTOBUF, "these tests need protobuf"

Path = tuple[str | int, ...]


def parse(text: bytes | str) -> Any:
    """The ModelConfig in a text; ParseError if protobuf refuses it."""
    return PROTOBUF.text_format.Parse(text, PROTOBUF.message_class())


def accepts(text: bytes) -> bool:
    """Whether protobuf's Python parser takes the text for a ModelConfig."""
    try:
        parse(text)
    except (PROTOBUF.text_format.ParseError, UnicodeDecodeError):
        return False
    return True


def build(data: dict[str, Any]) -> Any:
    """The message that plain data stands for."""
    message = PROTOBUF.message_class()
    fill(message, data)
    return message


def same(one: Any, other: Any) -> bool:
    """Whether two messages are equal, NaN being equal to itself."""
    return one.SerializeToString(deterministic=True) == other.SerializeToString(deterministic=True)


def fill(message: Any, data: dict[str, Any]) -> None:
    """Merge plain data into ``message``; repeated fields are appended to."""
    for name, value in data.items():
        put(message, name, value)


def put(message: Any, name: str, value: Any) -> None:
    """Set, or append to, one field of ``message``."""
    spec = schema.MESSAGES[message.DESCRIPTOR.full_name.partition(".")[2]][name]
    held = getattr(message, name)
    if spec.key_type:
        for key, item in value.items():
            if spec.type in schema.MESSAGES:
                held[key].Clear()
                fill(held[key], item)
            else:
                held[key] = item
    elif spec.repeated and spec.type in schema.MESSAGES:
        for item in value:
            fill(held.add(), item)
    elif spec.repeated:
        held.extend(number(spec.type, item) for item in value)
    elif spec.type in schema.MESSAGES:
        held.SetInParent()
        fill(held, value)
    else:
        setattr(message, name, number(spec.type, value))


def number(field_type: str, value: Any) -> Any:
    """The number of an enum's name, anything else as it is."""
    enum = schema.ENUMS.get(field_type)
    return enum.numbers.get(value, value) if enum else value


def merge(message: Any, data: dict[str, Any], lists: str) -> None:
    """What `Document.merge` promises: messages by field, maps by key, lists by position or replaced whole."""
    for name, value in data.items():
        spec = schema.MESSAGES[message.DESCRIPTOR.full_name.partition(".")[2]][name]
        held = getattr(message, name)
        is_message = spec.type in schema.MESSAGES
        if spec.key_type and is_message:
            for key, item in value.items():
                merge(held[key], item, lists)
        elif spec.repeated and lists == "merge":
            for index, item in enumerate(value):
                if index == len(held):
                    put(message, name, [item])
                elif is_message:
                    merge(held[index], item, lists)
                else:
                    held[index] = number(spec.type, item)
        elif spec.repeated:
            message.ClearField(name)
            put(message, name, value)
        elif is_message and not spec.key_type:
            held.SetInParent()
            merge(held, value, lists)
        else:
            put(message, name, value)


def set_at(message: Any, path: Path, value: Any) -> None:
    """What `Document.set` promises: exactly ``value`` at ``path``, with the messages on the way."""
    *above, last = path
    if isinstance(last, int):
        holder, name = step_into(message, tuple(above[:-1])), above[-1]
        elements = taken_apart(holder, name)
        elements[last : last + 1] = [value]
        put_together(holder, name, elements)
    else:
        holder = step_into(message, tuple(above))
        holder.ClearField(last)
        put(holder, last, value)


def insert_at(message: Any, path: Path, value: Any) -> None:
    """What `Document.insert` promises."""
    *above, name, index = path
    holder = step_into(message, tuple(above))
    elements = taken_apart(holder, name)
    elements.insert(index, value)
    put_together(holder, name, elements)


def remove_at(message: Any, path: Path) -> None:
    """What `Document.remove` promises; a path may end in the key of a map too."""
    *above, last = path
    holder = step_into(message, tuple(above[:-1]))
    held = getattr(holder, above[-1]) if above and isinstance(above[-1], str) else None
    if hasattr(held, "__delitem__"):
        del held[last]
    else:
        step_into(message, tuple(above)).ClearField(last)


def step_into(message: Any, path: Path) -> Any:
    """The message at ``path``, made where it is missing."""
    for part in path:
        message = getattr(message, part) if isinstance(part, str) else message[part]
        if isinstance(part, str) and hasattr(message, "SetInParent"):
            message.SetInParent()
    return message


def taken_apart(message: Any, name: str) -> list[Any]:
    """Copies of the elements of a repeated field."""
    elements = []
    for element in getattr(message, name):
        if hasattr(element, "CopyFrom"):
            copy = type(element)()
            copy.CopyFrom(element)
            element = copy
        elements.append(element)
    return elements


def put_together(message: Any, name: str, elements: list[Any]) -> None:
    """Replace a repeated field by elements that are messages, mappings or scalars."""
    message.ClearField(name)
    for element in elements:
        if hasattr(element, "CopyFrom"):
            getattr(message, name).add().CopyFrom(element)
        else:
            put(message, name, [element])
