# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The GPUs of this host as a server sees them, for whoever places models on them."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence

from .._policy.gpus import VisibleGpus, parse_gpus

SOURCE = "the GPUs of this host"


def detect(
    cuda_visible_devices: Optional[str] = None, root: str = "/", command: Sequence[str] = (), seconds: float = 30
) -> VisibleGpus:
    """What a server on this host sees.

    Nothing that is wrong with the host raises: where a GPU is not usable, ``hidden`` says why.

    Args:
        cuda_visible_devices: the variable in the environment of the server; None where it is not set.
        root: of the file system; tests have one of their own.
        command: nvidia-smi, where it is not to be looked for.
        seconds: how long everything may take in all.
    """
    # Here, as a task that gives its GPUs is not to pay for compiling all that finds them.
    from .diagnosis import diagnose
    from .facts import visible_gpus
    from .probing import collect
    from .states import Wanted

    evidence = collect(root, seconds=seconds, command=command)
    return visible_gpus(diagnose(evidence, Wanted(cuda_visible_devices=cuda_visible_devices)), SOURCE)


def given_or_detected(
    gpus: Optional[Sequence[Mapping[str, Any]]], cuda_visible_devices: Optional[str], driver_version: Optional[str]
) -> VisibleGpus:
    """What a server sees of the GPUs that a task gives, or of those of this host where it gives none.

    Args:
        driver_version: instead of the one that is detected; None where the task does not say.

    Raises:
        ConfigError: with every mistake in ``gpus``.
    """
    if gpus is not None:
        return parse_gpus(gpus, cuda_visible_devices, driver_version or "")
    visible = detect(cuda_visible_devices)
    return visible if driver_version is None else visible._replace(driver_version=driver_version)
