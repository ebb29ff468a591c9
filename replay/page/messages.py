"""A batch of events, and what the core made of it, as one message: columns of integers and floats.

    kept = Kept()
    core.feed(events, [kept])
    step = messages.step(events, kept)       # a dict that JSON takes

Times are ms since `base_ms`, which the hello says; prices and quantities are integers at the
symbol's scale. The keys are short: ten books a second are most of what is sent.

    b   books      ms, bb, ba: best bid and ask, q: a row of quantities (bids, then asks, best
                   first), o: their distances from the best; obi, cvd, tps, ops: features
    p   prints     see prints.py
    s   signals    [ms, kind, side (1 bid or buy, -1 ask or sell), px, qty, age_ms, reason, seq]
    f   fills      [ms, order, side, px, qty, maker, closes, reason]
    x   trips      a dict each
    g   gaps       [from, to, why]
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from micropulse.events import DepthTable, Events
from micropulse.instrument import to_text
from micropulse.run import Rows
from micropulse.schema import ASK, MILLISECOND, SIGNALS, WALL_BORN, WALL_SLID
from micropulse.sinks.transactions import average_px
from micropulse.strategy import reason_name
from replay.backtest import Session
from replay.page.gaps import Gaps
from replay.page.prints import Prints

BOOKS_MOST = 24  # of a message: a recording that is played fast shows the last one of each slice
ORDERS_KEPT = 64
SERIES = {"obi": "obi", "cvd": "cvd", "tps": "tps_1s", "ops": "ops_1s"}


class Kept:
    """A sink that keeps what came out until the message of the batch is made."""

    def __init__(self) -> None:
        self.rows: list[Rows] = []

    def take(self, rows: Rows) -> None:
        """Keep copies: the outbox is written over."""
        self.rows.append(Rows(*(part.copy() for part in rows)))

    def end_of_batch(self) -> None:
        """Nothing is held back."""

    def taken(self) -> Rows | None:
        """What was kept since the last call."""
        rows, self.rows = self.rows, []
        if len(rows) <= 1:
            return rows[0] if rows else None
        return Rows(*(np.concatenate(parts) for parts in zip(*rows, strict=True)))


class Told(NamedTuple):
    """What is known of an order: its fills are told with it."""

    closes: bool
    reason: str


class Messages:
    """Makes the messages of one run, in order."""

    def __init__(self, session: Session) -> None:
        self.base_ms: int | None = None
        self.thinned = 0  # books that were left out
        self._session = session
        self._prints, self._gaps = Prints(), Gaps()
        self._doubles = -1.0
        self._orders: dict[int, Told] = {}

    def step(self, events: Events, kept: Kept, most: int = BOOKS_MOST) -> dict[str, Any] | None:
        """The message of a batch of one sample a book; None when there is nothing to tell.

        `most` books, and dots of prints in proportion."""
        if self.base_ms is None and events.n:
            self.base_ms = min(int(t.ts_recv[0]) for t in events if len(t.seq)) // MILLISECOND
        base_ms, rows = self.base_ms or 0, kept.taken()
        step: dict[str, Any] = {}
        if len(events.trades.seq):
            dots = self._prints.take(events.trades, base_ms, most // BOOKS_MOST)
            if dots.ms:
                step["p"] = dots._asdict()
        if gaps := self._gaps.take(events):
            step["g"] = [[a - base_ms, b - base_ms, why] for a, b, why in gaps]
        if rows is not None:
            if len(rows.samples):
                step["b"] = self._books(events.depth, rows.samples, base_ms, most)
            step |= self._told(rows, base_ms)
        return step or None

    @property
    def gap_since_ms(self) -> int | None:
        """Since when nothing can be received."""
        return self._gaps.since_ms

    def _books(self, depth: DepthTable, samples: Any, base_ms: int, most: int) -> dict[str, Any]:
        """Every book that was new, or as many as may be."""
        features = samples["features"]
        doubles = features["duplicates"]
        new = np.diff(doubles, prepend=doubles[0] if self._doubles < 0 else self._doubles) == 0
        self._doubles = float(doubles[-1])
        rows = np.flatnonzero(new & (depth.bid_n > 0) & (depth.ask_n > 0))
        if len(rows) > most:
            ts = depth.ts_recv[rows]
            slices = (ts - ts[0]) * most // max(1, int(ts[-1] - ts[0]) + 1)
            last = np.append(np.diff(slices) != 0, True)
            self.thinned += int(len(rows) - np.count_nonzero(last))
            rows = rows[last]
        bids, asks = depth.bid_px[0][rows], depth.ask_px[0][rows]
        shown = [bids - px[rows] for px in depth.bid_px], [px[rows] - asks for px in depth.ask_px]
        qty = np.stack([column[rows] for column in (*depth.bid_qty, *depth.ask_qty)], axis=1)
        away = np.where(qty > 0, np.stack([*shown[0], *shown[1]], axis=1), 0)
        books: dict[str, Any] = {
            "ms": (depth.ts_recv[rows] // MILLISECOND - base_ms).tolist(),
            "bb": bids.tolist(),
            "ba": asks.tolist(),
            "q": qty.tolist(),
            "o": away.tolist(),
        }
        for name, feature in SERIES.items():
            books[name] = np.round(features[feature][rows], 4).tolist()
        return books

    def _told(self, rows: Rows, base_ms: int) -> dict[str, Any]:
        """Signals, fills and round trips."""
        digits, strategy = self._session.digits, self._session.strategy
        told: dict[str, Any] = {}
        for order in rows.orders:
            reason = reason_name(strategy, int(order["reason"]))
            self._orders[int(order["id"])] = Told(bool(order["closes"]), reason)
        if len(rows.signals):
            told["s"] = [
                [
                    int(row["ts"]) // MILLISECOND - base_ms,
                    SIGNALS[int(row["kind"])],
                    _sign(int(row["kind"]), int(row["side"])),
                    int(row["px"]),
                    int(row["qty"]),
                    int(row["age_ns"]) // MILLISECOND,
                    reason_name(strategy, int(row["reason"])),
                    int(row["seq"]),
                ]
                for row in rows.signals
            ]
        if len(rows.fills):
            told["f"] = [self._fill(row, base_ms) for row in rows.fills]
        for old in list(self._orders)[:-ORDERS_KEPT]:
            del self._orders[old]
        if len(rows.trips):
            told["x"] = [trip_of(row, base_ms, digits, strategy) for row in rows.trips]
        return told

    def _fill(self, row: Any, base_ms: int) -> list[Any]:
        order = self._orders.get(int(row["order_id"]), Told(False, ""))
        return [
            int(row["ts"]) // MILLISECOND - base_ms,
            int(row["order_id"]),
            int(row["side"]),
            int(row["px"]),
            int(row["qty"]),
            bool(row["maker"]),
            order.closes,
            order.reason,
        ]


def _sign(kind: int, side: int) -> int:
    """1 of a bid or a buy, -1 of an ask or a sell: walls are told as BID and ASK."""
    return -1 if WALL_BORN <= kind <= WALL_SLID and side == ASK else side


def trip_of(row: Any, base_ms: int, digits: Any, strategy: Any) -> dict[str, Any]:
    """A round trip as plain values; its number is that of the report."""
    qty = int(row["qty"])
    return {
        "id": int(row["id"]),
        "side": int(row["side"]),
        "qty": qty,
        "entry": int(row["entry_ts"]) // MILLISECOND - base_ms,
        "exit": int(row["exit_ts"]) // MILLISECOND - base_ms,
        "entry_px": average_px(int(row["entry_notional"]), qty, digits),
        "exit_px": average_px(int(row["exit_notional"]), qty, digits),
        "net": to_text(int(row["net"]), digits.money),
        "fees": to_text(int(row["fees"]), digits.money),
        "why": [
            reason_name(strategy, int(row["entry_reason"])),
            reason_name(strategy, int(row["exit_reason"])),
        ],
    }
