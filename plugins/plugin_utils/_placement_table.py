# SPDX-License-Identifier: GPL-3.0-or-later
# This plugin util is PRIVATE to the collection: it can change without notice.
"""The report on a fleet as lines of text that fit a width: a table of the hosts, the sums, and what needs attention."""

from __future__ import annotations

import textwrap
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from ._listing import counted, named
from ._placement_attention import Group
from ._placement_fleet import Fleet, Row

WIDTH = 100
MOST_ROWS = 50
MOST_GROUPS = 25
MOST_NAMES = 10
_NARROWEST_HOST = 12
_NARROWEST_TEXT = 40
_GAP = "  "


class Line(NamedTuple):
    """A line; ``severity`` (``error``, ``warning`` or empty) is what its colour may tell."""

    text: str
    severity: str = ""


class _Column(NamedTuple):
    """A column of numbers: its heading, a shorter one, and the cell of a row, None where there is nothing to say."""

    heading: str
    short: str
    cell: Callable[[Row], Optional[str]]
    always: bool = True


def _number(part: str, name: str) -> Callable[[Row], Optional[str]]:
    def cell(row: Row) -> Optional[str]:
        numbers: Optional[Dict[str, int]] = getattr(row, part)
        return None if numbers is None else str(numbers[name])

    return cell


def _gpus(row: Row) -> Optional[str]:
    if row.usable is None:
        return None
    return str(row.usable) if row.present is None else f"{row.usable}/{row.present}"


def _changed(still_to_be: bool) -> Callable[[Row], Optional[str]]:
    def cell(row: Row) -> Optional[str]:
        return _number("statuses", "changed")(row) if row.to_change is still_to_be or row.statuses is None else "0"

    return cell


# Of the server, and of the policy. A column that is not always there is left out where all its numbers are 0.
_SERVER = (
    _Column("GPUS", "GPUS", _gpus),
    _Column("MODELS", "MODELS", lambda row: None if row.models is None else str(row.models)),
    _Column("ON GPU", "GPU", _number("devices", "on_gpu")),
    _Column("ON CPU", "CPU", _number("devices", "on_cpu")),
    _Column("KIND_MODEL", "MODEL", _number("devices", "on_model"), False),
    _Column("NOT SERVED", "UNSRV", _number("devices", "not_served"), False),
    _Column("PROVED", "PROV", _number("grades", "proved")),
    _Column("CONSISTENT", "CONS", _number("grades", "consistent")),
    _Column("UNPROVED", "UNPR", _number("grades", "unproved")),
    _Column("CONTRADICTED", "CONTR", _number("grades", "contradicted")),
)
_POLICY = (
    _Column("COMPLIANT", "COMPL", _number("statuses", "compliant")),
    _Column("CHANGED", "CHGD", _changed(False), False),
    _Column("TO CHANGE", "TO CH", _changed(True), False),
    _Column("VIOLATION", "VIOL", _number("statuses", "violation"), False),
    _Column("WAIVED", "WAIV", _number("statuses", "waived"), False),
    _Column("EXEMPT", "EXEM", _number("statuses", "exempt"), False),
    _Column("INCOMPATIBLE", "INCOM", _number("statuses", "incompatible"), False),
    _Column("TEMPLATE", "TEMPL", _number("statuses", "template"), False),
    _Column("INVALID", "INVAL", _number("statuses", "invalid"), False),
    _Column("UNMATCHED", "UNMAT", _number("statuses", "unmatched"), False),
)


class _Cells(NamedTuple):
    """A line of a table; ``others`` is the number of further hosts that it stands for."""

    host: str
    state: str
    severity: str
    numbers: Tuple[str, ...]
    others: int = 0

    def name(self, width: Optional[int] = None) -> str:
        others = f" +{self.others}" if self.others else ""
        return (self.host if width is None else _cut(self.host, max(width - len(others), 1))) + others


def report(fleet: Fleet, width: int = WIDTH, elsewhere: str = "") -> List[Line]:
    """The lines of the whole report.

    Args:
        width: number of columns that a line may have. The numbers of the table are shown even where it is too small.
        elsewhere: where everything is that is cut short here, ``see fleet.json``; empty where it is nowhere.
    """
    lines = [*_table(fleet.rows, width, elsewhere), Line("")]
    lines += [Line(text) for text in textwrap.wrap(fleet.summary(), max(width, _NARROWEST_TEXT))]
    for group in fleet.attention[:MOST_GROUPS]:
        lines += [Line(""), *_told(group, max(width, _NARROWEST_TEXT), elsewhere)]
    more = len(fleet.attention) - MOST_GROUPS
    if more > 0:
        lines += [Line(""), Line(f"and {counted(more, 'more problem')}" + (f", {elsewhere}" if elsewhere else ""))]
    return lines


def _table(rows: Sequence[Row], width: int, elsewhere: str) -> Iterator[Line]:
    for number, (columns, short) in enumerate(_tables(rows, width)):
        if number:
            yield Line("")
        yield from _block(columns, short, rows, width, elsewhere)


