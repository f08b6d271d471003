# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a server by its image, its log and its process."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu.evidence import ServerProcess
from ansible_collections.inference.triton.plugins.module_utils._gpu.server_installation import (
    read_installation,
    running_options,
)
from ansible_collections.inference.triton.plugins.module_utils._model_config.findings import ConfigError
from ansible_collections.inference.triton.plugins.module_utils._placement.installation import NOTHING_KNOWN


def test_nothing_is_known_where_nothing_is_named():
    assert read_installation() == NOTHING_KNOWN


def test_both_files_are_read_and_what_they_lack_is_told(tmp_path):
    (tmp_path / "libcuda.so.590.44.01").write_bytes(b"\x7fELF")
    (tmp_path / "log").write_text("| min_supported_compute_capability | 7.5 |\n")
    found = read_installation(str(tmp_path), str(tmp_path / "log"))
    assert found.compat is None
    assert found.logged.min_compute_capability == (7, 5)
    (warning,) = found.warnings
    assert warning.startswith("cuda_compat: ")


@pytest.mark.parametrize("option", ["cuda_compat", "server_log"])
def test_a_file_that_is_not_there_is_an_error(tmp_path, option):
    with pytest.raises(ConfigError, match=f"{option}: "):
        read_installation(**{option: str(tmp_path / "none")})


@pytest.mark.parametrize(
    ("options", "minimum"),
    [
        ({"min-supported-compute-capability": ("7.5",)}, (7, 5)),
        ({"min-supported-compute-capability": ("7.5", "8.0")}, (8, 0)),
        ({"min-supported-compute-capability": ("high",)}, None),
        ({"min-supported-compute-capability": ()}, None),
        ({"model-control-mode": ("explicit",)}, None),
        ({}, None),
    ],
)
def test_a_command_line_may_have_the_minimum(options, minimum):
    assert running_options([ServerProcess(7, options)]) == (("tritonserver (process 7)", minimum, ""),)
