# SPDX-License-Identifier: GPL-3.0-or-later
"""What a CUDA knows of compute capabilities."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._placement.compute_capability import (
    FIRST_CUDA,
    below,
    given_up,
    too_new,
)


def test_a_gpu_below_the_minimum_is_told_in_the_words_of_every_message():
    told = below((7, 0), (7, 5), "of Triton 25.10")
    assert told == "has compute capability 7.0, below the minimum 7.5 of Triton 25.10"


@pytest.mark.parametrize(
    ("capability", "cuda", "first"),
    [
        ((8, 9), "11.7.1", "11.8"),
        ((9, 0), "11.7.1", "11.8"),
        ((10, 0), "12.6.2", "12.8"),
        ((12, 0), "12.6", "12.8"),
        ((10, 3), "12.8.1", "12.9"),
        ((11, 0), "12.9.0", "13.0"),
        ((10, 0), "11", "12.8"),
        ((11, 0), "12", "13.0"),
    ],
)
def test_a_gpu_is_newer_than_a_cuda(capability, cuda, first):
    told = too_new(capability, cuda, f"CUDA {cuda}")
    assert told.startswith("has compute capability {}.{}, which CUDA {} ".format(*capability, cuda))
    assert f"(the first to know it is CUDA {first})" in told


@pytest.mark.parametrize(
    ("capability", "cuda"),
    [
        ((10, 0), "12.8.0"),
        ((10, 0), "13.0"),
        ((8, 6), "12"),
        ((10, 0), "12"),
        ((10, 0), ""),
        ((7, 5), "11.3.1"),
        (None, "11.3.1"),
        ((13, 0), "13.0"),
        ((10, 0), "new"),
    ],
)
def test_nothing_is_said_of_a_gpu_that_is_known_or_may_be(capability, cuda):
    assert too_new(capability, cuda, "CUDA") == ""


def test_code_for_a_sibling_runs():
    assert too_new((10, 3), "12.8.1", "CUDA 12.8.1").endswith("it runs what was built for 10.0, if a backend was")
    assert too_new((8, 9), "11.7.1", "CUDA 11.7.1").endswith("it runs what was built for 8.0, if a backend was")
    assert too_new((10, 3), "12.6", "CUDA 12.6").endswith("compiles at first use, or fails")


@pytest.mark.parametrize(
    ("capability", "cuda", "gone"),
    [
        ((7, 0), "13.0.2", True),
        ((7, 5), "13.0.2", False),
        ((7, 0), "12.9.0", False),
        ((6, 1), "14", True),
        (None, "13.0", False),
        ((7, 0), "", False),
    ],
)
def test_cuda_13_has_given_up_what_is_older_than_turing(capability, cuda, gone):
    assert bool(given_up(capability, cuda, f"CUDA {cuda}")) == gone


def test_what_is_known_later_is_no_older_hardware_of_its_kind():
    """Within one major version of the compute capability a higher one never came with an older CUDA."""
    for capability, cuda in FIRST_CUDA.items():
        lower = [other for other in FIRST_CUDA if other[0] == capability[0] and other < capability]
        versions = [tuple(map(int, FIRST_CUDA[other].split("."))) for other in lower]
        assert all(version <= tuple(map(int, cuda.split("."))) for version in versions)
