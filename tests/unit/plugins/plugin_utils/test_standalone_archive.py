# SPDX-License-Identifier: GPL-3.0-or-later
"""A part of module_utils as one file that runs by itself."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile

import pytest
from ansible_collections.inference.triton.plugins.plugin_utils._standalone_archive import (
    ArchiveError,
    build,
    describe,
    needed_modules,
)

ENTRY = "_check/command_line.py"
SOURCES = {
    ENTRY: """\
import pkgutil
import sys
from . import child
from .._language.words import WORD

def main():
    print(WORD, child.__loader__.get_source(child.__name__).strip(), *sys.argv[1:])
    print(pkgutil.get_data(__package__.rpartition(".")[0], "VERSION").decode().strip(), sys.flags.isolated)
    return 3
""",
    "_check/child.py": "# the child\n",
    "_check/unused.py": "from ansible import constants\n",
    "_language/words.py": "def later():\n    from .more import THING\n    return THING\nWORD = 'hello'\n",
    "_language/more.py": "THING = 1\n",
}


@pytest.fixture
def folder(tmp_path):
    for path, text in SOURCES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def archive(folder, version="1.2.3", interpreter="/usr/bin/python3"):
    return build(folder, ENTRY, "the-check", version, interpreter)


def test_only_what_is_imported_is_needed(folder):
    assert sorted(needed_modules(folder, ENTRY)) == sorted(set(SOURCES) - {"_check/unused.py"})


def test_it_runs_without_the_collection(folder, tmp_path):
    path = tmp_path / "the-check"
    path.write_bytes(archive(folder))
    done = subprocess.run(
        [sys.executable, "-I", str(path), "an argument"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        check=False,
    )
    assert done.stdout == "hello # the child an argument\n1.2.3 1\n"
    assert done.returncode == 3


def test_the_first_line_names_the_interpreter_and_shuts_out_the_environment(folder):
    assert archive(folder, interpreter="/opt/python3.9").startswith(b"#!/opt/python3.9 -I\nPK")


def test_the_same_sources_make_the_same_bytes(folder):
    before = archive(folder)
    for path in folder.rglob("*.py"):
        os.utime(str(path), (1, 1))
        path.chmod(0o600)
    assert archive(folder) == before


@pytest.mark.parametrize("version", ["1.2.4", "1.2.3-dev"])
def test_another_release_makes_other_bytes(folder, version):
    assert archive(folder, version=version) != archive(folder)


def test_nothing_is_compressed_since_releases_of_zlib_differ(folder):
    with zipfile.ZipFile(io.BytesIO(archive(folder))) as opened:
        assert {member.compress_type for member in opened.infolist()} == {zipfile.ZIP_STORED}


def test_an_old_python_is_told_what_is_needed(folder):
    with zipfile.ZipFile(io.BytesIO(archive(folder))) as opened:
        main = opened.read("__main__.py").decode()
    raised = SystemExit
    old = type("sys", (), {"version_info": (3, 6, 8), "executable": "/usr/bin/python3", "exit": SystemExit})
    code = main.replace("import sys\n", "").partition("from ")[0].replace("sys.exit(", "raise sys.exit(")
    with pytest.raises(raised, match=r"the-check needs Python 3\.8 or newer, and /usr/bin/python3 is 3\.6\."):
        exec(code, {"sys": old})


@pytest.mark.parametrize("line", ["import ansible.errors", "from ansible.module_utils.basic import AnsibleModule"])
def test_what_needs_ansible_is_refused(folder, line):
    (folder / "_language/more.py").write_text(f"{line}\n")
    with pytest.raises(ArchiveError, match=r"^_language/more\.py imports ansible\."):
        archive(folder)


def test_a_module_that_is_not_there_is_named(folder):
    (folder / "_check/child.py").write_text("from .nowhere import something\n")
    with pytest.raises(ArchiveError, match=r"^_check/child\.py:1 imports "):
        archive(folder)


def test_an_archive_tells_its_version_and_its_files(folder):
    version, files = describe(archive(folder))
    assert version == "1.2.3"
    assert {"__main__.py", f"inference_triton/{ENTRY}"} <= set(files)
    assert not [name for name in files if "VERSION" in name or "__init__" in name]


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\nexit 1\n", b"PK\x05\x06" + bytes(17)])
def test_anything_else_has_no_version(content):
    version, files = describe(content)
    assert version == "unknown"
    assert len(files) == (1 if content else 0)
