# SPDX-License-Identifier: GPL-3.0-or-later
"""GPUs on the PCI bus, of trees that look like /sys."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu.evidence import OtherGpu, PciGpu
from ansible_collections.inference.triton.plugins.module_utils._gpu.host_files import HostFiles
from ansible_collections.inference.triton.plugins.module_utils._gpu.pci import PciBus, read_pci


@pytest.fixture
def bus(host_tree):
    return lambda: read_pci(HostFiles(str(host_tree.root)))


def test_a_gpu(bus, host_tree):
    host_tree.gpu("0000:0a:00.0", numa=1)
    assert bus().gpus == (
        PciGpu("0000:0a:00.0", "10de:20b2", "10de:1463", "0x030200", driver="nvidia", numa_node=1, power_state="D0"),
    )


def test_the_order_is_that_of_the_addresses_as_numbers(bus, host_tree):
    addresses = ["0000:0a:00.0", "0000:c1:00.0", "0001:00:00.0", "f000:00:00.0", "10000:01:00.0"]
    for address in reversed(addresses):
        host_tree.gpu(address)
    assert [gpu.address for gpu in bus().gpus] == addresses


def test_a_card_with_a_display_is_a_gpu_and_its_audio_is_none(bus, host_tree):
    host_tree.gpu("0000:01:00.0", device="2684", vga=True)
    host_tree.pci("0000:01:00.1", device="22ba", pci_class="040300", driver="snd_hda_intel")
    assert [gpu.device_id for gpu in bus().gpus] == ["10de:2684"]


def test_a_virtual_function_is_no_gpu_of_its_host(bus, host_tree):
    host_tree.gpu("0000:0a:00.0")
    host_tree.gpu("0000:0a:00.4", virtual_function=True)
    host_tree.pci("0000:03:02.1", vendor="8086", device="56c0", pci_class="038000", virtual_function=True)
    assert [gpu.address for gpu in bus().gpus] == ["0000:0a:00.0"]
    assert bus().other_gpus == ()


@pytest.mark.parametrize("driver", ["nouveau", "vfio-pci", None])
def test_the_driver_that_holds_it(bus, host_tree, driver):
    host_tree.gpu("0000:0a:00.0", driver=driver)
    assert bus().gpus[0].driver == (driver or "")


def test_a_configuration_space_of_ones_means_off_the_bus(bus, host_tree):
    host_tree.gpu("0000:0a:00.0", off_bus=True)
    host_tree.gpu("0000:0b:00.0")
    assert [gpu.off_bus for gpu in bus().gpus] == [True, False]


def test_a_gpu_that_sleeps_is_not_off_the_bus_and_not_woken_up(bus, host_tree):
    host_tree.gpu("0000:0a:00.0", off_bus=True, power_state="D3cold")
    assert (bus().gpus[0].off_bus, bus().gpus[0].power_state) == (False, "D3cold")


def test_an_unreadable_configuration_space_says_nothing(bus, host_tree):
    host_tree.gpu("0000:0a:00.0")
    host_tree.write("sys/bus/pci/devices/0000:0a:00.0/config", b"")
    assert not bus().gpus[0].off_bus


def test_a_host_without_numa_has_no_node(bus, host_tree):
    host_tree.gpu("0000:0a:00.0", numa=-1)
    assert bus().gpus[0].numa_node is None


def test_nvswitches_are_counted_and_other_bridges_are_not(bus, host_tree):
    host_tree.nvswitch("0000:05:00.0")
    host_tree.nvswitch("0000:06:00.0")
    host_tree.pci("0000:07:00.0", device="22b1", pci_class="060400")
    host_tree.pci("0000:08:00.0", vendor="8086", pci_class="068000")
    assert bus() == PciBus(nvswitches=2, readable=True)


def test_gpus_of_other_vendors(bus, host_tree):
    host_tree.other_gpu("0000:03:00.0")
    host_tree.other_gpu("0000:04:00.0", vendor="8086", device="0bd5", driver=None)
    host_tree.other_gpu("0000:05:00.0", vendor="8086", device="1020", driver="habanalabs", pci_class="120000")
    host_tree.other_gpu("0000:06:00.0", vendor="1a03", device="2000", driver="ast", pci_class="030000")
    host_tree.other_gpu("0000:07:00.0", vendor="8086", device="1572", driver="i40e", pci_class="020000")
    assert bus().other_gpus == (
        OtherGpu("0000:03:00.0", "AMD", "1002:740f", "amdgpu"),
        OtherGpu("0000:04:00.0", "Intel", "8086:0bd5", ""),
        OtherGpu("0000:05:00.0", "Intel", "8086:1020", "habanalabs"),
    )


def test_an_empty_bus_is_not_an_unreadable_one(bus, host_tree):
    assert bus() == PciBus()
    host_tree.folder("sys/bus/pci/devices")
    assert bus() == PciBus(readable=True)


def test_what_is_no_address_and_what_is_half_gone_is_left_out(bus, host_tree):
    host_tree.gpu("0000:0a:00.0")
    host_tree.link("sys/bus/pci/devices/0000:0b:00.0", "../../../devices/gone")
    host_tree.folder("sys/bus/pci/devices/slot")
    assert [gpu.address for gpu in bus().gpus] == ["0000:0a:00.0"]
