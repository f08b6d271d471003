# SPDX-License-Identifier: GPL-3.0-or-later
"""No policy breaks a model: a policy held against what the server is predicted to do before and after, on any host."""

from __future__ import annotations

import datetime
from typing import Any, NamedTuple

from ansible_collections.inference.triton.plugins.filter.textproto import to_textproto
from ansible_collections.inference.triton.plugins.module_utils._model_config.backend import derive
from ansible_collections.inference.triton.plugins.module_utils._model_config.backend_kinds import ModelFacts
from ansible_collections.inference.triton.plugins.module_utils._model_config.change import parse
from ansible_collections.inference.triton.plugins.module_utils._placement.polling import ModelOnDisk
from ansible_collections.inference.triton.plugins.module_utils._placement.prediction import Prediction, predict
from ansible_collections.inference.triton.plugins.module_utils._placement.server import ServerView, server_view
from ansible_collections.inference.triton.plugins.module_utils._policy.decision import Host, decide
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import Gpu, VisibleGpus
from ansible_collections.inference.triton.plugins.module_utils._policy.match import Subject
from ansible_collections.inference.triton.plugins.module_utils._policy.parsing import parse_policy
from hypothesis import given, settings
from hypothesis import strategies as st

HOST = Host(datetime.date(2026, 7, 1))
MORE = settings(max_examples=settings.default.max_examples * 4)

_BACKENDS = ["python", "onnxruntime", "tensorrt", "openvino", "vllm", "tensorrtllm", "tensorflow", "pytorch", "fil"]
_PLATFORMS = ["tensorrt_plan", "onnxruntime_onnx", "pytorch_libtorch", "libtorch", "tensorflow_savedmodel"]
_FILES = ["model.py", "model.onnx", "model.plan", "model.xml", "model.pt", "model.graphdef", "model.json"]
_KINDS = ["KIND_AUTO", "KIND_GPU", "KIND_CPU", "KIND_MODEL"]
_ACCELERATED = {"execution_accelerators": {"gpu_execution_accelerator": [{"name": "tensorrt"}]}}

_groups = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(_KINDS),
        "count": st.integers(0, 2),
        "gpus": st.sampled_from([[0], [1], [0, 1], [7]]),
        "profile": st.just(["0"]),
        "passive": st.booleans(),
    },
)
_configs = st.fixed_dictionaries(
    {"instance_group": st.lists(_groups, max_size=3)},
    optional={
        "backend": st.sampled_from([*_BACKENDS, "own"]),
        "platform": st.sampled_from(_PLATFORMS),
        "default_model_filename": st.sampled_from(_FILES),
        "parameters": st.sampled_from(["true", "0"]).map(lambda text: {"enable_multi_device": {"string_value": text}}),
        "optimization": st.just(_ACCELERATED),
        "max_batch_size": st.sampled_from([0, 8]),
    },
)
_rules = st.fixed_dictionaries(
    {
        "instance_group": st.lists(
            st.sampled_from(_KINDS[1:]).map(lambda kind: {"kind": kind}), min_size=1, max_size=2
        ),
        "level": st.sampled_from(["explicit", "kind", "exact"]),
    }
)
_policies = st.sampled_from(["strict_gpu", "explicit_only", "cpu_only"]).map(lambda name: {"preset": name})
_policies |= _rules.map(lambda rule: {"rules": [rule]})
_views = st.builds(
    lambda capabilities, release, auto_complete: server_view(
        VisibleGpus(tuple(Gpu(at, compute_capability=value) for at, value in enumerate(capabilities))),
        release,
        auto_complete=auto_complete,
    ),
    st.lists(st.sampled_from([(5, 2), (7, 0), (8, 0), (9, 0)]), max_size=3),
    st.sampled_from([None, "24.10", "25.10"]),
    st.booleans(),
)


class Model(NamedTuple):
    """A model as it lies in a repository; ``config`` is None where it has no file."""

    name: str
    config: dict[str, Any] | None
    files: tuple[str, ...]
    world_size: int | None

    def predicted(self, text: bytes | None, server: ServerView) -> Prediction:
        data = parse(text or b"").data
        disk = ModelOnDisk(has_config=text is not None, files=self.files, world_size=self.world_size)
        return predict(data, self.name, server, disk)


_models = st.builds(
    Model,
    st.sampled_from(["m", "m", *(f"m.{backend}" for backend in _BACKENDS), "m.own"]),
    st.none() | _configs,
    st.lists(st.sampled_from(_FILES), max_size=2, unique=True).map(tuple),
    st.sampled_from([None, 1, 2]),
)


@MORE
@given(_models, _policies, st.lists(_views, min_size=1, max_size=4))
def test_a_policy_leaves_no_model_to_chance_and_breaks_none(model, policy, servers):
    text = None if model.config is None else to_textproto(model.config).encode()
    parsed = parse(text or b"")
    facts = ModelFacts(parsed.data, model.world_size)
    subject = Subject("/models", model.name, derive(parsed.data, model.name, model.files), facts, model.files)
    decided = decide(parse_policy(policy), subject, parsed, HOST)
    after = decided.change.text if decided.status == "changed" and decided.change else text
    for server in servers:
        was, now = model.predicted(text, server), model.predicted(after, server)
        if decided.status in ("changed", "compliant"):
            assert not now.silent_cpu
        if was.loads and server.gpus:
            assert now.loads
