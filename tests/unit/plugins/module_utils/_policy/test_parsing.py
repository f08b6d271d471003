# SPDX-License-Identifier: GPL-3.0-or-later
"""The written policy: what it may hold, and every mistake in it with its place."""

from __future__ import annotations

import datetime
import sys

import pytest
from ansible_collections.inference.triton.plugins.module_utils._policy.gpu_selector import parse_selector
from ansible_collections.inference.triton.plugins.module_utils._policy.match import Match
from ansible_collections.inference.triton.plugins.module_utils._policy.parsing import PolicyError, parse_policy
from ansible_collections.inference.triton.plugins.module_utils._policy.rules import Rule
from ansible_collections.inference.triton.plugins.module_utils._policy.waivers import Waiver

GPU = [{"kind": "KIND_GPU"}]


def rule(**fields):
    return {"instance_group": GPU, **fields}


def parse(*rules):
    return parse_policy({"rules": list(rules)}).rules


def problems_of(policy):
    with pytest.raises(PolicyError) as raised:
        parse_policy(policy)
    assert str(raised.value) == "\n".join(raised.value.problems)
    return raised.value.problems


# What a policy may hold


def test_a_rule_needs_a_group_and_has_defaults_for_the_rest():
    (parsed,) = parse({"instance_group": [{"kind": "KIND_GPU"}]})
    assert parsed == Rule("rules[0]", Match(), ({"kind": "KIND_GPU"},), "explicit", "enforce", gpus=(None,))


def test_a_rule_with_everything():
    (parsed,) = parse(
        {
            "name": "tokenizers",
            "match": {
                "models": ["*_tokenizer"],
                "backends": ["python"],
                "platforms": ["*"],
                "repositories": ["/srv/*"],
                "query": "parameters.size",
                "spans_gpus": False,
            },
            "instance_group": [{"kind": "KIND_GPU", "count": 2, "gpus": {"memory_gb": 40}}, {"kind": "KIND_CPU"}],
            "level": "kind",
            "accepts": ["KIND_MODEL"],
            "config": {"max_batch_size": 8},
            "remove": ["dynamic_batching"],
            "lists": "replace",
            "mode": "audit",
        }
    )
    assert parsed == Rule(
        name="tokenizers",
        match=Match(("*_tokenizer",), ("python",), ("*",), ("/srv/*",), parsed.match.query, False),
        groups=({"kind": "KIND_GPU", "count": 2}, {"kind": "KIND_CPU"}),
        level="kind",
        mode="audit",
        gpus=(parse_selector({"memory_gb": 40}), None),
        accepts=("KIND_MODEL",),
        config={"max_batch_size": 8},
        remove=("dynamic_batching",),
        lists="replace",
    )
    assert parsed.match.query.text == "parameters.size"


def test_the_rules_keep_their_order():
    assert [parsed.name for parsed in parse(rule(name="b"), rule(name="a"), rule())] == ["b", "a", "rules[2]"]


@pytest.mark.parametrize(
    ("given", "groups"),
    [
        pytest.param(
            [{"kind": "KIND_GPU", "count": "2"}], ({"kind": "KIND_GPU", "count": 2},), id="number from a template"
        ),
        pytest.param([{"kind": 2}], ({"kind": "KIND_CPU"},), id="kind by number"),
        pytest.param(
            [{"kind": "KIND_CPU", "rate_limiter": {"resources": [{"name": "R", "global": "yes", "count": 1}]}}],
            ({"kind": "KIND_CPU", "rate_limiter": {"resources": [{"name": "R", "global": True, "count": 1}]}},),
            id="rate limiter",
        ),
        pytest.param(
            [{"kind": "KIND_GPU"}, {"kind": "KIND_CPU"}], ({"kind": "KIND_GPU"}, {"kind": "KIND_CPU"}), id="two"
        ),
    ],
)
def test_groups_are_in_tritons_terms(given, groups):
    assert parse(rule(instance_group=given))[0].groups == groups


def test_a_list_that_a_rule_leaves_empty_says_nothing():
    assert parse(rule(instance_group=[{"kind": "KIND_CPU", "gpus": []}]))[0].groups == ({"kind": "KIND_CPU"},)


