# SPDX-License-Identifier: GPL-3.0-or-later
"""One configuration file made what a task asks for."""

from __future__ import annotations

import json
import os
import stat

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config.change import (
    InvalidConfigError,
    RefusedChangeError,
)
from ansible_collections.inference.triton.plugins.module_utils._model_config.findings import ConfigError
from ansible_collections.inference.triton.plugins.module_utils._repository import transaction
from ansible_collections.inference.triton.plugins.module_utils._repository.config_file import Request, apply
from ansible_collections.inference.triton.plugins.module_utils._repository.files import FileError

OLD = b'name: "m"  # the model\nmax_batch_size: 8\n'


def request(path, **asked):
    defaults = {"config": {}, "remove": [], "lists": "merge", "absent": False, "create": True, "backup_dir": None}
    return Request(path=path, **{**defaults, **asked})


@pytest.fixture
def config(repository):
    return repository.model("m", OLD)


# Present


def test_a_field_is_merged_in_and_the_result_says_so(repository, config):
    result = apply(request(config, config={"max_batch_size": 16}), dry_run=False)
    assert repository.text("m") == b'name: "m"  # the model\nmax_batch_size: 16\n'
    assert result["validated_by"][0] == "built-in"
    result.pop("validated_by")
    assert result == {
        "changed": True,
        "config": {"name": "m", "max_batch_size": 16},
        "reload_impact": "full_reload",
        "backup_id": None,
        "warnings": [],
        "findings": [],
        "new_warnings": [],
        "diff": {
            "before_header": config,
            "after_header": config,
            "before": OLD.decode(),
            "after": repository.text("m").decode(),
        },
    }


def test_a_dry_run_gives_the_same_result_and_writes_nothing(repository, config, snapshot):
    was = snapshot(repository.path)
    asked = request(config, config={"max_batch_size": 16}, remove=["name"])
    planned = apply(asked, dry_run=True)
    assert snapshot(repository.path) == was
    assert apply(asked, dry_run=False) == planned


def test_a_second_run_changes_nothing(repository, config, snapshot):
    asked = request(config, config={"instance_group": [{"kind": "KIND_GPU"}]}, remove=["max_batch_size"])
    assert apply(asked, dry_run=False)["changed"]
    inode = os.stat(config).st_ino
    result = apply(asked, dry_run=False)
    assert (result["changed"], result["reload_impact"]) == (False, "none")
    assert "diff" not in result
    assert os.stat(config).st_ino == inode


def test_a_missing_file_is_made(repository):
    path = repository.model("m", None)
    result = apply(request(path, config={"instance_group": [{"kind": "KIND_GPU"}]}), dry_run=False)
    assert repository.text("m") == b"instance_group [\n  {\n    kind: KIND_GPU\n  }\n]\n"
    assert (result["changed"], result["diff"]["before_header"]) == (True, f"{path} (absent)")


def test_an_empty_file_is_filled(repository):
    path = repository.model("m", b"")
    apply(request(path, config={"max_batch_size": 1}), dry_run=False)
    assert repository.text("m") == b"max_batch_size: 1\n"


def test_a_missing_file_is_not_made_without_leave(repository, snapshot):
    path = repository.model("m", None)
    was = snapshot(repository.path)
    with pytest.raises(FileError, match=r"there is no such file\. Set create: true to make it, or correct the path"):
        apply(request(path, config={"max_batch_size": 1}, create=False), dry_run=False)
    assert snapshot(repository.path) == was


def test_a_missing_model_is_not_made(repository):
    with pytest.raises(FileError, match="its directory does not exist"):
        apply(request(repository.config("m"), config={"max_batch_size": 1}), dry_run=False)
    assert os.listdir(repository.path) == []


def test_the_first_variant_of_a_model_is_made_with_its_directory(repository):
    repository.model("m", OLD)
    apply(request(repository.config("m", "h100"), config={"max_batch_size": 64}), dry_run=False)
    assert repository.text("m", "h100") == b"max_batch_size: 64\n"
    assert repository.text("m") == OLD


