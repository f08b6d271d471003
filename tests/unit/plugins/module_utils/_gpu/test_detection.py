# SPDX-License-Identifier: GPL-3.0-or-later
"""The GPUs of a host as a server sees them, held against a file system and an nvidia-smi of the test's own."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu import detection
from ansible_collections.inference.triton.plugins.module_utils._gpu.detection import detect, given_or_detected
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import Gpu, VisibleGpus

FIRST, SECOND = "0000:0a:00.0", "0000:41:00.0"
A30 = Gpu(0, "NVIDIA A30", "GPU-11", 24576, (8, 0), "nvidia")
T4 = Gpu(1, "Tesla T4", "GPU-22", 15360, (7, 5), "nvidia")
NO_HANDLE = "Unable to determine the device handle for GPU0000:41:00.0: Unknown Error"


def xml_gpu(address, name, uuid, memory, mig="N/A"):
    return (
        f'<gpu id="{address}"><product_name>{name}</product_name><product_brand>NVIDIA</product_brand>'
        f"<mig_mode><current_mig>{mig}</current_mig><pending_mig>{mig}</pending_mig></mig_mode>"
        f"<uuid>{uuid}</uuid><pci><pci_bus_id>{address}</pci_bus_id></pci>"
        f"<persistence_mode>Enabled</persistence_mode><fb_memory_usage><total>{memory}</total></fb_memory_usage></gpu>"
    )


XML_A30 = xml_gpu("00000000:0A:00.0", "NVIDIA A30", "GPU-11", "24576 MiB", "Disabled")
XML_T4 = xml_gpu("00000000:41:00.0", "Tesla T4", "GPU-22", "15360 MiB")
XML_SPLIT = xml_gpu("00000000:41:00.0", "NVIDIA A30", "GPU-33", "24576 MiB", "Enabled")
CAPABILITIES = "00000000:0A:00.0, 0, 8.0, GPU-11\n00000000:41:00.0, 1, 7.5, GPU-22"
MIG_LISTING = """GPU 0: NVIDIA A30 (UUID: GPU-33)
  MIG 2g.12gb     Device  0: (UUID: MIG-1)
  MIG 1g.6gb      Device  1: (UUID: MIG-2)"""


class Host:
    """A host with files and an nvidia-smi."""

    def __init__(self, tree):
        self.tree = tree
        tree.linux()

    def gpu(self, *addresses, held_by="nvidia"):
        for address in addresses:
            self.tree.gpu(address, driver=held_by)

    def smi(self, *gpus, then="", listing="exit 6", driver="550.54.15"):
        """An nvidia-smi that answers for these GPUs, and says or does something more."""
        text = (
            f'<?xml version="1.0" ?><nvidia_smi_log><driver_version>{driver}</driver_version><cuda_version>12.4'
            f"</cuda_version><attached_gpus>{len(gpus)}</attached_gpus>{''.join(gpus)}</nvidia_smi_log>"
        )
        self.script(
            f"""case "$1" in
            -q) cat <<'END'\n{text}\nEND\n{then};;
            -L) {listing};;
            *) cat <<'END'\n{CAPABILITIES}\nEND\n;;
            esac"""
        )

    def script(self, script, path="usr/bin/nvidia-smi"):
        self.tree.driver("550.54.15")
        self.tree.nvidia_smi(script, path)

    def detect(self, cuda_visible_devices=None, seconds=20):
        return detect(cuda_visible_devices, str(self.tree.root), seconds=seconds)

    def why(self, **options):
        """What is said of the only GPU, which is not seen."""
        found = self.detect(**options)
        assert found.gpus == ()
        (sentence,) = found.hidden
        return sentence


@pytest.fixture
def host(host_tree):
    return Host(host_tree)


def test_a_host_with_two_gpus(host):
    host.gpu(FIRST, SECOND)
    host.smi(XML_A30, XML_T4)
    assert host.detect() == ((A30, T4), (), "550.54.15", "the GPUs of this host")


def test_the_order_is_that_of_the_pci_bus(host):
    host.gpu(FIRST, SECOND)
    host.smi(XML_T4, XML_A30)
    assert [gpu.uuid for gpu in host.detect().gpus] == ["GPU-11", "GPU-22"]


def test_cuda_visible_devices_of_the_server_counts(host):
    host.gpu(FIRST, SECOND)
    host.smi(XML_A30, XML_T4)
    assert host.detect("GPU-22").gpus == (T4._replace(ordinal=0),)


def test_the_loaded_driver_is_the_one_that_counts(host):
    host.gpu(FIRST)
    host.smi(XML_A30, driver="550.90.07")
    assert host.detect().driver_version == "550.54.15"


def test_a_gpu_that_nvidia_smi_leaves_out_is_hidden(host):
    host.gpu(FIRST, SECOND)
    host.smi(XML_A30)
    found = host.detect()
    assert found.gpus == (A30,)
    assert found.hidden == (
        "GPU 1 (0000:41:00.0) is not usable: it fell off the bus (nvidia-smi -q -x: does not list 0000:41:00.0)",
    )


@pytest.mark.parametrize(
    ("driver", "why"),
    [
        ("vfio-pci", "it is reserved for a virtual machine (vfio-pci)"),
        ("nouveau", "the driver nouveau holds"),
        (None, "it is held by no kernel driver"),
    ],
)
def test_who_holds_a_gpu_that_nvidia_smi_leaves_out_is_told(host, driver, why):
    host.gpu(FIRST, held_by=driver)
    host.gpu(SECOND)
    host.smi(XML_T4)
    (hidden,) = host.detect().hidden
    assert hidden.startswith(f"GPU 0 (0000:0a:00.0) is not usable: {why}")


@pytest.mark.parametrize("stream", ["1", "2"])
@pytest.mark.parametrize("code", [0, 15])
def test_what_nvidia_smi_says_of_a_lost_gpu_is_the_reason(host, stream, code):
    host.gpu(FIRST, SECOND)
    host.smi(XML_A30, then=f"echo '{NO_HANDLE}' >&{stream}; exit {code}")
    found = host.detect()
    assert found.gpus == (A30,)
    assert found.hidden == (f"GPU 1 (0000:41:00.0) is not usable: it fell off the bus (nvidia-smi -q -x: {NO_HANDLE})",)


def test_a_gpu_with_a_fault_is_hidden(host):
    host.gpu(FIRST, SECOND)
    host.smi(XML_A30.replace("24576 MiB", "GPU is lost"), XML_T4)
    found = host.detect()
    assert found.gpus == (T4._replace(ordinal=0),)
    assert found.hidden == (
        "GPU 0 (0000:0a:00.0, NVIDIA A30) is not usable: it fell off the bus (0000:0a:00.0: GPU is lost)",
    )


def test_other_devices_on_the_bus_are_no_gpus(host):
    host.gpu(FIRST)
    host.smi(XML_A30)
    host.tree.pci("0000:0b:00.0", pci_class="040300")
    host.tree.nvswitch("0000:0c:00.0")
    host.tree.other_gpu("0000:0d:00.0")
    host.tree.gpu("0000:0e:00.4", virtual_function=True)
    assert [gpu.uuid for gpu in host.detect().gpus] + [
        sentence for sentence in host.detect().hidden if "0000:0a" not in sentence
    ] == []


def test_a_container_sees_the_bus_of_its_host_which_means_nothing(host):
    host.gpu(FIRST, SECOND)
    host.smi(XML_A30)
    host.tree.container()
    assert host.detect()[:2] == ((A30,), ())


def test_a_jetson(host_tree):
    host_tree.tegra()
    orin = xml_gpu("N/A", "Orin (nvgpu)", "54d0c3a1-1111-2222-3333-444444444444", "N/A")
    Host.smi(Host(host_tree), orin)
    (gpu,) = detect(None, str(host_tree.root)).gpus
    assert (gpu.name, gpu.memory_mib, gpu.compute_capability) == ("Orin (nvgpu)", None, (8, 7))


def mig(host, listing):
    host.gpu(SECOND)
    host.smi(XML_SPLIT, listing=listing)


def test_mig_devices_are_what_a_process_sees(host):
    mig(host, f"cat <<'END'\n{MIG_LISTING}\nEND\n")
    found = host.detect("MIG-2")
    assert [(gpu.name, gpu.uuid) for gpu in found.gpus] == [("NVIDIA A30 MIG 1g.6gb", "MIG-2")]


def test_without_cuda_visible_devices_the_first_mig_device_is_seen_and_the_rest_hidden(host):
    mig(host, f"cat <<'END'\n{MIG_LISTING}\nEND\n")
    found = host.detect()
    assert [gpu.uuid for gpu in found.gpus] == ["MIG-1"]
    assert found.hidden[0].endswith("this hides MIG-2 (1g.6gb of GPU 0)")


def test_mig_devices_that_cannot_be_listed_are_not_usable(host):
    mig(host, "exit 255")
    assert "it has MIG on, and its MIG devices could not be listed" in host.why()


def test_mig_without_devices(host):
    mig(host, "echo 'GPU 0: NVIDIA A30 (UUID: GPU-33)'")
    assert "it has MIG on, but no MIG device" in host.why()


def test_a_host_without_a_gpu(host):
    assert host.why() == "No GPU is usable: there is no NVIDIA GPU on the PCI bus"


def test_gpus_without_a_driver_are_hidden_each(host):
    host.gpu(FIRST, SECOND, held_by=None)
    found = host.detect()
    assert found.gpus == ()
    assert [sentence.partition(" is not usable: ")[0] for sentence in found.hidden] == [
        "GPU 0 (0000:0a:00.0)",
        "GPU 1 (0000:41:00.0)",
    ]
    assert all("the NVIDIA driver is not installed" in sentence for sentence in found.hidden)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo 'no libnvidia-ml.so' >&2; exit 12", "the driver's library libnvidia-ml is missing"),
        (
            "echo; echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18",
            "the kernel module (550.54.15) and the driver's libraries (of another version) are of different versions",
        ),
        ("echo 'Failed to initialize NVML: Insufficient Permissions'; exit 4", "may not ask the driver"),
        ("exit 77", "the driver does not answer (nvidia-smi -q -x: error 77)"),
        ("echo 'No devices were found'", "it could not be started by the driver"),
        ("kill -9 $$", "the driver does not answer"),
        ("sleep 30", "the driver does not answer in time"),
        ("sleep 30 & sleep 30", "the driver does not answer in time"),
    ],
)
def test_an_nvidia_smi_that_fails_is_told_in_one_sentence(host, script, why):
    host.gpu(FIRST)
    host.tree.device_nodes("nvidiactl", "nvidia-uvm")
    host.script(script)
    sentence = host.why(seconds=2 if "sleep" in script else 20)
    assert sentence.startswith("GPU 0 (0000:0a:00.0) is not usable: ")
    assert why in sentence


def test_a_file_that_cannot_be_started(host):
    host.gpu(FIRST)
    host.tree.driver()
    host.tree.device_nodes("nvidiactl", "nvidia-uvm")
    host.tree.write("usr/bin/nvidia-smi", "").chmod(0o755)
    assert "cannot be started: Exec format error" in host.why()


@pytest.mark.parametrize("path", ["usr/lib/wsl/lib", "opt/bin", "run/current-system/sw/bin"])
def test_nvidia_smi_may_lie_elsewhere(host, path):
    host.gpu(FIRST)
    host.smi(XML_A30)
    program = host.tree.root / "usr/bin/nvidia-smi"
    host.script(program.read_text().partition("\n")[2], f"{path}/nvidia-smi")
    program.unlink()
    assert host.detect().gpus == (A30,)


def test_nvidia_smi_may_be_given(host):
    host.gpu(FIRST)
    host.smi(XML_A30)
    program = host.tree.root / "usr/bin/nvidia-smi"
    moved = program.rename(host.tree.root / "elsewhere")
    assert detect(None, str(host.tree.root), [str(moved)]).gpus == (A30,)


@pytest.fixture
def detected(monkeypatch):
    """What stands for this host, and the variables with which it was asked for."""
    asked = []

    def host(cuda_visible_devices):
        asked.append(cuda_visible_devices)
        return VisibleGpus((A30,), (), "550.54.15", "the GPUs of this host")

    monkeypatch.setattr(detection, "detect", host)
    return asked


def test_the_gpus_of_a_task_count_before_those_of_the_host(detected):
    visible = given_or_detected([{"name": "T4"}], "0", "535.1")
    assert [gpu.name for gpu in visible.gpus] == ["T4"]
    assert (visible.driver_version, detected) == ("535.1", [])


@pytest.mark.parametrize(("given", "version"), [(None, "550.54.15"), ("535.1", "535.1"), ("", "")])
def test_without_them_the_host_is_asked(detected, given, version):
    visible = given_or_detected(None, "0", given)
    assert (visible.gpus, visible.driver_version, detected) == ((A30,), version, ["0"])
