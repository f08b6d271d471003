# SPDX-License-Identifier: GPL-3.0-or-later
"""The list in a backup: what is written is read, and nothing else is."""

from __future__ import annotations

import json

import pytest
from ansible_collections.inference.triton.plugins.module_utils._repository.files import Attributes
from ansible_collections.inference.triton.plugins.module_utils._repository.manifest import (
    Before,
    Entry,
    Manifest,
    ManifestError,
    dump,
    is_restorable,
    load,
)

ID = "20260301T101500.123456Z-5f3a9c"
SHA256 = "0" * 64
ATTRIBUTES = Attributes(0o4755, 0, 2**32 - 2, -1, {"user.\udcff": b"\0\xff", "user.empty": b""})
CHANGED = Entry("/m/a/config.pbtxt", "/shared/a", Before("000000", SHA256, None, ATTRIBUTES), SHA256, False)
UNLINKED = Entry("/m/b/config.pbtxt", "/m/b/config.pbtxt", Before("000001", SHA256, "../x", ATTRIBUTES), None, False)
MADE = Entry("/m/\udcff/configs/h100.pbtxt", "/m/\udcff/configs/h100.pbtxt", None, SHA256, True)
WHOLE = Manifest(ID, None, (CHANGED, UNLINKED, MADE))


def test_what_is_written_is_read_again():
    assert load(dump(WHOLE)) == WHOLE
    assert load(dump(WHOLE._replace(undoes=ID))).undoes == ID


def test_the_format_has_a_number():
    assert json.loads(dump(WHOLE).decode("ascii"))["format"] == 1


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff", b"{", b"[" * 100_000, b"null", b"[]", b"1", b'"x"', b"{}"],
    ids=["empty", "binary", "open", "deep", "null", "list", "number", "string", "object"],
)
def test_what_is_no_manifest_is_refused(data):
    with pytest.raises(ManifestError):
        load(data)


def changed(change):
    data = json.loads(dump(WHOLE).decode("ascii"))
    change(data)
    return json.dumps(data).encode("ascii")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format", 2),
        ("format", "1"),
        ("format", True),
        ("format", None),
        ("backup_id", "x"),
        ("backup_id", ID + "\n"),
        ("undoes", ""),
        ("undoes", "../" + ID),
        ("files", {}),
        ("files", None),
        ("files", [None]),
        ("files", [[]]),
    ],
)
def test_a_manifest_with_a_wrong_value_is_refused(name, value):
    with pytest.raises(ManifestError):
        load(changed(lambda data: data.update({name: value})))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("path", None),
        ("path", 1),
        ("path", ""),
        ("path", "m/a/config.pbtxt"),
        ("path", "/m/../etc/config.pbtxt"),
        ("path", "/m/a/./config.pbtxt"),
        ("path", "/m/a/config.pbtxt/"),
        ("path", "/m/a\0/config.pbtxt"),
        ("path", "/etc/passwd"),
        ("path", "/m/a/.pbtxt"),
        ("target", "shared/a"),
        ("target", "/shared/../a"),
        ("target", None),
        ("before", []),
        ("before", "000000"),
        ("after_sha256", "0" * 63),
        ("after_sha256", "g" * 64),
        ("after_sha256", 0),
        ("made_directory", None),
        ("made_directory", 1),
        ("made_directory", True),
    ],
)
def test_an_entry_with_a_wrong_value_is_refused(name, value):
    with pytest.raises(ManifestError, match=rf"^files\[0\]\.{name}: "):
        load(changed(lambda data: data["files"][0].update({name: value})))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("file", "../000000"),
        ("file", "manifest.json"),
        ("file", "0"),
        ("file", None),
        ("sha256", None),
        ("link", ""),
        ("link", "a\0b"),
        ("link", 1),
        ("mode", -1),
        ("mode", 0o10000),
        ("mode", "0644"),
        ("mode", True),
        ("uid", -1),
        ("uid", 2**32 - 1),
        ("gid", 1.0),
        ("gid", None),
        ("mtime_ns", 2**63),
        ("mtime_ns", "0"),
        ("extended", []),
        ("extended", {"user.x": "not base64!"}),
        ("extended", {"user.x": None}),
        ("extended", {"user.x": "é"}),
        ("extended", {"": ""}),
    ],
)
def test_a_state_with_a_wrong_value_is_refused(name, value):
    with pytest.raises(ManifestError, match=rf"^files\[0\]\.before\.{name}: "):
        load(changed(lambda data: data["files"][0]["before"].update({name: value})))


@pytest.mark.parametrize(
    "part",
    [lambda data: data, lambda data: data["files"][0], lambda data: data["files"][0]["before"]],
    ids=["manifest", "entry", "state"],
)
def test_a_field_too_many_or_too_few_is_refused(part):
    for name in part(json.loads(dump(WHOLE).decode("ascii"))):
        with pytest.raises(ManifestError, match="expected the fields"):
            load(changed(lambda data, name=name: part(data).pop(name)))
    with pytest.raises(ManifestError, match="expected the fields"):
        load(changed(lambda data: part(data).update(more=1)))


def test_an_entry_from_nothing_to_nothing_is_refused():
    with pytest.raises(ManifestError, match="there was no file, and the run made none"):
        load(dump(Manifest(ID, None, (MADE._replace(after_sha256=None),))))


@pytest.mark.parametrize(
    "second", [CHANGED._replace(target="/other"), CHANGED._replace(path="/m/c/config.pbtxt")], ids=["path", "target"]
)
def test_a_file_that_is_there_twice_is_refused(second, request):
    with pytest.raises(ManifestError, match=f"a {request.node.callspec.id} is there twice"):
        load(dump(Manifest(ID, None, (CHANGED, second))))


@pytest.mark.parametrize(
    ("path", "restorable"),
    [
        ("/m/a/config.pbtxt", True),
        ("/m/a/configs/h100.pbtxt", True),
        ("/etc/triton/shared.pbtxt", True),
        ("/m/a/config.pbtxt.bak", False),
        ("/m/a/.pbtxt", False),
        ("config.pbtxt", False),
    ],
)
def test_what_a_backup_may_hold(path, restorable):
    assert is_restorable(path) is restorable
