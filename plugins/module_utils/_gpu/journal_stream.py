# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Lines for systemd's journal: whether it is the reader, and how it is told how bad a line is."""

from __future__ import annotations

import os
from typing import TextIO

from .states import ERROR, INFO, WARNING

# What the journal takes for an error, a warning and a notice at the beginning of a line: sd-daemon(3).
PRIORITIES = {ERROR: "<3>", WARNING: "<4>", INFO: "<5>"}


def is_journal(output: TextIO) -> bool:
    """Whether the lines go into systemd's journal: systemd.exec(5), JOURNAL_STREAM."""
    try:
        stream = os.fstat(output.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{stream.st_dev}:{stream.st_ino}"
