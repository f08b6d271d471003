# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The options in force that a server logs at its start.

The table has a row for each option (triton core: src/tritonserver.cc, TRITONSERVER_ServerNew):

    | server_version                   | 2.51.0 |
    | min_supported_compute_capability | 6.0    |

What a container engine or journald puts before, behind or around a line does not matter.
"""

from __future__ import annotations

import re
from typing import List, Optional, Tuple

from .._placement.installation import ServerOptions
from .._policy.gpus import parse_compute_capability
from .regular_file import RegularFile

_MINIMUM = re.compile(rb"\|[ \t]*min_supported_compute_capability[ \t]*\|[ \t]*([0-9]{1,3}(?:\.[0-9])?)0*[ \t]*\|")
_VERSION = re.compile(rb"\|[ \t]*server_version[ \t]*\|[ \t]*([0-9]{1,4}(?:\.[0-9]{1,4}){1,3})[^ |]*[ \t]*\|")
_CHUNK = 2**22  # a table with thousands of models to load at the start has about a megabyte
_LONGEST_ROW = 2**16
_LIMIT = 2**28  # of what is read, from the end on


def read_server_log(path: str) -> Tuple[Optional[ServerOptions], List[str]]:
    """The options at the last start in a log, None where it has no such table, and what a reader should know.

    Raises:
        ConfigError: the log cannot be read.
    """
    with RegularFile.open("server_log", path) as file:
        found = _last_minimum(file)
        if found is not None:
            value, place = found
            before = file.read(max(0, place - _CHUNK), min(place, _CHUNK))
            version = (_VERSION.findall(before) or [b""])[-1].decode("ascii")
            return ServerOptions(path, parse_compute_capability(value), version), []
    where = f"in its last {_LIMIT // 2**20} MiB" if file.size > _LIMIT else "in it"
    return None, [
        f"server_log: {path} has no table of options {where}. A server logs it when it has started, unless it runs "
        "with --log-info=false; a log that was rotated since does not have it. What is documented of its release "
        "counts."
    ]


def _last_minimum(file: RegularFile) -> Optional[Tuple[str, int]]:
    """The value in the last row of its kind, and where that row begins."""
    end = file.size
    while end > max(0, file.size - _LIMIT):
        start = max(0, end - _CHUNK)
        rows = list(_MINIMUM.finditer(file.read(start, end - start + _LONGEST_ROW)))
        if rows:
            return rows[-1].group(1).decode("ascii"), start + rows[-1].start()
        end = start
    return None
