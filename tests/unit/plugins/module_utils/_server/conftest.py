# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that are closed after the test."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._server.client import Client
from ansible_collections.inference.triton.plugins.module_utils._server.endpoint import parse_url
from ansible_collections.inference.triton.plugins.module_utils._server.triton import Triton
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._server.servers import (
    FakeTriton,
    ScriptedServer,
)


@pytest.fixture
def scripted():
    """Start a `ScriptedServer`."""
    servers = []

    def start(*scripts):
        servers.append(ScriptedServer(*scripts))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def client():
    """A client for a server that listens at a URL."""
    clients = []

    def make(url, headers=None, timeout=10.0):
        clients.append(Client(parse_url(url), headers or {}, timeout))
        return clients[-1]

    yield make
    for made in clients:
        made.close()


@pytest.fixture
def triton(client):
    """The API of a server that listens at a URL."""
    return lambda url: Triton(client(url))


@pytest.fixture
def fake():
    """Start a `FakeTriton`."""
    servers = []

    def start(models=None, mode="explicit"):
        servers.append(FakeTriton(models, mode))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
