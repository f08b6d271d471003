# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""How the placeholders of a template look. What to make of them in a broken text is said in `leftovers`."""

from __future__ import annotations

import re

# ${name} and $name (shell, envsubst, Python's string.Template), {{ name }}, {% if %} and {# note #} (Jinja): none of
# them can stand in a text-format file outside a string or comment.
PLACEHOLDER = re.compile(r"\$\{[^}\n]*\}|\$[A-Za-z_]\w*|\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.ASCII)


def unfilled_in(value: str) -> str:
    """The first placeholder in the value of a string, empty where there is none."""
    match = PLACEHOLDER.search(value)
    return match.group() if match else ""
