# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""A run taken back: every file is again what it was before, or none is touched."""

from __future__ import annotations

import contextlib
import os
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from .._model_config import change
from .._model_config.reload_impact import FULL_RELOAD, NONE, reload_impact
from . import backup, transaction
from .backup import Backup, Keeping, Replacement
from .discovery import CONFIG_FILE, model_directory, model_path_of, repository_of
from .files import Attributes, FileError, attributes_of, link_at, read_file
from .lock import locked
from .manifest import Entry
from .results import diff, printable

RESTORED, CREATED, REMOVED, UNCHANGED, SKIPPED = "restored", "created", "removed", "unchanged", "skipped"


class Step(NamedTuple):
    """What is to become of one file.

    Attributes:
        replacement: how it is put back, None where there is nothing to do or no way to.
        problem: why it is not certain that it should be, None where it is.
        forcible: whether ``force`` gets over the problem, by overwriting the file or by leaving it out.
    """

    entry: Entry
    action: str
    replacement: Optional[Replacement] = None
    problem: Optional[str] = None
    forcible: bool = True


def restore(backup_dir: str, backup_id: str, force: bool, dry_run: bool) -> Dict[str, Any]:
    """Put back what the files of a backup were, and say what changed, as a module returns it.

    Args:
        backup_id: the identifier, or `backup.LATEST`.
        force: overwrite files that were changed since, and leave out those that cannot be put back any more.
        dry_run: plan only.

    Raises:
        FileError: the backup cannot be used, a file was changed since, or one cannot be read or written. All files
            are as they were.
        RepositoryError: a model's directory cannot be read.
    """
    kept = backup.read(backup_dir, backup_id)
    if dry_run:
        return _restore(backup_dir, kept, force, dry_run)
    paths = [entry.path for entry in kept.manifest.files]
    with locked([repository_of(path) for path in [*paths, *map(os.path.realpath, paths)]]):
        return _restore(backup_dir, kept, force, dry_run)


def _restore(backup_dir: str, kept: Backup, force: bool, dry_run: bool) -> Dict[str, Any]:
    steps = [_plan(entry, kept) for entry in kept.manifest.files]
    obstacles = [step for step in steps if step.problem and not (force and step.forcible)]
    if obstacles:
        raise FileError(_refusal(kept.manifest.backup_id, obstacles))
    replacements = [step.replacement for step in steps if step.replacement]
    emptied = _emptied(steps)
    results = [_as_result(step) for step in steps]
    saved = transaction.Saved()
    if not dry_run:
        saved = transaction.write(replacements, Keeping(backup_dir), undoes=kept.manifest.backup_id)
        for directory in emptied:
            with contextlib.suppress(OSError):  # somebody has put something in there
                os.rmdir(directory)
    return {
        "changed": bool(replacements or emptied),
        "backup_id": kept.manifest.backup_id,
        "undo_id": saved.backup_id,
        "files": printable(results),
        "diff": [diff(item.path, item.before, item.after) for item in replacements],
        "warnings": [printable(f"{step.problem} It was left out.") for step in steps if step.action == SKIPPED],
    }


def _plan(entry: Entry, kept: Backup) -> Step:
    path, before = entry.path, entry.before
    was = None if before is None else kept.contents[before.file]
    if not os.path.isdir(model_path_of(path)):
        if before is None:
            return Step(entry, UNCHANGED)
        return Step(entry, SKIPPED, problem=f"{path}: the directory of its model is not there any more.")
    follow = before is not None and before.link is None
    target = backup.place_of(path, follow)
    if target != entry.target:
        return Step(entry, SKIPPED, problem=f"{path}: leads to {target} now, and the run changed {entry.target}.")
    if before is not None and before.link is not None:
        return _plan_link(entry, before.link, was)
    try:
        now = read_file(path)
    except FileError as error:
        return Step(entry, SKIPPED, problem=str(error), forcible=False)
    if now == was and (before is None or _has(path, before.attributes)):
        return Step(entry, UNCHANGED)
    replacement = Replacement(path, now, was, before and before.attributes)
    action = REMOVED if was is None else CREATED if now is None else RESTORED
    problem = None if now == was or backup.digest(now) == entry.after_sha256 else _changed_since(entry, now)
    return Step(entry, action, replacement, problem)


