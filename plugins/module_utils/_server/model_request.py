# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What a server is asked to do with models, and what that takes from where the models are now."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from .._model_config.findings import ConfigError
from .._model_config.writing import to_data, to_values
from .errors import option_error
from .hidden_models import errors_of
from .model_states import Model
from .triton import checked_names

LOADED, UNLOADED, RELOADED = "loaded", "unloaded", "reloaded"
NONE, LOAD, UNLOAD = "none", "load", "unload"


class Request(NamedTuple):
    """What is asked for.

    Attributes:
        state: `LOADED`, `UNLOADED` or `RELOADED`.
        names: the models, in the order in which they are asked for.
        configs: whole configurations that take the place of the models' files.
        dependents: unload the models that an ensemble consists of, too.
        wait_timeout: seconds that a model may take.
        on_disk: what was read of each model in the repositories, None where none was given.
    """

    state: str
    names: Sequence[str]
    configs: Mapping[str, Mapping[str, Any]] = {}
    dependents: bool = False
    wait_timeout: float = 300.0
    on_disk: Optional[Mapping[str, Mapping[str, Any]]] = None

    def wanted_config(self, name: str) -> Optional[Mapping[str, Any]]:
        """What the model is to run with, as far as that is known here."""
        if name in self.configs:
            return self.configs[name]
        described = (self.on_disk or {}).get(name)
        readable = described is not None and described["file"] is not None and not errors_of(described)
        return described["config"] if described is not None and readable else None

    def action(self, model: Model, differs: bool) -> str:
        """What has to be asked of the server.

        Args:
            differs: whether the model runs with something else than its entry in `configs`.
        """
        if self.state == UNLOADED:
            return UNLOAD if model.ready_versions or model.is_on_its_way else NONE
        if self.state == LOADED and model.is_served and not (model.name in self.configs and differs):
            return NONE
        return LOAD


def checked_request(
    state: str,
    names: List[str],
    configs: Mapping[str, Any],
    dependents: bool,
    wait_timeout: float,
) -> Request:
    """The request that the options of the module make.

    Raises:
        ServerError: a name or an option cannot be.
        ConfigError: a configuration is no ModelConfig.
    """
    if not names:
        raise option_error("models", "the list is empty.", "Name at least one model.")
    if configs and state == UNLOADED:
        raise option_error("configs", "nothing is loaded with 'state: unloaded'.", "Remove it.")
    if dependents and state != UNLOADED:
        raise option_error("unload_dependents", f"nothing is unloaded with 'state: {state}'.", "Remove it.")
    names = checked_names(names, "models")
    for name in configs:
        if name not in names:
            raise option_error("configs", f"{name!r} is not one of 'models'.", "Name it there, or remove it here.")
    read = {str(name): _config(str(name), config) for name, config in configs.items()}
    return Request(state, names, read, dependents, wait_timeout)


def _config(name: str, config: Any) -> Dict[str, Any]:
    try:
        data: Dict[str, Any] = to_data(to_values(config))
    except ConfigError as error:
        raise ConfigError([f"configs.{name}: {problem}" for problem in error.problems]) from error
    if data.get("name", name) != name:
        raise ConfigError([f"configs.{name}: name: it is {data['name']!r}, and has to be that of the model or absent."])
    return data
