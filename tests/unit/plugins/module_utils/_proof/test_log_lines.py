# SPDX-License-Identifier: GPL-3.0-or-later
"""What the log of a server says of devices and loads, in both of its formats and behind any prefix."""

from __future__ import annotations

import datetime
import json

import pytest
from ansible_collections.inference.triton.plugins.module_utils._proof.log_lines import is_start, read_log
from ansible_collections.inference.triton.plugins.module_utils._proof.records import LoadEvent


def utc(*fields):
    return datetime.datetime(*fields, tzinfo=datetime.timezone.utc).timestamp()


NOW = utc(2026, 11, 23)
REASON = "Invalid argument: instance group m_0 of model m specifies invalid or unsupported gpu id 9"


def line(text, clock="20:10:11.500000", process=77, level="I", file="model_lifecycle.cc:839"):
    return f"{level}1122 {clock} {process} {file}] {text}"


def start(process=77, clock="20:10:00.000000"):
    text = "\"Pinned memory pool is created at '0x7f00' with size 268435456\""
    return line(text, clock, process, file="pinned_memory_manager.cc:277")


def instance(name, device, **fields):
    text = f'"TRITONBACKEND_ModelInstanceInitialize: {name} ({device})"'
    return line(text, file="python_be.cc:2404", **fields)


def loaded(name, **fields):
    return line(f"\"successfully loaded '{name}'\"", **fields)


def read(*lines, now=NOW):
    return read_log([text + "\n" for text in lines], now)


# Instances


def test_the_device_of_each_instance_in_order():
    found = read(start(), instance("m_0_0", "GPU device 0"), instance("m_0_0", "GPU device 1"))
    assert found.instances == {"m_0_0": [("KIND_GPU", 0), ("KIND_GPU", 1)]}


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ("CPU device 0", ("KIND_CPU", 0)),
        ("MODEL device 0", ("KIND_MODEL", 0)),
        ("GPU device 12", ("KIND_GPU", 12)),
    ],
)
def test_each_kind(device, expected):
    assert read(instance("m_0_0", device)).instances == {"m_0_0": [expected]}


def test_a_name_may_have_anything_in_it():
    assert list(read(instance("my model (v2)_0_0", "CPU device 0")).instances) == ["my model (v2)_0_0"]


# Loads


def test_a_load_that_succeeded():
    assert read(loaded("m")).loads == {"m": [LoadEvent("", True, "", utc(2026, 11, 22, 20, 10, 11, 500000))]}


def test_a_load_that_failed_is_told_twice_and_is_one():
    found = read(
        line(f"\"failed to load 'm' version 3: {REASON}\"", level="E", file="model_lifecycle.cc:642"),
        line("\"failed to load 'm'\"", file="model_lifecycle.cc:777"),
    )
    assert [(event.version, event.succeeded, event.reason) for event in found.loads["m"]] == [("3", False, REASON)]


def test_a_failed_update_in_place_has_no_reason():
    found = read(loaded("m"), line("\"failed to load 'm'\"", file="model_lifecycle.cc:777"))
    assert [(event.succeeded, event.reason) for event in found.loads["m"]] == [(True, ""), (False, "")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "\"failed to load model 'm': at least one version must be available\"",
            "at least one version must be available",
        ),
        (
            "\"Poll failed for model directory 'm': failed to read text proto from /srv/models/m/config.pbtxt\"",
            "failed to read text proto from /srv/models/m/config.pbtxt",
        ),
        (f"failed to load 'm' version 1: {REASON}", REASON),
    ],
)
def test_the_other_ways_to_fail(text, reason):
    (event,) = read(line(text, level="E")).loads["m"]
    assert (event.succeeded, event.reason) == (False, reason)


def test_a_reason_of_several_lines_with_quotes_in_it():
    reason = 'Internal: ValueError: say "hi" \\ there\n\nAt:\n  model.py(3): initialize\n'
    (event,) = read(line(json.dumps(f"failed to load 'm' version 1: {reason}"), level="E")).loads["m"]
    assert event.reason == reason


def test_half_a_character_in_a_message():
    (event,) = read(line("\"failed to load 'm' version 1: \\ud800\"", level="E")).loads["m"]
    assert event.reason == "?"


def test_a_line_that_was_cut_off():
    (event,) = read(line("\"failed to load 'm' version 1: Internal: Value", level="E")).loads["m"]
    assert event.reason == "Internal: Value"


def test_an_unload_is_no_load():
    assert read(line("\"successfully unloaded 'm' version 1\"")).loads == {}


def test_events_of_several_models():
    found = read(loaded("a"), loaded("b"), loaded("a"))
    assert {name: len(events) for name, events in found.loads.items()} == {"a": 2, "b": 1}


# Formats and prefixes

ISO = "2026-11-22T20:10:11Z I 77 model_lifecycle.cc:839] \"successfully loaded 'm'\""


