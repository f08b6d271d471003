# SPDX-License-Identifier: GPL-3.0-or-later
"""Each state of the table is seen where it is, alone, and says what it means and what to do."""

from __future__ import annotations

import string

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu.diagnosis import diagnose
from ansible_collections.inference.triton.plugins.module_utils._gpu.states import (
    CONTAINERS,
    ERROR,
    GPU,
    HIDES_ALL,
    HIDES_GPU,
    HIDES_NOTHING,
    HOST,
    INFO,
    WARNING,
)
from ansible_collections.inference.triton.plugins.module_utils._gpu.states_table import STATES, TABLE
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._gpu.situations import (
    HEALTHY,
    IN_CONTAINER,
    JETSON,
    NO_HANDLE,
    SITUATIONS,
)

CASES = [
    pytest.param(situation, id=f"{state}-{number}")
    for state, situations in SITUATIONS.items()
    for number, situation in enumerate(situations)
]


@pytest.mark.parametrize("situation", CASES)
def test_a_state_is_found_where_it_is_and_nothing_that_follows_from_it(situation):
    diagnosis = diagnose(situation.evidence, situation.wanted)
    assert tuple((finding.state.id, finding.pci_address) for finding in diagnosis.findings) == situation.findings
    assert diagnosis.severity == situation.severity
    assert tuple(gpu.gpu.index for gpu in diagnosis.gpus if gpu.usable) == situation.usable


@pytest.mark.parametrize("evidence", [HEALTHY, IN_CONTAINER, JETSON], ids=["host", "container", "jetson"])
def test_a_host_in_order_has_no_findings(evidence):
    diagnosis = diagnose(evidence)
    assert diagnosis.findings == ()
    assert diagnosis.gpus and all(gpu.usable for gpu in diagnosis.gpus)


@pytest.mark.parametrize("situation", CASES)
def test_a_finding_shows_what_was_seen_and_has_no_gap(situation):
    for finding in diagnose(situation.evidence, situation.wanted).findings:
        texts = (finding.brief, finding.explanation, finding.consequence, finding.remedy, finding.where)
        assert all(text and "{" not in text for text in texts), texts
        assert 1 <= len(finding.evidence) <= 3
        assert all(line and "\n" not in line for line in finding.evidence)
        assert not any("  " in text for text in texts)
        assert finding.explanation.endswith(".") and finding.remedy.endswith(".")


@pytest.mark.parametrize(
    ("state", "number", "evidence"),
    [
        (
            "no_gpu_hardware",
            4,
            (
                "/sys/bus/pci/devices: no VGA (0x0300) or 3D (0x0302) controller of vendor 0x10de",
                "0000:0a:00.0: amd 1002:740f",
            ),
        ),
        ("gpu_count_below_expected", 0, ("GPUs that are present: 0000:0a:00.0, 0000:41:00.0",)),
        ("gpu_bound_to_vfio", 0, ("/sys/bus/pci/devices/0000:41:00.0/driver -> vfio-pci",)),
        ("gpu_not_bound", 0, ("/sys/bus/pci/devices/0000:41:00.0/driver does not exist",)),
        (
            "driver_not_built_for_kernel",
            0,
            (
                "/lib/modules/5.15.0-185-generic/modules.dep: no nvidia.ko",
                "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1: exists",
            ),
        ),
        ("module_not_loaded", 3, ("/sys/module/nvidia: does not exist", "SecureBoot: on")),
        ("module_not_loaded", 1, ("nvidia-smi -q -x: NVIDIA-SMI has failed", "/sys/module/nvidia: does not exist")),
        (
            "permission_denied",
            1,
            tuple(f"/dev/{node}: deploy may not open it" for node in ("nvidia-uvm", "nvidia0", "nvidia1")),
        ),
        ("device_nodes_missing", 0, ("/dev/nvidiactl: does not exist",)),
        ("device_nodes_missing", 2, ("/dev/nvidia-uvm: does not exist",)),
        ("probe_timeout", 0, ("nvidia-smi -q -x: no answer within 18 seconds",)),
        ("gpu_excluded", 1, ("NVreg_ExcludedGpus: GPU-22",)),
        ("gpu_lost", 3, ("0000:41:00.0: GPU is lost",)),
        ("gpu_lost", 5, ("/sys/bus/pci/devices/0000:41:00.0/config: ff ff ff ff",)),
        ("power_cable", 1, (f"NVML: {NO_HANDLE}", "NVRM: Xid (PCI:0000:41:00): 54")),
        (
            "gpu_init_failed",
            2,
            (
                "No devices were found",
                "/proc/driver/nvidia/gpus/0000:0a:00.0: the driver holds it",
                "nvidia-smi -q -x: does not list 0000:0a:00.0",
            ),
        ),
        ("gpu_needs_reset", 1, ("0000:41:00.0: reset required",)),
        ("fabric_manager_down", 3, ("cuInit: 802 system not yet initialized",)),
        ("memory_busy", 0, ("0000:41:00.0: 1024 MiB free of 81920 MiB",)),
        ("forward_compat_required", 0, ("driver version: 550.54.15", '{"format":1}')),
        (
            "cdi_spec_stale",
            0,
            ("/var/run/cdi/nvidia.yaml: driver 535.104.05; /sys/module/nvidia/version: 550.54.15",),
        ),
        ("cuda_env_override", 1, ("tritonserver (4242): CUDA_VISIBLE_DEVICES=-1",)),
        ("driver_error", 1, ("NVML, nvidia-smi: not asked",)),
        ("driver_error", 3, ("NVML, nvidia-smi: not found",)),
        ("driver_error", 4, ("nvidia-smi -q -x: error 255",)),
        ("cuda_init_failed", 1, ("cuInit: no answer within 20 seconds",)),
    ],
)
def test_the_evidence_is_what_the_source_says(state, number, evidence):
    situation = SITUATIONS[state][number]
    assert diagnose(situation.evidence, situation.wanted).findings[0].evidence == evidence


def test_every_state_has_a_host_that_has_it():
    assert set(STATES) == set(SITUATIONS)
    assert all(any(situation.findings[0][0] == state for situation in SITUATIONS[state]) for state in STATES)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.state.id)
def test_a_row_is_complete(row):
    state = row.state
    assert state.scope in (HOST, GPU, CONTAINERS)
    assert state.severity in (ERROR, WARNING, INFO)
    assert state.hides in (HIDES_ALL, HIDES_GPU, HIDES_NOTHING)
    assert state.explanation and state.remedy and state.source and state.brief and callable(row.detect)
    # What hides nothing has to say for itself what Triton makes of it.
    assert state.hides or state.consequence


def test_each_state_is_in_the_table_once():
    assert len(STATES) == len(TABLE)
    assert len({row.detect for row in TABLE}) == len(TABLE)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.state.id)
def test_a_state_explains_what_stands_after_it(row):
    order = list(STATES)
    for explained in row.state.explains:
        assert order.index(explained) > order.index(row.state.id), explained


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.state.id)
def test_a_detector_says_its_own_state_only_and_fills_its_gaps(row):
    state = row.state
    texts = (state.brief, state.explanation, state.consequence, state.remedy)
    gaps = {name for text in texts for _text, name, _spec, _conversion in string.Formatter().parse(text) if name}
    seen = [
        sighting
        for situation in SITUATIONS.get(state.id, ())
        for sighting in row.detect(diagnose(situation.evidence, situation.wanted).host)
    ]
    for sighting in seen:
        assert sighting.state == state.id
        assert gaps <= set(sighting.values)