def test_the_directory_of_variants_goes_again_if_the_file_cannot_be_written(repository, monkeypatch, snapshot):
    def fail(path, before, after, attributes=None):
        raise FileError("the disk is on fire")

    repository.model("m", OLD)
    was = snapshot(repository.path)
    monkeypatch.setattr(transaction, "write_file", fail)
    with pytest.raises(FileError, match="the disk is on fire"):
        apply(request(repository.config("m", "h100"), config={"max_batch_size": 64}), dry_run=False)
    assert snapshot(repository.path) == was


def test_a_new_directory_of_variants_is_like_that_of_the_model(repository, as_root):
    home = os.path.dirname(repository.model("m", OLD))
    os.chmod(home, 0o750)
    os.chown(home, 12345, 23456)
    apply(request(repository.config("m", "h100"), config={"max_batch_size": 64}), dry_run=False)
    for path, mode in ((os.path.join(home, "configs"), 0o750), (repository.config("m", "h100"), 0o640)):
        status = os.stat(path)
        assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (mode, 12345, 23456)


def test_an_empty_configuration_is_not_made(repository):
    path = repository.model("m", None)
    with pytest.raises(ConfigError, match=r"an empty configuration is not written\. Name at least one field"):
        apply(request(path), dry_run=False)
    assert not os.path.exists(path)


# Absent


def test_a_file_is_removed(repository, config):
    result = apply(request(config, absent=True), dry_run=False)
    assert not os.path.exists(config)
    assert (result["changed"], result["config"], result["reload_impact"]) == (True, {}, "full_reload")
    assert result["diff"]["after_header"] == f"{config} (absent)"


def test_a_missing_file_is_absent_already(repository):
    result = apply(request(repository.model("m", None), absent=True), dry_run=False)
    assert (result["changed"], result["reload_impact"]) == (False, "none")


def test_a_dry_run_removes_nothing(config):
    assert apply(request(config, absent=True), dry_run=True)["changed"]
    assert os.path.exists(config)


def test_a_file_that_does_not_parse_can_be_removed(repository):
    path = repository.model("m", b"\0")
    assert apply(request(path, absent=True), dry_run=False)["changed"]
    assert not os.path.exists(path)


def test_a_linked_file_is_absent_after_the_first_run(repository, tmp_path):
    (tmp_path / "shared.pbtxt").write_bytes(OLD)
    path = repository.model("m", None)
    os.symlink(str(tmp_path / "shared.pbtxt"), path)
    assert apply(request(path, absent=True), dry_run=False)["changed"]
    assert not os.path.lexists(path)
    assert not apply(request(path, absent=True), dry_run=False)["changed"]


# What cannot be done


@pytest.mark.parametrize(
    ("text", "asked", "error"),
    [
        pytest.param(b"name: }", {"max_batch_size": 1}, InvalidConfigError, id="file that does not parse"),
        pytest.param(b"\0\1\2", {"max_batch_size": 1}, InvalidConfigError, id="binary file"),
        pytest.param(b"foo: 1", {"max_batch_size": 1}, InvalidConfigError, id="file that does not fit"),
        pytest.param(OLD, {"max_batch": 1}, ConfigError, id="request that does not fit"),
        pytest.param(
            b"dynamic_batching { }", {"sequence_batching": {}}, ConfigError, id="request that does not fit the file"
        ),
        pytest.param(b"#" * 10_000_000, {"max_batch_size": 1}, FileError, id="10 MB"),
    ],
)
@pytest.mark.parametrize("dry_run", [True, False])
def test_nothing_is_changed_and_nothing_kept_where_the_plan_fails(
    repository, snapshot, tmp_path, text, asked, error, dry_run
):
    path = repository.model("m", text)
    was = snapshot(repository.path)
    with pytest.raises(error):
        apply(request(path, config=asked, backup_dir=str(tmp_path / "kept")), dry_run)
    assert snapshot(repository.path) == was
    assert not os.path.exists(str(tmp_path / "kept"))


# Backups


def test_the_old_file_is_kept(repository, config, tmp_path):
    result = apply(request(config, config={"max_batch_size": 1}, backup_dir=str(tmp_path / "kept")), dry_run=False)
    kept = tmp_path / "kept" / result["backup_id"]
    assert (kept / "000000").read_bytes() == OLD
    assert json.loads((kept / "manifest.json").read_bytes().decode())["files"][0]["path"] == config


