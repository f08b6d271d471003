# SPDX-License-Identifier: GPL-3.0-or-later
"""Configurations that Triton's parser accepts and its server refuses, one for each way.

The tests of the rules hold what they find against this table, and `tests/e2e` holds the table against the server.
"""

from __future__ import annotations

from typing import NamedTuple

PYTHON = 'backend: "python"\n'
TENSORRT = 'backend: "python" platform: "tensorrt_plan"\n'  # to the server a TensorRT model, run by Python
BATCHES = PYTHON + "max_batch_size: 4\n"
IN = 'input { name: "A" data_type: TYPE_FP32 dims: 1 }\n'
OUT = 'output { name: "B" data_type: TYPE_FP32 dims: 1 }\n'


class Refused(NamedTuple):
    """One configuration.

    Attributes:
        text: the file, with an ``@`` before the field to blame.
        rule: the rule that finds it.
        says: what the server says, with ``{model}`` for the model's name.
        hint: what to do about it.
    """

    id: str
    text: str
    rule: str
    says: str
    hint: str

    @property
    def config(self):
        return self.text.replace("@", "")

    @property
    def place(self):
        """Line and column of the field to blame."""
        before = self.text[: self.text.index("@")]
        return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def group(fields, before=PYTHON):
    return before + "instance_group [ { " + fields + " } ]\n"


def profile(value):
    return group(f'kind: KIND_CPU profile: [ "0", @"{value}" ]', TENSORRT)


def step(reads="A", writes="B", before=""):
    return (
        f'step {{ model_name: "composed" model_version: -1 input_map {{ key: "IN" value: "{reads}" }} '
        f'{before}output_map {{ key: "OUT" value: "{writes}" }} }} '
    )


def ensemble(*steps, before='platform: "ensemble"\n', inputs=IN, outputs=OUT, after=""):
    return before + inputs + outputs + "ensemble_scheduling { " + "".join(steps) + "}\n" + after


def dynamic(fields):
    return BATCHES + "dynamic_batching { " + fields + " }\n"


def sequence(fields):
    return BATCHES + "sequence_batching { " + fields + " }\n"


def control(fields, name="S", mark="@"):
    return f'control_input {{ name: "{name}" control {{ {fields} }} }} '.replace("control {", mark + "control {")


def tensor(fields, before=PYTHON):
    return before + 'input { name: "A" data_type: TYPE_FP32 ' + fields + " }\n" + OUT


START = "kind: CONTROL_SEQUENCE_START int32_false_true: [ 0, 1 ]"
READY = "kind: CONTROL_SEQUENCE_READY "
CORRID = "kind: CONTROL_SEQUENCE_CORRID "
VALID = "integer >= 1, or -1 to indicate a variable-size dimension"

MODELS = [
    Refused(
        "another name",
        PYTHON + '@name: "other"\n',
        "directory-name",
        "unexpected directory name '{model}' for model 'other', directory name must equal model name",
        'Write name: "{model}", or remove name.',
    ),
    Refused(
        "platform of another backend",
        'backend: "onnxruntime"\n@platform: "tensorrt_plan"\n',
        "platform-and-backend",
        "unexpected 'platform' and 'backend' pair, got:tensorrt_plan, onnxruntime",
        'Remove platform, or write "onnxruntime_onnx".',
    ),
    Refused(
        "platform of no TensorFlow model",
        'backend: "tensorflow"\n@platform: "tensorflow"\n',
        "platform-and-backend",
        "unexpected 'platform' and 'backend' pair, got:tensorflow, tensorflow",
        'Remove platform, or write "tensorflow_graphdef" or "tensorflow_savedmodel".',
    ),
    Refused(
        "platform that Triton does not know",
        '@platform: "onnx"\n',
        "platform-and-backend",
        "unexpected platform type 'onnx' for {model}",
        "Write backend, which is the name of what runs the model, and remove platform.",
    ),
    Refused(
        "negative max_batch_size",
        PYTHON + "@max_batch_size: -1\n",
        "max-batch-size",
        "'max_batch_size' must be non-negative value for {model}",
        "Write the largest batch, or 0 for a model without batches.",
    ),
    Refused(
        "latest version of none",
        PYTHON + "version_policy { @latest { } }\n",
        "version-policy",
        "at least one version must be available under the version policy of model '{model}'",
        "Say how many versions, or which, or remove version_policy: the default is the latest one.",
    ),
    Refused(
        "specific versions without one",
        PYTHON + "version_policy { @specific { } }\n",
        "version-policy",
        "at least one version must be available under the version policy of model '{model}'",
        "Say how many versions, or which, or remove version_policy: the default is the latest one.",
    ),
]

