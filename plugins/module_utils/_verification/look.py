# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""One look at a host: its GPUs, and whether its server runs every model where it should."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._gpu.detection import SOURCE
from .._gpu.diagnosis import diagnose
from .._gpu.facts import as_facts, visible_gpus
from .._gpu.host_files import HostFiles
from .._gpu.probing import collect
from .._gpu.states import ERROR
from .._gpu.wanted import parse_wanted
from .._model_config.findings import ConfigError
from .._policy.gpus import VisibleGpus
from .._policy.match import QueryError
from .._repository.discovery import RepositoryError
from .._repository.results import printable
from .._server.errors import ServerError
from .._service.errors import ServiceError
from .._service.unit_state import read_unit
from . import options, process
from .monitor_options import MonitorOptions, gpu_options
from .state_file import CONTRADICTED, DOWN, FAILED, FINE, GPU_PROBLEM, STARTING
from .verify import verify

Result = Dict[str, Any]

_GPU_SHARE = 0.5  # of the time, which a driver that hangs may take
# What says nothing of the GPUs, but only that the user of the check may not ask the driver. To go on as if there were
# none would contradict every model that is on one.
_BLIND = "permission_denied"
# What a server looks like that does not answer, and one that does not answer yet. Any other failure is an answer to
# another question, such as a header that is missing: then nobody knows how the models are.
_SILENT = ("refused", "closed", "truncated", "unavailable", "unreachable", "timeout")
_NOT_YET = ("refused", "closed", "unavailable")


_NOTHING: Mapping[str, Any] = {
    "models": [],
    "counts": {},
    "contradicted": [],
    "critical_contradicted": [],
    "pending": [],
}


class Gpus(NamedTuple):
    """The GPUs of the host.

    Attributes:
        told: what of them goes into the state.
        visible: what a server sees of them; None where the options give them.
    """

    told: Result
    visible: Optional[VisibleGpus]


def look(wanted: MonitorOptions, deadline: float) -> Result:
    """What the state of a look says, without when it was and how long it took.

    Args:
        deadline: by `time.monotonic`; no request begins after it.

    Nothing that is wrong with the host or its server raises.
    """
    gpus = see_gpus(wanted, max(deadline - time.monotonic(), 1.0) * _GPU_SHARE)
    blind = next((one for one in gpus.told["findings"] if one["state"] == _BLIND and one["severity"] == ERROR), None)
    if blind is not None:
        compared, failure = _NOTHING, _blind(blind)
    else:
        compared, failure = _compare(wanted, gpus.visible, deadline)
    status = failure["status"] if failure else _status(compared, gpus.told)
    summary = failure["summary"] if failure else compared["summary"]
    return {
        **compared,
        "status": status,
        "summary": summary,
        "server_error": failure["server_error"] if failure else None,
        "gpu": gpus.told,
    }


def see_gpus(wanted: MonitorOptions, seconds: float) -> Gpus:
    """Diagnose the GPUs of the host. Those that the options give are taken as they are."""
    given = wanted.placement["gpus"]
    if given is not None:
        usable = sum(gpu.get("usable", True) is not False for gpu in given)
        summary = f"{usable} of the {len(given)} GPUs in the configuration of the check are usable."
        return Gpus(_told(summary, "ok", len(given), usable, wanted, []), None)
    asked, _warnings = parse_wanted(gpu_options(wanted.placement, wanted.expected_gpus, seconds))
    diagnosis = diagnose(collect(root=wanted.gpu_root, seconds=seconds), asked)
    facts = as_facts(diagnosis)
    findings = [_finding(found, wanted.accepted_gpu_states) for found in facts["findings"]]
    told = _told(facts["summary"], _worst(findings), facts["present_count"], facts["usable_count"], wanted, findings)
    visible = visible_gpus(diagnosis, SOURCE)
    version = wanted.placement["driver_version"]
    return Gpus(told, visible if version is None else visible._replace(driver_version=version))


def _told(
    summary: str, severity: str, present: int, usable: int, wanted: MonitorOptions, findings: List[Result]
) -> Result:
    return {
        "summary": summary,
        "severity": severity,
        "present_count": present,
        "usable_count": usable,
        "expected_count": wanted.expected_gpus,
        "findings": findings,
    }


def _finding(found: Mapping[str, Any], accepted: Sequence[str]) -> Result:
    names = ("state", "severity", "where", "pci_address", "explanation", "consequence", "remedy")
    is_accepted = found["state"] in accepted and found["severity"] == ERROR
    return {**{name: found[name] for name in names}, **({"severity": "info"} if is_accepted else {})}


def _worst(findings: Sequence[Mapping[str, Any]]) -> str:
    severities = {found["severity"] for found in findings}
    return next((one for one in ("error", "warning", "info") if one in severities), "ok")


def _compare(
    wanted: MonitorOptions, visible: Optional[VisibleGpus], deadline: float
) -> Tuple[Mapping[str, Any], Result]:
    """The comparison, and an empty failure; or no models, and why."""
    left = max(deadline - time.monotonic(), 0.1)
    asked = {**wanted.placement, "timeout": min(wanted.placement["timeout"], left), "startup_timeout": 0.0}
    try:
        found = verify(options.parse(asked, visible))
        return {**found.as_result(), "warnings": printable(found.warnings)}, {}
    except ServerError as error:
        return _NOTHING, printable(_of_server(error, asked))
    except (RepositoryError, QueryError, ConfigError) as error:
        return _NOTHING, printable({"status": FAILED, "summary": str(error), "server_error": None})


def _blind(finding: Mapping[str, Any]) -> Result:
    summary = (
        "The check may not ask the driver about the GPUs, so that it cannot tell where models should be. Name the "
        "group of /dev/nvidia* in triton_placement_monitor_groups, or have the driver make them for everybody "
        f"(NVreg_DeviceFileMode). {finding['explanation']}"
    )
    return {"status": FAILED, "summary": summary, "server_error": None}


def _of_server(error: ServerError, asked: Mapping[str, Any]) -> Result:
    seen = {"kind": error.kind, "url": error.url, "seen": error.seen, "remedy": error.remedy}
    status, summary = FAILED, str(error)
    if error.kind in _SILENT:
        status, summary = DOWN, f"The server does not serve. {error}"
    if error.kind in _NOT_YET and _is_starting(asked):
        status = STARTING
        summary = (
            "The server is starting: it runs, and opens its ports after it has loaded or refused every model. "
            "Its log says how far it is."
        )
    return {"status": status, "summary": summary, "server_error": seen}


def _is_starting(asked: Mapping[str, Any]) -> bool:
    """Whether the server runs, so that its ports will open."""
    if asked["service"]:
        try:
            unit = read_unit(asked["service"])
        except ServiceError:
            pass
        else:
            if unit.is_known:
                return unit.active in ("active", "activating", "reloading") and unit.sub != "auto-restart"
    return process.find(asked["url"], None, HostFiles()) is not None


def _status(compared: Mapping[str, Any], gpu: Mapping[str, Any]) -> str:
    if compared["counts"]["contradicted"]:
        return CONTRADICTED
    return GPU_PROBLEM if gpu["severity"] == ERROR else FINE
