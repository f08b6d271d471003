# SPDX-License-Identifier: GPL-3.0-or-later
"""The GPUs of a host, held against a file system and an nvidia-smi of the test's own."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu.detection import detect
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import Gpu

FIRST = "0, GPU-11, NVIDIA A30, 24576, 8.0, 00000000:0A:00.0, Disabled, 550.54.15"
SECOND = "1, GPU-22, Tesla T4, 15360, 7.5, 00000000:41:00.0, [N/A], 550.54.15"
SPLIT = "1, GPU-33, NVIDIA A30, 24576, 8.0, 00000000:41:00.0, Enabled, 535.1.2"
A30 = Gpu(0, "NVIDIA A30", "GPU-11", 24576, (8, 0))
T4 = Gpu(1, "Tesla T4", "GPU-22", 15360, (7, 5))


class Host:
    """A host that consists of a few files."""

    def __init__(self, root):
        self.root = root

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def nvidia_smi(self, script, path="usr/bin/nvidia-smi"):
        self.write(path, f"#!/bin/sh\n{script}\n").chmod(0o755)

    def rows(self, *rows, then=""):
        self.nvidia_smi("cat <<'END'\n" + "\n".join(rows) + f"\nEND\n{then}")

    def pci(self, address, vendor="0x10de", kind="0x030200", driver="nvidia"):
        folder = f"sys/bus/pci/devices/{address}"
        self.write(f"{folder}/vendor", f"{vendor}\n")
        self.write(f"{folder}/class", f"{kind}\n")
        if driver:
            drivers = self.root / "sys/bus/pci/drivers" / driver
            drivers.mkdir(parents=True, exist_ok=True)
            (self.root / folder / "driver").symlink_to(drivers)

    def detect(self, cuda_visible_devices=None, seconds=20):
        return detect(cuda_visible_devices, str(self.root), seconds=seconds)

    def why(self, **options):
        found = self.detect(**options)
        assert found.gpus == ()
        (sentence,) = found.hidden
        return sentence


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def test_a_host_with_two_gpus(host):
    host.rows(FIRST, SECOND)
    host.pci("0000:0a:00.0")
    host.pci("0000:41:00.0", kind="0x030000")
    assert host.detect() == ((A30, T4), (), "550.54.15", "nvidia-smi of this host")


def test_the_order_is_that_of_the_pci_bus(host):
    host.rows(SECOND, FIRST)
    assert [gpu.uuid for gpu in host.detect().gpus] == ["GPU-11", "GPU-22"]


def test_cuda_visible_devices_of_the_server_counts(host):
    host.rows(FIRST, SECOND)
    assert host.detect("GPU-22").gpus == (T4._replace(ordinal=0),)


def test_the_loaded_driver_is_the_one_that_counts(host):
    host.rows(FIRST)
    host.write("sys/module/nvidia/version", "580.95.05\n")
    assert host.detect().driver_version == "580.95.05"


def test_a_driver_that_does_not_know_a_field_is_asked_without_it(host):
    row = FIRST.replace(", 8.0", "").replace(", Disabled", "")
    host.nvidia_smi(f"""case "$1" in
        *compute_cap*) echo 'Field "compute_cap" is not a valid field to query.'; exit 2 ;;
        *mig.mode.current*) echo 'Field "mig.mode.current" is not a valid field to query.'; exit 2 ;;
        *) echo '{row}' ;;
    esac""")
    assert host.detect().gpus == (A30._replace(compute_capability=None),)


def test_a_gpu_that_nvidia_smi_leaves_out_is_hidden(host):
    host.rows(FIRST)
    host.pci("0000:0a:00.0")
    host.pci("0000:41:00.0")
    found = host.detect()
    assert found.gpus == (A30,)
    assert found.hidden == (
        "GPU 1 (0000:41:00.0) is not usable: it is on the PCI bus, but nvidia-smi does not list it "
        "(its kernel driver is nvidia)",
    )


@pytest.mark.parametrize("driver", ["vfio-pci", "nouveau", ""])
def test_who_holds_a_gpu_that_nvidia_smi_leaves_out_is_told(host, driver):
    host.rows(SECOND)
    host.pci("0000:0a:00.0", driver=driver)
    (hidden,) = host.detect().hidden
    assert hidden.startswith("GPU 0 (0000:0a:00.0) is not usable")
    assert (f"its kernel driver is {driver}" if driver else "it has no kernel driver") in hidden


@pytest.mark.parametrize("stream", ["1", "2"])
def test_what_nvidia_smi_says_of_a_lost_gpu_is_the_reason(host, stream):
    said = "Unable to determine the device handle for GPU0000:41:00.0: Unknown Error"
    host.rows(FIRST, then=f"echo '{said}' >&{stream}; exit 15")
    host.pci("0000:0a:00.0")
    host.pci("0000:41:00.0")
    found = host.detect()
    assert found.gpus == (A30,)
    assert found.hidden == (f"GPU 1 (0000:41:00.0) is not usable: nvidia-smi says '{said}'",)


def test_a_gpu_with_a_fault_is_hidden(host):
    host.rows(FIRST.replace("24576", "[GPU is lost]"), SECOND)
    found = host.detect()
    assert found.gpus == (T4._replace(ordinal=0),)
    assert found.hidden == ("GPU 0 (0000:0a:00.0, NVIDIA A30) is not usable: nvidia-smi says 'GPU is lost'",)


def test_other_devices_on_the_bus_are_no_gpus(host):
    host.rows(FIRST)
    host.pci("0000:0b:00.0", kind="0x040300")
    host.pci("0000:0c:00.0", kind="0x068000")
    host.pci("0000:0d:00.0", vendor="0x1002")
    host.pci("0000:0e:00.4")
    host.write("sys/bus/pci/devices/0000:0e:00.4/physfn/vendor", "0x10de")
    assert host.detect().hidden == ()


@pytest.mark.parametrize("mark", [".dockerenv", "run/.containerenv"])
def test_a_container_sees_the_bus_of_its_host_which_means_nothing(host, mark):
    host.rows(FIRST)
    host.pci("0000:41:00.0")
    host.write(mark, "")
    assert host.detect().hidden == ()


def test_gpus_off_the_pci_bus_are_not_held_against_it(host):
    host.rows("0, 54d0, Orin (nvgpu), [N/A], 8.7, [N/A], [N/A], 540.3.0")
    host.pci("0000:41:00.0")
    assert host.detect()[:2] == ((Gpu(0, "Orin (nvgpu)", "54d0", None, (8, 7)),), ())


MIG_LISTING = """GPU 1: NVIDIA A30 (UUID: GPU-33)
  MIG 2g.12gb     Device  0: (UUID: MIG-1)
  MIG 1g.6gb      Device  1: (UUID: MIG-2)"""


def mig(host, listing):
    host.nvidia_smi(f"""if [ "$1" = -L ]; then {listing}; else echo '{SPLIT}'; fi""")


def test_mig_devices_are_what_a_process_sees(host):
    mig(host, f"echo '{MIG_LISTING}'")
    found = host.detect("MIG-2")
    assert [(gpu.name, gpu.uuid, gpu.compute_capability) for gpu in found.gpus] == [
        ("NVIDIA A30 MIG 1g.6gb", "MIG-2", (8, 0))
    ]


def test_without_cuda_visible_devices_the_first_mig_device_is_seen_and_the_rest_hidden(host):
    mig(host, f"echo '{MIG_LISTING}'")
    found = host.detect()
    assert [gpu.uuid for gpu in found.gpus] == ["MIG-1"]
    assert found.hidden[0].endswith("this hides MIG-2 (1g.6gb of GPU 1)")


def test_mig_devices_that_cannot_be_listed_are_not_usable(host):
    mig(host, "echo 'Unknown Error'; exit 255")
    assert host.why().endswith("MIG is on, but nvidia-smi failed with exit code 255: 'Unknown Error'")


def test_mig_without_devices(host):
    mig(host, "echo 'GPU 1: NVIDIA A30 (UUID: GPU-33)'")
    assert host.why().endswith("MIG is on, but there is no MIG device")


def test_no_nvidia_smi_and_no_gpu(host):
    assert host.why() == "nvidia-smi is not installed; NVIDIA GPUs on the PCI bus: none"


def test_no_nvidia_smi_though_there_are_gpus(host):
    host.pci("0000:41:00.0", driver="nouveau")
    host.pci("0000:0a:00.0", driver="")
    assert host.why() == (
        "nvidia-smi is not installed; NVIDIA GPUs on the PCI bus: 0000:0a:00.0 (it has no kernel driver), "
        "0000:41:00.0 (its kernel driver is nouveau)"
    )


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (
            "echo 'NVIDIA-SMI has failed'; exit 9",
            "nvidia-smi failed with exit code 9 (the driver is not loaded): 'NVIDIA-SMI has failed'",
        ),
        (
            "echo 'no libnvidia-ml.so' >&2; exit 12",
            "nvidia-smi failed with exit code 12 (the NVML library is missing): 'no libnvidia-ml.so'",
        ),
        (
            "echo; echo 'Failed to initialize NVML'; echo 'more'; exit 18",
            "nvidia-smi failed with exit code 18 (the loaded driver and its library have different versions): "
            "'Failed to initialize NVML'",
        ),
        ("exit 77", "nvidia-smi failed with exit code 77"),
        ("echo 'No devices were found'", "nvidia-smi lists no GPU: 'No devices were found'"),
        ("", "nvidia-smi lists no GPU"),
        ("kill -9 $$", "nvidia-smi was ended by signal 9"),
        ("head -c 300 /dev/zero | tr '\\0' ,", f"nvidia-smi lists no GPU: '{',' * 200}'"),
        (
            "echo 'Field \"gpu\" is not a valid field to query.'; exit 2",
            "nvidia-smi failed with exit code 2: 'Field \"gpu\" is not a valid field to query.'",
        ),
    ],
)
def test_an_nvidia_smi_that_fails_is_told_in_one_sentence(host, script, why):
    host.nvidia_smi(script)
    assert host.why() == f"{why}; NVIDIA GPUs on the PCI bus: none"


def test_an_nvidia_smi_that_hangs_with_a_child_on_its_output(host):
    host.rows(FIRST, then="sleep 30 & sleep 30")
    assert host.why(seconds=0.3).startswith("nvidia-smi did not answer within 0.3 seconds")


def test_all_calls_share_the_time(host):
    mig(host, "sleep 30")
    assert "MIG is on, but nvidia-smi did not answer within" in host.why(seconds=0.5)


def test_a_file_that_cannot_be_started(host):
    host.write("usr/bin/nvidia-smi", "").chmod(0o755)
    assert host.why().startswith("nvidia-smi cannot be started: Exec format error")


@pytest.mark.parametrize("path", ["usr/lib/wsl/lib", "opt/bin", "run/current-system/sw/bin"])
def test_nvidia_smi_may_lie_elsewhere(host, path):
    host.nvidia_smi(f"echo '{FIRST}'", f"{path}/nvidia-smi")
    assert host.detect().gpus == (A30,)


def test_nvidia_smi_may_lie_in_the_root_of_the_driver_container(host, monkeypatch):
    host.write("run/nvidia/driver/usr/bin/nvidia-smi", "")
    host.nvidia_smi(f"""[ "$1 $2" = "{host.root}/run/nvidia/driver nvidia-smi" ] && echo '{FIRST}'""", "tools/chroot")
    monkeypatch.setenv("PATH", str(host.root / "tools"))
    assert host.detect().gpus == (A30,)


def test_an_nvidia_smi_that_is_not_of_this_host_is_not_taken(host, monkeypatch):
    host.nvidia_smi(f"echo '{FIRST}'", "tools/nvidia-smi")
    host.write("usr/bin/nvidia-smi", "no command")
    monkeypatch.setenv("PATH", str(host.root / "tools"))
    assert host.why().startswith("nvidia-smi is not installed")


def test_nvidia_smi_may_be_given(host):
    host.rows(SECOND)
    assert detect(None, str(host.root), ["sh", "-c", f"echo '{FIRST}'"]).gpus == (A30,)
