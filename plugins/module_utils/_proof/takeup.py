# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Why a server runs a model with something else than its file says, as far as that can be told.

Source: triton core, src/model_repository_manager/model_lifecycle.cc (AsyncLoad, OnLoadFinal), seen from tritonserver
2.51.0: a failed update in place leaves READY with a reason in the index, a failed full reload leaves no trace but in
the log, and a configuration given in a request to load stays until a file of the model changes.
"""

from __future__ import annotations

import datetime
from typing import Dict, NamedTuple, Optional

from .records import LoadEvent, OnDisk, SeenVersion, ServerSeen

EXPLICIT, POLL, NONE = "explicit", "poll", "none"

# What makes a server take up a file, by its control mode.
_TAKE_UP: Dict[Optional[str], str] = {
    EXPLICIT: "Load the model with inference.triton.model and state: reloaded.",
    POLL: "The server takes up what has changed with its next poll.",
    NONE: "Restart the server: it was started without --model-control-mode, and takes up no file while it runs.",
    None: "Load the model with inference.triton.model and state: reloaded, or, where the server does not load on "
    "request, restart it.",
}


class Verdict(NamedTuple):
    """Why, as a row of the table of causes, with the facts for its text."""

    id: str
    facts: Dict[str, str]


def how_to_take_up(server: ServerSeen) -> str:
    """One sentence: what makes this server take up a file."""
    return _TAKE_UP.get(server.control_mode, _TAKE_UP[None])


def failed_load(model: OnDisk, version: SeenVersion, server: ServerSeen) -> Optional[str]:
    """Why the last load of a version that serves has failed, since the file last changed; None where none is known to.

    Args:
        version: READY, and with a reason in the index all the same where an update in place has failed.
    """
    if version.reason:
        return version.reason
    events = server.log.loads.get(model.name, ()) if server.log is not None else ()
    last = next((event for event in reversed(events) if event.version in ("", version.version)), None)
    if last is None or last.succeeded:
        return None
    if model.changed_at is not None and last.at is not None and last.at < model.changed_at:
        return None
    return last.reason or "the log of the server has no reason, only that it failed"


def was_loaded_since(model: OnDisk, server: ServerSeen) -> Optional[bool]:
    """Whether the server has loaded a model since its file last changed; None where that is not known."""
    changed = model.changed_at
    if changed is None:
        return None
    if server.started_at is not None and server.started_at > changed:
        return True
    log = server.log
    if log is None:
        # Without requests and without polls, what was loaded at the start is what runs.
        return False if server.started_at is not None and server.control_mode == NONE else None
    successes = [event for event in log.loads.get(model.name, ()) if event.succeeded]
    times = [event.at for event in successes if event.at is not None]
    if times and max(times) >= changed:
        return True
    if len(times) < len(successes):
        return None
    return False if times or log.starts else None


def why_not_taken_up(model: OnDisk, server: ServerSeen) -> Verdict:
    """Why a model that has not failed to load runs with something else than its file says."""
    since = was_loaded_since(model, server)
    if since is None:
        return Verdict("differs_from_file", {})
    changed = f"the file changed at {moment(model.changed_at)}"
    loaded = _last_success(model, server)
    if loaded is not None and loaded.at is not None:
        evidence = f"{changed}, the last load in the log is of {moment(loaded.at)}"
    elif server.started_at is not None:
        evidence = f"{changed}, the server started at {moment(server.started_at)}"
    else:
        evidence = f"{changed}, and the log has no load since"
    return Verdict("override_sticks" if since else "edited_not_loaded", {"evidence": evidence})


def moment(seconds: Optional[float]) -> str:
    """A time for a message, in UTC; a text that says so where it is not known."""
    if seconds is None:
        return "a time that is not known"
    at = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _last_success(model: OnDisk, server: ServerSeen) -> Optional[LoadEvent]:
    events = server.log.loads.get(model.name, ()) if server.log is not None else ()
    return next((event for event in reversed(events) if event.succeeded), None)
