# SPDX-License-Identifier: GPL-3.0-or-later
"""The baseline: what was wrong when it was written does not count any more, what is new does."""

from __future__ import annotations

import datetime
import json
import os

import pytest
from ansible_collections.inference.triton.plugins.module_utils._policy.decision import Host
from ansible_collections.inference.triton.plugins.module_utils._policy.parsing import parse_policy
from ansible_collections.inference.triton.plugins.module_utils._repository import baseline, enforcement, transaction
from ansible_collections.inference.triton.plugins.module_utils._repository.files import FileError

PYTHON = b'backend: "python"\n'
ON_CPU = PYTHON + b"instance_group { kind: KIND_CPU }\n"
RULE = {"name": "on the GPU", "instance_group": [{"kind": "KIND_GPU"}], "level": "kind", "mode": "audit"}
HOST = Host(datetime.date(2026, 7, 1))


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "baseline.json")


@pytest.fixture
def models(repository):
    repository.model("absent")
    repository.model("explicit", PYTHON + b"instance_group { kind: KIND_GPU }\n")
    repository.model("on_cpu", ON_CPU)
    repository.model("vino", b'backend: "openvino"\n')
    return repository


def enforce(repository, path, rules=(RULE,), **options):
    request = enforcement.Request(
        [repository.path], parse_policy({"rules": list(rules)}), HOST, baseline=path, **options
    )
    return enforcement.enforce(request)


def write(repository, path, **options):
    return enforce(repository, path, write_baseline=True, **options)


def known(outcome):
    return [plan.model.name for plan in outcome.plans if plan.known]


def summary(outcome):
    result = outcome.as_result()["baseline"]
    return result["known"], result["new"], result["fixed"]


# Written


def test_everything_that_is_against_the_policy_is_written_down(models, path):
    outcome = write(models, path)
    assert outcome.as_result()["changed"] is True
    with open(path) as file:
        data = json.load(file)
    assert data["format"] == 1
    assert data["violations"] == [
        {
            "before": before,
            "config_name": None,
            "model": name,
            "repository": models.path,
            "rule": "on the GPU",
            "status": status,
        }
        for name, status, before in [
            ("absent", "violation", []),
            ("vino", "incompatible", []),
            ("on_cpu", "violation", [{"kind": "KIND_CPU"}]),
        ]
    ]


def test_what_is_written_is_known_at_once(models, path):
    outcome = write(models, path, fail_on=["violation", "incompatible"])
    assert (known(outcome), summary(outcome)) == (["absent", "on_cpu", "vino"], (3, 0, 0))
    assert (outcome.blocked_by, outcome.warnings()) == ([], [])


def test_the_text_has_one_violation_on_a_line_and_depends_on_nothing_else(models, make_repository, path):
    write(models, path)
    with open(path, "rb") as file:
        text = file.read()
    assert text.count(b"\n") == 3 + 5
    assert write(models, path).as_result()["changed"] is False
    os.unlink(path)
    write(models, path)
    with open(path, "rb") as file:
        assert file.read() == text


def test_no_violation_is_a_baseline_too(repository, path):
    repository.model("m", PYTHON + b"instance_group { kind: KIND_GPU }\n")
    write(repository, path)
    assert summary(enforce(repository, path)) == (0, 0, 0)


def test_a_baseline_that_is_written_anew_forgets_what_is_fixed(models, path):
    write(models, path)
    models.model("absent", PYTHON + b"instance_group { kind: KIND_GPU }\n", versions=())
    write(models, path)
    assert summary(enforce(models, path)) == (2, 0, 0)


def test_check_mode_writes_no_baseline_and_tells_the_same(models, path, snapshot):
    planned = write(models, path, dry_run=True)
    assert not os.path.exists(path)
    done = write(models, path)
    assert (planned.as_result(), planned.diff()) == (done.as_result(), done.diff())


def test_nothing_is_written_where_a_configuration_stops_the_run(models, path):
    models.model("broken", b"name: }\n")
    assert write(models, path).blocked_by
    assert not os.path.exists(path)


# Known, new, fixed


def test_what_is_known_neither_warns_nor_fails(models, path):
    write(models, path)
    outcome = enforce(models, path, fail_on=["violation", "incompatible"])
    assert (known(outcome), summary(outcome)) == (["absent", "on_cpu", "vino"], (3, 0, 0))
    assert (outcome.blocked_by, outcome.warnings()) == ([], [])


def test_what_is_new_warns_and_fails(models, path):
    write(models, path)
    new = models.model("new", ON_CPU)
    outcome = enforce(models, path, fail_on=["violation"])
    assert summary(outcome) == (3, 1, 0)
    assert [plan.config.path for plan in outcome.blocked_by] == [new]
    (warning,) = outcome.warnings()
    assert new in warning


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        (PYTHON + b"instance_group [ { kind: KIND_CPU }, { } ]\n", [RULE]),
        (ON_CPU, [{**RULE, "name": "another rule"}]),
    ],
    ids=["other groups", "another rule"],
)
def test_a_violation_is_known_as_long_as_groups_and_rule_are_the_same(repository, path, text, rules):
    repository.model("m", ON_CPU)
    write(repository, path)
    repository.model("m", text, versions=())
    assert summary(enforce(repository, path, rules=rules)) == (0, 1, 1)


def test_a_change_of_something_else_is_no_new_violation(repository, path):
    repository.model("m", ON_CPU)
    write(repository, path)
    repository.model("m", b"# why\nmax_batch_size: 4\n" + ON_CPU, versions=())
    assert summary(enforce(repository, path)) == (1, 0, 0)


