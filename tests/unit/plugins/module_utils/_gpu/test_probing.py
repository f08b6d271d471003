# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked on which host, and for how long. The host is a tree of files, its libraries are none."""

from __future__ import annotations

import time

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu import probing
from ansible_collections.inference.triton.plugins.module_utils._gpu.evidence import (
    CudaAnswer,
    DeviceAnswer,
    DriverAnswer,
)
from ansible_collections.inference.triton.plugins.module_utils._gpu.probing import collect

HEALTHY = DriverAnswer(asked="NVML", error=0, devices=(DeviceAnswer("0000:0a:00.0", compute_capability=(8, 0)),))


class Asked:
    """The probes, which note how they were asked, and answer what they are told to."""

    def __init__(self, monkeypatch):
        self.calls = {}
        self.nvml, self.smi = HEALTHY, HEALTHY
        monkeypatch.setattr(probing, "ask_nvml", self._nvml)
        monkeypatch.setattr(probing, "ask_nvidia_smi", self._smi)
        monkeypatch.setattr(probing, "ask_cuda", self._cuda)

    def _nvml(self, library, addresses, seconds):
        self.calls["nvml"] = (library, list(addresses), seconds)
        return self.nvml

    def _smi(self, command, deadline, details):
        self.calls["smi"] = (list(command), deadline - time.monotonic(), details)
        return self.smi

    def _cuda(self, library, seconds):
        self.calls["cuda"] = (library, seconds)
        return CudaAnswer(error=0)


@pytest.fixture
def asked(monkeypatch):
    return Asked(monkeypatch)


@pytest.fixture
def seen(host_tree):
    return lambda **options: collect(str(host_tree.root), **{"environment": {}, **options})


@pytest.fixture
def no_process(monkeypatch):
    def refuse(*command, **options):
        raise AssertionError(f"starts {command}")

    monkeypatch.setattr("subprocess.Popen", refuse)


def test_a_host_without_a_gpu_starts_no_process(host_tree, seen, no_process):
    host_tree.linux()
    evidence = seen(cuda_check=True)
    assert (evidence.nvml, evidence.smi, evidence.cuda, evidence.pci, evidence.pci_read) == (None, None, None, (), True)


def test_nor_does_one_whose_image_has_a_driver(host_tree, seen, no_process):
    host_tree.linux()
    host_tree.libraries()
    host_tree.nvidia_smi("exit 9")
    evidence = seen(cuda_check=True)
    assert (evidence.nvml, evidence.smi, evidence.cuda) == (None, None, None)


def test_a_folder_with_nothing_in_it_is_a_host_too(seen):
    assert seen().pci_read is False


def test_a_healthy_host(host_tree, asked, seen):
    host_tree.two_a100(smi="exit 9")
    evidence = seen()
    assert (evidence.nvml, evidence.smi, evidence.cuda) == (HEALTHY, HEALTHY, None)
    library, addresses, seconds = asked.calls["nvml"]
    assert library.startswith(str(host_tree.root)) and "libnvidia-ml.so" in library
    assert addresses == ["0000:0a:00.0", "0000:41:00.0"]
    assert 10 < seconds < 30
    assert asked.calls["smi"][0] == [str(host_tree.root / "usr/bin/nvidia-smi")]
    assert [gpu.address for gpu in evidence.pci] == addresses
    assert evidence.containers.toolkit_version == "1.17.8"


def test_without_its_module_a_driver_is_not_called_by_its_library(host_tree, asked, seen):
    host_tree.linux()
    host_tree.gpu("0000:0a:00.0", driver=None)
    host_tree.libraries()
    host_tree.nvidia_smi("exit 9")
    seen(cuda_check=True)
    assert list(asked.calls) == ["smi"]


@pytest.mark.parametrize("platform", ["wsl", "tegra"])
def test_hosts_whose_gpu_is_on_no_bus(host_tree, asked, seen, platform):
    getattr(host_tree, platform)()
    host_tree.libraries(folder="usr/lib")
    host_tree.nvidia_smi("exit 9")
    seen()
    assert list(asked.calls) == ["nvml", "smi"]


