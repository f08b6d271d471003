# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server's log says of its models before its ports are open. The lines have the form of tritonserver 2.51.0."""

from __future__ import annotations

from ansible_collections.inference.triton.plugins.module_utils._service.start_log import read

LOG = """\
E0101 12:00:00.1 7 model_repository_manager.cc:1460] "Poll failed for model directory 'typo': failed to read text proto"
I0101 12:00:00.1 7 model_lifecycle.cc:472] "loading: slow:1"
I0101 12:00:00.1 7 model_lifecycle.cc:472] "loading: slow:2"
I0101 12:00:00.1 7 model_lifecycle.cc:472] "loading: gpu:1"
E0101 12:00:00.1 7 model_repository_manager.cc:724] "failed to load model 'empty': no version is available"
E0101 12:00:00.1 7 model_lifecycle.cc:642] "failed to load 'gpu' version 1: Invalid argument: no GPUs are available"
I0101 12:00:00.1 7 model_lifecycle.cc:777] "failed to load 'gpu'"
""".splitlines()
LOADED = "I0101 12:00:05.1 7 model_lifecycle.cc:839] \"successfully loaded 'slow'\""
OPEN = 'I0101 12:00:05.2 7 http_server.cc:4713] "Started HTTPService at 127.0.0.1:8000"'


def test_models_are_loading_and_refused_before_the_ports_are_open():
    log = read(LOG)
    assert (log.loading, log.loaded, log.is_open) == (["slow"], [], False)
    assert log.refused == {
        "typo": "failed to read text proto",
        "empty": "no version is available",
        "gpu": "Invalid argument: no GPUs are available",
    }


def test_a_loaded_model_is_not_loading_any_more():
    log = read([*LOG, LOADED, OPEN])
    assert (log.loading, log.loaded, log.is_open) == ([], ["slow"], True)


def test_an_older_server_has_no_quotes_around_a_message():
    log = read(
        [
            "I0101 12:00:00.1 7 model_lifecycle.cc:461] loading: a:1",
            "I0101 12:00:00.1 7 model_lifecycle.cc:461] loading: b:1",
            "I0101 12:00:05.1 7 model_lifecycle.cc:818] successfully loaded 'a' version 1",
        ]
    )
    assert (log.loading, log.loaded) == (["b"], ["a"])


def test_a_model_that_is_loaded_at_last_was_not_refused():
    log = read([LOG[1], LOG[5].replace("gpu", "slow"), LOADED])
    assert (log.loaded, log.refused) == (["slow"], {})


def test_other_lines_say_nothing():
    assert read(["", "loading: a:1", "Started HTTPService at"]) == ([], [], {}, False)
