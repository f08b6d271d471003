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
    ("text", "place", "rule", "message", "hint"),
    [
        pytest.param(
            "max_batch_size:\ninput [ { } ]\n",
            (2, 7),
            "missing-value",
            "expected a field name, found '['",
            "Is the value of 'max_batch_size' missing in line 1?",
            id="value missing before a list",
        ),
        pytest.param(
            'max_batch_size: # soon\n\nname: "a"\n',
            (3, 5),
            "missing-value",
            "expected a field name, found ':'",
            "Is the value of 'max_batch_size' missing in line 1?",
            id="value missing before a scalar",
        ),
        pytest.param(
            "x:",
            (1, 3),
            "missing-value",
            "expected a value for 'x', found the end of the file",
            "Give it a value, or remove it.",
            id="value missing at the end",
        ),
        pytest.param(
            "x: }",
            (1, 4),
            "missing-value",
            "expected a value for 'x', found '}'",
            "Give it a value, or remove it.",
            id="value missing before a bracket",
        ),
        pytest.param(
            "x:: 1",
            (1, 3),
            "extra-separator",
            "expected a value for 'x', found ':'",
            "Remove the extra ':'.",
            id="two colons",
        ),
        pytest.param(
            "x\ny: 1",
            (2, 1),
            "missing-value",
            "expected ':' or '{' after 'x', found 'y'",
            "Give 'x' a value, or remove it.",
            id="name alone on its line",
        ),
        pytest.param(
            "x",
            (1, 2),
            "missing-value",
            "expected ':' or '{' after 'x', found the end of the file",
            "Give 'x' a value, or remove it.",
            id="name at the end",
        ),
        pytest.param(
            'x "a"',
            (1, 3),
            "missing-colon",
            "expected ':' or '{' after 'x', found '\"'",
            "Put a ':' behind 'x'.",
            id="colon missing",
        ),
        pytest.param(
            "x = 1",
            (1, 3),
            "missing-colon",
            "expected ':' or '{' after 'x', found '='",
            "Write ':' instead of '='.",
            id="equals sign",
        ),
        pytest.param(
            "my-x: 1",
            (1, 3),
            "bad-name",
            "expected ':' or '{' after 'my', found '-x'",
            "The name of a field has letters, digits and '_' only: correct it.",
            id="hyphen in a name",
        ),
        pytest.param(
            "dims [1]",
            (1, 6),
            "missing-colon",
            "expected ':' between 'dims' and its list of values",
            "Put a ':' behind 'dims'.",
            id="list without colon",
        ),
        pytest.param(
            '"x": 1', (1, 1), "bad-name", "expected a field name, found '\"'", "Remove the quotes.", id="quoted name"
        ),
        pytest.param(
            "{ x: 1 }",
            (1, 1),
            "wrong-bracket",
            "expected a field name, found '{'",
            "Remove the brackets around the whole file.",
            id="braces around the file",
        ),
        pytest.param(
            "x: 1 2",
            (1, 6),
            "syntax",
            "expected a field name, found '2'",
            "Remove it. Several values of one field are a list: [1, 2].",
            id="two values",
        ),
        pytest.param(
            "x: 1,, y: 2",
            (1, 6),
            "extra-separator",
            "expected a field name, found ','",
            "Remove the extra ','.",
            id="two commas",
        ),
        pytest.param(
            "; x: 1",
            (1, 1),
            "extra-separator",
            "expected a field name, found ';'",
            "Remove the extra ';'.",
            id="leading semicolon",
        ),
        pytest.param(
            "x { key: value: 1 }",
            (1, 15),
            "missing-value",
            "expected a field name, found ':'",
            "Is the value of 'key' missing in line 1?",
            id="value missing on one line",
        ),
        pytest.param(
            "4: 8",
            (1, 1),
            "bad-name",
            "expected a field name, found '4'",
            "Write the name of the field, not its number.",
            id="number of a field",
        ),
    ],
)
def test_fields(text, place, rule, message, hint):
    error = error_of(text)
    assert ((error.line, error.column), error.rule) == (place, rule)
    assert (error.message, error.hint) == (message, hint)


