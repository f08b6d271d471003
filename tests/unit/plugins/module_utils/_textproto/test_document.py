# SPDX-License-Identifier: GPL-3.0-or-later
"""A document: what it holds, what an edit means, and what it refuses. How an edit is written is in test_edit."""

from __future__ import annotations

import time

import pytest
from ansible_collections.inference.triton.plugins.module_utils._textproto.document import Document
from ansible_collections.inference.triton.plugins.module_utils._textproto.errors import EditError, TextProtoError
from ansible_collections.inference.triton.plugins.module_utils._textproto.values import Identifier, Map

GPU = Identifier("KIND_GPU", 1)


class TestBytes:
    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(b"", id="empty"),
            pytest.param(b"x: 1", id="no final newline"),
            pytest.param(b"x: 1\r\ny: 2\n", id="mixed line ends"),
            pytest.param(b" \t\v\f\r\n# c\n\n", id="blanks and comments"),
            pytest.param("x: '\u00e4\u2028' # \U0001f389\n".encode(), id="UTF-8"),
            pytest.param(b'x: "\xff\xc3" # \xfe\xe2\x82\n', id="not UTF-8"),
            pytest.param(b'x: "\xed\xa0\x80"', id="an encoded surrogate"),
            pytest.param(b'x: "\xc0\x80\xf5"', id="overlong UTF-8"),
        ],
    )
    def test_come_back_as_they_were(self, data):
        assert Document.parse(data).to_bytes() == data

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(b"\xef\xbb\xbfx: 1", id="byte order mark"),
            pytest.param("x: 1".encode("utf-16"), id="UTF-16"),
            pytest.param("x: 1".encode("utf-16-be"), id="UTF-16 without its mark"),
            pytest.param(b"x: 1\0", id="NUL"),
            pytest.param(b"\xff: 1", id="not UTF-8 outside strings and comments"),
            pytest.param(bytes(range(256)), id="binary"),
        ],
    )
    def test_of_something_else_are_refused(self, data):
        with pytest.raises(TextProtoError):
            Document.parse(data)


TYPED = """\
s: "a" "b"
raw: "\\377"
i: 0x10
f: 1.5f
b: t
w: KIND_GPU
list: [1, 2]
list: 3
m { i: 1 m { i: 2 } }
m [ { i: 3 }, { } ]
[e.x]: 4
empty: []
"""


class TestReading:
    @pytest.mark.parametrize(
        ("path", "string", "integer", "floating", "boolean", "identifier"),
        [
            (("s",), "ab", None, None, None, None),
            (("raw",), "\udcff", None, None, None, None),
            (("i",), None, 16, None, None, None),
            (("f",), None, None, 1.5, None, None),
            (("b",), None, None, None, True, "t"),
            (("w",), None, None, None, None, "KIND_GPU"),
            (("list", 0), None, 1, 1.0, True, None),
            (("list", 2), None, 3, 3.0, None, None),
            (("[e.x]",), None, 4, 4.0, None, None),
            (("m",), None, None, None, None, None),
            (("nothing",), None, None, None, None, None),
        ],
    )
    def test_typed_access(self, path, string, integer, floating, boolean, identifier):
        document = Document(TYPED)
        assert document.string(path) == string
        assert document.integer(path) == integer
        assert document.floating(path) == floating
        assert document.boolean(path) is boolean
        assert document.identifier(path) == identifier

    @pytest.mark.parametrize(
        ("path", "source"),
        [
            pytest.param(("s",), '"a" "b"', id="field"),
            pytest.param(("list", 1), "2", id="element of a list"),
            pytest.param(("list", 2), "3", id="elements count over all occurrences"),
            pytest.param(("list",), "3", id="without an index the last one"),
            pytest.param(("m", 0), "{ i: 1 m { i: 2 } }", id="message"),
            pytest.param(("m", 0, "m", "i"), "2", id="message in a message"),
            pytest.param(("m", 1, "i"), "3", id="message in a list"),
            pytest.param(("m",), "{ }", id="the last message"),
        ],
    )
    def test_find(self, path, source):
        document = Document(TYPED)
        assert document.source(document.find(path)) == source

    @pytest.mark.parametrize(
        "path",
        [("x",), ("list", 3), ("m", 3), ("m", 2, "i"), ("s", "x"), ("list", 0, "x"), ("empty",), ("empty", 0)],
        ids=str,
    )
    def test_find_nothing(self, path):
        assert Document(TYPED).find(path) is None

    def test_find_the_file_itself(self):
        document = Document(TYPED)
        assert document.find(()) is document.root

    def test_occurrences(self):
        document = Document(TYPED)
        occurrences = document.occurrences(document.root, "list")
        assert [document.source(item.node) for item in occurrences] == ["1", "2", "3"]
        assert [item.place for item in occurrences] == [0, 1, None]
        assert [document.source(item.field) for item in occurrences] == ["list: [1, 2]", "list: [1, 2]", "list: 3"]

    def test_position(self):
        document = Document("# c\n  x: [1,\n\t2]")
        assert document.position(document.find(("x", 0))) == (2, 7)
        assert document.position(document.find(("x", 1))) == (3, 2)


