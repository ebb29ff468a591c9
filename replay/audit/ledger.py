"""Money, the position and round trips, added up anew from the fills each time they are asked for.

Money is integers of the instrument's money unit; averages are fractions until they are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

from .moments import Moment
from .rows import BUY, SELL

MARKET, LIMIT, STOP_MARKET, TAKE_PROFIT_MARKET = range(4)


@dataclass
class Order:
    """The fields of schema.Order that the page speaks of, and where on the tape it was decided."""

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
    kind: int = MARKET
    tif: int = 0
    px: int = 0
    by_mark: bool = False
    replaces: int = 0
    filled: int = 0
    slices: int = 0
    status: int = 0
    note: int = 0
    status_seq: int = 0
    status_ts: int = 0
    books: int = 0
    after_gap: bool = False
    ahead: int = -(2**63)


class Fill(NamedTuple):
    """The fields of schema.Fill."""

    order_id: int
    slice_no: int
    seq: int
    ts: int
    txn: int
    side: int
    maker: bool
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


@dataclass
class Trip:
    """The fills since the position was flat."""

    ins: list[tuple[Order, Fill]] = field(default_factory=list)
    outs: list[tuple[Order, Fill]] = field(default_factory=list)
    prices: list[int] = field(default_factory=list)  # at which leaving was shown
    after_gap: bool = False
    funding: int = 0  # received

    @property
    def side(self) -> int:
        """1 long, -1 short, 0 flat."""
        return self.ins[0][1].side if self.ins else 0

    @property
    def held(self) -> int:
        """Signed."""
        return sum(fill.side * fill.qty for _, fill in self.ins + self.outs)

    def copy(self) -> Trip:
        """The fills, as they stand."""
        return Trip(list(self.ins), list(self.outs))


class Ledger:
    """`fills` by order, `trips` as dicts of schema.Trip's fields."""

    def __init__(self, unit: int, tick: int) -> None:
        self.unit = unit  # money units in one price unit x one quantity unit
        self.tick = tick
        self.cash = 0
        self.funding: list[int] = []  # received, of all trips
        self.trip = Trip()
        self.fills: dict[int, list[Fill]] = {}
        self.trips: list[dict[str, Any]] = []

    @property
    def qty(self) -> int:
        """Signed."""
        return self.trip.held

    def add(self, order: Order, fill: Fill) -> None:
        """A slice, which never goes through flat: cash, position, and the end of a trip."""
        self.fills.setdefault(order.id, []).append(fill)
        self.cash -= fill.side * fill.px * fill.qty * self.unit + fill.fee
        self.trip.after_gap |= order.after_gap
        reduces = self.qty * fill.side < 0
        (self.trip.outs if reduces else self.trip.ins).append((order, fill))
        if reduces and self.qty == 0:
            self.close()

    def fund(self, received: int) -> None:
        """Money at a funding stamp; negative when paid."""
        self.cash += received
        self.funding.append(received)
        self.trip.funding += received

    def standing(self, mid2: int) -> Standing:
        """An open position is marked at the last mid."""
        value = Fraction(self.qty * mid2 * self.unit, 2)
        return Standing(self.cash, self.qty, self.cash + whole(value))

    def watch(self, moment: Moment) -> None:
        """A price to leave at is remembered."""
        if self.trip.held:
            px = leaving_px(moment, self.trip)
            if px is not None:
                self.trip.prices.append(px)

    def show(self, moment: Moment, trip: Trip, pending: bool) -> Shown:
        """What the event shows of a position that the strategy knows of."""
        if not trip.held:
            return Shown(0, 0, pending)
        order, first = trip.ins[0]
        gain = None
        px = leaving_px(moment, trip)
        if px is not None:
            ins = [fill for _, fill in trip.ins]
            paid = Fraction(sum(f.px * f.qty for f in ins), sum(f.qty for f in ins))
            gain = float(trip.side * (px - paid) / self.tick)
        held = moment.t - first.ts
        return Shown(trip.side, abs(trip.held), pending, first.ts, held, order.reason, gain)

    def close(self) -> None:
        """From flat to flat."""
        trip, self.trip = self.trip, Trip()
        (entry, first), (leave, last) = trip.ins[0], trip.outs[-1]
        paid, got = self.notional(trip.ins), self.notional(trip.outs)
        gross = trip.side * (got - paid)
        fees = sum(fill.fee for _, fill in trip.ins + trip.outs)
        worst, best = (max, min) if trip.side == SELL else (min, max)
        self.trips.append(
            {
                "id": len(self.trips),
                "side": trip.side,
                "qty": sum(fill.qty for _, fill in trip.ins),
                "entry_order": entry.id,
                "exit_order": leave.id,
                "entry_seq": first.seq,
                "entry_ts": first.ts,
                "exit_seq": last.seq,
                "exit_ts": last.ts,
                "entry_notional": paid,
                "exit_notional": got,
                "entry_slippage": self.slippage(trip.ins),
                "exit_slippage": self.slippage(trip.outs),
                "gross": gross,
                "fees": fees,
                "funding": trip.funding,
                "net": gross - fees + trip.funding,
                "entry_reason": entry.reason,
                "exit_reason": leave.reason,
                "worst_px": worst(trip.prices, default=trip.outs[0][1].px),
                "best_px": best(trip.prices, default=trip.outs[0][1].px),
                "after_gap": trip.after_gap,
            }
        )

    def notional(self, fills: Sequence[tuple[Order, Fill]]) -> int:
        """Price × quantity of slices, in money."""
        return sum(fill.px * fill.qty for _, fill in fills) * self.unit

    def slippage(self, fills: Sequence[tuple[Order, Fill]]) -> int:
        """Money lost against the mid at each order's decision."""
        lost = sum(fill.side * (2 * fill.px - order.mid2) * fill.qty for order, fill in fills)
        return whole(Fraction(lost * self.unit, 2))


def leaving_px(moment: Moment, trip: Trip) -> int | None:
    """The price at which this event says we could leave, if it says so."""
    if moment.book:
        levels = moment.book.bids if trip.side == BUY else moment.book.asks
        return levels[0][0] if levels else None
    trade = moment.market_print
    if trade and trade.side == -trip.side and trade.ts_txn > trip.ins[0][1].txn:
        return trade.px
    return None


def whole(money: Fraction) -> int:
    """Half a spread is whole money: the unit is made so."""
    assert money.denominator == 1
    return int(money)
