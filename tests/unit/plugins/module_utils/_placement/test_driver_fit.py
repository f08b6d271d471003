# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a driver is enough for the CUDA of a Triton."""

from __future__ import annotations

import json

import pytest
from ansible_collections.inference.triton.plugins.module_utils._placement.driver_fit import driver_fit
from ansible_collections.inference.triton.plugins.module_utils._placement.installation import CompatNote
from ansible_collections.inference.triton.plugins.module_utils._placement.releases import find_release
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import Gpu

NOTE = CompatNote("/compat/libcuda.so.590.48.01", "13.1", (535, 550, 570, 575, 580, 590), "590.48.01")
A100 = (Gpu(0, "NVIDIA A100-SXM4-80GB"),)


def fit(driver, release="26.01", compat=None, gpus=A100):
    return driver_fit(driver, release and find_release(release), compat, gpus)


@pytest.mark.parametrize(
    ("driver", "release", "expected"),
    [
        ("590.48.01", "26.01", "bundled"),
        ("610.43.02", "26.01", "bundled"),
        ("590.44.01", "26.01", "minor_version"),
        ("580.65.06", "26.01", "minor_version"),
        ("575.57.08", "26.01", "too_old"),
        ("560.35.03", "24.10", "bundled"),
        ("525.60.13", "24.10", "minor_version"),
        ("520.61.05", "24.10", "too_old"),
        ("450.80.02", "22.12", "minor_version"),
        ("450.51.06", "22.12", "too_old"),
        ("999.1", "21.06", "bundled"),
        ("580.95.05", "23.05", "bundled"),
        ("535.104.05", "23.05", "minor_version"),
        ("470.57.02", "23.05", "too_old"),
        ("470.57.02", "23.02", "unknown"),
        ("", "26.01", "unknown"),
        ("latest", "26.01", "unknown"),
        ("580.95.05", None, "unknown"),
    ],
)
def test_by_the_table_alone(driver, release, expected):
    assert fit(driver, release).fit == expected


@pytest.mark.parametrize(
    ("driver", "expected"),
    [
        ("535.274.02", "forward_compatibility"),
        ("550.54.15", "forward_compatibility"),
        ("575.57.08", "forward_compatibility"),
        ("545.23.08", "too_old"),
        ("560.35.03", "too_old"),
        ("470.57.02", "too_old"),
        ("580.65.06", "minor_version"),
        ("590.48.01", "bundled"),
        ("", "unknown"),
    ],
)
@pytest.mark.parametrize("release", ["26.01", None])
def test_by_the_note_of_the_package(driver, release, expected):
    assert fit(driver, release, NOTE).fit == expected


def test_the_note_is_believed_before_the_table():
    """The image of TensorRT-LLM of that month has an older CUDA than the others."""
    note = CompatNote("/compat/libcuda.so.575.57.08", "12.9", (535, 550), "575.57.08")
    assert fit("535.104.05", "25.10").fit == "too_old"
    found = fit("535.104.05", "25.10", note)
    assert (found.fit, found.cuda, found.bundled, found.source) == (
        "minor_version",
        "12.9",
        "575.57.08",
        "/compat/libcuda.so.575.57.08",
    )


def test_the_table_knows_the_note_of_a_few_releases():
    found = fit("535.104.05", "25.12")
    assert found.fit == "forward_compatibility"
    assert "the compatibility package of driver 590.44.01 in its image" in found.text
    assert fit("560.35.03", "25.12").fit == "too_old"


