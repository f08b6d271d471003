# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy over whole repositories: planned as a whole, then written, or put back."""

from __future__ import annotations

import datetime
import errno
import json
import os
import resource

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config import change
from ansible_collections.inference.triton.plugins.module_utils._model_config.second_opinion import DisagreementError
from ansible_collections.inference.triton.plugins.module_utils._policy.decision import Host
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import Gpu, VisibleGpus
from ansible_collections.inference.triton.plugins.module_utils._policy.parsing import parse_policy
from ansible_collections.inference.triton.plugins.module_utils._repository import enforcement, transaction
from ansible_collections.inference.triton.plugins.module_utils._repository.config_file import Request, apply
from ansible_collections.inference.triton.plugins.module_utils._repository.discovery import RepositoryError
from ansible_collections.inference.triton.plugins.module_utils._repository.files import FileError

GPU = {"instance_group": [{"kind": "KIND_GPU"}]}
PYTHON = b'backend: "python"\n'
ENSEMBLE = b"""platform: "ensemble"
input [ { name: "IN" data_type: TYPE_FP32 dims: [ 1 ] } ]
output [ { name: "OUT" data_type: TYPE_FP32 dims: [ 1 ] } ]
ensemble_scheduling {
  step {
    model_name: "absent"
    model_version: -1
    input_map { key: "IN" value: "IN" }
    output_map { key: "OUT" value: "OUT" }
  }
}
"""
WRITTEN = b"instance_group [\n  {\n    kind: KIND_GPU\n  }\n]\n"


HOST = Host(datetime.date(2026, 7, 1), VisibleGpus(tuple(map(Gpu, range(8)))))


def enforce(*repositories, rules=(GPU,), policy=None, host=HOST, **options):
    policy = parse_policy(policy or {"rules": list(rules)})
    return enforcement.enforce(enforcement.Request(list(repositories), policy, host, **options))


def statuses(outcome):
    return {
        plan.model.name if plan.config.config_name is None else (plan.model.name, plan.config.config_name): (
            plan.decision.status
        )
        for plan in outcome.plans
    }


@pytest.fixture
def models(repository):
    """A repository as people have them."""
    repository.model("absent")
    repository.model("implicit", PYTHON + b"instance_group [ { count: 2 } ] # two\n")
    repository.model("explicit", PYTHON + b"instance_group [ { kind: KIND_CPU } ]\n")
    repository.model("fileless", None, files=("model.py",))
    repository.model("pipeline", ENSEMBLE)
    repository.model("vino", b'backend: "openvino"\n')
    repository.model("variants")
    repository.variant("variants", "h100", PYTHON + b"instance_group { kind: 0 }\r\n")
    return repository


STATUSES = {
    "absent": "changed",
    "implicit": "changed",
    "explicit": "compliant",
    "fileless": "changed",
    "pipeline": "exempt",
    "vino": "incompatible",
    "variants": "changed",
    ("variants", "h100"): "changed",
}


# The main job


def test_every_configuration_of_a_repository_is_held_against_the_policy(models):
    outcome = enforce(models.path)
    assert statuses(outcome) == STATUSES
    assert models.text("absent") == PYTHON + WRITTEN
    assert models.text("implicit") == PYTHON + b"instance_group [ { count: 2 kind: KIND_GPU } ] # two\n"
    assert models.text("explicit") == PYTHON + b"instance_group [ { kind: KIND_CPU } ]\n"
    assert models.text("fileless") == WRITTEN
    assert models.text("pipeline") == ENSEMBLE
    assert models.text("vino") == b'backend: "openvino"\n'
    assert models.text("variants") == PYTHON + WRITTEN
    assert models.text("variants", "h100") == PYTHON + b"instance_group { kind: KIND_GPU }\r\n"


def test_a_second_run_changes_nothing(models, snapshot):
    enforce(models.path)
    was = snapshot(models.path)
    inodes = [os.stat(plan.config.path).st_ino for plan in enforce(models.path, dry_run=True).plans]
    outcome = enforce(models.path)
    assert outcome.edits() == {}
    assert outcome.as_result()["changed"] is False
    assert snapshot(models.path) == was
    assert [os.stat(plan.config.path).st_ino for plan in outcome.plans] == inodes, "files were written anew"


def test_a_dry_run_says_the_same_and_writes_nothing(models, snapshot):
    was = snapshot(models.path)
    planned = enforce(models.path, dry_run=True)
    assert snapshot(models.path) == was
    written = enforce(models.path)
    assert (planned.as_result(), planned.diff()) == (written.as_result(), written.diff())


