# SPDX-License-Identifier: GPL-3.0-or-later
"""Which GPUs a rule wants, and which those are on a host."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config.findings import ConfigError
from ansible_collections.inference.triton.plugins.module_utils._policy.gpu_selector import parse_selector, select
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import Gpu, VisibleGpus

T4 = Gpu(0, "Tesla T4", "GPU-4a", 15360, (7, 5))
H100 = Gpu(1, "NVIDIA H100 80GB HBM3", "GPU-9b", 81559, (9, 0))
B200 = Gpu(2, "NVIDIA B200", "GPU-9c", 183359, (10, 0))
UNKNOWN = Gpu(3)
HOST = VisibleGpus((T4, H100, B200, UNKNOWN), source="nvidia-smi of this host")


def chosen(data, host=HOST):
    selection = select(parse_selector(data), host)
    assert selection.problem == ""
    return selection.ordinals


def problem(data, host=HOST):
    selection = select(parse_selector(data), host)
    assert selection.ordinals == ()
    return selection.problem


def asked(data):
    return problem(data).split("; the server sees")[0]


def problems_of(data):
    with pytest.raises(ConfigError) as raised:
        parse_selector(data)
    return raised.value.problems


@pytest.mark.parametrize(
    ("data", "ordinals"),
    [
        ("all", (0, 1, 2, 3)),
        ([0, 2], (0, 2)),
        ([2, 0], (2, 0)),
        (["1"], (1,)),
        ({"uuid": ["GPU-9c", "GPU-4"]}, (0, 2)),
        ({"uuid": "GPU-4a"}, (0,)),
        ({"memory_gb": 15}, (0, 1, 2)),
        ({"memory_gb": 80}, (1, 2)),
        ({"memory_gb": "85.5"}, (1, 2)),
        ({"memory_gb": 85.6}, (2,)),
        ({"count": 1}, (0,)),
        ({"count": "2"}, (0, 1)),
        ({"compute_capability": "8.0"}, (1, 2)),
        ({"compute_capability": 10.0}, (2,)),
        ({"name": "*h100*"}, (1,)),
        ({"name": ["*T4", "NVIDIA B*"]}, (0, 2)),
        ({"memory_gb": 40, "compute_capability": "9.0", "name": "NVIDIA*", "uuid": ["GPU-9b", "GPU-9c"]}, (1, 2)),
        ({"memory_gb": 40, "count": 1}, (1,)),
    ],
)
def test_what_a_selector_means(data, ordinals):
    assert chosen(data) == ordinals


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([0, 4], "no GPU 4 here"),
        ([7, 1, 4], "no GPU 7 and no GPU 4 here"),
        ({"memory_gb": 200}, "no GPU with memory_gb: 200 here"),
        ({"name": ["*A100*", "*A30*"]}, "no GPU with name: *A100* or *A30* here"),
        ({"memory_gb": 200, "count": 2}, "no GPU with memory_gb: 200 here"),
        (
            {"memory_gb": 40, "compute_capability": "9.0", "count": 3},
            "only 2 of the 3 GPUs with memory_gb: 40, compute_capability: 9.0 here",
        ),
        ({"count": 5}, "only 4 of the 5 GPUs here"),
        ({"uuid": ["GPU-4", "GPU-x"]}, "no GPU with uuid: GPU-x here"),
        ({"uuid": ["GPU-x", "GPU-y"]}, "no GPU with uuid: GPU-x here; no GPU with uuid: GPU-y here"),
        ({"uuid": "GPU-9"}, "uuid: GPU-9 is the beginning of more than one, 1 and 2"),
        ({"uuid": "GPU-4", "memory_gb": 40}, "no GPU with uuid: GPU-4, memory_gb: 40 here"),
    ],
)
def test_what_is_not_there_is_a_problem(data, words):
    assert asked(data) == words


@pytest.mark.parametrize("data", [{"memory_gb": 1}, {"compute_capability": "1.0"}, {"name": "*"}])
def test_a_gpu_does_not_fit_what_is_not_known_of_it(data):
    assert 3 not in chosen(data)


def test_a_problem_says_what_the_host_has():
    host = VisibleGpus(
        (T4, UNKNOWN), ("GPU 1 (0000:41:00.0) is not usable: it is lost",), source="the gpus of the task"
    )
    assert problem({"memory_gb": 40}, host) == (
        "no GPU with memory_gb: 40 here; the server sees 0: Tesla T4 (15360 MiB, compute capability 7.5, GPU-4a), "
        "3: unnamed GPU (memory not known, compute capability not known) according to the gpus of the task; "
        "GPU 1 (0000:41:00.0) is not usable: it is lost"
    )


def test_a_problem_without_any_gpu_says_why_and_what_to_do():
    host = VisibleGpus((), ("nvidia-smi is not installed",), source="nvidia-smi of this host")
    assert problem("all", host) == (
        "no GPU here; the server sees no GPU; nvidia-smi is not installed; give gpus: to say what the server will see"
    )


def test_who_gave_gpus_is_not_told_to():
    host = VisibleGpus((), ("the list is empty",), source="the gpus of the task")
    assert problem([0], host) == ("no GPU 0 here; the server sees no GPU; the list is empty")


@pytest.mark.parametrize("data", [[], {}, None, "0", "al", 2, True])
def test_what_is_no_selector_is_told_what_one_is(data):
    assert problems_of(data) == [
        "gpus: expected all, a list of numbers, or a mapping with any of uuid, memory_gb, compute_capability, name, "
        f"count; found {data!r}."
    ]


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("uuid", [], "a UUID or a list of them"),
        ("uuid", ["GPU-4", ""], "a UUID or a list of them"),
        ("memory_gb", 0, "a number above 0, in units of 10^9 bytes"),
        ("memory_gb", "40GB", "a number above 0, in units of 10^9 bytes"),
        ("memory_gb", float("nan"), "a number above 0, in units of 10^9 bytes"),
        ("compute_capability", "8.10", 'one like "8.0"'),
        ("name", 4090, "a shell pattern or a list of them"),
        ("count", 0, "a whole number from 1"),
        ("count", True, "a whole number from 1"),
    ],
)
def test_a_wrong_value_is_told_with_its_place(key, value, expected):
    assert problems_of({key: value}) == [f"gpus.{key}: expected {expected}, found {value!r}."]


def test_all_mistakes_are_told_at_once_with_what_was_meant():
    assert problems_of({"memory_gbb": 40, "count": -1, 5: 1}) == [
        "gpus.memory_gbb: there is no such key. Did you mean 'memory_gb'?",
        "gpus.count: expected a whole number from 1, found -1.",
        "gpus.5: there is no such key.",
    ]


def test_numbers_have_to_be_numbers_and_different():
    assert problems_of([0, "x", 0, -1]) == [
        "gpus[1]: expected the number of a GPU, found 'x'.",
        "gpus[2]: 0 is there twice.",
        "gpus[3]: expected the number of a GPU, found -1.",
    ]
