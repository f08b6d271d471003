# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The lowest compute capability that a server uses, by the best that is known of it."""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Sequence, Tuple

from .._model_config.findings import ConfigError
from .._policy.gpus import parse_compute_capability
from .compute_capability import capability_text
from .installation import Installation, ServerOptions
from .releases import LOWEST_CAPABILITY, Capability, find_release, release_of_server

# What decides, the best first.
GIVEN, BY_SERVER, BY_RELEASE, ANY_RELEASE = "given", "by_server", "by_release", "any_release"


class Minimum(NamedTuple):
    """The lowest compute capability that counts.

    Attributes:
        rank: what decided, one of the names above.
        source: where it is from: ``/var/log/tritonserver.log``, ``Triton 25.10``.
        warnings: about sources that did not count.
    """

    capability: Capability
    rank: str
    source: str
    warnings: Tuple[str, ...] = ()

    @property
    def whose(self) -> str:
        """Behind the number in a sentence: ``of Triton 25.10``."""
        return "that was given" if self.rank == GIVEN else f"of {self.source}"


def minimum_in_force(release: Optional[str], given: Optional[str], installation: Installation) -> Minimum:
    """The minimum that was given, else that of the server itself, else that of its release.

    Args:
        release: ``YY.MM`` of the server in question; that in ``installation`` may be an older one.
        given: ``--min-supported-compute-capability`` of the server in question.

    Raises:
        ConfigError: ``given`` or ``release`` is not what it should be.
    """
    row = None if release is None else find_release(release)
    if given is not None:
        capability = parse_compute_capability(given)
        if capability is None:
            raise ConfigError([f"min_supported_compute_capability: expected one like '7.5', found {given!r}."])
        return Minimum(capability, GIVEN, "the task")
    warnings: List[str] = []
    for options in (_of_log(release, installation.logged, warnings), _of_running(installation.running, warnings)):
        if options is not None and options.min_compute_capability is not None:
            return Minimum(options.min_compute_capability, BY_SERVER, options.source, tuple(warnings))
    if row is None and installation.logged is not None:
        row = release_of_server(installation.logged.version)
    if row is None:
        return Minimum(LOWEST_CAPABILITY, ANY_RELEASE, "every Triton that is known", tuple(warnings))
    return Minimum(row.min_compute_capability, BY_RELEASE, f"Triton {row.name}", tuple(warnings))


def _of_log(wanted: Optional[str], logged: Optional[ServerOptions], warnings: List[str]) -> Optional[ServerOptions]:
    """The log's word, unless it is that of another release than the one in question."""
    if wanted is None or logged is None or not logged.version:
        return logged
    own, row = release_of_server(logged.version), find_release(wanted)
    if (own is not None and own.name == wanted) or (own is None and row.name != wanted):
        return logged
    warnings.append(
        f"{logged.source} is the log of a Triton {logged.version}, which is not {wanted}: the minimum compute "
        "capability in it does not count."
    )
    return None


def _of_running(running: Sequence[ServerOptions], warnings: List[str]) -> Optional[ServerOptions]:
    """The word of the servers that run, as far as they agree: one without the option has its release's minimum."""
    said = [options for options in running if options.min_compute_capability is not None]
    if not said:
        return None
    if len({options.min_compute_capability for options in running}) == 1:
        return said[0]
    told = ", ".join(
        f"{options.source}: {capability_text(options.min_compute_capability)}"
        for options in said
        if options.min_compute_capability is not None
    )
    warnings.append(
        f"The servers that run here differ in --min-supported-compute-capability ({told}): none counts. "
        "Give min_supported_compute_capability for the one that is meant."
    )
    return None
