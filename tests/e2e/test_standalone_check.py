# SPDX-License-Identifier: GPL-3.0-or-later
"""The action standalone_check through ansible-playbook."""

from __future__ import annotations

import subprocess
import sys
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


def test_check_mode_writes_nothing_and_the_diff_names_the_release_and_the_parts(
    playbook: Playbook, tmp_path: Path
) -> None:
    dest = tmp_path / "triton-gpu"
    (result,) = playbook.run(install(dest), options=("--check", "--diff"))
    assert result["changed"]
    assert not dest.exists()
    assert f"+version {result['version']}" in playbook.output
    assert "  inference_triton/_gpu/readiness.py" in playbook.output


def test_the_diff_shows_only_what_differs(playbook: Playbook, tmp_path: Path) -> None:
    dest = tmp_path / "triton-gpu"
    playbook.run(install(dest))
    (result,) = playbook.run(install(dest, python=f"{sys.prefix}/bin/../bin/python3"), options=("--diff",))
    assert result["changed"]
    # Another interpreter, the same parts.
    assert "readiness.py" not in playbook.output
    dest.write_text("#!/bin/sh\n")
    (result,) = playbook.run(install(dest), options=("--diff",))
    assert "-version unknown" in playbook.output
    assert result["changed"]


def test_a_command_that_cannot_run_does_not_replace_the_one_that_is_there(playbook: Playbook, tmp_path: Path) -> None:
    dest = tmp_path / "triton-gpu"
    dest.write_text("mine\n")
    (result,) = playbook.run(install(dest, python="/bin/false"))
    assert result["failed"]
    assert dest.read_text() == "mine\n"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"check": "disk"}, "value of check must be one of: gpu, got: disk"),
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
