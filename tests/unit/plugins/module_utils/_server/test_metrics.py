# SPDX-License-Identifier: GPL-3.0-or-later
"""What Triton's metrics say of GPUs and models."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._server.errors import ServerError
from ansible_collections.inference.triton.plugins.module_utils._server.metrics import (
    parse_counters,
    parse_metrics,
    read_metrics,
)
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._server.servers import answer

TEXT = r"""
# HELP nv_gpu_utilization GPU utilization rate [0.0 - 1.0)
# TYPE nv_gpu_utilization gauge
nv_gpu_utilization{gpu_uuid="GPU-2"} 0.5
nv_gpu_utilization{gpu_uuid="GPU-1"} 0
nv_gpu_memory_total_bytes{gpu_uuid="GPU-1"} 85899345920.000000
nv_gpu_power_usage{gpu_uuid="GPU-1"} Nan
nv_inference_count{gpu_uuid="GPU-1",model="a",version="1"} 3 1700000000000
nv_inference_count{model="b",version="1"} 3
nv_inference_count{gpu_uuid="GPU-1",model="odd } \"x\\y\" ,",version="1"} 3
nv_model_load_duration_secs{model="a",version="1"} 1.25
nv_cpu_utilization 0.1
nv_pinned_memory_pool_total_bytes 0
"""


def test_the_gpus_in_order_with_what_is_measured():
    first, second = parse_metrics(TEXT).gpu_results()
    assert (first["uuid"], first["utilization"], first["memory_total_bytes"]) == ("GPU-1", 0.0, 85899345920.0)
    assert first["power_usage_watts"] is None
    assert (second["uuid"], second["utilization"], second["memory_total_bytes"]) == ("GPU-2", 0.5, None)


def test_the_gpus_of_a_model():
    assert parse_metrics(TEXT).model_gpus == {("a", "1"): {"GPU-1"}, ('odd } "x\\y" ,', "1"): {"GPU-1"}}


def test_how_long_a_load_took():
    assert parse_metrics(TEXT).load_times == {("a", "1"): 1.25}


COUNTERS = r"""
nv_inference_request_failure{model="a",reason="REJECTED",version="1"} 4
nv_inference_pending_request_count{model="a",version="1"} 2
nv_inference_count{gpu_uuid="GPU-1",model="a",version="1"} 3
nv_inference_exec_count{gpu_uuid="GPU-1",model="a",version="1"} 2
nv_inference_compute_infer_duration_us{gpu_uuid="GPU-1",model="a",version="1"} 500
nv_inference_exec_count{model="b",version="1"} 1
nv_inference_exec_count{model="c",version="1"} x
nv_inference_exec_count{model="d",version="1"} Nan
"""


def test_what_models_have_computed_and_nothing_else_of_their_requests():
    assert parse_counters(COUNTERS) == {("a", "1", "GPU-1"): 505.0, ("b", "1", ""): 1.0, ("d", "1", ""): 0.0}


@pytest.mark.parametrize(
    "text", ["", "\n\n", "x", "nv_gpu_utilization{gpu_uuid=", 'nv_gpu_utilization{gpu_uuid="G"} x']
)
def test_what_is_not_understood_is_left_out(text):
    assert parse_metrics(text).gpu_results() == []


def test_metrics_are_read_from_the_address_as_it_is(scripted, client):
    server = scripted([answer(body=TEXT.encode(), content_type="text/plain")])
    assert len(read_metrics(client(server.url + "/metrics")).gpus) == 2
    assert server.requests[0].startswith(b"GET /metrics HTTP")


def test_a_server_without_any_metric_is_no_failure(scripted, client):
    assert read_metrics(client(scripted([answer(body=b"")]).url)).gpus == {}


@pytest.mark.parametrize(
    "said", [answer(404), answer(body=b"<html>", content_type="text/html"), answer(body=b'{"error":"Not Found"}')]
)
def test_something_else_at_the_address(scripted, client, said):
    with pytest.raises(ServerError):
        read_metrics(client(scripted([said]).url))
