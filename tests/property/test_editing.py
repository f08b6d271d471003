# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is edited, wherever: the new text means what was meant, and nothing but the edit has changed."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.inference.triton.plugins.module_utils._model_config.change import merge as change_merge
from ansible_collections.inference.triton.plugins.module_utils._model_config.change import parse as change_parse
from ansible_collections.inference.triton.plugins.module_utils._model_config.findings import ConfigError
from ansible_collections.inference.triton.plugins.module_utils._model_config.reading import read
from ansible_collections.inference.triton.plugins.module_utils._model_config.writing import to_values
from ansible_collections.inference.triton.plugins.module_utils._textproto.document import Document
from ansible_collections.inference.triton.plugins.module_utils._textproto.nodes import Scalar
from ansible_collections.inference.triton.tests.property import protobuf_messages as messages
from ansible_collections.inference.triton.tests.property.configs import changes
from ansible_collections.inference.triton.tests.property.edits import (
    Span,
    comments,
    holder,
    insertions,
    is_subsequence,
    region,
    removals,
    settings_of,
    written_removals,
)
from ansible_collections.inference.triton.tests.property.protobuf_messages import Path
from ansible_collections.inference.triton.tests.property.wild_text import documents
from hypothesis import given
from hypothesis import strategies as st

LISTS = st.sampled_from(["merge", "replace"])


def assert_only_touched(old: Document, new: Document, path: Path, names: Iterable[str]) -> None:
    """Only the fields ``names`` of the message at ``path`` differ, and the gaps between them and their neighbours."""
    names = list(names)
    message, after = old.find(path), new.find(path)
    touched = region(old, message, names)
    assert new.text.startswith(old.text[: touched.start])
    assert new.text.endswith(old.text[touched.end :])
    others = [old.source(field) for field in message.fields if field.name not in names]
    assert [new.source(field) for field in after.fields if field.name not in names] == others


def assert_comments_kept(old: Document, new: Document, removable: Iterable[Span] = ()) -> None:
    """No comment is gone, moved or new, but for those inside what the edit removes."""
    spans = list(removable)
    kept = [text for _, text in comments(new.text)]
    was = comments(old.text)
    assert kept == [text for _, text in was if text in kept]
    for place, text in was:
        if text not in kept:
            assert any(span.start <= place.start and place.end <= span.end for span in spans), f"lost: {text}"


def assert_means(new: Document, message: object) -> None:
    assert messages.same(messages.parse(new.text), message)
    assert read(new).findings == []


@given(st.data(), documents(), LISTS)
def test_merge(data, document, lists):
    config = data.draw(changes(document.data))
    values = to_values(config)
    old = Document(document.text)
    new = old.merge(values, lists)

    intended = messages.parse(document.text)
    messages.merge(intended, config, lists)
    assert_means(new, intended)
    assert new.merge(values, lists).text == new.text
    named = [field for field in old.root.fields if field.name in config]
    if lists == "merge":
        assert_comments_kept(old, new, _scalars(old))
    else:
        assert_comments_kept(old, new, named)
    if config:
        assert_only_touched(old, new, (), config)


@given(st.data(), documents())
def test_set(data, document):
    edit = data.draw(settings_of(document.data))
    old = Document(document.text)
    new = old.set(edit.path, edit.value)

    intended = messages.parse(document.text)
    messages.set_at(intended, edit.path, edit.data)
    assert_means(new, intended)
    assert new.set(edit.path, edit.value).text == new.text
    path, message, name = holder(old, edit.path)
    assert_only_touched(old, new, path, [name])
    assert_comments_kept(old, new, [field for field in message.fields if field.name == name])


@given(st.data(), documents())
def test_insert(data, document):
    edit = data.draw(insertions(document.data))
    above, _, name = holder(Document(document.text), edit.path[:-1])
    old = Document(document.text)
    if above != edit.path[:-2]:
        old = old.set(edit.path[:-2], {})
        above, _, name = holder(old, edit.path[:-1])
    new = old.insert(edit.path, edit.value)

    intended = messages.parse(old.text)
    messages.insert_at(intended, edit.path, edit.data)
    assert_means(new, intended)
    assert_only_touched(old, new, above, [name])
    assert_comments_kept(old, new)
    assert is_subsequence(old.text, new.text)


@given(st.data(), documents().filter(lambda document: document.data))
def test_remove(data, document):
    edit = data.draw(removals(document.data))
    old = Document(document.text)
    new = old.remove(edit.path)

    intended = messages.parse(document.text)
    messages.remove_at(intended, edit.path)
    assert_means(new, intended)
    path, message, name = holder(old, edit.path)
    assert_only_touched(old, new, path, [name])
    assert_comments_kept(old, new, [field for field in message.fields if field.name == name])
    assert is_subsequence(new.text, old.text)


@given(documents(), LISTS)
def test_what_is_there_already_changes_nothing(document, lists):
    values = to_values(document.data)
    old = Document(document.text)
    assert old.merge(values, lists).text == document.text
    for name, value in values.items():
        assert old.set((name,), value).text == document.text


@given(st.data(), documents().filter(lambda document: document.data))
def test_remove_what_people_name(data, document):
    written, path = data.draw(written_removals(document.data))
    new = change_merge(change_parse(document.text.encode()), {}, "merge", [written])

    intended = messages.parse(document.text)
    messages.remove_at(intended, path)
    assert_means(Document.parse(new.text), intended)


@given(st.data(), documents(google=False), LISTS)
def test_a_planned_change_is_what_was_asked_for(data, document, lists):
    config = data.draw(changes(document.data))
    parsed = change_parse(document.text.encode("utf-8", "surrogateescape"))
    try:
        change = change_merge(parsed, config, lists)
    except ConfigError as error:
        if "Triton refuses" not in str(error):  # gpus beside KIND_CPU, a group in an ensemble
            raise
        return
    assert change.text == parsed.document.merge(to_values(config), lists).to_bytes()
    again = change_merge(change_parse(change.text), config, lists)
    assert again.text == change.text


def _scalars(document: Document) -> list[Span]:
    """Every scalar; adjacent strings may hold comments, which go with them."""
    spans: list[Span] = []
    pending = [field.value for field in document.root.fields]
    while pending:
        node = pending.pop()
        if isinstance(node, Scalar):
            spans.append(Span(*node))
        elif hasattr(node, "elements"):
            pending += node.elements
        else:
            pending += [field.value for field in node.fields]
    return spans
