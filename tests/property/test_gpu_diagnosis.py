# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever the probes saw of a host: a diagnosis that keeps no GPU quiet, and facts that the other modules take."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.inference.triton.plugins.module_utils._gpu.detection import SOURCE
from ansible_collections.inference.triton.plugins.module_utils._gpu.diagnosis import diagnose
from ansible_collections.inference.triton.plugins.module_utils._gpu.evidence import (
    BARE_METAL,
    CONTAINER,
    TEGRA,
    VIRTUAL_MACHINE,
    WSL,
    CdiSpec,
    ContainerStack,
    CudaAnswer,
    DeviceAnswer,
    DriverAnswer,
    DriverFiles,
    Evidence,
    LogLine,
    MigDevice,
    OtherGpu,
    PciGpu,
    Platform,
    ProcGpu,
    ServerProcess,
    Services,
)
from ansible_collections.inference.triton.plugins.module_utils._gpu.facts import as_facts, visible_gpus
from ansible_collections.inference.triton.plugins.module_utils._gpu.states import Wanted
from ansible_collections.inference.triton.plugins.module_utils._gpu.states_table import STATES
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import parse_gpus
from hypothesis import given, settings
from hypothesis import strategies as st

ADDRESSES = st.sampled_from(["0000:0a:00.0", "0000:41:00.0", "0001:00:00.0", "10000:00:00.0"])
WORDS = st.sampled_from(["", "GPU is lost", "Unknown Error", "{braces} %s", "a\nline", "No devices were found", "None"])
UUIDS = st.sampled_from(["", "GPU-1", "GPU-2", "GPU-12", "54d0"])
VERSIONS = st.sampled_from(["", "550.54.15", "580.95.05", "470.57.02", "strange", "².0"])
ERRORS = st.sampled_from([None, 0, 2, 4, 6, 8, 9, 12, 14, 15, 16, 17, 18, 255, 999, -9])
NODES = st.frozensets(st.sampled_from(["nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "dxg", "nvhost-gpu"]))
MAYBE = st.none() | st.booleans()
SIZES = st.none() | st.integers(0, 200000) | st.sampled_from([0, 10**9, 10**15])
NUMBERS = st.none() | st.integers(0, 3)


def some(strategy: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, max_size=most).map(tuple)


def words(*choices: str | None) -> st.SearchStrategy[str | None]:
    return st.sampled_from([None, *choices, "strange"])


PCI = st.builds(
    PciGpu,
    address=ADDRESSES,
    driver=st.sampled_from(["", "nvidia", "nouveau", "vfio-pci", "strange"]),
    off_bus=st.booleans(),
    numa_node=NUMBERS,
)
PROC = st.builds(ProcGpu, address=ADDRESSES, uuid=UUIDS, minor=NUMBERS, excluded=MAYBE, name=WORDS)
MIG = st.builds(
    MigDevice,
    uuid=st.sampled_from(["", "MIG-1", "MIG-2"]),
    profile=st.sampled_from(["", "1g.10gb", "1c.3g.40gb", "2c.3g.40gb"]),
    memory_mib=SIZES,
)
DEVICES = st.builds(
    DeviceAnswer,
    pci_address=ADDRESSES | st.just(""),
    index=NUMBERS,
    uuid=UUIDS,
    name=st.sampled_from(["", "Tesla T4", "NVIDIA A100-SXM4-80GB"]),
    minor=NUMBERS,
    brand=words("nvidia", "geforce"),
    memory_mib=SIZES,
    memory_free_mib=SIZES,
    memory_unified=MAYBE,
    compute_capability=st.none() | st.sampled_from([(7, 0), (8, 0), (12, 1), (8, 10), (1000, 0)]),
    compute_mode=words("default", "exclusive_process", "prohibited"),
    persistence_mode=MAYBE,
    mig_mode=st.sampled_from([None, "enabled", "disabled"]),
    mig_pending=st.sampled_from([None, "enabled", "disabled"]),
    mig_devices=some(MIG),
    ecc_uncorrected=NUMBERS,
    remap_pending=MAYBE,
    remap_failure=MAYBE,
    retired_pages_pending=MAYBE,
    recovery_action=words("none", "reset", "reboot", "drain_p2p", "recover_imex_domain"),
    reset_required=MAYBE,
    fabric_state=words("not_supported", "not_started", "completed"),
    fabric_status=words("success"),
    fabric_health=words("healthy", "unhealthy"),
    faults=some(WORDS, 2),
)
ANSWERS = st.none() | st.builds(
    DriverAnswer,
    asked=st.just("nvidia-smi -q -x"),
    error=ERRORS,
    seen=some(WORDS, 2),
    timed_out=st.booleans(),
    failure=WORDS,
    driver_version=VERSIONS,
    cuda_version=st.sampled_from(["", "12.4"]),
    cuda_version_missing=st.booleans(),
    devices=some(DEVICES),
    complaints=some(st.tuples(ADDRESSES | st.just(""), WORDS, ERRORS), 2),
    mig_listed=st.booleans(),
    seconds=st.floats(0, 60),
)
CUDA = st.none() | st.builds(
    CudaAnswer,
    error=st.sampled_from([None, 0, 3, 46, 100, 802, 803, 804, 999]),
    seen=WORDS,
    timed_out=st.booleans(),
    failure=WORDS,
    addresses=some(ADDRESSES),
    seconds=st.floats(0, 60),
)
DRIVERS = st.builds(
    DriverFiles,
    loaded_version=VERSIONS,
    modules=st.frozensets(st.sampled_from(["nvidia", "nouveau", "nvgpu"])),
    module_on_disk=MAYBE,
    nvml_library=st.sampled_from(["", "/usr/lib/libnvidia-ml.so.1"]),
    nvml_version=VERSIONS,
    cuda_library=st.sampled_from(["", "/usr/lib/libcuda.so.1"]),
    cuda_library_version=VERSIONS,
    compat_library=st.sampled_from(["", "/usr/local/cuda/compat/libcuda.so.1"]),
    nvidia_smi=st.sampled_from([(), ("/usr/bin/nvidia-smi",)]),
    driver_container=st.booleans(),
    secure_boot=MAYBE,
    device_nodes=NODES,
    open_device_nodes=NODES,
    gpus=st.lists(PROC, max_size=3).map(lambda gpus: {gpu.address: gpu for gpu in gpus}),
    excluded_gpus=st.sampled_from(["", "GPU-1", "0000:41:00.0"]),
)
SERVERS = st.builds(
    ServerProcess,
    pid=st.integers(1, 9),
    environment=st.none() | st.dictionaries(st.just("CUDA_VISIBLE_DEVICES"), st.sampled_from(["", "0", "MIG-1,MIG-2"])),
    device_nodes=st.none() | NODES,
    cuda_library=st.none() | st.just(""),
)
KINDS = st.sampled_from(["xid", "sxid", "fallen_off_bus", "rm_init_failed", "not_supported", "key_rejected", "strange"])
HOSTS = st.builds(
    Evidence,
    platform=st.builds(
        Platform,
        kind=st.sampled_from([BARE_METAL, VIRTUAL_MACHINE, CONTAINER, WSL, TEGRA]),
        in_container=st.booleans(),
        memory_mib=SIZES,
    ),
    user=st.sampled_from(["root", "deploy", ""]),
    environment=st.dictionaries(st.just("CUDA_VISIBLE_DEVICES"), st.sampled_from(["", "0"])),
    pci=st.lists(PCI, max_size=3, unique_by=lambda gpu: gpu.address).map(tuple),
    pci_read=st.booleans(),
    other_gpus=some(st.builds(OtherGpu, ADDRESSES, st.just("amd"), st.just("1002:740f")), 1),
    driver=DRIVERS,
    nvml=ANSWERS,
    smi=ANSWERS,
    cuda=CUDA,
    containers=st.builds(
        ContainerStack,
        engines=some(st.sampled_from(["docker", "podman"]), 2),
        toolkit=st.sampled_from(["", "/usr/bin/nvidia-ctk"]),
        docker_runtimes=some(st.just("nvidia"), 1),
        docker_cdi=MAYBE,
        cdi_specs=some(
            st.builds(
                CdiSpec, st.just("/etc/cdi/n.yaml"), some(VERSIONS, 2), some(UUIDS, 2), some(st.just("/dev/nvidia9"), 1)
            ),
            2,
        ),
    ),
    services=st.builds(Services, st.booleans(), st.booleans(), nvswitches=st.integers(0, 6)),
    log=some(
        st.builds(LogLine, KINDS, WORDS, ADDRESSES | st.just(""), st.none() | st.sampled_from([13, 48, 54, 79, 119])), 2
    ),
    log_read=st.booleans(),
    servers=some(SERVERS, 2),
)
WANTED = st.builds(
    Wanted,
    expected_count=NUMBERS,
    minimum_memory_gb=st.none() | st.sampled_from([0.0, 1.5, 80.0]),
    minimum_compute_capability=st.none() | st.just((8, 0)),
    triton_release=st.none() | st.sampled_from(["24.10", "26.01"]),
    min_supported_compute_capability=st.none() | st.just("7.5"),
    cuda_visible_devices=st.none() | st.sampled_from(["", "0", "1,0", "0,0", "GPU-1", "MIG-1,MIG-2", "x", "²"]),
    containers=MAYBE,
)


# A host is made of many parts, and to make one takes longer than to look at it.
FEWER = settings(max_examples=settings().max_examples // 3)


@FEWER
@given(HOSTS, WANTED)
def test_no_gpu_is_kept_quiet(evidence, wanted):
    diagnosis = diagnose(evidence, wanted)
    for gpu in diagnosis.gpus:
        assert gpu.usable != bool(gpu.reason)
        assert gpu.usable or any(finding.hides for finding in diagnosis.findings)
    assert diagnosis.gpus or any(finding.hides for finding in diagnosis.findings)


@FEWER
@given(HOSTS, WANTED)
def test_a_gpu_on_the_bus_is_in_the_list(evidence, wanted):
    if evidence.platform.kind not in (WSL, TEGRA) and not evidence.platform.in_container:
        listed = {gpu.gpu.pci_address for gpu in diagnose(evidence, wanted).gpus}
        assert {gpu.address for gpu in evidence.pci} <= listed


@FEWER
@given(HOSTS, WANTED)
def test_findings_are_sorted_and_the_first_is_the_headline(evidence, wanted):
    diagnosis = diagnose(evidence, wanted)
    ranks = [["error", "warning", "info"].index(finding.severity) for finding in diagnosis.findings]
    assert ranks == sorted(ranks)
    assert diagnosis.state == (diagnosis.findings[0].state.id if diagnosis.findings else "ok")


@FEWER
@given(HOSTS, WANTED)
def test_what_a_finding_explains_is_not_told_beside_it(evidence, wanted):
    findings = diagnose(evidence, wanted).findings
    told = {(finding.state.id, finding.pci_address) for finding in findings}
    assert len(told) <= len(findings)
    for state, address in told:
        if STATES[state].scope == "gpu":
            assert not {(other, address) for other in STATES[state].explains} & told


@FEWER
@given(HOSTS, WANTED)
def test_facts_are_json_and_agree_with_themselves(evidence, wanted):
    facts = as_facts(diagnose(evidence, wanted))
    assert json.loads(json.dumps(facts)) == facts
    assert facts["present_count"] == len(facts["gpus"])
    assert facts["usable_count"] == sum(gpu["usable"] for gpu in facts["gpus"])
    assert [gpu["index"] for gpu in facts["gpus"]] == list(range(len(facts["gpus"])))
    assert (facts["severity"] == "ok") == (not facts["findings"])


@FEWER
@given(HOSTS, WANTED)
def test_the_numbers_are_those_of_the_server(evidence, wanted):
    diagnosis = diagnose(evidence, wanted)
    facts = as_facts(diagnosis)
    devices = [part for gpu in facts["gpus"] for part in (gpu, *gpu["mig_devices"])]
    numbers = sorted(device["ordinal"] for device in devices if device["ordinal"] is not None)
    assert numbers == [gpu.ordinal for gpu in visible_gpus(diagnosis, SOURCE).gpus]


@FEWER
@given(HOSTS, WANTED)
def test_the_gpus_of_the_facts_are_gpus_of_a_task(evidence, wanted):
    diagnosis = diagnose(evidence, wanted)
    facts = json.loads(json.dumps(as_facts(diagnosis)))
    given_back = parse_gpus(facts["gpus"], wanted.cuda_visible_devices, facts["driver_version"] or "")
    detected = visible_gpus(diagnosis, given_back.source)
    assert given_back == detected if facts["gpus"] else given_back.gpus == detected.gpus


@FEWER
@given(HOSTS, WANTED)
def test_each_text_is_whole(evidence, wanted):
    for finding in diagnose(evidence, wanted).findings:
        texts = (finding.brief, finding.explanation, finding.consequence, finding.remedy, finding.where)
        assert all(text and "\n" not in text for text in texts)
        assert len(finding.evidence) <= 3