@pytest.mark.parametrize(
    ("text", "place", "rule", "message", "hint"),
    [
        pytest.param(
            "x: [1, 2,]",
            (1, 10),
            "trailing-comma",
            "expected another element after ',', found ']'",
            "Remove the comma before the ']'.",
            id="trailing comma",
        ),
        pytest.param(
            "x [\n  { }\n  { }\n]",
            (3, 3),
            "missing-comma",
            "expected ',' or ']' after an element of a list, found '{'",
            "Put a comma between the elements.",
            id="comma missing between messages",
        ),
        pytest.param(
            "x: [1 2]",
            (1, 7),
            "missing-comma",
            "expected ',' or ']' after an element of a list, found '2'",
            "Put a comma between the elements.",
            id="comma missing between scalars",
        ),
        pytest.param(
            "x: [1; 2]",
            (1, 6),
            "missing-comma",
            "expected ',' or ']' after an element of a list, found ';'",
            "Write ',' instead of ';'.",
            id="semicolon in a list",
        ),
        pytest.param(
            "x: [, 1]",
            (1, 5),
            "extra-separator",
            "expected an element of a list, found ','",
            "Remove the extra ','.",
            id="leading comma",
        ),
        pytest.param(
            "x: [y: 1]",
            (1, 5),
            "missing-bracket",
            "expected an element of a list, found 'y'",
            "Put a '{' before it.",
            id="field in a list",
        ),
        pytest.param(
            "x: [[1]]",
            (1, 5),
            "mixed-list",
            "expected a value, found '['",
            "A list cannot hold another one: remove the inner brackets.",
            id="list in a list",
        ),
        pytest.param(
            "x: [1, {}]",
            (1, 8),
            "mixed-list",
            "expected another of the list's values, found '{'",
            "A list holds either values or messages: make them all alike.",
            id="message among scalars",
        ),
        pytest.param(
            "x: [{}, 1]",
            (1, 9),
            "mixed-list",
            "expected another of the list's messages, found '1'",
            "A list holds either values or messages: make them all alike.",
            id="scalar among messages",
        ),
    ],
)
def test_lists(text, place, rule, message, hint):
    error = error_of(text)
    assert ((error.line, error.column), error.rule) == (place, rule)
    assert (error.message, error.hint) == (message, hint)


@pytest.mark.parametrize(
    ("text", "place", "rule", "message", "hint"),
    [
        pytest.param(
            "x {\n  y: 1\n",
            (1, 3),
            "unclosed",
            "the '{' of 'x' is never closed",
            "Put a '}' where it ends.",
            id="brace not closed",
        ),
        pytest.param(
            "x [ { }",
            (1, 3),
            "unclosed",
            "the '[' of 'x' is never closed",
            "Put a ']' where it ends.",
            id="list not closed",
        ),
        pytest.param(
            "x [ {", (1, 5), "unclosed", "the '{' is never closed", "Put a '}' where it ends.", id="element not closed"
        ),
        pytest.param(
            "x: 1\n}",
            (2, 1),
            "wrong-bracket",
            "'}' closes nothing: no bracket is open here",
            "Remove it, or open one.",
            id="nothing to close",
        ),
        pytest.param(
            'x [\n  { y: "a"\n]',
            (3, 1),
            "wrong-bracket",
            "']' does not close the '{' of line 2, column 3",
            "Put a '}' before it or in its place, or remove it.",
            id="element not closed in a list",
        ),
        pytest.param(
            "x < }",
            (1, 5),
            "wrong-bracket",
            "'}' does not close the '<' of line 1, column 3",
            "Put a '>' before it or in its place, or remove it.",
            id="wrong kind",
        ),
        pytest.param(
            "x\n  y: 1\n}",
            (2, 3),
            "missing-bracket",
            "expected ':' or '{' after 'x', found 'y'",
            "Put a '{' behind 'x'.",
            id="brace not opened",
        ),
        pytest.param(
            "x: [\n  1\ny: 1\n",
            (3, 1),
            "unclosed",
            "expected ',' or ']' after an element of a list, found 'y'",
            "Is the list of 'x' not closed?",
            id="list not closed before a field",
        ),
        pytest.param(
            "x [\n  { y: 1\n  { y: 2 }\n]",
            (3, 3),
            "unclosed",
            "expected a field name, found '{'",
            "Is the '{' of line 2 not closed?",
            id="element not closed before another",
        ),
        pytest.param(
            "x { { y: 1 } }",
            (1, 5),
            "wrong-bracket",
            "expected a field name, found '{'",
            "Remove one pair of brackets, or write a list: x [ { ... } ].",
            id="two pairs of brackets",
        ),
        pytest.param(
            "x { y: 1 }, { y: 2 }",
            (1, 13),
            "wrong-bracket",
            "expected a field name, found '{'",
            "Put the name of a field before it.",
            id="element without a list",
        ),
    ],
)
def test_brackets(text, place, rule, message, hint):
    error = error_of(text)
    assert ((error.line, error.column), error.rule) == (place, rule)
    assert (error.message, error.hint) == (message, hint)