def test_audit_writes_nothing(models, snapshot):
    was = snapshot(models.path)
    outcome = enforce(models.path, rules=[{**GPU, "mode": "audit"}])
    assert set(statuses(outcome).values()) == {"violation", "compliant", "exempt", "incompatible"}
    assert (outcome.edits(), outcome.as_result()["changed"]) == ({}, False)
    assert snapshot(models.path) == was


def test_only_the_enforcing_rule_writes(models):
    outcome = enforce(models.path, rules=[{**GPU, "mode": "audit", "match": {"models": ["implicit"]}}, GPU])
    assert statuses(outcome)["implicit"] == "violation"
    assert b"kind" not in models.text("implicit")
    assert statuses(outcome)["absent"] == "changed"
    assert models.text("absent") == PYTHON + WRITTEN


def test_the_result_of_one_model(models):
    outcome = enforce(models.path, rules=[{**GPU, "name": "on the GPU"}])
    (result,) = [item for item in outcome.as_result()["models"] if item["model"] == "implicit"]
    assert result == {
        "repository": models.path,
        "model": "implicit",
        "config_name": None,
        "file": models.config("implicit"),
        "backend": "python",
        "platform": "",
        "status": "changed",
        "rule": "on the GPU",
        "level": "explicit",
        "mode": "enforce",
        "before": [{"count": 2}],
        "after": [{"count": 2, "kind": "KIND_GPU"}],
        "reload_impact": "instance_update",
        "reason": "group 0 is without a kind, so the server chooses the device",
        "fields": ["instance_group"],
        "waiver": None,
        "known": False,
        "findings": [],
    }


def test_the_counts_name_every_status(models):
    assert enforce(models.path).as_result()["counts"] == {
        "changed": 5,
        "compliant": 1,
        "exempt": 1,
        "incompatible": 1,
        "invalid": 0,
        "template": 0,
        "unmatched": 0,
        "violation": 0,
        "waived": 0,
    }


def test_the_diff_has_each_changed_file(models):
    diffs = {diff["after_header"]: diff for diff in enforce(models.path, dry_run=True).diff()}
    assert set(diffs) == {
        models.config("absent"),
        models.config("implicit"),
        models.config("fileless"),
        models.config("variants"),
        models.config("variants", "h100"),
    }
    assert diffs[models.config("fileless")]["before_header"] == models.config("fileless") + " (absent)"


def test_what_is_incompatible_is_a_warning(models):
    (warning,) = enforce(models.path).warnings()
    assert warning.startswith(f"{models.config('vino')}: the rule asks for KIND_GPU, but the OpenVINO backend")


# Which files


@pytest.mark.parametrize(
    ("text", "after"),
    [
        (b"instance_group [ ]\n", b"instance_group [ { kind: KIND_GPU } ]\n"),
        (b"instance_group { kind: KIND_AUTO }", b"instance_group { kind: KIND_GPU }"),
        (b"instance_group { kind: 0 } # numbers", b"instance_group { kind: KIND_GPU } # numbers"),
        (b"instance_group < count: 1 >\n", b"instance_group < count: 1 kind: KIND_GPU >\n"),
        (
            b"instance_group {\r\n\tcount: 1\r\n}\r\ninstance_group {\r\n\tkind: KIND_CPU\r\n}\r\n",
            b"instance_group {\r\n\tcount: 1\r\n\tkind: KIND_GPU\r\n}\r\ninstance_group {\r\n\tkind: KIND_CPU\r\n}\r\n",
        ),
    ],
    ids=["empty list", "KIND_AUTO", "number", "angle brackets", "blocks and CRLF"],
)
def test_every_way_to_write_an_implicit_group(repository, text, after):
    repository.model("m", text, files=("model.py",))
    assert statuses(enforce(repository.path)) == {"m": "changed"}
    assert repository.text("m").replace(b"[{", b"[ {").replace(b"}]", b"} ]").replace(b"\n  ", b" ") == after
    assert statuses(enforce(repository.path)) == {"m": "compliant"}


@pytest.mark.parametrize("text", [b"", b"# later\n"], ids=["empty", "comment"])
def test_a_file_without_fields_is_filled(repository, text):
    repository.model("m", text, files=("model.onnx",))
    assert statuses(enforce(repository.path)) == {"m": "changed"}
    assert repository.text("m") == text + WRITTEN


def test_a_model_that_nothing_tells_the_backend_of_is_left_alone_where_it_has_no_file(repository):
    repository.model("weights", None, files=("weights.bin",))
    outcome = enforce(repository.path)
    assert outcome.plans == []
    (item,) = outcome.ignored
    assert item.path == os.path.join(repository.path, "weights")
    assert "tells the backend" in item.reason
    assert os.listdir(item.path) == ["1"]


