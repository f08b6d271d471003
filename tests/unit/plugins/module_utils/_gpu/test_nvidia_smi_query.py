# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking an nvidia-smi of the test's own, which answers, refuses, complains, hangs and leaves GPUs out."""

from __future__ import annotations

import os
import time

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu.evidence import MigDevice
from ansible_collections.inference.triton.plugins.module_utils._gpu.nvidia_smi_query import ask_nvidia_smi

NO_HANDLE = "Unable to determine the device handle for GPU1: 0000:41:00.0: Unknown Error"
CAPABILITIES = "00000000:0A:00.0, 0, 8.0, GPU-11"
ALL = "00000000:0A:00.0, 0, 8.0, GPU-11, 550.54.15, 0x20B710DE, 24576, 4, 24060, Default, Enabled, Disabled, Disabled,"


def gpu(bus_id="00000000:0A:00.0", uuid="GPU-11", mig="Disabled", more=""):
    return (
        f'<gpu id="{bus_id}"><product_name>NVIDIA A30</product_name><uuid>{uuid}</uuid>'
        f"<mig_mode><current_mig>{mig}</current_mig></mig_mode>{more}"
        f"<fb_memory_usage><total>24576 MiB</total></fb_memory_usage><pci><pci_bus_id>{bus_id}</pci_bus_id></pci></gpu>"
    )


def log(*gpus, attached=None):
    return (
        f'<?xml version="1.0" ?><nvidia_smi_log><driver_version>550.54.15</driver_version>\n'
        f"<attached_gpus>{len(gpus) if attached is None else attached}</attached_gpus>{''.join(gpus)}</nvidia_smi_log>"
    )


class Smi:
    """An nvidia-smi whose answers are files, and which keeps a list of its calls."""

    def __init__(self, folder):
        self.folder = folder
        self.path = folder / "nvidia-smi"
        self.answers = {"-q": "", "--query-gpu": "exit 6", "-L": "exit 6"}

    def says(self, option, text, then=""):
        name = self.folder / f"answer{len(os.listdir(str(self.folder)))}"
        name.write_text(text)
        self.answers[option] = f"cat '{name}'; {then}"

    def does(self, option, script):
        self.answers[option] = script

    def ask(self, seconds=20.0, details=True):
        cases = "".join(f"{option}*)\n{script}\n;;\n" for option, script in self.answers.items())
        calls = self.folder / "calls"
        self.path.write_text(f'#!/bin/sh\necho "$*" >> "{calls}"\ncase "$1" in\n{cases}esac\n')
        self.path.chmod(0o755)
        return ask_nvidia_smi([str(self.path)], time.monotonic() + seconds, details)

    def calls(self):
        return (self.folder / "calls").read_text().splitlines()


@pytest.fixture
def smi(tmp_path):
    return Smi(tmp_path)


def test_two_gpus(smi):
    smi.says("-q", log(gpu(), gpu("00000000:41:00.0", "GPU-22")))
    smi.says("--query-gpu", f"00000000:41:00.0, 1, 8.6, GPU-22\n{CAPABILITIES}\n")
    answer = smi.ask()
    assert [(device.pci_address, device.index, device.compute_capability) for device in answer.devices] == [
        ("0000:0a:00.0", 0, (8, 0)),
        ("0000:41:00.0", 1, (8, 6)),
    ]
    assert answer.asked == "nvidia-smi -q -x"
    assert (answer.error, answer.failure, answer.timed_out, answer.driver_version) == (0, "", False, "550.54.15")
    assert (answer.complaints, answer.seen, answer.unknown, answer.mig_listed) == ((), (), (), False)
    assert answer.seconds > 0


def test_what_has_mig_off_is_asked_twice(smi):
    smi.says("-q", log(gpu()))
    smi.says("--query-gpu", CAPABILITIES)
    smi.ask()
    assert [call.split("=")[0] for call in smi.calls()] == ["-q -x", "--query-gpu"]


def test_without_details_there_is_one_call(smi):
    smi.says("-q", log(gpu(mig="Enabled")))
    (device,) = smi.ask(details=False).devices
    assert (device.index, device.compute_capability) == (0, None)
    assert smi.calls() == ["-q -x"]


