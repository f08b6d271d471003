# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said about a text that is not text format: the place, what was expected and found, and what to do."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._textproto.errors import TextProtoError
from ansible_collections.inference.triton.plugins.module_utils._textproto.parser import parse

NO_LINES_IN_STRINGS = "A string cannot span lines: write \\n for a line break, or several strings one after the other."
ZEROS = "A number that begins with 0 is octal. Leave out the leading zeros of a decimal number."
QUOTES = "Replace typographic quotes by plain ones: \" or '."
COMMENT = "A comment begins with '#' and ends with its line."
BINARY = "This is binary data, UTF-16 text or a damaged file. Save the file as UTF-8, or restore it."


def error_of(text):
    with pytest.raises(TextProtoError) as caught:
        parse(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        pytest.param(
            "max_batch_size:\ninput [ { } ]\n",
            (2, 7),
            "expected a field name, found '['",
            "Is the value of 'max_batch_size' missing in line 1?",
            id="value missing before a list",
        ),
        pytest.param(
            'max_batch_size: # soon\n\nname: "a"\n',
            (3, 5),
            "expected a field name, found ':'",
            "Is the value of 'max_batch_size' missing in line 1?",
            id="value missing before a scalar",
        ),
        pytest.param(
            "x:", (1, 3), "expected a value for 'x', found the end of the file", "", id="value missing at the end"
        ),
        pytest.param("x: }", (1, 4), "expected a value for 'x', found '}'", "", id="value missing before a bracket"),
        pytest.param("x:: 1", (1, 3), "expected a value for 'x', found ':'", "", id="two colons"),
        pytest.param("x\ny: 1", (2, 1), "expected ':' or '{' after 'x', found 'y'", "", id="name alone on its line"),
        pytest.param("x", (1, 2), "expected ':' or '{' after 'x', found the end of the file", "", id="name at the end"),
        pytest.param('x "a"', (1, 3), "expected ':' or '{' after 'x', found '\"'", "", id="colon missing"),
        pytest.param("x = 1", (1, 3), "expected ':' or '{' after 'x', found '='", "", id="equals sign"),
        pytest.param("my-x: 1", (1, 3), "expected ':' or '{' after 'my', found '-x'", "", id="hyphen in a name"),
        pytest.param(
            "dims [1]", (1, 6), "expected ':' between 'dims' and its list of values", "", id="list without colon"
        ),
        pytest.param('"x": 1', (1, 1), "expected a field name, found '\"'", "", id="quoted name"),
        pytest.param("{ x: 1 }", (1, 1), "expected a field name, found '{'", "", id="braces around the file"),
        pytest.param("x: 1 2", (1, 6), "expected a field name, found '2'", "", id="two values"),
        pytest.param(
            "x: 1,, y: 2", (1, 6), "expected a field name, found ','", "Remove the extra ','.", id="two commas"
        ),
        pytest.param(
            "; x: 1", (1, 1), "expected a field name, found ';'", "Remove the extra ';'.", id="leading semicolon"
        ),
    ],
)
def test_fields(text, place, message, hint):
    error = error_of(text)
    assert ((error.line, error.column), error.message, error.hint) == (place, message, hint)


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        pytest.param(
            "x: [1, 2,]",
            (1, 10),
            "expected another element after ',', found ']'",
            "Remove the comma before the ']'.",
            id="trailing comma",
        ),
        pytest.param(
            "x [\n  { }\n  { }\n]",
            (3, 3),
            "expected ',' or ']' after an element of a list, found '{'",
            "Put a comma between the elements.",
            id="comma missing between messages",
        ),
        pytest.param(
            "x: [1 2]",
            (1, 7),
            "expected ',' or ']' after an element of a list, found '2'",
            "Put a comma between the elements.",
            id="comma missing between scalars",
        ),
        pytest.param(
            "x: [1; 2]",
            (1, 6),
            "expected ',' or ']' after an element of a list, found ';'",
            "",
            id="semicolon in a list",
        ),
        pytest.param("x: [, 1]", (1, 5), "expected an element of a list, found ','", "", id="leading comma"),
        pytest.param("x: [y: 1]", (1, 5), "expected an element of a list, found 'y'", "", id="field in a list"),
        pytest.param("x: [[1]]", (1, 5), "expected a value, found '['", "", id="list in a list"),
        pytest.param(
            "x: [1, {}]", (1, 8), "expected another of the list's values, found '{'", "", id="message among scalars"
        ),
        pytest.param(
            "x: [{}, 1]", (1, 9), "expected another of the list's messages, found '1'", "", id="scalar among messages"
        ),
    ],
)
def test_lists(text, place, message, hint):
    error = error_of(text)
    assert ((error.line, error.column), error.message, error.hint) == (place, message, hint)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        pytest.param("x {\n  y: 1\n", (1, 3), "the '{' of 'x' is never closed", id="brace not closed"),
        pytest.param("x [ { }", (1, 3), "the '[' of 'x' is never closed", id="list not closed"),
        pytest.param("x [ {", (1, 5), "the '{' is never closed", id="element not closed"),
        pytest.param("x: 1\n}", (2, 1), "'}' closes nothing: no bracket is open here", id="nothing to close"),
        pytest.param(
            'x [\n  { y: "a"\n]',
            (3, 1),
            "']' does not close the '{' of line 2, column 3",
            id="element not closed in a list",
        ),
        pytest.param("x < }", (1, 5), "'}' does not close the '<' of line 1, column 3", id="wrong kind"),
    ],
)
def test_brackets(text, place, message):
    error = error_of(text)
    assert ((error.line, error.column), error.message) == (place, message)


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        pytest.param(
            'x: "a\ny: 1"',
            (1, 4),
            'the string is not closed before the end of its line by another "',
            NO_LINES_IN_STRINGS,
            id="string not closed",
        ),
        pytest.param(
            "x: 'a",
            (1, 4),
            "the string is not closed before the end of its line by another '",
            NO_LINES_IN_STRINGS,
            id="string not closed, single quotes",
        ),
        pytest.param(
            "x: \u201ca\u201d", (1, 4), "expected a value for 'x', found '\u201c'", QUOTES, id="typographic quotes"
        ),
        pytest.param("x: [\u2018a\u2019]", (1, 5), "expected a value, found '\u2018'", QUOTES, id="the same in a list"),
        pytest.param("x: 08", (1, 4), "'08' is not a number", ZEROS, id="leading zero"),
        pytest.param("x: [1, -09]", (1, 8), "'-09' is not a number", ZEROS, id="leading zero in a list"),
        pytest.param("x: +1", (1, 4), "'+1' is not a number", "Leave out the '+'.", id="plus"),
        pytest.param(
            "x: 1_000", (1, 4), "'1_000' is not a number", "Leave out the '_' between digits.", id="underscore"
        ),
        pytest.param("x: 1.2.3", (1, 4), "'1.2.3' is not a number", "", id="two points"),
        pytest.param("x: 10bar", (1, 4), "'10bar' is not a number", "", id="letters behind digits"),
        pytest.param("x: - y", (1, 4), "'-' is not a number", "", id="minus before a word"),
        pytest.param("// c", (1, 1), "expected a field name, found '/'", COMMENT, id="comment of C++"),
        pytest.param("x: 1 /* c */", (1, 6), "expected a field name, found '/'", COMMENT, id="comment of C"),
        pytest.param("x: ${x}", (1, 4), "expected a value for 'x', found '$'", "", id="placeholder"),
        pytest.param("x: \u00a01", (1, 4), "expected a value for 'x', found U+00A0", "", id="no-break space"),
        pytest.param("x: \x01", (1, 4), "expected a value for 'x', found U+0001", "", id="control character"),
        pytest.param(
            "x: \udcff", (1, 4), "expected a value for 'x', found the byte 0xff", "", id="byte that is not UTF-8"
        ),
    ],
)
def test_tokens(text, place, message, hint):
    error = error_of(text)
    assert ((error.line, error.column), error.message, error.hint) == (place, message, hint)


