# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What can be learned of a server from its image, its log and its process."""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

from .._placement.installation import CompatNote, Installation, ServerOptions
from .._policy.gpus import parse_compute_capability
from .compat_note import read_compat_note
from .evidence import ServerProcess
from .server_log import read_server_log

_OPTION = "min-supported-compute-capability"


def read_installation(
    cuda_compat: Optional[str] = None, server_log: Optional[str] = None, servers: Sequence[ServerProcess] = ()
) -> Installation:
    """All that two files of the host and its servers say.

    Args:
        cuda_compat: path of the libcuda of a compatibility package, or of a folder that has one.
        server_log: path of a server's log.
        servers: those that run.

    Raises:
        ConfigError: a file that is named cannot be read, or holds nonsense.
    """
    compat: Optional[CompatNote] = None
    logged: Optional[ServerOptions] = None
    warnings: List[str] = []
    if cuda_compat is not None:
        compat, told = read_compat_note(cuda_compat)
        warnings += told
    if server_log is not None:
        logged, told = read_server_log(server_log)
        warnings += told
    return Installation(compat, logged, running_options(servers), tuple(warnings))


def running_options(servers: Sequence[ServerProcess]) -> Tuple[ServerOptions, ...]:
    """What the command lines of running servers say, one entry for each server."""
    options = []
    for server in servers:
        given = server.options.get(_OPTION)  # where an option is repeated, the last one counts
        capability = parse_compute_capability(given[-1]) if given else None
        options.append(ServerOptions(f"tritonserver (process {server.pid})", capability))
    return tuple(options)
