# SPDX-License-Identifier: GPL-3.0-or-later
"""Which models a rule is for, and when one rule leaves nothing for another."""

from __future__ import annotations

import sys

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config.backend import Backend
from ansible_collections.inference.triton.plugins.module_utils._model_config.backend_kinds import ModelFacts
from ansible_collections.inference.triton.plugins.module_utils._policy.match import (
    Match,
    QueryError,
    Subject,
    compile_query,
)

CONFIG = {
    "backend": "onnxruntime",
    "max_batch_size": 8,
    "parameters": {"size": {"string_value": "xl"}},
    "instance_group": [{"kind": "KIND_GPU", "count": 2}, {"count": 1}],
}
RESNET = Subject("/srv/models", "resnet50", Backend("onnxruntime", "onnxruntime_onnx"), ModelFacts(CONFIG))


def match(**selectors):
    query = selectors.pop("query", None)
    lists = {name: tuple(value) if isinstance(value, list) else value for name, value in selectors.items()}
    return Match(**lists, query=query and compile_query(query))


# Patterns


@pytest.mark.parametrize(
    ("selectors", "fits"),
    [
        pytest.param({}, True, id="no selector"),
        pytest.param({"models": ["resnet50"]}, True, id="name"),
        pytest.param({"models": ["resnet*"]}, True, id="star"),
        pytest.param({"models": ["resnet[0-9][0-9]"]}, True, id="class"),
        pytest.param({"models": ["resnet[!0-9]0"]}, False, id="negated class"),
        pytest.param({"models": ["resnet[50"]}, False, id="bracket that is not closed"),
        pytest.param({"models": ["resnet\\50"]}, False, id="a backslash is one"),
        pytest.param({"models": ["resnet?"]}, False, id="one character is not two"),
        pytest.param({"models": ["net"]}, False, id="part of the name"),
        pytest.param({"models": ["RESNET50"]}, False, id="letter case"),
        pytest.param({"models": ["bert", "resnet50"]}, True, id="one of several names"),
        pytest.param({"backends": ["onnx*"]}, True, id="backend"),
        pytest.param({"backends": ["python"]}, False, id="another backend"),
        pytest.param({"platforms": ["onnxruntime_onnx"]}, True, id="platform"),
        pytest.param({"platforms": ["tensorrt_plan"]}, False, id="another platform"),
        pytest.param({"repositories": ["/srv/models"]}, True, id="repository"),
        pytest.param({"repositories": ["/srv/*"]}, True, id="pattern of a repository"),
        pytest.param({"repositories": ["models"]}, False, id="last part of a repository"),
        pytest.param({"models": ["resnet*"], "backends": ["onnxruntime"]}, True, id="both"),
        pytest.param({"models": ["resnet*"], "backends": ["python"]}, False, id="only one of both"),
        pytest.param({"models": ["resnet*"], "query": "missing"}, False, id="only the pattern"),
    ],
)
def test_every_selector_that_is_given_has_to_fit(selectors, fits):
    assert match(**selectors).fits(RESNET) is fits


def test_a_model_without_a_known_backend_fits_no_name_of_a_backend():
    assert not match(backends=["python"]).fits(RESNET._replace(backend=Backend("", "")))


# One instance on several GPUs


@pytest.mark.parametrize(
    ("backend", "facts", "spans"),
    [
        ("vllm", ModelFacts({}, 2), True),
        ("vllm", ModelFacts({}, 1), False),
        ("vllm", ModelFacts({}), False),
        ("vllm", ModelFacts({"instance_group": [{"kind": "KIND_MODEL"}]}), True),
        ("tensorrt", ModelFacts({"parameters": {"enable_multi_device": {"string_value": "true"}}}), True),
        ("tensorrt", ModelFacts({}), False),
        ("python", ModelFacts({}, 2), False),
    ],
)
def test_models_with_one_instance_on_several_gpus(backend, facts, spans):
    subject = Subject("/srv/models", "m", Backend(backend, ""), facts)
    assert match(spans_gpus=True).fits(subject) is spans
    assert match(spans_gpus=False).fits(subject) is not spans


# Queries


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("parameters.size.string_value == 'xl'", True),
        ("parameters.size.string_value == 'xs'", False),
        ("parameters.missing.string_value == 'xl'", False),
        ("max_batch_size > `4`", True),
        ("max_batch_size > `8`", False),
        ("missing > `4`", False),
        ("instance_group[?count > `1`]", True),
        ("instance_group[?count > `2`]", False),
        ("instance_group[?!kind]", True),
        ("length(instance_group)", True),
        ("dynamic_batching", False),
        ("!dynamic_batching", True),
        ("`0`", True),
        ("`[]`", False),
        ("`false`", False),
        ("''", False),
    ],
)
def test_a_query_holds_where_its_answer_is_true_in_jmespath(query, holds):
    assert match(query=query).fits(RESNET) is holds


