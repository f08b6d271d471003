# SPDX-License-Identifier: GPL-3.0-or-later
"""The options in force, by the log of a server.

The tables are laid out as the log of the real tritonserver 2.51.0 is; `tests/differential` reads one of these.
"""

from __future__ import annotations

import json
import os

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu import server_log
from ansible_collections.inference.triton.plugins.module_utils._gpu.server_log import read_server_log
from ansible_collections.inference.triton.plugins.module_utils._model_config.findings import ConfigError


def table(version="2.51.0", minimum="6.0", models=()):
    options = [
        ("Option", "Value"),
        ("server_id", "triton"),
        ("server_version", version),
        ("server_extensions", "classification sequence model_repository"),
        ("model_repository_path[0]", "/srv/models"),
        ("model_control_mode", "MODE_EXPLICIT" if models else "MODE_NONE"),
        *((f"startup_models_{at}", name) for at, name in enumerate(models)),
        ("strict_model_config", "0"),
        ("min_supported_compute_capability", minimum),
        ("exit_timeout", "30"),
    ]
    line = f"+{'-' * 34}+{'-' * 42}+"
    rows = [f"| {name:32} | {value:40} |" for name, value in options]
    return "\n".join(
        [
            "I1122 17:30:09.076308 27951 tritonserver.cc:2598] ",
            line,
            rows[0],
            line,
            *rows[1:],
            line,
            "",
            'I1122 17:30:09.090345 27951 grpc_server.cc:2558] "Started GRPCInferenceService at 0.0.0.0:8001"',
            "",
        ]
    )


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "tritonserver.log"

    def write(text):
        path.write_text(text)
        return str(path)

    return write


def test_the_minimum_and_the_version_are_in_the_table(log):
    path = log("I1122 17:30:09.070503 27951 model_lifecycle.cc:839] \"successfully loaded 'm'\"\n" + table())
    assert read_server_log(path) == ((path, (6, 0), "2.51.0"), [])


@pytest.mark.parametrize(
    ("text", "minimum"),
    [
        ("7.5", (7, 5)),
        ("6.0", (6, 0)),
        ("7.500000", (7, 5)),
        ("10.0", (10, 0)),
        ("12.1", (12, 1)),
        ("8", (8, 0)),
        ("10", (10, 0)),
    ],
)
def test_the_minimum_is_a_number_however_it_is_written(log, text, minimum):
    assert read_server_log(log(table(minimum=text)))[0].min_compute_capability == minimum


def test_the_last_start_counts(log):
    path = log(table() + table("2.62.0", "7.5") + table("2.61.0", "8.0") + "a line\n" * 1000)
    assert read_server_log(path)[0] == (path, (8, 0), "2.61.0")


def test_a_start_that_has_not_ended_does_not_count_yet(log):
    assert read_server_log(log(table() + table("2.62.0", "7.5").partition("| strict_model")[0]))[0].version == "2.51.0"


@pytest.mark.parametrize(
    "wrap",
    [
        lambda line: f"Nov 22 17:30:09 host tritonserver[27951]: {line}",
        lambda line: json.dumps({"log": f"{line}\n", "stream": "stderr", "time": "2026-11-22T17:30:09.076308123Z"}),
        lambda line: f"2026-11-22T17:30:09.076308123Z stderr F {line}",
        lambda line: f"{line}\r",
    ],
    ids=["journald", "docker", "containerd", "windows"],
)
def test_what_stands_around_a_line_does_not_matter(log, wrap):
    path = log("\n".join(map(wrap, (table() + table("2.62.0", "7.5")).splitlines())))
    assert read_server_log(path)[0] == (path, (7, 5), "2.62.0")


def test_a_table_of_many_models_keeps_its_version(log):
    path = log(table() + table("2.62.0", "7.5", models=[f"model_{at}" for at in range(20000)]))
    assert read_server_log(path)[0] == (path, (7, 5), "2.62.0")


@pytest.mark.parametrize("chunk", [50, 64, 1000])
def test_a_table_is_found_wherever_the_pieces_of_a_log_end(log, monkeypatch, chunk):
    monkeypatch.setattr(server_log, "_CHUNK", chunk)
    assert read_server_log(log(table() + "a line\n" * 300))[0].min_compute_capability == (6, 0)


def test_what_is_no_utf_8_does_not_matter(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"\xff\xfe|\n" + table().encode() + b"\xff")
    assert read_server_log(str(path))[0].version == "2.51.0"


@pytest.mark.parametrize("text", ["", "a line\n", table(minimum="high"), table(minimum="")])
def test_a_log_without_the_minimum_is_a_warning(log, text):
    path = log(text)
    options, (warning,) = read_server_log(path)
    assert options is None
    assert warning.startswith(f"server_log: {path} has no table of options in it.")


def test_only_the_end_of_a_large_log_is_read(log, monkeypatch):
    path = log(table() + "a line\n" * 1000)
    monkeypatch.setattr(server_log, "_LIMIT", 2**10)
    monkeypatch.setattr(server_log, "_CHUNK", 2**8)
    options, (warning,) = read_server_log(path)
    assert options is None
    assert "in its last 0 MiB" in warning


def test_a_log_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match=r"server_log: .*none cannot be read: No such file or directory\."):
        read_server_log(str(tmp_path / "none"))


def test_a_folder_or_a_pipe_is_an_error_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(ConfigError, match="is no file"):
            read_server_log(str(path))
