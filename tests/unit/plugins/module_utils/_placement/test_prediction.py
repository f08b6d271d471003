# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of one model. `tests/differential` holds the same against the real server, case by case."""

from __future__ import annotations

import json

import pytest
from ansible_collections.inference.triton.plugins.module_utils._placement.polling import ModelOnDisk
from ansible_collections.inference.triton.plugins.module_utils._placement.prediction import predict, versions_to_load
from ansible_collections.inference.triton.plugins.module_utils._placement.server import server_view
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import Gpu, VisibleGpus

TWO_GPUS = server_view(VisibleGpus((Gpu(0, "A100", "", None, (8, 0)), Gpu(1, "A100", "", None, (8, 0)))), "24.10")
NO_GPU = server_view(VisibleGpus((), ("GPU 0 (A100) is lost",)), "24.10")
V100 = server_view(VisibleGpus((Gpu(0, "Tesla V100", "", None, (7, 0)),)), "25.10")


def model(*groups, server=NO_GPU, backend="python", files=("model.py",), world_size=None, **config):
    config["backend"] = backend
    if groups:
        config["instance_group"] = list(groups)
    return predict(config, "m", server, ModelOnDisk(files=files, world_size=world_size))


def placed(prediction):
    return [(group.name, group.kind, group.gpus, group.each) for group in prediction.groups]


def test_a_model_without_a_group_takes_all_gpus_or_silently_none():
    everywhere = model(server=TWO_GPUS)
    assert placed(everywhere) == [("m", "KIND_GPU", (0, 1), 1)]
    assert (everywhere.instances, everywhere.silent_cpu) == (2, False)
    nowhere = model()
    assert placed(nowhere) == [("m", "KIND_CPU", (), 1)]
    assert (nowhere.instances, nowhere.silent_cpu) == (1, True)


def test_an_implicit_model_on_several_gpus_is_pointed_out():
    assert model({"count": 2}, server=TWO_GPUS).notes == (
        "m_0 is implicit and takes all 2 GPUs, with 2 on each. Write its kind, count and gpus.",
    )
    assert model({"kind": "KIND_GPU"}, server=TWO_GPUS).notes == ()


@pytest.mark.parametrize(
    ("groups", "cause", "text", "cure"),
    [
        ([], "no_group", "There is no instance_group", "Write instance_group [ { kind: KIND_GPU } ]:"),
        ([{"count": 2}], "no_kind", "Group 0 has no kind", "Write kind: KIND_GPU into group 0:"),
        ([{"kind": "KIND_AUTO"}], "kind_auto", "Group 0 has KIND_AUTO", "Write kind: KIND_GPU into group 0:"),
        ([{"kind": "KIND_CPU"}, {}], "no_kind", "Group 1 has no kind", "Write kind: KIND_GPU into group 1:"),
    ],
    ids=["no group", "no kind", "auto", "the second"],
)
def test_a_model_that_silently_runs_on_the_cpu_is_named_with_cause_and_cure(groups, cause, text, cure):
    result = model(*groups).as_result()
    assert result["silent_cpu"]
    assert (result["cause"]["config"], result["cause"]["host"]) == (cause, "no_gpu")
    assert result["cause"]["text"] == (
        f"{text}, so the server chooses the device, and Triton uses no GPU: GPU 0 (A100) is lost."
    )
    assert result["cure"].startswith(cure)


def test_the_host_is_blamed_too():
    cause = model(server=V100).as_result()["cause"]
    assert cause["host"] == "compute_capability_too_low"
    assert "GPU 0 (Tesla V100) has compute capability 7.0, below the minimum 7.5 of Triton 25.10" in cause["text"]


@pytest.mark.parametrize("group", [{"kind": "KIND_CPU"}, {"kind": "KIND_MODEL"}])
def test_what_somebody_chose_is_not_silent(group):
    prediction = model(group)
    assert prediction.loads and not prediction.silent_cpu
    assert (prediction.cause, prediction.cure) == ((), "")


@pytest.mark.parametrize(
    ("backend", "others", "kind"),
    [
        ("onnxruntime", {}, "KIND_GPU"),
        ("vllm", {"world_size": 4}, "KIND_MODEL"),
        ("vllm", {"world_size": 1}, "KIND_GPU"),
    ],
)
def test_the_cure_is_the_kind_that_the_backend_wants(backend, others, kind):
    assert f"instance_group [ {{ kind: {kind} }} ]" in model(backend=backend, **others).cure


@pytest.mark.parametrize("server", [NO_GPU, TWO_GPUS], ids=["no GPU", "two GPUs"])
def test_openvino_on_the_cpu_is_no_surprise(server):
    prediction = model(backend="openvino", server=server)
    assert placed(prediction) == [("m", "KIND_CPU", (), 1)]
    assert prediction.loads and not prediction.silent_cpu