def test_mig_devices(smi):
    mig = "<mig_devices><mig_device><index>0</index><gpu_instance_id>1</gpu_instance_id></mig_device></mig_devices>"
    smi.says("-q", log(gpu(mig="Enabled", more=mig), gpu("00000000:41:00.0", "GPU-22")))
    smi.says("--query-gpu", CAPABILITIES)
    smi.says("-L", "GPU 0: NVIDIA A30 (UUID: GPU-11)\n  MIG 2g.12gb     Device  0: (UUID: MIG-1)\n")
    answer = smi.ask()
    assert answer.mig_listed
    assert [device.mig_devices for device in answer.devices] == [
        (MigDevice(uuid="MIG-1", profile="2g.12gb", index=0, gpu_instance=1),),
        (),
    ]


@pytest.mark.parametrize(
    ("then", "seen"),
    [("exit 15", "nvidia-smi -L failed with exit code 15"), ("sleep 30", "nvidia-smi -L did not answer within")],
)
def test_mig_devices_that_cannot_be_listed(smi, then, seen):
    smi.says("-q", log(gpu(mig="Enabled")))
    smi.says("--query-gpu", CAPABILITIES)
    smi.does("-L", then)
    answer = smi.ask(2.0)
    assert not answer.mig_listed and answer.devices
    assert answer.seen[0].startswith(seen)


def test_an_old_driver_refuses_a_field(smi):
    smi.says("-q", log(gpu()))
    smi.does(
        "--query-gpu",
        f"""case "$1" in
        *compute_cap*) echo 'Field "compute_cap" is not a valid field to query.'; exit 2 ;;
        *) echo '{CAPABILITIES.replace(" 8.0,", "")}' ;;
        esac""",
    )
    answer = smi.ask()
    (device,) = answer.devices
    assert (device.index, device.compute_capability, answer.error, answer.seen) == (0, None, 0, ())


@pytest.mark.parametrize("stream", ["1", "2"])
@pytest.mark.parametrize("code", [0, 15])
def test_a_gpu_that_it_leaves_out_and_complains_about(smi, stream, code):
    smi.says("-q", log(gpu(), attached=1), f"echo '{NO_HANDLE}' >&{stream}; exit {code}")
    smi.says("--query-gpu", f"{NO_HANDLE}\n{CAPABILITIES}")
    answer = smi.ask()
    assert [device.pci_address for device in answer.devices] == ["0000:0a:00.0"]
    assert answer.complaints == (("0000:41:00.0", NO_HANDLE, 999),)
    assert (answer.error, answer.seen) == (code, ())


def test_the_index_of_a_gpu_beside_a_missing_one_is_not_its_position(smi):
    smi.says("-q", log(gpu("00000000:42:00.0", "GPU-33"), attached=2))
    smi.says("--query-gpu", "00000000:42:00.0, 2, 8.0, GPU-33\n")
    assert smi.ask(details=False).devices[0].index is None
    assert smi.ask().devices[0].index == 2


def test_a_gpu_that_it_leaves_out_without_a_word(smi):
    smi.says("-q", log(gpu(), attached=2))
    smi.says("--query-gpu", CAPABILITIES)
    answer = smi.ask()
    assert len(answer.devices) == 1 and answer.complaints == () and answer.error == 0


@pytest.mark.parametrize(
    ("line", "address", "code"),
    [
        ("Unable to determine the device handle for GPU0000:25:00.0: Unknown Error", "0000:25:00.0", 999),
        ("Unable to determine the device handle for GPU 0000:01:00.0: Not Found", "0000:01:00.0", 6),
        ("Unable to determine the device handle for GPU2: Unknown Error", "", 999),
        (
            "Unable to determine the device handle for gpu 0000:65:00.0: GPU is lost.  Reboot the system to recover",
            "0000:65:00.0",
            15,
        ),
        ("WARNING: infoROM is corrupted at gpu 0000:0A:00.0", "0000:0a:00.0", 14),
        ("GPU 0000:0A:00.0: something new", "0000:0a:00.0", None),
    ],
)
def test_complaints(smi, line, address, code):
    smi.says("-q", log(gpu()), f"echo '{line}'")
    assert smi.ask(details=False).complaints == ((address, " ".join(line.split()), code),)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (9, "NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver."),
        (18, "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 550.144"),
        (255, "Failed to initialize NVML: Unknown Error"),
    ],
)
@pytest.mark.parametrize("stream", ["1", "2"])
def test_a_driver_that_does_not_answer_is_asked_once(smi, code, text, stream):
    smi.says("-q", "", f"echo '{text}' >&{stream}; exit {code}")
    answer = smi.ask()
    assert (answer.error, answer.devices, answer.failure) == (code, (), "")
    assert answer.seen == tuple(text.splitlines())
    assert smi.calls() == ["-q -x"]


def test_no_device(smi):
    smi.says("-q", "No devices were found\n")
    smi.says("--query-gpu", "No devices were found\n", "exit 6")
    answer = smi.ask()
    assert (answer.devices, answer.seen, answer.failure) == ((), ("No devices were found",), "")


