# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What came of a request for models, as data and in words."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional

from .model_request import LOAD, UNLOADED, Request
from .model_states import Model

_NAMED = 20  # as many names stand in a warning


class Done(NamedTuple):
    """What was done with one model.

    Attributes:
        action: `NONE`, `LOAD` or `UNLOAD`, asked of the server or, in check mode, to be asked.
        changed: whether something has changed, or would.
        certain: whether that is known; see `evidence`.
        proof: what it is known from, see `evidence.differences`.
        error: why the model is not as it was asked for, None if it is.
        unlike: the fields in which it runs with something else than was asked for, or than its file says.
    """

    model: Model
    action: str
    changed: bool
    certain: bool
    proof: List[str]
    seconds: float
    error: Optional[str]
    unlike: List[str]

    def as_result(self) -> Dict[str, Any]:
        return {
            "name": self.model.name,
            "action": self.action,
            "changed": self.changed,
            "certain": self.certain,
            "evidence": self.proof,
            "state": self.model.state,
            "reason": self.model.reason,
            "versions": list(self.model.ready_versions),
            "seconds": round(self.seconds, 3),
            "error": self.error,
            "differs": self.unlike,
        }


class Outcome(NamedTuple):
    """What was done, model by model.

    Attributes:
        predicted: whether nothing was done, only foretold.
        others: names of other models of which other versions serve since.
        unknown: names of models that there are not.
    """

    request: Request
    predicted: bool
    models: List[Done]
    others: List[str]
    unknown: List[str]

    def as_result(self) -> Dict[str, Any]:
        changed = any(done.changed for done in self.models) or bool(self.others)
        return {
            "changed": changed,
            "models": [done.as_result() for done in self.models],
            "also_changed": self.others,
        }

    def failure(self) -> str:
        """All errors in one text, empty if there is none."""
        failed = [done for done in self.models if done.error]
        if not failed:
            return ""
        count = f"{len(failed)} of {len(self.models)} models" if len(self.models) > 1 else "The model"
        return "\n".join(
            [f"{count} could not be {self.request.state}.", *(f"{done.model.name}: {done.error}" for done in failed)]
        )

    def warnings(self) -> List[str]:
        """What somebody should look at, whatever was done."""
        unlike = [
            f"{done.model.name} ({', '.join(done.unlike)})"
            for done in self.models
            if done.unlike and not done.error and done.model.name not in self.request.configs
            # What is still to be reloaded may well differ.
            if not (self.predicted and done.action == LOAD)
        ]
        texts = []
        if self.unknown and self.request.state == UNLOADED:
            texts.append(f"The server knows no model of this name, so nothing is unloaded: {_some(self.unknown)}.")
        if unlike:
            texts.append(
                f"Served with another configuration than the file says: {_some(unlike)}. Either the last reload "
                "failed, or there was none since the file changed, or the model was loaded with a configuration in the "
                "request. That one stays until the file is touched, or the model is unloaded."
            )
        return texts


def _some(names: List[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
