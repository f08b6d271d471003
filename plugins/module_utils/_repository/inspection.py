# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Reading the configurations of a repository, or one file, without changing anything."""

from __future__ import annotations

import fnmatch
import os
from functools import partial
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence

from .._model_config.backend import derive
from .._model_config.findings import Finding, in_order
from .._model_config.reading import read
from .._model_config.release import Release, newer_fields, parse_release
from .._model_config.semantic_rule import ModelContext
from .._model_config.semantics import check
from .._textproto.document import Document
from .._textproto.errors import TextProtoError
from .discovery import (
    ConfigFile,
    ModelDirectory,
    RepositoryError,
    config_name_of,
    list_models,
    model_directory,
    model_path_of,
)
from .files import FileError, read_file
from .model_context import file_context, model_context
from .results import printable


def describe_repository(
    repository: str, patterns: Sequence[str], triton_release: Optional[str] = None
) -> List[Dict[str, Any]]:
    """Every configuration of the models whose names fit one of ``patterns``; all models if there are none.

    Args:
        triton_release: report what is newer than this release, too.

    Raises:
        RepositoryError: the repository cannot be read.
        ConfigError: ``triton_release`` is no release.
    """
    release = None if triton_release is None else parse_release(triton_release)
    return [
        _describe(model, config, release, partial(model_context, model, config.config_name))
        for model in list_models(os.path.abspath(repository)).models
        if not patterns or any(fnmatch.fnmatchcase(model.name, pattern) for pattern in patterns)
        for config in model.configs
    ]


def describe_file(path: str, triton_release: Optional[str] = None) -> Dict[str, Any]:
    """The configuration in one file.

    Raises:
        RepositoryError, FileError: there is no such file.
        ConfigError: ``triton_release`` is no release.
    """
    release = None if triton_release is None else parse_release(triton_release)
    path = os.path.abspath(path)
    if read_file(path) is None:
        raise FileError(f"{path}: there is no such file. Correct the path.")
    home = model_path_of(path)
    model = model_directory(os.path.dirname(home), os.path.basename(home))
    return _describe(model, ConfigFile(path, config_name_of(path), True), release, partial(file_context, path))


class Inspection(NamedTuple):
    """One configuration of a model, as far as it can be read.

    Attributes:
        exists: whether the file is there.
        readable: whether it and the model's directories could be read.
        parses: whether Triton's parser would accept it.
        data: the configuration in plain data.
        files: the names that tell the kind of the model.
    """

    exists: bool
    readable: bool
    parses: bool
    data: Dict[str, Any]
    findings: List[Finding]
    files: List[str]


def inspect(
    model: ModelDirectory,
    config: ConfigFile,
    release: Optional[Release],
    context: Callable[[Dict[str, Any]], ModelContext],
) -> Inspection:
    """Read one configuration of a model. Whatever is wrong with it is a finding."""
    exists = config.exists
    files: List[str] = []
    try:
        if model.problem:
            raise FileError(model.problem)
        text = read_file(config.path)
        exists = text is not None
        files = model.files()
        document = Document.parse(text or b"")
        data, findings = read(document)
        newer = [] if release is None else newer_fields(document, release)
        parses = not findings and not newer
        if not findings:
            findings = check(document, data, context(data))
    except (FileError, RepositoryError) as error:
        return Inspection(exists, False, False, {}, [Finding("unreadable", str(error))], files)
    except TextProtoError as error:
        return Inspection(exists, True, False, {}, [Finding.of_syntax(error)], files)
    return Inspection(exists, True, parses, data, in_order(findings + newer), files)


def describe(model: ModelDirectory, config: ConfigFile, found: Inspection) -> Dict[str, Any]:
    """One configuration of a model as a module returns it, in plain data that is yet to be made printable."""
    backend = derive(found.data, model.name, found.files)
    return {
        "repository": model.repository,
        "model": model.name,
        "config_name": config.config_name,
        "file": config.path if found.exists else None,
        "backend": backend.backend,
        "platform": backend.platform,
        "versions": list(model.versions),
        "config": found.data,
        "findings": [finding.as_result(config.path) for finding in found.findings],
    }


def _describe(
    model: ModelDirectory,
    config: ConfigFile,
    release: Optional[Release],
    context: Callable[[Dict[str, Any]], ModelContext],
) -> Dict[str, Any]:
    description: Dict[str, Any] = printable(describe(model, config, inspect(model, config, release, context)))
    return description
