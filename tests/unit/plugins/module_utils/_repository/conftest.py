# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on demand: a system call that fails, a process that is killed, a directory that is watched."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys

import pytest
from ansible_collections.inference.triton.plugins.module_utils._repository import backup, files, transaction

# What writing and keeping files asks of the operating system.
CALLS = frozenset(
    [
        "access",
        "chmod",
        "chown",
        "fchmod",
        "fchown",
        "fstat",
        "fsync",
        "getxattr",
        "link",
        "listdir",
        "listxattr",
        "makedirs",
        "mkdir",
        "open",
        "readlink",
        "removexattr",
        "rename",
        "replace",
        "rmdir",
        "setxattr",
        "stat",
        "symlink",
        "unlink",
        "utime",
    ]
)

WRITERS = (files, backup, transaction)
TRACED = frozenset(module.__file__ for module in WRITERS)


class WatchedOs:
    """The module os, which tells of each call before it is made."""

    def __init__(self, before_call):
        self._before_call = before_call
        self._count = 0

    def __getattr__(self, name):
        value = getattr(os, name)
        if name not in CALLS:
            return value

        def call(*args, **kwargs):
            self._count += 1
            self._before_call(self._count, name, args)
            return value(*args, **kwargs)

        return call


@pytest.fixture
def before_call(monkeypatch):
    """Have a function called with (number, name, arguments) before each system call of `files`, or of other modules."""

    def install(function, modules=(files,)):
        watched = WatchedOs(function)
        for module in modules:
            monkeypatch.setattr(module, "os", watched)

    return install


@pytest.fixture
def fail_at(before_call):
    """Make the n-th system call of `files`, or of other modules too, fail.

    ``failed()`` says which one it was, None if there were fewer.
    """

    def install(number, error=errno.EIO, modules=(files,)):
        failed = []

        def fail(count, name, args):
            if count == number:
                failed.append(name)
                raise OSError(error, os.strerror(error))

        before_call(fail, modules)
        return lambda: failed[0] if failed else None

    return install


@pytest.fixture
def killed_at_every_line(child, killed):
    """Run ``act`` in a process that is killed at the n-th line of `WRITERS`, for n = 1, 2, ... to the last.

    Yields what ``prepare`` gave, after each kill. ``every`` leaves lines out.
    """

    def run(prepare, act, every=1):
        for number in range(1, 10_000, every):
            prepared = prepare(number)
            with contextlib.suppress(killed):
                child(lambda at=number, what=prepared: kill_at(at, lambda: act(what))).result()
                assert number > 10, "the process was never killed: no line was seen"
                return
            yield prepared

    return run


def kill_at(number, act):
    seen = [0]

    def trace(frame, event, argument):
        if frame.f_code.co_filename not in TRACED:
            return None
        if event == "line":
            seen[0] += 1
            if seen[0] == number:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    try:
        act()
    finally:
        sys.settrace(None)


@pytest.fixture
def watch(child):
    """List directories as fast as one processor can while a block runs: ``with watch(a, b) as names: ...``.

    Afterwards ``names`` holds every name that was ever seen, and how often each directory was listed.
    """

    @contextlib.contextmanager
    def watching(*directories):
        ready, started = os.pipe()
        stop, stopper = os.pipe()

        def look():
            os.set_blocking(stop, False)
            names, rounds = set(), 0
            while True:
                for directory in directories:
                    names.update(os.listdir(directory))
                rounds += 1
                if rounds == 1:
                    os.write(started, b"x")
                with contextlib.suppress(BlockingIOError):
                    if os.read(stop, 1):
                        return names, rounds

        watcher = child(look)
        os.read(ready, 1)
        seen = Seen()
        try:
            yield seen
        finally:
            os.write(stopper, b"x")
            seen.names, seen.rounds = watcher.result()
            for descriptor in (ready, started, stop, stopper):
                os.close(descriptor)

    return watching


class Seen:
    """What a watcher saw."""

    names = frozenset()
    rounds = 0


@pytest.fixture
def no_o_tmpfile(monkeypatch):
    """A file system that has no files without a name."""
    real = os.open

    def refusing(path, flags, *args, **kwargs):
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        return real(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", refusing)


@pytest.fixture
def writers():
    """The modules that write, for `fail_at`."""
    return WRITERS