def test_an_edit_leaves_the_document_as_it_was():
    document = Document("x: 1\n")
    document.set(("x",), 2)
    document.remove(("x",))
    assert document.text == "x: 1\n"


class TestSet:
    @pytest.mark.parametrize(
        ("text", "path", "value"),
        [
            pytest.param("x: 0x8", ("x",), 8, id="number"),
            pytest.param("x: - 010", ("x",), -8, id="negative number"),
            pytest.param("x: 'a' \"b\"", ("x",), "ab", id="string"),
            pytest.param("x: t", ("x",), True, id="truth"),
            pytest.param("x: 1.50f", ("x",), 1.5, id="float"),
            pytest.param("x: 0x1", ("x",), GPU, id="word as a number"),
            pytest.param("x: [ 1 ] x: 2", ("x",), [1, 2], id="list"),
            pytest.param("x: [ ]", ("x",), [], id="empty list"),
            pytest.param("x < b: 2, a: 1 >", ("x",), {"a": 1, "b": 2}, id="message"),
            pytest.param("x [ { a: 1 } ] x { }", ("x",), [{"a": 1}, {}], id="list of messages"),
            pytest.param("x { a: 1 }", ("x", 0), {"a": 1}, id="element"),
            pytest.param('x [{ value: 1 key: "a" }]', ("x",), Map({"a": 1}), id="map"),
            pytest.param('x { value: 1 } x { key: "b" }', ("x",), Map({"b": {}, "": 1}), id="map with defaults"),
        ],
    )
    def test_what_means_the_same_stays_as_it_is_written(self, text, path, value):
        assert Document(text).set(path, value).text == text

    @pytest.mark.parametrize(
        ("text", "path", "value", "after"),
        [
            pytest.param("x { a: 1 b: 2 }", ("x",), {"b": 3}, "x { b: 3 }", id="message"),
            pytest.param("x { a: 1 }", ("x",), {}, "x { }", id="empty message"),
            pytest.param(
                "x { a { b: 1 c: 2 } }", ("x",), {"a": {"c": 2}}, "x { a { c: 2 } }", id="message in a message"
            ),
            pytest.param("x: [1, 2, 3]", ("x",), [1, 4], "x: [1, 4]", id="shorter list"),
            pytest.param("x: [1]", ("x",), [1, 2, 3], "x: [1, 2, 3]", id="longer list"),
            pytest.param("x: [1, 2] x: 3", ("x",), [4], "x: [4]", id="mixed forms"),
            pytest.param("a: 1 x: [1, 2]", ("x",), [], "a: 1", id="no element"),
            pytest.param("x [ { a: 1 b: 2 } ]", ("x",), [{"a": 1}], "x [ { a: 1 } ]", id="list of messages"),
            pytest.param("x [ { a: 1 b: 2 } ]", ("x", 0), {"a": 3}, "x [ { a: 3 } ]", id="element"),
            pytest.param("x [ { a: 1 } ]", ("x", 1), {"a": 2}, "x [ { a: 1 }, { a: 2 } ]", id="one past the last"),
            pytest.param("x: 1", ("x", 1), 2, "x: 1\nx: 2", id="one past the last, repeated field"),
            pytest.param("x { }", ("x", "y", "z"), 1, "x { y { z: 1 } }", id="messages on the way"),
            pytest.param("x [ { } ]", ("x", 0, "y"), 1, "x [ { y: 1 } ]", id="in an element"),
            pytest.param(
                "x [ { }, { } ]", ("x", "y"), 1, "x [ { }, { y: 1 } ]", id="without an index in the last element"
            ),
        ],
    )
    def test_exactly_the_value(self, text, path, value, after):
        assert Document(text).set(path, value).text == after

    def test_a_map_exactly(self):
        before = 'm { key: "a" value: 1 }\nm { key: "b" value: 2 }\nz: 0\n'
        after = 'm { key: "b" value: 3 }\nm { key: "c" value: 4 }\nz: 0\n'
        assert Document(before).set(("m",), Map({"b": 3, "c": 4})).text == after

    def test_a_map_with_other_keys_stays_in_its_place(self):
        before = 'm { key: "a" value: 1 }\nz: 0\n'
        assert Document(before).set(("m",), Map({"b": 2})).text == 'm { key: "b" value: 2 }\nz: 0\n'

    @pytest.mark.parametrize(
        ("text", "path", "value"),
        [
            pytest.param("x { }", ("x",), 1, id="scalar where a message is"),
            pytest.param("x: 1", ("x",), {}, id="message where a scalar is"),
            pytest.param("x: 1", ("x", "y"), 1, id="field of a scalar"),
            pytest.param("x: 1", ("x", 2), 1, id="two past the last"),
            pytest.param("", ("x", 1), 1, id="one past the first of nothing"),
        ],
    )
    def test_refused(self, text, path, value):
        with pytest.raises(EditError):
            Document(text).set(path, value)


