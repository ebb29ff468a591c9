"""What the strategy asks for becomes requests on their way to the exchange, or is refused."""

from micropulse.execution.arrival import arrival, latency
from micropulse.execution.checks import objection
from micropulse.execution.fills import change, is_at_market
from micropulse.execution.reports import show_cancelling, show_sent
from micropulse.jit import cold, kernel
from micropulse.outbox import Outbox, put_signal
from micropulse.schema import (
    CANCEL_ALL,
    CANCELLING,
    ENTER,
    ENTRY_ASKED,
    ENTRY_REFUSED,
    EXIT,
    EXIT_ASKED,
    MARKET_ORDER,
    NO_ACTION,
    ORDERS,
    REJECTED,
    SENT,
    SUBMITTED,
    UNKNOWN,
    Order,
)
from micropulse.state import State


@kernel
def submit(state: State, out: Outbox) -> None:
    """Send what the strategy asked for, or refuse it and count why; a cancel goes out first."""
    intent = state.intent
    _say_refusal(state, out)
    if intent.cancel != 0:
        _cancel(state, out, intent.cancel)
    if intent.action == NO_ACTION:
        return
    if not _is_refused(state):
        _send(state, out)


@kernel
def _is_refused(state: State) -> bool:
    """Whether the strategy asks for what it must know to be impossible. Counts why."""
    intent, counts, position = state.intent, state.counts, state.position
    at_market = intent.kind == MARKET_ORDER
    resting_most = ORDERS - 1  # the last slot is for leaving at the market
    if at_market and position.pending:
        counts.refused_pending += 1
    elif intent.action == ENTER and position.side != 0 and at_market:
        counts.refused_position += 1
    elif intent.action == EXIT and position.side == 0:
        counts.refused_flat += 1
    elif intent.action == ENTER and state.book.stale:
        counts.refused_stale += 1
    elif intent.action == ENTER and intent.side == 0:
        counts.refused_sideless += 1
    elif position.orders_n >= (ORDERS if at_market else resting_most):
        counts.refused_full += 1
    elif intent.replace != 0 and not _can_cancel(state, intent.replace):
        counts.refused_cancel += 1
    else:
        return False
    return True


@kernel
def _say_refusal(state: State, out: Outbox) -> None:
    """A signal when the strategy lets an entry be for another reason than last time."""
    refused = state.intent.refused
    if refused != state.last_refused and refused != 0:
        put_signal(state, out, ENTRY_REFUSED, 0, state.book.known_mid2, 0, 0, refused)
    state.last_refused = refused


@cold
def _send(state: State, out: Outbox) -> None:
    """Make the order; what the exchange would refuse is rejected here and now."""
    intent, account = state.intent, state.account
    order = state.orders[state.open_n]
    order.id = account.orders
    order.seq = state.clock.seq
    order.ts = state.clock.now
    order.closes = intent.action == EXIT
    order.mid2 = state.book.known_mid2
    _size(state, order)
    _describe(state, order)
    order.latency_ns = latency(state)
    order.ready_ts = order.ts + order.latency_ns
    order.arrival = arrival(state, order.ready_ts)
    order.after_gap = order.closes and state.book.stale
    order.note = objection(state, order)
    account.orders += 1
    kind = EXIT_ASKED if order.closes else ENTRY_ASKED
    put_signal(state, out, kind, order.side, order.mid2, order.qty, 0, order.reason)
    change(state, out, order, REJECTED if order.note != 0 else SUBMITTED)
    state.news = False
    if order.note == 0:
        state.open_n += 1
        show_sent(state, order)


@kernel
def _size(state: State, order: Order) -> None:
    """Side and quantity: of an exit the position that the strategy sees, or a part of it."""
    intent, position = state.intent, state.position
    if order.closes:
        order.side = -position.side
        order.qty = min(intent.qty, position.qty) if intent.qty != 0 else position.qty
    else:
        order.side = 1 if intent.side > 0 else -1
        order.qty = intent.qty if intent.qty != 0 else state.execution.order_qty
        if order.qty == 0:
            order.qty = smallest_qty(state)


@kernel
def _describe(state: State, order: Order) -> None:
    """What the intent says of the order, and what a new order has not met yet."""
    intent = state.intent
    order.kind = intent.kind
    order.tif = intent.tif
    order.px = 0
    if order.kind != MARKET_ORDER:
        order.px = int(intent.px * state.instrument.px_scale + 0.5)
    order.by_mark = intent.by_mark
    order.replaces = intent.replace
    order.reason = intent.reason
    order.filled = 0
    order.slices = 0
    order.books = 0
    order.stage = SENT
    order.ahead = UNKNOWN
    order.in_view = False
    order.shown = 0
    order.shown_txn = UNKNOWN
    order.joined_txn = UNKNOWN
    order.gone_txn = UNKNOWN
    order.prints_at = state.flow.prints
    order.cancel_ts = UNKNOWN
    order.cancel_ready = UNKNOWN
    order.cancel_arrival = UNKNOWN


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
def _can_cancel(state: State, ref: int) -> bool:
    """Whether the strategy sees an open order of this `ref` that is not at the market."""
    position = state.position
    for k in range(position.orders_n):
        order = position.orders[k]
        if order.ref == ref:
            return not order.at_market and not order.cancelling
    return False


@cold
def _cancel(state: State, out: Outbox, ref: int) -> None:
    """Send a cancel after an order, or after all of them. It never overtakes its order."""
    if ref != CANCEL_ALL and not _can_cancel(state, ref):
        state.counts.refused_cancel += 1
        return
    position = state.position
    for k in range(position.orders_n):
        seen = position.orders[k].ref
        if (ref == CANCEL_ALL or seen == ref) and _can_cancel(state, seen):
            _send_cancel(state, out, seen)
            show_cancelling(state, seen)


@kernel
def _send_cancel(state: State, out: Outbox, ref: int) -> None:
    """Date the cancel of one order; where that has ended meanwhile it is counted as too late."""
    for i in range(state.open_n):
        order = state.orders[i]
        if order.id + 1 == ref and not is_at_market(order):
            order.cancel_ts = state.clock.now
            order.cancel_ready = order.cancel_ts + latency(state)
            order.cancel_arrival = arrival(state, order.cancel_ready)
            change(state, out, order, CANCELLING)
            state.news = False
            return
    state.counts.cancels_too_late += 1
