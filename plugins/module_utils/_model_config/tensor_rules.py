# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Rules for the tensors of a model: only for what the file says, since a backend may complete what it leaves out."""

from __future__ import annotations

from typing import Any, Callable, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .backend import is_ensemble
from .semantic_rule import Breach, Rule, Subject, at, refused

_SHAPE = "triton core: src/model_config_utils.cc, ValidateIOShape"
_INPUT = "triton core: src/model_config_utils.cc, ValidateModelInput"
_BATCH = "triton core: src/model_config_utils.cc, ValidateBatchIO"
_VARIABLE = -1
_VALID = "integer >= 1, or -1 to indicate a variable-size dimension"


class _Tensor(NamedTuple):
    """An input or output with its place."""

    way: str
    number: int
    fields: Mapping[str, Any]

    @property
    def dims(self) -> List[int]:
        return list(self.fields.get("dims", ()))

    @property
    def shape(self) -> Optional[List[int]]:
        """What the tensor is reshaped to, None where it is not."""
        return list(self.fields["reshape"].get("shape", ())) if "reshape" in self.fields else None

    def at(self, *path: Any) -> Breach:
        return at(self.way, self.number, *path, way=self.way, tensor=self.fields.get("name", ""))


Breaches = Callable[[Subject], Iterator[Breach]]


def _tensors(subject: Subject) -> Iterator[_Tensor]:
    """The tensors whose rules are these; an ensemble's have to fit those of its models first."""
    if not is_ensemble(subject.config):
        for way in ("input", "output"):
            for index, fields in enumerate(subject.config.get(way, ())):
                yield _Tensor(way, index, fields)


def _unnamed(subject: Subject) -> Iterator[Breach]:
    return (tensor.at() for tensor in _tensors(subject) if not tensor.fields.get("name"))


def _wrong_dims(subject: Subject) -> Iterator[Breach]:
    for tensor in _tensors(subject):
        yield from (tensor.at("dims", index) for index, dim in enumerate(tensor.dims) if not _is_dimension(dim))


def _wrong_shapes(subject: Subject) -> Iterator[Breach]:
    for tensor in _tensors(subject):
        for index, dim in enumerate(tensor.shape or ()):
            if not _is_dimension(dim):
                yield tensor.at("reshape", "shape", index)


def _is_dimension(dim: int) -> bool:
    return dim >= 1 or dim == _VARIABLE


def _reshaped(subject: Subject, is_wrong: Callable[[List[int], List[int]], bool]) -> Iterator[Breach]:
    """The tensors whose dims and shape are both valid and yet do not fit together."""
    for tensor in _tensors(subject):
        dims, shape = tensor.dims, tensor.shape
        if dims and shape and all(map(_is_dimension, dims + shape)) and is_wrong(_sizes(dims), _sizes(shape)):
            yield tensor.at("reshape")


def _sizes(dims: Sequence[int]) -> List[int]:
    """The number of elements between one variable dimension and the next."""
    sizes = [1]
    for dim in dims:
        if dim == _VARIABLE:
            sizes.append(1)
        else:
            sizes[-1] *= dim
    return sizes


def _different_sizes(dims: List[int], shape: List[int]) -> bool:
    # A variable dimension on one side only is a difference of sizes to Triton, not of the number of dimensions.
    return dims != shape and (len(dims) == len(shape) or 1 in (len(dims), len(shape)))


def _different_numbers(dims: List[int], shape: List[int]) -> bool:
    return len(dims) != len(shape) and 1 not in (len(dims), len(shape))


def _flat_images(subject: Subject) -> Iterator[Breach]:
    for tensor in _tensors(subject):
        if tensor.fields.get("format") in ("FORMAT_NHWC", "FORMAT_NCHW") and tensor.dims and len(tensor.dims) != 3:
            yield tensor.at("format")


