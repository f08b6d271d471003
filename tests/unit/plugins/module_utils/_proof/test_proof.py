# SPDX-License-Identifier: GPL-3.0-or-later
"""The outcome as data and in words."""

from __future__ import annotations

import json
import time

import pytest
from ansible_collections.inference.triton.plugins.module_utils._placement.server import Reason, ServerView
from ansible_collections.inference.triton.plugins.module_utils._proof.comparison import compare
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._proof.situations import (
    CPU,
    GPU,
    MODEL,
    by_policy,
    down,
    ensemble,
    gpu_host,
    log,
    on_cpu,
    on_disk,
    on_gpu,
    running,
    running_ensemble,
    seen,
    server,
)


def result(models, *known, **fields):
    return compare(models, server(*known, **fields)).as_result()


def fallen(*names, **fields):
    """Models on the CPU by a silent fallback."""
    models = [on_disk(name, **fields) for name in names]
    return models, [seen(name, running(name, [on_cpu(2)])) for name in names]


def fine(*names):
    models = [on_disk(name, [CPU]) for name in names]
    return models, [seen(name, running(name, [on_cpu(2)])) for name in names]


# Data


def test_everything_of_a_model():
    rows = [{"type": "GPU", "id": 0, "byte_size": 9}]
    version = running("m", [on_gpu(0, count=2)], gpu_uuids=("GPU-aaaa",), memory_usage=rows)
    wanted = by_policy([{**GPU, "count": 2}], rule="large")
    model = on_disk("m", [{**GPU, "count": 2}], expected=wanted)
    found = result([model], seen("m", version), host=gpu_host())
    (entry,) = found["models"]
    evidence = entry.pop("evidence")
    assert entry == {
        "name": "m",
        "repository": "/srv/models",
        "file": "/srv/models/m/config.pbtxt",
        "backend": "onnxruntime",
        "platform": "onnxruntime_onnx",
        "critical": True,
        "grade": "proved",
        "served": True,
        "state": "READY",
        "reason": "",
        "status": "compliant",
        "rule": "large",
        "waiver": None,
        "policy_reason": "the groups are the rule's",
        "expected": {"source": "policy", "groups": [{"kind": "KIND_GPU", "count": 2}], "versions": ["1"]},
        "resolved": [
            {
                "version": "1",
                "state": "READY",
                "reason": "",
                "ready": True,
                "groups": [{"name": "m_0", "kind": "KIND_GPU", "count": 2, "gpus": [0]}],
                "gpu_uuids": ["GPU-aaaa"],
                "memory_usage": rows,
            }
        ],
        "problems": [],
        "drift": {"policy_file": False, "file_server": False, "policy_server": False, "fields": []},
        "pending": False,
    }
    assert [(one["id"], one["independent"]) for one in evidence] == [
        ("resolved", False),
        ("gpu_uuid", True),
        ("memory_usage", True),
    ]


def test_everything_of_a_model_that_no_file_has():
    (entry,) = result([], seen("m", running("m", [on_cpu(2)])))["models"]
    assert (entry["repository"], entry["file"], entry["backend"], entry["status"]) == (None, None, "onnxruntime", None)
    assert entry["expected"] == {"source": None, "groups": [], "versions": []}
    assert (entry["critical"], entry["served"]) == (False, True)


def test_the_state_of_a_model_that_is_not_served_is_that_of_the_version_that_failed():
    entry = result([on_disk("m", [CPU])], seen("m", down("unloaded", "1"), down("Internal: broken", "2")))["models"][0]
    assert (entry["served"], entry["state"], entry["reason"]) == (False, "UNAVAILABLE", "Internal: broken")
    assert result([on_disk("m", [CPU])], seen("m"))["models"][0]["state"] is None


def test_the_server_and_its_host():
    fields = {"started_at": 0.0, "control_mode": "poll", "control_mode_source": "its command line"}
    found = result([], host=gpu_host(), metrics_error="refused", log_source="triton.service", **fields)
    assert found["server"] == {
        "url": "http://localhost:8000",
        "version": "2.51.0",
        "live": True,
        "ready": True,
        "control_mode": "poll",
        "control_mode_source": "its command line",
        "started_at": "1970-01-01T00:00:00Z",
    }
    assert found["host"]["gpus"][0]["name"] == "Tesla T4"
    assert (found["metrics_error"], found["log"]) == ("refused", {"source": "triton.service", "error": None})


