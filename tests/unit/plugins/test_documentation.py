# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples in the documentation of the modules and filters are what the modules and filters accept."""

from __future__ import annotations

import os
import re

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.inference.triton.plugins.filter.textproto import FilterModule
from ansible_collections.inference.triton.plugins.module_utils._model_config.change import merge, parse
from ansible_collections.inference.triton.plugins.module_utils._policy.parsing import parse_policy
from ansible_collections.inference.triton.plugins.modules import (
    gpu_facts,
    instance_group_policy,
    model,
    model_config,
    model_config_info,
    model_repository_restore,
    placement_info,
    server_info,
)

yaml = pytest.importorskip("yaml")

MODULES = [
    gpu_facts,
    instance_group_policy,
    model,
    model_config,
    model_config_info,
    model_repository_restore,
    placement_info,
    server_info,
]
COLLECTION = "inference.triton."


def name_of(module):
    return module.__name__.rpartition(".")[2]


def examples(module):
    """The arguments that the examples give to their own module."""
    tasks = yaml.safe_load(module.EXAMPLES)
    return [
        (task["name"], task[COLLECTION + name_of(module)] or {})
        for task in tasks
        if COLLECTION + name_of(module) in task
    ]


EXAMPLES = [
    pytest.param(module, arguments, id=f"{name_of(module)}: {name}")
    for module in MODULES
    for name, arguments in examples(module)
]


class Asked(Exception):
    """What a module asks of Ansible."""


@pytest.fixture
def validator(monkeypatch):
    def of(module):
        def ask(**kwargs):
            raise Asked(kwargs)

        monkeypatch.setattr(module, "AnsibleModule", ask)
        with pytest.raises(Asked) as raised:
            module.main()
        (asked,) = raised.value.args
        asked.pop("supports_check_mode")
        return ArgumentSpecValidator(**asked)

    return of


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_there_are_examples_each_with_a_name_of_its_own(module):
    names = [task["name"] for task in yaml.safe_load(module.EXAMPLES)]
    assert names
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("module", "arguments"), EXAMPLES)
def test_an_example_passes_the_argument_spec(module, arguments, validator):
    asked = validator(module)
    kinds = {name: spec.get("type") for name, spec in asked.argument_spec.items()}
    given = {
        name: ([] if kinds.get(name) == "list" else {}) if "{{" in str(value) else value
        for name, value in arguments.items()
    }
    assert asked.validate(given).error_messages == []


@pytest.mark.parametrize(("module", "arguments"), EXAMPLES)
def test_an_example_asks_for_what_there_is(module, arguments):
    if "config" in arguments or "remove" in arguments:
        merge(parse(b""), arguments.get("config", {}), arguments.get("lists", "merge"), arguments.get("remove", []))
    if isinstance(arguments.get("policy"), dict):
        parse_policy(arguments["policy"])


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_the_samples_of_what_is_returned_have_the_documented_types(module):
    types = {"str": str, "int": int, "float": float, "bool": bool, "list": list, "dict": dict}

    def check(entries):
        for name, entry in entries.items():
            sample = entry.get("sample")
            assert sample is None or isinstance(sample, types[entry["type"]]), name
            check(entry.get("contains", {}))

    check(yaml.safe_load(module.RETURN))


def filter_documentation(name):
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "..", "..", "..", "plugins", "filter", f"{name}.yml"), "rb") as file:
        return yaml.safe_load(file)


def test_every_filter_is_documented():
    for name in FilterModule().filters():
        assert filter_documentation(name)["DOCUMENTATION"]["name"] == name


def test_the_example_of_to_textproto_gives_its_sample():
    documentation = filter_documentation("to_textproto")
    (task,) = yaml.safe_load(documentation["EXAMPLES"])
    written = FilterModule().filters()["to_textproto"](task["vars"]["config"])
    assert written == documentation["RETURN"]["_value"]["sample"]


@pytest.mark.parametrize("name", ["from_textproto", "to_textproto"])
def test_the_example_of_a_filter_uses_it_by_its_full_name(name):
    assert re.search(rf"\| *{re.escape(COLLECTION)}{name}\b", filter_documentation(name)["EXAMPLES"])
