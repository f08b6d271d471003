# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What the checker on a host is told by its configuration, a file with one JSON object."""

from __future__ import annotations

import json
import os
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

from .._gpu.wanted import parse_wanted
from .._model_config.findings import ConfigError
from .._model_config.schema import suggest
from .._policy.parsing import PolicyError, parse_policy
from .._server.connection import Connection
from .._server.errors import ServerError
from .options import ARGUMENTS, completed

_SIZE_LIMIT = 64 * 2**20


class MonitorOptions(NamedTuple):
    """The configuration.

    Attributes:
        placement: options of `placement_info`, those of `options.ARGUMENTS`, complete, with the headers.
        headers_file: the file of these headers, which may be secret; None where there are none.
        gpu_root: of the file system that the GPUs are looked for in.
        expected_gpus: how many GPUs Triton should be able to use, None where nobody has said.
        accepted_gpu_states: errors of GPUs that are known and do not count, by their names.
        interval, timeout: seconds from one look to the next, and that one may take.
        remind: seconds after which a problem that is still there is told again.
        state_dir: where the state, the metrics and the lock are.
        textfile_link: where the role has put a link to the metrics, so that it finds it again. Nothing else uses it.
        health_address, health_port: where the health endpoint listens.
        health_intervals: intervals after which the last look is too old.
    """

    placement: Mapping[str, Any]
    headers_file: Optional[str] = None
    gpu_root: str = "/"
    expected_gpus: Optional[int] = None
    accepted_gpu_states: Tuple[str, ...] = ()
    interval: float = 60.0
    timeout: float = 45.0
    remind: float = 3600.0
    state_dir: str = "/var/lib/triton-placement"
    textfile_link: Optional[str] = None
    health_address: str = "127.0.0.1"
    health_port: int = 8085
    health_intervals: float = 3.0


class _Type(NamedTuple):
    name: str
    fits: Callable[[Any], bool]


def _is_number(value: Any) -> bool:
    # To Python, True is a number.
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_list_of(kind: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(isinstance(item, kind) for item in value)


_TEXT = _Type("a text", lambda value: isinstance(value, str))
_TEXTS = _Type("a list of texts", _is_list_of(str))
# JSON has the types that Ansible's argument specifications name, so nothing has to be converted.
_TYPES: Mapping[Any, _Type] = {
    "str": _TEXT,
    "path": _TEXT,
    "bool": _Type("true or false", lambda value: isinstance(value, bool)),
    "float": _Type("a number", _is_number),
    "dict": _Type("an object", lambda value: isinstance(value, dict)),
    ("list", "str"): _TEXTS,
    ("list", "path"): _TEXTS,
    ("list", "dict"): _Type("a list of objects", _is_list_of(dict)),
}


def _between(low: float, high: float) -> _Type:
    return _Type(f"a number from {low:g} to {high:g}", lambda value: _is_number(value) and low <= value <= high)


_OWN: Mapping[str, _Type] = {
    "placement": _TYPES["dict"],
    "headers_file": _TEXT,
    "gpu_root": _TEXT,
    "expected_gpus": _Type("a number of GPUs", lambda value: isinstance(value, int) and 0 <= value < 10**4),
    "accepted_gpu_states": _TEXTS,
    "interval": _between(1, 86400),
    "timeout": _between(1, 86400),
    "remind": _between(0, 10**9),
    "state_dir": _TEXT,
    "textfile_link": _TEXT,
    "health_address": _TEXT,
    "health_port": _Type("a port from 1 to 65535", lambda value: isinstance(value, int) and 0 < value < 65536),
    "health_intervals": _between(1, 1000),
}


class OptionsError(Exception):
    """The configuration cannot be used. Its text has every mistake that was found, each on a line."""


def read_options(path: str) -> MonitorOptions:
    """The configuration in a file, checked as far as it can be without a server.

    Raises:
        OptionsError: it is not there, or not good.
    """
    given = {name: value for name, value in _object(path).items() if value is not None}
    problems = [f"{name}: there is no such option.{suggest(name, _OWN)}" for name in given if name not in _OWN]
    problems += [_wrong(name, kind, given[name]) for name, kind in _OWN.items() if not _is_good(given, name, kind)]
    placement: Dict[str, Any] = {}
    if not problems:
        headers = _object(given["headers_file"]) if "headers_file" in given else {}
        placement = {**_given(given.get("placement", {})), "headers": headers}
        problems = _mistakes(placement, given)
    if problems:
        raise OptionsError("\n".join(f"{path}: {problem}" for problem in problems))
    values = {**given, "placement": completed(placement)}
    return MonitorOptions(**{**values, "accepted_gpu_states": tuple(given.get("accepted_gpu_states", ()))})


def gpu_options(placement: Mapping[str, Any], expected: Optional[int], seconds: float) -> Dict[str, Any]:
    """The options of `gpu_facts` that a verification has too."""
    names = ("triton_release", "min_supported_compute_capability", "cuda_compat", "server_log", "cuda_visible_devices")
    return {
        **{name: placement[name] for name in names},
        "expected_count": expected,
        "minimum_memory_gb": None,
        "minimum_compute_capability": None,
        "containers": None,
        "timeout": max(seconds, 1.0),
    }


def _object(path: str) -> Dict[str, Any]:
    try:
        with open(path, "rb") as file:
            found = json.loads(file.read(_SIZE_LIMIT).decode("utf-8"))
    except OSError as error:
        who = "" if os.geteuid() == 0 else " Root and the user of the service may read it."
        raise OptionsError(f"{path} cannot be read: {error.strerror}.{who}") from error
    except (ValueError, RecursionError) as error:
        raise OptionsError(f"{path} is not JSON: {error}. The role placement_monitor writes it.") from error
    if not isinstance(found, dict):
        raise OptionsError(f"{path} holds no JSON object. The role placement_monitor writes it.")
    return found


def _given(placement: Mapping[str, Any]) -> Dict[str, Any]:
    return {name: value for name, value in placement.items() if value is not None}


def _is_good(given: Mapping[str, Any], name: str, kind: _Type) -> bool:
    return name not in given or (kind.fits(given[name]) and not (isinstance(given[name], bool)))


def _wrong(name: str, kind: _Type, value: Any) -> str:
    # No text of an error holds what may be a secret, and no option that is told here is one.
    return f"{name}: expected {kind.name}, found {json.dumps(value)[:100]}."


def _mistakes(placement: Mapping[str, Any], own: Mapping[str, Any]) -> List[str]:
    """What is wrong with the options of a verification."""
    problems = []
    for name, spec in ARGUMENTS.items():
        kind = _TYPES[(spec["type"], spec["elements"]) if "elements" in spec else spec["type"]]
        if name in placement and not kind.fits(placement[name]):
            problems.append(_wrong(f"placement: {name}", kind, placement[name]))
    if problems:
        return problems
    try:
        options = completed(placement)
        if not options["repositories"]:
            problems.append("placement: repositories: there is none, so nothing can be compared. Give at least one.")
        Connection(options)
        parse_wanted(gpu_options(options, own.get("expected_gpus"), 1))
        if options["policy"] is not None:
            parse_policy(options["policy"])
    except (ConfigError, PolicyError, ServerError) as error:
        problems.append(f"placement: {error}")
    return problems
