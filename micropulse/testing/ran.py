"""A run in memory: all that came out of it, and where two runs first differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from micropulse.events import Events
from micropulse.instrument import instrument
from micropulse.outbox import ROWS
from micropulse.params import Settings
from micropulse.run import Core, Rows, run
from micropulse.schema import SECOND, Fill, Order, Sample, Signal, Trip
from micropulse.testing.recorded import Recorded

# The column of each table that says at which event a row came out.
AT = {
    "samples": "seq",
    "signals": "seq",
    "orders": "status_seq",
    "fills": "seq",
    "trips": "exit_seq",
}


class Kept:
    """A sink that keeps everything: `kept["orders"]` is an array of schema.Order."""

    def __init__(self) -> None:
        records = (Sample, Signal, Order, Fill, Trip)
        self._parts = {
            name: [record.zeros(0)] for name, record in zip(Rows._fields, records, strict=True)
        }

    def take(self, rows: Rows) -> None:
        """Keep a copy of the rows."""
        for name, part in rows._asdict().items():
            self._parts[name].append(part.copy())

    def end_of_batch(self) -> None:
        """Nothing to flush."""

    def __getitem__(self, name: str) -> Any:
        """A table so far."""
        return np.concatenate(self._parts[name])

    def bytes(self) -> dict[str, bytes]:
        """The bytes of each table."""
        return {name: self[name].tobytes() for name in self._parts}


class Ran(NamedTuple):
    """A run: its core as it stood at the end, and what came out."""

    core: Core
    out: Kept


class Difference(NamedTuple):
    """The first place where two runs differ; `seq` is -1 in what stood at the end."""

    seq: int
    table: str
    row: int
    field: str
    one: object
    other: object

    def __str__(self) -> str:
        """In words."""
        where = f"at seq {self.seq}, " if self.seq >= 0 else ""
        place = f"{where}{self.table}, row {self.row}, field {self.field}"
        return f"{place}: {self.one!r} against {self.other!r}"


def play(
    strategy: ModuleType,
    recorded: Recorded,
    settings: Settings,
    batches: Iterable[Events] | None = None,
    sample_every: int = SECOND,
    rows: int = ROWS,
) -> Ran:
    """Drive a recording (or `batches`, the same events in other portions) through a new core."""
    digits = recorded.px_decimals, recorded.qty_decimals
    symbol, _ = instrument(recorded.symbol, *digits)
    core, out = Core(strategy, symbol, settings, digits[1], sample_every, rows), Kept()
    run([recorded.events] if batches is None else batches, core, [out])
    return Ran(core, out)


def first_difference(one: Ran, other: Ran) -> Difference | None:
    """The earliest difference by `seq` of all that came out, then that of State and Memory."""
    found = [
        difference
        for name, column in AT.items()
        if (difference := in_table(name, one.out[name], other.out[name], column)) is not None
    ]
    if found:
        return min(found, key=lambda difference: difference.seq)
    for name, mine, yours in (
        ("State", one.core.states, other.core.states),
        ("Memory", one.core.memories, other.core.memories),
    ):
        if (difference := in_table(name, mine, yours)) is not None:
            return difference
    return None


def in_table(name: str, one: Any, other: Any, at: str = "") -> Difference | None:
    """The first row in which two arrays of records differ; one that ends early differs there."""
    rows = min(len(one), len(other))
    if one[:rows].tobytes() != other[:rows].tobytes():
        row = next(i for i in range(rows) if one[i].tobytes() != other[i].tobytes())
        field, mine, yours = next(_fields(one[row], other[row]))
        seq = min(int(one[row][at]), int(other[row][at])) if at else -1
        return Difference(seq, name, row, field, mine, yours)
    if len(one) == len(other):
        return None
    longer = one if len(one) > rows else other
    seq = int(longer[rows][at]) if at else -1
    return Difference(seq, name, rows, "rows", len(one), len(other))


def _fields(one: Any, other: Any, path: str = "") -> Iterator[tuple[str, object, object]]:
    """(path, both values) of each field of two records that differs, NaN being equal to NaN."""
    for name in one.dtype.names:
        mine, yours = one[name], other[name]
        if mine.tobytes() == yours.tobytes():
            continue
        if isinstance(mine, np.void):
            yield from _fields(mine, yours, f"{path}{name}.")
        elif isinstance(mine, np.ndarray) and mine.dtype.names:
            pairs = enumerate(zip(mine, yours, strict=True))
            for i, (a, b) in pairs:
                if a.tobytes() != b.tobytes():
                    yield from _fields(a, b, f"{path}{name}[{i}].")
        elif isinstance(mine, np.ndarray):
            i = next(i for i in range(len(mine)) if mine[i].tobytes() != yours[i].tobytes())
            yield f"{path}{name}[{i}]", mine[i].item(), yours[i].item()
        else:
            yield f"{path}{name}", mine.item(), yours.item()