# Mistakes

KINDS = "KIND_GPU, KIND_CPU, KIND_MODEL"

MISTAKES = [
    pytest.param(
        [],
        "policy: expected a mapping with rules, preset, mode, waivers, critical, found [].",
        id="list for the policy",
    ),
    pytest.param(
        None,
        "policy: expected a mapping with rules, preset, mode, waivers, critical, found None.",
        id="null for the policy",
    ),
    pytest.param({}, "rules: a policy needs at least one rule, or a preset.", id="nothing"),
    pytest.param({"rules": []}, "rules: a policy needs at least one rule, or a preset.", id="no rule"),
    pytest.param({"rules": None}, "rules: expected a list of rules, found None.", id="null for the rules"),
    pytest.param({"rules": "all"}, "rules: expected a list of rules, found 'all'.", id="string for the rules"),
    pytest.param({"rules": {"a": 1}}, "rules: expected a list of rules, found {'a': 1}.", id="mapping for the rules"),
    pytest.param(
        {"rules": [rule()], "rule": []},
        "rule: there is no such key. Did you mean 'rules'?",
        id="unknown key of the policy",
    ),
    pytest.param(
        {"rules": ["gpu"]},
        [
            "rules[0]: expected a mapping with name, match, instance_group, accepts, config, remove, lists, "
            "level, mode, found 'gpu'.",
            "rules[0].instance_group: a rule needs at least one group, for example [{kind: KIND_GPU}].",
        ],
        id="string for a rule",
    ),
    pytest.param(
        {"rules": [rule(), rule(levle="exact")]},
        "rules[1].levle: there is no such key. Did you mean 'level'?",
        id="unknown key of a rule",
    ),
    pytest.param({"rules": [rule(**{"1": 2})]}, "rules[0].1: there is no such key.", id="number for a key"),
    pytest.param(
        {"rules": [rule(level="strict")]},
        "rules[0].level: expected one of explicit, kind, exact, found 'strict'.",
        id="unknown level",
    ),
    pytest.param(
        {"rules": [rule(level="Exact")]},
        "rules[0].level: expected one of explicit, kind, exact, found 'Exact'. Did you mean 'exact'?",
        id="level in another letter case",
    ),
    pytest.param(
        {"rules": [rule(level=None)]},
        "rules[0].level: expected one of explicit, kind, exact, found None.",
        id="null for a level",
    ),
    pytest.param(
        {"rules": [rule(level=["kind"])]},
        "rules[0].level: expected one of explicit, kind, exact, found ['kind']. Did you mean 'kind'?",
        id="list for a level",
    ),
    pytest.param(
        {"rules": [rule(mode="enforced")]},
        "rules[0].mode: expected one of enforce, audit, found 'enforced'. Did you mean 'enforce'?",
        id="unknown mode",
    ),
    pytest.param(
        {"rules": [rule(match=["*"])]},
        "rules[0].match: expected a mapping with models, backends, platforms, repositories, query, spans_gpus, "
        "found ['*'].",
        id="list for a match",
    ),
    pytest.param(
        {"rules": [rule(match=None)]},
        "rules[0].match: expected a mapping with models, backends, platforms, repositories, query, spans_gpus, "
        "found None.",
        id="null for a match",
    ),
    pytest.param(
        {"rules": [rule(match={"model": ["*"]})]},
        "rules[0].match.model: there is no such key. Did you mean 'models'?",
        id="unknown selector",
    ),
    pytest.param(
        {"rules": [rule(match={"models": "resnet*"})]},
        "rules[0].match.models: expected a list of patterns, found 'resnet*'.",
        id="string for patterns",
    ),
    pytest.param(
        {"rules": [rule(match={"models": None})]},
        "rules[0].match.models: expected a list of patterns, found None.",
        id="null for patterns",
    ),
    pytest.param(
        {"rules": [rule(match={"backends": []})]},
        "rules[0].match.backends: an empty list would match nothing. Leave the selector out to match all.",
        id="empty list of patterns",
    ),
    pytest.param(
        {"rules": [rule(match={"platforms": ["a", 1]})]},
        "rules[0].match.platforms[1]: expected a pattern, found 1.",
        id="number for a pattern",
    ),
    pytest.param(
        {"rules": [{}]},
        "rules[0].instance_group: a rule needs at least one group, for example [{kind: KIND_GPU}].",
        id="no group",
    ),
    pytest.param(
        {"rules": [rule(instance_group=[])]},
        "rules[0].instance_group: a rule needs at least one group, for example [{kind: KIND_GPU}].",
        id="empty list of groups",
    ),
    pytest.param(
        {"rules": [rule(instance_group={"kind": "KIND_GPU"})]},
        "rules[0].instance_group: expected a list, since 'instance_group' is repeated, found 'dict'.",
        id="mapping for the groups",
    ),
    pytest.param(
        {"rules": [rule(instance_group=[{"kind": "GPU"}])]},
        "rules[0].instance_group[0].kind: expected one of KIND_AUTO, KIND_GPU, KIND_CPU, KIND_MODEL, found 'GPU'. "
        "Did you mean 'KIND_GPU'?",
        id="unknown kind",
    ),
    pytest.param(
        {"rules": [rule(instance_group=[{"kind": "KIND_GPU", "counts": 1}])]},
        "rules[0].instance_group[0].counts: ModelInstanceGroup has no such field. Did you mean 'count'?",
        id="unknown field of a group",
    ),
    pytest.param(
        {"rules": [rule(instance_group=[{"kind": "KIND_GPU"}, {"count": 1}])]},
        f"rules[0].instance_group[1].kind: a rule has to say which kind it wants: {KINDS}.",
        id="no kind",
    ),
    pytest.param(
        {"rules": [rule(instance_group=[{"kind": "KIND_AUTO"}])]},
        f"rules[0].instance_group[0].kind: a rule has to say which kind it wants: {KINDS}.",
        id="KIND_AUTO",
    ),
    pytest.param(
        {"rules": [rule(instance_group=[{"kind": 0}])]},
        f"rules[0].instance_group[0].kind: a rule has to say which kind it wants: {KINDS}.",
        id="kind 0",
    ),
    pytest.param(
        {"rules": [rule(instance_group=[{"kind": "KIND_CPU", "gpus": [0]}])]},
        "rules[0].instance_group[0].gpus: cannot stand beside KIND_CPU: Triton refuses it.",
        id="gpus of CPUs",
    ),
    pytest.param(
        {"rules": [rule(instance_group=[{"kind": "KIND_MODEL", "gpus": [0]}])]},
        "rules[0].instance_group[0].gpus: cannot stand beside KIND_MODEL: Triton refuses it.",
        id="gpus of KIND_MODEL",
    ),
    pytest.param(
        {"rules": [rule(name="a"), rule(name="b"), rule(name="a")]},
        "rules[2].name: 'a' is the name of rules[0] too.",
        id="name given twice",
    ),
]


