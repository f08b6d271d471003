# SPDX-License-Identifier: GPL-3.0-or-later
"""Every prediction, held against what the real tritonserver does with the same models on the same host.

The hosts are invented: `tests/standin_cuda` says what that proves and what it does not. Most models are of a backend
that runs nothing, so that thousands of combinations take seconds; some are of the real Python backend.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from ansible_collections.inference.triton.plugins.module_utils._placement.server import server_view
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import parse_gpus
from ansible_collections.inference.triton.plugins.module_utils._repository.survey import Surveyed, survey
from ansible_collections.inference.triton.tests.standin_cuda.server import (
    Host,
    Library,
    Model,
    Observed,
    build,
    observe,
    write,
)
from triton_wheel import TritonError

MIN_7_5 = ("--min-supported-compute-capability=7.5",)
HOSTS = {
    "no GPU": Host(),
    "one GPU": Host(("8.0",)),
    "two GPUs": Host(("8.0", "8.0")),
    "four GPUs": Host(("9.0", "9.0", "9.0", "9.0")),
    "just below the minimum": Host(("5.9",)),
    "at the minimum": Host(("6.0",)),
    "the second GPU only": Host(("5.2", "8.6")),
    "all but the second GPU": Host(("6.1", "3.7", "10.0", "12.1")),
    "V100 and T4 before 24.11": Host(("7.0", "7.5")),
    "V100 and T4 since 24.11": Host(("7.0", "7.5"), options=MIN_7_5),
    "V100 since 24.11": Host(("7.0",), options=MIN_7_5),
    "B200 since 24.11": Host(("10.0", "10.0"), options=MIN_7_5),
    "no driver": Host(cuda_error=35),
    "driver too old": Host(("8.0",), cuda_error=35),
    "CUDA sees no device": Host(("8.0",), cuda_error=100),
    "fabric manager down": Host(("9.0", "9.0"), cuda_error=802),
    "CUDA broken": Host(("9.0",), cuda_error=999),
}
NO_AUTO_COMPLETE = ("--disable-auto-complete-config",)

KINDS = ["", *(f"kind: {kind} " for kind in ("KIND_AUTO", "KIND_GPU", "KIND_CPU", "KIND_MODEL", 0, 1, 2, 3, 9, -1))]
COUNTS = ["", "count: 0 ", "count: -3 ", "count: 2 "]
GPUS = ["", *(f"gpus: {gpus} " for gpus in ([0], [1], [1, 0], [0, 7], [7], [0, 0], [-1]))]

TENSORS = 'input { name: "IN" data_type: TYPE_FP32 dims: 1 } output { name: "OUT" data_type: TYPE_FP32 dims: 1 } '


def one_group() -> dict[str, Model]:
    """Models with one group: every kind with every count and every list of GPUs."""
    groups = map("".join, itertools.product(KINDS, COUNTS, GPUS))
    return {
        f"one_{number}": Model(f'backend: "null" instance_group [ {{ {group} }} ]')
        for number, group in enumerate(groups)
    }


def groups_of_backends() -> dict[str, Model]:
    """What depends on the backend: the kind of a model without groups, and the count of a group without one.

    OpenVINO's own refusals are left out: the stand-in refuses nothing.
    """
    models = {
        "openvino_none": Model('backend: "openvino"'),
        "openvino_cpu": Model('backend: "openvino" instance_group { kind: KIND_CPU }'),
    }
    groups = ["", *(f"instance_group [ {{ {kind} }} ]" for kind in KINDS[:5])]
    for backend in ("null", "onnxruntime", "tensorflow", "pytorch", "vllm"):
        platform = 'platform: "tensorflow_savedmodel" ' if backend == "tensorflow" else ""
        for number, group in enumerate(groups):
            models[f"{backend}_{number}"] = Model(f'backend: "{backend}" {platform}{group}')
    return models


def several_groups() -> dict[str, Model]:
    texts = (
        "{ kind: KIND_CPU }, { kind: KIND_GPU }",
        "{ kind: KIND_GPU gpus: 0 }, { kind: KIND_GPU gpus: 1 count: 2 }",
        "{ count: 2 }, { kind: KIND_CPU count: 3 }",
        "{ kind: KIND_GPU }, { kind: KIND_GPU gpus: 7 }",
        "{ kind: KIND_CPU gpus: 0 }, { kind: 9 }",
        "{ kind: 9 }, { kind: KIND_CPU gpus: 0 }",
        "{ gpus: 0 }, { gpus: 1 }",
        "{ kind: KIND_MODEL }, { }",
        '{ name: "a" }, { name: "a" }, { }',
        '{ name: "a" kind: KIND_CPU gpus: 0 }',
        "{ kind: KIND_CPU passive: true }",
        '{ kind: KIND_CPU host_policy: "elsewhere" }',
        "{ kind: KIND_CPU secondary_devices { device_id: 1 } }",
        '{ kind: KIND_CPU rate_limiter { priority: 2 resources { name: "r" count: 1 } } }',
        '{ profile: "0" }',
    )
    return {f"several_{at}": Model(f'backend: "null" instance_group [ {text} ]') for at, text in enumerate(texts)}


def profiles() -> dict[str, Model]:
    texts = ('"0"', '"0", "1"', '"-1"', '""', '"x"', '" 7"', '"1x"', '"0", "-2"')
    return {
        f"profile_{at}": Model(f'platform: "tensorrt_plan" instance_group [ {{ kind: KIND_GPU profile: [ {text} ] }} ]')
        for at, text in enumerate(texts)
    }


def polled() -> dict[str, Model]:
    """What core looks at before any group."""
    texts = {
        "empty": "",
        "dotted.null": "",
        "dot.": "",
        "file_name_only": 'default_model_filename: "net.bin"',
        "size_only": "max_batch_size: 1",
        "other_name": 'backend: "null" name: "other"',
        "own_name": 'backend: "null" name: "own_name"',
        "platform_only": 'platform: "net"',
        "platform_python": 'platform: "python"',
        "any_platform": 'backend: "null" platform: "net"',
        "pair": 'backend: "onnxruntime" platform: "tensorrt_plan"',
        "later_libtorch": 'platform: "libtorch"',
        "later_torch_aoti": 'backend: "pytorch" platform: "torch_aoti"',
        "file_openvino": 'platform: "net" default_model_filename: "model.xml"',
        "file_graphdef": 'platform: "net" default_model_filename: "model.graphdef"',
        "pair_file": 'platform: "onnxruntime_onnx" default_model_filename: "model.plan"',
        "tensorflow_alone": 'backend: "tensorflow"',
        "openvino_platform": 'backend: "openvino" platform: "net"',
        "negative_size": 'backend: "null" max_batch_size: -1',
        "syntax": "backend: }",
        "unknown_field": 'backend: "null" count: 2',
        "preferred_0": 'backend: "null" max_batch_size: 4 dynamic_batching { preferred_batch_size: 0 }',
        "preferred_8": 'backend: "null" max_batch_size: 4 dynamic_batching { preferred_batch_size: [ 4, 8 ] }',
        "preferred_4": 'backend: "null" max_batch_size: 4 dynamic_batching { preferred_batch_size: 4 }',
        "level_0": 'backend: "null" max_batch_size: 4 dynamic_batching { priority_levels: 2 }',
        "level_3": 'backend: "null" dynamic_batching { priority_levels: 2 default_priority_level: 3 }',
        "level_policy": 'backend: "null" dynamic_batching { priority_levels: 2 default_priority_level: 1 '
        "priority_queue_policy { key: 3 value { } } }",
        "ordering_levels": 'backend: "null" dynamic_batching { priority_levels: 2 default_priority_level: 1 '
        "preserve_ordering: true }",
        "ordering_delay": 'backend: "null" dynamic_batching { preserve_ordering: true '
        "default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 1 } }",
        "oldest_9": 'backend: "null" max_batch_size: 8 sequence_batching { oldest { preferred_batch_size: 9 } }',
        "oldest_0": 'backend: "null" max_batch_size: 8 sequence_batching { oldest { preferred_batch_size: 0 } }',
        "slots": 'backend: "null" sequence_batching { direct { minimum_slot_utilization: 1.5 } }',
        "cached_sequence": 'backend: "null" sequence_batching { } response_cache { enable: true }',
        "cached_decoupled": 'backend: "null" model_transaction_policy { decoupled: true } '
        "response_cache { enable: true }",
        "all_policies": 'backend: "null" version_policy { }',
        "latest_0": 'backend: "null" version_policy { latest { } }',
        "specific_3": 'backend: "null" version_policy { specific { versions: [ 3 ] } }',
        "all_versions": 'backend: "null" version_policy { all { } }',
    }
    models = {name: Model(text) for name, text in texts.items()}
    models["file_python"] = Model('platform: "net" default_model_filename: "model.py"', python=True)
    models["no_file"] = Model(None)
    models["no_file.null"] = Model(None)
    models["no_version"] = Model('backend: "null"', versions=("old", "007"))
    models["two_versions"] = Model('backend: "null" version_policy { latest { num_versions: 2 } }', ("1", "2", "10"))
    return models


def tensors(as_written: bool) -> dict[str, Model]:
    """Inputs and outputs: what is missing can be completed later, unless the server is to take them as written."""
    texts = {
        "complete": TENSORS,
        "nameless": "input { data_type: TYPE_FP32 dims: 1 }",
        "zero": 'input { name: "IN" data_type: TYPE_FP32 dims: [ 1, 0 ] }',
        "variable": 'output { name: "OUT" data_type: TYPE_FP32 dims: [ -1, 3 ] }',
    }
    if as_written:
        texts["typeless"] = 'output { name: "OUT" dims: 1 }'
        texts["shapeless"] = 'input { name: "IN" data_type: TYPE_FP32 }'
    return {f"tensor_{name}": Model(f'backend: "null" {text}') for name, text in texts.items()}


def ensemble(*steps: str, fields: str = "", platform: str = 'platform: "ensemble" ') -> Model:
    """An ensemble that hands its input from step to step. A step is a model, or ``model:version``."""
    texts = []
    for at, step in enumerate(steps):
        name, _, version = step.partition(":")
        source, target = "IN" if at == 0 else f"t{at}", "OUT" if at == len(steps) - 1 else f"t{at + 1}"
        texts.append(
            f'step {{ model_name: "{name}" model_version: {version or -1} '
            f'input_map {{ key: "IN" value: "{source}" }} output_map {{ key: "OUT" value: "{target}" }} }}'
        )
    return Model(f"{platform}{TENSORS}{fields}ensemble_scheduling {{ {' '.join(texts)} }}")


def step(model: str, source: str, target: str) -> str:
    return (
        f'step {{ model_name: "{model}" model_version: -1 input_map {{ key: "IN" value: "{source}" }} '
        f'output_map {{ key: "OUT" value: "{target}" }} }}'
    )


def scheduled(*steps: str) -> Model:
    return Model(f'platform: "ensemble" {TENSORS}ensemble_scheduling {{ {" ".join(steps)} }}')


def ensembles() -> dict[str, Model]:
    models = {
        "runs": Model(f'backend: "null" {TENSORS}'),
        "on_gpu": Model(f'backend: "null" instance_group {{ kind: KIND_GPU }} {TENSORS}'),
        "misnamed": Model(f'backend: "null" name: "other" {TENSORS}'),
        "empty_step": Model(f'backend: "null" {TENSORS}', versions=("x",)),
        "ensemble": ensemble("runs"),
        "ensemble_two": ensemble("runs", "runs"),
        "ensemble_gpu": ensemble("runs", "on_gpu"),
        "ensemble_nested": ensemble("ensemble"),
        "ensemble_nested_gpu": ensemble("ensemble_gpu"),
        "ensemble_missing": ensemble("runs", "absent", "absent_too"),
        "ensemble_misnamed": ensemble("misnamed"),
        "ensemble_empty_step": ensemble("empty_step"),
        "ensemble_version": ensemble("runs:1"),
        "ensemble_no_version": ensemble("runs:2"),
        "ensemble_of_itself": ensemble("ensemble_of_itself"),
        "circle_1": ensemble("circle_2"),
        "circle_2": ensemble("circle_1"),
        "ensemble_group": ensemble("runs", fields="instance_group { kind: KIND_CPU } "),
        "ensemble_empty_group": ensemble("runs", fields="instance_group [ ] "),
        "ensemble_optimization": ensemble("runs", fields="optimization { } "),
        "ensemble_warmup": ensemble("runs", fields='model_warmup { name: "w" } '),
        "ensemble_of_group": ensemble("ensemble_group"),
        "ensemble_no_platform": ensemble("runs", platform=""),
        "ensemble_platform": ensemble("runs", platform='platform: "net" '),
        "ensemble_backend": ensemble("runs", platform='platform: "ensemble" backend: "null" '),
        "ensemble_only_backend": ensemble("runs", platform='backend: "null" '),
        "ensemble_unscheduled": Model('platform: "ensemble" ' + TENSORS),
        "ensemble_stepless": scheduled(),
        "step_nameless": scheduled('step { input_map { key: "IN" value: "IN" } }'),
        "step_no_input": scheduled('step { model_name: "runs" }'),
        "step_no_output": scheduled('step { model_name: "runs" input_map { key: "IN" value: "IN" } }'),
        "step_version_0": scheduled(step("runs", "IN", "OUT").replace("model_version: -1 ", "")),
        "flow_twice": scheduled(step("runs", "IN", "OUT"), step("runs", "IN", "OUT")),
        "flow_input_unused": scheduled(step("runs", "x", "OUT")),
        "flow_output_unused": scheduled(step("runs", "IN", "x")),
        "flow_gap": scheduled(step("runs", "IN", "a"), step("runs", "b", "OUT")),
        "flow_circle": scheduled(
            step("runs", "IN", "a"), step("runs", "c", "b"), step("runs", "b", "c"), step("runs", "b", "OUT")
        ),
        "flow_unused": scheduled(step("runs", "IN", "OUT"), step("runs", "IN", "a")),
        "flow_backwards": scheduled(step("runs", "a", "OUT"), step("runs", "IN", "a")),
        "ensemble_no_directory": ensemble("runs")._replace(versions=("x",)),
    }
    return models


def python_models() -> dict[str, Model]:
    groups = [
        "",
        "{ }",
        "{ kind: KIND_AUTO count: 2 }",
        "{ kind: KIND_GPU }",
        "{ kind: KIND_CPU }",
        "{ kind: KIND_MODEL }",
    ]
    groups += ["{ kind: KIND_GPU gpus: 1 }", "{ gpus: 1 }", "{ kind: KIND_CPU gpus: 0 }", "{ kind: 1 }", "{ kind: 9 }"]
    groups += ["{ kind: KIND_CPU }, { kind: KIND_GPU gpus: 0 }", "{ kind: KIND_GPU gpus: [ 0, 0 ] }", "{ count: -1 }"]
    texts = [f'backend: "python" {TENSORS}' + (f"instance_group [ {group} ]" if group else "") for group in groups]
    return {
        **{f"python_{at}": Model(text, python=True) for at, text in enumerate(texts)},
        "python_no_file": Model(None, python=True),
        "python_empty": Model("# nothing\n", python=True),
        "python_only_group": Model("instance_group { kind: KIND_CPU }", python=True),
    }


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return build(tmp_path_factory.mktemp("library"))


def predicted(repositories: list[Path], host: Host) -> dict[str, Surveyed]:
    options = dict(option.lstrip("-").partition("=")[::2] for option in host.options)
    view = server_view(
        parse_gpus([{"compute_capability": device} for device in host.devices]),
        release="24.10",
        min_compute_capability=options.get("min-supported-compute-capability"),
        cuda_error=host.cuda_error,
        auto_complete="disable-auto-complete-config" not in options,
        config_name=options.get("model-config-name"),
    )
    return {item.model.name: item for item in survey([str(path) for path in repositories], view).models}


def as_observed(item: Surveyed) -> Observed:
    result = item.prediction.as_result()
    keys = ("name", "kind", "gpus", "count")
    groups = [tuple(group[key] for key in keys) for group in result["groups"]] if result["loads"] else []
    return Observed(result["loads"], result["error"], groups)


def instances(items: Mapping[str, Surveyed]) -> Counter[str]:
    """Each instance as the server's log names it: ``model_0_1 (GPU device 0)``."""
    return Counter(
        f"{group.name}_{number} ({group.kind[5:]} device {device})"
        for item in items.values()
        if item.prediction.loads
        for version in item.prediction.versions
        for group in item.prediction.groups
        for device in (group.gpus or (0,))
        for number in range(group.each)
    )