def test_what_is_fixed_is_counted(models, path):
    write(models, path)
    models.model("on_cpu", PYTHON + b"instance_group { kind: KIND_GPU }\n", versions=())
    assert summary(enforce(models, path)) == (2, 0, 1)


def test_what_is_enforced_is_written_whether_it_is_known_or_not(models, path):
    write(models, path)
    outcome = enforce(models, path, rules=[{**RULE, "mode": "enforce"}])
    assert b"KIND_GPU" in models.text("absent")
    assert known(outcome) == ["vino"]


def test_a_run_without_a_baseline_has_none(models):
    assert enforce(models, None).as_result()["baseline"] is None


# Files that are none


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_baseline_that_is_missing_is_an_error(models, path, dry_run):
    with pytest.raises(FileError) as raised:
        enforce(models, path, dry_run=dry_run)
    assert str(raised.value) == (
        f"{path}: there is no such baseline. Write one with write_baseline: true, or correct the path."
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "it is not JSON ("),
        (b"\xff", "it is not JSON ("),
        (b'{"format": 1, "violations": [', "it is not JSON ("),
        (b"[" * 100000, "it is not JSON ("),
        (b"[]", "it is JSON, but not of a baseline"),
        (b"7", "it is JSON, but not of a baseline"),
        (b"{}", "it is JSON, but not of a baseline"),
        (b'{"format": 1}', "it is JSON, but not of a baseline"),
        (b'{"format": 1, "violations": 7}', "it is JSON, but not of a baseline"),
        (b'{"format": 2, "violations": []}', "it is not in the format 1"),
        (b'{"format": 1, "violations": ["m"]}', "it is not in the format 1"),
    ],
    ids=["empty", "binary", "half", "deep", "list", "number", "mapping", "nothing", "no list", "later", "texts"],
)
def test_a_damaged_baseline_is_an_error_that_changes_nothing(models, path, snapshot, text, why):
    with open(path, "wb") as file:
        file.write(text)
    was = snapshot(models.path)
    with pytest.raises(FileError) as raised:
        enforce(models, path, rules=[{**RULE, "mode": "enforce"}])
    assert str(raised.value).startswith(f"{path}: is no baseline: {why}")
    assert str(raised.value).endswith("Restore the file, or write it anew with write_baseline: true.")
    assert snapshot(models.path) == was


def test_a_damaged_baseline_can_be_written_anew(models, path):
    with open(path, "wb") as file:
        file.write(b"damaged")
    write(models, path)
    assert summary(enforce(models, path)) == (3, 0, 0)


@pytest.mark.parametrize("where", ["baseline.json", "m/baseline.json", "m/1/baseline.json"])
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_baseline_inside_a_repository_is_refused(repository, snapshot, where, dry_run):
    repository.model("m")
    was = snapshot(repository.path)
    with pytest.raises(FileError, match="baseline must not be inside the model repository"):
        write(repository, os.path.join(repository.path, where), dry_run=dry_run)
    assert snapshot(repository.path) == was


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_baseline_inside_a_linked_model_is_refused(repository, make_repository, snapshot, dry_run):
    elsewhere = make_repository("elsewhere")
    elsewhere.model("m")
    os.symlink(os.path.join(elsewhere.path, "m"), os.path.join(repository.path, "m"))
    was = snapshot(elsewhere.path)
    with pytest.raises(FileError, match="baseline must not be inside"):
        write(repository, os.path.join(elsewhere.path, "m", "baseline.json"), dry_run=dry_run)
    assert snapshot(elsewhere.path) == was


def test_a_run_that_was_put_back_leaves_the_baseline_as_it_was(repository, path, monkeypatch):
    repository.model("a")
    repository.model("b")
    was = repository.text("a")
    real, paths = transaction.write_file, []

    def fail_at_the_second(target, *arguments):
        paths.append(target)
        if len(paths) == 2:
            raise FileError("no")
        real(target, *arguments)

    monkeypatch.setattr(transaction, "write_file", fail_at_the_second)
    with pytest.raises(FileError, match="nothing has changed"):
        write(repository, path, rules=[{**RULE, "mode": "enforce"}])
    assert repository.text("a") == repository.text("b") == was
    assert not os.path.exists(path)


def test_a_directory_that_is_missing_is_not_made(models, tmp_path, snapshot):
    path = str(tmp_path / "missing" / "baseline.json")
    was = snapshot(str(tmp_path))
    for dry_run in (True, False):
        with pytest.raises(FileError, match="missing: there is no such directory"):
            write(models, path, dry_run=dry_run)
    assert snapshot(str(tmp_path)) == was


def test_a_directory_is_no_baseline(models, tmp_path):
    with pytest.raises(FileError, match=r"is not a regular file\. Give baseline the path of a file\."):
        write(models, str(tmp_path))


def test_a_path_with_a_nul_is_none(models):
    with pytest.raises(FileError, match=r"^baseline: 'a\\x00b' is not a path"):
        write(models, "a\0b")


def test_a_baseline_that_could_not_be_read_again_is_not_written(models, path, monkeypatch):
    monkeypatch.setattr(baseline, "MAX_SIZE", 100)
    with pytest.raises(FileError, match="3 violations are too many"):
        write(models, path)
    assert not os.path.exists(path)


def test_a_baseline_knows_names_that_are_not_utf8(repository, path):
    home = os.fsencode(repository.path) + b"/\xff"
    os.makedirs(home + b"/1")
    with open(home + b"/config.pbtxt", "wb") as file:
        file.write(PYTHON)
    write(repository, path)
    assert summary(enforce(repository, path)) == (1, 0, 0)
