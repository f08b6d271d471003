# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of the models on disk, and what the policy wants of each."""

from __future__ import annotations

import datetime
import os

import pytest
from ansible_collections.inference.triton.plugins.module_utils._placement.server import server_view
from ansible_collections.inference.triton.plugins.module_utils._policy.decision import Host
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import VisibleGpus, parse_gpus
from ansible_collections.inference.triton.plugins.module_utils._policy.match import QueryError
from ansible_collections.inference.triton.plugins.module_utils._policy.parsing import parse_policy
from ansible_collections.inference.triton.plugins.module_utils._repository.discovery import RepositoryError
from ansible_collections.inference.triton.plugins.module_utils._verification.gather_disk import gather

TODAY = datetime.date(2026, 3, 1)
ON_GPU = {"name": "on the GPU", "instance_group": [{"kind": "KIND_GPU"}]}
GPU, CPU = [{"kind": "KIND_GPU"}], [{"kind": "KIND_CPU"}]
BARE = b'backend: "python"\n'
ON_THE_CPU = b'backend: "python"\ninstance_group [ { kind: KIND_CPU } ]\n'
ENSEMBLE = b"""platform: "ensemble"
input { name: "I" data_type: TYPE_FP32 dims: 1 } output { name: "O" data_type: TYPE_FP32 dims: 1 }
ensemble_scheduling { step { model_name: "m" model_version: -1
  input_map { key: "I" value: "I" } output_map { key: "O" value: "O" } } }
"""


@pytest.fixture
def read(repository):
    """What is read of the repository, by model, held against rules and waivers; against nothing without rules."""

    def models(*rules, gpus=(), config_name=None, **policy):
        server = server_view(parse_gpus(list(gpus)), "24.10", config_name=config_name)
        parsed = parse_policy({"rules": list(rules), **policy}) if rules else None
        disk = gather([repository.path], server, parsed, Host(TODAY, server.visible()))
        return {model.name: model for model in disk.models}

    return models


def test_a_model_as_its_file_has_it(repository, read):
    path = repository.model("m", ON_THE_CPU + b"version_policy { all { } }\n", versions=("1", "3", "10"))
    model = read()["m"]
    assert (model.repository, model.file, model.backend) == (repository.path, path, "python")
    assert model.config["instance_group"] == CPU
    assert model.versions == (1, 3, 10)
    assert model.prediction.loads
    assert model.critical and not model.ambiguous and model.errors == []


def test_without_a_policy_the_file_is_what_is_expected(repository, read):
    repository.model("m", ON_THE_CPU)
    expected = read()["m"].expected
    assert (expected.source, expected.groups, expected.status, expected.met) == ("file", CPU, None, True)


def test_a_model_without_a_file(repository, read):
    repository.model("m", None, files=("model.py",))
    model = read()["m"]
    assert (model.file, model.changed_at, model.config, model.backend) == (None, None, {}, "python")


def test_when_a_file_has_changed_also_where_its_time_was_set_back(repository, read):
    path = repository.model("m")
    before = os.stat(path).st_ctime
    os.utime(path, (1, 1))
    assert read()["m"].changed_at >= before


def test_what_the_server_refuses_is_an_error(repository, read):
    path = repository.model("m", b'backend: "python" max_batch_size: -1\ninstance_group [ { } ]\n')
    errors = read()["m"].errors
    assert [finding["file"] for finding in errors] == [path]
    assert all(finding["severity"] == "error" for finding in errors)


def test_a_file_that_does_not_parse_is_told_with_its_place(repository, read):
    repository.model("m", b"backend: }\n")
    model = read()["m"]
    assert (model.errors[0]["line"], model.versions) == (1, (1,))


def test_two_models_of_one_name(make_repository):
    one, two = make_repository("one"), make_repository("two")
    for made in (one, two):
        made.model("m")
    one.model("n")
    disk = gather([one.path, two.path], server_view(VisibleGpus(())), None, Host(TODAY))
    assert [(model.name, model.ambiguous) for model in disk.models] == [("m", True), ("n", False), ("m", True)]


