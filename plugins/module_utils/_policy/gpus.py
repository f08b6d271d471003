# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The GPUs that a server sees, in the order in which it numbers them."""

from __future__ import annotations

from typing import NamedTuple, Optional, Tuple


class Gpu(NamedTuple):
    """One device.

    Attributes:
        ordinal: the number by which ``gpus`` of an instance group names it: the CUDA ordinal in the server's process.
        uuid: ``GPU-...``, or ``MIG-...`` for a part of one; empty where it is not known.
        memory_mib: total memory in MiB, None where it is not known or shared with the host.
        compute_capability: (major, minor), None where it is not known.
    """

    ordinal: int
    name: str = ""
    uuid: str = ""
    memory_mib: Optional[int] = None
    compute_capability: Optional[Tuple[int, int]] = None


class VisibleGpus(NamedTuple):
    """What a server on a host sees.

    Attributes:
        gpus: the devices, by ordinal.
        hidden: one sentence for each device of the host that the server cannot use, or for why there is none at all:
            ``GPU 1 (0000:41:00.0, Tesla V100) is lost``.
        driver_version: of the NVIDIA driver (``550.54.15``), empty where it is not known or there is none.
        source: where this was learned, for messages: ``the gpus of the task``, ``nvidia-smi of this host``.
    """

    gpus: Tuple[Gpu, ...]
    hidden: Tuple[str, ...] = ()
    driver_version: str = ""
    source: str = ""
