# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a driver says: an answer or an error of ours, and no value that it did not spell."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
from typing import Any

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu import nvml_child
from ansible_collections.inference.triton.plugins.module_utils._gpu.child_process import ChildAnswer
from ansible_collections.inference.triton.plugins.module_utils._gpu.driver_words import (
    FAULTS,
    NOT_APPLICABLE,
    NUMBERS,
    WORDS,
    Reading,
)
from ansible_collections.inference.triton.plugins.module_utils._gpu.evidence import DeviceAnswer
from ansible_collections.inference.triton.plugins.module_utils._gpu.nvidia_smi_csv import FIELDS, parse_csv
from ansible_collections.inference.triton.plugins.module_utils._gpu.nvidia_smi_listing import joined, mig_devices
from ansible_collections.inference.triton.plugins.module_utils._gpu.nvidia_smi_xml import PATHS, XmlError, parse_xml
from ansible_collections.inference.triton.plugins.module_utils._gpu.nvml import interpreted
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._gpu.fake_nvml import A30, FakeNvml
from hypothesis import given
from hypothesis import strategies as st

COUNTED = ("minor", "index", "memory_mib", "memory_used_mib", "memory_free_mib", "ecc_uncorrected")
ALL_WORDS = sorted({word for words in WORDS.values() for word in words} | NOT_APPLICABLE | FAULTS)
TEXTS = st.one_of(
    st.sampled_from(ALL_WORDS),
    st.sampled_from(ALL_WORDS).map(str.title),
    st.sampled_from(ALL_WORDS).map(lambda word: f"[{word}]"),
    st.integers(-3, 2**70).map(str),
    st.integers(0, 200000).map(lambda number: f"{number} MiB"),
    st.text("0123456789. MiBxN/A[]", max_size=8),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8),
)
LINES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.sampled_from(
        [
            "GPU 0: NVIDIA A30 (UUID: GPU-1)",
            "  MIG 1g.6gb      Device  0: (UUID: MIG-1)",
            "  MIG 1g.6gb      Device  999999999: (UUID: MIG-2)",
            "00000000:0A:00.0, 0, 8.0, GPU-11",
            "Unable to determine the device handle for GPU1: 0000:41:00.0: Unknown Error",
        ]
    ),
)


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def element(path: str, text: str) -> str:
    """An element at a path, with a text in it."""
    inner = escaped(text)
    for tag in reversed(path.split("/")):
        inner = f"<{tag}>{inner}</{tag}>"
    return inner


def document(texts: dict[str, str]) -> str:
    gpu = "".join(element(PATHS[field][0], text) for field, text in texts.items())
    return (
        '<?xml version="1.0" ?>\n<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">\n<nvidia_smi_log>\n'
        f'<attached_gpus>1</attached_gpus><gpu id="00000000:0A:00.0">{gpu}</gpu></nvidia_smi_log>\n'
    )


def spelled(field: str, value: Any, text: str) -> bool:
    """Whether a value of a field is what the text says, and not what somebody made up."""
    plain = text.strip().strip("[]").strip().lower()
    if value is None or value == "":
        return True
    if field in COUNTED:
        return re.sub(" mib$", "", plain).lstrip("0") == str(value).lstrip("0") and plain[:1].isdigit()
    if field in WORDS:
        return WORDS[field].get(plain) == value
    return bool(text.strip())


@pytest.mark.parametrize("field", sorted({*PATHS, *FIELDS.values()} - {"pci_address", "driver_version"}))
@given(text=TEXTS)
def test_a_value_is_spelled_a_fault_or_told_as_unknown(field, text):
    reading = Reading()
    value = reading.read(field, text)
    assert spelled(field, value, text)
    plain = text.strip().strip("[]").strip().lower()
    if value is None and field in {*COUNTED, *WORDS}:
        assert plain in NOT_APPLICABLE or reading.faults or reading.unknown or plain in WORDS.get(field, ())


@given(texts=st.dictionaries(st.sampled_from(sorted(PATHS)), TEXTS))
def test_a_document_of_any_words(texts):
    (device,) = parse_xml(document(texts)).devices
    for field, text in texts.items():
        assert spelled(field, getattr(device, field), text) or field in ("fabric_status", "fabric_health")
    for field in set(PATHS) - set(texts) - {"recovery_action"}:
        assert getattr(device, field) == getattr(DeviceAnswer(), field)
    if any("lost" in text.lower() for text in texts.values()):
        assert device.memory_unified is not True or not device.faults