def compare(host: Host, models: Mapping[str, Model], library: Library, tmp_path: Path) -> int:
    """Fail for every model of which the prediction is not what the server does; else the number of models."""
    repository = tmp_path / "models"
    write(repository, models, library)
    before = predicted([repository], host)
    after, made = observe([repository], host, library, tmp_path / "server")
    wrong = [
        f"{host}\n  {name}: {models[name]}\n  predicted {as_observed(before[name])}\n  actual    {after.get(name)}"
        for name in models
        if as_observed(before[name]) != after.get(name)
    ]
    assert not wrong, f"{len(wrong)} of {len(models)} predictions are wrong:\n" + "\n".join(wrong[:20])
    assert instances(before) == made
    return len(models)


@pytest.mark.parametrize("host", HOSTS.values(), ids=list(HOSTS))
def test_groups_become_what_is_predicted(host: Host, library: Library, tmp_path: Path):
    models = {**one_group(), **several_groups(), **groups_of_backends(), **profiles()}
    assert compare(host, models, library, tmp_path) > 400


@pytest.mark.parametrize("options", [(), NO_AUTO_COMPLETE], ids=["completed", "as written"])
@pytest.mark.parametrize("devices", [(), ("8.0",)], ids=["no GPU", "one GPU"])
def test_models_and_ensembles_are_taken_up_as_predicted(
    devices: tuple[str, ...], options: tuple[str, ...], library: Library, tmp_path: Path
):
    models = {**polled(), **ensembles(), **tensors(bool(options))}
    assert compare(Host(devices, options=options), models, library, tmp_path) > 60