@pytest.mark.parametrize("name", [".git", "lost+found", "docs"])
def test_what_is_no_model_is_reported_and_left_alone(repository, name):
    os.makedirs(os.path.join(repository.path, name, "x"))
    repository.model("m", PYTHON)
    outcome = enforce(repository.path)
    assert [item.path for item in outcome.ignored] == [os.path.join(repository.path, name)]
    assert os.listdir(os.path.join(repository.path, name)) == ["x"]
    assert outcome.warnings() == []


def test_a_repository_without_a_model_is_a_warning(repository):
    assert enforce(repository.path).warnings() == [
        f"{repository.path}: there is no model in here. Is this the model repository?"
    ]


def test_what_an_audit_finds_is_a_warning(repository):
    path = repository.model("m", PYTHON)
    outcome = enforce(repository.path, rules=[{**GPU, "mode": "audit"}])
    assert outcome.warnings() == [
        "One configuration is against the policy. Each reason says what is missing; a waiver lets a model be.\n"
        f"{path}: there is no instance_group, so the server chooses the device"
    ]


def test_many_models_without_a_rule_are_one_warning(repository):
    for number in range(12):
        repository.model(f"m{number:02}", PYTHON)
    (warning,) = enforce(repository.path, rules=[{**GPU, "match": {"backends": ["pyton"]}}]).warnings()
    lines = warning.split("\n")
    assert lines[0] == "12 configurations are matched by no rule. Add a rule for the rest, or a preset."
    assert lines[1] == f"{repository.path}/m00/config.pbtxt: no rule of the policy matches this model"
    assert lines[11:] == ["and 2 more, which the result lists"]


def test_what_triton_would_refuse_after_the_change_is_invalid(repository):
    path = repository.model("m", b'name: "n"\n' + PYTHON)
    with_group = repository.model("p", ENSEMBLE + b"instance_group { kind: KIND_CPU }\n")
    outcome = enforce(repository.path)
    assert statuses(outcome) == {"m": "invalid", "p": "invalid"}
    assert f"{path}:1:1: " in outcome.failure()
    assert "unexpected directory name 'm' for model 'n', directory name must equal model name" in outcome.failure()
    assert f"{with_group}:12:1: " in outcome.failure()
    assert "instance group should not be specified for ensemble 'p'" in outcome.failure()


def test_what_the_policy_does_not_write_is_not_invalid_but_has_findings(repository):
    repository.model("m", b'name: "n"\n' + PYTHON)
    for rule, status in (({**GPU, "match": {"models": ["x"]}}, "unmatched"), ({**GPU, "mode": "audit"}, "violation")):
        outcome = enforce(repository.path, rules=[rule])
        assert statuses(outcome) == {"m": status}
        assert [finding.rule for finding in outcome.plans[0].findings] == ["directory-name"]


@pytest.mark.parametrize("field", ["backend", "platform", "name"])
def test_a_model_whose_backend_is_a_placeholder_is_a_template(repository, field):
    repository.model("m", b'%s: "${it}"\nparameters { key: "a" value { string_value: "$HOME" } }\n' % field.encode())
    outcome = enforce(repository.path)
    assert statuses(outcome) == {"m": "template"}
    assert outcome.plans[0].decision.reason.startswith(f"its {field} is the placeholder ${{it}}: fill in the template")


def test_a_task_that_fails_returns_what_it_fails_because_of(models):
    models.model("broken", b"name: }\n")
    result = enforce(models.path).as_result()
    assert [entry["model"] for entry in result["models"]] == ["broken"]
    assert result["counts"]["changed"] == 5


def test_a_waived_model_needs_no_reload(repository):
    repository.model("m", PYTHON)
    policy = {"rules": [GPU], "waivers": [{"models": ["m"], "reason": "r"}]}
    assert enforce(repository.path, policy=policy).as_result()["models"][0]["reload_impact"] == "none"


def test_what_the_change_mends_is_not_invalid(repository):
    repository.model("m", PYTHON + b"instance_group { kind: KIND_CPU gpus: 0 }\n")
    rule = {"instance_group": [{"kind": "KIND_CPU"}], "level": "exact"}
    assert statuses(enforce(repository.path)) == {"m": "invalid"}
    assert statuses(enforce(repository.path, rules=[{**rule, "mode": "audit"}])) == {"m": "violation"}
    assert statuses(enforce(repository.path, rules=[rule])) == {"m": "changed"}


def test_whoever_opts_out_of_the_rules_writes_all_the_same(repository):
    repository.model("m", b'name: "n"\n' + PYTHON)
    assert statuses(enforce(repository.path, host=HOST._replace(validate=False))) == {"m": "changed"}


