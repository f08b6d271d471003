# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What NVIDIA's compatibility package (cuda-compat) in an image or an installation says of itself.

Its libcuda carries a note in JSON, in the ELF section ``.note.cuda.fwd_compatibility``: the CUDA version that it makes
possible, and the branches of the drivers on which it runs. NVIDIA's container toolkit decides by the same note
(nvidia-container-toolkit: cmd/nvidia-cdi-hook/cudacompat).
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, List, Optional, Sequence, Tuple

from .._model_config.findings import ConfigError
from .._placement.installation import CompatNote
from .._placement.releases import parse_driver
from .regular_file import RegularFile

# Where the library lies in the folder that is given, which may be the package's, a CUDA toolkit's, or the root of an
# image or a host. Containers of NVIDIA have it in lib.real.
_PLACES = ("", "lib.real", "compat", "compat/lib.real", "usr/local/cuda*/compat", "usr/local/cuda*/compat/lib.real")

_NAME = re.compile(r"libcuda\.so\.([0-9]{3,6}(?:\.[0-9]{1,6})+)")
_MARK = re.compile(rb'\{\s*"format"\s*:\s*[0-9]+\s*,\s*"cuda version"\s*:', re.IGNORECASE)
_LONGEST_NOTE = 4096
_CHUNK = 2**22
_WHICH = (
    "Give the path of the libcuda in the compatibility package, in NVIDIA's images "
    "/usr/local/cuda/compat/libcuda.so.VERSION, or leave this option out."
)
_LIMIT = 2**29  # of what is read; a libcuda has about 100 MB


def read_compat_note(path: str) -> Tuple[Optional[CompatNote], List[str]]:
    """The note at a path, None for a library without one, and what a reader should know.

    Args:
        path: of a libcuda, or of a folder: the package's own (``/usr/local/cuda/compat``), or the root of an image.

    Raises:
        ConfigError: there is no libcuda, it cannot be read, or its note is broken.
    """
    warnings: List[str] = []
    library = _newest(Path(path), warnings) if os.path.isdir(path) else path
    with RegularFile.open("cuda_compat", library) as file:
        if file.read(0, 4) != b"\x7fELF":
            raise ConfigError([f"cuda_compat: {library} is no library. {_WHICH}"])
        found = _find(file)
    if found is None:
        return None, [
            *warnings,
            f"cuda_compat: {library} says nothing of the drivers on which it runs, as older packages do not. Without "
            "that, only drivers that need no such package count as new enough.",
        ]
    return _parse(os.path.realpath(library), found), warnings


def _newest(folder: Path, warnings: List[str]) -> str:
    """The newest libcuda in a folder. Links that lead out of it, as in the root of an image, are no part of it."""
    root = os.path.realpath(folder)
    paths = {os.path.realpath(path) for place in _PLACES for path in folder.glob(os.path.join(place, "libcuda.so.*"))}
    inside = sorted(path for path in paths if os.path.commonpath([root, path]) == root and os.path.isfile(path))
    if not inside:
        raise ConfigError([f"cuda_compat: there is no libcuda.so.* in {folder}. {_WHICH}"])
    newest = max(inside, key=lambda path: (parse_driver(_version(path)) or (), path))
    if len(inside) > 1:
        others = ", ".join(path for path in inside if path != newest)
        warnings.append(f"cuda_compat: {newest} is the newest of several and counts. The others are {others}.")
    return newest


def _version(path: str) -> str:
    match = _NAME.fullmatch(os.path.basename(path))
    return match.group(1) if match else ""


def _find(file: RegularFile) -> Optional[bytes]:
    """The note, or more of the file than one has where it is broken off; None where there is none."""
    for start in range(0, min(file.size, _LIMIT), _CHUNK):
        block = file.read(start, _CHUNK + _LONGEST_NOTE)
        mark = _MARK.search(block)
        if mark:
            text = file.read(start + mark.start(), _LONGEST_NOTE)
            end = text.find(b"}") + 1
            return text[:end] if end else text
    return None


def _parse(library: str, found: bytes) -> CompatNote:
    text = found.decode("utf-8", "replace")
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ConfigError([f"cuda_compat: the note in {library} is broken, {error}: {_shown(text)}"]) from error
    data = {str(key).lower(): value for key, value in data.items()}
    cuda, branches = data.get("cuda version"), data.get("driver") or []
    if not isinstance(cuda, str) or parse_driver(cuda) is None:
        raise ConfigError([f"cuda_compat: the note in {library} names no CUDA version: {_shown(text)}"])
    if not _are_branches(branches):
        raise ConfigError([f"cuda_compat: the note in {library} has no list of driver branches: {_shown(text)}"])
    return CompatNote(library, cuda, tuple(sorted(set(branches))), _version(library), _shown(text))


def _are_branches(data: Any) -> bool:
    return isinstance(data, Sequence) and all(
        isinstance(item, int) and not isinstance(item, bool) and 0 < item < 10**6 for item in data
    )


def _shown(text: str) -> str:
    printable = "".join(char if char.isprintable() else "?" for char in text)
    return printable if len(printable) <= 300 else f"{printable[:300]}..."
