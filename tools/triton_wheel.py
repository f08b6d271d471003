# SPDX-License-Identifier: GPL-3.0-or-later
"""The pinned tritonserver of requirements-triton.txt: whether it can run on this machine, and an unpacked copy of it.

Everything is made in .cache of the clone, without root, and a killed run leaves nothing there that looks whole.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path

from clone_cache import CACHE, ROOT, locked, scratch
from debian_packages import unpack

REQUIREMENTS = ROOT / "requirements-triton.txt"

GLIBC = (2, 35)  # the wheel's platform tag: manylinux_2_35_x86_64
PYTHONS = ("3.11", "3.12", "3.13")  # the wheel's python_backend_stubs/, from the oldest that this project runs on
THIS_PYTHON = f"3.{sys.version_info.minor}"
LIBPYTHON = f"libpython{THIS_PYTHON}.so.1.0"


class TritonError(Exception):
    """What is wrong and what to do about it, in words for the person at the terminal."""


def check_host() -> None:
    """Raise TritonError where the server or its Python backend cannot run; nothing has been made by then."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise TritonError(
            f"tritonserver is built for x86_64 Linux; this is {platform.machine()} {platform.system()}. "
            "Run this on an x86_64 machine with Debian 12, Ubuntu 22.04 or newer."
        )
    library, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "no glibc").partition(" ")
    if library != "glibc" or tuple(map(int, re.findall(r"\d+", version)[:2])) < GLIBC:
        raise TritonError(
            f"tritonserver needs glibc {GLIBC[0]}.{GLIBC[1]} or newer; this machine has {library} {version}. "
            "Debian 12, Ubuntu 22.04 and newer have it."
        )
    if THIS_PYTHON not in PYTHONS:
        raise TritonError(
            f"Triton's Python backend supports Python {', '.join(PYTHONS)} here; this is Python {THIS_PYTHON}. "
            "Install one of those with its venv module (Debian, Ubuntu: sudo apt-get install python3.13-venv) "
            "and name it: make demo PYTHON=python3.13"
        )
    if importlib.util.find_spec("numpy") is None:
        raise TritonError(
            f"the models need NumPy, and {sys.prefix} has none. Install it: {sys.executable} -m pip install numpy"
        )


def find_libpython() -> Path:
    """This interpreter's shared library, which the Python backend loads. Raises TritonError where it cannot be had."""
    for folder in (sysconfig.get_config_var("LIBDIR"), f"{sys.base_prefix}/lib"):
        if folder and Path(folder, LIBPYTHON).is_file():
            return Path(folder, LIBPYTHON)
    if sys.base_prefix != "/usr":
        raise TritonError(
            f"{sys.base_prefix} was built without {LIBPYTHON}, which Triton's Python backend loads. "
            f"Name one that has it, such as the distribution's: make demo PYTHON=/usr/bin/python{THIS_PYTHON}"
        )
    kept = CACHE / "libpython" / LIBPYTHON
    if not kept.is_file() and not _libpython_from_apt(kept):
        raise TritonError(
            f"{LIBPYTHON} is missing: Triton's Python backend loads it, and it could not be downloaded without root. "
            f"Install it (Debian, Ubuntu: sudo apt-get install {_libpython_packages()[0]}) and try again."
        )
    return kept


def _libpython_packages() -> list[str]:
    """The package names to try, the likelier first: Ubuntu 24.04 renamed the package of the Python it came with."""
    names = [f"libpython{THIS_PYTHON}", f"libpython{THIS_PYTHON}t64"]
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return names
    renamed = release.get("ID") == "ubuntu" and release.get("VERSION_ID", "") >= "24.04" and THIS_PYTHON == "3.12"
    return names[::-1] if renamed else names


