# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts with GPUs that consist of files and an nvidia-smi, for ``root=``. They prove detection, never a GPU's work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ansible_collections.inference.triton.tests.unit.plugins.module_utils._gpu.host_tree import HostTree

ADDRESSES = ("0000:0a:00.0", "0000:41:00.0")
LOST = "Unable to determine the device handle for GPU1: 0000:41:00.0: Unknown Error"


def two_a100(root: Path, lost: Sequence[str] = (), mig: bool = False) -> HostTree:
    """Two A100 80GB with driver 550, of which nvidia-smi does not answer for those that are lost.

    Args:
        mig: whether MIG is on, without an instance.
    """
    tree = HostTree(root).two_a100()
    # No library that could be asked: it would be that of the machine that the tests run on.
    answering = [number for number, address in enumerate(ADDRESSES) if address not in lost]
    xml = "".join(_gpu(number, mig) for number in answering)
    rows = "".join(f"0000{ADDRESSES[number].upper()}, {number}, 8.0, {_uuid(number)}\n" for number in answering)
    names = "".join(f"GPU {number}: NVIDIA A100-SXM4-80GB (UUID: {_uuid(number)})\n" for number in answering)
    tree.write(
        "smi/-q",
        '<?xml version="1.0" ?>\n<nvidia_smi_log><driver_version>550.54.15</driver_version>'
        f"<cuda_version>12.4</cuda_version><attached_gpus>2</attached_gpus>{xml}</nvidia_smi_log>\n",
    )
    tree.write("smi/--query-gpu", rows)
    tree.write("smi/-L", names)
    complaint = f"echo '{LOST}' >&2" if lost else ""
    tree.nvidia_smi(f'cat "{tree.root}/smi/${{1%%=*}}"\n{complaint}')
    return tree


def _uuid(number: int) -> str:
    return f"GPU-{str(number + 1) * 8}-aaaa-bbbb-cccc-dddddddddddd"


def _gpu(number: int, mig: bool) -> str:
    mode = "Enabled" if mig else "Disabled"
    return (
        f'<gpu id="0000{ADDRESSES[number].upper()}"><product_name>NVIDIA A100-SXM4-80GB</product_name>'
        f"<product_brand>NVIDIA</product_brand><uuid>{_uuid(number)}</uuid><minor_number>{number}</minor_number>"
        "<product_architecture>Ampere</product_architecture><persistence_mode>Enabled</persistence_mode>"
        f"<mig_mode><current_mig>{mode}</current_mig><pending_mig>{mode}</pending_mig></mig_mode>"
        "<mig_devices>None</mig_devices><compute_mode>Default</compute_mode>"
        "<fb_memory_usage><total>81920 MiB</total><used>4 MiB</used><free>81250 MiB</free></fb_memory_usage></gpu>"
    )
