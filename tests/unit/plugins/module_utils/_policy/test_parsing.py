# SPDX-License-Identifier: GPL-3.0-or-later
"""The written policy: what it may hold, and every mistake in it with its place."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._policy.gpu_selector import parse_selector
from ansible_collections.inference.triton.plugins.module_utils._policy.match import Match
from ansible_collections.inference.triton.plugins.module_utils._policy.parsing import PolicyError, parse_policy
from ansible_collections.inference.triton.plugins.module_utils._policy.rules import Rule

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
        [], "policy: expected a mapping with rules, preset, mode, waivers, found [].", id="list for the policy"
    ),
    pytest.param(
        None, "policy: expected a mapping with rules, preset, mode, waivers, found None.", id="null for the policy"
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
