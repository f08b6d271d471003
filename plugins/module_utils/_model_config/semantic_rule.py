# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What a semantic rule is, and how it becomes a finding with a place in the file."""

from __future__ import annotations

from typing import Any, Callable, Collection, Iterable, Mapping, NamedTuple, Optional, Union

from .._textproto.document import Document, Path
from .._textproto.nodes import Message
from .backend import Backend
from .findings import ERROR, WARNING, Finding

TENSORRT_PLAN = "tensorrt_plan"


class ModelContext(NamedTuple):
    """What a configuration does not say of its model.

    Attributes:
        directory: the name of the model's directory, None where the file is not in a repository.
        backend: see `backend.derive`.
        world_size: GPUs that one instance spans, None where nothing says.
        entries: the names of what is in the model's directory; empty where that is unknown.
    """

    directory: Optional[str]
    backend: Backend
    world_size: Optional[int] = None
    entries: Collection[str] = ()


class Subject(NamedTuple):
    """A configuration under examination: the file, the same as data without findings of `reading`, and its model."""

    document: Document
    config: Mapping[str, Any]
    model: ModelContext

    @property
    def name(self) -> str:
        """The name that Triton's messages call the model by."""
        return str(self.config.get("name") or self.model.directory or "<model>")

    @property
    def is_never_tensorrt(self) -> bool:
        """Whether something other than a TensorRT plan is known to run the model."""
        return bool(self.model.backend.backend) and self.model.backend.platform != TENSORRT_PLAN


class Breach(NamedTuple):
    """A place where a rule is broken: the path of what is to blame, and the words for the blanks in the rule's texts.

    Something that is missing is to be blamed on the message that it is missing from; ``()`` has no place.
    """

    path: Path
    words: Mapping[str, Any]


def at(*path: Union[str, int], **words: Any) -> Breach:
    """A breach at a path."""
    return Breach(path, words)


class Rule(NamedTuple):
    """One row of a table.

    Attributes:
        name: what findings call it. Rows of one subject share one.
        source: where the fact was learned.
        message, hint: texts with ``{blanks}`` for a breach's words, and ``{model}`` for the model's name.
        breaches: everything in a configuration that breaks the rule.
    """

    name: str
    severity: str
    source: str
    message: str
    hint: str
    breaches: Callable[[Subject], Iterable[Breach]]

    def says(self, subject: Subject) -> Iterable[str]:
        """The server's own words for each breach of a rule that `refused` made."""
        for breach in self.breaches(subject):
            yield self.message[len(REFUSES) :].format_map({"model": subject.name, **breach.words})

    def findings(self, subject: Subject) -> Iterable[Finding]:
        """One finding for each breach."""
        for breach in self.breaches(subject):
            words = {"model": subject.name, **breach.words}
            message, hint = self.message.format_map(words), self.hint.format_map(words)
            offset = _offset(subject.document, breach.path)
            if offset is None:
                yield Finding(self.name, message, hint=hint, severity=self.severity)
            else:
                yield Finding.at(self.name, message, subject.document.text, offset, hint, self.severity)


REFUSES = "Triton refuses the model: "


def refused(name: str, source: str, says: str, hint: str, breaches: Callable[[Subject], Iterable[Breach]]) -> Rule:
    """A rule whose breach keeps a model from being loaded: ``says`` is what the server says then, in its own words."""
    return Rule(name, ERROR, source, REFUSES + says, hint, breaches)


def trap(name: str, source: str, message: str, hint: str, breaches: Callable[[Subject], Iterable[Breach]]) -> Rule:
    """A rule whose breach loads, but not as whoever wrote it may think, or not everywhere."""
    return Rule(name, WARNING, source, message, hint, breaches)


def _offset(document: Document, path: Path) -> Optional[int]:
    """Where the field at ``path`` begins, or what of the path there is; an element of a list is a place of its own."""
    while path:
        has_index = isinstance(path[-1], int)
        above, name = (path[:-2], path[-2]) if has_index else (path[:-1], path[-1])
        index = int(path[-1]) if has_index else 0
        message = document.find(above)
        found = document.occurrences(message, str(name)) if isinstance(message, Message) else []
        if index < len(found):
            field, place, node = found[index]
            return node.start if has_index and place is not None else field.start
        path = above
    return None
