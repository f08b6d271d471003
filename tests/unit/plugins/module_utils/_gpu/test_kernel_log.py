# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel's log says of GPUs."""

from __future__ import annotations

import os

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu import kernel_log
from ansible_collections.inference.triton.plugins.module_utils._gpu.evidence import LogLine
from ansible_collections.inference.triton.plugins.module_utils._gpu.host_files import HostFiles
from ansible_collections.inference.triton.plugins.module_utils._gpu.kernel_log import read_kernel_log


@pytest.fixture
def log(host_tree):
    def read(text):
        host_tree.kernel_log(text)
        lines, told = read_kernel_log(HostFiles(str(host_tree.root)))
        assert told
        return lines

    return read


# Each as the driver of one release or another says it: what the log has, what it is, which GPU it is about.
SAID = [
    ("NVRM: Xid (PCI:0000:9b:00): 79, pid=1, GPU has fallen off the bus.", "xid", "0000:9b:00.0"),
    ("NVRM: Xid (0000:03:00): 13, Graphics Exception", "xid", "0000:03:00.0"),
    ("NVRM: Xid (PCI:000E:01:00 GPU-I:05): 94, pid=7", "xid", "000e:01:00.0"),
    ("nvidia-nvswitch2: SXid (PCI:0000:85:00.0): 12028, Non-fatal", "sxid", "0000:85:00.0"),
    ("NVRM: GPU 0000:04:00.0: GPU has fallen off the bus.", "fallen_off_bus", "0000:04:00.0"),
    ("NVRM: GPU at PCI:0000:04:00 has fallen off the bus.", "fallen_off_bus", "0000:04:00.0"),
    ("NVRM: GPU 00000000:98:00.0: RmInitAdapter failed! (0x62:0x65:1792)", "rm_init_failed", "0000:98:00.0"),
    ("NVRM: GPU 0000:98:00.0: rm_init_adapter failed, device minor number 0", "rm_init_failed", "0000:98:00.0"),
    ("NVRM: RmInitAdapter failed! (0x24:0xffff:1211)", "rm_init_failed", ""),
    (
        "NVRM: GPU 0000:01:00.0: GPU does not have the necessary power cables connected.",
        "power_cable",
        "0000:01:00.0",
    ),
    (
        "NVRM: Rate limiting GSP RPC error prints for GPU at PCI:0000:9b:00 (printing 1 of every 30).",
        "gsp_timeout",
        "0000:9b:00.0",
    ),
    (
        "nvidia 0000:01:00.0: Direct firmware load for nvidia/550.54.15/gsp_tu10x.bin failed with error -2",
        "gsp_firmware",
        "0000:01:00.0",
    ),
    ("NVRM: The NVIDIA probe routine was not called for 3 device(s).", "probe_not_called", ""),
    ("NVRM: The NVIDIA probe routine failed for 1 device(s).", "probe_failed", ""),
    ("NVRM: No NVIDIA GPU found.", "no_gpu_found", ""),
    ("NVRM: No NVIDIA graphics adapter found!", "no_gpu_found", ""),
    ("Loading of module with unavailable key is rejected", "key_rejected", ""),
    ("Lockdown: modprobe: unsigned module loading is restricted; see man kernel_lockdown.7", "key_rejected", ""),
]


@pytest.mark.parametrize(("text", "kind", "address"), SAID)
def test_what_the_kernel_says_in_one_line(log, text, kind, address):
    (line,) = log(text)
    assert (line.kind, line.text, line.pci_address) == (kind, text, address)


LONG = [
    (
        """NVRM: The NVIDIA GPU 0000:b3:00.0
        NVRM: (PCI ID: 10de:26b5) installed in this system has
        NVRM: fallen off the bus and is not responding to commands.""",
        "fallen_off_bus",
        "0000:b3:00.0",
    ),
    (
        """NVRM: The NVIDIA GPU 0000:b3:00.0 (PCI ID: 10de:26b5) installed in this
        NVRM: system has fallen off the bus and is not responding to commands.""",
        "fallen_off_bus",
        "0000:b3:00.0",
    ),
    (
        """NVRM: The NVIDIA GPU 0000:01:00.0 (PCI ID: 10de:1292)
        NVRM: installed in this system is not supported by the
        NVRM: NVIDIA 590.44.01 driver release.""",
        "not_supported",
        "0000:01:00.0",
    ),
    (
        """NVRM: The NVIDIA GPU 0000:02:00.0 (PCI ID: 10de:2bb5)
        NVRM: installed in this system requires use of the NVIDIA open kernel modules.""",
        "not_supported",
        "0000:02:00.0",
    ),
    (
        """NVRM: The NVIDIA NVIDIA GeForce GTX 1080 GPU installed in this system is
        NVRM: supported through the NVIDIA 580.xx Legacy drivers.""",
        "not_supported",
        "",
    ),
    (
        """NVRM: This PCI I/O region assigned to your NVIDIA device is invalid:
        NVRM: BAR1 is 0M @ 0x0 (PCI:0000:0b:00.0)""",
        "bar_invalid",
        "0000:0b:00.0",
    ),
    (
        """NVRM: API mismatch: the client has the version 570.86.10, but
        NVRM: this kernel module has the version 550.54.15.""",
        "api_mismatch",
        "",
    ),
]


@pytest.mark.parametrize("between", ["\n", "\\x0a"], ids=["records", "one record"])
@pytest.mark.parametrize(("text", "kind", "address"), LONG)
def test_what_the_kernel_says_in_several_lines(log, between, text, kind, address):
    first, *others = map(str.strip, text.splitlines())
    (line,) = log(between.join([first, *others]))
    assert (line.kind, line.pci_address) == (kind, address)
    assert line.text.startswith(first + " ")
    assert line.text.count("NVRM:") == 1


