# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What becomes of ensembles once it is known what becomes of the models that they are made of.

Source: triton core, src/model_repository_manager/model_repository_manager.cc, ConnectDependencyGraph,
CircularDependencyCheck and CheckNode. Of several steps that fail, the server names any one; here it is the first. Of a
circle of three ensembles or more, it may call the circle by another of them. What the steps' tensors look like after
their backends have completed the configurations is not known here.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Set

from .prediction import DEPENDENCIES, DOCUMENTED, LOADING, POLLING, Prediction

_ENDLESS = (
    "It depends on a circle of ensembles that it is no part of. Triton follows that without end: the whole server ends."
)


class _EndlessError(Exception):
    """Where Triton's own search does not end."""


class Candidate(NamedTuple):
    """A model of a server, with what is predicted of it alone."""

    config: Mapping[str, Any]
    prediction: Prediction


def resolve(candidates: Mapping[str, Candidate]) -> Dict[str, Prediction]:
    """The predictions for all models of a server, by name, where an ensemble does not load without its steps."""
    resolver = _Resolver(candidates)
    return {name: resolver.prediction(name) for name in candidates}


class _Resolver:
    def __init__(self, candidates: Mapping[str, Candidate]) -> None:
        self.candidates = candidates
        self.done: Dict[str, Prediction] = {}

    def prediction(self, name: str) -> Prediction:
        if name not in self.done:
            self.done[name] = self.resolved(name, self.candidates[name].prediction)
        return self.done[name]

    def resolved(self, name: str, alone: Prediction) -> Prediction:
        steps = self.steps(name)
        for upstream in (step["model_name"] for step in steps):
            if not self.available(upstream):
                error = f"ensemble {name} contains models that are not available or ambiguous: {upstream}"
                return alone.refuse(DEPENDENCIES, f"Invalid argument: {error}")
        try:
            last = self.circle(name, name, [], set())
        except _EndlessError:
            return alone.refuse(DEPENDENCIES, "", _ENDLESS)
        if last is not None:
            error = f"circular dependency between ensembles: {name} -> ... -> {last} -> {name}"
            return alone.refuse(DEPENDENCIES, f"Invalid argument: {error}")
        for step in steps:
            outcome = self.prediction(step["model_name"])
            if outcome.loads is None:
                return alone._replace(loads=None, notes=(f"Its step {step['model_name']} could not be read.",))
            if outcome.evidence == DOCUMENTED:
                alone = alone._replace(evidence=DOCUMENTED)
            step_error = self.step_error(name, step)
            if step_error is not None:
                return alone.refuse(DEPENDENCIES, f"Invalid argument: {step_error}")
        return alone

    def steps(self, name: str) -> List[Mapping[str, Any]]:
        """The steps of an ensemble that was taken up; empty for any other model."""
        candidate = self.candidates.get(name)
        if candidate is None or candidate.prediction.stage == POLLING:
            return []
        steps: List[Mapping[str, Any]] = candidate.config.get("ensemble_scheduling", {}).get("step", [])
        return steps

    def available(self, name: str) -> bool:
        return name in self.candidates and self.candidates[name].prediction.stage != POLLING

    def circle(self, name: str, start: str, path: List[str], straight: Set[str]) -> Optional[str]:
        """The last model before ``start`` on a way of steps from ``name`` back to it, None if there is no such way.

        Raises:
            _EndlessError: the way leads into a circle without ``start``.
        """
        for upstream in (step["model_name"] for step in self.steps(name)):
            if upstream == start:
                return name
            if upstream in path:
                raise _EndlessError
            if upstream not in straight:
                last = self.circle(upstream, start, [*path, upstream], straight)
                if last is not None:
                    return last
                straight.add(upstream)
        return None

    def step_error(self, name: str, step: Mapping[str, Any]) -> Optional[str]:
        upstream, version = step["model_name"], step.get("model_version", 0)
        outcome = self.prediction(upstream)
        what = f"ensemble '{name}' depends on '{upstream}'"
        if outcome.stage == DEPENDENCIES:
            message = outcome.error.partition(": ")[2]
            return f"{what} which is not valid. Model '{upstream}' failed with error: {message}"
        if outcome.stage:
            reason = outcome.error
            if outcome.stage == LOADING:
                reason = "".join(
                    f"version {number} is at UNAVAILABLE state: {outcome.error};" for number in outcome.versions
                )
            return f"{what} which has no loaded version. Model '{upstream}' loading failed with error: {reason}"
        if version != -1 and version not in outcome.versions:
            return f"{what} whose required version {version} is not loaded."
        return None
