# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a host's GPUs are said to be: an answer or a list of mistakes, and no device that nobody speaks of."""

from __future__ import annotations

import contextlib
from typing import Any

from ansible_collections.inference.triton.plugins.module_utils._model_config.findings import ConfigError
from ansible_collections.inference.triton.plugins.module_utils._policy.gpu_selector import parse_selector, select
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import VisibleGpus, parse_gpus
from hypothesis import given
from hypothesis import strategies as st

CAPABILITIES = st.none() | st.sampled_from(["7.0", "7.5", 8.0, "9.0", 10.0])
MEMORIES = st.none() | st.integers(0, 200000) | st.integers(0, 200000).map(str)
PROFILES = ["1g.10gb", "3g.40gb", "1c.3g.40gb", "2c.3g.40gb"]
VARIABLES = (
    st.none()
    | st.text("0123,-GM ")
    | st.lists(st.sampled_from(["0", "1", "2", "GPU-0", "GPU-2", "MIG-"])).map(",".join)
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(
    ["name", "uuid", "memory_mib", "compute_capability", "usable", "mig_mode", "mig_devices", "index"]
)
SELECTORS = st.one_of(
    st.just("all"),
    st.lists(st.integers(0, 5), min_size=1, unique=True),
    st.fixed_dictionaries(
        {},
        optional={
            "memory_gb": st.integers(1, 100),
            "count": st.integers(1, 4),
            "compute_capability": st.sampled_from(["7.5", "9.0"]),
            "name": st.sampled_from(["*", "T4", "*MIG*"]),
            "uuid": st.sampled_from(["GPU-0", "GPU-", "MIG-1"]),
        },
    ).filter(bool),
)


@st.composite
def hosts(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Up to four GPUs, each with an identifier of its own in its UUID."""
    found = []
    for number in range(draw(st.integers(0, 4))):
        gpu: dict[str, Any] = {"uuid": f"GPU-{number}", "memory_mib": draw(MEMORIES)}
        gpu["compute_capability"] = draw(CAPABILITIES)
        gpu["usable"] = draw(st.booleans())
        gpu["mig_mode"] = draw(st.sampled_from([None, "enabled", "disabled"]))
        if gpu["mig_mode"] == "enabled":
            profiles = draw(st.lists(st.sampled_from(PROFILES), max_size=4))
            gpu["mig_devices"] = [{"uuid": f"MIG-{number}{n}", "profile": name} for n, name in enumerate(profiles)]
        found.append(gpu)
    return found


@given(hosts(), VARIABLES, st.sampled_from(["", "535.1", "580.95.05"]))
def test_each_device_is_seen_or_spoken_of(host, variable, driver):
    visible = parse_gpus(host, variable, driver)
    spoken = " ".join([*(gpu.uuid for gpu in visible.gpus), *visible.hidden])
    for gpu in host:
        parts = gpu.get("mig_devices") or [gpu] if gpu["usable"] else [gpu]
        assert all(part["uuid"] in spoken for part in parts)


@given(hosts(), VARIABLES, st.sampled_from(["", "535.1", "580.95.05"]))
def test_the_ordinals_count_from_0(host, variable, driver):
    visible = parse_gpus(host, variable, driver)
    assert [gpu.ordinal for gpu in visible.gpus] == list(range(len(visible.gpus)))


@given(hosts(), VARIABLES)
def test_no_device_is_seen_twice_or_seen_and_hidden(host, variable):
    visible = parse_gpus(host, variable)
    seen = [gpu.uuid for gpu in visible.gpus]
    hidden = " ".join(sentence.partition("this hides")[2] for sentence in visible.hidden)
    assert len(set(seen)) == len(seen)
    assert not any(uuid in hidden for uuid in seen)


@given(hosts(), SELECTORS)
def test_a_selection_is_of_visible_devices_or_a_problem(host, data):
    visible = parse_gpus(host)
    selection = select(parse_selector(data), visible)
    assert bool(selection.ordinals) != bool(selection.problem)
    assert set(selection.ordinals) <= {gpu.ordinal for gpu in visible.gpus}


@given(ANYTHING | st.lists(st.dictionaries(KEYS, ANYTHING)))
def test_what_is_no_host_is_a_list_of_mistakes(data):
    with contextlib.suppress(ConfigError):
        parse_gpus(data)


@given(
    ANYTHING | st.dictionaries(st.sampled_from(["uuid", "memory_gb", "count", "compute_capability", "name"]), ANYTHING)
)
def test_what_is_no_selector_is_a_list_of_mistakes(data):
    with contextlib.suppress(ConfigError):
        select(parse_selector(data), VisibleGpus(()))