def test_where_the_xml_is_none_a_query_answers(smi):
    smi.says("-q", log(gpu())[:-40])
    row = f"{ALL} Enabled, 0, No, No, [N/A], None, N/A, N/A, NVIDIA A30\n"
    smi.says("--query-gpu", row)
    answer = smi.ask()
    (device,) = answer.devices
    assert (device.pci_address, device.memory_mib, device.compute_capability) == ("0000:0a:00.0", 24576, (8, 0))
    assert (answer.driver_version, answer.failure) == ("550.54.15", "")
    assert answer.instead == "the answer of nvidia-smi -q -x cannot be read: it ends in the middle"
    assert len(smi.calls()) == 2


@pytest.mark.parametrize("code", [0, 15, 255])
def test_where_one_lost_gpu_leaves_no_document_a_query_tells_of_the_others(smi, code):
    smi.says("-q", f"{NO_HANDLE}\n", f"exit {code}")
    smi.says(
        "--query-gpu", f"{NO_HANDLE}\n{ALL} Enabled, 0, No, No, [N/A], None, N/A, N/A, NVIDIA A30\n", f"exit {code}"
    )
    answer = smi.ask()
    assert [device.pci_address for device in answer.devices] == ["0000:0a:00.0"]
    assert answer.complaints == (("0000:41:00.0", NO_HANDLE, 999),)
    assert (answer.error, answer.failure) == (code, "")


def test_where_there_is_too_much_to_read_a_query_answers(smi):
    smi.says("-q", log(gpu()), "head -c 2000000 /dev/zero")
    smi.says("--query-gpu", f"{ALL} Enabled, 0, No, No, [N/A], None, N/A, N/A, NVIDIA A30\n")
    answer = smi.ask()
    assert (len(answer.devices), answer.failure) == (1, "")


def test_it_is_ended_by_a_signal(smi):
    smi.does("-q", "kill -11 $$")
    answer = smi.ask()
    assert (answer.error, answer.failure, answer.timed_out) == (None, "was ended by signal 11", False)


def test_where_neither_answers_the_reason_is_told(smi):
    smi.says("-q", log(gpu())[:-40])
    smi.does("--query-gpu", "exit 0")
    answer = smi.ask()
    assert answer.failure == "the answer of nvidia-smi -q -x cannot be read: it ends in the middle"


def test_nothing_is_asked_when_no_time_is_left(smi):
    smi.says("-q", log(gpu()))
    answer = smi.ask(-1.0)
    assert (answer.failure, answer.timed_out) == ("was not asked: no time was left", True)
    assert not (smi.folder / "calls").exists()


def test_a_command_that_is_not_there(tmp_path):
    answer = ask_nvidia_smi([str(tmp_path / "none")], time.monotonic() + 20)
    assert (answer.error, answer.timed_out) == (None, False)
    assert answer.failure == "cannot be started: No such file or directory"


@pytest.mark.parametrize("script", ["sleep 30", "sleep 30 & exec sleep 30", "(trap '' TERM; sleep 30) & wait"])
def test_a_driver_that_hangs(smi, script):
    smi.does("-q", f"echo '{NO_HANDLE}'; {script}")
    began = time.monotonic()
    answer = smi.ask(0.5)
    assert time.monotonic() - began < 10
    assert (answer.error, answer.timed_out, answer.devices) == (None, True, ())
    assert answer.failure.startswith("did not answer within")
    assert answer.complaints == (("0000:41:00.0", NO_HANDLE, 999),)
    assert smi.calls() == ["-q -x"]


def test_what_answers_before_it_hangs_is_kept(smi):
    smi.says("-q", log(gpu()))
    smi.does("--query-gpu", "sleep 30")
    answer = smi.ask(1.0)
    assert (len(answer.devices), answer.timed_out, answer.failure) == (1, True, "")


def test_details_that_fail_are_no_error_of_the_answer(smi):
    smi.says("-q", log(gpu()))
    smi.does("--query-gpu", "exit 3")
    answer = smi.ask()
    assert (answer.error, len(answer.devices), answer.failure) == (0, 1, "")
    assert answer.seen == ("nvidia-smi --query-gpu failed with exit code 3",)


def test_a_fault_that_only_the_query_tells(smi):
    smi.says("-q", log(gpu()))
    smi.says("--query-gpu", CAPABILITIES.replace("8.0", "[GPU requires reset]"))
    assert smi.ask().devices[0].faults == ("GPU requires reset",)