def test_a_log_that_was_not_used_says_why():
    told = log(("m", True, "", 100.0))
    found = result([], started_at=200.0, log=told, log_source="/var/log/triton.log")
    assert found["log"]["error"].startswith("The log ends before the server was started")
    assert result([], started_at=101.0, log=told)["log"]["error"] is None, "the clock of a process is not so exact"


def test_a_start_that_is_not_known():
    assert result([])["server"]["started_at"] is None


def test_the_counts():
    models = [
        on_disk("cpu", [CPU]),
        on_disk("fallen"),
        on_disk("failed", [CPU], critical=False),
        on_disk("gpu", [{**GPU, "gpus": [0]}]),
        on_disk("mixed", [{**GPU, "gpus": [0]}, CPU]),
        on_disk("own", [MODEL]),
        on_disk("idle", [CPU], critical=False),
        ensemble("all", "gpu"),
    ]
    known = [
        seen("cpu", running("cpu", [on_cpu(2)], memory_usage=[{"type": "CPU", "id": 0, "byte_size": 1}])),
        seen("fallen", running("fallen", [on_cpu(2)])),
        seen("failed", down("Internal: broken")),
        seen("gpu", running("gpu", [on_gpu(0)])),
        seen("mixed", running("mixed", [on_gpu(0), on_cpu(2)])),
        seen("own", running("own", [("KIND_MODEL", 1, ())])),
        seen("idle"),
        seen("all", running_ensemble("all", "gpu")),
    ]
    found = result(models, *known, host=gpu_host())
    assert found["counts"] == {
        "models": 8,
        "proved": 1,
        "consistent": 4,
        "unproved": 1,
        "contradicted": 2,
        "critical_contradicted": 1,
        "pending": 1,
        "on_gpu": 2,
        "on_cpu": 3,
        "on_model": 1,
        "not_served": 2,
    }
    assert found["contradicted"] == ["failed", "fallen"]
    assert found["critical_contradicted"] == ["fallen"]
    assert found["pending"] == ["failed"]
    assert [entry["name"] for entry in found["models"]] == sorted(model.name for model in models)


def test_all_of_it_is_plain_data():
    models, known = fallen("a", "b")
    found = result([*models, ensemble("e", "a")], *known, seen("x", running("x", [on_gpu(0)])), host=gpu_host())
    assert json.loads(json.dumps(found)) == found


def test_a_thousand_models_take_less_than_a_second():
    models, known = fallen(*(f"m{number}" for number in range(1000)))
    before = time.perf_counter()
    found = result(models, *known, log=log(*((model.name, True, "", 2000.0) for model in models)))
    assert time.perf_counter() - before < 1
    assert found["counts"]["contradicted"] == 1000


# Words


def test_a_server_without_models():
    assert result([])["report"] == ["There is no model in the given repositories, and the server has none either."]


def test_the_one_model():
    models, known = fine("a")
    assert result(models, *known)["report"] == ["The one model is where it should be (consistent)."]


def test_all_is_well():
    models, known = fine("a", "b")
    assert result(models, *known)["report"] == ["All 2 models are where they should be: 2 consistent."]


def test_what_is_well_is_told_by_its_grade():
    models, known = fine("a", "b")
    memory = [{"type": "CPU", "id": 0, "byte_size": 1}]
    known[0] = seen("a", known[0].versions[0]._replace(memory_usage=memory))
    assert result(models, *known)["summary"] == "All 2 models are where they should be: 1 proved and 1 consistent."


def test_one_is_in_the_wrong_place():
    models, known = fine("a", "b")
    wrong, seen_wrong = fallen("c")
    assert result(models + wrong, *known, *seen_wrong)["summary"] == "1 of 3 models is not where it should be: c."


def test_several_are_the_critical_ones_first():
    models, known = fallen("a", "b")
    lesser = [on_disk(name, critical=False) for name in ("0", "1", "2", "3", "4", "5")]
    others = [seen(model.name, running(model.name, [on_cpu(2)])) for model in lesser]
    assert result(models + lesser, *known, *others)["summary"] == (
        "8 of 8 models are not where they should be: a, b, 0, 1, 2 and 3 more."
    )


