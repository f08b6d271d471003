# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The outcome for all models of a server, as data and in words."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional

from .._model_config.instance_group import KIND_CPU, KIND_GPU, KIND_MODEL
from . import report
from .grades import CONTRADICTED, GRADES
from .index_states import READY, UNLOADED
from .placement_difference import running_groups
from .records import ModelProof, SeenVersion, ServerSeen
from .takeup import moment

_ON = {KIND_GPU: "on_gpu", KIND_CPU: "on_cpu", KIND_MODEL: "on_model"}


class Proof(NamedTuple):
    """The verdict on a server.

    Attributes:
        models: by name.
        pending: names of those whose files the server has to take up, steps of ensembles before these.
    """

    models: List[ModelProof]
    pending: List[str]
    server: ServerSeen

    def contradicted(self, critical: bool = False) -> List[str]:
        """Names of the models that are not where they should be; ``critical``: of those that have to be served."""
        return list(
            dict.fromkeys(
                proof.name
                for proof in self.models
                if proof.grade == CONTRADICTED and (is_critical(proof) or not critical)
            )
        )

    @property
    def counts(self) -> Dict[str, int]:
        """How many models there are of each grade and each kind of instance. One with two kinds counts for both."""
        counts = {"models": len(self.models), **dict.fromkeys(GRADES, 0)}
        counts.update(critical_contradicted=0, pending=len(self.pending), on_gpu=0, on_cpu=0, on_model=0, not_served=0)
        for proof in self.models:
            counts[proof.grade] += 1
            counts["critical_contradicted"] += proof.grade == CONTRADICTED and is_critical(proof)
            counts["not_served"] += not is_served(proof)
            for kind in kinds_of(proof):
                counts[_ON[kind]] += 1
        return counts

    def summary(self) -> str:
        """One sentence: whether the models are where they should be."""
        return report.summary(self.models)

    def report(self) -> List[str]:
        """What needs attention, with cause and cure, in lines; only the summary where nothing does."""
        return report.lines(self.models, self.server)

    def as_result(self) -> Dict[str, Any]:
        """As a module returns it, but for what only the module knows: ``changed`` and ``ignored``."""
        server = self.server
        return {
            "models": [_model(proof) for proof in self.models],
            "counts": self.counts,
            "contradicted": self.contradicted(),
            "critical_contradicted": self.contradicted(critical=True),
            "pending": list(self.pending),
            "server": {
                "url": server.url,
                "version": server.version,
                "live": server.live,
                "ready": server.ready,
                "control_mode": server.control_mode,
                "control_mode_source": server.control_mode_source,
                "started_at": None if server.started_at is None else moment(server.started_at),
            },
            "host": server.host.as_result(),
            "metrics_error": server.metrics_error,
            "log": {"source": server.log_source, "error": server.log_error},
            "summary": self.summary(),
            "report": self.report(),
        }


def is_critical(proof: ModelProof) -> bool:
    """Whether a model has to be served. One that no file has need not."""
    return proof.on_disk is not None and proof.on_disk.critical


def is_served(proof: ModelProof) -> bool:
    """Whether a version of a model serves."""
    return proof.seen is not None and any(version.state == READY for version in proof.seen.versions)


def kinds_of(proof: ModelProof) -> List[str]:
    """The kinds of the instances that serve, each once."""
    versions = () if proof.seen is None else proof.seen.versions
    configs = (version.config for version in versions if version.state == READY and version.config)
    kinds = {group.kind for config in configs for group in running_groups(config)}
    return [kind for kind in _ON if kind in kinds]


def _model(proof: ModelProof) -> Dict[str, Any]:
    disk, seen = proof.on_disk, proof.seen
    expected = disk.expected if disk is not None else None
    versions = () if seen is None else seen.versions
    told = next((version for version in versions if version.state == READY), None) or _worst(versions)
    return {
        "name": proof.name,
        "repository": disk.repository if disk else None,
        "file": disk.file if disk else None,
        "backend": disk.backend if disk else _of_running(proof, "backend"),
        "platform": disk.platform if disk else _of_running(proof, "platform"),
        "critical": is_critical(proof),
        "grade": proof.grade,
        "served": is_served(proof),
        "state": told.state if told else None,
        "reason": told.reason if told else "",
        "status": expected.status if expected else None,
        "rule": expected.rule if expected else None,
        "waiver": expected.waiver if expected else None,
        "policy_reason": expected.reason if expected else "",
        "expected": {
            "source": expected.source if expected else None,
            "groups": [dict(group) for group in expected.groups] if expected else [],
            "versions": [str(version) for version in disk.versions] if disk else [],
        },
        "resolved": [_version(version) for version in versions],
        "evidence": [evidence._asdict() for evidence in proof.evidence],
        "problems": [problem._asdict() for problem in proof.problems],
        "drift": {**proof.drift._asdict(), "fields": list(proof.drift.fields)},
        "pending": proof.pending,
    }


def _worst(versions: Any) -> Optional[SeenVersion]:
    """The version whose state is told where none serves: one that was not let go on purpose."""
    failed = [version for version in versions if version.reason != UNLOADED]
    return next(iter(failed or versions), None)


def _of_running(proof: ModelProof, field: str) -> str:
    versions = () if proof.seen is None else proof.seen.versions
    return next((str(version.config.get(field, "")) for version in versions if version.config), "")


def _version(version: SeenVersion) -> Dict[str, Any]:
    groups = running_groups(version.config) if version.config else []
    return {
        "version": version.version,
        "state": version.state,
        "reason": version.reason,
        "ready": version.ready,
        "groups": [
            {"name": group.name, "kind": group.kind, "count": group.each, "gpus": list(group.gpus)} for group in groups
        ],
        "gpu_uuids": list(version.gpu_uuids),
        "memory_usage": None if version.memory_usage is None else [dict(row) for row in version.memory_usage],
    }
