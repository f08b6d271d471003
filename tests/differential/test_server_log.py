# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of the real tritonserver: what is read from it, and that the prediction made with it comes true."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu.server_installation import read_installation
from ansible_collections.inference.triton.plugins.module_utils._placement.server import server_view
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import parse_gpus
from ansible_collections.inference.triton.plugins.module_utils._repository.survey import survey
from ansible_collections.inference.triton.tests.standin_cuda.server import Host, Model, build, observe, write

MINIMUM = "--min-supported-compute-capability"
V100_AND_T4 = ("7.0", "7.5")


@pytest.mark.parametrize(
    ("options", "minimum"),
    [
        ((), (6, 0)),
        ((f"{MINIMUM}=7.5",), (7, 5)),
        ((f"{MINIMUM}=7.5", f"{MINIMUM}=7.0"), (7, 0)),
        ((f"{MINIMUM}=10", "--log-format=ISO8601", "--log-verbose=1"), (10, 0)),
    ],
    ids=["default", "given", "given twice", "another format"],
)
def test_the_options_that_a_server_logs_predict_what_it_does(
    options: tuple[str, ...], minimum: tuple[int, int], tmp_path: Path
):
    library = build(tmp_path)
    repository, state = tmp_path / "models", tmp_path / "server"
    write(repository, {"implicit": Model('backend: "null"')}, library)

    after, _ = observe([repository], Host(V100_AND_T4, options=options), library, state)

    known = read_installation(server_log=str(state / "server.log"))
    assert known.logged is not None
    assert (known.logged.min_compute_capability, known.logged.version) == (minimum, "2.51.0")
    view = server_view(
        parse_gpus([{"compute_capability": capability} for capability in V100_AND_T4]), installation=known
    )
    assert view.release is not None and view.release.name == "24.10"
    (predicted,) = survey([str(repository)], view).models
    assert [(group.kind, list(group.gpus)) for group in predicted.prediction.groups] == [
        (kind, gpus) for _, kind, gpus, _ in after["implicit"].groups
    ]


def test_the_log_of_a_server_that_was_started_again_has_the_options_of_the_last_start(tmp_path: Path):
    library = build(tmp_path)
    repository = tmp_path / "models"
    write(repository, {"implicit": Model('backend: "null"')}, library)
    logs = []
    for number, options in enumerate([(f"{MINIMUM}=8.0",), ()]):
        observe([repository], Host(V100_AND_T4, options=options), library, tmp_path / str(number))
        logs.append((tmp_path / str(number) / "server.log").read_bytes())
    (tmp_path / "both.log").write_bytes(b"".join(logs))
    logged = read_installation(server_log=str(tmp_path / "both.log")).logged
    assert logged is not None and logged.min_compute_capability == (6, 0)
