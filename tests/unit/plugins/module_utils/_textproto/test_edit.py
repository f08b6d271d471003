# SPDX-License-Identifier: GPL-3.0-or-later
"""What an edit writes, to the character, in the styles that people use. Each case is the text before and after."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._textproto.document import Document
from ansible_collections.inference.triton.plugins.module_utils._textproto.values import Identifier, Map

GPU = Identifier("KIND_GPU", 1)


class TestSetScalar:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            pytest.param("x: 1\n", "x: 8\n", id="conventional"),
            pytest.param("x:1\n", "x:8\n", id="tight colon"),
            pytest.param("x  :\t1\n", "x  :\t8\n", id="blanks around the colon"),
            pytest.param("x:\n  # why\n  1\n", "x:\n  # why\n  8\n", id="value on its own line"),
            pytest.param("x: 1", "x: 8", id="no final newline"),
            pytest.param("x: 1,\ny: 2,\n", "x: 8,\ny: 2,\n", id="commas"),
            pytest.param("x: 1;y: 2", "x: 8;y: 2", id="semicolons"),
            pytest.param("x: 1  # why\n", "x: 8  # why\n", id="trailing comment"),
            pytest.param("x: 1\r\ny: 2\r\n", "x: 8\r\ny: 2\r\n", id="CRLF"),
            pytest.param("\tx: 1 \t\n", "\tx: 8 \t\n", id="tabs and trailing blanks"),
            pytest.param("a { } x: 1 b { }", "a { } x: 8 b { }", id="one-line file"),
            pytest.param("x: - 0x1\n", "x: 8\n", id="negative hexadecimal"),
            pytest.param("x: 0 x: 1\n", "x: 0 x: 8\n", id="given twice: the last one counts"),
        ],
    )
    def test_number(self, before, after):
        assert Document(before).set(("x",), 8).text == after

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            pytest.param('x: "a"\n', 'x: "b"\n', id="double quotes"),
            pytest.param("x: 'a'\ny: \"c\"\n", "x: 'b'\ny: \"c\"\n", id="single quotes"),
            pytest.param("x: 'a' \"c\"\n", "x: 'b'\n", id="adjacent strings"),
            pytest.param('x: "a"\n   "c"  # why\n', 'x: "b"  # why\n', id="adjacent strings on two lines"),
        ],
    )
    def test_string(self, before, after):
        assert Document(before).set(("x",), "b").text == after

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            pytest.param("x [ { k: KIND_CPU } ]", "x [ { k: KIND_GPU } ]", id="list"),
            pytest.param("x {\n  k: KIND_CPU # why\n}\n", "x {\n  k: KIND_GPU # why\n}\n", id="block"),
            pytest.param("x < k: 2 >", "x < k: KIND_GPU >", id="number in angle brackets"),
        ],
    )
    def test_word_in_a_message(self, before, after):
        assert Document(before).set(("x", 0, "k"), GPU).text == after

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            pytest.param("x: [1, 2, 3]", "x: [1, 8, 3]", id="list"),
            pytest.param(
                "x: [\n  1,\n  2, # two\n  3\n]", "x: [\n  1,\n  8, # two\n  3\n]", id="list on several lines"
            ),
            pytest.param("x: 1\nx: 2\nx: 3\n", "x: 1\nx: 8\nx: 3\n", id="repeated fields"),
            pytest.param("x: 1 x: [2, 3]", "x: 1 x: [8, 3]", id="both mixed"),
        ],
    )
    def test_element(self, before, after):
        assert Document(before).set(("x", 1), 8).text == after

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            pytest.param('x: "a"y: 1', "x: 8 y: 1", id="a word follows"),
            pytest.param('x: "a"[e]: 1', "x: 8[e]: 1", id="an extension follows"),
        ],
    )
    def test_tokens_stay_apart(self, before, after):
        assert Document(before).set(("x",), 8).text == after


class TestAppendField:
    """A field that is not there yet goes behind all others."""

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            pytest.param("", "x: 8\n", id="empty file"),
            pytest.param("\n", "\nx: 8\n", id="blank file"),
            pytest.param("# c\n", "# c\nx: 8\n", id="comment-only file"),
            pytest.param("# c", "# c\nx: 8", id="comment-only file, no final newline"),
            pytest.param("# c\r\n", "# c\r\nx: 8\r\n", id="comment-only file, CRLF"),
            pytest.param("# c\r\n# d", "# c\r\n# d\r\nx: 8", id="comment-only file, CRLF, no final newline"),
            pytest.param("a: 1\n", "a: 1\nx: 8\n", id="conventional"),
            pytest.param("a: 1", "a: 1\nx: 8", id="no final newline"),
            pytest.param("a: 1\r\n", "a: 1\r\nx: 8\r\n", id="CRLF"),
            pytest.param("a: 1\r\nb: 2", "a: 1\r\nb: 2\r\nx: 8", id="CRLF, no final newline"),
            pytest.param("a:1\n", "a:1\nx:8\n", id="tight colon"),
            pytest.param("a : 1\n", "a : 1\nx : 8\n", id="blank before the colon"),
            pytest.param("a: 1,\nb: 2,\n", "a: 1,\nb: 2,\nx: 8,\n", id="commas"),
            pytest.param("a: 1,\nb: 2\n", "a: 1,\nb: 2,\nx: 8\n", id="commas between the fields"),
            pytest.param("a: 1;\n", "a: 1;\nx: 8;\n", id="semicolons"),
            pytest.param("a: 1  # why\n", "a: 1  # why\nx: 8\n", id="trailing comment"),
            pytest.param("a: 1,  # why\nb: 2  # why\n", "a: 1,  # why\nb: 2,  # why\nx: 8\n", id="commas and comments"),
            pytest.param("a: 1\n\n# the end\n", "a: 1\nx: 8\n\n# the end\n", id="comment behind the last field"),
            pytest.param("a: 1 \t\n", "a: 1 \t\nx: 8\n", id="trailing blanks"),
            pytest.param("  a: 1\n", "  a: 1\n  x: 8\n", id="indented file"),
            pytest.param("\ta: 1\n", "\ta: 1\n\tx: 8\n", id="file indented by tabs"),
            pytest.param("a: 1 b: 2\n", "a: 1 b: 2 x: 8\n", id="one-line file"),
            pytest.param("a: 1, b: 2", "a: 1, b: 2, x: 8", id="one-line file, commas"),
            pytest.param("a: 1; b: 2;", "a: 1; b: 2; x: 8;", id="one-line file, semicolons"),
            pytest.param("a: 1 b: 2 # why\n", "a: 1 b: 2 x: 8 # why\n", id="one-line file, comment"),
            pytest.param("a {\n}\n", "a {\n}\nx: 8\n", id="behind a message"),
            pytest.param("a [\n  { }\n]\n", "a [\n  { }\n]\nx: 8\n", id="behind a list"),
        ],
    )
    def test_scalar(self, before, after):
        assert Document(before).set(("x",), 8).text == after

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            pytest.param("a: 1\n", "a: 1\nx: [ 1, 2 ]\n", id="conventional"),
            pytest.param("a:1\n", "a:1\nx:[ 1, 2 ]\n", id="tight colon"),
            pytest.param("a: [3]\n", "a: [3]\nx: [1, 2]\n", id="no padding"),
        ],
    )
    def test_list_of_scalars(self, before, after):
        assert Document(before).set(("x",), [1, 2]).text == after

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            pytest.param("", "x [\n  {\n    k: KIND_GPU\n  }\n]\n", id="empty file"),
            pytest.param("a: 1\n", "a: 1\nx [\n  {\n    k: KIND_GPU\n  }\n]\n", id="no model for it"),
            pytest.param(
                "i [\n    {\n        n: 1\n    }\n]\n",
                "i [\n    {\n        n: 1\n    }\n]\nx [\n    {\n        k: KIND_GPU\n    }\n]\n",
                id="four blanks",
            ),
            pytest.param(
                "i: [\n\t{\n\t\tn:1\n\t}\n]\n",
                "i: [\n\t{\n\t\tn:1\n\t}\n]\nx: [\n\t{\n\t\tk:KIND_GPU\n\t}\n]\n",
                id="tabs, colons",
            ),
            pytest.param("i [{\n  n: 1\n}]\n", "i [{\n  n: 1\n}]\nx [{\n  k: KIND_GPU\n}]\n", id="hugging brackets"),
            pytest.param(
                "i {\n  n: 1\n}\ni {\n  n: 2\n}\n",
                "i {\n  n: 1\n}\ni {\n  n: 2\n}\nx {\n  k: KIND_GPU\n}\n",
                id="blocks",
            ),
            pytest.param(
                "i <\n  n: 1\n>\n", "i <\n  n: 1\n>\nx [\n  <\n    k: KIND_GPU\n  >\n]\n", id="angle brackets"
            ),
            pytest.param(
                "i [\r\n  {\r\n    n: 1\r\n  }\r\n]\r\n",
                "i [\r\n  {\r\n    n: 1\r\n  }\r\n]\r\nx [\r\n  {\r\n    k: KIND_GPU\r\n  }\r\n]\r\n",
                id="CRLF",
            ),
            pytest.param("a: 1 b: 2", "a: 1 b: 2 x [ { k: KIND_GPU } ]", id="one-line file"),
            pytest.param("a: 1,\n", "a: 1,\nx [\n  {\n    k: KIND_GPU\n  }\n],\n", id="commas"),
        ],
    )
    def test_list_of_messages(self, before, after):
        assert Document(before).set(("x",), [{"k": GPU}]).text == after

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            pytest.param("m { }\n", "m { x: 8 }\n", id="empty"),
            pytest.param("m {}\n", "m { x: 8 }\n", id="empty, no blank"),
            pytest.param("m {\n}\n", "m {\n  x: 8\n}\n", id="empty, two lines"),
            pytest.param("m {\n\n}\n", "m {\n\n  x: 8\n}\n", id="empty, three lines"),
            pytest.param("m { # c\n}\n", "m { # c\n  x: 8\n}\n", id="comment only"),
            pytest.param("m {\n  # c\n}\n", "m {\n  # c\n  x: 8\n}\n", id="comment only, own line"),
            pytest.param("m {\r\n}\r\n", "m {\r\n  x: 8\r\n}\r\n", id="empty, CRLF"),
            pytest.param("m < >\n", "m < x: 8 >\n", id="empty, angle brackets"),
            pytest.param("m { a: 1 }\n", "m { a: 1 x: 8 }\n", id="one line"),
            pytest.param("m {a:1}\n", "m {a:1 x:8}\n", id="one line, tight"),
            pytest.param("m { a: 1, }\n", "m { a: 1, x: 8, }\n", id="one line, comma"),
            pytest.param("m { a: 1, b: 2 }\n", "m { a: 1, b: 2, x: 8 }\n", id="one line, comma between"),
            pytest.param("m {\n    a: 1\n}\n", "m {\n    a: 1\n    x: 8\n}\n", id="several lines"),
            pytest.param("m {\n  a: 1;\n}\n", "m {\n  a: 1;\n  x: 8;\n}\n", id="several lines, semicolon"),
            pytest.param("m {\n  a: 1 # c\n}\n", "m {\n  a: 1 # c\n  x: 8\n}\n", id="several lines, comment"),
            pytest.param("m {\n  a: 1 }\n", "m {\n  a: 1\n  x: 8 }\n", id="bracket behind the last field"),
            pytest.param("m { a: 1\n}\n", "m { a: 1 x: 8\n}\n", id="field behind the bracket"),
            pytest.param("m\n{\n  a: 1\n}\n", "m\n{\n  a: 1\n  x: 8\n}\n", id="bracket on its own line"),
            pytest.param(
                "m {\n  n {\n    a: 1\n  }\n}\n", "m {\n  n {\n    a: 1\n  }\n  x: 8\n}\n", id="behind a message"
            ),
        ],
    )
    def test_in_a_message(self, before, after):
        assert Document(before).set(("m", "x"), 8).text == after

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            pytest.param("a: 1\n", "a: 1\nm { x: 8 }\n", id="one message"),
            pytest.param("a: 1\r\n", "a: 1\r\nm { x: 8 }\r\n", id="CRLF"),
            pytest.param("b: < >\n", "b: < >\nm: < x: 8 >\n", id="in the style of another message"),
        ],
    )
    def test_with_the_message_that_holds_it(self, before, after):
        assert Document(before).set(("m", "x"), 8).text == after

    def test_map(self):
        after = 'a: 1\nx {\n  key: "a"\n  value: "1"\n}\nx {\n  key: "b"\n  value: "2"\n}\n'
        assert Document("a: 1\n").merge({"x": Map({"a": "1", "b": "2"})}).text == after


class TestInsertScalar:
    """A new element 8 at index 0, in the middle (1) and at the end (2)."""

    @pytest.mark.parametrize(
        ("before", "first", "middle", "last"),
        [
            pytest.param("x: [1, 2]", "x: [8, 1, 2]", "x: [1, 8, 2]", "x: [1, 2, 8]", id="list"),
            pytest.param("x: [ 1, 2 ]", "x: [ 8, 1, 2 ]", "x: [ 1, 8, 2 ]", "x: [ 1, 2, 8 ]", id="list with padding"),
            pytest.param("x: [1,2]", "x: [8,1,2]", "x: [1,8,2]", "x: [1,2,8]", id="tight list"),
            pytest.param("x: [1 , 2]", "x: [8, 1 , 2]", "x: [1 , 8, 2]", "x: [1 , 2, 8]", id="blanks before commas"),
            pytest.param(
                "x: [\n  1,\n  2\n]\n",
                "x: [\n  8,\n  1,\n  2\n]\n",
                "x: [\n  1,\n  8,\n  2\n]\n",
                "x: [\n  1,\n  2,\n  8\n]\n",
                id="list on several lines",
            ),
            pytest.param(
                "x: [\n  1, # one\n  2 # two\n]\n",
                "x: [\n  8,\n  1, # one\n  2 # two\n]\n",
                "x: [\n  1, # one\n  8,\n  2 # two\n]\n",
                "x: [\n  1, # one\n  2, # two\n  8\n]\n",
                id="list with comments",
            ),
            pytest.param(
                "x: [\r\n\t1,\r\n\t2\r\n]\r\n",
                "x: [\r\n\t8,\r\n\t1,\r\n\t2\r\n]\r\n",
                "x: [\r\n\t1,\r\n\t8,\r\n\t2\r\n]\r\n",
                "x: [\r\n\t1,\r\n\t2,\r\n\t8\r\n]\r\n",
                id="list with CRLF and tabs",
            ),
            pytest.param(
                "x: [\n  1, 2\n]\n",
                "x: [\n  8,\n  1, 2\n]\n",
                "x: [\n  1, 8, 2\n]\n",
                "x: [\n  1, 2, 8\n]\n",
                id="several elements on a line",
            ),
            pytest.param(
                "x: 1\nx: 2\n", "x: 8\nx: 1\nx: 2\n", "x: 1\nx: 8\nx: 2\n", "x: 1\nx: 2\nx: 8\n", id="repeated fields"
            ),
            pytest.param(
                "x: 1 x: 2", "x: 8 x: 1 x: 2", "x: 1 x: 8 x: 2", "x: 1 x: 2 x: 8", id="repeated fields on a line"
            ),
            pytest.param(
                "x: 1,\nx: 2,\n",
                "x: 8,\nx: 1,\nx: 2,\n",
                "x: 1,\nx: 8,\nx: 2,\n",
                "x: 1,\nx: 2,\nx: 8,\n",
                id="with commas",
            ),
            pytest.param(
                "x: [1]\nx: 2\n", "x: [8, 1]\nx: 2\n", "x: [1]\nx: 8\nx: 2\n", "x: [1]\nx: 2\nx: 8\n", id="mixed"
            ),
            pytest.param(
                "x: 1 # one\na: 0\nx: 2 # two\n",
                "x: 8\nx: 1 # one\na: 0\nx: 2 # two\n",
                "x: 1 # one\na: 0\nx: 8\nx: 2 # two\n",
                "x: 1 # one\na: 0\nx: 2 # two\nx: 8\n",
                id="with another field between",
            ),
        ],
    )
    def test_beside_others(self, before, first, middle, last):
        assert Document(before).insert(("x", 0), 8).text == first
        assert Document(before).insert(("x", 1), 8).text == middle
        assert Document(before).insert(("x", 2), 8).text == last

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            pytest.param("", "x: [ 8 ]\n", id="no field"),
            pytest.param("x: []\n", "x: [ 8 ]\n", id="empty list"),
            pytest.param("x: [ ]\n", "x: [ 8 ]\n", id="empty list with a blank"),
            pytest.param("x: [\n]\n", "x: [\n  8\n]\n", id="empty list, two lines"),
            pytest.param("x: [ # c\n]\n", "x: [ # c\n  8\n]\n", id="comment only"),
        ],
    )
    def test_alone(self, before, after):
        assert Document(before).insert(("x", 0), 8).text == after


class TestInsertMessage:
    """A new element { n: 8 } at index 0 and at the end."""

    @pytest.mark.parametrize(
        ("before", "first", "last"),
        [
            pytest.param("x [ { n: 1 } ]", "x [ { n: 8 }, { n: 1 } ]", "x [ { n: 1 }, { n: 8 } ]", id="one line"),
            pytest.param("x [{n:1}]", "x [{ n:8 }, {n:1}]", "x [{n:1}, { n:8 }]", id="one line, tight"),
            pytest.param(
                "x [\n  { n: 1 }\n]\n",
                "x [\n  { n: 8 },\n  { n: 1 }\n]\n",
                "x [\n  { n: 1 },\n  { n: 8 }\n]\n",
                id="one line each",
            ),
            pytest.param(
                "x [\n  {\n    n: 1\n  }\n]\n",
                "x [\n  {\n    n: 8\n  },\n  {\n    n: 1\n  }\n]\n",
                "x [\n  {\n    n: 1\n  },\n  {\n    n: 8\n  }\n]\n",
                id="several lines",
            ),
            pytest.param(
                "x [\n  {\n    n: 1\n  } # one\n]\n",
                "x [\n  {\n    n: 8\n  },\n  {\n    n: 1\n  } # one\n]\n",
                "x [\n  {\n    n: 1\n  }, # one\n  {\n    n: 8\n  }\n]\n",
                id="several lines, comment",
            ),
            pytest.param(
                "x [{\n  n: 1\n}]\n",
                "x [{\n  n: 8\n}, {\n  n: 1\n}]\n",
                "x [{\n  n: 1\n}, {\n  n: 8\n}]\n",
                id="hugging brackets",
            ),
            pytest.param(
                "x [\r\n  {\r\n    n: 1\r\n  }\r\n]\r\n",
                "x [\r\n  {\r\n    n: 8\r\n  },\r\n  {\r\n    n: 1\r\n  }\r\n]\r\n",
                "x [\r\n  {\r\n    n: 1\r\n  },\r\n  {\r\n    n: 8\r\n  }\r\n]\r\n",
                id="CRLF",
            ),
            pytest.param(
                "x { n: 1 }\n", "x { n: 8 }\nx { n: 1 }\n", "x { n: 1 }\nx { n: 8 }\n", id="block on one line"
            ),
            pytest.param(
                "x: <\n\tn:1\n>\n", "x: <\n\tn:8\n>\nx: <\n\tn:1\n>\n", "x: <\n\tn:1\n>\nx: <\n\tn:8\n>\n", id="block"
            ),
            pytest.param(
                "x {\n  n: 1\n}, # one\n",
                "x {\n  n: 8\n},\nx {\n  n: 1\n}, # one\n",
                "x {\n  n: 1\n}, # one\nx {\n  n: 8\n},\n",
                id="block with a comma and a comment",
            ),
            pytest.param("x { } a: 1", "x { n: 8 } x { } a: 1", "x { } x { n: 8 } a: 1", id="block in a one-line file"),
            pytest.param(
                "d { }\nx: { n:1 }\n",
                "d { }\nx: { n:8 }\nx: { n:1 }\n",
                "d { }\nx: { n:1 }\nx: { n:8 }\n",
                id="block in the neighbour's own style",
            ),
            pytest.param(
                "d {\n  a: 1\n}\nx [\n    {\n        n : 1\n    }\n]\n",
                "d {\n  a: 1\n}\nx [\n    {\n        n : 8\n    },\n    {\n        n : 1\n    }\n]\n",
                "d {\n  a: 1\n}\nx [\n    {\n        n : 1\n    },\n    {\n        n : 8\n    }\n]\n",
                id="list in the neighbour's own style",
            ),
        ],
    )
    def test_beside_another(self, before, first, last):
        assert Document(before).insert(("x", 0), {"n": 8}).text == first
        assert Document(before).insert(("x", 1), {"n": 8}).text == last


class TestRemoveField:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            pytest.param("x: 1\n", "", id="the only field"),
            pytest.param("x: 1", "", id="the only field, no final newline"),
            pytest.param("a: 1\nx: 2\nb: 3\n", "a: 1\nb: 3\n", id="line"),
            pytest.param("a: 1\r\nx: 2\r\nb: 3\r\n", "a: 1\r\nb: 3\r\n", id="line, CRLF"),
            pytest.param("a: 1\nx: 2", "a: 1", id="last line, no final newline"),
            pytest.param("a: 1\r\nx: 2", "a: 1", id="last line, CRLF, no final newline"),
            pytest.param("  x: 2 \t\n  b: 3\n", "  b: 3\n", id="line with blanks around"),
            pytest.param("a: 1\n\nx: 2\n\nb: 3\n", "a: 1\n\n\nb: 3\n", id="empty lines around"),
            pytest.param("# c\nx: 2\nb: 3\n", "# c\nb: 3\n", id="comment before"),
            pytest.param("  x: 2 # c\nb: 3\n", "  # c\nb: 3\n", id="comment behind"),
            pytest.param("a: 1 x: 2 # c\n", "a: 1 # c\n", id="comment behind, not alone"),
            pytest.param("x: # c\n  2\nb: 3\n", "b: 3\n", id="comment inside goes too"),
            pytest.param("a: 1 x: 2 b: 3\n", "a: 1 b: 3\n", id="middle of a line"),
            pytest.param("x: 2 b: 3\n", "b: 3\n", id="begin of a line"),
            pytest.param("a: 1 x: 2\n", "a: 1\n", id="end of a line"),
            pytest.param("a: 1,\nx: 2,\nb: 3,\n", "a: 1,\nb: 3,\n", id="comma"),
            pytest.param("a: 1, x: 2, b: 3\n", "a: 1, b: 3\n", id="comma, middle of a line"),
            pytest.param("a: 1, x: 2\n", "a: 1\n", id="comma before the last field"),
            pytest.param("a: 1,\nx: 2\n", "a: 1\n", id="comma on the line before"),
            pytest.param("a: 1, # c\nx: 2", "a: 1 # c", id="comma and comment on the line before"),
            pytest.param("x: 2 # c\n, b: 3\n", "# c\nb: 3\n", id="comment before the comma"),
            pytest.param("x: 2;b: 3", "b: 3", id="semicolon, tight"),
            pytest.param("x {\n  y: 1\n}\nb: 3\n", "b: 3\n", id="message"),
            pytest.param("x [\n  { }, # c\n  { }\n]\nb: 3\n", "b: 3\n", id="list"),
            pytest.param("a { } x {\n  y: 1\n} b: 3\n", "a { } b: 3\n", id="message not alone on its lines"),
            pytest.param("x: 1\na: 0\nx: [2, 3]\n", "a: 0\n", id="all occurrences"),
            pytest.param("a: 1[x]: 2[y]: 3", "a: 1[x]: 2[y]: 3", id="another name"),
        ],
    )
    def test_of_the_file(self, before, after):
        document = Document(before)
        assert (document.remove(("x",)) if document.find(("x",)) else document).text == after

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            pytest.param("m { x: 1 }\n", "m { }\n", id="the only one, one line"),
            pytest.param("m {x: 1}\n", "m {}\n", id="the only one, one line, tight"),
            pytest.param("m {\n  x: 1\n}\n", "m {\n}\n", id="the only one, several lines"),
            pytest.param("m {\n  x: 1 }\n", "m {\n}\n", id="the only one, bracket behind it"),
            pytest.param("m { x: 1\n}\n", "m {\n}\n", id="the only one, bracket before it"),
            pytest.param("m { x: 1 # c\n}\n", "m { # c\n}\n", id="the only one, comment behind"),
            pytest.param("m { a: 1 x: 1 }\n", "m { a: 1 }\n", id="the last one"),
            pytest.param("m { a: 1, x: 1 }\n", "m { a: 1 }\n", id="the last one, comma"),
            pytest.param("m { a: 1, x: 1, }\n", "m { a: 1, }\n", id="the last one, comma behind it"),
            pytest.param("m { x: 1 a: 1 }\n", "m { a: 1 }\n", id="the first one"),
            pytest.param("m <\n\ta: 1;\n\tx: 1;\n>\n", "m <\n\ta: 1;\n>\n", id="semicolon"),
        ],
    )
    def test_of_a_message(self, before, after):
        assert Document(before).remove(("m", "x")).text == after

    def test_tokens_stay_apart(self):
        assert Document("a: 1[e]: 2 c: 3").remove(("[e]",)).text == "a: 1 c: 3"
        assert Document("a: A[e]: 2 c: 3").remove(("[e]",)).text == "a: A c: 3"


class TestRemoveElement:
    """The first, the second and the third of three elements."""

    @pytest.mark.parametrize(
        ("before", "first", "second", "third"),
        [
            pytest.param("x: [1, 2, 3]", "x: [2, 3]", "x: [1, 3]", "x: [1, 2]", id="list"),
            pytest.param("x: [ 1, 2, 3 ]", "x: [ 2, 3 ]", "x: [ 1, 3 ]", "x: [ 1, 2 ]", id="list with padding"),
            pytest.param("x: [1,2,3]", "x: [2,3]", "x: [1,3]", "x: [1,2]", id="tight list"),
            pytest.param(
                "x: [\n  1,\n  2,\n  3\n]\n",
                "x: [\n  2,\n  3\n]\n",
                "x: [\n  1,\n  3\n]\n",
                "x: [\n  1,\n  2\n]\n",
                id="list on several lines",
            ),
            pytest.param(
                "x: [\r\n  1,\r\n  2,\r\n  3\r\n]",
                "x: [\r\n  2,\r\n  3\r\n]",
                "x: [\r\n  1,\r\n  3\r\n]",
                "x: [\r\n  1,\r\n  2\r\n]",
                id="list with CRLF",
            ),
            pytest.param(
                "x: [\n  1, # one\n  2, # two\n  3 # three\n]\n",
                "x: [\n  # one\n  2, # two\n  3 # three\n]\n",
                "x: [\n  1, # one\n  # two\n  3 # three\n]\n",
                "x: [\n  1, # one\n  2 # two\n  # three\n]\n",
                id="list with comments",
            ),
            pytest.param(
                "x: [\n  1 # one\n  ,2 # two\n  ,3 # three\n]\n",
                "x: [\n  # one\n  2 # two\n  ,3 # three\n]\n",
                "x: [\n  1 # one\n  , # two\n  3 # three\n]\n",
                "x: [\n  1 # one\n  ,2 # two\n   # three\n]\n",
                id="list with leading commas",
            ),
            pytest.param(
                "x [ { n: 1 }, { n: 2 }, { n: 3 } ]",
                "x [ { n: 2 }, { n: 3 } ]",
                "x [ { n: 1 }, { n: 3 } ]",
                "x [ { n: 1 }, { n: 2 } ]",
                id="list of messages",
            ),
            pytest.param(
                "x [{\n  n: 1\n}, {\n  n: 2\n}, {\n  n: 3\n}]",
                "x [{\n  n: 2\n}, {\n  n: 3\n}]",
                "x [{\n  n: 1\n}, {\n  n: 3\n}]",
                "x [{\n  n: 1\n}, {\n  n: 2\n}]",
                id="hugging brackets",
            ),
            pytest.param(
                "x {\n  n: 1\n}\nx {\n  n: 2\n}\nx {\n  n: 3\n}\n",
                "x {\n  n: 2\n}\nx {\n  n: 3\n}\n",
                "x {\n  n: 1\n}\nx {\n  n: 3\n}\n",
                "x {\n  n: 1\n}\nx {\n  n: 2\n}\n",
                id="blocks",
            ),
            pytest.param("x: [1] x: 2 x: [3]", "x: 2 x: [3]", "x: [1] x: [3]", "x: [1] x: 2", id="both mixed"),
        ],
    )
    def test_of_three(self, before, first, second, third):
        assert Document(before).remove(("x", 0)).text == first
        assert Document(before).remove(("x", 1)).text == second
        assert Document(before).remove(("x", 2)).text == third

    def test_the_only_one_takes_the_field_along(self):
        assert Document("a: 1\nx: [ 2 ]\n").remove(("x", 0)).text == "a: 1\n"


PREFIX = '# "#" { [ <\n'


@pytest.mark.parametrize(
    "before", [PREFIX + "x: 1\n", PREFIX + "x: 1", PREFIX + "\nx {\n}", PREFIX.replace("\n", "\r\n") + "x: [1]"]
)
@pytest.mark.parametrize("junk", [b"", b"# \xff\xfe \xc3\n", b'j: "\xff\xfe\xc3"\n'], ids=["none", "comment", "string"])
def test_bytes_that_are_not_utf8_survive_an_edit(before, junk):
    data = junk + before.encode()
    document = Document.parse(data)
    assert document.to_bytes() == data
    assert document.set(("new",), 1).to_bytes().startswith(data.rstrip(b"\r\n"))
    assert document.remove(("x",)).to_bytes().startswith(junk + PREFIX.encode()[:-1])
