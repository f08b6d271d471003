# SPDX-License-Identifier: GPL-3.0-or-later
"""The module instance_group_policy from its arguments to its result."""

from __future__ import annotations

import os
import sys

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu import detection
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import Gpu, VisibleGpus
from ansible_collections.inference.triton.plugins.modules import instance_group_policy as module

GPU = {"rules": [{"name": "on the GPU", "instance_group": [{"kind": "KIND_GPU"}]}]}
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


@pytest.fixture
def models(repository):
    repository.model("absent")
    repository.model("explicit", PYTHON + b"instance_group [ { kind: KIND_CPU } ]\n")
    repository.model("fileless", None, files=("model.py",))
    repository.model("pipeline", ENSEMBLE)
    repository.model("vino", b'backend: "openvino"\n')
    repository.model("filled_in_later", b"max_batch_size: ${size}\n")
    os.mkdir(os.path.join(repository.path, ".git"))
    return repository


def test_a_whole_repository_in_one_task(run, documented, models):
    result = run(module, repositories=[models.path], policy=GPU)
    assert result["changed"]
    assert {item["model"]: item["status"] for item in result["models"]} == {
        "absent": "changed",
        "explicit": "compliant",
        "fileless": "changed",
        "filled_in_later": "template",
        "pipeline": "exempt",
        "vino": "incompatible",
    }
    assert result["counts"] == {
        "changed": 2,
        "compliant": 1,
        "exempt": 1,
        "incompatible": 1,
        "invalid": 0,
        "template": 1,
        "unmatched": 0,
        "violation": 0,
        "waived": 0,
    }
    assert [item["path"] for item in result["ignored"]] == [os.path.join(models.path, ".git")]
    assert models.text("absent") == PYTHON + b"instance_group [\n  {\n    kind: KIND_GPU\n  }\n]\n"
    documented(module, result)


def test_check_mode_tells_the_same_and_changes_nothing(run, models, snapshot):
    was = snapshot(models.path)
    checked = run(module, check=True, repositories=[models.path], policy=GPU)
    assert snapshot(models.path) == was
    done = run(module, repositories=[models.path], policy=GPU)
    for name in ("changed", "models", "counts", "ignored", "diff"):
        assert checked[name] == done[name]


def test_a_second_run_changes_nothing(run, models, snapshot):
    run(module, repositories=[models.path], policy=GPU)
    was = snapshot(models.path)
    result = run(module, repositories=[models.path], policy=GPU)
    assert (result["changed"], result["counts"]["changed"], result["diff"]) == (False, 0, [])
    assert snapshot(models.path) == was


def test_the_diff_has_one_entry_for_each_file(run, models):
    result = run(module, check=True, repositories=[models.path], policy=GPU)
    assert [diff["before_header"] for diff in result["diff"]] == [
        models.config("absent"),
        models.config("fileless") + " (absent)",
    ]


def test_what_somebody_should_look_at_is_a_warning(run, models):
    warnings = run(module, repositories=[models.path], policy=GPU)["warnings"]
    assert len(warnings) == 2
    assert any(models.config("vino") in warning and "OpenVINO" in warning for warning in warnings)
    assert any(models.config("filled_in_later") in warning and "${size}" in warning for warning in warnings)


def test_one_broken_file_stops_everything(run, documented, models, snapshot):
    models.model("broken", b"name: }\n")
    was = snapshot(models.path)
    result = run(module, repositories=[models.path], policy=GPU)
    assert result["failed"]
    assert not result["changed"]
    assert result["msg"].startswith("One configuration cannot be planned, so nothing was changed:\n")
    assert f"{models.config('broken')}:1:7: " in result["msg"]
    assert result["counts"]["invalid"] == 1
    assert snapshot(models.path) == was
    documented(module, result)


def test_one_broken_file_does_not_stop_a_task_that_wants_to_go_on(run, documented, models):
    models.model("broken", b"name: }\n")
    result = run(module, repositories=[models.path], policy=GPU, on_error="continue")
    assert (result["changed"], result["counts"]["changed"], result["counts"]["invalid"]) == (True, 2, 1)
    assert any(models.config("broken") in warning for warning in result["warnings"])
    documented(module, result)


def test_all_mistakes_of_a_policy_are_reported_before_any_model_is_read(run, snapshot, models):
    models.model("broken", b"name: }\n")
    was = snapshot(models.path)
    policy = {"rules": [{"instance_group": [{"kind": "GPU"}], "levle": "exact", "mode": "on"}], "waiver": []}
    result = run(module, repositories=[models.path], policy=policy)
    assert result["msg"].split("\n") == [
        "The policy has mistakes, nothing was changed:",
        "waiver: there is no such key. Did you mean 'waivers'?",
        "rules[0].levle: there is no such key. Did you mean 'level'?",
        "rules[0].instance_group[0].kind: expected one of KIND_AUTO, KIND_GPU, KIND_CPU, KIND_MODEL, found 'GPU'. "
        "Did you mean 'KIND_GPU'?",
        "rules[0].mode: expected one of enforce, audit, found 'on'.",
    ]
    assert snapshot(models.path) == was


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("none", "there is no such directory"),
        ("file", "this is a file, and a directory is wanted"),
        ("models/absent/config.pbtxt", "this is a file, and a directory is wanted"),
        ("\0", "there is no such directory"),
    ],
)
@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
def test_a_repository_that_is_none_stops_everything(run, documented, models, snapshot, tmp_path, path, told, check):
    (tmp_path / "file").write_text("")
    was = snapshot(models.path)
    result = run(module, check=check, repositories=[models.path, os.path.join(str(tmp_path), path)], policy=GPU)
    assert result["failed"]
    assert told in result["msg"]
    assert snapshot(models.path) == was
    documented(module, result)


