"""The simulated exchange: what becomes of a market order. The same in backtest and on paper.

    submit      intent -> order, checked as the exchange checks it, on its way
    match       an order under way meets a fresh book and sweeps what it shows
    watch_exit  what the event shows of a price to leave at

docs/execution.md is the definition. An order decided on an event never fills on that event:
`match` runs before `decide`, `submit` after it.
"""

from math import nan

from micropulse.account import book_fill, close_trip, fee_of, show_exit
from micropulse.events import MARKET
from micropulse.features.window import drop_before, is_empty, maximum, push_max
from micropulse.jit import kernel
from micropulse.outbox import Outbox, put_order, put_signal
from micropulse.schema import (
    ABOVE_MAX_QTY,
    BAD_STEP,
    BELOW_MIN_NOTIONAL,
    BELOW_MIN_QTY,
    BEYOND_DEPTH,
    ENTER,
    ENTRY_ASKED,
    ENTRY_REFUSED,
    EXIT,
    EXIT_ASKED,
    EXPIRED,
    FILLED,
    LOST_CONNECTION,
    NO_ACTION,
    NO_BOOK,
    PARTIAL,
    REJECTED,
    SECOND,
    SUBMITTED,
    UNKNOWN,
)
from micropulse.state import PRINTS, Ladder, State
from micropulse.taken import grow_taken, take, taken_at

PRINT_MASK = PRINTS - 1
OFFSET_WINDOW_NS = 60 * SECOND


# ---- the exchange's clock -------------------------------------------------------------------


@kernel
def see_clock(state: State, ts_event: int, ts_recv: int) -> None:
    """One more sight of the exchange's clock: E - ts_recv, the largest of 60 s is kept."""
    now = state.clock.now
    offset = ts_event - ts_recv
    state.counts.queue_full += push_max(state.offset, state.offset_ring, now, offset)
    drop_before(state.offset, state.offset_ring, now - OFFSET_WINDOW_NS)
    state.jitter_ns = maximum(state.offset, state.offset_ring) - offset
    date_order(state)


@kernel
def date_order(state: State) -> None:
    """An order that was decided when the exchange's clock was not known gets its arrival."""
    if state.order.arrival == UNKNOWN:
        _set_arrival(state)


@kernel
def forget_clock(state: State) -> None:
    """The receiver's clock was stepped: what was known of the offset is worth nothing."""
    state.offset.tail = state.offset.head


@kernel
def _set_arrival(state: State) -> None:
    """A = decision + the largest E - ts_recv of the last 60 s + latency."""
    order = state.order
    if is_empty(state.offset):
        order.arrival = UNKNOWN
    else:
        order.arrival = order.ts + maximum(state.offset, state.offset_ring) + order.latency_ns


# ---- an order under way meets a book ---------------------------------------------------------


@kernel
def match(state: State, out: Outbox) -> None:
    """Let the order in flight sweep the book just taken, if it has arrived by then."""
    grow_taken(state)
    order, book = state.order, state.book
    if not state.position.pending or order.arrival == UNKNOWN:
        return
    if state.clock.now < order.ready_ts or book.txn < order.arrival:
        return
    order.books += 1
    before = order.filled
    if order.side > 0:
        _sweep(state, book.ask, out)
    else:
        _sweep(state, book.bid, out)
    if order.filled == order.qty:
        _finish(state, out, FILLED)
    elif order.closes:
        state.counts.exits_beyond_depth += 1
        order.note = BEYOND_DEPTH
        if order.filled > before:
            put_order(state, out, order, PARTIAL)
    else:
        state.counts.entries_beyond_depth += 1
        order.note = BEYOND_DEPTH
        _finish(state, out, EXPIRED)


@kernel
def _sweep(state: State, ladder: Ladder, out: Outbox) -> None:
    """Take what the side shows, level by level, never better than the first print says."""
    order = state.order
    print_px = first_print_px(state)
    for k in range(ladder.n):
        left = order.qty - order.filled
        there = ladder.qty[k] - taken_at(state, order.side, ladder.px[k])
        qty = min(left, there)
        if qty > 0:
            px = ladder.px[k]
            if print_px != 0 and order.side * print_px > order.side * px:
                px = print_px
            _fill(state, px, ladder.px[k], qty, out)
            take(state, order.side, ladder.px[k], qty, ladder.qty[k])


@kernel
def first_print_px(state: State) -> int:
    """Price of the first print of the order's side with T in [arrival, the book's T]; else 0.

    RPI prints are no guide: that liquidity is not for us.
    """
    order, flow = state.order, state.flow
    oldest = max(state.order_print, flow.prints - PRINTS)
    for position in range(oldest, flow.prints):
        entry = state.prints[position & PRINT_MASK]
        if entry.side == order.side and entry.kind == MARKET:
            if order.arrival <= entry.txn <= state.book.txn:
                return entry.px
    return 0


@kernel
def _fill(state: State, px: int, level_px: int, qty: int, out: Outbox) -> None:
    """One slice at one price, written out and booked."""
    order = state.order
    fill = out.fills[out.used.fills]
    fill.order_id = order.id
    fill.slice_no = order.slices
    fill.seq = state.clock.seq
    fill.ts = state.clock.now
    fill.txn = state.book.txn
    fill.side = order.side
    fill.px = px
    fill.level_px = level_px
    fill.qty = qty
    fill.fee = fee_of(state.instrument, px, qty, state.execution.taker_fee_e8)
    out.used.fills += 1
    order.slices += 1
    order.filled += qty
    book_fill(state, order, fill)


