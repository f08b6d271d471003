# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Whole repositories as one server would find them, and what it would do with every model in them."""

from __future__ import annotations

import fnmatch
import os
from collections import Counter
from functools import partial
from typing import Any, Dict, List, NamedTuple, Sequence

from .._model_config.backend import derive, is_ensemble
from .._model_config.findings import ERROR
from .._model_config.instance_group import groups_of, is_implicit
from .._model_config.release import parse_release
from .._placement.ensembles import Candidate, resolve
from .._placement.polling import ModelOnDisk
from .._placement.prediction import POLLING, Prediction, predict
from .._placement.server import ServerView
from .discovery import ConfigFile, Ignored, ModelDirectory, RepositoryError, list_models, without_models
from .inspection import Inspection, describe, inspect
from .model_context import model_context
from .results import printable


class Surveyed(NamedTuple):
    """One model, the configuration of it that the server reads, and what becomes of it."""

    model: ModelDirectory
    config: ConfigFile
    found: Inspection
    prediction: Prediction

    @property
    def implicit(self) -> bool:
        """Whether the configuration leaves the choice of device to the server."""
        groups = groups_of(self.found.data)
        return self.found.parses and not is_ensemble(self.found.data) and (not groups or any(map(is_implicit, groups)))

    def as_result(self) -> Dict[str, Any]:
        description = describe(self.model, self.config, self.found)
        files = [config.path for config in self.model.configs if config.exists]
        result: Dict[str, Any] = printable({**description, "files": files, "prediction": self.prediction.as_result()})
        return result


class Survey(NamedTuple):
    """What one server would find in its repositories."""

    server: ServerView
    paths: Sequence[str]
    models: List[Surveyed]
    ignored: List[Ignored]

    def warnings(self, patterns: Sequence[str] = ()) -> List[str]:
        """What somebody should look at, whatever is predicted. ``patterns`` are those of `as_result`."""
        texts = [*self.server.warnings, *(f"{item.path}: {item.reason}" for item in self.ignored if item.harmful)]
        empty = set(self.paths) - {surveyed.model.repository for surveyed in self.models}
        texts += map(without_models, sorted(empty))
        names = [surveyed.model.name for surveyed in self.models]
        texts += [f"models: no model fits {pattern!r}." for pattern in patterns if not fnmatch.filter(names, pattern)]
        return [printable(text) for text in texts]

    def as_result(self, patterns: Sequence[str]) -> Dict[str, Any]:
        """As a module returns it, with the models whose names fit one of ``patterns``; all if there are none."""
        chosen = [
            surveyed
            for surveyed in self.models
            if not patterns or any(fnmatch.fnmatchcase(surveyed.model.name, pattern) for pattern in patterns)
        ]
        return {
            "models": [surveyed.as_result() for surveyed in chosen],
            "silent_cpu": [printable(item.model.name) for item in chosen if item.prediction.silent_cpu],
            "will_not_load": [printable(item.model.name) for item in chosen if item.prediction.loads is False],
            "counts": {
                "models": len(chosen),
                "loads": sum(item.prediction.loads is True for item in chosen),
                "will_not_load": sum(item.prediction.loads is False for item in chosen),
                "unknown": sum(item.prediction.loads is None for item in chosen),
                "silent_cpu": sum(item.prediction.silent_cpu for item in chosen),
                "implicit": sum(item.implicit for item in chosen),
                "instances": sum(item.prediction.instances for item in chosen),
            },
            "server": printable(self.server.as_result()),
            "ignored": [printable({"path": item.path, "reason": item.reason}) for item in self.ignored],
        }


def survey(repositories: Sequence[str], server: ServerView) -> Survey:
    """Predict for every model of the repositories that ``server`` serves together.

    Raises:
        RepositoryError: a repository cannot be read, or none was given.
    """
    if not repositories:
        raise RepositoryError("repositories: the list is empty. Give the path of at least one model repository.")
    paths = list(dict.fromkeys(os.path.abspath(repository) for repository in repositories))
    listings = [list_models(path) for path in paths]
    models = [_look_at(model, server) for listing in listings for model in listing.models]
    times = Counter(surveyed.model.name for surveyed in models)
    candidates = {
        item.model.name: Candidate(item.found.data, item.prediction) for item in models if times[item.model.name] == 1
    }
    resolved = resolve(candidates)
    settled = [item._replace(prediction=resolved.get(item.model.name, _AMBIGUOUS)) for item in models]
    return Survey(server, paths, settled, [item for listing in listings for item in listing.ignored])


# triton core: src/model_repository_manager/model_repository_manager.cc. A server with --model-namespacing loads both.
_AMBIGUOUS = Prediction(False, "model appears in two or more repositories", POLLING)


def _look_at(model: ModelDirectory, server: ServerView) -> Surveyed:
    config = next((item for item in model.configs if item.config_name == server.config_name), model.configs[0])
    release = server.release and parse_release(server.release.name)
    found = inspect(model, config, release, partial(model_context, model, config.config_name))
    if not found.readable:
        return Surveyed(model, config, found, Prediction(None, notes=("The model could not be read, see findings.",)))
    vllm = derive(found.data, model.name, found.files).backend == "vllm"
    on_disk = ModelOnDisk(
        config.path,
        found.exists,
        found.parses,
        model.versions,
        tuple(found.files),
        model.world_size() if vllm else None,
        not any(finding.severity == ERROR for finding in found.findings),
    )
    return Surveyed(model, config, found, predict(found.data, model.name, server, on_disk))
