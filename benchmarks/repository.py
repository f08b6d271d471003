# SPDX-License-Identifier: GPL-3.0-or-later
"""Model repositories for the benchmarks: realistic configurations, in the styles people write them in."""

from __future__ import annotations

from pathlib import Path

HEADER = """\
# {name}: exported by the nightly training job.
# Owner: search quality. Ask before you touch the batching.
name: "{name}"
"""

BODIES = (
    """\
platform: "onnxruntime_onnx"
max_batch_size: 16
input [
  {
    name: "input_ids"
    data_type: TYPE_INT64
    dims: [ -1 ]
  },
  {
    name: "attention_mask"
    data_type: TYPE_INT64
    dims: [ -1 ]
  }
]
output [
  {
    name: "logits"
    data_type: TYPE_FP32
    dims: [ -1, 768 ]  # hidden size
  }
]
dynamic_batching {
  preferred_batch_size: [ 4, 8, 16 ]
  max_queue_delay_microseconds: 500
}
""",
    """\
backend: "python"
max_batch_size: 0

input [{
    name: "TEXT"
    data_type: TYPE_STRING
    dims: [1]
}]
output [{
    name: "TOKENS"
    data_type: TYPE_INT32
    dims: [-1]
}]

parameters: {
    key: "FORCE_CPU_ONLY_INPUT_TENSORS"
    value: {
        string_value: "no"
    }
}
""",
    """\
backend: "pytorch"
platform: "pytorch_libtorch"
max_batch_size: 32
input {
  name: "INPUT__0"
  data_type: TYPE_FP32
  format: FORMAT_NCHW
  dims: [ 3, 224, 224 ]
  reshape { shape: [ 1, 3, 224, 224 ] }
}
output {
  name: "OUTPUT__0"
  data_type: TYPE_FP32
  dims: [ 1000 ]
  label_filename: "labels.txt"
}
version_policy: { latest { num_versions: 2 } }
optimization { cuda { graphs: true } }
""",
)

GROUPS = (
    "",
    "instance_group [ { count: 2 } ]\n",
    "instance_group [\n  {\n    count: 1  # one is enough\n    kind: KIND_AUTO\n  }\n]\n",
    "instance_group [\n  {\n    kind: KIND_CPU\n  }\n]\n",
)


def configuration(number: int) -> str:
    """The text of one configuration. Three of four leave the choice of device to the server."""
    name = f"model_{number:05d}"
    return HEADER.format(name=name) + BODIES[number % len(BODIES)] + GROUPS[number % len(GROUPS)]


def make(root: Path, models: int) -> None:
    """Write a repository of ``models`` models with one version each."""
    files = ("model.onnx", "model.py", "model.pt")
    for number in range(models):
        directory = root / f"model_{number:05d}"
        (directory / "1").mkdir(parents=True)
        (directory / "1" / files[number % len(files)]).touch()
        (directory / "config.pbtxt").write_text(configuration(number))
