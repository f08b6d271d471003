# SPDX-License-Identifier: GPL-3.0-or-later
"""Waivers: for a reason and until a day, in the policy or as a comment in the file."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config.backend import Backend
from ansible_collections.inference.triton.plugins.module_utils._model_config.backend_kinds import ModelFacts
from ansible_collections.inference.triton.plugins.module_utils._policy.match import (
    Match,
    QueryError,
    Subject,
    compile_query,
)
from ansible_collections.inference.triton.plugins.module_utils._policy.waivers import (
    Waiver,
    in_file,
    parse_day,
    that_counts,
    waivers_for,
)
from ansible_collections.inference.triton.plugins.module_utils._textproto.document import Document

TODAY = datetime.date(2026, 7, 1)
YESTERDAY = datetime.date(2026, 6, 30)


def waivers_of(text):
    return in_file(Document.parse(text.encode()))


# Days


@pytest.mark.parametrize(
    "data",
    ["2026-07-01", datetime.date(2026, 7, 1), datetime.datetime(2026, 7, 1, 12, 30)],
    ids=["text", "date", "time"],
)
def test_a_day_as_yaml_or_a_template_gives_it(data):
    assert parse_day(data) == TODAY


@pytest.mark.parametrize(
    "data", ["", "soon", "2026-7-1", "01.07.2026", "2026-07-01T00:00:00", 20260701, None, []], ids=repr
)
def test_what_is_no_day(data):
    with pytest.raises(ValueError, match="expected a day as YYYY-MM-DD, found "):
        parse_day(data)


@pytest.mark.parametrize("data", ["2026-02-29", "2026-13-01", "0000-01-01"])
def test_a_day_that_is_in_no_calendar(data):
    with pytest.raises(ValueError, match=f"there is no day {data}: "):
        parse_day(data)


def test_a_waiver_holds_on_its_last_day():
    assert not Waiver("", "r", TODAY).has_expired(TODAY)
    assert Waiver("", "r", YESTERDAY).has_expired(TODAY)
    assert not Waiver("", "r", None).has_expired(TODAY)


# In a file


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('# triton-policy: waive reason="no kernel"', Waiver("line 1", "no kernel", None), id="reason"),
        pytest.param(
            'name: "m"\n# triton-policy: waive reason="r" expires=2026-07-01\n', Waiver("line 2", "r", TODAY), id="day"
        ),
        pytest.param("#triton-policy:waive expires=2026-07-01 reason=r", Waiver("line 1", "r", TODAY), id="no blanks"),
        pytest.param("### triton-policy: waive reason='it is so'", Waiver("line 1", "it is so", None), id="quotes"),
        pytest.param("name: 'm' # triton-policy: waive reason=r", Waiver("line 1", "r", None), id="behind a field"),
        pytest.param("# a\r\n# triton-policy: waive reason=r\r\n", Waiver("line 2", "r", None), id="CRLF"),
        pytest.param("input [ { # triton-policy: waive reason=r\n } ]", Waiver("line 1", "r", None), id="inside"),
        pytest.param(
            '# triton-policy: waive reason="für \u00e4lteres \u2713"',
            Waiver("line 1", "für \u00e4lteres \u2713", None),
            id="unicode",
        ),
    ],
)
def test_a_comment_that_waives(text, expected):
    assert waivers_of(text) == ([expected], [])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# waive",
        "# see triton-policy: waive reason=r",
        'name: "# triton-policy: waive reason=r"',
        "name: 'a' '# triton-policy: waive reason=r'",
        "# Triton-Policy: waive reason=r",
    ],
    ids=["nothing", "no mark", "words before", "string", "second string", "letter case"],
)
def test_what_is_no_waiver(text):
    assert waivers_of(text) == ([], [])


def test_every_waiver_of_a_file_is_found():
    waivers = waivers_of("# triton-policy: waive reason=a\nname: 'x' # triton-policy: waive reason=b\n").waivers
    assert [(waiver.place, waiver.reason) for waiver in waivers] == [("line 1", "a"), ("line 2", "b")]


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        ("", "expected 'waive' after 'triton-policy:', found 'nothing'"),
        ("ignore", "expected 'waive' after 'triton-policy:', found 'ignore'"),
        ("waive", "a waiver needs a reason"),
        ('waive reason=""', "a waiver needs a reason"),
        ('waive reason=" "', "a waiver needs a reason"),
        ("waive no kernel", "expected reason=\"...\" and expires=..., once each, found 'no'"),
        ("waive reason=no kernel", "expected reason=\"...\" and expires=..., once each, found 'kernel'"),
        ("waive reason=a reason=b", "expected reason=\"...\" and expires=..., once each, found 'reason=b'"),
        (
            "waive reason=r until=2026-07-01",
            "expected reason=\"...\" and expires=..., once each, found 'until=2026-07-01'",
        ),
        ("waive reason=r expires=soon", "expected a day as YYYY-MM-DD, found 'soon'"),
        ("waive reason=r expires=", "expected a day as YYYY-MM-DD, found ''"),
        ("waive reason=it's", "a waiver has a quote that is not closed, or a backslash at its end"),
        ("waive reason=r \\", "a waiver has a quote that is not closed, or a backslash at its end"),
    ],
)
def test_a_comment_that_was_meant_to_waive_is_a_finding(comment, message):
    waivers, (finding,) = waivers_of(f"name: 'm'\n  # triton-policy: {comment}\n")
    assert waivers == []
    assert (finding.rule, finding.message, finding.line, finding.column) == ("waiver", message, 2, 3)
    assert finding.hint == 'Write: # triton-policy: waive reason="why" expires=YYYY-MM-DD'


# In a policy


def subject(**config):
    return Subject("/srv", "m", Backend("python", ""), ModelFacts(config))


def test_the_waivers_for_a_model():
    waivers = [Waiver(name, "r", None, Match((name,))) for name in ("m", "n", "*")]
    assert [waiver.place for waiver in waivers_for(waivers, subject())] == ["m", "*"]


def test_a_query_that_fails_names_its_waiver():
    waiver = Waiver("waivers[3]", "r", None, Match(query=compile_query("contains(missing, 'x')")))
    with pytest.raises(QueryError, match=r"^the query of waivers\[3\], \"contains\(missing, 'x'\)\" fails: "):
        waivers_for([waiver], subject())


@pytest.mark.parametrize(
    ("days", "counts"),
    [
        ([], None),
        ([None], 0),
        ([YESTERDAY], 0),
        ([YESTERDAY, TODAY], 1),
        ([TODAY, YESTERDAY], 0),
        ([YESTERDAY, YESTERDAY], 0),
    ],
    ids=["none", "endless", "expired", "the second holds", "the first holds", "both expired"],
)
def test_the_first_waiver_that_holds_counts_else_the_first_that_has_expired(days, counts):
    waivers = [Waiver(str(number), "r", day) for number, day in enumerate(days)]
    assert that_counts(waivers, TODAY) == (None if counts is None else waivers[counts])
