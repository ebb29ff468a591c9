"""What a property is given: a recording in memory, a strategy, its settings; and how it is cut.

recording = read("night.jsonl.gz")
past, future = split(recording.events, [seq])
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from micropulse.events import Events, joined
from micropulse.params import Settings, resolve
from micropulse.strategy import load_strategy
from recorder.segment import cut
from replay.source import Source, open_source

# What stays where it is when rows change places: an event of the past would be no other future.
IN_PLACE = ("seq", "first_id", "last_id", "prev_id", "trade_id")

Rule = str | Path | ModuleType  # one of ours by name, a file of yours, or the module itself
Set = Settings | Sequence[str]  # settings, or single ones as in ["exit.tp_ticks=12"]


class Recorded(NamedTuple):
    """All events of a source in one batch, and what is known of its symbol."""

    name: str
    symbol: str
    px_decimals: int
    qty_decimals: int
    events: Events

    def __repr__(self) -> str:
        """In words: Hypothesis shows what it drew."""
        return f"<{self.events.n} events of {self.symbol}: {self.name}>"

    def seqs(self) -> list[int]:
        """The `seq` of every event, in order."""
        found: list[int] = np.sort(np.concatenate([table.seq for table in self.events])).tolist()
        return found


SourceLike = str | Path | Source | Recorded


def read(source: SourceLike, symbol: str | None = None) -> Recorded:
    """All of a source in memory: about 0.2 KB an event.

    Raises SourceError, TapeError, and ValueError when it has no events.
    """
    if isinstance(source, Recorded):
        return source
    opened = open_source(str(source), symbol) if isinstance(source, str | Path) else source
    batches = [events for events in opened if events.n]
    if not batches:
        raise ValueError(f"{opened.name} has no events: there is nothing to test with.")
    digits = opened.px_decimals, opened.qty_decimals
    return Recorded(opened.name, opened.symbol, *digits, joined(batches))


def loaded(strategy: Rule) -> ModuleType:
    """The module of a strategy. Raises StrategyError."""
    return strategy if isinstance(strategy, ModuleType) else load_strategy(str(strategy))


def resolved(strategy: ModuleType, settings: Set) -> Settings:
    """Settings as they are, or the defaults with single ones set. Raises ParamsError."""
    if isinstance(settings, Settings):
        return settings
    return resolve(strategy.Params, None, list(settings))


def split(events: Events, cuts: Sequence[int]) -> list[Events]:
    """The batch as `len(cuts) + 1` batches, each cut lying before the `seq` given.

    Batches may be empty; together they are the whole, in order.
    """
    borders = [None, *sorted(cuts), None]
    return [Events(*(_between(table, *span) for table in events)) for span in pairwise(borders)]


def _between(table: Any, first: int | None, end: int | None) -> Any:
    start = 0 if first is None else int(np.searchsorted(table.seq, first))
    stop = len(table.seq) if end is None else int(np.searchsorted(table.seq, end))
    return cut(table, slice(start, stop))


def scrambled(events: Events, after_ns: int, seed: int) -> Events:
    """Another future: the rows of each table change places, prices move up, time runs otherwise.

    `seq` stays, so that it follows the same past, whose last event was received at `after_ns`.
    """
    chance = np.random.default_rng(seed)
    order = np.argsort(np.concatenate([table.seq for table in events]), kind="stable")
    seqs = np.concatenate([table.seq for table in events])[order]
    stamps = np.concatenate([table.ts_recv for table in events])[order]
    gaps = np.maximum(np.diff(stamps, prepend=after_ns), 0)
    times = after_ns + np.cumsum(chance.permutation(gaps))
    up = int(chance.integers(1, 1_000)) * 10
    tables = []
    for table in events:
        moved = cut(table, chance.permutation(len(table.seq)))
        changed = {name: getattr(table, name) for name in IN_PLACE if name in table._fields}
        changed["ts_recv"] = times[np.searchsorted(seqs, table.seq)]
        for name in ("px", "bid_px", "ask_px"):
            if name in table._fields:
                changed[name] = _raised(getattr(moved, name), up)
        tables.append(cut(moved._replace(**changed), slice(None)))
    return Events(*tables)


def _raised(column: object, up: int) -> object:
    """Prices moved up; what is not shown (0) is still not shown."""
    if isinstance(column, tuple):
        return tuple(_raised(level, up) for level in column)
    assert isinstance(column, np.ndarray)
    return np.where(column > 0, column + up, column)
