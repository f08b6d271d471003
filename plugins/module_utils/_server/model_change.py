# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Loading and unloading models: ask, wait, and find out what came of it."""

from __future__ import annotations

import time
from typing import Callable, Dict, Iterable, List, Mapping, Set

from .._proof import running_config
from . import evidence
from .connection import Connection
from .errors import ServerError
from .evidence import Traces, look
from .load_errors import explain
from .model_outcome import Done, Outcome
from .model_request import LOAD, NONE, UNLOAD, Request
from .model_states import LOADING, READY, UNLOADED, UNLOADING, Model, by_model, named
from .triton import Triton

# Failures after which the server may be at work on the request all the same.
_LOST = ("timeout", "closed", "truncated", "unavailable")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0  # seconds between two looks at the index


def apply(connection: Connection, request: Request, check: bool) -> Outcome:
    """Do what is asked for; with ``check``, only say what would be done.

    Raises:
        ServerError: the server does not answer, or does not load models on request at all. What a model is refused for
            is no exception, but in `Done.error`.
    """
    change = _Change(connection, request)
    try:
        return change.run(check)
    finally:
        change.triton.client.close()


class _Change:
    def __init__(self, connection: Connection, request: Request) -> None:
        self.connection = connection
        self.request = request
        self.triton: Triton = connection.triton()
        self.metrics = connection.metrics()
        self.errors: Dict[str, str] = {}
        self.lost: Set[str] = set()  # names of models whose request got no answer
        self.seconds: Dict[str, float] = {}

    def run(self, check: bool) -> Outcome:
        names = self.request.names
        index = self.triton.when_up(self._index, self.connection.startup_timeout)
        if not check:
            index = self._settled(index, names)
        unknown = [name for name in names if name not in index]
        before = look(self.triton, self.metrics, index, names, self._looks_deep(index))
        actions = {name: self.request.action(before[name].model, bool(self._unlike(before[name]))) for name in names}
        if check or not any(action != NONE for action in actions.values()):
            done = [self._predicted(before[name], actions[name]) for name in names]
            return Outcome(self.request, check, done, [], unknown)
        for number, name in enumerate(names):
            try:
                self._ask(before[name].model, actions[name])
            except ServerError as error:
                seen = f"{error.seen} Of {len(names)} models, {number} were done before." if number else error.seen
                raise ServerError(error.kind, error.url, seen, error.remedy, error.status, error.reason) from error
        after_index = self._unloaded(index, {name for name in names if actions[name] == UNLOAD})
        measured = any(traces.load_times for traces in before.values())
        after = look(self.triton, self.metrics if measured else None, after_index, names)
        done = [self._done(before[name], after[name], actions[name]) for name in names]
        others = [name for name in sorted({*index, *after_index} - set(names)) if _moved(index, after_index, name)]
        return Outcome(self.request, False, done, others, unknown)

    def _index(self) -> Dict[str, Model]:
        return by_model(self.triton.index())

    def _looks_deep(self, index: Mapping[str, Model]) -> bool:
        """Whether more than the index is needed, which answers at once where all is as it should be."""
        request = self.request
        if request.configs or request.on_disk is not None:
            return True
        return any(request.action(named(index, name), False) != NONE for name in request.names)

    def _unlike(self, traces: Traces) -> List[str]:
        """The fields in which any version that serves is not what it should be."""
        wanted = self.request.wanted_config(traces.model.name)
        if wanted is None:
            return []
        found = [path for config in traces.configs.values() for path in running_config.differences(wanted, config)]
        return list(dict.fromkeys(found))

    def _predicted(self, before: Traces, action: str) -> Done:
        unlike = self._unlike(before)
        reload = action == LOAD and before.model.is_served
        compared = self.request.wanted_config(before.model.name) is not None
        changed = bool(unlike) if reload and compared else action != NONE
        return Done(before.model, action, changed, not reload or bool(unlike), [], 0.0, None, unlike)

    def _ask(self, model: Model, action: str) -> None:
        if action == NONE:
            return
        started = time.monotonic()
        request = self.request
        try:
            if action == LOAD:
                self.triton.load(model.name, request.configs.get(model.name), request.wait_timeout)
            else:
                self.triton.unload(model.name, request.dependents, request.wait_timeout)
        except ServerError as error:
            if error.kind in ("server", "name"):
                self.errors[model.name] = explain(error, model, request)
            elif error.kind in _LOST:
                self._recover(model, action, error, started + request.wait_timeout)
            else:
                raise
        finally:
            self.seconds[model.name] = time.monotonic() - started

    def _recover(self, model: Model, action: str, lost: ServerError, deadline: float) -> None:
        """The answer is lost and not the request: see what becomes of it. It is not sent again."""
        self.lost.add(model.name)
        try:
            index = self._watched(self._index(), lambda now: _is_settled(named(now, model.name), action), deadline)
        except ServerError as error:
            seen = f"{lost.seen} That was the request to {action} '{model.name}'. Then {error.url}: {error.seen}"
            raise ServerError(lost.kind, lost.url, seen, error.remedy, lost.status) from error
        found = named(index, model.name)
        if _is_settled(found, action) and not (action == LOAD and model.is_served):
            return  # what the index says afterwards decides
        if action == LOAD and model.is_served and found.state == READY:
            outcome = (
                "It is served, and whether by the new or by the old copy cannot be told: compare its configuration, or "
                "see the server's log."
            )
        else:
            outcome = (
                f"It is {found.state or 'not loaded'} after {self.request.wait_timeout:g} seconds, and the server goes "
                "on with it. Raise 'wait_timeout', and the time-outs of a proxy before the server."
            )
        self.errors[model.name] = f"the request to {action} it got no answer ({lost.seen}) {outcome}"

    def _settled(self, index: Dict[str, Model], names: Iterable[str]) -> Dict[str, Model]:
        """The index once the server is busy with none of the models, or the time is over."""
        deadline = time.monotonic() + self.request.wait_timeout
        return self._watched(index, lambda now: not any(named(now, name).is_on_its_way for name in names), deadline)

    def _unloaded(self, before: Mapping[str, Model], names: Set[str]) -> Dict[str, Model]:
        """The index once the server is done with unloading the models, and those that go along with them."""

        def is_over(now: Mapping[str, Model]) -> bool:
            # An ensemble takes along what it consists of, or goes along with it.
            along = {name for name, model in now.items() if model.state == UNLOADING != named(before, name).state}
            return not any(named(now, name).is_on_its_way for name in names | along)

        if not names:
            return self._index()
        return self._watched(self._index(), is_over, time.monotonic() + self.request.wait_timeout)

    def _watched(
        self, index: Dict[str, Model], enough: Callable[[Dict[str, Model]], bool], deadline: float
    ) -> Dict[str, Model]:
        pause = _FIRST_PAUSE
        while not enough(index) and time.monotonic() + pause < deadline:
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            index = self._index()
        return index

    def _done(self, before: Traces, after: Traces, action: str) -> Done:
        name = after.model.name
        error = self.errors.get(name)
        if error is None and action == LOAD and not after.model.is_served:
            error = (
                f"it is {after.model.state or 'not loaded'} after the load: {after.model.reason or 'no reason given'}."
            )
        if error is None and action == UNLOAD and (after.model.ready_versions or after.model.is_on_its_way):
            error = (
                f"it is {after.model.state} after {self.request.wait_timeout:g} seconds. The server waits for requests "
                "that it is serving. Raise 'wait_timeout'."
            )
        proof = evidence.differences(before, after) if action != NONE else []
        traceless = action == LOAD and before.model.is_served and not proof and not evidence.is_certain(before, after)
        certain = not traceless or (error is not None and name not in self.lost)
        seconds = self.seconds.get(name, 0.0)
        return Done(after.model, action, bool(proof), certain, proof, seconds, error, self._unlike(after))


def _is_settled(model: Model, action: str) -> bool:
    if model.is_on_its_way:
        return False
    return action == UNLOAD or (model.state is not None and model.reason != UNLOADED)


def _moved(before: Mapping[str, Model], after: Mapping[str, Model], name: str) -> bool:
    """Whether a model has another state, but for one that the server was busy with all along."""
    old, new = named(before, name), named(after, name)
    return LOADING not in (old.state, new.state) and old.ready_versions != new.ready_versions
