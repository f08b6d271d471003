# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Configurations that are templates still to be filled in."""

from __future__ import annotations

import re
from typing import Optional

# ${name}, {{ name }}, {% if %}: none of them can stand in a text-format file outside a string or comment.
_PLACEHOLDER = re.compile(r"\$\{[^}\n]*\}|\{\{.*?\}\}|\{%.*?%\}")


def placeholder(text: str, offset: int) -> Optional[str]:
    """The first placeholder of a text that does not parse, if it is a template, else None.

    Args:
        offset: where the parser gave up. A placeholder in an earlier comment or string says nothing.
    """
    line_start = text.rfind("\n", 0, offset) + 1
    for match in _PLACEHOLDER.finditer(text, line_start):
        if match.start() <= offset + 1:
            if match.end() > offset:
                return match.group()
        else:
            break
    return None
