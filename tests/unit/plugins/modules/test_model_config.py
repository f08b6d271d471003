# SPDX-License-Identifier: GPL-3.0-or-later
"""The module model_config from its arguments to its result."""

from __future__ import annotations

import os
import stat

import pytest
from ansible_collections.inference.triton.plugins.modules import model_config

OLD = b'name: "m"  # the model\nmax_batch_size: 8\n'


@pytest.fixture
def config(repository):
    return repository.model("m", OLD)


# The main job


def test_a_field_is_merged_into_the_file_at_a_path(run, documented, repository, config):
    result = run(model_config, path=config, config={"max_batch_size": 16})
    assert (result["changed"], result["path"], result["reload_impact"]) == (True, config, "full_reload")
    assert result["config"] == {"name": "m", "max_batch_size": 16}
    assert repository.text("m") == b'name: "m"  # the model\nmax_batch_size: 16\n'
    documented(model_config, result)


def test_a_model_of_a_repository_is_found_by_its_name(run, repository, config):
    result = run(model_config, repository=repository.path, model="m", config={"max_batch_size": 16})
    assert (result["changed"], result["path"]) == (True, config)


def test_a_variant_is_found_by_its_name(run, repository, config):
    path = repository.variant("m", "h100", b"")
    result = run(model_config, repository=repository.path, model="m", config_name="h100", config={"max_batch_size": 64})
    assert (result["changed"], result["path"]) == (True, path)
    assert (repository.text("m", "h100"), repository.text("m")) == (b"max_batch_size: 64\n", OLD)


def test_fields_are_taken_away(run, repository, config):
    result = run(model_config, path=config, remove=["max_batch_size", "dynamic_batching"])
    assert (result["changed"], result["config"]) == (True, {"name": "m"})


@pytest.mark.parametrize(("lists", "counts"), [("merge", [5, 2]), ("replace", [5])])
def test_lists_are_merged_or_replaced(run, repository, lists, counts):
    path = repository.model("m", b"instance_group [ { count: 1 }, { count: 2 } ]\n")
    result = run(model_config, path=path, config={"instance_group": [{"count": 5}]}, lists=lists)
    assert [group["count"] for group in result["config"]["instance_group"]] == counts


def test_a_file_is_made(run, documented, repository):
    path = repository.model("m", None)
    result = run(model_config, path=path, config={"backend": "python"})
    assert (result["changed"], repository.text("m")) == (True, b'backend: "python"\n')
    documented(model_config, result)


def test_a_file_is_removed(run, documented, config):
    result = run(model_config, path=config, state="absent")
    assert (result["changed"], result["config"], os.path.exists(config)) == (True, {}, False)
    documented(model_config, result)
    assert not run(model_config, path=config, state="absent")["changed"]


def test_the_old_file_is_kept_in_backup_dir(run, documented, config, tmp_path):
    result = run(model_config, path=config, config={"max_batch_size": 1}, backup_dir=str(tmp_path / "kept"))
    assert (tmp_path / "kept" / result["backup_id"] / "000000").read_bytes() == OLD
    documented(model_config, result)


def test_the_oldest_backups_go(run, config, tmp_path):
    ids = [
        run(model_config, path=config, config={"max_batch_size": size}, backup_dir=str(tmp_path / "kept"), keep=2)
        for size in (1, 2, 3)
    ]
    assert sorted(os.listdir(str(tmp_path / "kept"))) == [result["backup_id"] for result in ids[1:]]


def test_a_relative_path_is_that_of_the_working_directory(run, monkeypatch, repository, config):
    monkeypatch.chdir(repository.path)
    assert run(model_config, path="m/config.pbtxt", config={"max_batch_size": 1})["path"] == config


def test_whoever_is_asked_finds_the_new_text_valid(run, config):
    assert run(model_config, path=config, config={"max_batch_size": 1})["validated_by"][0] == "built-in"


# Check mode, diff and idempotence


@pytest.mark.parametrize(
    "arguments",
    [
        {"config": {"max_batch_size": 16}},
        {"remove": ["name"]},
        {"state": "absent"},
        {"config": {"max_batch_size": 16}, "mode": "0600"},
        {"mode": "0600"},
    ],
    ids=["config", "remove", "absent", "config and mode", "mode"],
)
def test_check_mode_tells_what_would_change_and_changes_nothing(run, repository, config, snapshot, arguments):
    was = snapshot(repository.path)
    checked = run(model_config, check=True, path=config, **arguments)
    assert checked["changed"]
    assert snapshot(repository.path) == was
    done = run(model_config, path=config, **arguments)
    assert snapshot(repository.path) != was
    assert (checked.get("diff"), checked["config"]) == (done.get("diff"), done["config"])
    assert not run(model_config, path=config, **arguments)["changed"]


