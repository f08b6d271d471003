# SPDX-License-Identifier: GPL-3.0-or-later
"""A host of a few files, for the tests of what reads or diagnoses one."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._gpu.host_tree import HostTree


@pytest.fixture
def host_tree(tmp_path):
    """A host without a file yet, under ``host_tree.root``."""
    return HostTree(tmp_path / "root")
