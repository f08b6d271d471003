# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The elementary edits, as splices: what to put in place of which characters.

No edit removes a comment that stands outside the text it removes, and none touches a line it does not have to.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Iterable, List, Optional, Union

from . import lexer, writer
from .errors import Splice
from .nodes import Field, ListValue, Message, Scalar
from .style import infer, line_indent, line_start, newline_at, starts_line

_WORD = re.compile(r"[\w.]", re.ASCII)
_CLOSING = "}>]"


def apply(text: str, splices: Iterable[Splice]) -> str:
    """The text after all splices, which must not overlap. Those for one place are applied in the order given."""
    parts: List[str] = []
    at = 0
    for splice in sorted(splices, key=lambda splice: splice.start):
        parts += [text[at : splice.start], splice.replacement]
        at = splice.end
    result = ""
    for part in (*parts, text[at:]):
        glued = part and _WORD.match(result[-1:]) and _WORD.match(part[0])
        result += " " + part if glued else part  # two tokens must not become one
    return result


def replace(text: str, root: Message, parent: Message, node: Union[Scalar, Message], value: Any) -> List[Splice]:
    """Another value in the place of ``node``, a field's value or a list's element; on one line if that was."""
    style = infer(text, root, parent, node.start)
    inline = "\n" not in text[node.start : node.end]
    if isinstance(node, Scalar) and text[node.start] in "\"'":
        style = dataclasses.replace(style, quote=text[node.start])
    return [Splice(node.start, node.end, writer.element(value, style, line_indent(text, node.start), inline))]


def append_field(text: str, root: Message, parent: Message, name: str, value: Any) -> List[Splice]:
    """A new field behind all others of ``parent``."""
    if parent.fields:
        return insert_after(text, root, parent, parent.fields[-1], name, value)
    style = infer(text, root, parent, parent.start)
    if parent is root:
        rendered = writer.field(name, value, style, "", inline=False)
        if text and not text.endswith("\n"):
            return [Splice(len(text), len(text), style.newline + rendered)]
        return [Splice(len(text), len(text), rendered + style.newline)]
    return _fill(text, parent, lambda indent, inline: writer.field(name, value, style, indent, inline), style.indent)


def insert_after(text: str, root: Message, parent: Message, field: Field, name: str, value: Any) -> List[Splice]:
    """A new field directly behind ``field``, one of ``parent``'s."""
    style = infer(text, root, parent, field.end, field if field.name == name else None)
    separator = _separator(text, field.end)
    inline = _shares_line(text, field)
    same_name = field.name == name and isinstance(field.value, Message)
    one_line = inline or (same_name and "\n" not in text[field.value.start : field.value.end])
    indent = line_indent(text, field.start)
    rendered = writer.field(name, value, style, indent, one_line)
    splices = []
    if separator:
        at, rendered = separator.end, rendered + text[separator.start]
    else:
        at, mark = field.end, _separator_before(text, parent, field)
        if mark:
            splices.append(Splice(at, at, mark))
    if inline:
        return [*splices, Splice(at, at, " " + rendered)]
    at = _comment_end(text, at)
    return [*splices, Splice(at, at, style.newline + indent + rendered)]


def insert_before(text: str, root: Message, parent: Message, field: Field, name: str, value: Any) -> List[Splice]:
    """A new field directly before ``field``, one of ``parent``'s."""
    style = infer(text, root, parent, field.start, field if field.name == name else None)
    inline = _shares_line(text, field)
    one_line = inline or "\n" not in text[field.value.start : field.value.end]
    indent = line_indent(text, field.start)
    rendered = writer.field(name, value, style, indent, one_line)
    mark = _separator(text, field.end)
    rendered += text[mark.start] if mark else _separator_before(text, parent, field)
    return [Splice(field.start, field.start, rendered + (" " if inline else style.newline + indent))]


def insert_element(
    text: str, root: Message, parent: Message, values: ListValue, index: int, value: Any
) -> List[Splice]:
    """A new element of a list, before the one that is ``index``-th now, or behind the last one."""
    if not values.elements:
        style = infer(text, root, parent, values.start)
        return _fill(text, values, lambda indent, inline: writer.element(value, style, indent, inline), style.indent)
    before = index < len(values.elements)
    neighbour = values.elements[index if before else -1]
    style = infer(text, root, parent, values.start, neighbour)
    own_line = starts_line(text, neighbour.start)
    indent = line_indent(text, neighbour.start)
    rendered = writer.element(value, style, indent, "\n" not in text[neighbour.start : neighbour.end])
    gap = style.newline + indent if own_line else _gap(text, values)
    if before:
        return [Splice(neighbour.start, neighbour.start, rendered + "," + gap)]
    at = _comment_end(text, neighbour.end) if own_line else neighbour.end
    return [Splice(neighbour.end, neighbour.end, ","), Splice(at, at, gap + rendered)]


