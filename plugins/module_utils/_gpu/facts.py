# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""A diagnosis as facts: plain data for JSON, without a key that is a method of Python's dict, list or str."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from .._policy.cuda_visible_devices import visible_devices
from .._policy.gpus import VisibleGpus, parse_devices, parse_gpus
from .container_states import stale
from .evidence import CdiSpec, CudaAnswer, DriverAnswer, ServerProcess
from .gpu_entry import gpu_entry
from .release_states import release_view
from .report import report_lines
from .signs import answered, asked, branch, driver_version, loaded
from .states import Diagnosis, Finding

Facts = Dict[str, Any]


def as_facts(diagnosis: Diagnosis) -> Facts:
    """The value of ``ansible_facts.triton_gpu``."""
    evidence, gpus = diagnosis.host.evidence, _gpus(diagnosis)
    return {
        "summary": diagnosis.summary,
        "state": diagnosis.state,
        "severity": diagnosis.severity,
        "present_count": len(gpus),
        "usable_count": sum(gpu["usable"] for gpu in gpus),
        "platform": evidence.platform.kind,
        "environment": _environment(diagnosis),
        "driver": _driver(diagnosis),
        "driver_version": driver_version(diagnosis.host) or None,
        "cuda_version": _cuda_version(diagnosis),
        "gpus": gpus,
        "other_gpus": [
            {
                "pci_address": other.address,
                "vendor": other.vendor,
                "device_id": other.device_id,
                "driver": other.driver or None,
            }
            for other in evidence.other_gpus
        ],
        "container": _container(diagnosis),
        "fabric": _fabric(diagnosis),
        "services": {"persistenced": evidence.services.persistenced},
        "servers": [_server(server) for server in evidence.servers],
        "triton": _triton(diagnosis, gpus),
        "findings": [_finding(finding) for finding in diagnosis.findings],
        "report": report_lines(diagnosis),
        "probes": {
            "nvml": _probe(evidence.nvml),
            "nvidia_smi": _probe(evidence.smi),
            "cuda": _cuda_probe(evidence.cuda),
        },
    }


def visible_gpus(diagnosis: Diagnosis, source: str) -> VisibleGpus:
    """What a server with the variable that is asked about sees.

    Args:
        source: where this was learned, for messages.
    """
    entries = [gpu_entry(gpu) for gpu in diagnosis.gpus]
    visible = parse_gpus(entries, diagnosis.host.wanted.cuda_visible_devices, driver_version(diagnosis.host))
    hidden = visible.hidden if entries else (_without_end(diagnosis.summary),)
    return visible._replace(hidden=hidden, source=source)


def _without_end(sentence: str) -> str:
    return sentence[:-1] if sentence.endswith(".") else sentence


def _gpus(diagnosis: Diagnosis) -> List[Facts]:
    """The GPUs, with the numbers by which the server calls them or their MIG devices."""
    entries = [gpu_entry(gpu) for gpu in diagnosis.gpus]
    devices = parse_devices(entries)
    variable = diagnosis.host.wanted.cuda_visible_devices
    visible, _hidden = visible_devices(devices, variable, driver_version(diagnosis.host))
    for entry, device in zip(entries, devices):
        pairs = [(entry, device), *zip(entry["mig_devices"], device.mig_devices)]
        for facts, one in pairs:
            facts["ordinal"] = next((number for number, other in enumerate(visible) if other is one), None)
    return entries


def _environment(diagnosis: Diagnosis) -> Facts:
    evidence = diagnosis.host.evidence
    platform = evidence.platform
    return {
        "kernel": platform.kernel or None,
        "boot_id": platform.boot_id or None,
        "virtualization": platform.virtualization or None,
        "in_container": platform.in_container,
        "memory_mib": platform.memory_mib,
        "model": platform.model or None,
        "architecture": platform.architecture or None,
        "secure_boot": evidence.driver.secure_boot,
        "user": evidence.user,
    }


def _driver(diagnosis: Diagnosis) -> Facts:
    host, driver = diagnosis.host, diagnosis.host.evidence.driver
    library = driver.nvml_version or driver.cuda_library_version
    runs = loaded(host) or "nvgpu" in driver.modules or answered(host)
    parts = (
        driver.nvml_library,
        driver.cuda_library,
        driver.nvidia_smi,
        driver.module_on_disk,
        driver.driver_container,
    )
    return {
        "module_version": driver.loaded_version or None,
        "library_version": library or None,
        "branch": branch(host),
        "flavor": driver.flavor or None,
        "loaded": runs,
        "installed": any(parts) or runs,
    }


