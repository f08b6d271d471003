# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts at the edge of the language: every kind of field with every kind of value, right or just not right."""

from __future__ import annotations

import re

from hypothesis import strategies as st

# Fields of each type, singular and repeated, with what is around them.
_FIELDS = [
    "%s",
    "max_batch_size%s",
    "name%s",
    "name: 'a' name%s",
    "name: '' name%s",
    "instance_group { kind%s }",
    "instance_group { count%s }",
    "instance_group { count: 0 count%s }",
    "instance_group { gpus%s }",
    "instance_group { gpus: 1 gpus%s }",
    "instance_group { passive%s }",
    "instance_group { profile%s }",
    "instance_group { rate_limiter { resources { global%s } } }",
    "input { dims%s }",
    "input [ { data_type%s } ]",
    "input%s",
    "version_policy { latest { num_versions%s } }",
    "version_policy { latest%s }",
    "version_policy { specific { versions%s } }",
    "version_policy%s",
    "dynamic_batching { max_queue_delay_microseconds%s }",
    "dynamic_batching { priority_queue_policy { key%s value { } } }",
    "dynamic_batching { priority_queue_policy { key: 1 value%s } }",
    "dynamic_batching%s",
    "sequence_batching { direct { } } dynamic_batching%s",
    "sequence_batching { oldest { } direct%s }",
    "sequence_batching { direct { minimum_slot_utilization%s } }",
    "sequence_batching { control_input { control { fp32_false_true%s } } }",
    "cc_model_filenames%s",
    "cc_model_filenames { key%s value: 'a' }",
    "cc_model_filenames { key: 'a' value%s }",
    "parameters%s",
    "parameters [ { key: 'a' }, { value%s } ]",
    "optimization { priority%s }",
    "model_warmup { inputs { value { zero_data%s } } }",
    "model_warmup { inputs { value { zero_data: false random_data%s } } }",
    "ensemble_scheduling { step { model_version%s } }",
    "ensemble_scheduling { step { input_map%s } }",
]
_WORDS = re.findall(
    r"\S+",
    r"""
    0 1 2 -1 -0 00 01 08 010 0x0 0x1 0X1F 0x 0xg -0x80000000 0x7fffffff 0x80000000 2147483647 2147483648 -2147483648
    -2147483649 4294967295 4294967296 9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809
    18446744073709551615 18446744073709551616 99999999999999999999 01777777777777777777777 02000000000000000000000
    0xffffffffffffffff 0x10000000000000000 +1 1_000 0b1 0o7 1a -- --1
    1.0 1. .5 . 1e3 1e 1E+5 1e-400 1e400 3.5e38 1f 1.5F 0f 1ff 08f 0x1f inf -inf Infinity nan -nan infinity INF inff
    1.2.3 true True TRUE t f false False yes on T F KIND_GPU KIND_AUTO kind_gpu KIND_XPU TYPE_FP32 TYPE_INVALID
    PRIORITY_MAX 999 -5 name input max_batch_size: max_batch_size:1 [a.b] [a.b/c.d]
    '' "" 'a' "a" 'b' "\n" "\101" "\x41" "\X41" "\u00e4" "\ud83c\udf89" "\ud83c" "\U0001f389" "\U00110000" "\U00200000"
    "\400" "\8" "\?" "\d" "\" '\'' '#' "KIND_GPU" "1" "a
    { } {} < > [ ] [] [,] [1] [1,2] [1,] [1;2] ["a","b"] ["a""b"] [true] [KIND_GPU] [{}] [{},{}] [{}{}] [{},1] [1,{}]
    [[1]] {key:"a"} {key:'a'value:"b"} {key:1} {value:"b"} [{key:"a"},{key:"a"}] {key:"a"key:"b"} {key:""key:"b"}
    {zero{}} {all{}} {latest{}all{}} {all{}all{}} {all:[]latest{}} [{all{}}] {specific:{versions:[1,2]versions:3}}
    ${x} {{x}} # : :: = , ; / // /* */
    """,
)
_SPACED = ["- 1", "-\n1", "-#c\n1", "- inf", '"\t"', '"\r"', '"\n"', '"\0"', '"\udcff"']
_CHARACTERS = ["\ufeff", "\u00a0", "\u201ca\u201d", "\udcff", "\0", "\v", "\f", "\x1c", "\x7f"]
# The first ones are the most likely.
_COLONS = [": "] * 12 + [":", " ", "", "\n:\n", ":#c\n", " :"]
_SEPARATORS = [""] * 12 + [",", ";", "\n", ", ,", ",;", " # c\n", "#", "\r", "\r\n"]
_literals = st.sampled_from([*_WORDS, *_SPACED, *_CHARACTERS])
_values = st.tuples(st.sampled_from(_COLONS), _literals, st.sampled_from(_SEPARATORS)).map("".join)
_fields = st.builds(str.replace, st.sampled_from(_FIELDS), st.just("%s"), _values)


def odd_documents() -> st.SearchStrategy[str]:
    """One or two fields, with values that they may or may not have."""
    return st.lists(_fields, min_size=1, max_size=2).map("\n".join)
