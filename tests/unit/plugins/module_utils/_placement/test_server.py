# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server makes of the GPUs of its host."""

from __future__ import annotations

import json

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config.findings import ConfigError
from ansible_collections.inference.triton.plugins.module_utils._placement.installation import (
    CompatNote,
    Installation,
    ServerOptions,
)
from ansible_collections.inference.triton.plugins.module_utils._placement.server import server_view
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import Gpu, VisibleGpus


def visible(*capabilities, **others):
    gpus = tuple(
        Gpu(ordinal, "Tesla V100" if capability == (7, 0) else "", "", None, capability)
        for ordinal, capability in enumerate(capabilities)
    )
    return VisibleGpus(gpus, **others)


def test_gpus_from_the_minimum_on_are_used_by_their_own_numbers():
    view = server_view(visible((6, 1), (7, 5), (10, 0)), min_compute_capability="7.5")
    assert view.ordinals() == [1, 2]
    assert view.left_out == ("GPU 0 has compute capability 6.1, below the minimum 7.5 that was given",)
    assert view.why_no_gpu is None


def test_a_release_drops_gpus_by_documentation():
    view = server_view(visible((7, 0)), "25.10")
    assert view.why_no_gpu.id == "compute_capability_too_low"
    text = "GPU 0 (Tesla V100) has compute capability 7.0, below the minimum 7.5 of Triton 25.10"
    assert view.why_no_gpu.text == text
    assert view.assumed
    assert "give server_log, or min_supported_compute_capability." in view.warnings[0]


@pytest.mark.parametrize(("minimum", "used"), [("6.0", [0]), ("8.0", [])])
def test_what_is_given_is_no_assumption(minimum, used):
    view = server_view(visible((7, 0)), "25.07", minimum)
    assert (view.ordinals(), view.assumed, view.warnings) == (used, False, ())


def test_without_a_release_only_what_none_uses_is_dropped_and_the_doubtful_are_named():
    view = server_view(visible((5, 2), (7, 0), (8, 0)))
    assert view.ordinals() == [1, 2]
    assert not view.assumed
    (warning,) = view.warnings
    assert warning.startswith("GPU 1 (Tesla V100) counts as usable, but Triton from 24.11 on may drop it.")


def test_a_gpu_of_which_nothing_is_known_counts():
    view = server_view(visible(None), "25.10")
    assert view.ordinals() == [0]
    assert view.warnings == ("The compute capability of GPU 0 is not known: it counts as usable.",)


@pytest.mark.parametrize(
    ("driver", "release", "too_old"),
    [
        ("575.57.08", "25.10", True),
        ("580.65.06", "25.10", False),
        ("525.60.13", "24.10", False),
        ("520.61.05", "24.10", True),
        ("450.80.02", "22.12", False),
        ("450.51.06", "22.12", True),
        ("470.57", "23.02", False),
        ("", "25.10", False),
        ("550.54.15", None, False),
    ],
)
def test_a_driver_is_too_old_by_the_cuda_of_the_release(driver, release, too_old):
    view = server_view(visible((8, 0), driver_version=driver), release)
    assert view.ordinals() == ([] if too_old else [0])
    if too_old:
        assert view.why_no_gpu.id == "driver_too_old"
        assert view.why_no_gpu.text.startswith(f"driver {driver} is older than ")
        assert view.assumed


@pytest.mark.parametrize(
    ("others", "text"),
    [
        ({}, "there is none"),
        ({"source": "the gpus of the task"}, "there is none (the gpus of the task)"),
        ({"hidden": ("GPU 1 is lost",), "source": "nvidia-smi"}, "GPU 1 is lost (nvidia-smi)"),
    ],
    ids=["nothing known", "none there", "lost"],
)
def test_a_host_without_a_gpu_says_why(others, text):
    view = server_view(visible(**others), "24.10")
    assert view.why_no_gpu == ("no_gpu", text)


@pytest.mark.parametrize(("error", "why"), [(100, "no_gpu"), (35, "driver_too_old")])
def test_two_errors_of_cuda_mean_no_gpu(error, why):
    view = server_view(visible((8, 0)), cuda_error=error)
    assert (view.why_no_gpu.id, view.cuda_failure, view.ordinals()) == (why, "", [])


@pytest.mark.parametrize(("error", "text"), [(802, "system not yet initialized"), (12345, "unrecognized error code")])
def test_any_other_error_of_cuda_is_a_failure(error, text):
    view = server_view(visible((8, 0)), cuda_error=error)
    assert (view.cuda_failure, view.ordinals()) == (text, [])
    why = f"CUDA answers {error}, '{text}', and with that no model loads at all"
    assert view.why_no_gpu == ("cuda_error", why)


def test_a_release_that_is_not_known_yet_is_said_to_be_taken_for_another():
    assert server_view(visible(), "31.01").warnings == (
        "Triton 31.01 is newer than what is known here. It is taken to be like 26.08.",
    )


