# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What modules return of configurations, in a form that JSON and a terminal can carry."""

from __future__ import annotations

from typing import Any, Dict, Optional


def printable(value: Any) -> Any:
    """Plain data whose strings are all valid Unicode: bytes that are not UTF-8 become replacement characters."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if isinstance(value, dict):
        return {printable(key): printable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [printable(item) for item in value]
    return value


def diff(path: str, before: Optional[bytes], after: Optional[bytes]) -> Dict[str, str]:
    """One file's part of a module's ``diff``; None stands for no file."""
    return {
        "before_header": printable(path if before is not None else f"{path} (absent)"),
        "after_header": printable(path if after is not None else f"{path} (absent)"),
        "before": (before or b"").decode("utf-8", "replace"),
        "after": (after or b"").decode("utf-8", "replace"),
    }
