# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Rules for a model as a whole: its name, what runs it, and what lies in its directory."""

from __future__ import annotations

import re
from typing import Iterator, Tuple

from .backend import ENSEMBLE, MODEL_FILES
from .semantic_rule import Breach, Rule, Subject, at, refused, trap

_VALIDATE = "triton core: src/model_config_utils.cc, ValidateModelConfig"
_REPOSITORY = "triton core: src/model_repository_manager/model_repository_manager.cc"
_CONFIG_FILE = "config.pbtxt"
# config.pbtxt~, config.pbtxt.bak, config.pbtxt.1234.2026-03-01@10:15:00~, .config.pbtxt.swp, #config.pbtxt#
_LEFTOVER = re.compile(r"config\.pbtxt.+|[.#]+config\.pbtxt.*", re.DOTALL)

# The platforms of each backend that Triton knows by name (GetBackendType, GetBackendTypeFromPlatform). Any other
# backend may have any platform. torch_aoti came in 2026; older releases refuse it.
PLATFORMS = {
    "onnxruntime": ("onnxruntime_onnx",),
    "pytorch": ("pytorch_libtorch", "torch_aoti"),
    "tensorflow": ("tensorflow_graphdef", "tensorflow_savedmodel"),
    "tensorrt": ("tensorrt_plan",),
}
# libtorch: some releases take it for a name of pytorch_libtorch.
_KNOWN_PLATFORMS = {platform for platforms in PLATFORMS.values() for platform in platforms} | {ENSEMBLE, "libtorch"}


def _other_name(subject: Subject) -> Iterator[Breach]:
    name, directory = subject.config.get("name"), subject.model.directory
    if name and directory is not None and name != directory:
        yield at("name", directory=directory)


def _platform_of_another_backend(subject: Subject) -> Iterator[Breach]:
    backend, platform = subject.config.get("backend", ""), subject.config.get("platform", "")
    if platform and platform != ENSEMBLE and platform not in PLATFORMS.get(backend, (platform,)):
        names = " or ".join(f'"{name}"' for name in PLATFORMS[backend])
        yield at("platform", platform=platform, backend=backend, names=names)


def _unknown_platform(subject: Subject) -> Iterator[Breach]:
    config = subject.config
    platform = config.get("platform")
    has_backend = config.get("backend") or config.get("default_model_filename") in MODEL_FILES
    if platform and platform not in _KNOWN_PLATFORMS and not has_backend:
        yield at("platform", platform=platform)


def _negative_batch(subject: Subject) -> Iterator[Breach]:
    if subject.config.get("max_batch_size", 0) < 0:
        yield at("max_batch_size")


def _no_version(subject: Subject) -> Iterator[Breach]:
    policy = subject.config.get("version_policy", {})
    if "latest" in policy and not policy["latest"].get("num_versions"):
        yield at("version_policy", "latest")
    if "specific" in policy and not policy["specific"].get("versions"):
        yield at("version_policy", "specific")


def _prefixes(subject: Subject) -> Iterator[Breach]:
    return (at(entry=entry) for entry in sorted(subject.model.entries) if _is_prefix(entry))


def _is_prefix(entry: str) -> bool:
    return _CONFIG_FILE.startswith(entry) and entry != _CONFIG_FILE


def _leftovers(subject: Subject) -> Iterator[Breach]:
    return (at(entry=entry) for entry in sorted(subject.model.entries) if _LEFTOVER.fullmatch(entry))


RULES: Tuple[Rule, ...] = (
    refused(
        "directory-name",
        _REPOSITORY + ", InitializeModelInfo",
        "unexpected directory name '{directory}' for model '{model}', directory name must equal model name",
        'Write name: "{directory}", or remove name.',
        _other_name,
    ),
    refused(
        "platform-and-backend",
        _VALIDATE,
        "unexpected 'platform' and 'backend' pair, got:{platform}, {backend}",
        "Remove platform, or write {names}.",
        _platform_of_another_backend,
    ),
    refused(
        "platform-and-backend",
        _VALIDATE,
        "unexpected platform type '{platform}' for {model}",
        "Write backend, which is the name of what runs the model, and remove platform.",
        _unknown_platform,
    ),
    refused(
        "max-batch-size",
        _VALIDATE,
        "'max_batch_size' must be non-negative value for {model}",
        "Write the largest batch, or 0 for a model without batches.",
        _negative_batch,
    ),
    refused(
        "version-policy",
        _REPOSITORY + ", LoadModelByDependency",
        "at least one version must be available under the version policy of model '{model}'",
        "Say how many versions, or which, or remove version_policy: the default is the latest one.",
        _no_version,
    ),
    trap(
        "config-prefix",
        _REPOSITORY + ", IsModified",
        "as long as '{entry}' lies in the directory of the model, Triton sees no change of config.pbtxt: "
        "a load answers 200 and does nothing",
        "Rename or remove '{entry}'.",
        _prefixes,
    ),
    trap(
        "leftover-file",
        "triton core: src/model_repository_manager/model_lifecycle.cc, AsyncLoad",
        "'{entry}' lies beside config.pbtxt: whenever it is written, Triton loads the whole model a second time where "
        "an update of its instances would do",
        "Keep copies outside of the model repository.",
        _leftovers,
    ),
)