INSTANCE_GROUPS = [
    Refused(
        "unknown kind",
        group("@kind: 9"),
        "unknown-kind",
        "instance group {model}_0 of model {model} has unexpected kind KIND_AUTO",
        "There is no kind 9. Write KIND_GPU, KIND_CPU or KIND_MODEL.",
    ),
    Refused(
        "gpus under KIND_CPU",
        group("kind: KIND_CPU @gpus: [ 0 ]"),
        "gpus-without-kind-gpu",
        "instance group {model}_0 of model {model} has kind KIND_CPU but specifies one or more GPUs",
        "Remove gpus, or write kind: KIND_GPU.",
    ),
    Refused(
        "gpus under KIND_MODEL",
        PYTHON + 'instance_group {\n  count: 1\n  kind: KIND_CPU\n}\ninstance_group {\n  name: "x"\n'
        "  kind: KIND_MODEL\n  @gpus: 0\n}\n",
        "gpus-without-kind-gpu",
        "instance group x of model {model} has kind KIND_MODEL but specifies one or more GPUs",
        "Remove gpus, or write kind: KIND_GPU.",
    ),
    Refused(
        "negative gpu under KIND_GPU",
        group("kind: KIND_GPU gpus: [ @-1 ]"),
        "negative-gpu",
        "instance group {model}_0 of model {model} specifies invalid or unsupported gpu id -1",
        "Remove it, or write the number of a GPU, from 0.",
    ),
    Refused(
        "negative gpu without a kind",
        group("@gpus: -1"),
        "negative-gpu",
        "instance group {model}_0 of model {model} has kind KIND_CPU but specifies one or more GPUs",
        "Remove it, or write the number of a GPU, from 0, and kind: KIND_GPU.",
    ),
    Refused(
        "profile of a model that is not TensorRT's",
        group('kind: KIND_CPU @profile: "0"'),
        "profile-without-tensorrt",
        "instance group {model}_0 of model {model} and platform specifies profile field which is only supported for "
        "TensorRT models",
        "Remove profile.",
    ),
    Refused(
        "empty profile",
        profile(""),
        "invalid-profile",
        "profile name must not be empty",
        "Write the number of the profile, from 0.",
    ),
    Refused(
        "profile that is no number",
        profile("fast"),
        "invalid-profile",
        "unable to parse 'fast': stoi",
        "Write the number of the profile, from 0.",
    ),
    Refused(
        "negative profile",
        profile("-1"),
        "invalid-profile",
        "instance group {model}_0 of model {model} and platform tensorrt_plan specifies invalid profile -1. "
        "The field should contain the string representation of a non-negative integer.",
        "Write the number of the profile, from 0.",
    ),
]

