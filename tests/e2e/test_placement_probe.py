# SPDX-License-Identifier: GPL-3.0-or-later
"""One request to each model, answered by the real tritonserver: what it takes, and to whom it is not sent.

The models are Python's, which compute wherever they like: a GPU that is not there is enough for them.
"""

from __future__ import annotations

import http.client
import re
from pathlib import Path
from typing import Any

from tritonserver import Server

from .conftest import ENSEMBLE, index
from .test_placement_info import EXPLICIT, Place, by_name, grades, library, place, problems  # noqa: F401

# Refuses what is not as many zeros as it should be, so that an answer says that the request was right.
ANSWERING = """\
import json
import numpy as np
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def initialize(self, args):
        config = json.loads(args["model_config"])
        self.types = {item["name"]: item["data_type"] for item in config["input"] if not item.get("optional")}
        self.shapes = SHAPES

    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        given = {tensor.name(): tensor for tensor in request.inputs()}
        if list(given) != list(self.types):
            raise ValueError(f"unexpected inputs: {list(given)}")
        shapes = {name: list(tensor.shape()) for name, tensor in given.items()}
        if shapes != self.shapes:
            raise ValueError(f"unexpected shapes: {shapes}")
        for name, tensor in given.items():
            if self.types[name] not in ("TYPE_STRING", "TYPE_BF16") and np.from_dlpack(tensor).any():
                raise ValueError(f"{name} has more than zeros")
        # Through DLPack: Triton's own conversion of arrays understands NumPy 1 only.
        answer = pb_utils.Tensor("OUT", np.ones(OUT, dtype=np.float32))
        return pb_utils.InferenceResponse([pb_utils.Tensor.from_dlpack("OUT", answer.to_dlpack())])
"""
OUT = 'output { name: "OUT" data_type: TYPE_FP32 dims: 1 }\n'
GPU = "instance_group [ { kind: KIND_GPU } ]\n"


def tensor(data_type: str, dims: str, name: str = "IN", more: str = "") -> str:
    return f'input {{ name: "{name}" data_type: TYPE_{data_type} dims: {dims} {more} }}\n'


def config(inputs: str, batch: int = 0, more: str = "", kind: str = GPU) -> str:
    return f'backend: "python"\nmax_batch_size: {batch}\n{inputs}{OUT}{kind}{more}'


# By the name of a model its configuration, and the shape of each input that a request to it has.
TAKEN: dict[str, tuple[str, dict[str, list[int]]]] = {
    "any_length": (config(tensor("FP32", "[ -1 ]")), {"IN": [1]}),
    "bf16": (config(tensor("BF16", "[ 2 ]")), {"IN": [2]}),
    "booleans": (config(tensor("BOOL", "[ 3 ]")), {"IN": [3]}),
    "batched": (config(tensor("FP32", "[ 3 ]"), batch=8), {"IN": [1, 3]}),
    "batched_later": (config(tensor("FP32", "[ -1, 3 ]"), batch=8, more="dynamic_batching { }\n"), {"IN": [1, 1, 3]}),
    "fp16": (config(tensor("FP16", "[ 2 ]")), {"IN": [2]}),
    "optional": (
        config(tensor("FP32", "[ 1 ]") + tensor("FP32", "[ 4 ]", "MORE", "optional: true")),
        {"IN": [1]},
    ),
    "ragged": (config(tensor("FP32", "[ -1 ]", more="allow_ragged_batch: true"), batch=4), {"IN": [1, 1]}),
    "reshaped": (config(tensor("FP32", "[ 1 ]", more="reshape { shape: [ ] }"), batch=4), {"IN": [1]}),
    "square": (config(tensor("INT64", "[ 2, 2 ]")), {"IN": [2, 2]}),
    "text": (config(tensor("STRING", "[ 2 ]")), {"IN": [2]}),
    "two": (config(tensor("FP64", "[ 1 ]") + tensor("UINT8", "[ 2, -1 ]", "SECOND")), {"IN": [1], "SECOND": [2, 1]}),
}
SKIPPED = {
    "alone": (config(tensor("FP32", "[ 1 ]", more="optional: true")), "no input that a request could fill"),
    "on_cpu": (config(tensor("FP32", "[ 1 ]"), kind=GPU.replace("GPU", "CPU")), "no instance of it is of KIND_GPU"),
    "decoupled": (
        config(tensor("FP32", "[ 1 ]"), more="model_transaction_policy { decoupled: true }\n"),
        "it is decoupled",
    ),
    "large": (config(tensor("FP32", "[ 1024, 1024 ]")), "its inputs have more than 1 MiB"),
    "sequences": (config(tensor("FP32", "[ 1 ]"), more="sequence_batching { }\n"), "belong to sequences"),
}


