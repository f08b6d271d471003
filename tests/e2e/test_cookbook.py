# SPDX-License-Identifier: GPL-3.0-or-later
"""Each playbook of docs/cookbook does what it says to a repository of its kind, and a second run changes nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.inference.triton.plugins.filter.textproto import from_textproto
from ansible_collections.inference.triton.plugins.module_utils._policy.parsing import parse_policy

from .conftest import ENSEMBLE

COOKBOOK = Path(__file__).resolve().parents[2] / "docs" / "cookbook"

GPU, CPU, MODEL = {"kind": "KIND_GPU"}, {"kind": "KIND_CPU"}, {"kind": "KIND_MODEL"}
XL = 'parameters { key: "size" value { string_value: "xl" } }\n'
A100 = {"name": "NVIDIA A100-SXM4-40GB", "memory_mib": 40960, "compute_capability": "8.0"}
T4 = {"name": "Tesla T4", "memory_mib": 15360, "compute_capability": "7.5"}
V100 = {"name": "Tesla V100-SXM2-16GB", "memory_mib": 16160, "compute_capability": "7.0"}
MIG = {
    **A100,
    "mig_mode": "enabled",
    "mig_devices": [
        {"uuid": "MIG-11111111-1111-5111-8111-111111111111", "profile": "1g.5gb", "memory_mib": 4864},
        {"uuid": "MIG-22222222-2222-5222-8222-222222222222", "profile": "3g.20gb", "memory_mib": 19968},
    ],
}


def onnx(more: str = "") -> str:
    return f'backend: "onnxruntime"\n{more}'


def python(more: str = "") -> str:
    return f'backend: "python"\n{more}'


@dataclass(frozen=True)
class Situation:
    """A repository, and what the playbook makes of it.

    Attributes:
        models: the text of config.pbtxt by model; None for a model that has no file.
        groups: the instance groups afterwards, by path below the repository; None for a file that does not exist.
        files: further files, by path below the repository.
    """

    models: dict[str, str | None]
    groups: dict[str, list[dict[str, Any]] | None]
    variables: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


SITUATIONS = {
    "llm_host": Situation(
        models={
            "llama_70b": 'backend: "vllm"\n',
            "llama_8b": 'backend: "vllm"\n',
            "tensorrt_llm": 'backend: "tensorrtllm"\n',
            "preprocessing": python(),
            "embedder": onnx(),
        },
        files={
            "llama_70b/1/model.json": '{"model": "m", "tensor_parallel_size": 4}',
            "llama_8b/1/model.json": '{"model": "m"}',
        },
        groups={
            "llama_70b": [MODEL],
            "llama_8b": [GPU],
            "tensorrt_llm": [CPU],
            "preprocessing": [{**CPU, "count": 4}],
            "embedder": [GPU],
        },
    ),
    "pre_and_post_processing": Situation(
        models={
            "preprocess_image": python("instance_group [ { count: 8 } ]\n"),
            "postprocess_boxes": python(),
            "detect": onnx("instance_group [ { kind: KIND_CPU count: 3 } ]\n"),
            "pipeline": ENSEMBLE % "detect",
        },
        groups={
            "preprocess_image": [{**CPU, "count": 2}],
            "postprocess_boxes": [{**CPU, "count": 2}],
            "detect": [{**GPU, "count": 3}],
            "pipeline": [],
        },
    ),
    "mig": Situation(
        models={"detect": onnx("instance_group [ { kind: KIND_GPU gpus: [ 3 ] } ]\n"), "resize": python()},
        groups={"detect": [{**GPU, "count": 1, "gpus": [0]}], "resize": [GPU]},
        variables={"triton_gpus": [MIG], "triton_mig_device": MIG["mig_devices"][1]["uuid"]},
    ),
    "laptops_without_gpu": Situation(
        models={"detect": onnx("instance_group [ { kind: KIND_GPU gpus: [ 0 ] } ]\n"), "resize": python("# none\n")},
        groups={
            "detect": [{**GPU, "gpus": [0]}],
            "detect/configs/laptop.pbtxt": [CPU],
            "resize": [],
            "resize/configs/laptop.pbtxt": [CPU],
        },
    ),
    "shared_repository": Situation(
        models={"detect": onnx(), "large": onnx(XL)},
        groups={
            "detect": [],
            "detect/configs/a100.pbtxt": [{**GPU, "count": 2, "gpus": [0, 1]}],
            "detect/configs/t4.pbtxt": [{**GPU, "count": 1, "gpus": [0]}],
            "large/configs/a100.pbtxt": [{**GPU, "count": 2, "gpus": [0, 1]}],
            "large/configs/t4.pbtxt": [{**CPU, "count": 1}],
        },
    ),
    "gradual_adoption": Situation(
        models={"search_ranker": onnx(), "legacy": onnx(), "odd": 'backend: "tensorrt"\nunknown: 1\n'},
        groups={"search_ranker": [GPU], "legacy": []},
        variables={"write_baseline": True},
    ),
    "onnxruntime_with_tensorrt": Situation(
        models={"detect": onnx("instance_group [ { kind: KIND_CPU count: 2 } ]\n"), "resize": python()},
        groups={"detect": [{**GPU, "count": 2}], "resize": [GPU]},
    ),
    "several_gpus": Situation(
        models={
            "large": onnx(XL),
            "brain": python('input [ { name: "IN" data_type: TYPE_BF16 dims: [ 1 ] } ]\n'),
            "small": onnx("instance_group [ { } ]\n"),
        },
        groups={
            "large": [{**GPU, "gpus": [1, 2]}],
            "brain": [{**GPU, "gpus": [1]}],
            "small": [{**GPU, "gpus": [0]}],
        },
        variables={"triton_gpus": [T4, A100, A100]},
    ),
    "gpu_with_cpu_overflow": Situation(
        models={
            "ranker_a": onnx(),
            "detect": onnx("instance_group [ { }, { kind: KIND_CPU count: 2 } ]\n"),
        },
        groups={
            "ranker_a": [{**GPU, "count": 2}, {**CPU, "count": 4}],
            "detect": [GPU, {**CPU, "count": 2}],
        },
    ),
    "exceptions": Situation(
        models={
            "legacy_ocr": onnx("instance_group [ { kind: KIND_CPU } ]\n"),
            "single": onnx("max_batch_size: 1\ninstance_group [ { kind: KIND_CPU } ]\n"),
            "own": onnx('# triton-policy: waive reason="until it is ported" expires=2099-01-01\n'),
            "detect": onnx(),
        },
        groups={"legacy_ocr": [CPU], "single": [CPU], "own": [], "detect": [GPU]},
    ),
    "upgrade_what_if": Situation(
        models={"detect": onnx(), "ranker": onnx("instance_group [ { kind: KIND_GPU } ]\n")},
        groups={"detect": [], "ranker": [GPU]},
        variables={"triton_gpus": [A100]},
    ),
    "what_is_on_the_cpu": Situation(
        models={
            "detect": onnx("instance_group [ { count: 2 } ]\n"),
            "resize": python("instance_group [ { kind: KIND_CPU } ]\n"),
        },
        groups={"detect": [{"count": 2}], "resize": [CPU]},
        variables={"triton_gpus": []},
    ),
    "rollout_with_undo": Situation(
        models={"detect": onnx("instance_group [ { } ]\n")},
        groups={"detect": [{}]},
        variables={"triton_url": "http://127.0.0.1:9", "triton_ready_retries": 1, "triton_restart": ["true"]},
    ),
}
FAILING = {"rollout_with_undo": "What this run had changed was taken back."}


SAID = {
    "what_is_on_the_cpu": (
        "Group 0 has no kind, so the server chooses the device, and Triton uses no GPU: the list is empty",
        "Write kind: KIND_GPU into group 0",
        '"msg": "resize"',
    ),
}


def test_every_playbook_of_the_cookbook_is_tested() -> None:
    assert {path.stem for path in COOKBOOK.glob("*.yml")} == set(SITUATIONS)
    page = (COOKBOOK / "README.md").read_text()
    assert {Path(link).stem for link in re.findall(r"\]\((\w+\.yml)\)", page)} == set(SITUATIONS)


def test_the_policy_of_the_readme_is_one() -> None:
    readme = (COOKBOOK.parents[1] / "README.md").read_text()
    blocks = map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL))
    (policy,) = [block for block in blocks if "rules" in block]
    assert len(parse_policy(policy).rules) > 3
    assert parse_policy(policy).warnings == ()


@pytest.mark.parametrize("name", sorted(SITUATIONS))
def test_the_playbook_does_what_it_says(name: str, tmp_path: Path) -> None:
    situation = SITUATIONS[name]
    models = tmp_path / "models"
    for model, text in situation.models.items():
        (models / model / "1").mkdir(parents=True)
        if text is not None:
            (models / model / "config.pbtxt").write_text(text)
    for path, text in situation.files.items():
        (models / path).write_text(text)
    variables = {
        "target": "localhost",
        "triton_repositories": [str(models)],
        "triton_backup_dir": str(tmp_path / "backups"),
        "triton_baseline": str(tmp_path / "baseline.json"),
        **situation.variables,
    }

    first = run(name, variables)
    assert (first.returncode != 0) is (name in FAILING), first.stdout
    assert FAILING.get(name, "") in first.stdout
    for text in SAID.get(name, ()):
        assert text in first.stdout
    for path, groups in situation.groups.items():
        file = models / path if path.endswith(".pbtxt") else models / path / "config.pbtxt"
        assert from_textproto(file.read_text()).get("instance_group", []) == groups, path

    second = run(name, {**variables, "write_baseline": False})
    if name not in FAILING:
        assert second.returncode == 0, second.stdout
        assert re.search(r"changed=0 ", second.stdout), second.stdout


def test_what_an_upgrade_would_move_to_the_cpu_stops_it(tmp_path: Path) -> None:
    (tmp_path / "models" / "detect" / "1").mkdir(parents=True)
    (tmp_path / "models" / "detect" / "config.pbtxt").write_text(onnx())
    variables = {"target": "localhost", "triton_repositories": [str(tmp_path / "models")], "triton_gpus": [V100]}
    assert run("upgrade_what_if", {**variables, "triton_release": "24.10"}).returncode == 0
    after = run("upgrade_what_if", {**variables, "triton_release": "25.10"})
    assert after.returncode != 0
    assert "Triton 25.10 on localhost would run on the CPU: detect; would not load: nothing" in after.stdout


def test_what_an_upgrade_would_not_load_stops_it(tmp_path: Path) -> None:
    (tmp_path / "models" / "detect" / "1").mkdir(parents=True)
    (tmp_path / "models" / "detect" / "config.pbtxt").write_text(onnx("instance_group [ { kind: KIND_GPU } ]\n"))
    variables = {"target": "localhost", "triton_repositories": [str(tmp_path / "models")], "triton_gpus": [V100]}
    after = run("upgrade_what_if", {**variables, "triton_release": "25.10"})
    assert after.returncode != 0
    assert "would not load: detect" in after.stdout
    assert "has kind KIND_GPU but no GPUs are available" in after.stdout


def test_a_violation_that_the_baseline_does_not_know_fails(tmp_path: Path) -> None:
    models = tmp_path / "models"
    (models / "legacy" / "1").mkdir(parents=True)
    (models / "legacy" / "config.pbtxt").write_text(onnx())
    variables = {
        "target": "localhost",
        "triton_repositories": [str(models)],
        "triton_baseline": str(tmp_path / "baseline.json"),
    }
    assert run("gradual_adoption", {**variables, "write_baseline": True}).returncode == 0
    assert run("gradual_adoption", variables).returncode == 0
    (models / "new" / "1").mkdir(parents=True)
    (models / "new" / "config.pbtxt").write_text(onnx())
    failed = run("gradual_adoption", variables)
    assert failed.returncode != 0
    assert "new/config.pbtxt: violation" in failed.stdout
    assert "legacy/config.pbtxt: violation" not in failed.stdout


def run(name: str, variables: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    quiet = {"ANSIBLE_LOCALHOST_WARNING": "False", "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False"}
    return subprocess.run(
        ["ansible-playbook", str(COOKBOOK / f"{name}.yml"), "--extra-vars", json.dumps(variables)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        env={**os.environ, **quiet, "COLUMNS": "1000"},
        check=False,
    )
