# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The Python that Triton's Python backend runs models with: its version, its shared library, and its NumPy."""

from __future__ import annotations

import json
import subprocess
from typing import NamedTuple, Optional

from .errors import ServiceError

_SECONDS = 30
# Runs in the interpreter that is asked, which may be another one than the module's.
_QUESTION = """
import importlib.util, json, os, sys, sysconfig
name = "libpython%d.%d.so.1.0" % sys.version_info[:2]
folder = sysconfig.get_config_var("LIBDIR") or ""
multiarch = sysconfig.get_config_var("MULTIARCH") or ""
places = [os.path.join(folder, multiarch), folder, os.path.join(sys.base_prefix, "lib"), "/usr/lib64"]
found = [path for path in (os.path.join(place, name) for place in places) if os.path.isfile(path)]
print(json.dumps(["%d.%d" % sys.version_info[:2], name, found[0] if found else None,
                  importlib.util.find_spec("numpy") is not None]))
"""


class HostPython(NamedTuple):
    """An interpreter of this host.

    Attributes:
        path: of the interpreter.
        version: ``3.11``.
        library_name: the file name by which the backend asks the loader for its shared library.
        library: where that is; None where it is not installed.
        has_numpy: whether NumPy can be imported.
    """

    path: str
    version: str
    library_name: str
    library: Optional[str]
    has_numpy: bool


def ask(path: str) -> HostPython:
    """What the interpreter says of itself. Raises ServiceError where it cannot be run."""
    try:
        done = subprocess.run(
            [path, "-I", "-c", _QUESTION],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
        version, name, library, has_numpy = json.loads(done.stdout.decode())
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise ServiceError(
            f"{path} does not run here ({error}). Triton's Python backend needs a Python 3 of the host: name one."
        ) from error
    return HostPython(path, version, name, library, has_numpy)