def test_a_field_that_the_oldest_triton_does_not_know_is_invalid(repository):
    repository.model("m", PYTHON + b"model_metrics { }\n")
    outcome = enforce(repository.path, host=HOST._replace(release=(24, 10)))
    assert statuses(outcome) == {"m": "invalid"}
    assert "24.11" in outcome.failure()
    assert statuses(enforce(repository.path, host=HOST._replace(release=(24, 11)))) == {"m": "changed"}


def test_a_dangling_link_in_the_root_is_a_warning(models):
    os.symlink("nowhere", os.path.join(models.path, "gone"))
    outcome = enforce(models.path)
    assert statuses(outcome) == STATUSES
    assert any("leads nowhere" in warning for warning in outcome.warnings())


def test_an_edit_of_the_groups_is_an_update_in_place_and_of_one_of_several_files_a_reload(models):
    impacts = {(plan.model.name, plan.config.config_name): plan.reload_impact for plan in enforce(models.path).plans}
    assert impacts[("implicit", None)] == "instance_update"
    assert impacts[("variants", None)] == "full_reload", "a server that reads configs/h100.pbtxt sees a changed file"
    assert impacts[("variants", "h100")] == "full_reload", "so does one that reads config.pbtxt"
    assert impacts[("explicit", None)] == "none"


# Templates and broken files


@pytest.mark.parametrize(
    ("text", "placeholder"),
    [
        (b"max_batch_size: ${size}\n", "${size}"),
        (b'name: "m"\nmax_batch_size: {{ size }}\n', "{{ size }}"),
        (b"{% if x %}\n", "{% if x %}"),
        (b"max_batch: 1\nmax_batch_size: ${size}\n", "line 2 holds the placeholder ${size}"),
    ],
)
def test_an_unfilled_template_is_no_failure(repository, text, placeholder):
    repository.model("m", text)
    repository.model("other")
    outcome = enforce(repository.path)
    assert statuses(outcome) == {"m": "template", "other": "changed"}
    assert repository.text("m") == text
    assert placeholder in outcome.plans[0].decision.reason
    assert any(placeholder in warning for warning in outcome.warnings())


def make_invalid(repository, name, how):
    path = repository.model(name, b"")
    os.unlink(path)
    if isinstance(how, bytes):
        with open(path, "wb") as file:
            file.write(how)
    elif how == "directory":
        os.mkdir(path)
    elif how == "pipe":
        os.mkfifo(path)
    elif how == "dangling link":
        os.symlink("nowhere", path)
    elif how == "10 MB":
        with open(path, "wb") as file:
            file.truncate(10_000_000)


INVALID = [
    pytest.param(b"name: }\n", "line 1: ", id="syntax"),
    pytest.param(b"foo: 1\n", "line 1: ModelConfig has no field 'foo'", id="unknown field"),
    pytest.param(b"\0\1\2", "line 1: ", id="binary"),
    pytest.param(b"\xef\xbb\xbfname: 'm'", "line 1: ", id="byte order mark"),
    pytest.param(b"instance_group { kind: 9 }", "kind: 9", id="unknown kind"),
    pytest.param(b"instance_group { kind: KIND_CPU gpus: [ 0 ] }", "gpus", id="gpus of CPUs"),
    pytest.param("directory", "is a directory", id="directory"),
    pytest.param("pipe", "is not a regular file", id="pipe"),
    pytest.param("dangling link", "is a link that leads nowhere", id="dangling link"),
    pytest.param("10 MB", "has 10.0 MB", id="10 MB"),
]


@pytest.mark.parametrize(("how", "reason"), INVALID)
def test_nothing_at_all_is_written_where_one_configuration_cannot_be_planned(models, snapshot, how, reason):
    make_invalid(models, "broken", how)
    was = snapshot(models.path)
    outcome = enforce(models.path)
    assert snapshot(models.path) == was
    assert statuses(outcome) == {**STATUSES, "broken": "invalid"}
    (broken,) = outcome.blocked_by
    assert reason in broken.decision.reason
    assert (outcome.edits(), outcome.diff(), outcome.as_result()["changed"]) == ({}, [], False)


@pytest.mark.parametrize(("how", "reason"), INVALID)
def test_the_others_are_written_where_the_task_wants_to_go_on(models, how, reason):
    make_invalid(models, "broken", how)
    outcome = enforce(models.path, keep_going=True)
    assert statuses(outcome) == {**STATUSES, "broken": "invalid"}
    assert models.text("absent") == PYTHON + WRITTEN
    assert any(models.config("broken") in warning for warning in outcome.warnings())