def test_tensorrt_llm_runs_on_gpus_under_kind_cpu():
    assert not model(backend="tensorrtllm").silent_cpu
    (note, _gamble) = model(backend="tensorrtllm", server=TWO_GPUS).notes
    assert "one copy of the engine on every GPU" in note


@pytest.mark.parametrize(
    ("backend", "config", "server", "error"),
    [
        (
            "tensorrt",
            {},
            NO_GPU,
            "Invalid argument: unable to load model 'm', TensorRT backend supports only GPU device",
        ),
        ("openvino", {"instance_group": [{}]}, TWO_GPUS, "Triton OpenVINO backend supports only Kind CPU and AUTO"),
    ],
)
def test_a_backend_that_refuses_is_documented_and_not_proved(backend, config, server, error):
    prediction = predict({"backend": backend, **config}, "m", server, ModelOnDisk())
    assert (prediction.loads, prediction.error, prediction.evidence) == (False, error, "documented")
    assert not prediction.silent_cpu


@pytest.mark.parametrize(
    ("server", "backend", "evidence"),
    [
        (TWO_GPUS, "python", "proved"),
        (NO_GPU, "python", "proved"),
        (V100, "python", "documented"),
        (TWO_GPUS, "onnxruntime", "documented"),
    ],
)
def test_how_sure_a_prediction_is(server, backend, evidence):
    assert model(server=server, backend=backend).evidence == evidence


@pytest.mark.parametrize(
    ("group", "server", "error"),
    [
        ({"kind": "KIND_GPU"}, NO_GPU, "Invalid argument: {} has kind KIND_GPU but no GPUs are available"),
        (
            {"kind": "KIND_GPU", "gpus": [0, 7]},
            TWO_GPUS,
            "Invalid argument: {} specifies invalid or unsupported gpu id 7. GPUs with at least the minimum required "
            "CUDA compute compatibility of 6.000000 are: 0, 1",
        ),
        (
            {"kind": "KIND_GPU", "gpus": [-1]},
            V100,
            "Invalid argument: {} specifies invalid or unsupported gpu id -1. GPUs with at least the minimum required "
            "CUDA compute compatibility of 7.500000 are: ",
        ),
        (
            {"kind": "KIND_CPU", "gpus": [0]},
            TWO_GPUS,
            "Invalid argument: {} has kind KIND_CPU but specifies one or more GPUs",
        ),
        (
            {"kind": "KIND_MODEL", "gpus": [0]},
            TWO_GPUS,
            "Invalid argument: {} has kind KIND_MODEL but specifies one or more GPUs",
        ),
        ({"kind": 9}, TWO_GPUS, "Internal: {} has unexpected kind KIND_AUTO"),
        (
            {"profile": ["0"]},
            TWO_GPUS,
            "Invalid argument: {} and platform specifies profile field which is only supported for TensorRT models",
        ),
    ],
)
def test_core_refuses_a_group_in_these_words(group, server, error):
    prediction = model(group, server=server)
    assert (prediction.loads, prediction.error) == (False, error.format("instance group m_0 of model m"))
    assert prediction.instances == 0


def test_an_implicit_group_with_a_missing_gpu_is_refused_and_not_silent():
    prediction = model({"gpus": [7]}, server=TWO_GPUS)
    assert prediction.error.endswith("has kind KIND_CPU but specifies one or more GPUs")
    assert not prediction.silent_cpu
    assert prediction.notes == (
        "A group that lists gpus and has no kind becomes KIND_CPU where one of them is missing.",
    )


def test_the_host_is_blamed_for_what_does_not_load():
    assert model({"kind": "KIND_GPU"}).notes == ("Triton uses no GPU: GPU 0 (A100) is lost.",)
    assert model({"kind": "KIND_CPU", "gpus": [0]}).notes == ()


@pytest.mark.parametrize(("count", "expected"), [(None, 1), (0, 1), (-3, 1), (2, 2)])
def test_counts_below_one_are_none(count, expected):
    group = {"kind": "KIND_MODEL"} if count is None else {"kind": "KIND_MODEL", "count": count}
    assert model(group).groups[0].each == expected


def test_onnx_runtime_has_two_instances_on_a_cpu():
    assert model({"kind": "KIND_CPU"}, backend="onnxruntime").instances == 2
    assert model({"kind": "KIND_CPU", "count": 1}, backend="onnxruntime").instances == 1
    assert model({"kind": "KIND_GPU"}, backend="onnxruntime", server=TWO_GPUS).instances == 2


def test_a_gpu_that_is_listed_twice_has_two_instances():
    assert model({"kind": "KIND_GPU", "gpus": [0, 0], "count": 3}, server=TWO_GPUS).instances == 6


