# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Models of which the repository index says too little, or nothing.

Seen from tritonserver 2.51.0: a model whose configuration cannot be read stands in the index by its name alone, as does
one that nobody has loaded; one without a version is not in the index at all once it was to be loaded.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from .model_states import Model

UNREADABLE_CONFIG = "unreadable_config"
NO_VERSION = "no_version"
NOT_LOADED = "not_loaded"
NOT_IN_INDEX = "not_in_index"
NOT_IN_REPOSITORY = "not_in_repository"
UNKNOWN = "unknown"

_TEXTS = {
    UNREADABLE_CONFIG: "The configuration is one that the server refuses: see the findings.",
    NO_VERSION: "There is no version directory: make one whose name is a number, with the model in it.",
    NOT_LOADED: "Nothing is known to be wrong with it: nobody has loaded it yet, or its directory is not complete.",
    NOT_IN_INDEX: "It is in the repository and the server does not know it: does the server serve this repository?",
    NOT_IN_REPOSITORY: "The server knows it and the given repositories do not hold it.",
    UNKNOWN: "Nobody has loaded it yet, or its configuration cannot be read: give 'repositories' to learn which.",
}


class Hidden(NamedTuple):
    """Why the index says so little of a model, as an identifier and as a sentence, and what is wrong in its file."""

    id: str
    text: str
    findings: List[Dict[str, Any]]


def why_hidden(model: Optional[Model], on_disk: Optional[Mapping[str, Any]], compared: bool) -> Optional[Hidden]:
    """Why a model is hidden; None for one whose state the index gives.

    Args:
        model: it in the index, None where it is not there.
        on_disk: what was read of it in the repository, None where it is not there.
        compared: whether a repository was given at all.
    """
    findings: List[Dict[str, Any]] = [] if on_disk is None else errors_of(on_disk)
    if model is not None and model.versions:
        return _hidden(NOT_IN_REPOSITORY) if compared and on_disk is None else None
    if not compared:
        return _hidden(UNKNOWN)
    if on_disk is None:
        return _hidden(NOT_IN_REPOSITORY)
    if findings:
        return _hidden(UNREADABLE_CONFIG, findings)
    if not on_disk["versions"]:
        return _hidden(NO_VERSION)
    return _hidden(NOT_IN_INDEX if model is None else NOT_LOADED)


def errors_of(on_disk: Mapping[str, Any]) -> List[Dict[str, Any]]:
    """What is wrong in the file so that the server does not load it."""
    return [finding for finding in on_disk["findings"] if finding["severity"] == "error"]


def _hidden(identifier: str, findings: Optional[List[Dict[str, Any]]] = None) -> Hidden:
    return Hidden(identifier, _TEXTS[identifier], findings or [])
