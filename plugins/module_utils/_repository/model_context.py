# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What the rules for a configuration have to know of its model's directory."""

from __future__ import annotations

import os
from typing import Any, Mapping, Optional

from .._model_config.backend import derive
from .._model_config.semantic_rule import ModelContext
from .discovery import (
    CONFIG_FILE,
    CONFIG_SUFFIX,
    ModelDirectory,
    RepositoryError,
    config_name_of,
    model_directory,
    model_path_of,
)


def model_context(model: ModelDirectory, config_name: Optional[str], config: Mapping[str, Any]) -> ModelContext:
    """The context of one configuration of a model.

    Args:
        config_name: see `ConfigFile`. What else lies in the directory is told with ``config.pbtxt`` only, once.
        config: the configuration as plain data.

    Raises:
        RepositoryError: the directory cannot be read.
    """
    backend = derive(config, model.name, model.files())
    world_size = model.world_size() if backend.backend == "vllm" else None
    return ModelContext(model.name, backend, world_size, model.entries if config_name is None else ())


def file_context(path: str, config: Mapping[str, Any]) -> ModelContext:
    """The context of the configuration in a file, which may be a draft that no server reads: then little is known.

    Triton reads a file by its name, beside a version of the model.
    """
    home = model_path_of(path)
    config_name = config_name_of(path)
    is_read = path.endswith(CONFIG_SUFFIX) if config_name else os.path.basename(path) == CONFIG_FILE
    try:
        model = model_directory(os.path.dirname(home), os.path.basename(home))
        if is_read and model.versions:
            return model_context(model, config_name, config)
    except RepositoryError:
        pass
    return ModelContext(None, derive(config, "", ()))