def test_a_broken_variant_blocks_like_any_other_file(models, snapshot):
    models.variant("variants", "a100", b"name: }")
    was = snapshot(models.path)
    assert [plan.config.config_name for plan in enforce(models.path).blocked_by] == ["a100"]
    assert snapshot(models.path) == was


def test_the_failure_names_every_broken_file_with_place_and_caret(repository):
    first, second = repository.model("a", b"name: }\n"), repository.model("b", b"foo: 1\nbar: 1\n")
    text = enforce(repository.path).failure()
    assert text.startswith("2 configurations cannot be planned, so nothing was changed:\n")
    assert f"{first}:1:7: " in text
    assert "\nname: }\n      ^\n" in text
    assert f"{second}:1:1: ModelConfig has no field 'foo'" in text
    assert f"{second}:2:1: ModelConfig has no field 'bar'" in text
    assert text.endswith("set on_error: continue to write the other models all the same.")


def test_a_warning_names_the_file_once(repository):
    make_invalid(repository, "a: b", "10 MB")
    (warning,) = enforce(repository.path, keep_going=True).warnings()
    assert warning.startswith(f"{repository.config('a: b')}: has 10.0 MB")
    assert warning.count(repository.path) == 1


@pytest.mark.parametrize("closed", ["m", "m/config.pbtxt", "m/1", "m/configs"])
def test_what_is_closed_to_this_user_blocks(open_path, make_repository, ordinary, snapshot, closed):
    repository = make_repository("models", open_path)
    repository.model("m", b"")
    repository.variant("m", "h100", PYTHON)
    path = repository.model("other")
    for owned in (repository.path, os.path.dirname(path), path):
        os.chown(owned, 65534 if os.getuid() == 0 else -1, -1)
    os.chmod(os.path.join(repository.path, closed), 0)
    result = ordinary(lambda: enforce(repository.path).as_result())
    assert result["counts"]["invalid"] >= 1
    assert repository.text("other") == PYTHON


def test_a_version_that_cannot_be_read_does_not_stop_the_run(repository):
    path = os.path.dirname(repository.model("m", b"max_batch_size: 1\n", ()))
    os.symlink("nowhere", os.path.join(path, "1"))
    repository.model("other")
    outcome = enforce(repository.path, keep_going=True)
    assert statuses(outcome)["other"] == "changed"


# Repositories


def test_several_repositories_are_planned_as_one(make_repository, snapshot):
    first, second = make_repository("a"), make_repository("b")
    first.model("m")
    second.model("m", b"name: }")
    was = snapshot(first.path)
    outcome = enforce(first.path, second.path)
    assert [(plan.model.repository, plan.decision.status) for plan in outcome.plans] == [
        (first.path, "changed"),
        (second.path, "invalid"),
    ]
    assert snapshot(first.path) == was


@pytest.mark.parametrize("again", ["", "/", "/.", "/../models"])
def test_a_repository_that_is_given_twice_is_looked_at_once(repository, again):
    repository.model("m")
    assert len(enforce(repository.path, repository.path + again).plans) == 1


def test_a_repository_and_a_link_to_it_are_written_once(repository, tmp_path):
    repository.model("m")
    os.symlink(repository.path, str(tmp_path / "link"))
    outcome = enforce(repository.path, str(tmp_path / "link"))
    assert [plan.decision.status for plan in outcome.plans] == ["changed", "changed"]
    assert len(outcome.edits()) == 1
    assert repository.text("m") == PYTHON + WRITTEN


def test_a_relative_repository(repository, monkeypatch):
    repository.model("m")
    monkeypatch.chdir(os.path.dirname(repository.path))
    (plan,) = enforce(os.path.basename(repository.path)).plans
    assert plan.config.path == repository.config("m")
    assert repository.text("m") == PYTHON + WRITTEN


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_missing_repository_stops_everything(repository, snapshot, dry_run):
    repository.model("m")
    was = snapshot(repository.path)
    with pytest.raises(RepositoryError, match="there is no such directory"):
        enforce(repository.path, repository.path + "-missing", dry_run=dry_run)
    assert snapshot(repository.path) == was


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_closed_repository_is_an_error(open_path, make_repository, ordinary, dry_run):
    repository = make_repository("models", open_path)
    os.chmod(repository.path, 0)
    with pytest.raises(RepositoryError, match="cannot be read: Permission denied"):
        ordinary(lambda: enforce(repository.path, dry_run=dry_run))


def test_an_empty_repository(repository):
    assert enforce(repository.path).as_result()["models"] == []


# Links


