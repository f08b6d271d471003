# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that run something else than the file says, and which of the causes it is."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._proof import takeup
from ansible_collections.inference.triton.plugins.module_utils._proof.records import LoadEvent, PlacementLog
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._proof.situations import (
    AFTER,
    BEFORE,
    CPU,
    GPU,
    by_policy,
    gpu_host,
    ids,
    log,
    on_cpu,
    on_disk,
    on_gpu,
    proof_of,
    running,
    server,
)

NO_GPUS = "Invalid argument: instance group m_0 of model m has kind KIND_GPU but no GPUs are available"


def edited(version=None, host=None, **fields):
    """A file that wants the GPU, on a server that runs the model on the CPU."""
    return proof_of(on_disk("m", [GPU]), version or running("m", [on_cpu(2)]), host or gpu_host(), **fields)


def only(proof):
    (problem,) = proof.problems
    return problem


# Which cause it is


def test_without_any_times_it_may_be_each_of_them():
    proof = edited()
    problem = only(proof)
    assert problem.id == "differs_from_file"
    assert problem.text.startswith("KIND_GPU is wanted, the server runs KIND_CPU, 2 instances. Either the file was")
    assert (proof.grade, proof.pending) == ("contradicted", True)
    assert proof.drift == (None, True, None, ["instance_group[0].kind"])


def test_ready_with_a_reason_is_a_failed_update():
    proof = edited(running("m", [on_cpu(2)], reason=NO_GPUS))
    problem = only(proof)
    assert (problem.id, proof.pending) == ("reload_failed", True)
    assert problem.text == (
        f"The last load has failed, and what was loaded before serves on: {NO_GPUS}. KIND_GPU is wanted, the server "
        "runs KIND_CPU, 2 instances. On this host: there is GPU 0 (Tesla T4)."
    )


def test_a_failure_that_stays_in_the_index_after_the_file_was_put_back():
    proof = proof_of(on_disk("m", [CPU]), running("m", [on_cpu(2)], reason="Internal: broken"))
    assert (proof.grade, ids(proof), proof.pending) == ("contradicted", ["reload_failed"], True)
    assert "What it runs is what the file has now, and the failure stays in the index until" in only(proof).text


def test_a_failed_full_reload_is_in_the_log_alone():
    proof = edited(log=log(("m", True, "", BEFORE), ("m", False, NO_GPUS, AFTER)))
    assert only(proof).id == "reload_failed"
    assert NO_GPUS in only(proof).text


def test_a_failure_without_a_reason_is_one():
    proof = edited(log=log(("m", False, "", AFTER)))
    assert "the log of the server has no reason" in only(proof).text


def test_a_failed_reload_counts_also_where_the_configuration_is_the_same():
    """A model whose code was changed: the old code serves."""
    failed = log(("m", True, "", BEFORE), ("m", False, "Internal: SyntaxError", AFTER))
    proof = proof_of(on_disk("m", [CPU], "python"), running("m", [on_cpu()], "python"), log=failed)
    assert (proof.grade, ids(proof)) == ("contradicted", ["reload_failed"])
    text = only(proof).text
    assert "Internal: SyntaxError. Its configuration is what the file has now, so another file of the model" in text
    assert "the index shows no failure" in text and "stays in the index" not in text


def test_a_failure_before_the_file_was_changed_is_past():
    proof = edited(log=log(("m", True, "", BEFORE - 1), ("m", False, "Internal: broken", BEFORE)))
    assert only(proof).id == "edited_not_loaded"


def test_a_success_after_a_failure_ends_it():
    healed = log(("m", False, "Internal: broken", AFTER), ("m", True, "", AFTER + 1))
    assert proof_of(on_disk("m", [CPU]), running("m", [on_cpu(2)]), log=healed).problems == []


