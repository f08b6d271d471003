# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that are made of the declaration of a model, and what they move."""

from __future__ import annotations

import json

import pytest
from ansible_collections.inference.triton.plugins.module_utils._proof.records import ProbeResult, SeenModel, SeenVersion
from ansible_collections.inference.triton.plugins.module_utils._server.client import Client
from ansible_collections.inference.triton.plugins.module_utils._server.endpoint import parse_url
from ansible_collections.inference.triton.plugins.module_utils._server.errors import ServerError
from ansible_collections.inference.triton.plugins.module_utils._server.triton import Triton
from ansible_collections.inference.triton.plugins.module_utils._verification import probe as probing
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._server.servers import FakeModel, FakeTriton

ON_GPU = {"instance_group": [{"kind": "KIND_GPU", "gpus": [0]}], "max_batch_size": 0}


def declared(*tensors, **more):
    inputs = [{"name": f"I{index}", **tensor} for index, tensor in enumerate(tensors)]
    return {**ON_GPU, "input": inputs, **more}


FP32 = {"data_type": "TYPE_FP32", "dims": [2]}
PLAIN = declared(FP32)


def sent(config):
    """The head of the request as data, and the bytes after it."""
    body = probing.request(config)
    length = int(body.headers["Inference-Header-Content-Length"])
    return json.loads(body.content[:length])["inputs"], body.content[length:]


@pytest.mark.parametrize(
    ("tensor", "batch", "shape", "datatype", "size"),
    [
        ({"data_type": "TYPE_FP32", "dims": [3, 2]}, 0, [3, 2], "FP32", 24),
        ({"data_type": "TYPE_FP32", "dims": [-1, 2]}, 8, [1, 1, 2], "FP32", 8),
        ({"data_type": "TYPE_FP16", "dims": [-1]}, 0, [1], "FP16", 2),
        ({"data_type": "TYPE_STRING", "dims": [2]}, 0, [2], "BYTES", 8),
        ({"data_type": "TYPE_BOOL", "dims": []}, 4, [1], "BOOL", 1),
        ({"data_type": "TYPE_INT64", "dims": ["3"]}, 0, [3], "INT64", 24),
        ({"data_type": "TYPE_FP64"}, 0, [], "FP64", 8),
    ],
)
def test_an_input_is_zeros_of_the_smallest_shape(tensor, batch, shape, datatype, size):
    (head,), content = sent(declared(tensor, max_batch_size=batch))
    assert (head["shape"], head["datatype"]) == (shape, datatype)
    assert head["parameters"] == {"binary_data_size": size}
    assert content == bytes(size)


def test_an_input_that_may_be_missing_is_missing():
    heads, content = sent(declared(FP32, {**FP32, "optional": True}))
    assert [head["name"] for head in heads] == ["I0"]
    assert len(content) == 8


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (declared(FP32, platform="ensemble"), "ensemble"),
        (declared(FP32, sequence_batching={}), "sequences"),
        (declared(FP32, model_transaction_policy={"decoupled": True}), "decoupled"),
        (declared(FP32, instance_group=[{"kind": "KIND_CPU"}]), "KIND_GPU"),
        (declared({**FP32, "is_shape_tensor": True}), "shape tensor"),
        (declared({"data_type": "TYPE_INVALID", "dims": [1]}), "not known"),
        (declared({"data_type": "TYPE_FP32", "dims": [512, 513]}), "1 MiB"),
        (declared(), "no input"),
        (declared({**FP32, "optional": True}), "no input"),
    ],
)
def test_requests_that_are_not_sent(config, why):
    with pytest.raises(probing.Unsafe, match=why):
        probing.request(config)


def test_the_largest_request_that_is_sent():
    assert len(sent(declared({"data_type": "TYPE_FP32", "dims": [512, 512]}))[1]) == 2**20


@pytest.fixture
def server():
    started = FakeTriton({"m": FakeModel()})
    yield started
    started.close()


@pytest.fixture
def probe(server):
    def ask(config=PLAIN, metrics_url=None, **version):
        seen = SeenVersion("1", "READY", ready=True, config=config)._replace(**version)
        triton = Triton(Client(parse_url(server.url), {}, 5.0))
        metrics = Client(parse_url(metrics_url or server.metrics_url), {}, 5.0)
        try:
            return probing.probe(triton, metrics, {"m": SeenModel("m", (seen,))})["m"]
        finally:
            triton.client.close()

    return ask


def counting(server, uuid):
    """Have the metrics count each request."""
    asked = server.reply

    def reply(method, path, body, headers):
        number = sum(call[1].endswith("/infer") for call in server.calls)
        label = f'gpu_uuid="{uuid}",' if uuid else ""
        server.metrics = f'nv_inference_exec_count{{{label}model="m",version="1"}} {number}\n'.encode()
        return asked(method, path, body, headers)

    server.reply = reply


def test_a_request_that_is_counted_on_a_gpu(probe, server):
    counting(server, "GPU-1")
    assert probe() == ProbeResult("answered", "", ("GPU-1",), True)


def test_a_request_that_is_counted_on_none(probe, server):
    counting(server, "")
    assert probe() == ProbeResult("answered", "", (), True)


def test_a_request_that_nothing_counts(probe):
    assert probe() == ProbeResult("answered")


def test_metrics_that_cannot_be_had_count_nothing(probe, server):
    counting(server, "GPU-1")
    assert probe(metrics_url="http://127.0.0.1:1/metrics") == ProbeResult("answered")


def test_a_request_that_fails_was_counted_all_the_same(probe, server):
    counting(server, "GPU-1")
    server.models["m"].infer = (500, {"error": "output tensor shape\ndoes not match"})
    assert probe() == ProbeResult("failed", "output tensor shape does not match", ("GPU-1",), True)


def test_a_model_that_is_not_safe_is_skipped_and_not_asked(probe, server):
    result = probe(declared(FP32, sequence_batching={}))
    assert (result.outcome, "sequences" in result.text) == ("skipped", True)
    assert not any(path.endswith("/infer") for _method, path, _body in server.calls)


@pytest.mark.parametrize("version", [{"state": "UNAVAILABLE"}, {"ready": False}, {"config": None}])
def test_a_model_that_does_not_serve_is_skipped(probe, server, version):
    assert probe(**version).outcome == "skipped"
    assert server.calls == []


def test_an_inference_api_that_is_restricted_is_a_failure(probe, server):
    server.header, server.restricted = ("key", "k"), "/v2/models/m/versions/1/infer"
    with pytest.raises(ServerError) as raised:
        probe()
    assert raised.value.kind == "restricted"


def test_the_time_for_all_requests_has_an_end(probe, server, monkeypatch):
    monkeypatch.setattr(probing, "_SECONDS_IN_ALL", 0.0)
    assert probe().outcome == "skipped"
    assert not any(path.endswith("/infer") for _method, path, _body in server.calls)
