# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin util is PRIVATE to the collection: it can change without notice.
"""How hosts, numbers and messages are listed in reports for people."""

from __future__ import annotations

import functools
import re
from typing import Any, Sequence, Tuple


@functools.lru_cache(maxsize=65536)
def natural(name: str) -> Tuple[Tuple[bool, int, str], ...]:
    """A sort key by which gpu-2 comes before gpu-10. Every second part is a number."""
    parts = enumerate(re.split(r"([0-9]+)", name))
    return tuple((False, int(part), "") if place % 2 else (True, 0, part) for place, part in parts if part)


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def first_line(message: Any) -> str:
    return next(filter(None, map(str.strip, str(message or "").splitlines())), "")


def named(names: Sequence[str], most: int) -> str:
    """The first ``most`` names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def one_line(text: Any) -> str:
    """``text`` on one line, without what a terminal would obey; empty for what is no text."""
    if not isinstance(text, str):
        return ""
    if not text.isprintable():
        text = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(text.split())