@pytest.mark.parametrize(("policy", "problems"), MISTAKES)
def test_a_mistake_is_named_with_its_place(policy, problems):
    assert problems_of(policy) == ([problems] if isinstance(problems, str) else problems)


def test_a_profile_that_triton_cannot_read_is_a_mistake():
    (problem,) = problems_of({"rules": [rule(instance_group=[{"kind": "KIND_GPU", "profile": ["0", "fast"]}])]})
    assert problem.startswith("rules[0].instance_group[0].profile")


@pytest.mark.parametrize(
    ("group", "problem"),
    [
        ({"count": 0}, "count: expected at least 1, found 0."),
        ({"gpus": [0, -1]}, "gpus[1]: expected the number of a GPU, found -1."),
        ({"gpus": [1, 1]}, "gpus[1]: 1 is there twice."),
    ],
    ids=repr,
)
def test_a_group_that_makes_no_sense_is_a_mistake(group, problem):
    policy = {"rules": [rule(instance_group=[{"kind": "KIND_GPU", **group}])]}
    assert problems_of(policy) == [f"rules[0].instance_group[0].{problem}"]


def test_all_mistakes_are_reported_at_once():
    policy = {
        "rule": [],
        "rules": [
            rule(level="strict", mode="on", match={"models": [], "backend": ["python"]}),
            {"instance_group": [{"kind": "GPU", "gpu": 0}]},
            7,
        ],
    }
    assert [problem.partition(": ")[0] for problem in problems_of(policy)] == [
        "rule",
        "rules[0].match.backend",
        "rules[0].match.models",
        "rules[0].level",
        "rules[0].mode",
        "rules[1].instance_group[0].kind",
        "rules[1].instance_group[0].gpu",
        "rules[2]",
        "rules[2].instance_group",
    ]


