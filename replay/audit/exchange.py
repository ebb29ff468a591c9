"""docs/execution.md, computed the slow and obvious way from the events and the decisions alone.

It shares no line with `micropulse/execution.py` and `micropulse/account.py`, so that a mistake must
be made twice, by two people, to go unseen.

Times are ns, prices and quantities integers at the instrument's scale, money integers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from math import ceil
from typing import Any, NamedTuple

from .funding import Stamps
from .ledger import Fill, Ledger, Order, Shown, Standing
from .moments import Moment, first_print, jitter, largest_ahead, moments
from .rows import BUY, SELL, Book, Event

UNKNOWN = -(2**63)
SUBMITTED, FILLED, PARTIAL, EXPIRED, REJECTED = 1, 2, 3, 4, 5
NO_NOTE, BAD_STEP, BELOW_MIN_QTY, ABOVE_MAX_QTY, BELOW_MIN_NOTIONAL, NO_BOOK = range(6)
LOST_CONNECTION, BEYOND_DEPTH = 6, 7
TAKEN_MAX = 32


class Ask(NamedTuple):
    """What `decide` asked for on the event `seq`."""

    seq: int
    enters: bool
    side: int  # of an entry
    qty: int  # of an entry; 0: what [execution] says
    reason: int


@dataclass
class Taken:
    """What we took at a price, and what the last book that had it in view showed there."""

    qty: int
    shown: int


class Exchange:
    """Plays the decisions against the tape. Afterwards it holds what must have come out: `orders`
    as dicts of schema.Order's fields, `ledger` with fills and trips, `standings` by `seq`, `shown`
    for each call of `decide`, and `counts`."""

    def __init__(self, events: Sequence[Event], instrument: Any, execution: Any) -> None:
        self.tape = moments(events)
        self.instrument = instrument
        self.unit = int(instrument.notional_unit)
        self.fee_rate = Fraction(int(execution.taker_fee_e8), 10**8)
        self.latency_ns = int(execution.latency_ns)
        self.tape_jitter = bool(execution.tape_jitter)
        self.order_qty = int(execution.order_qty)  # 0: the smallest
        self.submitted = 0
        self.mid2 = 0  # of the event before
        self.order: Order | None = None  # in flight
        self.taken: dict[tuple[int, int], Taken] = {}  # by our side and price
        self.ledger = Ledger(self.unit, int(instrument.tick))
        self.stamps = Stamps(instrument, execution)
        self.orders: list[dict[str, Any]] = []
        self.standings: dict[int, Standing] = {}
        self.shown: list[Shown] = []
        self.counts: Counter[str] = Counter()

    def play(self, asks: Mapping[int, Ask]) -> None:
        """`asks` by `seq`."""
        for at, moment in enumerate(self.tape):
            if moment.lost:
                self.lose_feed(moment)
            self.fund(moment)
            if moment.book:
                self.forget_grown(moment.book)
                self.match(at, moment.book)
            self.shown.append(self.ledger.show(moment, self.order is not None))
            if moment.event.seq in asks:
                self.ask(at, asks[moment.event.seq])
            self.standings[moment.event.seq] = self.ledger.standing(moment.mid2)

    def fund(self, moment: Moment) -> None:
        """A position pays at the stamps that have passed; the mid is that before the event."""
        for due in self.stamps.see(moment.event, self.mid2):
            if not self.ledger.qty:
                continue
            if due is None:
                self.counts["funding_unknown"] += 1
            else:
                self.counts["fundings"] += 1
                self.ledger.fund(-ceil(self.ledger.qty * due))
        self.mid2 = moment.mid2

    # Asking.

    def ask(self, at: int, ask: Ask) -> None:
        """What `decide` asked for becomes an order, or is refused and counted."""
        held = self.ledger.qty
        refused = self.refusal(at, ask)
        if refused:
            self.counts[refused] += 1
        elif ask.enters:
            qty = ask.qty or self.order_qty or self.smallest(at)
            self.submit(at, ask.side, qty, False, ask.reason)
        else:
            self.submit(at, SELL if held > 0 else BUY, abs(held), True, ask.reason)

    def refusal(self, at: int, ask: Ask) -> str | None:
        """Which count the refusal of an ask goes to; None when it is taken."""
        held = self.ledger.qty != 0
        if self.order:
            return "refused_pending"
        if ask.enters and held:
            return "refused_position"
        if ask.enters and self.tape[at].stale:
            return "refused_stale"
        if not ask.enters and not held:
            return "refused_flat"
        if ask.enters and ask.side == 0:
            return "refused_sideless"
        return None

    def smallest(self, at: int) -> int:
        """The least multiple of the step that meets both minimums."""
        limits, mid2 = self.instrument, self.tape[at].mid2
        least = Fraction(int(limits.min_qty))
        if mid2:
            least = max(least, Fraction(2 * int(limits.min_notional), mid2))
        return ceil(least / int(limits.step)) * int(limits.step)

    def submit(self, at: int, side: int, qty: int, closes: bool, reason: int) -> None:
        """An order is made and on its way, or rejected at once."""
        moment = self.tape[at]
        latency = self.latency_ns + (jitter(self.tape, at) if self.tape_jitter else 0)
        self.order = order = Order(
            id=self.submitted,
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
            decided=at,
            after_gap=closes and moment.stale,
        )
        self.submitted += 1
        self.find_arrival(order, at)
        note = self.objection(order)
        self.change(moment, REJECTED if note else SUBMITTED, note)

    def objection(self, order: Order) -> int:
        """Why the exchange rejects an order."""
        limits = self.instrument
        if not order.mid2:
            return NO_BOOK
        if order.qty % int(limits.step):
            return BAD_STEP
        if order.qty <= 0 or order.qty < limits.min_qty:
            return BELOW_MIN_QTY
        if limits.max_market_qty and order.qty > limits.max_market_qty:
            return ABOVE_MAX_QTY
        notional = Fraction(order.qty * order.mid2, 2)
        if notional < int(limits.min_notional) and not order.closes:
            return BELOW_MIN_NOTIONAL
        return NO_NOTE

    # Arriving.

    def find_arrival(self, order: Order, now: int) -> None:
        """A, as soon as a row has shown the exchange's clock."""
        if order.arrival != UNKNOWN:
            return
        ahead = largest_ahead(self.tape, order.decided, now)
        if ahead is not None:
            order.arrival = order.ts + ahead + order.latency_ns

    def match(self, at: int, book: Book) -> None:
        """The order in flight meets a book."""
        order, moment = self.order, self.tape[at]
        if order is None:
            return
        self.find_arrival(order, at)
        if moment.t < order.ready_ts or book.ts_txn < order.arrival:
            return
        order.books += 1
        before = order.slices
        self.sweep(order, at, book)
        if order.filled == order.qty:
            self.change(moment, FILLED)
        elif order.closes:
            self.counts["exits_beyond_depth"] += 1
            order.note = BEYOND_DEPTH
            if order.slices > before:
                self.change(moment, PARTIAL)
        else:
            self.counts["entries_beyond_depth"] += 1
            self.change(moment, EXPIRED, BEYOND_DEPTH)

    # Filling.

    def sweep(self, order: Order, at: int, book: Book) -> None:
        """The order takes what the book shows and we have not taken yet, best level first."""
        txns = range(order.arrival, book.ts_txn + 1)
        bound = first_print(self.tape, order.decided, at, order.side, txns)
        for level_px, shown in book.asks if order.side == BUY else book.bids:
            before = self.taken.get((order.side, level_px), Taken(0, 0)).qty
            qty = min(order.qty - order.filled, shown - before)
            if qty <= 0:
                continue
            self.remember((order.side, level_px), Taken(before + qty, shown))
            px = level_px
            if bound is not None:
                px = max(px, bound) if order.side == BUY else min(px, bound)
            fee = ceil(px * qty * self.unit * self.fee_rate)
            t, txn, no = self.tape[at].t, book.ts_txn, order.slices
            order.slices += 1
            order.filled += qty
            fill = Fill(order.id, no, book.seq, t, txn, order.side, px, level_px, qty, fee)
            self.ledger.add(order, fill)

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

    def change(self, moment: Moment, status: int, note: int = NO_NOTE) -> None:
        """A row for all that happens to an order; one that has ended is in flight no more."""
        order = self.order
        assert order is not None
        order.status, order.note = status, note or order.note
        order.status_seq, order.status_ts = moment.event.seq, moment.t
        self.orders.append(asdict(order))
        if status in (FILLED, EXPIRED, REJECTED):
            self.order = None

    def lose_feed(self, moment: Moment) -> None:
        """The last connection is gone: an entry expires, an exit goes on and is marked."""
        if self.order and self.order.closes:
            self.order.after_gap = True
        elif self.order:
            self.change(moment, EXPIRED, LOST_CONNECTION)
