# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain data to text format in every legal style that people, templates and generators come up with."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

from ansible_collections.inference.triton.plugins.module_utils._model_config import schema
from ansible_collections.inference.triton.plugins.module_utils._model_config.reading import default
from ansible_collections.inference.triton.plugins.module_utils._model_config.schema import FieldSpec
from ansible_collections.inference.triton.tests.property.configs import Data, Draw, messages
from hypothesis import strategies as st

T = TypeVar("T")

_COMMENTS = [
    "",
    " plain",
    "#",
    " # #",
    ' "',
    " it's",
    " } ] >",
    " { [ <",
    ' name: "x",',
    " kind: KIND_CPU }",
    " \u00fc \u2028 \t",
]
_GAPS = ["", " ", "\n", "  ", "\t", "\r\n", "\v", "\f", "\r", "\n\n"]
_SIMPLE_ESCAPES = {7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 34: '"', 39: "'", 92: "\\"}


class WildText(NamedTuple):
    """A configuration twice over."""

    data: Data
    text: str


@st.composite
def documents(draw: Draw, *, google: bool = True, open_enums: bool = False) -> WildText:
    """A configuration and a text for it; ``google`` leaves out what protobuf's Python parser misreads, like ``- 1``."""
    data = draw(messages(open_enums=open_enums))
    return WildText(data, _Scribe(draw, google).document(data))


