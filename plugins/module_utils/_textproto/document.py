# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The public face of the language: a document that can be read, and edited without changing anything else.

    document = Document.parse(data)
    document = document.merge({"instance_group": [{"kind": Identifier("KIND_GPU")}]})
    data = document.to_bytes()

A document never changes. Every edit gives a new one, whose text was parsed again, so a text that this layer hands out
is always in the text format.

A path is a sequence of field names, each followed by an index where it names one element of a repeated field:
``("instance_group", 0, "kind")``. The elements of a field are counted over all its occurrences, in whichever
form they are written: ``f: 1 f: [2, 3]`` has three.
"""

from __future__ import annotations

from typing import Any, Callable, List, Mapping, NamedTuple, Optional, Sequence, Tuple, TypeVar, Union

from . import edit, literals
from .errors import EditError, Position, Splice, locate
from .nodes import Field, ListValue, Message, Scalar
from .parser import parse
from .values import Map, map_entry

T = TypeVar("T")
Path = Sequence[Union[str, int]]
Node = Union[Scalar, Message]


class Occurrence(NamedTuple):
    """One element of a field: the field that it is written in, its place in there if that is a list, and itself."""

    field: Field
    place: Optional[int]
    node: Node


class Document:
    """A text-format file.

    Attributes:
        text: the file, decoded as UTF-8; bytes that are not UTF-8 are kept as surrogates (PEP 383).
        root: the message that the file is.
    """

    __slots__ = ("root", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.root = parse(text)

    @classmethod
    def parse(cls, data: bytes) -> Document:
        """The document in a file's bytes.

        Raises:
            TextProtoError: the bytes are not in the text format.
        """
        return cls(data.decode("utf-8", "surrogateescape"))

    def to_bytes(self) -> bytes:
        """The file: exactly the bytes that were parsed, but for the edits."""
        return self.text.encode("utf-8", "surrogateescape")

    # Reading

    def source(self, node: Union[Node, ListValue, Field]) -> str:
        """The node as it is written."""
        return self.text[node.start : node.end]

    def position(self, node: Union[Node, ListValue, Field]) -> Position:
        """Where the node begins."""
        return locate(self.text, node.start)

    def occurrences(self, message: Message, name: str) -> List[Occurrence]:
        """All elements of the field ``name``, in order, lists taken apart."""
        found: List[Occurrence] = []
        for field in message.fields:
            if field.name == name:
                if isinstance(field.value, ListValue):
                    found += [Occurrence(field, index, node) for index, node in enumerate(field.value.elements)]
                else:
                    found.append(Occurrence(field, None, field.value))
        return found

    def find(self, path: Path) -> Optional[Node]:
        """The node at ``path``: the message or scalar, and the last one where several match. None if there is none."""
        node: Node = self.root
        for name, at in _steps(path):
            if not isinstance(node, Message):
                return None
            nodes = [occurrence.node for occurrence in self.occurrences(node, name)]
            if not nodes or (at is not None and at >= len(nodes)):
                return None
            node = nodes[-1 if at is None else at]
        return node

    def has(self, path: Path) -> bool:
        """Whether something is at ``path``: an element if it ends in an index, else the field, even as ``[ ]``."""
        if path and isinstance(path[-1], str):
            message = self.find(path[:-1])
            return isinstance(message, Message) and any(field.name == path[-1] for field in message.fields)
        return self.find(path) is not None

    def string(self, path: Path) -> Optional[str]:
        """The string at ``path``, or None if there is no string there."""
        return self._scalar(path, literals.text_value)

    def integer(self, path: Path) -> Optional[int]:
        """The integer at ``path``, or None if there is no integer there."""
        return self._scalar(path, literals.integer_value)

    def floating(self, path: Path) -> Optional[float]:
        """The number at ``path`` as a float, or None if there is no number there."""
        return self._scalar(path, literals.float_value)

    def boolean(self, path: Path) -> Optional[bool]:
        """The truth value at ``path``, or None if there is none there."""
        return self._scalar(path, literals.bool_value)

    def identifier(self, path: Path) -> Optional[str]:
        """The bare word at ``path``, or None if there is none there."""
        return self._scalar(path, literals.identifier_value)

    # Editing

    def set(self, path: Path, value: Any) -> Document:
        """With exactly ``value`` at ``path``, and nothing else changed. What already means the same stays as written.

        The messages on the way to the field are made where they are missing; an index can be one past the last.
        """
        return self._put(path, value, exact=True, lists="replace")

    def replace(self, path: Path, value: Any) -> Document:
        """As `set`, for something that is there.

        Raises:
            EditError: there is nothing at ``path``.
        """
        self._require(path)
        return self.set(path, value)

    def insert(self, path: Path, value: Any) -> Document:
        """With a new element of a repeated field: ``path`` ends in its index, the elements from there on move up.

        Raises:
            EditError: the index is beyond the end.
        """
        if len(path) < 2 or not isinstance(path[-1], int):
            raise EditError("the path of an insertion ends in an index")
        *parent, name, index = path
        return self._insert(self._message(parent), str(name), int(index), value)

    def remove(self, path: Path) -> Document:
        """Without what is at ``path``: one element if it ends in an index, else the field with all its elements.

        Raises:
            EditError: there is nothing at ``path``.
        """
        self._require(path)
        above, name, index = _split(path)
        if index is not None:
            return self._remove_element(self._message(above), name, index)
        document = self
        while True:
            message = document._message(above)
            field = next((field for field in message.fields if field.name == name), None)
            if field is None:
                return document
            document = document._edited(edit.remove_field(document.text, message, field))

    def merge(self, values: Mapping[str, Any], lists: str = "merge", path: Path = ()) -> Document:
        """With ``values`` merged into the message at ``path``; fields that they do not name stay as they are.

        Messages are merged field by field, maps by key, lists by position: ``lists="merge"`` merges element
        into element and keeps further ones, ``lists="replace"`` leaves exactly the elements that are given.
        """
        document = self
        for name, value in values.items():
            document = document._put((*path, name), value, exact=False, lists=lists)
        return document

    # The machinery below works on one field at a time and parses the text again after each elementary edit. That is
    # slower than to collect splices, but every step sees a true tree, and a file sees a handful of edits at most.

    def _put(self, path: Path, value: Any, exact: bool, lists: str) -> Document:
        has_text = value or not isinstance(value, (Map, list, tuple))
        if has_text and isinstance(path[-1], str) and not self.has(path):
            return self._append(path, value)
        if isinstance(value, Map):
            return self._put_map(path, value, exact, lists)
        if isinstance(value, (list, tuple)):
            return self._put_list(path, value, exact, lists)
        above, name, index = _split(path)
        document = self._with_message(above)
        message = document._message(above)
        nodes = document.occurrences(message, name)
        if not nodes or (index is not None and index >= len(nodes)):
            return document._insert(message, name, index or 0, value)
        node = nodes[-1 if index is None else index].node
        if isinstance(value, Mapping):
            return document._put_message(path, node, value, exact, lists)
        if isinstance(node, Message):
            raise EditError(f"'{_show(path)}' is a message, not a scalar")
        if literals.means(document.source(node), value):
            return document
        return document._edited(edit.replace(document.text, document.root, message, node, value))

    def _put_message(self, path: Path, node: Node, value: Mapping[str, Any], exact: bool, lists: str) -> Document:
        if not isinstance(node, Message):
            raise EditError(f"'{_show(path)}' is a scalar, not a message")
        document = self
        if exact:
            for name in {field.name: None for field in node.fields if field.name not in value}:
                document = document.remove((*path, name))
        for name, item in value.items():
            document = document._put((*path, name), item, exact, lists)
        return document

    def _put_list(self, path: Path, values: Sequence[Any], exact: bool, lists: str) -> Document:
        document = self
        if lists == "replace":
            for index in range(document._count(path) - 1, len(values) - 1, -1):
                document = document.remove((*path, index))
            if not values and self._count(path) and document.has(path):
                document = document.remove(path)
        for index, value in enumerate(values):
            document = document._put((*path, index), value, exact or lists == "replace", lists)
        return document

    def _put_map(self, path: Path, values: Map, exact: bool, lists: str) -> Document:
        document = self
        for key, value in values.items():
            entries = document._elements(path)
            found = [index for index, entry in enumerate(entries) if document._has_key(entry, key)]
            if not found:
                document = document._put((*path, len(entries)), map_entry(key, value), exact, lists)
            elif value or document.has((*path, found[-1], "value")):  # an entry without one has the default
                document = document._put((*path, found[-1], "value"), value, exact, lists)
        removed = [
            index
            for index, entry in enumerate(document._elements(path) if exact else ())
            if not any(document._has_key(entry, key) for key in values)
        ]
        for index in reversed(removed):
            document = document.remove((*path, index))
        return document

    def _has_key(self, entry: Node, key: Any) -> bool:
        """Whether a map entry has this key; one that is left out is the default of its type."""
        if isinstance(entry, Message):
            for field in reversed(entry.fields):
                if field.name == "key":
                    return literals.means(self.source(field.value), key)
        return bool(key == type(key)())

    def _append(self, path: Path, value: Any) -> Document:
        """With a field that is not there yet."""
        *parent, name = path
        document = self._with_message(parent)
        splices = edit.append_field(document.text, document.root, document._message(parent), str(name), value)
        return document._edited(splices)

    def _insert(self, message: Message, name: str, index: int, value: Any) -> Document:
        nodes = self.occurrences(message, name)
        if index > len(nodes):
            raise EditError(f"'{name}' has {len(nodes)} elements, there is no place for one at index {index}")
        if not nodes:
            field = next((field for field in message.fields if field.name == name), None)
            if field is not None and isinstance(field.value, ListValue):
                return self._edited(edit.insert_element(self.text, self.root, message, field.value, 0, value))
            return self._edited(edit.append_field(self.text, self.root, message, name, [value]))
        behind = index == len(nodes)
        neighbour = nodes[-1 if behind else index]
        if isinstance(neighbour.field.value, ListValue) and neighbour.place is not None:
            place = neighbour.place + 1 if behind else neighbour.place
            splices = edit.insert_element(self.text, self.root, message, neighbour.field.value, place, value)
        elif behind:
            splices = edit.insert_after(self.text, self.root, message, neighbour.field, name, value)
        else:
            splices = edit.insert_before(self.text, self.root, message, neighbour.field, name, value)
        return self._edited(splices)

    def _remove_element(self, message: Message, name: str, index: int) -> Document:
        occurrence = self.occurrences(message, name)[index]
        values = occurrence.field.value
        if occurrence.place is None or not isinstance(values, ListValue) or len(values.elements) == 1:
            return self._edited(edit.remove_field(self.text, message, occurrence.field))
        return self._edited(edit.remove_element(self.text, values, occurrence.place))

    def _with_message(self, path: Path) -> Document:
        """With a message at ``path``, made where it is missing."""
        return self if self.find(path) is not None else self._put(path, {}, exact=False, lists="merge")

    def _message(self, path: Path) -> Message:
        node = self.find(path)
        if not isinstance(node, Message):
            raise EditError(f"there is no message at '{_show(path)}'")
        return node

    def _require(self, path: Path) -> None:
        if not path or not self.has(path):
            raise EditError(f"there is nothing at '{_show(path)}'")

    def _elements(self, path: Path) -> List[Node]:
        *parent, name = path
        message = self.find(parent)
        if not isinstance(message, Message):
            return []
        return [occurrence.node for occurrence in self.occurrences(message, str(name))]

    def _count(self, path: Path) -> int:
        return len(self._elements(path))

    def _scalar(self, path: Path, convert: Callable[[str], Optional[T]]) -> Optional[T]:
        node = self.find(path)
        return convert(self.source(node)) if isinstance(node, Scalar) else None

    def _edited(self, splices: Sequence[Splice]) -> Document:
        return Document(edit.apply(self.text, splices))


def _steps(path: Path) -> List[Tuple[str, Optional[int]]]:
    """The path with every name beside its index, which is None where it has none."""
    steps: List[Tuple[str, Optional[int]]] = []
    for part in path:
        if isinstance(part, str):
            steps.append((part, None))
        else:
            steps[-1] = (steps[-1][0], part)
    return steps


def _split(path: Path) -> Tuple[Path, str, Optional[int]]:
    """The path of the message, the name of the field in it, and the index if the path ends in one."""
    last = path[-1]
    return (path[:-1], last, None) if isinstance(last, str) else (path[:-2], str(path[-2]), last)


def _show(path: Path) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".") or "the file"