def test_check_mode_makes_no_file(run, repository, snapshot):
    path = repository.model("m", None)
    was = snapshot(repository.path)
    assert run(model_config, check=True, path=path, config={"max_batch_size": 1}, mode="0600")["changed"]
    assert snapshot(repository.path) == was


def test_the_diff_has_the_whole_file_before_and_after(run, config):
    result = run(model_config, path=config, config={"max_batch_size": 16})
    assert result["diff"] == {
        "before_header": config,
        "after_header": config,
        "before": OLD.decode(),
        "after": OLD.decode().replace("8", "16"),
    }


def test_nothing_to_change_leaves_the_very_file(run, config):
    before = os.stat(config)
    result = run(model_config, path=config, config={"max_batch_size": 8}, mode="0644")
    after = os.stat(config)
    assert (result["changed"], result["reload_impact"]) == (False, "none")
    assert (after.st_ino, after.st_ctime_ns) == (before.st_ino, before.st_ctime_ns)


# File attributes, only where different


def test_the_mode_is_set_where_it_differs(run, config):
    assert run(model_config, path=config, mode="0640")["changed"]
    assert stat.S_IMODE(os.stat(config).st_mode) == 0o640
    assert not run(model_config, path=config, mode="u=rw,g=r,o=")["changed"]


def test_an_octal_number_is_a_mode_too(run, config):
    assert run(model_config, path=config, mode=0o600)["changed"]
    assert stat.S_IMODE(os.stat(config).st_mode) == 0o600


def test_the_mode_is_kept_where_nobody_asks(run, config):
    os.chmod(config, 0o600)
    run(model_config, path=config, config={"max_batch_size": 1})
    assert stat.S_IMODE(os.stat(config).st_mode) == 0o600


def test_a_new_file_gets_its_mode(run, repository):
    path = repository.model("m", None)
    assert run(model_config, path=path, config={"max_batch_size": 1}, mode="0604")["changed"]
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o604


def test_owner_and_group_are_set_where_they_differ(run, as_root, config):
    assert run(model_config, path=config, owner="12345", group="23456")["changed"]
    assert (os.stat(config).st_uid, os.stat(config).st_gid) == (12345, 23456)
    assert not run(model_config, path=config, owner="12345", group="23456")["changed"]
    assert run(model_config, path=config, config={"max_batch_size": 1})["changed"]
    assert (os.stat(config).st_uid, os.stat(config).st_gid) == (12345, 23456)


def test_the_attributes_are_those_of_the_file_and_not_of_a_link_to_it(run, repository, tmp_path):
    target = tmp_path / "shared.pbtxt"
    target.write_bytes(OLD)
    path = repository.model("m", None)
    os.symlink(str(target), path)
    assert run(model_config, path=path, config={"max_batch_size": 1}, mode="0600")["changed"]
    assert stat.S_IMODE(os.stat(str(target)).st_mode) == 0o600
    assert os.path.islink(path)


@pytest.mark.parametrize(
    "attribute",
    [{"owner": "no_such_user_at_all"}, {"group": "no_such_group_at_all"}, {"mode": "rwx"}, {"mode": "0999"}],
    ids=["owner", "group", "mode", "octal"],
)
@pytest.mark.parametrize("exists", [True, False], ids=["file", "no file"])
def test_an_attribute_that_makes_no_sense_is_found_before_anything_is_written(
    run, repository, snapshot, attribute, exists
):
    path = repository.model("m", OLD if exists else None)
    was = snapshot(repository.path)
    assert run(model_config, path=path, config={"max_batch_size": 1}, **attribute)["failed"]
    assert snapshot(repository.path) == was


# Bad input: a clear failure, and nothing changed


@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
@pytest.mark.parametrize("name", ["../x", "..", ".", "/etc", "a/b", "", "m/../m", "x\0y"], ids=repr)
@pytest.mark.parametrize("option", ["model", "config_name"])
def test_a_name_that_climbs_out_of_the_repository_is_refused(run, repository, config, snapshot, option, name, check):
    was = snapshot(os.path.dirname(repository.path))
    names = {"model": "m", "config_name": "x", option: name}
    result = run(model_config, check=check, repository=repository.path, config={"max_batch_size": 1}, **names)
    assert result["failed"]
    assert result["msg"] == (f"{option}: {name!r} is not the name of a directory entry. Give a plain name without '/'.")
    assert snapshot(os.path.dirname(repository.path)) == was


def test_a_deep_climb_is_refused(run, repository, config):
    result = run(
        model_config, repository=repository.path, model="m", config_name="../../x", config={"max_batch_size": 1}
    )
    assert "config_name: '../../x' is not the name of a directory entry" in result["msg"]


