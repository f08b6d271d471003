# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The options of a verification: those of the module placement_info, which the checker on a host takes from a file."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Dict, Mapping, Optional

from .._gpu.detection import given_or_detected
from .._gpu.server_installation import read_installation
from .._model_config.findings import ConfigError
from .._model_config.release import parse_release
from .._model_config.schema import suggest
from .._placement.server import server_view
from .._policy.decision import Host
from .._policy.gpus import VisibleGpus
from .._policy.parsing import parse_policy
from .._server import connection
from .verify import Request

GRADES = ("contradicted", "unproved", "consistent")  # that a task may fail on
ARGUMENTS: Dict[str, Any] = {
    **connection.ARGUMENTS,
    "repositories": {"type": "list", "elements": "path", "required": True},
    "policy": {"type": "dict"},
    "config_name": {"type": "str"},
    "models": {"type": "list", "elements": "str", "default": []},
    "gpus": {"type": "list", "elements": "dict"},
    "cuda_visible_devices": {"type": "str"},
    "driver_version": {"type": "str"},
    "triton_release": {"type": "str"},
    "min_supported_compute_capability": {"type": "str"},
    "cuda_compat": {"type": "path"},
    "auto_complete": {"type": "bool", "default": True},
    "service": {"type": "str"},
    "server_log": {"type": "path"},
    "probe": {"type": "bool", "default": False},
    "fail_on": {"type": "list", "elements": "str", "choices": list(GRADES), "default": []},
}


def completed(options: Mapping[str, Any]) -> Dict[str, Any]:
    """Options as a file has them, with the defaults of those that it leaves out.

    Raises:
        ConfigError: with every name that is none of an option, and every option that has to be there and is not.
    """
    unknown = [name for name in options if name not in ARGUMENTS]
    missing = [name for name, spec in ARGUMENTS.items() if spec.get("required") and name not in options]
    problems = [f"{name}: there is no such option.{suggest(name, ARGUMENTS)}" for name in unknown]
    problems += [f"{name}: is missing." for name in missing]
    if problems:
        raise ConfigError(problems)
    return {**{name: spec.get("default") for name, spec in ARGUMENTS.items()}, **options}


def parse(options: Mapping[str, Any], visible: Optional[VisibleGpus] = None) -> Request:
    """What the options ask for. The GPUs of this host are looked for where they are not given.

    Args:
        options: all of `ARGUMENTS`, with Ansible's types.
        visible: what a server sees of the GPUs, for whoever has looked for them already.

    Raises:
        ConfigError, PolicyError, ServerError: an option is not what it should be.
    """
    asked = connection.Connection(options)
    policy = None if options["policy"] is None else parse_policy(options["policy"])
    release = options["triton_release"]
    server = server_view(
        visible or given_or_detected(options["gpus"], options["cuda_visible_devices"], options["driver_version"]),
        release,
        options["min_supported_compute_capability"],
        auto_complete=options["auto_complete"],
        config_name=options["config_name"] or None,
        installation=read_installation(options["cuda_compat"], options["server_log"]),
    )
    today = datetime.now(timezone.utc).date()
    return Request(
        connection=asked,
        repositories=options["repositories"],
        server=server,
        policy=policy,
        host=Host(today, server.visible(), release=None if release is None else parse_release(release)),
        patterns=options["models"],
        service=_unit(options["service"]),
        server_log=options["server_log"],
        probe=options["probe"],
    )


def _unit(name: Optional[str]) -> Optional[str]:
    """The whole name of a systemd unit, of which the type may be left out."""
    if not name:
        return None
    return name if name.endswith(".service") else f"{name}.service"
