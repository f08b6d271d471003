# SPDX-License-Identifier: GPL-3.0-or-later
"""What a word of the driver is: a value, nothing, a fault, or unknown. Never a number that nobody wrote."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu.driver_words import (
    NOT_APPLICABLE,
    NUMBERS,
    WORDS,
    Reading,
    memory_unified,
    version_in,
)


def read(field, text):
    reading = Reading()
    return reading.read(field, text), reading.faults, reading.unknown


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("compute_mode", "Exclusive_Process", "exclusive_process"),
        ("compute_mode", "Prohibited", "prohibited"),
        ("persistence_mode", "Enabled", True),
        ("ecc_mode", "Disabled", False),
        ("mig_mode", "Enabled", "enabled"),
        ("remap_failure", "Yes", True),
        ("remap_pending", "No", False),
        ("recovery_action", "None", "none"),
        ("recovery_action", "Drain P2P", "drain_p2p"),
        ("fabric_state", "In Progress", "in_progress"),
        ("fabric_state", "Not Supported", "not_supported"),
        ("fabric_status", "Unknown Error", "unknown_error"),
        ("fabric_health", "Limited Capacity", "limited_capacity"),
        ("virtualization_mode", "Pass-Through", "pass_through"),
        ("architecture", "Ada Lovelace", "ada_lovelace"),
        ("brand", "NVIDIA RTX", "nvidia_rtx"),
        ("memory_mib", "81559 MiB", 81559),
        ("memory_mib", "81559", 81559),
        ("memory_used_mib", "0 MiB", 0),
        ("minor", "3", 3),
        ("compute_capability", "10.0", (10, 0)),
        ("pci_device_id", "233010DE", "10de:2330"),
        ("pci_device_id", "0x233010DE", "10de:2330"),
        ("pci_device_id", "000000DE", None),
        ("name", "Orin (nvgpu)", "Orin (nvgpu)"),
        ("uuid", "MIG-GPU-1/7/0", "MIG-GPU-1/7/0"),
    ],
)
def test_a_value(field, text, value):
    assert read(field, text) == (value or ("" if field == "pci_device_id" else value), [], [])


@pytest.mark.parametrize(
    "text",
    [None, "", "N/A", "[N/A]", "[Not Supported]", "[Requested functionality has been deprecated]", "Not Supported"],
)
@pytest.mark.parametrize("field", ["memory_mib", "compute_mode", "compute_capability", "recovery_action", "minor"])
def test_what_does_not_apply(field, text):
    assert read(field, text) == (None, [], [])


@pytest.mark.parametrize(
    "text", ["GPU is lost", "GPU requires reset", "Unknown Error", "Insufficient Permissions", "ERR!"]
)
@pytest.mark.parametrize("field", ["memory_mib", "compute_mode", "fabric_state", "brand", "uuid"])
def test_a_fault_is_kept_verbatim(field, text):
    nothing = "" if field == "uuid" else None
    assert read(field, text) == (nothing, [text], [])
    assert read(field, f"[{text}]") == (nothing, [text], [])


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("compute_mode", "Whatever"),
        ("memory_mib", "80 GiB"),
        ("memory_mib", "-1"),
        ("memory_mib", "8O MiB"),
        ("minor", "０"),
        ("compute_capability", "9"),
        ("mig_mode", "1"),
        ("remap_failure", "0"),
        ("brand", "<>"),
        ("uuid", "two words"),
    ],
)
def test_what_nobody_knew_is_told_and_is_no_value(field, text):
    nothing = "" if field == "uuid" else None
    assert read(field, text) == (nothing, [], [f"{field}: '{text}'"])


def test_a_fault_is_told_once():
    reading = Reading()
    for field in ("memory_mib", "compute_mode"):
        reading.read(field, "GPU is lost")
    assert reading.faults == ["GPU is lost"]


def test_what_is_unknown_is_cut():
    _value, _faults, (unknown,) = read("compute_mode", "x" * 10000)
    assert len(unknown) < 250


def test_a_number_of_nvml():
    reading = Reading()
    assert reading.number("architecture", 8) == "ada_lovelace"
    assert reading.number("brand", 0) is None
    assert reading.unknown == []
    assert reading.number("architecture", 77) is None
    assert reading.unknown == ["architecture: 77"]


def test_nvml_and_nvidia_smi_end_in_the_same_words():
    for field in set(NUMBERS) & set(WORDS):
        assert set(NUMBERS[field].values()) <= set(WORDS[field].values()), field


def test_no_word_of_a_field_says_that_it_does_not_apply_but_the_fabric_states():
    for field, words in WORDS.items():
        assert not set(words) & NOT_APPLICABLE - ({"not supported"} if field == "fabric_state" else set()), field


@pytest.mark.parametrize(
    ("memory", "told", "faults", "unified"),
    [
        (24576, "24576 MiB", [], False),
        (None, "N/A", [], True),
        (None, "[N/A]", [], True),
        (None, "Not Supported", [], True),
        (None, "N/A", ["GPU is lost"], None),
        (None, "GPU is lost", ["GPU is lost"], None),
        (None, "whatever", [], None),
        (None, "", [], None),
        (None, None, [], None),
    ],
)
def test_one_memory_for_gpu_and_host_is_a_size_that_does_not_apply(memory, told, faults, unified):
    assert memory_unified(memory, told, faults) is unified


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("580.95.05", "580.95.05"),
        ("565.77", "565.77"),
        ("610.57.04 [Deprecated; will be removed in CUDA 14.0. Use KMD Version instead]", "610.57.04"),
        ("N/A", ""),
        ("580", ""),
        ("1.2.3.4.5.6", ""),
    ],
)
def test_a_version_ends_where_a_remark_begins(text, version):
    assert version_in(text) == version
