# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What a Triton server of a certain release makes of the GPUs of its host.

Source: triton core, src/cuda_utils.cc, GetSupportedGPUs and CheckGPUCompatibility.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .._model_config.findings import ConfigError
from .._policy.gpus import Gpu, VisibleGpus, parse_compute_capability
from .releases import (
    HIGHER_CAPABILITY,
    LOWEST_CAPABILITY,
    MIN_DRIVERS,
    Capability,
    Release,
    find_release,
    parse_driver,
)

NO_GPU = "no_gpu"
DRIVER_TOO_OLD = "driver_too_old"
COMPUTE_CAPABILITY_TOO_LOW = "compute_capability_too_low"
CUDA_ERROR = "cuda_error"

# What CUDA calls the errors that a start is known to meet (CUDA runtime, cudaGetErrorString).
_NO_DEVICE, _INSUFFICIENT_DRIVER = 100, 35
_CUDA_ERRORS = {
    2: "out of memory",
    3: "initialization error",
    _INSUFFICIENT_DRIVER: "CUDA driver version is insufficient for CUDA runtime version",
    46: "all CUDA-capable devices are busy or unavailable",
    _NO_DEVICE: "no CUDA-capable device is detected",
    101: "invalid device ordinal",
    800: "operation not permitted",
    802: "system not yet initialized",
    803: "system has unsupported display driver / cuda driver combination",
    804: "forward compatibility was attempted on non supported HW",
    999: "unknown error",
}


class Reason(NamedTuple):
    """Why something is as it is: a short stable name, and a part of a sentence that says it."""

    id: str
    text: str


class ServerView(NamedTuple):
    """The server that a prediction is about.

    Attributes:
        gpus: the GPUs that it uses.
        left_out: a sentence for each GPU that it does not use.
        why_no_gpu: why it uses none, None where it uses one.
        cuda_failure: what CUDA says where it fails altogether, else empty: then no model loads at all.
        min_compute_capability: the lowest that it uses.
        release: its row in the table, None where no release is given.
        auto_complete: False for a server with ``--disable-auto-complete-config``.
        config_name: its ``--model-config-name``, None where it has none.
        assumed: whether a documented rule of the release, rather than what was given, decides about a GPU.
        source: where the GPUs were learned.
        warnings: what a reader of the prediction should know.
    """

    gpus: Tuple[Gpu, ...]
    left_out: Tuple[str, ...] = ()
    why_no_gpu: Optional[Reason] = None
    cuda_failure: str = ""
    min_compute_capability: Capability = LOWEST_CAPABILITY
    release: Optional[Release] = None
    auto_complete: bool = True
    config_name: Optional[str] = None
    assumed: bool = False
    source: str = ""
    warnings: Tuple[str, ...] = ()

    def ordinals(self) -> List[int]:
        return [gpu.ordinal for gpu in self.gpus]

    def visible(self) -> VisibleGpus:
        """The GPUs that it uses, with a sentence for each that it does not, as `_policy` takes them."""
        too_old = self.why_no_gpu is not None and self.why_no_gpu.id == DRIVER_TOO_OLD
        why = (self.why_no_gpu.text,) if self.why_no_gpu is not None and too_old else ()
        return VisibleGpus(self.gpus, (*why, *self.left_out), source=self.source)

    def as_result(self) -> Dict[str, Any]:
        """As a module returns it."""
        gpus = [
            {**gpu._asdict(), "compute_capability": gpu.compute_capability and _text(gpu.compute_capability)}
            for gpu in self.gpus
        ]
        return {
            "gpus": gpus,
            "left_out": list(self.left_out),
            "why_no_gpu": self.why_no_gpu and self.why_no_gpu._asdict(),
            "source": self.source,
            "min_compute_capability": _text(self.min_compute_capability),
            "release": self.release and self.release.name,
            "version": self.release and self.release.server,
            "cuda": (self.release and self.release.cuda) or None,
        }