def _has(path: str, attributes: Attributes) -> bool:
    """Whether a file has these attributes, but for those that move with its contents or that its mode shows."""
    now = attributes_of(path)
    return (now.mode, now.uid, now.gid) == (attributes.mode, attributes.uid, attributes.gid)


def _plan_link(entry: Entry, link: str, was: Optional[bytes]) -> Step:
    """How a link is put back that the run removed. What it leads to was left alone then, and is now."""
    path = entry.path
    if os.path.lexists(path):
        if link_at(path) == link:
            return Step(entry, UNCHANGED)
        return Step(entry, SKIPPED, problem=f"{path}: there is something else now in the place of the link to {link}.")
    try:
        now = read_file(os.path.join(os.path.realpath(os.path.dirname(path)), link))
    except FileError as error:
        return Step(entry, SKIPPED, problem=str(error), forcible=False)
    if now is None:
        return Step(entry, SKIPPED, problem=f"{path}: was a link to {link}, which is not there any more.")
    changed = None if now == was else f"{path}: was a link to {link}, which was changed after the run."
    return Step(entry, CREATED, Replacement(path, None, now, link=link), changed)


def _changed_since(entry: Entry, now: Optional[bytes]) -> str:
    if now is None:
        return f"{entry.path}: was removed after the run."
    if entry.after_sha256 is None:
        return f"{entry.path}: was removed by the run, and made anew after it."
    return f"{entry.path}: was changed after the run: it holds neither what the run wrote nor what was there before."


def _refusal(backup_id: str, obstacles: Sequence[Step]) -> str:
    lines = [f"The run {backup_id} cannot simply be taken back, and nothing was changed:"]
    lines += [str(step.problem) for step in obstacles]
    if all(step.forcible for step in obstacles):
        lines.append(
            "With force: true, what was changed or removed since is overwritten, after a backup of it was made, and "
            "what has no place any more is left out."
        )
    else:
        lines.append("Correct this first. Not even force: true gets over it.")
    return str(printable("\n".join(lines)))


def _emptied(steps: Sequence[Step]) -> List[str]:
    """The directories that the run made and that are empty when the steps are done."""
    removed = {step.entry.path for step in steps if step.action in (REMOVED, UNCHANGED) and step.entry.before is None}
    directories = {os.path.dirname(step.entry.path) for step in steps if step.entry.made_directory}
    emptied = []
    for directory in sorted(directories):
        with contextlib.suppress(OSError):
            if {os.path.join(directory, name) for name in os.listdir(directory)} <= removed:
                emptied.append(directory)
    return emptied


def _as_result(step: Step) -> Dict[str, Any]:
    return {"path": step.entry.path, "action": step.action, "reload_impact": _impact(step.replacement)}


def _impact(replacement: Optional[Replacement]) -> str:
    """What a running server has to do when a file is put back."""
    if replacement is None or replacement.before == replacement.after:
        return NONE
    if _changes_which_file_is_read(replacement):
        return FULL_RELOAD
    try:
        before, after = (change.parse(text or b"").data for text in (replacement.before, replacement.after))
    except change.InvalidConfigError:
        return FULL_RELOAD  # as soon as the server can read it
    return reload_impact(before, after)


def _changes_which_file_is_read(replacement: Replacement) -> bool:
    """Whether a server with ``--model-config-name`` may go over to another file, or take this one for a model file."""
    if os.path.basename(replacement.path) != CONFIG_FILE and None in (replacement.before, replacement.after):
        return True
    home = model_path_of(replacement.path)
    return len(model_directory(os.path.dirname(home), os.path.basename(home)).configs) > 1
