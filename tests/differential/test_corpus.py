# SPDX-License-Identifier: GPL-3.0-or-later
"""Published configurations, where a folder of them lies beside the clone, held against Google's protobuf."""

from __future__ import annotations

import base64
import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config.reading import read
from ansible_collections.inference.triton.plugins.module_utils._textproto.document import Document
from ansible_collections.inference.triton.plugins.module_utils._textproto.errors import TextProtoError
from ansible_collections.inference.triton.plugins.module_utils._textproto.values import Identifier
from ansible_collections.inference.triton.tests.property.protobuf_messages import accepts, build, parse, same
from google.protobuf import json_format

CORPUS = Path(__file__).parents[2].resolve().parent / "shared" / "corpus"

pytestmark = pytest.mark.skipif(
    not CORPUS.is_dir(), reason="no shared/corpus beside the clone: published files that are no part of this project"
)

POLICY = [{"kind": Identifier("KIND_GPU", 1), "count": 3}]
_STRING_OR_COMMENT = re.compile(rb""""(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|(#[^\r\n]*)""")


def files(*kinds: str) -> Iterator[tuple[str, bytes]]:
    """The corpus's files of these kinds (all of them without one), with their names."""
    with (CORPUS / "MANIFEST.tsv").open(encoding="utf-8", newline="") as manifest:
        for row in csv.DictReader(manifest, delimiter="\t"):
            path = CORPUS / "files" / row["repo"] / row["path"]
            if (not kinds or row["kind"] in kinds) and path.is_file():
                yield f"{row['repo']}/{row['path']}", path.read_bytes()


def cases(*types: str) -> list[dict[str, Any]]:
    """The conformance cases for these message types (all of them without one)."""
    with (CORPUS / "conformance.jsonl").open(encoding="utf-8") as lines:
        found = [json.loads(line) for line in lines]
    return [case for case in found if not types or case["type"] in types]


def text_of(case: dict[str, Any]) -> bytes:
    return base64.b64decode(case["text"]) if case["enc"] == "base64" else case["text"].encode()


def comments(data: bytes) -> list[bytes]:
    return [match.group(1) for match in _STRING_OR_COMMENT.finditer(data) if match.group(1)]


def parsed(data: bytes) -> Document | None:
    try:
        return Document.parse(data)
    except TextProtoError:
        return None


def understood(data: bytes) -> bool:
    document = parsed(data)
    return document is not None and not read(document).findings


def test_the_corpus_is_there():
    assert sum(1 for _ in files()) > 500
    assert len(cases()) > 200


def test_every_byte_of_every_file_that_parses_comes_back():
    documents = {name: (parsed(data), data) for name, data in files()}
    wrong = [name for name, (document, data) in documents.items() if document and document.to_bytes() != data]
    assert wrong == []
    assert sum(document is not None for document, _ in documents.values()) > 500


def test_a_configuration_is_accepted_where_protobuf_accepts_it_and_nowhere_else():
    wrong = [name for name, data in files() if understood(data) != accepts(data)]
    assert wrong == []


def test_every_configuration_means_what_protobuf_says():
    wrong = [name for name, data in files("triton") if not same(build(read(Document.parse(data)).data), parse(data))]
    assert wrong == []


def test_setting_the_instance_group_changes_that_alone_and_keeps_every_comment():
    wrong = []
    for name, data in files("triton"):
        document = Document.parse(data)
        new = document.set(("instance_group",), POLICY)
        intended = parse(data)
        intended.ClearField("instance_group")
        intended.instance_group.add(kind="KIND_GPU", count=3)
        inside = [comment for field in groups(document) for comment in comments(document.source(field).encode())]
        kept = comments(new.to_bytes())
        lost = [comment for comment in comments(data) if comment not in kept and comment not in inside]
        again = new.set(("instance_group",), POLICY)
        if not same(parse(new.to_bytes()), intended) or lost or again.text != new.text:
            wrong.append(name)
    assert wrong == []


def groups(document: Document) -> list[Any]:
    return [field for field in document.root.fields if field.name == "instance_group"]


def test_setting_the_instance_group_touches_no_other_line():
    wrong = []
    for name, data in files("triton"):
        document = Document.parse(data)
        new = document.set(("instance_group",), POLICY)
        others = [document.source(field) for field in document.root.fields if field.name != "instance_group"]
        if [new.source(field) for field in new.root.fields if field.name != "instance_group"] != others:
            wrong.append(name)
        if not groups(document) and not is_subsequence(data, new.to_bytes()):
            wrong.append(name)
    assert wrong == []


def is_subsequence(part: bytes, whole: bytes) -> bool:
    rest = iter(whole)
    return all(byte in rest for byte in part)


def test_conformance_of_the_syntax():
    verdicts = {True: "accept", False: "reject"}
    wrong = [
        case["id"]
        for case in cases()
        if case["syntax"] != "either" and verdicts[parsed(text_of(case)) is not None] != case["syntax"]
    ]
    assert wrong == []


def test_conformance_of_the_schema():
    verdicts = {True: "accept", False: "reject"}
    wrong = [
        case["id"] for case in cases("inference.ModelConfig") if verdicts[understood(text_of(case))] != case["cpp"]
    ]
    assert wrong == []


def test_conformance_of_the_values():
    wrong = []
    for case in cases("inference.ModelConfig"):
        value = case.get("cpp_value", case.get("value"))
        if case["cpp"] == "accept" and value is not None:
            data = read(Document.parse(text_of(case))).data
            if data != value and not same(build(data), json_format.ParseDict(value, build({}))):
                wrong.append(case["id"])
    assert wrong == []
