# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits for a service, and says on the controller what it waits for: a module could not be heard before its end."""

from __future__ import annotations

import time
from typing import Any, Dict, Optional

from ansible.plugins.action import ActionBase
from ansible_collections.inference.triton.plugins.module_utils._service import gate

MODULE = "inference.triton.server_service_info"
SPOKEN_AGAIN = 30.0  # seconds after which the same progress is told once more
SPEC: Dict[str, Any] = {
    "unit": {"type": "str", "default": "triton.service"},
    "url": {"type": "str", "default": "http://127.0.0.1:8000"},
    "headers": {"type": "dict", "default": {}, "no_log": True},
    "timeout": {"type": "float", "default": 600},
    "interval": {"type": "float", "default": 3},
    "models": {"type": "str", "choices": [gate.ALL, gate.NO_WORSE, gate.SERVER], "default": gate.ALL},
    "ready_before": {"type": "list", "elements": "str", "default": []},
}


class ActionModule(ActionBase):
    _requires_connection = True
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        result: Dict[str, Any] = super().run(tmp, task_vars)
        _checked, options = self.validate_argument_spec(SPEC)  # type: ignore[no-untyped-call]
        if self._task.check_mode:
            return {**result, "skipped": True, "msg": "In check mode there is nothing to wait for."}
        return {**result, **self._wait(options, task_vars or {})}

    def _wait(self, options: Dict[str, Any], task_vars: Dict[str, Any]) -> Dict[str, Any]:
        began = time.monotonic()
        question = {name: options[name] for name in ("unit", "url", "headers")}
        run = told = ""
        told_at = began
        while True:
            seen = self._execute_module(MODULE, {**question, "run": run}, task_vars=task_vars)
            if seen.get("failed"):
                return dict(seen)
            run = run or seen["unit"]["run"]
            verdict = gate.judge(seen, run, options["models"], options["ready_before"])
            waited = time.monotonic() - began
            if verdict.done:
                return self._result(seen, verdict.failure, options, waited)
            if waited + options["interval"] > options["timeout"]:
                late = f"it is not ready after {options['timeout']:g} seconds: {verdict.progress}"
                return self._result(seen, late, options, waited)
            if verdict.progress != told or time.monotonic() - told_at > SPOKEN_AGAIN:
                told, told_at = verdict.progress, time.monotonic()
                host = task_vars.get("inventory_hostname", "")
                self._display.display(f"  {host}: {told} ({waited:.0f} of {options['timeout']:g} seconds)")
            time.sleep(options["interval"])

    def _result(self, seen: Dict[str, Any], failure: str, options: Dict[str, Any], waited: float) -> Dict[str, Any]:
        ready = sorted({model["name"] for model in seen["models"] if model["state"] == gate.READY})
        result = {name: seen[name] for name in ("phase", "unit", "server_version", "ready", "models")}
        result.update(
            changed=False,
            waited=round(waited, 1),
            ready_models=ready,
            not_ready=[gate.line(model) for model in gate.not_ready(seen["models"])],
        )
        result["failure"] = failure
        if failure:
            return {**result, "failed": True, "msg": f"{options['unit']}: {failure}"}
        return {**result, "msg": f"{options['unit']}: tritonserver {seen['server_version']} is up, READY: {len(ready)}"}
