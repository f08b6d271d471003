# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Selectors: which models a rule or a waiver is for."""

from __future__ import annotations

import fnmatch
import functools
import re
from typing import Any, Collection, Iterator, Mapping, NamedTuple, Optional, Pattern, Tuple

from .._model_config.backend import Backend, derive
from .._model_config.backend_kinds import ModelFacts, spans_gpus
from .._model_config.schema import suggest

_WILDCARD = re.compile(r"[*?]|\[!?\]?[^\]]*\]")


class QueryError(ValueError):
    """A query cannot be used, or failed on a model. The text says why and what to do."""


class Subject(NamedTuple):
    """One configuration of a model, as selectors see it.

    Attributes:
        repository: path of the repository.
        model: name of the model's directory.
        files: the names that tell its backend where the configuration does not.
    """

    repository: str
    model: str
    backend: Backend
    facts: ModelFacts
    files: Collection[str] = ()

    def with_config(self, config: Mapping[str, Any]) -> Subject:
        """The same model with another configuration."""
        backend = derive(config, self.model, self.files)
        return self._replace(backend=backend, facts=self.facts._replace(config=config))


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
        except RecursionError as error:
            raise QueryError(f"'{self.text[:40]}...' fails: it is nested too deeply for JMESPath.") from error
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise QueryError(
                f"{self.text!r} fails: {error}. Have it test first that the field is there: field && function(field)."
            ) from error
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
            if patterns and not _any_of(patterns).match(value):
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
            if mine and not all(_cover(mine, pattern) for pattern in others or ("*",)):
                return False
        if self.spans_gpus is not None and self.spans_gpus != other.spans_gpus:
            return False
        return self.query is None or (other.query is not None and self.query.text == other.query.text)


def _cover(patterns: Tuple[str, ...], other: str) -> bool:
    """Whether every name that fits ``other`` surely fits one of the patterns."""
    if other in patterns:
        return True
    # A wildcard of the other stands for many texts. As a * in its place, nothing but a * of a pattern can take it.
    fixed = _with_stars(other)
    safe = _with_no_wildcard_but_stars(patterns) if "*" in fixed else patterns
    return bool(safe and _any_of(safe).match(fixed))


# The caches of the standard library are too small for a thousand rules.
@functools.lru_cache(maxsize=None)
def _any_of(patterns: Tuple[str, ...]) -> Pattern[str]:
    return re.compile("|".join(map(fnmatch.translate, patterns)))


@functools.lru_cache(maxsize=None)
def _with_stars(pattern: str) -> str:
    return _WILDCARD.sub("*", pattern)


@functools.lru_cache(maxsize=None)
def _with_no_wildcard_but_stars(patterns: Tuple[str, ...]) -> Tuple[str, ...]:
    return tuple(pattern for pattern in patterns if not any(symbol in pattern for symbol in "?["))


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
    except RecursionError as error:
        raise QueryError("is nested too deeply for JMESPath. Write several rules instead.") from error
    except ValueError as error:  # JMESPath's own errors are some
        hint = " Numbers stand in backticks: `10`." if re.search(r"(?<![\w`.\[])\d", text) else ""
        raise QueryError(f"is no JMESPath expression: {error}{hint}") from error
    known = jmespath.functions.Functions.FUNCTION_TABLE
    for name in _functions(parsed.parsed):
        if name not in known:
            raise QueryError(f"JMESPath has no function {name}().{suggest(name, known)}")
    return Query(text, parsed)


def _functions(node: Mapping[str, Any]) -> Iterator[str]:
    """The functions that a compiled expression calls."""
    pending = [node]
    while pending:
        node = pending.pop()
        if node.get("type") == "function_expression":
            yield node["value"]
        pending += [child for child in node.get("children", ()) if isinstance(child, Mapping)]