class TestReplace:
    def test_what_is_there(self):
        assert Document("x: 1").replace(("x",), 2).text == "x: 2"

    @pytest.mark.parametrize(("text", "path"), [("", ("x",)), ("x: 1", ("x", 1)), ("x { }", ("x", "y"))])
    def test_nothing_there(self, text, path):
        with pytest.raises(EditError):
            Document(text).replace(path, 2)


class TestInsert:
    @pytest.mark.parametrize(
        ("text", "path"),
        [
            pytest.param("x: 1", ("x", 2), id="beyond the end"),
            pytest.param("", ("x", 1), id="beyond nothing"),
            pytest.param("x: 1", ("x",), id="no index"),
            pytest.param("x: 1", ("y", "x", 0), id="no message"),
            pytest.param("y: 1", ("y", "x", 0), id="scalar for a message"),
        ],
    )
    def test_refused(self, text, path):
        with pytest.raises(EditError):
            Document(text).insert(path, 1)


class TestRemove:
    @pytest.mark.parametrize("path", [("y",), ("x", 1), ("x", "y"), ("m", "y"), ("m", 1, "x"), ()], ids=str)
    def test_nothing_there(self, path):
        with pytest.raises(EditError):
            Document("x: 1 m { x: 1 }").remove(path)

    def test_an_empty_list(self):
        assert Document("a: 1\nx: []\n").remove(("x",)).text == "a: 1\n"

    def test_a_list_with_an_empty_one_beside_it(self):
        assert Document("x: [] a: 1 x: [2]").remove(("x",)).text == "a: 1"


CONFIG = """\
name: "a"  # the name
input [
  {
    name: "IN"  # the input
    dims: [ 3, 224 ]
  }
]
parameters { key: "p" value { string_value: "1" } }
"""


