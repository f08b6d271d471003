# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Why a server does not load a model, where its answer says so and where it does not."""

from __future__ import annotations

from .._model_config.findings import Finding
from .errors import ServerError
from .failures import shown
from .hidden_models import errors_of
from .model_request import Request
from .model_states import Model

# triton core: src/model_repository_manager/model_repository_manager.cc, LoadUnloadModel. The reason is in the log only.
_UNSAID = "failed to poll from model repository"
_SERVES_ON = " What was loaded before serves on."


def explain(error: ServerError, model: Model, request: Request) -> str:
    """The server's reason, and what this collection finds in the file where the server has none."""
    if error.kind == "name":
        return f"{error.seen} {error.remedy}"
    serves_on = _SERVES_ON if model.ready_versions else ""
    unsaid = _unsaid(model.name, request) if _UNSAID in error.reason else ""
    return f"the server says: {shown(error.reason.rstrip(' .;'))}.{serves_on}{unsaid}"


def _unsaid(name: str, request: Request) -> str:
    if name in request.configs:
        return f" It refuses what 'configs' has for {name}, or does not find the model. Its log says which."
    if request.on_disk is None:
        return (
            " It does not find the model, or refuses its configuration, and only its log says which. Give "
            "'repositories' to have the file checked."
        )
    described = request.on_disk.get(name)
    if described is None:
        return " There is no such model in 'repositories'. Correct its name, or the repositories."
    errors = errors_of(described)
    if not errors:
        where = described["file"] or "the model's directory, which has no configuration"
        return f" Nothing is found to be wrong in {where}: see the server's log."
    findings = [Finding(**{field: error[field] for field in Finding._fields}).show(error["file"]) for error in errors]
    return "\n" + "\n".join(findings) + "\n"
