# SPDX-License-Identifier: GPL-3.0-or-later
"""What looks see, as the checker keeps it: for the tests of what becomes of that."""

from __future__ import annotations

NOW = 1_800_000_000.0
FELL_BACK = {
    "id": "silent_fallback",
    "severity": "error",
    "text": "It runs on the CPU, and nobody has decided that.",
    "cure": "Write an instance_group.",
}
NOT_ENFORCED = {
    "id": "policy_not_enforced",
    "severity": "warning",
    "text": "The file is not as the policy wants it.",
    "cure": "Enforce the policy.",
}
GPU_LOST = {
    "state": "gpu_lost",
    "severity": "error",
    "where": "GPU 0000:41:00.0 (Tesla T4)",
    "pci_address": "0000:41:00.0",
    "explanation": "It fell off the bus.",
    "consequence": "Triton does not see it.",
    "remedy": "Drain the host and restart it.",
}


def model(name="ranker", grade="proved", kinds=("KIND_GPU",), **values):
    groups = [{"name": name, "kind": kind, "count": 1, "gpus": []} for kind in kinds]
    return {
        "name": name,
        "repository": "/srv/triton/models",
        "grade": grade,
        "critical": True,
        "served": True,
        "pending": False,
        "problems": [],
        "resolved": [{"version": "1", "groups": groups}] if groups else [],
        **values,
    }


def fallen(name="ranker", **values):
    return model(name, "contradicted", ["KIND_CPU"], **{"problems": [FELL_BACK], **values})


def gpus(*findings, present=2, usable=2, expected=None):
    return {
        "summary": f"{usable} of {present} GPUs are usable.",
        "severity": findings[0]["severity"] if findings else "ok",
        "present_count": present,
        "usable_count": usable,
        "expected_count": expected,
        "findings": list(findings),
    }


def state(*models, status=None, gpu=None, **values):
    """The state of a look; by its models it is fine or contradicted."""
    wrong = any(one["grade"] == "contradicted" for one in models)
    found = status or ("contradicted" if wrong else "fine")
    return {
        "status": found,
        "summary": f"It is {found}.",
        "models": list(models),
        "counts": {},
        "server_error": None,
        "gpu": gpu or gpus(),
        "checked_at_seconds": NOW,
        "duration_seconds": 0.25,
        "boot_id": "boot",
        **values,
    }
