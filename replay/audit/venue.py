"""What the market does to our orders: docs/execution.md from their arrival on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from math import ceil
from typing import Any

from .codes import (
    ACCEPTED,
    BEYOND_DEPTH,
    ENDS,
    EXPIRED,
    FILLED,
    FOK,
    GONE,
    IOC,
    LOST_CONNECTION,
    NO_NOTE,
    NOT_AT_ONCE,
    NOT_WHOLE,
    NOTHING_TO_REDUCE,
    PARTIAL,
    POST_ONLY,
    REJECTED,
    REPLACED,
    TRIGGERED,
    UNKNOWN,
    WITHDRAWN,
    WOULD_TAKE,
    WOULD_TRIGGER,
)
from .depth import Depth
from .ledger import LIMIT, Fill, Ledger, Order
from .levels import best, opposing, reachable, trips
from .marks import Marks
from .moments import Moment, first_print
from .requests import Way
from .resting import Open, Queue, at_price, is_late, meet_book, through
from .rows import BUY, Book, Level, Trade


class Venue:
    """The exchange's side: what the market does to the orders that are open, oldest first."""

    def __init__(self, tape: Sequence[Moment], instrument: Any, execution: Any) -> None:
        self.tape, self.execution = tape, execution
        self.unit = int(instrument.notional_unit)
        self.way, self.depth = Way(tape, execution), Depth()
        self.marks = Marks(instrument)
        self.ledger = Ledger(self.unit, int(instrument.tick))
        self.open: list[Open] = []  # oldest first
        self.orders: list[dict[str, Any]] = []
        self.counts: Counter[str] = Counter()
        self.prints: list[Trade] = []
        self.changed = False

    def date_requests(self, at: int) -> None:
        """What was sent before the exchange's clock was known arrives by the next row's."""
        for o in self.open:
            for request in (o.order, o.cancel):
                if request is not None:
                    self.way.find_arrival(request, at)

    def meet_book(self, at: int, book: Book) -> None:
        """Every open order meets a book that is no duplicate."""
        for o in list(self.open):
            order, moment = o.order, self.tape[at]
            if o not in self.open:
                continue
            if o.waits_from is None:
                if self.way.has_arrived(order, at, book.ts_txn):
                    self.arrive(o, at, book)
            elif self.way.has_arrived(o.cancel, at, book.ts_txn):
                self.change(moment, o, WITHDRAWN)
            elif o.queue:
                self.see_queue(o, book)
            elif self.trips(order, at, book):
                self.trigger(o, at)

    def arrive(self, o: Open, at: int, book: Book) -> None:
        """An order is at the exchange by this book."""
        order, moment = o.order, self.tape[at]
        if order.replaces and not order.books:
            old = [other for other in self.open if other.order.id + 1 == order.replaces]
            if not old or old[0].at_market:
                self.change(moment, o, REJECTED, GONE)
                return
            if old[0].waits_from is None:
                return
            self.change(moment, old[0], WITHDRAWN, REPLACED)
        order.books += 1
        if not self.left(order):
            self.change(moment, o, EXPIRED, NOTHING_TO_REDUCE)
        elif order.kind == LIMIT:
            self.arrive_limit(o, at, book)
        elif o.at_market:
            self.arrive_at_market(o, at, book)
        elif self.trips(order, at, book):
            self.change(moment, o, REJECTED, WOULD_TRIGGER)
        else:
            o.waits_from = book.ts_txn
            self.change(moment, o, ACCEPTED)

    def arrive_at_market(self, o: Open, at: int, book: Book) -> None:
        """It takes what is visible; what is left of an entry is cancelled."""
        order, moment = o.order, self.tape[at]
        before = order.slices
        self.sweep(order, at, book)
        if order.filled == order.qty:
            self.change(moment, o, FILLED)
        elif not self.left(order):
            self.change(moment, o, EXPIRED, NOTHING_TO_REDUCE)
        elif order.closes:
            self.counts["exits_beyond_depth"] += 1
            order.note = BEYOND_DEPTH
            if order.slices > before:
                self.change(moment, o, PARTIAL)
        else:
            self.counts["entries_beyond_depth"] += 1
            self.change(moment, o, EXPIRED, BEYOND_DEPTH)

    def arrive_limit(self, o: Open, at: int, book: Book) -> None:
        """It takes what its limit allows and, by its time in force, comes to rest."""
        order, moment = o.order, self.tape[at]
        levels = reachable(order, book)
        if order.tif == POST_ONLY and levels:
            self.change(moment, o, REJECTED, WOULD_TAKE)
            return
        if order.tif == FOK and not self.is_whole(order, at, levels):
            self.change(moment, o, EXPIRED, NOT_WHOLE)
            return
        self.sweep(order, at, book)
        if order.filled == order.qty:
            self.change(moment, o, FILLED)
        elif not self.left(order):
            self.change(moment, o, EXPIRED, NOTHING_TO_REDUCE)
        elif order.tif == IOC:
            self.change(moment, o, EXPIRED, NOT_AT_ONCE)
        else:
            all_visible = len(levels) == len(opposing(order, book))
            self.counts["limits_beyond_depth"] += bool(levels) and all_visible
            o.waits_from, o.queue = book.ts_txn, Queue(book.ts_txn)
            self.see_queue(o, book)
            self.counts["queues_unseen"] += o.queue.shown is None
            self.change(moment, o, PARTIAL if order.filled else ACCEPTED)

    def is_whole(self, order: Order, at: int, levels: Sequence[Level]) -> bool:
        """Whether all of it can be filled at these levels."""
        missing = order.qty
        for px, shown in levels:
            there = shown - self.depth.at(order.side, px)
            if missing <= 0 or self.left(order) < order.qty:
                break
            if there > 0:
                if self.forbids(order, at, px):
                    break
                missing -= there
        return missing <= 0

    def forbids(self, order: Order, at: int, px: int) -> bool:
        """Whether a price is outside the price band."""
        return self.marks.forbid(self.tape[at].t, px, order.side)

    def trips(self, order: Order, at: int, book: Book) -> bool:
        """Whether a book triggers a stop or take-profit, or the mark price as it stands then."""
        px = self.marks.px(self.tape[at].t) if order.by_mark else best(order, book)
        return trips(order, px)

    def left(self, order: Order) -> int:
        """What it may still fill."""
        left = order.qty - order.filled
        return max(0, min(left, -order.side * self.ledger.qty)) if order.closes else left

    # At rest.

    def see_queue(self, o: Open, book: Book) -> None:
        """The queue before an order at rest, by a new book."""
        order, prints = o.order, None
        assert o.queue is not None
        if self.execution.proportional:
            at_px = [p for p in self.prints if p.px == order.px and p.side == -order.side]
            prints = [p for p in at_px if p.seq > order.seq]
        meet_book(o.queue, book, order.side, order.px, prints)
        order.ahead = UNKNOWN if o.queue.ahead is None else o.queue.ahead

    def meet_print(self, at: int, trade: Trade) -> None:
        """What rests meets a MARKET print, which fills no more than itself."""
        free, moment = trade.qty, self.tape[at]
        for o in list(self.open):
            if o not in self.open or o.waits_from is None:
                continue
            if self.way.has_arrived(o.cancel, at, trade.ts_txn):
                self.change(moment, o, WITHDRAWN)
            elif o.queue:
                free -= self.reach(o, at, trade, free)
            elif trade.ts_txn > o.waits_from and trade.side == o.order.side:
                if not o.order.by_mark and trips(o.order, trade.px):
                    self.trigger(o, at)

    def reach(self, o: Open, at: int, trade: Trade, free: int) -> int:
        """What a print of which `free` is left gives to an order at rest."""
        order, queue = o.order, o.queue
        assert queue is not None
        if through(queue, trade, order.side, order.px):
            got = free
        elif trade.px != order.px or trade.side == order.side or trade.ts_txn <= queue.joined:
            return 0
        elif queue.shown is None:
            self.counts["prints_unseen"] += 1
            return 0
        elif is_late(queue, trade):
            self.counts["prints_late"] += 1
            return 0
        else:
            got = at_price(queue, trade, free)
        order.ahead = queue.ahead or 0
        got = min(got, self.left(order))
        if got:
            self.fill(order, at, trade.ts_txn, order.px, order.px, got, True)
            if o in self.open:
                done = order.filled == order.qty
                self.change(self.tape[at], o, FILLED if done else PARTIAL)
        return got

    def trigger(self, o: Open, at: int) -> None:
        """From here on it is an order at the market, on its way."""
        again = self.way.request(at, 0, 0, 0, False)
        order = o.order
        order.latency_ns, order.ready_ts, order.arrival = (
            again.latency_ns, again.ready_ts, again.arrival,
        )  # fmt: skip
        order.decided, order.mid2 = at, again.mid2
        self.change(self.tape[at], o, TRIGGERED)
        o.at_market, o.waits_from = True, None

    # Filling.

    def sweep(self, order: Order, at: int, book: Book) -> None:
        """It takes what the book shows and we have not taken yet, best level first."""
        txns = range(order.arrival, book.ts_txn + 1)
        bound = first_print(self.tape, order.decided, at, order.side, txns)
        worst, best = (max, min) if order.side == BUY else (min, max)
        for level_px, shown in reachable(order, book):
            qty = min(self.left(order), shown - self.depth.at(order.side, level_px))
            if qty <= 0:
                continue
            if self.forbids(order, at, level_px):
                break
            self.depth.take(order.side, level_px, qty, shown)
            px = level_px if bound is None else worst(level_px, bound)
            if order.kind == LIMIT:
                px = best(px, order.px)
            self.fill(order, at, book.ts_txn, px, level_px, qty, False)

    def fill(
        self, order: Order, at: int, txn: int, px: int, level_px: int, qty: int, maker: bool
    ) -> None:
        """Two slices where it goes through flat."""
        moment, held = self.tape[at], self.ledger.qty
        closing = min(qty, abs(held)) if held * order.side < 0 else 0
        rate_e8 = self.execution.maker_fee_e8 if maker else self.execution.taker_fee_e8
        for part in (closing, qty - closing):
            if not part:
                continue
            fee = ceil(px * part * self.unit * Fraction(int(rate_e8), 10**8))
            fill = Fill(
                *(order.id, order.slices, moment.event.seq, moment.t, txn, order.side),
                *(maker, px, level_px, part, fee),
            )
            order.slices += 1
            order.filled += part
            self.changed = True
            self.ledger.add(order, fill)
            if not self.ledger.qty:
                self.end_reduce_only(moment)

    def end_reduce_only(self, moment: Moment) -> None:
        """Flat: what waits to reduce has nothing left to."""
        for o in list(self.open):
            order = o.order
            if order.closes and o.waits_from is not None and order.filled < order.qty:
                self.change(moment, o, EXPIRED, NOTHING_TO_REDUCE)

    # What becomes of it.

    def change(self, moment: Moment, o: Open, status: int, note: int = NO_NOTE) -> None:
        """A row for all that happens to an order; one that has ended is open no more."""
        order = o.order
        order.status, order.note = status, note or order.note
        order.status_seq, order.status_ts = moment.event.seq, moment.t
        self.orders.append(vars(order).copy())
        self.changed = True
        too_late = status == TRIGGERED or (status == FILLED and order.kind == LIMIT)
        self.counts["cancels_too_late"] += too_late and o.cancel is not None
        if status in ENDS and o in self.open:
            self.open.remove(o)

    def lose_feed(self, moment: Moment) -> None:
        """Entries on their way expire; exits and what rests go on and are marked."""
        for o in list(self.open):
            if o.waits_from is None and not o.order.closes:
                self.change(moment, o, EXPIRED, LOST_CONNECTION)
                continue
            o.order.after_gap = True
            if o.queue:
                o.queue = Queue(o.queue.joined, shown_txn=o.queue.shown_txn)
                o.order.ahead = UNKNOWN
                self.counts["queues_retaken"] += 1
