# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a file of this package in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import types
import zipfile

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu import child_process, cuda_child, nvml_child
from ansible_collections.inference.triton.plugins.module_utils._gpu.child_process import interpreter, run_child

PACKAGE = "ansible_collections/inference/triton/plugins/module_utils/_gpu"


class Loader:
    def __init__(self, source):
        self.source = source

    def get_source(self, name):
        if isinstance(self.source, Exception):
            raise self.source
        return self.source


def child(source):
    module = types.ModuleType("some.child")
    module.__loader__ = Loader(source)
    return module


def test_what_it_prints():
    source = 'import sys\nsys.stdout.write(\'noise\\n{"path": "%s"}\\n[1]\\n{\\n{}\\n\' % sys.argv[1])'
    assert run_child(child(source), ["/x"], 30) == ([{"path": "/x"}], "", False)


def test_it_is_alone(monkeypatch, tmp_path):
    (tmp_path / "json.py").write_text("raise SystemExit('not this one')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert run_child(child("import json, sys\nsys.stdout.write(json.dumps({'a': 1}))"), [], 30).lines == [{"a": 1}]


@pytest.mark.parametrize(
    ("source", "failure"),
    [
        ("raise ValueError('no good')", "failed: ValueError: no good"),
        ("raise SystemExit(3)", "failed with exit code 3"),
        ("import os; os.kill(os.getpid(), 11)", "was ended by signal 11"),
    ],
)
def test_it_breaks(source, failure):
    before = "import sys\nsys.stdout.write('{\"a\": 1}\\n')\nsys.stdout.flush()\n"
    assert run_child(child(before + source), [], 30) == ([{"a": 1}], failure, False)


def test_it_hangs():
    source = "import sys, time\nsys.stdout.write('{\"a\": 1}\\n')\nsys.stdout.flush()\ntime.sleep(60)"
    began = time.monotonic()
    answer = run_child(child(source), [], 1.5)
    assert time.monotonic() - began < 20
    assert answer == ([{"a": 1}], "did not answer within 1.5 seconds", True)


@pytest.mark.parametrize("source", [None, ImportError("x"), OSError("x"), ""])
def test_its_source_is_not_there(source):
    assert run_child(child(source), [], 30) == ([], "the source of child is not there", False)


@pytest.mark.parametrize("ours", ["", "/nowhere/python3", "/usr/sbin/uwsgi", None])
def test_the_python_that_runs_us_has_no_path(monkeypatch, ours):
    monkeypatch.setattr(sys, "executable", ours)
    monkeypatch.setattr(child_process, "_PYTHONS", ["/nowhere/too", __file__])
    monkeypatch.setattr(child_process.shutil, "which", lambda name: "/bin/sh")
    assert interpreter() == "/bin/sh"


def test_there_is_no_python(monkeypatch):
    monkeypatch.setattr(sys, "executable", "")
    monkeypatch.setattr(child_process, "_PYTHONS", ())
    monkeypatch.setattr(child_process.shutil, "which", lambda name: None)
    assert run_child(nvml_child, ["x"], 30).failure == "there is no Python to run it with"


@pytest.mark.parametrize("module", [nvml_child, cuda_child])
def test_the_real_ones_run(module, tmp_path):
    (line,) = run_child(module, [str(tmp_path / "none.so")], 30).lines
    assert "none.so: cannot open" in line["failure"]


def test_they_run_from_the_archive_that_ansible_sends(tmp_path):
    archive = str(tmp_path / "payload.zip")
    folder = os.path.dirname(os.path.abspath(child_process.__file__))
    with zipfile.ZipFile(archive, "w") as payload:
        parts = PACKAGE.split("/")
        for depth in range(len(parts)):
            payload.writestr("/".join([*parts[: depth + 1], "__init__.py"]), "")
        for name in os.listdir(folder):
            if name.endswith(".py"):
                payload.write(os.path.join(folder, name), f"{PACKAGE}/{name}")
    script = (
        f"import sys; sys.path.insert(0, {archive!r})\n"
        f"from {PACKAGE.replace('/', '.')} import nvml, cuda_check\n"
        "sys.stdout.write(nvml.ask_nvml('/none.so', [], 30).failure + cuda_check.ask_cuda('/none.so', 30).failure)"
    )
    said = subprocess.run([sys.executable, "-I", "-c", script], stdout=subprocess.PIPE, check=True).stdout
    assert said.count(b"/none.so: cannot open shared object file") == 2