# Mistakes in config and remove, in accepts, queries, devices, waivers and presets


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"accepts": ["KIND_MODEL"]}, "accepts: has a meaning at the level kind only, not at explicit."),
        (
            {"level": "kind", "accepts": ["KIND_AUTO"]},
            "accepts[0]: expected one of KIND_GPU, KIND_CPU, KIND_MODEL, found 'KIND_AUTO'. Did you mean 'KIND_GPU'?",
        ),
        ({"level": "kind", "accepts": "KIND_MODEL"}, "accepts: expected a list of kinds, found 'KIND_MODEL'."),
        ({"config": [1]}, "config: expected a mapping of ModelConfig's fields, found [1]."),
        ({"config": None}, "config: expected a mapping of ModelConfig's fields, found None."),
        (
            {"config": {"max_batchsize": 8}},
            "config.max_batchsize: ModelConfig has no such field. Did you mean 'max_batch_size'?",
        ),
        (
            {"config": {"max_batch_size": "eight"}},
            "config.max_batch_size: expected a whole number (int32), found 'eight'.",
        ),
        ({"config": {"instance_group": []}}, "config.instance_group: instance_group has a key of its own in the rule."),
        ({"config": {"name": "m"}}, "config.name: name is the model's own."),
        (
            {"config": {"parameters": {"a": "b"}}},
            "config.parameters.a: expected a mapping of ModelParameter's fields, found 'b'. "
            'Write {string_value: "b"}.',
        ),
        (
            {"config": {"dynamic_batching": None}},
            "config.dynamic_batching: null is not a value. To take a field away, name it in 'remove'.",
        ),
        (
            {"config": {"platform": "ensemble"}},
            "config: would make an ensemble of the model, which has no instance_group.",
        ),
        ({"remove": "dynamic_batching"}, "remove: expected a list of field paths, found 'dynamic_batching'."),
        ({"remove": [1]}, "remove[0]: expected a field path, found 1."),
        ({"remove": ["instance_group"]}, "remove[0]: instance_group has a key of its own in the rule."),
        ({"remove": ["instance_group[0].gpus"]}, "remove[0]: instance_group has a key of its own in the rule."),
        (
            {"remove": ["input[0]"]},
            "remove[0]: an index would take another element away at every run. Use lists: replace.",
        ),
        (
            {"remove": ["dynamic_batch"]},
            "remove[0]: dynamic_batch: ModelConfig has no field 'dynamic_batch'. Did you mean 'dynamic_batching'?",
        ),
        ({"remove": [""]}, "remove[0]: '' is not a field path. Write for example instance_group[0].gpus."),
        ({"lists": "append"}, "lists: expected one of merge, replace, found 'append'."),
        (
            {"match": {"query": 1}},
            "match.query: expected a JMESPath expression, found 1.",
        ),
        (
            {"match": {"query": "lenght(input)"}},
            "match.query: JMESPath has no function lenght(). Did you mean 'length'?",
        ),
        ({"match": {"spans_gpus": "yes"}}, "match.spans_gpus: expected true or false, found 'yes'."),
        (
            {"instance_group": [{"kind": "KIND_GPU", "gpus": {"memory": 40}}]},
            "instance_group[0].gpus.memory: there is no such key. Did you mean 'memory_gb'?",
        ),
        (
            {"instance_group": [{"kind": "KIND_CPU", "gpus": "all"}]},
            "instance_group[0].gpus: cannot stand beside KIND_CPU: Triton refuses it.",
        ),
    ],
    ids=repr,
)
def test_a_mistake_in_a_rule(fields, problem):
    assert problems_of({"rules": [rule(**fields)]}) == [f"rules[0].{problem}"]


