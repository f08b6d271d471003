# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a ModelConfig is and however it is written: every byte comes back, and it means what protobuf says."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.inference.triton.plugins.module_utils._model_config.reading import read
from ansible_collections.inference.triton.plugins.module_utils._model_config.writing import to_data, to_values
from ansible_collections.inference.triton.plugins.module_utils._textproto import writer
from ansible_collections.inference.triton.plugins.module_utils._textproto.document import Document
from ansible_collections.inference.triton.tests.property.configs import messages
from ansible_collections.inference.triton.tests.property.protobuf_messages import build, parse, same
from ansible_collections.inference.triton.tests.property.wild_text import documents
from hypothesis import given


def canonical(data: Any) -> str:
    return json.dumps(data, sort_keys=True)


@given(documents(google=False, open_enums=True))
def test_parsing_and_printing_gives_the_same_bytes(document):
    data = document.text.encode("utf-8", "surrogateescape")
    assert Document.parse(data).to_bytes() == data


@given(documents(google=False, open_enums=True))
def test_reading_gives_the_data_that_was_written(document):
    reading = read(Document(document.text))
    assert reading.findings == []
    assert canonical(reading.data) == canonical(document.data)


@given(documents(open_enums=True))
def test_protobuf_reads_the_same_message(document):
    assert same(parse(document.text), build(read(Document(document.text)).data))


@given(messages())
def test_data_survives_writing_and_reading(data):
    text = writer.document(to_values(data))
    reading = read(Document(text))
    assert reading.findings == []
    assert canonical(reading.data) == canonical(data) == canonical(to_data(to_values(data)))


@given(messages())
def test_protobuf_reads_what_is_written(data):
    assert same(parse(writer.document(to_values(data))), build(data))


@given(documents())
def test_a_read_document_can_be_written_anew(document):
    data = read(Document(document.text)).data
    assert same(parse(writer.document(to_values(data))), parse(document.text))
