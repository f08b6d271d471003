# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Whether CUDA starts on this host, and what it sees, as one JSON object a line.

For the same reasons as NVML's (see `nvml_child`), this runs as a process of its own and imports nothing but the
standard library. Functions: cuda.h.
"""

from __future__ import annotations

import json
import os
import sys
from ctypes import CDLL, byref, c_char_p, c_int, c_ubyte, c_uint, create_string_buffer
from typing import Any, Dict, Iterator, List

_NO_FUNCTION = 500  # CUDA_ERROR_NOT_FOUND: a named symbol was not found
_BUFFER, _DEVICES = 64, 1024


class Cuda:
    """A libcuda, or anything that has its functions."""

    def __init__(self, library: Any) -> None:
        self.library = library

    def call(self, name: str, *arguments: Any) -> int:
        """What a function returns."""
        function = getattr(self.library, name, None)
        return _NO_FUNCTION if function is None else int(function(*arguments))

    def error(self, code: int) -> List[Any]:
        """A number, and the library's name and text for it."""
        texts = []
        for name in ("cuGetErrorName", "cuGetErrorString"):
            text = c_char_p()
            if self.call(name, c_int(code), byref(text)) == 0 and text.value:
                texts.append(text.value.decode("utf-8", "replace"))
        return [code, ": ".join(texts)]


def _uuid(cuda: Cuda, device: c_int) -> str:
    """The UUID of a device, which is that of a MIG device with the newer function, and of its GPU with the older."""
    found = []
    for name in ("cuDeviceGetUuid_v2", "cuDeviceGetUuid"):
        data = (c_ubyte * 16)()
        if cuda.call(name, byref(data), device) == 0:
            found.append(bytes(data).hex())
    if not found:
        return ""
    digits = found[0]
    parts = [digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]]
    return "-".join(["GPU" if len(set(found)) == 1 else "MIG", *parts])


def read(library: Any) -> Iterator[Dict[str, Any]]:
    """What CUDA says, piece by piece.

    Args:
        library: libcuda, or an object with its functions, which take what a C function takes: ctypes objects.
    """
    cuda = Cuda(library)
    version = c_int()
    if cuda.call("cuDriverGetVersion", byref(version)) == 0:
        yield {"version": version.value}
    many = c_int()
    code = cuda.call("cuInit", c_uint(0)) or cuda.call("cuDeviceGetCount", byref(many))
    if code:
        yield {"error": cuda.error(code)}
        return
    for ordinal in range(min(many.value, _DEVICES)):
        device, address = c_int(), create_string_buffer(_BUFFER)
        code = cuda.call("cuDeviceGet", byref(device), c_int(ordinal))
        code = code or cuda.call("cuDeviceGetPCIBusId", address, c_int(_BUFFER), device)
        if code:
            yield {"error": cuda.error(code)}
            return
        yield {"address": address.value.decode("ascii", "replace"), "uuid": _uuid(cuda, device)}
    yield {"error": [0, ""]}


def main(path: str) -> None:
    """Write what the library at a path says to the standard output, and what it prints itself to the other one."""
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
    # This asks what there is. What a server is told to see of it is another question.
    os.environ.pop("CUDA_VISIBLE_DEVICES", None)
    try:
        answers = read(CDLL(path))
    except OSError as error:
        answers = iter([{"failure": str(error)}])
    for answer in answers:
        output.write(json.dumps(answer) + "\n")
        output.flush()


if __name__ == "__main__":
    main(sys.argv[1])