@pytest.mark.parametrize(
    ("text", "place", "rule", "message", "hint"),
    [
        pytest.param(
            'x: "a\ny: 1"',
            (1, 4),
            "unterminated-string",
            'the string is not closed before the end of its line by another "',
            NO_LINES_IN_STRINGS,
            id="string not closed",
        ),
        pytest.param(
            "x: 'a",
            (1, 4),
            "unterminated-string",
            "the string is not closed before the end of its line by another '",
            NO_LINES_IN_STRINGS,
            id="string not closed, single quotes",
        ),
        pytest.param(
            "x: \u201ca\u201d",
            (1, 4),
            "smart-quotes",
            "expected a value for 'x', found '\u201c'",
            QUOTES,
            id="typographic quotes",
        ),
        pytest.param(
            "x: [\u2018a\u2019]",
            (1, 5),
            "smart-quotes",
            "expected a value, found '\u2018'",
            QUOTES,
            id="the same in a list",
        ),
        pytest.param("x: 08", (1, 4), "bad-number", "'08' is not a number", ZEROS, id="leading zero"),
        pytest.param("x: [1, -09]", (1, 8), "bad-number", "'-09' is not a number", ZEROS, id="leading zero in a list"),
        pytest.param("x: +1", (1, 4), "bad-number", "'+1' is not a number", "Leave out the '+'.", id="plus"),
        pytest.param(
            "x: 1_000",
            (1, 4),
            "bad-number",
            "'1_000' is not a number",
            "Leave out the '_' between digits.",
            id="underscore",
        ),
        pytest.param(
            "x: 1.2.3",
            (1, 4),
            "bad-number",
            "'1.2.3' is not a number",
            "Correct the number, or put quotes around it if it is a string.",
            id="two points",
        ),
        pytest.param(
            "x: 10bar",
            (1, 4),
            "bad-number",
            "'10bar' is not a number",
            "Correct the number, or put quotes around it if it is a string.",
            id="letters behind digits",
        ),
        pytest.param(
            "x: - y",
            (1, 4),
            "bad-number",
            "'-' is not a number",
            "Correct the number, or put quotes around it if it is a string.",
            id="minus before a word",
        ),
        pytest.param(
            "x: a/b.onnx",
            (1, 5),
            "missing-quotes",
            "expected a field name, found '/'",
            'Put it in quotes: "a/b.onnx".',
            id="path without quotes",
        ),
        pytest.param(
            "x: /a/b",
            (1, 4),
            "missing-quotes",
            "expected a value for 'x', found '/'",
            'Put it in quotes: "/a/b".',
            id="absolute path without quotes",
        ),
        pytest.param(
            "x: [a, b.c]",
            (1, 9),
            "missing-quotes",
            "expected a value, found '.c'",
            'Put it in quotes: "b.c".',
            id="word with a point in a list",
        ),
        pytest.param(
            "x: 1 @",
            (1, 6),
            "syntax",
            "expected a field name, found '@'",
            "Remove it.",
            id="no token",
        ),
        pytest.param("// c", (1, 1), "bad-comment", "expected a field name, found '/'", COMMENT, id="comment of C++"),
        pytest.param(
            "x: 1 /* c */", (1, 6), "bad-comment", "expected a field name, found '/'", COMMENT, id="comment of C"
        ),
        pytest.param(
            "x: ${x}",
            (1, 4),
            "template",
            "the placeholder ${x} is not filled in",
            "This is a template: fill in ${x} first.",
            id="placeholder",
        ),
        pytest.param(
            "x: \u00a01",
            (1, 4),
            "bad-character",
            "expected a value for 'x', found U+00A0",
            "Replace it by a plain blank.",
            id="no-break space",
        ),
        pytest.param(
            "x: \x01",
            (1, 4),
            "bad-character",
            "expected a value for 'x', found U+0001",
            "Remove it.",
            id="control character",
        ),
        pytest.param(
            "x: \udcff",
            (1, 4),
            "bad-character",
            "expected a value for 'x', found the byte 0xff",
            "Remove it.",
            id="byte that is not UTF-8",
        ),
    ],
)
def test_tokens(text, place, rule, message, hint):
    error = error_of(text)
    assert ((error.line, error.column), error.rule) == (place, rule)
    assert (error.message, error.hint) == (message, hint)


