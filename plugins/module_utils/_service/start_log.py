# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What a server's log says of its models while its ports are still closed, and of those that its index hides.

Source: core:src/model_repository_manager/model_lifecycle.cc and model_repository_manager.cc, server:src/*_server.cc;
seen from tritonserver 2.51.0. Older releases have no quotes around a message.
"""

from __future__ import annotations

import re
from typing import Dict, Iterable, List, NamedTuple

_LOADING = re.compile(r"model_lifecycle\.cc:\d+\] \"?loading: (.+):\d+\"?$")
_LOADED = re.compile(r"model_lifecycle\.cc:\d+\] \"?successfully loaded '(.+?)'")
_REFUSED = (
    re.compile(r"\] \"?failed to load '(.+?)' version \d+: (.*?)\"?$"),
    re.compile(r"\] \"?failed to load model '(.+?)': (.*?)\"?$"),
    re.compile(r"\] \"?Poll failed for model directory '(.+?)': (.*?)\"?$"),
)
_OPEN = re.compile(r"\] \"?Started (?:GRPCInferenceService|HTTPService) at ")


class StartLog(NamedTuple):
    """The models of one run, by name, in the order in which they appear.

    Attributes:
        loading: neither loaded nor refused so far.
        loaded: loaded in this run. What became of them later is not followed.
        refused: why they were not loaded.
        is_open: whether the server takes requests, which it does after it has loaded or refused every model.
    """

    loading: List[str]
    loaded: List[str]
    refused: Dict[str, str]
    is_open: bool


def read(lines: Iterable[str]) -> StartLog:
    """Read the log of one run of the server, from its first line."""
    state: Dict[str, str] = {}
    refused: Dict[str, str] = {}
    is_open = False
    for line in lines:
        loading, loaded = _LOADING.search(line), _LOADED.search(line)
        if loading:
            state[loading.group(1)] = "loading"
        elif loaded:
            state[loaded.group(1)] = "loaded"
            refused.pop(loaded.group(1), None)
        elif _OPEN.search(line):
            is_open = True
        else:
            for pattern in _REFUSED:
                match = pattern.search(line)
                if match:
                    state[match.group(1)] = "refused"
                    refused[match.group(1)] = match.group(2)
    names = {kind: [name for name, its in state.items() if its == kind] for kind in ("loading", "loaded")}
    return StartLog(names["loading"], names["loaded"], refused, is_open)