def test_a_gpu_that_another_driver_holds_is_not_asked_for(host_tree, asked, seen):
    host_tree.two_a100()
    host_tree.gpu("0000:61:00.0", driver="vfio-pci")
    seen()
    assert asked.calls["nvml"][1] == ["0000:0a:00.0", "0000:41:00.0"]


def test_a_container_is_not_asked_for_the_gpus_of_its_host(host_tree, asked, seen):
    host_tree.two_a100()
    host_tree.container()
    seen()
    assert asked.calls["nvml"][1] == []


def test_a_command_that_is_given_is_asked_on_any_host(host_tree, asked, seen):
    host_tree.linux()
    seen(command=["sudo", "nvidia-smi"])
    assert asked.calls["smi"][0] == ["sudo", "nvidia-smi"]


@pytest.mark.parametrize(
    ("nvml", "details"),
    [
        (HEALTHY, False),
        (HEALTHY._replace(devices=()), True),
        (HEALTHY._replace(devices=(DeviceAnswer(),)), True),
        (HEALTHY._replace(devices=(HEALTHY.devices[0]._replace(mig_mode="enabled"),)), True),
        (HEALTHY._replace(devices=(HEALTHY.devices[0]._replace(mig_mode="enabled"),), mig_listed=True), False),
    ],
)
def test_nvidia_smi_is_asked_in_detail_for_what_nvml_does_not_tell(host_tree, asked, seen, nvml, details):
    host_tree.two_a100(smi="exit 9")
    asked.nvml = nvml
    seen()
    assert asked.calls["smi"][2] is details


def test_where_nvml_hung_nvidia_smi_gets_a_moment(host_tree, asked, seen):
    host_tree.two_a100(smi="exit 9")
    asked.nvml = HEALTHY._replace(timed_out=True)
    seen(seconds=300)
    assert asked.calls["smi"][1] <= 3


def test_the_probes_share_the_time(host_tree, asked, seen):
    host_tree.two_a100(smi="exit 9")
    seen(seconds=100, cuda_check=True)
    nvml, smi, cuda = asked.calls["nvml"][2], asked.calls["smi"][1], asked.calls["cuda"][1]
    assert nvml <= 60 and smi <= 75 and cuda <= 100


def test_cuda_is_started_where_a_task_asks_for_it(host_tree, asked, seen):
    host_tree.two_a100()
    assert seen().cuda is None
    assert seen(cuda_check=True).cuda == CudaAnswer(error=0)
    assert asked.calls["cuda"][0].startswith(str(host_tree.root))


def test_where_no_file_has_cuda_the_loader_looks_for_it(host_tree, asked, seen):
    host_tree.linux()
    host_tree.driver()
    seen(cuda_check=True)
    assert asked.calls["cuda"][0] == "libcuda.so.1"


def test_only_what_has_to_do_with_gpus_is_kept_of_an_environment(host_tree, seen):
    kept = {"CUDA_VISIBLE_DEVICES": "", "NVIDIA_VISIBLE_DEVICES": "all", "LD_LIBRARY_PATH": "/x"}
    host_tree.linux()
    assert seen(environment={**kept, "PASSWORD": "x", "MY_CUDA_TOKEN": "y"}).environment == kept


def test_unknown_words_are_warnings(host_tree, asked, seen):
    host_tree.two_a100(smi="exit 9")
    asked.nvml = HEALTHY._replace(unknown=("brand: 99", "brand: 99"))
    assert seen().warnings == ("NVML says brand: 99, which is not known here and was left out",)


def test_a_driver_that_hangs_ends_in_time(host_tree, seen):
    host_tree.two_a100(smi="sleep 60")
    began = time.monotonic()
    evidence = seen(seconds=2)
    assert time.monotonic() - began < 20
    assert evidence.smi.timed_out and evidence.nvml.failure and len(evidence.pci) == 2