@pytest.mark.parametrize("name", ["no GPU", "two GPUs", "V100 and T4 since 24.11", "fabric manager down"])
def test_python_models_become_what_is_predicted(name: str, library: Library, tmp_path: Path):
    assert compare(HOSTS[name], python_models(), library, tmp_path) > 15


@pytest.mark.parametrize(
    ("models", "name"),
    [
        ({"huge": Model('platform: "tensorrt_plan" instance_group { kind: KIND_CPU profile: "9999999999" }')}, "huge"),
        ({"own": ensemble("own"), "outside": ensemble("own")}, "outside"),
    ],
    ids=["a profile out of range", "an ensemble that depends on a circle"],
)
def test_a_server_that_is_predicted_to_end_does_end(
    models: dict[str, Model], name: str, library: Library, tmp_path: Path
):
    repository = tmp_path / "models"
    write(repository, models, library)
    prediction = predicted([repository], Host())[name].prediction
    assert prediction.loads is False
    assert prediction.notes[-1].endswith("the whole server ends.")
    with pytest.raises(TritonError, match="tritonserver exited at once"):
        observe([repository], Host(), library, tmp_path / "server")


def test_a_model_that_is_in_two_repositories_is_not_loaded(library: Library, tmp_path: Path):
    model = Model('backend: "null"')
    write(tmp_path / "one", {"twice": model, "once": model, "steps": ensemble("twice")}, library)
    write(tmp_path / "two", {"twice": model, "other": model}, library)
    repositories = [tmp_path / "one", tmp_path / "two"]
    before = predicted(repositories, Host())
    after, _ = observe(repositories, Host(), library, tmp_path / "server")
    assert {name: as_observed(item) for name, item in before.items()} == after


@pytest.mark.parametrize("name", ["gpu", "cpu", "absent"])
def test_the_server_reads_the_configuration_that_its_option_names(name: str, library: Library, tmp_path: Path):
    repository = tmp_path / "models"
    write(repository, {"model": Model('backend: "null" instance_group { kind: KIND_MODEL }')}, library)
    (repository / "model" / "configs").mkdir()
    for kind in ("gpu", "cpu"):
        text = f'backend: "null" instance_group {{ kind: KIND_{kind.upper()} }}'
        (repository / "model" / "configs" / f"{kind}.pbtxt").write_text(text)
    host = Host(("8.0",), options=(f"--model-config-name={name}",))
    before = predicted([repository], host)
    after, _ = observe([repository], host, library, tmp_path / "server")
    assert as_observed(before["model"]) == after["model"]
