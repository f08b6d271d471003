# SPDX-License-Identifier: GPL-3.0-or-later
"""What Triton's parser accepts and its server refuses all the same."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config import semantics
from ansible_collections.inference.triton.plugins.module_utils._model_config.backend import Backend, derive
from ansible_collections.inference.triton.plugins.module_utils._model_config.reading import read
from ansible_collections.inference.triton.plugins.module_utils._model_config.semantic_rule import ModelContext, Subject
from ansible_collections.inference.triton.plugins.module_utils._textproto.document import Document
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._model_config.refused_configs import (
    BATCHES,
    CORRID,
    IN,
    OUT,
    PYTHON,
    READY,
    REFUSED,
    START,
    TENSORRT,
    control,
    dynamic,
    ensemble,
    group,
    profile,
    sequence,
    step,
    tensor,
)


def subject(text, directory="m", **known):
    """A text and its model, whose backend is the one that the text says."""
    document = Document(text)
    data, problems = read(document)
    assert not problems
    return Subject(document, data, ModelContext(directory, derive(data, directory or "", ()))._replace(**known))


def check(text, directory="m", **known):
    return semantics.check(*subject(text, directory, **known))


def rules(text, directory="m", **known):
    return [finding.rule for finding in check(text, directory, **known)]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.id)
def test_the_finding_says_what_the_server_says_and_where_the_fault_is(case):
    (finding,) = check(case.config)
    assert (finding.rule, finding.severity) == (case.rule, "error")
    assert finding.message == "Triton refuses the model: " + case.says.format(model="m")
    assert finding.hint == case.hint.format(model="m")
    assert (finding.line, finding.column) == case.place
    line = case.config.splitlines()[finding.line - 1]
    if len(line) <= 120:
        assert finding.excerpt == line + "\n" + " " * (finding.column - 1) + "^"


def test_every_rule_that_refuses_has_a_configuration_that_the_server_refuses():
    subjects = [subject(case.config) for case in REFUSED]
    untested = [
        rule.message
        for rule in semantics.RULES
        if rule.severity == "error" and not any(list(rule.breaches(each)) for each in subjects)
    ]
    assert untested == [
        # The server does not survive it.
        "profile {profile} is too large for Triton, which does not refuse the model but ends, with all of its models",
        "{refusal}",  # other backends than Python
    ]


def test_findings_come_in_the_order_of_their_places():
    text = "@input { dims: 0 }\n" + PYTHON + "@max_batch_size: -1\n@name: 'other'\n"
    found = check(text.replace("@", ""), entries=["config"])
    assert [finding.line for finding in found] == [1, 1, 3, 4, None]


def test_a_model_without_a_name_anywhere_is_called_so():
    (finding,) = check(PYTHON + "max_batch_size: -1\n", directory=None)
    assert "must be non-negative value for <model>" in finding.message


IMAGE = tensor("format: FORMAT_NCHW dims: [ 3, 8, 8 ]")
SCOPES = "rate_limiter { resources [ { name: 'R' count: 1 }, { name: 'S' global: true count: 1 } ] }"
PAIRS = control(READY + "fp32_false_true: [ 0, 1 ]", mark="") + control(CORRID + "data_type: TYPE_STRING", "T", "")

# Each is close to something that is refused, and is not.
ACCEPTED = {
    "nothing": "",
    "its own name": PYTHON + "name: 'm'\n",
    "platform of its backend": 'backend: "tensorflow" platform: "tensorflow_savedmodel"\n',
    "platform of a later release": 'backend: "pytorch" platform: "torch_aoti"\n',
    "any platform of a backend that Triton does not know": PYTHON + 'platform: "mine"\n',
    "platform that an alias names": 'platform: "libtorch"\n',
    "platform beside a file that tells the backend": 'platform: "mine" default_model_filename: "model.onnx"\n',
    "known platform alone": 'platform: "tensorrt_plan"\n',
    "no batches": PYTHON + "max_batch_size: 0\n",
    "latest version of one": PYTHON + "version_policy { latest { num_versions: 1 } }\n",
    "one version": PYTHON + "version_policy { specific { versions: 3 } }\n",
    "all versions": PYTHON + "version_policy { all { } }\n",
    "no version policy": PYTHON + "version_policy { }\n",
    "gpus under KIND_GPU": group("kind: KIND_GPU gpus: [ 0, 1 ]"),
    "empty gpus under KIND_CPU": group("kind: KIND_CPU gpus: [ ]"),
    "kind by its number": group("kind: 2"),
    "no kind": group("count: 2"),
    "negative count": group("kind: KIND_CPU count: -3"),
    "empty profile list": group("kind: KIND_CPU profile: [ ]"),
    "profile of nobody knows what": group("kind: KIND_GPU profile: '1'", ""),
    "profiles as C++ reads them": group("kind: KIND_GPU profile: [ '0', ' 1', '+2', '3abc', '2147483647' ]", TENSORRT),
    "two resources of different scopes": group("kind: KIND_CPU " + SCOPES),
    "ensemble": ensemble(step()),
    "ensemble in two steps, the last one first": ensemble(step("C", "B"), step("A", "C")),
    "ensemble with an empty list of groups": ensemble(step(), after="instance_group [ ]\n"),
    "ensemble with an output that is an input": ensemble(step(), outputs=OUT + OUT.replace("B", "A")),
    "dimension of nothing in an ensemble": ensemble(step(), inputs=IN.replace("dims: 1", "dims: 0")),
    "preferred batches": dynamic("preferred_batch_size: [ 1, 4 ]"),
    "no preferred batch": PYTHON + "dynamic_batching { }\n",
    "default priority": dynamic("priority_levels: 2 default_priority_level: 2"),
    "queue policy of a level": dynamic(
        "priority_levels: 2 default_priority_level: 1 priority_queue_policy { key: 2 value { } }"
    ),
    "queue policy without levels": dynamic("priority_queue_policy { key: 2 value { } }"),
    "order with one priority": dynamic("preserve_ordering: true priority_levels: 1 default_priority_level: 1"),
    "order with a delay after no time": dynamic(
        "preserve_ordering: true default_queue_policy { timeout_action: DELAY }"
    ),
    "order with rejections": dynamic(
        "preserve_ordering: true default_queue_policy { timeout_action: REJECT default_timeout_microseconds: 1 }"
    ),
    "cache of sequences that is off": sequence("") + "response_cache { enable: false }\n",
    "cache of a coupled model": PYTHON + "model_transaction_policy { } response_cache { enable: true }\n",
    "all slots": sequence("direct { minimum_slot_utilization: 1 }"),
    "slots that are no number": sequence("direct { minimum_slot_utilization: nan }"),
    "controls": sequence(control(START, mark="") + PAIRS.replace('"S"', '"U"')),
    "control of no kind": sequence(control("kind: 9", mark="")),
    "tensor that the backend completes": PYTHON + 'input { name: "A" }\n',
    "variable dimension": tensor("dims: -1"),
    "reshape to nothing": BATCHES + 'input { name: "A" data_type: TYPE_FP32 dims: 1 reshape { shape: [ ] } }\n',
    "reshape around a variable dimension": tensor("dims: [ 2, 4, -1, 6 ] reshape { shape: [ 8, -1, 1, 6 ] }"),
    "image": IMAGE,
    "image whose dimensions the backend completes": PYTHON + 'input { name: "A" format: FORMAT_NHWC }\n',
    "shape tensor of TensorRT": tensor("dims: 1 is_shape_tensor: true", TENSORRT),
    "shape tensor of nobody knows what": tensor("dims: 1 is_shape_tensor: true", ""),
    "non-linear tensor of TensorRT": tensor("dims: [ 1, 2, 3 ] is_non_linear_format_io: true", TENSORRT),
    "batch input": PYTHON + IN + OUT + 'batch_input { data_type: TYPE_INT32 target_name: "x" source_input: "A" }\n',
}


@pytest.mark.parametrize("text", list(ACCEPTED.values()), ids=list(ACCEPTED))
def test_what_a_server_could_load_has_no_finding(text):
    assert rules(text) == []


def test_a_file_outside_of_a_repository_may_have_any_name():
    assert rules(PYTHON + "name: 'other'\n", directory=None) == []


def test_several_faults_of_one_ensemble_are_told_one_stage_after_the_other():
    assert [finding.message for finding in check(ensemble(step(reads="C", writes="D")))] == [
        "Triton refuses the model: ensemble input 'A' for ensemble m' is not used"
    ]


def test_the_profile_that_ends_the_server_is_an_error():
    (finding,) = check(profile("2147483648").replace("@", ""))
    assert (finding.rule, finding.severity) == ("invalid-profile", "error")
    assert finding.message == (
        "profile 2147483648 is too large for Triton, which does not refuse the model but ends, with all of its models"
    )


# Other backends


@pytest.mark.parametrize(
    ("backend", "kind", "severity", "instead"),
    [
        ("tensorrt", "KIND_CPU", "error", "KIND_GPU"),
        ("openvino", "KIND_GPU", "error", "KIND_CPU"),
        ("tensorrtllm", "KIND_GPU", "warning", "KIND_CPU"),
        ("onnxruntime", "KIND_MODEL", "warning", "KIND_GPU or KIND_CPU"),
    ],
)
def test_a_kind_that_the_backend_refuses_is_an_error_and_one_that_it_bends_a_warning(backend, kind, severity, instead):
    (finding,) = check(f'backend: "{backend}"\ninstance_group {{ count: 1 kind: {kind} }}\n')
    assert (finding.rule, finding.severity, finding.line, finding.column) == ("kind-for-backend", severity, 2, 27)
    assert finding.message.startswith(f"{kind}, but the ")
    assert finding.message.endswith(": Triton would not load the model") == (severity == "error")
    assert finding.hint == f"Write kind: {instead}."


@pytest.mark.parametrize("text", ["", "instance_group { }", "instance_group { kind: KIND_AUTO }"])
def test_a_group_without_a_kind_is_no_kind_that_a_backend_refuses(text):
    assert rules('backend: "tensorrt"\n' + text) == []


def test_the_backend_may_be_known_from_elsewhere():
    assert rules("instance_group { kind: KIND_CPU }", backend=Backend("tensorrt", "tensorrt_plan")) == [
        "kind-for-backend"
    ]


@pytest.mark.parametrize(("world_size", "found"), [(2, ["kind-for-backend"]), (1, []), (None, [])])
def test_a_vllm_model_is_refused_where_it_is_known_to_span_gpus(world_size, found):
    text = 'backend: "vllm"\ninstance_group [ { kind: KIND_GPU }, { kind: KIND_MODEL } ]\n'
    assert rules(text, world_size=world_size) == found


# Traps


def test_gpus_without_a_kind_are_a_trap():
    (finding,) = check(group("gpus: [ 0, 1 ]"))
    assert (finding.rule, finding.severity, finding.line, finding.column) == ("implicit-gpus", "warning", 2, 20)
    assert finding.message == (
        "where one of these GPUs is missing, Triton takes the group for one of the CPU and then refuses the model: "
        "instance group m_0 of model m has kind KIND_CPU but specifies one or more GPUs"
    )
    assert finding.hint == "Write kind: KIND_GPU, which says the same on a host that has the GPUs."


def test_a_resource_of_both_scopes_is_a_trap():
    text = (
        PYTHON + "instance_group {\n  rate_limiter { resources { name: 'R' count: 1 } }\n}\n"
        "instance_group {\n  rate_limiter { resources [ { name: 'R' global: true } ] }\n}\n"
    )
    (finding,) = check(text)
    assert (finding.rule, finding.severity, finding.line, finding.column) == ("rate-limiter-resource", "warning", 6, 30)
    assert finding.message == (
        'a server with --rate-limit=execution_count refuses the model: Resource "R" is present as both global and '
        "device-specific resource in the model configuration."
    )
    assert finding.hint == "Give every resource of this name the same value of global."


@pytest.mark.parametrize("entry", ["config", "c", "config.pbtx"])
def test_a_name_that_begins_like_that_of_the_file_is_a_trap(entry):
    (finding,) = check(PYTHON, entries=["1", "config.pbtxt", entry])
    assert (finding.rule, finding.severity, finding.line, finding.excerpt) == ("config-prefix", "warning", None, "")
    assert finding.message == (
        f"as long as '{entry}' lies in the directory of the model, Triton sees no change of config.pbtxt: a load "
        "answers 200 and does nothing"
    )
    assert finding.hint == f"Rename or remove '{entry}'."


@pytest.mark.parametrize(
    "entry",
    [
        "config.pbtxt~",
        "config.pbtxt.bak",
        ".config.pbtxt.swp",
        "#config.pbtxt#",
        "config.pbtxt.31.2026-03-01@10:15:00~",
    ],
)
def test_a_copy_beside_the_file_is_a_trap(entry):
    (finding,) = check(PYTHON, entries=["1", "config.pbtxt", entry])
    assert (finding.rule, finding.severity, finding.line) == ("leftover-file", "warning", None)
    assert finding.message.startswith(f"'{entry}' lies beside config.pbtxt: whenever it is written, ")
    assert finding.hint == "Keep copies outside of the model repository."


def test_what_else_lies_in_a_model_is_no_trap():
    assert (
        rules(PYTHON, entries=["1", "config.pbtxt", "configs", "labels.txt", "my_config.pbtxt", "configuration"]) == []
    )
