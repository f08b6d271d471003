# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What a Triton server of a certain release makes of the GPUs of its host.

Source: triton core, src/cuda_utils.cc, GetSupportedGPUs and CheckGPUCompatibility.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from .._policy.gpus import Gpu, VisibleGpus
from .compute_capability import below, capability_text, given_up, too_new
from .driver_fit import FORWARD, TOO_OLD, UNKNOWN, DriverFit, driver_fit
from .installation import NOTHING_KNOWN, CompatNote, Installation
from .minimum import ANY_RELEASE, BY_RELEASE, Minimum, minimum_in_force
from .releases import (
    HIGHER_CAPABILITY,
    LOWEST_CAPABILITY,
    Capability,
    Release,
    find_release,
    parse_driver,
    release_of_server,
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

FORWARD_NEEDS = (
    "In a container NVIDIA's toolkit has to put that package before the driver's libcuda, elsewhere LD_LIBRARY_PATH "
    "has to name its folder. A driver that needs no such package is the safer choice."
)


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
        min_compute_capability: the lowest that it uses, by ``minimum_source``.
        release: its row in the table, None where it is not known.
        driver_fit: whether its CUDA works with the driver.
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
    minimum_source: str = ""
    release: Optional[Release] = None
    driver_fit: DriverFit = DriverFit(UNKNOWN, "")
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
            {**gpu._asdict(), "compute_capability": gpu.compute_capability and capability_text(gpu.compute_capability)}
            for gpu in self.gpus
        ]
        return {
            "gpus": gpus,
            "left_out": list(self.left_out),
            "why_no_gpu": self.why_no_gpu and self.why_no_gpu._asdict(),
            "source": self.source,
            "min_compute_capability": capability_text(self.min_compute_capability),
            "min_compute_capability_source": self.minimum_source,
            "release": self.release and self.release.name,
            "version": self.release and self.release.server,
            "cuda": self.driver_fit.cuda or None,
            "driver_fit": self.driver_fit.as_result(),
        }


def server_view(
    visible: VisibleGpus,
    release: Optional[str] = None,
    min_compute_capability: Optional[str] = None,
    cuda_error: int = 0,
    auto_complete: bool = True,
    config_name: Optional[str] = None,
    installation: Installation = NOTHING_KNOWN,
) -> ServerView:
    """What a server sees of these GPUs.

    Args:
        release: ``YY.MM``, None where it is not known. Then it is that of the server's log, and where there is none,
            the lowest compute capability of all releases that are known counts, which drops no GPU that some release
            uses, and a warning names the GPUs in doubt.
        min_compute_capability: the server's ``--min-supported-compute-capability``, which overrules all else.
        cuda_error: the number that ``cudaGetDeviceCount`` answers with, 0 where it succeeds.
        installation: what is known from the server itself, which overrules the table of releases.

    Raises:
        ConfigError: a value is not what it should be.
    """
    row = _release(release, installation)
    minimum = minimum_in_force(release, min_compute_capability, installation)
    fit = driver_fit(visible.driver_version, row, installation.compat, visible.gpus)
    warnings = [
        *installation.warnings,
        *_about_release(release, row, config_name),
        *_about_note(row, installation.compat),
        *minimum.warnings,
    ]
    view = ServerView(
        (),
        visible.hidden,
        min_compute_capability=minimum.capability,
        minimum_source=minimum.source,
        release=row,
        driver_fit=fit,
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
    if visible.gpus and fit.fit == TOO_OLD:
        return view._replace(why_no_gpu=Reason(DRIVER_TOO_OLD, fit.text), assumed=True)
    return _with_gpus(view, visible, minimum)


def _with_gpus(view: ServerView, visible: VisibleGpus, minimum: Minimum) -> ServerView:
    """The same server, where CUDA works."""
    least = minimum.capability
    used = tuple(gpu for gpu in visible.gpus if gpu.compute_capability is None or gpu.compute_capability >= least)
    dropped = tuple(
        f"{_name(gpu)} {below(gpu.compute_capability, least, minimum.whose)}"
        for gpu in visible.gpus
        if gpu not in used and gpu.compute_capability is not None
    )
    warnings = [*view.warnings, *_about_cuda(view.driver_fit, used)]
    if minimum.rank == ANY_RELEASE:
        warnings += _in_doubt(used)
    by_default = bool(dropped) and minimum.rank == BY_RELEASE and least > LOWEST_CAPABILITY
    if by_default:
        warnings.append(
            f"The minimum {capability_text(least)} {minimum.whose} is its documented default, and some builds have "
            "another one. The options that a server logs at its start have the value in force: give server_log, or "
            "min_supported_compute_capability."
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
        assumed=by_default or view.driver_fit.fit == FORWARD,
        warnings=tuple(warnings),
    )


def _about_cuda(fit: DriverFit, used: Sequence[Gpu]) -> Iterator[str]:
    """What may go wrong with GPUs that the server uses."""
    if used and fit.fit == FORWARD:
        yield f"The GPUs count as usable by forward compatibility: {fit.text}. {FORWARD_NEEDS}"
    for gpu in used:
        told = too_new(gpu.compute_capability, fit.cuda, fit.whose) or given_up(
            gpu.compute_capability, fit.cuda, fit.whose
        )
        if told:
            yield f"{_name(gpu)} {told}."


def _release(given: Optional[str], installation: Installation) -> Optional[Release]:
    if given is not None:
        return find_release(given)
    return release_of_server(installation.logged.version) if installation.logged else None


def _about_release(wanted: Optional[str], row: Optional[Release], config_name: Optional[str]) -> List[str]:
    warnings = []
    if row is not None and wanted is not None and row.name != wanted:
        warnings.append(f"Triton {wanted} is newer than what is known here. It is taken to be like {row.name}.")
    if row is not None and config_name is not None and row.name < "24.05":
        warnings.append(f"Triton {row.name} has no --model-config-name: it would not start with one. 24.05 has it.")
    return warnings


def _about_note(row: Optional[Release], compat: Optional[CompatNote]) -> Iterator[str]:
    """A package of another image than the one in question. Images of one release with an older CUDA there are."""
    known, noted = row and parse_driver(row.cuda), compat and parse_driver(compat.cuda)
    if row is not None and compat is not None and known and noted and noted[0] > known[0]:
        yield (
            f"{compat.path} is for CUDA {compat.cuda}, and Triton {row.name} is known to have {row.cuda}. The former "
            "counts: see that it is from the image or the installation of that Triton."
        )


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


def _why_none(visible: VisibleGpus, dropped: Sequence[str]) -> Reason:
    if dropped:
        return Reason(COMPUTE_CAPABILITY_TOO_LOW, "; ".join(dropped))
    why = "; ".join(visible.hidden) or "there is none"
    return Reason(NO_GPU, f"{why} ({visible.source})" if visible.source else why)


def _name(gpu: Gpu) -> str:
    return f"GPU {gpu.ordinal} ({gpu.name})" if gpu.name else f"GPU {gpu.ordinal}"