def server_view(
    visible: VisibleGpus,
    release: Optional[str] = None,
    min_compute_capability: Optional[str] = None,
    cuda_error: int = 0,
    auto_complete: bool = True,
    config_name: Optional[str] = None,
) -> ServerView:
    """What a server sees of these GPUs.

    Args:
        release: ``YY.MM``, None where it is not known. Then the lowest compute capability of all releases that are
            known counts, which drops no GPU that some release uses, and a warning names the GPUs in doubt.
        min_compute_capability: the server's ``--min-supported-compute-capability``, which overrules the release's.
        cuda_error: the number that ``cudaGetDeviceCount`` answers with, 0 where it succeeds.

    Raises:
        ConfigError: a value is not what it should be.
    """
    row = None if release is None else find_release(release)
    minimum, whose = _minimum(row, min_compute_capability)
    warnings = _about_release(release, row, config_name)
    view = ServerView(
        (),
        visible.hidden,
        min_compute_capability=minimum,
        release=row,
        auto_complete=auto_complete,
        config_name=config_name,
        source=visible.source,
        warnings=tuple(warnings),
    )
    if cuda_error not in (0, _NO_DEVICE, _INSUFFICIENT_DRIVER):
        said = _CUDA_ERRORS.get(cuda_error, "unrecognized error code")
        why = Reason(CUDA_ERROR, f"CUDA answers {cuda_error}, '{said}', and with that no model loads at all")
        return view._replace(cuda_failure=said, why_no_gpu=why)
    if cuda_error:
        return view._replace(why_no_gpu=_answered(cuda_error))
    too_old = _driver_too_old(visible, row)
    if too_old:
        return view._replace(why_no_gpu=too_old, assumed=True)
    used = tuple(gpu for gpu in visible.gpus if gpu.compute_capability is None or gpu.compute_capability >= minimum)
    dropped = tuple(_dropped(gpu, minimum, whose) for gpu in visible.gpus if gpu not in used)
    if row is None and min_compute_capability is None:
        warnings += _in_doubt(used)
    assumed = bool(dropped) and min_compute_capability is None and minimum > LOWEST_CAPABILITY
    if assumed:
        warnings.append(
            f"The minimum {_text(minimum)} {whose} is its documented default, and some builds have another one. The "
            "options that a server logs at its start have the value in force: give min_supported_compute_capability."
        )
    warnings += [
        f"The compute capability of {_name(gpu)} is not known: it counts as usable."
        for gpu in used
        if gpu.compute_capability is None
    ]
    return view._replace(
        gpus=used,
        left_out=visible.hidden + dropped,
        why_no_gpu=None if used else _why_none(visible, dropped),
        assumed=assumed,
        warnings=tuple(warnings),
    )


def _minimum(release: Optional[Release], given: Optional[str]) -> Tuple[Capability, str]:
    """The lowest compute capability, and whose it is."""
    if given is not None:
        capability = parse_compute_capability(given)
        if capability is None:
            raise ConfigError([f"min_supported_compute_capability: expected one like '7.5', found {given!r}."])
        return capability, "that was given"
    if release is None:
        return LOWEST_CAPABILITY, "of every Triton that is known"
    return release.min_compute_capability, f"of Triton {release.name}"


def _about_release(wanted: Optional[str], row: Optional[Release], config_name: Optional[str]) -> List[str]:
    warnings = []
    if row is not None and row.name != wanted:
        warnings.append(f"Triton {wanted} is newer than what is known here. It is taken to be like {row.name}.")
    if row is not None and config_name is not None and row.name < "24.05":
        warnings.append(f"Triton {row.name} has no --model-config-name: it would not start with one. 24.05 has it.")
    return warnings


def _in_doubt(used: Sequence[Gpu]) -> List[str]:
    doubtful = [_name(gpu) for gpu in used if gpu.compute_capability and gpu.compute_capability < HIGHER_CAPABILITY]
    if not doubtful:
        return []
    return [
        f"{', '.join(doubtful)} counts as usable, but Triton from 24.11 on may drop it. "
        "Give triton_release to predict what that release does."
    ]


def _answered(cuda_error: int) -> Reason:
    said = f"CUDA answers '{_CUDA_ERRORS[cuda_error]}'"
    if cuda_error == _NO_DEVICE:
        return Reason(NO_GPU, said)
    return Reason(DRIVER_TOO_OLD, f"{said}, as it does without any driver too")


def _driver_too_old(visible: VisibleGpus, release: Optional[Release]) -> Optional[Reason]:
    driver = parse_driver(visible.driver_version)
    minimum = MIN_DRIVERS.get(release.cuda_major or 0, "") if release else ""
    oldest = parse_driver(minimum)
    if not visible.gpus or not driver or not oldest or driver >= oldest or release is None:
        return None
    return Reason(
        DRIVER_TOO_OLD,
        f"driver {visible.driver_version} is older than {minimum}, the oldest for CUDA {release.cuda_major} of Triton "
        f"{release.name} (on a data-centre GPU the compatibility package in NVIDIA's container may bridge that)",
    )


def _why_none(visible: VisibleGpus, dropped: Sequence[str]) -> Reason:
    if dropped:
        return Reason(COMPUTE_CAPABILITY_TOO_LOW, "; ".join(dropped))
    why = "; ".join(visible.hidden) or "there is none"
    return Reason(NO_GPU, f"{why} ({visible.source})" if visible.source else why)


def _dropped(gpu: Gpu, minimum: Capability, whose: str) -> str:
    capability = _text(gpu.compute_capability or LOWEST_CAPABILITY)
    return f"{_name(gpu)} has compute capability {capability}, below the minimum {_text(minimum)} {whose}"


def _text(capability: Capability) -> str:
    return "{}.{}".format(*capability)


def _name(gpu: Gpu) -> str:
    return f"GPU {gpu.ordinal} ({gpu.name})" if gpu.name else f"GPU {gpu.ordinal}"
