# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is on disk and whatever a server answers, the verdict is never better than what is known."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.inference.triton.plugins.module_utils._placement.polling import ModelOnDisk
from ansible_collections.inference.triton.plugins.module_utils._placement.prediction import predict
from ansible_collections.inference.triton.plugins.module_utils._placement.server import Reason, ServerView
from ansible_collections.inference.triton.plugins.module_utils._policy.decision import STATUSES
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import Gpu
from ansible_collections.inference.triton.plugins.module_utils._proof.causes import CAUSES
from ansible_collections.inference.triton.plugins.module_utils._proof.comparison import compare
from ansible_collections.inference.triton.plugins.module_utils._proof.grades import GRADES
from ansible_collections.inference.triton.plugins.module_utils._proof.log_lines import read_log
from ansible_collections.inference.triton.plugins.module_utils._proof.proof import Proof
from ansible_collections.inference.triton.plugins.module_utils._proof.records import (
    FILE,
    POLICY,
    Expected,
    LoadEvent,
    OnDisk,
    PlacementLog,
    ProbeResult,
    SeenModel,
    SeenVersion,
    ServerSeen,
)
from ansible_collections.inference.triton.tests.property.configs import Draw
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.sampled_from(["a", "b", "a_0", "e", "f"])
BACKENDS = st.sampled_from(["onnxruntime", "python", "openvino", "tensorrt", "vllm", "ours"])
KINDS = ["KIND_GPU", "KIND_CPU", "KIND_MODEL"]
TIMES = st.none() | st.sampled_from([1.0, 2.0, 3.0, 10.0])
UUIDS = st.lists(st.sampled_from(["GPU-0", "GPU-1", "GPU-x"]), max_size=2, unique=True).map(tuple)
REASONS = st.sampled_from(
    [
        "",
        "unloaded",
        "Internal: broken",
        "Invalid argument: instance group a_0 of model a has kind KIND_GPU but no GPUs are available",
        "Invalid argument: instance group a_0 of model a specifies invalid or unsupported gpu id 1. GPUs are: ",
        "model appears in two or more repositories",
    ]
)


@st.composite
def file_groups(draw: Draw) -> list[dict[str, Any]]:
    groups = []
    for kind in draw(st.lists(st.sampled_from([*KINDS, "KIND_AUTO", None]), max_size=2)):
        group: dict[str, Any] = {} if kind is None else {"kind": kind}
        if draw(st.booleans()):
            group["count"] = draw(st.integers(0, 3))
        if kind == "KIND_GPU" and draw(st.booleans()):
            group["gpus"] = draw(st.lists(st.integers(0, 2), min_size=1, max_size=2))
        if draw(st.integers(0, 5)) == 5:
            group["passive"] = True
        groups.append(group)
    return groups


@st.composite
def configs_of(draw: Draw, name: str, groups: list[dict[str, Any]]) -> dict[str, Any]:
    if name in ("e", "f") and draw(st.booleans()):
        steps = [{"model_name": step} for step in draw(st.lists(NAMES | st.just("nowhere"), max_size=3))]
        return {"platform": "ensemble", "ensemble_scheduling": {"step": steps}}
    config: dict[str, Any] = {"backend": draw(BACKENDS)}
    if groups:
        config["instance_group"] = groups
    if draw(st.booleans()):
        config["max_batch_size"] = draw(st.integers(0, 8))
    return config


@st.composite
def models_on_disk(draw: Draw, name: str, host: ServerView) -> OnDisk:
    groups = draw(file_groups())
    config = draw(configs_of(name, groups))
    source = draw(st.sampled_from([FILE, POLICY]))
    wanted = groups if source == FILE else draw(st.just(groups) | st.just([{"kind": "KIND_GPU"}]))
    status = draw(st.sampled_from(STATUSES)) if source == POLICY or draw(st.booleans()) else None
    waiver = draw(st.none() | st.just("no kernel"))
    error = {"rule": "syntax", "message": "broken", "file": None, "line": 1, "column": 2, "hint": ""}
    return OnDisk(
        "/m",
        name,
        draw(st.none() | st.just(f"/m/{name}/config.pbtxt")),
        config,
        config.get("backend", ""),
        config.get("platform", ""),
        draw(st.just([]) | st.just([]) | st.just([error])),
        tuple(draw(st.lists(st.integers(1, 3), max_size=2, unique=True))),
        draw(TIMES),
        Expected(source, wanted, status, "rule", waiver, "so it is", draw(st.booleans())),
        draw(st.booleans()),
        predict(config, name, host, ModelOnDisk()),
        draw(st.booleans()),
    )


@st.composite
def versions(draw: Draw, name: str, config: dict[str, Any] | None) -> SeenVersion:
    """A version in the index, which runs what the file says, or what nobody knows where from."""
    groups = [
        {"name": f"{name}_{index}", "kind": kind, "count": draw(st.integers(1, 2)), "gpus": [0] * (kind == "KIND_GPU")}
        for index, kind in enumerate(draw(st.lists(st.sampled_from(KINDS), max_size=2)))
    ]
    runs: Any = {**(config or {}), "instance_group": groups}
    if draw(st.integers(0, 4)) == 4:
        runs = draw(
            st.sampled_from(
                [None, {}, {"instance_group": [3, {"kind": None, "count": "x", "gpus": 1}]}, {"instance_group": 3}]
            )
        )
    rows = st.fixed_dictionaries({"type": st.sampled_from(["GPU", "CPU"]), "id": st.just(0), "byte_size": st.just(9)})
    return SeenVersion(
        draw(st.sampled_from(["1", "2", "3"])),
        draw(st.sampled_from(["READY", "READY", "READY", "UNAVAILABLE", "LOADING", "UNLOADING", None])),
        draw(REASONS),
        draw(st.none() | st.booleans()),
        runs,
        None if runs else "restricted",
        draw(UUIDS),
        draw(st.none() | st.lists(rows, max_size=2)),
    )


