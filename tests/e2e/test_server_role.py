# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role `server` says before it changes anything: here, in check mode, with a stand-in for systemd.

What it does then is tested on real hosts with the real server: molecule/server.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

HOST = {
    "service_mgr": "systemd",
    "architecture": "x86_64",
    "os_family": "Debian",
    "distribution": "Debian",
    "distribution_version": "12",
}
IMAGE = "sha256:" + "1" * 64
BROKEN_IMAGE = "sha256:" + "0" * 64  # of these, the stand-in for podman and docker has no good word
CONTAINER = {"triton_server_method": "container", "triton_server_container_digest": IMAGE}
# Variables of the role, facts of a host that has nothing yet, and what the role says to them. None: it agrees.
CASES: dict[str, tuple[dict[str, Any], dict[str, str], str | None]] = {
    "as it comes": ({}, {}, None),
    "a version of one's own": (
        {"triton_server_version": "2.99.0-ours", "triton_server_wheel_checksum": "0" * 64},
        {},
        None,
    ),
    "options, and GPUs by UUID": (
        {"triton_server_cuda_visible_devices": ["GPU-1"], "triton_server_options": {"log_verbose": 1}},
        {},
        None,
    ),
    "an option that is misspelt": (
        {"triton_server_options": {"http_prot": 8000}},
        {},
        "does not know --http-prot, and would not start with it. Did you mean --http-port?",
    ),
    "an option of a later release": (
        {"triton_server_options": {"http_max_input_size": 1}},
        {},
        "does not know --http-max-input-size, which came with 2.59",
    ),
    "a secret that everybody could read": (
        {"triton_server_options": {"http_restricted_api": "x"}},
        {},
        "Give the keys of restricted APIs in triton_server_restricted_apis",
    ),
    "a version that nobody knows": (
        {"triton_server_version": "2.99.0"},
        {},
        "The role knows the wheels of 2.51.0, 2.48.0, 2.44.0, 2.39.0",
    ),
    "an archive from nowhere": (
        {"triton_server_method": "archive"},
        {},
        "Give triton_server_archive_url, or triton_server_archive_src",
    ),
    "a method that there is not": ({"triton_server_method": "snap"}, {}, "must be one of: wheel, archive, container"),
    "an image that may change": (
        {"triton_server_method": "container"},
        {},
        "Give the digest of nvcr.io/nvidia/tritonserver in triton_server_container_digest",
    ),
    # Not by the control groups of this machine.
    "an image": ({**CONTAINER, "triton_server_is_detached": True}, {}, None),
    "an image, where control groups are of version 1": ({**CONTAINER, "triton_server_is_detached": False}, {}, None),
    "an image for docker": (
        {**CONTAINER, "triton_server_container_engine": "docker", "triton_server_container_cdi": False},
        {},
        None,
    ),
    "an image as a Quadlet file": ({**CONTAINER, "triton_server_container_quadlet": True}, {}, None),
    "an image that does not run here": (
        {**CONTAINER, "triton_server_container_digest": BROKEN_IMAGE},
        {},
        "the service was left as it is. podman says: Error: unresolvable CDI devices nvidia.com/gpu=all",
    ),
    "a port that is none": ({"triton_server_http_port": "many"}, {}, "triton_server_http_port"),
    "a host without systemd": ({}, {"service_mgr": "openrc"}, "and the host has openrc"),
    "another processor": ({}, {"architecture": "aarch64"}, "is for x86_64, and the host is aarch64"),
}
OPTIONS = [
    *("model-repository", "model-control-mode", "load-model", "exit-on-error", "strict-readiness", "exit-timeout-secs"),
    *("http-address", "http-port", "grpc-address", "grpc-port", "metrics-address", "metrics-port", "backend-config"),
]
ENGINE = f"""#!/bin/sh
case "$*" in
*{BROKEN_IMAGE}*--help*) echo 'Error: unresolvable CDI devices nvidia.com/gpu=all' >&2; exit 125 ;;
*--help*) printf '  --%s <string>\\n' {" ".join(OPTIONS)} ;;
esac
"""


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """From one run of Ansible, what the role says to each case, nothing where it agrees, and each container's unit."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "wheel.whl").write_bytes(b"")
    for name in ("systemctl", "journalctl"):
        (folder / name).write_text("#!/bin/sh\necho LoadState=not-found\n")
        (folder / name).chmod(0o755)
    (folder / "engine").write_text(ENGINE)
    (folder / "engine").chmod(0o755)
    tasks = [task for name, case in CASES.items() for task in tasks_of(folder, name, *case)]
    found = "{{ {'said': said, 'units': units} | to_json }}"
    keep = {"content": found, "dest": str(folder / "heard.json"), "mode": "0600"}
    tasks.append({"ansible.builtin.copy": keep, "check_mode": False})
    playbook = folder / "playbook.json"
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    done = subprocess.run(
        ["ansible-playbook", "--check", "--diff", str(playbook)],
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (folder / "triton").exists()
    assert not (folder / "models").exists()
    result: dict[str, dict[str, str]] = json.loads((folder / "heard.json").read_text())
    return result


def tasks_of(
    folder: Path, name: str, variables: dict[str, Any], host: dict[str, str], _message: str | None
) -> list[dict[str, Any]]:
    given = {
        "triton_server_root": str(folder / "triton"),
        "triton_server_wheel_src": str(folder / "wheel.whl"),
        "triton_server_manage_user": False,
        "triton_server_packages": [],
        "triton_server_model_repositories": [str(folder / "models")],
        "triton_server_service": "triton-of-a-test.service",
        "triton_server_engine_program": str(folder / "engine"),
        **variables,
    }
    answer = "{{ said | default({}) | combine({name: message}) }}"

    def remember(message: str) -> dict[str, Any]:
        return {"ansible.builtin.set_fact": {"said": answer}, "vars": {"name": name, "message": message}}

    return [
        {"ansible.builtin.set_fact": {**HOST, **host, "cacheable": True}},
        {
            "block": [
                {"ansible.builtin.include_role": {"name": "inference.triton.server"}},
                remember(""),
                {
                    "ansible.builtin.set_fact": {"units": "{{ units | default({}) | combine({name: unit}) }}"},
                    "vars": {"name": name, "unit": "{{ triton_server_unit_written.diff[0].after }}"},
                    "when": "triton_server_method | default('') == 'container'",
                },
            ],
            "vars": given,
            "rescue": [remember("{{ ansible_failed_result.msg }}")],
        },
    ]


@pytest.mark.parametrize("name", CASES)
def test_on_a_fresh_host_in_check_mode(heard: dict[str, dict[str, str]], name: str) -> None:
    expected = CASES[name][2]
    said = " ".join(heard["said"][name].split())
    if expected is None:
        assert said == ""
    else:
        assert expected in said


@pytest.mark.parametrize("name", ["an image", "an image as a Quadlet file", "an image for docker"])
def test_a_container_runs_what_was_pinned_and_may_do_little(heard: dict[str, dict[str, str]], name: str) -> None:
    unit = heard["units"][name].split()
    image = f"nvcr.io/nvidia/tritonserver@{IMAGE}"
    assert image in unit or f"Image={image}" in unit
    assert {"--pull=never", "--cap-drop=all", "--security-opt=no-new-privileges", "--user=1000:1000"} <= set(unit)


@pytest.mark.parametrize(
    ("name", "lines", "words"),
    [
        ("an image", {"Type=notify", "Delegate=yes"}, {"--detach", "--cgroups=split", "--log-driver=journald"}),
        ("an image, where control groups are of version 1", {"Type=exec"}, {"--log-driver=none"}),
        ("an image for docker", {"Type=exec"}, {"--log-driver=none", "--gpus=all"}),
        ("an image as a Quadlet file", {"[Container]"}, {"--log-driver=journald", "--device=nvidia.com/gpu=all"}),
    ],
)
def test_each_engine_hands_the_container_to_systemd_in_its_own_way(
    heard: dict[str, dict[str, str]], name: str, lines: set[str], words: set[str]
) -> None:
    unit = heard["units"][name]
    assert lines <= set(unit.splitlines())
    assert words <= set(unit.split())
    # Attached, the engine is what systemd watches; detached, it is not.
    assert ("--detach" in unit.split()) == ("Type=notify" in unit.splitlines())


@pytest.mark.parametrize("name", ["an image", "an image, where control groups are of version 1", "an image for docker"])
def test_a_unit_removes_the_container_whatever_became_of_its_engine(
    heard: dict[str, dict[str, str]], name: str
) -> None:
    last = next(line for line in heard["units"][name].splitlines() if line.startswith("ExecStopPost="))
    assert " rm --force " in last
    assert last.endswith(" triton-of-a-test")
