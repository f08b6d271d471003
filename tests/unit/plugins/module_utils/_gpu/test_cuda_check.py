# SPDX-License-Identifier: GPL-3.0-or-later
"""What CUDA answers when it is started, from a library that is handed in."""

from __future__ import annotations

import json
from ctypes import c_char_p

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu import cuda_child
from ansible_collections.inference.triton.plugins.module_utils._gpu.child_process import ChildAnswer
from ansible_collections.inference.triton.plugins.module_utils._gpu.cuda_check import ask_cuda, interpreted
from ansible_collections.inference.triton.plugins.module_utils._gpu.evidence import CudaAnswer

FIRST = ("00000000:0A:00.0", bytes(range(16)), bytes(range(16)))
MIG = ("0001:41:00.0", bytes(range(1, 17)), bytes(16))


class FakeCuda:
    """CUDA with devices: address, UUID, and that of the GPU."""

    def __init__(self, *devices, init=0, version=12040):
        self.devices, self.init, self.version = devices, init, version

    def cuDriverGetVersion(self, reference):
        reference._obj.value = self.version
        return 0

    def cuInit(self, flags):
        return self.init if flags.value == 0 else 1

    def cuGetErrorName(self, code, reference):
        reference._obj.value = c_char_p(b"CUDA_ERROR_SYSTEM_NOT_READY").value
        return 0 if code.value == 802 else 1

    def cuGetErrorString(self, code, reference):
        reference._obj.value = c_char_p(b"system not yet initialized").value
        return 0 if code.value == 802 else 1

    def cuDeviceGetCount(self, reference):
        reference._obj.value = len(self.devices)
        return 0

    def cuDeviceGet(self, reference, ordinal):
        reference._obj.value = ordinal.value
        return 0

    def cuDeviceGetPCIBusId(self, buffer, length, device):
        buffer.value = self.devices[device.value][0].encode()[: length.value - 1]
        return 0

    def cuDeviceGetUuid_v2(self, reference, device):
        reference._obj[:] = list(self.devices[device.value][1])
        return 0

    def cuDeviceGetUuid(self, reference, device):
        reference._obj[:] = list(self.devices[device.value][2])
        return 0


def ask(library, cut=None, failure="", timed_out=False):
    lines = [json.loads(json.dumps(line)) for line in cuda_child.read(library)]
    return interpreted(ChildAnswer(lines[:cut], failure, timed_out))


def test_devices():
    assert ask(FakeCuda(FIRST, MIG)) == CudaAnswer(
        error=0,
        driver_version="12.4",
        addresses=("0000:0a:00.0", "0001:41:00.0"),
        uuids=("GPU-00010203-0405-0607-0809-0a0b0c0d0e0f", "MIG-01020304-0506-0708-090a-0b0c0d0e0f10"),
    )


def test_a_host_without_a_device():
    assert ask(FakeCuda()) == CudaAnswer(error=0, driver_version="12.4")


def test_cuda_does_not_start():
    answer = ask(FakeCuda(FIRST, init=802))
    assert (answer.error, answer.seen) == (802, "CUDA_ERROR_SYSTEM_NOT_READY: system not yet initialized")
    assert answer.failure == "" and answer.addresses == ()


def test_an_error_without_a_text():
    assert ask(FakeCuda(init=999)) == CudaAnswer(error=999, driver_version="12.4")


@pytest.mark.parametrize("version", [0, -1])
def test_a_version_that_is_none(version):
    assert ask(FakeCuda(version=version)).driver_version == ""


def test_cuda_hangs():
    answer = ask(FakeCuda(), cut=1, failure="did not answer within 5 seconds", timed_out=True)
    assert (answer.error, answer.timed_out, answer.driver_version) == (None, True, "12.4")
    assert answer.failure == "did not answer within 5 seconds"


def test_a_library_that_is_none(tmp_path):
    (tmp_path / "libcuda.so.1").write_bytes(b"\x7fELF" + bytes(60))
    answer = ask_cuda(str(tmp_path / "libcuda.so.1"), 30)
    assert answer.error is None and str(tmp_path) in answer.failure
