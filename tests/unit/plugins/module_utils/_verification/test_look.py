# SPDX-License-Identifier: GPL-3.0-or-later
"""One look: what it makes of GPUs, of a server that does not answer, and of a verdict."""

from __future__ import annotations

import time
from unittest.mock import Mock

import pytest
from ansible_collections.inference.triton.plugins.module_utils._repository.discovery import RepositoryError
from ansible_collections.inference.triton.plugins.module_utils._server.errors import ServerError
from ansible_collections.inference.triton.plugins.module_utils._service.errors import ServiceError
from ansible_collections.inference.triton.plugins.module_utils._verification import look as looking
from ansible_collections.inference.triton.plugins.module_utils._verification.monitor_options import MonitorOptions
from ansible_collections.inference.triton.plugins.module_utils._verification.options import completed
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._gpu.host_tree import HostTree
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._verification.looks import (
    GPU_LOST,
    gpus,
    model,
)


class Verification:
    def __init__(self, contradicted):
        self.warnings = []
        self._result = {"models": [model()], "counts": {"contradicted": contradicted}, "summary": "The verdict."}

    def as_result(self):
        return self._result


def told(answer):
    """The answer; one that is an exception is raised."""
    return Mock(side_effect=[answer])()


class Unit:
    def __init__(self, is_known=True, active="active", sub="running"):
        self.is_known, self.active, self.sub = is_known, active, sub


class Host:
    def __init__(self):
        self.outcome = Verification(0)
        self.unit = Unit()
        self.process = None
        self.request = None

    def verify(self, request):
        self.request = request
        return told(self.outcome)

    def read_unit(self, _name):
        return told(self.unit)

    def look(self, root="/nonexistent", service="triton.service", **values):
        gpus = values.pop("gpus", [])
        placement = completed({"repositories": ["/models"], "gpus": gpus, "service": service, "headers": {}})
        wanted = MonitorOptions(placement, gpu_root=str(root), **values)
        return looking.look(wanted, time.monotonic() + 5)


@pytest.fixture
def host(monkeypatch):
    known = Host()
    monkeypatch.setattr(looking, "verify", known.verify)
    monkeypatch.setattr(looking, "read_unit", known.read_unit)
    monkeypatch.setattr(looking.process, "find", lambda *_arguments: known.process)
    return known


def refused(kind="refused"):
    return ServerError(kind, "http://127.0.0.1:8000/v2", "nothing accepts connections there.", "Start the server.")


@pytest.mark.parametrize(("contradicted", "status"), [(0, "fine"), (2, "contradicted")])
def test_a_verdict_is_kept(host, contradicted, status):
    host.outcome = Verification(contradicted)
    found = host.look()
    assert (found["status"], found["summary"], found["server_error"]) == (status, "The verdict.", None)
    assert [one["name"] for one in found["models"]] == ["ranker"]


@pytest.mark.parametrize(
    ("unit", "status"),
    [
        (Unit(), "starting"),
        (Unit(active="activating"), "starting"),
        (Unit(active="activating", sub="auto-restart"), "down"),
        (Unit(active="failed"), "down"),
        (Unit(active="inactive"), "down"),
        (Unit(is_known=False), "down"),
        (ServiceError("there is no systemd"), "down"),
    ],
)
def test_closed_ports_are_those_of_a_server_that_starts_or_of_none(host, unit, status):
    host.outcome, host.unit = refused(), unit
    found = host.look()
    assert found["status"] == status
    assert found["server_error"]["kind"] == "refused"
    assert found["models"] == []


def test_a_server_without_a_unit_is_known_by_its_process(host):
    host.outcome, host.unit = refused(), Unit(is_known=False)
    host.process = object()
    assert host.look()["status"] == "starting"
    assert host.look(service=None)["status"] == "starting"


@pytest.mark.parametrize(
    ("kind", "status"),
    [("timeout", "down"), ("unreachable", "down"), ("restricted", "failed"), ("tls", "failed"), ("not_json", "failed")],
)
def test_a_server_that_runs_and_gives_no_answer_is_not_starting(host, kind, status):
    host.outcome = refused(kind)
    assert host.look()["status"] == status


def test_a_repository_that_cannot_be_read_is_a_failure(host):
    host.outcome = RepositoryError("/models: Permission denied")
    found = host.look()
    assert (found["status"], found["summary"]) == ("failed", "/models: Permission denied")


def test_gpus_that_are_given_are_taken_as_they_are(host):
    found = host.look(gpus=[{"name": "Tesla T4"}, {"name": "Tesla T4", "usable": False, "reason": "it is lost"}])
    assert (found["gpu"]["present_count"], found["gpu"]["usable_count"]) == (2, 1)
    assert host.request.server.visible().gpus[0].name == "Tesla T4"


def test_gpus_that_are_not_given_are_looked_for_once(host, tmp_path, monkeypatch):
    monkeypatch.setattr(looking.options, "given_or_detected", lambda *_arguments: pytest.fail("looked for twice"))
    found = host.look(HostTree(tmp_path).root, gpus=None, expected_gpus=1)
    assert (found["gpu"]["present_count"], found["gpu"]["expected_count"]) == (0, 1)
    assert found["gpu"]["severity"] == "error"
    assert found["status"] == "gpu_problem"
    assert host.request.server.visible().gpus == ()


def test_an_accepted_error_of_a_gpu_does_not_count(host, tmp_path):
    seen = host.look(HostTree(tmp_path).root, gpus=None, expected_gpus=1)["gpu"]["findings"]
    errors = tuple(one["state"] for one in seen if one["severity"] == "error")
    assert errors
    found = host.look(HostTree(tmp_path).root, gpus=None, expected_gpus=1, accepted_gpu_states=errors)
    assert (found["status"], found["gpu"]["severity"]) == ("fine", "info")


def test_a_check_that_may_not_ask_the_driver_has_no_answer(host, monkeypatch):
    finding = {
        **GPU_LOST,
        "state": "permission_denied",
        "where": "the host",
        "explanation": "It may not open the nodes.",
    }
    seen = looking.Gpus(gpus(finding, usable=0), None)
    monkeypatch.setattr(looking, "see_gpus", lambda *_arguments: seen)
    found = host.look()
    assert host.request is None, "every model on a GPU would be contradicted"
    assert found["status"] == "failed"
    assert "triton_placement_monitor_groups" in found["summary"]
    assert found["models"] == []
