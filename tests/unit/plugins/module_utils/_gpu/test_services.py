# SPDX-License-Identifier: GPL-3.0-or-later
"""Daemons that a driver may need."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu.evidence import Services
from ansible_collections.inference.triton.plugins.module_utils._gpu.host_files import HostFiles
from ansible_collections.inference.triton.plugins.module_utils._gpu.services import read_services


@pytest.fixture
def services(host_tree):
    return lambda nvswitches=0: read_services(HostFiles(str(host_tree.root)), nvswitches)


def test_a_host_without_any(services):
    assert services() == Services()


def test_a_fabric_manager_that_runs(services, host_tree):
    host_tree.service("nvidia-fabricmanager", running=True)
    assert services(6) == Services(fabric_manager=True, installed=frozenset(["nvidia-fabricmanager"]), nvswitches=6)


def test_a_fabric_manager_that_does_not_run(services, host_tree):
    host_tree.service("nvidia-fabricmanager")
    assert (services().fabric_manager, services().installed) == (False, {"nvidia-fabricmanager"})


def test_a_persistence_daemon_by_its_process(services, host_tree):
    host_tree.service("nvidia-persistenced", running=True)
    assert services().persistenced


def test_a_persistence_daemon_by_its_socket(services, host_tree):
    host_tree.write("run/nvidia-persistenced/socket")
    assert services().persistenced


@pytest.mark.parametrize("folder", ["etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"])
def test_where_units_are_installed(services, host_tree, folder):
    host_tree.service("nvidia-cdi-refresh", folder=folder)
    assert services().installed == {"nvidia-cdi-refresh"}


PACKAGE = """Package: nvidia-fabricmanager{branch}
Status: {status}
Priority: optional
Version: {version}
Description: a daemon
 Version: 1.1

"""


@pytest.mark.parametrize(
    ("branch", "version", "told"),
    [
        ("-550", "550.54.15-1", "550.54.15"),
        ("", "1:580.95.05-1ubuntu1", "580.95.05"),
        ("-dev-550", "550.54.15-1", ""),
    ],
)
def test_the_version_of_the_fabric_manager(services, host_tree, branch, version, told):
    host_tree.service("nvidia-fabricmanager")
    text = PACKAGE.format(branch=branch, status="install ok installed", version=version)
    host_tree.write("var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nVersion: 9.9\n\n" + text)
    assert services().fabric_manager_version == told


def test_a_fabric_manager_that_was_removed_has_no_version(services, host_tree):
    host_tree.service("nvidia-fabricmanager")
    removed = PACKAGE.format(branch="-535", status="deinstall ok config-files", version="535.1.1-1")
    host_tree.write("var/lib/dpkg/status", removed)
    assert services().fabric_manager_version == ""
