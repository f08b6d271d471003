# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""A change to one configuration: planned on the text and on the data, and refused unless both came out the same."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._textproto.document import Document, Path
from .._textproto.errors import EditError
from . import field_path
from .diagnosis import diagnose
from .findings import ConfigError, Finding
from .instance_group import groups_of
from .reading import Reading, read
from .reload_impact import reload_impact
from .second_opinion import check
from .writing import merged, to_data, to_values


class InvalidConfigError(ValueError):
    """The file is not a ModelConfig that Triton would load, so it is not touched.

    Attributes:
        findings: everything that is wrong with it.
        placeholder: what is still to be filled in if the file is a template, else None.
    """

    def __init__(self, findings: Sequence[Finding], placeholder: Optional[str] = None) -> None:
        self.findings = list(findings)
        self.placeholder = placeholder
        super().__init__("\n".join(finding.message for finding in findings))

    def show(self, file: str) -> str:
        """All findings, with their places in ``file``."""
        return "\n".join(finding.show(file) for finding in self.findings)


class RefusedChangeError(InvalidConfigError):
    """Triton would not load the file as it would be, so it is not written. The places of the findings are in there."""


class Parsed(NamedTuple):
    """A configuration file that Triton's parser would accept."""

    document: Document
    data: Dict[str, Any]


class Change(NamedTuple):
    """A verified change.

    Attributes:
        text, document: the new file.
        before, after: the configuration as plain data.
        reload_impact: see `reload_impact`.
        checked_by: the version of Google's protobuf that accepted the new text too, or None.
    """

    text: bytes
    document: Document
    before: Dict[str, Any]
    after: Dict[str, Any]
    reload_impact: str
    checked_by: Optional[str]

    def changed_fields(self) -> List[str]:
        """The names of the top-level fields that differ, in the order of the file."""
        names = dict.fromkeys((*self.before, *self.after))
        return [name for name in names if self.before.get(name) != self.after.get(name)]


def parse(data: bytes) -> Parsed:
    """A file's configuration.

    Raises:
        InvalidConfigError: the file does not parse, or is no ModelConfig.
    """
    diagnosis = diagnose(data)
    if diagnosis.document is None or diagnosis.findings:
        raise InvalidConfigError(diagnosis.findings, diagnosis.placeholder)
    return Parsed(diagnosis.document, diagnosis.data)


def merge(parsed: Parsed, config: Mapping[str, Any], lists: str, remove: Sequence[str] = ()) -> Change:
    """The change that merges ``config`` in and takes the fields at the paths in ``remove`` away.

    Raises:
        ConfigError: ``config`` or ``remove`` do not fit the schema, or the file holds both forms of a field.
    """
    return rewrite(parsed, None, config, lists, remove)


def rewrite(
    parsed: Parsed,
    groups: Optional[Sequence[Mapping[str, Any]]],
    config: Mapping[str, Any],
    lists: str,
    remove: Sequence[str],
) -> Change:
    """The change that leaves exactly ``groups`` as the instance groups and does what `merge` does with the rest.

    Args:
        groups: None for whatever the file and ``config`` say.

    Raises:
        ConfigError: what is asked for does not fit the schema, or the file holds both forms of a field.
    """
    values = to_values(config)
    wanted = {} if groups is None else to_values({"instance_group": groups})
    remove = _lasting(parsed, remove, values, lists)
    document = _removed(parsed.document, remove)
    intended = merged(read(document).data if remove else parsed.data, values, lists)
    if groups is not None and groups != groups_of(parsed.data):
        document = document.set(("instance_group",), wanted["instance_group"])
        intended = {**intended, **to_data(wanted)}
    try:
        document = document.merge(values, lists)
    except EditError as error:
        raise ConfigError([str(error)]) from error
    return _verified(parsed, document, intended)


def _lasting(parsed: Parsed, remove: Sequence[str], values: Mapping[str, Any], lists: str) -> Sequence[str]:
    """``remove`` without what is put back the same, which stays as it is written: else every run would move it."""
    if not remove:
        return remove
    then = merged(read(_removed(parsed.document, remove)).data, values, lists)
    return [path for path in remove if then.get(_top(path)) != parsed.data.get(_top(path))]


def _removed(document: Document, paths: Sequence[str]) -> Document:
    """The document without what the paths name in it as it is now: no removal moves another's index."""
    problems: List[str] = []
    found: List[Path] = []
    for path in paths:
        try:
            found += [place for place in field_path.resolve(document, path) if place not in found]
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    for place in sorted(found, key=_from_the_end):
        if document.has(place):  # else what held it is gone already
            document = document.remove(place)
    return document


def _top(path: str) -> str:
    return path.split(".")[0].split("[")[0]


def _from_the_end(path: Path) -> Tuple[int, List[int]]:
    """Sorts the last elements of a list first, and what is inside something before the thing itself."""
    return -len(path), [-part for part in path if isinstance(part, int)]


def _verified(parsed: Parsed, document: Document, intended: Mapping[str, Any]) -> Change:
    """The change, once the new text has been read again and means what was intended."""
    reading: Reading = read(document)
    both = [finding for finding in reading.findings if finding.rule == "oneof"]
    if both:
        raise ConfigError([f"{finding.message} Name the one that has to go in 'remove'." for finding in both])
    if reading.findings or _canonical(reading.data) != _canonical(intended):
        raise AssertionError(
            "the edited text does not mean what was intended, so it is not written; this is a defect of "
            f"inference.triton, please report it with the file: {reading.findings or reading.data} != {intended}"
        )
    before, after = parsed.document.to_bytes(), document.to_bytes()
    checked_by = check(before, after) if after != before else None
    return Change(after, document, parsed.data, reading.data, reload_impact(parsed.data, reading.data), checked_by)


def _canonical(data: Any) -> str:
    return json.dumps(data, sort_keys=True)
