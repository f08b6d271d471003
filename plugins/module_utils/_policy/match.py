# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Selectors: which models a rule or a waiver is for."""

from __future__ import annotations

import fnmatch
import re
from typing import Any, Iterator, Mapping, NamedTuple, Optional, Tuple

from .._model_config.backend import Backend
from .._model_config.backend_kinds import ModelFacts, spans_gpus
from .._model_config.schema import suggest

_WILDCARDS = re.compile(r"[*?\[]")


class QueryError(ValueError):
    """A query cannot be used, or failed on a model. The text says why and what to do."""


class Subject(NamedTuple):
    """One configuration of a model, as selectors see it.

    Attributes:
        repository: path of the repository.
        model: name of the model's directory.
    """

    repository: str
    model: str
    backend: Backend
    facts: ModelFacts


class Query(NamedTuple):
    """A JMESPath expression over the configuration in plain data.

    Attributes:
        text: as it was written, ``parsed``: as jmespath compiled it.
    """

    text: str
    parsed: Any

    def holds(self, config: Mapping[str, Any]) -> bool:
        """Whether the answer is anything but null, false and what is empty (JMESPath's own idea of truth).

        Raises:
            QueryError: a function of the expression does not take what it finds in this configuration.
        """
        try:
            answer = self.parsed.search(config)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise QueryError(f"{self.text!r} fails: {error}") from error
        return bool(answer) or (answer == 0 and not isinstance(answer, bool))


class Match(NamedTuple):
    """What has to fit, all of it: of each list that is given, one shell pattern.

    Attributes:
        repositories: patterns for the path of the repository.
        query: an expression that has to hold.
        spans_gpus: whether one instance has to span several GPUs, or must not; None where that does not matter.
    """

    models: Tuple[str, ...] = ()
    backends: Tuple[str, ...] = ()
    platforms: Tuple[str, ...] = ()
    repositories: Tuple[str, ...] = ()
    query: Optional[Query] = None
    spans_gpus: Optional[bool] = None

    def fits(self, subject: Subject) -> bool:
        """Whether a model is selected.

        Raises:
            QueryError: the query fails on its configuration.
        """
        values = (subject.model, subject.backend.backend, subject.backend.platform, subject.repository)
        for patterns, value in zip(self.patterns(), values):
            if patterns and not any(fnmatch.fnmatchcase(value, pattern) for pattern in patterns):
                return False
        if self.spans_gpus is not None and spans_gpus(subject.backend.backend, subject.facts) != self.spans_gpus:
            return False
        return self.query is None or self.query.holds(subject.facts.config)

    def patterns(self) -> Tuple[Tuple[str, ...], ...]:
        """The selectors that are lists of patterns."""
        return (self.models, self.backends, self.platforms, self.repositories)

    def takes_all_of(self, other: Match) -> bool:
        """Whether everything that ``other`` selects is surely selected by this, too."""
        for mine, others in zip(self.patterns(), other.patterns()):
            if mine and not (others and all(any(_covers(pattern, item) for pattern in mine) for item in others)):
                return False
        if self.spans_gpus is not None and self.spans_gpus != other.spans_gpus:
            return False
        return self.query is None or (other.query is not None and self.query.text == other.query.text)


def _covers(pattern: str, other: str) -> bool:
    """Whether every name that fits ``other`` surely fits ``pattern``."""
    if pattern == other:
        return True
    if not _WILDCARDS.search(other):
        return fnmatch.fnmatchcase(other, pattern)
    # With * for its only wildcard, what a pattern makes of the other's text it makes of all that the other stands for.
    return not _WILDCARDS.search(pattern.replace("*", "")) and fnmatch.fnmatchcase(other, pattern)


def compile_query(text: str) -> Query:
    """A query, checked.

    Raises:
        QueryError: it is no JMESPath expression, or this host has no jmespath.
    """
    try:
        import jmespath
    except ImportError:
        raise QueryError(
            "this host has no jmespath, which a query needs. Install it for the Python that Ansible runs modules with "
            "(Debian, Ubuntu: apt install python3-jmespath; RHEL: dnf install python3-jmespath; "
            "any: python3 -m pip install jmespath), or match by models, backends, platforms or repositories."
        ) from None
    try:
        parsed = jmespath.compile(text)
    except jmespath.exceptions.JMESPathError as error:
        raise QueryError(f"is no JMESPath expression: {error}") from error
    known = jmespath.functions.Functions.FUNCTION_TABLE
    for name in _functions(parsed.parsed):
        if name not in known:
            raise QueryError(f"JMESPath has no function {name}().{suggest(name, known)}")
    return Query(text, parsed)


def _functions(node: Mapping[str, Any]) -> Iterator[str]:
    """The functions that a compiled expression calls."""
    if node.get("type") == "function_expression":
        yield node["value"]
    for child in node.get("children", ()):
        if isinstance(child, Mapping):
            yield from _functions(child)
