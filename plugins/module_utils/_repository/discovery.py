# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Model repositories on disk: which directories are models, and which files configure them.

Source: triton core, src/model_repository_manager/model_repository_manager.cc: every directory in a repository is a
model to Triton, whatever its name. A directory that has neither a configuration nor a version is reported and left
alone here: ``.git`` and ``lost+found`` are no models.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any, List, NamedTuple, Optional, Tuple

CONFIG_FILE = "config.pbtxt"
CONFIGS_DIRECTORY = "configs"
CONFIG_SUFFIX = ".pbtxt"
_VERSION = re.compile(r"0|[1-9][0-9]*")


class RepositoryError(ValueError):
    """A repository cannot be read, or a name does not stay inside it. The text says what to do."""


class ConfigFile(NamedTuple):
    """A file that configures a model, or could.

    Attributes:
        path: where it is or would be, through the links that lead to it.
        config_name: None for ``config.pbtxt``; ``h100`` for ``configs/h100.pbtxt``, which a server reads that was
            started with ``--model-config-name=h100``.
    """

    path: str
    config_name: Optional[str]
    exists: bool


class ModelDirectory(NamedTuple):
    """A model.

    Attributes:
        versions: the names of its version directories, lowest first.
        entries: the names of everything in its directory.
        first_directory: the sub-directory in which Triton looks for the kind of the model, None where there is none.
        problem: why the directory cannot be read, None where it can.
    """

    repository: str
    name: str
    path: str
    versions: Tuple[str, ...]
    configs: Tuple[ConfigFile, ...]
    first_directory: Optional[str] = None
    problem: Optional[str] = None
    entries: Tuple[str, ...] = ()

    def files(self) -> List[str]:
        """The names that tell the kind of the model.

        Raises:
            RepositoryError: they cannot be read.
        """
        if self.first_directory is None:
            return []
        path = os.path.join(self.path, self.first_directory)
        try:
            return os.listdir(path)
        except OSError as error:
            raise RepositoryError(_unreadable(path, error)) from error

    def world_size(self) -> Optional[int]:
        """The most GPUs that an instance of this vLLM model spans in any version, None where no ``model.json`` says."""
        sizes = []
        for version in self.versions:
            try:
                with open(os.path.join(self.path, version, "model.json"), "rb") as file:
                    engine = json.load(file)
                sizes.append(int(engine.get("tensor_parallel_size", 1)) * int(engine.get("pipeline_parallel_size", 1)))
            except (OSError, ValueError, TypeError, AttributeError):
                continue
        return max(sizes, default=None)


class Ignored(NamedTuple):
    """Something in a repository that is no model, though Triton may take it for one. ``harmful``: Triton stumbles."""

    path: str
    reason: str
    harmful: bool = False


class Listing(NamedTuple):
    """What a repository holds, in the order of the names."""

    models: List[ModelDirectory]
    ignored: List[Ignored]


def list_models(repository: str) -> Listing:
    """Every model of a repository.

    Raises:
        RepositoryError: the repository is no directory that can be read.
    """
    try:
        entries = sorted(os.scandir(repository), key=lambda entry: entry.name)
    except (OSError, ValueError) as error:
        raise RepositoryError(_unreadable(repository, error)) from error
    listing = Listing([], [])
    for entry in entries:
        if _is_directory(entry):
            _add(listing, repository, entry.name)
        elif entry.is_symlink() and not os.path.exists(entry.path):
            reason = (
                "the link leads nowhere: a Triton that polls this repository unloads all of its models. "
                "Remove the link or restore its target."
            )
            listing.ignored.append(Ignored(entry.path, reason, harmful=True))
    return listing


def model_directory(repository: str, name: str) -> ModelDirectory:
    """One model, by name, whether or not it has a configuration.

    Raises:
        RepositoryError: there is no such model, or the name leads out of the repository.
    """
    path = os.path.join(repository, checked_name(name, "model"))
    if not os.path.isdir(repository):
        raise RepositoryError(_not_a_directory(repository, "model repository"))
    if not os.path.isdir(path):
        raise RepositoryError(_not_a_directory(path, f"directory of the model '{name}'"))
    try:
        return _model(repository, name)
    except OSError as error:
        raise RepositoryError(_unreadable(path, error)) from error


