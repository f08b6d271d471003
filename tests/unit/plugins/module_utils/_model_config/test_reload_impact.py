# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running Triton has to do to take a change over."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config.reload_impact import reload_impact

MODEL = {"name": "m", "max_batch_size": 8, "instance_group": [{"kind": "KIND_GPU"}]}


@pytest.mark.parametrize(
    ("change", "impact"),
    [
        ({}, "none"),
        ({"instance_group": [{"kind": "KIND_CPU"}]}, "instance_update"),
        ({"instance_group": None}, "instance_update"),
        ({"version_policy": {"all": {}}}, "instance_update"),
        ({"version_policy": {"all": {}}, "instance_group": []}, "instance_update"),
        ({"max_batch_size": 4}, "full_reload"),
        ({"max_batch_size": None}, "full_reload"),
        ({"parameters": {"a": {"string_value": "b"}}}, "full_reload"),
        ({"backend": "python"}, "full_reload"),
        ({"max_batch_size": 4, "instance_group": []}, "full_reload"),
    ],
    ids=str,
)
def test_the_impact_of_a_change(change, impact):
    after = {name: value for name, value in {**MODEL, **change}.items() if value is not None}
    assert reload_impact(MODEL, after) == impact


def test_a_file_with_nothing_but_groups_is_an_update():
    assert reload_impact({}, {"instance_group": [{"kind": "KIND_GPU"}]}) == "instance_update"