@pytest.mark.parametrize(
    ("asked", "dry_run"),
    [({"max_batch_size": 16}, True), ({"max_batch_size": 8}, False)],
    ids=["dry run", "no change"],
)
def test_nothing_is_kept_where_nothing_is_written(config, tmp_path, asked, dry_run):
    result = apply(request(config, config=asked, backup_dir=str(tmp_path / "kept")), dry_run)
    assert result["backup_id"] is None
    assert not os.path.exists(str(tmp_path / "kept"))


def test_a_write_that_fails_leaves_no_backup(config, tmp_path, monkeypatch):
    def fail(path, before, after, attributes=None):
        raise FileError("the disk is on fire")

    monkeypatch.setattr(transaction, "write_file", fail)
    with pytest.raises(FileError, match="the disk is on fire"):
        apply(request(config, config={"max_batch_size": 16}, backup_dir=str(tmp_path / "kept")), dry_run=False)
    assert os.listdir(str(tmp_path / "kept")) == []


def test_a_link_that_leads_nowhere_is_removed_without_a_backup(repository, tmp_path):
    path = repository.model("m", None)
    os.symlink("nowhere", path)
    result = apply(request(path, absent=True, backup_dir=str(tmp_path / "kept")), dry_run=False)
    assert (result["changed"], result["backup_id"]) == (True, None)
    assert not os.path.lexists(path)


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_backup_in_the_repository_is_refused_before_anything_is_written(repository, config, snapshot, dry_run):
    was = snapshot(repository.path)
    asked = request(config, config={"max_batch_size": 16}, backup_dir=os.path.join(repository.path, "kept"))
    with pytest.raises(FileError, match="must not be inside the model repository"):
        apply(asked, dry_run)
    assert snapshot(repository.path) == was


def test_a_backup_in_the_repository_behind_a_link_is_refused_too(repository, make_repository):
    elsewhere = make_repository("elsewhere")
    elsewhere.model("m", OLD)
    os.symlink(os.path.join(elsewhere.path, "m"), os.path.join(repository.path, "m"))
    asked = request(
        repository.config("m"), config={"max_batch_size": 16}, backup_dir=os.path.join(elsewhere.path, "kept")
    )
    with pytest.raises(FileError, match="must not be inside the model repository"):
        apply(asked, dry_run=False)


def test_no_backup_no_change(open_path, make_repository, ordinary, as_root):
    repository = make_repository("models", open_path)
    path = repository.model("m", OLD)
    for owned in (repository.path, os.path.dirname(path), path):
        os.chown(owned, 65534, 65534)
    with pytest.raises(FileError, match="the backup cannot be written, so nothing was changed"):
        ordinary(lambda: apply(request(path, config={"max_batch_size": 1}, backup_dir=open_path + "/kept"), False))
    assert repository.text("m") == OLD


# Two at once


def test_two_processes_that_edit_one_file_lose_no_edit(repository, child):
    path = repository.model("m", OLD)
    rounds = 25

    def edit(who):
        for number in range(rounds):
            config = {"parameters": {f"{who}{number}": {"string_value": str(number)}}}
            assert apply(request(path, config=config), dry_run=False)["changed"]

    for started in [child(lambda who=who: edit(who)) for who in ("a", "b")]:
        started.result()
    final = apply(request(path), dry_run=True)["config"]
    assert set(final["parameters"]) == {f"{who}{number}" for who in ("a", "b") for number in range(rounds)}
    assert repository.text("m").startswith(OLD)
    assert os.listdir(repository.path) == ["m"]


def test_two_processes_that_reach_one_file_on_different_ways_lose_no_edit(repository, make_repository, child):
    elsewhere = make_repository("elsewhere")
    elsewhere.model("m", OLD)
    repository.model("m", None)
    os.symlink(elsewhere.config("m"), repository.config("m"))
    rounds = 25

    def edit(path, who):
        for number in range(rounds):
            config = {"parameters": {f"{who}{number}": {"string_value": str(number)}}}
            assert apply(request(path, config=config), dry_run=False)["changed"]

    paths = {"a": repository.config("m"), "b": elsewhere.config("m")}
    for started in [child(lambda who=who: edit(paths[who], who)) for who in paths]:
        started.result()
    final = apply(request(paths["a"]), dry_run=True)["config"]
    assert set(final["parameters"]) == {f"{who}{number}" for who in paths for number in range(rounds)}


