# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Text for systemd's files that systemd reads back as what was meant.

Source: systemd.syntax(7) "Quoting", systemd.service(5) "Command lines", systemd.exec(5) "EnvironmentFile".
"""

from __future__ import annotations

import re

from .errors import ServiceError

_PLAIN = re.compile(r"[A-Za-z0-9_@+=:,./*-]+\Z")


def word(text: str) -> str:
    """One word of ``ExecStart=``: no specifier and no variable in it is expanded."""
    return _quoted(text.replace("%", "%%").replace("$", "$$"), text)


def assignment(name: str, value: str) -> str:
    """One assignment of ``Environment=``: no specifier in it is expanded."""
    text = f"{name}={value}"
    return _quoted(text.replace("%", "%%"), text)


def file_line(name: str, value: str) -> str:
    """One line of a file for ``EnvironmentFile=``, where nothing is expanded."""
    _check(value)
    escaped = re.sub(r'(["\\$`])', r"\\\1", value)
    return f'{name}="{escaped}"'


def _quoted(escaped: str, text: str) -> str:
    _check(text)
    if _PLAIN.match(escaped):
        return escaped
    return '"' + escaped.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'


def _check(text: str) -> None:
    if any(character in text for character in "\0\n\r"):
        raise ServiceError("A value for systemd has a line break or a NUL in it.")
