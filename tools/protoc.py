# SPDX-License-Identifier: GPL-3.0-or-later
"""protoc of protobuf 3.21, whose parser of the text format is the one that Triton bundles (3.21.12)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from clone_cache import CACHE, locked, scratch
from debian_packages import unpack

PACKAGE = "protobuf-compiler"
# It and its libraries as Debian 12 has them, and as Debian 13 and Ubuntu 24.04 do.
PACKAGES = [[PACKAGE, "libprotoc32", "libprotobuf32"], [PACKAGE, "libprotoc32t64", "libprotobuf32t64"]]


class ProtocError(Exception):
    """What is wrong and what to do about it, in words for the person at the terminal."""


@dataclass(frozen=True)
class Protoc:
    """A protoc that works on this machine, and the folder of its libraries where they are not installed."""

    program: str
    libraries: Path | None = None

    def run(self, *arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run it with `data` on its standard input."""
        environment = {**os.environ, "LD_LIBRARY_PATH": str(self.libraries)} if self.libraries else None
        return subprocess.run([self.program, *arguments], input=data, env=environment, capture_output=True)

    def version(self) -> str:
        """What it says of itself, for example ``libprotoc 3.21.12``."""
        done = self.run("--version")
        return (done.stdout or done.stderr).decode(errors="replace").strip()

    def is_tritons(self) -> bool:
        return self.version().startswith("libprotoc 3.21.")


def fetch() -> Protoc:
    """The installed protoc, or else one unpacked in .cache/protoc. Raises ProtocError where neither is 3.21."""
    installed = shutil.which("protoc")
    if installed and Protoc(installed).is_tritons():
        return Protoc(installed)
    home = CACHE / "protoc" / "unpacked"
    with locked(CACHE / "protoc" / "lock"):
        if not home.is_dir():
            print(f"protoc 3.21 is not installed: taking it from the package {PACKAGE}", file=sys.stderr)
            with scratch(home.parent) as folder:
                if not unpack(folder, PACKAGES) or not _unpacked(folder).is_tritons():
                    raise ProtocError(_what_to_do(installed))
                folder.rename(home)
    return _unpacked(home)


def _unpacked(home: Path) -> Protoc:
    return Protoc(str(home / "usr/bin/protoc"), next(home.glob("usr/lib/*-linux-*"), home))


def _what_to_do(installed: str | None) -> str:
    found = f"{installed} is {Protoc(installed).version()}" if installed else "it is not installed"
    return (
        "these tests need protoc of protobuf 3.21, whose parser is Triton's: "
        f"{found}, and it could not be downloaded without root. Install the package {PACKAGE} of Debian 12, Debian 13 "
        f"or Ubuntu 24.04 (sudo apt-get install {PACKAGE}) and try again."
    )