# What the server would refuse

CPU = {"instance_group": [{"kind": "KIND_CPU"}]}
GPUS = b"instance_group { gpus: 0 kind: KIND_GPU }\n"


def rules(findings):
    return [(finding.rule, finding.severity) for finding in findings]


@pytest.mark.parametrize(
    ("text", "asked", "rule"),
    [
        pytest.param(GPUS, CPU, "gpus-without-kind-gpu", id="what is asked for"),
        pytest.param(b'name: "n"\n', {"max_batch_size": 1}, "directory-name", id="what was there and is left"),
        pytest.param(b'name: "n"\n', {}, "directory-name", id="what is there, and no change"),
        pytest.param(None, {"max_batch_size": -1}, "max-batch-size", id="a new file"),
    ],
)
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_file_that_the_server_would_not_load_is_not_written(repository, snapshot, text, asked, rule, dry_run):
    path = repository.model("m", text)
    was = snapshot(repository.path)
    with pytest.raises(RefusedChangeError) as raised:
        apply(request(path, config=asked), dry_run)
    assert rules(raised.value.findings) == [(rule, "error")]
    assert snapshot(repository.path) == was


def test_the_places_are_those_in_the_text_that_was_not_written(repository):
    path = repository.model("m", b"max_batch_size: 4\n")
    with pytest.raises(RefusedChangeError) as raised:
        apply(request(path, config={"dynamic_batching": {"preferred_batch_size": [8]}}), dry_run=True)
    assert [(finding.line, finding.excerpt) for finding in raised.value.findings] == [
        (3, "  preferred_batch_size: [ 8 ]\n                          ^")
    ]


def test_a_change_that_mends_the_file_is_made(repository):
    path = repository.model("m", GPUS.replace(b"GPU }", b"CPU }"))
    assert apply(request(path, remove=["instance_group[0].gpus"]), dry_run=False)["findings"] == []


def test_whoever_opts_out_of_the_rules_gets_no_findings(repository):
    path = repository.model("m", b'name: "n"\ninstance_group { gpus: 0 }\n')
    result = apply(request(path, config={"max_batch_size": 1}, validate=False), dry_run=False)
    assert (result["changed"], result["findings"], result["new_warnings"]) == (True, [], [])


def test_nobody_opts_out_of_the_syntax(repository):
    with pytest.raises(InvalidConfigError):
        apply(request(repository.model("m", b"foo: 1\n"), validate=False), dry_run=False)


def test_a_trap_is_returned_and_a_warning_only_of_the_change_that_set_it(repository):
    path = repository.model("m", b"")
    asked = {"instance_group": [{"gpus": [0]}]}
    first = apply(request(path, config=asked), dry_run=False)
    second = apply(request(path, config=asked), dry_run=False)
    (finding,) = first["findings"]
    assert (finding["rule"], finding["severity"], finding["file"], finding["line"]) == (
        "implicit-gpus",
        "warning",
        path,
        3,
    )
    assert [text.partition(": warning: ")[0] for text in first["new_warnings"]] == [f"{path}:3:5"]
    assert (second["findings"], second["new_warnings"]) == ([finding], [])


def test_what_is_newer_than_the_release_is_refused_also_without_the_rules(repository):
    path = repository.model("m", b"")
    asked = {"config": {"model_metrics": {}}, "triton_release": "24.08"}
    for validate in (True, False):
        with pytest.raises(RefusedChangeError) as raised:
            apply(request(path, validate=validate, **asked), dry_run=False)
        assert rules(raised.value.findings) == [("newer-than-release", "error")]
    assert apply(request(path, **{**asked, "triton_release": "24.11"}), dry_run=False)["changed"]


def test_a_release_that_is_none_changes_nothing(repository, config):
    with pytest.raises(ConfigError, match=r"'24\.8' is not a release"):
        apply(request(config, config={"max_batch_size": 1}, triton_release="24.8"), dry_run=False)
    assert repository.text("m") == OLD


def test_a_draft_may_have_any_name(tmp_path):
    (tmp_path / "ranker.pbtxt").write_bytes(b'name: "ranker"\n')
    assert apply(request(str(tmp_path / "ranker.pbtxt"), config={"max_batch_size": 1}), dry_run=False)["changed"]