@pytest.mark.parametrize(
    ("waiver", "problems"),
    [
        ({}, ["waivers[0].reason: a waiver needs a reason."]),
        ({"reason": "r"}, ["waivers[0]: say which models it is for, for example models: [legacy_ocr]."]),
        ({"models": ["m"]}, ["waivers[0].reason: a waiver needs a reason."]),
        ({"models": ["m"], "reason": "  "}, ["waivers[0].reason: a waiver needs a reason."]),
        ({"models": ["m"], "reason": 5}, ["waivers[0].reason: a waiver needs a reason."]),
        (
            {"models": ["m"], "reason": "r", "expires": "soon"},
            ["waivers[0].expires: expected a day as YYYY-MM-DD, found 'soon'."],
        ),
        (
            {"models": ["m"], "reason": "r", "expires": "2026-02-30"},
            ["waivers[0].expires: there is no day 2026-02-30: day is out of range for month."],
        ),
        (
            {"models": ["m"], "reason": "r", "expire": "2026-02-03"},
            ["waivers[0].expire: there is no such key. Did you mean 'expires'?"],
        ),
        ({"models": "m", "reason": "r"}, ["waivers[0].models: expected a list of patterns, found 'm'."]),
        (
            "legacy_ocr",
            [
                "waivers[0]: expected a mapping with models, backends, platforms, repositories, query, spans_gpus, "
                "reason, expires, found 'legacy_ocr'.",
                "waivers[0].reason: a waiver needs a reason.",
            ],
        ),
    ],
    ids=repr,
)
def test_a_mistake_in_a_waiver(waiver, problems):
    assert problems_of({"rules": [rule()], "waivers": [waiver]}) == problems


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        (
            {"preset": "strict-gpu"},
            "preset: expected one of strict_gpu, explicit_only, cpu_only, found 'strict-gpu'. "
            "Did you mean 'strict_gpu'?",
        ),
        ({"preset": None}, "preset: expected one of strict_gpu, explicit_only, cpu_only, found None."),
        ({"preset": ["strict_gpu"]}, None),
        ({"preset": "strict_gpu", "mode": "off"}, "mode: expected one of enforce, audit, found 'off'."),
        ({"preset": "strict_gpu", "waivers": None}, "waivers: expected a list of waivers, found None."),
    ],
    ids=repr,
)
def test_a_mistake_in_the_policy(policy, problem):
    problems = problems_of(policy)
    assert len(problems) == 1
    assert problem is None or problems == [problem]


def test_mistakes_of_every_part_are_reported_at_once():
    policy = {
        "preset": "gpu",
        "rules": [
            rule(match={"query": "a =="}, config={"foo": 1}, remove=["input[0]"], lists="add"),
            rule(instance_group=[{"kind": "KIND_GPU", "gpus": {"count": 0, "name": 3}}]),
        ],
        "waivers": [{"models": ["m"], "expires": "soon"}],
    }
    assert [problem.split(": ")[0] for problem in problems_of(policy)] == [
        "rules[0].match.query",
        "rules[0].config.foo",
        "rules[0].remove[0]",
        "rules[0].lists",
        "rules[1].instance_group[0].gpus.count",
        "rules[1].instance_group[0].gpus.name",
        "preset",
        "waivers[0].reason",
        "waivers[0].expires",
    ]


def test_a_host_without_jmespath_needs_it_only_for_a_query(monkeypatch):
    monkeypatch.setitem(sys.modules, "jmespath", None)
    assert parse_policy({"rules": [rule()], "preset": "strict_gpu"}).rules
    (problem,) = problems_of({"rules": [rule(match={"query": "max_batch_size"})]})
    assert problem.startswith("rules[0].match.query: this host has no jmespath, which a query needs. ")
    assert "apt install python3-jmespath" in problem


# What is no mistake


def test_whoever_names_devices_needs_the_gpus_of_the_host():
    assert not parse_policy({"rules": [rule()]}).names_gpus()
    assert parse_policy({"rules": [rule(), rule(instance_group=[{"kind": "KIND_GPU", "gpus": "all"}])]}).names_gpus()


def test_a_rule_without_a_mode_has_that_of_the_policy():
    policy = parse_policy({"mode": "audit", "rules": [rule(match={"models": ["a"]}), rule(mode="enforce")]})
    assert [parsed.mode for parsed in policy.rules] == ["audit", "enforce"]


