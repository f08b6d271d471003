# SPDX-License-Identifier: GPL-3.0-or-later
"""Triton's ModelConfig as a schema, and the suggestion of a name that does exist."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config.schema import (
    ENUMS,
    MESSAGES,
    ROOT,
    FieldSpec,
    suggest,
)

SCALARS = {"bool", "double", "float", "int32", "int64", "string", "uint32", "uint64"}
FIELDS = [(message, field) for message, fields in MESSAGES.items() for field in fields.values()]


@pytest.mark.parametrize(
    ("message", "field", "spec"),
    [
        ("ModelConfig", "name", FieldSpec("name", 1, "string")),
        ("ModelConfig", "instance_group", FieldSpec("instance_group", 7, "ModelInstanceGroup", repeated=True)),
        ("ModelConfig", "parameters", FieldSpec("parameters", 14, "ModelParameter", key_type="string")),
        ("ModelConfig", "cc_model_filenames", FieldSpec("cc_model_filenames", 9, "string", key_type="string")),
        (
            "ModelConfig",
            "dynamic_batching",
            FieldSpec("dynamic_batching", 11, "ModelDynamicBatching", oneof="scheduling_choice"),
        ),
        ("ModelConfig", "response_cache", FieldSpec("response_cache", 24, "ModelResponseCache", since="21.10")),
        ("ModelInstanceGroup", "name", FieldSpec("name", 1, "string")),
        ("ModelInstanceGroup", "count", FieldSpec("count", 2, "int32")),
        ("ModelInstanceGroup", "gpus", FieldSpec("gpus", 3, "int32", repeated=True)),
        ("ModelInstanceGroup", "kind", FieldSpec("kind", 4, "ModelInstanceGroup.Kind")),
        ("ModelInstanceGroup", "profile", FieldSpec("profile", 5, "string", repeated=True)),
        ("ModelRateLimiter.Resource", "global", FieldSpec("global", 2, "bool")),
        (
            "ModelDynamicBatching",
            "priority_queue_policy",
            FieldSpec("priority_queue_policy", 7, "ModelQueuePolicy", key_type="uint64"),
        ),
        (
            "ModelSequenceBatching.StrategyDirect",
            "minimum_slot_utilization",
            FieldSpec("minimum_slot_utilization", 2, "float"),
        ),
        ("ModelMetrics.MetricControl.HistogramOptions", "buckets", FieldSpec("buckets", 1, "double", repeated=True)),
    ],
)
def test_a_field_is_as_model_config_proto_defines_it(message, field, spec):
    assert MESSAGES[message][field] == spec


def test_the_kinds_of_instance_group():
    kinds = ENUMS["ModelInstanceGroup.Kind"]
    assert kinds.numbers == {"KIND_AUTO": 0, "KIND_GPU": 1, "KIND_CPU": 2, "KIND_MODEL": 3}
    assert kinds.names == {0: "KIND_AUTO", 1: "KIND_GPU", 2: "KIND_CPU", 3: "KIND_MODEL"}


def test_the_newest_data_type_says_since_when_it_exists():
    assert ENUMS["DataType"].numbers["TYPE_BF16"] == 14
    assert "TYPE_BF16" in ENUMS["DataType"].since


@pytest.mark.parametrize(("message", "field"), FIELDS, ids=[f"{message}.{field.name}" for message, field in FIELDS])
def test_every_type_that_a_field_has_is_known(message, field):
    assert field.type in SCALARS or field.type in MESSAGES or field.type in ENUMS
    assert field.key_type is None or field.key_type in SCALARS
    assert not (field.repeated and field.key_type), "a map is not repeated"


@pytest.mark.parametrize("message", MESSAGES)
def test_the_numbers_of_a_message_are_unique(message):
    numbers = [field.number for field in MESSAGES[message].values()]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("enum", ENUMS)
def test_an_enum_has_a_value_for_zero(enum):
    assert 0 in ENUMS[enum].names, "proto3 takes it for an enum that is not given"


KINDS = ENUMS["ModelInstanceGroup.Kind"].numbers
GROUP_FIELDS = MESSAGES["ModelInstanceGroup"]


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        pytest.param("instance_groups", MESSAGES[ROOT], " Did you mean 'instance_group'?", id="plural"),
        pytest.param("max_batchsize", MESSAGES[ROOT], " Did you mean 'max_batch_size'?", id="missing underscore"),
        pytest.param("Name", MESSAGES[ROOT], " Did you mean 'name'?", id="letter case"),
        pytest.param("dtype", MESSAGES["ModelInput"], " Did you mean 'data_type'?", id="word of NumPy"),
        pytest.param("shape", MESSAGES["ModelInput"], " Did you mean 'dims'?", id="word of PyTorch"),
        pytest.param("TYPE_FLOAT32", ENUMS["DataType"].numbers, " Did you mean 'TYPE_FP32'?", id="type of NumPy"),
        pytest.param("kind_gpu", KINDS, " Did you mean 'KIND_GPU'?", id="enum in lower case"),
        pytest.param("CPU", KINDS, " Did you mean 'KIND_CPU'?", id="enum without its prefix"),
        pytest.param("gpu", GROUP_FIELDS, " Did you mean 'gpus'?", id="singular"),
        pytest.param("gpu", KINDS, " Did you mean 'KIND_GPU'?", id="common mistake that is none of the known names"),
        pytest.param("quite_something_else", MESSAGES[ROOT], "", id="nothing is close"),
        pytest.param("", MESSAGES[ROOT], "", id="empty"),
        pytest.param("name", [], "", id="nothing is known"),
    ],
)
def test_a_name_that_is_close_is_suggested(name, known, hint):
    assert suggest(name, known) == hint