def test_each_version_has_its_instances():
    config = {"backend": "python", "version_policy": {"all": {}}}
    assert predict(config, "m", NO_GPU, ModelOnDisk(versions=("1", "2", "3"))).instances == 3


def test_nothing_loads_while_cuda_fails():
    failing = server_view(VisibleGpus(()), cuda_error=802)
    prediction = model({"kind": "KIND_CPU"}, server=failing)
    assert prediction.error == "Internal: unable to get number of CUDA devices: system not yet initialized"
    ensemble = predict(ENSEMBLE, "m", failing, ModelOnDisk())
    assert ensemble.loads


ENSEMBLE = {
    "platform": "ensemble",
    "input": [{"name": "IN"}],
    "output": [{"name": "OUT"}],
    "ensemble_scheduling": {"step": [{"model_name": "x", "input_map": {"a": "IN"}, "output_map": {"b": "OUT"}}]},
}


@pytest.mark.parametrize(
    ("config", "error"),
    [
        ({"name": "other"}, "unexpected directory name 'm' for model 'other', directory name must equal model name"),
        ({"backend": ""}, "Invalid model name: Could not determine backend for model 'm' with no backend in model "),
        ({"backend": "", "platform": "x"}, "unexpected platform type 'x' for m"),
        ({"backend": "tensorrt", "platform": "x"}, "unexpected 'platform' and 'backend' pair, got:x, tensorrt"),
        ({"max_batch_size": -1}, "'max_batch_size' must be non-negative value for m"),
        (
            {"dynamic_batching": {"preferred_batch_size": [4]}},
            "dynamic batching preferred size must be <= max batch size for m",
        ),
        (
            {**ENSEMBLE, "backend": "", "instance_group": [{}]},
            "instance group should not be specified for ensemble 'm'",
        ),
        ({**ENSEMBLE, "backend": ""}, None),
        ({"version_policy": {"latest": {}}}, "at least one version must be available under the version policy of "),
    ],
)
def test_what_the_index_gives_no_reason_for_is_in_the_log(config, error):
    prediction = predict({"backend": "python", **config}, "m", TWO_GPUS, ModelOnDisk())
    assert prediction.loads == (error is None)
    if error:
        assert prediction.error.startswith(error)
        assert prediction.notes == ("The server's log gives this error; the repository index does not.",)
        assert prediction.groups == ()


@pytest.mark.parametrize(
    ("config", "disk", "auto_complete", "error"),
    [
        ({}, {"has_config": False, "files": ("model.py",)}, True, ""),
        (
            {},
            {"has_config": False, "files": ("model.py",)},
            False,
            "failed to open text file for read /m/config.pbtxt: No such file or directory",
        ),
        ({}, {"parses": False}, True, "failed to read text proto from /m/config.pbtxt"),
        ({"input": [{"name": "IN"}]}, {"files": ("model.py",)}, True, ""),
        (
            {"input": [{"name": "IN"}]},
            {"files": ("model.py",)},
            False,
            "model input 'IN' must specify 'data_type' for m",
        ),
    ],
)
def test_a_server_that_completes_nothing_needs_everything(config, disk, auto_complete, error):
    server = NO_GPU._replace(auto_complete=auto_complete)
    prediction = predict(config, "m", server, ModelOnDisk("/m/config.pbtxt", **disk))
    assert (prediction.loads, prediction.error) == (not error, error)


def test_a_custom_backend_may_not_complete_a_configuration():
    prediction = predict({}, "m.custom", NO_GPU, ModelOnDisk(has_config=False))
    assert prediction.error == "Not found: model configuration is not provided for model 'm.custom'"
    assert prediction.evidence == "documented"


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (None, (10,)),
        ({}, (1, 2, 10)),
        ({"all": {}}, (1, 2, 10)),
        ({"latest": {"num_versions": 2}}, (2, 10)),
        ({"latest": {}}, ()),
        ({"specific": {"versions": [2, 5]}}, (2,)),
        ({"specific": {}}, ()),
    ],
)
def test_the_version_policy_chooses(policy, expected):
    config = {} if policy is None else {"version_policy": policy}
    assert versions_to_load(config, ("1", "2", "10")) == expected


def test_passive_groups_get_no_request():
    assert model({"kind": "KIND_CPU", "passive": True}).notes == (
        "All groups are passive: the model is ready and gets no request.",
    )


def test_a_profile_out_of_range_ends_the_server():
    prediction = model({"kind": "KIND_CPU", "profile": ["9999999999"]}, backend="tensorrt", platform="tensorrt_plan")
    assert prediction.loads is False
    assert prediction.notes[0].endswith("the whole server ends.")


def test_the_result_is_plain_data():
    for prediction in (model(), model({"kind": 9}), model(server=TWO_GPUS)):
        assert json.loads(json.dumps(prediction.as_result())) == prediction.as_result()
