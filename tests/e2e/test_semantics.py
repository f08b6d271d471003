# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rules say of a configuration, held against what the server says of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._model_config.refused_configs import (
    ENSEMBLES,
    REFUSED,
    profile,
)
from triton_wheel import TritonError
from tritonserver import Server

from .conftest import Playbook, Repository, index

# A model that completes nothing, so that the server sees the tensors as the file has them.
MODEL = """\
class TritonPythonModel:
    def execute(self, requests):
        raise NotImplementedError("no test sends a request")
"""
COMPOSED = """\
backend: "python"
input { name: "IN" data_type: TYPE_FP32 dims: 1 }
output { name: "OUT" data_type: TYPE_FP32 dims: 1 }
"""
# Newer than the server, which is 24.10.
NEWER = {
    "model_metrics": "model_metrics { }\n",
    "max_inflight_requests": "ensemble_scheduling { max_inflight_requests: 1 }\n",
}


def add(repository: Repository, name: str, config: str) -> None:
    repository.add(name, config)
    (repository.path / name / "1" / "model.py").write_text(MODEL)


def findings(playbook: Playbook, repository: Repository, **options: str) -> dict[str, list[dict[str, str]]]:
    (result,) = playbook.run({"inference.triton.model_config_info": {"repository": str(repository.path), **options}})
    return {entry["model"]: entry["findings"] for entry in result["models"]}


def reasons(server: Server) -> dict[str, str]:
    """Why the server does not serve a model: from its index, or where a model is not even there, from its log."""
    polled = re.findall(r"Poll failed for model directory '([^']*)': (.*?)\"?$", server.log_text(), re.MULTILINE)
    failed = re.findall(r"failed to load model '([^']*)': (.*?)\"?$", server.log_text(), re.MULTILINE)
    return {**{name: entry.get("reason", "") for name, entry in index(server).items()}, **dict(polled + failed)}


def test_the_server_says_of_every_refused_configuration_what_the_finding_says(
    repository: Repository, playbook: Playbook, start: Callable[..., Server]
) -> None:
    add(repository, "composed", COMPOSED)
    cases = {f"case{number}": case for number, case in enumerate(REFUSED)}
    for name, case in cases.items():
        if case in ENSEMBLES:
            (repository.path / name / "1").mkdir(parents=True)
            (repository.path / name / "config.pbtxt").write_text(case.config)
        else:
            add(repository, name, case.config)

    found = findings(playbook, repository)
    server = start(repository)

    said = reasons(server)
    assert (found.pop("composed"), index(server)["composed"]["state"]) == ([], "READY")
    for name, case in cases.items():
        (finding,) = found[name]
        quoted = finding["message"].removeprefix("Triton refuses the model: ")
        assert quoted in said[name], case.id


def test_a_server_does_not_survive_a_profile_that_is_too_large(repository: Repository, tmp_path: Path) -> None:
    repository.add("huge", profile("2147483648").replace("@", ""))
    with pytest.raises(TritonError, match=r"std::out_of_range"):
        Server.start(repository.path, state=tmp_path)


def test_a_server_refuses_what_is_newer_than_itself(
    repository: Repository, playbook: Playbook, start: Callable[..., Server]
) -> None:
    for name, config in NEWER.items():
        repository.add(name, 'backend: "python"\n' + config)
    repository.add("known", 'backend: "python"\ninput { name: "IN" is_non_linear_format_io: false }\n')

    found = findings(playbook, repository, triton_release="24.10")
    server = start(repository)

    for name in NEWER:
        assert "newer-than-release" in {finding["rule"] for finding in found[name]}
        assert reasons(server)[name].startswith("failed to read text proto")
        assert f'has no field named "{name}"' in server.log_text()
    assert (found["known"], index(server)["known"]["state"]) == ([], "READY")


def test_a_server_with_a_rate_limiter_refuses_a_resource_of_both_scopes(
    repository: Repository, playbook: Playbook, start: Callable[..., Server]
) -> None:
    resources = "resources [ { name: 'R' global: true count: 1 }, { name: 'R' count: 1 } ]"
    repository.add("both", f'backend: "python"\ninstance_group {{ kind: KIND_CPU rate_limiter {{ {resources} }} }}\n')

    (finding,) = findings(playbook, repository)["both"]
    server = start(repository, "--rate-limit=execution_count")

    assert finding["severity"] == "warning"
    assert finding["message"].partition("refuses the model: ")[2] in reasons(server)["both"]
