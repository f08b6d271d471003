# SPDX-License-Identifier: GPL-3.0-or-later
"""The action standalone_check through ansible-playbook."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from .conftest import Playbook


def install(dest: Path, **options: Any) -> dict[str, Any]:
    given = {"check": "gpu", "dest": str(dest), "python": sys.executable, "mode": "0755", **options}
    return {"inference.triton.standalone_check": given, "ignore_errors": True}


def test_it_installs_a_command_once(playbook: Playbook, tmp_path: Path) -> None:
    dest = tmp_path / "triton-gpu"
    first, second = playbook.run(install(dest), install(dest))
    assert (first["changed"], second["changed"]) == (True, False)
    assert first["dest"] == str(dest)
    version = subprocess.run([str(dest), "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert version == f"triton-gpu of inference.triton {first['version']}\n"


def test_under_a_directory_it_gets_its_own_name(playbook: Playbook, tmp_path: Path) -> None:
    (result,) = playbook.run(install(tmp_path))
    assert result["dest"] == str(tmp_path / "triton-gpu")


def test_check_mode_writes_nothing_and_the_diff_names_the_release(playbook: Playbook, tmp_path: Path) -> None:
    dest = tmp_path / "triton-gpu"
    (result,) = playbook.run(install(dest), options=("--check", "--diff"))
    assert result["changed"]
    assert not dest.exists()
    assert f"+version {result['version']}" in playbook.output
    assert "+sha256 " in playbook.output
    assert "readiness.py" not in playbook.output


def test_the_diff_shows_the_parts_that_differ(playbook: Playbook, tmp_path: Path) -> None:
    dest = tmp_path / "triton-gpu"
    playbook.run(install(dest))
    with zipfile.ZipFile(dest) as installed:
        parts = {name: installed.read(name) for name in installed.namelist()}
    parts["inference_triton/_gpu/readiness.py"] += b"# of another release\n"
    with zipfile.ZipFile(dest, "w") as changed:
        for name, content in parts.items():
            changed.writestr(name, content)

    (result,) = playbook.run(install(dest), options=("--diff",))

    assert result["changed"]
    shown = [line for line in playbook.output.splitlines() if line[:1] in "+-" and line.endswith(".py")]
    assert [line.split()[-1] for line in shown] == ["inference_triton/_gpu/readiness.py"] * 2


def test_something_else_in_its_place_is_replaced(playbook: Playbook, tmp_path: Path) -> None:
    dest = tmp_path / "triton-gpu"
    dest.write_text("#!/bin/sh\n")
    (result,) = playbook.run(install(dest), options=("--diff",))
    assert result["changed"]
    assert "-version unknown" in playbook.output


def test_a_command_that_cannot_run_does_not_replace_the_one_that_is_there(playbook: Playbook, tmp_path: Path) -> None:
    dest = tmp_path / "triton-gpu"
    dest.write_text("mine\n")
    (result,) = playbook.run(install(dest, python="/bin/false"))
    assert result["failed"]
    assert dest.read_text() == "mine\n"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"check": "disk"}, "value of check must be one of: gpu, placement, got: disk"),
        ({"python": "python3"}, "python: 'python3' is no absolute path"),
        ({"python": "/usr/bin/python3 -c"}, "is no absolute path of letters, digits"),
        ({"destination": "x"}, "destination"),
    ],
)
def test_a_bad_option_is_named(playbook: Playbook, tmp_path: Path, options: dict[str, Any], told: str) -> None:
    dest = tmp_path / "triton-gpu"
    (result,) = playbook.run(install(dest, **options))
    assert result["failed"]
    assert told in result["msg"]
    assert not dest.exists()
