"""docs/execution.md, computed the slow and obvious way from the events and the decisions alone.

It shares no line with `micropulse/execution.py` and `micropulse/account.py`, so that a mistake must
be made twice, by two people, to go unseen. It keeps no window and no ring: what an order needs is
looked up in the whole tape each time.

Times are ns, prices and quantities integers at the instrument's scale, money integers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from math import ceil
from typing import Any, NamedTuple

from . import BUY, SELL, Book, Control, Event, Trade

SECOND = 1_000_000_000
UNKNOWN = -(2**63)
SUBMITTED, FILLED, PARTIAL, EXPIRED, REJECTED = 1, 2, 3, 4, 5
NO_NOTE, BAD_STEP, BELOW_MIN_QTY, ABOVE_MAX_QTY, BELOW_MIN_NOTIONAL, NO_BOOK = range(6)
LOST_CONNECTION, BEYOND_DEPTH = 6, 7
ID_SLOTS = 65_536
TAKEN_MAX = 32


class Ask(NamedTuple):
    """What `decide` asked for on the event `seq`."""

    seq: int
    enters: bool
    side: int  # of an entry
    qty: int  # of an entry; 0: what [execution] says
    reason: int


# ---- the tape ------------------------------------------------------------------------------


class Moment(NamedTuple):
    """An event, and what the events up to it say."""

    event: Event
    t: int  # the largest ts_recv so far
    new: bool  # a book or trade that is no duplicate
    lost: bool  # the last connection closes here, or a run starts or stops
    stale: bool  # the book is that of a lost feed
    mid2: int  # twice the mid of the last book with two sides; 0 before the first

    @property
    def book(self) -> Book | None:
        """The event, when it is a book and no duplicate."""
        return self.event if self.new and isinstance(self.event, Book) else None

    @property
    def market_print(self) -> Trade | None:
        """The event, when it is a MARKET print and no duplicate."""
        trade = self.event
        if not self.new or not isinstance(trade, Trade) or trade.kind != "MARKET":
            return None
        return trade if trade.px > 0 and trade.qty > 0 else None

    @property
    def ahead(self) -> int | None:
        """E − ts_recv of a book or trade row, whatever it is."""
        event = self.event
        return None if isinstance(event, Control) else event.ts_event - event.ts_recv


def moments(events: Sequence[Event]) -> list[Moment]:
    found: list[Moment] = []
    t, largest_u, mid2, stale = 0, -1, 0, False
    ids: dict[int, int] = {}
    connections: set[int] = set()
    for event in events:
        t = max(t, event.ts_recv)
        new = lost = False
        if isinstance(event, Control):
            lost = loses_feed(event, connections)
            stale = stale or lost
        elif isinstance(event, Trade):
            slot = event.trade_id % ID_SLOTS
            new = slot not in ids or event.trade_id > ids[slot]
            ids[slot] = max(event.trade_id, ids.get(slot, event.trade_id))
        elif event.last_id > largest_u:
            new, largest_u, stale = True, event.last_id, False
            mid2 = event.bids[0][0] + event.asks[0][0] if event.bids and event.asks else mid2
        found.append(Moment(event, t, new, lost, stale, mid2))
    return found


def loses_feed(control: Control, connections: set[int]) -> bool:
    """Note who is connected; whether nobody is any more."""
    if control.kind == "CONNECT":
        connections.add(control.conn)
    elif control.kind == "DISCONNECT":
        connections.discard(control.conn)
        return not connections
    elif control.kind in ("RUN_START", "RUN_STOP"):
        connections.clear()
        return True
    return False


# ---- what an order becomes -----------------------------------------------------------------


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
    at: int
    filled: int = 0
    slices: int = 0
    status: int = 0
    note: int = NO_NOTE
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


@dataclass
class Taken:
    """What we took at a price, and what the last book that had it in view showed there."""

    qty: int
    shown: int


class Standing(NamedTuple):
    """Money and position after an event."""

    cash: int
    qty: int  # signed
    equity: int


class Exchange:
    """Plays the decisions against the tape. Afterwards its lists hold what must have come out:
    `orders` and `trips` as dicts of schema fields, `fills`, `standings` by `seq`, `counts`, and in
    `shown` what each call of `decide` saw of the position."""

    def __init__(self, events: Sequence[Event], instrument: Any, execution: Any) -> None:
        self.tape = moments(events)
        self.instrument = instrument
        self.unit = int(instrument.notional_unit)
        self.fee_rate = Fraction(int(execution.taker_fee_e8), 10**8)
        self.latency_ns = int(execution.latency_ns)
        self.tape_jitter = bool(execution.tape_jitter)
        self.order_qty = int(execution.order_qty)  # 0: the smallest
        self.submitted = 0
        self.order: Order | None = None  # in flight
        self.taken: dict[tuple[int, int], Taken] = {}
        self.qty = 0
        self.cash = 0
        self.entry: Order | None = None  # of the position held
        self.prices: list[int] = []  # at which leaving it was shown
        self.orders: list[dict[str, Any]] = []
        self.fills: dict[int, list[Fill]] = {}  # by order
        self.trips: list[dict[str, Any]] = []
        self.standings: dict[int, Standing] = {}
        self.shown: list[dict[str, Any]] = []
        self.counts: Counter[str] = Counter()

    def play(self, asks: Mapping[int, Ask]) -> None:
        """`asks` by `seq`."""
        for at, moment in enumerate(self.tape):
            if moment.lost:
                self.lose_feed(moment)
            if moment.book:
                self.forget_grown(moment.book)
                self.match(at, moment.book)
            self.show(moment)
            if moment.event.seq in asks:
                self.ask(at, asks[moment.event.seq])
            equity = self.cash + self.qty * moment.mid2 * self.unit // 2
            self.standings[moment.event.seq] = Standing(self.cash, self.qty, equity)

    # Asking.

    def ask(self, at: int, ask: Ask) -> None:
        refused = self.refusal(at, ask)
        if refused:
            self.counts[refused] += 1
        elif ask.enters:
            qty = ask.qty or self.order_qty or self.smallest(at)
            self.submit(at, ask.side, qty, False, ask.reason)
        else:
            self.submit(at, SELL if self.qty > 0 else BUY, abs(self.qty), True, ask.reason)

    def refusal(self, at: int, ask: Ask) -> str | None:
        if self.order:
            return "refused_pending"
        if ask.enters and self.qty:
            return "refused_position"
        if ask.enters and self.tape[at].stale:
            return "refused_stale"
        if not ask.enters and not self.qty:
            return "refused_flat"
        return None

    def submit(self, at: int, side: int, qty: int, closes: bool, reason: int) -> None:
        self.submitted += 1
        moment = self.tape[at]
        latency = self.latency_ns + (self.jitter(at) if self.tape_jitter else 0)
        self.order = order = Order(
            id=self.submitted - 1,
            seq=moment.event.seq,
            ts=moment.t,
            side=side,
            qty=qty,
            closes=closes,
            reason=reason,
            latency_ns=latency,
            ready_ts=moment.t + latency,
            arrival=UNKNOWN,
            mid2=moment.mid2,
            at=at,
        )
        self.find_arrival(order, at)
        note = self.objection(order)
        self.change(moment, REJECTED if note else SUBMITTED, note)

    def smallest(self, at: int) -> int:
        """The least multiple of the step that meets both minimums."""
        limits, mid2 = self.instrument, self.tape[at].mid2
        least = Fraction(int(limits.min_qty))
        if mid2:
            least = max(least, Fraction(2 * int(limits.min_notional), mid2))
        return ceil(least / int(limits.step)) * int(limits.step)

    def objection(self, order: Order) -> int:
        limits = self.instrument
        if not order.mid2:
            return NO_BOOK
        if order.qty % int(limits.step):
            return BAD_STEP
        if order.qty < limits.min_qty:
            return BELOW_MIN_QTY
        if limits.max_market_qty and order.qty > limits.max_market_qty:
            return ABOVE_MAX_QTY
        notional = Fraction(order.qty * order.mid2, 2)
        if notional < int(limits.min_notional) and not order.closes:
            return BELOW_MIN_NOTIONAL
        return NO_NOTE

    # Arriving.

    def window(self, at: int) -> list[int]:
        """E − ts_recv of the last row and the rows of the 60 s before it, in their order; none
        if the clock has stepped since."""
        rows: list[Moment] = []
        for i in range(at, -1, -1):
            moment = self.tape[i]
            if rows and moment.t <= rows[0].t - 60 * SECOND:
                break
            if isinstance(moment.event, Control) and moment.event.kind == "CLOCK_STEP":
                break
            if moment.ahead is not None:
                rows.append(moment)
        return [moment.ahead for moment in reversed(rows)]

    def jitter(self, at: int) -> int:
        rows = self.window(at)
        return max(rows) - rows[-1] if rows else 0

    def find_arrival(self, order: Order, now: int) -> None:
        """A, from what was known when the order was decided; else from the first row since."""
        if order.arrival != UNKNOWN:
            return
        rows = (
            self.window(order.at)
            or [
                moment.ahead
                for moment in self.tape[order.at + 1 : now + 1]
                if moment.ahead is not None
            ][:1]
        )
        if rows:
            order.arrival = order.ts + max(rows) + order.latency_ns

    # Filling.

    def match(self, at: int, book: Book) -> None:
        order, moment = self.order, self.tape[at]
        if order is None:
            return
        self.find_arrival(order, at)
        if moment.t < order.ready_ts or book.ts_txn < order.arrival:
            return
        order.books += 1
        levels = book.asks if order.side == BUY else book.bids
        for px, shown in levels:
            before = self.taken.get((order.side, px), Taken(0, 0)).qty
            qty = min(order.qty - order.filled, shown - before)
            if qty > 0:
                self.fill(at, book, px, qty)
                self.remember((order.side, px), Taken(before + qty, shown))
        if order.filled == order.qty:
            self.change(moment, FILLED, NO_NOTE)
        elif order.closes:
            self.counts["exits_beyond_depth"] += 1
            self.change(moment, PARTIAL, BEYOND_DEPTH)
        else:
            self.counts["entries_beyond_depth"] += 1
            self.change(moment, EXPIRED, BEYOND_DEPTH)

    def first_print(self, order: Order, at: int, book: Book) -> int | None:
        """The price of the first print of our side since A that the book can know of."""
        for moment in self.tape[order.at + 1 : at]:
            trade = moment.market_print
            if trade and trade.side == order.side:
                if order.arrival <= trade.ts_txn <= book.ts_txn:
                    return trade.px
        return None

    def fill(self, at: int, book: Book, level_px: int, qty: int) -> None:
        order, moment = self.order, self.tape[at]
        assert order is not None
        bound = self.first_print(order, at, book)
        px = level_px
        if bound is not None:
            px = max(px, bound) if order.side == BUY else min(px, bound)
        fee = ceil(px * qty * self.unit * self.fee_rate)
        self.fills.setdefault(order.id, []).append(
            Fill(
                order.id, order.slices, book.seq, moment.t, book.ts_txn,
                order.side, px, level_px, qty, fee,
            )
        )  # fmt: skip
        order.slices += 1
        order.filled += qty
        self.cash -= order.side * px * qty * self.unit + fee
        self.qty += order.side * qty
        if not order.closes:
            self.entry = order
        elif self.qty == 0:
            self.close()

    def remember(self, where: tuple[int, int], taken: Taken) -> None:
        """At most 32 prices: the one remembered longest goes."""
        if where not in self.taken and len(self.taken) == TAKEN_MAX:
            del self.taken[next(iter(self.taken))]
            self.counts["taken_full"] += 1
        self.taken[where] = taken

    def forget_grown(self, book: Book) -> None:
        """Depth we took is there again when a level in view shows more than before."""
        for (side, px), taken in list(self.taken.items()):
            levels = book.asks if side == BUY else book.bids
            if not levels or side * px > side * levels[-1][0]:
                continue
            shown = dict(levels).get(px, 0)
            if shown > taken.shown:
                del self.taken[side, px]
            else:
                taken.shown = shown

    # What becomes of it.

    def change(self, moment: Moment, status: int, note: int) -> None:
        """A row for all that happens to an order; one that has ended is in flight no more."""
        order = self.order
        assert order is not None
        order.status, order.note = status, note or order.note
        order.status_seq, order.status_ts = moment.event.seq, moment.t
        self.orders.append(asdict(order))
        if status in (FILLED, EXPIRED, REJECTED):
            self.order = None

    def lose_feed(self, moment: Moment) -> None:
        if self.order and self.order.closes:
            self.order.after_gap = True
        elif self.order:
            self.change(moment, EXPIRED, LOST_CONNECTION)

    # The position.

    def show(self, moment: Moment) -> None:
        """The price at which this event says we could leave, if it says so."""
        side = (self.qty > 0) - (self.qty < 0)
        seen: dict[str, Any] = dict(
            side=side, qty=abs(self.qty), pending=self.order is not None, gain=None,
            entry_ts=0, held_ns=0, entry_reason=0,
        )  # fmt: skip
        self.shown.append(seen)
        if not side:
            return
        assert self.entry is not None
        entries = self.fills[self.entry.id]
        seen["entry_ts"] = entries[0].ts
        seen["held_ns"] = moment.t - entries[0].ts
        seen["entry_reason"] = self.entry.reason
        px = self.leaving_px(moment, side, entries[0].txn)
        if px is not None:
            self.prices.append(px)
            paid = Fraction(sum(f.px * f.qty for f in entries), sum(f.qty for f in entries))
            seen["gain"] = float(side * (px - paid) / int(self.instrument.tick))

    def leaving_px(self, moment: Moment, side: int, entry_txn: int) -> int | None:
        if moment.book:
            levels = moment.book.bids if side == BUY else moment.book.asks
            return levels[0][0] if levels else None
        trade = moment.market_print
        if trade and trade.side == -side and trade.ts_txn > entry_txn:
            return trade.px
        return None

    def close(self) -> None:
        """From flat to flat."""
        entry, leave = self.entry, self.order
        assert entry is not None and leave is not None
        ins, outs = self.fills[entry.id], self.fills[leave.id]
        paid, got = (sum(f.px * f.qty for f in fills) * self.unit for fills in (ins, outs))
        fees = sum(f.fee for f in ins + outs)
        gross = entry.side * (got - paid)
        worst, best = min, max
        if entry.side == SELL:
            worst, best = max, min
        self.trips.append(
            dict(
                id=len(self.trips),
                side=entry.side,
                qty=entry.filled,
                entry_order=entry.id,
                exit_order=leave.id,
                entry_seq=ins[0].seq,
                entry_ts=ins[0].ts,
                exit_seq=outs[-1].seq,
                exit_ts=outs[-1].ts,
                entry_notional=paid,
                exit_notional=got,
                entry_slippage=self.slippage(entry, paid),
                exit_slippage=self.slippage(leave, got),
                gross=gross,
                fees=fees,
                net=gross - fees,
                entry_reason=entry.reason,
                exit_reason=leave.reason,
                worst_px=worst(self.prices, default=0),
                best_px=best(self.prices, default=0),
                after_gap=leave.after_gap,
            )
        )
        self.prices = []

    def slippage(self, order: Order, notional: int) -> int:
        """Money lost against the mid at the decision."""
        at_mid = Fraction(order.mid2 * order.filled * self.unit, 2)
        lost = order.side * (notional - at_mid)
        assert lost.denominator == 1
        return int(lost)
