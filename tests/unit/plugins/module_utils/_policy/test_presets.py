# SPDX-License-Identifier: GPL-3.0-or-later
"""The policies that come with the collection: what each makes of each backend, whatever stands in the file."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config.backend import derive
from ansible_collections.inference.triton.plugins.module_utils._model_config.backend_kinds import ModelFacts, refusal
from ansible_collections.inference.triton.plugins.module_utils._model_config.change import parse
from ansible_collections.inference.triton.plugins.module_utils._policy.decision import Host, decide
from ansible_collections.inference.triton.plugins.module_utils._policy.match import Subject
from ansible_collections.inference.triton.plugins.module_utils._policy.parsing import parse_policy
from ansible_collections.inference.triton.plugins.module_utils._policy.presets import PRESETS

HOST = Host(datetime.date(2026, 7, 1))
GPU, CPU, MODEL = "KIND_GPU", "KIND_CPU", "KIND_MODEL"
STATES = {
    "no group": "",
    "implicit": "instance_group { count: 2 }",
    "implicit with gpus": "instance_group { gpus: [ 0 ] }",
    "KIND_AUTO": "instance_group { kind: KIND_AUTO }",
    GPU: "instance_group { kind: KIND_GPU }",
    "KIND_GPU with gpus": "instance_group { kind: KIND_GPU gpus: [ 1 ] }",
    CPU: "instance_group { kind: KIND_CPU }",
    MODEL: "instance_group { kind: KIND_MODEL }",
}
MULTI_DEVICE = 'parameters { key: "enable_multi_device" value { string_value: "true" } }'


class Model:
    """A kind of model: its backend, more of its configuration, and the GPUs that its model.json asks for."""

    def __init__(self, backend, more="", world_size=None):
        self.text = (f'backend: "{backend}" ' if backend else "") + more
        self.world_size = world_size

    def subject(self, text):
        data = parse(text.encode()).data
        return Subject("/models", "m", derive(data, "m", ()), ModelFacts(data, self.world_size))


MODELS = {
    "tensorrt": Model("tensorrt"),
    "tensorrt on several GPUs": Model("tensorrt", MULTI_DEVICE),
    "onnxruntime": Model("onnxruntime"),
    "pytorch": Model("pytorch"),
    "tensorflow": Model("tensorflow"),
    "openvino": Model("openvino"),
    "tensorrtllm": Model("tensorrtllm"),
    "vllm": Model("vllm"),
    "vllm on one GPU": Model("vllm", world_size=1),
    "vllm on several GPUs": Model("vllm", world_size=4),
    "fil": Model("fil"),
    "python": Model("python"),
    "dali": Model("dali"),
    "a backend of one's own": Model("resize"),
    "no backend that anybody can tell": Model(""),
}


def kinds(data):
    return [group.get("kind", "KIND_AUTO") for group in data.get("instance_group", [])]


def decision(preset, model, state):
    text = f"{model.text} {STATES[state]}"
    return decide(parse_policy({"preset": preset}), model.subject(text), parse(text.encode()), HOST)


def expected_kinds(names):
    """Rows of a table: for each model, the kind that comes of no group and of each explicit kind."""
    rows = [row.split("|") for row in names.strip().split("\n")]
    return [pytest.param(name.strip(), found.split(), id=name.strip()) for name, found in rows]


@pytest.mark.parametrize(
    ("name", "found"),
    # no group, KIND_GPU, KIND_CPU, KIND_MODEL
    expected_kinds(
        """
        tensorrt                         | KIND_GPU   KIND_GPU   KIND_GPU   KIND_GPU
        tensorrt on several GPUs         | KIND_MODEL KIND_MODEL KIND_MODEL KIND_MODEL
        onnxruntime                      | KIND_GPU   KIND_GPU   KIND_GPU   KIND_GPU
        pytorch                          | KIND_GPU   KIND_GPU   KIND_GPU   KIND_MODEL
        tensorflow                       | KIND_GPU   KIND_GPU   KIND_GPU   KIND_MODEL
        openvino                         | KIND_CPU   KIND_CPU   KIND_CPU   KIND_CPU
        tensorrtllm                      | KIND_CPU   KIND_CPU   KIND_CPU   KIND_CPU
        vllm                             | KIND_GPU   KIND_GPU   KIND_GPU   KIND_MODEL
        vllm on one GPU                  | KIND_GPU   KIND_GPU   KIND_GPU   KIND_MODEL
        vllm on several GPUs             | KIND_MODEL KIND_MODEL KIND_MODEL KIND_MODEL
        fil                              | KIND_GPU   KIND_GPU   KIND_GPU   KIND_MODEL
        python                           | KIND_GPU   KIND_GPU   KIND_CPU   KIND_MODEL
        dali                             | KIND_GPU   KIND_GPU   KIND_CPU   KIND_MODEL
        a backend of one's own           | KIND_GPU   KIND_GPU   KIND_CPU   KIND_MODEL
        no backend that anybody can tell | KIND_GPU   KIND_GPU   KIND_CPU   KIND_MODEL
        """
    ),
)
def test_strict_gpu_has_every_model_on_the_gpu_whose_backend_can(name, found):
    after = [
        kinds({"instance_group": decision("strict_gpu", MODELS[name], state).after})
        for state in ("no group", GPU, CPU, MODEL)
    ]
    assert after == [[kind] for kind in found]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("state", STATES)
def test_explicit_only_gives_an_implicit_group_the_kind_of_strict_gpu_and_leaves_explicit_ones_alone(name, state):
    model = MODELS[name]
    decided = decision("explicit_only", model, state)
    if state.startswith("KIND_") and state != "KIND_AUTO":
        assert (decided.change, decided.after) == (None, decided.before)
    else:
        assert decided.status == "changed"
        assert decided.after == decision("strict_gpu", model, state).after


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("state", STATES)
def test_cpu_only_has_every_model_on_the_cpu_whose_backend_can(name, state):
    decided = decision("cpu_only", MODELS[name], state)
    if name.startswith("tensorrt") and name != "tensorrtllm":
        assert (decided.status, decided.change) == ("incompatible", None)
        assert "supports only GPU devices" in decided.reason
    else:
        assert kinds({"instance_group": decided.after}) == [CPU]


@pytest.mark.parametrize("preset", ["strict_gpu", "explicit_only"])
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("state", STATES)
def test_nothing_that_the_backend_cannot_run_comes_of_it(preset, name, state):
    model = MODELS[name]
    decided = decision(preset, model, state)
    if decided.change is None:
        return
    assert decided.status == "changed"
    subject = model.subject(decided.change.text.decode())
    for group in decided.after:
        assert refusal(subject.backend.backend, group, subject.facts) is None


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("state", STATES)
def test_strict_gpu_is_never_incompatible(name, state):
    assert decision("strict_gpu", MODELS[name], state).status in ("changed", "compliant")


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("state", STATES)
def test_a_second_run_of_a_preset_changes_nothing(preset, name, state):
    model = MODELS[name]
    first = decision(preset, model, state)
    if first.change is not None:
        text = first.change.text
        second = decide(parse_policy({"preset": preset}), model.subject(text.decode()), parse(text), HOST)
        assert (second.status, second.change) == ("compliant", None)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_leaves_no_model_without_a_rule(preset):
    assert all(decision(preset, model, "no group").rule is not None for model in MODELS.values())


@pytest.mark.parametrize("preset", PRESETS)
def test_no_rule_of_a_preset_is_out_of_reach(preset):
    assert parse_policy({"rules": PRESETS[preset]}).warnings == ()


def test_the_rules_of_the_user_come_first():
    own = {"name": "mine", "match": {"backends": ["openvino"]}, "instance_group": [{"kind": CPU, "count": 3}]}
    policy = parse_policy({"rules": [own], "preset": "strict_gpu"})
    assert [rule.name for rule in policy.rules][:2] == [
        "mine",
        "strict_gpu: TensorRT-LLM takes its GPUs from gpu_device_ids, under KIND_CPU",
    ]


def test_the_mode_of_the_policy_is_that_of_the_preset_too():
    assert {rule.mode for rule in parse_policy({"preset": "strict_gpu", "mode": "audit"}).rules} == {"audit"}
