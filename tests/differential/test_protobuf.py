# SPDX-License-Identifier: GPL-3.0-or-later
"""The project's fixtures and its schema, held against Google's protobuf."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config import schema
from ansible_collections.inference.triton.plugins.module_utils._model_config.reading import read
from ansible_collections.inference.triton.plugins.module_utils._textproto.document import Document
from ansible_collections.inference.triton.plugins.module_utils._textproto.errors import TextProtoError
from ansible_collections.inference.triton.plugins.module_utils._textproto.values import Identifier
from ansible_collections.inference.triton.tests.property.protobuf_messages import accepts, build, parse, same

FIXTURES = Path(__file__).parents[1] / "fixtures"
VALID = sorted(FIXTURES.glob("*.pbtxt"))
TEMPLATES = sorted((FIXTURES / "template").glob("*.pbtxt"))
INVALID = sorted((FIXTURES / "invalid").glob("*.pbtxt"))

# What Triton's parser, protobuf's C++ one, refuses and protobuf's Python parser lets pass.
LET_PASS_BY_PYTHON = {"no_break_space", "plus_sign", "unknown_escape"}


def understood(data: bytes) -> bool:
    """Whether the text is a ModelConfig to the code under test."""
    try:
        return not read(Document.parse(data)).findings
    except TextProtoError:
        return False


def by_name(path: Path) -> str:
    return path.stem


def test_there_are_fixtures():
    assert len(VALID) >= 25
    assert len(INVALID) >= 25
    assert TEMPLATES


@pytest.mark.parametrize("path", [*VALID, *TEMPLATES], ids=by_name)
def test_every_byte_comes_back(path):
    data = path.read_bytes()
    try:
        document = Document.parse(data)
    except TextProtoError:
        assert path in TEMPLATES
    else:
        assert document.to_bytes() == data


@pytest.mark.parametrize("path", VALID, ids=by_name)
def test_valid_files_mean_the_same(path):
    data = path.read_bytes()
    reading = read(Document.parse(data))
    assert reading.findings == []
    assert same(build(reading.data), parse(data))


@pytest.mark.parametrize("path", INVALID, ids=by_name)
def test_invalid_files_are_refused(path):
    assert not understood(path.read_bytes())


@pytest.mark.parametrize("path", [path for path in INVALID if path.stem not in LET_PASS_BY_PYTHON], ids=by_name)
def test_protobuf_refuses_them_too(path):
    assert not accepts(path.read_bytes())


@pytest.mark.parametrize("path", TEMPLATES, ids=by_name)
def test_templates_are_accepted_or_refused_alike(path):
    assert understood(path.read_bytes()) == accepts(path.read_bytes())


@pytest.mark.parametrize("path", VALID, ids=by_name)
def test_setting_the_instance_group_changes_that_alone(path):
    document = Document.parse(path.read_bytes())
    new = document.set(("instance_group",), [{"kind": Identifier("KIND_GPU", 1), "count": 3}])
    intended = parse(document.to_bytes())
    intended.ClearField("instance_group")
    intended.instance_group.add(kind="KIND_GPU", count=3)
    assert same(parse(new.to_bytes()), intended)


@pytest.mark.parametrize("path", VALID, ids=by_name)
def test_removing_a_field_changes_that_alone(path):
    document = Document.parse(path.read_bytes())
    for name in {field.name for field in document.root.fields}:
        intended = parse(document.to_bytes())
        intended.ClearField(name)
        assert same(parse(document.remove((name,)).to_bytes()), intended)


def _walk(message):
    """Every message type in ``message``'s descriptor, nested ones too, by the name it has inside its package."""
    found = {}
    pending = [message]
    while pending:
        descriptor = pending.pop()
        name = descriptor.full_name.partition(".")[2]
        if name not in found:
            found[name] = descriptor
            pending += [field.message_type for field in descriptor.fields if field.message_type]
    return {name: descriptor for name, descriptor in found.items() if not descriptor.GetOptions().map_entry}


def _outline(descriptor):
    """What counts of a field: name, number, type, whether it is repeated or a map, and its oneof."""
    return {
        field.name: (
            field.number,
            field.type,
            field.message_type.full_name if field.message_type else "",
            field.enum_type.full_name if field.enum_type else "",
            field.is_repeated,
            field.containing_oneof.name if field.containing_oneof else "",
            [(part.name, part.type) for part in field.message_type.fields]
            if field.message_type and field.message_type.GetOptions().map_entry
            else [],
        )
        for field in descriptor.fields
    }


@pytest.fixture(scope="module")
def published():
    """The message types of ModelConfig as NVIDIA publishes them with its client, taken from there without gRPC."""
    package = pytest.importorskip("tritonclient")
    spec = spec_from_file_location("model_config_pb2", Path(package.__path__[0]) / "grpc" / "model_config_pb2.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return _walk(module.ModelConfig.DESCRIPTOR)


def test_the_schema_has_every_message(published):
    assert set(schema.MESSAGES) == set(published)


def test_the_schema_has_every_field(published):
    ours = _walk(build({}).DESCRIPTOR)
    assert {name: _outline(ours[name]) for name in ours} == {name: _outline(published[name]) for name in published}


def test_the_schema_has_every_value(published):
    enums = {
        field.enum_type.full_name.partition(".")[2]: {value.name: value.number for value in field.enum_type.values}
        for descriptor in published.values()
        for field in descriptor.fields
        if field.enum_type
    }
    assert {name: enum.numbers for name, enum in schema.ENUMS.items()} == enums
