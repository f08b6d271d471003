# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps the Triton that a task asks about from GPUs that are well."""

from __future__ import annotations

import string

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu.evidence import (
    TEGRA,
    DeviceAnswer,
    DriverAnswer,
    DriverFiles,
    Evidence,
    Platform,
    ServerProcess,
)
from ansible_collections.inference.triton.plugins.module_utils._gpu.release_states import (
    DETECTORS,
    STATES,
    driver_version,
    release_view,
)
from ansible_collections.inference.triton.plugins.module_utils._gpu.states import Host, HostGpu, Wanted
from ansible_collections.inference.triton.plugins.module_utils._placement.installation import (
    CompatNote,
    ServerOptions,
)
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import Gpu, VisibleGpus

NOTE = CompatNote("/compat/libcuda.so.590.48.01", "13.1", (535, 550), "590.48.01", '{"format":1}')


RELEASE = Wanted(triton_release="26.01")


def host(driver, *gpus, wanted=RELEASE, **evidence):
    """A host whose GPUs are given by their compute capability, or by their name."""
    return Host(
        Evidence(driver=DriverFiles(loaded_version=driver), **evidence),
        tuple(
            HostGpu(
                at,
                f"0000:0{at}:00.0",
                answer=DeviceAnswer(
                    name=gpu if isinstance(gpu, str) else "NVIDIA A100",
                    compute_capability=None if isinstance(gpu, str) else gpu,
                ),
            )
            for at, gpu in enumerate(gpus)
        ),
        wanted,
    )


def seen(subject):
    return {sighting.state: sighting for detector in DETECTORS for sighting in detector(subject)}


def text(sighting):
    (state,) = [state for state in STATES if state.id == sighting.state]
    return state.explanation.format(**sighting.values), state.remedy.format(**sighting.values)


@pytest.mark.parametrize(
    ("subject", "states"),
    [
        (host("590.48.01", (8, 0)), []),
        (host("580.65.06", (8, 0)), []),
        (host("535.104.05", (8, 0)), ["driver_too_old_for_release"]),
        (host("535.104.05"), []),
        (host("", (8, 0)), []),
        (host("535.104.05", (8, 0), wanted=Wanted()), []),
        (host("535.104.05", (8, 0), wanted=Wanted(compat_note=NOTE)), ["forward_compat_required"]),
        (host("560.35.03", (8, 0), wanted=Wanted(compat_note=NOTE)), ["driver_too_old_for_release"]),
        (host("535.104.05", "GeForce RTX 2080", wanted=Wanted(compat_note=NOTE)), ["driver_too_old_for_release"]),
        (host("590.48.01", (7, 0)), ["compute_capability_too_low"]),
        (host("590.48.01", (7, 0), wanted=Wanted()), []),
        (host("590.48.01", (5, 2), wanted=Wanted()), ["compute_capability_too_low"]),
        (host("590.48.01", (10, 0), wanted=Wanted(triton_release="24.10")), ["compute_capability_too_new"]),
        (host("590.48.01", (10, 0)), []),
        (host("590.48.01", "NVIDIA A100"), []),
    ],
)
def test_each_state_is_seen_where_it_is_and_nowhere_else(subject, states):
    assert sorted(seen(subject)) == states


def test_a_jetson_has_no_driver_by_these_rules():
    assert seen(host("540.4.0", (8, 7), platform=Platform(TEGRA))) == {}


def test_the_driver_is_known_by_the_first_source_that_tells():
    asked = DriverAnswer("nvidia-smi", driver_version="550.54.15")
    assert driver_version(Evidence(smi=asked)) == "550.54.15"
    assert driver_version(Evidence(nvml=asked._replace(driver_version=""), smi=asked)) == "550.54.15"
    assert driver_version(Evidence(driver=DriverFiles(loaded_version="535.1"), nvml=asked)) == "535.1"
    assert driver_version(Evidence()) == ""


def test_each_gpu_is_seen_by_its_address():
    (detector,) = [detector for detector in DETECTORS if detector.__name__ == "compute_capability_too_low"]
    found = list(detector(host("590.48.01", (7, 0), (8, 0), (6, 1))))
    assert [sighting.pci_address for sighting in found] == ["0000:00:00.0", "0000:02:00.0"]
    assert found[0].seen == ("compute capability: 7.0",)