def test_a_linked_model_is_written_through_the_link(repository, make_repository):
    elsewhere = make_repository("elsewhere")
    elsewhere.model("v3")
    os.symlink(os.path.join(elsewhere.path, "v3"), os.path.join(repository.path, "m"))
    assert statuses(enforce(repository.path)) == {"m": "changed"}
    assert os.path.islink(os.path.join(repository.path, "m"))
    assert elsewhere.text("v3") == PYTHON + WRITTEN


def test_more_linked_models_than_files_may_be_open(repository, make_repository, child):
    count = 100
    for number in range(count):
        store = make_repository(f"store/{number}")
        store.model("model")
        os.symlink(os.path.join(store.path, "model"), os.path.join(repository.path, f"m{number}"))

    def run():
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        return enforce(repository.path).as_result()["counts"]["changed"]

    assert child(run).result() == count


def test_models_that_share_a_file_are_written_once(repository, tmp_path):
    (tmp_path / "shared.pbtxt").write_bytes(PYTHON)
    for name in ("a", "b", "c"):
        os.symlink(str(tmp_path / "shared.pbtxt"), repository.model(name, None))
    outcome = enforce(repository.path)
    assert statuses(outcome) == {"a": "changed", "b": "changed", "c": "changed"}
    assert len(outcome.edits()) == 1
    assert (tmp_path / "shared.pbtxt").read_bytes() == PYTHON + WRITTEN


def test_models_that_share_a_file_and_want_different_things_block(repository, tmp_path, snapshot):
    (tmp_path / "shared.pbtxt").write_bytes(PYTHON)
    for name in ("a", "b"):
        os.symlink(str(tmp_path / "shared.pbtxt"), repository.model(name, None))
    cpu = {"instance_group": [{"kind": "KIND_CPU"}], "match": {"models": ["a"]}}
    outcome = enforce(repository.path, rules=[cpu, GPU])
    assert statuses(outcome) == {"a": "invalid", "b": "invalid"}
    assert f"{repository.config('b')} is the same file through a link" in outcome.plans[0].decision.reason
    assert f"{repository.config('a')} is the same file through a link" in outcome.plans[1].decision.reason
    assert (tmp_path / "shared.pbtxt").read_bytes() == PYTHON


def test_a_shared_file_is_not_written_for_one_model_where_it_would_break_another(repository, tmp_path):
    (tmp_path / "shared.pbtxt").write_bytes(b"max_batch_size: 4\n")
    for name, file in (("a", "model.onnx"), ("b", "model.xml")):
        os.symlink(str(tmp_path / "shared.pbtxt"), repository.model(name, None, files=(file,)))
    outcome = enforce(repository.path, policy={"preset": "strict_gpu"}, keep_going=True)
    assert statuses(outcome) == {"a": "invalid", "b": "invalid"}
    assert (tmp_path / "shared.pbtxt").read_bytes() == b"max_batch_size: 4\n"


@pytest.mark.parametrize("waived", ["a", "b"])
def test_a_shared_file_is_left_alone_where_one_of_its_models_is_waived(repository, tmp_path, waived):
    (tmp_path / "shared.pbtxt").write_bytes(PYTHON)
    for name in ("a", "b"):
        os.symlink(str(tmp_path / "shared.pbtxt"), repository.model(name, None))
    policy = {"rules": [GPU], "waivers": [{"models": [waived], "reason": "theirs"}]}
    outcome = enforce(repository.path, policy=policy, keep_going=True)
    assert statuses(outcome) == {"a": "invalid", "b": "invalid", waived: "waived"}
    assert (tmp_path / "shared.pbtxt").read_bytes() == PYTHON


@pytest.mark.parametrize(
    ("text", "config_name", "why"),
    [
        pytest.param(b'backend: "openvino"\n', None, "the OpenVINO backend supports only KIND_CPU", id="incompatible"),
        pytest.param(PYTHON, "h100", "configs is no directory", id="no place for a variant"),
    ],
)
def test_why_a_model_cannot_be_written_is_said_whatever_else_is_found(repository, text, config_name, why):
    repository.model("m", text)
    for name in ("config.pbtxt.bak", "configs"):
        with open(os.path.join(repository.path, "m", name), "wb"):
            pass
    outcome = enforce(repository.path, config_name=config_name, keep_going=True)
    assert [finding.rule for finding in outcome.plans[0].findings] == ["leftover-file"]
    assert any(why in warning for warning in outcome.warnings())


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_backup_in_the_repository_that_a_linked_model_is_in_is_refused(repository, make_repository, dry_run):
    elsewhere = make_repository("elsewhere")
    elsewhere.model("v3")
    os.symlink(os.path.join(elsewhere.path, "v3"), os.path.join(repository.path, "m"))
    with pytest.raises(FileError, match="backup_dir must not be inside the model repository"):
        enforce(repository.path, backup_dir=os.path.join(elsewhere.path, "kept"), dry_run=dry_run)
    assert elsewhere.text("v3") == PYTHON


