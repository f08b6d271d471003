# SPDX-License-Identifier: GPL-3.0-or-later
"""Results of the modules as the tests of the fleet's report need them."""

from __future__ import annotations

FALLBACK = {
    "id": "silent_fallback",
    "severity": "error",
    "text": "ranker runs on the CPU, and nobody decided so.",
    "cure": "Write kind: KIND_GPU into group 0, and load it again.",
}
UNREACHABLE = {"unreachable": True, "msg": "Failed to connect to the host via ssh: No route to host\nand more"}
NO_SERVER = {
    "failed": True,
    "msg": "http://127.0.0.1:8000/v2: nothing accepts connections there. Start the server.",
    "server_error": {
        "kind": "refused",
        "url": "http://127.0.0.1:8000/v2",
        "seen": "nothing accepts connections there.",
        "remedy": "Start the server.",
    },
}


def model(name="detect", grade="proved", *problems, kind="KIND_GPU"):
    groups = [{"name": name, "kind": kind, "count": 1, "gpus": [0] if kind == "KIND_GPU" else []}]
    return {
        "name": name,
        "repository": "/srv/triton/models",
        "grade": grade,
        "status": None,
        "critical": True,
        "served": True,
        "resolved": [{"version": "1", "groups": groups}],
        "problems": list(problems),
    }


def fallen(name="ranker"):
    problem = {**FALLBACK, "text": FALLBACK["text"].replace("ranker", name)}
    return model(name, "contradicted", problem, kind="KIND_CPU")


def proof(*models, **counts):
    """A result of placement_info on a host with two GPUs of which the server uses one."""
    graded = dict.fromkeys(("proved", "consistent", "unproved", "contradicted"), 0)
    kinds = [one["resolved"][0]["groups"][0]["kind"] for one in models]
    for one in models:
        graded[one["grade"]] += 1
    on = {"on_gpu": kinds.count("KIND_GPU"), "on_cpu": kinds.count("KIND_CPU"), "on_model": 0, "not_served": 0}
    return {
        "changed": False,
        "models": list(models),
        "counts": {"models": len(models), **graded, **on, **counts},
        "server": {"url": "http://127.0.0.1:8000", "version": "2.51.0", "control_mode": "explicit"},
        "host": {"gpus": [{"ordinal": 0}], "left_out": ["GPU 1 is lost"]},
    }


def policy(*entries):
    """A result of instance_group_policy."""
    counts = {}
    for entry in entries:
        counts[entry["status"]] = counts.get(entry["status"], 0) + 1
    return {"changed": "changed" in counts, "models": list(entries), "counts": counts}


def file(status, name="detect", reason="group 0 is without a kind", config_name=None, known=False):
    return {"model": name, "config_name": config_name, "status": status, "reason": reason, "known": known}


def prediction(name="detect", silent_cpu=False, loads=True):
    predicted = {
        "loads": loads,
        "error": None if loads else "no GPUs are available",
        "silent_cpu": silent_cpu,
        "cause": {"text": "Group 0 has no kind, and Triton uses no GPU."} if silent_cpu else None,
        "cure": "Write kind: KIND_GPU into group 0." if silent_cpu else None,
        "groups": [{"name": name, "kind": "KIND_CPU", "count": 2, "gpus": []}],
    }
    return {
        "models": [{"model": name, "repository": "/srv/triton/models", "prediction": predicted}],
        "counts": {"models": 1, "silent_cpu": int(silent_cpu)},
        "server": {"gpus": [], "left_out": ["GPU 0 is lost"]},
    }


def gpus(usable=2, present=2, *findings):
    return {
        "ansible_facts": {"triton_gpu": {"usable_count": usable, "present_count": present, "findings": list(findings)}}
    }


def finding(severity="error", state="gpu_lost"):
    return {
        "state": state,
        "severity": severity,
        "scope": "gpu",
        "where": "GPU 0000:41:00.0",
        "explanation": "The GPU fell off the bus.",
        "remedy": "Restart this host.",
    }