@pytest.mark.parametrize(
    ("text", "rule", "status", "source", "groups", "met"),
    [
        (BARE, {}, "changed", "policy", GPU, True),
        (ON_THE_CPU, {}, "compliant", "policy", CPU, True),
        (ON_THE_CPU, {"level": "kind"}, "changed", "policy", GPU, True),
        (BARE, {"mode": "audit"}, "violation", "policy", GPU, True),
        (BARE, {"match": {"models": ["other"]}}, "unmatched", "file", [], True),
        (BARE + b"# triton-policy: waive reason=\"slow\"\n", {}, "waived", "file", [], True),
        (BARE + b"# triton-policy: waive reason=\"slow\" expires=2020-01-01\n", {}, "violation", "file", [], False),
        (BARE, {"instance_group": [{"kind": "KIND_GPU", "gpus": {"memory_gb": 40}}]}, "violation", "file", [], False),
        (b'backend: "openvino"\n', {}, "incompatible", "file", [], False),
        (b'backend: "${BACKEND}"\n', {}, "template", "file", [], True),
        (b"backend: }\n", {}, "invalid", "file", [], True),
        (BARE, {"config": {"max_batch_size": -1}}, "invalid", "file", [], False),
    ],
)  # fmt: skip
def test_what_each_status_comes_to(repository, read, text, rule, status, source, groups, met):
    repository.model("m", text)
    expected = read({**ON_GPU, **rule})["m"].expected
    assert (expected.status, expected.source, expected.groups, expected.met) == (status, source, groups, met)
    assert expected.reason
    assert expected.rule == (None if status in ("unmatched", "template") or text == b"backend: }\n" else "on the GPU")


def test_a_waiver_of_the_policy_has_its_reason(repository, read):
    repository.model("m", BARE)
    expected = read(ON_GPU, waivers=[{"models": ["m"], "reason": "no kernel"}])["m"].expected
    assert (expected.status, expected.waiver, expected.source) == ("waived", "no kernel", "file")


def test_an_ensemble_has_no_groups(repository, read):
    repository.model("e", ENSEMBLE)
    expected = read(ON_GPU)["e"].expected
    assert (expected.status, expected.source, expected.groups) == ("exempt", "file", [])


def test_the_file_that_a_server_with_a_config_name_reads(repository, read):
    repository.model("m", BARE)
    repository.variant("m", "h100", ON_THE_CPU)
    assert read()["m"].config == {"backend": "python"}
    model = read(config_name="h100")["m"]
    assert model.file == repository.config("m", "h100")
    assert model.config["instance_group"] == CPU


def test_a_variant_that_the_policy_has_yet_to_write(repository, read):
    repository.model("m", ON_THE_CPU)
    expected = read({**ON_GPU, "level": "kind"}, config_name="h100")["m"].expected
    assert (expected.status, expected.groups) == ("changed", GPU)


def test_models_that_have_to_be_served(repository, read):
    for name in ("main", "side", "broken"):
        repository.model(name, b"backend: }\n" if name == "broken" else BARE)
    models = read(ON_GPU, critical=[{"models": ["main"]}, {"models": ["bro*"]}])
    assert {name: model.critical for name, model in models.items()} == {"main": True, "side": False, "broken": True}


def test_a_query_that_fails_is_told(repository, read):
    pytest.importorskip("jmespath")
    repository.model("m", BARE)
    with pytest.raises(QueryError, match=r"models/m: "):
        read({**ON_GPU, "match": {"query": "abs(backend)"}})


def test_patterns_that_fit_nothing_and_links_that_lead_nowhere(repository):
    repository.model("m")
    os.symlink("nowhere", os.path.join(repository.path, "link"))
    disk = gather([repository.path], server_view(VisibleGpus(())), None, Host(TODAY), ["m", "x*"])
    assert any("no model fits 'x*'" in warning for warning in disk.warnings)
    assert [item.path for item in disk.ignored] == [os.path.join(repository.path, "link")]


@pytest.mark.parametrize("config_name", ["a/b", "a\nb"])
def test_a_config_name_that_is_none(repository, read, config_name):
    with pytest.raises(RepositoryError, match="config_name"):
        read(config_name=config_name)
