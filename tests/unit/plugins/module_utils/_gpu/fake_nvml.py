# SPDX-License-Identifier: GPL-3.0-or-later
"""An NVML of Python functions, which take what the ones of C take: ctypes objects, and references to them."""

from __future__ import annotations

from ctypes import memmove

A30 = {
    "pci": (0, 0x0A, 0, 0x20B710DE, "00000000:0A:00.0"),
    "nvmlDeviceGetUUID": "GPU-11111111-1111-1111-1111-111111111111",
    "nvmlDeviceGetName": "NVIDIA A30",
    "nvmlDeviceGetMinorNumber": (3,),
    "nvmlDeviceGetBrand": (14,),
    "nvmlDeviceGetArchitecture": (7,),
    "memory": (24576 << 20, 4 << 20, 24060 << 20),
    "nvmlDeviceGetCudaComputeCapability": (8, 0),
    "nvmlDeviceGetComputeMode": (0,),
    "nvmlDeviceGetPersistenceMode": (1,),
    "nvmlDeviceGetMigMode": (0, 0),
    "nvmlDeviceGetEccMode": (1, 1),
    "ecc": 2,
    "nvmlDeviceGetRemappedRows": (0, 0, 1, 0),
    "recovery": 4,
    "fabric": (3, 0, 1),
    "nvmlDeviceGetVirtualizationMode": (0,),
}

TEXTS = {3: b"Not Supported", 6: b"Not Found", 15: b"GPU is lost", 18: b"Driver/library version mismatch"}


def _set(reference, value):
    reference._obj.value = value


class FakeNvml:
    """NVML with some GPUs.

    A GPU is a mapping as above; a number in place of a value is the error of the function that asks for it, and a
    number in place of a GPU that of the function that gives its handle. A field that a GPU does not have is not
    supported.
    """

    def __init__(self, *gpus, init=0, driver="550.54.15", cuda=12040, without=(), by_address=None):
        self.gpus, self.init, self.driver, self.cuda = gpus, init, driver, cuda
        self.without, self.by_address = without, by_address or {}
        self.things = []
        self.down = False

    def __getattribute__(self, name):
        if name.startswith("nvml"):
            if name in self.without:
                raise AttributeError(name)
            own = type(self).__dict__.get(name)
            if own is None:
                return lambda device, *references: self.numbers(name, device, references)
        return object.__getattribute__(self, name)

    def handle(self, thing, reference):
        """A handle that does not fit into 32 bits, as on a host."""
        self.things.append(thing)
        reference._obj.value = (len(self.things) << 40) + 1
        return 0

    def told(self, device, field):
        found = self.things[(device.value >> 40) - 1].get(field, 3)
        return (found, None) if isinstance(found, int) and field != "ecc" and field != "recovery" else (0, found)

    def numbers(self, name, device, references):
        code, values = self.told(device, name)
        for reference, value in zip(references, values or ()):
            _set(reference, value)
        return code

    def text(self, name, device, buffer, length):
        code, value = self.told(device, name)
        if code == 0:
            buffer.value = value.encode()[: length.value - 1]
        return code

    def nvmlErrorString(self, code):
        return TEXTS.get(code.value, b"Unknown Error")

    def nvmlInit_v2(self):
        return self.init

    def nvmlShutdown(self):
        self.down = True
        return 0

    def nvmlSystemGetDriverVersion(self, buffer, length):
        buffer.value = self.driver.encode()
        return 0

    def nvmlSystemGetCudaDriverVersion_v2(self, reference):
        if self.cuda < 1000:
            return self.cuda
        _set(reference, self.cuda)
        return 0

    def nvmlDeviceGetCount_v2(self, reference):
        _set(reference, len(self.gpus))
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index, reference):
        gpu = self.gpus[index.value]
        return gpu if isinstance(gpu, int) else self.handle(gpu, reference)

    def nvmlDeviceGetHandleByPciBusId_v2(self, address, reference):
        gpu = self.by_address.get(address.decode(), 6)
        return gpu if isinstance(gpu, int) else self.handle(gpu, reference)

    def nvmlDeviceGetUUID(self, *arguments):
        return self.text("nvmlDeviceGetUUID", *arguments)

    def nvmlDeviceGetName(self, *arguments):
        return self.text("nvmlDeviceGetName", *arguments)

    def nvmlDeviceGetPciInfo_v3(self, device, reference):
        code, value = self.told(device, "pci")
        if code == 0:
            pci = reference._obj
            pci.domain, pci.bus, pci.device, pci.device_and_vendor = value[:4]
            pci.bus_id = value[4].encode()
        return code

    def nvmlDeviceGetMemoryInfo_v2(self, device, reference):
        memory = reference._obj
        return self.nvmlDeviceGetMemoryInfo(device, reference) if memory.version == 0x02000028 else 25

    def nvmlDeviceGetMemoryInfo(self, device, reference):
        code, value = self.told(device, "memory")
        if code == 0:
            reference._obj.total, reference._obj.used, reference._obj.free = value
        return code

    def nvmlDeviceGetTotalEccErrors(self, device, kind, since, reference):
        _code, value = self.told(device, "ecc")
        if (kind.value, since.value) != (1, 0):
            return 2
        _set(reference, value)
        return 0

    def nvmlDeviceGetFieldValues(self, device, many, reference):
        field = reference._obj
        if (many.value, field.field) != (1, 230):
            return 2
        _code, value = self.told(device, "recovery")
        field.kind = 1
        # What lies beside the 32 bits of the answer is not part of it.
        memmove(field.value.data, value.to_bytes(4, "little") + b"\xff" * 4, 8)
        return 0

    def nvmlDeviceGetGpuFabricInfoV(self, device, reference):
        info = reference._obj
        if info.version not in (0x02000024, 0x03000028):
            return 25
        code = self.nvmlDeviceGetGpuFabricInfo(device, reference)
        if code == 0 and info.version == 0x03000028:
            info.health = self.told(device, "fabric")[1][2]
        return code

    def nvmlDeviceGetGpuFabricInfo(self, device, reference):
        code, value = self.told(device, "fabric")
        if code == 0:
            reference._obj.state, reference._obj.status = value[:2]
        return code

    def nvmlDeviceGetMaxMigDeviceCount(self, device, reference):
        _set(reference, 7)
        return 0

    def nvmlDeviceGetMigDeviceHandleByIndex(self, device, index, reference):
        _code, devices = self.told(device, "mig")
        found = (devices or {}).get(index.value, 6)
        return found if isinstance(found, int) else self.handle(found, reference)
