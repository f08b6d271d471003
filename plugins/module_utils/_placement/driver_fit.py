# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Whether the CUDA of a Triton works with a driver.

Source: NVIDIA, CUDA Compatibility. A driver runs what its own CUDA and all older ones made, and what any CUDA of the
same major version made (minor version compatibility). Across major versions it takes the compatibility package of the
newer CUDA, which knows the driver's branch, and a data-centre GPU (forward compatibility).
"""

from __future__ import annotations

import re
from typing import Any, Dict, NamedTuple, Optional, Sequence, Tuple

from .._policy.gpus import Gpu
from .installation import CompatNote
from .releases import MIN_DRIVERS, Release, Version, parse_driver

BUNDLED, MINOR_VERSION, FORWARD = "bundled", "minor_version", "forward_compatibility"
TOO_OLD, UNKNOWN = "too_old", "unknown"

# Brands and names of GPUs for which NVIDIA promises no forward compatibility. It promises it for data-centre GPUs, some
# RTX that are called NGC-ready, and Jetson; no list of these can be read from a host, so that CUDA has the last word:
# there it answers 804.
_NO_DATA_CENTRE = re.compile(r"geforce|gtx|quadro|rtx|titan", re.IGNORECASE)


class DriverFit(NamedTuple):
    """How a driver and a Triton get on.

    Attributes:
        fit: one of the names above.
        text: the same as a sentence without its end.
        driver: the version of the driver, empty where it is not known.
        cuda: the CUDA version of the Triton, as far as it is known; empty where it is not.
        bundled: the driver that comes with that CUDA, empty where none is known.
        oldest: the oldest driver that works with it without a compatibility package, empty where none is known.
        branches: those that the compatibility package bridges, empty where nothing is known of it.
        whose: ``CUDA 13.1 of Triton 25.12``, for messages.
        source: where the CUDA and its driver are from.
    """

    fit: str
    text: str
    driver: str = ""
    cuda: str = ""
    bundled: str = ""
    oldest: str = ""
    branches: Tuple[int, ...] = ()
    whose: str = ""
    source: str = ""

    def sentence(self) -> str:
        """The text as the beginning of a sentence."""
        return self.text[:1].upper() + self.text[1:]

    def as_result(self) -> Dict[str, Any]:
        """As a module returns it."""
        return {
            "fit": self.fit,
            "text": self.text,
            "driver_version": self.driver or None,
            "cuda": self.cuda or None,
            "bundled_driver": self.bundled or None,
            "oldest_driver": self.oldest or None,
            "compat_branches": list(self.branches),
            "source": self.source or None,
        }


def driver_fit(
    driver: str, release: Optional[Release], compat: Optional[CompatNote] = None, gpus: Sequence[Gpu] = ()
) -> DriverFit:
    """Whether a Triton works with a driver.

    Args:
        driver: its version, empty where it is not known.
        release: of the Triton, None where it is not known.
        compat: the note of the compatibility package in its image or installation, which is believed before the table.
        gpus: those that the Triton would see: forward compatibility depends on them.
    """
    needs = _needs(release, compat)
    have, major = parse_driver(driver), _major(needs.cuda)
    needs = needs._replace(driver=driver, oldest=MIN_DRIVERS.get(major or 0, ""))
    if not have:
        told = f"'{driver}' is no version of a driver" if driver else "the version of the driver is not known"
        return needs._replace(text=f"{told}, so that it cannot be told whether {needs.whose or 'Triton'} works with it")
    if major is None:
        return needs._replace(text=_no_cuda(release))
    if _surpasses(have, needs.bundled, major):
        return needs._replace(fit=BUNDLED, text=f"driver {driver} is new enough for all of {needs.whose}")
    oldest = parse_driver(needs.oldest)
    if oldest and have >= oldest:
        return needs._replace(fit=MINOR_VERSION, text=_minor_version(needs))
    note = compat or _of_table(release)
    if note is None and oldest is None:
        return needs._replace(text=f"which drivers work with {needs.whose} is not known")
    return _across_majors(needs, have, note, gpus)


def _needs(release: Optional[Release], compat: Optional[CompatNote]) -> DriverFit:
    """What is known of the Triton. The note tells all of it, or nothing: what it leaves open may be of another CUDA."""
    if compat is not None:
        whose = f"CUDA {compat.cuda} of {f'Triton {release.name}' if release else compat.path}"
        branches, bundled = compat.branches, compat.driver
        return DriverFit(UNKNOWN, "", "", compat.cuda, bundled, "", branches, whose, compat.path)
    if release is None or not release.cuda:
        return DriverFit(UNKNOWN, "")
    whose = f"CUDA {release.cuda} of Triton {release.name}"
    branches = release.compat_branches
    return DriverFit(UNKNOWN, "", "", release.cuda, release.driver, "", branches, whose, release.told_by)


def _major(cuda: str) -> Optional[int]:
    version = parse_driver(cuda)
    return version[0] if version else None


def _no_cuda(release: Optional[Release]) -> str:
    if release is None:
        return "which CUDA the server has is not known: give triton_release, or cuda_compat"
    return f"which CUDA Triton {release.name} has is not known: give cuda_compat, the path of the libcuda in its image"


def _surpasses(have: Version, bundled: str, major: int) -> bool:
    """Whether a driver brings this CUDA, or a newer one."""
    later = [parse_driver(driver) for other, driver in MIN_DRIVERS.items() if other > major]
    return any(version is not None and have >= version for version in [parse_driver(bundled), *later])


def _minor_version(needs: DriverFit) -> str:
    newer = f", though {needs.bundled} comes with it" if needs.bundled else ""
    return (
        f"driver {needs.driver} works with {needs.whose}{newer}: any from {needs.oldest} on does (minor version "
        "compatibility), except for what is compiled from PTX when it starts"
    )


def _of_table(release: Optional[Release]) -> Optional[CompatNote]:
    if release is None or not release.compat_branches:
        return None
    return CompatNote("", release.cuda, release.compat_branches, release.driver)


def _across_majors(needs: DriverFit, have: Version, note: Optional[CompatNote], gpus: Sequence[Gpu]) -> DriverFit:
    oldest = (
        f"older than {needs.oldest}, the oldest for {needs.whose}" if needs.oldest else f"not made for {needs.whose}"
    )
    short = f"driver {needs.driver} is {oldest}"
    if note is None:
        hint = (
            "on a data-centre GPU the compatibility package in NVIDIA's container may bridge that: give cuda_compat, "
            "the path of its libcuda, to know"
        )
        return needs._replace(fit=TOO_OLD, text=f"{short} ({hint})")
    package = f"the compatibility package {note.path or f'of driver {note.driver} in its image'}"
    if note.branches and have[0] not in note.branches:
        return needs._replace(fit=TOO_OLD, text=f"{short}, and {package} bridges {_list(note.branches)} only")
    refused = [gpu for gpu in gpus if is_never_bridged(f"{gpu.brand} {gpu.name}")]
    if refused:
        names = ", ".join(f"GPU {gpu.ordinal} ({gpu.name or gpu.brand})" for gpu in refused)
        text = f"{short}, and {package} bridges R{have[0]} on data-centre GPUs only, not on {names}"
        return needs._replace(fit=TOO_OLD, text=text)
    text = f"{short}, and only {package} bridges that, on data-centre GPUs"
    return needs._replace(fit=FORWARD, text=text)


def is_never_bridged(words: str) -> bool:
    """Whether a brand, a name, or both in one text, say that forward compatibility is not promised for this GPU."""
    return bool(_NO_DATA_CENTRE.search(words))


def _list(branches: Sequence[int]) -> str:
    names = [f"R{branch}" for branch in branches]
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
