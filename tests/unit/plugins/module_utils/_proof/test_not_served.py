# SPDX-License-Identifier: GPL-3.0-or-later
"""Models that the server does not serve, or not in the version that it should."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._placement.server import Reason, ServerView
from ansible_collections.inference.triton.plugins.module_utils._proof.comparison import compare
from ansible_collections.inference.triton.plugins.module_utils._proof.records import FILE, Expected
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._proof.situations import (
    CPU,
    GPU,
    NO_GPU_HOST,
    by_policy,
    down,
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

NO_GPUS = "Invalid argument: instance group m_0 of model m has kind KIND_GPU but no GPUs are available"
NO_SUCH_GPU = (
    "Invalid argument: instance group m_0 of model m specifies invalid or unsupported gpu id {}. GPUs with at least "
    "the minimum required CUDA compute compatibility of 6.000000 are: 0"
)
BROKEN = {
    "rule": "unknown-field",
    "message": "there is no field 'instance_groups'",
    "file": "/srv/models/m/config.pbtxt",
    "line": 3,
    "column": 1,
    "excerpt": "instance_groups []\n^",
    "hint": "Did you mean 'instance_group'?",
    "severity": "error",
}
NAME_ONLY = seen("m")


def in_index(model, entry, host=NO_GPU_HOST, **fields):
    (proof,) = compare([model], server(*([entry] if entry else []), host=host, **fields)).models
    return proof


# What the server refuses


def test_a_gpu_that_the_host_does_not_have():
    proof = proof_of(on_disk("m", [GPU]), down(NO_GPUS))
    (problem,) = proof.problems
    assert (proof.grade, problem.id) == ("contradicted", "no_gpu")
    assert NO_GPUS in problem.text
    assert "On this host: the driver is not loaded." in problem.text


def test_a_gpu_that_the_host_has_and_the_server_does_not_see():
    proof = proof_of(on_disk("m", [GPU]), down(NO_GPUS), gpu_host())
    assert ids(proof) == ["server_without_gpu"]
    assert "the host has GPU 0 (Tesla T4) now" in proof.problems[0].text
    assert proof.pending


def test_a_device_number_that_the_host_does_not_have():
    proof = proof_of(on_disk("m", [{**GPU, "gpus": [3]}]), down(NO_SUCH_GPU.format(3)), gpu_host())
    assert ids(proof) == ["no_such_gpu"]
    assert proof.problems[0].text.startswith(
        "It is not loaded, since it wants GPU 3, and the server has no such device"
    )
    assert "On this host: there is GPU 0 (Tesla T4)." in proof.problems[0].text
    assert proof.problems[0].cure.startswith("Correct gpus of its group")


def test_a_device_number_on_a_host_without_any():
    reason = NO_SUCH_GPU.format(0)[:-1]
    (problem,) = proof_of(on_disk("m", [{**GPU, "gpus": [0]}]), down(reason)).problems
    assert problem.id == "no_gpu"
    assert "compatibility of 6.000000 are: none. On this host: the driver is not loaded." in problem.text


def test_a_device_that_is_left_out_is_told_of():
    host = gpu_host(left_out=("GPU 1 (Tesla T4) is not usable: it fell off the bus.",))
    (problem,) = proof_of(on_disk("m", [{**GPU, "gpus": [1]}]), down(NO_SUCH_GPU.format(1)), host).problems
    assert "there is GPU 0 (Tesla T4); GPU 1 (Tesla T4) is not usable: it fell off the bus." in problem.text


def test_a_device_number_that_the_host_has_by_now():
    proof = proof_of(on_disk("m", [{**GPU, "gpus": [1]}]), down(NO_SUCH_GPU.format(1)), gpu_host(2))
    assert ids(proof) == ["server_without_gpu"]
    assert proof.problems[0].text.startswith("The server has started without GPU 1, and the host has GPU 0")


@pytest.mark.parametrize(
    ("reason", "identifier"),
    [
        ("Invalid argument: instance group m_0 of model m has kind KIND_GPU but server does not support GPUs",
         "no_gpu_support"),
        ("Internal: unable to get number of CUDA devices: system not yet initialized", "cuda_failure"),
        ("model appears in two or more repositories", "ambiguous_name"),
        ("Internal: unable to load model 'm', TensorRT backend supports only GPU device", "load_failed"),
        ("", "load_failed"),
    ],
)  # fmt: skip
def test_what_the_server_says_decides(reason, identifier):
    proof = proof_of(on_disk("m", [CPU]), down(reason))
    assert (proof.grade, ids(proof)) == ("contradicted", [identifier])


def test_a_traceback_becomes_one_line():
    reason = "Internal: ModuleNotFoundError: No module named 'torch'\n\nAt:\n  /srv/models/m/1/model.py(3): <module>\n"
    (problem,) = proof_of(on_disk("m", [CPU], "python"), down(reason)).problems
    assert problem.text == (
        "The server has refused it: Internal: ModuleNotFoundError: No module named 'torch' At: "
        "/srv/models/m/1/model.py(3): <module>."
    )


def test_what_failed_to_load_is_to_be_loaded_also_where_it_is_not_critical():
    proof = proof_of(on_disk("m", [CPU], critical=False), down("Internal: broken"))
    assert (proof.grade, proof.pending) == ("contradicted", True)


# What the index hides


def test_a_file_that_does_not_parse_hides_its_model():
    proof = in_index(on_disk("m", [GPU], errors=(BROKEN,)), NAME_ONLY)
    (problem,) = proof.problems
    assert problem.id == "hidden_by_error"
    assert "/srv/models/m/config.pbtxt:3:1: there is no field 'instance_groups'." in problem.text
    assert problem.cure.startswith("Did you mean 'instance_group'?")
    assert not proof.pending, "there is nothing that the server could load"


def test_a_model_that_a_broken_file_keeps_out_of_the_index_altogether():
    assert ids(in_index(on_disk("m", errors=(BROKEN, BROKEN)), None)) == ["hidden_by_error"]


def test_a_refusal_that_is_only_predicted():
    model = on_disk("m", [GPU], config={"name": "another"})
    proof = in_index(model, NAME_ONLY)
    assert ids(proof) == ["hidden_by_error"]
    assert "directory name must equal model name" in proof.problems[0].text


def test_what_was_loaded_before_the_file_broke_serves_on():
    proof = proof_of(on_disk("m", [GPU], errors=(BROKEN,), config={}), running("m", [on_gpu(0)]), gpu_host())
    assert (proof.grade, ids(proof)) == ("contradicted", ["invalid_file"])
    assert proof.drift == (None, None, None, [])
    assert not proof.pending


def test_an_invalid_file_of_which_only_the_policy_knows():
    invalid = Expected(FILE, (), "invalid", reason="line 2: group 0 has kind: 9, which Triton refuses to load.")
    proof = in_index(on_disk("m", [{"kind": 9}], expected=invalid), NAME_ONLY)
    assert ids(proof) == ["hidden_by_error"]
    assert "line 2: group 0 has kind: 9" in proof.problems[0].text


def test_a_broken_file_of_which_the_index_tells_hides_nothing():
    proof = proof_of(on_disk("m", [{"kind": 9}], errors=(BROKEN,)), down("Internal: unexpected kind KIND_AUTO"))
    assert ids(proof) == ["load_failed"]
    assert "/srv/models/m/config.pbtxt:3:1" in proof.problems[0].text
    assert not proof.pending, "there is nothing that the server could load"


def test_a_file_that_only_the_policy_would_break():
    invalid = Expected(FILE, [GPU], "invalid", reason="max_batch_size must not be negative", met=False)
    proof = proof_of(on_disk("m", [GPU], expected=invalid), running("m", [on_gpu(0)]), gpu_host())
    assert ids(proof) == ["policy_not_met"]
    assert "max_batch_size must not be negative" in proof.problems[0].text


@pytest.mark.parametrize(("critical", "grade"), [(True, "contradicted"), (False, "unproved")])
def test_a_template_that_nobody_filled_in(critical, grade):
    reason = "line 3 holds the placeholder ${KIND}: fill in the template before the policy can apply"
    template = Expected(FILE, (), "template", reason=reason)
    proof = in_index(on_disk("m", expected=template, critical=critical), NAME_ONLY)
    assert (proof.grade, ids(proof), proof.pending) == (grade, ["template"], False)
    assert "nobody has filled in: line 3 holds the placeholder ${KIND}." in proof.problems[0].text


def test_a_template_without_a_policy():
    found = {**BROKEN, "rule": "template", "message": "a placeholder"}
    assert ids(in_index(on_disk("m", errors=(found,)), NAME_ONLY)) == ["template"]


@pytest.mark.parametrize(("critical", "grade"), [(True, "contradicted"), (False, "unproved")])
@pytest.mark.parametrize("entry", [NAME_ONLY, None])
def test_a_model_without_a_version(critical, grade, entry):
    proof = in_index(on_disk("m", [CPU], on_disk_versions=(), critical=critical), entry)
    assert (proof.grade, ids(proof), proof.pending) == (grade, ["no_version"], False)


@pytest.mark.parametrize(("critical", "grade"), [(True, "contradicted"), (False, "unproved")])
def test_a_model_that_nobody_has_loaded(critical, grade):
    proof = in_index(on_disk("m", [CPU], critical=critical), NAME_ONLY)
    assert (proof.grade, ids(proof)) == (grade, ["not_loaded"])
    assert proof.pending is critical


def test_a_model_that_nobody_has_loaded_and_that_would_not_load():
    proof = in_index(on_disk("m", [{**GPU, "gpus": [0]}]), NAME_ONLY)
    assert "It is not expected to load: Invalid argument: instance group m_0 of model m specifies invalid" in (
        proof.problems[0].text
    )


@pytest.mark.parametrize(("critical", "grade"), [(True, "contradicted"), (False, "unproved")])
def test_a_model_that_the_server_does_not_know(critical, grade):
    proof = in_index(on_disk("m", [CPU], critical=critical), None)
    assert (proof.grade, ids(proof)) == (grade, ["not_in_index"])
    assert "/srv/models" in proof.problems[0].text
    assert proof.pending is critical


@pytest.mark.parametrize(("critical", "grade"), [(True, "contradicted"), (False, "unproved")])
def test_a_model_that_somebody_has_unloaded(critical, grade):
    proof = proof_of(on_disk("m", [CPU], critical=critical), down("unloaded"))
    assert (proof.grade, ids(proof)) == (grade, ["unloaded"])
    assert proof.pending is critical


def test_a_version_that_was_let_go_does_not_hide_why_another_failed():
    proof = in_index(on_disk("m", [CPU]), seen("m", down("unloaded", "1"), down("Internal: broken", "2")))
    assert ids(proof) == ["load_failed"]


def test_two_repositories_with_one_name():
    models = [on_disk("m", [CPU], ambiguous=True), on_disk("m", [CPU], ambiguous=True, repository="/srv/more")]
    first, second = compare(models, server(NAME_ONLY)).models
    assert (ids(first), ids(second)) == (["ambiguous_name"], ["ambiguous_name"])
    assert "/srv/more" in first.problems[0].text
    assert "/srv/models" in second.problems[0].text
    assert not first.pending


def test_of_two_models_of_one_name_one_may_serve_and_nothing_tells_which():
    models = [on_disk("m", [CPU], ambiguous=True), on_disk("m", [CPU], ambiguous=True, repository="/srv/more")]
    proofs = compare(models, server(seen("m", running("m", [on_cpu(2)])))).models
    assert [(proof.grade, ids(proof)) for proof in proofs] == [("unproved", ["same_name_served"])] * 2


@pytest.mark.parametrize("state", ["LOADING", "UNLOADING"])
def test_a_server_at_work_is_asked_again_later(state):
    proof = proof_of(on_disk("m", [CPU]), down("", state=state))
    assert (proof.grade, ids(proof), proof.pending) == ("unproved", ["busy"], False)


def test_a_version_that_loads_beside_one_that_serves():
    model = on_disk("m", [CPU], on_disk_versions=("1", "2"))
    proof = in_index(model, seen("m", running("m", [on_cpu(2)]), down("", "2", "LOADING")))
    assert (proof.grade, ids(proof)) == ("unproved", ["busy"])


def test_how_to_load_depends_on_the_control_mode():
    model = on_disk("m", [CPU])
    cures = {mode: in_index(model, NAME_ONLY, control_mode=mode).problems[0].cure for mode in ("explicit", "poll")}
    assert cures["explicit"] == "Load the model with inference.triton.model and state: reloaded."
    assert "next poll" in cures["poll"]
    assert in_index(model, NAME_ONLY, control_mode="none").problems[0].cure.startswith("Restart the server")
    assert ", or, where" in in_index(model, NAME_ONLY).problems[0].cure


# Versions


def test_an_older_version_than_the_one_on_disk_serves():
    model = on_disk("m", [CPU], on_disk_versions=("1", "2"))
    proof = in_index(model, seen("m", running("m", [on_cpu(2)])))
    assert (proof.grade, ids(proof), proof.pending) == ("contradicted", ["old_version_serves"], True)
    assert proof.problems[0].text == "Version 2 is on disk and is to serve, but the server serves version 1."


def test_the_newer_version_was_refused():
    model = on_disk("m", [CPU], on_disk_versions=("1", "2"))
    proof = in_index(model, seen("m", running("m", [on_cpu(2)]), down("Internal: broken", "2")))
    assert ids(proof) == ["old_version_serves"]
    assert "The server says: Internal: broken." in proof.problems[0].text


def test_one_of_several_versions_does_not_serve():
    policy = {"version_policy": {"all": {}}}
    model = on_disk("m", [CPU], on_disk_versions=("1", "2"), config=policy)
    proof = in_index(model, seen("m", down("Internal: broken", "1"), running("m", [on_cpu(2)], version="2")))
    assert (proof.grade, "version_not_served" in ids(proof)) == ("contradicted", True)


def test_a_version_that_is_gone_from_the_disk_serves_on():
    model = on_disk("m", [CPU], on_disk_versions=("2",))
    proof = in_index(model, seen("m", running("m", [on_cpu(2)]), running("m", [on_cpu(2)], version="2")))
    assert (proof.grade, ids(proof), proof.pending) == ("consistent", ["extra_version"], True)


def test_all_versions_are_gone_from_the_disk():
    proof = proof_of(on_disk("m", [CPU], on_disk_versions=()), running("m", [on_cpu(2)]))
    assert (proof.grade, ids(proof), proof.pending) == ("consistent", ["extra_version"], False)


def test_the_same_problem_of_two_versions_is_told_once():
    policy = {"version_policy": {"all": {}}}
    model = on_disk("m", on_disk_versions=("1", "2"), config=policy)
    both = seen("m", *(running("m", [on_cpu(2)], version=version, config=policy) for version in ("1", "2")))
    assert ids(in_index(model, both)) == ["silent_fallback"]


def test_a_version_that_is_ready_in_the_index_alone():
    proof = proof_of(on_disk("m", [CPU]), running("m", [on_cpu(2)], ready=False))
    assert (proof.grade, ids(proof)) == ("contradicted", ["not_ready"])


# Models that no file has


def test_a_model_that_no_repository_has():
    (proof,) = compare([], server(seen("m", running("m", [on_gpu(0)])), host=gpu_host())).models
    assert (proof.grade, ids(proof), proof.pending) == ("unproved", ["extra_model"], False)
    assert proof.on_disk is None


@pytest.mark.parametrize("entry", [seen("m"), seen("m", down("unloaded")), seen("m", down("Internal: broken"))])
def test_what_neither_serves_nor_is_on_disk_is_nobodys_concern(entry):
    assert compare([], server(entry)).models == []


def test_a_restricted_api_leaves_a_model_unproved():
    version = running("m", [on_gpu(0)], config_error="This API is restricted, expecting header 'admin-key'.",
                      gpu_uuids=("GPU-aaaa",))._replace(config=None)  # fmt: skip
    proof = proof_of(on_disk("m", [GPU]), version, gpu_host())
    assert (proof.grade, ids(proof), proof.pending) == ("unproved", ["config_unknown"], False)
    assert "expecting header 'admin-key'." in proof.problems[0].text
    assert proof.drift == (None, None, None, ())


def test_what_is_wrong_with_the_index_is_told_also_where_the_configuration_cannot_be_had():
    version = running("m", [on_gpu(0)], reason=NO_GPUS)._replace(config=None, config_error="restricted")
    assert "reload_failed" in ids(proof_of(on_disk("m", [GPU]), version, gpu_host()))


def test_cuda_on_the_host_may_be_to_blame():
    host = ServerView((), why_no_gpu=Reason("driver_too_old", "the driver 470 is too old for CUDA 12.6"))
    assert "too old for CUDA 12.6" in proof_of(on_disk("m", [GPU]), down(NO_GPUS), host).problems[0].text


def test_a_policy_says_the_same_of_a_model_that_is_not_served():
    wanted = by_policy([GPU], "changed", reason="group 0 is KIND_CPU where the rule wants KIND_GPU")
    proof = proof_of(on_disk("m", [CPU], expected=wanted), down("unloaded"))
    assert ids(proof) == ["unloaded", "policy_not_enforced"]
    assert proof.drift == (True, None, None, ())