def _only_for_tensorrt(field: str) -> Breaches:
    def breaches(subject: Subject) -> Iterator[Breach]:
        if subject.is_never_tensorrt:
            yield from (tensor.at(field) for tensor in _tensors(subject) if tensor.fields.get(field))

    return breaches


def _flat_formats(subject: Subject) -> Iterator[Breach]:
    for tensor in _tensors(subject):
        is_marked = tensor.fields.get("is_non_linear_format_io")
        if is_marked and tensor.dims and len(tensor.dims) != 3 and not subject.is_never_tensorrt:
            yield tensor.at("is_non_linear_format_io")


def _sources(subject: Subject) -> Iterator[Breach]:
    for way, default in (("batch_input", "BATCH_ELEMENT_COUNT"), ("batch_output", "BATCH_SCATTER_WITH_INPUT_SHAPE")):
        for index, batch in enumerate(subject.config.get(way, ())):
            count = len(batch.get("source_input", ()))
            if count != 1:
                kind = batch.get("kind", default)
                yield at(way, index, way=way.replace("_", " "), kind=kind, count=count)


def _batch_types(subject: Subject) -> Iterator[Breach]:
    for index, batch in enumerate(subject.config.get("batch_input", ())):
        if batch.get("data_type") not in ("TYPE_INT32", "TYPE_FP32"):
            yield at("batch_input", index, "data_type")


RULES: Tuple[Rule, ...] = (
    refused("tensor-name", _SHAPE, "model {way} must specify 'name' for {model}", "Write its name.", _unnamed),
    refused(
        "tensor-dims",
        _SHAPE,
        "model {way} '{tensor}' dimension must be " + _VALID + " for {model}",
        "Write the size, or -1.",
        _wrong_dims,
    ),
    refused(
        "tensor-reshape",
        _SHAPE,
        "model {way} '{tensor}' reshape dimensions must be " + _VALID + " for {model}",
        "Write the size, or -1.",
        _wrong_shapes,
    ),
    refused(
        "tensor-reshape",
        _SHAPE,
        "model {way} '{tensor}' has different size for dims and reshape for {model}",
        "Give shape as many elements as dims.",
        lambda subject: _reshaped(subject, _different_sizes),
    ),
    refused(
        "tensor-reshape",
        _SHAPE,
        "model {way} '{tensor}' has different number of variable-size dimensions for dims and reshape for {model}",
        "Write -1 as often as in dims.",
        lambda subject: _reshaped(subject, _different_numbers),
    ),
    refused(
        "tensor-format",
        _INPUT,
        "model input NHWC/NCHW require 3 dims for {model}",
        "Give dims the three sizes of an image, without the batch, or remove format.",
        _flat_images,
    ),
    refused(
        "tensor-format",
        "triton core: src/model_config_utils.cc, ValidateModelInput and ValidateModelOutput",
        "shape tensors are only supported for TensorRT platform for {model}",
        "Remove is_shape_tensor.",
        _only_for_tensorrt("is_shape_tensor"),
    ),
    refused(
        "tensor-format",
        "triton core: src/model_config_utils.cc, ValidateNonLinearFormatIO",
        "Non-linear IO format is only supported for the TensorRT platform for {model}",
        "Remove is_non_linear_format_io.",
        _only_for_tensorrt("is_non_linear_format_io"),
    ),
    refused(
        "tensor-format",
        "triton core: src/model_config_utils.cc, ValidateNonLinearFormatIO",
        "Non-linear IO format {way} requires 3 dims for {model}",
        "Remove is_non_linear_format_io, or give dims three sizes.",
        _flat_formats,
    ),
    refused(
        "batch-tensor",
        _BATCH,
        "{way} kind '{kind}' expects 1 source input, got {count} for {model}",
        "Name one input in source_input.",
        _sources,
    ),
    refused(
        "batch-tensor",
        _BATCH,
        "batch input data type must be TYPE_INT32 or TYPE_FP32 for {model}",
        "Write data_type: TYPE_INT32 or TYPE_FP32.",
        _batch_types,
    ),
)