def test_no_repository_at_all_is_a_failure(run):
    assert run(module, repositories=[], policy=GPU)["failed"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"policy": GPU}, "missing required arguments: repositories"),
        ({"repositories": ["a"]}, "missing required arguments: policy"),
        ({"repositories": ["a"], "policy": "gpu"}, "unable to convert to dict"),
        ({"repositories": ["a"], "policy": GPU, "on_error": "ignore"}, "value of on_error must be one of"),
    ],
    ids=["repositories", "policy", "kind of policy", "on_error"],
)
def test_options_that_are_missing_or_wrong(run, arguments, message):
    assert message in run(module, **arguments)["msg"]


def test_a_file_that_cannot_be_written_leaves_all_as_they_were(
    run, as_root, open_path, make_repository, ordinary, snapshot
):
    repository = make_repository("models", open_path)
    mine, theirs = repository.model("a"), repository.model("b")
    for path in (repository.path, os.path.dirname(mine), mine):
        os.chown(path, 65534, 65534)
    was = snapshot(repository.path)
    result = ordinary(lambda: run(module, repositories=[repository.path], policy=GPU))
    assert result["msg"].startswith(f"{theirs}: cannot be written, and was left as it was: ")
    assert snapshot(repository.path) == was


def test_names_that_are_not_utf8_give_a_result_that_can_be_printed(run, repository):
    home = os.fsencode(repository.path) + b"/\xff"
    os.makedirs(home + b"/1")
    with open(home + b"/config.pbtxt", "wb") as file:
        file.write(PYTHON)
    (item,) = run(module, repositories=[repository.path], policy=GPU)["models"]
    item["file"].encode("utf-8")
    assert item["status"] == "changed"


# The policy, whole


def test_everything_that_is_returned_is_documented(run, documented, models, tmp_path):
    policy = {
        "preset": "strict_gpu",
        "mode": "audit",
        "rules": [{"match": {"query": "max_batch_size"}, "instance_group": [{"kind": "KIND_GPU", "gpus": "all"}]}],
        "waivers": [
            {"models": ["absent"], "reason": "r", "expires": "2999-12-31"},
            {"models": ["gone"], "reason": "r"},
        ],
    }
    models.model("malformed", b"# triton-policy: waive\n" + PYTHON)
    baseline = str(tmp_path / "baseline.json")
    arguments = {"repositories": [models.path], "policy": policy, "gpus": [{"name": "T4"}], "baseline": baseline}
    result = run(module, write_baseline=True, **arguments)
    documented(module, result)
    statuses = {item["model"]: item["status"] for item in result["models"]}
    assert (statuses["absent"], statuses["malformed"]) == ("waived", "violation")
    assert [waiver["state"] for waiver in result["waivers"]] == ["active", "stale"]
    assert result["baseline"] == {"path": baseline, "known": 3, "new": 0, "fixed": 0}
    assert not any("malformed" in warning for warning in result["warnings"])
    documented(module, run(module, fail_on=["template"], **arguments))


def test_the_gpus_of_the_task_are_what_the_server_sees(run, models):
    rule = {"instance_group": [{"kind": "KIND_GPU", "gpus": {"memory_gb": 40}}], "match": {"models": ["absent"]}}
    gpus = [{"memory_mib": 15360}, {"memory_mib": "81559"}]
    arguments = {"repositories": [models.path], "policy": {"rules": [rule]}, "gpus": gpus, "check": True}
    assert run(module, **arguments)["models"][0]["after"] == [{"kind": "KIND_GPU", "gpus": [1]}]
    hidden = run(module, cuda_visible_devices="1,0", **arguments)
    assert hidden["models"][0]["after"] == [{"kind": "KIND_GPU", "gpus": [0]}]


def test_gpus_that_make_no_sense_fail_with_their_place(run, models):
    result = run(module, repositories=[models.path], policy=GPU, gpus=[{"memory_mib": "much"}])
    assert result["msg"] == "gpus[0].memory_mib: expected a whole number from 0, found 'much'."


def test_the_gpus_of_the_host_are_detected_only_where_a_rule_names_devices(run, models, monkeypatch):
    asked = []
    monkeypatch.setattr(detection, "detect", lambda visible: asked.append(visible) or VisibleGpus((Gpu(0),)))
    run(module, repositories=[models.path], policy=GPU)
    assert asked == []
    rule = {"instance_group": [{"kind": "KIND_GPU", "gpus": "all"}], "match": {"models": ["absent"]}}
    run(module, repositories=[models.path], policy={"rules": [rule]}, cuda_visible_devices="0")
    assert asked == ["0"]