@pytest.mark.parametrize(("names", "are"), [("a", "1 of 1 model is"), ("ab", "2 of 2 models are")])
def test_nobody_knows(names, are):
    models = [on_disk(name) for name in names]
    known = [seen(name, running(name, [on_gpu(0)])) for name in names]
    assert result(models, *known, host=gpu_host())["summary"] == (
        f"No model is known to be in the wrong place, and {are} not proved to be in the right one: {', '.join(names)}."
    )


def test_what_is_told_of_a_model():
    model = on_disk("ranker", [CPU], "python", expected=by_policy([GPU], "changed", reason="group 0 is KIND_CPU"))
    found = result([model], seen("ranker", running("ranker", [on_cpu()], "python")), control_mode="explicit",
                   host=gpu_host())  # fmt: skip
    assert found["report"] == [
        "1 of 1 model is not where it should be: ranker.",
        "",
        "ranker: contradicted (/srv/models)",
        "  wanted: KIND_GPU, by the policy (on the GPU)",
        "  runs:   version 1: KIND_CPU, 1 instance",
        "  cause:  KIND_GPU is wanted, the server runs KIND_CPU, 1 instance. The server runs what the file has: "
        "KIND_CPU. [wrong_kind]",
        "  cure:   Run inference.triton.instance_group_policy with mode: enforce. Load the model with "
        "inference.triton.model and state: reloaded.",
        "  note:   The file is not as the policy wants it: group 0 is KIND_CPU. [policy_not_enforced]",
        "  cure:   Run inference.triton.instance_group_policy with mode: enforce, and let the server take up the file.",
    ]


def test_what_is_told_of_a_silent_fallback():
    models, known = fallen("ranker")
    host = ServerView((), why_no_gpu=Reason("no_gpu", "GPU 0 (Tesla T4) is not usable: it fell off the bus"))
    told = "\n".join(result(models, *known, host=host)["report"])
    assert "wanted: whatever the server chooses: neither the file nor a rule has an instance_group" in told
    assert "Triton uses no GPU: GPU 0 (Tesla T4) is not usable: it fell off the bus. [silent_fallback]" in told


@pytest.mark.parametrize(
    ("model", "known", "lines"),
    [
        pytest.param([on_disk("m", [CPU], critical=False)], [seen("m")],
                     ["m: unproved, not critical (/srv/models)", "  wanted: KIND_CPU, by the file",
                      "  runs:   not served"], id="not loaded"),
        pytest.param([], [seen("m", running("m", [on_gpu(0)]))],
                     ["m: unproved", "  wanted: nothing is known",
                      "  runs:   version 1: KIND_GPU on GPU 0, 1 instance"], id="no file"),
        pytest.param([ensemble("m", "s")], [seen("m", running_ensemble("m", "s"))],
                     ["m: contradicted (/srv/models)", "  wanted: served, by its steps",
                      "  runs:   version 1: no instances of its own"], id="ensemble"),
        pytest.param([on_disk("m", [{**GPU, "gpus": [0, 1], "count": 2}])],
                     [seen("m", running("m", [on_cpu()])._replace(config=None, config_error="restricted"))],
                     ["m: unproved (/srv/models)", "  wanted: KIND_GPU on GPU 0, 1, 2 instances on each, by the file",
                      "  runs:   version 1, it is not known how"], id="not known"),
    ],
)  # fmt: skip
def test_what_is_wanted_and_what_runs(model, known, lines):
    assert result(model, *known, host=gpu_host(2))["report"][2:5] == lines


def test_the_worst_come_first():
    models, known = fallen("z")
    idle = on_disk("a", [CPU], critical=False)
    report = result([*models, idle], *known, seen("a"))["report"]
    told = [line.partition(":")[0] for line in report if line.endswith("(/srv/models)")]
    assert told == ["z", "a"]


def test_a_server_that_is_not_ready_says_so():
    models, known = fine("a")
    assert result(models, *known, ready=False)["report"][1:] == ["The server itself says that it is not ready."]


def test_a_long_report_ends():
    models, known = fallen(*(f"m{number:03}" for number in range(60)))
    report = result(models, *known)["report"]
    assert sum(line.endswith("(/srv/models)") for line in report) == 50
    assert report[-1] == "And 10 more, told in 'models' of the result: m050, m051, m052, m053, m054 and 5 more."
