# SPDX-License-Identifier: GPL-3.0-or-later
"""A change to one configuration, planned on the text and on the data."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config import change, second_opinion
from ansible_collections.inference.triton.plugins.module_utils._model_config.findings import ConfigError

MODEL = b"""\
# the ranker
name: "ranker"   # as its directory
max_batch_size: 8
instance_group [
  {
    count: 2
  }
]
parameters { key: "threads" value { string_value: "4" } }
"""


def merge(text, config, lists="merge", remove=()):
    return change.merge(change.parse(text), config, lists, remove)


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        (b"name 'a'", ["missing-colon"]),
        (b"\xef\xbb\xbfname: 'a'", ["byte-order-mark"]),
        (b"name: 'a\0'", ["nul-byte"]),
        (b"\x7fELF\x02\x01\x01", ["bad-character"]),
        (b"foo: 1 bar: 2", ["unknown-field", "unknown-field"]),
    ],
    ids=["syntax", "byte order mark", "NUL", "binary", "schema"],
)
def test_a_file_that_triton_would_refuse_is_not_parsed(text, rules):
    with pytest.raises(change.InvalidConfigError) as raised:
        change.parse(text)
    assert [finding.rule for finding in raised.value.findings] == rules


def test_the_findings_are_shown_one_after_the_other():
    with pytest.raises(change.InvalidConfigError) as raised:
        change.parse(b"foo: 1\nbar: 2\n")
    assert raised.value.show("f.pbtxt") == (
        "f.pbtxt:1:1: ModelConfig has no field 'foo'. [unknown-field]\nfoo: 1\n^\n"
        "Correct its name, or remove it.\n"
        "f.pbtxt:2:1: ModelConfig has no field 'bar'. [unknown-field]\nbar: 2\n^\n"
        "Correct its name, or remove it."
    )


@pytest.mark.parametrize("text", [b"", b"# nothing here yet\n", b"\n\n"])
def test_an_empty_file_is_a_configuration(text):
    assert change.parse(text).data == {}


def test_a_merge_changes_what_it_names_and_nothing_else():
    planned = merge(MODEL, {"instance_group": [{"kind": "KIND_GPU"}], "max_batch_size": 16})
    assert planned.text == MODEL.replace(b"    count: 2\n", b"    count: 2\n    kind: KIND_GPU\n").replace(
        b" 8\n", b" 16\n"
    )
    assert planned.after["instance_group"] == [{"count": 2, "kind": "KIND_GPU"}]
    assert planned.before["max_batch_size"] == 8


def test_a_merge_of_what_is_there_already_changes_nothing():
    planned = merge(MODEL, {"name": "ranker", "parameters": {"threads": {"string_value": "4"}}})
    assert planned.text == MODEL
    assert planned.reload_impact == "none"
    assert planned.checked_by is None, "there is no new text to be checked"


@pytest.mark.parametrize(
    ("config", "impact"),
    [
        ({"instance_group": [{"kind": "KIND_GPU"}]}, "instance_update"),
        ({"max_batch_size": 16}, "full_reload"),
    ],
)
def test_a_change_says_what_it_costs(config, impact):
    assert merge(MODEL, config).reload_impact == impact


def test_fields_are_removed_before_the_rest_is_merged():
    planned = merge(MODEL, {"parameters": {"streams": {"string_value": "1"}}}, remove=["parameters", "max_batch_size"])
    assert planned.after["parameters"] == {"streams": {"string_value": "1"}}
    assert "max_batch_size" not in planned.after


def test_removing_what_is_merged_again_settles():
    wanted = {"dynamic_batching": {"preferred_batch_size": [4]}}
    first = merge(MODEL, wanted, remove=["dynamic_batching"])
    second = merge(first.text, wanted, remove=["dynamic_batching"])
    assert second.text == first.text


@pytest.mark.parametrize(
    ("lists", "groups"),
    [
        ("merge", [{"kind": "KIND_CPU", "count": 1}, {"count": 3}]),
        ("replace", [{"kind": "KIND_CPU"}]),
    ],
)
def test_a_list_is_merged_by_position_or_replaced_whole(lists, groups):
    text = b"instance_group [ { count: 1 }, { count: 3 } ]\n"
    assert merge(text, {"instance_group": [{"kind": "KIND_CPU"}]}, lists).after == {"instance_group": groups}


@pytest.mark.parametrize("lists", ["merge", "replace"])
@pytest.mark.parametrize(
    "config",
    [
        {"instance_group": [{"kind": "KIND_GPU", "gpus": []}]},
        {"instance_group": [{"kind": "KIND_GPU", "rate_limiter": {"resources": []}}]},
        {"optimization": {"execution_accelerators": {"gpu_execution_accelerator": [{"name": "x", "parameters": {}}]}}},
        {"input": []},
        {"parameters": {}},
        {"dynamic_batching": {}},
    ],
    ids=["list", "list below", "map", "top list", "top map", "message"],
)
@pytest.mark.parametrize(
    "text", [b"", MODEL, b"instance_group [ { gpus: [] } ]\ninput: []\n"], ids=["no", "a", "empty lists"]
)
def test_empty_values_can_be_asked_for(text, config, lists):
    planned = merge(text, config, lists)
    assert merge(planned.text, config, lists).text == planned.text


@pytest.mark.parametrize(
    ("text", "config", "field", "beside"),
    [
        (b"dynamic_batching { }\n", {"sequence_batching": {}}, "sequence_batching", "dynamic_batching"),
        (b"version_policy { latest { } }\n", {"version_policy": {"all": {}}}, "version_policy.all", "latest"),
        (
            b"sequence_batching { direct { } }\n",
            {"sequence_batching": {"oldest": {}}},
            "sequence_batching.oldest",
            "direct",
        ),
    ],
    ids=["at the top", "below", "far below"],
)
def test_the_other_member_of_a_oneof_in_the_file_is_an_error_of_the_request(text, config, field, beside):
    with pytest.raises(ConfigError) as raised:
        merge(text, config)
    (problem,) = raised.value.problems
    assert field.rpartition(".")[2] in problem
    assert beside in problem


def test_what_is_taken_away_and_put_back_the_same_stays_where_it_is():
    wanted = {"dynamic_batching": {}, "max_batch_size": 8}
    first = merge(b"dynamic_batching {}\n", wanted, remove=["dynamic_batching"])
    assert first.text == b"dynamic_batching {}\nmax_batch_size: 8\n"
    assert merge(first.text, wanted, remove=["dynamic_batching"]).text == first.text


def test_the_other_member_of_a_oneof_can_be_removed_in_the_same_change():
    planned = merge(b"dynamic_batching { }\n", {"sequence_batching": {}}, remove=["dynamic_batching"])
    assert planned.after == {"sequence_batching": {}}


def test_a_request_that_does_not_fit_the_schema_is_an_error():
    with pytest.raises(ConfigError, match="max_batch: ModelConfig has no such field"):
        merge(MODEL, {"max_batch": 1})


def test_minus_zero_is_zero():
    text = b"sequence_batching { direct { minimum_slot_utilization: 0 } }\n"
    wanted = {"sequence_batching": {"direct": {"minimum_slot_utilization": -0.0}}}
    planned = merge(text, wanted)
    assert planned.after["sequence_batching"]["direct"]["minimum_slot_utilization"] == 0


def test_a_map_entry_without_a_key_has_the_default_for_its_key():
    text = b"dynamic_batching { priority_queue_policy { value { max_queue_size: 1 } } }\n"
    planned = merge(text, {"dynamic_batching": {"priority_queue_policy": {"0": {"timeout_action": "DELAY"}}}})
    (policy,) = planned.after["dynamic_batching"]["priority_queue_policy"].values()
    assert policy["timeout_action"] == "DELAY"


def rewrite(text, groups, config=(), lists="merge", remove=()):
    return change.rewrite(change.parse(text), groups, dict(config), lists, remove)


def test_rewrite_leaves_exactly_the_groups():
    planned = rewrite(MODEL, [{"kind": "KIND_GPU", "count": 1}])
    assert planned.after == {**planned.before, "instance_group": [{"count": 1, "kind": "KIND_GPU"}]}
    assert planned.text.startswith(b'# the ranker\nname: "ranker"   # as its directory\nmax_batch_size: 8\n')


@pytest.mark.parametrize(
    "text",
    [
        b"instance_group { count: 1 }\ninstance_group [ { count: 2 }, < kind: 2 > ]\ninstance_group: { }",
        b"instance_group [ ]",
        b"instance_group: [\r\n  {\r\n    gpus: [ ]\r\n  }\r\n]\r\n",
        b"instance_group{count:1}instance_group{count:2};",
        b'name:"m"instance_group[{kind:KIND_CPU,count:1}]parameters{key:"a"value{string_value:"b"}}',
        b'instance_group { # one\n  count: 1 # two\n} # three\n# four\nname: "x"',
    ],
    ids=["mixed forms", "empty list", "CRLF", "blocks on a line", "no blanks", "comments"],
)
@pytest.mark.parametrize(
    "groups",
    [
        [{"kind": "KIND_GPU"}],
        [{"kind": "KIND_GPU", "count": 1, "gpus": [0, 1]}, {"kind": "KIND_CPU"}],
        [{"kind": "KIND_CPU", "rate_limiter": {"resources": [{"name": "R", "count": 2}], "priority": 1}}] * 5,
    ],
    ids=["one", "two", "five"],
)
def test_rewrite_reads_back_from_any_form_of_text(text, groups):
    planned = rewrite(text, groups)
    assert planned.after == {**planned.before, "instance_group": groups}
    assert rewrite(planned.text, groups).text == planned.text


def test_rewrite_merges_the_rest_and_takes_fields_away_before():
    planned = rewrite(
        b"dynamic_batching { }\n", [{"kind": "KIND_CPU"}], {"sequence_batching": {}}, "merge", ["dynamic_batching"]
    )
    assert planned.after == {"instance_group": [{"kind": "KIND_CPU"}], "sequence_batching": {}}
    assert planned.changed_fields() == ["dynamic_batching", "instance_group", "sequence_batching"]


def test_a_disagreeing_protobuf_stops_the_change(monkeypatch):
    def disagree(before, after):
        raise second_opinion.DisagreementError("no")

    monkeypatch.setattr(change, "check", disagree)
    with pytest.raises(second_opinion.DisagreementError):
        merge(MODEL, {"max_batch_size": 1})


def test_bytes_that_are_not_utf8_survive():
    text = b'# caf\xe9\nname: "\xff"\n'
    assert merge(text, {"max_batch_size": 1}).text == text + b"max_batch_size: 1\n"