class _Scribe:
    """Writes one document. Each choice is drawn; the first option is the plainest, so that failures shrink to it."""

    def __init__(self, draw: Draw, google: bool) -> None:
        self.draw = draw
        self.google = google
        self.comments = 0
        self.newline = self.choose(["\n", "\r\n"])
        self.indent = self.choose(["  ", "    ", "\t", " ", ""])
        self.colon = self.choose([": ", ":", " : ", ":\t"])
        self.open = self.choose([" ", ": ", "", ":"])
        self.separators = self.choose([[""], [","], [";"], ["", ",", ";"]])
        self.brackets = self.choose([["{}"], ["<>"], ["{}", "<>"]])
        self.quotes = self.choose([['"'], ["'"], ['"', "'"]])
        self.one_line = self.choose([False, False, True])
        self.with_comments = self.choose([False, True, True])
        self.wild = self.choose([False, False, True])

    def choose(self, options: Sequence[T]) -> T:
        return options[self.draw(st.integers(0, len(options) - 1))]

    def often(self, odds: int) -> bool:
        """False, but true once in ``odds`` times."""
        return self.draw(st.integers(0, odds - 1)) == odds - 1

    # Layout

    def document(self, data: Data) -> str:
        text = self.lines(self.fields(data, schema.ROOT, ""), "")
        if text and not self.one_line and self.often(4):
            text = text.rstrip() + self.choose(["", " ", "\n\n", " # the end"])
        return text

    def lines(self, fields: Iterable[str], indent: str) -> str:
        """Fields one below the other, with comments before and behind them; or all on one line."""
        text = ""
        for field in fields:
            if self.one_line:
                text += field + " "
                continue
            if self.with_comments and self.often(5):
                text += self.choose(["", self.newline]) + indent + self.comment()
            text += indent + field
            text += " " + self.comment() if self.with_comments and self.often(5) else self.newline
            text += self.newline if self.often(8) else ""
        return text

    def comment(self) -> str:
        """A comment line; no two are the same, so that one that is lost is missed."""
        self.comments += 1
        text = self.choose(_COMMENTS if self.google else [*_COMMENTS, " \udcff\udcc3"])
        return f"#{text}{self.comments}{self.newline}"

    def gap(self, tidy: str) -> str:
        """What stands between two tokens: ``tidy``, or anything in a wild document."""
        if not self.wild or not self.often(4):
            return tidy
        pieces = [self.choose(_GAPS)]
        if self.often(2):
            pieces += [self.comment(), self.choose(_GAPS)]
        return "".join(pieces)

    def body(self, fields: list[str], indent: str) -> str:
        """A message in its brackets."""
        opening, closing = self.choose(self.brackets)
        if not fields:
            return opening + self.gap(self.choose(["", " ", "  ", self.newline + indent])) + closing
        if self.one_line or self.often(4):
            return opening + self.gap(" ") + "".join(field + self.gap(" ") for field in self.parted(fields)) + closing
        return opening + self.newline + self.lines(fields, indent + self.indent) + indent + closing

    def parted(self, fields: list[str]) -> list[str]:
        return [field + " " if field[-1:] not in ",;" else field for field in fields]

    # Fields

    def fields(self, data: Data, message_type: str, indent: str) -> list[str]:
        """Every occurrence of every field, those of one field in order."""
        specs = schema.MESSAGES[message_type]
        queues = [self.occurrences(specs[name], value, indent) for name, value in data.items()]
        if not self.wild:
            return [field for queue in queues for field in queue]
        fields = []
        while queues := [queue for queue in queues if queue]:
            fields.append(self.choose(queues).pop(0))
        return fields

    def occurrences(self, spec: FieldSpec, value: Any, indent: str) -> list[str]:
        if spec.key_type:
            return self.repeated(spec._replace(type="map entry"), self.entries(spec, value), indent)
        if spec.repeated:
            return self.repeated(spec, value, indent)
        written = [self.field(spec, value, indent)]
        if spec.type not in schema.MESSAGES and not spec.oneof and self.often(10):
            written.insert(0, self.field(spec, default(spec.type), indent))  # forgiven, since it is the default
        return written

    def entries(self, spec: FieldSpec, entries: dict[Any, Any]) -> list[Any]:
        """The entries of a map as (specs, pairs); a key may stand twice, the last one counts."""
        parts = {"key": spec._replace(name="key", type=spec.key_type), "value": spec._replace(name="value")}
        parts = {name: part._replace(key_type=None, oneof=None) for name, part in parts.items()}
        written = []
        for key, value in entries.items():
            entry = {"key": key, "value": value}
            if self.often(6):
                written.append((parts, {"key": key}))
            if self.often(4):
                entry = {"value": value, "key": key}
            if key == default(spec.key_type or "") and self.often(2):
                del entry["key"]
            if value in ({}, "") and self.often(2):
                del entry["value"]
            written.append((parts, entry))
        return written

    def repeated(self, spec: FieldSpec, elements: list[Any], indent: str) -> list[str]:
        """A list, single fields, or both mixed; sometimes an empty list beside them."""
        written = []
        at = 0
        form = self.choose(["list", "single", "mixed"])
        while at < len(elements):
            if form == "list":
                size = len(elements)
            else:
                size = 0 if form == "single" else self.choose(range(len(elements) - at + 1))
            if size:
                written.append(self.list_field(spec, elements[at : at + size], indent))
            else:
                written.append(self.field(spec, elements[at], indent))
            at += size or 1
        if self.wild and self.often(6):
            written.append(self.list_field(spec, [], indent))
        return written

    def field(self, spec: FieldSpec, value: Any, indent: str) -> str:
        written = self.element(spec, value, indent)
        return self.named(spec, self.choose(self.separators), written)

    def named(self, spec: FieldSpec, separator: str, written: str) -> str:
        is_message = spec.type in schema.MESSAGES or spec.type == "map entry"
        tidy = self.open if is_message else self.colon
        before, colon, behind = tidy.partition(":")
        head = spec.name + self.gap(before) + (colon + self.gap(behind) if colon else "")
        return head + written + (self.gap("") + separator if separator else "")

    def list_field(self, spec: FieldSpec, elements: list[Any], indent: str) -> str:
        separator = self.choose(self.separators)
        pad = self.choose(["", " "])
        if not elements:
            return self.named(spec, separator, "[" + self.gap(pad) + "]")
        is_message = spec.type in schema.MESSAGES or spec.type == "map entry"
        if self.one_line or is_message == self.often(3):
            comma = self.gap("") + "," + self.gap(self.choose([" ", ""]))
            inside = comma.join(self.element(spec, element, indent) for element in elements)
            return self.named(spec, separator, "[" + self.gap(pad) + inside + self.gap(pad) + "]")
        inner = indent + self.indent
        rows = []
        for at, element in enumerate(elements):
            comma = "," if at < len(elements) - 1 else ""
            end = " " + self.comment() if self.with_comments and self.often(5) else self.newline
            before = inner + self.comment() if self.with_comments and self.often(6) else ""
            rows.append(before + inner + self.element(spec, element, inner) + self.gap("") + comma + end)
        return self.named(spec, separator, "[" + self.newline + "".join(rows) + indent + "]")

    def element(self, spec: FieldSpec, value: Any, indent: str) -> str:
        if spec.type == "map entry":
            parts, entry = value
            inner = indent + self.indent
            return self.body([self.field(parts[name], item, inner) for name, item in entry.items()], indent)
        if spec.type in schema.MESSAGES:
            return self.body(self.fields(value, spec.type, indent + self.indent), indent)
        return self.scalar(spec.type, value)

    # Literals

    def scalar(self, field_type: str, value: Any) -> str:
        if field_type == "string":
            return self.string(value)
        if field_type == "bool":
            spellings = ["true", "True", "t", "1"] if value else ["false", "False", "f", "0"]
            return self.choose(spellings if self.google else [*spellings, "0x1" if value else "00"])
        if field_type in ("float", "double"):
            return self.floating(value)
        enum = schema.ENUMS.get(field_type)
        if enum:
            number = enum.numbers.get(value, value)
            names = [value] if isinstance(value, str) else []
            return self.choose([*names, self.integer(number, octal=not self.google)])
        return self.integer(value)

    def integer(self, value: int, octal: bool = True) -> str:
        number = abs(value)
        spellings = [str(number), f"0x{number:x}", f"0X{number:X}"]
        if octal:
            spellings.append(f"0{number:o}")
        return self.minus(value < 0) + self.choose(spellings)

    def floating(self, value: float) -> str:
        minus = self.minus(math.copysign(1, value) < 0)
        if math.isnan(value):
            return minus + self.choose(["nan", "NaN", "NAN"])
        number = repr(abs(value))
        if math.isinf(value):
            return minus + self.choose(["inf", "Infinity", "INF"])
        spellings = [number, number + "f", number.replace("e", "E"), f"{abs(value):.17e}"]
        if number.endswith(".0"):
            spellings += [number[:-1], number[:-2], number[:-2] + "f"]
        if number.startswith("0."):
            spellings.append(number[1:])
        return minus + self.choose(spellings)

    def minus(self, negative: bool) -> str:
        return "" if not negative else "-" if self.google else "-" + self.gap("")

    def string(self, value: str) -> str:
        """One or more adjacent literals."""
        cuts = [0, len(value)]
        if value and self.often(6):
            cuts.insert(1, self.choose(range(len(value))))
        parts = [self.literal(value[start:end]) for start, end in pairwise(cuts)]
        return self.gap(" ").join(parts)

    def literal(self, value: str) -> str:
        quote = self.choose(self.quotes)
        wild = self.often(4)
        return quote + "".join(self.character(char, quote, wild) for char in value) + quote

    def character(self, char: str, quote: str, wild: bool) -> str:
        code = ord(char)
        must = char in ("\\", "\n", "\0", quote)
        if not must and not (wild and self.often(2)):
            return char
        spellings = ["".join(f"\\{byte:03o}" for byte in char.encode())]
        spellings.append("".join(f"\\x{byte:02X}" for byte in char.encode()))
        if char != "\\" or not self.google:  # whose Python parser takes \u005cn for a line feed
            spellings.append(f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08X}")
        if code in _SIMPLE_ESCAPES:
            spellings.insert(0, "\\" + _SIMPLE_ESCAPES[code])
        return self.choose(spellings)