@pytest.mark.parametrize(
    ("critical", "problems"),
    [
        ("ranker", ["critical: expected a list of selectors, found 'ranker'."]),
        (None, ["critical: expected a list of selectors, found None."]),
        (
            ["ranker"],
            [
                "critical[0]: expected a mapping with models, backends, platforms, repositories, query, spans_gpus, "
                "found 'ranker'."
            ],
        ),
        (
            [{}],
            [
                "critical[0]: say which models are meant, for example models: [ranker]. Where every model is critical, "
                "leave critical out."
            ],
        ),
        ([{"models": ["a"]}, {"model": ["b"]}], ["critical[1].model: there is no such key. Did you mean 'models'?"]),
        (
            [{"models": []}],
            ["critical[0].models: an empty list would match nothing. Leave the selector out to match all."],
        ),
        ([{"query": "a ="}], None),
    ],
)
def test_a_mistake_in_critical(critical, problems):
    found = problems_of({"rules": [rule()], "critical": critical})
    if problems is None:
        assert len(found) == 1
        assert found[0].startswith("critical[0].query: is no JMESPath expression: ")
    else:
        assert found == problems


def test_critical_models_are_given_as_in_match():
    given = [{"models": ["ranker", "search_*"]}, {"backends": ["tensorrt"]}]
    critical = parse_policy({"rules": [rule()], "critical": given}).critical
    assert critical == (Match(models=("ranker", "search_*")), Match(backends=("tensorrt",)))


def test_a_policy_need_not_say_what_is_critical():
    assert parse_policy({"rules": [rule()]}).critical is None


def test_a_policy_may_say_that_nothing_is_critical():
    assert parse_policy({"rules": [rule()], "critical": []}).critical == ()


def test_a_waiver_with_everything():
    day = datetime.date(2027, 3, 31)
    given = {"models": ["m"], "backends": ["python"], "reason": " no kernel ", "expires": day}
    (waiver,) = parse_policy({"rules": [rule()], "waivers": [given]}).waivers
    assert waiver == Waiver("waivers[0]", "no kernel", day, Match(models=("m",), backends=("python",)))


# What is hardly meant is a warning


def warnings_of(**policy):
    return list(parse_policy(policy).warnings)


def test_a_rule_behind_one_that_takes_its_models_is_a_warning():
    rules = [
        rule(name="a", match={"models": ["a*"]}),
        rule(name="b", match={"models": ["b*"]}),
        rule(name="ab", match={"models": ["ab"], "backends": ["python"]}),
        rule(name="all"),
        rule(name="rest", match={"backends": ["python"]}),
    ]
    assert warnings_of(rules=rules) == [
        "rules[2]: 'ab' never applies: 'a' before it takes its models. Put it before that one, or remove it.",
        "rules[4]: 'rest' never applies: 'all' before it takes its models. Put it before that one, or remove it.",
    ]


def test_a_preset_behind_a_rule_for_every_model_is_a_warning():
    assert warnings_of(rules=[rule()], preset="strict_gpu") == [
        "preset: strict_gpu never applies, since a rule before it takes every model. Give that rule a match, "
        "or remove the preset."
    ]
    assert warnings_of(rules=[rule(match={"backends": ["python"]})], preset="strict_gpu") == []


@pytest.mark.parametrize(("level", "warned"), [("explicit", True), ("kind", True), ("exact", False)])
def test_devices_that_most_models_never_get_are_a_warning(level, warned):
    groups = [{"kind": "KIND_GPU", "gpus": [0]}]
    warnings = parse_policy({"rules": [rule(name="r", instance_group=groups, level=level)]}).warnings
    assert [warning.partition(":")[0] for warning in warnings] == (["rules[0]"] if warned else [])
    assert all("Set level: exact" in warning for warning in warnings)


def test_a_query_with_a_bare_number_is_told_how_numbers_are_written():
    (problem,) = problems_of({"rules": [rule(match={"query": "max_batch_size > 10"})]})
    assert problem.endswith("Numbers stand in backticks: `10`.")
    (problem,) = problems_of({"rules": [rule(match={"query": "a[0].b == "})]})
    assert "backticks" not in problem