@given(
    texts=st.dictionaries(st.sampled_from(sorted(PATHS)), TEXTS),
    cut=st.tuples(st.integers(0, 800), st.integers(0, 800)),
    inserted=st.one_of(
        st.text(max_size=20),
        st.sampled_from(
            ["<!ENTITY a 'b'>", "<![CDATA[", "]]>", "<!--", "&#0;", "&lol;", "</gpu>", "<gpu>", "\0", "<?xml?>"]
        ),
    ),
)
def test_a_damaged_document_is_an_error_of_ours_or_an_answer(texts, cut, inserted):
    text = document(texts)
    first, last = sorted(position % (len(text) + 1) for position in cut)
    with contextlib.suppress(XmlError):
        answer = parse_xml(text[:first] + inserted + text[last:])
        assert all(len(word) < 300 for word in answer.unknown)


@pytest.mark.parametrize("depth", [2, 9])
def test_entities_are_not_expanded(depth):
    names = "abcdefghij"[:depth]
    entities = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in itertools.pairwise(names))
    subset = f' [<!ENTITY a "x">{entities}]'
    text = document({}).replace(' SYSTEM "nvsmi_device_v12.dtd"', subset).replace("<gpu", f"&{names[-1]};<gpu")
    with pytest.raises(XmlError, match="declares entities"):
        parse_xml(text)


@given(lines=st.lists(LINES, max_size=8), fields=st.lists(st.sampled_from(list(FIELDS)), min_size=1, unique=True))
def test_every_line_of_a_query_is_a_row_or_talk(lines, fields):
    text = "\n".join(lines)
    answer = parse_csv(text, fields)
    assert len(answer.devices) + len(answer.talk) == sum(bool(line.strip()) for line in text.splitlines())


@given(cells=st.dictionaries(st.sampled_from(sorted(set(FIELDS) - {"pci.bus_id", "index"})), TEXTS))
def test_a_row_of_any_words(cells):
    told = {name: " ".join(text.replace(",", "").split()) for name, text in cells.items()}
    (device,) = parse_csv(", ".join(["00000000:0A:00.0", *told.values()]), ["pci.bus_id", *told]).devices
    for name, text in told.items():
        if name != "driver_version":
            assert spelled(FIELDS[name], getattr(device, FIELDS[name]), text)


@given(lines=st.lists(LINES, max_size=8))
def test_listed_mig_devices_stay_as_many_as_are_listed(lines):
    for devices in mig_devices("\n".join(lines)).values():
        assert [device.uuid for device in joined((), devices)] == [device.uuid for device in devices]
        assert [device.uuid for device in joined(devices[:1], devices)] == [device.uuid for device in devices]


NUMBER_FIELDS = [name for name in A30 if name.startswith("nvml") and isinstance(A30[name], tuple)]
WILD = st.sampled_from([0, 1, 2, 3, 9, 16, 255, 2**31, 2**32 - 1])
CODES = st.sampled_from([1, 2, 3, 4, 6, 13, 15, 16, 25, 999, 12345])


@given(
    data=st.data(),
    codes=st.dictionaries(st.sampled_from([name for name in A30 if name not in ("ecc", "recovery")]), CODES),
    handles=st.lists(CODES | st.none(), max_size=3),
)
def test_any_numbers_and_errors_of_nvml(data, codes, handles):
    gpu = dict(A30)
    for name in data.draw(st.sets(st.sampled_from(NUMBER_FIELDS))):
        gpu[name] = tuple(data.draw(WILD) for _value in A30[name])
    gpu["memory"] = data.draw(st.tuples(*[st.sampled_from([0, 1, 2**20, 2**34, 2**63, 2**64 - 1])] * 3))
    gpu["recovery"] = data.draw(WILD)
    gpu.update(codes)
    library = FakeNvml(*[gpu if code is None else code for code in handles])
    lines = [json.loads(json.dumps(line)) for line in nvml_child.read(library)]
    answer = interpreted("x", ChildAnswer(lines))
    assert len(answer.devices) == handles.count(None)
    assert len(answer.complaints) == len(handles) - handles.count(None)
    for device in answer.devices:
        for field in set(NUMBERS) & set(DeviceAnswer._fields):
            assert getattr(device, field) in {*NUMBERS[field].values(), None}
        assert device.memory_mib is None or device.memory_mib <= 2**30
        if codes.get("memory") == 15:
            assert device.memory_mib is None and "GPU is lost" in device.faults and device.memory_unified is None
        if codes.get("nvmlDeviceGetMinorNumber"):
            assert device.minor is None


@given(lines=st.integers(0, 5))
def test_what_nvml_has_told_so_far_is_an_answer(lines):
    told = list(nvml_child.read(FakeNvml(A30, A30, A30)))
    answer = interpreted("x", ChildAnswer(told[:lines], "did not answer within 1 seconds", True))
    assert len(answer.devices) == max(0, min(lines - 2, 3))
    assert bool(answer.failure) == (lines == 0)