def _cuda_version(diagnosis: Diagnosis) -> Optional[str]:
    cuda = diagnosis.host.evidence.cuda
    told = [answer.cuda_version for answer in asked(diagnosis.host)]
    return next(filter(None, told), (cuda.driver_version if cuda else "") or None)


def _container(diagnosis: Diagnosis) -> Facts:
    stack = diagnosis.host.evidence.containers

    def entry(spec: CdiSpec) -> Facts:
        return {
            "path": spec.path,
            "driver_versions": list(spec.driver_versions),
            "device_names": list(spec.device_names),
            "missing_nodes": list(spec.missing_nodes),
            "stale": bool(stale(diagnosis.host, spec)),
        }

    return {
        "engines": list(stack.engines),
        "toolkit": stack.toolkit or None,
        "toolkit_version": stack.toolkit_version or None,
        "docker_runtimes": list(stack.docker_runtimes),
        "docker_default_runtime": stack.docker_default_runtime or None,
        "cdi_specs": [entry(spec) for spec in stack.cdi_specs],
    }


def _fabric(diagnosis: Diagnosis) -> Facts:
    evidence = diagnosis.host.evidence
    services = evidence.services
    manager = "running" if services.fabric_manager else "not_installed"
    if not services.fabric_manager and "nvidia-fabricmanager" in services.installed:
        manager = "stopped"
    return {
        "nvswitches": services.nvswitches,
        "fabric_manager": None if evidence.platform.in_container else manager,
        "fabric_manager_version": services.fabric_manager_version or None,
    }


def _server(server: ServerProcess) -> Facts:
    environment = server.environment or {}
    return {
        "pid": server.pid,
        "options": {name: list(values) for name, values in server.options.items()},
        "cuda_visible_devices": environment.get("CUDA_VISIBLE_DEVICES"),
        "cuda_device_order": environment.get("CUDA_DEVICE_ORDER"),
        "device_nodes": None if server.device_nodes is None else sorted(server.device_nodes),
        "cuda_library": server.cuda_library,
        "in_container": server.in_container,
    }


def _triton(diagnosis: Diagnosis, gpus: List[Facts]) -> Optional[Facts]:
    """What the release that was asked for makes of these GPUs."""
    wanted = diagnosis.host.wanted
    if wanted.triton_release is None and wanted.logged is None:
        return None
    visible = parse_gpus(gpus, wanted.cuda_visible_devices, driver_version(diagnosis.host))
    view = release_view(diagnosis.host, visible).as_result()
    used = [{"ordinal": gpu["ordinal"], "name": gpu["name"], "uuid": gpu["uuid"]} for gpu in view["gpus"]]
    taken_over = ("release", "version", "cuda", "min_compute_capability", "driver_fit", "left_out", "why_no_gpu")
    return {**{name: view[name] for name in taken_over}, "gpus": used}


def _finding(finding: Finding) -> Facts:
    return {
        "state": finding.state.id,
        "severity": finding.severity,
        "scope": finding.state.scope,
        "pci_address": finding.pci_address or None,
        "where": finding.where,
        "evidence": list(finding.evidence),
        "explanation": finding.explanation,
        "consequence": finding.consequence,
        "remedy": finding.remedy,
        "dcgm": finding.state.dcgm,
    }


def _probe(answer: Optional[DriverAnswer]) -> Optional[Facts]:
    if answer is None:
        return None
    failure = "no answer in time" if answer.timed_out and not answer.failure else answer.failure
    return {
        "asked": answer.asked,
        "seconds": round(answer.seconds, 3),
        "error": answer.error,
        "failure": failure or None,
    }


def _cuda_probe(answer: Optional[CudaAnswer]) -> Optional[Facts]:
    if answer is None:
        return None
    failure = "no answer in time" if answer.timed_out and not answer.failure else answer.failure or answer.seen
    return {"asked": "cuInit", "seconds": round(answer.seconds, 3), "error": answer.error, "failure": failure or None}
