"""The slow, obvious version of the features: docs/features.md word for word, in plain Python.

It shares no line with `micropulse/features/`, so that a mistake must be made twice, by two people,
to go unseen. Speed is no aim here; that each sentence of the page can be found again is.

Events are rows of integers at the instrument's scale, in `seq` order, times in ns.
"""

from __future__ import annotations

from typing import NamedTuple

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
