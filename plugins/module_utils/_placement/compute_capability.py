# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Which compute capabilities a server uses, and which its CUDA has code for.

A server drops what is below its minimum (triton core: src/cuda_utils.cc, GetSupportedGPUs), and nothing else: to the
core a GPU counts that its CUDA does not know, and it is a backend that fails on it, or compiles for it first.
"""

from __future__ import annotations

from typing import Dict, Optional

from .releases import Capability, parse_driver

# The first CUDA that compiles for a compute capability (NVIDIA, release notes of these versions of the CUDA toolkit).
FIRST_CUDA: Dict[Capability, str] = {
    (8, 0): "11.0",
    (8, 6): "11.1",
    (8, 7): "11.4",
    (8, 9): "11.8",
    (9, 0): "11.8",
    (10, 0): "12.8",
    (12, 0): "12.8",
    (10, 3): "12.9",
    (12, 1): "12.9",
    (11, 0): "13.0",
}

# The lowest compute capability that CUDA from this major version on compiles for (CUDA 13.0 release notes: Maxwell,
# Pascal and Volta are gone). Older ones go below what any Triton uses.
_LOWEST_OF_CUDA: Dict[int, Capability] = {13: (7, 5)}


def capability_text(capability: Capability) -> str:
    return "{}.{}".format(*capability)


def below(capability: Capability, minimum: Capability, whose: str) -> str:
    """What is the matter with a GPU that a server drops, as the rest of a sentence that begins with the GPU."""
    return f"has compute capability {capability_text(capability)}, below the minimum {capability_text(minimum)} {whose}"


def too_new(capability: Optional[Capability], cuda: str, whose: str) -> str:
    """What is the matter with a GPU that is newer than the CUDA of a server, likewise; empty where nothing is.

    Args:
        cuda: ``12.6.2``, or as much of it as is known: nothing is said where it might be new enough.
        whose: ``CUDA 12.6.2 of Triton 24.10``.
    """
    first = FIRST_CUDA.get(capability) if capability else None
    if first is None or capability is None or not _surely_older(cuda, first):
        return ""
    return (
        f"has compute capability {capability_text(capability)}, which {whose} does not know (the first to know it is "
        f"CUDA {first}): {_consequence(capability, cuda)}"
    )


def given_up(capability: Optional[Capability], cuda: str, whose: str) -> str:
    """What is the matter with a GPU that the CUDA of a server has given up; empty where nothing is."""
    lowest = _lowest_of(cuda)
    if capability is None or lowest is None or capability >= lowest:
        return ""
    return (
        f"has compute capability {capability_text(capability)}, for which {whose} has no code any more (it begins at "
        f"{capability_text(lowest)}): a server that is told to use it starts, and its backends fail on it"
    )


def _consequence(capability: Capability, cuda: str) -> str:
    """Code for one compute capability runs on later ones of the same major version (CUDA C++ programming guide)."""
    related = [
        other for other in FIRST_CUDA if other[0] == capability[0] and not _surely_older(cuda, FIRST_CUDA[other])
    ]
    if related:
        return f"it runs what was built for {capability_text(min(related))}, if a backend was"
    return "a backend without code for it compiles at first use, or fails"


def _surely_older(cuda: str, first: str) -> bool:
    have, need = parse_driver(cuda), parse_driver(first)
    if not have or not need:
        return False
    known = min(len(have), len(need))
    return have[:known] < need[:known]


def _lowest_of(cuda: str) -> Optional[Capability]:
    have = parse_driver(cuda)
    return max((lowest for major, lowest in _LOWEST_OF_CUDA.items() if have and have[0] >= major), default=None)
