# SPDX-License-Identifier: GPL-3.0-or-later
"""model_repository_info foretells what the server on this host does, and where its models would go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonserver import Server

from .conftest import Playbook, Repository, index, kinds
from .test_silent_fallback import IMPLICIT, fill

V100 = {"name": "Tesla V100", "compute_capability": "7.0"}


def info(repository: Repository, **options: Any) -> dict[str, Any]:
    return {"inference.triton.model_repository_info": {"repositories": [str(repository.path)], **options}}


def test_the_server_does_what_was_predicted(
    repository: Repository, playbook: Playbook, start: Callable[..., Server]
) -> None:
    fill(repository)
    repository.add("on_gpu", 'backend: "python"\ninstance_group { kind: KIND_GPU }\n')
    repository.add_ensemble("on_gpu_pipeline", "on_gpu")

    (predicted,) = playbook.run(info(repository, cuda_visible_devices=""))
    server = start(repository)

    assert predicted["silent_cpu"] == sorted(IMPLICIT)
    assert predicted["will_not_load"] == ["on_gpu", "on_gpu_pipeline"]
    entries = index(server)
    for model in predicted["models"]:
        name, prediction = model["model"], model["prediction"]
        assert (entries.get(name, {}).get("state") == "READY") == prediction["loads"]
        if prediction["loads"]:
            assert kinds(server, name) == [(group["kind"], group["count"]) for group in prediction["groups"]]
    (on_gpu,) = [model for model in predicted["models"] if model["model"] == "on_gpu"]
    assert entries["on_gpu"]["reason"] == on_gpu["prediction"]["error"]


def test_what_an_upgrade_takes_to_the_cpu(repository: Repository, playbook: Playbook) -> None:
    fill(repository)
    now, then = playbook.run(
        info(repository, gpus=[V100], driver_version="580.95.05", triton_release="24.10"),
        info(repository, gpus=[V100], driver_version="580.95.05", triton_release="25.10"),
    )
    assert now["silent_cpu"] == []
    assert then["silent_cpu"] == sorted(IMPLICIT)
