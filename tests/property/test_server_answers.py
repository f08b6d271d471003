# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a server or a proxy answers, it is read, or refused with an error that says what to do."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from ansible_collections.inference.triton.plugins.module_utils._proof.running_config import differences
from ansible_collections.inference.triton.plugins.module_utils._server import client, failures, triton
from ansible_collections.inference.triton.plugins.module_utils._server.endpoint import checked_headers, parse_url
from ansible_collections.inference.triton.plugins.module_utils._server.errors import ServerError
from ansible_collections.inference.triton.plugins.module_utils._server.failures import Answer
from ansible_collections.inference.triton.plugins.module_utils._server.metrics import parse_metrics
from ansible_collections.inference.triton.plugins.module_utils._server.model_states import by_model
from ansible_collections.inference.triton.tests.property.configs import messages
from hypothesis import given
from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
WORDS = st.sampled_from(["name", "version", "state", "reason", "model_stats", "extensions", "instance_group", "error"])
ALIKE = st.dictionaries(WORDS, JSON | st.lists(st.dictionaries(WORDS, JSON, max_size=3), max_size=2), max_size=3)
BODIES = st.binary() | (JSON | ALIKE | st.lists(ALIKE, max_size=2)).map(lambda data: json.dumps(data).encode())
ANSWERS = st.builds(
    Answer,
    st.just("http://gpu1:8000/v2"),
    st.integers(100, 599),
    st.dictionaries(st.sampled_from(["content-type", "server", "location"]), st.text()),
    BODIES,
)


class Canned:
    """A client that always gets the same answer."""

    endpoint = parse_url("http://gpu1:8000")
    timeout = 1.0

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def request(self, *_arguments: Any, **_options: Any) -> Answer:
        return self.answer

    def data(self, *_arguments: Any) -> Any:
        if self.answer.status != 200:
            raise failures.of_answer(self.answer)
        return client.parsed(self.answer)


@given(ANSWERS)
def test_a_refusal_has_a_kind_and_a_remedy_on_lines_of_bearable_length(answer: Answer) -> None:
    error = failures.of_answer(answer)
    assert error.kind and error.seen and error.remedy
    assert "\n" not in str(error) and str(error).isprintable()
    assert len(str(error)) < 2500


@given(ANSWERS.map(lambda answer: answer._replace(status=200)))
@pytest.mark.parametrize(
    "ask",
    [
        lambda api: api.metadata(),
        lambda api: by_model(api.index()),
        lambda api: api.config("a", "1"),
        lambda api: api.statistics(),
        lambda api: api.load("a", None, 1),
        lambda api: api.is_ready(),
    ],
)
def test_an_answer_is_read_or_refused(ask: Any, answer: Answer) -> None:
    with suppress(ServerError):
        ask(triton.Triton(Canned(answer)))


@given(messages())
def test_a_configuration_that_came_through_json_is_no_difference(data: Any) -> None:
    running = json.loads(json.dumps(data))
    assert differences(data, running) == []


@given(st.text())
def test_metrics_are_read_as_far_as_they_go(text: str) -> None:
    parse_metrics(text)


@given(st.text() | st.text().map(lambda text: "http://" + text) | st.text().map(lambda text: "https://a:80/" + text))
def test_a_url_is_one_that_can_be_asked_or_is_refused(url: str) -> None:
    try:
        endpoint = parse_url(url)
    except ServerError:
        return
    assert parse_url(endpoint.url("/v2")) == endpoint._replace(path=endpoint.path + "/v2")
    assert endpoint.url().isascii() and endpoint.url().isprintable() and " " not in endpoint.url()


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none()))
def test_a_header_cannot_become_two(headers: dict[str, Any]) -> None:
    try:
        checked = checked_headers(headers)
    except ServerError:
        return
    for name, value in checked.items():
        assert not set(name + value) & set("\r\n\0")
        value.encode("latin-1")
