# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Which backend and platform Triton takes a model for, also where its configuration does not say.

Source: triton core, src/model_config_utils.cc, AutoCompleteBackendFields. Triton looks into the first sub-directory of
a model only, by name, and tries the rows of `_FRAMEWORKS` in their order.
"""

from __future__ import annotations

from typing import Any, Collection, Mapping, NamedTuple

ENSEMBLE = "ensemble"


class Backend(NamedTuple):
    """What runs a model. An empty string is a thing that nobody can tell, or that does not apply."""

    backend: str
    platform: str


class _Framework(NamedTuple):
    """One row of the table: this file or this platform makes a model one of this backend."""

    backend: str
    platform: str
    file: str


_FRAMEWORKS = (
    _Framework("tensorflow", "tensorflow_graphdef", "model.graphdef"),
    _Framework("tensorflow", "tensorflow_savedmodel", "model.savedmodel"),
    _Framework("tensorrt", "tensorrt_plan", "model.plan"),
    _Framework("onnxruntime", "onnxruntime_onnx", "model.onnx"),
    _Framework("openvino", "", "model.xml"),
    _Framework("pytorch", "pytorch_libtorch", "model.pt"),
    _Framework("pytorch", "torch_aoti", "model.pt2"),
    _Framework("python", "", "model.py"),
)
# The names of files that tell what runs a model.
MODEL_FILES = frozenset(row.file for row in _FRAMEWORKS)
_PLATFORM_ALIASES = {"libtorch": "pytorch_libtorch"}
# The platform of a backend that is named without one. TensorFlow's depends on the files.
_PLATFORMS = {"tensorrt": "tensorrt_plan", "onnxruntime": "onnxruntime_onnx", "pytorch": "pytorch_libtorch"}


def is_ensemble(config: Mapping[str, Any]) -> bool:
    """Whether a configuration is an ensemble's, which has no instances of its own."""
    return config.get("platform") == ENSEMBLE or "ensemble_scheduling" in config


def derive(config: Mapping[str, Any], model_name: str, files: Collection[str]) -> Backend:
    """The backend and platform of a model.

    Args:
        config: the configuration as plain data; empty where the model has no file.
        model_name: the name of the model's directory.
        files: the names in the first of its sub-directories. They count only where the configuration names no
            ``default_model_filename``.
    """
    backend, platform = config.get("backend", ""), config.get("platform", "")
    if is_ensemble(config):
        return Backend("", ENSEMBLE)
    named = config.get("default_model_filename", "")
    seen = [named] if named else files
    by_file = [row for row in _FRAMEWORKS if row.file in seen]
    if backend == "tensorflow" and not platform:
        return Backend(backend, next((row.platform for row in by_file if row.backend == backend), ""))
    if backend:
        return Backend(backend, platform or _PLATFORMS.get(backend, ""))
    if platform:
        known = _PLATFORM_ALIASES.get(platform, platform)
        by_name = [row for row in by_file if named and row.backend != "tensorflow"]
        fitting = (row.backend for row in _FRAMEWORKS if row.platform == known or row in by_name)
        return Backend(next(fitting, ""), platform)
    if by_file:
        return Backend(by_file[0].backend, by_file[0].platform)
    # A custom backend is named by the model: resize.dali is a model of the backend dali.
    return Backend("" if named else model_name.partition(".")[2], "")