def remove_field(text: str, parent: Message, field: Field) -> List[Splice]:
    """Without ``field``, its separator, and its lines where nothing else stands on them."""
    separator = _separator(text, field.end)
    if separator and not text[field.end : separator.start].strip():
        return [_cut(text, field.start, separator.end)]
    if separator:
        return [_cut(text, field.start, field.end), _cut(text, separator.start, separator.end)]
    splices = [_cut(text, field.start, field.end)]
    if field is parent.fields[-1] and len(parent.fields) > 1:
        dangling = _separator(text, parent.fields[-2].end)
        if dangling:
            splices.append(dangling)
    return splices


def remove_element(text: str, values: ListValue, index: int) -> List[Splice]:
    """Without one element of a list that has others, and without one of the commas."""
    elements = values.elements
    element = elements[index]
    if index + 1 < len(elements):
        comma = _comma(text, element.end)
        if not text[element.end : comma.start].strip():
            return [_cut(text, element.start, comma.end)]
        return [_cut(text, element.start, element.end), comma]
    comma = _comma(text, elements[index - 1].end)
    cut = _cut(text, element.start, element.end)
    return [comma, cut._replace(start=max(cut.start, comma.end))]


def _fill(text: str, holder: Union[Message, ListValue], render: Any, unit: str) -> List[Splice]:
    """Something between two brackets that have nothing or only a comment between them."""
    inside, close = holder.start + 1, holder.end - 1
    if "\n" not in text[inside:close]:
        indent = line_indent(text, holder.start)
        return [Splice(inside, close, f" {render(indent, True)} ")]
    newline, indent = newline_at(text, holder.start), line_indent(text, holder.start)
    at = line_start(text, close)
    return [Splice(at, at, indent + unit + render(indent + unit, False) + newline)]


def _shares_line(text: str, field: Field) -> bool:
    """Whether a field has another one beside it, or stands beside the bracket that it is in."""
    separator = _separator(text, field.end)
    end = separator.end if separator else field.end
    after = lexer.skip_blanks(text, end)
    follows = text[after : after + 1]
    return not starts_line(text, field.start) or (follows not in ("", "\n", "#") and follows not in _CLOSING)


def _separator(text: str, end: int) -> Optional[Splice]:
    """The removal of the separator behind ``end``, if there is one."""
    at = lexer.skip_trivia(text, end)
    return Splice(at, at + 1, "") if text[at : at + 1] in (",", ";") else None


def _comma(text: str, end: int) -> Splice:
    """The removal of the comma behind an element that is not the last one of its list."""
    at = lexer.skip_trivia(text, end)
    return Splice(at, at + 1, "")


def _separator_before(text: str, parent: Message, field: Field) -> str:
    """The separator that stands between ``field`` and the one before it, or nothing."""
    index = next(index for index, other in enumerate(parent.fields) if other is field)
    separator = _separator(text, parent.fields[index - 1].end) if index else None
    return text[separator.start] if separator else ""


def _gap(text: str, values: ListValue) -> str:
    """The blanks between two elements of a list that is written on one line."""
    if len(values.elements) > 1:
        gap = text[_comma(text, values.elements[0].end).end : values.elements[1].start]
        if not gap.strip(" \t"):
            return gap
    return " "


def _comment_end(text: str, offset: int) -> int:
    """The end of the line behind ``offset`` if only blanks and a comment stand there, else ``offset``."""
    at = lexer.skip_blanks(text, offset)
    if at < len(text) and text[at] not in "#\n":
        return offset
    end = text.find("\n", at)
    end = len(text) if end < 0 else end
    return end - 1 if text[end - 1 : end] == "\r" else end


def _cut(text: str, start: int, end: int) -> Splice:
    """The removal of a piece with the blanks and the line end that only it needed."""
    after = lexer.skip_blanks(text, end)
    alone = starts_line(text, start)
    if alone and after < len(text) and text[after] == "\n":
        return Splice(line_start(text, start), after + 1, "")
    if alone and after == len(text):
        first = line_start(text, start) - 1
        return Splice(first - 1 if text[first - 1 : first] == "\r" else max(first, 0), after, "")
    if alone and text[after] == "#":
        return Splice(start, after, "")
    if after == len(text) or text[after] in "\n#" + _CLOSING:
        while text[start - 1] in " \t":
            start -= 1
        return Splice(start, after if alone else end, "")
    return Splice(start, after, "")