def test_gpus_that_the_release_does_not_use_are_not_there_for_the_policy(run, repository):
    repository.model("m", b'backend: "python"\n')
    v100, t4 = {"name": "V100", "compute_capability": "7.0"}, {"name": "T4", "compute_capability": "7.5"}
    rule = {"instance_group": [{"kind": "KIND_GPU", "gpus": "all"}]}
    arguments = {"repositories": [repository.path], "policy": {"rules": [rule]}, "check": True}

    def groups(**options):
        return run(module, **arguments, **options)["models"][0]["after"]

    assert groups(gpus=[v100, t4]) == [{"kind": "KIND_GPU", "gpus": [0, 1]}]
    assert groups(gpus=[v100, t4], triton_release="25.10") == [{"kind": "KIND_GPU", "gpus": [1]}]
    assert groups(gpus=[v100, t4], min_supported_compute_capability="7.5") == [{"kind": "KIND_GPU", "gpus": [1]}]
    result = run(module, gpus=[t4], driver_version="535.86", triton_release="25.10", **arguments)
    assert result["models"][0]["status"] == "violation"
    assert "driver 535.86 is older than 580" in result["models"][0]["reason"]


def test_what_the_image_and_the_log_say_decides_about_gpus_too(run, repository, tmp_path):
    repository.model("m", b'backend: "python"\n')
    library, log = tmp_path / "libcuda.so.580.95.05", tmp_path / "log"
    library.write_bytes(b'\x7fELF {"format":1,"CUDA version":"13.0","driver":[535]}')
    log.write_text("| server_version | 2.62.0 |\n| min_supported_compute_capability | 7.0 |\n")
    rule = {"instance_group": [{"kind": "KIND_GPU", "gpus": "all"}]}
    result = run(
        module,
        repositories=[repository.path],
        policy={"rules": [rule]},
        check=True,
        gpus=[{"name": "V100", "compute_capability": "7.0"}],
        driver_version="535.86",
        triton_release="25.10",
        cuda_compat=str(library),
        server_log=str(log),
    )
    assert result["models"][0]["after"] == [{"kind": "KIND_GPU", "gpus": [0]}]
    assert "by forward compatibility" in result["warnings"][0]


def test_jmespath_is_asked_for_only_where_a_query_is_used(run, models, monkeypatch, snapshot):
    monkeypatch.setitem(sys.modules, "jmespath", None)
    was = snapshot(models.path)
    query = {"rules": [{**GPU["rules"][0], "match": {"query": "max_batch_size"}}]}
    result = run(module, repositories=[models.path], policy=query)
    assert result["failed"]
    assert "rules[0].match.query: this host has no jmespath, which a query needs." in result["msg"]
    assert "python3-jmespath" in result["msg"]
    assert snapshot(models.path) == was
    assert run(module, repositories=[models.path], policy=GPU)["changed"]


def test_a_query_that_fails_on_a_model_fails_the_task(run, documented, models, snapshot):
    was = snapshot(models.path)
    query = {"rules": [{**GPU["rules"][0], "match": {"query": "contains(parameters, 'x')"}}]}
    result = run(module, repositories=[models.path], policy=query, on_error="continue")
    assert result["msg"].startswith(f"{models.path}/absent: the query of the rule 'on the GPU', ")
    assert snapshot(models.path) == was
    documented(module, result)


def test_a_variant_for_one_class_of_hosts(run, documented, models):
    result = run(module, repositories=[models.path], policy=GPU, config_name="a100")
    assert {item["model"] for item in result["models"] if item["status"] == "changed"} == {
        "absent",
        "explicit",
        "fileless",
    }
    assert models.text("absent") == PYTHON
    assert models.text("absent", "a100").endswith(b"kind: KIND_GPU\n  }\n]\n")
    documented(module, result)
    assert run(module, repositories=[models.path], policy=GPU, config_name="a100")["changed"] is False


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"write_baseline": True}, "write_baseline is True but all of the following are missing: baseline"),
        ({"fail_on": ["compliant"]}, "value of fail_on must be one or more of"),
        ({"config_name": "../x"}, "config_name: '../x' is not the name of a directory entry."),
        ({"baseline": "/nowhere/b.json"}, "/nowhere: there is no such directory."),
    ],
    ids=["write_baseline", "fail_on", "config_name", "baseline"],
)
def test_options_that_make_no_sense(run, models, snapshot, options, message):
    was = snapshot(models.path)
    assert message in run(module, repositories=[models.path], policy=GPU, **options)["msg"]
    assert snapshot(models.path) == was


def test_a_release_that_is_not_known_yet_is_a_warning(run, models):
    result = run(module, repositories=[models.path], policy=GPU, triton_release="31.01", check=True)
    assert any("Triton 31.01 is newer than what is known here" in warning for warning in result["warnings"])


def test_a_release_that_reads_no_variants_is_a_warning(run, models):
    result = run(module, repositories=[models.path], policy=GPU, triton_release="24.04", config_name="a100", check=True)
    assert any("24.05 has it" in warning for warning in result["warnings"])
