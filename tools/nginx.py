# SPDX-License-Identifier: GPL-3.0-or-later
"""nginx, for tests of what a reverse proxy does to answers. Without root: the distribution's package, unpacked here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from clone_cache import CACHE, locked, scratch
from debian_packages import unpack

PACKAGE = "nginx"
# It and the one library that not every installation has, as Debian 12, Debian 13 and Ubuntu 24.04 have them.
PACKAGES = [[PACKAGE, "libpcre2-8-0"]]


class NginxError(Exception):
    """What is wrong and what to do about it, in words for the person at the terminal."""


@dataclass(frozen=True)
class Nginx:
    """An nginx that works on this machine, and the folder of its libraries where they are not installed."""

    program: str
    libraries: Path | None = None

    def environment(self) -> dict[str, str]:
        return {**os.environ, "LD_LIBRARY_PATH": str(self.libraries)} if self.libraries else dict(os.environ)

    def works(self) -> bool:
        try:
            done = subprocess.run([self.program, "-v"], env=self.environment(), capture_output=True)
        except OSError:
            return False
        return done.returncode == 0


def fetch() -> Nginx:
    """The installed nginx, or else one unpacked in .cache/nginx. Raises NginxError where neither can be had."""
    installed = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if installed and Nginx(installed).works():
        return Nginx(installed)
    home = CACHE / "nginx" / "unpacked"
    with locked(CACHE / "nginx" / "lock"):
        if not home.is_dir():
            print(f"nginx is not installed: taking it from the package {PACKAGE}", file=sys.stderr)
            with scratch(home.parent) as folder:
                if not unpack(folder, PACKAGES) or not _unpacked(folder).works():
                    raise NginxError(
                        "these tests need nginx: it is not installed, and it could not be downloaded without root. "
                        f"Install the package {PACKAGE} (sudo apt-get install {PACKAGE}) and try again."
                    )
                folder.rename(home)
    return _unpacked(home)


def _unpacked(home: Path) -> Nginx:
    return Nginx(str(home / "usr/sbin/nginx"), next(home.glob("usr/lib/*-linux-*"), home))
