# SPDX-License-Identifier: GPL-3.0-or-later
"""A version is there as a whole or not at all, and what is not ours is left alone. Servers are shell scripts here."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import tarfile

import pytest
from ansible_collections.inference.triton.plugins.module_utils._service import installation
from ansible_collections.inference.triton.plugins.module_utils._service.errors import ServiceError
from ansible_collections.inference.triton.plugins.module_utils._service.installation import Source
from ansible_collections.inference.triton.plugins.module_utils._service.python_of_host import HostPython

SERVER = b"#!/bin/sh\nprintf '  --model-repository <string>\\n  --http-port <integer>\\n'\nexit 1\n"
STUB = b"#!/bin/sh\n# libpython3-0123.13.so.1.0\nexit 1\n"
LAYOUT = {"home/bin/tritonserver": SERVER, "home/backends/python/x.so": b""}
WITH_STUBS = {
    **LAYOUT,
    "home/python_backend_stubs/3.9/triton_python_backend_stub": STUB,
    "home/python_backend_stubs/3.13/triton_python_backend_stub": STUB,
    "nvidia_pytriton.libs/libpython3-0123.13.so.1.0": b"the wheel's own",
}


@pytest.fixture
def root(tmp_path):
    return str(tmp_path / "triton")


@pytest.fixture
def python(tmp_path):
    library = tmp_path / "libpython3.13.so.1.0"
    library.write_bytes(b"the distribution's")
    return HostPython("/usr/bin/python3", "3.13", library.name, str(library), True)


@pytest.fixture
def install(tmp_path, root, python):
    """Install a version from an archive with these files."""

    def run(files, version="2.51.0", checksum=None, program=None, python=python):
        path = str(tmp_path / (version + ".tar"))
        with tarfile.open(path, "w") as archive:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size, member.mode = len(content), 0o755
                archive.addfile(member, io.BytesIO(content))
        return installation.install(root, version, Source(path, checksum, False, program), python)

    return run


def leftovers(root):
    return sorted(os.listdir(root)) if os.path.isdir(root) else []


def test_a_version_gets_its_folder_and_says_what_it_is(root, install):
    done = install(LAYOUT)
    assert leftovers(root) == ["2.51.0"]
    assert installation.installed(root, "2.51.0") == done
    assert done.options == {"model-repository": "str", "http-port": "int"}
    facts = done.facts()
    assert facts["program"] == os.path.join(root, "2.51.0/home/bin/tritonserver")
    assert facts["backends"] == os.path.join(root, "2.51.0/home/backends")
    assert (facts["caches"], facts["libraries"], facts["python"]) == (None, None, None)
    assert stat.S_IMODE(os.stat(os.path.join(root, "2.51.0")).st_mode) == 0o755


def test_the_python_backend_gets_the_stub_and_the_library_of_the_host_s_python(root, install, python):
    done = install(WITH_STUBS)
    stub = os.path.join(done.path, "home/backends/python/triton_python_backend_stub")
    with open(stub, "rb") as file:
        assert file.read() == STUB
    assert os.access(stub, os.X_OK)
    for name in ("libpython3-0123.13.so.1.0", "libpython3.13.so.1.0"):
        assert os.readlink(os.path.join(done.path, "nvidia_pytriton.libs", name)) == python.library
    assert done.python == "3.13"


def test_another_python_makes_the_backend_outdated_until_it_is_renewed(root, install, python):
    done = install(WITH_STUBS)
    other = python._replace(version="3.9", library_name="libpython3.9.so.1.0", library="/usr/lib/libpython3.9.so.1.0")
    assert not installation.outdated(done, python)
    assert installation.outdated(done, other)
    renewed = installation.renew(root, done, other)
    assert not installation.outdated(renewed, other)
    assert installation.installed(root, "2.51.0") == renewed


def test_a_server_with_its_own_stub_is_never_outdated(install, python):
    assert not installation.outdated(install(LAYOUT), python._replace(version="3.99"))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a": b""}, "holds no bin/tritonserver"),
        ({**LAYOUT, "other/bin/tritonserver": SERVER}, "more than one server: home/bin/tritonserver, other/bin"),
        ({"bin/tritonserver": b"#!/bin/sh\necho no such library >&2\nexit 127\n"}, "does not start.*no such library"),
        ({"bin/tritonserver": b"#!/bin/sh\necho hello\n"}, "names no options"),
        ({"bin/tritonserver": b"no program"}, "does not start on this host"),
        ({"../bin/tritonserver": SERVER}, "outside of the folder"),
    ],
)
def test_what_does_not_work_leaves_nothing_behind(root, install, files, message):
    with pytest.raises(ServiceError, match=message):
        install(files)
    assert leftovers(root) == []


def test_one_of_several_servers_can_be_named(install):
    done = install({**LAYOUT, "other/bin/tritonserver": SERVER}, program="other/bin/tritonserver")
    assert done.layout.program == "other/bin/tritonserver"


@pytest.mark.parametrize("program", ["missing", "../../etc/passwd"])
def test_the_named_server_has_to_be_in_the_archive(root, install, program):
    with pytest.raises(ServiceError, match="holds no file"):
        install(LAYOUT, program=program)
    assert leftovers(root) == []


def test_a_python_without_a_stub_is_refused_with_those_that_have_one(root, install, python):
    with pytest.raises(ServiceError, match=r"no Python backend for Python 3\.14.*it has one for 3\.9, 3\.13"):
        install(WITH_STUBS, python=python._replace(version="3.14"))
    assert leftovers(root) == []


def test_a_python_without_its_library_is_refused_with_the_package(root, install, python):
    with pytest.raises(ServiceError, match=r"Debian, Ubuntu: libpython3\.13"):
        install(WITH_STUBS, python=python._replace(library=None))
    assert leftovers(root) == []


def test_another_file_than_the_one_meant_is_refused(root, install):
    with pytest.raises(ServiceError, match="is not the file that was asked for"):
        install(LAYOUT, checksum=hashlib.sha256(b"").hexdigest())
    assert leftovers(root) == []


def test_what_a_killed_run_left_goes_with_the_next(root, install):
    os.makedirs(os.path.join(root, ".unfinished-x", "half"))
    install(LAYOUT)
    assert leftovers(root) == ["2.51.0"]


def test_a_folder_that_is_not_ours_is_left_alone(root):
    os.makedirs(os.path.join(root, "2.51.0"))
    for touch in (installation.installed, lambda root, version: installation.remove(root, [version])):
        with pytest.raises(ServiceError, match="not made by this collection"):
            touch(root, "2.51.0")
    assert leftovers(root) == ["2.51.0"]
    assert installation.versions(root) == []


def test_a_stamp_that_is_damaged_makes_a_folder_not_ours(root, install):
    done = install(LAYOUT)
    with open(os.path.join(done.path, installation.STAMP), "w") as file:
        json.dump({"layout": {}}, file)
    with pytest.raises(ServiceError, match="not made by this collection"):
        installation.installed(root, "2.51.0")


@pytest.mark.parametrize("version", ["", "..", "../x", "a/b", ".hidden", "-x", "a\n"])
def test_a_version_names_a_folder(root, version):
    with pytest.raises(ServiceError, match="cannot name a version"):
        installation.installed(root, version)


def test_the_version_installed_last_comes_first(root, install):
    for number, version in enumerate(("2.51.0", "2.48.0", "2.50.0")):
        done = install(LAYOUT, version)
        os.utime(os.path.join(done.path, installation.STAMP), (number, number))
    assert installation.versions(root) == ["2.50.0", "2.48.0", "2.51.0"]


def test_removing_the_last_version_removes_the_root(root, install):
    install(LAYOUT, "a")
    install(LAYOUT, "b")
    installation.remove(root, ["a"])
    assert leftovers(root) == ["b"]
    installation.remove(root, ["b", "never-there"])
    assert not os.path.exists(root)
