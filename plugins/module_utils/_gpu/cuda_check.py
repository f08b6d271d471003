# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Whether CUDA starts: the only proof of it, and no question without a trace.

To start CUDA can load the module nvidia-uvm and make device nodes. So a task has to ask for this.
"""

from __future__ import annotations

import time
from typing import Any, Dict

from . import cuda_child
from .child_process import ChildAnswer, run_child
from .driver_words import one_line
from .evidence import CudaAnswer
from .pci_address import address_in


def ask_cuda(library: str, seconds: float) -> CudaAnswer:
    """Start CUDA in a process of its own, and ask for its devices.

    Args:
        library: path of libcuda.so.1, or its name, which leaves the search to the loader.
        seconds: how long it may take.
    """
    began = time.monotonic()
    answer = interpreted(run_child(cuda_child, [library], seconds))
    return answer._replace(seconds=round(time.monotonic() - began, 3))


def interpreted(child: ChildAnswer) -> CudaAnswer:
    """What the child's lines mean, also where it did not come to its end."""
    devices = [line for line in child.lines if "address" in line]
    told: Dict[str, Any] = {name: value for line in child.lines if line not in devices for name, value in line.items()}
    version, error = told.get("version"), told.get("error")
    known = error is not None
    code, text = error or (None, "")
    return CudaAnswer(
        error=code,
        seen=one_line(text),
        timed_out=child.timed_out,
        failure="" if known else str(told.get("failure") or child.failure or "it said nothing"),
        driver_version=f"{version // 1000}.{version % 1000 // 10}" if isinstance(version, int) and version > 0 else "",
        addresses=tuple(address_in(str(line["address"])) or "" for line in devices),
        uuids=tuple(str(line.get("uuid") or "") for line in devices),
    )