def test_the_format_iso8601_tells_the_end_of_a_second():
    """A load in the same second as a change of the file came after it: it was because of it."""
    assert read(ISO).loads["m"][0].at == utc(2026, 11, 22, 20, 10, 11, 999999)


@pytest.mark.parametrize("text", [loaded("m"), ISO])
@pytest.mark.parametrize(
    "prefix",
    [
        "Nov 22 21:10:11 host tritonserver[4711]: ",
        "2026-11-22T21:10:11.123456+01:00 host tritonserver[4711]: ",
        "2026-11-22T20:10:11.123456789Z stdout F ",
        "triton-1  | ",
        "\t",
    ],
)
def test_what_stands_before_a_line_does_not_matter(prefix, text):
    assert read(prefix + text) == read(text)


@pytest.mark.parametrize(
    ("now", "year"),
    [
        pytest.param(utc(2026, 11, 22, 20, 11), 2026, id="just now"),
        pytest.param(utc(2027, 1, 2), 2026, id="last year"),
        pytest.param(utc(2026, 11, 22, 10), 2026, id="a clock that is behind by less than a day"),
        pytest.param(utc(2026, 11, 1), 2025, id="not in the future"),
    ],
)
def test_a_line_without_a_year_is_of_the_last_such_day(now, year):
    assert read(loaded("m"), now=now).loads["m"][0].at == utc(year, 11, 22, 20, 10, 11, 500000)


def test_the_29th_of_february_is_not_in_every_year():
    leap = loaded("m").replace("I1122", "I0229")
    assert read(leap, now=utc(2026, 3, 1)).loads["m"][0].at == utc(2024, 2, 29, 20, 10, 11, 500000)


def test_a_day_that_there_is_not_has_no_time():
    assert read(loaded("m").replace("I1122", "I1399")).loads["m"][0].at is None


def test_without_a_clock_of_its_own_it_takes_the_one_that_runs():
    assert read_log([loaded("m")]).loads["m"][0].at is not None


# Starts


def test_only_the_last_start_counts():
    found = read(start(), instance("m_0_0", "GPU device 0"), loaded("m"), start(), instance("m_0_0", "CPU device 0"))
    assert found.instances == {"m_0_0": [("KIND_CPU", 0)]}
    assert found.loads == {}


def test_another_process_is_another_start():
    found = read(loaded("old"), loaded("m", process=78))
    assert list(found.loads) == ["m"]


@pytest.mark.parametrize(
    "text",
    [
        '"pinned memory allocation: size 4, addr 0x7f00"',
        '"pinned memory deallocation: addr 0x7f00"',
        '"failed to allocate pinned system memory: no pinned memory pool, falling back to non-pinned system memory"',
    ],
)
def test_what_is_told_of_buffers_is_no_start(text):
    told = line(text, file="pinned_memory_manager.cc:198")
    found = read(start(), instance("m_0_0", "GPU device 0"), loaded("m"), told)
    assert found.instances == {"m_0_0": [("KIND_GPU", 0)]}
    assert list(found.loads) == ["m"]


@pytest.mark.parametrize(
    "text",
    [
        "\"Pinned memory pool is created at '0x7f00' with size 268435456\"",
        '"Pinned memory pool disabled"',
        '"Unable to allocate pinned system memory, pinned memory pool will not be available: no driver"',
        "Unable to allocate pinned system memory, pinned memory pool will not be available: no driver",
    ],
)
def test_the_first_line_of_a_start(text):
    first = line(text, file="pinned_memory_manager.cc:277")
    assert is_start(first + "\n")
    found = read(instance("m_0_0", "CPU device 0"), first)
    assert (found.starts, found.instances) == (True, {})


def test_a_line_of_another_file_is_no_start():
    assert not is_start(line('"Pinned memory pool is created"', file="python_be.cc:1"))
    assert not is_start("Pinned memory pool is created")


def test_whether_the_log_has_the_start():
    assert read(start(), loaded("m")).starts
    assert not read(loaded("m")).starts
    assert not read(start(process=77), loaded("m", process=78)).starts, "the start of the later one was not logged"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "successfully loaded 'm'",
        "TRITONBACKEND_ModelInstanceInitialize: m_0_0 (GPU device 0)",
        "\x00\udcff",
        line("\"the model says: successfully loaded 'm'\""),
        instance("m", "TPU device 0"),
    ],
)
def test_what_is_no_line_of_the_server_is_passed_over(text):
    found = read(text)
    assert (found.instances, found.loads) == ({}, {})


def test_a_long_log_is_read_quickly():
    noise = line('"HTTP request: 2 /v2/models/m/infer"', file="http_server.cc:3")
    lines = [start(), *[noise] * 200_000, loaded("m")]
    before = datetime.datetime.now()
    assert len(read_log(lines, NOW).loads["m"]) == 1
    assert (datetime.datetime.now() - before).total_seconds() < 3