@pytest.mark.parametrize("query", ["contains(missing, 'x')", "length(max_batch_size)", "sum(instance_group)"])
def test_a_query_that_fails_on_a_model_says_why_and_what_to_do(query):
    with pytest.raises(QueryError) as raised:
        match(query=query).fits(RESNET)
    assert str(raised.value).startswith(f"{query!r} fails: ")
    assert str(raised.value).endswith("Have it test first that the field is there: field && function(field).")


def test_a_query_that_is_too_deep_for_a_model_says_so():
    with pytest.raises(QueryError, match="nested too deeply"):
        match(query="a" + " | a" * 5000).fits(RESNET)


def test_a_query_that_tests_first_does_not_fail():
    assert not match(query="missing && contains(missing, 'x')").fits(RESNET)


def test_the_patterns_are_tried_before_the_query():
    assert not match(models=["bert"], query="contains(missing, 'x')").fits(RESNET)


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("", "is no JMESPath expression: "),
        ("parameters.size ==", "is no JMESPath expression: "),
        ("parameters.size = 'xl'", "is no JMESPath expression: "),
        ("a[" + "9" * 5000 + "]", "is no JMESPath expression: "),
        ("lenght(input)", "JMESPath has no function lenght(). Did you mean 'length'?"),
        ("input[?lenght(name) > `1`]", "JMESPath has no function lenght(). Did you mean 'length'?"),
        ("(" * 5000 + "a" + ")" * 5000, "is nested too deeply for JMESPath. Write several rules instead."),
    ],
    ids=["empty", "half", "one equals sign", "long number", "function", "function inside", "deep"],
)
def test_a_query_that_is_none_is_found_before_any_model_is_read(query, problem):
    if "9999" in query and not hasattr(sys, "get_int_max_str_digits"):
        pytest.skip("this Python reads numbers of any length")
    with pytest.raises(QueryError) as raised:
        compile_query(query)
    assert str(raised.value).startswith(problem)


def test_a_host_without_jmespath_is_told_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "jmespath", None)
    with pytest.raises(QueryError, match="python3-jmespath"):
        compile_query("max_batch_size")


# When a selector leaves nothing for another


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ({}, {}),
        ({}, {"models": ["a"]}),
        ({}, {"query": "a"}),
        ({"models": ["*"]}, {}),
        ({"models": ["a*"]}, {"models": ["a*"]}),
        ({"models": ["a*"]}, {"models": ["ab", "a?", "a[bc]", "ab*"]}),
        ({"models": ["a*c"]}, {"models": ["a[!b]c"]}),
        ({"models": ["b", "a*"]}, {"models": ["a1", "b"]}),
        ({"models": ["a[bc]"]}, {"models": ["ab"]}),
        ({"models": ["a[bc]"]}, {"models": ["a[bc]"]}),
        ({"models": ["a*"]}, {"models": ["ab"], "backends": ["python"]}),
        ({"query": "a"}, {"query": "a", "models": ["a"]}),
        ({"spans_gpus": True}, {"spans_gpus": True}),
    ],
    ids=repr,
)
def test_a_selector_takes_all_of_another(wide, narrow):
    assert match(**wide).takes_all_of(match(**narrow))


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ({"models": ["a"]}, {}),
        ({"models": ["a"]}, {"models": ["a", "b"]}),
        ({"models": ["a"]}, {"backends": ["a"]}),
        ({"models": ["a?"]}, {"models": ["a*"]}),
        ({"models": ["*b*"]}, {"models": ["[bc]"]}),
        ({"models": ["*]"]}, {"models": ["a[b]"]}),
        ({"models": ["a[*]"]}, {"models": ["a*"]}),
        ({"query": "a"}, {}),
        ({"query": "a"}, {"query": "b"}),
        ({"spans_gpus": True}, {}),
        ({"spans_gpus": True}, {"spans_gpus": False}),
    ],
    ids=repr,
)
def test_a_selector_leaves_something_for_another(wide, narrow):
    assert not match(**wide).takes_all_of(match(**narrow))


# The same model with another configuration


def test_another_configuration_may_be_of_another_backend():
    subject = Subject("/srv", "m", Backend("onnxruntime", "onnxruntime_onnx"), ModelFacts({}, 2), ["model.onnx"])
    changed = subject.with_config({"backend": "openvino"})
    assert (changed.backend.backend, changed.facts) == ("openvino", ModelFacts({"backend": "openvino"}, 2))
    assert changed.with_config({}) == subject
