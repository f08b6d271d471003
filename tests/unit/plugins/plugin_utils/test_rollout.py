# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbook rollout decides, and what it tells."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.plugin_utils import _rollout as rollout

TEN = [f"gpu-{number}" for number in range(10)]


@pytest.mark.parametrize(
    ("canary", "sizes", "counts"),
    [
        ([], [1], [1] * 10),
        ([], ["100%"], [10]),
        ([], ["25%"], [2, 2, 2, 2, 2]),
        (TEN[:1], [1, "30%"], [1, 1, 3, 3, 2]),
        (TEN[:2], ["1%"], [2] + [1] * 8),
        (TEN, [3], [10]),
        ([], ["4"], [4, 4, 2]),
        (["gpu-7", "elsewhere"], [20], [1, 9]),
    ],
)
def test_batches(canary, sizes, counts):
    found = rollout.batches(TEN, canary, sizes)
    assert [len(batch) for batch in found] == counts
    assert sorted(host for batch in found for host in batch) == TEN
    assert found[0] == [host for host in TEN if host in canary] or not canary


def test_the_hosts_keep_their_order():
    assert rollout.batches(list("dcba"), ["a", "c"], [1]) == [["c", "a"], ["d"], ["b"]]


def test_no_host_at_all():
    assert rollout.batches([], [], [1]) == []


@pytest.mark.parametrize("sizes", [[], [0], ["0%"], [-1], [1, "half"], [1.5], [None]])
def test_sizes_that_are_none(sizes):
    with pytest.raises(ValueError, match="numbers of hosts and percentages"):
        rollout.batches(TEN, [], sizes)


def proof(**places):
    """A result of placement_info with models by name: None is not served, else versions with groups."""
    return {
        "models": [
            {
                "name": name,
                "served": versions is not None,
                "resolved": [
                    {"version": version, "state": state, "groups": groups}
                    for version, (state, groups) in (versions or {}).items()
                ],
            }
            for name, versions in places.items()
        ]
    }


GPUS = {"kind": "KIND_GPU", "count": 2, "gpus": [0, 1]}
CPU = {"kind": "KIND_CPU", "count": 1, "gpus": []}
ENSEMBLE = {"1": ("READY", [])}


def test_where_models_are():
    seen = proof(
        ranker={"2": ("READY", [CPU, GPUS]), "1": ("UNAVAILABLE", [CPU]), "10": ("READY", [CPU])},
        broken=None,
        pipeline=ENSEMBLE,
    )
    assert rollout.places(seen) == {
        "ranker": "version 10: 1 KIND_CPU; version 2: 1 KIND_CPU; version 2: 2 KIND_GPU on GPU 0, 1",
        "pipeline": "",
    }


def test_a_server_that_did_not_answer_serves_nothing():
    assert rollout.places({"failed": True, "msg": "nothing accepts connections there"}) == {}


def test_what_moved():
    before = rollout.places(proof(ranker={"1": ("READY", [GPUS])}, stays=ENSEMBLE, pipeline=ENSEMBLE))
    now = rollout.places(proof(ranker={"1": ("READY", [CPU])}, stays=ENSEMBLE, new=ENSEMBLE))
    assert rollout.moved(before, now) == [
        "ranker was version 1: 2 KIND_GPU on GPU 0, 1 before this rollout, and is version 1: 1 KIND_CPU now.",
        "pipeline was served before this rollout, and is not served now.",
    ]
    assert rollout.moved(before, before) == []


def host(outcome, batch=1, **values):
    return {
        "batch": batch,
        "outcome": outcome,
        "reason": "",
        "drained": False,
        "before": {"version": "2.48.0"},
        "version": "2.48.0",
        "policy": {"changed": 3, "compliant": 1, "violation": 0},
        "grades": {"proved": 0, "unproved": 2, "contradicted": 1},
        "phase": "",
        **values,
    }


def told(hosts, lost=None, stop=""):
    plan = [[name] for name in hosts]
    return rollout.report(hosts, lost or {}, plan, stop)


def test_a_table_with_what_needs_attention():
    hosts = {
        "canary": host("done", version="2.51.0", grades={"proved": 4}),
        "first": host("rolled back", 2, reason="It was taken back with its batch."),
        "last": host("not reached", 0, before={"version": None}, version=None, policy={}, grades={}),
        "second": host("failed", 2, version=None, reason="ranker is elsewhere.\n\n  and why", drained=True),
    }
    assert list(rollout.summary(told(hosts, stop="Batch 2: second does not prove out"))) == [
        "HOST    BATCH  OUTCOME          VERSION           POLICY                    SERVED",
        "canary  1      done             2.48.0 -> 2.51.0  1 compliant, 3 changed    4 proved",
        "first   2      rolled back      2.48.0            1 compliant, 3 to change  2 unproved, 1 contradicted",
        "last    -      not reached      -                 -                         -",
        "second  2      failed, drained  2.48.0 -> ?       1 compliant, 3 to change  2 unproved, 1 contradicted",
        "",
        "4 hosts: 1 done, 1 rolled back, 1 not reached, 1 failed.",
        "The rollout stopped. Batch 2: second does not prove out.",
        "",
        "first: rolled back",
        "  It was taken back with its batch.",
        "",
        "second: failed, and not in the load balancer",
        "  ranker is elsewhere.",
        "",
        "    and why",
        "",
        "What to do: mend what is named above, and run the same command again. "
        "Hosts that are as they should be are passed over.",
        "A host that is drained comes back with the run in which it proves out.",
    ]


def test_where_all_is_well_nothing_is_to_be_done():
    assert list(rollout.summary(told({"gpu-1": host("unchanged", policy={"compliant": 4})})))[2:] == [
        "",
        "1 host: 1 unchanged.",
    ]


@pytest.mark.parametrize("phase", ["", "look", "drain", "server", "policy", "return", "soak", "going back"])
def test_a_host_that_was_lost_says_what_was_under_way(phase):
    report = told({"gpu-1": host("in progress", version="2.51.0")}, lost={"gpu-1": phase})
    one = report["hosts"]["gpu-1"]
    assert one["outcome"] == "failed"
    assert one["version_after"] is None
    assert one["reason"].startswith("The host was lost. ")
    assert one["reason"].endswith(".")
    assert report["counts"] == {"failed": 1}


def test_a_failure_that_did_not_stop_the_rollout_is_to_be_mended_too():
    hosts = {"a": host("failed", reason="It did not load."), "b": host("done")}
    assert [line for line in rollout.summary(told(hosts)) if line.startswith("What to do")]
