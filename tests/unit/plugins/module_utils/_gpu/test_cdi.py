# SPDX-License-Identifier: GPL-3.0-or-later
"""CDI specifications, in the two forms that nvidia-ctk writes."""

from __future__ import annotations

import json

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu.cdi import names_gpus, parse_specification
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._gpu.host_tree import cdi_text

DEVICE = {"name": "0", "containerEdits": {"deviceNodes": [{"path": "/dev/nvidia0"}, {"path": "/dev/dri/card1"}]}}


def as_json(**changes):
    edits = {
        "deviceNodes": [{"path": "/dev/nvidiactl"}],
        "mounts": [{"hostPath": "/usr/lib64/libcuda.so.550.54.15", "containerPath": "/usr/lib64/libcuda.so.550.54.15"}],
        "hooks": [{"hookName": "createContainer", "path": "/usr/bin/nvidia-cdi-hook", "args": ["--link", "a::/dev/b"]}],
    }
    spec = {"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "devices": [DEVICE], "containerEdits": edits}
    return json.dumps({**spec, **changes}, indent=1)


def test_yaml():
    text = cdi_text("550.54.15", names=["0", "GPU-11", "all"], nodes=["/dev/nvidia0", "/dev/dri/card1"])
    assert parse_specification(text) == (
        ("550.54.15",),
        ("0", "GPU-11", "all"),
        ("/dev/nvidiactl", "/dev/nvidia0", "/dev/dri/card1"),
    )


def test_json():
    assert parse_specification(as_json()) == (
        ("550.54.15",),
        ("0",),
        ("/dev/nvidia0", "/dev/dri/card1", "/dev/nvidiactl"),
    )


@pytest.mark.parametrize("name", ["name: all", "name: 'all'", 'name: "all"'])
def test_quotes_around_a_name(name):
    assert parse_specification(f"kind: nvidia.com/gpu\ndevices:\n- {name}\n").device_names == ("all",)


def test_lists_that_are_indented():
    text = (
        'kind: "nvidia.com/gpu"\n\n# a comment\ndevices:\n'
        "    - name: '0:1'\n      containerEdits:\n        deviceNodes:\n"
        "            - path: /dev/nvidia0\n              permissions: rw\n"
        "            -   path: /dev/nvidia-caps/nvidia-cap1\n    - name: all\n"
    )
    assert parse_specification(text) == ((), ("0:1", "all"), ("/dev/nvidia0", "/dev/nvidia-caps/nvidia-cap1"))


def test_many_devices():
    names = tuple(map(str, range(300)))
    assert parse_specification(cdi_text(names=names)).device_names == names


def test_a_device_after_something_that_is_nested_deeper_than_any_specification():
    deep = "".join(" " * column + "x:\n" for column in range(2, 40))
    text = f"kind: nvidia.com/gpu\ndevices:\n- annotations:\n{deep}  name: a\n- name: b\n"
    assert parse_specification(text).device_names == ("a", "b")


@pytest.mark.parametrize("depth", [500, 50_000])
def test_nesting_without_end_does_not_hinder(depth):
    text = as_json()[:-1] + ', "deep": ' + "[" * depth + "]" * depth + "}"
    found = parse_specification(text)  # newer Pythons read deeper JSON than others
    assert found is None or found.device_names == ("0",)


def test_only_the_names_of_devices_are_names():
    text = (
        "kind: nvidia.com/gpu\nname: spec\nannotations:\n  name: x\ncontainerEdits:\n  hooks:\n  - name: hook\n"
        "devices:\n- annotations:\n    name: y\n  name: all\n"
    )
    assert parse_specification(text).device_names == ("all",)


def test_the_paths_of_mounts_and_hooks_are_no_device_nodes():
    text = "kind: nvidia.com/gpu\ncontainerEdits:\n  mounts:\n  - hostPath: /dev/shm\n  hooks:\n  - path: /dev/hook\n"
    assert parse_specification(text).nodes == ()


def test_a_device_node_that_has_another_path_on_the_host():
    node = {"path": "/dev/nvidia0", "hostPath": "/run/nvidia/driver/dev/nvidia0"}
    spec = parse_specification(as_json(devices=[], containerEdits={"deviceNodes": [node]}))
    assert spec.nodes == ("/run/nvidia/driver/dev/nvidia0",)


@pytest.mark.parametrize(
    ("place", "versions"),
    [
        ("/usr/lib/libcuda.so.565.77", ("565.77",)),
        ("--host-driver-version=580.95.05", ("580.95.05",)),
        ("/lib/firmware/nvidia/570.86.10/gsp_ga10x.bin", ("570.86.10",)),
        ("/usr/lib/libnvidia-egl-gbm.so.1.1.1", ()),
        ("a.so.570.1 b.so.550.10 c.so.550.9", ("550.9", "550.10", "570.1")),
    ],
)
def test_the_versions_of_the_driver(place, versions):
    assert parse_specification(f"kind: nvidia.com/gpu\nx: {place}\n").driver_versions == versions


@pytest.mark.parametrize(
    "text",
    [
        "",
        "kind: vendor.com/net\n",
        "kind: management.nvidia.com/gpu\n",
        "a:\n  kind: nvidia.com/gpu\n",
        "kind: [nvidia.com/gpu]\n",
        '{"kind": "nvidia.com/nvswitch"}',
        '{"kind": ["nvidia.com/gpu"]}',
        '{"kind": "nvidia.com/gpu"',
        '{"kind": "nvidia.com/gpu", "devices": [{"name": "\\ud800"}]}',
        "[" * 100_000,
        "{" + '"a":[' * 100_000,
        "- " * 2_000_000,
        ("- " * 2000 + "\n") * 100,
    ],
)
def test_what_is_no_specification_for_gpus(text):
    assert parse_specification(text) is None


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("kind: [nvidia.com/gpu", True),
        ("kind: management.nvidia.com/gpu", False),
        ("kind: nvidia.com/gpu-other", False),
        ("kind: vendor.com/net", False),
    ],
)
def test_what_was_meant_to_be_one(text, meant):
    assert names_gpus(text) is meant
