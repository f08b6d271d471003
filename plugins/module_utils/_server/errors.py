# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What went wrong between a module and a server."""

from __future__ import annotations

from typing import Dict, Optional


class ServerError(Exception):
    """A request did not get the answer that it was sent for.

    Attributes:
        kind: what went wrong, one of the names in `failures`.
        url: the address that was asked, None where it is an option that is wrong.
        seen: one sentence on what happened.
        remedy: one sentence on what to do.
        status: the HTTP status, None where there was no answer.
        reason: the server's own words, empty where it gave none.
    """

    def __init__(
        self,
        kind: str,
        url: Optional[str],
        seen: str,
        remedy: str,
        status: Optional[int] = None,
        reason: str = "",
    ) -> None:
        self.kind = kind
        self.url = url
        self.seen = seen
        self.remedy = remedy
        self.status = status
        self.reason = reason
        super().__init__(" ".join(part for part in (f"{url}:" if url else "", seen, remedy) if part))

    def as_result(self) -> Dict[str, Optional[str]]:
        """As a module returns it beside its message."""
        return {"kind": self.kind, "url": self.url, "seen": self.seen, "remedy": self.remedy}


def option_error(option: str, seen: str, remedy: str) -> ServerError:
    """The error for an option with which no server can be asked."""
    return ServerError("option", None, f"{option}: {seen}", remedy)
