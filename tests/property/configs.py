# SPDX-License-Identifier: GPL-3.0-or-later
"""ModelConfigs as plain data, drawn from the schema: what `reading.read` gives and `writing.to_values` takes."""

from __future__ import annotations

from typing import Any

from ansible_collections.inference.triton.plugins.module_utils._model_config import schema
from ansible_collections.inference.triton.plugins.module_utils._model_config.schema import FieldSpec
from hypothesis import strategies as st

Draw = Any
Data = dict[str, Any]

_INTEGERS = {
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "uint32": st.integers(0, 2**32 - 1),
    "uint64": st.integers(0, 2**64 - 1),
}
_STRINGS = st.one_of(
    st.sampled_from(
        ["", "a", "INPUT_0", "KIND_GPU", "it's", 'say "no"', "C:\\models\\new", "a # b", "{ x: [1] }", "null"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
)
_SCALARS = {
    **_INTEGERS,
    "bool": st.booleans(),
    "string": _STRINGS,
    "float": st.floats(width=32),
    "double": st.floats(),
}


def scalars(field_type: str, open_enums: bool) -> st.SearchStrategy[Any]:
    """Values of a scalar or enum type; of an enum also numbers without a name, if ``open_enums``."""
    if field_type in _SCALARS:
        return _SCALARS[field_type]
    enum = schema.ENUMS[field_type]
    names = st.sampled_from(list(enum.numbers))
    return names | st.integers(50, 99) if open_enums else names


@st.composite
def messages(draw: Draw, message_type: str = schema.ROOT, *, open_enums: bool = False, most: int = 5) -> Data:
    """Messages of a type with up to ``most`` fields, fewer further down; never two members of one oneof."""
    specs = schema.MESSAGES[message_type]
    names = draw(st.lists(st.sampled_from(sorted(specs)), max_size=most, unique=True)) if specs else []
    return {
        name: draw(values(specs[name], open_enums=open_enums, most=max(1, most - 2)))
        for name in without_rivals(specs, names, [])
    }


@st.composite
def values(draw: Draw, spec: FieldSpec, *, open_enums: bool = False, most: int = 3) -> Any:
    """Values of a field: a mapping for a map, a list that is not empty for a repeated field, else one value."""
    one = single(spec, open_enums=open_enums, most=most)
    if spec.key_type:
        return draw(st.dictionaries(_SCALARS[spec.key_type], one, min_size=1, max_size=3))
    return draw(st.lists(one, min_size=1, max_size=3)) if spec.repeated else draw(one)


def single(spec: FieldSpec, *, open_enums: bool = False, most: int = 3) -> st.SearchStrategy[Any]:
    """One element of a repeated field, one value of a map, or the value of any other field."""
    if spec.type in schema.MESSAGES:
        return messages(spec.type, open_enums=open_enums, most=most)
    return scalars(spec.type, open_enums)


def without_rivals(specs: dict[str, FieldSpec], names: list[str], present: list[str]) -> list[str]:
    """``names`` without those that cannot stand beside another one, or beside what is ``present``."""
    chosen = {specs[name].oneof: name for name in present}
    return [name for name in names if not specs[name].oneof or chosen.setdefault(specs[name].oneof, name) == name]


@st.composite
def changes(draw: Draw, data: Data, message_type: str = schema.ROOT) -> Data:
    """A mapping to merge into ``data``: more often than not into what is there already."""
    specs = schema.MESSAGES[message_type]
    if not specs:
        return {}
    known = st.sampled_from(sorted(specs))
    names = draw(st.lists(st.sampled_from(sorted(data)) | known if data else known, max_size=3, unique=True))
    return {
        name: draw(_changed_value(data.get(name), specs[name])) for name in without_rivals(specs, names, list(data))
    }


@st.composite
def _changed_value(draw: Draw, old: Any, spec: FieldSpec) -> Any:
    if old is None:
        return draw(values(spec))
    if spec.key_type:
        keys = draw(st.lists(st.sampled_from(list(old)) | _SCALARS[spec.key_type], max_size=3, unique=True))
        return {key: draw(_changed_single(old.get(key), spec)) for key in keys}
    if spec.repeated:
        size = draw(st.integers(0, len(old) + 1))
        return [draw(_changed_single(old[at] if at < len(old) else None, spec)) for at in range(size)]
    return draw(_changed_single(old, spec))


def _changed_single(old: Any, spec: FieldSpec) -> st.SearchStrategy[Any]:
    if isinstance(old, dict):
        return changes(old, spec.type)
    return (
        single(spec)
        if old is None or (isinstance(old, int) and spec.type in schema.ENUMS)
        else st.just(old) | single(spec)
    )