ENSEMBLES = [
    Refused(
        "ensemble with a backend",
        ensemble(step(), after='@backend: "python"\n'),
        "ensemble-platform",
        "Ensemble model '{model}' must have platform type 'ensemble' and empty backend type",
        "Remove backend: an ensemble has none.",
    ),
    Refused(
        "ensemble without scheduling",
        '@platform: "ensemble"\n' + IN + OUT,
        "ensemble-platform",
        "ensemble scheduling must be set for ensemble {model} whose platform is ensemble",
        "Add ensemble_scheduling with the steps, or write the platform that the model has.",
    ),
    Refused(
        "scheduling of a model with a backend",
        ensemble(step(), before=PYTHON).replace("ensemble_scheduling", "@ensemble_scheduling"),
        "ensemble-platform",
        "ensemble scheduling cannot be set for model '{model}' whose platform is not ensemble",
        'Write platform: "ensemble" and no backend, or remove ensemble_scheduling.',
    ),
    Refused(
        "scheduling of a model with a platform",
        ensemble(step(), before='@platform: "onnxruntime_onnx"\n'),
        "ensemble-platform",
        "ensemble scheduling cannot be set for model '{model}' whose platform is not ensemble",
        'Write platform: "ensemble" and no backend, or remove ensemble_scheduling.',
    ),
    Refused(
        "scheduling of a model without a platform",
        ensemble(step(), before="").replace("ensemble_scheduling", "@ensemble_scheduling"),
        "ensemble-platform",
        "Invalid model name: Could not determine backend for model '{model}' with no backend in model configuration.",
        'Write platform: "ensemble".',
    ),
    Refused(
        "instance group of an ensemble",
        ensemble(step(), after="@instance_group { kind: KIND_GPU }\n"),
        "ensemble-field",
        "instance group should not be specified for ensemble '{model}'",
        "Remove instance_group: an ensemble has no instances of its own.",
    ),
    Refused(
        "optimization of an ensemble",
        ensemble(step(), after="@optimization { }\n"),
        "ensemble-field",
        "optimization should not be specified for ensemble '{model}'",
        "Remove optimization, or give it to the models of the steps.",
    ),
    Refused(
        "warmup of an ensemble",
        ensemble(step(), after='@model_warmup { name: "x" }\n'),
        "ensemble-field",
        "model_warmup can not be specified for ensemble '{model}'",
        "Remove model_warmup, or give it to the models of the steps.",
    ),
    Refused(
        "ensemble without a step",
        ensemble().replace("ensemble_scheduling", "@ensemble_scheduling"),
        "ensemble-steps",
        "must specify 'step' for ensemble '{model}'",
        "Add a step for every model.",
    ),
    Refused(
        "step without a model",
        ensemble(step().replace("step", "@step").replace('model_name: "composed" ', "")),
        "ensemble-steps",
        "must specify 'model_name' in step 0 of ensemble '{model}'",
        "Add model_name to the step.",
    ),
    Refused(
        "step that reads nothing",
        ensemble(step().replace("step", "@step").replace('input_map { key: "IN" value: "A" } ', "")),
        "ensemble-steps",
        "must specify 'input_map' in step 0 of ensemble '{model}'",
        "Add input_map to the step.",
    ),
    Refused(
        "step that writes nothing",
        ensemble(step().replace("step", "@step").replace('output_map { key: "OUT" value: "B" } ', "")),
        "ensemble-steps",
        "must specify 'output_map' in step 0 of ensemble '{model}'",
        "Add output_map to the step.",
    ),
    Refused(
        "tensor that two steps write",
        ensemble(step(), step(before="@")),
        "ensemble-tensors",
        "ensemble tensor 'B' can appear in an output map only once for ensemble '{model}' step 1",
        "Give the tensor another name in one of the steps.",
    ),
    Refused(
        "input that no step reads",
        ensemble(step(reads="C"), inputs="@" + IN),
        "ensemble-tensors",
        "ensemble input 'A' for ensemble {model}' is not used",
        "Let a step read it in its input_map, or remove the input.",
    ),
    Refused(
        "output that no step writes",
        ensemble(step(writes="C"), outputs="@" + OUT),
        "ensemble-tensors",
        "ensemble output 'B' for ensemble {model}' is not used",
        "Let a step write it in its output_map, or remove the output.",
    ),
    Refused(
        "output of a step that waits for nothing",
        ensemble(step(writes="C"), step(reads="D"), outputs="@" + OUT),
        "ensemble-tensors",
        "output 'B' for ensemble '{model}' is not written: at least one of its depending tensors, 'D', is not connected",
        "Let an input of the ensemble or a step give 'D'.",
    ),
    Refused(
        "output of steps that wait for each other",
        ensemble(step(writes="C"), step(reads="D"), step(reads="B", writes="D"), outputs="@" + OUT),
        "ensemble-tensors",
        "output 'B' for ensemble '{model}' is not written",
        "Break the circle of the steps.",
    ),
    Refused(
        "tensor that nobody reads",
        ensemble(step(), step(writes="C", before="@")),
        "ensemble-tensors",
        "ensemble tensor 'C' is unused in ensemble '{model}'",
        "Let a step read it, make it an output of the ensemble, or remove it.",
    ),
]

