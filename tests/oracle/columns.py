"""The oracle's rows as the columns of micropulse.events, and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from micropulse.events import (
    CONTROL_KINDS,
    DEPTHS,
    TRADE_KINDS,
    ControlTable,
    DepthTable,
    Events,
    Int64s,
    MarkTable,
    TradeTable,
    control_table,
    depth_table,
    mark_table,
    trade_table,
)

from . import Book, Control, Event, Mark, Trade


def events_of(rows: Sequence[Event]) -> Events:
    """The same events as columns."""
    books = [row for row in rows if isinstance(row, Book)]
    trades = [row for row in rows if isinstance(row, Trade)]
    marks = [row for row in rows if isinstance(row, Mark)]
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
        mark_table(**columns(marks, *Mark._fields[2:])),
        control_table(
            **columns(controls, "conn", "value"),
            kind=[CONTROL_KINDS.index(control.kind) for control in controls],
        ),
    )


def rows_of(events: Events) -> list[Event]:
    """The same events as rows, in `seq` order."""
    rows: list[Event] = [*_books(events.depth), *_trades(events.trades)]
    rows += [*_marks(events.marks), *_controls(events.control)]
    return sorted(rows, key=lambda row: row.seq)


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


def _books(table: DepthTable) -> Iterator[Book]:
    def levels(px: tuple[Int64s, ...], qty: tuple[Int64s, ...], row: int, n: int) -> Any:
        return tuple((int(px[level][row]), int(qty[level][row])) for level in range(n))

    for row in range(len(table.seq)):
        values: dict[str, Any] = {
            name: int(getattr(table, name)[row]) for name in Book._fields[:-2]
        }
        values["bids"] = levels(table.bid_px, table.bid_qty, row, int(table.bid_n[row]))
        values["asks"] = levels(table.ask_px, table.ask_qty, row, int(table.ask_n[row]))
        yield Book(**values)


def _trades(table: TradeTable) -> Iterator[Trade]:
    for row in range(len(table.seq)):
        values: dict[str, Any] = {name: int(getattr(table, name)[row]) for name in Trade._fields}
        values["kind"] = TRADE_KINDS[values["kind"]]
        yield Trade(**values)


def _marks(table: MarkTable) -> Iterator[Mark]:
    for row in range(len(table.seq)):
        yield Mark(*(int(getattr(table, name)[row]) for name in Mark._fields))


def _controls(table: ControlTable) -> Iterator[Control]:
    for row in range(len(table.seq)):
        values: dict[str, Any] = {name: int(getattr(table, name)[row]) for name in Control._fields}
        values["kind"] = CONTROL_KINDS[values["kind"]]
        yield Control(**values)