def test_the_number_of_an_xid(log):
    assert [line.xid for line in log("NVRM: Xid (PCI:0000:9b:00): 119, pid=7, name=x, Timeout after 6s")] == [119]


def test_an_xid_in_the_middle_of_another_message(log):
    lines = log(
        "NVRM: The NVIDIA GPU 0000:b3:00.0\nNVRM: Xid (PCI:0000:9b:00): 79, pid=1\n"
        "NVRM: installed in this system has\nNVRM: fallen off the bus and is not responding to commands."
    )
    assert [(line.kind, line.pci_address) for line in lines] == [
        ("xid", "0000:9b:00.0"),
        ("fallen_off_bus", "0000:b3:00.0"),
    ]


def test_a_message_that_does_not_end_is_given_up(log):
    assert log("NVRM: The NVIDIA GPU 0000:b3:00.0\n" + "NVRM: x\n" * 3 + "NVRM: has\nNVRM: fallen off the bus") == ()


@pytest.mark.parametrize(
    "text",
    [
        "NVRM: loading NVIDIA UNIX x86_64 Kernel Module  550.54.15",
        "nvidia: module verification failed: signature and/or required key missing - tainting kernel",
        "nvidia-nvlink: Nvlink Core is being initialized, major device number 510",
        "nvidia 0000:0a:00.0: enabling device (0000 -> 0003)",
        "IPv6: ADDRCONF(NETDEV_CHANGE): eth0: link becomes ready",
        "usb 1-1: device has fallen off the bus",
    ],
)
def test_what_is_no_trouble(log, text):
    assert log(text) == ()


def test_the_first_line_of_each_kind_for_each_gpu_and_xid(log):
    repeated = "".join(f"NVRM: Xid (PCI:0000:9b:00): 119, pid={pid}\n" for pid in range(1000))
    lines = log(repeated + "NVRM: Xid (PCI:0000:9c:00): 119, pid=8\nNVRM: Xid (PCI:0000:9b:00): 79, pid=9")
    assert lines == (
        LogLine("xid", "NVRM: Xid (PCI:0000:9b:00): 119, pid=0", "0000:9b:00.0", 119),
        LogLine("xid", "NVRM: Xid (PCI:0000:9c:00): 119, pid=8", "0000:9c:00.0", 119),
        LogLine("xid", "NVRM: Xid (PCI:0000:9b:00): 79, pid=9", "0000:9b:00.0", 79),
    )


def test_there_is_no_end_of_lines(log):
    assert (
        len(log("".join(f"NVRM: Xid (PCI:0000:{bus:02x}:00): {xid}, x\n" for bus in range(9) for xid in range(99))))
        == 200
    )


def test_a_very_long_line_is_cut(log):
    (line,) = log("NVRM: Xid (PCI:0000:9b:00): 119, " + "x" * 5000)
    assert len(line.text) == 400


def test_what_comes_with_a_record_is_not_its_text(host_tree):
    record = b"4,1,1,-;harmless nvidia\n SUBSYSTEM=pci\n DEVICE=NVRM: Xid (PCI:0000:9b:00): 79, x\n"
    host_tree.write("dev/kmsg", record)
    assert read_kernel_log(HostFiles(str(host_tree.root))) == ((), True)


def test_a_log_that_is_not_there(host_tree):
    assert read_kernel_log(HostFiles(str(host_tree.root))) == ((), False)


class Device:
    """The log as the kernel gives it: each read one record, or an error."""

    def __init__(self, monkeypatch, *answers):
        self.answers = list(answers)
        self.closed = False
        monkeypatch.setattr(kernel_log.stat, "S_ISCHR", lambda mode: True)
        monkeypatch.setattr(kernel_log.os, "open", lambda path, flags: -7 if flags & os.O_NONBLOCK else None)
        monkeypatch.setattr(kernel_log.os, "read", lambda descriptor, size: self.read())
        monkeypatch.setattr(kernel_log.os, "close", lambda descriptor: setattr(self, "closed", True))
        monkeypatch.setattr(HostFiles, "read", lambda *arguments: None)
        monkeypatch.setattr(HostFiles, "status", lambda files, path: os.stat("/"))

    def read(self):
        answer = self.answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer


XID = b"4,9,9,-;NVRM: Xid (PCI:0000:9b:00): 79, x\n DEVICE=+pci:0000:9b:00.0\n"


def test_the_device_is_read_to_its_end_and_closed(monkeypatch):
    device = Device(
        monkeypatch, b"6,1,1,-;NVRM: loading\n", BrokenPipeError(32, "overwritten"), XID, BlockingIOError(11, "end")
    )
    lines, told = read_kernel_log(HostFiles("/"))
    assert (told, [line.text for line in lines]) == (True, ["NVRM: Xid (PCI:0000:9b:00): 79, x"])
    assert device.closed and not device.answers


class Clock:
    """A clock by which every look at it takes a second."""

    def __init__(self):
        self.seconds = 0

    def monotonic(self):
        self.seconds += 1
        return self.seconds


def test_a_device_without_an_end_is_left_in_time(monkeypatch):
    device = Device(monkeypatch, *[XID] * 100)
    monkeypatch.setattr(kernel_log, "time", Clock())
    lines, told = read_kernel_log(HostFiles("/"), seconds=10)
    assert (told, len(lines), device.closed, len(device.answers)) == (True, 1, True, 91)


def test_a_device_that_this_user_may_not_read(monkeypatch):
    Device(monkeypatch)

    def refuse(path, flags):
        raise PermissionError

    monkeypatch.setattr(kernel_log.os, "open", refuse)
    assert read_kernel_log(HostFiles("/")) == ((), False)
