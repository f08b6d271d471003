# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a run changed: taken back, it leaves the same files with the same bytes, modes and times."""

from __future__ import annotations

import os
import stat
import tempfile
from typing import NamedTuple

from ansible_collections.inference.triton.plugins.module_utils._repository.backup import Keeping, Replacement
from ansible_collections.inference.triton.plugins.module_utils._repository.restoration import restore
from ansible_collections.inference.triton.plugins.module_utils._repository.transaction import write
from hypothesis import given, settings
from hypothesis import strategies as st

NAMES = ("config.pbtxt", "configs/a.pbtxt", "configs/b.pbtxt")
FEWER = settings(max_examples=settings.default.max_examples // 4)  # each of them syncs dozens of files


class File(NamedTuple):
    """A configuration as it is before and after the run; ``linked``: it lies outside, and a link leads there."""

    before: bytes | None
    after: bytes | None
    mode: int
    mtime_ns: int
    linked: bool


texts = st.none() | st.sampled_from([b"", b"max_batch_size: 1\n", b"max_batch_size: 2"]) | st.binary(max_size=40)
files = st.builds(
    File,
    before=texts,
    after=texts,
    mode=st.sampled_from([0o644, 0o600, 0o444, 0o664, 0o755]),
    mtime_ns=st.integers(0, 2**61),
    linked=st.booleans(),
)
models = st.dictionaries(st.sampled_from(["m0", "m1", "m2"]), st.dictionaries(st.sampled_from(NAMES), files))


def make(root: str, repository: dict[str, dict[str, File]]) -> list[Replacement]:
    """The repository on disk as it is before the run, and what the run is to do."""
    replacements = []
    for model, configs in repository.items():
        os.makedirs(os.path.join(root, "models", model, "1"))
        for name, file in configs.items():
            path = os.path.join(root, "models", model, name)
            if file.before is not None:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                target = os.path.join(root, f"{model}-{os.path.basename(path)}") if file.linked else path
                with open(target, "wb") as stream:
                    stream.write(file.before)
                os.chmod(target, file.mode)
                os.utime(target, ns=(0, file.mtime_ns))
                if file.linked:
                    os.symlink(target, path)
            if file.before != file.after:
                replacements.append(Replacement(path, file.before, file.after))
    return replacements


def tree(root: str) -> dict[str, object]:
    """Everything below a directory but the backups, and but the times of directories, which move with every change."""
    found: dict[str, object] = {}
    for directory, names, leaves in os.walk(root):
        if "kept" in names:
            names.remove("kept")
        for name in names + leaves:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            if stat.S_ISREG(status.st_mode):
                with open(path, "rb") as stream:
                    found[path] = stream.read(), status.st_mode, status.st_mtime_ns
            else:
                found[path] = os.readlink(path) if os.path.islink(path) else status.st_mode
    return found


@FEWER
@given(models)
def test_a_run_that_is_taken_back_never_was(repository):
    with tempfile.TemporaryDirectory() as root:
        replacements = make(root, repository)
        was, kept = tree(root), os.path.join(root, "kept")

        backup_id = write(replacements, Keeping(kept)).backup_id
        done = tree(root)
        assert (backup_id is None) == (not replacements)
        if backup_id is None:
            return

        planned = restore(kept, backup_id, force=False, dry_run=True)
        assert tree(root) == done
        taken_back = restore(kept, backup_id, force=False, dry_run=False)
        assert tree(root) == was
        assert taken_back == {**planned, "undo_id": taken_back["undo_id"]}
        assert not restore(kept, backup_id, force=False, dry_run=False)["changed"]

        restore(kept, taken_back["undo_id"], force=False, dry_run=False)
        assert tree(root) == done


@FEWER
@given(models, st.data())
def test_with_force_a_run_that_was_changed_since_is_taken_back_too(repository, data):
    with tempfile.TemporaryDirectory() as root:
        replacements = make(root, repository)
        was, kept = tree(root), os.path.join(root, "kept")
        links = [item.path for item in replacements if os.path.islink(item.path)]
        backup_id = write(replacements, Keeping(kept)).backup_id
        if backup_id is None:
            return
        for item in replacements:
            # Where a link was removed nothing may stand now: it is not overwritten even with force.
            if (item.after is not None or item.path not in links) and data.draw(st.booleans()):
                with open(item.path, "wb") as stream:
                    stream.write(b"# theirs" + data.draw(st.binary(max_size=5)))

        restore(kept, backup_id, force=True, dry_run=False)
        assert tree(root) == was
