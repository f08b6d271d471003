# SPDX-License-Identifier: GPL-3.0-or-later
"""Models of which nobody has said where they run, and whether that ends well."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._proof.records import FILE, Expected
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._proof.situations import (
    AUTO,
    CPU,
    GPU,
    NO_GPU_HOST,
    by_policy,
    evidence_of,
    gpu_host,
    ids,
    on_cpu,
    on_disk,
    on_gpu,
    proof_of,
    running,
    seen,
    server,
)

from ansible_collections.inference.triton.plugins.module_utils._proof.comparison import compare  # isort: skip


@pytest.mark.parametrize(
    ("groups", "config"),
    [
        pytest.param(None, "There is no instance_group", id="no group"),
        pytest.param([], "There is no instance_group", id="empty list"),
        pytest.param([{"count": 2}], "Group 0 has no kind", id="no kind"),
        pytest.param([AUTO], "Group 0 has KIND_AUTO", id="KIND_AUTO"),
        pytest.param([CPU, {}], "Group 1 has no kind", id="the second of two"),
    ],
)
def test_a_silent_fallback_names_the_reason_in_the_file_and_that_on_the_host(groups, config):
    count = 2 if groups == [{"count": 2}] else 1
    proof = proof_of(
        on_disk("m", groups, "pytorch"), running("m", [on_cpu(count)] * max(1, len(groups or ())), "pytorch")
    )
    assert proof.grade == "contradicted"
    (problem,) = proof.problems
    assert problem.id == "silent_fallback"
    assert problem.text == (
        f"It runs on the CPU, and nobody has decided that. {config}, so the server chooses the device, and Triton uses "
        "no GPU: the driver is not loaded."
    )
    assert "If the CPU is meant, write KIND_CPU." in problem.cure


def test_the_cure_of_a_fallback_is_the_kind_that_the_backend_takes():
    vllm = on_disk("m", None, "vllm")._replace(prediction=on_disk("x", [GPU], "vllm").prediction)
    (problem,) = proof_of(vllm, running("m", [on_cpu()], "vllm")).problems
    assert problem.cure.startswith("Write instance_group [ { kind: KIND_GPU } ].")
    spanning = on_disk("m", [{"count": 1}, {"kind": "KIND_MODEL"}], "vllm")
    (problem,) = proof_of(spanning, running("m", [on_cpu(), ("KIND_MODEL", 1, ())], "vllm")).problems
    assert problem.cure.startswith("Write kind: KIND_MODEL into group 0.")


def test_on_a_host_with_a_gpu_it_is_the_server_that_has_none():
    proof = proof_of(on_disk("m"), running("m", [on_cpu(2)]), gpu_host())
    (problem,) = proof.problems
    assert problem.id == "server_without_gpu"
    assert problem.text.startswith("The server has started without a GPU, and the host has GPU 0 (Tesla T4) now.")
    assert problem.cure.startswith("Restart the server")
    assert not proof.pending, "a load does not help"


def test_where_the_server_uses_a_gpu_for_another_model_a_restart_is_not_the_cure():
    models = [on_disk("m"), on_disk("other", [GPU])]
    known = [seen("m", running("m", [on_cpu(2)])), seen("other", running("other", [on_gpu(0)]))]
    first, other = compare(models, server(*known, host=gpu_host())).models
    assert ids(first) == ["cpu_beside_gpu"]
    assert other.problems == []


def test_gpus_in_the_metrics_show_as_well_that_the_server_has_one():
    proof = proof_of(on_disk("m"), running("m", [on_cpu(2)]), gpu_host(), gpu_uuids=frozenset({"GPU-aaaa"}))
    assert ids(proof) == ["cpu_beside_gpu"]


@pytest.mark.parametrize("groups", [None, [AUTO], [{}]])
def test_on_the_gpu_by_luck_is_not_proved(groups):
    proof = proof_of(on_disk("m", groups), running("m", [on_gpu(0)], gpu_uuids=("GPU-aaaa",)), gpu_host())
    assert proof.grade == "unproved"
    (problem,) = proof.problems
    assert (problem.id, problem.severity) == ("undecided", "warning")
    assert problem.text.startswith("It runs on GPU 0 today, and nobody has decided that.")


def test_openvino_has_no_other_place_than_the_cpu():
    proof = proof_of(on_disk("m", None, "openvino"), running("m", [on_cpu()], "openvino"))
    assert (proof.grade, proof.problems) == ("consistent", [])


def test_tensorrt_llm_runs_under_kind_cpu_on_its_gpus():
    proof = proof_of(on_disk("m", None, "tensorrtllm"), running("m", [on_cpu()], "tensorrtllm"))
    assert proof.problems == []
    assert "kind_is_an_argument" in evidence_of(proof)


def test_a_waiver_is_a_decision():
    waived = Expected(FILE, (), "waived", "on the GPU", "no kernel", "waived (waivers[0]): no kernel")
    proof = proof_of(on_disk("m", expected=waived), running("m", [on_cpu(2)]))
    assert (proof.grade, proof.problems) == ("consistent", [])
    assert "waiver" in evidence_of(proof)


def test_an_expired_waiver_is_none():
    reason = "the waiver (waivers[0]: no kernel) expired on 2026-01-01; there is no instance_group"
    expired = by_policy([GPU], "violation", waiver="no kernel", reason=reason)
    proof = proof_of(on_disk("m", expected=expired), running("m", [on_cpu(2)]))
    assert ids(proof) == ["silent_fallback", "waiver_expired"]


def test_a_model_that_no_rule_is_for_is_as_undecided_as_one_without_a_policy():
    unmatched = Expected(FILE, (), "unmatched", reason="no rule of the policy matches this model")
    assert ids(proof_of(on_disk("m", expected=unmatched), running("m", [on_cpu(2)]))) == ["silent_fallback"]
    on_the_gpu = proof_of(on_disk("m", expected=unmatched), running("m", [on_gpu(0)]), gpu_host())
    assert ids(on_the_gpu) == ["undecided"]


def test_a_fallback_is_told_beside_a_policy_that_is_not_enforced():
    wanted = by_policy([GPU], "changed", reason="there is no instance_group, so the server chooses the device")
    proof = proof_of(on_disk("m", expected=wanted), running("m", [on_cpu(2)]))
    assert ids(proof) == ["silent_fallback", "policy_not_enforced"]
    assert proof.drift == (True, False, True, [])


def test_the_cpu_is_no_fallback_where_the_policy_wants_it():
    wanted = by_policy([CPU], "changed", reason="there is no instance_group")
    proof = proof_of(on_disk("m", expected=wanted), running("m", [on_cpu(2)]))
    assert (proof.grade, ids(proof)) == ("unproved", ["policy_not_enforced"])
    assert proof.drift == (True, False, False, [])


def test_an_implicit_group_beside_an_explicit_one():
    mixed = on_disk("m", [GPU, {"count": 1}])
    proof = proof_of(mixed, running("m", [on_gpu(0), on_gpu(0)]), gpu_host())
    assert ids(proof) == ["undecided"]
    assert "Group 1 has no kind" in proof.problems[0].text


def test_a_backend_that_is_told_nothing_stays_where_its_code_puts_it():
    proof = proof_of(on_disk("m", None, "python"), running("m", [on_cpu()], "python"), NO_GPU_HOST)
    assert ids(proof) == ["silent_fallback"]
