# SPDX-License-Identifier: GPL-3.0-or-later
"""A module's main() in this process, with its arguments and its result as Ansible hands them over."""

from __future__ import annotations

import json

import pytest
from ansible.module_utils import basic
from ansible.module_utils.common import warnings

try:
    from ansible.module_utils import _internal
except ImportError:  # before ansible-core 2.19
    _internal = None

# What Ansible itself adds to a result: to any, to a failed one, and to one with a path.
ADDED = {"invocation", "warnings", "deprecations", "exception", "failed", "msg", "changed", "diff"}
ADDED_FOR_A_PATH = {"uid", "gid", "owner", "group", "mode", "state", "size", "secontext"}


@pytest.fixture
def run(monkeypatch, capfd):
    """Run a module: ``run(module, check=False, **arguments)`` gives its result, whether it failed or not."""

    def run_module(module, check=False, **arguments):
        # No log of the call: on some Pythons syslog refuses a NUL before the module has a chance to.
        arguments.update(
            _ansible_check_mode=check, _ansible_diff=True, _ansible_remote_tmp="/tmp", _ansible_no_log=True
        )
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode())
        if hasattr(basic, "_ANSIBLE_PROFILE"):  # since ansible-core 2.19
            monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy")
        if (
            _internal is not None
        ):  # a test that has imported the controller's code must not make a controller of this one
            monkeypatch.setattr(_internal, "is_controller", False)
        for name in ("_global_warnings", "_global_deprecations"):
            getattr(warnings, name).clear()
        capfd.readouterr()
        with pytest.raises(SystemExit) as exited:
            module.main()
        output = capfd.readouterr().out
        result = json.loads(output[output.index("{") :])
        assert bool(exited.value.code) == result.get("failed", False)
        # Since ansible-core 2.19 a warning is more than its text.
        told = result.get("warnings", [])
        result["warnings"] = [item if isinstance(item, str) else item["event"]["msg"] for item in told]
        return result

    # Ansible imports parts of itself late. A process without rights may not be able to: the interpreter's own directory
    # can be closed to it.
    run_module(Failing)
    return run_module


class Failing:
    """A module that does nothing but fail."""

    @staticmethod
    def main():
        basic.AnsibleModule(argument_spec={}).fail_json(msg="on purpose")


@pytest.fixture
def documented():
    """Check a result against the RETURN documentation of its module, in both directions."""
    yaml = pytest.importorskip("yaml")

    def check(module, result):
        known = yaml.safe_load(module.RETURN)
        added = ADDED | (ADDED_FOR_A_PATH if "path" in result else set())
        assert set(result) - added <= set(known), "returned and not documented"
        assert {name for name in known if known[name]["returned"] == "success"} <= set(result) or result.get("failed")
        for name in set(result) & set(known):
            compare(result[name], known[name], name)

    return check


def compare(value, entry, place):
    types = {"str": str, "int": int, "float": float, "bool": bool, "list": list, "dict": dict}
    assert value is None or isinstance(value, types[entry["type"]]), place
    if "contains" not in entry or value is None:
        return
    for item in value if entry["type"] == "list" else [value]:
        assert set(item) == set(entry["contains"]), place
        for name, content in entry["contains"].items():
            compare(item[name], content, f"{place}.{name}")
