# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The options that a tritonserver names in its ``--help``: the exact answer to what it knows."""

from __future__ import annotations

import re
from typing import Dict

# An option stands alone on its line, with its kind of value; the prose below it stands behind a tabulator.
_OPTION = re.compile(r"^ *--([a-z0-9][a-z0-9-]*)(?: <(.+)>)?$", re.MULTILINE)
_KINDS = {"boolean": "bool", "integer": "int", "float": "float", "": "flag"}


def options_of(text: str) -> Dict[str, str]:
    """The kind of value (``bool``, ``int``, ``float``, ``str``; ``flag`` for none) by the name of the option.

    Source: server:src/command_line_parser.cc, FormatUsageMessage.
    """
    options = {name: _KINDS.get(kind, "str") for name, kind in _OPTION.findall(text)}
    options.pop("help", None)
    return options