def add(place: Place, name: str, text: str, shapes: dict[str, list[int]]) -> None:  # noqa: F811
    place.add_python(name, text)
    batched = "max_batch_size: 0" not in text
    code = ANSWERING.replace("SHAPES", repr(shapes)).replace("OUT, dtype", "(1, 1), dtype" if batched else "1, dtype")
    (place.models / name / "1" / "model.py").write_text(code)


def probe_text(result: dict[str, Any], name: str) -> str:
    evidence: list[dict[str, Any]] = by_name(result)[name]["evidence"]
    return "".join(item["text"] for item in evidence if item["id"] == "probe")


def successes(server: Server) -> dict[str, int]:
    rows = server.request("GET", "/v2/models/stats")[1]["model_stats"]
    return {row["name"]: row["inference_stats"]["success"].get("count", 0) for row in rows}


def measured(server: Server) -> dict[str, int]:
    """By model the requests that the metrics have counted."""
    connection = http.client.HTTPConnection("127.0.0.1", server.metrics_port, timeout=30)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    rows = re.findall(r'^nv_inference_request_success\{.*model="([^"]+)".*\} ([0-9.]+)$', text, re.MULTILINE)
    return {name: int(float(count)) for name, count in rows}


def tree(path: Path) -> dict[Path, tuple[int, bytes]]:
    return {item: (item.stat().st_mtime_ns, item.read_bytes() if item.is_file() else b"") for item in path.rglob("*")}


def test_each_kind_of_input_is_answered_and_unsafe_models_are_not_asked(place: Place) -> None:  # noqa: F811
    for name, (text, shapes) in TAKEN.items():
        add(place, name, text, shapes)
    for name, (text, _why) in SKIPPED.items():
        add(place, name, text, {"IN": [1]})
    place.add(together=ENSEMBLE % "on_cpu")
    server = place.start(*EXPLICIT, gpus=1)
    before = index(server), tree(place.models)

    quiet = place.look()
    assert set(successes(server).values()) == {0}, "nobody is asked who does not want it"
    probed = place.look(probe=True)

    for name in TAKEN:
        assert problems(probed, name) == [], by_name(probed)[name]
        assert probe_text(probed, name).startswith("A request with zeros was answered"), name
    for name, (_text, why) in SKIPPED.items():
        assert probe_text(probed, name).startswith("No request was sent to it: "), name
        assert why in probe_text(probed, name)
        assert problems(probed, name) == []
    assert problems(probed, "together") == []
    assert "has no instances but its steps'" in " ".join(
        item["text"] for item in by_name(probed)["together"]["evidence"]
    )
    counted = {name: int(name in TAKEN) for name in (*TAKEN, *SKIPPED, "together")}
    assert successes(server) == counted
    assert {name for name, count in measured(server).items() if count} == set(TAKEN)
    assert (index(server), tree(place.models)) == before
    assert grades(probed) == grades(quiet)
    assert not probed["changed"]


def test_a_model_that_takes_too_long_is_told_of_and_keeps_no_other_from_its_request(place: Place) -> None:  # noqa: F811
    for name in ("slow", "swift"):
        add(place, name, *TAKEN["any_length"])
    code = place.models / "slow" / "1" / "model.py"
    waiting = "def answer(self, request):\n        import time; time.sleep(4)\n"
    code.write_text(code.read_text().replace("def answer(self, request):\n", waiting))
    place.start(*EXPLICIT, gpus=1)

    result = place.look(probe=True, timeout=2)

    assert grades(result) == {"slow": "consistent", "swift": "consistent"}
    assert (problems(result, "slow"), problems(result, "swift")) == (["probe_failed"], [])
    assert "2 seconds" in by_name(result)["slow"]["problems"][0]["text"]
    assert probe_text(result, "swift").startswith("A request with zeros was answered")
