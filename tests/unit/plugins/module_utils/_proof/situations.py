# SPDX-License-Identifier: GPL-3.0-or-later
"""Models on disk, servers that run them, and hosts, for tests of the comparison."""

from __future__ import annotations

from ansible_collections.inference.triton.plugins.module_utils._model_config.backend import derive
from ansible_collections.inference.triton.plugins.module_utils._placement.polling import ModelOnDisk
from ansible_collections.inference.triton.plugins.module_utils._placement.prediction import predict, versions_to_load
from ansible_collections.inference.triton.plugins.module_utils._placement.server import Reason, ServerView
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import Gpu
from ansible_collections.inference.triton.plugins.module_utils._proof.comparison import compare
from ansible_collections.inference.triton.plugins.module_utils._proof.records import (
    FILE,
    POLICY,
    Expected,
    LoadEvent,
    OnDisk,
    PlacementLog,
    SeenModel,
    SeenVersion,
    ServerSeen,
)

UUIDS = ("GPU-aaaa", "GPU-bbbb", "GPU-cccc", "GPU-dddd")
DRIVER = Reason("no_gpu", "the driver is not loaded")

GPU, CPU, MODEL = {"kind": "KIND_GPU"}, {"kind": "KIND_CPU"}, {"kind": "KIND_MODEL"}
AUTO = {"kind": "KIND_AUTO"}

CHANGED_AT = 1000.0  # when every file last changed
BEFORE, AFTER = 500.0, 2000.0


def gpu_host(count=1, uuids=UUIDS, **fields):
    """A host on which a server uses so many GPUs."""
    return ServerView(tuple(Gpu(number, "Tesla T4", uuids[number]) for number in range(count)), **fields)


NO_GPU_HOST = ServerView((), why_no_gpu=DRIVER)


def on_disk(name, groups=None, backend="onnxruntime", host=NO_GPU_HOST, **fields):
    """A model with these groups in its file, which the server reads; None for no instance_group."""
    config = {"backend": backend, **fields.pop("config", {})}
    if groups is not None:
        config["instance_group"] = groups
    versions = fields.pop("on_disk_versions", ("1",))
    found = derive(config, name, ())
    prediction = predict(config, name, host, ModelOnDisk(versions=versions))
    model = OnDisk(
        repository="/srv/models",
        name=name,
        file=f"/srv/models/{name}/config.pbtxt",
        config=config,
        backend=found.backend,
        platform=found.platform,
        errors=(),
        versions=versions_to_load(config, versions),
        changed_at=CHANGED_AT,
        expected=Expected(FILE, groups or ()),
        critical=True,
        prediction=prediction,
    )
    return model._replace(**fields)


def ensemble(name, *steps, **fields):
    scheduling = {"step": [{"model_name": step, "model_version": -1} for step in steps]}
    config = {"platform": "ensemble", "ensemble_scheduling": scheduling}
    model = on_disk(name, backend="", config=config, **fields)
    return model._replace(config=config)


def by_policy(groups, status="compliant", **fields):
    """What the policy wants of a model."""
    fields.setdefault("reason", "the groups are the rule's")
    return Expected(POLICY, groups, status, fields.pop("rule", "on the GPU"), **fields)


def running(name, groups, backend="onnxruntime", version="1", **fields):
    """A version that is READY, with these groups: (kind, count, gpus), and perhaps more fields of a group."""
    given = []
    for index, (kind, count, gpus, *more) in enumerate(groups):
        group = {"name": f"{name}_{index}", "kind": kind, "count": count, "gpus": list(gpus), "passive": False}
        given.append({**group, **(more[0] if more else {})})
    config = {"name": name, "backend": backend, "platform": "", "max_batch_size": 0, "instance_group": given}
    config.update(fields.pop("config", {}))
    return SeenVersion(version, "READY", fields.pop("reason", ""), True, config)._replace(**fields)


def running_ensemble(name, *steps):
    scheduling = {"step": [{"model_name": step, "model_version": -1} for step in steps]}
    config = {"name": name, "platform": "ensemble", "ensemble_scheduling": scheduling}
    return running(name, [], "", config=config)


def on_gpu(*gpus, count=1):
    return ("KIND_GPU", count, gpus or (0,))


def on_cpu(count=1):
    return ("KIND_CPU", count, ())


def down(reason, version="1", state="UNAVAILABLE"):
    return SeenVersion(version, state, reason)


def seen(name, *versions):
    return SeenModel(name, versions)


def server(*models, host=NO_GPU_HOST, **fields):
    """A server with these models in its index."""
    known = {model.name: model for model in models}
    return ServerSeen("http://localhost:8000", "2.51.0", True, True, known, host)._replace(**fields)


def log(*loads, starts=True, **instances):
    """A log: loads as (model, succeeded, reason, at), and the lines of instances by their names."""
    by_model = {}
    for name, succeeded, reason, at in loads:
        by_model.setdefault(name, []).append(LoadEvent("" if succeeded else "1", succeeded, reason, at))
    return PlacementLog(instances, by_model, starts)


def proof_of(model, version=None, host=NO_GPU_HOST, **fields):
    """What is made of one model, which the server has in one version (None for an index without it)."""
    models = () if version is None else (seen(model.name, version),)
    (proof,) = compare([model], server(*models, host=host, **fields)).models
    return proof


def ids(proof):
    return [problem.id for problem in proof.problems]


def evidence_of(proof):
    """The names of what speaks for a model, and whether it is another source than the configuration."""
    return {evidence.id: evidence.independent for evidence in proof.evidence}
