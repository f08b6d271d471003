# SPDX-License-Identifier: GPL-3.0-or-later
"""The MIG devices in the output of ``nvidia-smi -L``."""

from __future__ import annotations

from ansible_collections.inference.triton.plugins.module_utils._gpu.evidence import MigDevice
from ansible_collections.inference.triton.plugins.module_utils._gpu.nvidia_smi_listing import joined, mig_devices

FIRST, SECOND = MigDevice("MIG-1", "2g.12gb", 0), MigDevice("MIG-2", "1g.6gb", 1)
SMALL, LARGE = MigDevice(index=0, memory_mib=6000), MigDevice(index=1, memory_mib=12000)


def test_they_belong_to_the_gpu_above_them():
    text = (
        "GPU 0: NVIDIA A30 (UUID: GPU-1)\n"
        "GPU 1: Name (with) brackets  (UUID: GPU-2)\n"
        "  MIG 2g.12gb     Device  0: (UUID: MIG-21)\n"
        "  MIG 1c.2g.12gb Device 1: (UUID: MIG-GPU-2/7/0)\n"
        "  something else\n"
    )
    assert mig_devices(text) == {
        "GPU-2": (MigDevice("MIG-21", "2g.12gb", 0), MigDevice("MIG-GPU-2/7/0", "1c.2g.12gb", 1))
    }


def test_they_join_by_index():
    both = (FIRST._replace(memory_mib=6000), SECOND._replace(memory_mib=12000))
    assert joined((SMALL, LARGE), (FIRST, SECOND)) == both
    assert joined((LARGE, SMALL), (FIRST, SECOND)) == both


def test_they_join_by_order_where_an_index_is_missing():
    without = (SMALL._replace(index=None), LARGE._replace(index=None))
    assert joined(without, (FIRST, SECOND)) == (FIRST._replace(memory_mib=6000), SECOND._replace(memory_mib=12000))


def test_where_the_two_do_not_agree_the_listing_counts():
    assert joined((SMALL,), (FIRST, SECOND)) == (FIRST, SECOND)
    assert joined((), (FIRST,)) == (FIRST,)


def test_where_nothing_is_listed_the_rest_stays():
    assert joined((SMALL,), ()) == (SMALL,)
