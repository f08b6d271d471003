# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What Triton refuses when it polls a model, before it looks at a GPU or a backend, in the words of its log.

Source: triton core, src/model_config_utils.cc, AutoCompleteBackendFields, ValidateModelConfig and
ValidateModelIOConfig; src/model_repository_manager/model_repository_manager.cc, InitializeModelInfo. What holds for
every server stands in the rules of `_model_config`.
"""

from __future__ import annotations

from typing import Any, Iterable, Mapping, NamedTuple, Optional, Tuple

from .._model_config import batching_rules, ensemble_rules, model_rules, tensor_rules
from .._model_config.backend import ENSEMBLE, Backend, derive
from .._model_config.findings import ERROR
from .._model_config.model_rules import PLATFORMS
from .._model_config.semantic_rule import ModelContext, Rule, Subject
from .._textproto.document import Document
from .server import ServerView

# What core checks of a configuration when it polls (ValidateModelConfig). The rules about platforms are left to
# `_backend_error`, which knows the files and the release.
_POLLED = [
    rule
    for rule in (*model_rules.RULES, *batching_rules.RULES, *ensemble_rules.RULES)
    if rule.name not in ("directory-name", "version-policy", "platform-and-backend", "ensemble-platform")
    and rule.severity == ERROR
]
_DIRECTORY_NAME = [rule for rule in model_rules.RULES if rule.name == "directory-name"]

# Platforms that core's main branch of 2026 knows and 24.10 does not. What is between is not known here.
_LATER_PLATFORMS = ("libtorch", "torch_aoti")


class ModelOnDisk(NamedTuple):
    """What decides about a model besides its configuration.

    Attributes:
        config_path: where the server looks for the configuration.
        has_config: whether it is there.
        parses: whether it is a ModelConfig in the text format.
        versions: names of the version directories.
        files: the names in the first of the model's sub-directories.
        world_size: GPUs that one vLLM instance spans, None where nothing says.
    """

    config_path: str = "config.pbtxt"
    has_config: bool = True
    parses: bool = True
    versions: Tuple[str, ...] = ("1",)
    files: Tuple[str, ...] = ()
    world_size: Optional[int] = None


def backend_of(config: Mapping[str, Any], model_name: str, files: Tuple[str, ...], server: ServerView) -> Backend:
    """The backend and platform that core fills in. To core, only the platform makes a model an ensemble."""
    platform = config.get("platform", "")
    if platform == ENSEMBLE or not _knows(server, platform):
        return Backend(config.get("backend", ""), platform)
    return derive({name: config[name] for name in config if name != "ensemble_scheduling"}, model_name, files)


def poll_error(
    config: Mapping[str, Any], model_name: str, backend: Backend, model: ModelOnDisk, server: ServerView
) -> Optional[str]:
    """Why the server would not even take the model up, None where it would."""
    if not model.has_config and not server.auto_complete:
        return f"failed to open text file for read {model.config_path}: No such file or directory"
    if not model.parses:
        return f"failed to read text proto from {model.config_path}"
    error = _backend_error(config, model_name, backend, server) or _first(_POLLED, config, model_name, backend)
    if error is None and not server.auto_complete:
        error = _incomplete_tensor(config, model_name) or tensor_error(config, model_name, backend)
    return error or _first(_DIRECTORY_NAME, config, model_name, backend)


def tensor_error(config: Mapping[str, Any], model_name: str, backend: Backend) -> Optional[str]:
    """What is wrong with the inputs and outputs of a model whatever its backend completes, None if nothing is."""
    return _first(tensor_rules.RULES, config, model_name, backend)


def _first(rules: Iterable[Rule], config: Mapping[str, Any], model_name: str, backend: Backend) -> Optional[str]:
    subject = Subject(Document(""), config, ModelContext(model_name, backend))
    return next((says for rule in rules for says in rule.says(subject)), None)


def _incomplete_tensor(config: Mapping[str, Any], model_name: str) -> Optional[str]:
    for field in ("input", "output"):
        for tensor in config.get(field, ()):
            for part in ("data_type", "dims"):
                if tensor.get("name") and tensor.get(part) in (None, [], "TYPE_INVALID"):
                    return f"model {field} '{tensor['name']}' must specify '{part}' for {model_name}"
    return None


def _knows(server: ServerView, platform: str) -> bool:
    return platform not in _LATER_PLATFORMS or server.release is None or server.release.name > "24.10"


def _backend_error(config: Mapping[str, Any], model_name: str, found: Backend, server: ServerView) -> Optional[str]:
    backend, platform = found
    name = config.get("name") or model_name
    if not (backend or platform or config.get("default_model_filename") or "." in model_name):
        return (
            f"Invalid model name: Could not determine backend for model '{model_name}' with no backend in model "
            "configuration. Expected model name of the form 'model.<backend_name>'."
        )
    if not backend and platform != ENSEMBLE:
        return f"unexpected platform type '{platform}' for {name}"
    if backend and platform == ENSEMBLE:
        return f"Ensemble model '{name}' must have platform type 'ensemble' and empty backend type"
    if backend in PLATFORMS and not (platform in PLATFORMS[backend] and _knows(server, platform)):
        return f"unexpected 'platform' and 'backend' pair, got:{platform}, {backend}"
    if platform == ENSEMBLE and "ensemble_scheduling" not in config:
        return f"ensemble scheduling must be set for ensemble {name} whose platform is ensemble"
    if platform != ENSEMBLE and "ensemble_scheduling" in config:
        return f"ensemble scheduling cannot be set for model '{name}' whose platform is not ensemble"
    return None
