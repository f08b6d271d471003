# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What the log of a server says of devices and of loads.

Source: triton common, src/logging.cc (both formats tell the time in UTC, the default one without the year, ISO8601
without fractions of a second); core:src/model_repository_manager/model_lifecycle.cc and model_repository_manager.cc;
seen from tritonserver 2.51.0. A failed update in place has a line without a reason. A message is a JSON string since
quotes stand around it; older releases have neither.
"""

from __future__ import annotations

import datetime
import json
import re
import time
from typing import Dict, Iterable, List, Match, Optional, Tuple

from .records import LoadEvent, PlacementLog

# What a container engine or journald puts before a line does not matter.
_DEFAULT = re.compile(r"(?:^|[ \t])[IWEF](\d\d)(\d\d) (\d\d):(\d\d):(\d\d)\.(\d{1,6})[ \t]+(\d+) ([\w.+-]+):\d+\] (.*)")
_ISO8601 = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z [A-Z]+[ \t]+(\d+) ([\w.+-]+):\d+\] (.*)")
_FIRST_FILE = "pinned_memory_manager.cc"  # whose line is the first of a start (core:src/server.cc)
_INSTANCE = re.compile(r"TRITONBACKEND_ModelInstanceInitialize: (.+) \((CPU|GPU|MODEL) device (\d+)\)")
_LOADED = re.compile(r"successfully loaded '(.+?)'")
_REFUSED = (
    re.compile(r"failed to load '(?P<name>.+?)' version (?P<version>\d+): (?P<reason>.*)", re.DOTALL),
    re.compile(r"failed to load model '(?P<name>.+?)': (?P<reason>.*)", re.DOTALL),
    re.compile(r"Poll failed for model directory '(?P<name>.+?)': (?P<reason>.*)", re.DOTALL),
    re.compile(r"failed to load '(?P<name>.+?)'"),
)
_A_DAY = 86400.0
# One of them is in each line that counts; in few of the others, so that what reads the log can pass over these.
FIRST = ("Pinned memory pool ", "Unable to allocate pinned system memory")
TELLING = (*FIRST, "ModelInstanceInitialize", "loaded '", "to load ", "Poll failed")


def is_start(line: str) -> bool:
    """Whether a line is the first one that a server logs."""
    found = _DEFAULT.search(line) or _ISO8601.search(line)
    return found is not None and _begins(*found.groups()[-2:])


def read_log(lines: Iterable[str], now: Optional[float] = None) -> PlacementLog:
    """Read a log. Only the last start of a server in it counts.

    Args:
        now: seconds since the epoch, by which a line without a year gets its own; None for the clock's.
    """
    reader = _Reader(time.time() if now is None else now)
    for line in lines:
        if any(word in line for word in TELLING):
            reader.take(line)
    return PlacementLog(reader.instances, reader.loads, reader.starts)


class _Reader:
    def __init__(self, now: float) -> None:
        self.now = now
        self.process = ""
        self.begin(False)

    def begin(self, starts: bool) -> None:
        self.instances: Dict[str, List[Tuple[str, int]]] = {}
        self.loads: Dict[str, List[LoadEvent]] = {}
        self.starts = starts
        self.unsaid: Dict[str, bool] = {}  # models whose failure was told with its reason, and is told once more

    def take(self, line: str) -> None:
        found = _DEFAULT.search(line)
        at: Optional[float] = None
        if found is not None:
            at = _time(self.now, found)
        else:
            found = _ISO8601.search(line)
            if found is None:
                return
            at = _iso_time(found)
        process, file, text = found.groups()[-3:]
        starts = _begins(file, text)
        if starts or (self.process and process != self.process):
            self.begin(starts)
        self.process = process
        self.event(_message(text.rstrip()), at)

    def event(self, text: str, at: Optional[float]) -> None:
        instance, loaded = _INSTANCE.match(text), _LOADED.match(text)
        if instance is not None:
            name, kind, device = instance.groups()
            self.instances.setdefault(name, []).append((f"KIND_{kind}", int(device)))
        elif loaded is not None:
            self.add(loaded.group(1), LoadEvent("", True, "", at))
        else:
            refused = next(filter(None, (pattern.match(text) for pattern in _REFUSED)), None)
            if refused is not None:
                self.refuse(refused.groupdict(), at)

    def refuse(self, said: Dict[str, Optional[str]], at: Optional[float]) -> None:
        name, reason = said["name"] or "", said.get("reason")
        if reason is None and self.unsaid.pop(name, False):
            return
        if reason is not None and "version" in said:
            self.unsaid[name] = True
        self.add(name, LoadEvent(said.get("version") or "", False, reason or "", at))

    def add(self, name: str, event: LoadEvent) -> None:
        self.loads.setdefault(name, []).append(event)


def _begins(file: str, text: str) -> bool:
    # The same file tells of every buffer with --log-verbose, and once that there is no more pinned memory.
    return file == _FIRST_FILE and text.lstrip('"').startswith(FIRST)


def _message(text: str) -> str:
    """What stands behind the place of a line, without its quotes."""
    if not text.startswith('"'):
        return text
    try:
        # An escape may stand for half a character, which no output takes.
        return str(json.loads(text, strict=False)).encode("utf-8", "replace").decode("utf-8")
    except ValueError:  # cut off, or with something behind it
        return text[1:].rstrip('"')


def _time(now: float, found: Match[str]) -> Optional[float]:
    """The time of a line that has no year: the last such day that is not in the future."""
    month, day, hour, minute, second = map(int, found.groups()[:5])
    fraction = int(found.group(6).ljust(6, "0"))
    year = datetime.datetime.fromtimestamp(now, datetime.timezone.utc).year
    for candidate in (year + 1, year, year - 1, year - 2, year - 3):  # the 29th of February is not in every one
        at = _seconds(candidate, month, day, hour, minute, second, fraction)
        if at is not None and at <= now + _A_DAY:
            return at
    return None


def _iso_time(found: Match[str]) -> Optional[float]:
    """The end of the second that the line names: what it tells of happened by then."""
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    return _seconds(year, month, day, hour, minute, second, 999999)


def _seconds(year: int, month: int, day: int, hour: int, minute: int, second: int, fraction: int) -> Optional[float]:
    try:
        return datetime.datetime(
            year, month, day, hour, minute, second, fraction, tzinfo=datetime.timezone.utc
        ).timestamp()
    except ValueError:
        return None
