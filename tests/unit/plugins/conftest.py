# SPDX-License-Identifier: GPL-3.0-or-later
"""Model repositories on disk, and processes that may be killed, for the tests of everything that touches files."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import stat
import subprocess
import tempfile
import traceback

import pytest

NOBODY = 65534


class Repository:
    """A model repository, made for one test."""

    def __init__(self, path):
        self.path = str(path)
        os.makedirs(self.path)

    def model(self, name, text=b'backend: "python"\n', versions=("1",), files=()):
        """Make a model, and give the path of its configuration. No text: no configuration."""
        home = os.path.join(self.path, name)
        os.makedirs(home, exist_ok=True)
        for version in versions:
            os.makedirs(os.path.join(home, version))
            for file in files:
                write(os.path.join(home, version, file), b"")
        if text is not None:
            write(self.config(name), text)
        return self.config(name)

    def variant(self, name, config_name, text):
        """Make one of the model's ``configs/*.pbtxt``, and give its path."""
        os.makedirs(os.path.join(self.path, name, "configs"), exist_ok=True)
        write(self.config(name, config_name), text)
        return self.config(name, config_name)

    def config(self, name, config_name=None):
        parts = ("config.pbtxt",) if config_name is None else ("configs", config_name + ".pbtxt")
        return os.path.join(self.path, name, *parts)

    def text(self, name, config_name=None):
        with open(self.config(name, config_name), "rb") as file:
            return file.read()


def write(path, text):
    with open(path, "wb") as file:
        file.write(text)


def tree(root):
    """Everything below a directory: what each path is, its mode, and what it holds."""
    found = {}
    for directory, names, files in os.walk(str(root)):
        for name in names + files:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            holds = None
            if stat.S_ISLNK(status.st_mode):
                holds = os.readlink(path)
            elif stat.S_ISREG(status.st_mode):
                with open(path, "rb") as file:
                    holds = file.read()
            found[os.path.relpath(path, str(root))] = (oct(status.st_mode), holds)
    return found


class Child:
    """A forked process at work: ``result()`` waits for it and gives what its function returned, or raises."""

    def __init__(self, function, user=None):
        source, sink = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(source)
                with os.fdopen(sink, "wb") as stream:
                    pickle.dump(self._outcome(function, user), stream)
            finally:
                os._exit(0)
        os.close(sink)
        self._source = source

    @staticmethod
    def _outcome(function, user):
        try:
            if user is not None:
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)
            return "returned", function()
        except BaseException as error:
            try:
                pickle.loads(pickle.dumps(error))
                return "raised", error
            except Exception:
                return "crashed", traceback.format_exc()

    def result(self):
        with os.fdopen(self._source, "rb") as stream:
            data = stream.read()
        _pid, status = os.waitpid(self.pid, 0)
        if os.WIFSIGNALED(status):
            raise Killed(os.WTERMSIG(status))
        how, what = pickle.loads(data)
        if how == "raised":
            raise what
        assert how == "returned", what
        return what


class Killed(Exception):
    """The child died of a signal."""


@pytest.fixture
def make_repository(tmp_path):
    """Make a repository: ``make_repository()``, or ``make_repository("name", below)`` in another directory."""
    return lambda name="models", below=tmp_path: Repository(os.path.join(str(below), name))


@pytest.fixture
def repository(make_repository):
    return make_repository()


@pytest.fixture
def snapshot():
    return tree


@pytest.fixture
def child():
    """Run a function in a forked process: ``child(function).result()``."""
    children = []

    def start(function, user=None):
        children.append(Child(function, user))
        return children[-1]

    yield start
    for started in children:
        try:
            os.kill(started.pid, signal.SIGKILL)
            os.waitpid(started.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


@pytest.fixture
def killed():
    """The exception of a child that died of a signal."""
    return Killed


@pytest.fixture
def open_path():
    """A temporary directory that every user may enter; pytest's own are closed to others."""
    path = tempfile.mkdtemp()
    os.chmod(path, 0o755)
    yield path
    for directory, names, _files in os.walk(path):
        for name in names:
            if not os.path.islink(os.path.join(directory, name)):
                os.chmod(os.path.join(directory, name), 0o700)
    shutil.rmtree(path)


@pytest.fixture
def ordinary(child):
    """Run a function as a user without special rights, in a process of its own."""
    user = NOBODY if os.getuid() == 0 else None
    return lambda function: child(function, user).result()


@pytest.fixture
def as_root():
    if os.getuid() != 0:
        pytest.skip("only root may do this")


@pytest.fixture
def mount(as_root):
    """Mount a small file system in memory: ``mount(path, "64k")``."""
    mounted = []

    def mount_at(path, size):
        os.makedirs(path, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path]
        if subprocess.call(command, stderr=subprocess.DEVNULL) != 0:
            pytest.skip("mounting is not allowed here")
        mounted.append(path)
        return path

    yield mount_at
    for path in reversed(mounted):
        subprocess.check_call(["umount", "--lazy", path])