def test_a_linked_directory_of_variants(repository, make_repository):
    elsewhere = make_repository("elsewhere")
    elsewhere.variant("m", "h100", PYTHON)
    repository.model("m")
    os.symlink(os.path.join(elsewhere.path, "m", "configs"), os.path.join(repository.path, "m", "configs"))
    assert statuses(enforce(repository.path)) == {"m": "changed", ("m", "h100"): "changed"}
    assert elsewhere.text("m", "h100") == PYTHON + WRITTEN


# A run that fails half-way is put back


THREE = ("a", "b", "c")


@pytest.fixture
def three(make_repository):
    """Make a repository of three models that are all to be changed, the second of which has no file yet."""

    def make(name="models", below=None):
        repository = make_repository(name) if below is None else make_repository(name, below)
        repository.model("a")
        repository.model("b", None, files=("model.py",))
        repository.model("c", b"#" * 5000 + b"\n" + PYTHON)
        return repository

    return make


def test_whichever_system_call_fails_all_files_are_changed_or_none(three, snapshot, fail_at):
    succeeded = 0
    for number in range(1, 300):
        repository = three(f"models{number}")
        was = snapshot(repository.path)
        failed = fail_at(number, errno.ENOSPC)
        try:
            outcome = enforce(repository.path)
            written = not outcome.blocked_by
        except FileError:
            written = False
        if written:
            succeeded += 1
            assert all(repository.text(name).endswith(WRITTEN) for name in THREE), failed()
            assert sorted(os.listdir(repository.path)) == list(THREE) or failed() == "unlink"
        else:
            assert snapshot(repository.path) == was, failed()
        if failed() is None:
            assert succeeded
            return
    pytest.fail("the run never ended")


def test_a_full_file_system_in_the_middle_of_a_run(three, mount, tmp_path, snapshot):
    """Two files can still be replaced; the third needs two blocks, and there is but one."""
    below = mount(str(tmp_path / "small"), "128k")
    repository = three("models", below)
    free = os.statvfs(below).f_bfree
    with open(os.path.join(below, "filler"), "wb") as filler:
        filler.write(bytes((free - 2) * 4096))
    was = snapshot(repository.path)
    with pytest.raises(FileError, match=r"c/config\.pbtxt: .*No space left on device") as raised:
        enforce(repository.path)
    assert str(raised.value).endswith("What had been written before it was put back: nothing has changed.")
    assert snapshot(repository.path) == was


def test_a_limit_on_the_size_of_files_in_the_middle_of_a_run(three, child, snapshot):
    repository = three()
    was = snapshot(repository.path)

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        enforce(repository.path)

    with pytest.raises(FileError, match=r"c/config\.pbtxt: .*File too large"):
        child(limited).result()
    assert snapshot(repository.path) == was


def test_a_file_that_changes_during_the_run_puts_all_back_and_keeps_the_change(three, monkeypatch):
    repository = three()
    real = transaction.write_file

    def interfere(path, before, after, attributes=None):
        if path == repository.config("a") and before == PYTHON:
            with open(repository.config("c"), "ab") as file:
                file.write(b"max_batch_size: 3\n")
        real(path, before, after, attributes)

    monkeypatch.setattr(transaction, "write_file", interfere)
    with pytest.raises(FileError, match=r"c/config\.pbtxt: was changed by somebody else"):
        enforce(repository.path)
    assert repository.text("a") == PYTHON
    assert not os.path.exists(repository.config("b"))
    assert repository.text("c").endswith(b"max_batch_size: 3\n")


def test_what_cannot_be_put_back_is_named(three, monkeypatch):
    repository = three()
    real = transaction.write_file

    def interfere(path, before, after, attributes=None):
        if path == repository.config("c"):
            with open(repository.config("a"), "ab") as file:
                file.write(b"max_batch_size: 3\n")
            raise FileError("the disk is on fire")
        real(path, before, after, attributes)

    monkeypatch.setattr(transaction, "write_file", interfere)
    with pytest.raises(FileError) as raised:
        enforce(repository.path)
    first, second, third = str(raised.value).split("\n")
    assert first == "the disk is on fire"
    assert "could not all be put back" in second
    assert third.startswith(f"{repository.config('a')}: was changed by somebody else")
    assert repository.text("a") == PYTHON + WRITTEN + b"max_batch_size: 3\n"