def _tables(rows: Sequence[Row], width: int) -> List[Tuple[List[_Column], bool]]:
    """The columns of one table, under short headings where long ones do not fit; of several where neither do."""
    server, policy = ([column for column in block if _is_used(column, rows)] for block in (_SERVER, _POLICY))
    for short in (False, True):
        if _least([*server, *policy], rows, short) <= width:
            return [([*server, *policy], short)]
    parts = [part for block in (server, policy) for part in _split(block, rows, width)]
    return [(part, _least(part, rows, False) > width) for part in parts]


def _split(columns: Sequence[_Column], rows: Sequence[Row], width: int) -> List[List[_Column]]:
    parts: List[List[_Column]] = []
    for column in columns:
        if parts and _least([*parts[-1], column], rows, True) <= width:
            parts[-1].append(column)
        else:
            parts.append([column])
    return parts


def _is_used(column: _Column, rows: Sequence[Row]) -> bool:
    cells = {column.cell(row) for row in rows} - {None}
    return bool(cells if column.always else cells - {"0"})


def _heading(column: _Column, short: bool) -> str:
    return column.short if short else column.heading


def _widths(columns: Sequence[_Column], rows: Sequence[Row], short: bool) -> List[int]:
    return [max([len(_heading(column, short)), *(len(column.cell(row) or "-") for row in rows)]) for column in columns]


def _state_width(rows: Sequence[Row]) -> int:
    return max([len("STATE"), *(len(row.state) for row in rows)])


def _least(columns: Sequence[_Column], rows: Sequence[Row], short: bool) -> int:
    """The columns of text that a table of these needs, with names of hosts cut to the shortest that is of use."""
    longest = max([len("HOST"), *(len(row.host) for row in rows)])
    numbers = sum(len(_GAP) + width for width in _widths(columns, rows, short))
    return min(longest, _NARROWEST_HOST) + len(_GAP) + _state_width(rows) + numbers


def _block(columns: Sequence[_Column], short: bool, rows: Sequence[Row], width: int, elsewhere: str) -> Iterator[Line]:
    cells = _together([_cells(row, columns) for row in rows])
    widths = _widths(columns, rows, short)
    state = _state_width(rows)
    room = max(_NARROWEST_HOST, width - len(_GAP) - state - sum(len(_GAP) + one for one in widths))
    longest = min(room, max([len("HOST"), *(len(row.name()) for row in cells)]))
    yield Line(_line("HOST", "STATE", [_heading(column, short) for column in columns], longest, state, widths))
    for row in cells[:MOST_ROWS]:
        yield Line(_line(row.name(longest), row.state, row.numbers, longest, state, widths), row.severity)
    more = len(cells) - MOST_ROWS
    if more > 0:
        yield Line(f"and {counted(more, 'more line')}" + (f", {elsewhere}" if elsewhere else ""))


def _cells(row: Row, columns: Sequence[_Column]) -> _Cells:
    return _Cells(row.host, row.state, row.severity, tuple(column.cell(row) or "-" for column in columns))


def _together(rows: Sequence[_Cells]) -> List[_Cells]:
    """The rows; of too many, those that differ only in the name of the host become one: ``gpu-1 +9``."""
    if len(rows) <= MOST_ROWS:
        return list(rows)
    alike: Dict[Tuple[object, ...], List[_Cells]] = {}
    for row in rows:
        alike.setdefault(row[1:], []).append(row)
    return [same[0]._replace(others=len(same) - 1) for same in alike.values()]


def _line(host: str, state: str, numbers: Sequence[str], longest: int, state_width: int, widths: Sequence[int]) -> str:
    aligned = [number.rjust(width) for number, width in zip(numbers, widths)]
    return _GAP.join([host.ljust(longest), state.ljust(state_width), *aligned]).rstrip()


def _cut(name: str, width: int) -> str:
    """A name without its middle, since both its ends tell it apart from others."""
    if len(name) <= width:
        return name
    head = max(width - 2, 1) // 2 + 1
    return f"{name[:head]}..{name[len(name) - max(width - 2 - head, 0) :]}"


def _told(group: Group, width: int, elsewhere: str) -> Iterator[Line]:
    yield Line(f"{group.severity}: {group.id}", group.severity)
    first = next(iter(group.hosts), "")
    models = list(dict.fromkeys(model for of_host in group.hosts.values() for model in of_host))
    more = f", {elsewhere}" if elsewhere and max(len(group.hosts), len(models)) > MOST_NAMES else ""
    if len(group.hosts) == 1 or not models:
        where = f"{named(models, MOST_NAMES)} on " if models else ""
        fields = [("where:", f"{where}{named(list(group.hosts), MOST_NAMES)}{more}")]
    else:
        fields = [
            ("models:", named(models, MOST_NAMES)),
            ("hosts:", f"{named(list(group.hosts), MOST_NAMES)}{more}"),
        ]
    example = f"For example {' on '.join([*group.hosts[first][:1], first])}: " if group.alike else ""
    fields += [("cause:", example + group.cause), ("do this:", group.cure)]
    for label, text in fields:
        for number, line in enumerate(textwrap.wrap(text, width - 11, break_on_hyphens=False)):
            yield Line(f"  {label if not number else '':<9}{line}")
