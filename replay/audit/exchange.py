"""docs/execution.md, computed the slow and obvious way from the events and the decisions alone.

It shares no line with `micropulse/execution/` and `micropulse/account.py`, so that a mistake must
be made twice, by two people, to go unseen.

Times are ns, prices and quantities integers at the instrument's scale, money integers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any, NamedTuple

from .checks import objection, smallest
from .codes import CANCEL_ALL, CANCELLING, GTC, OPEN_MAX, REJECTED, SUBMITTED
from .funding import Stamps
from .ledger import MARKET, Shown, Standing
from .moments import Moment, moments
from .resting import Open
from .rows import BUY, SELL, Event
from .seen import OpenOrder, Seen, View
from .venue import Venue


class Ask(NamedTuple):
    """What `decide` asked for on the event `seq`."""

    seq: int
    enters: bool | None  # None: no order, only cancels
    side: int = 0  # of an entry
    qty: int = 0  # of an entry; 0: what [execution] says
    reason: int = 0
    kind: int = MARKET
    px: int = 0
    tif: int = GTC
    by_mark: bool = False
    cancels: tuple[int, ...] = ()
    replace: int = 0


class Exchange:
    """Plays the decisions against the tape. Afterwards it holds what must have come out: `orders`
    as dicts of schema.Order's fields, `ledger` with fills and trips, `standings` by `seq`, `shown`
    for each call of `decide`, and `counts`."""

    def __init__(self, events: Sequence[Event], instrument: Any, execution: Any) -> None:
        self.tape = moments(events)
        self.instrument, self.execution = instrument, execution
        self.venue = Venue(self.tape, instrument, execution)
        self.orders, self.ledger = self.venue.orders, self.venue.ledger
        self.counts, self.depth = self.venue.counts, self.venue.depth
        self.submitted = 0
        self.seen = Seen(int(execution.response_ns))
        self.mid2 = 0  # of the event before
        self.stamps = Stamps(instrument, execution)
        self.standings: dict[int, Standing] = {}
        self.shown: list[Shown] = []

    def play(self, asks: Mapping[int, Ask]) -> None:
        """`asks` by `seq`."""
        for at, moment in enumerate(self.tape):
            self.venue.date_requests(at)
            self.venue.marks.see(moment)
            if moment.lost:
                self.venue.lose_feed(moment)
            self.fund(moment)
            if moment.book:
                self.depth.forget_grown(moment.book)
                self.venue.meet_book(at, moment.book)
            if moment.market_print:
                self.venue.meet_print(at, moment.market_print)
                self.venue.prints.append(moment.market_print)
            self.report(moment)
            self.ledger.watch(moment)
            view = self.seen.view
            self.shown.append(self.ledger.show(moment, view.trip, view.pending))
            if moment.event.seq in asks:
                self.ask(at, asks[moment.event.seq])
            self.standings[moment.event.seq] = self.ledger.standing(moment.mid2)

    def report(self, moment: Moment) -> None:
        """Word of what has changed goes out, and what is due by now is heard."""
        if self.venue.changed:
            orders = {
                o.order.id + 1: OpenOrder(
                    *(o.order.id + 1, o.at_market, o.order.filled),
                    *(o.waits_from is not None, o.cancel is not None),
                )
                for o in self.venue.open
            }
            self.seen.report(moment.t, View(self.ledger.trip.copy(), orders))
        self.venue.changed = False
        self.seen.deliver(moment.t)

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
        """What `decide` asked for becomes an order, or is refused and counted; cancels first."""
        for ref in ask.cancels:
            self.ask_cancel(at, ref)
        if ask.enters is None:
            return
        refused = self.refusal(at, ask)
        if refused:
            self.counts[refused] += 1
            return
        held = self.seen.view.qty
        if ask.enters:
            qty = (
                ask.qty
                or int(self.execution.order_qty)
                or smallest(self.instrument, self.tape[at].mid2)
            )
            self.submit(at, ask, ask.side, qty)
        else:
            qty = min(ask.qty or abs(held), abs(held))
            self.submit(at, ask, SELL if held > 0 else BUY, qty)

    def refusal(self, at: int, ask: Ask) -> str | None:
        """Which count the refusal of an ask goes to; None when it is taken."""
        view, at_market = self.seen.view, ask.kind == MARKET
        if at_market and view.pending:
            return "refused_pending"
        if at_market and ask.enters and view.qty:
            return "refused_position"
        if not ask.enters and not view.qty:
            return "refused_flat"
        if ask.enters and self.tape[at].stale:
            return "refused_stale"
        if ask.enters and ask.side == 0:
            return "refused_sideless"
        if len(view.orders) >= OPEN_MAX - (not at_market):
            return "refused_full"
        if ask.replace and not view.cancellable(ask.replace):
            return "refused_cancel"
        return None

    def submit(self, at: int, ask: Ask, side: int, qty: int) -> None:
        """An order is made and on its way, or rejected at once."""
        moment = self.tape[at]
        order = self.venue.way.request(at, self.submitted, side, qty, not ask.enters)
        order.reason, order.kind, order.replaces = ask.reason, ask.kind, ask.replace
        order.tif, order.by_mark = ask.tif, bool(ask.by_mark)
        order.px = ask.px if ask.kind != MARKET else 0
        order.after_gap = order.closes and moment.stale
        self.submitted += 1
        order.note = objection(order, self.instrument, self.venue.marks, moment.t)
        new = Open(order, order.kind == MARKET)
        if order.note:
            self.venue.change(moment, new, REJECTED)
            return
        self.venue.open.append(new)
        self.venue.change(moment, new, SUBMITTED)
        self.venue.changed = False
        self.seen.sent(order.id + 1, new.at_market)

    def ask_cancel(self, at: int, ref: int) -> None:
        """A cancel is sent after an order, or after all that can be cancelled."""
        view = self.seen.view
        refs = list(view.orders) if ref == CANCEL_ALL else [ref]
        for one in refs:
            if not view.cancellable(one):
                self.counts["refused_cancel"] += ref != CANCEL_ALL
                continue
            found = [o for o in self.venue.open if o.order.id + 1 == one and not o.at_market]
            for o in found:
                o.cancel = self.venue.way.request(at, 0, 0, 0, False)
                self.venue.change(self.tape[at], o, CANCELLING)
                self.venue.changed = False
            self.counts["cancels_too_late"] += not found
            self.seen.cancelling(one)
