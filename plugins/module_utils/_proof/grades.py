# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""How sure it is that a model runs where it should."""

from __future__ import annotations

from typing import Iterable

PROVED = "proved"  # a source besides the server's own configuration says so
CONSISTENT = "consistent"  # the configuration that the server runs says so
UNPROVED = "unproved"  # nobody knows, or nobody has decided
CONTRADICTED = "contradicted"  # it does not

# From the best to the worst.
GRADES = (PROVED, CONSISTENT, UNPROVED, CONTRADICTED)


def worst(grades: Iterable[str]) -> str:
    """The worst of some grades; `PROVED` where there is none."""
    return max(grades, key=GRADES.index, default=PROVED)
