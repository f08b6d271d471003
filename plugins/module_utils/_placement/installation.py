# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What an image, an installation or a running server says of itself. It is exact where the table of releases is not."""

from __future__ import annotations

from typing import NamedTuple, Optional, Tuple

from .releases import Capability


class CompatNote(NamedTuple):
    """What the libcuda of NVIDIA's compatibility package (cuda-compat) says of itself.

    Attributes:
        path: where it lies; empty where it is known from the table of releases.
        cuda: ``13.1``.
        branches: the branches of the drivers on which it runs; empty where it names none, as on a Jetson.
        driver: the driver that it comes from, by the name of its file; empty where that does not say.
        text: the note itself, verbatim.
    """

    path: str
    cuda: str
    branches: Tuple[int, ...] = ()
    driver: str = ""
    text: str = ""


class ServerOptions(NamedTuple):
    """What a server runs with.

    Attributes:
        source: where that is from, for messages: ``/var/log/tritonserver.log``, ``tritonserver (process 4711)``.
        min_compute_capability: the lowest that it uses; None where nothing is said of it.
        version: what the server calls itself, ``2.51.0``; empty where that is not known.
    """

    source: str
    min_compute_capability: Optional[Capability] = None
    version: str = ""


class Installation(NamedTuple):
    """All of it.

    Attributes:
        logged: from the server's log, at its last start.
        running: of the servers that run on the host, by their command lines.
        warnings: what could not be learned, and why.
    """

    compat: Optional[CompatNote] = None
    logged: Optional[ServerOptions] = None
    running: Tuple[ServerOptions, ...] = ()
    warnings: Tuple[str, ...] = ()


NOTHING_KNOWN = Installation()
