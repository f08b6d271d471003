# SPDX-License-Identifier: GPL-3.0-or-later
"""The control mode, found out with a request that changes nothing."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._server.control_mode import probe
from ansible_collections.inference.triton.plugins.module_utils._server.errors import ServerError
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._server.servers import FakeModel


@pytest.mark.parametrize(
    ("mode", "told"), [("explicit", "explicit"), ("poll", "none_or_poll"), ("none", "none_or_poll")]
)
def test_a_mode(fake, triton, mode, told):
    server = fake({"m": FakeModel()}, mode)
    assert probe(triton(server.url)).mode == told
    assert server.models["m"].state == "READY"
    ((_method, path, _body),) = server.changes()
    assert path.endswith("/unload") and "/m/" not in path


def test_a_restricted_api_leaves_it_open(fake, triton):
    server = fake()
    server.header = ("admin-key", "k")
    found = probe(triton(server.url))
    assert found.mode is None
    assert "admin-key" in found.unknown


def test_two_probes_ask_for_two_models(fake, triton):
    server = fake()
    for _number in range(2):
        probe(triton(server.url))
    first, second = server.changes()
    assert first != second


def test_a_server_that_went_away_is_a_failure(fake, triton):
    server = fake()
    asked = triton(server.url)
    server.close()
    with pytest.raises(ServerError):
        probe(asked)
