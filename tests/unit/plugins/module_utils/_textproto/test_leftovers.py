# SPDX-License-Identifier: GPL-3.0-or-later
"""What people's tools leave in a file: the placeholders of a template that is still to be filled in."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._textproto.document import Document
from ansible_collections.inference.triton.plugins.module_utils._textproto.errors import TextProtoError
from ansible_collections.inference.triton.plugins.module_utils._textproto.leftovers import placeholder


def where_it_stops(text):
    """The placeholder at the place where the parser gives up, if it is one."""
    with pytest.raises(TextProtoError) as raised:
        Document.parse(text.encode())
    match = placeholder(text, raised.value.offset)
    return match and match.group()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("max_batch_size: ${max_batch_size}\n", "${max_batch_size}"),
        ('name: "m"\ninstance_group [ { count: ${count} kind: KIND_CPU } ]\n', "${count}"),
        ("max_batch_size: {{ max_batch_size }}\n", "{{ max_batch_size }}"),
        ("max_batch_size: {{max_batch_size}}\n", "{{max_batch_size}}"),
        ('max_batch_size: {{ size | default("}") }}\n', '{{ size | default("}") }}'),
        ("{{ header }}\nname: 'm'\n", "{{ header }}"),
        ("input [ { dims: [ {{ dims | join(', ') }} ] } ]\n", "{{ dims | join(', ') }}"),
        ("{% if gpu %}\ninstance_group { kind: KIND_GPU }\n{% endif %}\n", "{% if gpu %}"),
        ("instance_group { kind: KIND_${kind} }\n", "${kind}"),
        ("name: ${name}", "${name}"),
        ("dynamic_batching { } ${rest}\n", "${rest}"),
        ("max_batch_size: $SIZE\n", "$SIZE"),
        ("{# sizes #}\nmax_batch_size: 8\n", "{# sizes #}"),
    ],
)
def test_a_template_stops_the_parser_at_a_placeholder(text, found):
    assert where_it_stops(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "max_batch_size 8\n",
        "max_batch_size: }\n",
        "instance_group { { } }\n",
        "# ${comment}\nmax_batch_size: }\n",
        'name: "${name}" max_batch_size: }\n',
        "max_batch_size: } # {{ later }}\n",
        "max_batch_size: $5\n",
        "max_batch_size: ${size\n",
    ],
)
def test_any_other_text_that_does_not_parse_is_no_template(text):
    assert where_it_stops(text) is None


@pytest.mark.parametrize("text", ['name: "${name}"\n', "name: '{{ name }}'\n", "# ${name}\n"])
def test_a_placeholder_in_a_string_or_comment_parses(text):
    assert Document.parse(text.encode()).text == text