BATCHING = [
    Refused(
        "preferred batch of none",
        dynamic("preferred_batch_size: [ 4, @0 ]"),
        "preferred-batch-size",
        "dynamic batching preferred size must be positive for {model}",
        "Write a batch size from 1, or remove preferred_batch_size.",
    ),
    Refused(
        "preferred batch that is too large",
        dynamic("preferred_batch_size: [ 4, @8 ]"),
        "preferred-batch-size",
        "dynamic batching preferred size must be <= max batch size for {model}",
        "max_batch_size is 4: raise it, or lower or remove the preferred size.",
    ),
    Refused(
        "preferred batch of a model without batches",
        PYTHON + "dynamic_batching {\n  @preferred_batch_size: 2\n}\n",
        "preferred-batch-size",
        "dynamic batching preferred size must be <= max batch size for {model}",
        "max_batch_size is 0: raise it, or lower or remove the preferred size.",
    ),
    Refused(
        "preferred batch of no sequence",
        sequence("oldest { preferred_batch_size: [ @0 ] }"),
        "preferred-batch-size",
        "sequence batching preferred batch size must be positive for {model}",
        "Write a batch size from 1, or remove preferred_batch_size.",
    ),
    Refused(
        "preferred batch of too many sequences",
        sequence("oldest { preferred_batch_size: [ @8 ] }"),
        "preferred-batch-size",
        "sequence batching preferred batch size must be <= max batch size for {model}",
        "max_batch_size is 4: raise it, or lower or remove the preferred size.",
    ),
    Refused(
        "priority levels without a default",
        dynamic("@priority_levels: 2"),
        "priority-levels",
        "default priority level must be in range [1, 2] for {model}",
        "Give default_priority_level a level from 1 to 2.",
    ),
    Refused(
        "default priority beyond the levels",
        dynamic("priority_levels: 2 @default_priority_level: 3"),
        "priority-levels",
        "default priority level must be in range [1, 2] for {model}",
        "Give default_priority_level a level from 1 to 2.",
    ),
    Refused(
        "queue policy beyond the levels",
        dynamic("priority_levels: 2 default_priority_level: 1 @priority_queue_policy { key: 3 value { } }"),
        "priority-levels",
        "priority queue policy must have priority level in range [1, 2] for {model}",
        "Give every key a level from 1 to 2.",
    ),
    Refused(
        "order with two priorities",
        dynamic("@preserve_ordering: true priority_levels: 2 default_priority_level: 1"),
        "preserve-ordering",
        "Only one priority level is allowed when 'preserve_ordering' is true for {model}",
        "Remove preserve_ordering or priority_levels.",
    ),
    Refused(
        "order with delays",
        dynamic(
            "preserve_ordering: true @default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 1 }"
        ),
        "preserve-ordering",
        "Queue policy can not have DELAY as timeout action when 'preserve_ordering' is true for {model}",
        "Remove preserve_ordering, or write timeout_action: REJECT.",
    ),
    Refused(
        "order with delays of a priority",
        dynamic(
            "preserve_ordering: true priority_levels: 1 default_priority_level: 1 @priority_queue_policy { key: 1 "
            "value { timeout_action: DELAY default_timeout_microseconds: 1 } }"
        ),
        "preserve-ordering",
        "Queue policy can not have DELAY as timeout action when 'preserve_ordering' is true for {model}",
        "Remove preserve_ordering, or write timeout_action: REJECT.",
    ),
    Refused(
        "cache of sequences",
        sequence("") + "@response_cache { enable: true }\n",
        "response-cache",
        "Response Cache does not currently support model {model} with sequence batching scheduler. "
        "Please disable the response cache.",
        "Remove response_cache.",
    ),
    Refused(
        "cache of a decoupled model",
        PYTHON + "model_transaction_policy { decoupled: true }\n@response_cache { enable: true }\n",
        "response-cache",
        "Response Cache does not currently support model {model} with 'decoupled' transaction policy. "
        "Please disable the response cache.",
        "Remove response_cache.",
    ),
    Refused(
        "more slots than all",
        sequence("direct { @minimum_slot_utilization: 1.5 }"),
        "slot-utilization",
        "sequence batching minimum slot utilization must be in range (0.0, 1.0] for {model}",
        "Write a share of the slots, for example 0.5.",
    ),
    Refused(
        "control without a tensor",
        sequence(control(START, name="", mark="").replace("control_input", "@control_input")),
        "sequence-control",
        "sequence batching control tensor must have a name for {model}",
        "Write name: the name of the model's tensor.",
    ),
    Refused(
        "two controls of one tensor",
        sequence(
            control(START, mark="")
            + control("kind: CONTROL_SEQUENCE_END int32_false_true: [ 0, 1 ]", mark="").replace(
                "control_i", "@control_i"
            )
        ),
        "sequence-control",
        "sequence batching control tensor 'S' is specified for multiple control kinds for {model}",
        "Give each control a tensor of its own.",
    ),
    Refused(
        "one control of two tensors",
        sequence(control(START, mark="") + control(START, name="T")),
        "sequence-control",
        "sequence batching specifies multiple CONTROL_SEQUENCE_START tensors for {model}",
        "Keep one of them.",
    ),
    Refused(
        "control without values",
        sequence(control(READY)),
        "sequence-control",
        "sequence batching must specify either 'int32_false_true', 'fp32_false_true' or 'bool_false_true' for "
        "CONTROL_SEQUENCE_READY for {model}",
        "Add the values for false and true, for example int32_false_true: [ 0, 1 ].",
    ),
    Refused(
        "control with values of two types",
        sequence(control(READY + "int32_false_true: [ 0, 1 ] fp32_false_true: [ 0, 1 ]")),
        "sequence-control",
        "sequence batching specifies more than one from 'int32_false_true', 'fp32_false_true' and 'bool_false_true' "
        "for CONTROL_SEQUENCE_READY for {model}",
        "Keep the one of the tensor's type.",
    ),
    Refused(
        "control with one value",
        sequence(control(READY + "@bool_false_true: [ false ]", mark="")),
        "sequence-control",
        "sequence batching control 'bool_false_true' must have exactly 2 entries for CONTROL_SEQUENCE_READY for "
        "{model}",
        "Write the value for false and the value for true.",
    ),
    Refused(
        "correlation with values",
        sequence(control(CORRID + "data_type: TYPE_UINT64 int32_false_true: [ 0, 1 ]")),
        "sequence-control",
        "sequence batching must not specify either 'int32_false_true', 'fp32_false_true' or 'bool_false_true' for "
        "CONTROL_SEQUENCE_CORRID for {model}",
        "Write data_type instead.",
    ),
    Refused(
        "correlation of another type",
        sequence(control(CORRID + "@data_type: TYPE_FP32", mark="")),
        "sequence-control",
        "unexpected data type for control CONTROL_SEQUENCE_CORRID for {model}. Allowed data types are TYPE_UINT64, "
        "TYPE_INT64, TYPE_UINT32, TYPE_INT32 and TYPE_STRING",
        "Write one of these as data_type.",
    ),
]