def test_a_release_without_the_option_would_not_start_with_it():
    (warning,) = server_view(visible(), "24.04", config_name="a100").warnings
    assert warning == "Triton 24.04 has no --model-config-name: it would not start with one. 24.05 has it."
    assert server_view(visible(), "24.05", config_name="a100").warnings == ()


@pytest.mark.parametrize("text", ["", "high", "7.5.1", "-1"])
def test_a_minimum_that_is_none_is_an_error(text):
    with pytest.raises(ConfigError) as raised:
        server_view(visible(), min_compute_capability=text)
    assert str(raised.value).startswith("min_supported_compute_capability: expected one like '7.5'")


NOTE = CompatNote("/compat/libcuda.so.590.48.01", "13.1", (535, 550), "590.48.01")


def test_gpus_that_a_compatibility_package_helps_count_with_a_warning():
    view = server_view(visible((8, 0), driver_version="535.104.05"), "26.01", installation=Installation(NOTE))
    assert (view.ordinals(), view.why_no_gpu, view.assumed) == ([0], None, True)
    (warning,) = view.warnings
    assert warning.startswith(
        "The GPUs count as usable by forward compatibility: driver 535.104.05 is older than 580, "
    )
    assert view.driver_fit.text in warning


@pytest.mark.parametrize(("cuda", "doubt"), [("13.1", True), ("12.4", False), ("11.8", False)])
def test_a_package_for_a_newer_cuda_than_that_of_the_release_is_named(cuda, doubt):
    view = server_view(visible((8, 0)), "24.10", installation=Installation(NOTE._replace(cuda=cuda)))
    assert [warning.partition(". ")[0] for warning in view.warnings] == doubt * [
        "/compat/libcuda.so.590.48.01 is for CUDA 13.1, and Triton 24.10 is known to have 12.6.2"
    ]


def test_a_driver_that_a_compatibility_package_does_not_help_is_too_old():
    view = server_view(visible((8, 0), driver_version="560.35.03"), "26.01", installation=Installation(NOTE))
    assert view.why_no_gpu == ("driver_too_old", view.driver_fit.text)
    assert view.driver_fit.fit == "too_old"
    assert view.visible().hidden == (view.driver_fit.text,)


def test_a_note_tells_the_cuda_where_no_release_is_given():
    view = server_view(visible((8, 0), driver_version="470.57.02"), installation=Installation(NOTE))
    assert view.why_no_gpu.id == "driver_too_old"
    assert view.as_result()["cuda"] == "13.1"


def test_a_host_without_a_gpu_has_none_whatever_its_driver():
    view = server_view(visible(driver_version="470.57.02"), "26.01")
    assert (view.why_no_gpu.id, view.driver_fit.fit) == ("no_gpu", "too_old")


def test_what_cuda_answered_counts_before_what_is_known_of_drivers():
    view = server_view(visible((8, 0), driver_version="470.57.02"), "26.01", cuda_error=802)
    assert view.why_no_gpu.id == "cuda_error"


def test_the_log_of_the_server_has_the_minimum_in_force():
    log = ServerOptions("/var/log/triton.log", (7, 5), "2.51.0")
    view = server_view(visible((7, 0)), installation=Installation(logged=log))
    assert (view.release.name, view.assumed, view.warnings) == ("24.10", False, ())
    assert view.left_out[0].endswith("below the minimum 7.5 of /var/log/triton.log")
    assert view.as_result()["min_compute_capability_source"] == "/var/log/triton.log"


def test_gpus_that_are_too_new_or_given_up_count_with_a_warning():
    view = server_view(visible((10, 0), (8, 0)), "24.10")
    assert view.ordinals() == [0, 1]
    (warning,) = view.warnings
    assert warning.startswith("GPU 0 has compute capability 10.0, which CUDA 12.6.2 of Triton 24.10 does not know")
    view = server_view(visible((7, 0)), "25.10", "6.0")
    assert view.ordinals() == [0]
    assert view.warnings[0].startswith(
        "GPU 0 (Tesla V100) has compute capability 7.0, for which CUDA 13.0.2 of Triton "
    )


def test_what_could_not_be_learned_is_told_first():
    view = server_view(visible(), "31.01", installation=Installation(warnings=("The log is empty.",)))
    assert view.warnings[0] == "The log is empty."


def test_the_result_is_plain_data():
    view = server_view(visible((7, 0), (8, 0), None), "25.10")
    result = json.loads(json.dumps(view.as_result()))
    assert [gpu["compute_capability"] for gpu in result["gpus"]] == ["8.0", None]
    assert (result["release"], result["version"], result["cuda"]) == ("25.10", "2.62.0", "13.0.2")
    assert result["driver_fit"]["fit"] == "unknown"
    assert result["min_compute_capability"] == "7.5"
    assert json.dumps(server_view(visible()).as_result())
