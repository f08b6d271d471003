# SPDX-License-Identifier: GPL-3.0-or-later
"""What the policy makes of one model: a specification by example."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config.backend import derive, is_ensemble
from ansible_collections.inference.triton.plugins.module_utils._model_config.backend_kinds import ModelFacts
from ansible_collections.inference.triton.plugins.module_utils._model_config.change import parse
from ansible_collections.inference.triton.plugins.module_utils._model_config.reading import read
from ansible_collections.inference.triton.plugins.module_utils._model_config.writing import to_values
from ansible_collections.inference.triton.plugins.module_utils._policy.decision import STATUSES, Host, decide
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import Gpu, VisibleGpus
from ansible_collections.inference.triton.plugins.module_utils._policy.match import QueryError, Subject
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
    text = Document.parse(b"").merge(to_values({"instance_group": before}), "merge").text
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


# Further fields of the configuration

ACCELERATOR = {"execution_accelerators": {"gpu_execution_accelerator": [{"name": "tensorrt"}]}}


def after_of(decided):
    return decided.change.after if decided.change else None


@pytest.mark.parametrize(
    ("text", "fields", "after"),
    [
        pytest.param("", {"config": {"max_batch_size": 8}}, {"max_batch_size": 8}, id="a field that is missing"),
        pytest.param(
            "max_batch_size: 4", {"config": {"max_batch_size": "8"}}, {"max_batch_size": 8}, id="another value"
        ),
        pytest.param("", {"config": {"optimization": ACCELERATOR}}, {"optimization": ACCELERATOR}, id="messages"),
        pytest.param(
            'parameters { key: "a" value { string_value: "1" } }',
            {"config": {"parameters": {"b": {"string_value": "2"}}}},
            {"parameters": {"a": {"string_value": "1"}, "b": {"string_value": "2"}}},
            id="a map by its keys",
        ),
        pytest.param(
            'input [ { name: "x" dims: [ 1, 2 ] } ]',
            {"config": {"input": [{"dims": [3]}]}},
            {"input": [{"name": "x", "dims": [3, 2]}]},
            id="a list by its places",
        ),
        pytest.param(
            'input [ { name: "x" dims: [ 1, 2 ] } ]',
            {"config": {"input": [{"name": "y"}]}, "lists": "replace"},
            {"input": [{"name": "y"}]},
            id="a list as a whole",
        ),
        pytest.param("dynamic_batching { }", {"remove": ["dynamic_batching"]}, {}, id="a field that is to go"),
        pytest.param(
            "version_policy { latest { num_versions: 2 } }",
            {"remove": ["version_policy.latest"], "config": {"version_policy": {"all": {}}}},
            {"version_policy": {"all": {}}},
            id="from one of two to the other",
        ),
        pytest.param(
            "version_policy { latest { num_versions: 2 } }",
            {"remove": ["version_policy"], "config": {"version_policy": {"all": {}}}},
            {"version_policy": {"all": {}}},
            id="a whole field for another",
        ),
    ],
)
def test_config_is_merged_in(text, fields, after):
    explicit = f"{text} instance_group {{ kind: KIND_GPU }}"
    decided = decision(explicit, rule(GPU, **fields))
    assert decided.status == "changed"
    assert after_of(decided) == {**after, "instance_group": [GPU], "backend": "python"}
    again = decision(decided.change.text.decode(), rule(GPU, **fields))
    assert (again.status, again.change) == ("compliant", None)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("", {"config": {}}),
        ("max_batch_size: 8", {"config": {"max_batch_size": 8}}),
        ("", {"remove": ["dynamic_batching"]}),
        ("version_policy { all { } } # all", {"remove": ["version_policy"], "config": {"version_policy": {"all": {}}}}),
        ("max_batch_size: 010 # eight", {"config": {"max_batch_size": 8}}),
    ],
    ids=["nothing", "there already", "gone already", "taken away and put back", "written otherwise"],
)
def test_config_that_the_file_has_already_changes_nothing(text, fields):
    decided = decision(f"{text}\ninstance_group {{ kind: KIND_GPU }}", rule(GPU, **fields))
    assert (decided.status, decided.change) == ("compliant", None)


def test_groups_and_config_are_one_change():
    decided = decision("max_batch_size: 4", rule(GPU, config={"max_batch_size": 8, "dynamic_batching": {}}))
    assert decided.change.changed_fields() == ["max_batch_size", "instance_group", "dynamic_batching"]
    assert decided.change.reload_impact == "full_reload"
    assert decided.reason == (
        "there is no instance_group, so the server chooses the device; "
        "max_batch_size, dynamic_batching are not as the rule's config wants"
    )


@pytest.mark.parametrize("level", ["explicit", "kind", "exact"])
def test_config_belongs_to_a_rule_of_every_level(level):
    text = "instance_group { kind: KIND_GPU }"
    decided = decision(text, rule(GPU, level=level, config={"max_batch_size": 8}))
    assert (decided.status, decided.after) == ("changed", [GPU])
    assert decided.reason == "max_batch_size is not as the rule's config wants"


def test_both_members_of_a_oneof_are_incompatible():
    text = "version_policy { latest { } } instance_group { kind: KIND_GPU }"
    decided = decision(text, rule(GPU, config={"version_policy": {"all": {}}}))
    assert (decided.status, decided.change) == ("incompatible", None)
    assert decided.reason.startswith("the rule's config cannot be merged: ")
    assert decided.reason.endswith("Name the one that has to go in 'remove'.")


def test_what_a_backend_takes_depends_on_the_config_that_is_merged_in():
    multi_device = {"parameters": {"enable_multi_device": {"string_value": "true"}}}
    assert decision("", rule(MODEL), backend="tensorrt").status == "incompatible"
    assert decision("", rule(MODEL, config=multi_device), backend="tensorrt").status == "changed"
    assert decision("", rule(GPU, config=multi_device), backend="tensorrt").status == "incompatible"
    assert decision("", rule(GPU, config={"backend": "openvino"}), backend="python").status == "incompatible"


# Rules that hand a model to each other


def test_a_rule_after_which_another_one_would_change_the_model_again_is_refused():
    to, fro = (
        rule(GPU, name="to", match={"query": "max_batch_size == `0`"}, config={"max_batch_size": 8}),
        rule(GPU, name="fro", config={"max_batch_size": 0}),
    )
    decided = decision("max_batch_size: 0", to, fro)
    assert (decided.status, decided.rule.name, decided.change) == ("incompatible", "to", None)
    assert decided.reason == (
        "the rule would make it a model for the rule 'fro', which would change it again at the next run. "
        "Have the match of 'to' select by something that neither of the two changes."
    )


def test_a_rule_may_make_a_model_one_for_another_rule_that_is_content_with_it():
    rules = [rule({"count": 2, **CPU}, match={"query": "!instance_group"}), rule(GPU, name="rest")]
    first = decision("", *rules)
    assert (first.status, first.rule.name) == ("changed", "rules[0]")
    second = decision(first.change.text.decode(), *rules)
    assert (second.status, second.rule.name) == ("compliant", "rest")


def test_the_query_that_fails_names_its_rule():
    with pytest.raises(QueryError, match=r"^the query of the rule 'sizes', "):
        decision("", rule(GPU, name="sizes", match={"query": "contains(missing, 'x')"}))


# GPUs that are chosen on the host

TWO = Host(
    datetime.date(2026, 7, 1),
    VisibleGpus((Gpu(0, "Tesla T4", "GPU-a", 15360, (7, 5)), Gpu(1, "H100", "GPU-b", 81559, (9, 0)))),
)


@pytest.mark.parametrize(
    ("gpus", "ordinals"),
    [
        ("all", [0, 1]),
        ([1], [1]),
        ({"memory_gb": 40}, [1]),
        ({"compute_capability": "7.0", "count": 1}, [0]),
        ({"name": "*h100*"}, [1]),
        ({"uuid": ["GPU-b"]}, [1]),
    ],
    ids=str,
)
@pytest.mark.parametrize("text", ["", "instance_group { kind: KIND_GPU gpus: [ 5 ] }"], ids=["absent", "other devices"])
def test_the_devices_that_a_rule_means(gpus, ordinals, text):
    decided = decision(text, rule({**GPU, "gpus": gpus}, level="exact"), host=TWO)
    assert (decided.status, decided.after) == ("changed", [{**GPU, "gpus": ordinals}])


def test_the_same_devices_in_another_order_are_compliant():
    text = "instance_group { kind: KIND_GPU gpus: [ 1, 0 ] }"
    assert decision(text, rule({**GPU, "gpus": "all"}, level="exact"), host=TWO).status == "compliant"


@pytest.mark.parametrize("mode", ["enforce", "audit"])
def test_devices_that_the_host_does_not_have_are_a_violation_that_says_what_it_has(mode):
    decided = decision("", rule({**GPU, "gpus": {"memory_gb": 200}}, mode=mode), host=TWO)
    assert (decided.status, decided.change, decided.after) == ("violation", None, [])
    assert decided.reason == (
        "no GPU with memory_gb: 200 here; the server sees 0: Tesla T4 (15360 MiB, compute capability 7.5, GPU-a), "
        "1: H100 (81559 MiB, compute capability 9.0, GPU-b)"
    )


@pytest.mark.parametrize("level", ["explicit", "kind"])
@pytest.mark.parametrize("text", ["instance_group { }", "instance_group { kind: KIND_GPU gpus: [ 0 ] }"])
def test_devices_do_not_matter_where_a_group_keeps_its_own(level, text):
    decided = decision(text, rule({**GPU, "gpus": {"memory_gb": 200}}, level=level), host=TWO)
    assert decided.status in ("changed", "compliant")
    assert decided.after[0].get("gpus") == groups(text)[0].get("gpus")


# Further kinds that may stay


def test_level_kind_leaves_the_kinds_alone_that_it_accepts():
    accepting = rule(GPU, level="kind", accepts=["KIND_MODEL"])
    assert decision("instance_group { kind: KIND_MODEL }", accepting).status == "compliant"
    assert decision("instance_group { kind: KIND_CPU }", accepting).after == [GPU]
    assert decision("instance_group { }", accepting).after == [GPU]


# Waivers

WAIVER = {"models": ["m"], "reason": "no kernel"}
EXPIRED = {**WAIVER, "expires": "2026-06-30"}
COMMENT = "# triton-policy: waive reason=there\n"
OLD_COMMENT = "# triton-policy: waive reason=there expires=2026-06-30\n"
BROKEN_COMMENT = "# triton-policy: waive\n"


@pytest.mark.parametrize(
    ("text", "waivers", "status", "reason"),
    [
        ("", [], "changed", "there is no"),
        ("", [WAIVER], "waived", "waived (waivers[0]): no kernel"),
        ("", [{**WAIVER, "expires": "2026-07-01"}], "waived", "waived until 2026-07-01 (waivers[0]): no kernel"),
        ("", [{**WAIVER, "models": ["other"]}], "changed", "there is no"),
        ("", [EXPIRED], "violation", "the waiver (waivers[0]: no kernel) expired on 2026-06-30; there is no"),
        ("", [EXPIRED, WAIVER], "waived", "waived (waivers[1]): no kernel"),
        (COMMENT, [], "waived", "waived (line 1): there"),
        (OLD_COMMENT, [], "violation", "the waiver (line 1: there) expired on 2026-06-30; there is no"),
        (OLD_COMMENT + COMMENT, [], "waived", "waived (line 2): there"),
        (COMMENT, [WAIVER], "waived", "waived (waivers[0]): no kernel"),
        (COMMENT, [EXPIRED], "waived", "waived (line 1): there"),
        (OLD_COMMENT, [WAIVER], "waived", "waived (waivers[0]): no kernel"),
        (OLD_COMMENT, [EXPIRED], "violation", "the waiver (waivers[0]: no kernel) expired"),
        (BROKEN_COMMENT, [], "violation", "line 1: a waiver needs a reason, so the waiver does not count; there is no"),
        (BROKEN_COMMENT, [EXPIRED], "violation", "line 1: a waiver needs a reason"),
        (BROKEN_COMMENT, [WAIVER], "waived", "waived (waivers[0]): no kernel"),
        (BROKEN_COMMENT + COMMENT, [], "waived", "waived (line 2): there"),
    ],
)
@pytest.mark.parametrize("mode", ["enforce", "audit"])
def test_a_waiver_speaks_for_a_model(text, waivers, status, reason, mode):
    decided = decision(text, rule(GPU, mode=mode), waivers=waivers)
    assert decided.status == ("violation" if (status, mode) == ("changed", "audit") else status)
    assert decided.reason.startswith(reason)
    assert bool(decided.findings) is (BROKEN_COMMENT in text)


@pytest.mark.parametrize("level", ["explicit", "kind", "exact"])
@pytest.mark.parametrize("text", ["", "instance_group { count: 1 }", "instance_group { kind: KIND_CPU count: 1 }"])
def test_a_model_that_is_as_the_policy_wants_needs_no_waiver(level, text):
    wanted = rule({**GPU, "count": 2}, level=level)
    without, waived = decision(text, wanted), decision(text, wanted, waivers=[WAIVER])
    assert (waived.status, waived.waiver is None) == (
        ("compliant", True) if without.status == "compliant" else ("waived", False)
    )
    assert (waived.before, waived.after) == (without.before, without.after)


def test_what_is_incompatible_can_be_waived():
    assert decision("", rule(GPU), backend="openvino", waivers=[WAIVER]).status == "waived"
    assert decision("", rule(GPU), backend="openvino", waivers=[EXPIRED]).status == "violation"


def test_what_triton_would_refuse_cannot_be_waived():
    text = "instance_group { kind: KIND_CPU gpus: [ 0 ] }"
    assert decision(text, rule(GPU), waivers=[WAIVER]).status == "invalid"


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


def test_the_reason_tells_a_kind_that_is_auto_from_one_that_is_not_there():
    reason = decision("instance_group [ { kind: KIND_AUTO }, { }, { kind: 0 } ]", rule(GPU)).reason
    chooses = "so the server chooses the device"
    assert reason == f"group 1 is without a kind, {chooses}; groups 0, 2 are KIND_AUTO, {chooses}"
