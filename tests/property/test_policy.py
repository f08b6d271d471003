# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever the policy and the configuration: one write is enough, and it touches nothing else."""

from __future__ import annotations

import contextlib
import datetime

from ansible_collections.inference.triton.plugins.module_utils._model_config.backend import Backend, derive
from ansible_collections.inference.triton.plugins.module_utils._model_config.backend_kinds import ModelFacts
from ansible_collections.inference.triton.plugins.module_utils._model_config.change import parse
from ansible_collections.inference.triton.plugins.module_utils._policy.decision import STATUSES, Host, decide
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import Gpu, VisibleGpus
from ansible_collections.inference.triton.plugins.module_utils._policy.match import QueryError, Subject
from ansible_collections.inference.triton.plugins.module_utils._policy.parsing import PolicyError, _Parser, parse_policy
from ansible_collections.inference.triton.plugins.module_utils._textproto.document import Document
from ansible_collections.inference.triton.tests.property.edits import region
from ansible_collections.inference.triton.tests.property.policies import (
    models_of,
    patterns,
    policies,
    selectors,
    spoilt,
)
from ansible_collections.inference.triton.tests.property.wild_text import documents
from hypothesis import assume, given
from hypothesis import strategies as st

HOST = Host(datetime.date(2026, 7, 1), VisibleGpus((Gpu(0, memory_mib=81559), Gpu(1, memory_mib=16384))))


def subject_of(text: bytes) -> Subject:
    data = parse(text).data
    return Subject("/models", "ab", derive(data, "ab", ["model.onnx"]), ModelFacts(data), ["model.onnx"])


@given(st.data(), documents(google=False))
def test_one_write_is_enough_and_touches_only_what_the_rule_names(data, document):
    try:
        policy = parse_policy(data.draw(policies(document.data)))
    except PolicyError:
        assume(False)
    text = document.text.encode("utf-8", "surrogateescape")
    try:
        first = decide(policy, subject_of(text), parse(text), HOST)
        assert first.status in STATUSES
        assert first.reason
        if first.status != "changed" or first.change is None:
            return
        after = first.change.text
        second = decide(policy, subject_of(after), parse(after), HOST)
    except QueryError:
        return
    assert second.status != "changed"

    rule = first.rule
    assert rule is not None
    touched = {"instance_group", *rule.config, *(path.split(".")[0] for path in rule.remove)}
    old, new = Document.parse(text), Document.parse(after)
    moved = ["what is taken away and put back comes last"] if set(rule.config) & set(rule.remove) else []
    where = region(old, old.root, [*sorted(touched), *moved])
    assert new.text.startswith(old.text[: where.start])
    assert new.text.endswith(old.text[where.end :])
    for name in {field.name for field in old.root.fields} - touched:
        assert [old.source(field) for field in old.root.fields if field.name == name] == [
            new.source(field) for field in new.root.fields if field.name == name
        ]


@given(st.data(), documents(google=False))
def test_whatever_stands_in_a_policy_it_is_one_or_has_mistakes(data, document):
    policy = data.draw(policies(document.data).flatmap(spoilt))
    try:
        parsed = parse_policy(policy)
    except PolicyError:
        return
    text = document.text.encode("utf-8", "surrogateescape")
    with contextlib.suppress(QueryError):
        assert decide(parsed, subject_of(text), parse(text), HOST).status in STATUSES


def match_of(data):
    return _Parser().match(data, "match")


@given(st.data(), selectors(queries=False), selectors(queries=False))
def test_a_selector_that_takes_all_of_another_takes_all_of_it(data, wide, narrow):
    if not match_of(wide).takes_all_of(match_of(narrow)):
        return
    names = models_of(narrow.get("models", []) + wide.get("models", []))
    backend = data.draw(st.sampled_from(["python", "onnxruntime", "tensorrt", "vllm", "other", ""]))
    size = data.draw(st.sampled_from([None, 1, 2]))
    subject = Subject("/models", data.draw(names), Backend(backend, ""), ModelFacts({}, size))
    if match_of(narrow).fits(subject):
        assert match_of(wide).fits(subject)


@given(patterns, patterns, st.data())
def test_a_pattern_that_takes_all_of_another_takes_all_of_it(wide, narrow, data):
    first, second = match_of({"models": [wide]}), match_of({"models": [narrow]})
    if first.takes_all_of(second):
        name = data.draw(models_of([narrow]))
        subject = Subject("", name, Backend("", ""), ModelFacts({}))
        assert first.fits(subject) or not second.fits(subject)
