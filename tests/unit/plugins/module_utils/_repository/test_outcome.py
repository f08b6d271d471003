# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run says of what it found: waivers, warnings, and why nothing was written."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.inference.triton.plugins.module_utils._policy.decision import Host
from ansible_collections.inference.triton.plugins.module_utils._policy.parsing import parse_policy
from ansible_collections.inference.triton.plugins.module_utils._repository import enforcement

PYTHON = b'backend: "python"\n'
EXPLICIT = PYTHON + b"instance_group { kind: KIND_GPU }\n"
GPU = {"name": "on the GPU", "instance_group": [{"kind": "KIND_GPU"}]}
AUDIT = {**GPU, "mode": "audit"}
HOST = Host(datetime.date(2026, 7, 1))
OCR = {"models": ["ocr"], "reason": "no kernel"}
IN_FILE = b"# triton-policy: waive reason=there\n"


def enforce(repository, rules=(GPU,), waivers=(), **options):
    policy = parse_policy({"rules": list(rules), "waivers": list(waivers)})
    return enforcement.enforce(enforcement.Request([repository.path], policy, HOST, **options))


# What became of each waiver


@pytest.mark.parametrize(
    ("text", "waivers", "states"),
    [
        pytest.param(PYTHON, [OCR], [("active", "1 waived", ["ocr"])], id="active"),
        pytest.param(
            PYTHON,
            [{**OCR, "expires": "2026-06-30"}],
            [
                (
                    "expired",
                    "this waiver expired on 2026-06-30. Renew it, or remove it to have the policy enforced.",
                    ["ocr"],
                )
            ],
            id="expired",
        ),
        pytest.param(
            PYTHON,
            [{**OCR, "models": ["asr"]}],
            [("stale", "this waiver matches no model. Remove it, or correct its selectors.", [])],
            id="stale",
        ),
        pytest.param(
            EXPLICIT,
            [OCR],
            [
                (
                    "unneeded",
                    "no model needs this waiver: each is as the policy wants it, or has another one. Remove it.",
                    [],
                )
            ],
            id="unneeded",
        ),
        pytest.param(
            EXPLICIT,
            [{**OCR, "expires": "2026-06-30"}],
            [
                (
                    "unneeded",
                    "no model needs this waiver: each is as the policy wants it, or has another one. Remove it.",
                    [],
                )
            ],
            id="expired and unneeded",
        ),
        pytest.param(
            PYTHON,
            [OCR, OCR],
            [
                ("active", "1 waived", ["ocr"]),
                (
                    "unneeded",
                    "no model needs this waiver: each is as the policy wants it, or has another one. Remove it.",
                    [],
                ),
            ],
            id="two for one model",
        ),
        pytest.param(
            b"max_batch_size: ${size}\n",
            [OCR],
            [("active", "nothing waived yet: the policy cannot be held against all of its models", [])],
            id="a template",
        ),
    ],
)
def test_what_became_of_a_waiver(repository, text, waivers, states):
    repository.model("ocr", text)
    reports = enforce(repository, waivers=waivers).as_result()["waivers"]
    assert [(report["state"], report["explanation"], report["models"]) for report in reports] == states
    assert [report["place"] for report in reports] == [f"waivers[{number}]" for number in range(len(waivers))]


def test_a_waiver_in_a_file_is_listed_with_its_place(repository):
    path = repository.model("ocr", PYTHON + IN_FILE)
    assert enforce(repository).as_result()["waivers"] == [
        {
            "place": f"{path}, line 2",
            "reason": "there",
            "expires": None,
            "state": "active",
            "explanation": "1 waived",
            "models": ["ocr"],
        }
    ]


def test_waived_models_are_listed_with_the_reason(repository):
    repository.model("ocr")
    (model,) = enforce(repository, waivers=[OCR]).as_result()["models"]
    assert (model["status"], model["waiver"], model["after"]) == ("waived", "no kernel", [{"kind": "KIND_GPU"}])


# Warnings


@pytest.mark.parametrize(
    ("text", "waiver", "warning"),
    [
        (PYTHON, OCR, None),
        (EXPLICIT, OCR, None),
        (EXPLICIT, {**OCR, "expires": "2026-06-30"}, None),
        (EXPLICIT, {**OCR, "models": ["asr"]}, "waivers[0]: this waiver matches no model."),
        (PYTHON, {**OCR, "expires": "2026-06-30"}, "waivers[0]: this waiver expired on 2026-06-30."),
    ],
    ids=["active", "unneeded", "expired and unneeded", "stale", "expired"],
)
def test_a_waiver_that_somebody_should_look_at_is_a_warning(repository, text, waiver, warning):
    repository.model("ocr", text)
    warnings = [text for text in enforce(repository, waivers=[waiver]).warnings() if text.startswith("waivers")]
    assert [text[: len(warning or "")] for text in warnings] == ([] if warning is None else [warning])


def test_an_expired_waiver_is_a_violation_that_says_why(repository):
    path = repository.model("ocr")
    (warning,) = [
        text
        for text in enforce(repository, waivers=[{**OCR, "expires": "2026-06-30"}]).warnings()
        if not text.startswith("waivers")
    ]
    assert warning == (
        "One configuration is against the policy. Each reason says what is missing; a waiver lets a model be.\n"
        f"{path}: the waiver (waivers[0]: no kernel) expired on 2026-06-30; "
        "there is no instance_group, so the server chooses the device"
    )


def test_a_warning_of_the_policy_is_a_warning_of_the_run(repository):
    repository.model("ocr", EXPLICIT)
    (warning,) = enforce(repository, rules=[GPU, {**GPU, "name": "again"}]).warnings()
    assert warning.startswith("rules[1]: 'again' never applies: ")


# Why nothing was written


@pytest.mark.parametrize(
    ("text", "rules", "status"),
    [
        (PYTHON, [GPU], "changed"),
        (PYTHON, [AUDIT], "violation"),
        (b'backend: "openvino"\n', [GPU], "incompatible"),
        (PYTHON, [{**GPU, "match": {"models": ["asr"]}}], "unmatched"),
        (b"max_batch_size: ${size}\n", [GPU], "template"),
    ],
    ids=["changed", "violation", "incompatible", "unmatched", "template"],
)
def test_a_status_can_fail_the_run_before_anything_is_written(repository, snapshot, text, rules, status):
    path = repository.model("ocr", text)
    repository.model("other", EXPLICIT)
    was = snapshot(repository.path)
    assert not enforce(repository, rules=rules, dry_run=True).blocked_by
    outcome = enforce(repository, rules=rules, fail_on=[status])
    assert snapshot(repository.path) == was
    assert [plan.config.path for plan in outcome.blocked_by if plan.model.name == "ocr"] == [path]
    lines = outcome.failure().split("\n")
    assert lines[0].endswith("failed the task (fail_on), so nothing was changed:")
    assert lines[1].startswith(f"{path}: {status}: ")
    assert lines[-1] == "Correct the files, waive the models, or have a baseline know of what is wrong today."


def test_a_broken_file_can_fail_a_run_that_goes_on_otherwise(repository):
    repository.model("ocr", b"name: }\n")
    assert not enforce(repository, keep_going=True).blocked_by
    assert enforce(repository, keep_going=True, fail_on=["invalid"]).blocked_by
