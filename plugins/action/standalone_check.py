# SPDX-License-Identifier: GPL-3.0-or-later
"""The action standalone_check: see the documentation of the module of this name."""

from __future__ import annotations

import base64
import json
import re
import tempfile
from pathlib import Path
from typing import Any, Collection, Dict, Mapping, NamedTuple, Optional

from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.inference.triton.plugins.plugin_utils._standalone_archive import (
    ArchiveError,
    Description,
    build,
    describe,
)

Result = Dict[str, Any]

_COLLECTION = Path(__file__).resolve().parents[2]


class _Check(NamedTuple):
    command: str
    entry: str


_CHECKS = {
    "gpu": _Check("triton-gpu", "_gpu/command_line.py"),
    "placement": _Check("triton-placement", "_verification/command_line.py"),
}
_FOR_COPY = ("owner", "group", "mode", "selevel", "serole", "setype", "seuser", "backup", "unsafe_writes", "attributes")


class ActionModule(ActionBase):
    TRANSFERS_FILES = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Result:
        super().run(tmp, task_vars)
        spec: Dict[str, Any] = {name: {"type": "raw"} for name in _FOR_COPY}
        spec["check"] = {"choices": sorted(_CHECKS), "required": True}
        spec["dest"] = {"type": "str", "required": True}
        spec["python"] = {"type": "str", "default": "/usr/bin/python3"}
        _checked, options = self.validate_argument_spec(spec)  # type: ignore[no-untyped-call]
        python, dest, check = options["python"], options["dest"], _CHECKS[options["check"]]
        if not re.match(r"/[\w./+-]+\Z", python):
            raise AnsibleActionFail(f"python: '{python}' is no absolute path of letters, digits and ._+-")
        try:
            archive = build(_COLLECTION / "plugins/module_utils", check.entry, check.command, _version(), python)
        except ArchiveError as error:
            raise AnsibleActionFail(f"the check '{options['check']}' cannot be built: {error}") from error
        copied = {name: options[name] for name in _FOR_COPY if options[name] is not None}
        # What cannot run on this host is not put in place.
        copied.update(dest=dest, validate=f"{python} -I %s --version")
        before = self._installed(dest, task_vars) if self._task.diff else None
        result = self._copy(archive, check.command, copied, task_vars)
        if not result.get("failed"):
            result["version"] = _version()
            if before is not None:
                result["diff"] = [_difference(before, archive, dest)] if result.get("changed") else []
        return result

    def _installed(self, dest: str, task_vars: Optional[Dict[str, Any]]) -> bytes:
        """What is there now; nothing where it cannot be read, since the copying says why."""
        answer = self._execute_module("ansible.legacy.slurp", module_args={"src": dest}, task_vars=task_vars)
        return base64.b64decode(answer.get("content", ""))

    def _copy(self, content: bytes, name: str, options: Result, task_vars: Optional[Dict[str, Any]]) -> Result:
        with tempfile.TemporaryDirectory(dir=C.DEFAULT_LOCAL_TMP) as folder:  # type: ignore[attr-defined]
            # Under a destination that is a directory it gets this name.
            path = Path(folder) / name
            path.write_bytes(content)
            task = self._task.copy()
            task.args = {**options, "src": str(path)}
            # Its diff would only say that the file is binary.
            task.diff = False
            copy = self._shared_loader_obj.action_loader.get(
                "ansible.legacy.copy",
                task=task,
                connection=self._connection,
                play_context=self._play_context,
                loader=self._loader,
                templar=self._templar,
                shared_loader_obj=self._shared_loader_obj,
            )
            result: Result = copy.run(task_vars=task_vars)
        return {name: value for name, value in result.items() if name not in ("src", "diff")}


def _version() -> str:
    """Of this collection: a release knows it from its manifest, a clone from its galaxy.yml."""
    manifest, galaxy = _COLLECTION / "MANIFEST.json", _COLLECTION / "galaxy.yml"
    if manifest.is_file():
        return str(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])
    found = re.search(r"(?m)^version:\s*(\S+)", galaxy.read_text(encoding="utf-8")) if galaxy.is_file() else None
    return found.group(1) if found else "unknown"


def _difference(before: bytes, after: bytes, dest: str) -> Mapping[str, str]:
    """What people can compare: release, checksum, and of the parts those that differ."""
    old, new = describe(before), describe(after)
    differing = {name for name, digest in {**old.files, **new.files}.items() if old.files.get(name) != digest}
    shown = differing if old.files and old.version else set()
    return {
        "before_header": dest if before else f"{dest} (absent)",
        "after_header": dest,
        "before": _listing(old, shown) if before else "",
        "after": _listing(new, shown),
    }


def _listing(description: Description, shown: Collection[str]) -> str:
    lines = [f"version {description.version or 'unknown'}", f"sha256 {description.digest}"]
    lines += [f"{digest[:16]}  {name}" for name, digest in sorted(description.files.items()) if name in shown]
    return "".join(f"{line}\n" for line in lines)
