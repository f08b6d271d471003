# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Values to text, in a given style."""

from __future__ import annotations

from typing import Any, List, Mapping

from . import literals
from .style import CONVENTIONAL, Style
from .values import Map, map_entry


def document(values: Mapping[str, Any], style: Style = CONVENTIONAL) -> str:
    """A whole file: one field after the other, each on its own line or lines."""
    return "".join(part + style.newline for part in _fields(values, style, "", inline=False))


def field(name: str, value: Any, style: Style, indent: str, inline: bool) -> str:
    """One field without a line end; several blocks for a map. An empty list or map has no text at all."""
    between = " " if inline else style.newline + indent
    if isinstance(value, Map):
        entries = [map_entry(key, item) for key, item in value.items()]
        return between.join(name + style.message + message(entry, style, indent, inline) for entry in entries)
    if isinstance(value, Mapping):
        return name + style.message + message(value, style, indent, inline)
    if not isinstance(value, (list, tuple)):
        return name + style.colon + literals.write(value, style.quote)
    if not value:
        return ""
    if not isinstance(value[0], Mapping):
        return name + style.colon + _scalars(value, style)
    if style.blocks:
        return between.join(name + style.message + message(item, style, indent, inline) for item in value)
    return name + style.messages + _messages(value, style, indent, inline)


def element(value: Any, style: Style, indent: str, inline: bool) -> str:
    """One element of a list."""
    if isinstance(value, Mapping):
        return message(value, style, indent, inline)
    return literals.write(value, style.quote)


def message(values: Mapping[str, Any], style: Style, indent: str, inline: bool) -> str:
    """A message with its brackets, on one line or on several."""
    opening, closing = style.brackets[0], style.brackets[1]
    parts = _fields(values, style, indent if inline else indent + style.indent, inline)
    if not parts:
        return f"{opening} {closing}"
    if inline:
        return f"{opening} {' '.join(parts)} {closing}"
    inner = style.newline + indent + style.indent
    return opening + "".join(inner + part for part in parts) + style.newline + indent + closing


def _fields(values: Mapping[str, Any], style: Style, indent: str, inline: bool) -> List[str]:
    parts = [field(name, value, style, indent, inline) for name, value in values.items()]
    return [part for part in parts if part]


def _scalars(values: Any, style: Style) -> str:
    return "[" + style.padding + ", ".join(literals.write(value, style.quote) for value in values) + style.padding + "]"


def _messages(values: Any, style: Style, indent: str, inline: bool) -> str:
    if inline:
        return "[ " + ", ".join(message(value, style, indent, inline) for value in values) + " ]"
    if style.hug:
        return "[" + ", ".join(message(value, style, indent, inline) for value in values) + "]"
    inner = indent + style.indent
    lines = ("," + style.newline).join(inner + message(value, style, inner, inline) for value in values)
    return "[" + style.newline + lines + style.newline + indent + "]"