def test_the_failure_of_another_version_is_not_that_of_the_one_that_serves():
    failed = PlacementLog({}, {"m": [LoadEvent("2", False, "Internal: broken", AFTER)]}, True)
    assert proof_of(on_disk("m", [CPU]), running("m", [on_cpu(2)]), log=failed).problems == []


def test_a_load_since_the_change_means_another_configuration():
    problem = only(edited(log=log(("m", True, "", AFTER))))
    assert problem.id == "override_sticks"
    assert (
        "the file changed at 1970-01-01T00:16:40Z, the last load in the log is of 1970-01-01T00:33:20Z" in problem.text
    )
    assert problem.cure.startswith("Unload the model and load it, or touch the file")


def test_so_does_a_start_since_the_change():
    proof = edited(started_at=AFTER)
    assert (only(proof).id, proof.pending) == ("override_sticks", True)
    assert "the server started at 1970-01-01T00:33:20Z" in only(proof).text


def test_a_change_since_the_last_load_was_not_taken_up():
    proof = edited(started_at=BEFORE, log=log(("m", True, "", BEFORE)))
    assert (only(proof).id, proof.pending) == ("edited_not_loaded", True)
    assert "KIND_GPU is wanted, the server runs KIND_CPU" in only(proof).text


def test_a_log_from_the_start_on_without_a_load_since_tells_it_too():
    assert only(edited(log=log(starts=True))).id == "edited_not_loaded"


def test_a_log_without_its_beginning_and_without_a_load_tells_nothing():
    assert only(edited(log=log(starts=False))).id == "differs_from_file"


def test_a_log_without_times_tells_nothing():
    assert only(edited(log=log(("m", True, "", None)))).id == "differs_from_file"


def test_a_server_in_the_mode_none_loads_at_its_start_only():
    problem = only(edited(started_at=BEFORE, control_mode="none"))
    assert problem.id == "edited_not_loaded"
    assert problem.cure.startswith("Restart the server")


@pytest.mark.parametrize("mode", ["explicit", "poll", None])
def test_in_another_mode_it_may_have_loaded_since_without_a_log_to_tell(mode):
    assert only(edited(started_at=BEFORE, control_mode=mode)).id == "differs_from_file"


def test_a_file_that_is_gone_has_no_time():
    gone = on_disk("m", None, changed_at=None, file=None, config={})
    assert takeup.was_loaded_since(gone, server(started_at=BEFORE)) is None


def test_a_log_of_an_earlier_run_does_not_count():
    proof = edited(started_at=BEFORE, log=log(("m", False, NO_GPUS, BEFORE - 100)))
    assert only(proof).id == "differs_from_file"


def test_a_failure_in_an_earlier_run_is_not_one_of_this_run():
    """A container's server is process 1 in every run, and without --log-info no line tells of a success."""
    earlier = log(("m", False, NO_GPUS, AFTER), ("other", False, "Internal: broken", AFTER + 100))
    model = on_disk("m", [CPU])
    assert proof_of(model, running("m", [on_cpu(2)]), started_at=AFTER + 50, log=earlier).problems == []
    assert ids(proof_of(model, running("m", [on_cpu(2)]), started_at=AFTER, log=earlier)) == ["reload_failed"]


# What differs


def test_a_count_in_a_request_where_the_file_has_none():
    proof = proof_of(on_disk("m", [CPU]), running("m", [on_cpu(5)]), started_at=AFTER)
    assert only(proof).id == "override_sticks"
    assert only(proof).text.startswith("2 instances are wanted, the server runs 5.")
    assert proof.drift.fields == ["instance_group"]


def test_groups_in_a_request_where_the_file_has_none():
    proof = proof_of(on_disk("m"), running("m", [on_cpu(2), on_cpu(2)]), started_at=AFTER)
    assert only(proof).id == "override_sticks"
    assert only(proof).text.startswith("1 group is wanted, the server runs 2 (KIND_CPU, 2 instances; KIND_CPU")