def test_a_run_that_is_killed_leaves_whole_files_and_the_next_one_finishes_its_work(three, killed_at_every_line):
    old = {"a": PYTHON, "b": None, "c": b"#" * 5000 + b"\n" + PYTHON}
    for repository in killed_at_every_line(lambda number: three(f"models{number}"), lambda made: enforce(made.path), 7):
        for name in THREE:
            path = repository.config(name)
            now = repository.text(name) if os.path.exists(path) else None
            assert now in (old[name], (old[name] or b"") + WRITTEN)
            assert set(os.listdir(os.path.dirname(path))) - {"config.pbtxt"} == {"1"}
        assert sorted(entry.name for entry in os.scandir(repository.path) if not entry.is_file()) == list(THREE)
        enforce(repository.path)
        assert all(repository.text(name).endswith(WRITTEN) for name in THREE)
        assert sorted(os.listdir(repository.path)) == list(THREE)


def test_a_watcher_sees_no_new_name_but_the_new_files(three, watch):
    repository = three()
    with watch(*[os.path.join(repository.path, name) for name in THREE]) as seen:
        for kind in ("KIND_CPU", "KIND_GPU") * 20:
            enforce(repository.path, rules=[{"instance_group": [{"kind": kind}], "level": "kind"}])
    assert seen.names == {"1", "config.pbtxt"}


# Two runs at once


def test_two_runs_at_once_change_each_file_once(repository, child):
    count = 30
    for number in range(count):
        repository.model(f"m{number:02}", None if number % 3 == 0 else PYTHON, files=("model.py",))
    runs = [
        child(lambda: [os.path.basename(os.path.dirname(path)) for path in enforce(repository.path).edits()])
        for _run in range(2)
    ]
    changed = [name for run in runs for name in run.result()]
    assert sorted(changed) == [f"m{number:02}" for number in range(count)]
    assert set(statuses(enforce(repository.path)).values()) == {"compliant"}


def test_a_run_and_an_edit_of_the_same_files_lose_nothing(repository, child):
    for number in range(10):
        repository.model(f"m{number}")

    def edit():
        for turn in range(5):
            for number in range(10):
                config = {"parameters": {str(turn): {"string_value": "x"}}}
                apply(Request(repository.config(f"m{number}"), config, [], "merge", False, True, None), False)

    def hold():
        for turn in range(25):
            kind = ("KIND_GPU", "KIND_CPU")[turn % 2]
            enforce(repository.path, rules=[{"instance_group": [{"kind": kind}], "level": "kind"}])

    for started in [child(edit), child(hold)]:
        started.result()
    for plan in enforce(repository.path, dry_run=True).plans:
        text = repository.text(plan.model.name)
        assert [text.count(f'key: "{turn}"'.encode()) for turn in range(5)] == [1] * 5
        assert text.count(b"kind: KIND_GPU") == 1


def test_a_run_and_an_edit_of_a_linked_file_on_its_own_path_lose_nothing(repository, make_repository, child):
    elsewhere = make_repository("elsewhere")
    elsewhere.model("m")
    repository.model("m", None)
    os.symlink(elsewhere.config("m"), repository.config("m"))
    rounds = 40

    def edit():
        for turn in range(rounds):
            config = {"parameters": {str(turn): {"string_value": "x"}}}
            apply(Request(elsewhere.config("m"), config, [], "merge", False, True, None), False)

    def hold():
        for turn in range(rounds):
            kind = ("KIND_GPU", "KIND_CPU")[turn % 2]
            enforce(repository.path, rules=[{"instance_group": [{"kind": kind}], "level": "kind"}])

    for started in [child(edit), child(hold)]:
        started.result()
    text = elsewhere.text("m")
    assert [text.count(f'key: "{turn}"'.encode()) for turn in range(rounds)] == [1] * rounds


# Names that are not UTF-8


def test_results_and_warnings_can_be_printed_whatever_the_names(repository):
    home = os.fsencode(repository.path) + b"/\xff\xfe"
    os.makedirs(home + b"/1")
    with open(home + b"/config.pbtxt", "wb") as file:
        file.write(b'backend: "openvino" name: "\xff"\n')
    outcome = enforce(repository.path)
    everything = [outcome.as_result(), outcome.diff(), outcome.warnings(), outcome.failure()]
    json.dumps(everything, ensure_ascii=False).encode("utf-8")


def test_a_text_that_google_s_protobuf_refuses_stops_the_run(repository, monkeypatch):
    def refuse(before, after):
        raise DisagreementError("protobuf 1.2.3 refuses the new text: 1:1")

    monkeypatch.setattr(change, "check", refuse)
    repository.model("m", PYTHON)
    outcome = enforce(repository.path)
    assert statuses(outcome) == {"m": "invalid"}
    assert outcome.blocked_by[0].decision.reason == "protobuf 1.2.3 refuses the new text: 1:1"
