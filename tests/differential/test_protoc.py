# SPDX-License-Identifier: GPL-3.0-or-later
"""Triton's own parser, as protoc 3.21 has it: it accepts what we accept, and understands the same."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import protoc
import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config import schema, second_opinion
from ansible_collections.inference.triton.plugins.module_utils._model_config.diagnosis import diagnose
from ansible_collections.inference.triton.tests.differential import test_corpus
from ansible_collections.inference.triton.tests.property.damages import damaged
from ansible_collections.inference.triton.tests.property.odd_text import odd_documents
from ansible_collections.inference.triton.tests.property.protobuf_messages import PROTOBUF, build, same
from ansible_collections.inference.triton.tests.property.test_broken_input import damaged as scrambled
from ansible_collections.inference.triton.tests.property.wild_text import documents
from google.protobuf import descriptor_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

FIXTURES = Path(__file__).parents[1] / "fixtures"
BATCH = 20

Disagreements = Callable[[Iterable[bytes]], list[str]]

# One process for each text: fewer examples, each of them a batch.
BATCHES = settings(max_examples=settings.default.max_examples // 12, report_multiple_bugs=False)
MORE_BATCHES = settings(BATCHES, max_examples=settings.default.max_examples // 4)


def batch_of(texts: st.SearchStrategy[bytes]) -> st.SearchStrategy[list[bytes]]:
    return st.lists(texts, min_size=BATCH, max_size=BATCH)


@pytest.fixture(scope="module")
def disagreements(tmp_path_factory: pytest.TempPathFactory) -> Disagreements:
    """What the two do not agree on in some texts, in words."""
    try:
        program = protoc.fetch()
    except protoc.ProtocError as error:
        pytest.fail(str(error))
    file = second_opinion.file_descriptor(descriptor_pb2)
    descriptors = tmp_path_factory.mktemp("protoc") / "model_config.pb"
    descriptors.write_bytes(descriptor_pb2.FileDescriptorSet(file=[file]).SerializeToString())
    encode = [f"--descriptor_set_in={descriptors}", f"--encode={second_opinion.PACKAGE}.{schema.ROOT}", file.name]
    pool = ThreadPoolExecutor(os.cpu_count())

    def compare(text: bytes) -> str:
        done = program.run(*encode, data=text)
        diagnosis = diagnose(text)
        if (done.returncode == 0) == bool(diagnosis.findings):
            return f"protoc: {done.stderr.decode(errors='replace') or 'accepted'}, we: {diagnosis.findings}\n{text!r}"
        if diagnosis.findings or b"non-UTF-8" in done.stderr or b"invalid UTF-8" in done.stderr:
            return ""
        message = PROTOBUF.message_class.FromString(done.stdout)
        return "" if same(message, build(diagnosis.data)) else f"protoc: {message}, we: {diagnosis.data}\n{text!r}"

    return lambda texts: [difference for difference in pool.map(compare, texts) if difference]


def test_the_fixtures(disagreements: Disagreements):
    assert disagreements(path.read_bytes() for path in FIXTURES.rglob("*.pbtxt")) == []


@BATCHES
@given(batch_of(documents(google=False, open_enums=True).map(lambda it: it.text.encode("utf-8", "surrogateescape"))))
def test_valid_documents(disagreements: Disagreements, texts: list[bytes]):
    assert disagreements(texts) == []


@MORE_BATCHES
@given(batch_of(odd_documents().map(lambda text: text.encode("utf-8", "surrogateescape"))))
def test_documents_at_the_edge_of_the_language(disagreements: Disagreements, texts: list[bytes]):
    assert disagreements(texts) == []


@BATCHES
@given(batch_of(scrambled() | damaged().map(lambda it: it.text.encode())))
def test_damaged_documents(disagreements: Disagreements, texts: list[bytes]):
    assert disagreements(texts) == []


@pytest.mark.skipif(not test_corpus.CORPUS.is_dir(), reason=test_corpus.pytestmark.kwargs["reason"])
def test_published_files(disagreements: Disagreements):
    texts = [data for _name, data in test_corpus.files()]
    texts += [test_corpus.text_of(case) for case in test_corpus.cases("inference.ModelConfig")]
    assert disagreements(texts) == []
