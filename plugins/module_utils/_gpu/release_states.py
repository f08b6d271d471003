# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What keeps a Triton of a certain release from GPUs that are well: the driver is too old, or a GPU too old or too new.

The texts are those of the prediction, see `_placement.server`.
"""

from __future__ import annotations

from typing import Iterator, Tuple

from .._placement.compute_capability import below, capability_text, too_new
from .._placement.driver_fit import FORWARD, TOO_OLD, DriverFit
from .._placement.installation import Installation
from .._placement.minimum import Minimum, minimum_in_force
from .._placement.releases import HIGHER_CAPABILITY, LOWEST_CAPABILITY, Capability
from .._placement.server import FORWARD_NEEDS, ServerView, server_view
from .._policy.gpus import Gpu, VisibleGpus
from .evidence import TEGRA, Evidence
from .gpu_entry import capability_of
from .server_installation import running_options
from .states import ERROR, GPU, HIDES_NOTHING, HOST, WARNING, Detector, Host, Sighting, State

_CUDA_COMPATIBILITY = "NVIDIA, CUDA Compatibility"

STATES: Tuple[State, ...] = (
    State(
        "driver_too_old_for_release",
        HOST,
        ERROR,
        HIDES_NOTHING,
        "{what}. CUDA refuses to start with such a driver, and to Triton that is a host without a GPU.",
        "{remedy}",
        _CUDA_COMPATIBILITY + "; triton core: src/cuda_utils.cc, GetSupportedGPUs",
        brief="the driver is too old for this Triton: {what}",
        consequence="This Triton sees no GPU: models without an explicit instance_group run on the CPU without a log "
        "line, those with KIND_GPU do not load.",
        explains=("forward_compat_required", "compute_capability_too_new"),
    ),
    State(
        "forward_compat_required",
        HOST,
        WARNING,
        HIDES_NOTHING,
        "{what}. " + FORWARD_NEEDS,
        "Install {driver}, or see that what starts Triton uses the compatibility package.",
        _CUDA_COMPATIBILITY + "; nvidia-container-toolkit: cmd/nvidia-cdi-hook/cudacompat",
        brief="this Triton needs the compatibility package: {what}",
        consequence="Where the compatibility package is not used, this Triton sees no GPU and moves models without an "
        "explicit instance_group to the CPU without a log line.",
    ),
    State(
        "compute_capability_too_low",
        GPU,
        ERROR,
        HIDES_NOTHING,
        "This GPU {what}. Triton leaves such a GPU out without a word.",
        "{remedy}",
        "triton core: src/cuda_utils.cc, GetSupportedGPUs",
        brief="{what}",
        consequence="This Triton does not use the GPU, and CUDA counts it all the same, so that the others keep their "
        "numbers. Where no other is left, models without an explicit instance_group run on the CPU without a log line.",
    ),
    State(
        "compute_capability_too_new",
        GPU,
        WARNING,
        HIDES_NOTHING,
        "This GPU {what}.",
        "Serve with a newer release of Triton on this GPU.",
        "NVIDIA, release notes of the CUDA toolkit",
        brief="{what}",
        consequence="Triton places models on the GPU, and their backends may fail there or be slow at first.",
    ),
)


def release_view(host: Host, visible: VisibleGpus) -> ServerView:
    """What the server that is asked about makes of these GPUs of the host.

    Raises:
        ConfigError: what is asked for is no release, or no compute capability.
    """
    wanted = host.wanted
    release, minimum = wanted.triton_release, wanted.min_supported_compute_capability
    if host.evidence.platform.kind == TEGRA:
        visible = visible._replace(driver_version="")  # what a Jetson has for one follows rules of its own
    return server_view(visible, release, minimum, installation=_installation(host))


def driver_version(evidence: Evidence) -> str:
    """Of the driver that is loaded, by the first source that tells."""
    answers = (answer.driver_version for answer in (evidence.nvml, evidence.smi) if answer is not None)
    return next(filter(None, (evidence.driver.loaded_version, *answers)), "")


def _installation(host: Host) -> Installation:
    return Installation(host.wanted.compat_note, host.wanted.logged, running_options(host.evidence.servers))


def _minimum(host: Host) -> Minimum:
    wanted = host.wanted
    return minimum_in_force(wanted.triton_release, wanted.min_supported_compute_capability, _installation(host))


def _fit(host: Host) -> DriverFit:
    gpus = tuple(
        Gpu(gpu.index, gpu.answer.name, brand=gpu.answer.brand or "") for gpu in host.gpus if gpu.answer is not None
    )
    return release_view(host, VisibleGpus(gpus, (), driver_version(host.evidence))).driver_fit


def driver_too_old_for_release(host: Host) -> Iterator[Sighting]:
    fit = _fit(host)
    if host.gpus and fit.fit == TOO_OLD:
        remedy = f"Install {_driver(fit)}, or serve with a release of Triton whose CUDA is older than {fit.cuda}."
        yield Sighting(
            "driver_too_old_for_release", _seen(host, fit), values={"what": fit.sentence(), "remedy": remedy}
        )


def forward_compat_required(host: Host) -> Iterator[Sighting]:
    fit = _fit(host)
    if host.gpus and fit.fit == FORWARD:
        yield Sighting(
            "forward_compat_required", _seen(host, fit), values={"what": fit.sentence(), "driver": _driver(fit)}
        )


def compute_capability_too_low(host: Host) -> Iterator[Sighting]:
    minimum = _minimum(host)
    for address, capability in _capabilities(host):
        if capability < minimum.capability:
            what = below(capability, minimum.capability, minimum.whose)
            values = {"what": what, "remedy": _instead(capability, minimum.capability)}
            yield Sighting("compute_capability_too_low", _capability_seen(capability), address, values)


def compute_capability_too_new(host: Host) -> Iterator[Sighting]:
    fit = _fit(host)
    for address, capability in _capabilities(host):
        what = too_new(capability, fit.cuda, fit.whose)
        if what:
            yield Sighting("compute_capability_too_new", _capability_seen(capability), address, {"what": what})


DETECTORS: Tuple[Detector, ...] = (
    driver_too_old_for_release,
    forward_compat_required,
    compute_capability_too_low,
    compute_capability_too_new,
)


def _capabilities(host: Host) -> Iterator[Tuple[str, Capability]]:
    for gpu in host.gpus:
        capability, _source = capability_of(gpu)
        if gpu.answer is not None and capability is not None:
            yield gpu.pci_address, capability


def _seen(host: Host, fit: DriverFit) -> Tuple[str, ...]:
    note = host.wanted.compat_note
    return (f"driver version: {fit.driver}", *((note.text,) if note is not None and note.text else ()))


def _capability_seen(capability: Capability) -> Tuple[str, ...]:
    return (f"compute capability: {capability_text(capability)}",)


def _driver(fit: DriverFit) -> str:
    enough = f"driver {fit.oldest} or newer" if fit.oldest else f"a driver for CUDA {fit.cuda}"
    return f"{enough} ({fit.bundled} comes with CUDA {fit.cuda})" if fit.bundled else enough


def _instead(capability: Capability, minimum: Capability) -> str:
    if capability < LOWEST_CAPABILITY:
        return "Use another GPU: no release of Triton that is known uses this one."
    if capability < HIGHER_CAPABILITY and minimum <= HIGHER_CAPABILITY:
        return "Serve with Triton 24.10 or older on this GPU, or use another GPU."
    return "Use another GPU, or start the server with a lower --min-supported-compute-capability."
