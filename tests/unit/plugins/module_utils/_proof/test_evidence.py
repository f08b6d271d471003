# SPDX-License-Identifier: GPL-3.0-or-later
"""What proves the place of a model, and what only seems to."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._proof.comparison import compare
from ansible_collections.inference.triton.plugins.module_utils._proof.records import ProbeResult
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._proof.situations import (
    AFTER,
    CPU,
    GPU,
    MODEL,
    NO_GPU_HOST,
    evidence_of,
    gpu_host,
    ids,
    log,
    on_cpu,
    on_disk,
    on_gpu,
    proof_of,
    running,
    seen,
    server,
)

TWO = gpu_host(2)
GPU_0, GPU_1, ON_CPU = ("KIND_GPU", 0), ("KIND_GPU", 1), ("KIND_CPU", 0)


def graded(groups, runs, host=TWO, backend="onnxruntime", config=None, version=None, **fields):
    model = on_disk("m", groups, backend, config=config or {})
    return proof_of(model, running("m", runs, backend, config=config or {}, **(version or {})), host, **fields)


def test_the_configuration_alone_is_consistent():
    proof = graded([GPU], [on_gpu(0, 1)])
    assert proof.grade == "consistent"
    (evidence,) = proof.evidence
    assert evidence == ("resolved", "Version 1 runs with KIND_GPU on GPU 0, 1, 1 instance on each.", False)


# The log


@pytest.mark.parametrize(
    ("groups", "runs", "lines", "grade"),
    [
        pytest.param([GPU], [on_gpu(0, 1)], {"m_0_0": [GPU_0, GPU_1]}, "proved", id="both GPUs"),
        pytest.param([GPU], [on_gpu(0, 1)], {"m_0_0": [GPU_1, GPU_0]}, "proved", id="in any order"),
        pytest.param([GPU], [on_gpu(0, 1)], {"m_0_0": [GPU_0]}, "consistent", id="one of two GPUs"),
        pytest.param([{**GPU, "gpus": [0]}], [on_gpu(0)], {"m_0_0": [GPU_1]}, "consistent", id="another GPU"),
        pytest.param([{**GPU, "gpus": [0]}], [on_gpu(0)], {"m_0_0": [ON_CPU]}, "consistent", id="the CPU"),
        pytest.param([{**GPU, "gpus": [0]}], [on_gpu(0)], {"m_0_0": [GPU_0, ON_CPU]}, "consistent", id="CPU at last"),
        pytest.param([{**GPU, "gpus": [0]}], [on_gpu(0)], {"m_0_0": [ON_CPU, GPU_0]}, "proved", id="CPU at first"),
        pytest.param([CPU], [on_cpu(2)], {"m_0_0": [ON_CPU], "m_0_1": [ON_CPU]}, "proved", id="both instances"),
        pytest.param([CPU], [on_cpu(2)], {"m_0_0": [ON_CPU]}, "consistent", id="one of two instances"),
        pytest.param([GPU, {**CPU, "count": 1}], [on_gpu(0, 1), on_cpu()],
                     {"m_0_0": [GPU_0, GPU_1], "m_1_0": [ON_CPU]}, "proved", id="both groups"),
        pytest.param([GPU, {**CPU, "count": 1}], [on_gpu(0, 1), on_cpu()],
                     {"m_0_0": [GPU_0, GPU_1]}, "consistent", id="one of two groups"),
    ],
)  # fmt: skip
def test_the_log_has_to_have_every_instance_on_its_device(groups, runs, lines, grade):
    proof = graded(groups, runs, log=log(("m", True, "", AFTER), **lines))
    assert (proof.grade, proof.problems[1:]) == (grade, [])


def test_an_instance_of_each_version_has_the_same_name():
    policy = {"version_policy": {"all": {}}}
    model = on_disk("m", [{**GPU, "gpus": [0]}], on_disk_versions=("1", "2"), config=policy)
    versions = [running("m", [on_gpu(0)], version=version, config=policy) for version in ("1", "2")]
    for lines, grade in (([GPU_0, GPU_0], "proved"), ([ON_CPU, GPU_0], "consistent")):
        told = log(("m", True, "", AFTER), m_0_0=lines)
        (proof,) = compare([model], server(seen("m", *versions), host=gpu_host(), log=told)).models
        assert proof.grade == grade


def test_a_line_that_may_be_of_another_model_proves_nothing():
    """Whoever names groups names them alike, and a name may end in a number."""
    named = {"name": "gpus"}
    models = [on_disk(name, [{**GPU, "gpus": [0], **named}]) for name in ("a", "b")]
    known = [seen(name, running(name, [(*on_gpu(0), named)])) for name in ("a", "b")]
    proof = compare(models, server(*known, host=gpu_host(), log=log(("a", True, "", AFTER), gpus_0=[GPU_0, GPU_0])))
    assert [model.grade for model in proof.models] == ["consistent", "consistent"]


def test_the_evidence_says_which_group_the_log_confirms():
    proof = graded([GPU, CPU], [on_gpu(0, 1), on_cpu(2)], log=log(("m", True, "", AFTER), m_0_0=[GPU_0, GPU_1]))
    told = next(evidence for evidence in proof.evidence if evidence.id == "instance_log")
    assert "every instance of group 0" in told.text


# The metrics


@pytest.mark.parametrize(
    ("runs", "uuids", "grade"),
    [
        pytest.param([on_gpu(0, 1)], ("GPU-aaaa", "GPU-bbbb"), "proved", id="both"),
        pytest.param([on_gpu(0, 1)], ("GPU-aaaa",), "consistent", id="one of two"),
        pytest.param([on_gpu(0, 1)], ("GPU-bbbb", "GPU-cccc"), "consistent", id="one that is not its"),
        pytest.param([on_gpu(0, 1)], (), "consistent", id="none"),
    ],
)
def test_a_series_for_each_gpu_proves_it(runs, uuids, grade):
    assert graded([GPU], runs, version={"gpu_uuids": uuids}).grade == grade


def test_gpus_by_their_number_where_they_are_not_in_the_order_of_their_addresses():
    """CUDA_VISIBLE_DEVICES=1,0: the server's GPU 0 is the second one."""
    host = gpu_host(2, uuids=("GPU-bbbb", "GPU-aaaa"))
    for uuid, grade in (("GPU-bbbb", "proved"), ("GPU-aaaa", "consistent")):
        proof = graded([{**GPU, "gpus": [0]}], [on_gpu(0)], host, version={"gpu_uuids": (uuid,)})
        assert proof.grade == grade


