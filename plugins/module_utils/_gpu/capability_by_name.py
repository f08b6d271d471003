# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Compute capabilities of GPUs by their names, for drivers that do not tell: nvidia-smi of R470 cannot."""

from __future__ import annotations

import re
from typing import Optional, Tuple

# Source: NVIDIA, developer.nvidia.com/cuda-gpus. A name counts where it stands in the GPU's name as a word.
_BY_NAME = """
6.0  P100
6.1  P40 P4
7.0  V100 V100S
7.2  Xavier
7.5  T4 T4G T1000 T400
8.0  A100 A30
8.6  A40 A10 A10G A16 A2 A2000 A4000 A4500 A5000 A5500 A6000
8.7  Orin
8.9  L4 L40 L40S L40G
9.0  H100 H200 H800 H20 GH200
10.0 B200 GB200
10.3 B300 GB300
11.0 Thor
12.1 GB10
"""

_WORDS = {
    name: (int(capability.partition(".")[0]), int(capability.partition(".")[2]))
    for capability, *names in map(str.split, _BY_NAME.strip().splitlines())
    for name in names
}


def capability_by_name(name: str) -> Optional[Tuple[int, int]]:
    """The compute capability of ``NVIDIA A100-SXM4-80GB``; None where the name is not known, or means several."""
    found = {_WORDS[word] for word in re.findall("[A-Za-z0-9]+", name) if word in _WORDS}
    return found.pop() if len(found) == 1 and "Ada" not in name else None
