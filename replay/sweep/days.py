"""SOURCE… -> days, each a date of a tape, a frames file or sim:SEED; of one symbol and scale."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from recorder.tape import Tape, find_tape
from replay.source import description, open_source
from replay.sweep.ledger import data_key


class SweepError(Exception):
    """Days that cannot be swept together, or a worker that cannot do its part."""


class Day(NamedTuple):
    """A stretch of market that is started into flat and cold."""

    name: str  # for people
    source: str  # what open_source takes
    symbol: str
    px_decimals: int
    qty_decimals: int
    key: str  # of what it holds: the ledger's


def days_of(sources: Sequence[str], symbol: str | None = None) -> tuple[list[Day], list[str]]:
    """The days, in the order they are named (a tape's by date), and notes for people.

    Raises SweepError for days that differ in symbol or scale or are given twice; SourceError and
    TapeError for what is no source.
    """
    days: list[Day] = []
    notes: list[str] = []
    for text in sources:
        parts, said = _dates(text, symbol)
        notes += said
        days += [_day(part, symbol) for part in parts]
    for day in days[1:]:
        _compare(days[0], day)
    seen: dict[str, Day] = {}
    for day in days:
        if day.key in seen:
            raise SweepError(
                f"{day.name} and {seen[day.key].name} hold the same data. A day that counts twice "
                "makes a result look surer than it is: name it once."
            )
        seen[day.key] = day
    return days, notes


def _dates(text: str, symbol: str | None) -> tuple[list[str], list[str]]:
    """A source, or a tape's dates one by one."""
    if text.startswith("sim:") or not Path(text).is_dir():
        return [text], []
    tape = find_tape(Path(text), symbol)
    dates = sorted({str(segment.said["date"]) for segment in tape.segments()})
    if tape.date is not None or not dates:
        return [text], []
    return [str(tape.folder / f"date={date}") for date in dates], _unsealed(tape)


def _unsealed(tape: Tape) -> list[str]:
    if not tape.journals():
        return []
    return [
        f"what {tape.folder} has not sealed yet is left out: a sweep takes whole days. "
        "`micropulse tape recover` seals it once it is recorded."
    ]


def _day(text: str, symbol: str | None) -> Day:
    source = open_source(text, symbol)
    name = Path(text).name
    return Day(
        name.removeprefix("date=") if name.startswith("date=") else text,
        text,
        source.symbol,
        source.px_decimals,
        source.qty_decimals,
        data_key(description(source), source.symbol),
    )


def _compare(first: Day, day: Day) -> None:
    if day.symbol != first.symbol:
        raise SweepError(
            f"{first.name} is of {first.symbol} and {day.name} of {day.symbol}: one sweep is of "
            "one symbol. Sweep them apart, or choose with --symbol."
        )
    if day[3:5] != first[3:5]:
        raise SweepError(
            f"The prices and quantities of {first.symbol} have {first[3]} and {first[4]} decimals "
            f"in {first.name} and {day[3]} and {day[4]} in {day.name}: ticks and steps differ, so "
            "that parameters mean other things. Sweep them apart."
        )
