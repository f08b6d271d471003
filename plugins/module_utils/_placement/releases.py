# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What each release of Triton asks of a GPU and of its driver.

The lowest compute capability that a server uses is that of triton core's build: 6.0 up to 24.10, 7.5 from 24.11 on
(core: CMakeLists.txt, TRITON_MIN_COMPUTE_CAPABILITY, branches r24.10 and r24.11). There is a doubt about the second:
server's build.py hands 6.0 over in every branch, while NVIDIA's release notes ask for 7.5 from 25.01 on. The options
table that a server logs at its start has the value in force, ``min_supported_compute_capability``.
"""

from __future__ import annotations

import re
from typing import Dict, NamedTuple, Optional, Tuple

from .._model_config.findings import ConfigError
from .._model_config.release import parse_release

Capability = Tuple[int, int]
Version = Tuple[int, ...]

# Below this, no release that is known uses a GPU.
LOWEST_CAPABILITY: Capability = (6, 0)
HIGHER_CAPABILITY: Capability = (7, 5)
_HIGHER_SINCE = (24, 11)


class Release(NamedTuple):
    """One release.

    Attributes:
        name: ``YY.MM``.
        server: the version that the server says it has.
        cuda: the CUDA version in its image; the major one alone where no more is known, empty where nothing is.
        driver: the driver that comes with that CUDA, or that the release notes ask for; empty where none is known.
        source: where CUDA and driver are from, see `_SOURCES`.
    """

    name: str
    server: str
    cuda: str
    driver: str
    source: str

    @property
    def min_compute_capability(self) -> Capability:
        return HIGHER_CAPABILITY if parse_release(self.name) >= _HIGHER_SINCE else LOWEST_CAPABILITY

    @property
    def cuda_major(self) -> Optional[int]:
        return int(self.cuda.partition(".")[0]) if self.cuda else None

    @property
    def compat_branches(self) -> Tuple[int, ...]:
        """The driver branches that its compatibility package bridges; empty where no source says."""
        return _COMPAT_BRANCHES.get(self.driver, ())

    @property
    def told_by(self) -> str:
        """The source in words."""
        return _SOURCES[self.source]


_SOURCES = {
    "notes": "NVIDIA's release notes of that Triton",
    "frameworks": "NVIDIA's release notes of the framework containers of that month, which share its base",
    "matrix": "Triton's compatibility matrix (server: docs/introduction/compatibility.md)",
    "beside": "the releases beside it, as far as they agree",
}

# Release, server version (server: TRITON_VERSION in each release branch), CUDA, driver, and where these two are from.
# The notes are about the image py3, the matrix about vllm, whose base py3 shares. The image of TensorRT-LLM can have an
# older CUDA. What the notes from 24.11 on say of drivers is left out: they ask for 575 where CUDA 13 needs 580, and
# list branches that the compatibility packages in the images themselves do not accept.
_RELEASES = """
21.06 2.11.0 11.3.1 465.19.01 frameworks
21.07 2.12.0 11 - beside
21.08 2.13.0 11 - beside
21.09 2.14.0 11.4.2 470 frameworks
21.10 2.15.0 11 - beside
21.11 2.16.0 11 - beside
21.12 2.17.0 11.5.0 495 notes
22.01 2.18.0 11.6.0 510 notes
22.02 2.19.0 11.6 510 beside
22.03 2.20.0 11.6.1 510 notes
22.04 2.21.0 11 - beside
22.05 2.22.0 11.7 515 notes
22.06 2.23.0 11.7.1 515 notes
22.07 2.24.0 11 - beside
22.08 2.25.0 11 - beside
22.09 2.26.0 11 - beside
22.10 2.27.0 11.8.0 520 notes
22.11 2.28.0 11.8.0 520 beside
22.12 2.29.0 11.8.0 520 notes
23.01 2.30.0 - - beside
23.02 2.31.0 - - beside
23.03 2.32.0 - - beside
23.04 2.33.0 12.1.0 530 notes
23.05 2.34.0 12 - beside
23.06 2.35.0 12 - beside
23.07 2.36.0 12.1.1 530 notes
23.08 2.37.0 12.2.1 535 notes
23.09 2.38.0 12 - beside
23.10 2.39.0 12 - beside
23.11 2.40.0 12 - beside
23.12 2.41.0 12.3.2 545 notes
24.01 2.42.0 12 - beside
24.02 2.43.0 12 - beside
24.03 2.44.0 12.3 545 notes
24.04 2.45.0 12.4.1 550.54.15 matrix
24.05 2.46.0 12.4.1 550.54.15 matrix
24.06 2.47.0 12.5.0 555.42.02 matrix
24.07 2.48.0 12.5.1 555.42.06 matrix
24.08 2.49.0 12.6.0 560.35.03 matrix
24.09 2.50.0 12.6.1 560.35.03 matrix
24.10 2.51.0 12.6.2 560.35.03 matrix
24.11 2.52.0 12.6.3 560.35.05 matrix
24.12 2.53.0 12.6.3 560.35.05 matrix
25.01 2.54.0 12.8.0 570.86.10 matrix
25.02 2.55.0 12.8.0 570.86.10 matrix
25.03 2.56.0 12.8.1 570.124.06 matrix
25.04 2.57.0 12.9.0 575.51.02 matrix
25.05 2.58.0 12.9.0 575.51.03 matrix
25.06 2.59.0 12.9.0 575.51.03 matrix
25.07 2.59.1 12.9.0 575.51.03 matrix
25.08 2.60.0 13.0.1 580.82.07 matrix
25.09 2.61.0 13.0.1 580.82.07 matrix
25.10 2.62.0 13.0.2 580.95.05 matrix
25.11 2.63.0 13.0.2 580.95.05 matrix
25.12 2.64.0 13.1.0 590.44.01 matrix
26.01 2.65.0 13.1.1 590.48.01 matrix
26.02 2.66.0 13.1.1 590.48.01 matrix
26.03 2.67.0 13.2.0 595.45.04 matrix
26.04 2.68.0 13.2.1 595.58.03 matrix
26.05 2.69.0 13.2.1 595.58.03 matrix
26.06 2.70.0 13.3.0 610.43.02 matrix
26.07 2.71.0 13.3.0 610.43.02 matrix
26.08 2.72.0 13 - beside
"""

# The oldest driver that a CUDA of this major version works with at all, without a compatibility package
# (NVIDIA, CUDA Compatibility, minor version compatibility).
MIN_DRIVERS = {11: "450.80.02", 12: "525", 13: "580"}

# Driver -> the branches that NVIDIA's compatibility package of that driver bridges: the note that its libcuda carries
# (section .note.cuda.fwd_compatibility).
_COMPAT_BRANCHES: Dict[str, Tuple[int, ...]] = {
    "575.57.08": (535, 550, 560, 565, 570, 575),
    "590.44.01": (535, 550, 570, 575, 580, 590),
}


def _load() -> Tuple[Release, ...]:
    rows = (line.split() for line in _RELEASES.strip().splitlines())
    return tuple(Release(*("" if word == "-" else word for word in row)) for row in rows)


RELEASES = _load()


def find_release(name: str) -> Release:
    """The release of this name. One that is newer than the table has the newest row's properties.

    Raises:
        ConfigError: the name is no release, or one from before the table begins.
    """
    wanted = parse_release(name)
    oldest, newest = RELEASES[0], RELEASES[-1]
    if wanted < parse_release(oldest.name):
        raise ConfigError([f"{name} is too old to be known here. The oldest release that is known is {oldest.name}."])
    by_name = {release.name: release for release in RELEASES}
    return by_name.get(name, newest)


def release_of_server(version: str) -> Optional[Release]:
    """The release of a server that calls itself by this version, None where none is known to."""
    return next((release for release in RELEASES if release.server == version), None)


def parse_driver(text: str) -> Optional[Version]:
    """``550.54.15`` as numbers to compare by, None for what is no version."""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9}){0,9}", text):
        return None
    return tuple(map(int, text.split(".")))
