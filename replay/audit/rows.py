"""Events as rows of plain Python, one after another: what the auditor reads.

Rows are integers at the instrument's scale, in `seq` order, times in ns.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from micropulse.events import (
    CONTROL_KINDS,
    TRADE_KINDS,
    ControlTable,
    DepthTable,
    Events,
    Int64s,
    MarkTable,
    TradeTable,
)

BUY, SELL = 1, -1  # `side` of a trade: the aggressor's

Level = tuple[int, int]  # price, quantity


class Book(NamedTuple):
    """A partial book: both sides best price first."""

    seq: int
    ts_recv: int
    ts_event: int
    ts_txn: int
    first_id: int
    last_id: int
    prev_id: int
    conn: int
    depth: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class Trade(NamedTuple):
    """A trade or a non-print; `kind` is a word of micropulse.events.TRADE_KINDS."""

    seq: int
    ts_recv: int
    ts_event: int
    ts_txn: int
    trade_id: int
    px: int
    qty: int
    side: int
    kind: str
    conn: int


class Mark(NamedTuple):
    """A mark price; prices and the rate in 1e-8."""

    seq: int
    ts_recv: int
    ts_event: int
    next_funding_ts: int
    px: int
    average_px: int  # 0 where the frame has none
    settle_px: int
    index_px: int
    rate: int
    conn: int


class Control(NamedTuple):
    """What only a recorder can know; `kind` is a word of micropulse.events.CONTROL_KINDS."""

    seq: int
    ts_recv: int
    kind: str
    conn: int
    value: int


Event = Book | Trade | Mark | Control


def rows_of(events: Events) -> list[Event]:
    """The same events as rows, in `seq` order."""
    rows: list[Event] = [*_books(events.depth), *_trades(events.trades)]
    rows += [*_marks(events.marks), *_controls(events.control)]
    return sorted(rows, key=lambda row: row.seq)


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
