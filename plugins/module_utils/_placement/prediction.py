# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What a Triton server would do with one model on one host.

`predict` follows the server's own order (triton core: src/backend_model.cc, TritonModel::Create): what it checks when
it polls, the versions, the instance groups, and what the backend is known to refuse. It does not know what is in the
files of a model: a model that is predicted to load may be broken in itself.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._model_config.backend_kinds import ModelFacts
from .backend_errors import load_error
from .explanation import notes_on_loaded, notes_on_refused, silent_cpu
from .instance_groups import PlacedGroup, place, refused
from .polling import ModelOnDisk, backend_of, poll_error, tensor_error
from .server import Reason, ServerView

# How sure a prediction is. Proved: of what is held against the real server by this collection's own tests.
PROVED, DOCUMENTED = "proved", "documented"

# Where a server refuses a model: when it polls, when it looks at what the model depends on, when it looks for versions
# of it, and when it loads them. Only the last has its reason in the repository index.
POLLING, DEPENDENCIES, VERSIONS, LOADING = "polling", "dependencies", "versions", "loading"

# Backends that complete the configuration of a model that has none. Without that, core refuses such a model.
# (triton core: src/model.cc, Model::Init; each backend's TRITONBACKEND_ModelInitialize)
_COMPLETE = ("tensorflow", "tensorrt", "onnxruntime", "openvino", "pytorch", "python", "vllm", "dali")

_IN_THE_LOG = "The server's log gives this error; the repository index does not."


class Prediction(NamedTuple):
    """What becomes of a model.

    Attributes:
        loads: None where the model could not be read.
        error: what the server says where it does not load, word for word.
        stage: where it is refused, empty where it is not.
        versions: those that the server would load.
        groups: empty where the server refuses the model before it looks at them.
        cause: why some of its instances silently run on the CPU: a reason in the configuration and one on the host.
        cure: what to write to end that.
        evidence: `PROVED` or `DOCUMENTED`.
        notes: what else there is to know.
    """

    loads: Optional[bool]
    error: str = ""
    stage: str = ""
    versions: Tuple[int, ...] = ()
    groups: Tuple[PlacedGroup, ...] = ()
    cause: Tuple[Reason, ...] = ()
    cure: str = ""
    evidence: str = PROVED
    notes: Tuple[str, ...] = ()

    @property
    def silent_cpu(self) -> bool:
        return bool(self.cause)

    @property
    def instances(self) -> int:
        return len(self.versions) * sum(group.instances for group in self.groups) if self.loads else 0

    def refuse(self, stage: str, error: str, *notes: str) -> Prediction:
        """The same model, refused."""
        told = (_IN_THE_LOG,) if error and stage != LOADING else ()
        return self._replace(loads=False, error=error, stage=stage, cause=(), cure="", notes=told + notes)

    def as_result(self) -> Dict[str, Any]:
        """As a module returns it."""
        cause = None
        if self.cause:
            config, host = self.cause
            cause = {
                "config": config.id,
                "host": host.id,
                "text": f"{config.text}, and Triton uses no GPU: {host.text}.",
            }
        return {
            "loads": self.loads,
            "error": self.error or None,
            "groups": [
                {
                    "name": group.name,
                    "kind": str(group.kind),
                    "gpus": list(group.gpus),
                    "count": group.each,
                    "instances": group.instances,
                    "implicit": group.implicit,
                }
                for group in self.groups
            ],
            "instances": self.instances,
            "silent_cpu": self.silent_cpu,
            "cause": cause,
            "cure": self.cure or None,
            "evidence": self.evidence,
            "notes": list(self.notes),
        }


def predict(config: Mapping[str, Any], model_name: str, server: ServerView, model: ModelOnDisk) -> Prediction:
    """What ``server`` would do with a model.

    Args:
        config: the configuration in plain data, as `reading.read` gives it; empty where the model has none.
    """
    found = backend_of(config, model_name, model.files, server)
    versions = versions_to_load(config, model.versions)
    prediction = Prediction(True, versions=versions)
    error = poll_error(config, model_name, found, model, server)
    if error is not None:
        return prediction.refuse(POLLING, error)
    if not versions:
        error = f"at least one version must be available under the version policy of model '{model_name}'"
        return prediction.refuse(VERSIONS, error)
    if "ensemble_scheduling" in config:
        return prediction
    if server.cuda_failure:
        error = f"Internal: unable to get number of CUDA devices: {server.cuda_failure}"
        return prediction.refuse(LOADING, error, "No model loads while CUDA fails, not even one of KIND_CPU.")
    groups = tuple(place(config, model_name, found.backend, server.ordinals()))
    prediction = prediction._replace(groups=groups, evidence=DOCUMENTED if server.assumed else PROVED)
    error = refused(groups, config, model_name, found.platform, server)
    if error is not None:
        return prediction.refuse(LOADING, error, *notes_on_refused(error, groups, server))
    if found.backend != "python":
        prediction = prediction._replace(evidence=DOCUMENTED)
    if not model.has_config and found.backend not in _COMPLETE:
        return prediction.refuse(LOADING, f"Not found: model configuration is not provided for model '{model_name}'")
    error = tensor_error(config, model_name, found, model)
    if error is not None:
        return prediction.refuse(LOADING, f"Invalid argument: {error}")
    facts = ModelFacts(config, model.world_size)
    for group in groups:
        error = load_error(found.backend, {"kind": group.kind}, facts, model_name)
        if error is not None:
            return prediction.refuse(LOADING, error)
    cause, cure = silent_cpu(groups, found.backend, facts, server)
    notes = tuple(notes_on_loaded(groups, found.backend, facts, server))
    return prediction._replace(cause=cause, cure=cure, notes=notes)


def versions_to_load(config: Mapping[str, Any], versions: Sequence[str]) -> Tuple[int, ...]:
    """The versions that the policy of a model lets the server load (triton core: src/model_lifecycle.cc)."""
    there = sorted(map(int, versions), reverse=True)
    policy = config.get("version_policy", {"latest": {"num_versions": 1}})
    if "specific" in policy:
        wanted = policy["specific"].get("versions", [])
        there = [version for version in there if version in wanted]
    elif "latest" in policy:
        there = there[: policy["latest"].get("num_versions", 0)]
    return tuple(sorted(there))
