"""An order arrives on a book and takes what it shows, level by level."""

from micropulse.events import MARKET
from micropulse.execution.fills import fill, is_stop, left_to_fill
from micropulse.execution.resting import join_queue
from micropulse.execution.taken import take, taken_at
from micropulse.execution.triggers import arm
from micropulse.jit import cold, kernel
from micropulse.mark import outside_band
from micropulse.outbox import Outbox
from micropulse.schema import (
    ACCEPTED,
    BEYOND_DEPTH,
    EXPIRED,
    FILLED,
    FOK,
    IOC,
    LIMIT,
    NOT_AT_ONCE,
    NOT_WHOLE,
    NOTHING_TO_REDUCE,
    PARTIAL,
    POST_ONLY,
    REJECTED,
    RESTING,
    TRIPPED,
    WOULD_TAKE,
    Order,
)
from micropulse.state import PRINTS, Ladder, State

PRINT_MASK = PRINTS - 1


@cold
def land(state: State, out: Outbox, order: Order) -> int:
    """The order meets the book it arrives on. Returns its new status; 0: none."""
    order.books += 1
    if left_to_fill(state, order) == 0:
        order.note = NOTHING_TO_REDUCE
        return EXPIRED
    if is_stop(order) and order.stage != TRIPPED:
        return arm(state, order)
    ladder = state.book.ask if order.side > 0 else state.book.bid
    if order.kind == LIMIT and order.tif == POST_ONLY and _reaches(order, ladder, 0):
        order.note = WOULD_TAKE
        return REJECTED
    if order.kind == LIMIT and order.tif == FOK and not _is_whole(state, order, ladder):
        order.note = NOT_WHOLE
        return EXPIRED
    before = order.filled
    _sweep(state, out, order, ladder)
    if order.filled == order.qty:
        return FILLED
    if left_to_fill(state, order) == 0:
        order.note = NOTHING_TO_REDUCE
        return EXPIRED
    if order.kind == LIMIT:
        return _stay(state, order, ladder)
    return _run_out(state, order, order.filled > before)


@kernel
def _reaches(order: Order, ladder: Ladder, k: int) -> bool:
    """Whether level `k` is there, and at the order's limit or better."""
    if k >= ladder.n:
        return False
    return order.kind != LIMIT or order.side * ladder.px[k] <= order.side * order.px


@kernel
def _there(state: State, order: Order, ladder: Ladder, k: int) -> int:
    """What a level shows, less what we took of it."""
    return ladder.qty[k] - taken_at(state, order.side, ladder.px[k])


@kernel
def _is_whole(state: State, order: Order, ladder: Ladder) -> bool:
    """Whether all of the order can be filled on this book."""
    missing = left_to_fill(state, order)
    if missing < order.qty - order.filled:
        return False
    k = 0
    while missing > 0 and _reaches(order, ladder, k):
        there = _there(state, order, ladder, k)
        if there > 0:
            if outside_band(state, ladder.px[k], order.side):
                break
            missing -= there
        k += 1
    return missing <= 0


@kernel
def _sweep(state: State, out: Outbox, order: Order, ladder: Ladder) -> None:
    """Take what the side shows inside the price band, never better than the first print says, nor
    worse than the limit."""
    print_px = first_print_px(state, order)
    k = 0
    while _reaches(order, ladder, k):
        level_px = ladder.px[k]
        qty = min(left_to_fill(state, order), _there(state, order, ladder, k))
        if qty > 0:
            if outside_band(state, level_px, order.side):
                break
            px = level_px
            if print_px != 0 and order.side * print_px > order.side * px:
                px = print_px
            if order.kind == LIMIT and order.side * px > order.side * order.px:
                px = order.px
            shown = ladder.qty[k]
            fill(state, out, order, px, level_px, qty, state.book.txn, False)
            take(state, order.side, level_px, qty, shown)
        k += 1


@kernel
def first_print_px(state: State, order: Order) -> int:
    """Price of the first print of the order's side with T in [arrival, the book's T]; else 0.

    RPI prints are no guide: that liquidity is not for us.
    """
    flow = state.flow
    oldest = max(order.prints_at, flow.prints - PRINTS)
    for position in range(oldest, flow.prints):
        entry = state.prints[position & PRINT_MASK]
        if entry.side == order.side and entry.kind == MARKET:
            if order.arrival <= entry.txn <= state.book.txn:
                return entry.px
    return 0


@kernel
def _stay(state: State, order: Order, ladder: Ladder) -> int:
    """What a limit order does with what it could not take."""
    if order.tif == IOC:
        order.note = NOT_AT_ONCE
        return EXPIRED
    if ladder.n > 0 and _reaches(order, ladder, ladder.n - 1):
        state.counts.limits_beyond_depth += 1
    order.stage = RESTING
    join_queue(state, order)
    return PARTIAL if order.filled > 0 else ACCEPTED


@kernel
def _run_out(state: State, order: Order, took: bool) -> int:
    """At the market, and the visible depth was not enough: an exit waits for the next book."""
    order.note = BEYOND_DEPTH
    if not order.closes:
        state.counts.entries_beyond_depth += 1
        return EXPIRED
    state.counts.exits_beyond_depth += 1
    return PARTIAL if took else 0
