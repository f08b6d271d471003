# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Whether a load balancer should send requests to this host, by what the last look saw."""

from __future__ import annotations

from typing import Any, List, Mapping, NamedTuple, Optional, Tuple

from .state_file import DOWN, FAILED, STARTING

OK, UNHEALTHY = 200, 503
_NAMES_SHOWN = 20


class Verdict(NamedTuple):
    """The answer.

    Attributes:
        code: of HTTP, `OK` or `UNHEALTHY`.
        status: ``ok``, ``critical_model``, ``starting``, ``down``, ``failed``, ``stale``, ``unknown``.
        reason: a sentence or two for whoever reads the log of the load balancer.
        models: the critical models that are not where they should be, the first of them.
        age: seconds since the last look; None where there was none.
    """

    code: int
    status: str
    reason: str
    models: Tuple[str, ...] = ()
    age: Optional[float] = None

    def as_data(self) -> Mapping[str, Any]:
        """The body, for JSON."""
        age = None if self.age is None else round(self.age, 1)
        return {"status": self.status, "reason": self.reason, "models": list(self.models), "age_seconds": age}


def judge(state: Optional[Mapping[str, Any]], now: float, oldest: float, boot_id: str) -> Verdict:
    """The verdict on a host.

    Args:
        state: of the last look, None where there was none.
        now: seconds since the epoch.
        oldest: seconds after which a look tells nothing any more.
        boot_id: of this boot of the host, empty where it is not known.
    """
    if state is None:
        return Verdict(UNHEALTHY, "unknown", "Nobody has looked yet. See systemctl status triton-placement.timer.")
    age = now - state["checked_at_seconds"]
    if boot_id and state.get("boot_id") and boot_id != state["boot_id"]:
        return Verdict(UNHEALTHY, "stale", "Nobody has looked since the host was started.", age=age)
    if not -oldest <= age <= oldest:
        when = f"{age:.0f} seconds ago" if age > 0 else "in the future, so the clock was set back"
        reason = f"The last look was {when}. See systemctl status triton-placement.timer triton-placement.service."
        return Verdict(UNHEALTHY, "stale", reason, age=age)
    if state["status"] in (FAILED, DOWN, STARTING):
        return Verdict(UNHEALTHY, state["status"], str(state["summary"]), age=age)
    return _of_models(state["models"], age)


def unreadable(why: str) -> Verdict:
    """The verdict where there is a state, and it cannot be read."""
    reason = f"What the last look saw cannot be read: {why}. See systemctl status triton-placement.service."
    return Verdict(UNHEALTHY, "unknown", reason)


def _of_models(models: Any, age: float) -> Verdict:
    wrong: List[Mapping[str, Any]] = [
        model for model in models if model["critical"] and (model["grade"] == "contradicted" or not model["served"])
    ]
    if not wrong:
        critical = sum(bool(model["critical"]) for model in models)
        return Verdict(OK, "ok", f"{critical} critical models are where they should be.", age=age)
    first = wrong[0]
    why = next((problem["text"] for problem in first["problems"] if problem["severity"] == "error"), "")
    further = f" {len(wrong) - 1} further critical models are not either." if len(wrong) > 1 else ""
    reason = f"{first['name']} is not where it should be. {why}".strip() + further
    names = tuple(model["name"] for model in wrong[:_NAMES_SHOWN])
    return Verdict(UNHEALTHY, "critical_model", reason, names, age)