class TestMerge:
    def test_names_only_what_changes(self):
        new = Document(CONFIG).merge({"name": "b", "max_batch_size": 8})
        assert new.text == CONFIG.replace('"a"', '"b"') + "max_batch_size: 8\n"

    def test_messages_by_field(self):
        new = Document("m { a: 1 n { b: 2 } }").merge({"m": {"c": 3, "n": {"b": 4}}})
        assert new.text == "m { a: 1 n { b: 4 } c: 3 }"

    @pytest.mark.parametrize(
        ("values", "lists", "after"),
        [
            pytest.param([{"b": 3}], "merge", "x [ { a: 1 b: 3 }, { a: 2 } ]", id="merge element into element"),
            pytest.param([{}, {}, {"a": 3}], "merge", "x [ { a: 1 }, { a: 2 }, { a: 3 } ]", id="merge, one more"),
            pytest.param([], "merge", "x [ { a: 1 }, { a: 2 } ]", id="merge nothing"),
            pytest.param([{"b": 3}], "replace", "x [ { b: 3 } ]", id="replace by fewer"),
            pytest.param([{"a": 1}, {"b": 2}], "replace", "x [ { a: 1 }, { b: 2 } ]", id="replace by as many"),
            pytest.param([], "replace", "", id="replace by nothing"),
        ],
    )
    def test_lists_of_messages(self, values, lists, after):
        assert Document("x [ { a: 1 }, { a: 2 } ]").merge({"x": values}, lists).text == after

    @pytest.mark.parametrize(
        ("values", "lists", "after"),
        [
            pytest.param([8], "merge", "x: [8, 2]", id="merge"),
            pytest.param([8, 2, 3], "merge", "x: [8, 2, 3]", id="merge, one more"),
            pytest.param([8], "replace", "x: [8]", id="replace"),
        ],
    )
    def test_lists_of_scalars(self, values, lists, after):
        assert Document("x: [1, 2]").merge({"x": values}, lists).text == after

    def test_lists_in_lists_are_replaced_too(self):
        new = Document(CONFIG).merge({"input": [{"name": "IN", "dims": [1]}]}, "replace")
        assert new.text == CONFIG.replace("[ 3, 224 ]", "[ 1 ]")

    def test_maps_by_key(self):
        new = Document(CONFIG).merge({"parameters": Map({"q": {"string_value": "2"}, "p": {"string_value": "3"}})})
        assert new.text == CONFIG.replace('"1"', '"3"') + 'parameters { key: "q" value { string_value: "2" } }\n'

    def test_maps_by_key_whatever_the_lists(self):
        new = Document(CONFIG).merge({"parameters": Map({"q": {}})}, "replace")
        assert new.text == CONFIG + 'parameters { key: "q" value { } }\n'

    @pytest.mark.parametrize(
        ("text", "values", "after"),
        [
            pytest.param('m [{ key: "a" value: 1 }]', {"a": 2}, 'm [{ key: "a" value: 2 }]', id="list"),
            pytest.param("m { key: 0x1 value: 1 }", {1: 2}, "m { key: 0x1 value: 2 }", id="key in another spelling"),
            pytest.param("m { value: 1 }", {"": 2}, "m { value: 2 }", id="no key is the empty one"),
            pytest.param("m { value: 1 }", {0: 2}, "m { value: 2 }", id="no key is zero"),
            pytest.param('m { key: "a" }', {"a": 2}, 'm { key: "a" value: 2 }', id="no value"),
            pytest.param('m { key: "a" }', {"a": {}}, 'm { key: "a" }', id="no value is the empty one"),
            pytest.param('m { key: "a" value: A }', {"a": GPU}, 'm { key: "a" value: KIND_GPU }', id="word"),
            pytest.param(
                'm { key: "a" value: 1 } m { key: "a" value: 2 }',
                {"a": 3},
                'm { key: "a" value: 1 } m { key: "a" value: 3 }',
                id="the last of two entries counts",
            ),
        ],
    )
    def test_entries_of_maps(self, text, values, after):
        assert Document(text).merge({"m": Map(values)}).text == after

    def test_at_a_path(self):
        assert Document("m { a: 1 }").merge({"b": 2}, path=("m",)).text == "m { a: 1 b: 2 }"

    def test_twice_is_once(self):
        values = {
            "input": [{"dims": [1], "optional": True}],
            "instance_group": [{"kind": GPU}],
            "parameters": Map({"q": {}}),
        }
        once = Document(CONFIG).merge(values)
        assert once.merge(values).text == once.text


def test_a_large_map_is_merged_quickly():
    document = Document("".join(f'm {{ key: "{number}" value: {number} }}\n' for number in range(300)))
    start = time.process_time()
    assert document.merge({"m": Map({str(number): number for number in range(300)})}).text == document.text
    assert time.process_time() - start < 30


def test_deep_documents_can_be_edited():
    depth = 100_000
    document = Document("x{" * depth + "}" * depth)
    assert document.set(("y",), 1).text == document.text + "\ny: 1"
