# SPDX-License-Identifier: GPL-3.0-or-later
"""What the policy makes of one model: a specification by example."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.inference.triton.plugins.filter.textproto import to_textproto
from ansible_collections.inference.triton.plugins.module_utils._model_config.backend import derive, is_ensemble
from ansible_collections.inference.triton.plugins.module_utils._model_config.backend_kinds import ModelFacts
from ansible_collections.inference.triton.plugins.module_utils._model_config.change import parse
from ansible_collections.inference.triton.plugins.module_utils._model_config.reading import read
from ansible_collections.inference.triton.plugins.module_utils._policy.decision import STATUSES, Host, decide
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import Gpu, VisibleGpus
from ansible_collections.inference.triton.plugins.module_utils._policy.match import Subject
from ansible_collections.inference.triton.plugins.module_utils._policy.parsing import parse_policy
from ansible_collections.inference.triton.plugins.module_utils._textproto.document import Document

GPU, CPU, MODEL = {"kind": "KIND_GPU"}, {"kind": "KIND_CPU"}, {"kind": "KIND_MODEL"}
LIMITER = {"resources": [{"name": "R", "count": 1}]}


HOST = Host(datetime.date(2026, 7, 1), VisibleGpus(tuple(map(Gpu, range(8)))))


def config_of(text):
    return read(Document.parse(text.encode())).data


def decision(text, *rules, model="m", backend="python", world_size=None, host=HOST, **policy):
    """What a policy makes of a text, of a backend that it need not name."""
    data = config_of(text)
    text = f'{text}\nbackend: "{backend}"' if not is_ensemble(data) and "backend" not in data else text
    parsed = parse(text.encode())
    subject = Subject("/models", model, derive(parsed.data, model, ()), ModelFacts(parsed.data, world_size))
    return decide(parse_policy({"rules": list(rules), **policy}), subject, parsed, host)


def rule(*groups, level="explicit", **fields):
    return {"instance_group": list(groups) or [GPU], "level": level, **fields}


def groups(text):
    return config_of(text).get("instance_group", [])


# An implicit group gets its kind, at every level


@pytest.mark.parametrize("level", ["explicit", "kind", "exact"])
@pytest.mark.parametrize(
    ("text", "after"),
    [
        pytest.param("", [GPU], id="absent"),
        pytest.param("instance_group [ ]", [GPU], id="empty list"),
        pytest.param("instance_group { }", [GPU], id="empty group"),
        pytest.param("instance_group { kind: KIND_AUTO }", [GPU], id="KIND_AUTO"),
        pytest.param("instance_group { kind: 0 }", [GPU], id="kind 0"),
        pytest.param("instance_group { count: 2 }", [{"count": 2, **GPU}], id="only a count"),
        pytest.param("instance_group { kind: KIND_AUTO gpus: [ 1 ] }", [{"gpus": [1], **GPU}], id="gpus"),
        pytest.param(
            'instance_group { name: "x" profile: "1" host_policy: "h" passive: true }',
            [{"name": "x", "profile": ["1"], "host_policy": "h", "passive": True, **GPU}],
            id="fields that the rule does not name",
        ),
        pytest.param(
            'instance_group { rate_limiter { resources { name: "R" count: 1 } } secondary_devices { device_id: 1 } }',
            [{"rate_limiter": LIMITER, "secondary_devices": [{"device_id": 1}], **GPU}],
            id="fields with messages",
        ),
    ],
)
def test_an_implicit_group_becomes_explicit_and_keeps_everything_else(text, after, level):
    decided = decision(text, rule(GPU, level=level), backend="tensorrt")
    assert (decided.status, decided.before, decided.after) == ("changed", groups(text), after)


def test_an_absent_group_is_written_with_everything_that_the_rule_says():
    wanted = [{"kind": "KIND_GPU", "count": 2, "gpus": [0]}, {"kind": "KIND_CPU", "rate_limiter": LIMITER}]
    assert decision("", rule(*wanted)).after == wanted


def test_the_rules_count_is_for_absent_groups_only():
    assert decision("instance_group { }", rule({"kind": "KIND_GPU", "count": 2})).after == [GPU]


def test_each_implicit_group_gets_the_kind_at_its_place_in_the_rule():
    text = "instance_group [ { }, { count: 2 }, { count: 3 }, { kind: KIND_MODEL } ]"
    assert decision(text, rule(GPU, CPU)).after == [GPU, {"count": 2, **CPU}, {"count": 3, **CPU}, MODEL]


@pytest.mark.parametrize(
    ("to", "kept"),
    [(CPU, {"count": 2}), (MODEL, {"count": 2}), (GPU, {"count": 2, "gpus": [0]})],
    ids=["CPU", "MODEL", "GPU"],
)
@pytest.mark.parametrize("level", ["explicit", "kind", "exact"])
def test_gpus_go_where_the_new_kind_has_none(level, to, kept):
    decided = decision("instance_group { count: 2 gpus: [ 0 ] }", rule(to, level=level))
    assert decided.after == [{**kept, **to}]
    assert ("gpus of group 0" in decided.reason) is (to is not GPU)


# Level explicit: what is explicit is left alone

EXPLICIT = [
    "instance_group { kind: KIND_GPU }",
    "instance_group { kind: 1 }",
    "instance_group { kind: KIND_CPU count: 4 }",
    "instance_group { kind: 2 }",
    "instance_group { kind: KIND_MODEL }",
    "instance_group [ { kind: KIND_GPU gpus: [ 0 ] }, { kind: KIND_CPU } ]",
]


@pytest.mark.parametrize("text", EXPLICIT)
def test_level_explicit_leaves_every_explicit_group_alone(text):
    decided = decision(text, rule(GPU))
    assert (decided.status, decided.before, decided.after) == ("compliant", groups(text), groups(text))


def test_level_explicit_treats_each_group_by_itself():
    text = "instance_group [ { kind: KIND_CPU count: 1 }, { count: 2 } ]"
    assert decision(text, rule(GPU)).after == [{"count": 1, **CPU}, {"count": 2, **GPU}]


# Level kind: every group has one of the rule's kinds


@pytest.mark.parametrize(
    ("text", "wanted", "after"),
    [
        pytest.param("instance_group { kind: KIND_CPU count: 3 }", [GPU], [{"count": 3, **GPU}], id="another kind"),
        pytest.param("instance_group { kind: 2 }", [GPU], [GPU], id="another kind by number"),
        pytest.param("instance_group { kind: KIND_GPU gpus: [ 0 ] }", [CPU], [CPU], id="gpus go with their kind"),
        pytest.param("instance_group [ { kind: KIND_GPU }, { kind: KIND_CPU } ]", [GPU], [GPU, GPU], id="one of two"),
        pytest.param("instance_group [ { kind: KIND_MODEL }, { } ]", [GPU, CPU], [GPU, CPU], id="by place"),
        pytest.param("instance_group { kind: KIND_MODEL }", [CPU, GPU], [CPU], id="the first of the rule's kinds"),
    ],
)
def test_level_kind_changes_a_kind_that_is_none_of_the_rules(text, wanted, after):
    decided = decision(text, rule(*wanted, level="kind"))
    assert (decided.status, decided.after) == ("changed", after)


@pytest.mark.parametrize(
    "text",
    [
        "instance_group { kind: KIND_GPU }",
        "instance_group { kind: 1 count: 7 gpus: [ 3 ] }",
        "instance_group [ { kind: KIND_CPU }, { kind: KIND_GPU } ]",
        "instance_group [ { kind: KIND_CPU }, { kind: KIND_CPU }, { kind: KIND_GPU } ]",
    ],
)
def test_level_kind_accepts_any_of_the_rules_kinds_at_any_place(text):
    assert decision(text, rule(GPU, CPU, level="kind")).status == "compliant"


# Level exact: the groups are the rule's


@pytest.mark.parametrize(
    ("text", "wanted", "after"),
    [
        pytest.param("instance_group { kind: KIND_CPU }", [GPU], [GPU], id="kind"),
        pytest.param(
            "instance_group { kind: KIND_GPU }", [{"count": 2, **GPU}], [{"count": 2, **GPU}], id="count added"
        ),
        pytest.param(
            "instance_group { kind: KIND_GPU count: 3 }",
            [{"count": 2, **GPU}],
            [{"count": 2, **GPU}],
            id="count changed",
        ),
        pytest.param(
            "instance_group { kind: KIND_GPU gpus: [ 0, 1 ] }",
            [{"gpus": [1], **GPU}],
            [{"gpus": [1], **GPU}],
            id="list",
        ),
        pytest.param("instance_group { kind: KIND_GPU }", [GPU, CPU], [GPU, CPU], id="group added"),
        pytest.param("instance_group [ { kind: KIND_GPU }, { kind: KIND_CPU } ]", [GPU], [GPU], id="group taken away"),
        pytest.param("instance_group [ { kind: KIND_CPU }, { kind: KIND_GPU } ]", [GPU, CPU], [GPU, CPU], id="order"),
        pytest.param(
            "instance_group { kind: KIND_GPU gpus: [ 0 ] count: 2 }", [CPU], [{"count": 2, **CPU}], id="gpus go"
        ),
    ],
)
def test_level_exact_makes_the_groups_the_rules(text, wanted, after):
    decided = decision(text, rule(*wanted, level="exact"))
    assert (decided.status, decided.after) == ("changed", after)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("instance_group { kind: 1 }", [GPU]),
        ("instance_group { kind: KIND_GPU count: 3 gpus: [ 0 ] }", [GPU]),
        ('instance_group { kind: KIND_CPU name: "x" host_policy: "h" }', [CPU]),
        ("instance_group { kind: KIND_GPU } instance_group { kind: KIND_CPU count: 1 }", [GPU, {"count": 1, **CPU}]),
    ],
)
def test_level_exact_keeps_what_the_rule_does_not_name(text, wanted):
    assert decision(text, rule(*wanted, level="exact")).status == "compliant"


# A second decision on what the first one wanted finds nothing to do


@pytest.mark.parametrize("level", ["explicit", "kind", "exact"])
@pytest.mark.parametrize("wanted", [[GPU], [CPU], [GPU, CPU], [{"count": 2, "gpus": [0], **GPU}]], ids=str)
@pytest.mark.parametrize(
    "before",
    [[], [{}], [{"count": 1}], [GPU, {}], [CPU, MODEL, {"gpus": [1]}], [{"gpus": [1], **GPU}]],
    ids=str,
)
def test_what_a_rule_wants_is_compliant_with_it(before, wanted, level):
    text = to_textproto({"instance_group": before})
    first = decision(text, rule(*wanted, level=level))
    second = decision(first.change.text.decode() if first.change else text, rule(*wanted, level=level))
    assert (second.status, second.after) == ("compliant", first.after)


# Modes


@pytest.mark.parametrize(("mode", "status"), [("enforce", "changed"), ("audit", "violation")])
def test_the_mode_tells_a_change_from_a_violation(mode, status):
    decided = decision("instance_group { }", rule(GPU, mode=mode))
    assert (decided.status, decided.before, decided.after) == (status, [{}], [GPU])


def test_a_compliant_model_is_compliant_in_audit_mode_too():
    assert decision("instance_group { kind: KIND_GPU }", rule(GPU, mode="audit")).status == "compliant"


# Which rule


def test_the_first_rule_that_matches_applies():
    rules = [
        rule(CPU, name="tokenizers", match={"models": ["*_tokenizer"]}),
        rule(GPU, name="python", match={"backends": ["python"]}),
        rule(MODEL, name="rest"),
    ]
    assert decision("", *rules, model="bert_tokenizer").rule.name == "tokenizers"
    assert decision("", *rules, model="bert").rule.name == "python"
    assert decision("", *rules, model="bert", backend="pytorch").rule.name == "rest"


def test_a_model_that_no_rule_matches_is_unmatched():
    decided = decision("instance_group { }", rule(GPU, match={"models": ["other"]}))
    assert (decided.status, decided.rule, decided.after) == ("unmatched", None, [{}])


# Ensembles


@pytest.mark.parametrize("text", ['platform: "ensemble"', "ensemble_scheduling { }"])
def test_an_ensemble_is_exempt(text):
    decided = decision(text, rule(GPU))
    assert (decided.status, decided.rule, decided.after) == ("exempt", None, [])


def test_an_ensemble_with_a_group_is_told_to_remove_it():
    decided = decision('platform: "ensemble" instance_group { }', rule(GPU))
    assert decided.status == "exempt"
    assert "Remove the field" in decided.reason


# What the backend cannot do is never wanted


@pytest.mark.parametrize(
    ("backend", "wanted", "text"),
    [
        ("openvino", GPU, ""),
        ("openvino", MODEL, ""),
        ("tensorrt", CPU, ""),
        ("tensorrt", MODEL, ""),
        ("tensorrt", GPU, 'parameters { key: "enable_multi_device" value { string_value: "true" } }'),
        ("tensorrtllm", GPU, ""),
        ("onnxruntime", MODEL, ""),
        ("python", {"profile": ["1"], **GPU}, ""),
        (
            "tensorflow",
            CPU,
            'optimization { execution_accelerators { gpu_execution_accelerator { name: "tensorrt" } } }',
        ),
    ],
)
def test_a_kind_that_the_backend_cannot_run_is_incompatible(backend, wanted, text):
    decided = decision(text, rule(wanted), backend=backend)
    assert (decided.status, decided.before, decided.after) == ("incompatible", [], [])
    assert decided.rule is not None
    assert decided.reason.startswith("the rule asks for ")


def test_one_refused_group_of_several_is_enough():
    assert decision("instance_group [ { }, { } ]", rule(CPU, GPU), backend="openvino").status == "incompatible"


def test_a_refused_kind_is_found_also_beside_a_group_that_has_it_already():
    text = "instance_group [ { }, { kind: KIND_GPU } ]"
    assert decision(text, rule(GPU), backend="openvino").status == "incompatible"


def test_a_group_that_the_rule_leaves_alone_is_not_asked_for():
    assert decision("instance_group { kind: KIND_CPU }", rule(GPU), backend="openvino").status == "compliant"


def test_audit_finds_what_is_incompatible_too():
    assert decision("", rule(GPU, mode="audit"), backend="openvino").status == "incompatible"


@pytest.mark.parametrize(
    ("text", "world_size", "status"),
    [
        ("", 1, "changed"),
        ("", None, "changed"),
        ("", 2, "incompatible"),
        ("instance_group { kind: KIND_MODEL }", 1, "changed"),
        ("instance_group { kind: KIND_MODEL }", None, "incompatible"),
        ("instance_group { kind: KIND_MODEL }", 4, "incompatible"),
    ],
)
def test_vllm_across_several_gpus_keeps_kind_model(text, world_size, status):
    assert decision(text, rule(GPU, level="kind"), backend="vllm", world_size=world_size).status == status


# What Triton would refuse is invalid, and not compliant


@pytest.mark.parametrize("number", [4, 9, -1])
def test_a_kind_that_triton_does_not_know_is_invalid(number):
    decided = decision(f"instance_group [ {{ }}, {{ kind: {number} }} ]", rule(GPU))
    assert decided.status == "invalid"
    assert f"kind: {number}" in decided.reason


@pytest.mark.parametrize("kind", ["KIND_CPU", "KIND_MODEL"])
def test_an_explicit_group_with_gpus_that_its_kind_has_not_is_invalid(kind):
    decided = decision(f"instance_group {{ kind: {kind} gpus: [ 0 ] }}", rule(GPU))
    assert decided.status == "invalid"
    assert "gpus" in decided.reason


def test_a_level_that_rewrites_the_group_repairs_it():
    decided = decision("instance_group { kind: KIND_CPU gpus: [ 0 ] }", rule(CPU, level="exact"))
    assert (decided.status, decided.after) == ("changed", [CPU])


# Every decision says why


@pytest.mark.parametrize(
    ("text", "wanted", "reason"),
    [
        ("", rule(GPU), "there is no instance_group, so the server chooses the device"),
        ("instance_group { }", rule(GPU), "group 0 is without a kind, so the server chooses the device"),
        (
            "instance_group [ { }, { kind: KIND_CPU }, { } ]",
            rule(GPU),
            "groups 0, 2 are without a kind, so the server chooses the device",
        ),
        (
            "instance_group { kind: KIND_CPU }",
            rule(GPU, level="kind"),
            "group 0 is KIND_CPU where the rule wants KIND_GPU",
        ),
        (
            "instance_group [ { kind: KIND_CPU }, { } ]",
            rule(GPU, level="kind"),
            "group 1 is without a kind, so the server chooses the device; "
            "group 0 is KIND_CPU where the rule wants KIND_GPU",
        ),
        (
            "instance_group { gpus: [ 0 ] }",
            rule(CPU),
            "group 0 is without a kind, so the server chooses the device; gpus of group 0 cannot stand beside KIND_CPU",
        ),
        (
            "instance_group [ { kind: KIND_GPU }, { kind: KIND_CPU } ]",
            rule(GPU, level="exact"),
            "2 groups where the rule wants 1",
        ),
        (
            "instance_group { kind: KIND_GPU }",
            rule({"count": 2, **GPU}, level="exact"),
            "group 0 is not as the rule wants it (count: 2)",
        ),
        (
            "instance_group { kind: KIND_CPU }",
            rule(GPU),
            "every group has an explicit kind, which is all that the level explicit asks for",
        ),
        ("instance_group { kind: KIND_GPU }", rule(GPU, level="kind"), "every group has one of the rule's kinds"),
        ("instance_group { kind: KIND_GPU }", rule(GPU, level="exact"), "the groups are the rule's"),
    ],
)
def test_the_reason(text, wanted, reason):
    assert decision(text, wanted).reason == reason


def test_the_statuses_are_those_of_the_documentation():
    assert set(STATUSES) == {
        "compliant",
        "changed",
        "violation",
        "waived",
        "exempt",
        "incompatible",
        "template",
        "invalid",
        "unmatched",
    }