def _libpython_from_apt(kept: Path) -> bool:
    """Take the library out of the distribution's package. Needs no root. False where that fails."""
    print(f"{LIBPYTHON} is not installed: taking it from the package {_libpython_packages()[0]}", file=sys.stderr)
    with scratch(kept.parent) as folder:
        if unpack(folder, [[package] for package in _libpython_packages()]):
            for library in folder.glob(f"usr/lib/*/{LIBPYTHON}"):
                library.resolve().rename(kept)
                return True
    return False


@dataclass(frozen=True)
class Installation:
    """A tritonserver that works with this interpreter."""

    program: Path
    backends: Path
    libraries: Path

    def environment(self) -> dict[str, str]:
        # The backend's Python ignores PYTHONHOME and PYTHONPATH: it takes the modules of the first python3 in PATH.
        environment = dict(os.environ)
        for name, first in (("PATH", Path(sys.executable).parent), ("LD_LIBRARY_PATH", self.libraries)):
            environment[name] = f"{first}:{environment.get(name, '')}".rstrip(":")
        return environment


def fetch() -> Installation:
    """Make sure that the server is unpacked in .cache/triton and starts. Raises TritonError."""
    check_host()
    version = re.search(r"^nvidia-pytriton==(\S+)", REQUIREMENTS.read_text(), re.MULTILINE)
    assert version, REQUIREMENTS
    home = CACHE / "triton" / version[1]
    with locked(CACHE / "triton" / "lock"):
        libpython = find_libpython()
        # Per interpreter, and at the depth where the backend's RPATH ($ORIGIN/../../../../nvidia_pytriton.libs) fits.
        adapted = f"python{THIS_PYTHON}-{hashlib.sha256(os.fsencode(libpython)).hexdigest()[:8]}"
        own = home / "pytriton" / adapted
        installation = Installation(home / "pytriton/tritonserver/bin/tritonserver", own / "backends", own / "lib")
        if not home.is_dir():
            with scratch(home.parent) as folder:
                _unpack(folder)
                folder.rename(home)
        if not own.is_dir():
            with scratch(own.parent) as folder:
                _adapt(home, folder, libpython)
                _try_out(installation.program, folder)
                folder.rename(own)
    return installation


def _unpack(folder: Path) -> None:
    download = folder / "download"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "--no-cache-dir", "-r", str(REQUIREMENTS), "-d", str(download)]
    if subprocess.run(command, stdout=2).returncode:  # stdout belongs to the answer of this program
        raise TritonError("pip could not download tritonserver, see above. Check the network and try again.")
    (wheel,) = download.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        # Not the wheel's own libpython: it would be found before the interpreter's, which has more built in.
        wanted = re.compile(r"pytriton/tritonserver/|nvidia_pytriton-|nvidia_pytriton\.libs/(?!libpython)")
        archive.extractall(folder, [name for name in archive.namelist() if wanted.match(name)])
    shutil.rmtree(download)
    (folder / "pytriton/tritonserver/bin/tritonserver").chmod(0o755)


def _adapt(home: Path, folder: Path, libpython: Path) -> None:
    server = home / "pytriton/tritonserver"
    backend = shutil.copytree(server / "backends/python", folder / "backends/python")
    stub = Path(shutil.copy(server / "python_backend_stubs" / THIS_PYTHON / "triton_python_backend_stub", backend))
    stub.chmod(0o755)
    # The stub for 3.13 asks for libpython by a name of the wheel's own.
    asked_for = re.findall(rb"libpython3[\w.-]*\.so[\w.]*", stub.read_bytes())
    (folder / "lib").mkdir()
    for name in {LIBPYTHON, *map(os.fsdecode, asked_for)}:
        (folder / "lib" / name).symlink_to(libpython)


def _try_out(program: Path, folder: Path) -> None:
    environment = {**os.environ, "LD_LIBRARY_PATH": str(folder / "lib")}
    stub = folder / "backends/python/triton_python_backend_stub"
    for command in ([str(program), "--help"], [str(stub)]):
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode not in (0, 1):  # the stub, run without its nine arguments, says so and exits 1
            raise TritonError(f"{command[0]} does not start on this machine: {done.stderr.strip()}")
