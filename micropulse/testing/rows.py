"""Markets as rows of plain Python, and as the columns that a core reads.

The rows are the auditor's: integers at the instrument's scale, in `seq` order, times in ns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from micropulse.events import (
    CONTROL_KINDS,
    DEPTHS,
    TRADE_KINDS,
    Events,
    control_table,
    depth_table,
    mark_table,
    trade_table,
)
from replay.audit.rows import BUY, SELL, Book, Control, Event, Level, Mark, Trade, rows_of

__all__ = [
    "BUY",
    "SELL",
    "Book",
    "Control",
    "Event",
    "Level",
    "Mark",
    "Trade",
    "events_of",
    "rows_of",
]


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