@pytest.mark.parametrize(
    ("gpu", "expected"),
    [
        (Gpu(0, "Tesla T4"), "forward_compatibility"),
        (Gpu(0, "NVIDIA H100 80GB HBM3", brand="nvidia"), "forward_compatibility"),
        (Gpu(0, "NVIDIA L40S"), "forward_compatibility"),
        (Gpu(0), "forward_compatibility"),
        (Gpu(0, "NVIDIA GeForce RTX 4090"), "too_old"),
        (Gpu(0, "GeForce GTX 1660 Ti"), "too_old"),
        (Gpu(0, "Quadro P2000"), "too_old"),
        (Gpu(0, "NVIDIA RTX 4000 SFF Ada Generation"), "too_old"),
        (Gpu(0, "TITAN V"), "too_old"),
        (Gpu(0, "Graphics Device", brand="GeForce"), "too_old"),
        (Gpu(0, "NVIDIA T1000", brand="nvidia_rtx"), "too_old"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name or "unnamed",
)
def test_forward_compatibility_is_for_data_centre_gpus(gpu, expected):
    assert fit("535.104.05", compat=NOTE, gpus=(gpu,)).fit == expected


def test_one_gpu_of_another_kind_is_enough_to_refuse_and_is_named():
    found = fit("535.104.05", compat=NOTE, gpus=(*A100, Gpu(1, "NVIDIA GeForce RTX 4090")))
    assert found.fit == "too_old"
    assert found.text.endswith("bridges R535 on data-centre GPUs only, not on GPU 1 (NVIDIA GeForce RTX 4090)")


def test_a_note_without_branches_bridges_every_driver():
    assert fit("540.4.0", None, NOTE._replace(branches=())).fit == "forward_compatibility"


def test_a_cuda_of_a_major_version_that_is_not_known_yet():
    note = CompatNote("/compat/libcuda.so.700.10", "14.0", (590, 610), "700.10")
    assert fit("700.10", None, note).fit == "bundled"
    assert fit("610.43.02", None, note).fit == "forward_compatibility"
    assert fit("580.95.05", None, note).fit == "too_old"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("590.48.01",), "driver 590.48.01 is new enough for all of CUDA 13.1.1 of Triton 26.01"),
        (
            ("580.65.06",),
            "driver 580.65.06 works with CUDA 13.1.1 of Triton 26.01, though 590.48.01 comes with it: any from 580 on "
            "does (minor version compatibility), except for what is compiled from PTX when it starts",
        ),
        (
            ("535.104.05", "26.01", NOTE),
            "driver 535.104.05 is older than 580, the oldest for CUDA 13.1 of Triton 26.01, and only the compatibility "
            "package /compat/libcuda.so.590.48.01 bridges that, on data-centre GPUs",
        ),
        (
            ("535.104.05",),
            "driver 535.104.05 is older than 580, the oldest for CUDA 13.1.1 of Triton 26.01 (on a data-centre GPU the "
            "compatibility package in NVIDIA's container may bridge that: give cuda_compat, the path of its libcuda, "
            "to know)",
        ),
        (
            ("560.35.03", None, NOTE),
            "driver 560.35.03 is older than 580, the oldest for CUDA 13.1 of /compat/libcuda.so.590.48.01, and the "
            "compatibility package /compat/libcuda.so.590.48.01 bridges R535, R550, R570, R575, R580 and R590 only",
        ),
        (
            ("",),
            "the version of the driver is not known, so that it cannot be told whether CUDA 13.1.1 of Triton 26.01 "
            "works with it",
        ),
        (
            ("latest", None),
            "'latest' is no version of a driver, so that it cannot be told whether Triton works with it",
        ),
        (("580.95.05", None), "which CUDA the server has is not known: give triton_release, or cuda_compat"),
        (
            ("470.57.02", "23.02"),
            "which CUDA Triton 23.02 has is not known: give cuda_compat, the path of the libcuda in its image",
        ),
    ],
    ids=["bundled", "minor", "forward", "no note", "other branch", "no driver", "no version", "nothing", "no cuda"],
)
def test_each_decision_says_why(arguments, text):
    assert fit(*arguments).text == text


def test_the_result_is_plain_data():
    result = json.loads(json.dumps(fit("535.104.05", compat=NOTE).as_result()))
    text = result.pop("text")
    assert text.startswith("driver 535.104.05")
    assert result == {
        "fit": "forward_compatibility",
        "driver_version": "535.104.05",
        "cuda": "13.1",
        "bundled_driver": "590.48.01",
        "oldest_driver": "580",
        "compat_branches": [535, 550, 570, 575, 580, 590],
        "source": "/compat/libcuda.so.590.48.01",
    }
    assert fit("", None).as_result()["cuda"] is None