@kernel
def _finish(state: State, out: Outbox, status: int) -> None:
    """The order is done; a position that it closed is a round trip."""
    state.position.pending = False
    put_order(state, out, state.order, status)
    if state.order.closes and state.account.qty == 0:
        close_trip(state, out)


# ---- an intent becomes an order --------------------------------------------------------------


@kernel
def submit(state: State, out: Outbox) -> None:
    """Take what the strategy asked for, or refuse it and count why."""
    intent, counts = state.intent, state.counts
    _say_refusal(state, out)
    if intent.action == NO_ACTION:
        return
    if state.position.pending:
        counts.refused_pending += 1
    elif intent.action == ENTER and state.account.qty != 0:
        counts.refused_position += 1
    elif intent.action == EXIT and state.account.qty == 0:
        counts.refused_flat += 1
    elif intent.action == ENTER and state.book.stale:
        counts.refused_stale += 1
    elif intent.action == ENTER and intent.side == 0:
        counts.refused_sideless += 1
    else:
        _send(state, out)


@kernel
def _say_refusal(state: State, out: Outbox) -> None:
    """A signal when the strategy lets an entry be for another reason than last time."""
    refused = state.intent.refused
    if refused != state.last_refused and refused != 0:
        put_signal(state, out, ENTRY_REFUSED, 0, state.book.known_mid2, 0, 0, refused)
    state.last_refused = refused


@kernel
def _send(state: State, out: Outbox) -> None:
    """Make the order; what the exchange would refuse is rejected here and now."""
    intent, order, account = state.intent, state.order, state.account
    closes = intent.action == EXIT
    order.id = account.orders
    order.seq = state.clock.seq
    order.ts = state.clock.now
    order.closes = closes
    if closes:
        order.side = -1 if account.qty > 0 else 1
        order.qty = abs(account.qty)
    else:
        order.side = 1 if intent.side > 0 else -1
        order.qty = intent.qty if intent.qty != 0 else state.execution.order_qty
        if order.qty == 0:
            order.qty = smallest_qty(state)
    order.filled = 0
    order.slices = 0
    order.reason = intent.reason
    order.latency_ns = state.execution.latency_ns
    if state.execution.tape_jitter:
        order.latency_ns += state.jitter_ns
    order.ready_ts = order.ts + order.latency_ns
    order.mid2 = state.book.known_mid2
    order.books = 0
    order.after_gap = closes and state.book.stale
    order.note = _objection(state)
    _set_arrival(state)
    account.orders += 1
    kind = EXIT_ASKED if closes else ENTRY_ASKED
    put_signal(state, out, kind, order.side, order.mid2, order.qty, 0, order.reason)
    if order.note != 0:
        account.rejected += 1
        put_order(state, out, order, REJECTED)
        return
    state.position.pending = True
    state.order_print = state.flow.prints
    put_order(state, out, order, SUBMITTED)


@kernel
def smallest_qty(state: State) -> int:
    """The least quantity the exchange takes at the mid: a multiple of the step that reaches the
    minimum quantity and the minimum notional."""
    instrument, mid2 = state.instrument, state.book.known_mid2
    qty = instrument.min_qty
    if mid2 > 0:
        qty = max(qty, -(-2 * instrument.min_notional // mid2))
    return -(-qty // instrument.step) * instrument.step


@kernel
def _objection(state: State) -> int:
    """Why the exchange would reject the order; 0 when it takes it. Reduce-only orders are free
    of the minimum notional."""
    order, instrument = state.order, state.instrument
    if order.mid2 == 0:
        return NO_BOOK
    if order.qty % instrument.step != 0:
        return BAD_STEP
    if order.qty < instrument.min_qty or order.qty <= 0:
        return BELOW_MIN_QTY
    if 0 < instrument.max_market_qty < order.qty:
        return ABOVE_MAX_QTY
    if not order.closes and order.mid2 * order.qty < 2 * instrument.min_notional:
        return BELOW_MIN_NOTIONAL
    return 0


@kernel
def lose_connection(state: State, out: Outbox) -> None:
    """The feed is gone with an order in flight: an entry expires, an exit waits for a book."""
    if not state.position.pending:
        return
    if state.order.closes:
        state.order.after_gap = True
    else:
        state.order.note = LOST_CONNECTION
        _finish(state, out, EXPIRED)


# ---- what leaving would bring ----------------------------------------------------------------


@kernel
def watch_exit(state: State, book_is_new: bool, print_px: int) -> None:
    """Write `gain_ticks`: by the best price of a new book, or by an eligible print (px, else 0)."""
    position, book = state.position, state.book
    position.gain_ticks = nan
    position.held_ns = 0
    if position.side == 0:
        return
    position.held_ns = state.clock.now - position.entry_ts
    ladder = book.bid if position.side > 0 else book.ask
    if book_is_new and ladder.n > 0:
        show_exit(state, ladder.px[0])
    elif print_px != 0:
        show_exit(state, print_px)


@kernel
def eligible_px(state: State, txn: int, px: int, side: int, kind: int) -> int:
    """The print's price if it shows where we could have left: a taker on our exit's side, later
    than the book we came in on, not RPI. Else 0."""
    leaves = side == -state.position.side and kind == MARKET
    return px if leaves and txn > state.account.entry_txn else 0
