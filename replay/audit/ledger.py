"""Money, the position and round trips, added up anew from the fills each time they are asked for.

Money is integers of the instrument's money unit; averages are fractions until they are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from .moments import Moment
from .rows import BUY, SELL


@dataclass
class Order:
    """The fields of schema.Order, and where on the tape it was decided."""

    id: int
    seq: int
    ts: int
    side: int
    qty: int
    closes: bool
    reason: int
    latency_ns: int
    ready_ts: int
    arrival: int
    mid2: int
    decided: int
    filled: int = 0
    slices: int = 0
    status: int = 0
    note: int = 0
    status_seq: int = 0
    status_ts: int = 0
    books: int = 0
    after_gap: bool = False


class Fill(NamedTuple):
    """The fields of schema.Fill."""

    order_id: int
    slice_no: int
    seq: int
    ts: int
    txn: int
    side: int
    px: int
    level_px: int
    qty: int
    fee: int


class Standing(NamedTuple):
    """Money and position after an event."""

    cash: int
    qty: int  # signed
    equity: int


class Shown(NamedTuple):
    """What a call of `decide` sees of the position. The entry's is 0 when flat."""

    side: int
    qty: int
    pending: bool
    entry_ts: int = 0
    held_ns: int = 0
    entry_reason: int = 0
    gain_ticks: float | None = None


class Ledger:
    """`fills` by order, `trips` as dicts of schema.Trip's fields."""

    def __init__(self, unit: int, tick: int) -> None:
        self.unit = unit  # money units in one price unit x one quantity unit
        self.tick = tick
        self.cash = 0
        self.qty = 0
        self.funding: list[int] = []  # received, of all trips
        self.trip_funding = 0
        self.entry: Order | None = None  # of the position held, or of the last one
        self.prices: list[int] = []  # at which leaving it was shown
        self.fills: dict[int, list[Fill]] = {}
        self.trips: list[dict[str, Any]] = []

    def add(self, order: Order, fill: Fill) -> None:
        """One slice: cash, position, and the end of a trip."""
        self.fills.setdefault(order.id, []).append(fill)
        self.cash -= fill.side * fill.px * fill.qty * self.unit + fill.fee
        self.qty += fill.side * fill.qty
        if not order.closes:
            self.entry = order
        elif self.qty == 0:
            self.close(order)

    def fund(self, received: int) -> None:
        """Money at a funding stamp; negative when paid."""
        self.cash += received
        self.funding.append(received)
        self.trip_funding += received

    def standing(self, mid2: int) -> Standing:
        """An open position is marked at the last mid."""
        value = Fraction(self.qty * mid2 * self.unit, 2)
        return Standing(self.cash, self.qty, self.cash + whole(value))

    def show(self, moment: Moment, pending: bool) -> Shown:
        """What the event shows of the position; a price to leave at is remembered."""
        side = (self.qty > 0) - (self.qty < 0)
        if self.entry is None or not side:
            return Shown(0, 0, pending)
        ins = self.fills[self.entry.id]
        gain = None
        px = self.leaving_px(moment, side, ins[0].txn)
        if px is not None:
            self.prices.append(px)
            paid = Fraction(sum(f.px * f.qty for f in ins), sum(f.qty for f in ins))
            gain = float(side * (px - paid) / self.tick)
        held = moment.t - ins[0].ts
        return Shown(side, abs(self.qty), pending, ins[0].ts, held, self.entry.reason, gain)

    def leaving_px(self, moment: Moment, side: int, entry_txn: int) -> int | None:
        """The price at which this event says we could leave, if it says so."""
        if moment.book:
            levels = moment.book.bids if side == BUY else moment.book.asks
            return levels[0][0] if levels else None
        trade = moment.market_print
        if trade and trade.side == -side and trade.ts_txn > entry_txn:
            return trade.px
        return None

    def close(self, leave: Order) -> None:
        """From flat to flat."""
        entry = self.entry
        assert entry is not None
        ins, outs = self.fills[entry.id], self.fills[leave.id]
        paid, got = self.notional(ins), self.notional(outs)
        gross = entry.side * (got - paid)
        fees = sum(fill.fee for fill in ins + outs)
        worst, best = (max, min) if entry.side == SELL else (min, max)
        self.trips.append(
            {
                "id": len(self.trips),
                "side": entry.side,
                "qty": entry.filled,
                "entry_order": entry.id,
                "exit_order": leave.id,
                "entry_seq": ins[0].seq,
                "entry_ts": ins[0].ts,
                "exit_seq": outs[-1].seq,
                "exit_ts": outs[-1].ts,
                "entry_notional": paid,
                "exit_notional": got,
                "entry_slippage": self.slippage(entry, paid),
                "exit_slippage": self.slippage(leave, got),
                "gross": gross,
                "fees": fees,
                "funding": self.trip_funding,
                "net": gross - fees + self.trip_funding,
                "entry_reason": entry.reason,
                "exit_reason": leave.reason,
                "worst_px": worst(self.prices, default=outs[0].px),
                "best_px": best(self.prices, default=outs[0].px),
                "after_gap": leave.after_gap,
            }
        )
        self.prices = []
        self.trip_funding = 0

    def notional(self, fills: Sequence[Fill]) -> int:
        """Price × quantity of slices, in money."""
        return sum(fill.px * fill.qty for fill in fills) * self.unit

    def slippage(self, order: Order, notional: int) -> int:
        """Money lost against the mid at the decision."""
        at_mid = Fraction(order.mid2 * order.filled * self.unit, 2)
        return whole(order.side * (notional - at_mid))


def whole(money: Fraction) -> int:
    """Half a spread is whole money: the unit is made so."""
    assert money.denominator == 1
    return int(money)
