# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""In which control mode a server runs, which no answer of its API says."""

from __future__ import annotations

import uuid
from typing import NamedTuple, Optional

from .errors import ServerError
from .triton import Triton

EXPLICIT, NONE_OR_POLL = "explicit", "none_or_poll"


class ControlMode(NamedTuple):
    """The mode, or None and why it is not known."""

    mode: Optional[str]
    unknown: str = ""


def probe(triton: Triton) -> ControlMode:
    """Ask to unload a model that there is not: Triton has nothing to unload, and in two of the three modes says no.

    Seen from tritonserver 2.51.0: no model changes its state and nothing is logged, but for this: once a step of an
    ensemble was updated, each request to load or unload anything loads the ensemble anew, and so does this one.
    """
    try:
        triton.unload(f"no-such-model-{uuid.uuid4().hex}", False, triton.client.timeout)
    except ServerError as error:
        if error.kind == "control_mode":
            return ControlMode(NONE_OR_POLL)
        if error.kind in ("restricted", "credentials", "server"):
            return ControlMode(None, str(error))
        raise
    return ControlMode(EXPLICIT)
