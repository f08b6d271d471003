# SPDX-License-Identifier: GPL-3.0-or-later
"""The module model_repository_info from its arguments to its result."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu import detection
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import Gpu, VisibleGpus
from ansible_collections.inference.triton.plugins.modules import model_repository_info

V100 = {"name": "Tesla V100", "compute_capability": "7.0"}


@pytest.fixture
def models(repository):
    repository.model("bare", None, files=("model.py",))
    repository.model("broken", b"name: }\n")
    repository.model("cpu", b'backend: "python" instance_group { kind: KIND_CPU }')
    repository.model("gpu", b'backend: "python" instance_group { kind: KIND_GPU }')
    repository.model("ranker", b'backend: "python" instance_group { count: 2 }')
    repository.model("strange", b'backend: "python" instance_group { kind: 9 }')
    return repository


@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
def test_repositories_are_read_and_left_as_they_were(run, documented, models, snapshot, check):
    was = snapshot(models.path)
    result = run(model_repository_info, check=check, repositories=[models.path], gpus=[])
    assert not result["changed"]
    assert result["silent_cpu"] == ["bare", "ranker"]
    assert result["will_not_load"] == ["broken", "gpu", "strange"]
    assert result["counts"]["models"] == 6
    assert snapshot(models.path) == was


def test_the_result_is_what_is_documented(run, documented, repository):
    repository.model("ranker", b'backend: "python" instance_group { count: 2 }')
    result = run(model_repository_info, repositories=[repository.path], gpus=[V100], triton_release="25.10")
    documented(model_repository_info, result)


@pytest.mark.parametrize(("release", "silent"), [("24.10", []), ("25.10", ["bare", "ranker"])])
def test_an_upgrade_takes_models_of_old_gpus_to_the_cpu(run, models, release, silent):
    result = run(model_repository_info, repositories=[models.path], gpus=[V100], triton_release=release)
    assert result["silent_cpu"] == silent
    if silent:
        (ranker,) = [item for item in result["models"] if item["model"] == "ranker"]
        assert ranker["prediction"]["cause"]["host"] == "compute_capability_too_low"
        assert "Tesla V100" in ranker["prediction"]["cause"]["text"]


@pytest.mark.parametrize(
    ("options", "silent"),
    [
        ({}, []),
        ({"min_supported_compute_capability": "7.5"}, ["ranker"]),
        ({"cuda_visible_devices": ""}, ["ranker"]),
        ({"driver_version": "470.57.02", "triton_release": "24.10"}, ["ranker"]),
        ({"cuda_error": 35}, ["ranker"]),
        ({"models": ["cpu"]}, []),
    ],
    ids=["nothing", "minimum", "environment", "driver", "error", "pattern"],
)
def test_each_option_reaches_the_prediction(run, repository, options, silent):
    repository.model("ranker", b'backend: "python" instance_group { count: 2 }')
    result = run(model_repository_info, repositories=[repository.path], gpus=[V100], **options)
    assert result["silent_cpu"] == silent


def test_the_server_options_reach_the_prediction(run, repository):
    repository.model("bare", None, files=("model.py",))
    repository.variant("bare", "a100", b'backend: "python" instance_group { kind: KIND_CPU }')
    arguments = {"repositories": [repository.path], "gpus": []}
    assert run(model_repository_info, auto_complete=False, **arguments)["will_not_load"] == ["bare"]
    assert run(model_repository_info, auto_complete=False, config_name="a100", **arguments)["will_not_load"] == []


def test_the_gpus_of_the_host_are_detected_where_none_are_given(run, repository, monkeypatch):
    asked = []

    def detect(cuda_visible_devices):
        asked.append(cuda_visible_devices)
        return VisibleGpus((Gpu(0, "T4", "", None, (7, 5)),), (), "470.57.02", "nvidia-smi of this host")

    monkeypatch.setattr(detection, "detect", detect)
    repository.model("ranker", b'backend: "python"')
    arguments = {"repositories": [repository.path], "cuda_visible_devices": "0", "triton_release": "24.10"}
    result = run(model_repository_info, **arguments)
    assert (asked, result["server"]["source"]) == (["0"], "nvidia-smi of this host")
    assert result["silent_cpu"] == ["ranker"]
    assert run(model_repository_info, driver_version="550.54.15", **arguments)["silent_cpu"] == []


NOTE = b'\x7fELF {"format":1,"CUDA version":"13.1","driver":[535,550,570,575,580,590]}'


@pytest.mark.parametrize(
    ("driver", "silent", "fit"),
    [
        ("535.104.05", [], "forward_compatibility"),
        ("560.35.03", ["ranker"], "too_old"),
        ("580.65.06", [], "minor_version"),
    ],
)
def test_the_image_tells_which_drivers_it_bridges(run, documented, repository, tmp_path, driver, silent, fit):
    library = tmp_path / "usr/local/cuda-13.1/compat/libcuda.so.590.48.01"
    library.parent.mkdir(parents=True)
    library.write_bytes(NOTE)
    repository.model("ranker", b'backend: "python"')
    arguments = {"repositories": [repository.path], "gpus": [{"name": "Tesla T4", "compute_capability": "7.5"}]}
    result = run(model_repository_info, driver_version=driver, cuda_compat=str(tmp_path), **arguments)
    assert (result["silent_cpu"], result["server"]["driver_fit"]["fit"]) == (silent, fit)
    assert bool(result["warnings"]) == (fit == "forward_compatibility")
    documented(model_repository_info, result)


def test_the_log_of_the_server_tells_its_release_and_its_minimum(run, documented, repository, tmp_path):
    log = tmp_path / "tritonserver.log"
    log.write_text("| server_version | 2.51.0 |\n| min_supported_compute_capability | 7.5 |\n")
    repository.model("ranker", b'backend: "python"')
    arguments = {"repositories": [repository.path], "gpus": [V100], "server_log": str(log)}
    result = run(model_repository_info, **arguments)
    assert result["silent_cpu"] == ["ranker"]
    server = result["server"]
    assert (server["release"], server["min_compute_capability"]) == ("24.10", "7.5")
    assert server["min_compute_capability_source"] == str(log)
    documented(model_repository_info, result)
    given = run(model_repository_info, min_supported_compute_capability="7.0", **arguments)
    assert given["silent_cpu"] == []
    planned = run(model_repository_info, triton_release="24.09", **arguments)
    assert planned["silent_cpu"] == []
    assert "is the log of a Triton 2.51.0, which is not 24.09" in planned["warnings"][0]


def test_what_is_assumed_is_a_warning(run, repository):
    repository.model("ranker")
    result = run(model_repository_info, repositories=[repository.path], gpus=[V100])
    assert result["warnings"][0].startswith(
        "GPU 0 (Tesla V100) counts as usable, but Triton from 24.11 on may drop it."
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"triton_release": "24.1"}, "24.1"),
        ({"triton_release": "20.12"}, "The oldest release that is known is 21.06."),
        ({"min_supported_compute_capability": "high"}, "min_supported_compute_capability"),
        ({"gpus": [{"compute_capability": "old"}]}, "gpus[0].compute_capability"),
        ({"cuda_compat": "/nowhere"}, "cuda_compat: /nowhere cannot be read"),
        ({"server_log": "/nowhere"}, "server_log: /nowhere cannot be read"),
        ({"repositories": []}, "the list is empty"),
        ({"repositories": ["/nowhere"]}, "/nowhere: there is no such directory"),
    ],
    ids=["no release", "old release", "minimum", "gpus", "library", "log", "no repository", "wrong repository"],
)
def test_a_mistake_in_the_options_is_a_failure(run, repository, options, message):
    result = run(model_repository_info, **{"repositories": [repository.path], "gpus": [], **options})
    assert result["failed"]
    assert message in result["msg"]