@pytest.mark.parametrize(
    ("text", "column"), [(r'x: "C:\models"', 7), (r'x: "a" "\models"', 9), (r'x: ["\\\models"]', 8)]
)
def test_unknown_escape(text, column):
    error = error_of(text)
    assert (error.column, error.message) == (column, "'\\m' is not an escape sequence of the text format")
    assert error.hint.startswith("Write a backslash as \\\\.")


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        pytest.param(
            "\ufeffx: 1",
            (1, 1),
            "the file begins with a UTF-8 byte order mark, which the text format does not allow",
            "Remove the mark: save the file as UTF-8 without BOM.",
            id="byte order mark",
        ),
        pytest.param("x: 1\n\0", (2, 1), "a NUL byte is not allowed anywhere in a text-format file", BINARY, id="NUL"),
        pytest.param(
            "# \0\nx = 1",
            (1, 3),
            "a NUL byte is not allowed anywhere in a text-format file",
            BINARY,
            id="NUL in a comment",
        ),
    ],
)
def test_characters(text, place, message, hint):
    error = error_of(text)
    assert ((error.line, error.column), error.message, error.hint) == (place, message, hint)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("<<<<<<< a\nx: 1\n", id="ours"),
        pytest.param("x: 1\n||||||| base\n", id="base"),
        pytest.param("x: 1\n=======\ny: 2\n", id="theirs"),
        pytest.param("x: 1\n>>>>>>> b\n", id="end"),
        pytest.param("m {\n  x: 1\n>>>>>>> b\n}\n", id="end in a message"),
        pytest.param("m [\n  { }\n=======\n", id="theirs in a list"),
        pytest.param("m [\n<<<<<<< a\n  { }\n]\n", id="ours in a list"),
        pytest.param("x:\n<<<<<<< a\n1\n", id="ours in place of a value"),
    ],
)
def test_conflict_markers(text):
    assert error_of(text).hint == "This is the mark of a merge conflict: resolve it, and remove the marks."


def test_the_first_error_counts():
    assert (error_of('a: 08\nb = 1\nc: "').line) == 1


@pytest.mark.parametrize(
    "text", ["{0}", "{0} 1", "{0}: }}", "{0} {{", "{0} [1]", "{0}:\nx: 1", "x: 1{0}", "x: [y {0}]"]
)
def test_a_huge_token_is_not_repeated_in_full(text):
    error = error_of(text.format("a" * 10_000))
    assert len(error.message + error.hint) < 250
