# SPDX-License-Identifier: GPL-3.0-or-later
"""Which minimum of the compute capability counts."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config.findings import ConfigError
from ansible_collections.inference.triton.plugins.module_utils._placement.installation import (
    Installation,
    ServerOptions,
)
from ansible_collections.inference.triton.plugins.module_utils._placement.minimum import minimum_in_force

LOG = ServerOptions("/var/log/triton.log", (7, 0), "2.51.0")
PROCESS = ServerOptions("tritonserver (process 7)", (8, 0))
SILENT = ServerOptions("tritonserver (process 8)")


def found(release=None, given=None, logged=None, running=()):
    minimum = minimum_in_force(release, given, Installation(None, logged, running))
    return minimum.capability, minimum.whose


def test_the_option_counts_before_all_else():
    assert found("24.10", "8.6", LOG, (PROCESS,)) == ((8, 6), "that was given")


def test_the_log_counts_before_the_processes():
    assert found("24.10", None, LOG, (PROCESS,)) == ((7, 0), "of /var/log/triton.log")


def test_a_process_counts_before_the_release():
    assert found("24.10", None, None, (PROCESS,)) == ((8, 0), "of tritonserver (process 7)")
    assert found("24.10", None, None, (SILENT,)) == ((6, 0), "of Triton 24.10")


def test_the_release_counts_before_all_releases():
    assert found("25.10") == ((7, 5), "of Triton 25.10")
    assert found() == ((6, 0), "of every Triton that is known")


def test_a_log_without_a_minimum_still_tells_the_release():
    assert found(logged=ServerOptions("log", None, "2.62.0")) == ((7, 5), "of Triton 25.10")
    assert found(logged=ServerOptions("log", None, "2.99.0")) == ((6, 0), "of every Triton that is known")


@pytest.mark.parametrize("version", ["2.51.0", "2.99.0"])
def test_the_log_of_another_release_does_not_count(version):
    minimum = minimum_in_force("25.10", None, Installation(None, LOG._replace(version=version)))
    assert (minimum.capability, minimum.whose) == ((7, 5), "of Triton 25.10")
    (warning,) = minimum.warnings
    assert warning.startswith(f"/var/log/triton.log is the log of a Triton {version}, which is not 25.10: ")


@pytest.mark.parametrize(("release", "version"), [("24.10", "2.51.0"), ("25.10", ""), ("31.01", "2.99.0")])
def test_a_log_that_may_be_of_the_release_counts(release, version):
    assert found(release, None, LOG._replace(version=version))[0] == (7, 0)


def test_a_log_of_the_newest_known_release_is_none_of_a_later_one():
    assert found("31.01", None, LOG._replace(version="2.72.0"))[1] == "of Triton 26.08"


@pytest.mark.parametrize(
    "others", [(SILENT,), (ServerOptions("tritonserver (process 9)", (7, 5)),)], ids=["silent", "another"]
)
def test_servers_that_differ_do_not_count(others):
    minimum = minimum_in_force("24.10", None, Installation(running=(PROCESS, *others)))
    assert minimum.capability == (6, 0)
    assert "tritonserver (process 7): 8.0" in minimum.warnings[0]


def test_servers_that_agree_count():
    assert found("24.10", None, None, (PROCESS, PROCESS._replace(source="tritonserver (process 9)")))[0] == (8, 0)


def test_a_release_that_is_none_is_an_error_whatever_decides():
    with pytest.raises(ConfigError, match="triton_release"):
        found("24.1", "8.0")