BROKEN = [
    pytest.param(b"name: }\n", "config.pbtxt:1:7: ", id="syntax"),
    pytest.param(b"\xef\xbb\xbfname: 'm'\n", "config.pbtxt:1:1: ", id="byte order mark"),
    pytest.param(b"name: 'm\0'\n", "NUL", id="NUL"),
    pytest.param(b"\x7fELF\x02\x01\x01\0\0\0\0", "NUL", id="binary"),
    pytest.param(b"foo: 1\n", "config.pbtxt:1:1: ModelConfig has no field 'foo'", id="unknown field"),
    pytest.param(b"#" * 10_000_000, "has 10.0 MB", id="10 MB"),
]


@pytest.mark.parametrize(("text", "message"), BROKEN)
@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
def test_a_file_that_triton_would_refuse_is_reported_and_left_alone(
    run, documented, repository, snapshot, text, message, check
):
    path = repository.model("m", text)
    was = snapshot(repository.path)
    result = run(model_config, check=check, path=path, config={"max_batch_size": 1}, mode="0600")
    assert result["failed"]
    assert message in result["msg"]
    assert snapshot(repository.path) == was
    documented(model_config, result)


def test_all_problems_of_a_file_are_reported_with_place_line_and_caret(run, repository):
    path = repository.model("m", b"foo: 1\n  instance_groups [ ]\n")
    result = run(model_config, path=path, config={"max_batch_size": 1})
    assert result["msg"] == (
        f"{path} is no configuration that Triton loads. Nothing was changed.\n"
        f"{path}:1:1: ModelConfig has no field 'foo'. [unknown-field]\nfoo: 1\n^\n"
        "Correct its name, or remove it.\n"
        f"{path}:2:3: ModelConfig has no field 'instance_groups'. [unknown-field]\n  instance_groups [ ]\n  ^\n"
        "Did you mean 'instance_group'?"
    )
    assert [(finding["line"], finding["rule"]) for finding in result["findings"]] == [
        (1, "unknown-field"),
        (2, "unknown-field"),
    ]


@pytest.mark.parametrize(
    ("arguments", "problems"),
    [
        ({"config": {"max_batch": 1}}, ["max_batch: ModelConfig has no such field."]),
        (
            {"config": {"max_batch_size": "many", "instance_group": [{"kind": "GPU"}]}},
            [
                "max_batch_size: expected a whole number (int32), found 'many'.",
                "instance_group[0].kind: expected one of KIND_AUTO, KIND_GPU, KIND_CPU, KIND_MODEL, found 'GPU'. "
                "Did you mean 'KIND_GPU'?",
            ],
        ),
        ({"config": {"name": None}}, ["name: null is not a value. To take a field away, name it in 'remove'."]),
        ({"remove": ["foo"]}, ["foo: ModelConfig has no field 'foo'."]),
        ({"remove": ["a b c ["]}, ["'a b c [' is not a field path. Write for example instance_group[0].gpus."]),
    ],
    ids=["unknown field", "wrong values", "null", "unknown path", "no path"],
)
def test_a_request_that_does_not_fit_is_reported_with_its_place(run, config, arguments, problems):
    result = run(model_config, path=config, **arguments)
    first, *rest = result["msg"].split("\n")
    assert first == "What is asked for does not fit, nothing was changed:"
    for problem, wanted in zip(rest, problems):
        assert problem.startswith(wanted)
    assert len(rest) == len(problems)


def test_the_other_member_of_a_oneof_is_no_crash(run, repository):
    path = repository.model("m", b"dynamic_batching { }\n")
    result = run(model_config, path=path, config={"sequence_batching": {}})
    assert result["failed"]
    assert "dynamic_batching" in result["msg"]


def test_a_missing_file_may_have_to_be_there(run, repository, snapshot):
    path = repository.model("m", None)
    was = snapshot(repository.path)
    result = run(model_config, path=path, config={"max_batch_size": 1}, create=False)
    assert result["msg"] == f"{path}: there is no such file. Set create: true to make it, or correct the path."
    assert snapshot(repository.path) == was


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"repository": "none", "model": "m"}, "there is no such model repository"),
        ({"repository": "models", "model": "none"}, "there is no such directory of the model 'none'"),
        ({"path": "models/none/config.pbtxt"}, "its directory does not exist"),
        ({"path": "models/m"}, "is a directory"),
        ({"path": "models/m/config.pbtxt/x"}, "a part of this path is not a directory"),
        ({"path": "models/m/\0"}, "NUL"),
    ],
    ids=["repository", "model", "directory of the file", "directory", "path through a file", "NUL"],
)
def test_a_place_that_does_not_exist_is_named(run, monkeypatch, repository, config, snapshot, arguments, message):
    monkeypatch.chdir(os.path.dirname(repository.path))
    was = snapshot(repository.path)
    result = run(model_config, config={"max_batch_size": 1}, **arguments)
    assert result["failed"]
    assert message in result["msg"]
    assert snapshot(repository.path) == was


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "one of the following is required: path, repository"),
        ({"path": "a", "repository": "b", "model": "m"}, "mutually exclusive: path|repository"),
        ({"repository": "b"}, "required together: repository, model"),
        ({"path": "a", "model": "m"}, "required together: repository, model"),
        ({"path": "a", "config_name": "x"}, "missing parameter(s) required by 'config_name': repository"),
        ({"path": "a", "keep": 1}, "missing parameter(s) required by 'keep': backup_dir"),
        ({"path": "a", "keep": 0, "backup_dir": "b"}, "keep: 0 backups would not hold the one that this task makes"),
        ({"path": "a", "lists": "append"}, "value of lists must be one of: merge, replace, got: append"),
        ({"path": "a", "config": "no mapping"}, "unable to convert to dict"),
    ],
    ids=[
        "nothing",
        "two places",
        "no model",
        "model without repository",
        "variant of a path",
        "keep what",
        "keep none",
        "lists",
        "config",
    ],
)
def test_options_that_do_not_go_together(run, arguments, message):
    result = run(model_config, **arguments)
    assert result["failed"]
    assert message in result["msg"]