def config_path(repository: str, model: str, config_name: Optional[str]) -> str:
    """Where a configuration of a model is or would be: ``config.pbtxt`` or ``configs/<config_name>.pbtxt``.

    Raises:
        RepositoryError: there is no such model, or a name leads out of the repository.
    """
    directory = model_directory(repository, model).path
    if config_name is None:
        return os.path.join(directory, CONFIG_FILE)
    return os.path.join(directory, CONFIGS_DIRECTORY, checked_name(config_name, "config_name") + CONFIG_SUFFIX)


def checked_name(name: str, what: str) -> str:
    """``name`` if it is the name of one entry of a directory.

    Raises:
        RepositoryError: it is empty, has a separator or a NUL in it, or is ``.`` or ``..``.
    """
    if not name or name in (".", "..") or "/" in name or "\\" in name or "\0" in name:
        raise RepositoryError(f"{what}: {name!r} is not the name of a directory entry. Give a plain name without '/'.")
    return name


def model_path_of(path: str) -> str:
    """The directory of the model which a configuration file belongs to."""
    directory = os.path.dirname(os.path.abspath(path))
    return os.path.dirname(directory) if os.path.basename(directory) == CONFIGS_DIRECTORY else directory


def repository_of(path: str) -> str:
    """The directory that holds the model which a configuration file belongs to."""
    return os.path.dirname(model_path_of(path))


def repositories_of(path: str) -> List[str]:
    """The repositories that a configuration is in: its own, and that of what a link leads to if it looks like one."""
    target = os.path.realpath(path)
    is_config = os.path.basename(target) == CONFIG_FILE
    in_configs = os.path.basename(os.path.dirname(target)) == CONFIGS_DIRECTORY
    return [repository_of(path)] + ([repository_of(target)] if is_config or in_configs else [])


def config_name_of(path: str) -> Optional[str]:
    """The ``config_name`` of a configuration file, see `ConfigFile`."""
    is_variant = os.path.dirname(os.path.abspath(path)) != model_path_of(path)
    return os.path.splitext(os.path.basename(path))[0] if is_variant else None


def _add(listing: Listing, repository: str, name: str) -> None:
    path = os.path.join(repository, name)
    try:
        model = _model(repository, name)
    except OSError as error:
        config = ConfigFile(os.path.join(path, CONFIG_FILE), None, False)
        listing.models.append(ModelDirectory(repository, name, path, (), (config,), problem=_unreadable(path, error)))
        return
    if model.versions or any(config.exists for config in model.configs):
        listing.models.append(model)
    else:
        listing.ignored.append(
            Ignored(path, "no configuration and no version directory: Triton would report it as a model that fails")
        )


def _model(repository: str, name: str) -> ModelDirectory:
    path = os.path.join(repository, name)
    with os.scandir(path) as entries:
        found = {entry.name: entry for entry in entries}
    directories = [item for item in found if _is_directory(found[item])]
    versions = sorted(filter(_VERSION.fullmatch, directories), key=int)
    configs = [ConfigFile(os.path.join(path, CONFIG_FILE), None, CONFIG_FILE in found)]
    if CONFIGS_DIRECTORY in found and not found[CONFIGS_DIRECTORY].is_file():
        directory = os.path.join(path, CONFIGS_DIRECTORY)
        for item in sorted(os.listdir(directory)):
            if item.endswith(CONFIG_SUFFIX) and item != CONFIG_SUFFIX:
                configs.append(ConfigFile(os.path.join(directory, item), item[: -len(CONFIG_SUFFIX)], True))
    first = min(directories, default=None)
    return ModelDirectory(repository, name, path, tuple(versions), tuple(configs), first, entries=tuple(found))


def _is_directory(entry: Any) -> bool:
    """Whether an ``os.DirEntry`` is a directory, or a link to one."""
    try:
        return bool(entry.is_dir())
    except OSError:  # a link that leads to itself, or through a directory that is closed to this user
        return False


def without_models(repository: str) -> str:
    """Why a directory may have no model, for people."""
    if os.path.isfile(os.path.join(repository, CONFIG_FILE)):
        return f"{repository}: this is a model, and not a model repository. Give the directory above it."
    return f"{repository}: there is no model in here. Is this the model repository?"


def _not_a_directory(path: str, what: str) -> str:
    if os.path.isfile(path):
        return f"{path}: this is a file, and a {what} is wanted."
    return f"{path}: there is no such {what}. Check the path, and that the file system is mounted."


def _unreadable(path: str, error: Exception) -> str:
    if not isinstance(error, OSError) or isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return _not_a_directory(path, "directory")
    return f"{path}: cannot be read: {error.strerror}. Run the task as a user who may read it."
