# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The placeholders of templates that are still to be filled in."""

from __future__ import annotations

import re
from typing import Match, Optional

# ${name} and $name (shell, envsubst, Python's string.Template), {{ name }}, {% if %} and {# note #} (Jinja): none of
# them can stand in a text-format file outside a string or comment.
_PLACEHOLDER = re.compile(r"\$\{[^}\n]*\}|\$[A-Za-z_]\w*|\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.ASCII)
# {% if not loop.last %},{% endif %}: in the text there is one element only, and nothing behind it.
_COMMA = re.compile(r"\{%[^%\n]*%\}\s*,\s*\{%[^%\n]*%\}")
_OTHER_BRANCHES = re.compile(r"\{%[-+]?\s*(?:else|elif)\b.*?\{%[-+]?\s*endif\b[^%]*%\}", re.DOTALL)
_LONGEST = 1000


def find(text: str, offset: int) -> Optional[Match[str]]:
    """The placeholder because of which a text does not parse, if it is one.

    Args:
        offset: where the parser gave up, which may be inside of it: ``{{`` begins as a message might.
    """
    line_start = text.rfind("\n", 0, offset) + 1
    for match in _PLACEHOLDER.finditer(text, max(line_start, offset - _LONGEST), offset + _LONGEST):
        if match.start() > offset + 1:
            return None
        if match.end() > offset:
            return match
    return None


def is_statement(match: Match[str]) -> bool:
    """Whether this is ``{% ... %}`` or ``{# ... #}``, which stand for no value."""
    return match.group().startswith(("{%", "{#"))


def statement_end(match: Match[str]) -> int:
    """The end of a statement; of ``{% else %}`` the end of its ``{% endif %}``, so that one branch remains."""
    whole = _OTHER_BRANCHES.match(match.string, match.start()) or _COMMA.match(match.string, match.start())
    return whole.end() if whole else match.end()
