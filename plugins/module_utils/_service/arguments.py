# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Options given as data, checked against what a server knows, as its command line.

Triton does not start with an option that it does not know, so such an option is found before anything is changed.
"""

from __future__ import annotations

import difflib
from typing import Any, Dict, List, Mapping, NamedTuple, Tuple

from .errors import ServiceError
from .options import BOOL, FLAG, FLOAT, INT, OPTIONS

_TRUE, _FALSE = ("true", "on", "yes", "1"), ("false", "off", "no", "0")


class CommandLine(NamedTuple):
    """``arguments`` in the order of the options, and sentences on what should not be used any more."""

    arguments: List[str]
    warnings: List[str]


def command_line(options: Mapping[str, Any], known: Mapping[str, str], version: str) -> CommandLine:
    """The arguments for ``options``.

    Names may have underscores for dashes. A list gives the option once for each value; null and an empty text leave
    an option out, as does false for one without a value. ``known`` has the kind of value by the name of each option
    that the server knows. Raises ServiceError with every problem at once.
    """
    arguments: List[str] = []
    problems: List[str] = []
    warnings: List[str] = []
    seen: Dict[str, str] = {}
    for given, value in options.items():
        name = str(given).replace("_", "-").lstrip("-")
        if name in seen:
            problems.append(f"'{given}' and '{seen[name]}' are the same option. Give it once, with a list of values.")
        seen[name] = str(given)
        if value is None or value == "":
            continue
        if name not in known:
            problems.append(_unknown(name, known, version))
            continue
        if name in OPTIONS and OPTIONS[name].instead:
            warnings.append(f"--{name} is deprecated: Triton wants --{OPTIONS[name].instead} instead.")
        for item in value if isinstance(value, (list, tuple)) else [value]:
            argument, problem = _argument(name, known[name], item)
            if problem:
                problems.append(problem)
            elif argument:
                arguments.append(argument)
    if problems:
        raise ServiceError("\n".join(problems))
    return CommandLine(arguments, warnings)


def _unknown(name: str, known: Mapping[str, str], version: str) -> str:
    server = f"tritonserver {version}".strip()
    if name in OPTIONS and OPTIONS[name].since:
        return (
            f"{server} does not know --{name}, which came with {OPTIONS[name].since}. "
            "Leave it out, or install that release."
        )
    near = difflib.get_close_matches(name, list(known), 1)
    hint = f" Did you mean --{near[0]}?" if near else ""
    return f"{server} does not know --{name}, and would not start with it.{hint}"


def _argument(name: str, kind: str, value: Any) -> Tuple[str, str]:
    """The argument and no problem, or the other way round."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(value, (dict, list, tuple)) or value is None:
        return "", f"--{name} takes text or numbers, or a list of them, not {type(value).__name__}."
    if "\0" in text or "\n" in text:
        return "", f"The value of --{name} has a line break or a NUL in it."
    if kind in (BOOL, FLAG) and text.lower() not in _TRUE + _FALSE:
        return "", f"--{name} is true or false, not {text!r}."
    if kind == FLAG:
        return (f"--{name}" if text.lower() in _TRUE else ""), ""
    if kind == BOOL:
        return f"--{name}={'true' if text.lower() in _TRUE else 'false'}", ""
    if kind in (INT, FLOAT) and not _is_number(text, kind):
        return "", f"--{name} takes {'a whole number' if kind == INT else 'a number'}, not {text!r}."
    return f"--{name}={text}", ""


def _is_number(text: str, kind: str) -> bool:
    try:
        int(text) if kind == INT else float(text)
    except ValueError:
        return False
    return True
