# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Triton's releases as people write them: ``24.08``, the year and the month."""

from __future__ import annotations

import re
from typing import Tuple

from .findings import ConfigError

_RELEASE = re.compile(r"([0-9]{2})\.(0[1-9]|1[0-2])")
_ONE_DIGIT = re.compile(r"([0-9]{2})\.([1-9])")


def parse_release(text: str) -> Tuple[int, int]:
    """The year and month of a release; releases compare as these do.

    Raises:
        ConfigError: the text is no release.
    """
    match = _RELEASE.fullmatch(text)
    if match:
        return int(match.group(1)), int(match.group(2))
    hint = "Write the year and the month of the container's tag in quotes, for example '24.08'."
    short = _ONE_DIGIT.fullmatch(text)
    if short:
        year, month = short.groups()
        # YAML reads 24.10 without quotes as a number, which is 24.1.
        hint = f"Write '{year}.0{month}'" + (f" or '{year}.10'" if month == "1" else "") + ", in quotes."
    raise ConfigError([f"triton_release: {text!r} is not a release of Triton. {hint}"])
