# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy as people keep it: in variables and templates, with dates, and with numbers that are texts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tritonserver import Server

from .conftest import Playbook, Repository, kinds

VARIABLES = """\
count: "2"
size: 8
today: 2999-12-31
mode: "{{ 'enforce' if enforcing | default(true) else 'audit' }}"
ours:
  mode: "{{ mode }}"
  rules:
    - name: große Modelle → GPU
      match:
        models: ["größe_*"]
        query: "parameters.size.string_value == 'xl'"
      instance_group:
        - {kind: KIND_GPU, count: "{{ count }}", gpus: {memory_gb: "{{ 40 }}", count: "{{ count | int }}"}}
      level: exact
      config:
        max_batch_size: "{{ size }}"
        dynamic_batching: {preferred_batch_size: ["{{ size // 2 }}", 8]}
        parameters: {threads: {string_value: "{{ count }}"}}
      remove: [version_policy.latest]
  preset: strict_gpu
  waivers:
    - {models: [waived], reason: "no GPU kernel before opset 17", expires: 2999-12-31}
    - {models: [quoted], reason: r, expires: "2999-12-31"}
    - {models: [templated], reason: r, expires: "{{ today }}"}
    - {models: [over], reason: r, expires: 2020-01-01}
"""


def task(repository: Repository, policy: Any, **options: Any) -> dict[str, Any]:
    arguments = {"repositories": [str(repository.path)], "policy": policy, **options}
    return {"inference.triton.instance_group_policy": arguments, "ignore_errors": True}


@pytest.fixture
def variables(tmp_path: Path) -> tuple[str, str]:
    path = tmp_path / "variables.yml"
    path.write_text(VARIABLES)
    return ("-e", f"@{path}")


def test_a_policy_in_variables_and_templates(
    repository: Repository, playbook: Playbook, variables: tuple[str, str]
) -> None:
    big = 'backend: "python"\nversion_policy { latest { num_versions: 1 } }\n'
    big += 'parameters { key: "size" value { string_value: "xl" } }\n'
    path = repository.add("größe_1", big)
    for name in ("waived", "quoted", "templated", "over", "rest"):
        repository.add(name)
    gpus = [{"memory_mib": "{{ 81559 }}"}, {"memory_mib": 15360}, {"memory_mib": 81559}]
    policy = task(repository, "{{ ours }}", gpus=gpus)
    before = repository.files()

    (checked,) = playbook.run(policy, options=(*variables, "--check", "--diff"))
    assert repository.files() == before
    audited, done, again = playbook.run(
        {**policy, "vars": {"enforcing": False}}, policy, {**policy, "check_mode": False}, options=variables
    )

    assert {model["model"]: model["status"] for model in done["models"]} == {
        "größe_1": "changed",
        "over": "violation",
        "quoted": "waived",
        "rest": "changed",
        "templated": "waived",
        "waived": "waived",
    }
    assert (audited["changed"], audited["counts"]["violation"]) == (False, 3)
    assert (checked["models"], checked["counts"]) == (done["models"], done["counts"])
    assert (again["changed"], again["counts"]["compliant"]) == (False, 2)
    assert [waiver["expires"] for waiver in done["waivers"]] == ["2999-12-31"] * 3 + ["2020-01-01"]
    after = path.read_text()
    assert "latest" not in after
    for text in ("count: 2\n", "gpus: [ 0, 2 ]", "max_batch_size: 8\n", "preferred_batch_size: [ 4, 8 ]", '"threads"'):
        assert text in after


def test_every_mistake_of_a_policy_at_once(repository: Repository, playbook: Playbook) -> None:
    repository.add("m")
    before = repository.files()
    policy = {
        "preset": "strictgpu",
        "rules": [{"match": {"query": "a =="}, "instance_group": [{"kind": "GPU"}], "remove": ["input[0]"]}],
        "waivers": [{"models": ["m"], "expires": "soon"}],
    }
    (result,) = playbook.run(task(repository, policy))
    assert [line.split(": ")[0] for line in result["msg"].split("\n")[1:] if line[:1].isalpha()] == [
        "rules[0].match.query",
        "rules[0].instance_group[0].kind",
        "rules[0].remove[0]",
        "preset",
        "waivers[0].reason",
        "waivers[0].expires",
    ]
    assert repository.files() == before


def test_a_query_that_fails_on_one_model_stops_the_run(repository: Repository, playbook: Playbook) -> None:
    repository.add("a", 'parameters { key: "size" value { string_value: "x" } }\n')
    repository.add("b")
    before = repository.files()
    rule = {"name": "sizes", "match": {"query": "contains(parameters.size.string_value, 'x')"}}
    policy = {"rules": [{**rule, "instance_group": [{"kind": "KIND_GPU"}]}]}
    (result,) = playbook.run(task(repository, policy, on_error="continue"))
    assert result["msg"].startswith(f"{repository.path}/b: the query of the rule 'sizes', ")
    assert repository.files() == before


def test_fail_on_and_a_baseline(repository: Repository, playbook: Playbook, tmp_path: Path) -> None:
    repository.add("old")
    policy = {"preset": "strict_gpu", "mode": "audit"}
    baseline = {"baseline": str(tmp_path / "baseline.json")}
    written, known = playbook.run(
        task(repository, policy, **baseline, write_baseline=True),
        task(repository, policy, **baseline, fail_on=["violation"]),
    )
    repository.add("new")
    (failed,) = playbook.run(task(repository, policy, **baseline, fail_on=["violation"]))

    assert (written["changed"], known["changed"], known.get("failed", False)) == (True, False, False)
    assert known["baseline"]["known"] == 1
    assert failed["failed"]
    assert failed["msg"].startswith("One configuration failed the task (fail_on), so nothing was changed:\n")
    assert f"{repository.path}/new/config.pbtxt: violation: there is no instance_group" in failed["msg"]
    assert "/old/" not in failed["msg"]


def test_a_variant_is_what_a_server_of_its_class_reads(
    repository: Repository, playbook: Playbook, start: Callable[..., Server]
) -> None:
    path = repository.add("m", 'backend: "python"\r\ninstance_group { kind: KIND_CPU count: 1 } # ours\r\n')
    repository.add("no_config", None)
    before = path.read_bytes()
    policy = {"rules": [{"instance_group": [{"kind": "KIND_CPU", "count": 2}], "level": "exact"}]}
    written, again = playbook.run(*[task(repository, policy, config_name="a100")] * 2)
    assert (written["changed"], again["changed"], path.read_bytes()) == (True, False, before)

    shared, of_the_class = start(repository), start(repository, "--model-config-name=a100")

    assert kinds(shared, "m") == [("KIND_CPU", 1)]
    assert kinds(of_the_class, "m") == [("KIND_CPU", 2)]
    assert kinds(of_the_class, "no_config") == [("KIND_CPU", 2)]