@pytest.mark.parametrize(
    ("text", "column"), [(r'x: "C:\models"', 7), (r'x: "a" "\models"', 9), (r'x: ["\\\models"]', 8)]
)
def test_unknown_escape(text, column):
    error = error_of(text)
    assert (error.column, error.message) == (column, "'\\m' is not an escape sequence of the text format")
    assert error.hint.startswith("Write a backslash as \\\\.")


@pytest.mark.parametrize(
    ("text", "place", "rule", "message", "hint"),
    [
        pytest.param(
            "\ufeffx: 1",
            (1, 1),
            "byte-order-mark",
            "the file begins with a UTF-8 byte order mark, which the text format does not allow",
            "Remove the mark: save the file as UTF-8 without BOM.",
            id="byte order mark",
        ),
        pytest.param(
            "x: 1\n\0", (2, 1), "nul-byte", "a NUL byte is not allowed anywhere in a text-format file", BINARY, id="NUL"
        ),
        pytest.param(
            "# \0\nx = 1",
            (1, 3),
            "nul-byte",
            "a NUL byte is not allowed anywhere in a text-format file",
            BINARY,
            id="NUL in a comment",
        ),
    ],
)
def test_characters(text, place, rule, message, hint):
    error = error_of(text)
    assert ((error.line, error.column), error.rule) == (place, rule)
    assert (error.message, error.hint) == (message, hint)


@pytest.mark.parametrize(
    ("text", "line", "mark"),
    [
        pytest.param("<<<<<<< a\nx: 1\n", 1, "<<<<<<<", id="ours"),
        pytest.param("x: 1\n||||||| base\n", 2, "|||||||", id="base"),
        pytest.param("x: 1\n=======\ny: 2\n", 2, "=======", id="theirs"),
        pytest.param("x: 1\n>>>>>>> b\n", 2, ">>>>>>>", id="end"),
        pytest.param("m {\n  x: 1\n>>>>>>> b\n}\n", 3, ">>>>>>>", id="end in a message"),
        pytest.param("m [\n  { }\n=======\n", 3, "=======", id="theirs in a list"),
        pytest.param("m [\n<<<<<<< a\n  { }\n]\n", 2, "<<<<<<<", id="ours in a list"),
        pytest.param("x:\n<<<<<<< a\n1\n", 2, "<<<<<<<", id="ours in place of a value"),
        pytest.param("x\n=======\n", 2, "=======", id="theirs behind a name"),
    ],
)
def test_conflict_markers(text, line, mark):
    error = error_of(text)
    assert ((error.line, error.column), error.rule) == ((line, 1), "conflict-marker")
    assert error.message == f"'{mark}' is the mark of a merge conflict"
    assert error.hint == "Resolve the conflict, and remove the marks."


def test_the_first_error_counts():
    assert (error_of('a: 08\nb = 1\nc: "').line) == 1


@pytest.mark.parametrize(
    "text", ["{0}", "{0} 1", "{0}: }}", "{0} {{", "{0} [1]", "{0}:\nx: 1", "x: 1{0}", "x: [y {0}]"]
)
def test_a_huge_token_is_not_repeated_in_full(text):
    error = error_of(text.format("a" * 10_000))
    assert len(error.message + error.hint) < 250
