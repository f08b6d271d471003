# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What is wrong with a configuration, and the exception that carries it."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence

from .._textproto.errors import TextProtoError, excerpt, locate

ERROR = "error"  # Triton would not load the model
WARNING = "warning"  # it would, but not as whoever wrote the file may think


class Finding(NamedTuple):
    """One problem in a file.

    Attributes:
        rule: a short stable name of what was violated, ``unknown-field`` for example.
        message: one sentence that says what is there and what was expected.
        line, column: from 1; None where the problem has no place in the text.
        excerpt: the line with a caret below, or an empty string.
        hint: what to do, or an empty string.
        severity: `ERROR` or `WARNING`.
    """

    rule: str
    message: str
    line: Optional[int] = None
    column: Optional[int] = None
    excerpt: str = ""
    hint: str = ""
    severity: str = ERROR

    @classmethod
    def at(cls, rule: str, message: str, text: str, offset: int, hint: str = "", severity: str = ERROR) -> Finding:
        """A finding at a character of ``text``."""
        position = locate(text, offset)
        return cls(rule, message, position.line, position.column, excerpt(text, offset), hint, severity)

    @classmethod
    def of_syntax(cls, error: TextProtoError) -> Finding:
        """The finding for a text that is not in the text format."""
        return cls(error.rule, error.message, error.line, error.column, error.excerpt, error.hint)

    def show(self, file: str) -> str:
        """``file:line:column: message``, the line with a caret, and the hint."""
        place = file if self.line is None else f"{file}:{self.line}:{self.column}"
        kind = "warning: " if self.severity == WARNING else ""
        first = f"{place}: {kind}{self.message} [{self.rule}]"
        return "\n".join(part for part in (first, self.excerpt, self.hint) if part)

    def as_result(self, file: Optional[str]) -> Dict[str, Any]:
        """As a module returns it."""
        return {"file": file, **self._asdict()}


class Problem(NamedTuple):
    """A finding at ``offset`` of a text, before its line and column were looked up."""

    rule: str
    message: str
    offset: int
    hint: str = ""


def located(text: str, problems: Sequence[Problem]) -> List[Finding]:
    """The findings for problems in ``text``, sorted by place; one pass over the text finds all places."""
    if not problems:
        return []
    findings: List[Finding] = []
    line, counted = 1, 0
    for rule, message, offset, hint in sorted(problems, key=lambda problem: problem.offset):
        line += text.count("\n", counted, offset)
        counted = offset
        column = offset - text.rfind("\n", 0, offset)
        findings.append(Finding(rule, message, line, column, excerpt(text, offset), hint))
    return findings


def in_order(findings: Iterable[Finding]) -> List[Finding]:
    """Findings by their place in the file; those that have none come last."""
    return sorted(findings, key=lambda finding: (finding.line is None, finding.line or 0, finding.column or 0))


class ConfigError(ValueError):
    """A configuration, or what was asked of it, is not a ModelConfig.

    Attributes:
        problems: one sentence each, with the place in what was given (``instance_group[0].kind``).
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems: List[str] = list(problems)
        super().__init__("\n".join(self.problems))
