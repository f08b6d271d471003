# SPDX-License-Identifier: GPL-3.0-or-later
"""Compute capabilities of GPUs whose driver does not tell."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu.capability_by_name import capability_by_name


@pytest.mark.parametrize(
    ("name", "capability"),
    [
        ("NVIDIA A100-SXM4-80GB", (8, 0)),
        ("NVIDIA H100 80GB HBM3", (9, 0)),
        ("Tesla T4", (7, 5)),
        ("Tesla V100-SXM2-16GB", (7, 0)),
        ("NVIDIA L40S", (8, 9)),
        ("NVIDIA GB200", (10, 0)),
        ("Orin (nvgpu)", (8, 7)),
        ("NVIDIA RTX A6000", (8, 6)),
        ("NVIDIA RTX A4000 Ada", None),
        ("NVIDIA RTX 6000 Ada Generation", None),
        ("NVIDIA A1000", None),
        ("A100 and T4", None),
        ("", None),
    ],
)
def test_a_name_is_known_as_a_whole_word_or_not_at_all(name, capability):
    assert capability_by_name(name) == capability
