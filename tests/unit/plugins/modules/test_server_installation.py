# SPDX-License-Identifier: GPL-3.0-or-later
"""The module server_installation from its arguments to its result. The server is a shell script."""

from __future__ import annotations

import io
import os
import sys
import tarfile

import pytest
from ansible_collections.inference.triton.plugins.modules import server_installation

SERVER = b"#!/bin/sh\necho '  --model-repository <string>'\nexit 1\n"


@pytest.fixture
def call(run, tmp_path):
    """Run the module with an archive to install from."""
    archive = str(tmp_path / "server.tar")
    with tarfile.open(archive, "w") as tar:
        member = tarfile.TarInfo("bin/tritonserver")
        member.size, member.mode = len(SERVER), 0o755
        tar.addfile(member, io.BytesIO(SERVER))

    def module(version="1", src=archive, **options):
        options.update(root=str(tmp_path / "root"), version=version, src=src, format="archive", python=sys.executable)
        return run(server_installation, **{name: value for name, value in options.items() if value is not None})

    return module


def test_a_version_is_installed_once(call, documented, tmp_path):
    first, second = call(), call(src="/nowhere")
    assert (first["changed"], second["changed"]) == (True, False)
    assert first["installation"] == second["installation"]
    assert first["versions"] == ["1"]
    assert os.path.isfile(first["installation"]["program"])
    documented(server_installation, first)


def test_check_mode_installs_nothing(call, documented, tmp_path):
    result = call(check=True, src="/nowhere")
    assert (result["changed"], result["installation"], result["versions"]) == (True, None, [])
    assert not (tmp_path / "root").exists()
    documented(server_installation, result)


def test_an_installed_version_is_not_replaced_by_another_file(call):
    call()
    result = call(checksum="0" * 64)
    assert result["failed"]
    assert "A version does not change" in result["msg"]


def test_a_checksum_may_be_in_capitals(call):
    checksum = call()["installation"]["checksum"]
    assert not call(checksum=checksum.upper())["changed"]


def test_without_a_file_there_is_nothing_to_install_from(call):
    assert "no file was given" in call(src=None)["msg"]


def test_versions_are_removed_but_for_the_last_and_the_spared(call, documented):
    for number, version in enumerate("1234"):
        done = call(version)["installation"]
        os.utime(os.path.join(done["path"], ".installation.json"), (number, number))
    options = {"version": None, "state": "absent", "keep": 1, "spare": ["1"]}
    told, done, again = call(check=True, **options), call(**options), call(**options)
    assert told["removed"] == done["removed"] == ["3", "2"]
    assert told["versions"] == ["4", "3", "2", "1"]
    assert (done["versions"], again["changed"]) == (["4", "1"], False)
    documented(server_installation, done)


def test_one_version_is_removed(call):
    call("1")
    call("2")
    assert call("1", state="absent")["versions"] == ["2"]
    assert not call("1", state="absent")["changed"]
