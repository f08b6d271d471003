# SPDX-License-Identifier: GPL-3.0-or-later
"""Models that serve: whether their groups are those that are wanted, on devices that are there."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._placement.server import Reason, ServerView
from ansible_collections.inference.triton.plugins.module_utils._proof.records import FILE, Expected
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._proof.situations import (
    AUTO,
    CPU,
    GPU,
    MODEL,
    by_policy,
    gpu_host,
    ids,
    on_cpu,
    on_disk,
    on_gpu,
    proof_of,
    running,
)


def only(proof):
    (problem,) = proof.problems
    return problem


# As it should be


@pytest.mark.parametrize(
    ("groups", "runs"),
    [
        pytest.param([GPU], [on_gpu(0, 1)], id="all GPUs"),
        pytest.param([{**GPU, "gpus": [1]}], [on_gpu(1)], id="one of them"),
        pytest.param([{**GPU, "gpus": [1, 0]}], [on_gpu(1, 0)], id="in another order"),
        pytest.param([{**GPU, "gpus": [0, 0]}], [on_gpu(0, 0)], id="one of them twice"),
        pytest.param([{**GPU, "count": 3}], [on_gpu(0, 1, count=3)], id="several on each"),
        pytest.param([{**GPU, "count": 0}], [on_gpu(0, 1)], id="a count of zero is none"),
        pytest.param([CPU], [on_cpu(2)], id="two where a KIND_CPU group of ONNX Runtime has no count"),
        pytest.param([{**CPU, "count": 1}], [on_cpu(1)], id="one where it says one"),
        pytest.param([MODEL], [("KIND_MODEL", 1, ())], id="KIND_MODEL"),
        pytest.param([GPU, {**CPU, "count": 1}], [on_gpu(0, 1), on_cpu(1)], id="both"),
        pytest.param(
            [GPU, {**CPU, "passive": True}], [on_gpu(0, 1), (*on_cpu(2), {"passive": True})], id="a passive one"
        ),
        pytest.param([{**GPU, "name": "first"}], [(*on_gpu(0, 1), {"name": "first"})], id="a name"),
    ],
)
def test_the_groups_of_the_file(groups, runs):
    proof = proof_of(on_disk("m", groups), running("m", runs), gpu_host(2))
    assert (proof.grade, proof.problems, proof.pending) == ("consistent", [], False)
    assert proof.drift == (None, False, None, [])


def test_a_backend_that_is_not_known_may_have_a_count_of_its_own():
    assert proof_of(on_disk("m", [CPU], "ours"), running("m", [on_cpu(7)], "ours")).problems == []
    assert ids(proof_of(on_disk("m", [CPU], "python"), running("m", [on_cpu(7)], "python"))) == ["differs_from_file"]


def test_the_groups_of_the_policy():
    proof = proof_of(on_disk("m", [GPU], expected=by_policy([GPU])), running("m", [on_gpu(0)]), gpu_host())
    assert (proof.grade, proof.problems) == ("consistent", [])
    assert proof.drift == (False, False, False, [])


# The server runs what the file has, and the policy wants something else


@pytest.mark.parametrize(
    ("wanted", "file", "runs", "identifier", "text"),
    [
        pytest.param([GPU], [CPU], [on_cpu(2)], "wrong_kind",
                     "KIND_GPU is wanted, the server runs KIND_CPU, 2 instances.", id="kind"),
        pytest.param([{**CPU, "count": 4}], [{**CPU, "count": 1}], [on_cpu(1)], "wrong_count",
                     "4 instances are wanted, the server runs 1.", id="count"),
        pytest.param([CPU], [{**CPU, "count": 1}], [on_cpu(1)], "wrong_count",
                     "2 instances are wanted, the server runs 1.", id="count left to the server"),
        pytest.param([{**GPU, "count": 2}], [{**GPU, "count": 1}], [on_gpu(0, 1)], "wrong_count",
                     "2 instances on each GPU are wanted, the server runs 1.", id="count on each GPU"),
        pytest.param([{**GPU, "gpus": [1]}], [{**GPU, "gpus": [0]}], [on_gpu(0)], "wrong_devices",
                     "GPU 1 is wanted, the server runs it on GPU 0.", id="another device"),
        pytest.param([{**GPU, "gpus": [0, 1]}], [{**GPU, "gpus": [0]}], [on_gpu(0)], "wrong_devices",
                     "GPU 0, 1 are wanted, the server runs it on GPU 0.", id="more devices"),
        pytest.param([{**GPU, "gpus": [0]}], [GPU], [on_gpu(0, 1)], "wrong_devices",
                     "GPU 0 is wanted, the server runs it on GPU 0, 1.", id="fewer devices"),
        pytest.param([GPU, CPU], [GPU], [on_gpu(0, 1)], "wrong_groups",
                     "2 groups are wanted, the server runs 1 (KIND_GPU on GPU 0, 1, 1 instance on each).", id="groups"),
        pytest.param([GPU, {**CPU, "count": 1}], [GPU, {**CPU, "count": 2}], [on_gpu(0, 1), on_cpu(2)], "wrong_count",
                     "Group 1: 1 instance is wanted, the server runs 2.", id="the second of two"),
        pytest.param([GPU], [{**GPU, "passive": True}], [(*on_gpu(0, 1), {"passive": True})], "wrong_groups",
                     "The group that the server runs is passive and should not be.", id="passive"),
    ],
)  # fmt: skip
def test_what_the_policy_wants_otherwise(wanted, file, runs, identifier, text):
    expected = by_policy(wanted, "changed", reason="the groups are not the rule's")
    proof = proof_of(on_disk("m", file, expected=expected), running("m", runs), gpu_host(2))
    first = proof.problems[0]
    assert (proof.grade, first.id, first.severity) == ("contradicted", identifier, "error")
    assert first.text.startswith(f"{text} The server runs what the file has: ")
    assert first.cure.startswith("Run inference.triton.instance_group_policy with mode: enforce.")
    assert ids(proof)[-1] == "policy_not_enforced"
    assert (proof.drift, proof.pending) == ((True, False, True, []), False)


def test_a_file_that_is_not_as_the_policy_wants_it_though_the_server_is():
    """Without an explicit kind, it is on the GPU today."""
    expected = by_policy([GPU], "changed", reason="there is no instance_group, so the server chooses the device")
    proof = proof_of(on_disk("m", expected=expected), running("m", [on_gpu(0)]), gpu_host())
    assert (proof.grade, ids(proof)) == ("unproved", ["policy_not_enforced"])
    assert only(proof).severity == "warning"


def test_a_file_that_is_only_audited():
    expected = by_policy([GPU], "violation", reason="group 0 has no kind, so the server chooses the device")
    proof = proof_of(on_disk("m", [{}], expected=expected), running("m", [on_gpu(0)]), gpu_host())
    assert ids(proof) == ["policy_not_enforced"]


@pytest.mark.parametrize("status", ["violation", "incompatible"])
def test_a_policy_that_cannot_be_met_on_this_host(status):
    reason = "no GPU has memory_gb: 40. There is: 0: Tesla T4 (15360 MiB)"
    expected = Expected(FILE, [GPU], status, "large", None, reason, False)
    proof = proof_of(on_disk("m", [GPU], expected=expected), running("m", [on_gpu(0)]), gpu_host())
    assert (proof.grade, ids(proof)) == ("contradicted", ["policy_not_met"])
    assert reason in only(proof).text
    assert proof.drift.policy_file is True
    assert proof.drift.policy_server is None


@pytest.mark.parametrize("status", ["exempt", "unmatched", "waived"])
def test_where_no_rule_wants_anything_the_file_is_what_is_wanted(status):
    expected = Expected(FILE, [CPU], status, reason="none")
    proof = proof_of(on_disk("m", [CPU], expected=expected), running("m", [on_cpu(2)]))
    assert (proof.problems, proof.drift) == ([], (None, False, None, []))


# Devices


def test_a_group_that_takes_all_gpus_took_them_before_another_one_came():
    proof = proof_of(on_disk("m", [GPU]), running("m", [on_gpu(0)]), gpu_host(2))
    assert (proof.grade, only(proof).id, only(proof).severity) == ("consistent", "fewer_gpus", "warning")
    assert "has GPU 0, while the host has GPU 0 (Tesla T4), GPU 1 (Tesla T4)" in only(proof).text


def test_so_does_an_implicit_one():
    assert ids(proof_of(on_disk("m", [AUTO]), running("m", [on_gpu(0)]), gpu_host(2))) == ["undecided", "fewer_gpus"]


def test_a_group_with_a_list_of_gpus_has_what_it_lists():
    assert proof_of(on_disk("m", [{**GPU, "gpus": [0]}]), running("m", [on_gpu(0)]), gpu_host(2)).problems == []


def test_a_gpu_that_the_host_has_lost_since():
    host = gpu_host(1, left_out=("GPU 1 (Tesla T4) is not usable: it fell off the bus",))
    proof = proof_of(on_disk("m", [GPU]), running("m", [on_gpu(0, 1)]), host)
    assert (proof.grade, only(proof).id) == ("contradicted", "gpu_lost")
    assert only(proof).text == (
        "It has instances on GPU 1, which a server that is started now would not use: there is GPU 0 (Tesla T4); GPU 1 "
        "(Tesla T4) is not usable: it fell off the bus."
    )


def test_all_gpus_that_the_host_has_lost_since():
    host = ServerView((), why_no_gpu=Reason("no_gpu", "GPU 0 (Tesla T4) is not usable: it fell off the bus"))
    proof = proof_of(on_disk("m", [{**GPU, "gpus": [0]}]), running("m", [on_gpu(0)]), host)
    assert ids(proof) == ["gpu_lost"]


# Passive groups


@pytest.mark.parametrize(("critical", "grade"), [(True, "contradicted"), (False, "unproved")])
def test_a_model_of_passive_groups_alone_is_ready_and_answers_nobody(critical, grade):
    model = on_disk("m", [{**CPU, "passive": True}], critical=critical)
    proof = proof_of(model, running("m", [(*on_cpu(2), {"passive": True})]))
    assert (proof.grade, ids(proof)) == (grade, ["only_passive"])
