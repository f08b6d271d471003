# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a configuration is, there is a prediction for it, and it does not contradict itself."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.inference.triton.plugins.module_utils._model_config import schema
from ansible_collections.inference.triton.plugins.module_utils._placement.ensembles import Candidate, resolve
from ansible_collections.inference.triton.plugins.module_utils._placement.polling import ModelOnDisk
from ansible_collections.inference.triton.plugins.module_utils._placement.prediction import predict
from ansible_collections.inference.triton.plugins.module_utils._placement.server import ServerView, server_view
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import Gpu, VisibleGpus
from ansible_collections.inference.triton.tests.property.configs import messages, values
from hypothesis import given
from hypothesis import strategies as st

BACKENDS = ["", "python", "onnxruntime", "tensorrt", "openvino", "vllm", "tensorrtllm", "tensorflow", "pytorch", "own"]
NAMES = ["m", "m.own", "n", "a", ""]


@st.composite
def servers(draw: Any) -> ServerView:
    capabilities = draw(st.lists(st.none() | st.tuples(st.integers(3, 12), st.integers(0, 9)), max_size=4))
    gpus = tuple(Gpu(ordinal, "", "", None, capability) for ordinal, capability in enumerate(capabilities))
    driver = draw(st.sampled_from(["", "450.80.02", "535.1", "580.95.05", "none"]))
    view = server_view(
        VisibleGpus(gpus, draw(st.sampled_from([(), ("GPU 9 is lost",)])), driver),
        draw(st.sampled_from([None, "22.12", "24.10", "25.10", "31.01"])),
        draw(st.sampled_from([None, "6.0", "7.5", "10"])),
        draw(st.sampled_from([0, 0, 0, 35, 100, 802, 7])),
        draw(st.booleans()),
    )
    return view


@st.composite
def configs(draw: Any) -> dict[str, Any]:
    """Any ModelConfig, more often than not one that core takes up."""
    config = draw(messages(open_enums=True))
    if draw(st.booleans()):
        config = {name: config[name] for name in config if name in ("parameters", "optimization", "version_policy")}
        config["backend"] = draw(st.sampled_from(BACKENDS))
        groups = schema.MESSAGES[schema.ROOT]["instance_group"]
        config["instance_group"] = draw(values(groups, open_enums=True))
    return config


disks = st.builds(
    ModelOnDisk,
    has_config=st.booleans(),
    parses=st.booleans(),
    versions=st.sampled_from([(), ("1",), ("1", "3")]),
    files=st.sampled_from([(), ("model.py",), ("model.plan",)]),
    world_size=st.sampled_from([None, 1, 4]),
)


@given(configs(), st.sampled_from(NAMES), servers(), disks)
def test_every_configuration_has_a_prediction_that_does_not_contradict_itself(config, name, server, disk):
    prediction = predict(config, name, server, disk)
    result = prediction.as_result()
    json.dumps(result)
    assert (prediction.error == "") == prediction.loads == (prediction.stage == "")
    assert (result["cause"] is None) == (result["cure"] is None) == (not result["silent_cpu"])
    assert prediction.loads or (result["instances"] == 0 and not result["silent_cpu"])
    if prediction.loads:
        for group in prediction.groups:
            assert group.each >= 1
            assert group.kind in ("KIND_GPU", "KIND_CPU", "KIND_MODEL")
            assert bool(group.gpus) == (group.kind == "KIND_GPU")
            assert set(group.gpus) <= set(server.ordinals())
    if result["silent_cpu"]:
        assert not server.gpus


@given(configs(), servers(), disks)
def test_an_explicit_kind_is_never_changed(config, server, disk):
    prediction = predict(config, "m", server, disk)
    for written, group in zip(config.get("instance_group", ()), prediction.groups, strict=False):
        if written.get("kind", "KIND_AUTO") != "KIND_AUTO":
            assert group.kind == written["kind"]


@given(st.dictionaries(st.sampled_from(NAMES), configs(), min_size=1), servers(), disks)
def test_a_repository_has_a_prediction_for_each_model(models, server, disk):
    candidates = {name: Candidate(config, predict(config, name, server, disk)) for name, config in models.items()}
    resolved = resolve(candidates)
    assert list(resolved) == list(models)
    for name, prediction in resolved.items():
        if not candidates[name].prediction.loads:
            assert not prediction.loads