@st.composite
def logs(draw: Draw) -> PlacementLog:
    lines = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 1)), max_size=2)
    events = st.builds(LoadEvent, st.sampled_from(["", "1"]), st.booleans(), st.sampled_from(["", "broken"]), TIMES)
    instances = draw(st.dictionaries(st.sampled_from(["a_0_0", "a_0_1", "b_0_0", "e_0_0"]), lines))
    return PlacementLog(instances, draw(st.dictionaries(NAMES, st.lists(events, max_size=3))), draw(st.booleans()))


@st.composite
def situations(draw: Draw) -> tuple[list[OnDisk], ServerSeen]:
    count = draw(st.integers(0, 2))
    gpus = tuple(Gpu(number, "T4", f"GPU-{number}") for number in range(count))
    host = ServerView(gpus, why_no_gpu=None if gpus else Reason("no_gpu", "there is none"))
    models = [draw(models_on_disk(name, host)) for name in draw(st.lists(NAMES, max_size=4))]
    by_name = {model.name: dict(model.config) for model in models}
    known = {}
    for name in draw(st.lists(NAMES, max_size=4, unique=True)):
        found = draw(st.lists(versions(name, by_name.get(name)), max_size=2, unique_by=lambda version: version.version))
        known[name] = SeenModel(name, tuple(found))
    probe = st.builds(ProbeResult, st.sampled_from(["answered", "failed", "skipped"]), st.just("x"), UUIDS)
    server = ServerSeen(
        "http://localhost",
        "2.51.0",
        True,
        draw(st.booleans()),
        known,
        host,
        draw(TIMES),
        draw(st.sampled_from(["explicit", "poll", "none", None])),
        log=draw(st.none() | logs()),
        probes=draw(st.dictionaries(NAMES, probe, max_size=2)),
    )
    return models, server


def served(proof: Any) -> list[SeenVersion]:
    return [version for version in (proof.seen.versions if proof.seen else ()) if version.state == "READY"]


@given(situations())
def test_the_verdict_is_one_and_says_why(situation: tuple[list[OnDisk], ServerSeen]) -> None:
    proof = compare(*situation)
    for model in proof.models:
        assert (model.grade == "contradicted") == any(found.severity == "error" for found in model.problems)
        for found in model.problems:
            assert found.id in CAUSES
            assert found.text
            assert found.cure
            assert "  " not in found.text
        assert len({found.id + found.text for found in model.problems}) == len(model.problems)
    assert {model.name for model in situation[0]} <= {model.name for model in proof.models}


@given(situations())
def test_what_is_not_known_is_never_called_right(situation: tuple[list[OnDisk], ServerSeen]) -> None:
    for model in compare(*situation).models:
        if GRADES.index(model.grade) < GRADES.index("unproved"):
            assert model.on_disk is not None
            assert served(model), "it serves"
            wanted = [version for version in served(model) if int(version.version) in model.on_disk.versions]
            assert all(version.config is not None for version in wanted or served(model)), "it is known how"
        if model.grade == "proved" and not any(evidence.id in ("ensemble", "steps") for evidence in model.evidence):
            assert any(evidence.independent for evidence in model.evidence)
            assert model.on_disk is not None
            assert model.on_disk.backend not in ("python", "vllm")


@given(situations())
def test_the_result_counts_what_it_holds(situation: tuple[list[OnDisk], ServerSeen]) -> None:
    proof = compare(*situation)
    result = proof.as_result()
    assert json.loads(json.dumps(result)) == result
    counts = result["counts"]
    assert sum(counts[grade] for grade in GRADES) == counts["models"] == len(result["models"])
    assert result["contradicted"] == list(
        dict.fromkeys(m["name"] for m in result["models"] if m["grade"] == GRADES[-1])
    )
    assert set(result["critical_contradicted"]) <= set(result["contradicted"])
    assert sorted(result["pending"]) == sorted({m["name"] for m in result["models"] if m["pending"]})
    assert result["report"][0] == result["summary"]


@given(situations(), st.randoms(use_true_random=False))
def test_the_order_in_which_models_are_given_does_not_matter(
    situation: tuple[list[OnDisk], ServerSeen], random: Any
) -> None:
    models, server = situation
    models = list({model.name: model for model in models}.values())
    shuffled = random.sample(models, len(models))
    known = dict(random.sample(sorted(server.models.items()), len(server.models)))
    assert _without_server(compare(models, server)) == _without_server(compare(shuffled, server._replace(models=known)))


@given(st.lists(st.text(max_size=60), max_size=5))
def test_any_text_may_stand_in_a_log(lines: list[str]) -> None:
    header = "I1122 20:10:11.500000 77 model_lifecycle.cc:839] "
    for prefix in ("", header, header + "\"failed to load 'm' version 1: "):
        read_log([prefix + line for line in lines], 1.0e9)


def _without_server(proof: Proof) -> Any:
    return proof.models, proof.pending
