# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Which backend and platform Triton takes a model for, also where its configuration does not say.

Source: triton core, src/model_config_utils.cc, AutoCompleteBackendFields. Triton looks into the first version directory
only, and checks the kinds of model in the order of `_FRAMEWORKS`.
"""

from __future__ import annotations

from typing import Any, Collection, Mapping, NamedTuple, Optional

ENSEMBLE = "ensemble"


class Backend(NamedTuple):
    """What runs a model. An empty string is a thing that nobody can tell, or that does not apply."""

    backend: str
    platform: str


class _Framework(NamedTuple):
    """One row of the table: these files, this platform or this backend make a model one of this framework."""

    backend: str
    platform: str
    files: Collection[str]
    platform_aliases: Collection[str] = ()


_FRAMEWORKS = (
    _Framework("tensorflow", "tensorflow_savedmodel", ("model.savedmodel",)),
    _Framework("tensorflow", "tensorflow_graphdef", ("model.graphdef",)),
    _Framework("tensorrt", "tensorrt_plan", ("model.plan",)),
    _Framework("onnxruntime", "onnxruntime_onnx", ("model.onnx",)),
    _Framework("openvino", "", ("model.xml",)),
    _Framework("pytorch", "pytorch_libtorch", ("model.pt",), ("libtorch",)),
    _Framework("pytorch", "torch_aoti", ("model.pt2",)),
    _Framework("python", "", ("model.py",)),
)


def is_ensemble(config: Mapping[str, Any]) -> bool:
    """Whether a configuration is an ensemble's, which has no instances of its own."""
    return config.get("platform") == ENSEMBLE or "ensemble_scheduling" in config


def derive(config: Mapping[str, Any], model_name: str, version_files: Collection[str]) -> Backend:
    """The backend and platform of a model.

    Args:
        config: the configuration as plain data; empty where the model has no file.
        model_name: the name of the model's directory.
        version_files: the names in its first version directory.
    """
    backend, platform = config.get("backend", ""), config.get("platform", "")
    if is_ensemble(config):
        return Backend("", ENSEMBLE)
    framework = _by_platform(platform) if platform else None
    if framework is None and not platform:
        if backend:
            framework = next(
                (row for row in _FRAMEWORKS if row.backend == backend and _has_file(row, version_files)), None
            )
        else:
            framework = next((row for row in _FRAMEWORKS if _has_file(row, version_files)), None)
    if framework:
        return Backend(backend or framework.backend, platform or framework.platform)
    if not backend and not platform:
        # A custom backend is named by the model: resize.dali is a model of the backend dali.
        backend = model_name.partition(".")[2]
    return Backend(backend, platform)


def _by_platform(platform: str) -> Optional[_Framework]:
    return next((row for row in _FRAMEWORKS if platform == row.platform or platform in row.platform_aliases), None)


def _has_file(framework: _Framework, version_files: Collection[str]) -> bool:
    return any(name in version_files for name in framework.files)