def test_a_field_that_has_nothing_to_do_with_devices():
    model = on_disk("m", [CPU], config={"parameters": {"a": {"string_value": "new"}}})
    proof = proof_of(model, running("m", [on_cpu(2)], config={"parameters": {"a": {"string_value": "old"}}}))
    assert (proof.grade, ids(proof), proof.pending) == ("contradicted", ["differs_from_file"], True)
    assert only(proof).text.startswith(
        "The server runs it with another parameters.a.string_value than the file has. Either"
    )


def test_a_field_that_the_server_fills_in_is_no_difference():
    model = on_disk("m", [CPU], config={"sequence_batching": {"max_sequence_idle_microseconds": 0}})
    runs = running("m", [on_cpu(2)], config={"sequence_batching": {"max_sequence_idle_microseconds": 1000000}})
    assert proof_of(model, runs).problems == []


def completed(changed=0, **fields):
    """A model whose backend batches more than the file says."""
    model = on_disk("m", [CPU], config={"max_batch_size": 4 - changed})
    return proof_of(model, running("m", [on_cpu(2)], config={"max_batch_size": 8}), **fields)


def test_what_a_backend_may_have_completed_is_only_noted():
    proof = completed()
    assert (proof.grade, ids(proof), proof.pending) == ("consistent", ["completed_by_backend"], False)


def test_what_was_loaded_since_the_change_was_completed():
    assert completed(log=log(("m", True, "", AFTER))).problems == []


def test_what_was_not_loaded_since_the_change_is_to_be_loaded():
    """Somebody may have edited it, or only touched it: a load ends the doubt, and a false alarm would not."""
    proof = completed(log=log(("m", True, "", BEFORE)))
    assert (proof.grade, ids(proof), proof.pending) == ("consistent", ["completed_by_backend"], True)


def test_what_a_backend_may_have_completed_does_not_hide_what_the_policy_wants():
    wanted = by_policy([GPU], "changed", reason="group 0 is KIND_CPU where the rule wants KIND_GPU")
    model = on_disk("m", [CPU], config={"max_batch_size": 4}, expected=wanted)
    proof = proof_of(model, running("m", [on_cpu(2)], config={"max_batch_size": 8}), gpu_host())
    assert ids(proof) == ["wrong_kind", "completed_by_backend", "policy_not_enforced"]


def test_a_server_without_completion_completes_nothing():
    assert ids(completed(host=gpu_host(auto_complete=False))) == ["differs_from_file"]


def test_a_backend_takes_nothing_away():
    model = on_disk("m", [CPU], config={"max_batch_size": 16})
    assert ids(proof_of(model, running("m", [on_cpu(2)], config={"max_batch_size": 8}))) == ["differs_from_file"]


def test_what_differs_from_the_policy_is_told_with_it():
    wanted = by_policy([GPU], "changed", reason="group 0 is KIND_CPU where the rule wants KIND_GPU")
    model = on_disk("m", [{**CPU, "count": 3}], expected=wanted)
    proof = proof_of(model, running("m", [on_cpu(2)]), gpu_host())
    assert ids(proof) == ["differs_from_file", "policy_not_enforced"]
    assert proof.problems[0].text.startswith("KIND_GPU is wanted, the server runs KIND_CPU, 2 instances.")
    assert proof.drift == (True, True, True, ["instance_group[0].count"])


def test_a_fallback_shows_also_where_another_field_differs():
    model = on_disk("m", config={"max_batch_size": 16})
    proof = proof_of(model, running("m", [on_cpu(2)], config={"max_batch_size": 8}))
    assert ids(proof) == ["differs_from_file", "silent_fallback"]


def test_the_devices_of_a_gpu_group():
    pinned = on_disk("m", [{**GPU, "gpus": [1]}])
    proof = proof_of(pinned, running("m", [on_gpu(0)]), gpu_host(2), started_at=AFTER)
    assert only(proof).text.startswith("GPU 1 is wanted, the server runs it on GPU 0.")