@pytest.mark.parametrize("uuid", ["", "MIG-aaaa"])
def test_where_the_uuids_cannot_be_compared_their_number_counts(uuid):
    """The metrics have the GPU that a MIG device is a part of."""
    host = gpu_host(1, uuids=(uuid,))
    assert graded([GPU], [on_gpu(0)], host, version={"gpu_uuids": ("GPU-parent",)}).grade == "proved"


def test_no_series_proves_the_cpu():
    assert graded([CPU], [on_cpu(2)], NO_GPU_HOST).grade == "consistent"
    assert graded([CPU], [on_cpu(2)], TWO, version={"gpu_uuids": ("GPU-aaaa",)}).grade == "consistent"


# The statistics


def memory(*rows):
    return {"memory_usage": [{"type": kind, "id": device, "byte_size": size} for kind, device, size in rows]}


@pytest.mark.parametrize(
    ("groups", "runs", "rows", "grade"),
    [
        pytest.param([GPU], [on_gpu(0, 1)], [("GPU", 0, 9), ("GPU", 1, 9), ("CPU", 0, 1)], "proved", id="both GPUs"),
        pytest.param([GPU], [on_gpu(0, 1)], [("GPU", 0, 9)], "consistent", id="one of two GPUs"),
        pytest.param([GPU], [on_gpu(0, 1)], [("GPU", 0, 9), ("GPU", 1, 0)], "consistent", id="nothing on one"),
        pytest.param([GPU], [on_gpu(0, 1)], [("CPU", 0, 9)], "consistent", id="the CPU alone"),
        pytest.param([CPU], [on_cpu(2)], [("CPU", 0, 9)], "proved", id="the CPU"),
        pytest.param([CPU], [on_cpu(2)], [("CPU", 0, 9), ("GPU", 0, 9)], "consistent", id="a GPU under KIND_CPU"),
        pytest.param([GPU, {**CPU, "count": 1}], [on_gpu(0, 1), on_cpu()],
                     [("GPU", 0, 9), ("GPU", 1, 9), ("CPU", 0, 9)], "consistent", id="the memory of which group"),
        pytest.param([GPU], [on_gpu(0, 1)], [], "consistent", id="nothing"),
        pytest.param([GPU], [on_gpu(0, 1)], [("GPU", [0], 9), ("GPU", None, 9)], "consistent", id="no numbers"),
    ],
)  # fmt: skip
def test_memory_of_the_right_type_proves_it(groups, runs, rows, grade):
    assert graded(groups, runs, version=memory(*rows)).grade == grade


