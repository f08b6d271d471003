# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of a fleet: what a person sees of ten hosts, and of a thousand."""

from __future__ import annotations

from ansible_collections.inference.triton.plugins.plugin_utils._fleet import fleet_report


def gpu(name="NVIDIA A100-SXM4-80GB", memory_mib=81920):
    return {"name": name, "memory_mib": memory_mib}


def finding(state="gpu_lost", severity="error", pci_address="0000:41:00.0"):
    return {"state": state, "severity": severity, "pci_address": pci_address}


TWO = (gpu(), gpu())


def answer(*findings, gpus=TWO, usable=2, driver="550.54.15"):
    severities = [finding["severity"] for finding in findings]
    severity = next((level for level in ("error", "warning", "info") if level in severities), "ok")
    facts = {
        "severity": severity,
        "present_count": len(gpus),
        "usable_count": usable,
        "driver_version": driver,
        "gpus": list(gpus),
        "findings": list(findings),
    }
    return {"ansible_facts": {"triton_gpu": facts}, "changed": False}


UNREACHABLE = {"unreachable": True, "msg": "Failed to connect\nto the host"}
FAILED = {"failed": True, "msg": "no python3"}


def hosts(lines):
    return [line.split()[0] for line in lines[1 : lines.index("")]]


def test_the_columns_are_aligned():
    lines = fleet_report({"a": answer(finding(), usable=1), "a-long-name": answer()})
    assert lines[:3] == [
        "HOST         STATE  PRESENT  USABLE  DRIVER     GIB EACH  GPUS                       PROBLEMS",
        "a            ERROR        2       1  550.54.15  80        2 x NVIDIA A100-SXM4-80GB  gpu_lost (0000:41:00.0)",
        "a-long-name  OK           2       2  550.54.15  80        2 x NVIDIA A100-SXM4-80GB  -",
    ]


def test_what_needs_a_person_comes_first():
    results = {
        "a": answer(),
        "b": answer(finding("persistence_off", "info")),
        "c": answer(finding("gpu_busy", "warning")),
        "d": FAILED,
        "e": UNREACHABLE,
        "f": answer(finding()),
    }
    assert hosts(fleet_report(results)) == ["f", "e", "d", "c", "a", "b"]


def test_hosts_are_sorted_as_people_count():
    assert hosts(fleet_report(dict.fromkeys(["gpu10", "gpu9", "10.0.0.2", "gpu", "gpu\u00b2"], answer()))) == [
        "10.0.0.2",
        "gpu",
        "gpu9",
        "gpu10",
        "gpu\u00b2",
    ]


def test_a_host_without_facts_is_listed_with_why():
    lines = fleet_report({"down": UNREACHABLE, "odd": FAILED, "left-out": {}})
    assert [line.split("  ")[0] for line in lines[1:4]] == ["down", "left-out", "odd"]
    assert lines[1].endswith("Failed to connect")
    assert lines[2].endswith("the task did not run")
    assert lines[3].endswith("no python3")


def test_a_failure_that_did_not_fail_the_task_is_one():
    assert " NO FACTS " in fleet_report({"odd": {"failed": False, "msg": "no python3"}})[1]


def test_different_gpus_are_told_apart():
    line = fleet_report({"a": answer(gpus=[gpu(), gpu("Tesla T4", 15360), gpu(), gpu(None, None)])})[1]
    assert "  15, 80 " in line
    assert "  2 x NVIDIA A100-SXM4-80GB, 1 x Tesla T4, 1 x unknown " in line


def test_memory_is_not_rounded_up_to_the_name_of_a_card():
    assert "  79.6 " in fleet_report({"a": answer(gpus=[gpu("NVIDIA H100 80GB HBM3", 81559)])})[1]


def test_many_gpus_with_one_problem_are_counted():
    findings = [finding("gpu_needs_reset", pci_address=f"0000:0{number}:00.0") for number in range(3)]
    line = fleet_report({"a": answer(*findings, finding("driver_too_old", pci_address=None))})[1]
    assert line.endswith("  gpu_needs_reset (3 GPUs), driver_too_old")


def test_the_sums_count_hosts_and_gpus():
    lines = fleet_report({"a": answer(), "b": answer(finding(), usable=1), "c": UNREACHABLE})
    assert "3 hosts: 1 ERROR, 1 UNREACHABLE, 1 OK. 3 of 4 GPUs usable." in lines


def test_one_of_a_kind_has_no_plural():
    assert "1 host: 1 OK. 1 of 1 GPU usable." in fleet_report({"a": answer(gpus=[gpu()], usable=1)})


def test_hosts_with_one_problem_are_named_together_up_to_ten():
    results = {f"gpu-{number}": answer(finding("library_mismatch", pci_address=None)) for number in range(1, 13)}
    results["other"] = answer(finding(), finding(pci_address="0000:42:00.0"))
    lines = fleet_report(results)
    assert lines[-2:] == [
        "library_mismatch on 12 hosts: " + ", ".join(f"gpu-{number}" for number in range(1, 11)) + " and 2 more",
        "gpu_lost on 1 host: other",
    ]


def test_no_host_makes_an_empty_table():
    lines = fleet_report({})
    assert lines[0].startswith("HOST ")
    assert lines[-1] == "0 hosts: none. 0 of 0 GPUs usable."
