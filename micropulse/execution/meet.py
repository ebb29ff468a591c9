"""What the market does to every open order, the oldest first."""

from micropulse.execution.arrival import has_arrived, is_cancelled
from micropulse.execution.fills import (
    change,
    fill,
    filled_status,
    is_at_market,
    let_go,
)
from micropulse.execution.reports import report
from micropulse.execution.resting import print_leaves, see_queue
from micropulse.execution.sweep import land
from micropulse.execution.taken import grow_taken
from micropulse.execution.triggers import book_trips, print_trips, trip
from micropulse.jit import cold, kernel
from micropulse.outbox import Outbox
from micropulse.schema import (
    ARMED,
    EXPIRED,
    GONE,
    LOST_CONNECTION,
    OVER,
    REJECTED,
    REPLACED,
    RESTING,
    UNKNOWN,
    WITHDRAWN,
    Order,
)
from micropulse.state import State

NOT_THERE = -1


@kernel
def match(state: State, out: Outbox) -> None:
    """The book just taken meets our orders."""
    grow_taken(state)
    if state.open_n != 0:
        _meet_book(state, out)


@cold
def _meet_book(state: State, out: Outbox) -> None:
    """Orders that have arrived take or come to rest; queues and triggers look at the book."""
    for i in range(state.open_n):
        order = state.orders[i]
        status = 0
        if order.stage == OVER:
            continue
        waits = order.stage == RESTING or order.stage == ARMED
        if waits and is_cancelled(state, order, state.book.txn):
            status = WITHDRAWN
        elif order.stage == RESTING:
            see_queue(state, order)
        elif order.stage == ARMED:
            if book_trips(state, order):
                status = trip(state, order)
        elif has_arrived(state, order, state.book.txn):
            status = _take_place(state, out, order)
            if status == 0:
                status = land(state, out, order)
            elif status == NOT_THERE:
                status = 0
        if status != 0:
            change(state, out, order, status)
    _settle(state)


@kernel
def _take_place(state: State, out: Outbox, order: Order) -> int:
    """Cancel the order that this one replaces. REJECTED when that is gone, NOT_THERE while it has
    not arrived itself; 0 when the way is free."""
    if order.replaces == 0 or order.books > 0:
        return 0
    for i in range(state.open_n):
        old = state.orders[i]
        if old.id + 1 == order.replaces:
            if old.stage == RESTING or old.stage == ARMED:
                old.note = REPLACED
                change(state, out, old, WITHDRAWN)
                return 0
            if old.stage != OVER and not is_at_market(old):
                return NOT_THERE
    order.note = GONE
    return REJECTED


@cold
def meet_print(state: State, out: Outbox, txn: int, px: int, qty: int, side: int) -> None:
    """A MARKET print moves queues, fills what rests, never more than itself, and triggers."""
    given = 0
    for i in range(state.open_n):
        order = state.orders[i]
        status = 0
        waits = order.stage == RESTING or order.stage == ARMED
        if not waits:
            continue
        if is_cancelled(state, order, txn):
            status = WITHDRAWN
        elif order.stage == ARMED:
            if print_trips(order, txn, px, side):
                status = trip(state, order)
        else:
            ours = print_leaves(state, order, txn, px, qty, side, given)
            if ours > 0:
                given += ours
                fill(state, out, order, order.px, order.px, ours, txn, True)
                if order.stage != OVER:
                    status = filled_status(order)
        if status != 0:
            change(state, out, order, status)
    _settle(state)


@cold
def lose_connection(state: State, out: Outbox) -> None:
    """The feed is gone: an entry on its way expires, an exit goes on, what rests stays there and
    its queue is taken anew behind what the first book shows."""
    for i in range(state.open_n):
        order = state.orders[i]
        if order.stage == RESTING or order.stage == ARMED:
            order.after_gap = True
            order.in_view = False
            if order.stage == RESTING:
                state.counts.queues_retaken += 1
                order.ahead = UNKNOWN
                order.gone_txn = UNKNOWN
        elif order.closes:
            order.after_gap = True
        else:
            order.note = LOST_CONNECTION
            change(state, out, order, EXPIRED)
    _settle(state)


@kernel
def _settle(state: State) -> None:
    """After the last order: let go of those that ended, and report what has changed."""
    if state.news:
        let_go(state)
        report(state)
