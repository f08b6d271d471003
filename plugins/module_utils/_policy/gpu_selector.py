# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Which GPUs a rule wants, said without knowing the host, and which those are among the GPUs that a server sees."""

from __future__ import annotations

import fnmatch
import re
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._model_config.findings import ConfigError
from .._model_config.schema import suggest
from .gpus import FROM_TASK, Gpu, VisibleGpus, describe, parse_compute_capability, parse_number

ALL = "all"


class Selector(NamedTuple):
    """What ``gpus`` of a rule asks for. What is None is not asked for.

    Attributes:
        text: the criteria as they were written, without ``count``, for messages: ``memory_gb: 40``.
        indices: exactly these ordinals, in this order.
        uuid: these devices, each by its UUID or by a beginning of it that fits one device only.
        memory_gb: at least so much, in units of 10^9 bytes: the 81559 MiB of an "80 GB" H100 are 85.5 of them.
        compute_capability: at least this one.
        name: shell patterns without regard to case, of which one has to fit.
        first: the ``count``: so many, by ordinal, of those that fit.
    """

    text: str = ""
    indices: Optional[Tuple[int, ...]] = None
    uuid: Optional[Tuple[str, ...]] = None
    memory_gb: Optional[float] = None
    compute_capability: Optional[Tuple[int, int]] = None
    name: Optional[Tuple[str, ...]] = None
    first: Optional[int] = None


class Selection(NamedTuple):
    """The outcome on one host.

    Attributes:
        ordinals: for ``gpus`` of an instance group; empty where there is a problem.
        problem: one sentence with what was asked for and what there is, or an empty string.
    """

    ordinals: Tuple[int, ...]
    problem: str = ""


def parse_selector(data: Any) -> Selector:
    """The selector in plain data: ``[0, 2]``, ``all``, or a mapping such as ``{memory_gb: 40, count: 2}``.

    Raises:
        ConfigError: with every mistake in it and its place (``gpus.memory_gb``).
    """
    problems: List[str] = []
    if data == ALL:
        selector = Selector()
    elif isinstance(data, Mapping) and data:
        selector = _criteria(data, problems)
    elif isinstance(data, (list, tuple)) and data:
        selector = Selector(indices=_indices(data, problems))
    else:
        keys = ", ".join(_READERS)
        raise ConfigError(
            [f"gpus: expected {ALL}, a list of numbers, or a mapping with any of {keys}; found {data!r}."]
        )
    if problems:
        raise ConfigError(problems)
    return selector


def select(selector: Selector, gpus: VisibleGpus) -> Selection:
    """The devices that ``selector`` means among those that the server sees.

    A device does not fit a criterion on what is not known of it.
    """
    ordinals = tuple(gpu.ordinal for gpu in gpus.gpus if _fits(gpu, selector))[: selector.first]
    problem = ""
    if selector.indices is not None:
        missing = [str(index) for index in selector.indices if index not in ordinals]
        ordinals = selector.indices
        problem = f"no GPU {' and no GPU '.join(missing)} here" if missing else ""
    elif selector.uuid is not None:
        problem = _uuid_problem(selector.uuid, gpus.gpus)
    if not problem and len(ordinals) < (selector.first or 1):
        many = f"only {len(ordinals)} of the {selector.first} GPUs" if ordinals else "no GPU"
        problem = f"{many}{' with ' if selector.text else ''}{selector.text} here"
    return Selection((), f"{problem}; {_what_there_is(gpus)}") if problem else Selection(ordinals)


def _fits(gpu: Gpu, selector: Selector) -> bool:
    for criterion, fact, fits in _TESTS:
        wanted, has = getattr(selector, criterion), getattr(gpu, fact)
        if wanted is not None and (has in (None, "") or not fits(wanted, has)):
            return False
    return True


_TESTS: Tuple[Tuple[str, str, Callable[[Any, Any], bool]], ...] = (
    ("uuid", "uuid", lambda beginnings, uuid: uuid.startswith(beginnings)),
    ("memory_gb", "memory_mib", lambda gb, mib: mib * 2**20 >= gb * 10**9),
    ("compute_capability", "compute_capability", lambda least, capability: capability >= least),
    ("name", "name", lambda patterns, name: any(fnmatch.fnmatchcase(name.lower(), p.lower()) for p in patterns)),
)


def _uuid_problem(beginnings: Sequence[str], gpus: Sequence[Gpu]) -> str:
    problems = []
    for beginning in beginnings:
        found = [str(gpu.ordinal) for gpu in gpus if gpu.uuid.startswith(beginning)]
        if not found:
            problems.append(f"no GPU with uuid: {beginning} here")
        elif len(found) > 1:
            problems.append(f"uuid: {beginning} is the beginning of more than one, {' and '.join(found)}")
    return "; ".join(problems)


def _what_there_is(gpus: VisibleGpus) -> str:
    seen = ", ".join(map(describe, gpus.gpus)) or "no GPU"
    parts = [
        f"the server sees {seen}" + (f" according to {gpus.source}" if gpus.gpus and gpus.source else ""),
        *gpus.hidden,
    ]
    if not gpus.gpus and gpus.source != FROM_TASK:
        parts.append("give gpus: to say what the server will see")
    return "; ".join(parts)


def _indices(data: Sequence[Any], problems: List[str]) -> Tuple[int, ...]:
    numbers: List[int] = []
    for index, value in enumerate(data):
        number = parse_number(value)
        if number is None:
            problems.append(f"gpus[{index}]: expected the number of a GPU, found {value!r}.")
        elif number in numbers:
            problems.append(f"gpus[{index}]: {number} is there twice.")
        else:
            numbers.append(number)
    return tuple(numbers)


def _criteria(data: Mapping[Any, Any], problems: List[str]) -> Selector:
    values: Dict[str, Any] = {}
    for key, value in data.items():
        if key not in _READERS:
            problems.append(f"gpus.{key}: there is no such key.{suggest(str(key), _READERS)}")
            continue
        read, expected = _READERS[key]
        values[key] = read(value)
        if not values[key]:
            problems.append(f"gpus.{key}: expected {expected}, found {value!r}.")
    first = values.pop("count", None)
    written = [f"{key}: {_written(value)}" for key, value in data.items() if key != "count"]
    return Selector(text=", ".join(written), first=first, **values)


def _written(value: Any) -> str:
    return " or ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _texts(value: Any) -> Optional[Tuple[str, ...]]:
    values = value if isinstance(value, (list, tuple)) else (value,)
    return tuple(values) if all(isinstance(text, str) and text for text in values) else None


def _gigabytes(value: Any) -> Optional[float]:
    match = re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", str(value).strip())
    return float(match.group()) if match else None


_READERS: Dict[str, Tuple[Callable[[Any], Any], str]] = {
    "uuid": (_texts, "a UUID or a list of them"),
    "memory_gb": (_gigabytes, "a number above 0, in units of 10^9 bytes"),
    "compute_capability": (parse_compute_capability, 'one like "8.0"'),
    "name": (_texts, "a shell pattern or a list of them"),
    "count": (parse_number, "a whole number from 1"),
}
