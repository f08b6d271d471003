# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests run in one process per core, also where ansible-test runs them, which would fork one for each test.

The forks took four fifths of the time on each Python. What they are for, tests that leave something behind, fails here
on purpose: such a test is to be mended.
"""

from __future__ import annotations


def pytest_configure(config):
    forks = config.pluginmanager.get_plugin("ansible_forked")
    if forks:
        config.pluginmanager.unregister(forks)