TENSORS = [
    Refused(
        "tensor without a name",
        PYTHON + "@input { data_type: TYPE_FP32 dims: 1 }\n" + OUT,
        "tensor-name",
        "model input must specify 'name' for {model}",
        "Write its name.",
    ),
    Refused(
        "dimension of nothing",
        tensor("dims: [ -1, @0 ]"),
        "tensor-dims",
        f"model input 'A' dimension must be {VALID} for {{model}}",
        "Write the size, or -1.",
    ),
    Refused(
        "negative dimension of an output",
        PYTHON + IN + 'output {\n  name: "B"\n  data_type: TYPE_FP32\n  dims: [ @-2 ]\n}\n',
        "tensor-dims",
        f"model output 'B' dimension must be {VALID} for {{model}}",
        "Write the size, or -1.",
    ),
    Refused(
        "shape of nothing",
        tensor("dims: 1 reshape { shape: [ @0 ] }"),
        "tensor-reshape",
        f"model input 'A' reshape dimensions must be {VALID} for {{model}}",
        "Write the size, or -1.",
    ),
    Refused(
        "shape of another size",
        tensor("dims: [ 2, 3 ] @reshape { shape: [ 5 ] }"),
        "tensor-reshape",
        "model input 'A' has different size for dims and reshape for {model}",
        "Give shape as many elements as dims.",
    ),
    Refused(
        "shape of another size beside a variable dimension",
        tensor("dims: [ -1, 2 ] @reshape { shape: [ 2, -1 ] }"),
        "tensor-reshape",
        "model input 'A' has different size for dims and reshape for {model}",
        "Give shape as many elements as dims.",
    ),
    Refused(
        "variable shape of fixed dimensions",
        tensor("dims: [ 2 ] @reshape { shape: [ -1 ] }"),
        "tensor-reshape",
        "model input 'A' has different size for dims and reshape for {model}",
        "Give shape as many elements as dims.",
    ),
    Refused(
        "shape with more variable dimensions",
        tensor("dims: [ -1, 2 ] @reshape { shape: [ -1, -1, 2 ] }"),
        "tensor-reshape",
        "model input 'A' has different number of variable-size dimensions for dims and reshape for {model}",
        "Write -1 as often as in dims.",
    ),
    Refused(
        "image that is flat",
        tensor("@format: FORMAT_NHWC dims: [ 8, 8 ]"),
        "tensor-format",
        "model input NHWC/NCHW require 3 dims for {model}",
        "Give dims the three sizes of an image, without the batch, or remove format.",
    ),
    Refused(
        "shape tensor of a model that is not TensorRT's",
        tensor("dims: 1 @is_shape_tensor: true"),
        "tensor-format",
        "shape tensors are only supported for TensorRT platform for {model}",
        "Remove is_shape_tensor.",
    ),
    Refused(
        "non-linear tensor of a model that is not TensorRT's",
        tensor("dims: 1 @is_non_linear_format_io: true"),
        "tensor-format",
        "Non-linear IO format is only supported for the TensorRT platform for {model}",
        "Remove is_non_linear_format_io.",
    ),
    Refused(
        "non-linear tensor that is flat",
        tensor("dims: 1 @is_non_linear_format_io: true", TENSORRT),
        "tensor-format",
        "Non-linear IO format input requires 3 dims for {model}",
        "Remove is_non_linear_format_io, or give dims three sizes.",
    ),
    Refused(
        "batch input of two inputs",
        PYTHON + IN + OUT + '@batch_input { data_type: TYPE_FP32 target_name: "x" source_input: [ "A", "A" ] }\n',
        "batch-tensor",
        "batch input kind 'BATCH_ELEMENT_COUNT' expects 1 source input, got 2 for {model}",
        "Name one input in source_input.",
    ),
    Refused(
        "batch output of no input",
        PYTHON + IN + OUT + '@batch_output { target_name: "B" }\n',
        "batch-tensor",
        "batch output kind 'BATCH_SCATTER_WITH_INPUT_SHAPE' expects 1 source input, got 0 for {model}",
        "Name one input in source_input.",
    ),
    Refused(
        "batch input of another type",
        PYTHON + IN + OUT + 'batch_input { @data_type: TYPE_INT64 target_name: "x" source_input: "A" }\n',
        "batch-tensor",
        "batch input data type must be TYPE_INT32 or TYPE_FP32 for {model}",
        "Write data_type: TYPE_INT32 or TYPE_FP32.",
    ),
]

REFUSED = MODELS + INSTANCE_GROUPS + ENSEMBLES + BATCHING + TENSORS
