# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Whether a service that was started is what it should be: yes, no, or not yet."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from . import observation
from .observation import ABSENT, ENDED, LOADING, SERVING, STOPPED

READY = observation.READY
ALL, NO_WORSE, SERVER = "all", "no_worse", "server"
_NAMED = 5


class Verdict(NamedTuple):
    """``done`` ends the wait; ``failure`` says why it was in vain, and ``progress`` what the service is at."""

    done: bool
    failure: str
    progress: str


def judge(seen: Mapping[str, Any], run: str, models: str, ready_before: Sequence[str]) -> Verdict:
    """Judge one observation.

    Args:
        run: the run that is waited for. Where there is another one now, systemd has started the service again. (Its
            count of restarts would not tell: it is not always set back when somebody restarts a service.)
        models: what is asked of them: that all are READY, that those are that were (``ready_before``), or nothing.
    """
    phase, unit = seen["phase"], seen["unit"]
    if phase == ENDED or unit["run"] != run:
        how = f" with {unit['ended']}" if unit["ended"] else ""
        return Verdict(True, f"the server ended{how} before it was ready" + _said(seen["log"]), "ended")
    if phase in (ABSENT, STOPPED):
        return Verdict(True, f"the service does not run ({unit['active'] or phase})" + _said(seen["log"]), phase)
    if phase == LOADING:
        return Verdict(False, "", _progress(seen))
    if seen["error"]:
        return Verdict(True, f"the server does not answer as it should. {seen['error']}", "serving")
    busy = [model["name"] for model in seen["models"] if model["state"] in ("LOADING", "UNLOADING")]
    if phase == SERVING and busy:
        return Verdict(False, "", f"waiting for {names(busy)}")
    return Verdict(True, _missing(seen["models"], models, ready_before), "serving")


def not_ready(models: Sequence[Mapping[str, Any]]) -> List[Dict[str, Any]]:
    """The models with a version that is neither READY nor was unloaded on request."""
    return [dict(model) for model in models if model["state"] != READY and not _is_at_rest(model)]


def names(found: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return ", ".join(found[:_NAMED]) + more


def _is_at_rest(model: Mapping[str, Any]) -> bool:
    # Known to an explicit server that nobody has asked to load it, or taken away again by somebody.
    return model["state"] is None or model["reason"] == "unloaded"


def _missing(models: Sequence[Mapping[str, Any]], wanted: str, ready_before: Sequence[str]) -> str:
    bad = not_ready(models)
    if wanted == NO_WORSE:
        bad = [model for model in bad if model["name"] in ready_before]
    if wanted == SERVER or not bad:
        return ""
    count = len({model["name"] for model in bad})
    head = f"the server runs, and {count} model{'s are' if count > 1 else ' is'} not READY"
    if wanted == NO_WORSE:
        head += " that " + ("were" if count > 1 else "was") + " before"
    return head + ":\n" + "\n".join(f"  {line(model)}" for model in bad)


def line(model: Mapping[str, Any]) -> str:
    """One model, as it is told to a person."""
    version: Optional[str] = model["version"]
    which = f"{model['name']} version {version}" if version else model["name"]
    lines = [text for text in model["reason"].splitlines() if text.strip()]  # a Python model's reason is a traceback
    why = ": " + "\n    ".join(lines) if lines else ""
    return f"{which} is {model['state'] or 'not loaded'}{why}"


def _progress(seen: Mapping[str, Any]) -> str:
    loaded = sum(1 for model in seen["models"] if model["state"] == READY)
    refused = len(seen["models"]) - loaded
    parts = [f"loading {names(seen['loading'])}" if seen["loading"] else "starting"]
    if loaded:
        parts.append(f"{loaded} loaded")
    if refused:
        parts.append(f"{refused} refused")
    return ", ".join(parts)


def _said(log: Sequence[str]) -> str:
    if not log:
        return ". Its log is empty."
    return ". The end of its log:\n" + "\n".join(f"  {text}" for text in log)
