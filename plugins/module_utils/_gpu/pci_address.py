# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""PCI addresses, which every source writes in a way of its own."""

from __future__ import annotations

import re
from typing import Optional

ADDRESS = re.compile(r"([0-9a-f]{4,8}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])", re.IGNORECASE)


def address_in(text: str) -> Optional[str]:
    """The first PCI address in a text, as the kernel writes it: ``0000:0a:00.0`` for ``00000000:0A:00.0``."""
    match = ADDRESS.search(text)
    if match is None:
        return None
    domain, bus, device, function = (int(part, 16) for part in match.groups())
    return f"{domain:04x}:{bus:02x}:{device:02x}.{function}"
