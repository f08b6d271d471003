# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for nvidia-smi: a shell script with the answers of a host with two A100, and whatever is wrong with it."""

from __future__ import annotations

from typing import Dict

FIRST, SECOND = "0000:0a:00.0", "0000:41:00.0"
UUIDS = {FIRST: "GPU-11111111-aaaa-bbbb-cccc-dddddddddddd", SECOND: "GPU-22222222-aaaa-bbbb-cccc-dddddddddddd"}
NO_HANDLE = "Unable to determine the device handle for GPU1: 0000:41:00.0: Unknown Error"

# The text of each element, by its path.
HEALTHY = {
    "product_name": "NVIDIA A100-SXM4-80GB",
    "product_brand": "NVIDIA",
    "product_architecture": "Ampere",
    "persistence_mode": "Enabled",
    "mig_mode/current_mig": "Disabled",
    "mig_mode/pending_mig": "Disabled",
    "ecc_mode/current_ecc": "Enabled",
    "compute_mode": "Default",
    "fb_memory_usage/total": "81920 MiB",
    "fb_memory_usage/used": "0 MiB",
    "fb_memory_usage/free": "81920 MiB",
    "fabric/state": "N/A",
    "gpu_recovery_action": "None",
}


def gpu(address: str, more: str = "", **texts: str) -> str:
    """The element of a GPU.

    Args:
        more: further elements.
        texts: other texts, by path, with ``__`` for the slash: ``mig_mode__current_mig="Enabled"``.
    """
    told = {**HEALTHY, **{path.replace("__", "/"): text for path, text in texts.items()}}
    groups: Dict[str, str] = {}
    for path, text in told.items():
        outer, _slash, inner = path.partition("/")
        groups[outer] = groups.get(outer, "") + (f"<{inner}>{text}</{inner}>" if inner else text)
    elements = "".join(f"<{name}>{content}</{name}>" for name, content in groups.items())
    bus = f"0000{address.upper()}"
    return (
        f'<gpu id="{bus}">{elements}{more}<uuid>{UUIDS[address]}</uuid>'
        f"<pci><pci_bus_id>{bus}</pci_bus_id><pci_device_id>20B210DE</pci_device_id></pci></gpu>"
    )


def answers(*gpus: str, then: str = "", listing: str = "", cuda: str = "12.4", driver: str = "550.54.15") -> str:
    """The script: these GPUs, then a command, and what it prints for ``-L``."""
    document = (
        f'<?xml version="1.0" ?><nvidia_smi_log><driver_version>{driver}</driver_version><cuda_version>{cuda}'
        f"</cuda_version><attached_gpus>{len(gpus)}</attached_gpus>{''.join(gpus)}</nvidia_smi_log>"
    )
    capabilities = "\n".join(f"{address}, {at}, 8.0, {uuid}" for at, (address, uuid) in enumerate(UUIDS.items()))
    return (
        f"case \"$1\" in\n-q) cat <<'END'\n{document}\nEND\n{then} ;;\n"
        f"-L) cat <<'END'\n{listing}\nEND\n;;\n*) cat <<'END'\n{capabilities}\nEND\n;;\nesac"
    )


def both(**texts: str) -> str:
    """The script of a host whose second GPU has other texts."""
    return answers(gpu(FIRST), gpu(SECOND, **texts))