@pytest.mark.parametrize(
    ("wanted", "servers", "seen_low"),
    [
        (Wanted(triton_release="26.01", min_supported_compute_capability="6.0"), (), False),
        (Wanted(triton_release="26.01", logged=ServerOptions("log", (6, 0), "2.65.0")), (), False),
        (Wanted(triton_release="26.01", logged=ServerOptions("log", (6, 0), "2.51.0")), (), True),
        (Wanted(), (ServerProcess(7, {"min-supported-compute-capability": ("7.5",)}),), True),
        (Wanted(triton_release="26.01"), (ServerProcess(7, {"min-supported-compute-capability": ("6.0",)}),), False),
    ],
    ids=["option", "log", "log of another", "process", "process before release"],
)
def test_what_the_server_itself_says_counts(wanted, servers, seen_low):
    assert ("compute_capability_too_low" in seen(host("590.48.01", (7, 0), wanted=wanted, servers=servers))) == seen_low


@pytest.mark.parametrize(
    ("subject", "explanation", "remedy"),
    [
        (
            host("535.104.05", (8, 0)),
            "Driver 535.104.05 is older than 580, the oldest for CUDA 13.1.1 of Triton 26.01 (on a data-centre GPU",
            "Install driver 580 or newer (590.48.01 comes with CUDA 13.1.1), or serve with a release of Triton whose "
            "CUDA is older than 13.1.1.",
        ),
        (
            host("535.104.05", (8, 0), wanted=Wanted(compat_note=NOTE)),
            "Driver 535.104.05 is older than 580, the oldest for CUDA 13.1 of /compat/libcuda.so.590.48.01, and only ",
            "Install driver 580 or newer (590.48.01 comes with CUDA 13.1), or see that what starts Triton uses the "
            "compatibility package.",
        ),
        (
            host("590.48.01", (7, 0)),
            "This GPU has compute capability 7.0, below the minimum 7.5 of Triton 26.01. Triton leaves such a GPU out ",
            "Serve with Triton 24.10 or older on this GPU, or use another GPU.",
        ),
        (
            host("590.48.01", (5, 2)),
            "This GPU has compute capability 5.2, below the minimum 7.5 of Triton 26.01.",
            "Use another GPU: no release of Triton that is known uses this one.",
        ),
        (
            host("590.48.01", (8, 0), wanted=Wanted(min_supported_compute_capability="9.0")),
            "This GPU has compute capability 8.0, below the minimum 9.0 that was given.",
            "Use another GPU, or start the server with a lower --min-supported-compute-capability.",
        ),
        (
            host("590.48.01", (7, 0), wanted=Wanted(min_supported_compute_capability="9.0")),
            "This GPU has compute capability 7.0, below the minimum 9.0 that was given.",
            "Use another GPU, or start the server with a lower --min-supported-compute-capability.",
        ),
        (
            host("590.48.01", (10, 0), wanted=Wanted(triton_release="24.10")),
            "This GPU has compute capability 10.0, which CUDA 12.6.2 of Triton 24.10 does not know (the first to know",
            "Serve with a newer release of Triton on this GPU.",
        ),
    ],
    ids=["old driver", "bridged driver", "V100", "Maxwell", "given", "V100 and given", "too new"],
)
def test_each_state_is_told_and_names_the_next_step(subject, explanation, remedy):
    (sighting,) = seen(subject).values()
    told = text(sighting)
    assert told[0].startswith(explanation)
    assert told[1] == remedy


def test_the_evidence_is_the_driver_and_the_note():
    (sighting,) = seen(host("535.104.05", (8, 0), wanted=Wanted(compat_note=NOTE))).values()
    assert sighting.seen == ("driver version: 535.104.05", '{"format":1}')


def test_the_texts_are_those_of_the_prediction():
    subject = host("535.104.05", (7, 0))
    view = release_view(subject, VisibleGpus((Gpu(0, "NVIDIA A100", compute_capability=(7, 0)),), (), "535.104.05"))
    found = seen(subject)
    assert text(found["driver_too_old_for_release"])[0].lower().startswith(view.why_no_gpu.text.lower())
    view = release_view(subject, VisibleGpus((Gpu(0, "NVIDIA A100", compute_capability=(7, 0)),), (), "590.48.01"))
    assert found["compute_capability_too_low"].values["what"] in view.left_out[0]


def test_every_state_is_detected_and_all_its_placeholders_are_filled():
    assert [state.id for state in STATES] == [detector.__name__ for detector in DETECTORS]
    for subject in (
        host("535.104.05", (7, 0)),
        host("535.104.05", (8, 0), wanted=Wanted(compat_note=NOTE)),
        host("590.48.01", (10, 0), wanted=Wanted(triton_release="24.10")),
    ):
        for sighting in seen(subject).values():
            (state,) = [state for state in STATES if state.id == sighting.state]
            names = {name for _a, name, _b, _c in string.Formatter().parse(state.explanation + state.remedy) if name}
            assert names <= set(sighting.values)
