# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a server says of its models, a verdict comes of it, or an error that says what to do."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from ansible_collections.inference.triton.plugins.module_utils._placement.prediction import Prediction
from ansible_collections.inference.triton.plugins.module_utils._placement.server import server_view
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import VisibleGpus
from ansible_collections.inference.triton.plugins.module_utils._proof.comparison import compare
from ansible_collections.inference.triton.plugins.module_utils._proof.records import Expected, OnDisk, ServerSeen
from ansible_collections.inference.triton.plugins.module_utils._server.client import Binary
from ansible_collections.inference.triton.plugins.module_utils._server.errors import ServerError
from ansible_collections.inference.triton.plugins.module_utils._server.failures import Answer
from ansible_collections.inference.triton.plugins.module_utils._server.triton import Triton
from ansible_collections.inference.triton.plugins.module_utils._verification import gather_server
from ansible_collections.inference.triton.plugins.module_utils._verification.probe import Unsafe, probe, request
from ansible_collections.inference.triton.tests.property.test_server_answers import JSON, Canned
from hypothesis import given
from hypothesis import strategies as st

HOST = server_view(VisibleGpus(()), "24.10")
KINDS = st.sampled_from(["KIND_GPU", "KIND_CPU", "KIND_MODEL", "KIND_NEW"])


def messages_like(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Messages with these fields, of which each may be missing or be anything."""
    odd = st.fixed_dictionaries({}, optional={name: values | JSON for name, values in fields.items()})
    return st.fixed_dictionaries(fields) | odd


TENSOR = messages_like(
    name=st.text(max_size=3),
    data_type=st.sampled_from(["TYPE_FP32", "TYPE_STRING", "TYPE_NEW"]),
    dims=st.lists(st.integers(-2, 2000), max_size=3),
)
GROUP = messages_like(
    name=st.sampled_from(["a_0", ""]),
    kind=KINDS,
    count=st.integers(-1, 3),
    gpus=st.lists(st.integers(0, 2), max_size=2),
)
PLAIN = st.fixed_dictionaries(
    {
        "instance_group": st.lists(GROUP, min_size=1, max_size=2),
        "max_batch_size": st.integers(0, 8),
        "input": st.lists(TENSOR, min_size=1, max_size=2),
    }
)
CONFIG = PLAIN | st.fixed_dictionaries(
    {"instance_group": st.lists(GROUP | JSON, max_size=2)},
    optional={
        "platform": st.sampled_from(["ensemble", ""]) | JSON,
        "backend": JSON,
        "max_batch_size": st.integers(0, 8) | JSON,
        "input": st.lists(TENSOR | JSON, max_size=2) | JSON,
        "model_transaction_policy": JSON,
        "ensemble_scheduling": JSON,
    },
)
STATES = st.sampled_from(["READY", "LOADING", "UNAVAILABLE", "NEW"])
INDEX = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["a", "b"])},
        optional={"version": st.sampled_from(["1", "2"]) | JSON, "state": STATES | JSON, "reason": JSON},
    ),
    max_size=3,
)
MEMORY = st.lists(st.fixed_dictionaries({"type": JSON, "id": JSON, "byte_size": JSON}) | JSON, max_size=2) | JSON
ROWS = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["a", "c"]), "version": st.sampled_from(["1"])}, optional={"memory_usage": MEMORY}
    ),
    max_size=2,
)


class Scripted(Canned):
    """A client that gets another answer for each kind of request."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.said = said

    def request(self, method: str, path: str, *arguments: Any, **_options: Any) -> Answer:
        what = path.rpartition("/")[2]
        body = self.said.get(what, b"")
        return Answer(
            "http://gpu1:8000" + path, 200, {}, body if isinstance(body, bytes) else json.dumps(body).encode()
        )

    def data(self, method: str, path: str, *arguments: Any) -> Any:
        return json.loads(self.request(method, path).body)

    def close(self) -> None:
        pass


SAID = st.fixed_dictionaries(
    {
        "v2": st.just({"name": "t", "version": "2.51.0"}),
        "index": INDEX,
        "stats": st.fixed_dictionaries({"model_stats": ROWS}),
        "config": CONFIG,
    }
)


def on_disk(config: Any) -> OnDisk:
    groups = config["instance_group"]
    expected = Expected("file", groups)
    return OnDisk(
        "/models", "a", "/models/a/config.pbtxt", config, "null", "", [], (1,), 0.0, expected, True, Prediction(True)
    )


@given(SAID, st.lists(st.sampled_from([{}, {"kind": "KIND_GPU"}, {"kind": "KIND_CPU", "count": 2}]), max_size=2))
def test_a_verdict_comes_of_it_that_json_can_carry(said: dict[str, Any], groups: list[dict[str, Any]]) -> None:
    client = Scripted(said)
    try:
        seen = gather_server.gather(Triton(client), Scripted({}))
    except ServerError:
        return
    server = ServerSeen("http://gpu1:8000", seen.version, seen.live, seen.ready, seen.models, HOST)
    proof = compare([on_disk({"instance_group": groups})], server)
    result = json.loads(json.dumps(proof.as_result()))
    assert sum(result["counts"][grade] for grade in ("proved", "consistent", "unproved", "contradicted")) == len(
        result["models"]
    )
    with suppress(ServerError):
        probe(Triton(client), Scripted({}), seen.models)


@given(CONFIG)
def test_a_request_is_as_long_as_it_says_or_is_not_made(config: dict[str, Any]) -> None:
    try:
        made = request(config)
    except Unsafe:
        return
    assert isinstance(made, Binary)
    length = int(made.headers["Inference-Header-Content-Length"])
    inputs = json.loads(made.content[:length])["inputs"]
    assert len(made.content) - length == sum(item["parameters"]["binary_data_size"] for item in inputs) <= 2**20
    assert not any(made.content[length:])
    assert all(dimension >= 0 for item in inputs for dimension in item["shape"])