def test_a_backup_in_the_repository_is_refused(run, repository, config, snapshot):
    was = snapshot(repository.path)
    result = run(model_config, path=config, config={"max_batch_size": 1}, backup_dir=os.path.join(repository.path, "b"))
    assert "backup_dir must not be inside the model repository" in result["msg"]
    assert snapshot(repository.path) == was


def test_a_file_that_this_user_may_not_read(run, open_path, make_repository, ordinary):
    path = make_repository("models", open_path).model("m", OLD)
    os.chmod(path, 0)
    result = ordinary(lambda: run(model_config, path=path, config={"max_batch_size": 1}))
    assert result["msg"].startswith(f"{path}: cannot be read: Permission denied. Run the task as a user who may")


def test_a_file_that_this_user_may_not_write(run, as_root, open_path, make_repository, ordinary, snapshot):
    repository = make_repository("models", open_path)
    path = repository.model("m", OLD)
    was = snapshot(repository.path)
    result = ordinary(lambda: run(model_config, path=path, config={"max_batch_size": 1}))
    assert "Permission denied. Run the task as a user who may write it, for example with become: true" in result["msg"]
    assert snapshot(repository.path) == was


def test_a_file_that_is_not_utf8_gives_a_result_that_is(run, repository):
    path = repository.model("m", b'# caf\xe9\nruntime: "\xff"\n')
    result = run(model_config, path=path, config={"max_batch_size": 1})
    assert result["config"] == {"runtime": "\ufffd", "max_batch_size": 1}
    assert repository.text("m") == b'# caf\xe9\nruntime: "\xff"\nmax_batch_size: 1\n'


# What the server would refuse


def test_a_change_that_the_server_would_refuse_fails_and_says_where(run, documented, repository, snapshot):
    path = repository.model("m", b"max_batch_size: 4\n")
    was = snapshot(repository.path)
    result = run(model_config, path=path, config={"max_batch_size": -1}, mode="0600")
    assert result["msg"] == (
        f"{path} would then be no configuration that Triton loads. Nothing was changed.\n"
        f"{path}:1:1: Triton refuses the model: 'max_batch_size' must be non-negative value for m [max-batch-size]\n"
        "max_batch_size: -1\n^\nWrite the largest batch, or 0 for a model without batches."
    )
    assert [(finding["rule"], finding["severity"]) for finding in result["findings"]] == [("max-batch-size", "error")]
    assert snapshot(repository.path) == was
    documented(model_config, result)


def test_the_rules_can_be_switched_off(run, repository):
    path = repository.model("m", b"max_batch_size: 4\n")
    assert run(model_config, path=path, config={"max_batch_size": -1}, validate=False)["changed"]


def test_a_trap_that_the_task_sets_is_a_warning_of_the_task(run, documented, repository):
    path = repository.model("m", b"")
    first, second = (run(model_config, path=path, config={"instance_group": [{"gpus": [0]}]}) for _run in "12")
    assert first["warnings"][0].startswith(f"{path}:3:5: warning: where one of these GPUs is missing, ")
    assert (second["warnings"], len(second["findings"])) == ([], 1)
    documented(model_config, first)


def test_a_field_that_the_release_does_not_know_is_refused(run, config):
    result = run(model_config, path=config, config={"model_metrics": {}}, triton_release="24.08")
    assert (
        "Triton 24.08 refuses the whole model: 'model_metrics' came with 24.11. [newer-than-release]" in result["msg"]
    )


def test_a_release_that_is_none_is_refused(run, config):
    result = run(model_config, path=config, config={"max_batch_size": 1}, triton_release="24.8")
    assert result["msg"].endswith("triton_release: '24.8' is not a release of Triton. Write '24.08', in quotes.")
