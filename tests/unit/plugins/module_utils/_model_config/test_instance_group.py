# SPDX-License-Identifier: GPL-3.0-or-later
"""What instance groups hold, and which of them leave the choice of device to the server."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config.instance_group import (
    groups_of,
    impossible_fields,
    is_implicit,
    kind_of,
)
from ansible_collections.inference.triton.plugins.module_utils._model_config.reading import read
from ansible_collections.inference.triton.plugins.module_utils._textproto.document import Document


def groups_in(text):
    return groups_of(read(Document.parse(text.encode())).data)


@pytest.mark.parametrize("text", ["", 'name: "a"', "instance_group [ ]", "instance_group: []"])
def test_a_configuration_without_groups(text):
    assert groups_in(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "instance_group { }",
        "instance_group [ { count: 2 } ]",
        "instance_group { kind: KIND_AUTO }",
        "instance_group { kind: 0 }",
        "instance_group { kind: 0x0 gpus: [ 0 ] }",
    ],
)
def test_a_group_is_implicit_where_the_server_chooses(text):
    (group,) = groups_in(text)
    assert is_implicit(group)
    assert kind_of(group) == "KIND_AUTO"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("instance_group { kind: KIND_GPU }", "KIND_GPU"),
        ("instance_group { kind: 1 }", "KIND_GPU"),
        ("instance_group { kind: KIND_CPU }", "KIND_CPU"),
        ("instance_group { kind: 2 }", "KIND_CPU"),
        ("instance_group { kind: KIND_MODEL }", "KIND_MODEL"),
        ("instance_group { kind: 3 }", "KIND_MODEL"),
        ("instance_group { kind: 9 }", 9),
    ],
)
def test_a_group_is_explicit_where_the_file_chooses(text, kind):
    (group,) = groups_in(text)
    assert not is_implicit(group)
    assert kind_of(group) == kind


@pytest.mark.parametrize(
    ("kind", "gpus", "impossible"),
    [
        ("KIND_CPU", [0], ["gpus"]),
        ("KIND_MODEL", [0], ["gpus"]),
        ("KIND_GPU", [0], []),
        ("KIND_AUTO", [0], []),
        ("KIND_CPU", [], []),
    ],
)
def test_gpus_are_impossible_beside_a_kind_that_has_none(kind, gpus, impossible):
    assert impossible_fields({"kind": kind, "gpus": gpus, "count": 1}) == impossible


def test_the_groups_are_a_copy():
    config = {"instance_group": [{"count": 1}]}
    groups_of(config)[0]["count"] = 2
    assert config == {"instance_group": [{"count": 1}]}