def test_two_sources_may_confirm_one_group_each():
    told = log(("m", True, "", AFTER), m_1_0=[ON_CPU])
    rows = memory(("GPU", 0, 9), ("GPU", 1, 9))
    proof = graded([GPU, {**CPU, "count": 1}], [on_gpu(0, 1), on_cpu()], log=told, version=rows)
    assert proof.grade == "proved"
    assert evidence_of(proof) == {"resolved": False, "instance_log": True, "memory_usage": True}


# The probe


@pytest.mark.parametrize(
    ("groups", "runs", "uuids", "grade"),
    [
        pytest.param([GPU], [on_gpu(0, 1)], ("GPU-bbbb",), "proved", id="one of the GPUs of the only group"),
        pytest.param([GPU], [on_gpu(0, 1)], ("GPU-zzzz",), "consistent", id="a GPU that is not its"),
        pytest.param([{**GPU, "gpus": [0]}], [on_gpu(0)], ("GPU-bbbb",), "consistent", id="another GPU"),
        pytest.param([GPU], [on_gpu(0, 1)], (), "consistent", id="no GPU"),
        pytest.param([CPU], [on_cpu(2)], (), "consistent", id="the CPU"),
    ],
)  # fmt: skip
def test_a_request_that_a_gpu_counts_proves_it(groups, runs, uuids, grade):
    proof = graded(groups, runs, probes={"m": ProbeResult("answered", "", uuids, True)})
    assert (proof.grade, evidence_of(proof)["probe"]) == (grade, grade == "proved")


def test_a_request_confirms_one_group_of_two():
    groups, runs = [{**GPU, "gpus": [0]}, {**GPU, "gpus": [1]}], [on_gpu(0), on_gpu(1)]
    probes = {"m": ProbeResult("answered", "", ("GPU-aaaa",), True)}
    assert graded(groups, runs, probes=probes).grade == "consistent"
    rest = log(("m", True, "", AFTER), m_1_0=[GPU_1])
    assert graded(groups, runs, probes=probes, log=rest).grade == "proved"


def test_a_request_confirms_none_of_two_groups_on_one_gpu():
    both = {**GPU, "gpus": [0]}
    proof = graded([both, both], [on_gpu(0), on_gpu(0)], probes={"m": ProbeResult("answered", "", ("GPU-aaaa",), True)})
    assert (proof.grade, evidence_of(proof)["probe"]) == ("consistent", False)


def test_a_request_on_a_gpu_that_cannot_be_told_by_its_uuid():
    probes = {"m": ProbeResult("answered", "", ("GPU-parent",), True)}
    assert graded([GPU], [on_gpu(0)], gpu_host(1, uuids=("MIG-aaaa",)), probes=probes).grade == "proved"


def test_a_request_that_fails_says_nothing_of_the_place():
    proof = graded([GPU], [on_gpu(0, 1)], probes={"m": ProbeResult("failed", "HTTP 500: broken.")})
    assert (proof.grade, ids(proof)) == ("consistent", ["probe_failed"])
    assert "answered with an error: HTTP 500: broken." in proof.problems[0].text


def test_why_no_request_was_sent_is_told():
    proof = graded([GPU], [on_gpu(0, 1)], probes={"m": ProbeResult("skipped", "it is decoupled")})
    assert evidence_of(proof)["probe"] is False
    assert proof.problems == []


# Kinds that say nothing


@pytest.mark.parametrize(
    ("groups", "runs", "backend", "config", "why"),
    [
        pytest.param([GPU], [on_gpu(0, 1)], "python", {}, "the Python backend passes the kind", id="python"),
        pytest.param([GPU], [on_gpu(0, 1)], "vllm", {}, "vLLM is told the kind", id="vllm"),
        pytest.param([CPU], [on_cpu()], "tensorrtllm", {}, "gpu_device_ids", id="TensorRT-LLM"),
        pytest.param([GPU], [on_gpu(0, 1)], "ours", {"runtime": "libtriton_python.so"}, "one in Python", id="ours"),
        pytest.param([MODEL], [("KIND_MODEL", 1, ())], "pytorch", {}, "under KIND_MODEL", id="KIND_MODEL"),
    ],
)
def test_where_the_kind_is_only_told_it_proves_nothing(groups, runs, backend, config, why):
    lines = {"m_0_0": [GPU_0, GPU_1] if groups == [GPU] else [(runs[0][0], 0)]}
    proof = graded(groups, runs, backend=backend, config=config, log=log(("m", True, "", AFTER), **lines))
    assert proof.grade == "consistent"
    told = {evidence.id: evidence for evidence in proof.evidence}
    assert why in told["kind_is_an_argument"].text
    assert told["instance_log"].independent
