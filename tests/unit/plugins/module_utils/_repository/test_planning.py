# SPDX-License-Identifier: GPL-3.0-or-later
"""One configuration held against the policy: what is read, what decides, and what fails. See also test_enforcement."""

from __future__ import annotations

import datetime
import json
import os

import pytest
from ansible_collections.inference.triton.plugins.module_utils._policy.decision import Host
from ansible_collections.inference.triton.plugins.module_utils._policy.match import QueryError
from ansible_collections.inference.triton.plugins.module_utils._policy.parsing import parse_policy
from ansible_collections.inference.triton.plugins.module_utils._repository import enforcement
from ansible_collections.inference.triton.plugins.module_utils._repository.discovery import model_directory
from ansible_collections.inference.triton.plugins.module_utils._repository.planning import Edit, plan

PYTHON = b'backend: "python"\n'
GPU = {"instance_group": [{"kind": "KIND_GPU"}]}
HOST = Host(datetime.date(2026, 7, 1))


def plan_of(repository, name, *rules, **policy):
    model = model_directory(repository.path, name)
    return plan(model, model.configs[0], parse_policy({"rules": list(rules or [GPU]), **policy}), HOST)


# What is planned


def test_a_change_is_the_text_before_and_after(repository):
    repository.model("m", PYTHON + b"instance_group { }\n")
    assert plan_of(repository, "m").edit == Edit(
        PYTHON + b"instance_group { }\n", PYTHON + b"instance_group { kind: KIND_GPU }\n"
    )


def test_a_new_file_has_no_text_before(repository):
    repository.model("m", None, files=("model.py",))
    assert plan_of(repository, "m").edit.before is None


@pytest.mark.parametrize(
    ("rule", "waivers", "impact"),
    [({**GPU, "mode": "audit"}, [], "instance_update"), (GPU, [{"models": ["m"], "reason": "r"}], "none")],
    ids=["audit", "waived"],
)
def test_what_is_not_written_is_still_told(repository, rule, waivers, impact):
    repository.model("m", PYTHON)
    planned = plan_of(repository, "m", rule, waivers=waivers)
    assert planned.edit is None
    result = planned.as_result()
    assert (result["before"], result["after"], result["fields"]) == ([], [{"kind": "KIND_GPU"}], ["instance_group"])
    assert result["reload_impact"] == impact


def test_config_is_a_full_reload(repository):
    repository.model("m", PYTHON)
    result = plan_of(repository, "m", {**GPU, "config": {"max_batch_size": 8}}).as_result()
    assert (result["fields"], result["reload_impact"]) == (["instance_group", "max_batch_size"], "full_reload")


# What selectors see


@pytest.mark.parametrize(
    ("text", "files", "backend"),
    [(PYTHON, (), "python"), (b"", ("model.onnx",), "onnxruntime"), (None, ("model.pt",), "pytorch")],
    ids=["named", "by its file", "no configuration"],
)
def test_a_backend_that_no_configuration_names_can_be_selected(repository, text, files, backend):
    repository.model("m", text, files=files)
    assert plan_of(repository, "m", {**GPU, "match": {"backends": [backend]}}).decision.status == "changed"


def test_the_repository_can_be_selected(repository):
    repository.model("m", PYTHON)
    assert plan_of(repository, "m", {**GPU, "match": {"repositories": [repository.path]}}).decision.rule is not None


@pytest.mark.parametrize(("size", "kind"), [(1, "KIND_GPU"), (4, "KIND_MODEL")])
def test_how_many_gpus_a_vllm_model_spans_is_read_from_its_files(repository, size, kind):
    home = os.path.dirname(repository.model("m", b'backend: "vllm"\n'))
    with open(os.path.join(home, "1", "model.json"), "w") as file:
        json.dump({"tensor_parallel_size": size}, file)
    model = model_directory(repository.path, "m")
    planned = plan(model, model.configs[0], parse_policy({"preset": "strict_gpu"}), HOST)
    assert planned.decision.after == [{"kind": kind}]


def test_a_rule_may_name_the_backend_that_the_files_tell(repository):
    repository.model("m", b"", files=("model.onnx",))
    rule = {**GPU, "match": {"backends": ["onnxruntime"]}, "config": {"backend": "onnxruntime"}}
    first = plan_of(repository, "m", rule)
    assert first.decision.status == "changed"
    repository.model("m", first.edit.after, versions=())
    assert plan_of(repository, "m", rule).decision.status == "compliant"


# Queries on what people write


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b'parameters { key: "" value { string_value: "" } }',
        b'parameters { key: "size" value { } }',
        b'parameters { key: "size" value { string_value: "\\377" } }',
        b"optimization { priority: 7 }",
        b"max_batch_size: -1",
        b"instance_group [ ]",
        b"model_warmup { inputs { key: 'a' value { dims: [ 9223372036854775807 ] } } }",
        b"response_cache { enable: true }",
    ],
    ids=repr,
)
@pytest.mark.parametrize(
    "query",
    [
        "parameters.size.string_value == 'xl'",
        "max_batch_size > `4`",
        "instance_group[?kind == 'KIND_CPU']",
        "optimization.priority",
        "@",
        "values(@)",
        "keys(@) | sort(@)",
        "to_string(@)",
        "parameters.* | [0].string_value",
    ],
)
def test_a_query_takes_whatever_a_configuration_holds(repository, text, query):
    repository.model("m", PYTHON + text)
    plan_of(repository, "m", {**GPU, "match": {"query": query}})


QUERY = "contains(parameters.size.string_value, 'x')"


@pytest.mark.parametrize(
    ("policy", "who"),
    [
        ({"rules": [{**GPU, "name": "sizes", "match": {"query": QUERY}}]}, "the query of the rule 'sizes'"),
        ({"rules": [GPU], "waivers": [{"query": QUERY, "reason": "r"}]}, "the query of waivers[0]"),
    ],
    ids=["rule", "waiver"],
)
@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize("config_name", [None, "a100"])
def test_a_query_that_fails_on_one_model_stops_the_run_before_the_first_write(
    repository, snapshot, policy, who, dry_run, config_name
):
    repository.model("a", PYTHON + b'parameters { key: "size" value { string_value: "s" } }\n')
    repository.model("b", PYTHON)
    was = snapshot(repository.path)
    request = enforcement.Request(
        [repository.path], parse_policy(policy), HOST, dry_run=dry_run, config_name=config_name, keep_going=True
    )
    with pytest.raises(QueryError) as raised:
        enforcement.enforce(request)
    assert str(raised.value).startswith(f"{repository.path}/b: {who}, ")
    assert str(raised.value).endswith("Have it test first that the field is there: field && function(field).")
    assert snapshot(repository.path) == was


def test_a_directory_that_is_no_model_fails_no_query(repository):
    repository.model("weights", None, files=("weights.bin",))
    request = enforcement.Request(
        [repository.path], parse_policy({"rules": [{**GPU, "match": {"query": QUERY}}]}), HOST
    )
    assert [os.path.basename(item.path) for item in enforcement.enforce(request).ignored] == ["weights"]
