# SPDX-License-Identifier: GPL-3.0-or-later
"""No policy breaks a model: the same repository on the real tritonserver before and after a preset was enforced.

The hosts and most backends are stand-ins, see `tests/standin_cuda`. They refuse nothing that core takes.
"""

from __future__ import annotations

import datetime
import itertools
from pathlib import Path

import pytest
from ansible_collections.inference.triton.plugins.module_utils._policy.decision import Host as PolicyHost
from ansible_collections.inference.triton.plugins.module_utils._policy.parsing import parse_policy
from ansible_collections.inference.triton.plugins.module_utils._repository.enforcement import Request, enforce
from ansible_collections.inference.triton.tests.standin_cuda.server import Host, Library, Model, build, observe, write

BACKENDS = ["null", "onnxruntime", "tensorrt", "pytorch", "vllm", "openvino"]
GROUPS = [
    "",
    *(
        f"instance_group [ {{ {kind} {fields} }} ]"
        for kind in (
            "",
            "kind: KIND_AUTO",
            "kind: KIND_GPU",
            "kind: KIND_CPU",
            "kind: KIND_MODEL",
            "kind: 0",
            "kind: 2",
        )
        for fields in ("", "count: 2", "gpus: 1", "gpus: [ 0, 7 ]")
    ),
    "instance_group [ { count: 2 }, { kind: KIND_CPU count: 3 } ]",
    "instance_group [ { gpus: 0 }, { gpus: 1 } ]",
    "instance_group [ { kind: KIND_MODEL }, { } ]",
]
MODELS = {
    f"{backend}_{number}": Model(f'backend: "{backend}" {group}')
    for backend, (number, group) in itertools.product(BACKENDS, enumerate(GROUPS))
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return build(tmp_path_factory.mktemp("library"))


@pytest.mark.parametrize("preset", ["strict_gpu", "explicit_only"])
def test_what_loaded_on_two_gpus_still_does_and_nothing_is_left_to_chance(
    preset: str, library: Library, tmp_path: Path
) -> None:
    repository = tmp_path / "models"
    write(repository, MODELS, library)
    with_gpus, without = Host(("8.0", "8.0")), Host()
    before, _ = observe([repository], with_gpus, library, tmp_path / "before")

    today = datetime.date(2026, 7, 1)
    request = Request([str(repository)], parse_policy({"preset": preset}), PolicyHost(today), keep_going=True)
    settled = {plan.model.name for plan in enforce(request).plans if plan.decision.status in ("changed", "compliant")}
    after, _ = observe([repository], with_gpus, library, tmp_path / "after")
    anywhere, _ = observe([repository], without, library, tmp_path / "anywhere")

    assert len(settled) > len(MODELS) / 2
    assert [name for name in MODELS if before[name].loads and not after[name].loads] == []
    for name in settled:
        if after[name].loads and anywhere[name].loads:
            assert [group[1] for group in after[name].groups] == [group[1] for group in anywhere[name].groups]
