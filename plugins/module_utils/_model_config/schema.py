# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Triton's ModelConfig as a schema: which messages, fields and enum values there are, and since when."""

from __future__ import annotations

import difflib
from typing import Dict, Iterable, NamedTuple, Optional

from ._schema_data import SCHEMA

ROOT = "ModelConfig"


class FieldSpec(NamedTuple):
    """One field of a message.

    Attributes:
        type: a scalar type of protobuf (``int32``, ...) or the name of a message or enum; of a map's values.
        repeated: whether it holds a list; False for a map.
        key_type: the scalar type of a map's keys, None for any other field.
        oneof: the group of which only one field may be given, or None.
        since: the Triton release (``YY.MM``) that introduced it, None where that is 21.05 or earlier.
    """

    name: str
    number: int
    type: str
    repeated: bool = False
    key_type: Optional[str] = None
    oneof: Optional[str] = None
    since: Optional[str] = None


class EnumSpec(NamedTuple):
    """An enum: its numbers by name, its names by number, and the releases that introduced some of them."""

    numbers: Dict[str, int]
    names: Dict[int, str]
    since: Dict[str, str]


MESSAGES: Dict[str, Dict[str, FieldSpec]] = {}
ENUMS: Dict[str, EnumSpec] = {}


# What people write who come from NumPy, PyTorch or another serving system.
_COMMON_MISTAKES = {
    "type_bytes": "TYPE_STRING",
    "type_double": "TYPE_FP64",
    "type_float": "TYPE_FP32",
    "type_float16": "TYPE_FP16",
    "type_float32": "TYPE_FP32",
    "type_float64": "TYPE_FP64",
    "type_half": "TYPE_FP16",
    "type_int": "TYPE_INT32",
    "type_long": "TYPE_INT64",
    "dtype": "data_type",
    "input_dims": "dims",
    "output_dims": "dims",
    "shape": "dims",
    "instance_groups": "instance_group",
    "instances": "instance_group",
    "gpu": "gpus",
}


def suggest(name: str, known: Iterable[str]) -> str:
    """``" Did you mean 'dims'?"`` for a name that is close to a known one, else an empty string."""
    by_fold = {candidate.lower(): candidate for candidate in known}
    folded = name.lower()
    meant = _COMMON_MISTAKES.get(folded, "").lower()
    close = [meant] if meant in by_fold else difflib.get_close_matches(folded, by_fold, n=1, cutoff=0.6)
    if not close and len(folded) > 2:
        close = [candidate for candidate in by_fold if candidate.endswith("_" + folded)]
    return f" Did you mean '{by_fold[close[0]]}'?" if close else ""


def _load() -> None:
    fields: Dict[str, FieldSpec] = {}
    enum = EnumSpec({}, {}, {})
    in_enum = False
    for line in SCHEMA.splitlines():
        words = line.split()
        if not line.startswith(" "):
            in_enum = words[0] == "enum"
            if in_enum:
                enum = ENUMS[words[1]] = EnumSpec({}, {}, {})
            else:
                fields = MESSAGES[words[1]] = {}
            continue
        name, number = words[0], int(words[1])
        options = dict(word.split("=") for word in words if "=" in word)
        if in_enum:
            enum.numbers[name] = number
            enum.names[number] = name
            if "since" in options:
                enum.since[name] = options["since"]
        else:
            key_type, oneof, since = options.get("map"), options.get("oneof"), options.get("since")
            fields[name] = FieldSpec(name, number, words[2], "repeated" in words, key_type, oneof, since)


_load()
