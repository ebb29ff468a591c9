"""The oracle's rows as the columns of micropulse.events, and back."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from micropulse.events import (
    CONTROL_KINDS,
    DEPTHS,
    TRADE_KINDS,
    Events,
    control_table,
    depth_table,
    trade_table,
)
from replay.audit.rows import rows_of

from . import Book, Control, Event, Trade

__all__ = ["events_of", "rows_of", "split"]


def events_of(rows: Sequence[Event]) -> Events:
    """The same events as columns."""
    books = [row for row in rows if isinstance(row, Book)]
    trades = [row for row in rows if isinstance(row, Trade)]
    controls = [row for row in rows if isinstance(row, Control)]
    deepest = max((book.depth for book in books), default=DEPTHS[0])

    def columns(table: Sequence[Event], *names: str) -> dict[str, list[Any]]:
        return {name: [getattr(row, name) for row in table] for name in ("seq", "ts_recv", *names)}

    def level_column(side: str, level: int, part: int) -> list[int]:
        sides = [getattr(book, side) for book in books]
        return [levels[level][part] if level < len(levels) else 0 for levels in sides]

    ids = ("ts_event", "ts_txn", "first_id", "last_id", "prev_id", "conn", "depth")
    return Events(
        depth_table(
            deepest,
            **columns(books, *ids),
            bid_n=[len(book.bids) for book in books],
            ask_n=[len(book.asks) for book in books],
            bid_px=[level_column("bids", level, 0) for level in range(deepest)],
            bid_qty=[level_column("bids", level, 1) for level in range(deepest)],
            ask_px=[level_column("asks", level, 0) for level in range(deepest)],
            ask_qty=[level_column("asks", level, 1) for level in range(deepest)],
        ),
        trade_table(
            **columns(trades, "ts_event", "ts_txn", "trade_id", "px", "qty", "side", "conn"),
            kind=[TRADE_KINDS.index(trade.kind) for trade in trades],
        ),
        control_table(
            **columns(controls, "conn", "value"),
            kind=[CONTROL_KINDS.index(control.kind) for control in controls],
        ),
    )


def split(events: Events, cuts: Sequence[int]) -> list[Events]:
    """The batch as `len(cuts) + 1` batches, each cut lying before the `seq` given.

    Batches may be empty; together they are the whole, in order.
    """
    borders = [None, *sorted(cuts), None]
    return [
        Events(*(_between(table, first, end) for table in events))
        for first, end in pairwise(borders)
    ]


def _between(table: Any, first: int | None, end: int | None) -> Any:
    start = 0 if first is None else int(np.searchsorted(table.seq, first))
    stop = len(table.seq) if end is None else int(np.searchsorted(table.seq, end))

    def part(column: Any) -> Any:
        return tuple(map(part, column)) if isinstance(column, tuple) else column[start:stop]

    return type(table)(*map(part, table))
